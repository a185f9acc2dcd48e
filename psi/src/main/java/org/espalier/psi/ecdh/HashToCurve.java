package org.espalier.psi.ecdh;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import org.bouncycastle.math.ec.rfc7748.X25519Field;

/**
 * The u-coordinate of {@code map_to_curve(hash_to_field(message))} of suite {@code
 * curve25519_XMD:SHA-512_ELL2_NU_} (RFC 9380). Not thread-safe.
 *
 * <p>Two things of the suite are left to the multiplication that follows. The cofactor: an X25519
 * scalar is 8k, and 8k·Q = k·(8Q), which is k times the suite's output. The v-coordinate: X25519 is
 * defined on u alone, and u(kP) = u(k(-P)).
 *
 * <p><b>Why the non-uniform encoding is enough.</b> Its outputs cover a fixed part of the group
 * unevenly, so it is not a random oracle into the group. The proof of Diffie-Hellman PSI needs
 * less: with SHA-512 as the random oracle, a simulator must be able to answer a query with an
 * element P whose distribution is right and which it took from a Diffie-Hellman challenge. It takes
 * P from the challenge and one Q with 8Q = P, solves the map backwards on the eight points Q + T of
 * the coset of the torsion group (each has none or two preimages ±r, found in closed form), accepts
 * P with probability (number of preimages)/16 and answers with a random preimage. The p field
 * elements fall on p/8 elements P, so an element has 8 preimages on average and half of the draws
 * are accepted; the answers have exactly the suite's distribution. Acceptance depends on public
 * values alone, so the remaining tuples are Diffie-Hellman tuples or random ones as before. The
 * count is in docs/protocols/psi-ecdh.md.
 */
final class HashToCurve {
  private static final int L = 48;
  private static final int BLOCK = 128;
  private static final BigInteger P =
      BigInteger.ONE.shiftLeft(255).subtract(BigInteger.valueOf(19));

  /** The curve is v² = u³ + A u² + u. */
  private static final int A = 486662;

  private final MessageDigest sha512;
  private final byte[] dst;
  private final byte[] zeros = new byte[BLOCK];
  private final int[] t = X25519Field.create();
  private final int[] d = X25519Field.create();
  private final int[] n = X25519Field.create();
  private final int[] root = X25519Field.create();

  /**
   * @param dst domain separation tag, 1 to 255 bytes
   */
  HashToCurve(byte[] dst) {
    if (dst.length < 1 || dst.length > 255) {
      throw new IllegalArgumentException("a domain separation tag has 1 to 255 bytes");
    }
    this.dst = dst.clone();
    try {
      sha512 = MessageDigest.getInstance("SHA-512");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The tag of one rule of one run. */
  static byte[] tag(byte[] binding) {
    byte[] name =
        "ESPALIER-V01-CS01-with-curve25519_XMD:SHA-512_ELL2_NU_"
            .getBytes(StandardCharsets.US_ASCII);
    byte[] tag = java.util.Arrays.copyOf(name, name.length + binding.length);
    System.arraycopy(binding, 0, tag, name.length, binding.length);
    return tag;
  }

  /** Writes 32 bytes, little-endian. */
  void encode(byte[] message, byte[] out, int offset) {
    map(field(message), out, offset);
  }

  /** hash_to_field with expand_message_xmd, RFC 9380 sections 5.2 and 5.3.1, count 1. */
  BigInteger field(byte[] message) {
    sha512.update(zeros);
    sha512.update(message);
    sha512.update(new byte[] {0, L, 0});
    sha512.update(dst);
    byte[] b0 = sha512.digest(new byte[] {(byte) dst.length});
    sha512.update(b0);
    sha512.update((byte) 1);
    sha512.update(dst);
    byte[] b1 = sha512.digest(new byte[] {(byte) dst.length});
    return new BigInteger(1, b1, 0, L).mod(P);
  }

  /**
   * Elligator 2 (RFC 9380, section 6.7.1) with Z = 2: u1 = -A / (1 + 2r²) if that is on the curve,
   * else u2 = -u1 - A. With d = 1 + 2r², u1³ + A u1² + u1 is a square exactly if -A (A² - A² d +
   * d²) / d is one. d is never 0, because -1/2 is not a square modulo p.
   */
  void map(BigInteger r, byte[] out, int offset) {
    byte[] bytes = new byte[32];
    byte[] big = r.toByteArray();
    for (int i = 0; i < Math.min(32, big.length); i++) {
      bytes[i] = big[big.length - 1 - i];
    }
    X25519Field.decode255(bytes, 0, t, 0);
    X25519Field.sqr(t, d);
    X25519Field.add(d, d, d);
    X25519Field.carry(d);
    X25519Field.addOne(d);
    X25519Field.carry(d);

    X25519Field.one(t);
    X25519Field.sub(t, d, n); // 1 - d
    X25519Field.carry(n);
    X25519Field.mul(n, A, n);
    X25519Field.mul(n, A, n); // A² (1 - d)
    X25519Field.sqr(d, t);
    X25519Field.add(n, t, n);
    X25519Field.carry(n);
    X25519Field.mul(n, A, n);
    X25519Field.negate(n, n);
    X25519Field.carry(n);
    boolean square = X25519Field.sqrtRatioVar(n, d, root);

    X25519Field.inv(d, t);
    X25519Field.mul(t, A, t); // -u1
    if (square) {
      X25519Field.negate(t, t);
    } else {
      X25519Field.zero(n);
      X25519Field.addOne(n);
      X25519Field.mul(n, A, n);
      X25519Field.sub(t, n, t);
    }
    X25519Field.carry(t);
    X25519Field.normalize(t);
    X25519Field.encode(t, out, offset);
  }
}
