package org.espalier.he;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.util.Arrays;
import java.util.Random;
import org.espalier.he.nativelib.Native;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every inequality at its edge: the value at the bound passes, one more fails. */
class ParameterChooserTest {
  private static Parameters parameters(int degree, int limbBits, int plainBits) {
    return new Parameters(
        degree,
        new long[] {Native.primeBelow(degree, limbBits, 0), Native.primeBelow(degree, limbBits, 1)},
        Native.primeBelow(degree, plainBits, 0));
  }

  private static ParameterChooser.Choice choice(Parameters p, int width, int limbs) {
    return new ParameterChooser.Choice(p, width, limbs);
  }

  @Test
  void resultsReachHalfOfThePlaintextModulusLessAUnit() {
    Parameters p = parameters(4096, 50, 36);
    long edge = (p.plain() - 1) / 2 - 1;
    assertThat(ParameterChooser.resultFits(edge, p.plain())).isTrue();
    assertThat(ParameterChooser.resultFits(edge + 1, p.plain())).isFalse();
    assertThat(p.centre(edge + 1)).isEqualTo(edge + 1);
    assertThat(p.centre(edge + 2)).isEqualTo(-edge - 1);
    assertThatCode(
            () ->
                ParameterChooser.verify(new Workload(10, new int[] {1}, edge, 1), choice(p, 1, 2)))
        .doesNotThrowAnyException();
    assertThatThrownBy(
            () ->
                ParameterChooser.verify(
                    new Workload(10, new int[] {1}, edge + 1, 1), choice(p, 1, 2)))
        .isInstanceOf(RangeException.class)
        .hasMessageContaining("result bound");
  }

  /** ⌊(q/t − 42·(2N + 1))/43⌋: the largest ‖x‖₁ whose noise stays within half of q/t. */
  private static long columnL1Edge(Parameters p) {
    BigInteger q = BigInteger.ONE;
    for (long prime : p.primes()) {
      q = q.multiply(BigInteger.valueOf(prime));
    }
    return q.divide(BigInteger.valueOf(p.plain()))
        .subtract(BigInteger.valueOf(42 * (2L * p.degree() + 1)))
        .divide(BigInteger.valueOf(43))
        .longValueExact();
  }

  @Test
  void noiseReachesHalfOfAPlaintextStep() {
    Parameters p = parameters(4096, 40, 30);
    long edge = columnL1Edge(p);
    assertThat(ParameterChooser.noiseFits(edge, 4096, p.primes(), p.plain())).isTrue();
    assertThat(ParameterChooser.noiseFits(edge + 1, 4096, p.primes(), p.plain())).isFalse();
    assertThatCode(
            () ->
                ParameterChooser.verify(new Workload(10, new int[] {1}, 1, edge), choice(p, 1, 2)))
        .doesNotThrowAnyException();
    assertThatThrownBy(
            () ->
                ParameterChooser.verify(
                    new Workload(10, new int[] {1}, 1, edge + 1), choice(p, 1, 2)))
        .isInstanceOf(RangeException.class)
        .hasMessageContaining("noise");
  }

  private static Workload whitened(long squares) {
    return new Workload(100_000, new int[] {200, 100}, 1_280_000L << 6, 1_280_000, squares);
  }

  /** As for a whitened slice with four bits after the point, whose columns have known lengths. */
  @Test
  void onePrimeSufficesWhereSquaresAreKnown() {
    Workload w = whitened(100_000L * 17 * 17);
    ParameterChooser.Choice choice = ParameterChooser.choose(w);
    Parameters p = choice.parameters();
    assertThat(p.limbs()).isEqualTo(1);
    assertThat(p.primes()[0] % p.plain()).isEqualTo(1);
    assertThat(ParameterChooser.choose(whitened(Long.MAX_VALUE)).parameters().limbs()).isEqualTo(2);

    // 20·√(10.5·c·S) + c + 42·(2N + 1) ≤ q/t
    double room = (double) p.primes()[0] / p.plain() - 42.0 * (2 * p.degree() + 1) - choice.width();
    long edge = (long) (room * room / (400 * 10.5 * choice.width()));
    long step = edge / 1_000_000;
    assertThatCode(() -> ParameterChooser.verify(whitened(edge - step), choice))
        .doesNotThrowAnyException();
    assertThatThrownBy(() -> ParameterChooser.verify(whitened(edge + step), choice))
        .isInstanceOf(RangeException.class)
        .hasMessageContaining("noise");

    // Any other prime of its size: plaintexts are off by up to half a unit, whatever the squares.
    Parameters other =
        new Parameters(p.degree(), new long[] {Native.primeBelow(p.degree(), 49, 0)}, p.plain());
    assertThatThrownBy(() -> ParameterChooser.verify(w, choice(other, choice.width(), 1)))
        .isInstanceOf(RangeException.class)
        .hasMessageContaining("noise");
  }

  @Test
  void resultsUnderOnePrimeAreOffByOneUnitAtMost() {
    int rows = 20_000;
    int columns = 12;
    Random random = new Random(24);
    int[] matrix = new int[rows * columns];
    long[] l1 = new long[columns];
    long[] squares = new long[columns];
    for (int at = 0; at < matrix.length; at++) {
      matrix[at] = (int) Math.round(16 * random.nextGaussian());
      l1[at % columns] += Math.abs(matrix[at]);
      squares[at % columns] += (long) matrix[at] * matrix[at];
    }
    long[] r = random.longs(rows, -64, 65).toArray();
    long longest = Arrays.stream(l1).max().orElseThrow();
    Workload w =
        new Workload(
            rows,
            new int[] {columns},
            longest * 64,
            longest,
            Arrays.stream(squares).max().orElseThrow());
    ParameterChooser.Choice choice = ParameterChooser.choose(w);
    assertThat(choice.parameters().limbs()).isEqualTo(1);
    var c = new BackwardKernelTest.Case(matrix, r, rows, columns);
    long[] product = BackwardKernelTest.run(c, choice);
    for (int j = 0; j < columns; j++) {
      assertThat(product[j]).isBetween(c.product()[j] - 1, c.product()[j] + 1);
    }
  }

  @Test
  void atTheNoiseEdgeResultsAreOffByOneUnitAtMost() {
    Parameters p = parameters(4096, 36, 34);
    int rows = 4096;
    int x = Math.toIntExact(columnL1Edge(p) / rows);
    int[] matrix = new int[rows];
    long[] r = new long[rows];
    Random random = new Random(21);
    for (int i = 0; i < rows; i++) {
      matrix[i] = random.nextBoolean() ? x : -x;
      r[i] = random.nextInt(3) - 1L;
    }
    var c = new BackwardKernelTest.Case(matrix, r, rows, 1);
    ParameterChooser.Choice choice = choice(p, 1, 2);
    ParameterChooser.verify(
        new Workload(rows, new int[] {1}, (long) x * rows, (long) x * rows), choice);
    assertThat(BackwardKernelTest.run(c, choice)[0])
        .isBetween(c.product()[0] - 1, c.product()[0] + 1);
  }

  @Test
  void oneLimbLeavesEightBitsForTheSwitch() {
    for (long prime : new long[] {Native.primeBelow(4096, 40, 0), Native.primeBelow(8192, 60, 0)}) {
      assertThat(ParameterChooser.switchFits(prime, prime / 512)).isTrue();
      assertThat(ParameterChooser.switchFits(prime, prime / 512 + 1)).isFalse();
    }
    Workload w = new Workload(10, new int[] {1}, 1, 1);
    assertThatCode(() -> ParameterChooser.verify(w, choice(parameters(4096, 40, 30), 1, 1)))
        .doesNotThrowAnyException();
    assertThatThrownBy(() -> ParameterChooser.verify(w, choice(parameters(4096, 40, 32), 1, 1)))
        .isInstanceOf(RangeException.class)
        .hasMessageContaining("switching noise");
    assertThatCode(() -> ParameterChooser.verify(w, choice(parameters(4096, 40, 32), 1, 2)))
        .doesNotThrowAnyException();
  }

  @ParameterizedTest
  @CsvSource({
    "4096,58,256",
    "4096,59,192",
    "4096,75,192",
    "4096,76,128",
    "4096,109,128",
    "4096,110,0",
    "8192,118,256",
    "8192,119,192",
    "8192,152,192",
    "8192,153,128",
    "8192,218,128",
    "8192,219,0",
    "16384,237,256",
    "16384,238,192",
    "16384,305,192",
    "16384,306,128",
    "16384,438,128",
    "16384,439,0",
    "32768,476,256",
    "32768,477,192",
    "32768,611,192",
    "32768,612,128",
    "32768,881,128",
    "32768,882,0",
    "2048,54,0"
  })
  void securityFollowsTheStandardsTable(int degree, int bits, int level) {
    assertThat(Parameters.securityBits(degree, bits)).isEqualTo(level);
  }

  @Test
  void fewerThan128BitsCannotBeConstructed() {
    long a = Native.primeBelow(4096, 55, 0);
    long b = Native.primeBelow(4096, 54, 0);
    long t = Native.primeBelow(4096, 30, 0);
    Parameters edge = new Parameters(4096, new long[] {a, b}, t);
    assertThat(edge.modulusBits()).isEqualTo(109);
    assertThat(edge.securityBits()).isEqualTo(128);
    HeContext.of(edge).close();
    assertThatThrownBy(
            () -> new Parameters(4096, new long[] {a, Native.primeBelow(4096, 55, 1)}, t))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("less than 128 bits");
    // The native side does not rely on Java for it.
    assertThatThrownBy(
            () -> Native.context(4096, new long[] {a, Native.primeBelow(4096, 55, 1)}, t))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void unusableParametersAreRefused() {
    long a = Native.primeBelow(8192, 50, 0);
    long b = Native.primeBelow(8192, 50, 1);
    long t = Native.primeBelow(8192, 30, 0);
    Object[][] bad = {
      {2048, new long[] {a, b}, t},
      {8191, new long[] {a, b}, t},
      {0, new long[] {a, b}, t},
      {-8192, new long[] {a, b}, t},
      {8192, new long[] {a, a}, t},
      {8192, new long[] {}, t},
      {8192, new long[] {a, b, Native.primeBelow(8192, 50, 2), Native.primeBelow(8192, 50, 3)}, t},
      {8192, new long[] {a, b, a}, t},
      {4096, new long[] {a, b, Native.primeBelow(8192, 50, 2)}, t},
      {8192, new long[] {a, b + 2}, t},
      {8192, new long[] {a, -b}, t},
      {8192, new long[] {a, Native.primeBelow(8192, 32, 0)}, t},
      {8192, new long[] {a, b}, t + 2},
      {8192, new long[] {a, b}, 1L},
      {8192, new long[] {a, b}, 0L},
      {8192, new long[] {a, b}, -t},
      {8192, new long[] {a, b}, a},
      {8192, new long[] {a, b}, Native.primeBelow(8192, 51, 0)},
      {8192, new long[] {1L << 60, b}, t},
    };
    for (Object[] p : bad) {
      assertThatThrownBy(() -> new Parameters((int) p[0], (long[]) p[1], (long) p[2]))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageStartingWith("unusable parameters");
    }
    // 33 bits is the edge of a prime's size.
    assertThatCode(
            () ->
                new Parameters(
                    8192,
                    new long[] {Native.primeBelow(8192, 33, 0), Native.primeBelow(8192, 33, 1)},
                    t))
        .doesNotThrowAnyException();
  }

  /** The errors of all columns of a tile meet in every wanted coefficient. */
  @Test
  void noiseGrowsWithTheWidthOfATile() {
    Parameters p = parameters(8192, 50, 36);
    long edge = columnL1Edge(p);
    for (int width = 1; width <= 64; width *= 2) {
      ParameterChooser.Choice choice = choice(p, width, 2);
      assertThatCode(
              () ->
                  ParameterChooser.verify(
                      new Workload(10, new int[] {64}, 1, edge / choice.width()), choice))
          .doesNotThrowAnyException();
      assertThatThrownBy(
              () ->
                  ParameterChooser.verify(
                      new Workload(10, new int[] {64}, 1, edge / choice.width() + 1), choice))
          .hasMessageContaining("noise");
    }
  }

  /** Answers to chosen ciphertexts may tell of the key: what is left must still be 128-bit LWE. */
  @Test
  void theKeyOutlivesAllAnswersThatAreGivenUnderIt() {
    Parameters p = parameters(4096, 45, 36);
    assertThat(p.modulusBits()).isEqualTo(90);
    // log2 t/log2 3 = 22.7 coefficients an answer; 109·(4096 − known)/4096 must stay above 90.
    assertThat(ParameterChooser.keySurvives(4096, 90, p.plain(), 31)).isTrue();
    assertThat(ParameterChooser.keySurvives(4096, 90, p.plain(), 32)).isFalse();
    assertThatThrownBy(
            () ->
                ParameterChooser.verify(
                    new Workload(10, new int[] {20, 12}, 1, 1), choice(p, 1, 2)))
        .isInstanceOf(RangeException.class)
        .hasMessageContaining("32 answers");
    assertThat(
            ParameterChooser.choose(new Workload(10_000, new int[] {100}, 1L << 34, 1L << 25))
                .parameters()
                .degree())
        .isGreaterThan(4096);
    assertThatThrownBy(
            () ->
                ParameterChooser.choose(new Workload(10_000, new int[] {1400}, 1L << 34, 1L << 25)))
        .hasMessageContaining("fewer columns");
  }

  @Test
  void widthAndReplyFormAreChecked() {
    Parameters p = parameters(4096, 50, 30);
    Workload w = new Workload(10, new int[] {1}, 1, 1);
    for (int[] bad : new int[][] {{0, 1}, {3, 1}, {128, 1}, {-1, 1}, {1, 0}, {1, 3}}) {
      assertThatThrownBy(() -> ParameterChooser.verify(w, choice(p, bad[0], bad[1])))
          .isInstanceOf(RangeException.class);
    }
  }

  @Test
  void choicesAlwaysSatisfyEveryInequality() {
    Random random = new Random(22);
    int refused = 0;
    for (int round = 0; round < 60; round++) {
      int rows = 1 + random.nextInt(1 << (1 + random.nextInt(24)));
      long l1 = 1 + (random.nextLong() >>> (8 + random.nextInt(54)));
      long bound = 1 + (random.nextLong() >>> (5 + random.nextInt(58)));
      Workload w = new Workload(rows, new int[] {1 + random.nextInt(60), 3}, bound, l1);
      try {
        ParameterChooser.Choice choice = ParameterChooser.choose(w);
        ParameterChooser.verify(w, choice);
        assertThat(choice.parameters().securityBits()).isGreaterThanOrEqualTo(128);
        assertThat((long) choice.blocks(rows) * choice.rowsPerBlock()).isGreaterThanOrEqualTo(rows);
      } catch (RangeException e) {
        refused++;
        assertThat(bound >= 1L << 56 || l1 >= 1L << 48)
            .as("refused %s: %s", w, e.getMessage())
            .isTrue();
      }
    }
    assertThat(refused).isLessThan(40);
  }

  @Test
  void whatNoParametersCarryIsRefusedWithItsNumbers() {
    assertThatThrownBy(
            () -> ParameterChooser.choose(new Workload(10, new int[] {1}, 1L << 58, 1L << 20)))
        .isInstanceOf(RangeException.class)
        .hasMessageContaining("" + (1L << 58))
        .hasMessageContaining("fewer rows");
  }

  @Test
  void damagedParametersAreRefusedOrAreThemselves() {
    byte[] good = parameters(8192, 60, 50).encode();
    assertThat(Parameters.decode(good).encode()).isEqualTo(good);
    Random random = new Random(23);
    for (int round = 0; round < 3000; round++) {
      byte[] bytes = good.clone();
      if (round % 3 == 0) {
        bytes = new byte[random.nextInt(48)];
        random.nextBytes(bytes);
      } else {
        bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
      }
      byte[] damaged = bytes;
      try {
        assertThat(Parameters.decode(damaged).encode()).isEqualTo(damaged);
      } catch (IllegalArgumentException refused) {
        assertThat(refused).hasMessageStartingWith("unusable parameters");
      }
    }
  }
}
