package org.espalier.protocols.glm;

/**
 * Bits after the point at level {@code sealed}. A logit share has all but seven of the modulus's
 * bits:
 *
 * <p>logit = 2·feature + holder + other + weight + log2 n,
 *
 * <p>because a weight is an integer combination of gradients, a gradient a sum over n rows of
 * feature times residual, and nothing is ever truncated. Features and residuals are rounded
 * stochastically, hence unbiased: their error in a mean gradient falls with √n, and so may their
 * bits.
 *
 * @param plainBits of t
 * @param logRows ⌈log2 n⌉
 * @param featureBits of a prepared feature
 * @param holderBits of the label party's factor of a residual
 * @param otherBits of the other compute party's factor
 */
record SealedScale(int plainBits, int logRows, int featureBits, int holderBits, int otherBits) {
  /** {@link SealedRange} has 2^7 units of logit for its periods. */
  private static final int RANGE_BITS = 7;

  /** Up to here several vectors of slots share a ciphertext, and passes cost little. */
  static final int SMALL_ROWS = 4096;

  /** Up to here few rows average less, which takes more bits: they cost a tenth more bytes. */
  private static final int MEDIUM_ROWS = 50_000;

  /** That the holder's factors have more than the other's where a residual is an exponential. */
  private static final int EXPONENTIAL_BITS = 6;

  /** Of a coefficient in a combination of mean gradients. */
  static final int WEIGHT_BITS = 6;

  static SealedScale of(TrainingJob job) {
    return of(job.rows(), job.spec().sharedWeights(), job.spec().family());
  }

  private static SealedScale of(int rows, boolean shared, Family family) {
    int logRows = Integer.SIZE - Integer.numberOfLeadingZeros(Math.max(1, rows - 1));
    int plain = many(rows) && !shared && !family.logLink() ? 51 : 57;
    int rest = plain - RANGE_BITS - WEIGHT_BITS - logRows;
    if (rest < 12) {
      throw new IllegalArgumentException(
          rows + " rows are more than level sealed has bits for (2^26)");
    }
    // A feature's rounding is the same in all passes and does not average out over them, even less
    // in a score that is computed from such features. A linear residual needs more bits itself.
    boolean fewer = rows > SMALL_ROWS || family != Family.LOGISTIC;
    int feature = (int) Math.round(rest / (shared ? 3.4 : fewer ? 5.0 : 4.0));
    // The other's factors carry the coefficients, and the errors of all 2K of them add up. The
    // coefficients of an exponential are 60 or 320 long, and multiply the errors of the holder's.
    int more = family.logLink() ? EXPONENTIAL_BITS : -2;
    int holder = Math.min((rest - 2 * feature + more) / 2, rest - 2 * feature - 1);
    return new SealedScale(plain, logRows, feature, holder, rest - 2 * feature - holder);
  }

  /** Whether there are so many rows that few bits and a sample of them do. */
  static boolean many(int rows) {
    return rows > MEDIUM_ROWS;
  }

  /** Bits after the point of a logit share. */
  int logitBits() {
    return plainBits - RANGE_BITS;
  }

  int residualBits() {
    return holderBits + otherBits;
  }

  /** Of a weight share. */
  int weightScale() {
    return logitBits() - featureBits;
  }

  /** Units of a coefficient that take one mean gradient over {@code rows} rows to a weight. */
  double unit(int rows) {
    return Math.scalb(1.0, WEIGHT_BITS + logRows) / rows;
  }
}
