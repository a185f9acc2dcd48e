package org.espalier.protocols.glm;

import java.util.Arrays;

/**
 * How far estimated weights may be from those of an endless cohort: standard errors, √ of the
 * diagonal of
 *
 * <p>φ·H⁻¹, H = XᵀDX + n·l2·I without the intercept,
 *
 * <p>with D the expected curvature of each row's loss times its weight and φ the dispersion: 1 for
 * logistic and poisson, otherwise Pearson's X² over n less the number of weights, the intercept
 * counted. With l2 near 0 these are the standard errors of a maximum likelihood fit. With a larger
 * one φ·H⁻¹ is the covariance of the weights given the data if the penalty is read as a normal
 * prior, which counts the bias that the penalty has on average (Wood, On confidence intervals for
 * generalized additive models based on penalized regression splines, 2006); it is never less than
 * the covariance φ·H⁻¹XᵀDXH⁻¹ of the penalised estimate alone. Whoever reads p-values takes a small
 * l2.
 *
 * @param standardErrors one a prepared feature of this party, each at least 0
 * @param inflation variance inflation factors of the same, 1 or more: how many times the square of
 *     the standard error is what it would be if all other columns were without correlation to this
 *     one, the diagonal of H⁻¹ times that of its inverse without the intercept's row (Fox and
 *     Monette, J. Am. Stat. Assoc. 87, 1992); null of a model that was trained before they were
 *     given
 * @param intercept that of the intercept; null at a feature party
 * @param dispersion φ; null at a feature party
 */
public record Inference(
    double[] standardErrors, double[] inflation, Double intercept, Double dispersion) {
  public Inference {
    if (Arrays.stream(standardErrors).anyMatch(se -> !(se >= 0 && se < Double.POSITIVE_INFINITY))) {
      throw new IllegalArgumentException("a standard error is not a number");
    }
    if (inflation != null
        && (inflation.length != standardErrors.length
            || Arrays.stream(inflation).anyMatch(f -> !(f >= 1 && f < Double.POSITIVE_INFINITY)))) {
      throw new IllegalArgumentException("there is not one inflation factor of 1 or more for each");
    }
    if ((intercept == null) != (dispersion == null)
        || (intercept != null && !(intercept >= 0 && intercept < Double.POSITIVE_INFINITY))
        || (dispersion != null && !(dispersion >= 0 && dispersion < Double.POSITIVE_INFINITY))) {
      throw new IllegalArgumentException("the intercept's standard error is not a number");
    }
  }
}
