package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Preparation;
import org.espalier.protocols.prepare.PreparationSpec;
import org.espalier.protocols.prepare.PublicData;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CentralisedLogisticTest {
  private static Matrix features(int rows, int columns, long seed) {
    Random random = new Random(seed);
    return new Matrix(
        rows,
        columns,
        random.doubles((long) rows * columns).map(u -> random.nextGaussian()).toArray());
  }

  private static double[] labels(Matrix x, long seed) {
    Random random = new Random(seed);
    double[] w = random.doubles(x.columns(), -1, 1).toArray();
    return Arrays.stream(x.times(w))
        .map(z -> random.nextDouble() < 1 / (1 + Math.exp(1 - z)) ? 1 : 0)
        .toArray();
  }

  /** The definition, term by term. */
  private static double objective(Matrix x, double[] y, double l2, double[] w, double intercept) {
    double loss = 0;
    for (int i = 0; i < y.length; i++) {
      double z = intercept;
      for (int j = 0; j < w.length; j++) {
        z += x.get(i, j) * w[j];
      }
      double p = 1 / (1 + Math.exp(-z));
      loss -= Math.log(y[i] == 1 ? p : 1 - p);
    }
    return loss / y.length + l2 / 2 * Arrays.stream(w).map(v -> v * v).sum();
  }

  private static void assertOptimum(Matrix x, double[] y, double l2, CentralisedLogistic fit) {
    double[] w = fit.weights();
    double at = objective(x, y, l2, w, fit.intercept());
    assertThat(fit.objective()).isCloseTo(at, within(1e-12));
    double h = 1e-5;
    for (int j = 0; j <= w.length; j++) {
      double up = shifted(x, y, l2, fit, j, h);
      double down = shifted(x, y, l2, fit, j, -h);
      assertThat((up - down) / (2 * h)).isCloseTo(0, within(1e-8));
      assertThat(Math.min(up, down)).isGreaterThan(at);
    }
  }

  private static double shifted(
      Matrix x, double[] y, double l2, CentralisedLogistic fit, int j, double by) {
    double[] w = fit.weights().clone();
    if (j < w.length) {
      w[j] += by;
      return objective(x, y, l2, w, fit.intercept());
    }
    return objective(x, y, l2, w, fit.intercept() + by);
  }

  @ParameterizedTest
  @CsvSource({"300, 1, 1e-2", "500, 7, 1e-4", "2500, 20, 1e-8", "60, 90, 1e-3", "400, 5, 50"})
  void finiteDifferencesVanishAtTheResult(int rows, int columns, double l2) {
    Matrix x = features(rows, columns, rows);
    double[] y = labels(x, columns);
    assertOptimum(x, y, l2, CentralisedLogistic.fit(x, y, l2));
  }

  @Test
  void withoutColumnsTheInterceptIsTheLogOdds() {
    CentralisedLogistic fit =
        CentralisedLogistic.fit(Matrix.zeros(4, 0), new double[] {1, 0, 0, 0}, 0.1);
    assertThat(fit.weights()).isEmpty();
    assertThat(fit.intercept()).isCloseTo(Math.log(1 / 3.0), within(1e-12));
  }

  @Test
  void separableAndDependentColumnsHaveAnOptimumByThePenalty() {
    double[] values = new double[40 * 3];
    double[] y = new double[40];
    for (int i = 0; i < 40; i++) {
      values[3 * i] = i - 19.5;
      values[3 * i + 1] = 2 * values[3 * i];
      y[i] = i < 20 ? 0 : 1;
    }
    Matrix x = new Matrix(40, 3, values);
    CentralisedLogistic fit = CentralisedLogistic.fit(x, y, 1e-4);
    assertOptimum(x, y, 1e-4, fit);
    assertThat(fit.weights()[1]).isCloseTo(2 * fit.weights()[0], within(1e-7));
    assertThat(fit.weights()[2]).isZero();
  }

  @Test
  void germanCreditIsSolved() throws Exception {
    PublicData data = PublicData.read("german_credit.csv", "bad");
    Matrix x =
        Preparation.fit(data.table(), data.allRows(), PreparationSpec.DEFAULT)
            .apply(data.table(), data.allRows());
    assertOptimum(x, data.labels(), 1e-3, CentralisedLogistic.fit(x, data.labels(), 1e-3));
  }

  @Test
  void refusesWhatHasNoOptimum() {
    Matrix x = features(3, 1, 1);
    assertThatThrownBy(() -> CentralisedLogistic.fit(x, new double[] {1, 1, 1}, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("all labels are the same");
    assertThatThrownBy(() -> CentralisedLogistic.fit(x, new double[] {1, 0, 0.5}, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("row 3");
    assertThatThrownBy(() -> CentralisedLogistic.fit(x, new double[] {1, 0}, 1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> CentralisedLogistic.fit(x, new double[] {1, 0, 0}, 0))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
