package org.espalier.protocols.evaluate;

import org.apache.commons.math3.distribution.NormalDistribution;

/**
 * What a standard error says of a weight, by the normal distribution (Wald 1943).
 *
 * @param estimate the weight
 * @param standardError above 0, or 0 where the column is the same for everybody
 * @param z estimate over standard error; null where that is 0
 * @param p probability of as large a |z| if the true weight were 0; null where there is no z
 * @param low lower end of the interval that 95 of 100 cohorts give around the true weight
 * @param high its upper end
 */
public record WaldTest(
    double estimate, double standardError, Double z, Double p, double low, double high) {
  private static final double COVERAGE = 0.95;
  private static final NormalDistribution NORMAL = new NormalDistribution(null, 0, 1);
  private static final double DEVIATIONS = NORMAL.inverseCumulativeProbability((1 + COVERAGE) / 2);

  /**
   * Of one weight.
   *
   * @throws IllegalArgumentException if a number is not finite or the standard error below 0
   */
  public static WaldTest of(double estimate, double standardError) {
    if (!Double.isFinite(estimate)
        || !(standardError >= 0 && standardError < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "an estimate of %s with a standard error of %s".formatted(estimate, standardError));
    }
    Double z = standardError > 0 ? estimate / standardError : null;
    return new WaldTest(
        estimate,
        standardError,
        z,
        z == null ? null : 2 * NORMAL.cumulativeProbability(-Math.abs(z)),
        estimate - DEVIATIONS * standardError,
        estimate + DEVIATIONS * standardError);
  }
}
