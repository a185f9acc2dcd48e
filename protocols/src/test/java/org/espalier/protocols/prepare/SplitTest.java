package org.espalier.protocols.prepare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.math.BigDecimal;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SplitTest {
  private static byte[] seed(int number) {
    byte[] seed = new byte[32];
    seed[0] = (byte) number;
    seed[1] = (byte) (number >> 8);
    return seed;
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0.5, 0",
    "1, 0.49, 0",
    "1, 0.5, 1",
    "10, 0.25, 3",
    "10, 0, 0",
    "1000, 0.2, 200",
    "1001, 0.1, 100",
    "99999, 0.9, 89999"
  })
  void holdsOutExactlyTheRoundedShareInAscendingOrder(int size, BigDecimal share, int held) {
    Split split = Split.of(size, share, seed(1));
    assertThat(split.holdout()).hasSize(held).isSorted();
    assertThat(split.training()).hasSize(size - held).isSorted();
    assertThat(
            IntStream.concat(IntStream.of(split.training()), IntStream.of(split.holdout()))
                .sorted()
                .toArray())
        .isEqualTo(IntStream.range(0, size).toArray());
  }

  @Test
  void dependsOnTheSeedAndOnNothingElse() {
    BigDecimal share = new BigDecimal("0.3");
    int[] once = Split.of(500, share, seed(1)).holdout();
    assertThat(Split.of(500, new BigDecimal("0.30"), seed(1)).holdout()).isEqualTo(once);
    assertThat(Split.of(500, share, seed(2)).holdout()).isNotEqualTo(once);
  }

  /**
   * Frozen: two releases on two sides of a job must hold out the same people. The expected
   * positions come from an independent program on OpenSSL's key stream.
   */
  @Test
  void theSubsetOfASeedNeverChanges() {
    assertThat(Split.of(20, new BigDecimal("0.25"), seed(7)).holdout())
        .containsExactly(2, 4, 5, 9, 10);
  }

  @Test
  void everySubsetIsEquallyLikely() {
    int draws = 3000;
    int[] counts = new int[32];
    for (int draw = 0; draw < draws; draw++) {
      int subset = 0;
      for (int position : Split.of(5, new BigDecimal("0.4"), seed(draw)).holdout()) {
        subset |= 1 << position;
      }
      counts[subset]++;
    }
    for (int subset = 0; subset < 32; subset++) {
      double expected = Integer.bitCount(subset) == 2 ? draws / 10.0 : 0;
      // Five standard deviations of a binomial count.
      assertThat((double) counts[subset])
          .isCloseTo(expected, within(5 * Math.sqrt(expected * 0.9)));
    }
  }

  @Test
  void refusesSharesOutsideTheRange() {
    for (String share : new String[] {"-0.1", "1", "1.5"}) {
      assertThatThrownBy(() -> Split.of(10, new BigDecimal(share), seed(1)))
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() -> Split.of(10, BigDecimal.ZERO, new byte[31]))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
