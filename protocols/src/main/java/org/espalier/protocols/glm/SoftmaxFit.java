package org.espalier.protocols.glm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.factory.LinearSolverFactory_DDRM;
import org.ejml.interfaces.linsol.LinearSolverDense;
import org.espalier.protocols.prepare.Matrix;

/**
 * The step of a softmax regression of K classes:
 *
 * <p>min over A of mean weight·(−ln softmax(z)_y) + l2/2·‖A of own columns‖² + ½·tr(AᵀQA of
 * directions), z = A'·x,
 *
 * <p>where a row x has the own columns, 1 and the logits of the directions, A has a column for each
 * class, and Q holds the directions' penalty products. The penalty is on all classes alike, as in
 * scikit-learn; with it the minimum is unique but for a constant on all intercepts, and in it each
 * row of A adds up to 0, the intercepts by choice.
 *
 * <p>Method: Newton with backtracking. Steps are solved for by conjugate gradients on the Hessian
 * of all classes together (Lin, Weng, Keerthi, JMLR 9, 2008), preconditioned by its blocks of
 * single classes.
 */
final class SoftmaxFit implements PassFit {
  private static final int GROWTH = 16;
  private static final int MAX_STEPS = 60;
  private static final int MAX_ITERATIONS = 200;

  /** Of a gradient's length, by the preconditioner, what a step leaves. */
  private static final double LEFT = 0.03;

  /** With more iterations than this, blocks are worth being computed anew. */
  private static final int OLD_BLOCKS = 12;

  private final Outcomes outcomes;
  private final int[] y;
  private final int classes;
  private final double l2;
  private final int rows;
  private final int ownColumns;
  private final double stopDecrement;

  private Matrix design; // columns to come are zero
  private int columns;
  private double[][] penalty = new double[0][];

  /** Columns × classes, as all that follow; rows × classes where there is one for each row. */
  private double[] solution;

  private double[] z;
  private double[] probabilities;
  private double objective;
  private List<DesignCurvature> blocks;
  private boolean oldBlocks;

  /**
   * @param own n × d, d may be 0
   * @param outcomes 0 to classes − 1
   * @param accuracy how far from its minimum the objective may stay
   * @throws IllegalArgumentException if nobody is of a class
   */
  SoftmaxFit(Matrix own, Outcomes outcomes, int classes, double l2, double accuracy) {
    this.outcomes = outcomes;
    this.y = Arrays.stream(outcomes.values()).mapToInt(value -> (int) value).toArray();
    this.classes = classes;
    this.l2 = l2;
    this.rows = own.rows();
    this.ownColumns = own.columns();
    this.stopDecrement = 2 * Math.max(1e-15, accuracy);
    this.columns = ownColumns + 1;
    this.design = own.widened(columns + GROWTH);
    this.solution = new double[columns * classes];
    design.setColumn(ownColumns, i -> 1);
    double[] sums = new double[classes];
    for (int i = 0; i < rows; i++) {
      sums[y[i]] += outcomes.weight(i);
    }
    double mean = 0;
    for (int k = 0; k < classes; k++) {
      if (!(sums[k] > 0)) {
        throw new IllegalArgumentException(
            "none of the training people is of class %d of %d".formatted(k + 1, classes));
      }
      mean += Math.log(sums[k]) / classes;
    }
    for (int k = 0; k < classes; k++) {
      solution[ownColumns * classes + k] = Math.log(sums[k]) - mean;
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
    solution = Arrays.copyOf(solution, columns * classes);
    blocks = null;
  }

  @Override
  public void minimise() {
    z = times(solution);
    objective = loss(z) + penaltyOf(solution);
    for (int step = 0; step < MAX_STEPS; step++) {
      predict();
      double[] gradient = gradient();
      if (blocks == null || oldBlocks) {
        blocks = blocks();
      }
      double[] direction = newton(gradient);
      double decrement = SubspaceFit.dot(gradient, direction);
      if (!(decrement > stopDecrement) || !search(direction, decrement)) {
        return;
      }
    }
    predict();
  }

  /** The Hessian's inverse times a gradient, nearly; its rows add up to 0. */
  private double[] newton(double[] gradient) {
    double[] x = new double[gradient.length];
    double[] left = gradient.clone();
    double[] scaled = byBlocks(left);
    double[] along = scaled.clone();
    double length = SubspaceFit.dot(left, scaled);
    double enough = LEFT * LEFT * length;
    int iteration = 0;
    while (length > enough && iteration < MAX_ITERATIONS) {
      double[] curved = hessianTimes(along);
      double step = length / SubspaceFit.dot(along, curved);
      if (!(step > 0 && step < Double.POSITIVE_INFINITY)) {
        break;
      }
      for (int j = 0; j < x.length; j++) {
        x[j] += step * along[j];
        left[j] -= step * curved[j];
      }
      scaled = byBlocks(left);
      double next = SubspaceFit.dot(left, scaled);
      for (int j = 0; j < x.length; j++) {
        along[j] = scaled[j] + next / length * along[j];
      }
      length = next;
      iteration++;
    }
    oldBlocks = iteration > OLD_BLOCKS;
    centre(x);
    return x;
  }

  /** The loss does not change with what is added to all classes, and the penalty gets less. */
  private void centre(double[] perClass) {
    for (int at = 0; at < perClass.length; at += classes) {
      double mean = 0;
      for (int k = 0; k < classes; k++) {
        mean += perClass[at + k] / classes;
      }
      for (int k = 0; k < classes; k++) {
        perClass[at + k] -= mean;
      }
    }
  }

  private double[] byBlocks(double[] v) {
    double[] out = new double[v.length];
    double[] one = new double[columns];
    for (int k = 0; k < classes; k++) {
      for (int j = 0; j < columns; j++) {
        one[j] = v[j * classes + k];
      }
      double[] solved = blocks.get(k).solve(one);
      for (int j = 0; j < columns; j++) {
        out[j * classes + k] = solved[j];
      }
    }
    return out;
  }

  private List<DesignCurvature> blocks() {
    List<DesignCurvature> all = new ArrayList<>();
    for (int k = 0; k < classes; k++) {
      int of = k;
      double[] h = DesignCurvature.gram(design, columns, i -> curvature(i, of) / rows);
      for (int j = 0; j < ownColumns; j++) {
        h[j * columns + j] += l2;
      }
      DesignCurvature.addPenalty(h, columns, ownColumns + 1, penalty);
      all.add(new DesignCurvature(h, columns));
    }
    return all;
  }

  private double curvature(int row, int k) {
    double p = probabilities[row * classes + k];
    return outcomes.weight(row) * p * (1 - p);
  }

  private double[] hessianTimes(double[] v) {
    double[] along = times(v);
    RowSums.forEach(
        rows,
        i -> {
          int at = i * classes;
          double mean = 0;
          for (int k = 0; k < classes; k++) {
            mean += probabilities[at + k] * along[at + k];
          }
          for (int k = 0; k < classes; k++) {
            along[at + k] =
                outcomes.weight(i) * probabilities[at + k] * (along[at + k] - mean) / rows;
          }
        });
    return plusPenalty(transposeTimes(along), v);
  }

  /** Steps back until the objective falls; false where rounding leaves nothing to gain. */
  private boolean search(double[] direction, double decrement) {
    double[] along = times(direction);
    double[] trialZ = new double[z.length];
    for (double t = 1; t > 1e-9; t /= 2) {
      double[] trial = solution.clone();
      for (int j = 0; j < trial.length; j++) {
        trial[j] -= t * direction[j];
      }
      for (int i = 0; i < trialZ.length; i++) {
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

  private void predict() {
    probabilities = z.clone();
    RowSums.forEach(rows, i -> Softmax.predict(probabilities, i * classes, classes));
  }

  @Override
  public double leastCurvature(List<double[]> products) {
    double least = Double.POSITIVE_INFINITY;
    for (int k = 0; k < classes; k++) {
      int of = k;
      double mean = RowSums.mean(rows, i -> curvature(i, of));
      least = Math.min(least, blocks.get(k).least(ownColumns + 1, products) / mean);
    }
    return least;
  }

  /** Of the mean Hessian of a row's loss in its outputs, all classes but the last. */
  @Override
  public double gap(double[][] gradients) {
    int m = classes - 1;
    DMatrixRMaj curvature = new DMatrixRMaj(m, m);
    for (int k = 0; k < m; k++) {
      for (int l = 0; l < m; l++) {
        curvature.set(k, l, RowSums.mean(rows, joint(k, l)));
      }
    }
    LinearSolverDense<DMatrixRMaj> solver = LinearSolverFactory_DDRM.chol(m);
    if (!solver.setA(curvature)) {
      return Double.NaN;
    }
    DMatrixRMaj solved = new DMatrixRMaj(m, m);
    solver.solve(new DMatrixRMaj(gradients), solved);
    double trace = 0;
    for (int k = 0; k < m; k++) {
      trace += solved.get(k, k);
    }
    return trace >= 0 ? trace / 2 : Double.NaN;
  }

  private IntToDoubleFunction joint(int k, int l) {
    return i -> {
      double p = probabilities[i * classes + k];
      return outcomes.weight(i) * (k == l ? p * (1 - p) : -p * probabilities[i * classes + l]);
    };
  }

  @Override
  public double objective() {
    return objective;
  }

  @Override
  public double unit() {
    return 1;
  }

  @Override
  public List<double[]> residuals() {
    double[] all = slopes();
    List<double[]> each = new ArrayList<>();
    for (int k = 0; k < classes - 1; k++) {
      each.add(ofClass(all, k));
    }
    return each;
  }

  private double[] slopes() {
    double[] r = probabilities.clone();
    RowSums.forEach(
        rows,
        i -> {
          r[i * classes + y[i]] -= 1;
          for (int k = 0; k < classes; k++) {
            r[i * classes + k] *= outcomes.weight(i);
          }
        });
    return r;
  }

  private double[] ofClass(double[] perClass, int k) {
    double[] one = new double[perClass.length / classes];
    Arrays.setAll(one, i -> perClass[i * classes + k]);
    return one;
  }

  @Override
  public int ownColumns() {
    return ownColumns;
  }

  @Override
  public double[] ownWeights() {
    return Arrays.copyOf(solution, ownColumns * classes);
  }

  @Override
  public double[] intercepts() {
    return Arrays.copyOfRange(solution, ownColumns * classes, (ownColumns + 1) * classes);
  }

  @Override
  public double[] coefficients() {
    int each = classes - 1;
    double[] all = new double[penalty.length * each];
    for (int s = 0; s < penalty.length; s++) {
      System.arraycopy(solution, (ownColumns + 1 + s) * classes, all, s * each, each);
    }
    return all;
  }

  @Override
  public double[] logits() {
    return null;
  }

  private double[] times(double[] perColumn) {
    double[] padded = Arrays.copyOf(perColumn, design.columns() * classes);
    return design.times(new Matrix(design.columns(), classes, padded)).values();
  }

  private double[] transposeTimes(double[] perRow) {
    double[] out = new double[columns * classes];
    for (int k = 0; k < classes; k++) {
      double[] one = design.transposeTimes(ofClass(perRow, k));
      for (int j = 0; j < columns; j++) {
        out[j * classes + k] = one[j];
      }
    }
    return out;
  }

  private double loss(double[] logits) {
    return RowSums.mean(
        rows, i -> outcomes.weight(i) * Softmax.loss(logits, i * classes, classes, y[i]));
  }

  private double[] gradient() {
    double[] slopes = slopes();
    for (int i = 0; i < slopes.length; i++) {
      slopes[i] /= rows;
    }
    return plusPenalty(transposeTimes(slopes), solution);
  }

  private double penaltyOf(double[] v) {
    return SubspaceFit.dot(v, plusPenalty(new double[v.length], v)) / 2;
  }

  /** Adds the penalty's gradient at v. */
  private double[] plusPenalty(double[] sum, double[] v) {
    for (int at = 0; at < ownColumns * classes; at++) {
      sum[at] += l2 * v[at];
    }
    int first = ownColumns + 1;
    for (int s = 0; s < penalty.length; s++) {
      for (int t = 0; t <= s; t++) {
        for (int k = 0; k < classes; k++) {
          sum[(first + s) * classes + k] += penalty[s][t] * v[(first + t) * classes + k];
          if (t < s) {
            sum[(first + t) * classes + k] += penalty[s][t] * v[(first + s) * classes + k];
          }
        }
      }
    }
    return sum;
  }
}
