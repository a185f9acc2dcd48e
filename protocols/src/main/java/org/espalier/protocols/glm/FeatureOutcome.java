package org.espalier.protocols.glm;

import java.util.Map;
import org.espalier.protocols.predict.SharedWeights;

/**
 * What a feature party holds at the end.
 *
 * @param weights one per own prepared feature, of a softmax regression one for each class, feature
 *     by feature; none where they are shared
 * @param passes how many passes ran
 * @param parametersRun what actually ran, for the audit log and the receipt
 * @param shared instead of weights, or null
 * @param inference standard errors of the weights; null if they were not asked for or could not be
 *     had
 * @param path what the weights are with each penalty, and which was chosen; null without a path
 */
public record FeatureOutcome(
    double[] weights,
    int passes,
    Map<String, Object> parametersRun,
    SharedWeights shared,
    Inference inference,
    PenaltyPath.Slice path) {
  FeatureOutcome(
      double[] weights, int passes, Map<String, Object> parametersRun, SharedWeights shared) {
    this(weights, passes, parametersRun, shared, null, null);
  }

  FeatureOutcome with(PenaltyPath penalties, PenaltyPath.Slice slice) {
    return new FeatureOutcome(
        weights,
        passes,
        PathPasses.parametersRun(parametersRun, penalties, slice.chosen()),
        shared,
        inference,
        slice);
  }

  FeatureOutcome with(Inference errors) {
    return new FeatureOutcome(weights, passes, parametersRun, shared, errors, path);
  }
}
