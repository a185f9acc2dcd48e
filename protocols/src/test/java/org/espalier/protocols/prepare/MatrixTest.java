package org.espalier.protocols.prepare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Random;
import java.util.concurrent.ForkJoinPool;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MatrixTest {
  static Matrix random(int rows, int columns, long seed) {
    Random random = new Random(seed);
    return new Matrix(
        rows, columns, random.doubles((long) rows * columns).map(u -> 2 * u - 1).toArray());
  }

  private static double[] vector(int size, long seed) {
    return random(size, 1, seed).values();
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0, 0",
    "0, 3, 2",
    "3, 0, 2",
    "1, 1, 1",
    "5, 7, 0",
    "4, 4, 4",
    "6, 6, 6",
    "1023, 5, 3",
    "1025, 9, 6",
    "2050, 1, 2",
    "2051, 131, 5",
    "2049, 140, 130",
    "20001, 3, 1"
  })
  void productsAgreeWithNaiveLoops(int rows, int columns, int others) {
    Matrix x = random(rows, columns, 1);
    double[] w = vector(columns, 2);
    double[] r = vector(rows, 3);
    double[] forward = new double[rows];
    double[] backward = new double[columns];
    double[] gram = new double[columns * columns];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        forward[i] += x.get(i, j) * w[j];
        backward[j] += x.get(i, j) * r[i];
        for (int k = 0; k < columns; k++) {
          gram[j * columns + k] += x.get(i, j) * x.get(i, k);
        }
      }
    }
    assertClose(x.times(w), forward);
    assertClose(x.transposeTimes(r), backward);
    assertClose(x.gram().values(), gram);

    Matrix b = random(columns, others, 4);
    Matrix product = x.times(b);
    assertThat(product.rows()).isEqualTo(rows);
    assertThat(product.columns()).isEqualTo(others);
    for (int k = 0; k < others; k++) {
      double[] column = new double[columns];
      for (int j = 0; j < columns; j++) {
        column[j] = b.get(j, k);
      }
      int at = k;
      assertClose(
          IntStream.range(0, rows).mapToDouble(i -> product.get(i, at)).toArray(), x.times(column));
    }
  }

  private static void assertClose(double[] actual, double[] expected) {
    assertThat(actual).hasSameSizeAs(expected);
    double furthest = 0;
    for (int i = 0; i < actual.length; i++) {
      furthest = Math.max(furthest, Math.abs(actual[i] - expected[i]));
    }
    assertThat(furthest).isLessThan(1e-9);
  }

  @Test
  void theGramMatrixIsSymmetricToTheLastBit() {
    Matrix gram = random(5000, 150, 5).gram();
    for (int j = 0; j < 150; j++) {
      for (int k = 0; k < j; k++) {
        assertThat(gram.get(j, k)).isEqualTo(gram.get(k, j));
      }
    }
  }

  @Test
  void theNumberOfCoresDoesNotChangeABit() throws Exception {
    Matrix x = random(30_000, 37, 6);
    double[] w = vector(37, 7);
    double[] r = vector(30_000, 8);
    Matrix b = random(37, 37, 9);
    double[][] here = products(x, w, r, b);
    for (int threads : new int[] {1, 3, 8}) {
      ForkJoinPool pool = new ForkJoinPool(threads);
      try {
        assertThat(pool.submit(() -> products(x, w, r, b)).get()).isDeepEqualTo(here);
      } finally {
        pool.shutdown();
      }
    }
  }

  private static double[][] products(Matrix x, double[] w, double[] r, Matrix b) {
    return new double[][] {x.times(w), x.transposeTimes(r), x.gram().values(), x.times(b).values()};
  }

  @Test
  void besideKeepsRowsTogether() {
    Matrix left = new Matrix(2, 2, new double[] {1, 2, 4, 5});
    Matrix none = Matrix.zeros(2, 0);
    Matrix right = new Matrix(2, 1, new double[] {3, 6});
    assertThat(Matrix.beside(List.of(left, none, right)).values())
        .containsExactly(1, 2, 3, 4, 5, 6);
    assertThatThrownBy(() -> Matrix.beside(List.of(left, Matrix.zeros(3, 1))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("3 rows where 2 are due");
  }

  @Test
  void refusesShapesThatDoNotFit() {
    Matrix x = random(3, 2, 1);
    assertThatThrownBy(() -> new Matrix(2, 2, new double[3]))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> x.times(new double[3])).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> x.transposeTimes(new double[2]))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> x.times(random(3, 3, 1))).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> x.get(0, 2)).isInstanceOf(IndexOutOfBoundsException.class);
  }
}
