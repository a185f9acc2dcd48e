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
 * @param intercept that of the intercept; null at a feature party
 * @param dispersion φ; null at a feature party
 */
public record Inference(double[] standardErrors, Double intercept, Double dispersion) {
  public Inference {
    if (Arrays.stream(standardErrors).anyMatch(se -> !(se >= 0 && se < Double.POSITIVE_INFINITY))) {
      throw new IllegalArgumentException("a standard error is not a number");
    }
    if ((intercept == null) != (dispersion == null)
        || (intercept != null && !(intercept >= 0 && intercept < Double.POSITIVE_INFINITY))
        || (dispersion != null && !(dispersion >= 0 && dispersion < Double.POSITIVE_INFINITY))) {
      throw new IllegalArgumentException("the intercept's standard error is not a number");
    }
  }
}
