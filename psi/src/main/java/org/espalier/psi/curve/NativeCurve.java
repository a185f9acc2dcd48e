package org.espalier.psi.curve;

/** In C++, in one of two ways. */
final class NativeCurve extends Curve {
  /** Five 51-bit limbs, on any processor. */
  static final int PORTABLE = 0;

  /** Eight elements at a time, on processors with AVX-512 IFMA. */
  static final int IFMA = 1;

  private final int way;

  /**
   * @param way one that is {@link #available}
   */
  NativeCurve(int way) {
    this.way = way;
  }

  @Override
  int products(byte[] scalar, byte[] elements, int from, int count) {
    return multiply(way, scalar, elements, from, count);
  }

  @Override
  void images(byte[] elements, int from, int count) {
    map(way, elements, from, count);
  }

  @Override
  void hashes(byte[] tag, byte[] messages, int[] ends, byte[] elements, int from, int count) {
    encode(way, tag, messages, ends, elements, from, count);
  }

  @Override
  public String toString() {
    return way == IFMA ? "native-ifma" : "native-portable";
  }

  /** Whether the processor and the operating system have what a way needs. */
  static native boolean available(int way);

  static native int multiply(int way, byte[] scalar, byte[] elements, int from, int count);

  static native void map(int way, byte[] elements, int from, int count);

  static native void encode(
      int way, byte[] tag, byte[] messages, int[] ends, byte[] elements, int from, int count);
}
