package org.espalier.protocols.glm;

import java.util.Objects;
import org.espalier.protocols.disclosure.Level;

/**
 * What is fitted: a generalised linear model minimising mean loss + l2/2·‖w‖² over the prepared
 * (standardised) features, intercept unpenalised.
 *
 * @param family the loss
 * @param level what training may disclose
 * @param l2 penalty on the prepared features' weights, above 0: it makes the optimum unique
 * @param maxPasses 1 to 200
 * @param tolerance training stops when the estimated distance of the objective from its minimum is
 *     at most this, 1e-12 to 1
 * @param acceptSpan both sides accept in writing more passes than a quarter of the feature parties'
 *     columns; see {@code Disclosure}
 * @param sharedWeights at level {@code sealed}: nobody gets weights, scores are computed jointly
 */
public record TrainingSpec(
    Family family,
    Level level,
    double l2,
    int maxPasses,
    double tolerance,
    boolean acceptSpan,
    boolean sharedWeights) {
  static final int MAX_PASSES = 200;
  private static final double MIN_RIDGE = 1e-6;

  /** Logistic regression. */
  public TrainingSpec(Level level, double l2, int maxPasses, double tolerance, boolean acceptSpan) {
    this(Family.LOGISTIC, level, l2, maxPasses, tolerance, acceptSpan, false);
  }

  public TrainingSpec {
    Objects.requireNonNull(family);
    if (family != Family.LOGISTIC && level != Level.SEALED) {
      throw new IllegalArgumentException(
          family.wireName() + " regression needs level " + Level.SEALED.wireName());
    }
    Objects.requireNonNull(level);
    if (sharedWeights && level != Level.SEALED) {
      throw new IllegalArgumentException("shared weights need level " + Level.SEALED.wireName());
    }
    if (!(l2 > 0 && l2 <= 100)) {
      throw new IllegalArgumentException("l2 must be above 0 and at most 100, got " + l2);
    }
    if (maxPasses < 1 || maxPasses > MAX_PASSES) {
      throw new IllegalArgumentException(
          "max passes must be in 1.." + MAX_PASSES + ", got " + maxPasses);
    }
    if (!(tolerance >= 1e-12 && tolerance <= 1)) {
      throw new IllegalArgumentException("tolerance must be in 1e-12..1, got " + tolerance);
    }
  }

  /** The whitening's: it makes loss and penalty together curve equally in all directions. */
  double ridge() {
    return Math.max(MIN_RIDGE, l2 / family.maxCurvature());
  }
}
