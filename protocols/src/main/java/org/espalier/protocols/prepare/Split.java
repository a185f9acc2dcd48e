package org.espalier.protocols.prepare;

import java.math.BigDecimal;
import java.math.RoundingMode;
import org.espalier.protocols.mask.Prg;

/**
 * Which positions of a cohort are trained on and which are held out, equal at every party that
 * knows the seed.
 *
 * @param training ascending positions, from 0
 * @param holdout ascending positions, disjoint from {@code training}; together they are all
 */
public record Split(int[] training, int[] holdout) {
  /**
   * Holds out a uniformly random subset of exactly {@code size · holdout} positions, rounded half
   * up (selection sampling; Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S). Integer
   * arithmetic only, so that all machines agree.
   *
   * @param size people in the cohort
   * @param holdout share to hold out, from 0 to below 1
   * @param seed 32 bytes agreed between the parties; used for nothing else
   */
  public static Split of(int size, BigDecimal holdout, byte[] seed) {
    if (size < 0) {
      throw new IllegalArgumentException("a cohort of " + size);
    }
    if (holdout.signum() < 0 || holdout.compareTo(BigDecimal.ONE) >= 0) {
      throw new IllegalArgumentException("hold-out share must be in [0, 1), got " + holdout);
    }
    int held =
        holdout
            .multiply(BigDecimal.valueOf(size))
            .setScale(0, RoundingMode.HALF_UP)
            .intValueExact();
    int[] in = new int[size - held];
    int[] out = new int[held];
    Prg random = new Prg(seed);
    int due = held;
    for (int position = 0; position < size; position++) {
      if (below(size - position, random) < due) {
        out[held - due--] = position;
      } else {
        in[position - (held - due)] = position;
      }
    }
    return new Split(in, out);
  }

  /** Uniform in 0..bound-1, without bias: draws above the largest multiple of it are repeated. */
  private static long below(int bound, Prg random) {
    long limit = Long.MAX_VALUE - Long.MAX_VALUE % bound;
    long draw;
    do {
      draw = random.nextLong() >>> 1;
    } while (draw >= limit);
    return draw % bound;
  }
}
