package org.espalier.protocols.glm;

import java.util.function.DoubleUnaryOperator;
import org.espalier.protocols.shares.Series;
import org.espalier.protocols.shares.Spectrum;

/**
 * How large a logit may become before the series no longer hold: period and harmonics follow. The
 * period is 2^7/divisor logits: t is just below 2^(7 + {@link SealedScale#logitBits}).
 *
 * <p>The families of the log link have ranges of their own: what counts there is the logarithm of
 * an expected outcome by the mean one, which may be far below 0, where the exponential is flat, but
 * not far above.
 */
enum SealedRange {
  TEN(4),
  FOURTEEN(3),
  TWENTY(2),
  FORTY(1),
  /** e^4: expected outcomes up to 55 times the mean. */
  FIFTYFOLD(7, -9, 4, 14, 1e-12),
  /** e^6: up to 400 times. */
  FOURHUNDREDFOLD(5, -10, 6, 18, 1e-13);

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

  /**
   * A row a logit below the upper end is counted by a half. An opened sum cannot show that fewer
   * than some sixty rows lie beyond the end; if as many lie below it, few lie beyond.
   */
  private static final double ALARM = 1;

  /** Of functions that are not large. */
  private static final double LEVEL_RIDGE = 1e-6;

  /** Up to here sixty rows are many. */
  static final int FEW = 10_000;

  final int divisor;
  private final double lowest;
  private final double highest;
  private final int harmonics;
  private final double ridge;

  SealedRange(int divisor) {
    this(divisor, 0, 0, 0, 0);
  }

  /**
   * @param harmonics of the exponential: its distance relative to the larger of 1 and e^z is 3e-4
   *     and 5e-4 at most, 3e-5 and 5e-5 in the mean
   */
  SealedRange(int divisor, double lowest, double highest, int harmonics, double ridge) {
    this.divisor = divisor;
    this.lowest = lowest;
    this.highest = highest;
    this.harmonics = harmonics;
    this.ridge = ridge;
  }

  double period() {
    return WHOLE / divisor;
  }

  /** Largest |z| of the series with all harmonics. */
  double limit() {
    return FITTED * period();
  }

  /** Largest z of the series of a residual, as reports have it. */
  double largest() {
    return logLink() ? highest : limit();
  }

  /** Largest |z| of a sigmoid of odd harmonics. */
  double sigmoidLimit() {
    return period() / 2 - LEVEL;
  }

  /** Largest |z| of the identity of odd harmonics. */
  double turningLimit() {
    return TURNING * period();
  }

  private boolean logLink() {
    return harmonics > 0;
  }

  /** What lies in the middle of the period: what is shared is a logit less this. */
  double centre() {
    return (lowest + highest) / 2;
  }

  /** exp(v + centre), at a distance that is relative to it where it is above 1. */
  Series exponential(double period) {
    return Series.of(
        v -> Math.exp(v + centre()),
        v -> 1 / Math.max(1, Math.exp(v + centre())),
        ridge,
        Spectrum.all(harmonics),
        period,
        (highest - lowest) / 2);
  }

  /** Another function over the same range, of v + centre. */
  Series shifted(DoubleUnaryOperator f, Spectrum spectrum, double period) {
    return Series.of(
        v -> f.applyAsDouble(v + centre()),
        v -> 1,
        LEVEL_RIDGE,
        spectrum,
        period,
        (highest - lowest) / 2);
  }

  /** How near to the ends a row lies: ½ at a logit below the upper and as far below the lower. */
  Series ends(double period) {
    double sine = Math.sin(Math.PI * (highest - lowest) / 2 / period);
    int least = (int) Math.round(sine * sine * (harmonics + 1));
    return Series.step(harmonics, least, -ALARM, period);
  }

  /** Of the residuals of a family, the penalty's included. */
  Spectrum residual(Family family, int rows) {
    if (family.logLink()) {
      return Spectrum.all(harmonics);
    }
    double sigmoid = SealedScale.many(rows) ? MANY_ROWS : FEW_ROWS;
    return family == Family.LOGISTIC
        ? new Spectrum((int) Math.ceil(sigmoid * period() / 2), 0)
        : Spectrum.all((int) Math.round(IDENTITY * period()));
  }

  /**
   * Of a pass in which a sum is opened.
   *
   * @param power of {@link Series#edge}: it has as many harmonics
   */
  Spectrum opened(Family family, int rows, int power) {
    Spectrum residual = residual(family, rows);
    return new Spectrum(
        Math.max(residual.odd(), (power + 1) / 2), Math.max(residual.even(), power / 2));
  }

  /**
   * Where a job begins: a wide period costs little where there are few rows, and a strong penalty
   * keeps logits small.
   *
   * @param far whether a row of a log link's begins near the end of the narrower range
   */
  static SealedRange first(Family family, int rows, double l2, boolean far) {
    if (family.logLink()) {
      return far || rows <= FEW ? FOURHUNDREDFOLD : FIFTYFOLD;
    }
    if (rows <= SealedScale.SMALL_ROWS) {
      return FORTY;
    }
    if (!SealedScale.many(rows)) {
      return TWENTY;
    }
    return l2 < 0.01 ? FOURTEEN : TEN;
  }

  /** The widest of a family. */
  static SealedRange widest(Family family) {
    return family.logLink() ? FOURHUNDREDFOLD : FORTY;
  }

  /** The next wider one, or null. */
  SealedRange next() {
    return switch (this) {
      case TEN -> FOURTEEN;
      case FOURTEEN -> TWENTY;
      case TWENTY -> FORTY;
      case FIFTYFOLD -> FOURHUNDREDFOLD;
      case FORTY, FOURHUNDREDFOLD -> null;
    };
  }
}
