package org.espalier.bench;

import org.espalier.protocols.prepare.Matrix;

/**
 * SecretFlow's HESS-SGD in the clear: mini-batch gradient steps for logistic regression with its
 * sigmoid, the line 1/2 + z/8 cut off at 0 and 1. Each party has an intercept of its own there,
 * which is one intercept at twice the rate.
 */
final class LinearSigmoid {
  private final Matrix x;
  private final double[] labels;
  private final int batch;
  private final double step;
  private final double[] weights;
  private double intercept;

  /**
   * @param rate of the mean gradient of a batch
   */
  LinearSigmoid(Matrix x, double[] labels, int batch, double rate) {
    this.x = x;
    this.labels = labels;
    this.batch = batch;
    this.step = rate / batch;
    this.weights = new double[x.columns()];
  }

  double[] weights() {
    return weights.clone();
  }

  double intercept() {
    return intercept;
  }

  /** One step a batch, as many as begin before {@code rows}, each of the last rows too if short. */
  void steps(int rows) {
    for (int from = 0; from < rows; from += batch) {
      step(from, Math.min(rows, from + batch));
    }
  }

  private void step(int from, int to) {
    int d = weights.length;
    double[] values = x.values();
    double[] gradient = new double[d];
    double total = 0;
    for (int i = from; i < to; i++) {
      double z = intercept;
      for (int j = 0; j < d; j++) {
        z += values[i * d + j] * weights[j];
      }
      double error = Math.max(0, Math.min(1, 0.5 + z / 8)) - labels[i];
      for (int j = 0; j < d; j++) {
        gradient[j] += error * values[i * d + j];
      }
      total += error;
    }
    for (int j = 0; j < d; j++) {
      weights[j] -= step * gradient[j];
    }
    intercept -= 2 * step * total;
  }
}
