package org.espalier.protocols.neural;

import org.espalier.protocols.fixedpoint.Ring;

/**
 * Bits of everything in the source layer. A weight is an integer combination of gradients, a
 * gradient a sum over a batch of feature times slope, and nothing is ever truncated:
 *
 * <p>pre-activation = 2·feature + momentum + slope + log2(batch/rate) bits after the point.
 *
 * <p>Features and slopes are rounded stochastically, hence unbiased.
 *
 * @param featureBits of a prepared feature
 * @param weightBits of a weight
 * @param plainBits of t
 * @param slopeBits of a slope, at least: what is left of t
 * @param quarter a pre-activation of the feature parties' columns stays within ± this, a quarter of
 *     the range that t has room for, in real units
 */
record SourceScale(int featureBits, int weightBits, int plainBits, int slopeBits, double quarter) {
  /** Bits after the point of a whitened feature. */
  static final int FEATURE_BITS = 6;

  private static final int FEWEST_SLOPE_BITS = 5;
  private static final int MOST_SLOPE_BITS = 9;

  /** Two primes of 50 bits, for which products are fastest. */
  private static final int FAST_BITS = 47;

  private static final int MOST_BITS = 57;
  private static final int LEAST_BITS = 36;

  /** A pre-activation that a network can use. */
  private static final double LEAST_QUARTER = 32;

  /** Slopes of a unit that are as large as this in the root mean square need no clipping. */
  private static final double SLOPE_LIMIT = 0.25;

  /**
   * @param batches how many there are
   * @param reach Σ_p of {@link SliceFacts#reach}
   * @param initial bound on the pre-activations of the first weights
   * @throws Ring.RangeError if nothing of at most 57 bits holds them
   */
  static SourceScale of(
      SourceSpec spec, Recency recency, int rows, int batches, double reach, double initial) {
    int batchRows = Batches.mostRows(rows, batches);
    double rate = Math.scalb((double) recency.total(), -recency.bits()) * spec.rate();
    double growth = batches * rate * reach * SLOPE_LIMIT / Math.sqrt(batchRows);
    double quarter = Math.max(LEAST_QUARTER, Math.max(initial, growth));
    int range = (int) Math.ceil(log2(4.01 * quarter));
    int step = (int) Math.ceil(log2(batchRows / spec.rate()));
    int others = 2 * FEATURE_BITS + recency.bits() + step + range;
    int slope = Math.max(FEWEST_SLOPE_BITS, Math.min(MOST_SLOPE_BITS, FAST_BITS - others));
    int plain = Math.max(LEAST_BITS, others + slope);
    if (plain > MOST_BITS) {
      throw new Ring.RangeError(
          ("the source layer would need numbers of %d bits, %d are possible: choose a larger rate, smaller"
                  + " batches or fewer extreme values (pre-activations may move by %.0f in an epoch)")
              .formatted(plain, MOST_BITS, growth));
    }
    int weight = FEATURE_BITS + recency.bits() + step + slope;
    double room = Math.scalb(0.249, plain - FEATURE_BITS - weight);
    return new SourceScale(FEATURE_BITS, weight, plain, slope, room);
  }

  private static double log2(double x) {
    return Math.log(x) / Math.log(2);
  }

  /** Bits after the point of a pre-activation. */
  int activationBits() {
    return featureBits + weightBits;
  }
}
