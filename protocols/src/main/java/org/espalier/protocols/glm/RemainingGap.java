package org.espalier.protocols.glm;

/**
 * How far the objective may still be from its minimum when training ends.
 *
 * @param estimate what one more stretch as long as the last would gain if it gained no less, 0 or
 *     more; NaN where nothing was opened that tells
 * @param noise standard deviation of the noise in that estimate, 0 where it has none
 */
public record RemainingGap(double estimate, double noise) {
  /** Beyond three deviations lies one estimate in 740. */
  private static final double SIGMAS = 3;

  /** Nothing tells. */
  static final RemainingGap UNKNOWN = new RemainingGap(Double.NaN, 0);

  /** Whether it certainly is above a tolerance, the noise considered. */
  public boolean exceeds(double tolerance) {
    return estimate - SIGMAS * noise > tolerance;
  }

  /** What it may be at most, the noise considered. */
  public double most() {
    return estimate + SIGMAS * noise;
  }
}
