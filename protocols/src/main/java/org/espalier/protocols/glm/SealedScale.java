package org.espalier.protocols.glm;

/**
 * Bits after the point at level {@code sealed}. A logit share has {@link #LOGIT_BITS} in all:
 *
 * <p>logit = 2·feature + holder + other + weight + log2 n,
 *
 * <p>because a weight is an integer combination of gradients, a gradient a sum over n rows of
 * feature times residual, and nothing is ever truncated. Features and residuals are rounded
 * stochastically, hence unbiased: their error in a mean gradient falls with √n, and so may their
 * bits.
 *
 * @param logRows ⌈log2 n⌉
 * @param featureBits of a prepared feature
 * @param holderBits of the label party's factor of a residual
 * @param otherBits of the other compute party's factor
 */
record SealedScale(int logRows, int featureBits, int holderBits, int otherBits) {
  /** With a modulus just below 2^51, {@link SealedRange} has 2^7 units of logit for its periods. */
  static final int LOGIT_BITS = 44;

  /** Of a coefficient in a combination of mean gradients. */
  static final int WEIGHT_BITS = 6;

  static SealedScale of(int rows) {
    int logRows = Integer.SIZE - Integer.numberOfLeadingZeros(Math.max(1, rows - 1));
    int rest = LOGIT_BITS - WEIGHT_BITS - logRows;
    if (rest < 12) {
      throw new IllegalArgumentException(
          rows + " rows are more than level sealed has bits for (2^26)");
    }
    int feature = (int) Math.round(rest / 4.6);
    int holder = (rest - 2 * feature) / 2;
    return new SealedScale(logRows, feature, holder, rest - 2 * feature - holder);
  }

  int residualBits() {
    return holderBits + otherBits;
  }

  /** Of a weight share. */
  int weightScale() {
    return LOGIT_BITS - featureBits;
  }

  /** Units of a coefficient that take one mean gradient over {@code rows} rows to a weight. */
  double unit(int rows) {
    return Math.scalb(1.0, WEIGHT_BITS + logRows) / rows;
  }
}
