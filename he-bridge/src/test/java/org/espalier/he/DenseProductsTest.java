package org.espalier.he;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DenseProductsTest {
  private static double[] random(int count) {
    return new Random(count).doubles(count, -1, 1).toArray();
  }

  @Test
  void aGramMatrixIsMadeOfChainsOfFusedSteps() {
    int columns = DenseProducts.gramStripe() + 37;
    double[] x = random(9 * columns);
    double[] sums = new double[columns * columns];
    Arrays.fill(sums, 7);
    DenseProducts.gram(x, 9, columns, 2, 8, DenseProducts.gramStripe(), sums);
    for (int i = 0; i < columns; i++) {
      for (int j = 0; j < columns; j++) {
        double expected = 7;
        if (i >= DenseProducts.gramStripe() && j >= i) {
          expected = 0;
          for (int r = 2; r < 8; r++) {
            expected = Math.fma(x[r * columns + i], x[r * columns + j], expected);
          }
        }
        assertThat(sums[i * columns + j]).isEqualTo(expected);
      }
    }
  }

  @Test
  void aProductIsMadeOfChainsOfFusedSteps() {
    double[] x = random(20 * 150);
    double[] b = random(150 * 11);
    double[] out = new double[20 * 11];
    Arrays.fill(out, 7);
    DenseProducts.product(x, 20, 150, 3, 14, b, 11, out);
    for (int i = 0; i < 20; i++) {
      for (int j = 0; j < 11; j++) {
        double expected = 7;
        if (i >= 3 && i < 14) {
          expected = 0;
          for (int k = 0; k < 150; k++) {
            expected = Math.fma(x[i * 150 + k], b[k * 11 + j], expected);
          }
        }
        assertThat(out[i * 11 + j]).isEqualTo(expected);
      }
    }
  }

  @Test
  void refusesShapesAndRangesThatDoNotFit() {
    double[] six = new double[6];
    double[] nine = new double[9];
    refused(() -> DenseProducts.gram(six, 2, 3, 0, 3, 0, nine));
    refused(() -> DenseProducts.gram(six, 2, 3, -1, 2, 0, nine));
    refused(() -> DenseProducts.gram(six, 2, 3, 2, 1, 0, nine));
    refused(() -> DenseProducts.gram(six, 2, 3, 0, 2, 3, nine));
    refused(() -> DenseProducts.gram(six, 2, 3, 0, 2, -512, nine));
    refused(() -> DenseProducts.gram(six, 2, 3, 0, 2, 1, nine));
    refused(() -> DenseProducts.gram(six, 2, 3, 0, 2, 0, six));
    refused(() -> DenseProducts.gram(null, 2, 3, 0, 2, 0, nine));
    refused(() -> DenseProducts.gram(six, 3, 3, 0, 2, 0, nine));
    refused(() -> DenseProducts.product(six, 2, 3, 0, 2, six, 3, six));
    refused(() -> DenseProducts.product(six, 2, 3, 0, 2, six, 2, six));
    refused(() -> DenseProducts.product(six, 2, 3, 0, 3, six, 2, new double[4]));
    refused(() -> DenseProducts.product(six, 2, 3, 1, 0, six, 2, new double[4]));
    refused(() -> DenseProducts.product(six, -2, -3, 0, 0, six, 2, new double[4]));
  }

  private static void refused(Runnable call) {
    assertThatThrownBy(call::run).isInstanceOf(IllegalArgumentException.class);
  }
}
