package org.espalier.protocols.mask;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.ShortBufferException;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * A stream of pseudorandom numbers from a 32-byte seed: the key stream of AES-256 in counter mode.
 * Two parties with the same seed draw the same numbers; to anyone else they are indistinguishable
 * from uniform. Not thread-safe.
 */
public final class Prg {
  /** Who draws a number or two is not to wait for a thousand. */
  private static final int FIRST = 64;

  private static final int BUFFER = 8192;
  private static final byte[] ZEROS = new byte[BUFFER];
  private static final SecureRandom SYSTEM = new SecureRandom();
  private static final VarHandle WORDS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  private final Cipher cipher;
  private byte[] buffer = new byte[0];
  private int at;

  /**
   * @param seed 32 bytes, used once
   */
  public Prg(byte[] seed) {
    if (seed.length != 32) {
      throw new IllegalArgumentException("seed has " + seed.length + " bytes, not 32");
    }
    try {
      cipher = Cipher.getInstance("AES/CTR/NoPadding");
      cipher.init(
          Cipher.ENCRYPT_MODE, new SecretKeySpec(seed, "AES"), new IvParameterSpec(new byte[16]));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this JDK has no AES-256 in counter mode", e);
    }
  }

  /** A generator whose seed comes from the operating system and is kept nowhere. */
  public static Prg fresh() {
    byte[] seed = freshSeed();
    Prg prg = new Prg(seed);
    Arrays.fill(seed, (byte) 0);
    return prg;
  }

  /** 32 bytes from the operating system. */
  public static byte[] freshSeed() {
    byte[] seed = new byte[32];
    SYSTEM.nextBytes(seed);
    return seed;
  }

  /** Uniform in 0..2^64-1. */
  public long nextLong() {
    if (at == buffer.length) {
      refill();
    }
    long value = (long) WORDS.get(buffer, at);
    at += 8;
    return value;
  }

  /**
   * Uniform below a modulus, by rejection.
   *
   * @param modulus 2 to 2^62
   */
  public long below(long modulus) {
    long mask = -1L >>> Long.numberOfLeadingZeros(modulus - 1);
    long candidate;
    do {
      candidate = nextLong() & mask;
    } while (candidate >= modulus);
    return candidate;
  }

  /**
   * The upper bits of a uniform number, less half of their range: uniform in [−2^(bits−1),
   * 2^(bits−1)).
   *
   * @param bits 1 to 63
   */
  public static long centred(long uniform, int bits) {
    return (uniform >>> (Long.SIZE - bits)) - (1L << (bits - 1));
  }

  /** Uniform in [0, 1) with 53 bits. */
  public double nextDouble() {
    return (nextLong() >>> 11) * 0x1p-53;
  }

  /** Normal with mean 0 and deviation 1 (Box and Muller 1958). */
  public double nextGaussian() {
    return Math.sqrt(-2 * Math.log1p(-nextDouble())) * Math.cos(2 * Math.PI * nextDouble());
  }

  /** An integer next to {@code x}, the upper one with probability {@code x - floor(x)}. */
  public long roundStochastically(double x) {
    double floor = Math.floor(x);
    return (long) floor + (nextDouble() < x - floor ? 1 : 0);
  }

  /** The numbers from 0 to below {@code count} in random order (Fisher and Yates). */
  public int[] permutation(int count) {
    int[] order = new int[count];
    for (int i = 0; i < count; i++) {
      int j = (int) Long.remainderUnsigned(nextLong(), i + 1L);
      order[i] = order[j];
      order[j] = i;
    }
    return order;
  }

  private void refill() {
    if (buffer.length < BUFFER) {
      buffer = new byte[buffer.length == 0 ? FIRST : BUFFER];
    }
    try {
      cipher.update(ZEROS, 0, buffer.length, buffer, 0);
    } catch (ShortBufferException e) {
      throw new IllegalStateException(e);
    }
    at = 0;
  }
}
