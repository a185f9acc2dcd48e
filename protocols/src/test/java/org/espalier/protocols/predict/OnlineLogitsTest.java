package org.espalier.protocols.predict;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.commons.math3.distribution.ChiSquaredDistribution;
import org.espalier.protocols.fixedpoint.Ring;
import org.espalier.protocols.mask.ZeroSumMasks;
import org.espalier.wire.Party;
import org.espalier.wire.Session;
import org.junit.jupiter.api.Test;

class OnlineLogitsTest {
  private static final Session SESSION = new Session("S-1", new byte[32], 1);
  private static final Party A = new Party("a.example");
  private static final Party B = new Party("b.example");
  private static final Party C = new Party("c.example");

  private static byte[] seed(int value) {
    byte[] seed = new byte[32];
    Arrays.fill(seed, (byte) value);
    return seed;
  }

  private static ZeroSumMasks masks(Party self, Map<Party, byte[]> seeds) {
    return ZeroSumMasks.of(SESSION, self, seeds);
  }

  private static byte[] binding(String request, int person, int key) {
    return OnlineLogits.binding(request, person, Arrays.asList(seed(key), null));
  }

  @Test
  void theAnswersOfAllPartiesAddUp() {
    ZeroSumMasks a = masks(A, Map.of(B, seed(1), C, seed(2)));
    ZeroSumMasks b = masks(B, Map.of(A, seed(1), C, seed(3)));
    ZeroSumMasks c = masks(C, Map.of(A, seed(2), B, seed(3)));
    Random random = new Random(5);
    for (int i = 0; i < 50; i++) {
      double[] parts = random.doubles(4, -20, 20).toArray();
      byte[] binding = binding("r" + i, 0, i);
      List<Long> answers =
          List.of(
              OnlineLogits.masked(a, parts[1], 3, 0, binding),
              OnlineLogits.masked(b, parts[2], 3, 0, binding),
              OnlineLogits.masked(c, parts[3], 3, 0, binding));
      assertThat(OnlineLogits.sum(parts[0], answers))
          .isCloseTo(Arrays.stream(parts).sum(), within(3 * 0x1p-31 + 1e-12));
    }
    ZeroSumMasks alone = masks(A, Map.of());
    long answer = OnlineLogits.masked(alone, -3.25, 1, 0, binding("r", 0, 0));
    assertThat(OnlineLogits.sum(1, List.of(answer))).isEqualTo(-2.25);
  }

  @Test
  void aMaskBelongsToOneQuestion() {
    ZeroSumMasks a = masks(A, Map.of(B, seed(1)));
    List<byte[]> questions =
        List.of(binding("r", 0, 1), binding("r", 0, 2), binding("s", 0, 1), binding("r", 1, 1));
    List<Long> answers = new ArrayList<>();
    for (byte[] question : questions) {
      answers.add(OnlineLogits.masked(a, 1.5, 2, 0, question));
    }
    assertThat(answers).doesNotHaveDuplicates();
    // Asked again it is answered alike, and asked differently of two parties it says nothing.
    assertThat(OnlineLogits.masked(a, 1.5, 2, 0, questions.get(0))).isEqualTo(answers.get(0));
    ZeroSumMasks b = masks(B, Map.of(A, seed(1)));
    long other = OnlineLogits.masked(b, 1.5, 2, 0, questions.get(1));
    assertThat(OnlineLogits.sum(0, List.of(answers.get(0), other))).isNotCloseTo(3, within(1.0));
  }

  @Test
  void withTwoFeaturePartiesAnAnswerIsUniform() {
    ZeroSumMasks a = masks(A, Map.of(B, seed(7)));
    int[] counts = new int[16];
    int draws = 4096;
    for (int i = 0; i < draws; i++) {
      long answer = OnlineLogits.masked(a, 0.25, 2, 0, binding("r" + i, 0, 1));
      counts[(int) (answer >>> (OnlineLogits.BITS - 4))]++;
    }
    double expected = draws / 16.0;
    double chi = Arrays.stream(counts).mapToDouble(n -> (n - expected) * (n - expected)).sum();
    double p = 1 - new ChiSquaredDistribution(15).cumulativeProbability(chi / expected);
    assertThat(p).isGreaterThan(1e-6);
  }

  @Test
  void aSumThatCouldOverflowIsNoAnswer() {
    ZeroSumMasks a = masks(A, Map.of(B, seed(1)));
    assertThatThrownBy(() -> OnlineLogits.masked(a, 1 << 16, 2, 0, binding("r", 0, 1)))
        .isInstanceOf(Ring.RangeError.class);
  }
}
