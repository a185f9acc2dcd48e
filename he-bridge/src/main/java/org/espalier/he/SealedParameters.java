package org.espalier.he;

import org.espalier.he.nativelib.Native;

/**
 * Parameters for level {@code sealed}: one plaintext modulus t, the largest prime ≡ 1 modulo 2N of
 * the wanted bits, and two rings over it. Each inequality is a method.
 *
 * <p>Products with slices are read from single coefficients, where an error of one unit is
 * harmless: two primes, replies at one of them. Products in slots are not: a unit in one
 * coefficient is a random error in all slots, so they need the room in which errors practically
 * never occur: three primes, replies at two.
 *
 * @param matrix for products with slices; {@code width} is the widest tile that its noise allows
 * @param slots for products in slots
 */
public record SealedParameters(ParameterChooser.Choice matrix, ParameterChooser.Choice slots) {
  /** Most bits of a prime of q. */
  private static final int LIMB_BITS = 60;

  private static final int[] DEGREES = {8192, 16384, 32768};
  private static final int MOST_WIDTH = 64;

  /** A coefficient's error is a sum of 42 fair coins of ±½. */
  private static final double ERROR_DEVIATION = Math.sqrt(10.5);

  /** Deviations that a sub-Gaussian sum exceeds with probability below 2^-120. */
  private static final double DEVIATIONS = 13;

  /** Replies of a training times the inverse of the probability that one is wrong. */
  private static final double EXACTNESS = 0x1p20;

  /**
   * The smallest rings for a workload.
   *
   * @throws RangeException naming what does not fit
   */
  public static SealedParameters choose(SealedWorkload w) {
    String why = "";
    long l1 = Math.max(w.rowL1(), w.columnL1());
    for (int degree : DEGREES) {
      long plain = Native.primeBelow(degree, w.plainBits(), 0);
      Parameters matrix = matrix(degree, plain, l1);
      Parameters slots = slots(degree, w, plain);
      int width = width(matrix, l1);
      if (slots == null) {
        why = w.slotFactors() + " products in a slot";
      } else if (!keySurvives(matrix, w.openedBits()) || !keySurvives(slots, w.openedBits())) {
        why = "too many columns of one party: what is opened of them could tell a key";
      } else if (!switchFits(matrix.primes()[0], plain)) {
        why = "one prime of q leaves no room for the switching noise";
      } else if (width == 0) {
        why = "rows or columns of absolute sum " + l1;
      } else {
        return new SealedParameters(
            new ParameterChooser.Choice(matrix, width, 1),
            new ParameterChooser.Choice(slots, 1, 2));
      }
    }
    throw new RangeException("level sealed has no parameters with 128-bit security: " + why);
  }

  /** The smallest two primes that any tile fits and one of which is enough for replies. */
  private static Parameters matrix(int degree, long plain, long l1) {
    int bits = Long.SIZE - Long.numberOfLeadingZeros(plain) + 1;
    Parameters p = new Parameters(degree, primes(degree, bits, 2), plain);
    while (bits < LIMB_BITS && !(switchFits(p.primes()[0], plain) && width(p, l1) == MOST_WIDTH)) {
      bits++;
      p = new Parameters(degree, primes(degree, bits, 2), plain);
    }
    return p;
  }

  /** The widest tile that the noise allows, or 0. */
  private static int width(Parameters p, long l1) {
    int width = MOST_WIDTH;
    while (width > 0
        && (l1 > Long.MAX_VALUE / width
            || !ParameterChooser.noiseFits(l1 * width, p.degree(), p.primes(), p.plain()))) {
      width /= 2;
    }
    return width;
  }

  /** The smallest three primes in which products in slots are exact, or null. */
  private static Parameters slots(int degree, SealedWorkload w, long plain) {
    for (int bits = w.plainBits() + 1; bits <= LIMB_BITS; bits++) {
      Parameters p = new Parameters(degree, primes(degree, bits, 3), plain);
      if (slotsAreExact(p, w.slotFactors())) {
        return p;
      }
    }
    return null;
  }

  private static long[] primes(int degree, int bits, int count) {
    long[] primes = new long[count];
    for (int i = 0; i < count; i++) {
      primes[i] = Native.primeBelow(degree, bits, i);
    }
    return primes;
  }

  /**
   * What the key holder's answers tell of its key is read from what is opened in the end: see
   * {@link ParameterChooser#keySurvives(int, int, double)}.
   */
  static boolean keySurvives(Parameters p, int openedBits) {
    return ParameterChooser.keySurvives(p.degree(), p.modulusBits(), (double) openedBits);
  }

  /**
   * (13·√10.5·√(m·N)·t/2 + ½·m·N·t/2 + 21·(2N + 1))·N·2^20 ≤ q/t for a sum of m products: honest
   * errors are sub-Gaussian with variance 10.5, a plaintext's coefficients lie within ±t/2, and the
   * rounding of an encrypted message is at most ½. A full-width mask makes a coefficient wrong with
   * probability noise/(q/t), so that even if all roundings conspire 2^10 replies of N coefficients
   * are exact but for a probability of 2^-10; where they do not, of about 2^-19.
   */
  static boolean slotsAreExact(Parameters p, int products) {
    double terms = (double) products * p.degree();
    double half = p.plain() / 2.0;
    double noise =
        DEVIATIONS * ERROR_DEVIATION * Math.sqrt(terms) * half
            + 0.5 * terms * half
            + ParameterChooser.ERROR_BOUND * (2.0 * p.degree() + 1);
    double q = 1;
    for (long prime : p.primes()) {
      q *= prime;
    }
    // The margin covers the rounding of this computation.
    return noise * p.degree() * EXACTNESS * (1 + 1e-9) <= q / p.plain();
  }

  /**
   * t ≤ q₁/2^3: the rounding noise of the switch to one prime, at most 12·√(N/18) < 2^9, moves a
   * coefficient by less than 2^7 units, and a full-width mask by one more. A unit is the last bit
   * of a logit share (2^-44 or less) or of a sum of rounded products over all rows.
   */
  static boolean switchFits(long firstPrime, long plain) {
    return plain <= firstPrime >> 3;
  }
}
