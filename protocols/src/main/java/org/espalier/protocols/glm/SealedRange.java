package org.espalier.protocols.glm;

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
  private static final double FITTED = 0.34;

  final int divisor;

  SealedRange(int divisor) {
    this.divisor = divisor;
  }

  double period() {
    return WHOLE / divisor;
  }

  /** The series are fitted to |z| up to this. */
  double limit() {
    return FITTED * period();
  }

  /** More harmonics where fewer rows leave less to average over. */
  int harmonics(int rows) {
    return (int) Math.round(period() * (rows < SealedScale.MEDIUM_ROWS ? 0.4 : 0.26));
  }

  /**
   * Where a job begins: a wide period costs little where there are few rows, and a strong penalty
   * keeps logits small.
   */
  static SealedRange first(int rows, double l2) {
    if (rows <= SealedScale.SMALL_ROWS) {
      return FORTY;
    }
    if (rows <= SealedScale.MEDIUM_ROWS) {
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
