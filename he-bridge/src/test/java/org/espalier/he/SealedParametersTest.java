package org.espalier.he;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.espalier.he.nativelib.Native;
import org.junit.jupiter.api.Test;

class SealedParametersTest {
  private static final int EXCESS = 1 << 20;

  private static Parameters ring(int degree, int bits, int limbs, int plainBits) {
    return new Parameters(
        degree,
        IntStream.range(0, limbs).mapToLong(k -> Native.primeBelow(degree, bits, k)).toArray(),
        Native.primeBelow(degree, plainBits, 0));
  }

  /** The largest number that is accepted, found without the formula under test. */
  private static int edge(IntPredicate accepted) {
    int low = 0;
    int high = EXCESS;
    while (high - low > 1) {
      int middle = (low + high) / 2;
      if (accepted.test(middle)) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return low;
  }

  @Test
  void smallWorkloadsGetTheSmallRing() {
    SealedParameters chosen =
        SealedParameters.choose(new SealedWorkload(51, 1 << 14, 1 << 20, 102, 1000));
    Parameters matrix = chosen.matrix().parameters();
    Parameters slots = chosen.slots().parameters();
    assertThat(matrix.degree()).isEqualTo(8192);
    assertThat(slots.degree()).isEqualTo(8192);
    assertThat(matrix.plain()).isEqualTo(slots.plain()).isBetween(1L << 50, 1L << 51);
    assertThat(matrix.limbs()).isEqualTo(2);
    assertThat(slots.limbs()).isEqualTo(3);
    assertThat(chosen.matrix().replyLimbs()).isEqualTo(1);
    assertThat(chosen.slots().replyLimbs()).isEqualTo(2);
    for (Parameters p : new Parameters[] {matrix, slots}) {
      assertThat(p.securityBits()).isGreaterThanOrEqualTo(128);
      assertThat(Parameters.decode(p.encode())).isEqualTo(p);
    }
  }

  @Test
  void everyPlainModulusThatIsOfferedHasParameters() {
    for (int bits = 40; bits <= 57; bits++) {
      SealedParameters chosen =
          SealedParameters.choose(new SealedWorkload(bits, 1 << 12, 1 << 12, 16, 500));
      assertThat(chosen.matrix().parameters().plain()).isBetween(1L << (bits - 1), 1L << bits);
    }
    for (int bits : new int[] {39, 58}) {
      assertThatThrownBy(() -> new SealedWorkload(bits, 1, 1, 1, 1))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void moreOpenedBitsNeedTheLargeRing() {
    // 156 of 218 bits: (1 − 156/218)·8192 = 2329.8 coefficients may be known, of log2 3 bits each.
    int bits = (int) (2329 * Math.log(3) / Math.log(2));
    Parameters slots = ring(8192, 52, 3, 51);
    assertThat(slots.modulusBits()).isEqualTo(156);
    assertThat(SealedParameters.keySurvives(slots, bits)).isTrue();
    assertThat(SealedParameters.keySurvives(slots, bits + 2)).isFalse();
    assertThat(degree(new SealedWorkload(51, 1000, 1000, 40, bits))).isEqualTo(8192);
    assertThat(degree(new SealedWorkload(51, 1000, 1000, 40, bits + 2))).isEqualTo(16384);
    // 156 of 438 bits: (1 − 156/438)·16384 = 10548.6.
    int most = (int) (10548 * Math.log(3) / Math.log(2));
    assertThat(degree(new SealedWorkload(51, 1000, 1000, 40, most))).isEqualTo(16384);
    assertThat(degree(new SealedWorkload(51, 1000, 1000, 40, most + 2))).isEqualTo(32768);
    // 156 of 881 bits: (1 − 156/881)·32768 = 26965.7.
    int mostOfAll = (int) (26966 * Math.log(3) / Math.log(2));
    assertThatThrownBy(() -> degree(new SealedWorkload(51, 1000, 1000, 40, mostOfAll + 2)))
        .isInstanceOf(RangeException.class)
        .hasMessageContaining("columns");
  }

  private static int degree(SealedWorkload w) {
    return SealedParameters.choose(w).matrix().parameters().degree();
  }

  @Test
  void productsInSlotsAreBounded() {
    for (int degree : new int[] {8192, 16384}) {
      Parameters p = ring(degree, 52, 3, 51);
      int most = edge(products -> SealedParameters.slotsAreExact(p, products));
      // (½·m·N·t/2 + 13·√10.5·√(m·N)·t/2 + …)·N·2^20 ≤ q/t, the first term being nearly all of it.
      double room =
          p.primes()[0] * (double) p.primes()[1] * p.primes()[2] / p.plain() / degree / (1 << 20);
      double half = p.plain() / 2.0;
      double terms = (double) most * degree;
      double small = 13 * Math.sqrt(10.5 * terms) * half;
      assertThat(0.5 * terms * half + small).isLessThanOrEqualTo(room);
      assertThat(0.5 * (terms + degree) * half + small * 1.01).isGreaterThan(room);
      assertThat(most).isGreaterThan(102);
    }
  }

  @Test
  void tooManyProductsInASlotAreRefused() {
    assertThatThrownBy(
            () -> SealedParameters.choose(new SealedWorkload(57, 1000, 1000, 1 << 24, 100)))
        .isInstanceOf(RangeException.class)
        .hasMessageContaining("products in a slot");
  }

  @Test
  void tilesAreAsWideAsTheirNoiseAllows() {
    // 43·width·L1·t + 42·(2N + 1)·t ≤ q
    for (long l1 = 1; l1 < 1L << 58; l1 *= 8) {
      SealedParameters chosen = SealedParameters.choose(new SealedWorkload(51, l1, 1, 40, 100));
      Parameters p = chosen.matrix().parameters();
      int width = chosen.matrix().width();
      assertThat(ParameterChooser.noiseFits(l1 * width, p.degree(), p.primes(), p.plain()))
          .isTrue();
      assertThat(
              width == 64
                  || l1 > Long.MAX_VALUE / width / 2
                  || !ParameterChooser.noiseFits(2 * l1 * width, p.degree(), p.primes(), p.plain()))
          .as("half as wide as possible for " + l1)
          .isTrue();
      assertThat(SealedParameters.choose(new SealedWorkload(51, 1, l1, 40, 100)))
          .as("rows and columns count alike")
          .isEqualTo(chosen);
    }
    // q/t is 2^69, of which 43·width·L1 may have all; sums of a tile beyond 2^63 are not looked at.
    assertThat(width(51, (1L << 57) - 1)).isEqualTo(64);
    assertThat(width(51, 1L << 57)).isEqualTo(32);
    assertThat(width(51, Long.MAX_VALUE)).isEqualTo(1);
  }

  private static int width(int plainBits, long l1) {
    return SealedParameters.choose(new SealedWorkload(plainBits, l1, 1, 40, 100)).matrix().width();
  }

  @Test
  void sumsBeyondEveryWidthAreRefused() {
    assertThat(width(57, 1L << 57)).isEqualTo(1);
    assertThatThrownBy(() -> width(57, 1L << 58)).isInstanceOf(RangeException.class);
    assertThatThrownBy(() -> width(57, Long.MAX_VALUE))
        .isInstanceOf(RangeException.class)
        .hasMessageContaining("absolute sum");
  }

  @Test
  void theSwitchLeavesThreeBits() {
    long t = Native.primeBelow(8192, 57, 0);
    assertThat(SealedParameters.switchFits(8 * t, t)).isTrue();
    assertThat(SealedParameters.switchFits(8 * t - 1, t)).isFalse();
  }

  @Test
  void emptyWorkloadsDoNotExist() {
    for (long[] w : new long[][] {{0, 1, 1, 1}, {1, 0, 1, 1}, {1, 1, 0, 1}, {1, 1, 1, 0}}) {
      assertThatThrownBy(() -> new SealedWorkload(51, w[0], w[1], (int) w[2], (int) w[3]))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }
}
