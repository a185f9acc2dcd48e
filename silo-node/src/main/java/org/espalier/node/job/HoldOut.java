package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import org.espalier.node.config.Json;
import org.espalier.protocols.evaluate.ClassEvaluation;
import org.espalier.protocols.evaluate.Curves;
import org.espalier.protocols.evaluate.Detail;
import org.espalier.protocols.evaluate.Evaluation;
import org.espalier.protocols.evaluate.Residuals;
import org.espalier.protocols.evaluate.Stability;

/** What a job's evaluation tells the label party's operator of the people held out. */
final class HoldOut {
  private HoldOut() {}

  /**
   * The report's {@code metrics}; as near to single people's scores as {@code evaluation.reveal}
   * allows.
   *
   * @param predictions of the people held out
   * @param labels of the same
   * @param exposures of the same; null where all are 1
   * @param trainingLogits without those of exposures, of the training people; null at levels that
   *     open none
   */
  static ObjectNode figures(
      TrainSpec spec,
      Predictions predictions,
      double[] labels,
      double[] exposures,
      double[] trainingLogits) {
    Detail detail = spec.evaluation().revealsScores() ? Detail.EXACT : Detail.AGGREGATE;
    if (!detail.allows(labels.length)) {
      return Json.object()
          .put("rows", labels.length)
          .put(
              "withheld",
              "fewer than %d people were held out, and evaluation.reveal is not scores"
                  .formatted(Detail.FEWEST));
    }
    double[] scores = predictions.values();
    ObjectNode json = Json.object();
    switch (predictions.kind()) {
      case PROBABILITY -> {
        Evaluation evaluation = Evaluation.of(scores, labels, detail);
        double[] thresholds = spec.evaluation().cuts();
        json.setAll(evaluation.toJson());
        json.setAll(Curves.of(evaluation, scores, labels, thresholds, detail).toJson());
      }
      case CLASSES -> {
        int[] truth =
            Arrays.stream(labels).mapToInt(y -> predictions.classes().indexOf(y)).toArray();
        json.setAll(ClassEvaluation.of(predictions.classes(), scores, truth, detail).toJson());
      }
      case NUMBER -> {
        json.setAll(RegressionFigures.of(scores, labels).toJson());
        json.setAll(Residuals.of(scores, labels, detail).toJson());
      }
      case RATE -> {
        double[] expected = scores.clone();
        if (exposures != null) {
          Arrays.setAll(expected, i -> scores[i] * exposures[i]);
        }
        json.setAll(RegressionFigures.of(spec.family(), expected, exposures, labels));
        json.setAll(Residuals.of(expected, labels, detail).toJson());
      }
    }
    if (trainingLogits != null) {
      // Scores grow with logits, and only their order counts.
      json.setAll(Stability.of(trainingLogits, predictions.logits(), detail).toJson());
    }
    return json.put("detail", detail == Detail.EXACT ? "exact" : "aggregate");
  }

  /** How many numbers such figures are. */
  static int scalars(JsonNode figures) {
    int count = figures.isNumber() ? 1 : 0;
    for (JsonNode child : figures) {
      count += scalars(child);
    }
    return count;
  }
}
