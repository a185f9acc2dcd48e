package org.espalier.protocols.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

/** What may be told of people where single scores may not, and how curves are thinned. */
class DetailTest {
  private static final double[] THRESHOLDS = {0.05, 0.1, 0.3, 0.301, 0.5, 0.9, 0.99};

  private record People(double[] p, double[] y) {
    /** With few distinct probabilities in every third case. */
    static People random(int seed) {
      Random random = new Random(seed);
      int n = 20 + random.nextInt(600);
      int values = seed % 3 == 0 ? 3 + random.nextInt(30) : 1 << 30;
      double[] p = new double[n];
      double[] y = new double[n];
      for (int i = 0; i < n; i++) {
        p[i] = Math.pow(random.nextInt(values) / (double) values, 2);
        y[i] = random.nextDouble() < p[i] ? 1 : 0;
      }
      return new People(p, y);
    }
  }

  @RepeatedTest(40)
  void nothingIsToldOfFewerThanTwenty(RepetitionInfo repetition) {
    People people = People.random(repetition.getCurrentRepetition());
    double[] p = people.p();
    Evaluation evaluation = Evaluation.of(p, people.y(), Detail.AGGREGATE);
    Curves curves = Curves.of(evaluation, p, people.y(), THRESHOLDS, Detail.AGGREGATE);
    assertThat(evaluation.calibration())
        .hasSizeBetween(1, 10)
        .allMatch(bin -> bin.rows() >= 20 && bin.lowest() == null && bin.highest() == null);
    assertThat(curves.gains()).allMatch(gain -> gain.rows() >= 20);
    assertThat(curves.points()).hasSizeBetween(2, 11);
    for (int i = 1; i < curves.points().size(); i++) {
      assertThat(curves.points().get(i).flagged() - curves.points().get(i - 1).flagged())
          .isGreaterThanOrEqualTo(20);
    }
    double[] sorted = p.clone();
    Arrays.sort(sorted);
    for (Curves.Point point : curves.points().subList(1, curves.points().size() - 1)) {
      int below = p.length - point.flagged();
      assertThat(point.threshold())
          .isCloseTo(
              Arrays.stream(sorted, below - 10, below + 10).average().orElseThrow(), within(1e-12));
    }
    // The difference of two figures of those below some score is a figure of those between.
    Set<Integer> told = new HashSet<>();
    curves.points().forEach(point -> told.add(p.length - point.flagged()));
    curves.gains().forEach(gain -> told.add(p.length - gain.flagged()));
    for (Curves.Confusion matrix : curves.confusions()) {
      int negative = matrix.trueNegatives() + matrix.falseNegatives();
      boolean apart =
          told.stream().allMatch(other -> other == negative || Math.abs(other - negative) >= 20);
      assertThat(matrix.shown()).isEqualTo(apart && negative >= 20 && p.length - negative >= 20);
      if (matrix.shown()) {
        told.add(negative);
      }
    }
    Stability stability = Stability.of(Arrays.copyOf(p, p.length / 2 + 10), p, Detail.AGGREGATE);
    assertThat(stability.bins()).allMatch(bin -> bin.training() >= 20 && bin.holdout() >= 20);
    assertThat(stability.bins().stream().mapToInt(Stability.Bin::holdout).sum())
        .isEqualTo(p.length);
    Residuals residuals = Residuals.of(p, people.y(), Detail.AGGREGATE);
    assertThat(residuals.bins()).allMatch(bin -> bin.rows() >= 20);
  }

  @Test
  void whatIsWithheldSaysSoAndHasNoFigure() {
    People people = People.random(1);
    Evaluation evaluation = Evaluation.of(people.p(), people.y(), Detail.AGGREGATE);
    JsonNode matrix =
        Curves.of(evaluation, people.p(), people.y(), new double[] {0.999}, Detail.AGGREGATE)
            .toJson()
            .path("confusion")
            .path(0);
    assertThat(matrix.path("withheld").asText()).contains("fewer than 20 people");
    assertThat(matrix.size()).isEqualTo(2);
    assertThat(Detail.AGGREGATE.allows(19)).isFalse();
    assertThat(Detail.AGGREGATE.allows(20)).isTrue();
    assertThat(Detail.EXACT.allows(1)).isTrue();
  }

  @Test
  void quantilesOfResidualsAreMeansThatShareNobody() {
    double[] zero = new double[100];
    double[] outcomes = new double[100];
    Arrays.setAll(outcomes, i -> (i * 37) % 100);
    Residuals residuals = Residuals.of(zero, outcomes, Detail.AGGREGATE);
    // Ranks 40 to 59; 15 to 34; 65 to 84. At 5 % there are only five people below.
    assertThat(residuals.quantiles().stream().map(Residuals.Quantile::residual))
        .containsExactly(null, 24.5, 49.5, 74.5, null);
    assertThat(Residuals.of(zero, outcomes, Detail.EXACT).quantiles().get(0).residual())
        .isCloseTo(4.95, within(1e-12));
  }

  @RepeatedTest(10)
  void aThinnedCurveHasTheAreaOfTheWholeOne(RepetitionInfo repetition) {
    Random random = new Random(repetition.getCurrentRepetition());
    int n = 20_000;
    double[] p = new double[n];
    double[] y = new double[n];
    double rate = repetition.getCurrentRepetition() % 2 == 0 ? 0.5 : 0.004;
    for (int i = 0; i < n; i++) {
      y[i] = random.nextDouble() < rate ? 1 : 0;
      p[i] = 1 / (1 + Math.exp(-1.5 * y[i] - random.nextGaussian()));
    }
    Evaluation evaluation = Evaluation.of(p, y);
    Curves curves = Curves.of(evaluation, p, y, new double[0], Detail.EXACT);
    assertThat(curves.points()).hasSizeBetween(90, 200);
    JsonNode curve = curves.toJson().path("curve");
    double area = 0;
    double ks = 0;
    for (int i = 1; i < curve.size(); i++) {
      double width =
          rate(curve, i, "false_positive_rate") - rate(curve, i - 1, "false_positive_rate");
      double recall = rate(curve, i, "recall");
      double before = rate(curve, i - 1, "recall");
      assertThat(Math.max(width, recall - before)).isBetween(0.0, 0.022);
      area += width * (recall + before) / 2;
      ks = Math.max(ks, Math.abs(recall - rate(curve, i, "false_positive_rate")));
    }
    assertThat(area).isCloseTo(evaluation.auc(), within(1e-3));
    assertThat(ks).isCloseTo(evaluation.ks(), within(1e-12));
    assertThat(curves.gains().get(9).hits()).isEqualTo(evaluation.positives());
  }

  private static double rate(JsonNode curve, int point, String name) {
    return curve.path(point).path(name).asDouble();
  }

  @Test
  void whatTheLabelsDoNotDetermineIsNull() {
    double[] p = {0.2, 0.4, 0.4};
    double[] y = {0, 0, 0};
    Evaluation evaluation = Evaluation.of(p, y);
    assertThat(evaluation.averagePrecision()).isNull();
    JsonNode json = Curves.of(evaluation, p, y, new double[] {0.9}, Detail.EXACT).toJson();
    assertThat(json.path("ks_threshold").isNull()).isTrue();
    assertThat(json.path("curve").path(1).path("recall").isNull()).isTrue();
    assertThat(json.path("gains").path(0).path("lift").isNull()).isTrue();
    JsonNode matrix = json.path("confusion").path(0);
    assertThat(matrix.path("precision").isNull()).isTrue();
    assertThat(matrix.path("true_negatives").asInt()).isEqualTo(3);
    assertThat(matrix.path("accuracy").asDouble()).isEqualTo(1);
  }
}
