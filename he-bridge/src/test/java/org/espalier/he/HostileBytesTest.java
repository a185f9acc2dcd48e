package org.espalier.he;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import org.espalier.he.nativelib.Native;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Whatever a peer sends is read, or refused as malformed: never a crash, never another error. */
class HostileBytesTest {
  private static final int ROUNDS = 400;
  private static final int COLUMNS = 5;
  private static final int WIDTH = 2;

  private final Parameters p =
      new Parameters(
          4096,
          new long[] {Native.primeBelow(4096, 37, 0), Native.primeBelow(4096, 37, 1)},
          Native.primeBelow(4096, 28, 0));
  private final HeContext context = HeContext.of(p);
  private final KeyPair key = context.generateKey();

  @AfterEach
  void close() {
    key.close();
    context.close();
  }

  private static byte[] damage(byte[] good, Random random) {
    byte[] bytes = good.clone();
    switch (random.nextInt(6)) {
      case 0 -> bytes = java.util.Arrays.copyOf(good, random.nextInt(good.length + 200));
      case 1 -> random.nextBytes(bytes);
      case 2 -> {
        int from = random.nextInt(bytes.length);
        java.util.Arrays.fill(bytes, from, Math.min(bytes.length, from + 16), (byte) 0xff);
      }
      case 3 -> bytes[random.nextInt(Header.SIZE)] ^= (byte) (1 << random.nextInt(8));
      default -> {
        for (int k = random.nextInt(8); k >= 0; k--) {
          bytes[Header.SIZE + random.nextInt(bytes.length - Header.SIZE)] =
              (byte) random.nextInt(256);
        }
      }
    }
    return bytes;
  }

  @Test
  void blocks() {
    byte[] good = key.encryptBlock(new long[] {1, 2, 3}, 0, 3, WIDTH);
    int alive = Native.objects();
    Random random = new Random(31);
    int refused = 0;
    for (int round = 0; round < ROUNDS; round++) {
      try (EncryptedBlock block = context.readBlock(damage(good, random), new SeedRegistry())) {
        assertThat(block.context()).isSameAs(context);
      } catch (MalformedCiphertextException e) {
        refused++;
      }
    }
    assertThat(refused).isBetween(ROUNDS / 4, ROUNDS - 1);
    assertThat(Native.objects()).isEqualTo(alive);
  }

  @Test
  void publicKeys() {
    byte[] good = key.publicKey();
    int alive = Native.objects();
    Random random = new Random(32);
    int refused = 0;
    for (int round = 0; round < ROUNDS; round++) {
      try (PublicKey read = context.readPublicKey(damage(good, random), new SeedRegistry())) {
        assertThat(read.context()).isSameAs(context);
      } catch (MalformedCiphertextException e) {
        refused++;
      }
    }
    assertThat(refused).isBetween(ROUNDS / 4, ROUNDS - 1);
    assertThat(Native.objects()).isEqualTo(alive);
  }

  @Test
  void replies() {
    for (int limbs = 1; limbs <= 2; limbs++) {
      byte[] good = reply(limbs);
      Random random = new Random(33 + limbs);
      int refused = 0;
      for (int round = 0; round < ROUNDS; round++) {
        try {
          long[] opened = key.open(damage(good, random), COLUMNS, WIDTH, limbs);
          assertThat(opened).hasSize(COLUMNS);
          for (long v : opened) {
            assertThat(v).isBetween(0L, p.plain() - 1);
          }
        } catch (MalformedCiphertextException e) {
          refused++;
        }
      }
      assertThat(refused).isBetween(ROUNDS / 4, ROUNDS - 1);
    }
  }

  private byte[] reply(int limbs) {
    SeedRegistry seeds = new SeedRegistry();
    try (TileStore tiles = TileStore.of(context, new int[3 * COLUMNS], 3, COLUMNS, WIDTH);
        BackwardAccumulator pass = tiles.backward();
        PublicKey pk = context.readPublicKey(key.publicKey(), seeds)) {
      pass.add(0, context.readBlock(key.encryptBlock(new long[3], 0, 3, WIDTH), seeds));
      return pass.finish(pk, new byte[32], limbs).wire();
    }
  }

  @Test
  void shapesThatDoNotExistAreRefused() {
    byte[] good = reply(2);
    for (int[] shape :
        new int[][] {
          {0, 1, 1},
          {-1, 1, 1},
          {Integer.MAX_VALUE, 1, 1},
          {Integer.MIN_VALUE, 1, 1},
          {5, 0, 2},
          {5, 3, 2},
          {5, -2, 2},
          {5, Integer.MAX_VALUE, 2},
          {5, 2, 0},
          {5, 2, 3},
          {5, 2, -1},
          {1 << 21, 64, 2}
        }) {
      assertThatThrownBy(() -> key.open(good, shape[0], shape[1], shape[2]))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> context.replyBytes(shape[0], shape[1], shape[2]))
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() -> key.open(good, 6, 2, 2))
        .isInstanceOf(MalformedCiphertextException.class)
        .hasMessageContaining("bytes, not");
  }

  @Test
  void kindsAndParametersAreNotInterchangeable() {
    byte[] block = key.encryptBlock(new long[1], 0, 1, 1);
    assertThatThrownBy(() -> context.readPublicKey(block, new SeedRegistry()))
        .isInstanceOf(MalformedCiphertextException.class)
        .hasMessage("this is not a public key");
    assertThatThrownBy(() -> context.readBlock(key.publicKey(), new SeedRegistry()))
        .hasMessage("this is not a ciphertext");
    Parameters others = new Parameters(p.degree(), p.primes(), Native.primeBelow(4096, 27, 0));
    try (HeContext other = HeContext.of(others)) {
      assertThatThrownBy(() -> other.readBlock(block, new SeedRegistry()))
          .hasMessage("ciphertext was made under other parameters");
    }
  }
}
