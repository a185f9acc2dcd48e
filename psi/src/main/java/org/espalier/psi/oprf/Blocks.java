package org.espalier.psi.oprf;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.security.GeneralSecurityException;
import javax.crypto.Cipher;
import javax.crypto.ShortBufferException;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * AES-128 over many 128-bit blocks at once, in the processor's own instructions. A block is two
 * consecutive longs; the first holds the first 8 bytes, big-endian. Not thread-safe.
 */
final class Blocks {
  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  /** Blocks in one call of the cipher: 2 × 32 KiB of buffers. */
  private static final int BATCH = 2048;

  private static final byte[] ZEROS = new byte[16 * BATCH];

  private final Cipher cipher;

  /** Of a stream; null for a permutation. */
  private SecretKeySpec streamKey;

  private final byte[] in;
  private final byte[] out;

  private Blocks(String name, SecretKeySpec streamKey) {
    try {
      cipher = Cipher.getInstance(name);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this JDK has no AES", e);
    }
    this.streamKey = streamKey;
    in = streamKey != null ? ZEROS : new byte[16 * BATCH];
    out = new byte[16 * BATCH];
  }

  /**
   * A public random permutation π, for {@link #hash}.
   *
   * @param key at least 16 bytes, of which the first 16 count
   */
  static Blocks permutation(byte[] key) {
    Blocks blocks = new Blocks("AES/ECB/NoPadding", null);
    try {
      blocks.cipher.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(key, 0, 16, "AES"));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
    return blocks;
  }

  /**
   * A pseudorandom stream, for {@link #fill}.
   *
   * @param key at least 16 bytes, of which the first 16 count
   * @param number different for each stream of the same key
   */
  static Blocks stream(byte[] key, int number) {
    Blocks blocks = new Blocks("AES/CTR/NoPadding", new SecretKeySpec(key, 0, 16, "AES"));
    blocks.restart(number);
    return blocks;
  }

  /** Goes to the beginning of a stream of another key. */
  void restart(byte[] key, int number) {
    streamKey = new SecretKeySpec(key, 0, 16, "AES");
    restart(number);
  }

  /** Goes to the beginning of another stream of the same key. */
  void restart(int number) {
    if (streamKey == null) {
      throw new IllegalStateException("a permutation is no stream");
    }
    byte[] start = new byte[16];
    for (int i = 0; i < 4; i++) {
      start[i] = (byte) (number >>> (24 - 8 * i));
    }
    try {
      cipher.init(Cipher.ENCRYPT_MODE, streamKey, new IvParameterSpec(start));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
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
    if (streamKey != null) {
      throw new IllegalStateException("a stream does not hash");
    }
    for (int done = 0; done < count; ) {
      int batch = Math.min(BATCH, count - done);
      int source = from + 2 * done;
      int target = to + 2 * done;
      for (int i = 0; i < 2 * batch; i++) {
        LONGS.set(in, 8 * i, x[source + i]);
      }
      encrypt(16 * batch);
      for (int i = 0; i < 2 * batch; i++) {
        result[target + i] = x[source + i] ^ (long) LONGS.get(out, 8 * i);
      }
      done += batch;
    }
  }

  /** The next bytes of the stream; reading continues where the last call ended. */
  void fill(long[] target, int from, int count) {
    if (streamKey == null) {
      throw new IllegalStateException("a permutation is no stream");
    }
    for (int done = 0; done < count; ) {
      int batch = Math.min(2 * BATCH, count - done);
      encrypt(8 * batch);
      for (int i = 0; i < batch; i++) {
        target[from + done + i] = (long) LONGS.get(out, 8 * i);
      }
      done += batch;
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
