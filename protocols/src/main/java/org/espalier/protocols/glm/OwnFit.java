package org.espalier.protocols.glm;

import java.util.Arrays;
import java.util.List;
import org.espalier.protocols.prepare.Matrix;

/**
 * What the label party solves between two passes with a sparse penalty, in plaintext: its own
 * weights and the intercept at given logits of the others,
 *
 * <p>min over (w, b) of mean weight·loss(z, y) + l1·‖w‖₁ + l2/2·‖w‖², z = X·w + b + others +
 * offset.
 *
 * <p>Method: Newton steps on the loss, the penalty kept as it is, by {@link CoordinateDescent},
 * with backtracking (Lee, Sun, Saunders, SIAM J. Optim. 24, 2014).
 */
final class OwnFit {
  private static final int MAX_STEPS = 60;
  private static final double SUFFICIENT = 0.1;

  private final Matrix design;
  private final Outcomes outcomes;
  private final Family family;
  private final double l1;
  private final double l2;
  private final double stop;
  private final int rows;
  private final int columns;
  private final double[] l1s;
  private final double[] l2s;
  private double[] solution;
  private double[] z;
  private double objective;

  /**
   * @param own n × d, d may be 0
   * @param accuracy how far from its minimum the objective may stay, in units of the loss
   */
  OwnFit(Matrix own, Outcomes outcomes, TrainingSpec spec, double accuracy) {
    this.outcomes = outcomes;
    this.family = spec.family();
    this.l1 = spec.l1();
    this.l2 = spec.l2();
    this.rows = own.rows();
    this.columns = own.columns();
    this.stop = accuracy;
    double[] ones = new double[rows];
    Arrays.fill(ones, 1);
    this.design = Matrix.beside(List.of(own, new Matrix(rows, 1, ones)));
    this.l1s = new double[columns + 1];
    this.l2s = new double[columns + 1];
    Arrays.fill(l1s, 0, columns, l1);
    Arrays.fill(l2s, 0, columns, l2);
    this.solution = new double[columns + 1];
    this.solution[columns] = outcomes.nullIntercept(family);
  }

  /**
   * Moves to the minimum.
   *
   * @param others one logit a row, without offsets
   */
  void minimise(double[] others) {
    z = logits(others, solution);
    objective = loss(z) + penalty(solution);
    for (int step = 0; step < MAX_STEPS; step++) {
      double[] gradient = design.transposeTimes(residuals());
      double[] hessian = hessian();
      double[] b = new double[columns + 1];
      for (int j = 0; j <= columns; j++) {
        double sum = 0;
        for (int k = 0; k <= columns; k++) {
          sum += hessian[j * (columns + 1) + k] * solution[k];
        }
        gradient[j] /= rows;
        b[j] = sum - gradient[j];
      }
      double[] next = CoordinateDescent.minimise(hessian, b, l1s, l2s, solution);
      double promised = penalty(solution) - penalty(next);
      for (int j = 0; j <= columns; j++) {
        promised -= gradient[j] * (next[j] - solution[j]);
      }
      if (!(promised > stop) || !search(others, next, promised)) {
        return;
      }
    }
  }

  private boolean search(double[] others, double[] target, double promised) {
    for (double t = 1; t > 1e-9; t /= 2) {
      double[] trial = solution.clone();
      for (int j = 0; j < trial.length; j++) {
        trial[j] = t == 1 ? target[j] : trial[j] + t * (target[j] - trial[j]);
      }
      double[] trialZ = logits(others, trial);
      double value = loss(trialZ) + penalty(trial);
      if (value <= objective - SUFFICIENT * t * promised) {
        solution = trial;
        z = trialZ;
        objective = value;
        return true;
      }
    }
    return false;
  }

  private double[] logits(double[] others, double[] at) {
    double[] sum = design.times(at);
    for (int i = 0; i < rows; i++) {
      sum[i] += others[i] + outcomes.offset(i);
    }
    return sum;
  }

  private double loss(double[] logits) {
    double sum = 0;
    for (int i = 0; i < rows; i++) {
      sum += outcomes.weight(i) * family.loss(logits[i], outcomes.values()[i]);
    }
    return sum / rows;
  }

  private double penalty(double[] at) {
    double sum = 0;
    for (int j = 0; j < columns; j++) {
      sum += l1 * Math.abs(at[j]) + l2 / 2 * at[j] * at[j];
    }
    return sum;
  }

  /** Of the loss, with the least that keeps its diagonal above 0. */
  private double[] hessian() {
    Matrix scaled = Matrix.zeros(rows, columns + 1);
    for (int i = 0; i < rows; i++) {
      double root =
          Math.sqrt(outcomes.weight(i) * family.curvature(z[i], outcomes.values()[i]) / rows);
      for (int j = 0; j <= columns; j++) {
        scaled.values()[i * (columns + 1) + j] = root * design.get(i, j);
      }
    }
    double[] hessian = scaled.gram().values();
    hessian[hessian.length - 1] += Double.MIN_NORMAL;
    return hessian;
  }

  /** At the minimum found, the label party's penalty included. */
  double objective() {
    return objective;
  }

  /** The slope of each row's loss. */
  double[] residuals() {
    double[] r = new double[rows];
    for (int i = 0; i < rows; i++) {
      r[i] = outcomes.weight(i) * family.slope(z[i], outcomes.values()[i]);
    }
    return r;
  }

  /** Mean second derivative of a row's loss. */
  double curvature() {
    double sum = 0;
    for (int i = 0; i < rows; i++) {
      sum += outcomes.weight(i) * family.curvature(z[i], outcomes.values()[i]);
    }
    return sum / rows;
  }

  /** At the minimum found, one per row, without offsets. */
  double[] logits() {
    double[] logits = z.clone();
    for (int i = 0; i < rows; i++) {
      logits[i] -= outcomes.offset(i);
    }
    return logits;
  }

  double[] ownWeights() {
    return Arrays.copyOf(solution, columns);
  }

  double intercept() {
    return solution[columns];
  }
}
