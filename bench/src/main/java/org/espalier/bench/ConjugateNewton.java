package org.espalier.bench;

import java.util.Arrays;
import org.espalier.protocols.glm.CentralisedLogistic;
import org.espalier.protocols.prepare.Matrix;

/**
 * The plaintext optimum where there are too many columns to factor a Hessian: Newton steps whose
 * systems are solved by conjugate gradients, to a gradient of norm 10^-6. The objective is curved
 * by l2 at least (along the intercept by the data), so that what is missing to its minimum is about
 * ‖gradient‖²/(2·l2): 5e-9 at l2 = 1e-4.
 */
final class ConjugateNewton {
  private static final double GRADIENT_NORM = 1e-6;
  private static final int MAX_STEPS = 50;
  private static final int MAX_PRODUCTS = 1000;

  private final Matrix x;
  private final double[] y;
  private final double l2;
  private final int d;

  private ConjugateNewton(Matrix x, double[] y, double l2) {
    this.x = x;
    this.y = y;
    this.l2 = l2;
    this.d = x.columns();
  }

  /** See {@link CentralisedLogistic#fit}. */
  static CentralisedLogistic fit(Matrix x, double[] y, double l2) {
    return new ConjugateNewton(x, y, l2).minimise();
  }

  private CentralisedLogistic minimise() {
    double[] at = new double[d + 1];
    double[] logits = new double[y.length];
    double objective = objective(at, logits);
    for (int step = 0; step < MAX_STEPS; step++) {
      double[] curvature = new double[y.length];
      double[] gradient = gradient(at, logits, curvature);
      double norm = Math.sqrt(Scores.squaredNorm(gradient));
      if (norm <= GRADIENT_NORM) {
        return new CentralisedLogistic(Arrays.copyOf(at, d), at[d], objective);
      }
      double[] direction = solve(gradient, curvature, Math.min(0.1, Math.sqrt(norm)) * norm);
      double slope = dot(gradient, direction);
      double[] next;
      double value;
      double length = 1;
      do {
        next = plus(at, -length, direction);
        logits = logits(next);
        value = objective(next, logits);
        length /= 2;
        // What is below rounding is taken as it is.
      } while (value > objective - 1e-4 * 2 * length * slope + 1e-14 && length > 1e-9);
      at = next;
      objective = value;
    }
    throw new ArithmeticException("no optimum within " + MAX_STEPS + " steps");
  }

  /** The step that Newton's method subtracts, to a residual of that norm. */
  private double[] solve(double[] gradient, double[] curvature, double accuracy) {
    double[] solution = new double[d + 1];
    double[] residual = gradient.clone();
    double[] along = gradient.clone();
    double squared = Scores.squaredNorm(residual);
    for (int k = 0; k < MAX_PRODUCTS && Math.sqrt(squared) > accuracy; k++) {
      double[] product = hessianTimes(along, curvature);
      double length = squared / dot(along, product);
      solution = plus(solution, length, along);
      residual = plus(residual, -length, product);
      double next = Scores.squaredNorm(residual);
      along = plus(residual, next / squared, along);
      squared = next;
    }
    return solution;
  }

  private double[] hessianTimes(double[] v, double[] curvature) {
    double[] rows = logits(v);
    for (int i = 0; i < rows.length; i++) {
      rows[i] *= curvature[i];
    }
    return withPenalty(rows, v);
  }

  private double[] gradient(double[] at, double[] logits, double[] curvature) {
    double[] rows = new double[y.length];
    for (int i = 0; i < rows.length; i++) {
      double p = 1 / (1 + Math.exp(-logits[i]));
      rows[i] = p - y[i];
      curvature[i] = p * (1 - p);
    }
    return withPenalty(rows, at);
  }

  /** Mean over the rows of (x, 1)·row, plus l2·v but for the intercept. */
  private double[] withPenalty(double[] rows, double[] v) {
    double[] out = Arrays.copyOf(x.transposeTimes(rows), d + 1);
    for (double row : rows) {
      out[d] += row;
    }
    for (int j = 0; j <= d; j++) {
      out[j] = out[j] / rows.length + (j < d ? l2 * v[j] : 0);
    }
    return out;
  }

  private double[] logits(double[] v) {
    return Scores.logits(x, Arrays.copyOf(v, d), v[d]);
  }

  private double objective(double[] at, double[] logits) {
    return Scores.logLoss(logits, y) + l2 / 2 * Scores.squaredNorm(Arrays.copyOf(at, d));
  }

  private static double[] plus(double[] a, double factor, double[] b) {
    double[] sum = a.clone();
    for (int j = 0; j < sum.length; j++) {
      sum[j] += factor * b[j];
    }
    return sum;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int j = 0; j < a.length; j++) {
      sum += a[j] * b[j];
    }
    return sum;
  }
}
