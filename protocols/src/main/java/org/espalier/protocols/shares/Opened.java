package org.espalier.protocols.shares;

import org.espalier.protocols.mask.Prg;

/** How shared weights are opened to their owner. */
public final class Opened {
  private Opened() {}

  /**
   * A share under uniform noise in its low bits, which could carry a message.
   *
   * @param bits of the noise, which is in [−2^(bits−1), 2^(bits−1))
   */
  public static long[] rounded(PrimeField field, Prg coins, long[] share, int bits) {
    long[] out = new long[share.length];
    for (int j = 0; j < out.length; j++) {
      long noise = Prg.centred(coins.nextLong(), bits);
      out[j] = field.add(share[j], field.residue(noise));
    }
    return out;
  }

  /**
   * Both halves together as real numbers.
   *
   * @param scale bits after the point
   */
  public static double[] real(PrimeField field, long[] mine, long[] theirs, int scale) {
    double[] out = new double[mine.length];
    for (int j = 0; j < out.length; j++) {
      out[j] = Math.scalb((double) field.centre(field.add(mine[j], theirs[j])), -scale);
    }
    return out;
  }
}
