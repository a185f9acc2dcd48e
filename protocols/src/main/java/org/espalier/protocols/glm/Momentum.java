package org.espalier.protocols.glm;

import java.util.Arrays;

/**
 * Nesterov's accelerated gradient method on coefficients: every point is a public integer
 * combination of the gradients so far, w = −Σ_s a_s·g_s, which each holder of shares of the
 * gradients forms by itself. Coefficients are rounded after every step and the method goes on from
 * the rounded ones, so that rounding neither accumulates nor depends on who computes it.
 *
 * <p>All parties run the same steps on the same numbers: {@code double} arithmetic in Java is exact
 * to the bit everywhere.
 */
final class Momentum {
  /** Where the next gradient is taken. */
  private double[] point = {};

  /** The last iterate without its momentum. */
  private double[] iterate = {};

  private double theta = 1;

  /** A state to which a run may return. */
  record Snapshot(double[] point, double[] iterate, double theta) {}

  Snapshot snapshot() {
    return new Snapshot(point.clone(), iterate.clone(), theta);
  }

  /** Goes back; gradients since then stay in the lists with coefficient 0. */
  void restore(Snapshot state, int gradients) {
    point = Arrays.copyOf(state.point(), gradients);
    iterate = Arrays.copyOf(state.iterate(), gradients);
    theta = state.theta();
  }

  /** a_1..a_k of the point where the next gradient is taken. */
  long[] coefficients() {
    return rounded(point);
  }

  /** The last iterate. */
  double[] iterate() {
    return iterate.clone();
  }

  /**
   * One step.
   *
   * @param direction for each gradient so far how much of it, in units of a coefficient
   */
  void step(double[] direction) {
    int k = direction.length;
    double[] next = Arrays.copyOf(point, k);
    for (int s = 0; s < k; s++) {
      next[s] += direction[s];
    }
    double[] before = Arrays.copyOf(iterate, k);
    double nextTheta = (1 + Math.sqrt(1 + 4 * theta * theta)) / 2;
    double beta = (theta - 1) / nextTheta;
    double[] ahead = new double[k];
    for (int s = 0; s < k; s++) {
      ahead[s] = Math.rint(next[s] + beta * (next[s] - before[s]));
    }
    point = ahead;
    iterate = next;
    theta = nextTheta;
  }

  /** Nearest integers. */
  static long[] rounded(double[] coefficients) {
    long[] out = new long[coefficients.length];
    for (int s = 0; s < out.length; s++) {
      out[s] = (long) Math.rint(coefficients[s]);
    }
    return out;
  }
}
