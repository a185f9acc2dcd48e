package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import org.espalier.node.config.Json;

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

  ObjectNode toJson() {
    return Json.object().put("rows", rows).put("rmse", rmse).put("mae", mae).put("r2", r2);
  }
}
