package org.espalier.protocols.fixedpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.espalier.protocols.mask.Prg;
import org.junit.jupiter.api.Test;

class FixedPointTest {
  @Test
  void residuesRoundTripAndAddUpWithNegativeNumbers() {
    Random random = new Random(1);
    for (Ring ring : new Ring[] {Ring.LOGITS, Ring.SCALARS, new Ring(16, 4)}) {
      double limit = Math.scalb(1.0, ring.bits() - 1 - ring.fraction()) / 4;
      for (int i = 0; i < 1000; i++) {
        double a = (2 * random.nextDouble() - 1) * limit;
        double b = (2 * random.nextDouble() - 1) * limit;
        long sum = ring.add(ring.encode(a, 2, "a"), ring.encode(b, 2, "b"));
        assertThat(ring.decode(sum))
            .isCloseTo(a + b, within(Math.scalb(1.0, -ring.fraction()) + 1e-12));
      }
    }
  }

  @Test
  void aSumThatCouldLeaveTheRangeIsRefusedAtItsEdge() {
    Ring ring = new Ring(16, 4); // sums in [-2048, 2048)
    ring.encode(1023.9, 2, "a");
    assertThatThrownBy(() -> ring.encode(1024, 2, "the value"))
        .isInstanceOf(Ring.RangeError.class)
        .hasMessageContaining("the value is 1024.0")
        .hasMessageContaining("2 parties");
    assertThatThrownBy(() -> ring.encode(Double.NaN, 1, "x")).isInstanceOf(Ring.RangeError.class);
    assertThatThrownBy(() -> ring.encode(Double.NEGATIVE_INFINITY, 1, "x"))
        .isInstanceOf(Ring.RangeError.class);
  }

  @Test
  void stochasticRoundingIsUnbiasedWithTheStatedVariance() {
    Quantisation q = new Quantisation(8, 8);
    int n = 200_000;
    double[] values = new Random(3).doubles(n, -1, 1).toArray();
    long[] out = new long[n];
    q.quantiseResiduals(values, new Prg(new byte[32]), out);
    double mean = 0;
    double square = 0;
    for (int i = 0; i < n; i++) {
      double error = Math.scalb((double) out[i], -8) - values[i];
      assertThat(Math.abs(error)).isLessThan(1.0 / 256);
      mean += error / n;
      square += error * error / n;
    }
    // Of the mean over n rows; one rounding has 2^-2fr/6.
    assertThat(square / n).isCloseTo(q.gradientVariance(n), within(0.02 * q.gradientVariance(n)));
    assertThat(mean).isCloseTo(0, within(5 * Math.sqrt(q.gradientVariance(n))));
  }

  @Test
  void bitsShrinkWithRows() {
    assertThat(Quantisation.forRows(100).residualBits()).isEqualTo(12);
    assertThat(Quantisation.forRows(4096).residualBits()).isEqualTo(12);
    assertThat(Quantisation.forRows(100_000).residualBits()).isEqualTo(9);
    assertThat(Quantisation.forRows(10_000_000).residualBits()).isEqualTo(8);
  }

  @Test
  void bitsShrinkWithTheTolerance() {
    assertThat(Quantisation.forTolerance(100_000, 300, 1e-4, 0)).isEqualTo(new Quantisation(4, 6));
    assertThat(Quantisation.forTolerance(100_000, 300, 1e-6, 0)).isEqualTo(new Quantisation(6, 8));
    assertThat(Quantisation.forTolerance(100_000, 300, 1e-8, 0))
        .isEqualTo(Quantisation.forRows(100_000));
    assertThat(Quantisation.forTolerance(700, 40, 1e-10, 0)).isEqualTo(Quantisation.forRows(700));
    assertThat(Quantisation.forTolerance(10_000_000, 2, 1e-2, 0)).isEqualTo(new Quantisation(4, 6));
    assertThat(Quantisation.forTolerance(100_000, 300, 1e-4, 3)).isEqualTo(new Quantisation(5, 9));
    assertThat(Quantisation.forTolerance(700, 40, 1e-10, 3)).isEqualTo(new Quantisation(12, 15));
  }

  @Test
  void theGradientBoundHoldsForEveryResidualAndIsAnErrorBeyondTheModulus() {
    Quantisation q = new Quantisation(10, 10);
    Random random = new Random(5);
    int[] x = random.ints(300, -3 << 10, (3 << 10) + 1).toArray();
    long l1 = Quantisation.maxColumnL1(x, 3);
    long bound = q.gradientBound(l1);
    long worst = 0;
    for (int j = 0; j < 3; j++) {
      long sum = 0;
      for (int i = 0; i < 100; i++) {
        sum += Math.abs((long) x[3 * i + j]) << 10; // residual ±1 of the column's sign
      }
      worst = Math.max(worst, sum);
    }
    assertThat(worst).isEqualTo(bound);
    assertThat(q.gradientBound(1L << 48)).isEqualTo(1L << 58);
    assertThatThrownBy(() -> q.gradientBound((1L << 48) + 1))
        .isInstanceOf(Ring.RangeError.class)
        .hasMessageContaining("fewer rows");
    assertThat(q.largestFeature(9)).isEqualTo((6 << 10) + 1);
    assertThat(new Quantisation(16, 16).largestFeature(1 << 30)).isEqualTo((1 << 30) - 1);
    assertThat(q.columnSquares(9)).isEqualTo(9 * 1025L * 1025);
  }
}
