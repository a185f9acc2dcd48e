package org.espalier.psi.oprf;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SharesTest {
  private static final int SENDERS = 4;
  private static final int COUNT = 20_000;

  /** The shares of each sender for the same keys. */
  private static long[][] shares() {
    Random random = new Random(11);
    byte[][][] common = new byte[SENDERS][SENDERS][];
    for (int i = 0; i < SENDERS; i++) {
      for (int j = i + 1; j < SENDERS; j++) {
        common[i][j] = new byte[16];
        random.nextBytes(common[i][j]);
        common[j][i] = common[i][j];
      }
    }
    Keys keys =
        new Keys(
            new byte[32],
            new byte[16],
            OkvsShape.of(COUNT),
            random.longs(2L * COUNT).toArray(),
            IntStream.range(0, COUNT).toArray());
    long[][] shares = new long[SENDERS][COUNT];
    for (int i = 0; i < SENDERS; i++) {
      List<byte[]> own = new ArrayList<>();
      for (int j = 0; j < SENDERS; j++) {
        if (j != i) {
          own.add(common[i][j]);
        }
      }
      Shares party = new Shares(own.toArray(byte[][]::new));
      party.add(keys, 0, 7000, shares[i], 0);
      party.add(keys, 7000, COUNT - 7000, shares[i], 7000);
    }
    return shares;
  }

  /** A key that some do not have: what the others' shares add up to says nothing. */
  @Test
  void onlyAllSharesTogetherAddUpToZero() {
    long[][] shares = shares();
    for (int subset = 1; subset < 1 << SENDERS; subset++) {
      long[] sums = new long[COUNT];
      for (int i = 0; i < SENDERS; i++) {
        for (int key = 0; key < COUNT && (subset >> i & 1) != 0; key++) {
          sums[key] ^= shares[i][key];
        }
      }
      if (subset == (1 << SENDERS) - 1) {
        assertThat(sums).containsOnly(0);
        continue;
      }
      byte[] bytes = new byte[8 * COUNT];
      Blocks.write(sums, 0, COUNT, bytes, 0);
      UniformTest.assertUniform("subset " + subset, bytes);
      assertThat(sums).doesNotHaveDuplicates();
    }
  }
}
