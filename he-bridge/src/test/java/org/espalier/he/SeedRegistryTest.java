package org.espalier.he;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * No seed twice in a job. What a reused seed gives away is measured in {@code attack_tests.cpp}.
 */
class SeedRegistryTest {
  private static final Parameters PARAMETERS =
      ParameterChooser.choose(new Workload(100, new int[] {2}, 1 << 20, 1 << 10)).parameters();

  @Test
  void aSeedUsedTwiceIsRefusedForBlocksAndKeysAlike() {
    try (HeContext context = HeContext.of(PARAMETERS);
        KeyPair key = context.generateKey()) {
      SeedRegistry job = new SeedRegistry();
      byte[] first = key.encryptBlock(new long[3], 0, 3, 1);
      context.readBlock(first, job).close();
      assertThatThrownBy(() -> context.readBlock(first, job))
          .isInstanceOf(MalformedCiphertextException.class)
          .hasMessage("a seed was used twice in this job");
      // Other contents under the same seed are the attack itself.
      byte[] second = key.encryptBlock(new long[] {1, 2, 3}, 0, 3, 1);
      System.arraycopy(first, Header.SIZE, second, Header.SIZE, SeedRegistry.SEED_BYTES);
      assertThatThrownBy(() -> context.readBlock(second, job)).hasMessageContaining("twice");
      // A public key with a block's seed, and the other way round.
      byte[] publicKey = key.publicKey();
      System.arraycopy(first, Header.SIZE, publicKey, Header.SIZE, SeedRegistry.SEED_BYTES);
      assertThatThrownBy(() -> context.readPublicKey(publicKey, job)).hasMessageContaining("twice");
      context.readPublicKey(key.publicKey(), job).close();
      byte[] block = key.encryptBlock(new long[3], 0, 3, 1);
      System.arraycopy(key.publicKey(), Header.SIZE, block, Header.SIZE, SeedRegistry.SEED_BYTES);
      assertThatThrownBy(() -> context.readBlock(block, job)).hasMessageContaining("twice");
      // Another job is another registry.
      context.readBlock(first, new SeedRegistry()).close();
    }
  }

  @Test
  void everyEncryptionHasAFreshSeed() {
    try (HeContext context = HeContext.of(PARAMETERS);
        KeyPair key = context.generateKey()) {
      SeedRegistry job = new SeedRegistry();
      for (int i = 0; i < 200; i++) {
        context.readBlock(key.encryptBlock(new long[3], 0, 3, 1), job).close();
      }
      byte[] seed =
          Arrays.copyOfRange(key.publicKey(), Header.SIZE, Header.SIZE + SeedRegistry.SEED_BYTES);
      assertThat(seed).isNotEqualTo(new byte[SeedRegistry.SEED_BYTES]);
    }
  }

  @Test
  void exactlyOneOfManyThreadsMayUseASeed() {
    SeedRegistry job = new SeedRegistry();
    AtomicInteger accepted = new AtomicInteger();
    IntStream.range(0, 64)
        .parallel()
        .forEach(
            i -> {
              try {
                job.use(new byte[SeedRegistry.SEED_BYTES]);
                accepted.incrementAndGet();
              } catch (MalformedCiphertextException refused) {
                assertThat(refused).hasMessageContaining("twice");
              }
            });
    assertThat(accepted).hasValue(1);
  }
}
