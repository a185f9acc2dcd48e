package org.espalier.protocols.disclosure;

/**
 * Not even one more pass is allowed on these people, or fewer than the job takes. The message holds
 * only what all parties of the job may know.
 */
public final class NoPassLeft extends IllegalArgumentException {
  private NoPassLeft(Level level, int totalColumns, int fewest, String used) {
    super(
        ("level %s allows one pass for every four columns of the feature parties: they have %d, and"
                + " %s%s. Bring more columns or other people, or agree on accept: [span] after"
                + " reading what that discloses")
            .formatted(
                level.wireName(),
                totalColumns,
                used,
                fewest == 1 ? "" : ", and this job takes at least " + fewest));
  }

  /**
   * By the own count.
   *
   * @param fewest passes that the job takes
   * @param earlierPasses on these people so far
   */
  public static NoPassLeft here(Level level, int totalColumns, int fewest, int earlierPasses) {
    return new NoPassLeft(
        level,
        totalColumns,
        fewest,
        earlierPasses
            + (earlierPasses == 1 ? " pass was" : " passes were")
            + " used by earlier attempts and jobs on these people");
  }

  /** By the own count, of a job that can do with a single pass. */
  public static NoPassLeft here(Level level, int totalColumns, int earlierPasses) {
    return here(level, totalColumns, 1, earlierPasses);
  }

  /** By the count of somebody else, of a job that can do with a single pass. */
  public static NoPassLeft at(Level level, int totalColumns, String who) {
    return at(level, totalColumns, 1, who);
  }

  /** By the count of somebody else. */
  public static NoPassLeft at(Level level, int totalColumns, int fewest, String who) {
    return new NoPassLeft(
        level,
        totalColumns,
        fewest,
        "by the count of "
            + who
            + " earlier attempts and jobs on these people have used all that this allows");
  }
}
