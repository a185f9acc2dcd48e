package org.espalier.psi.oprf;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.security.GeneralSecurityException;
import javax.crypto.Cipher;
import javax.crypto.ShortBufferException;
import javax.crypto.spec.SecretKeySpec;

/**
 * AES-128 over many 128-bit blocks at once, in the processor's own instructions. A block is two
 * consecutive longs; the first holds the first 8 bytes, big-endian. Not thread-safe.
 */
final class Blocks {
  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  /** Blocks in one call of the cipher: 2 × 8 KiB of buffers, which stay in the nearest cache. */
  private static final int BATCH = 512;

  private final Cipher cipher;
  private final boolean stream;
  private final byte[] in = new byte[16 * BATCH];
  private final byte[] out = new byte[16 * BATCH];

  /** First half of a stream's counter. */
  private long number;

  /** Longs of the stream that have been read. */
  private long position;

  private Blocks(byte[] key, boolean stream) {
    try {
      cipher = Cipher.getInstance("AES/ECB/NoPadding");
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this JDK has no AES", e);
    }
    this.stream = stream;
    init(key);
  }

  private void init(byte[] key) {
    try {
      cipher.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(key, 0, 16, "AES"));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * A public random permutation π, for {@link #hash}.
   *
   * @param key at least 16 bytes, of which the first 16 count
   */
  static Blocks permutation(byte[] key) {
    return new Blocks(key, false);
  }

  /**
   * A pseudorandom stream, for {@link #fill}: counter mode, where the counter's first 32 bits are
   * the stream's number and its last 64 count blocks. Going to another stream costs nothing.
   *
   * @param key at least 16 bytes, of which the first 16 count
   * @param number different for each stream of the same key
   */
  static Blocks stream(byte[] key, int number) {
    Blocks blocks = new Blocks(key, true);
    blocks.restart(number);
    return blocks;
  }

  /** Goes to the beginning of a stream of another key. */
  void restart(byte[] key, int number) {
    restart(number);
    init(key);
  }

  /** Goes to the beginning of another stream of the same key. */
  void restart(int number) {
    if (!stream) {
      throw new IllegalStateException("a permutation is no stream");
    }
    this.number = (long) number << 32;
    position = 0;
  }

  /**
   * The Matyas-Meyer-Oseas hash π(x) ⊕ x of each block x, correlation robust if π is a random
   * permutation (Guo, Katz, Wang, Yu: Efficient and Secure Multiparty Computation from Fixed-Key
   * Block Ciphers, IEEE S&P 2020).
   *
   * @param from first long of the first block
   * @param count blocks
   * @param to first long of the first result; may be the same place
   */
  void hash(long[] x, int from, int count, long[] result, int to) {
    if (stream) {
      throw new IllegalStateException("a stream does not hash");
    }
    for (int done = 0; done < count; ) {
      int batch = Math.min(BATCH, count - done);
      int source = from + 2 * done;
      int target = to + 2 * done;
      write(x, source, 2 * batch, in, 0);
      encrypt(16 * batch);
      for (int i = 0; i < 2 * batch; i++) {
        result[target + i] = x[source + i] ^ (long) LONGS.get(out, 8 * i);
      }
      done += batch;
    }
  }

  /** The next longs of the stream; reading continues where the last call ended. */
  void fill(long[] target, int from, int count) {
    if (!stream) {
      throw new IllegalStateException("a permutation is no stream");
    }
    for (int done = 0; done < count; ) {
      // A block of which the last call took half is made again.
      int skipped = (int) (position & 1);
      int batch = Math.min(2 * BATCH - skipped, count - done);
      int blocks = (skipped + batch + 1) / 2;
      for (int i = 0; i < blocks; i++) {
        LONGS.set(in, 16 * i, number);
        LONGS.set(in, 16 * i + 8, (position >>> 1) + i);
      }
      encrypt(16 * blocks);
      read(out, 8 * skipped, target, from + done, batch);
      done += batch;
      position += batch;
    }
  }

  private void encrypt(int bytes) {
    try {
      if (cipher.update(in, 0, bytes, out, 0) != bytes) {
        throw new IllegalStateException("the cipher holds blocks back");
      }
    } catch (ShortBufferException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Longs from bytes, big-endian. */
  static void read(byte[] bytes, int offset, long[] target, int from, int count) {
    for (int i = 0; i < count; i++) {
      target[from + i] = (long) LONGS.get(bytes, offset + 8 * i);
    }
  }

  /** Longs as bytes, big-endian. */
  static void write(long[] source, int from, int count, byte[] bytes, int offset) {
    for (int i = 0; i < count; i++) {
      LONGS.set(bytes, offset + 8 * i, source[from + i]);
    }
  }
}
