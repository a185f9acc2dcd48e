package org.espalier.he;

import org.espalier.he.nativelib.Native;

/**
 * The ring for products of a slice with many vectors in lanes, whose results are shares modulo t:
 * the smallest degree and the smallest two primes that its noise and replies at one prime fit. An
 * error of one unit in a share is harmless there.
 */
public final class LayerParameters {
  private static final int[] DEGREES = {4096, 8192, 16384};
  private static final int LIMB_BITS = 60;

  /** t ≤ q₁/2^3, see {@link SealedParameters#switchFits}. */
  private static final int SWITCH_BITS = 3;

  private LayerParameters() {}

  /**
   * The smallest ring.
   *
   * @param plainBits of t, 30 to 57
   * @param l1 largest absolute sum of a row or column of a slice, at least 1
   * @param width c, the widest tile that will be used
   * @throws RangeException if there is none with 128 bits of security
   */
  public static Parameters choose(int plainBits, long l1, int width) {
    if (plainBits < 30 || plainBits > LIMB_BITS - SWITCH_BITS || l1 < 1 || width < 1) {
      throw new IllegalArgumentException(
          "no ring for " + plainBits + " bits, sums of " + l1 + ", tiles of " + width);
    }
    if (l1 > Long.MAX_VALUE / width) {
      throw new RangeException("rows or columns of absolute sum " + l1 + " are too large");
    }
    for (int degree : DEGREES) {
      long plain = Native.primeBelow(degree, plainBits, 0);
      int least = Math.max(plainBits + 1, 33);
      for (int first = Math.max(least, plainBits + SWITCH_BITS); first <= LIMB_BITS; first++) {
        for (int second = least; second <= first; second++) {
          if (Parameters.securityBits(degree, first + second) < 128) {
            continue;
          }
          long[] primes = {
            Native.primeBelow(degree, first, 0),
            Native.primeBelow(degree, second, second == first ? 1 : 0)
          };
          if (SealedParameters.switchFits(primes[0], plain)
              && ParameterChooser.noiseFits(l1 * width, degree, primes, plain)) {
            return new Parameters(degree, primes, plain);
          }
        }
      }
    }
    throw new RangeException(
        "no parameters with 128-bit security carry shares of %d bits with absolute sums of %d"
            .formatted(plainBits, l1));
  }
}
