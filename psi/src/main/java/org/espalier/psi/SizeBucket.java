package org.espalier.psi;

/**
 * Between which bounds a number of people lies: below the agreed minimum, or between two of the
 * numbers 1, 2, 5, 10, 20, 50 and so on, the lowest bound being the minimum.
 *
 * @param atLeast 0 where the number is below the minimum
 * @param below the first number that is too large
 */
public record SizeBucket(int atLeast, int below) {
  /**
   * @param people 0 to {@link AlignmentPolicy#LARGEST}
   * @param minimum 1 or more
   */
  public static SizeBucket of(int people, int minimum) {
    if (people < minimum) {
      return new SizeBucket(0, minimum);
    }
    int lower = 1;
    int upper = step(1);
    while (upper <= people) {
      lower = upper;
      upper = step(upper);
    }
    return new SizeBucket(Math.max(lower, minimum), upper);
  }

  /** Whether a bucket of at least so many people exists, other than that below the minimum. */
  public static boolean isBound(int people, int minimum) {
    return people >= minimum
        && people <= AlignmentPolicy.LARGEST
        && of(people, minimum).atLeast == people;
  }

  /** From 1, 2 or 5 times a power of ten to the next. */
  private static int step(int bound) {
    int first = bound;
    while (first >= 10) {
      first /= 10;
    }
    return first == 2 ? bound / 2 * 5 : bound * 2;
  }

  /** Whether there are fewer people than agreed. */
  public boolean isBelowMinimum() {
    return atLeast == 0;
  }

  /** Such as {@code 1,000 to 1,999} or {@code fewer than 100}. */
  @Override
  public String toString() {
    return isBelowMinimum()
        ? "fewer than %,d".formatted(below)
        : "%,d to %,d".formatted(atLeast, below - 1);
  }
}
