package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.espalier.protocols.glm.Family;
import org.junit.jupiter.api.Test;

class HoldOutTest {
  private static final int PEOPLE = 240;

  private static TrainSpec spec(String more) {
    return (TrainSpec)
        JobSpec.yaml(
            "job.yaml",
            """
            name: risk
            purpose: research
            label: {party: bank.example, column: bad}
            parties: {bank.example: {dataset: people}, insurer.example: {dataset: people}}
            match: [[{column: id}]]
            """
                + more);
  }

  private static double[] logits() {
    Random random = new Random(4);
    return random.doubles(PEOPLE, -3, 3).toArray();
  }

  private static Predictions risks(double[] logits) {
    return Predictions.of(Family.LOGISTIC, logits);
  }

  private static double[] labels(double[] logits) {
    return Arrays.stream(logits).map(z -> Math.sin(40 * z) + z > 0 ? 1 : 0).toArray();
  }

  /** Every number of the figures is looked at, so that none is forgotten. */
  @Test
  void noScoreOfASinglePersonIsAmongMetrics() {
    double[] logits = logits();
    double[] scores = Predictions.of(Family.LOGISTIC, logits).values();
    ObjectNode coarse = HoldOut.figures(spec(""), risks(logits), labels(logits), null, logits);
    assertThat(coarse.path("detail").asText()).isEqualTo("aggregate");
    assertThat(single(coarse, scores)).isZero();
    assertThat(coarse.path("curve")).hasSize(11);
    assertThat(coarse.path("psi").asDouble(-1)).isZero();
    ObjectNode exact =
        HoldOut.figures(
            spec("evaluation: {reveal: scores}"), risks(logits), labels(logits), null, null);
    assertThat(exact.path("detail").asText()).isEqualTo("exact");
    assertThat(single(exact, scores)).isGreaterThan(100);
    assertThat(exact.has("psi")).isFalse();
    assertThat(exact.path("auc")).isEqualTo(coarse.path("auc"));
  }

  @Test
  void norOfALinearModel() {
    double[] predictions = Arrays.stream(logits()).map(z -> 1000 + 7 * z).toArray();
    double[] outcomes = Arrays.stream(predictions).map(v -> v + Math.sin(v)).toArray();
    double[] residuals = new double[PEOPLE];
    Arrays.setAll(residuals, i -> outcomes[i] - predictions[i]);
    ObjectNode coarse =
        HoldOut.figures(
            spec("model: {type: linear}"),
            Predictions.of(Family.LINEAR, predictions),
            outcomes,
            null,
            null);
    assertThat(single(coarse, predictions) + single(coarse, residuals)).isZero();
    assertThat(coarse.path("bins")).hasSize(10);
    assertThat(coarse.path("residuals").path(2).path("residual").asDouble())
        .isCloseTo(0, within(0.3));
    assertThat(coarse.has("r2")).isTrue();
    assertThat(coarse.has("auc")).isFalse();
  }

  /** Twice the exposure, twice the outcome that is expected. */
  @Test
  void exposuresMultiplyWhatIsExpected() {
    double[] logits = logits();
    double[] exposures = new double[PEOPLE];
    double[] outcomes = new double[PEOPLE];
    Arrays.setAll(exposures, i -> 1 + i % 2);
    Arrays.setAll(outcomes, i -> Math.exp(logits[i]) * exposures[i]);
    ObjectNode figures =
        HoldOut.figures(
            spec("model: {type: poisson}\ntraining: {level: gradients}"),
            Predictions.of(Family.POISSON, logits),
            outcomes,
            exposures,
            logits);
    assertThat(figures.path("rmse").asDouble()).isCloseTo(0, within(1e-9));
    assertThat(figures.path("bins")).hasSize(10);
    figures
        .path("bins")
        .forEach(
            bin ->
                assertThat(bin.path("predicted").asDouble())
                    .isCloseTo(bin.path("observed").asDouble(), within(1e-9)));
    assertThat(figures.path("psi").asDouble(-1)).isZero();
  }

  /** Three classes by thresholds of a number, of which the probabilities know something. */
  @Test
  void classesAreCountedAndNoPersonsProbabilityShows() {
    double[] logits = logits();
    double[] classes = Arrays.stream(logits).map(z -> z < -1 ? 2 : z < 1.5 ? 5 : 7).toArray();
    double[] p = new double[3 * PEOPLE];
    for (int i = 0; i < PEOPLE; i++) {
      double[] scores = {-1.5 * logits[i], 0.4, 1.2 * logits[i] - 0.8};
      double sum = Arrays.stream(scores).map(Math::exp).sum();
      for (int c = 0; c < 3; c++) {
        p[3 * i + c] = Math.exp(scores[c]) / sum;
      }
    }
    Predictions predictions =
        new Predictions(Predictions.Kind.CLASSES, List.of(2.0, 5.0, 7.0), p, null);
    assertThat(predictions.header())
        .isEqualTo("prediction,probability_2,probability_5,probability_7");
    assertThat(predictions.line(0)).matches("[257](,0\\.[0-9E-]+){3}");
    ObjectNode figures =
        HoldOut.figures(
            spec(
                "model: {type: neural, task: multiclass}\n"
                    + "training: {level: activations, accept: [span]}"),
            predictions,
            classes,
            null,
            null);
    assertThat(figures.path("accuracy").asDouble()).isGreaterThan(0.7);
    assertThat(figures.path("macro_f1").asDouble()).isGreaterThan(0.6);
    assertThat(figures.path("class_confusion")).hasSize(3);
    assertThat(single(figures, p)).isZero();
  }

  @Test
  void ofFewerThanTwentyPeopleNothingIsTold() {
    double[] logits = Arrays.copyOf(logits(), 19);
    ObjectNode figures = HoldOut.figures(spec(""), risks(logits), labels(logits), null, null);
    assertThat(figures.fieldNames()).toIterable().containsExactly("rows", "withheld");
    assertThat(
            HoldOut.figures(
                    spec("evaluation: {reveal: scores}"), risks(logits), labels(logits), null, null)
                .has("auc"))
        .isTrue();
  }

  @Test
  void theLogCountsEveryNumberThatIsRevealed() {
    double[] logits = logits();
    ObjectNode figures = HoldOut.figures(spec(""), risks(logits), labels(logits), null, null);
    String text = figures.toString().replaceAll("\"[^\"]*\"", "");
    long numbers = Arrays.stream(text.split("[^-0-9.E]+", -1)).filter(t -> !t.isEmpty()).count();
    assertThat((long) HoldOut.scalars(figures)).isEqualTo(numbers).isGreaterThan(100);
  }

  @Test
  void thresholdsAreThoseOfTheJob() {
    double[] logits = logits();
    ObjectNode figures =
        HoldOut.figures(
            spec("evaluation: {thresholds: [0.25, 0.75]}"),
            risks(logits),
            labels(logits),
            null,
            null);
    assertThat(figures.path("confusion").findValuesAsText("threshold"))
        .containsExactly("0.25", "0.75");
    assertThat(
            HoldOut.figures(spec(""), risks(logits), labels(logits), null, null)
                .path("confusion")
                .findValuesAsText("threshold"))
        .containsExactly("0.5");
  }

  /** How many of the figures are one of these numbers. */
  private static int single(JsonNode figures, double[] values) {
    int count = 0;
    if (figures.isNumber()) {
      double figure = figures.doubleValue();
      count += Arrays.stream(values).anyMatch(v -> Math.abs(v - figure) < 1e-12) ? 1 : 0;
    }
    for (JsonNode child : figures) {
      count += single(child, values);
    }
    return count;
  }
}
