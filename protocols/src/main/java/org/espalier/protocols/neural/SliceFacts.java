package org.espalier.protocols.neural;

import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.shares.IntegerMatrix;

/**
 * What bounds the products with a feature party's slice.
 *
 * @param columns d_p
 * @param rowL1 largest Σ_j |x_ij| of a row, in integer units
 * @param columnL1 largest Σ_i |x_ij| of a column over the rows of one batch
 * @param rowNorm largest Euclidean length of a row, in real units
 * @param batchNorm bound on the spectral norm of every batch, in real units
 */
record SliceFacts(int columns, long rowL1, long columnL1, double rowNorm, double batchNorm) {
  /** Above, squaring a Gram matrix costs more than its looser bound. */
  private static final int SQUARED_COLUMNS = 512;

  /** Of a slice in the order of the batches. */
  static SliceFacts of(IntegerMatrix matrix, Batches batches, int featureBits) {
    long columnL1 = 1;
    double rowSquares = 0;
    double spectral = 0;
    int d = matrix.columns();
    for (int batch = 0; batch < batches.count(); batch++) {
      int[] values = matrix.values(batches.from(batch), batches.rows(batch));
      double[] x = new double[values.length];
      long[] sums = new long[d];
      for (int at = 0; at < values.length; at += d) {
        double squares = 0;
        for (int j = 0; j < d; j++) {
          int value = values[at + j];
          x[at + j] = value;
          squares += (double) value * value;
          sums[j] += Math.abs(value);
        }
        rowSquares = Math.max(rowSquares, squares);
      }
      for (long sum : sums) {
        columnL1 = Math.max(columnL1, sum);
      }
      spectral = Math.max(spectral, largestEigenvalue(new Matrix(batches.rows(batch), d, x)));
    }
    return new SliceFacts(
        d,
        matrix.rowL1(),
        columnL1,
        Math.scalb(Math.sqrt(rowSquares), -featureBits),
        Math.scalb(Math.sqrt(spectral), -featureBits));
  }

  /** A bound on that of XᵀX = G: ‖G‖∞, or the root of ‖G²‖∞, which is nearer. */
  private static double largestEigenvalue(Matrix x) {
    Matrix gram = x.gram();
    double whole = largestRowSum(gram);
    return gram.columns() > SQUARED_COLUMNS
        ? whole
        : Math.min(whole, Math.sqrt(largestRowSum(gram.times(gram))));
  }

  private static double largestRowSum(Matrix square) {
    double largest = 0;
    for (int i = 0; i < square.rows(); i++) {
      double sum = 0;
      for (int j = 0; j < square.columns(); j++) {
        sum += Math.abs(square.get(i, j));
      }
      largest = Math.max(largest, sum);
    }
    // The margin covers the rounding of these sums.
    return largest * (1 + 1e-9);
  }

  /** By how much a step along slopes of length 1 can move a pre-activation, at most. */
  double reach() {
    return rowNorm * batchNorm;
  }
}
