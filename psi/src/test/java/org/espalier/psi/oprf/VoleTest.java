package org.espalier.psi.oprf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VoleTest {
  private static final byte[] BINDING = new byte[32];
  private static final SecureRandom RANDOM = new SecureRandom();
  private static long[] delta;
  private static Vole.Receiver receiver;
  private static Vole.Sender sender;

  @BeforeAll
  static void transfer() {
    delta = new long[] {RANDOM.nextLong(), RANDOM.nextLong()};
    BaseTransfers.Sender keys = new BaseTransfers.Sender(BINDING, RANDOM);
    BaseTransfers.Receiver choices = new BaseTransfers.Receiver(BINDING, delta, RANDOM);
    sender = new Vole.Sender(choices.keys(keys.point()), delta, RANDOM);
    receiver = new Vole.Receiver(keys.keys(choices.message()), RANDOM);
  }

  private static long[] correlate(int batch, VoleShape shape, Correlations[] got) {
    Vole.Receiver.Pending pending = receiver.begin(batch, shape);
    assertThat(pending.correction()).hasSize(Vole.correctionBytes(shape));
    Vole.Sender.Answer answer = sender.answer(batch, shape, pending.correction());
    assertThat(answer.message()).hasSize(Vole.treeBytes(shape));
    sender.end(answer);
    got[0] = receiver.end(pending, answer.message());
    if (shape.checked()) {
      Vole.Receiver.Check check = receiver.check(pending, got[0]);
      assertThat(check.challenge()).hasSize(Vole.CHECK);
      assertThat(sender.prove(answer, check.challenge())).isEqualTo(check.proof());
    }
    return answer.pairs();
  }

  /** Sizes with blocks of a power of two, one more, and with levels of odd length. */
  @ParameterizedTest
  @ValueSource(ints = {1, 8192, 17_472, 17_473, 30_000, 200_000})
  void bothEndsAreCorrelated(int wanted) {
    VoleShape shape = VoleShape.of(wanted, false);
    Correlations[] got = new Correlations[1];
    long[] b = correlate(wanted, shape, got);
    long[] a = got[0].a();
    long[] c = got[0].c();
    for (int i = 0; i < shape.results(); i++) {
      assertThat(c[2 * i]).isEqualTo(b[2 * i] ^ Field.multiply(delta[0], a[i]));
      assertThat(c[2 * i + 1]).isEqualTo(b[2 * i + 1] ^ Field.multiply(delta[1], a[i]));
    }
    assertThat(Arrays.stream(a, 0, shape.results()).distinct().count()).isEqualTo(shape.results());
  }

  /** The same in GF(2^128), with both proofs. */
  @ParameterizedTest
  @ValueSource(ints = {1, 17_473, 100_000})
  void bothEndsAreCorrelatedAndProveIt(int wanted) {
    VoleShape shape = VoleShape.of(wanted, true);
    Correlations[] got = new Correlations[1];
    long[] b = correlate(-1 - wanted, shape, got);
    long[] a = got[0].a();
    long[] c = got[0].c();
    for (int i = 0; i < 2 * shape.results(); i += 2) {
      long[] product = WideField.multiply(delta, new long[] {a[i], a[i + 1]});
      assertThat(c[i]).isEqualTo(b[i] ^ product[0]);
      assertThat(c[i + 1]).isEqualTo(b[i + 1] ^ product[1]);
    }
    assertThat(Arrays.stream(a, 0, 2 * shape.results()).distinct().count())
        .isEqualTo(2L * shape.results());
  }

  @Test
  void batchesDiffer() {
    VoleShape shape = VoleShape.of(100, false);
    Correlations[] one = new Correlations[1];
    Correlations[] two = new Correlations[1];
    long[] b = correlate(1, shape, one);
    assertThat(correlate(2, shape, two)).isNotEqualTo(b);
    assertThat(one[0].a()).isNotEqualTo(two[0].a());
  }

  /** Bits of a are fair coins, one by one and each with its neighbour's. */
  @Test
  void theMaskLooksUniform() {
    VoleShape shape = VoleShape.of(50_000, false);
    Correlations[] got = new Correlations[1];
    correlate(77, shape, got);
    int n = shape.results();
    for (int bit = 0; bit < 64; bit++) {
      int ones = 0;
      int equal = 0;
      for (int i = 0; i < n; i++) {
        ones += (int) (got[0].a()[i] >>> bit & 1);
        equal += i > 0 && ((got[0].a()[i] ^ got[0].a()[i - 1]) >>> bit & 1) == 0 ? 1 : 0;
      }
      // Six and a half standard deviations.
      int bound = (int) (6.5 * Math.sqrt(n) / 2);
      assertThat(ones).isBetween(n / 2 - bound, n / 2 + bound);
      assertThat(equal).isBetween(n / 2 - bound, n / 2 + bound);
    }
  }

  @Test
  void sizes() {
    assertThat(VoleShape.TREES).isEqualTo(546);
    // (1 - 0.15)^546 < 2^-128 <= (1 - 0.15)^545.
    assertThat(VoleShape.TREES * Math.log(0.85) / Math.log(2)).isLessThan(-128);
    assertThat((VoleShape.TREES - 1) * Math.log(0.85) / Math.log(2)).isGreaterThan(-128);
    for (int wanted : new int[] {1, 8192, 100_001, VoleShape.LARGEST}) {
      VoleShape shape = VoleShape.of(wanted, false);
      assertThat(shape.results()).isGreaterThanOrEqualTo(wanted);
      assertThat(shape.length()).isGreaterThanOrEqualTo(2 * shape.results());
      assertThat(shape.nodes(0)).isEqualTo(1);
      assertThat(shape.nodes(shape.depth())).isEqualTo(shape.block());
      for (int level = 0; level < shape.depth(); level++) {
        assertThat(shape.nodes(level + 1))
            .isBetween(2 * shape.nodes(level) - 1, 2 * shape.nodes(level));
      }
    }
    assertThatThrownBy(() -> VoleShape.of(VoleShape.LARGEST + 1, false))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> VoleShape.of(0, false)).isInstanceOf(IllegalArgumentException.class);
  }

  /** The code's definition, position by position, from the same bits. */
  private static long[] definition(byte[] seed, long[] vector, int results) {
    int rest = vector.length - results;
    long[] x = Arrays.copyOfRange(vector, results, vector.length);
    for (int pass = 0; pass < 2; pass++) {
      long[] drawn = new long[rest / 2];
      Blocks.stream(seed, -1 - pass).fill(drawn, 0, drawn.length);
      long[] y = new long[rest];
      for (int i = 0; i < rest; i++) {
        y[i] = x[i];
        for (int distance = 1; distance <= 25; distance++) {
          long bits = drawn[i / 2] >>> (32 * (i % 2));
          if (distance == 25 || ((bits >>> (distance - 1)) & 1) != 0) {
            int at = i - distance;
            y[i] ^= at >= 0 ? y[at] : pass == 0 ? 0 : x[at + rest];
          }
        }
      }
      x = y;
    }
    long[] out = new long[results];
    for (int part = 0; part < 21; part++) {
      int start = (int) ((long) rest * part / 21);
      int size = (int) ((long) rest * (part + 1) / 21) - start;
      for (int i = 0; i < results; i++) {
        long[] drawn = new long[2048];
        int slice = i / 4096;
        if (i % 4096 == 0) {
          Blocks.stream(seed, slice * 21 + part).fill(drawn, 0, 2048);
          for (int k = i; k < Math.min(results, i + 4096); k++) {
            long random = (drawn[k % 4096 / 2] >>> (32 * (k % 2))) & 0xffffffffL;
            out[k] ^= x[start + (int) ((random * size) >>> 32)];
          }
        }
      }
    }
    for (int i = 0; i < results; i++) {
      out[i] ^= vector[i];
    }
    return out;
  }

  @Test
  void theCodeIsWhatItsDefinitionSays() {
    Random random = new Random(5);
    byte[] seed = new byte[16];
    random.nextBytes(seed);
    int results = 5000;
    int length = 10_100;
    long[] first = random.longs(length).toArray();
    long[] second = random.longs(length).toArray();
    long[] pairs = new long[2 * length];
    for (int i = 0; i < length; i++) {
      pairs[2 * i] = first[i];
      pairs[2 * i + 1] = second[i];
    }
    long[] expected = definition(seed, first, results);
    long[] expectedSecond = definition(seed, second, results);
    DualCode code = new DualCode(seed, results, length);
    code.encode(first, 1);
    code.encode(pairs, 2);
    for (int i = 0; i < results; i++) {
      assertThat(first[i]).isEqualTo(expected[i]);
      assertThat(pairs[2 * i]).isEqualTo(expected[i]);
      assertThat(pairs[2 * i + 1]).isEqualTo(expectedSecond[i]);
    }
  }

  /**
   * What one noise position does to the result: after both convolutions about half of the positions
   * see it, and no position, the first and last included, is seen by few.
   */
  @Test
  void oneNoisePositionReachesHalfOfTheResults() {
    byte[] seed = new byte[16];
    int results = 20_000;
    int length = 40_000;
    int[] positions = {results, results + 1, results + 777, length - 30, length - 2, length - 1};
    for (int position : positions) {
      long[] vector = new long[length];
      vector[position] = 1;
      new DualCode(seed, results, length).encode(vector, 1);
      long seen = Arrays.stream(vector, 0, results).sum();
      assertThat(seen).isBetween(results * 45L / 100, results * 55L / 100);
    }
  }

  @Test
  void impossibleSizesAreRefused() {
    assertThatThrownBy(() -> new DualCode(new byte[16], 100, 199))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new DualCode(new byte[16], 100, 202))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new DualCode(new byte[16], 20, 40))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
