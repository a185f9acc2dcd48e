package org.espalier.psi.ecdh;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import org.espalier.psi.curve.Elligator;

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

  private final MessageDigest sha512;
  private final byte[] dst;
  private final byte[] zeros = new byte[BLOCK];
  private final Elligator elligator = new Elligator();

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
    return new BigInteger(1, b1, 0, L).mod(Elligator.P);
  }

  /** Elligator 2, see {@link Elligator#map}. */
  void map(BigInteger r, byte[] out, int offset) {
    elligator.map(Elligator.bytes(r), out, offset);
  }
}
