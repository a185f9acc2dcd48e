package org.espalier.psi.curve;

import java.math.BigInteger;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.bouncycastle.math.ec.rfc7748.X25519;

/**
 * A secret multiplication.
 *
 * <p>A clamped X25519 scalar is 8k with k in [2^251, 2^252). On u-coordinates k and -k are the same
 * multiplication, and the group's order is 2^252 plus a number below 2^125, so k meets every
 * multiplication once, but for a 2^-126 part of them that it meets twice or never: up to the sign,
 * the masked element is uniform in the group of prime order.
 */
public final class Mask implements AutoCloseable {
  /** Bytes of an element: a canonical little-endian u-coordinate. */
  public static final int WIDTH = X25519.POINT_SIZE;

  /** ℓ, of the group of prime order. */
  private static final BigInteger ORDER =
      BigInteger.ONE.shiftLeft(252).add(new BigInteger("27742317777372353535851937790883648493"));

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

  /** A new one. */
  public Mask(SecureRandom random) {
    this(random, Curve.best());
  }

  Mask(SecureRandom random, Curve curve) {
    this.curve = curve;
    X25519.generatePrivateKey(random, scalar);
  }

  private Mask(byte[] scalar) {
    curve = Curve.best();
    System.arraycopy(scalar, 0, this.scalar, 0, WIDTH);
  }

  /** The one that another had, from {@link #scalar}. */
  public static Mask of(byte[] scalar) {
    if (scalar.length != X25519.SCALAR_SIZE) {
      throw new IllegalArgumentException("a scalar has 32 bytes, not " + scalar.length);
    }
    return new Mask(scalar);
  }

  /** 32 bytes that make the same mask again: a secret. */
  public byte[] scalar() {
    return scalar.clone();
  }

  /**
   * The mask that takes this one off again. For elements u of points of the curve, not of its
   * twist, and any other mask X, {@code inverse(X(this(u)))} is X(u): in the group of prime order
   * one scalar is the other's inverse, and X clears the cofactor.
   *
   * <p>With s the scalar of this mask and ℓ the order of the group, the other is 8·max(t, ℓ - t),
   * where t = (8s)^-1 mod ℓ: on u-coordinates t and -t act alike, the greater of them is above
   * 2^251, and so 8t has the form of a clamped scalar. What is inverted is s times a random number,
   * so that how long it takes tells nothing of s.
   */
  public Mask inverse(SecureRandom random) {
    BigInteger clamped = little(scalar);
    if (!clamped.testBit(254)) {
      throw new IllegalStateException("the mask is closed");
    }
    BigInteger blind;
    do {
      blind = new BigInteger(252, random);
    } while (blind.signum() == 0);
    BigInteger t =
        blind.multiply(clamped.shiftLeft(3).multiply(blind).modInverse(ORDER)).mod(ORDER);
    BigInteger inverse = t.max(ORDER.subtract(t)).shiftLeft(3);
    if (inverse.bitLength() != 255) {
      throw new IllegalStateException("met once in 2^126 masks: try again");
    }
    byte[] bytes = new byte[WIDTH];
    for (int i = 0; i < WIDTH; i++) {
      bytes[i] = inverse.shiftRight(8 * i).byteValue();
    }
    return new Mask(bytes);
  }

  private static BigInteger little(byte[] bytes) {
    byte[] big = new byte[bytes.length];
    for (int i = 0; i < big.length; i++) {
      big[i] = bytes[big.length - 1 - i];
    }
    return new BigInteger(1, big);
  }

  /**
   * Multiplies consecutive elements in place, on all cores.
   *
   * @return -1, or the lowest index of an element that multiplies to zero: one of low order
   */
  public int apply(byte[] elements) {
    return Slices.lowest(
        elements.length / WIDTH, (from, to) -> curve.multiply(scalar, elements, from, to));
  }

  /** Whether a canonical element has order 1, 2, 4 or 8, on the curve or its twist. */
  public static boolean lowOrder(byte[] bytes, int offset) {
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
