package org.espalier.protocols.prepare;

import java.util.Arrays;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.decomposition.TriangularSolver_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.CholeskyDecomposition_F64;
import org.ejml.interfaces.decomposition.QRDecomposition;
import org.espalier.protocols.mask.Prg;

/**
 * A secret change of basis under which first-order training needs few passes: X̃ = X·M with M =
 * C⁻ᵀ·Q, where C·Cᵀ = XᵀX/n + ridge·I and Q is a uniformly random orthogonal matrix. Then X̃ᵀX̃/n
 * is the identity, short of the ridge.
 *
 * <p>Q is drawn afresh from the operating system's randomness for every instance and never leaves
 * it. Without Q the first column of X̃ would be the first column of X scaled, readable by whoever
 * learns directions of X̃; with it, every rotation of the features is equally likely.
 *
 * <p>The ridge keeps M defined where columns depend on each other or are constant zero: a direction
 * in which X does not vary is scaled by 1/√ridge instead of infinity, and stays (numerically) zero
 * in X̃. A ridge below 1e-10 of the mean column's second moment is raised to that, below which a
 * Cholesky factor in double precision means nothing. M is invertible in every case, so that
 * training in the new basis, with the penalty of {@link #penaltyTimes}, has the same optimum.
 */
public final class Whitening {
  private static final double SMALLEST_RIDGE = 1e-10;

  private final Matrix toPrepared;

  /** M⁻ᵀ, once it is asked for. */
  private Matrix inverse;

  private Whitening(Matrix toPrepared) {
    this.toPrepared = toPrepared;
  }

  /**
   * The whitening of a prepared matrix, with a fresh secret rotation: never the same twice.
   *
   * @param prepared n × d, n at least 1, finite
   * @param ridge added to the second moments, at least 0
   * @throws IllegalArgumentException if there are no rows or the entries are too large to square
   */
  public static Whitening of(Matrix prepared, double ridge) {
    return of(prepared, ridge, Prg.fresh());
  }

  /**
   * That of an earlier attempt, where shares of what it makes are gone on with.
   *
   * @param matrix its {@link #matrix}
   */
  public static Whitening again(Matrix matrix) {
    return new Whitening(matrix);
  }

  static Whitening of(Matrix prepared, double ridge, Prg random) {
    if (prepared.rows() == 0) {
      throw new IllegalArgumentException("a matrix without rows cannot be whitened");
    }
    if (!(ridge >= 0 && ridge < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("ridge must be finite and at least 0, got " + ridge);
    }
    int d = prepared.columns();
    if (d == 0) {
      return new Whitening(Matrix.zeros(0, 0));
    }
    double[] factor = choleskyFactor(prepared, ridge);
    double[] m = rotation(d, random);
    double[] column = new double[d];
    for (int k = 0; k < d; k++) {
      for (int j = 0; j < d; j++) {
        column[j] = m[j * d + k];
      }
      TriangularSolver_DDRM.solveTranL(factor, column, d);
      for (int j = 0; j < d; j++) {
        m[j * d + k] = column[j];
      }
    }
    return new Whitening(new Matrix(d, d, m));
  }

  /** C, lower triangular, row-major. */
  private static double[] choleskyFactor(Matrix prepared, double ridge) {
    int d = prepared.columns();
    double[] moments = prepared.gram().values();
    double trace = 0;
    for (int at = 0; at < moments.length; at++) {
      moments[at] /= prepared.rows();
      trace += at % (d + 1) == 0 ? moments[at] : 0;
    }
    double smallest = SMALLEST_RIDGE * trace / d;
    double added = Math.max(ridge, smallest > 0 ? smallest : SMALLEST_RIDGE);
    for (int j = 0; j < d; j++) {
      moments[j * d + j] += added;
    }
    CholeskyDecomposition_F64<DMatrixRMaj> cholesky = DecompositionFactory_DDRM.chol(d, true);
    if (!Double.isFinite(trace) || !cholesky.decompose(DMatrixRMaj.wrap(d, d, moments))) {
      throw new IllegalArgumentException("the prepared features are too large to whiten");
    }
    return cholesky.getT(null).data;
  }

  /**
   * A d × d orthogonal matrix from the Haar measure, row-major: the orthogonal factor of a Gaussian
   * matrix whose triangular factor has a positive diagonal (Mezzadri, Notices of the AMS 54, 2007).
   */
  private static double[] rotation(int d, Prg random) {
    double[] gaussian = new double[d * d];
    for (int at = 0; at < gaussian.length; at++) {
      gaussian[at] = random.nextGaussian();
    }
    QRDecomposition<DMatrixRMaj> qr = DecompositionFactory_DDRM.qr(d, d);
    if (!qr.decompose(DMatrixRMaj.wrap(d, d, gaussian))) {
      throw new IllegalStateException("no orthogonal factor of a random matrix");
    }
    DMatrixRMaj q = qr.getQ(null, false);
    DMatrixRMaj r = qr.getR(null, false);
    double[] signs = new double[d];
    Arrays.setAll(signs, j -> r.get(j, j) < 0 ? -1 : 1);
    CommonOps_DDRM.multCols(q, signs);
    return q.data;
  }

  /** M, d × d. */
  public Matrix matrix() {
    return toPrepared;
  }

  /**
   * X·M.
   *
   * @param prepared k × d; other rows than those the whitening was made from are welcome
   * @return k × d
   */
  public Matrix apply(Matrix prepared) {
    return prepared.times(toPrepared);
  }

  /**
   * Some rows of X·M·2^bits as integers next to them, rounded stochastically without a bias, on
   * this thread.
   *
   * @param from first row
   * @param count how many
   * @param largest that no integer exceeds, below 2^30
   * @param out count × d, and may be longer
   * @return whether none does
   */
  public boolean rounded(Matrix prepared, int from, int count, int bits, int largest, int[] out) {
    return prepared.rounded(toPrepared, from, count, bits, largest, out);
  }

  /**
   * The inverse of {@link #toPrepared}.
   *
   * @param prepared d weights on the prepared features
   * @return d weights in the new basis
   */
  public double[] fromPrepared(double[] prepared) {
    int d = toPrepared.columns();
    DMatrixRMaj weights = new DMatrixRMaj(d, 1);
    if (d > 0
        && !CommonOps_DDRM.solve(
            DMatrixRMaj.wrap(d, d, toPrepared.values().clone()),
            DMatrixRMaj.wrap(d, 1, prepared.clone()),
            weights)) {
      throw new IllegalStateException("a change of basis without an inverse");
    }
    return weights.data;
  }

  /**
   * M·w: weights on the whitened features as weights on the prepared ones, with the same logits.
   *
   * @param w one per column
   */
  public double[] toPrepared(double[] w) {
    return toPrepared.times(w);
  }

  /**
   * M⁻ᵀ·g: a gradient on the whitened features as one on the prepared ones.
   *
   * @param g one per column
   */
  public double[] gradientOfPrepared(double[] g) {
    return inverseTransposed().times(g);
  }

  /** M⁻ᵀ, d × d: not to be changed. */
  public Matrix inverseTransposed() {
    if (inverse == null) {
      int d = toPrepared.columns();
      DMatrixRMaj inverted = new DMatrixRMaj(d, d);
      if (d > 0) {
        CommonOps_DDRM.invert(DMatrixRMaj.wrap(d, d, toPrepared.values().clone()), inverted);
        CommonOps_DDRM.transpose(inverted);
      }
      inverse = new Matrix(d, d, inverted.data);
    }
    return inverse;
  }

  /**
   * What a gradient is in the basis of a larger ridge, brought back to this one: (I +
   * more·MᵀM)⁻¹·g.
   *
   * @param g on the whitened features, one per column
   * @param more than this basis' ridge, 0 or more
   */
  public double[] underMoreRidge(double[] g, double more) {
    int d = g.length;
    if (more == 0) {
      return g.clone();
    }
    double[] metric = toPrepared.gram().values();
    for (int at = 0; at < metric.length; at++) {
      metric[at] = more * metric[at] + (at % (d + 1) == 0 ? 1 : 0);
    }
    DMatrixRMaj solution = new DMatrixRMaj(d, 1);
    if (!CommonOps_DDRM.solve(
        DMatrixRMaj.wrap(d, d, metric), DMatrixRMaj.wrap(d, 1, g.clone()), solution)) {
      throw new IllegalStateException("a ridge that makes a basis singular");
    }
    return solution.data;
  }

  /**
   * MᵀM·w: half the gradient, in the whitened basis, of the squared norm of the prepared weights.
   *
   * @param w one per column
   */
  public double[] penaltyTimes(double[] w) {
    return toPrepared.transposeTimes(toPrepared.times(w));
  }
}
