package org.espalier.psi.oprf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.Random;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;

class BlocksTest {
  private static final int LONGS = 5000;

  private static long[] counterMode(byte[] key, int number) throws Exception {
    Cipher cipher = Cipher.getInstance("AES/CTR/NoPadding");
    byte[] start = ByteBuffer.allocate(16).putInt(number).array();
    cipher.init(
        Cipher.ENCRYPT_MODE, new SecretKeySpec(key, 0, 16, "AES"), new IvParameterSpec(start));
    long[] stream = new long[LONGS];
    ByteBuffer.wrap(cipher.doFinal(new byte[8 * LONGS])).asLongBuffer().get(stream);
    return stream;
  }

  @Test
  void streamsAreCounterModeHoweverTheyAreRead() throws Exception {
    Random random = new Random(1);
    byte[] key = new byte[16];
    random.nextBytes(key);
    Blocks blocks = Blocks.stream(key, 0);
    for (int number : new int[] {0, 1, -1, -2, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
      if (number == -2) {
        random.nextBytes(key);
        blocks.restart(key, number);
      } else {
        blocks.restart(number);
      }
      long[] read = new long[LONGS];
      for (int done = 0; done < LONGS; ) {
        int piece = Math.min(LONGS - done, 1 + random.nextInt(done < 50 ? 3 : 2500));
        blocks.fill(read, done, piece);
        done += piece;
      }
      assertThat(read).as("stream %d", number).isEqualTo(counterMode(key, number));
    }
  }

  @Test
  void hashesAreTheCipherAndTheBlockItself() throws Exception {
    byte[] key = new byte[16];
    new Random(2).nextBytes(key);
    // The first block of stream 7 is the cipher of (7, 0, 0, 0).
    long[] block = {7L << 32, 0};
    Blocks.permutation(key).hash(block, 0, 1, block, 0);
    long[] stream = counterMode(key, 7);
    assertThat(block).containsExactly(stream[0] ^ 7L << 32, stream[1]);
    assertThatThrownBy(() -> Blocks.permutation(key).fill(block, 0, 2))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> Blocks.stream(key, 0).hash(block, 0, 1, block, 0))
        .isInstanceOf(IllegalStateException.class);
  }
}
