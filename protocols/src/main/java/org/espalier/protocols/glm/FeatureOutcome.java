package org.espalier.protocols.glm;

import java.util.Map;
import org.espalier.protocols.predict.SharedWeights;

/**
 * What a feature party holds at the end.
 *
 * @param weights one per own prepared feature; none where they are shared
 * @param passes how many passes ran
 * @param parametersRun what actually ran, for the audit log and the receipt
 * @param shared instead of weights, or null
 * @param inference standard errors of the weights; null if they were not asked for or could not be
 *     had
 */
public record FeatureOutcome(
    double[] weights,
    int passes,
    Map<String, Object> parametersRun,
    SharedWeights shared,
    Inference inference) {
  FeatureOutcome(
      double[] weights, int passes, Map<String, Object> parametersRun, SharedWeights shared) {
    this(weights, passes, parametersRun, shared, null);
  }

  FeatureOutcome with(Inference errors) {
    return new FeatureOutcome(weights, passes, parametersRun, shared, errors);
  }
}
