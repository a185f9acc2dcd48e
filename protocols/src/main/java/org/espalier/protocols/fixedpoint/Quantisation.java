package org.espalier.protocols.fixedpoint;

import org.espalier.protocols.mask.Prg;

/**
 * How features and residuals become integers for the encrypted product Xᵀ·r.
 *
 * <p>Rounding is stochastic, hence unbiased: an entry of a mean gradient over n rows is off by a
 * zero-mean error of standard deviation about 2^-bits/√(6n). Bits therefore shrink with √n at equal
 * accuracy, which keeps the plaintext modulus near 2^38 from a thousand to ten million rows.
 *
 * @param featureBits bits after the point of a prepared feature (fx)
 * @param residualBits bits after the point of a residual (fr); |residual| ≤ 1
 */
public record Quantisation(int featureBits, int residualBits) {
  public Quantisation {
    if (featureBits < 4 || featureBits > 16 || residualBits < 4 || residualBits > 16) {
      throw new IllegalArgumentException(
          "quantisation bits must be in 4..16: " + featureBits + ", " + residualBits);
    }
  }

  private static final int COARSEST = 6;

  /** The default for a cohort: 12 bits up to 4,096 rows, one less for every factor of four. */
  public static Quantisation forRows(int rows) {
    int excess = Math.max(0, 32 - Integer.numberOfLeadingZeros(Math.max(1, rows - 1)) - 12);
    int bits = Math.max(8, 12 - (excess + 1) / 2);
    return new Quantisation(bits, bits);
  }

  /**
   * As coarse as a tolerance allows, and never finer than {@link #forRows}: the squared length of a
   * mean gradient is off by columns·2^-2fr/6n from residuals, and by about 1.5 times that from
   * features with two bits less, whose roundings meet residuals of mean square 0.1. The gap that is
   * estimated from it, half of it by a curvature of about 1/10, is so off by at most an eighth of
   * the tolerance.
   *
   * @param columns of all feature parties
   * @param tolerance of the objective
   * @param spareBits by how many bits the largest residual, which is 1 here, may exceed a typical
   *     one; 0 if all are of its size. Where there are some, features get one bit more as well
   */
  public static Quantisation forTolerance(int rows, int columns, double tolerance, int spareBits) {
    Quantisation finest = forRows(rows);
    double needed = 8 * 5 * 2.5 / 6 * columns / (rows * tolerance);
    int bits = (int) Math.ceil(0.5 * Math.log(needed) / Math.log(2));
    int residualBits = Math.max(COARSEST, Math.min(bits, finest.residualBits()));
    int featureBits =
        residualBits == finest.residualBits()
            ? finest.featureBits()
            : residualBits - (spareBits > 0 ? 1 : 2);
    return new Quantisation(featureBits, residualBits + spareBits);
  }

  /**
   * That no integer of a column exceeds, below 2^30.
   *
   * @param rows n; the column's squared length is at most n, so that no entry exceeds √n, to which
   *     as much is added as rounding could bring
   */
  public int largestFeature(int rows) {
    return (int)
        Math.min((1 << 30) - 1, Math.ceil(2 * Math.scalb(Math.sqrt(rows), featureBits)) + 1);
  }

  /**
   * Bound on Σ_i x_ij² of a column's integers: (√n·2^fx + √n)², because no entry is off by more
   * than one.
   *
   * @param rows n; the column's squared length is at most n
   */
  public long columnSquares(int rows) {
    long unit = (1L << featureBits) + 1;
    return Math.multiplyExact(rows, unit * unit);
  }

  /** Largest Σ_i |x_ij| over the columns j of a row-major integer matrix. */
  public static long maxColumnL1(int[] matrix, int columns) {
    long[] sums = new long[columns];
    for (int at = 0; at < matrix.length; ) {
      for (int j = 0; j < columns; j++) {
        sums[j] += Math.abs((long) matrix[at++]);
      }
    }
    long max = 0;
    for (long sum : sums) {
      max = Math.max(max, sum);
    }
    return max;
  }

  /**
   * Bound on every entry of Xᵀ·r: |Σ_i x_ij r_i| ≤ ‖x_j‖₁·max|r| ≤ columnL1·2^fr.
   *
   * @throws Ring.RangeError if that exceeds 2^58, above which no plaintext modulus exists
   */
  public long gradientBound(long columnL1) {
    if (columnL1 > (1L << 58) >>> residualBits) {
      throw new Ring.RangeError(
          "a column's absolute sum of "
              + columnL1
              + " units times 2^"
              + residualBits
              + " exceeds 2^58: fewer rows or smaller features are needed");
    }
    return columnL1 << residualBits;
  }

  /** Residuals in [-1, 1] as integers r·2^fr, rounded stochastically with fresh secret coins. */
  public void quantiseResiduals(double[] residuals, Prg random, long[] out) {
    for (int i = 0; i < residuals.length; i++) {
      out[i] = random.roundStochastically(Math.scalb(residuals[i], residualBits));
    }
  }

  /** The real value of one entry of Xᵀ·r. */
  public double gradient(long integer) {
    return Math.scalb((double) integer, -featureBits - residualBits);
  }

  /** Variance of one mean-gradient entry that rounding of the residuals causes, over n rows. */
  public double gradientVariance(int rows) {
    return Math.scalb(1.0, -2 * residualBits) / (6.0 * rows);
  }
}
