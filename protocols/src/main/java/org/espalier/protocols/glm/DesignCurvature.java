package org.espalier.protocols.glm;

import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.NormOps_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.dense.row.factory.LinearSolverFactory_DDRM;
import org.ejml.interfaces.decomposition.CholeskyDecomposition_F64;
import org.ejml.interfaces.linsol.LinearSolverDense;
import org.espalier.he.DenseProducts;
import org.espalier.protocols.prepare.Matrix;

/**
 * The second derivatives of a penalised loss in the coefficients of a design's columns, factored.
 * Sums are cut by row numbers alone and added in a fixed order, so equal inputs give bit-equal
 * results.
 */
final class DesignCurvature {
  /** Rows whose part of a Hessian is added up at once. */
  private static final int GRAM_ROWS = 512;

  private static final int POWER_STEPS = 200;
  private static final double JITTER = 1e-13;

  private final int columns;
  private final double[] scale;
  private final LinearSolverDense<DMatrixRMaj> solver;

  /**
   * @param h its upper triangle, row-major, m × m; what is below is not read
   */
  DesignCurvature(double[] h, int m) {
    columns = m;
    scale = new double[m];
    for (int j = 0; j < m; j++) {
      scale[j] = 1 / Math.sqrt(h[j * m + j] + 1e-300);
    }
    DMatrixRMaj scaled = new DMatrixRMaj(m, m);
    for (int i = 0; i < m; i++) {
      for (int j = i; j < m; j++) {
        double value = h[i * m + j] * scale[i] * scale[j];
        scaled.set(i, j, value);
        scaled.set(j, i, value);
      }
    }
    LinearSolverDense<DMatrixRMaj> candidate;
    double jitter = JITTER;
    do {
      for (int j = 0; j < m; j++) {
        scaled.set(j, j, 1 + jitter);
      }
      candidate = LinearSolverFactory_DDRM.chol(m);
      jitter *= 100;
    } while (!candidate.setA(scaled.copy()) && jitter < 1);
    solver = candidate;
  }

  /**
   * Upper triangle of Σ weight·xxᵀ.
   *
   * @param m columns of the design that count, the first ones
   * @param weight of a row
   */
  static double[] gram(Matrix design, int m, IntToDoubleFunction weight) {
    double[] values = design.values();
    int rows = design.rows();
    int stride = design.columns();
    double[][] parts = new double[RowSums.PARTS][];
    IntStream.range(0, RowSums.PARTS)
        .parallel()
        .forEach(
            part -> {
              double[] h = new double[m * m];
              double[] some = new double[m * m];
              double[] scaled = new double[GRAM_ROWS * m];
              int end = RowSums.from(rows, part + 1);
              for (int first = RowSums.from(rows, part); first < end; first += GRAM_ROWS) {
                int count = Math.min(GRAM_ROWS, end - first);
                for (int i = 0; i < count; i++) {
                  double root = Math.sqrt(weight.applyAsDouble(first + i));
                  int at = (first + i) * stride;
                  for (int j = 0; j < m; j++) {
                    scaled[i * m + j] = root * values[at + j];
                  }
                }
                for (int left = 0; left < m; left += DenseProducts.gramStripe()) {
                  DenseProducts.gram(scaled, GRAM_ROWS, m, 0, count, left, some);
                }
                for (int k = 0; k < h.length; k++) {
                  h[k] += some[k];
                }
              }
              parts[part] = h;
            });
    double[] h = new double[m * m];
    for (double[] part : parts) {
      for (int k = 0; k < h.length; k++) {
        h[k] += part[k];
      }
    }
    return h;
  }

  /**
   * Adds the directions' penalty products to an upper triangle.
   *
   * @param first column of the directions
   * @param penalty of each direction its products with all up to it
   */
  static void addPenalty(double[] h, int m, int first, double[][] penalty) {
    for (int s = 0; s < penalty.length; s++) {
      for (int t = 0; t <= s; t++) {
        h[(first + t) * m + first + s] += penalty[s][t];
      }
    }
  }

  double[] solve(double[] gradient) {
    DMatrixRMaj b = new DMatrixRMaj(columns, 1);
    for (int j = 0; j < columns; j++) {
      b.set(j, gradient[j] * scale[j]);
    }
    DMatrixRMaj x = new DMatrixRMaj(columns, 1);
    solver.solve(b, x);
    double[] out = new double[columns];
    for (int j = 0; j < columns; j++) {
      out[j] = x.get(j) * scale[j];
    }
    return out;
  }

  /**
   * The least curvature along directions, all other columns moving with them. For quadratic
   * objectives and orthogonal gradients it is the smallest Ritz value of Lanczos' method.
   *
   * @param first column of the directions
   * @param products their inner products: row s has those with directions 0 to s
   * @return of a combination of length 1; 0 if it cannot be told
   */
  double least(int first, List<double[]> products) {
    int count = products.size();
    DMatrixRMaj lengths = new DMatrixRMaj(count, count);
    double[] unit = new double[count];
    for (int s = 0; s < count; s++) {
      unit[s] = 1 / Math.sqrt(products.get(s)[s]);
      for (int t = 0; t <= s; t++) {
        double value = products.get(s)[t] * unit[s] * unit[t];
        lengths.set(s, t, value);
        lengths.set(t, s, value);
      }
      lengths.add(s, s, 1e-9);
    }
    CholeskyDecomposition_F64<DMatrixRMaj> factor = DecompositionFactory_DDRM.chol(count, true);
    if (!factor.decompose(lengths)) {
      return 0;
    }
    // The inverse of the curvature along the directions is that part of the whole's inverse.
    DMatrixRMaj inverse = new DMatrixRMaj(count, count);
    for (int s = 0; s < count; s++) {
      double[] one = new double[columns];
      one[first + s] = 1 / unit[s];
      double[] column = solve(one);
      for (int t = 0; t < count; t++) {
        inverse.set(t, s, column[first + t] / unit[t]);
      }
    }
    DMatrixRMaj lower = factor.getT(null);
    DMatrixRMaj half = new DMatrixRMaj(count, count);
    DMatrixRMaj both = new DMatrixRMaj(count, count);
    CommonOps_DDRM.multTransA(lower, inverse, half);
    CommonOps_DDRM.mult(half, lower, both);
    // Symmetric: its norm, the largest eigenvalue, by the power method.
    DMatrixRMaj v = new DMatrixRMaj(count, 1);
    v.fill(1);
    DMatrixRMaj next = new DMatrixRMaj(count, 1);
    double norm = 0;
    for (int i = 0; i < POWER_STEPS; i++) {
      CommonOps_DDRM.mult(both, v, next);
      norm = NormOps_DDRM.normF(next);
      if (!(norm > 0)) {
        return 0;
      }
      CommonOps_DDRM.divide(next, norm, v);
    }
    return 1 / norm;
  }
}
