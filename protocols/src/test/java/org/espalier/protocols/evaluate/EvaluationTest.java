package org.espalier.protocols.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

class EvaluationTest {
  @Test
  void agreesWithValuesWorkedOutByHand() {
    Evaluation e =
        Evaluation.of(new double[] {0.9, 0.6, 0.6, 0.4, 0.2}, new double[] {1, 0, 1, 1, 0});
    assertThat(e.rows()).isEqualTo(5);
    assertThat(e.positives()).isEqualTo(3);
    // Of six pairs: 0.9 wins two, 0.6 wins one and ties one, 0.4 wins one.
    assertThat(e.auc()).isCloseTo(4.5 / 6, within(1e-15));
    // At 0.2: 0 of 3 positives, 1 of 2 negatives.
    assertThat(e.ks()).isCloseTo(0.5, within(1e-15));
    assertThat(e.accuracy()).isEqualTo(0.6);
    assertThat(e.brier()).isCloseTo((0.01 + 0.36 + 0.16 + 0.36 + 0.04) / 5, within(1e-15));
    assertThat(e.logLoss())
        .isCloseTo(
            -(Math.log(0.9) + Math.log(0.4) + Math.log(0.6) + Math.log(0.4) + Math.log(0.8)) / 5,
            within(1e-15));
    assertThat(e.calibrationP()).isNull();
  }

  /** Placements of the positives: 1, 3/4, 1/2; of the negatives: 1/2, 1. */
  @Test
  void theIntervalIsDeLongs() {
    Evaluation e =
        Evaluation.of(new double[] {0.9, 0.6, 0.6, 0.4, 0.2}, new double[] {1, 0, 1, 1, 0});
    double variance = (0.0625 + 0 + 0.0625) / 2 / 3 + (0.0625 + 0.0625) / 1 / 2;
    assertThat(e.aucInterval().low())
        .isCloseTo(0.75 - 1.959963984540054 * Math.sqrt(variance), within(1e-9));
    assertThat(e.aucInterval().high()).isEqualTo(1);
  }

  @Test
  void theIntervalCoversTheTruthAboutAsOftenAsItSays() {
    Random random = new Random(77);
    int covered = 0;
    int trials = 1000;
    // Scores uniform on [0, 1] against the larger of two uniforms: the AUC is 2/3.
    for (int t = 0; t < trials; t++) {
      double[] p = new double[160];
      double[] y = new double[160];
      for (int i = 0; i < 160; i++) {
        y[i] = i % 2;
        p[i] = y[i] == 1 ? Math.max(random.nextDouble(), random.nextDouble()) : random.nextDouble();
      }
      Evaluation.Interval interval = Evaluation.of(p, y).aucInterval();
      covered += interval.low() <= 2 / 3.0 && 2 / 3.0 <= interval.high() ? 1 : 0;
    }
    assertThat(covered / (double) trials).isBetween(0.92, 0.98);
  }

  @RepeatedTest(60)
  void agreesWithBruteForceTiesIncluded(RepetitionInfo repetition) {
    Random random = new Random(repetition.getCurrentRepetition());
    int n = 2 + random.nextInt(200);
    int values = 1 + random.nextInt(40);
    double[] p = new double[n];
    double[] y = new double[n];
    for (int i = 0; i < n; i++) {
      p[i] = random.nextInt(values + 1) / (double) values;
      y[i] = random.nextInt(2);
    }
    y[0] = 0;
    y[1] = 1;
    Evaluation e = Evaluation.of(p, y);
    double wins = 0;
    double pairs = 0;
    double ks = 0;
    for (int i = 0; i < n; i++) {
      double[] below = new double[2];
      double[] of = new double[2];
      for (int j = 0; j < n; j++) {
        if (y[i] == 1 && y[j] == 0) {
          pairs++;
          wins += p[i] > p[j] ? 1 : p[i] == p[j] ? 0.5 : 0;
        }
        of[(int) y[j]]++;
        below[(int) y[j]] += p[j] <= p[i] ? 1 : 0;
      }
      ks = Math.max(ks, Math.abs(below[0] / of[0] - below[1] / of[1]));
    }
    assertThat(e.auc()).isCloseTo(wins / pairs, within(1e-12));
    assertThat(e.ks()).isCloseTo(ks, within(1e-12));

    assertThat(e.calibration()).hasSizeBetween(1, 10);
    assertThat(e.calibration().stream().mapToInt(Evaluation.CalibrationBin::rows).sum())
        .isEqualTo(n);
    assertThat(e.calibration().stream().mapToDouble(b -> b.rows() * b.observed()).sum())
        .isCloseTo(e.positives(), within(1e-9));
    assertThat(e.calibration().stream().mapToDouble(b -> b.rows() * b.predicted()).sum())
        .isCloseTo(Arrays.stream(p).sum(), within(1e-9));
    for (int b = 1; b < e.calibration().size(); b++) {
      assertThat(e.calibration().get(b).lowest())
          .isGreaterThan(e.calibration().get(b - 1).highest());
    }
  }

  @Test
  void distinctProbabilitiesMakeTenBinsOfEqualCount() {
    double[] p = new double[1000];
    double[] y = new double[1000];
    for (int i = 0; i < 1000; i++) {
      p[i] = (i * 7919 % 1000 + 0.5) / 1000;
      y[i] = p[i] > 0.7 ? 1 : 0;
    }
    Evaluation e = Evaluation.of(p, y);
    assertThat(e.calibration()).hasSize(10).allMatch(bin -> bin.rows() == 100);
    assertThat(e.calibration().get(3).predicted()).isCloseTo(0.35, within(1e-12));
    assertThat(e.calibration().get(6).observed()).isZero();
    assertThat(e.calibration().get(7).observed()).isEqualTo(1);
    assertThat(e.calibrationP()).isLessThan(1e-6);
  }

  @Test
  void theOrderOfRowsDoesNotMatter() {
    double[] p = {0.3, 0.3, 0.3, 0.8, 0.8, 0.1};
    double[] y = {1, 0, 0, 1, 0, 0};
    double[] q = {0.8, 0.3, 0.1, 0.3, 0.8, 0.3};
    double[] z = {0, 0, 0, 1, 1, 0};
    assertThat(Evaluation.of(p, y).calibration()).isEqualTo(Evaluation.of(q, z).calibration());
  }

  @Test
  void theCalibrationPValueIsUniformForRightProbabilities() {
    Random random = new Random(3);
    int small = 0;
    int trials = 2000;
    for (int t = 0; t < trials; t++) {
      double[] p = random.doubles(300, 0.2, 0.8).toArray();
      double[] y = Arrays.stream(p).map(v -> random.nextDouble() < v ? 1 : 0).toArray();
      small += Evaluation.of(p, y).calibrationP() < 0.1 ? 1 : 0;
    }
    assertThat(small / (double) trials).isBetween(0.07, 0.13);
  }

  @Test
  void oneClassHasNoRankingAndSaysSo() {
    for (double label : new double[] {0, 1}) {
      Evaluation e = Evaluation.of(new double[] {0.2, 0.7}, new double[] {label, label});
      assertThat(e.auc()).isNull();
      assertThat(e.aucInterval()).isNull();
      assertThat(e.ks()).isNull();
      assertThat(e.accuracy()).isEqualTo(0.5);
      JsonNode json = e.toJson();
      assertThat(json.get("auc").isNull()).isTrue();
      assertThat(json.get("auc_95").isNull()).isTrue();
      assertThat(json.get("ks").isNull()).isTrue();
    }
    assertThat(Evaluation.of(new double[] {0.2, 0.7}, new double[] {0, 1}).aucInterval()).isNull();
  }

  @Test
  void certainPredictionsCostAFiniteLogLossAndNoNaN() {
    double[] y = new double[200];
    double[] p = new double[200];
    for (int i = 0; i < 200; i++) {
      y[i] = i % 2;
      p[i] = y[i];
    }
    Evaluation right = Evaluation.of(p, y);
    assertThat(right.logLoss()).isCloseTo(0, within(1e-14));
    assertThat(right.calibrationP()).isEqualTo(1);
    assertThat(right.auc()).isEqualTo(1);
    assertThat(right.aucInterval()).isEqualTo(new Evaluation.Interval(1, 1));
    y[0] = 1;
    y[1] = 0;
    Evaluation wrong = Evaluation.of(p, y);
    assertThat(wrong.logLoss()).isCloseTo(-2 * Math.log(1e-15) / 200, within(1e-3));
    assertThat(wrong.calibrationP()).isZero();
  }

  @Test
  void jsonHoldsEverything() {
    Evaluation e = Evaluation.of(new double[] {0.9, 0.1, 0.4}, new double[] {1, 0, 0});
    JsonNode json = e.toJson();
    assertThat(json.fieldNames())
        .toIterable()
        .containsExactly(
            "rows",
            "positives",
            "auc",
            "auc_95",
            "ks",
            "log_loss",
            "accuracy",
            "brier",
            "average_precision",
            "calibration_p",
            "calibration");
    assertThat(json.get("auc").doubleValue()).isEqualTo(1);
    assertThat(json.get("log_loss").doubleValue()).isEqualTo(e.logLoss());
    assertThat(json.get("calibration")).hasSize(3);
    assertThat(json.get("calibration").get(2).get("observed").doubleValue()).isEqualTo(1);
  }

  @Test
  void refusesWhatIsNoProbabilityOrLabel() {
    double[][][] bad = {
      {{}, {}},
      {{0.5}, {}},
      {{Double.NaN}, {1}},
      {{1.01}, {1}},
      {{-0.01}, {1}},
      {{0.5}, {0.5}},
      {{0.5}, {Double.NaN}}
    };
    for (double[][] input : bad) {
      assertThatThrownBy(() -> Evaluation.of(input[0], input[1]))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }
}
