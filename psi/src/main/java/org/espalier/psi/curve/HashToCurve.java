package org.espalier.psi.curve;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * How keys become elements: the u-coordinate of {@code map_to_curve(hash_to_field(key))} of suite
 * {@code curve25519_XMD:SHA-512_ELL2_NU_} (RFC 9380).
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
public final class HashToCurve {
  private final byte[] dst;
  private final Curve curve = Curve.best();

  /**
   * @param dst domain separation tag, 1 to 255 bytes
   */
  public HashToCurve(byte[] dst) {
    this.dst = dst.clone();
  }

  /** The tag of one set of keys, such as one rule of one run. */
  public static byte[] tag(byte[] binding) {
    byte[] name =
        "ESPALIER-V01-CS01-with-curve25519_XMD:SHA-512_ELL2_NU_"
            .getBytes(StandardCharsets.US_ASCII);
    byte[] tag = Arrays.copyOf(name, name.length + binding.length);
    System.arraycopy(binding, 0, tag, name.length, binding.length);
    return tag;
  }

  /** Hashes keys, on all cores. */
  public byte[] encode(KeyBatch keys) {
    byte[] elements = new byte[keys.size() * Mask.WIDTH];
    Slices.lowest(
        keys.size(),
        (from, to) -> {
          curve.encode(dst, keys.bytes(), keys.ends(), elements, from, to);
          return -1;
        });
    return elements;
  }
}
