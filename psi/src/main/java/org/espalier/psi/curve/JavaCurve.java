package org.espalier.psi.curve;

import java.util.Arrays;
import org.bouncycastle.math.ec.rfc7748.X25519;

/** One element at a time, in Java. */
final class JavaCurve extends Curve {
  @Override
  int products(byte[] scalar, byte[] elements, int from, int count) {
    byte[] product = new byte[Elligator.WIDTH];
    int zero = -1;
    for (int i = 0; i < count; i++) {
      int at = (from + i) * Elligator.WIDTH;
      boolean valid = X25519.calculateAgreement(scalar, 0, elements, at, product, 0);
      if (!valid && zero < 0) {
        zero = i;
      }
      System.arraycopy(product, 0, elements, at, Elligator.WIDTH);
    }
    Arrays.fill(product, (byte) 0);
    return zero;
  }

  @Override
  void images(byte[] elements, int from, int count) {
    Elligator elligator = new Elligator();
    byte[] r = new byte[Elligator.WIDTH];
    for (int i = 0; i < count; i++) {
      int at = (from + i) * Elligator.WIDTH;
      System.arraycopy(elements, at, r, 0, Elligator.WIDTH);
      elligator.map(r, elements, at);
    }
    Arrays.fill(r, (byte) 0);
  }

  @Override
  void hashes(byte[] tag, byte[] messages, int[] ends, byte[] elements, int from, int count) {
    FieldHash hash = new FieldHash(tag);
    for (int i = from; i < from + count; i++) {
      int begin = i == 0 ? 0 : ends[i - 1];
      hash.hash(messages, begin, ends[i] - begin, elements, i * Elligator.WIDTH);
    }
    images(elements, from, count);
  }

  @Override
  public String toString() {
    return "java";
  }
}
