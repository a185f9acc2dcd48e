package org.espalier.protocols.glm;

import java.util.Arrays;
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
 * What the label party solves between two passes, in plaintext and without communication: the
 * penalised generalised linear model over its own columns, an intercept and the opened directions,
 *
 * <p>min over (w, b, a) of mean weight·loss(z, y) + l2/2·‖w‖² + ½·aᵀQa, z = X·w + b + Z·a + offset,
 *
 * <p>where column s of Z holds the logits of direction s and Q the directions' penalty products.
 * Method: Newton with backtracking, started from the last solution; the Hessian is kept while steps
 * with it reduce the decrement tenfold. Sums are cut by row numbers alone and added in a fixed
 * order, so equal inputs give bit-equal results.
 */
final class SubspaceFit {
  private static final int PARTS = 16;

  /** Rows whose part of a Hessian is added up at once. */
  private static final int GRAM_ROWS = 512;

  private static final int GROWTH = 8;
  private static final int POWER_STEPS = 200;
  private static final int MAX_STEPS = 60;
  private static final double JITTER = 1e-13;

  private final Outcomes outcomes;
  private final double[] y;
  private final Family family;
  private double l2;
  private final double unit;
  private final int rows;
  private final int ownColumns;
  private final double stopDecrement;

  private Matrix design; // columns to come are zero
  private int columns;
  private double[][] penalty = new double[0][];
  private double[] solution;
  private double[] z;
  private double objective;
  private Newton last;

  /**
   * @param own n × d, d may be 0
   * @param accuracy how far from its minimum the objective may stay, in units of {@link #unit}
   */
  SubspaceFit(Matrix own, Outcomes outcomes, Family family, double l2, double accuracy) {
    this.outcomes = outcomes;
    this.y = outcomes.values();
    this.family = family;
    this.l2 = l2;
    this.unit = outcomes.unit(family);
    this.rows = own.rows();
    this.ownColumns = own.columns();
    this.stopDecrement = 2 * unit * Math.max(1e-15, accuracy);
    this.columns = ownColumns + 1;
    this.design = widened(own, ownColumns, columns + GROWTH);
    this.solution = new double[columns];
    this.z = new double[rows];
    setColumn(ownColumns, i -> 1);
    if (family != Family.LOGISTIC) {
      // An exponential far from where it belongs takes many steps.
      solution[ownColumns] = outcomes.nullIntercept(family);
    }
  }

  private static Matrix widened(Matrix narrow, int columns, int wider) {
    Matrix wide = Matrix.zeros(narrow.rows(), wider);
    for (int i = 0; i < narrow.rows(); i++) {
      System.arraycopy(narrow.values(), i * narrow.columns(), wide.values(), i * wider, columns);
    }
    return wide;
  }

  private void setColumn(int column, IntToDoubleFunction value) {
    for (int i = 0; i < rows; i++) {
      design.values()[i * design.columns() + column] = value.applyAsDouble(i);
    }
  }

  /**
   * Adds a direction with coefficient 0.
   *
   * @param logits one per row
   * @param products its penalty products with all directions so far, itself last
   */
  void add(double[] logits, double[] products) {
    int directions = penalty.length;
    if (logits.length != rows || products.length != directions + 1) {
      throw new IllegalArgumentException("a direction of another size");
    }
    if (columns == design.columns()) {
      design = widened(design, columns, columns + GROWTH);
    }
    setColumn(columns, i -> logits[i]);
    penalty = Arrays.copyOf(penalty, directions + 1);
    penalty[directions] = products.clone();
    columns++;
    solution = Arrays.copyOf(solution, columns);
  }

  /** Goes on with another penalty, from the present point. */
  void penalise(double stronger) {
    double factor = stronger / l2;
    for (double[] row : penalty) {
      for (int t = 0; t < row.length; t++) {
        row[t] *= factor;
      }
    }
    l2 = stronger;
  }

  /** Moves to the minimum. */
  void minimise() {
    Newton newton = null;
    double lastDecrement = Double.POSITIVE_INFINITY;
    z = times(solution);
    for (int i = 0; i < rows; i++) {
      z[i] += outcomes.offset(i);
    }
    objective = loss(z) + penaltyOf(solution);
    for (int step = 0; step < MAX_STEPS; step++) {
      double[] gradient = gradient();
      if (newton == null) {
        newton = new Newton();
        last = newton;
        lastDecrement = Double.POSITIVE_INFINITY;
      }
      double[] direction = newton.solve(gradient);
      double decrement = dot(gradient, direction);
      if (decrement <= stopDecrement) {
        return;
      }
      if (decrement > 0.1 * lastDecrement) {
        newton = null;
        continue;
      }
      lastDecrement = decrement;
      if (!search(direction, decrement)) {
        return;
      }
    }
  }

  /** Steps back until the objective falls; false where rounding leaves nothing to gain. */
  private boolean search(double[] direction, double decrement) {
    double[] along = times(direction);
    double[] trialZ = new double[rows];
    for (double t = 1; t > 1e-9; t /= 2) {
      double[] trial = solution.clone();
      for (int j = 0; j < columns; j++) {
        trial[j] -= t * direction[j];
      }
      for (int i = 0; i < rows; i++) {
        trialZ[i] = z[i] - t * along[i];
      }
      double value = loss(trialZ) + penaltyOf(trial);
      if (value <= objective - 1e-4 * t * decrement) {
        solution = trial;
        z = trialZ;
        objective = value;
        return true;
      }
    }
    return false;
  }

  /**
   * The least curvature of the objective along the directions, the own columns moving with them.
   * For quadratic objectives and orthogonal gradients it is the smallest Ritz value of Lanczos'
   * method.
   *
   * @param products of all directions: row s has those with directions 0 to s
   * @return of a combination of length 1; 0 if it cannot be told
   */
  double leastCurvature(List<double[]> products) {
    int count = penalty.length;
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
    if (last == null || !factor.decompose(lengths)) {
      return 0;
    }
    // The inverse of the curvature along the directions is that part of the whole's inverse.
    DMatrixRMaj inverse = new DMatrixRMaj(count, count);
    for (int s = 0; s < count; s++) {
      double[] one = new double[columns];
      one[ownColumns + 1 + s] = 1 / unit[s];
      double[] column = last.solve(one);
      for (int t = 0; t < count; t++) {
        inverse.set(t, s, column[ownColumns + 1 + t] / unit[t]);
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

  /** Objective at the minimum found. */
  double objective() {
    return objective;
  }

  /** At the minimum found, one per row, without offsets. */
  double[] logits() {
    double[] logits = z.clone();
    for (int i = 0; i < rows; i++) {
      logits[i] -= outcomes.offset(i);
    }
    return logits;
  }

  /** In which losses are measured; see {@link Outcomes#unit}. */
  double unit() {
    return unit;
  }

  /** The slope of each row's loss; predicted minus true outcome but in the gamma family. */
  double[] residuals() {
    double[] r = new double[rows];
    IntStream.range(0, PARTS)
        .parallel()
        .forEach(
            part -> {
              for (int i = from(part); i < from(part + 1); i++) {
                r[i] = outcomes.weight(i) * family.slope(z[i], y[i]);
              }
            });
    return r;
  }

  /** Mean second derivative of a row's loss: the curvature along a whitened feature. */
  double curvature() {
    return mean(i -> outcomes.weight(i) * family.curvature(z[i], y[i]));
  }

  /** Factor of half the squared norm of the weights. */
  double penalty() {
    return l2;
  }

  int ownColumns() {
    return ownColumns;
  }

  /** Weights of the own columns. */
  double[] ownWeights() {
    return Arrays.copyOf(solution, ownColumns);
  }

  double intercept() {
    return solution[ownColumns];
  }

  /** One per direction. */
  double[] coefficients() {
    return Arrays.copyOfRange(solution, ownColumns + 1, columns);
  }

  private double[] times(double[] w) {
    return design.times(Arrays.copyOf(w, design.columns()));
  }

  private double loss(double[] logits) {
    return mean(i -> outcomes.weight(i) * family.loss(logits[i], y[i]));
  }

  private double penaltyOf(double[] v) {
    double sum = 0;
    for (int j = 0; j < ownColumns; j++) {
      sum += l2 * v[j] * v[j];
    }
    for (int s = 0; s < penalty.length; s++) {
      for (int t = 0; t <= s; t++) {
        double term = penalty[s][t] * v[ownColumns + 1 + s] * v[ownColumns + 1 + t];
        sum += s == t ? term : 2 * term;
      }
    }
    return sum / 2;
  }

  private double[] gradient() {
    double[] g = Arrays.copyOf(design.transposeTimes(residuals()), columns);
    for (int j = 0; j < columns; j++) {
      g[j] /= rows;
    }
    for (int j = 0; j < ownColumns; j++) {
      g[j] += l2 * solution[j];
    }
    int first = ownColumns + 1;
    for (int s = 0; s < penalty.length; s++) {
      for (int t = 0; t <= s; t++) {
        g[first + s] += penalty[s][t] * solution[first + t];
        if (t < s) {
          g[first + t] += penalty[s][t] * solution[first + s];
        }
      }
    }
    return g;
  }

  /** The Hessian at the present point, factored. */
  private final class Newton {
    private final double[] scale;
    private final LinearSolverDense<DMatrixRMaj> solver;

    Newton() {
      int m = columns;
      double[] h = weightedGram(m);
      for (int j = 0; j < ownColumns; j++) {
        h[j * m + j] += l2;
      }
      int first = ownColumns + 1;
      for (int s = 0; s < penalty.length; s++) {
        for (int t = 0; t <= s; t++) {
          h[(first + t) * m + first + s] += penalty[s][t];
        }
      }
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

    double[] solve(double[] gradient) {
      int m = gradient.length;
      DMatrixRMaj b = new DMatrixRMaj(m, 1);
      for (int j = 0; j < m; j++) {
        b.set(j, gradient[j] * scale[j]);
      }
      DMatrixRMaj x = new DMatrixRMaj(m, 1);
      solver.solve(b, x);
      double[] out = new double[m];
      for (int j = 0; j < m; j++) {
        out[j] = x.get(j) * scale[j];
      }
      return out;
    }
  }

  /** Upper triangle of (1/n)·Σ weight·curvature·xxᵀ. */
  private double[] weightedGram(int m) {
    double[] values = design.values();
    int stride = design.columns();
    double[][] parts = new double[PARTS][];
    IntStream.range(0, PARTS)
        .parallel()
        .forEach(
            part -> {
              double[] h = new double[m * m];
              double[] some = new double[m * m];
              double[] scaled = new double[GRAM_ROWS * m];
              int end = from(part + 1);
              for (int first = from(part); first < end; first += GRAM_ROWS) {
                int count = Math.min(GRAM_ROWS, end - first);
                for (int i = 0; i < count; i++) {
                  double root = Math.sqrt(weight(first + i));
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

  private double weight(int row) {
    return outcomes.weight(row) * family.curvature(z[row], y[row]) / rows;
  }

  private double mean(IntToDoubleFunction ofRow) {
    double[] sums = new double[PARTS];
    IntStream.range(0, PARTS)
        .parallel()
        .forEach(
            part -> {
              double sum = 0;
              for (int i = from(part); i < from(part + 1); i++) {
                sum += ofRow.applyAsDouble(i);
              }
              sums[part] = sum;
            });
    double total = 0;
    for (double sum : sums) {
      total += sum;
    }
    return total / rows;
  }

  private int from(int part) {
    return (int) ((long) rows * part / PARTS);
  }

  static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int j = 0; j < a.length; j++) {
      sum += a[j] * b[j];
    }
    return sum;
  }
}
