package org.espalier.psi.curve;

import java.math.BigInteger;
import org.bouncycastle.math.ec.rfc7748.X25519;
import org.bouncycastle.math.ec.rfc7748.X25519Field;

/**
 * Elligator 2 on Curve25519, v² = u³ + A u² + u, on u-coordinates only (RFC 9380, section 6.7.1,
 * with Z = 2; Bernstein, Hamburg, Krasnova, Lange: Elligator, CCS 2013), both ways, and
 * multiplication by scalars that are not clamped. Elements are 32 bytes, little-endian. Not
 * thread-safe.
 */
public final class Elligator {
  /** Bytes of a field element. */
  public static final int WIDTH = X25519.POINT_SIZE;

  /** The field's modulus. */
  public static final BigInteger P = BigInteger.ONE.shiftLeft(255).subtract(BigInteger.valueOf(19));

  private static final int A = 486662;
  private static final int BITS = 256;

  private final int[] t = X25519Field.create();
  private final int[] d = X25519Field.create();
  private final int[] n = X25519Field.create();
  private final int[] root = X25519Field.create();

  /** A field element as bytes. */
  public static byte[] bytes(BigInteger element) {
    byte[] bytes = new byte[WIDTH];
    byte[] big = element.toByteArray();
    for (int i = 0; i < Math.min(WIDTH, big.length); i++) {
      bytes[i] = big[big.length - 1 - i];
    }
    return bytes;
  }

  /** Little-endian bytes as a number. */
  public static BigInteger number(byte[] bytes) {
    byte[] big = new byte[bytes.length];
    for (int i = 0; i < big.length; i++) {
      big[i] = bytes[bytes.length - 1 - i];
    }
    return new BigInteger(1, big);
  }

  /**
   * The map: u1 = -A / (1 + 2r²) if that is on the curve, else u2 = -u1 - A. With d = 1 + 2r², u1³
   * + A u1² + u1 is a square exactly if -A (A² - A² d + d²) / d is one. d is never 0, because -1/2
   * is not a square modulo p.
   *
   * @param r below p
   * @param out takes 32 bytes at {@code offset}
   */
  public void map(byte[] r, byte[] out, int offset) {
    X25519Field.decode255(r, 0, t, 0);
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
      constant(A, n);
      X25519Field.sub(t, n, t);
    }
    X25519Field.carry(t);
    X25519Field.normalize(t);
    X25519Field.encode(t, out, offset);
  }

  /**
   * The way back. Each of half of all u-coordinates on the curve has four preimages: ±r from r² =
   * -(u + A) / (2u), where u is the map's u1, and ±r from r² = -u / (2 (u + A)), where it is u2.
   * The others have none.
   *
   * @param u of a point on the curve
   * @param which 0 to 3: which preimage
   * @return below p; null where there is none
   */
  public byte[] preimage(byte[] u, int which) {
    X25519Field.decode255(u, 0, t, 0);
    constant(A, n);
    X25519Field.add(t, n, n); // u + A
    X25519Field.carry(n);
    boolean second = (which & 2) != 0;
    int[] above = second ? t : n;
    int[] below = second ? n : t;
    X25519Field.negate(above, above);
    X25519Field.carry(above);
    X25519Field.add(below, below, d);
    X25519Field.carry(d);
    X25519Field.normalize(d);
    X25519Field.normalize(above);
    if (X25519Field.isZeroVar(d) || X25519Field.isZeroVar(above)) {
      return null;
    }
    if (!X25519Field.sqrtRatioVar(above, d, root)) {
      return null;
    }
    X25519Field.normalize(root);
    X25519Field.cnegate(which & 1, root);
    X25519Field.carry(root);
    X25519Field.normalize(root);
    byte[] r = new byte[WIDTH];
    X25519Field.encode(root, r, 0);
    return r;
  }

  /** A small constant. */
  private static void constant(int value, int[] out) {
    X25519Field.one(out);
    X25519Field.mul(out, value, out);
  }

  /**
   * The u-coordinate of k times a point: the Montgomery ladder of RFC 7748, section 5, in constant
   * time, without clamping.
   *
   * @param k 32 bytes, any number below 2^256
   * @param u on the curve or its twist
   * @return 32 bytes; zero for the point at infinity and the point of order 2
   */
  public static byte[] multiply(byte[] k, byte[] u) {
    int[] x1 = X25519Field.create();
    int[] x2 = X25519Field.create();
    int[] z2 = X25519Field.create();
    int[] x3 = X25519Field.create();
    int[] z3 = X25519Field.create();
    int[] a = X25519Field.create();
    int[] b = X25519Field.create();
    int[] c = X25519Field.create();
    int[] e = X25519Field.create();
    X25519Field.decode255(u, 0, x1, 0);
    X25519Field.one(x2);
    X25519Field.copy(x1, 0, x3, 0);
    X25519Field.one(z3);
    int swap = 0;
    for (int bit = BITS - 1; bit >= 0; bit--) {
      int now = k[bit >>> 3] >>> (bit & 7) & 1;
      X25519Field.cswap(swap ^ now, x2, x3);
      X25519Field.cswap(swap ^ now, z2, z3);
      swap = now;
      X25519Field.apm(x2, z2, a, b); // A, B
      X25519Field.apm(x3, z3, c, e); // C, D
      X25519Field.mul(e, a, e); // DA
      X25519Field.mul(c, b, c); // CB
      X25519Field.sqr(a, a); // AA
      X25519Field.sqr(b, b); // BB
      X25519Field.apm(e, c, x3, z3);
      X25519Field.sqr(x3, x3);
      X25519Field.sqr(z3, z3);
      X25519Field.mul(z3, x1, z3);
      X25519Field.mul(a, b, x2);
      X25519Field.sub(a, b, e); // E
      X25519Field.mul(e, (A - 2) / 4, c);
      X25519Field.add(c, a, c);
      X25519Field.mul(c, e, z2);
    }
    X25519Field.cswap(swap, x2, x3);
    X25519Field.cswap(swap, z2, z3);
    X25519Field.inv(z2, z2);
    X25519Field.mul(x2, z2, x2);
    X25519Field.normalize(x2);
    byte[] out = new byte[WIDTH];
    X25519Field.encode(x2, out, 0);
    return out;
  }

  /** Whether 32 bytes are the canonical form of a field element, that is, below p. */
  public static boolean canonical(byte[] bytes, int offset) {
    if (bytes[offset + 31] < 0) {
      return false;
    }
    if (bytes[offset + 31] != 0x7f) {
      return true;
    }
    for (int i = 30; i > 0; i--) {
      if (bytes[offset + i] != (byte) 0xff) {
        return true;
      }
    }
    return (bytes[offset] & 0xff) < 0xed;
  }
}
