package org.espalier.protocols.disclosure;

/**
 * Not even one more pass is allowed on these people. The message holds only what all parties of the
 * job may know.
 */
public final class NoPassLeft extends IllegalArgumentException {
  private NoPassLeft(Level level, int totalColumns, String used) {
    super(
        ("level %s allows one pass for every four columns of the feature parties: they have %d, and"
                + " %s. Bring more columns or other people, or agree on accept: [span] after"
                + " reading what that discloses")
            .formatted(level.wireName(), totalColumns, used));
  }

  /**
   * By the own count.
   *
   * @param earlierPasses on these people so far
   */
  public static NoPassLeft here(Level level, int totalColumns, int earlierPasses) {
    return new NoPassLeft(
        level,
        totalColumns,
        earlierPasses
            + (earlierPasses == 1 ? " pass was" : " passes were")
            + " used by earlier attempts and jobs on these people");
  }

  /** By the count of somebody else. */
  public static NoPassLeft at(Level level, int totalColumns, String who) {
    return new NoPassLeft(
        level,
        totalColumns,
        "by the count of "
            + who
            + " earlier attempts and jobs on these people have used all that this allows");
  }
}
