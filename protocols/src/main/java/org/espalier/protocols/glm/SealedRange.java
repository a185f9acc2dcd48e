package org.espalier.protocols.glm;

import org.espalier.protocols.shares.Spectrum;

/**
 * How large a logit may become before the series no longer hold: period and harmonics follow. The
 * period is 2^7/divisor logits: t is just below 2^(7 + {@link SealedScale#logitBits}).
 */
enum SealedRange {
  TEN(4),
  FOURTEEN(3),
  TWENTY(2),
  FORTY(1);

  private static final double WHOLE = 128;

  /** A series of all harmonics is fitted to |z| up to this part of the period. */
  private static final double FITTED = 0.34;

  /** The identity of odd harmonics only turns back at a quarter of the period. */
  private static final double TURNING = 0.18;

  /** From here on a sigmoid is level: it comes down again as far before half of the period. */
  private static final double LEVEL = 6;

  /** Largest harmonics for each unit of the period; more where errors average over few rows. */
  private static final double MANY_ROWS = 0.234;

  private static final double FEW_ROWS = 0.33;
  private static final double IDENTITY = 0.4;

  final int divisor;

  SealedRange(int divisor) {
    this.divisor = divisor;
  }

  double period() {
    return WHOLE / divisor;
  }

  /** Largest |z| of the series with all harmonics. */
  double limit() {
    return FITTED * period();
  }

  /** Largest |z| of a sigmoid of odd harmonics. */
  double sigmoidLimit() {
    return period() / 2 - LEVEL;
  }

  /** Largest |z| of the identity of odd harmonics. */
  double turningLimit() {
    return TURNING * period();
  }

  /** Of the residuals of a family, the penalty's included. */
  Spectrum residual(Family family, int rows) {
    double sigmoid = SealedScale.many(rows) ? MANY_ROWS : FEW_ROWS;
    return family == Family.LOGISTIC
        ? new Spectrum((int) Math.ceil(sigmoid * period() / 2), 0)
        : Spectrum.all((int) Math.round(IDENTITY * period()));
  }

  /**
   * Of a pass in which a sum is opened.
   *
   * @param power of {@link org.espalier.protocols.shares.Series#edge}: it has as many harmonics
   */
  Spectrum opened(Family family, int rows, int power) {
    Spectrum residual = residual(family, rows);
    return new Spectrum(
        Math.max(residual.odd(), (power + 1) / 2), Math.max(residual.even(), power / 2));
  }

  /**
   * Where a job begins: a wide period costs little where there are few rows, and a strong penalty
   * keeps logits small.
   */
  static SealedRange first(int rows, double l2) {
    if (rows <= SealedScale.SMALL_ROWS) {
      return FORTY;
    }
    if (!SealedScale.many(rows)) {
      return TWENTY;
    }
    return l2 < 0.01 ? FOURTEEN : TEN;
  }

  /** The next wider one, or null. */
  SealedRange next() {
    return switch (this) {
      case TEN -> FOURTEEN;
      case FOURTEEN -> TWENTY;
      case TWENTY -> FORTY;
      case FORTY -> null;
    };
  }
}
