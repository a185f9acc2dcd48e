package org.espalier.psi.curve;

import java.util.List;
import java.util.Objects;
import org.bouncycastle.math.ec.rfc7748.X25519;

/**
 * Batched arithmetic on u-coordinates of Curve25519. All implementations give the same bytes; the
 * native ones take a fraction of the time. Thread-safe.
 *
 * <p>Elements are consecutive in an array, {@link Elligator#WIDTH} bytes each, little-endian; any
 * number below 2^255 is taken and bit 255 is ignored, as in RFC 7748. Results are below p. None of
 * them branches on an element or a scalar, or looks up by one.
 */
public abstract sealed class Curve permits JavaCurve, NativeCurve {
  /** Elements of a batch from which on more of them at once are no faster. */
  public static final int BATCH = 256;

  private static final int WIDTH = Elligator.WIDTH;

  Curve() {}

  /**
   * All that work here, the fastest first; the last is the one in Java, which works everywhere.
   * System property {@code espalier.curve} leaves those whose name begins with its value, and the
   * one in Java.
   */
  public static List<Curve> all() {
    return Curves.ALL;
  }

  /** The fastest that works here. */
  public static Curve best() {
    return Curves.ALL.get(0);
  }

  /**
   * X25519 (RFC 7748, section 5) in place: every element times one scalar, which is clamped.
   *
   * @param scalar 32 bytes
   * @param from the first element, 0 to the number of elements
   * @param to one after the last element, {@code from} to the number of elements
   * @return the first of these elements that has become zero, as those of low order do; -1 if none
   *     has
   */
  public final int multiply(byte[] scalar, byte[] elements, int from, int to) {
    if (scalar.length != X25519.SCALAR_SIZE) {
      throw new IllegalArgumentException("a scalar has 32 bytes, not " + scalar.length);
    }
    Objects.checkFromToIndex(from, to, elements.length / WIDTH);
    int zero = products(scalar, elements, from, to - from);
    return zero < 0 ? -1 : from + zero;
  }

  /** {@link Elligator#map} in place. */
  public final void map(byte[] elements, int from, int to) {
    Objects.checkFromToIndex(from, to, elements.length / WIDTH);
    images(elements, from, to - from);
  }

  /**
   * Hashes messages to the curve: the u-coordinate of {@code map_to_curve(hash_to_field(message))}
   * of suite {@code curve25519_XMD:SHA-512_ELL2_NU_} (RFC 9380).
   *
   * @param tag domain separation tag, 1 to 255 bytes
   * @param messages one after the other
   * @param ends of the messages, not descending; the first begins at 0
   * @param elements takes that of message i at place i
   * @param from the first message, 0 to their number
   * @param to one after the last message
   */
  public final void encode(
      byte[] tag, byte[] messages, int[] ends, byte[] elements, int from, int to) {
    if (tag.length < 1 || tag.length > 255) {
      throw new IllegalArgumentException("a domain separation tag has 1 to 255 bytes");
    }
    Objects.checkFromToIndex(from, to, Math.min(ends.length, elements.length / WIDTH));
    for (int i = from; i < to; i++) {
      Objects.checkFromToIndex(i == 0 ? 0 : ends[i - 1], ends[i], messages.length);
    }
    hashes(tag, messages, ends, elements, from, to - from);
  }

  /** The first that became zero, counted from {@code from}; -1 if none did. */
  abstract int products(byte[] scalar, byte[] elements, int from, int count);

  abstract void images(byte[] elements, int from, int count);

  abstract void hashes(
      byte[] tag, byte[] messages, int[] ends, byte[] elements, int from, int count);
}
