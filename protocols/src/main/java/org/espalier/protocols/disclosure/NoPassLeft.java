package org.espalier.protocols.disclosure;

/**
 * Not even one more pass is allowed on these people, or fewer than the job takes. The message holds
 * only what all parties of the job may know.
 */
public final class NoPassLeft extends IllegalArgumentException {
  private NoPassLeft(Level level, int totalColumns, int fewest, String used, int opened) {
    super(
        ("level %s allows one pass for every %s columns of the feature parties%s: they have %d, and"
                + " %s%s. Bring more columns or other people, or agree on accept: [span] after"
                + " reading what that discloses")
            .formatted(
                level.wireName(),
                opened == 1 ? "four" : 4 * opened,
                opened == 1
                    ? ""
                    : ", because a pass opens %d numbers of each person and counts as %d"
                        .formatted(opened, opened),
                totalColumns,
                used,
                fewest == 1 ? "" : ", and this job takes at least " + fewest));
  }

  /**
   * By the own count.
   *
   * @param fewest passes that the job takes
   * @param earlierPasses on these people so far
   * @param opened numbers of each person that a pass opens, and as many passes it counts as
   */
  public static NoPassLeft here(
      Level level, int totalColumns, int fewest, int earlierPasses, int opened) {
    return new NoPassLeft(
        level,
        totalColumns,
        fewest,
        earlierPasses
            + (earlierPasses == 1 ? " pass was" : " passes were")
            + " used by earlier attempts and jobs on these people",
        opened);
  }

  /** By the own count, of a job that can do with a single pass of one number. */
  public static NoPassLeft here(Level level, int totalColumns, int earlierPasses) {
    return here(level, totalColumns, 1, earlierPasses, 1);
  }

  /** By the count of somebody else, of a job that can do with a single pass of one number. */
  public static NoPassLeft at(Level level, int totalColumns, String who) {
    return at(level, totalColumns, 1, who, 1);
  }

  /** By the count of somebody else; {@code fewest} and {@code opened} as by the own count. */
  public static NoPassLeft at(Level level, int totalColumns, int fewest, String who, int opened) {
    return new NoPassLeft(
        level,
        totalColumns,
        fewest,
        "by the count of "
            + who
            + " earlier attempts and jobs on these people have used all that this allows",
        opened);
  }
}
