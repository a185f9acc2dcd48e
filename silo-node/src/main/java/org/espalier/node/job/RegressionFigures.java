package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import org.espalier.node.config.Json;
import org.espalier.protocols.glm.Family;

/**
 * Predicted numbers against outcomes that the model was not fitted to.
 *
 * @param rows people evaluated
 * @param rmse root of the mean squared difference, in the outcome's unit
 * @param mae mean absolute difference, in the outcome's unit
 * @param r2 share of the outcomes' variance that the predictions explain, at most 1, negative if
 *     their mean were the better prediction; null if all outcomes are equal
 */
record RegressionFigures(int rows, double rmse, double mae, Double r2) {
  /**
   * @throws IllegalArgumentException if lengths differ or there are no rows
   */
  static RegressionFigures of(double[] predictions, double[] outcomes) {
    int rows = predictions.length;
    if (rows == 0 || outcomes.length != rows) {
      throw new IllegalArgumentException(rows + " predictions, " + outcomes.length + " outcomes");
    }
    double mean = Arrays.stream(outcomes).sum() / rows;
    double squares = 0;
    double absolute = 0;
    double total = 0;
    for (int i = 0; i < rows; i++) {
      double difference = predictions[i] - outcomes[i];
      squares += difference * difference;
      absolute += Math.abs(difference);
      total += (outcomes[i] - mean) * (outcomes[i] - mean);
    }
    return new RegressionFigures(
        rows,
        Math.sqrt(squares / rows),
        absolute / rows,
        total > 0 ? (Double) (1 - squares / total) : null);
  }

  /**
   * The same of a model with a log link, and its deviance.
   *
   * @param exposures that the predictions hold already; null where all are 1
   */
  static ObjectNode of(Family family, double[] predictions, double[] exposures, double[] outcomes) {
    double rate =
        Arrays.stream(outcomes).sum()
            / (exposures == null ? outcomes.length : Arrays.stream(exposures).sum());
    double[] same = new double[outcomes.length];
    Arrays.setAll(same, i -> rate * (exposures == null ? 1 : exposures[i]));
    double deviance = family.meanDeviance(predictions, outcomes);
    double without = family.meanDeviance(same, outcomes);
    return of(predictions, outcomes)
        .toJson()
        .put("mean_deviance", deviance)
        .put("deviance_explained", without > 0 ? (Double) (1 - deviance / without) : null);
  }

  ObjectNode toJson() {
    return Json.object().put("rows", rows).put("rmse", rmse).put("mae", mae).put("r2", r2);
  }
}
