package org.espalier.psi.ecdh;

import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.bouncycastle.math.ec.rfc7748.X25519;
import org.espalier.psi.curve.Curve;

/**
 * One party's secret multiplication of one run.
 *
 * <p>A clamped X25519 scalar is 8k with k in [2^251, 2^252). On u-coordinates k and -k are the same
 * multiplication, and the group's order is 2^252 plus a number below 2^125, so k meets every
 * multiplication once, but for a 2^-126 part of them that it meets twice or never: up to the sign,
 * the masked element is uniform in the group of prime order.
 */
final class Mask implements AutoCloseable {
  /** Bytes of an element: a canonical little-endian u-coordinate. */
  static final int WIDTH = X25519.POINT_SIZE;

  /** 0, 1, p - 1 and the two of order 8: what X25519 takes to zero. */
  private static final List<byte[]> LOW_ORDER =
      List.of(
          element("00" + "00".repeat(31)),
          element("01" + "00".repeat(31)),
          element("ec" + "ff".repeat(30) + "7f"),
          element("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
          element("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"));

  private final byte[] scalar = new byte[X25519.SCALAR_SIZE];
  private final Curve curve;

  Mask(SecureRandom random) {
    this(random, Curve.best());
  }

  Mask(SecureRandom random, Curve curve) {
    this.curve = curve;
    X25519.generatePrivateKey(random, scalar);
  }

  /**
   * Multiplies consecutive elements in place, on all cores.
   *
   * @return -1, or the lowest index of an element that multiplies to zero: one of low order
   */
  int apply(byte[] elements) {
    return Slices.lowest(
        elements.length / WIDTH, (from, to) -> curve.multiply(scalar, elements, from, to));
  }

  /** Whether a canonical element has order 1, 2, 4 or 8, on the curve or its twist. */
  static boolean lowOrder(byte[] bytes, int offset) {
    for (byte[] low : LOW_ORDER) {
      if (Arrays.equals(low, 0, WIDTH, bytes, offset, offset + WIDTH)) {
        return true;
      }
    }
    return false;
  }

  private static byte[] element(String littleEndian) {
    return HexFormat.of().parseHex(littleEndian);
  }

  /** Forgets the scalar. */
  @Override
  public void close() {
    Arrays.fill(scalar, (byte) 0);
  }
}
