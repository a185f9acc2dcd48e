package org.espalier.protocols.prepare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.espalier.protocols.mask.Prg;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WhiteningTest {
  private static Matrix correlated(int rows, int columns, long seed) {
    return MatrixTest.random(rows, columns, seed).times(MatrixTest.random(columns, columns, -seed));
  }

  private static double[] weights(int size, long seed) {
    return new Random(seed).doubles(size, -1, 1).toArray();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 17, 60})
  void whitenedFeaturesHaveTheIdentityAsSecondMoments(int d) {
    Matrix x = correlated(3000, d, 11 + d);
    Matrix gram = Whitening.of(x, 0).apply(x).gram();
    for (int j = 0; j < d; j++) {
      for (int k = 0; k < d; k++) {
        assertThat(gram.get(j, k) / 3000).isCloseTo(j == k ? 1 : 0, within(1e-4));
      }
    }
  }

  @Test
  void theRidgeIsAddedToTheSecondMoments() {
    Matrix x = MatrixTest.random(2000, 1, 3);
    double moment = x.gram().get(0, 0) / 2000;
    double whitened = Whitening.of(x, 0.5).apply(x).gram().get(0, 0) / 2000;
    assertThat(whitened).isCloseTo(moment / (moment + 0.5), within(1e-12));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 5, 40})
  void weightsMapBackToTheSameLogits(int d) {
    Matrix x = correlated(500, d, 5);
    Whitening whitening = Whitening.of(x, 1e-6);
    double[] w = weights(d, 6);
    double[] whitened = whitening.apply(x).times(w);
    assertThat(x.times(whitening.toPrepared(w))).containsExactly(whitened, within(1e-7));
  }

  @Test
  void thePenaltyIsThatOfThePreparedWeights() {
    Matrix x = correlated(500, 12, 7);
    Whitening whitening = Whitening.of(x, 1e-3);
    double[] v = weights(12, 8);
    double[] w = weights(12, 9);
    assertThat(dot(v, whitening.penaltyTimes(w)))
        .isCloseTo(dot(whitening.toPrepared(v), whitening.toPrepared(w)), within(1e-9));
  }

  @Test
  void everyCallDrawsAnotherRotation() {
    Matrix x = correlated(500, 6, 13);
    double[] first = Whitening.of(x, 1e-6).apply(x).values();
    double[] second = Whitening.of(x, 1e-6).apply(x).values();
    double apart = 0;
    for (int i = 0; i < first.length; i++) {
      apart = Math.max(apart, Math.abs(first[i] - second[i]));
    }
    assertThat(apart).isGreaterThan(1e-3);
  }

  /**
   * Without the rotation the first whitened column is the first prepared one scaled. Under the Haar
   * measure the squared correlation of the two has mean 1/d; 3/(d(d+2)) is its second moment.
   */
  @Test
  void theFirstColumnIsHiddenInAUniformDirection() {
    int d = 8;
    int draws = 2000;
    byte[] seed = new byte[32];
    seed[0] = 42;
    Prg random = new Prg(seed);
    Matrix x = correlated(400, d, 17);
    double[] first = new double[400];
    for (int i = 0; i < first.length; i++) {
      first[i] = x.get(i, 0);
    }
    double norm = dot(first, first);
    double mean = 0;
    double square = 0;
    double signed = 0;
    for (int draw = 0; draw < draws; draw++) {
      Matrix whitened = Whitening.of(x, 0, random).apply(x);
      double inner = whitened.transposeTimes(first)[0];
      double share = inner * inner / norm / 400;
      mean += share / draws;
      square += share * share / draws;
      signed += Math.signum(inner) / draws;
    }
    assertThat(mean).isCloseTo(1.0 / d, within(0.02));
    assertThat(square).isCloseTo(3.0 / (d * (d + 2)), within(0.01));
    assertThat(signed).isCloseTo(0, within(0.1));
  }

  @Test
  void dependentAndConstantColumnsAreHeldByTheRidge() {
    Matrix base = MatrixTest.random(800, 3, 19);
    double[] values = new double[800 * 5];
    for (int i = 0; i < 800; i++) {
      System.arraycopy(base.values(), i * 3, values, i * 5, 3);
      values[i * 5 + 3] = base.get(i, 0) - 2 * base.get(i, 1);
    }
    Matrix x = new Matrix(800, 5, values);
    for (double ridge : new double[] {0, 1e-8, 1e-2}) {
      Whitening whitening = Whitening.of(x, ridge);
      Matrix whitened = whitening.apply(x);
      assertThat(whitened.values()).doesNotContain(Double.NaN);
      double[] w = weights(5, 20);
      assertThat(x.times(whitening.toPrepared(w))).containsExactly(whitened.times(w), within(1e-8));
      double trace = 0;
      for (int j = 0; j < 5; j++) {
        trace += whitened.gram().get(j, j) / 800;
      }
      // Rank 3: each direction counts 1, less where the ridge weighs in.
      assertThat(trace).isCloseTo(3, within(ridge < 1e-2 ? 1e-3 : 0.3));
    }
    assertThat(Whitening.of(Matrix.zeros(4, 2), 0).apply(Matrix.zeros(4, 2)).values())
        .containsOnly(0);
  }

  @Test
  void noColumnsAreNoWork() {
    Whitening none = Whitening.of(Matrix.zeros(7, 0), 1e-3);
    assertThat(none.apply(Matrix.zeros(7, 0)).rows()).isEqualTo(7);
    assertThat(none.toPrepared(new double[0])).isEmpty();
    assertThat(none.penaltyTimes(new double[0])).isEmpty();
  }

  @Test
  void refusesWhatCannotBeWhitened() {
    assertThatThrownBy(() -> Whitening.of(Matrix.zeros(0, 2), 1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Whitening.of(Matrix.zeros(2, 2), Double.NaN))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Whitening.of(Matrix.zeros(2, 2), -1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Whitening.of(new Matrix(1, 1, new double[] {1e200}), 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("too large");
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }
}
