package org.espalier.protocols.glm;

import java.util.Arrays;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.factory.LinearSolverFactory_DDRM;
import org.ejml.interfaces.linsol.LinearSolverDense;
import org.espalier.protocols.prepare.Matrix;

/**
 * The plaintext optimum that federated training is measured against: logistic regression on all
 * columns in one place, minimising mean log-loss + l2/2·‖w‖², intercept unpenalised, by damped
 * Newton steps.
 *
 * @param weights one per column
 * @param objective the minimum
 */
public record CentralisedLogistic(double[] weights, double intercept, double objective) {
  private static final double GRADIENT_NORM = 1e-10;
  private static final int MAX_STEPS = 200;
  private static final int MAX_HALVINGS = 60;

  /**
   * Solves to a gradient of norm at most 1e-10.
   *
   * @param x n × d, finite; d may be 0
   * @param y one label per row, 0 or 1, both present: with one class the intercept has no optimum
   * @param l2 above 0: it makes the optimum exist and unique
   * @throws IllegalArgumentException if the data do not fit the above
   * @throws ArithmeticException if double precision does not reach that gradient
   */
  public static CentralisedLogistic fit(Matrix x, double[] y, double l2) {
    check(x, y, l2);
    int d = x.columns();
    double[] parameters = new double[d + 1];
    parameters[d] = logOdds(y);
    double[] logits = logits(x, parameters);
    double objective = objective(logits, y, parameters, l2);
    for (int step = 0; step < MAX_STEPS; step++) {
      double[] gradient = gradient(x, y, logits, parameters, l2);
      double norm = norm(gradient);
      if (norm <= GRADIENT_NORM) {
        return new CentralisedLogistic(Arrays.copyOf(parameters, d), parameters[d], objective);
      }
      double[] direction = newtonDirection(x, y, logits, gradient, l2);
      double slope = dot(gradient, direction);
      double length = 1;
      for (int halving = 0; ; halving++, length /= 2) {
        double[] next = plus(parameters, length, direction);
        double[] nextLogits = logits(x, next);
        double nextObjective = objective(nextLogits, y, next, l2);
        if (nextObjective <= objective - 1e-4 * length * slope
            || improvesOnlyTheGradient(
                x, y, nextLogits, next, l2, norm, objective, nextObjective)) {
          parameters = next;
          logits = nextLogits;
          objective = nextObjective;
          break;
        }
        if (halving == MAX_HALVINGS) {
          throw notReached(norm);
        }
      }
    }
    throw notReached(norm(gradient(x, y, logits, parameters, l2)));
  }

  /** Close to the optimum the objective no longer resolves a step that the gradient still does. */
  private static boolean improvesOnlyTheGradient(
      Matrix x,
      double[] y,
      double[] nextLogits,
      double[] next,
      double l2,
      double norm,
      double objective,
      double nextObjective) {
    return Math.abs(nextObjective - objective) <= 1e-13 * Math.abs(objective)
        && norm(gradient(x, y, nextLogits, next, l2)) < norm;
  }

  private static void check(Matrix x, double[] y, double l2) {
    if (!(l2 > 0 && l2 < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("l2 must be above 0, got " + l2);
    }
    if (y.length != x.rows()) {
      throw new IllegalArgumentException(y.length + " labels for " + x.rows() + " rows");
    }
    int ones = 0;
    for (int i = 0; i < y.length; i++) {
      if (y[i] != 0 && y[i] != 1) {
        throw new IllegalArgumentException("label of row " + (i + 1) + " is neither 0 nor 1");
      }
      ones += (int) y[i];
    }
    if (ones == 0 || ones == y.length) {
      throw new IllegalArgumentException("all labels are the same: there is nothing to fit");
    }
  }

  private static double logOdds(double[] y) {
    double rate = Arrays.stream(y).sum() / y.length;
    return Math.log(rate / (1 - rate));
  }

  private static double[] logits(Matrix x, double[] parameters) {
    int d = x.columns();
    double[] logits = x.times(Arrays.copyOf(parameters, d));
    for (int i = 0; i < logits.length; i++) {
      logits[i] += parameters[d];
    }
    return logits;
  }

  private static double objective(double[] logits, double[] y, double[] parameters, double l2) {
    double loss = 0;
    for (int i = 0; i < y.length; i++) {
      loss += Family.LOGISTIC.loss(logits[i], y[i]);
    }
    double square = 0;
    for (int j = 0; j < parameters.length - 1; j++) {
      square += parameters[j] * parameters[j];
    }
    return loss / y.length + l2 / 2 * square;
  }

  private static double[] gradient(
      Matrix x, double[] y, double[] logits, double[] parameters, double l2) {
    int d = x.columns();
    double[] residuals = new double[y.length];
    double sum = 0;
    for (int i = 0; i < y.length; i++) {
      residuals[i] = Family.LOGISTIC.slope(logits[i], y[i]);
      sum += residuals[i];
    }
    double[] gradient = Arrays.copyOf(x.transposeTimes(residuals), d + 1);
    for (int j = 0; j < d; j++) {
      gradient[j] = gradient[j] / y.length + l2 * parameters[j];
    }
    gradient[d] = sum / y.length;
    return gradient;
  }

  /** H⁻¹·gradient, H = XᵀDX/n + l2 with the intercept as a last column of ones. */
  private static double[] newtonDirection(
      Matrix x, double[] y, double[] logits, double[] gradient, double l2) {
    int n = x.rows();
    int d = x.columns();
    double[] scaled = new double[Math.multiplyExact(n, d + 1)];
    for (int i = 0; i < n; i++) {
      double root = Math.sqrt(Family.LOGISTIC.curvature(logits[i], y[i]) / n);
      for (int j = 0; j < d; j++) {
        scaled[i * (d + 1) + j] = root * x.values()[i * d + j];
      }
      scaled[i * (d + 1) + d] = root;
    }
    DMatrixRMaj hessian =
        DMatrixRMaj.wrap(d + 1, d + 1, new Matrix(n, d + 1, scaled).gram().values());
    for (int j = 0; j < d; j++) {
      hessian.add(j, j, l2);
    }
    LinearSolverDense<DMatrixRMaj> solver = LinearSolverFactory_DDRM.symmPosDef(d + 1);
    if (!solver.setA(hessian)) {
      throw new ArithmeticException("the curvature is not positive definite in double precision");
    }
    DMatrixRMaj direction = new DMatrixRMaj(d + 1, 1);
    solver.solve(DMatrixRMaj.wrap(d + 1, 1, gradient.clone()), direction);
    return direction.data;
  }

  private static double[] plus(double[] parameters, double length, double[] direction) {
    double[] next = parameters.clone();
    for (int j = 0; j < next.length; j++) {
      next[j] -= length * direction[j];
    }
    return next;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int j = 0; j < a.length; j++) {
      sum += a[j] * b[j];
    }
    return sum;
  }

  private static double norm(double[] v) {
    return Math.sqrt(dot(v, v));
  }

  private static ArithmeticException notReached(double norm) {
    return new ArithmeticException(
        "Newton's method stopped at a gradient of norm " + norm + ", above " + GRADIENT_NORM);
  }
}
