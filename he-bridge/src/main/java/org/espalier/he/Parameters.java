package org.espalier.he;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * A ring R_q = Z_q[x]/(x^N + 1) with plaintexts modulo t.
 *
 * <p>All primes belong to the data modulus q: nothing is relinearised or rotated, so none is set
 * aside for key switching and the security level is that of q itself. Fewer than 128 bits cannot be
 * constructed.
 *
 * @param degree N, 4096, 8192, 16384 or 32768
 * @param primes one to three distinct primes of 33 to 60 bits, each ≡ 1 modulo 2N
 * @param plain t, a prime ≡ 1 modulo 2N, below every prime of q and below 2^59
 */
public record Parameters(int degree, long[] primes, long plain) {
  private static final int MAX_ENCODED = 4 + 4 + 3 * 8 + 8;

  public Parameters {
    primes = primes.clone();
    require(modulusLimit(degree) > 0, "degree " + degree);
    require(primes.length >= 1 && primes.length <= 3, primes.length + " primes");
    require(Arrays.stream(primes).distinct().count() == primes.length, "equal primes");
    for (long p : primes) {
      require(p > 1L << 32 && p < 1L << 60, "prime " + p + " is not of 33 to 60 bits");
      require(isNttPrime(p, degree), p + " is not a prime = 1 modulo " + 2 * degree);
      require(plain < p, "plaintext modulus above a prime of q");
    }
    require(plain > 2 && plain < 1L << 59, "plaintext modulus " + plain);
    require(isNttPrime(plain, degree), "plaintext modulus is not a prime = 1 modulo 2N");
    require(
        securityBits(degree, modulusBits(primes)) >= 128,
        modulusBits(primes) + " bits of modulus at degree " + degree + " give less than 128 bits");
  }

  private static void require(boolean condition, String what) {
    if (!condition) {
      throw new IllegalArgumentException("unusable parameters: " + what);
    }
  }

  private static boolean isNttPrime(long p, int degree) {
    return p % (2L * degree) == 1 && BigInteger.valueOf(p).isProbablePrime(64);
  }

  /** q. */
  static BigInteger product(long[] primes) {
    BigInteger q = BigInteger.ONE;
    for (long p : primes) {
      q = q.multiply(BigInteger.valueOf(p));
    }
    return q;
  }

  private static int modulusBits(long[] primes) {
    return product(primes).bitLength();
  }

  /**
   * Security level against the best known classical attacks for ternary secrets, from the table of
   * the Homomorphic Encryption Standard (Albrecht et al. 2018) that SEAL also uses: 256, 192, 128
   * or 0.
   */
  static int securityBits(int degree, int modulusBits) {
    int[] limits = modulusLimits(degree);
    if (modulusBits <= limits[0]) {
      return 256;
    }
    if (modulusBits <= limits[1]) {
      return 192;
    }
    return modulusBits <= limits[2] ? 128 : 0;
  }

  /** Most bits of q for 128-bit security. */
  static int modulusLimit(int degree) {
    return modulusLimits(degree)[2];
  }

  /** For 256, 192 and 128 bits. */
  private static int[] modulusLimits(int degree) {
    return switch (degree) {
      case 4096 -> new int[] {58, 75, 109};
      case 8192 -> new int[] {118, 152, 218};
      case 16384 -> new int[] {237, 305, 438};
      case 32768 -> new int[] {476, 611, 881};
      default -> new int[] {0, 0, 0};
    };
  }

  @Override
  public long[] primes() {
    return primes.clone();
  }

  /** Bits of q. */
  public int modulusBits() {
    return modulusBits(primes);
  }

  /** 128, 192 or 256. */
  public int securityBits() {
    return securityBits(degree, modulusBits());
  }

  public int limbs() {
    return primes.length;
  }

  /** Canonical bytes. */
  public byte[] encode() {
    ByteBuffer out = ByteBuffer.allocate(4 + 4 + 8 * primes.length + 8);
    out.putInt(degree).putInt(primes.length);
    for (long p : primes) {
      out.putLong(p);
    }
    return out.putLong(plain).array();
  }

  /**
   * Reads {@link #encode}.
   *
   * @throws IllegalArgumentException if the bytes are malformed or the parameters unusable
   */
  public static Parameters decode(byte[] bytes) {
    require(bytes.length >= 24 && bytes.length <= MAX_ENCODED, bytes.length + " bytes");
    ByteBuffer in = ByteBuffer.wrap(bytes);
    int degree = in.getInt();
    int count = in.getInt();
    require(count >= 1 && count <= 3 && bytes.length == 16 + 8 * count, "wrong length");
    long[] primes = new long[count];
    for (int i = 0; i < count; i++) {
      primes[i] = in.getLong();
    }
    return new Parameters(degree, primes, in.getLong());
  }

  /** SHA-256 of the canonical bytes. */
  public byte[] digest() {
    return Hashes.sha256(encode());
  }

  /** Centred representative of a residue modulo t, in [-(t-1)/2, (t-1)/2]. */
  public long centre(long residue) {
    return residue > plain / 2 ? residue - plain : residue;
  }

  /** (a + b) mod t for residues. */
  public long addPlain(long a, long b) {
    long sum = a + b;
    return sum >= plain ? sum - plain : sum;
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof Parameters p && Arrays.equals(encode(), p.encode());
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(encode());
  }

  @Override
  public String toString() {
    return "BFV N="
        + degree
        + " log q="
        + modulusBits()
        + " ("
        + primes.length
        + " primes) log t="
        + (64 - Long.numberOfLeadingZeros(plain))
        + ", "
        + securityBits()
        + "-bit security";
  }
}
