package org.espalier.protocols.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Against the values that reference.py recorded in reference.json, beside it. */
class EvaluationReferenceTest {
  private static JsonNode reference;

  @BeforeAll
  static void read() throws IOException {
    try (InputStream in = EvaluationReferenceTest.class.getResourceAsStream("reference.json")) {
      reference = new ObjectMapper().readTree(in);
    }
  }

  private static double[] numbers(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false)
        .mapToDouble(JsonNode::doubleValue)
        .toArray();
  }

  private static void close(Double actual, JsonNode expected) {
    assertThat(actual).isCloseTo(expected.doubleValue(), within(1e-12));
  }

  @Test
  void curvesAndFiguresOfAClassifier() {
    JsonNode expected = reference.path("classification");
    double[] p = numbers(expected.path("probabilities"));
    double[] y = numbers(expected.path("labels"));
    Evaluation evaluation = Evaluation.of(p, y);
    close(evaluation.auc(), expected.path("auc"));
    close(evaluation.averagePrecision(), expected.path("average_precision"));
    close(evaluation.logLoss(), expected.path("log_loss"));
    close(evaluation.brier(), expected.path("brier"));
    close(evaluation.ks(), expected.path("ks"));

    JsonNode json =
        Curves.of(evaluation, p, y, new double[] {0.1, 0.25, 0.5}, Detail.EXACT).toJson();
    close(json.path("ks_threshold").doubleValue(), expected.path("ks_threshold"));
    JsonNode curve = json.path("curve");
    int points = expected.path("thresholds").size();
    // Every distinct probability, since they are few, and the point that flags nobody.
    assertThat(curve).hasSize(points + 1);
    assertThat(curve.path(0).path("flagged").asInt(-1)).isZero();
    for (int i = 0; i < points; i++) {
      JsonNode point = curve.path(i + 1);
      close(point.path("threshold").doubleValue(), expected.path("thresholds").path(i));
      for (String rate : List.of("recall", "false_positive_rate", "precision")) {
        close(point.path(rate).doubleValue(), expected.path(rate).path(i));
      }
    }
    for (int i = 0; i < 3; i++) {
      JsonNode matrix = json.path("confusion").path(i);
      expected
          .path("confusion")
          .path(i)
          .properties()
          .forEach(figure -> close(matrix.path(figure.getKey()).asDouble(-1), figure.getValue()));
    }
  }

  @Test
  void stabilityOfAScore() {
    JsonNode expected = reference.path("stability");
    double[] holdout = numbers(expected.path("holdout"));
    Stability stability = Stability.of(numbers(expected.path("training")), holdout, Detail.EXACT);
    close(stability.index(), expected.path("psi"));
    for (int i = 0; i < 10; i++) {
      assertThat(stability.bins().get(i).training()).isEqualTo(100);
      close(
          stability.bins().get(i).holdout() / (double) holdout.length,
          expected.path("holdout_shares").path(i));
    }
  }

  @Test
  void residualsOfANumber() {
    JsonNode expected = reference.path("regression");
    Residuals residuals =
        Residuals.of(
            numbers(expected.path("predictions")),
            numbers(expected.path("outcomes")),
            Detail.EXACT);
    for (int i = 0; i < 5; i++) {
      close(residuals.quantiles().get(i).residual(), expected.path("residuals").path(i));
    }
    for (int i = 0; i < 10; i++) {
      assertThat(residuals.bins().get(i).rows()).isEqualTo(25);
      close(residuals.bins().get(i).predicted(), expected.path("bin_predicted").path(i));
      close(residuals.bins().get(i).observed(), expected.path("bin_observed").path(i));
    }
  }
}
