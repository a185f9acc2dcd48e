package org.espalier.protocols.glm;

import java.util.Arrays;
import java.util.List;
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
final class SubspaceFit implements PassFit {
  private static final int GROWTH = 8;
  private static final int MAX_STEPS = 60;

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
  private DesignCurvature last;

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
    this.design = own.widened(columns + GROWTH);
    this.solution = new double[columns];
    this.z = new double[rows];
    design.setColumn(ownColumns, i -> 1);
    if (family != Family.LOGISTIC) {
      // An exponential far from where it belongs takes many steps.
      solution[ownColumns] = outcomes.nullIntercept(family);
    }
  }

  @Override
  public void add(double[] logits, double[] products) {
    int directions = penalty.length;
    if (logits.length != rows || products.length != directions + 1) {
      throw new IllegalArgumentException("a direction of another size");
    }
    if (columns == design.columns()) {
      design = design.widened(columns + GROWTH);
    }
    design.setColumn(columns, i -> logits[i]);
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

  @Override
  public void minimise() {
    DesignCurvature newton = null;
    double lastDecrement = Double.POSITIVE_INFINITY;
    z = times(solution);
    for (int i = 0; i < rows; i++) {
      z[i] += outcomes.offset(i);
    }
    objective = loss(z) + penaltyOf(solution);
    for (int step = 0; step < MAX_STEPS; step++) {
      double[] gradient = gradient();
      if (newton == null) {
        newton = newton();
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

  @Override
  public double leastCurvature(List<double[]> products) {
    return last == null ? 0 : last.least(ownColumns + 1, products) / curvature();
  }

  @Override
  public double objective() {
    return objective;
  }

  @Override
  public double[] logits() {
    double[] logits = z.clone();
    for (int i = 0; i < rows; i++) {
      logits[i] -= outcomes.offset(i);
    }
    return logits;
  }

  @Override
  public double unit() {
    return unit;
  }

  /** The slope of each row's loss; predicted minus true outcome but in the gamma family. */
  @Override
  public List<double[]> residuals() {
    return List.of(slopes());
  }

  private double[] slopes() {
    double[] r = new double[rows];
    RowSums.forEach(rows, i -> r[i] = outcomes.weight(i) * family.slope(z[i], y[i]));
    return r;
  }

  @Override
  public double gap(double[][] gradients) {
    return gradients[0][0] / (2 * curvature());
  }

  /** Factor of half the squared norm of the weights. */
  double penalty() {
    return l2;
  }

  /** Mean second derivative of a row's loss: the curvature along a whitened feature. */
  private double curvature() {
    return RowSums.mean(rows, i -> outcomes.weight(i) * family.curvature(z[i], y[i]));
  }

  @Override
  public int ownColumns() {
    return ownColumns;
  }

  @Override
  public double[] ownWeights() {
    return Arrays.copyOf(solution, ownColumns);
  }

  @Override
  public double[] intercepts() {
    return new double[] {solution[ownColumns]};
  }

  @Override
  public double[] coefficients() {
    return Arrays.copyOfRange(solution, ownColumns + 1, columns);
  }

  private double[] times(double[] w) {
    return design.times(Arrays.copyOf(w, design.columns()));
  }

  private double loss(double[] logits) {
    return RowSums.mean(rows, i -> outcomes.weight(i) * family.loss(logits[i], y[i]));
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
    double[] g = Arrays.copyOf(design.transposeTimes(slopes()), columns);
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
  private DesignCurvature newton() {
    int m = columns;
    double[] h = DesignCurvature.gram(design, m, this::weight);
    for (int j = 0; j < ownColumns; j++) {
      h[j * m + j] += l2;
    }
    DesignCurvature.addPenalty(h, m, ownColumns + 1, penalty);
    return new DesignCurvature(h, m);
  }

  private double weight(int row) {
    return outcomes.weight(row) * family.curvature(z[row], y[row]) / rows;
  }

  static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int j = 0; j < a.length; j++) {
      sum += a[j] * b[j];
    }
    return sum;
  }
}
