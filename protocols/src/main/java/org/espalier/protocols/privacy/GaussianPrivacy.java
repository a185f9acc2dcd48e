package org.espalier.protocols.privacy;

import java.util.function.DoubleUnaryOperator;
import org.apache.commons.math3.analysis.solvers.BrentSolver;
import org.apache.commons.math3.special.Erf;

/**
 * How well neighbouring data can be told apart by what Gaussian mechanisms tell of them: as well as
 * two normal distributions of deviation 1 whose means are μ apart.
 *
 * <p>Exact, for one mechanism and for any number of them, chosen adaptively: a sum of sensitivity Δ
 * under noise of deviation σ has μ = Δ/σ, several have the root of the sum of their μ² (Dong, Roth
 * and Su, Gaussian Differential Privacy, JRSS-B 2022, corollary 2). Its (ε, δ) pairs are those of
 * Balle and Wang (ICML 2018, theorem 8).
 *
 * @param mu 0 or more; 0: nothing is told
 */
public record GaussianPrivacy(double mu) {
  public static final GaussianPrivacy NOTHING_TOLD = new GaussianPrivacy(0);

  private static final double ACCURACY = 1e-13;
  private static final int EVALUATIONS = 200;
  private static final double LARGEST = 1e3;

  public GaussianPrivacy {
    if (!(mu >= 0 && mu < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("a mechanism with a μ of " + mu);
    }
  }

  /**
   * The most that may be told within a budget.
   *
   * @param epsilon above 0
   * @param delta above 0, below 1
   */
  public static GaussianPrivacy within(double epsilon, double delta) {
    double mu = solve(m -> new GaussianPrivacy(m).delta(epsilon) - delta);
    // The root is found to a last place or two; what is told stays on the budget's side of it.
    return new GaussianPrivacy(mu * (1 - 4 * ACCURACY));
  }

  /** The δ that goes with an ε of 0 or more. */
  public double delta(double epsilon) {
    if (mu == 0) {
      return 0;
    }
    // Both terms in the same way: e^ε is large where the normal tail beside it is small.
    double first = tail(epsilon / mu - mu / 2, 0);
    return Math.max(0, first - tail(epsilon / mu + mu / 2, epsilon));
  }

  /** The smallest ε that goes with a δ above 0. */
  public double epsilon(double delta) {
    return delta(0) <= delta ? 0 : solve(e -> delta - delta(e));
  }

  /**
   * How often the best guess between two neighbouring data that are equally likely is right: ½ to
   * 1.
   */
  public double guess() {
    return 0.5 * Erf.erfc(-mu / 2 / Math.sqrt(2));
  }

  /** Of this and something else that is told of the same data. */
  public GaussianPrivacy and(GaussianPrivacy other) {
    return new GaussianPrivacy(Math.hypot(mu, other.mu));
  }

  /** Of this, so many times. */
  public GaussianPrivacy times(int count) {
    return new GaussianPrivacy(mu * Math.sqrt(count));
  }

  /** e^factor times the part of the standard normal distribution that lies above x. */
  private static double tail(double x, double factor) {
    double above = 0.5 * Erf.erfc(x / Math.sqrt(2));
    if (above > 0x1p-900) {
      return Math.exp(factor + Math.log(above));
    }
    // Mills' ratio; x is above 35 here.
    double square = x * x;
    double ratio = (1 - 1 / square + 3 / (square * square)) / x;
    return Math.exp(factor - square / 2) * ratio / Math.sqrt(2 * Math.PI);
  }

  /** Where an increasing function crosses 0. */
  private static double solve(DoubleUnaryOperator increasing) {
    double high = 1;
    while (increasing.applyAsDouble(high) < 0 && high < LARGEST) {
      high *= 2;
    }
    double low = high;
    while (increasing.applyAsDouble(low) > 0) {
      low /= 2;
    }
    return low == high
        ? low
        : new BrentSolver(ACCURACY, ACCURACY * low)
            .solve(EVALUATIONS, increasing::applyAsDouble, low, high);
  }
}
