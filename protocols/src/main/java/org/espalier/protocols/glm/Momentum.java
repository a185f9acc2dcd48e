package org.espalier.protocols.glm;

import java.util.Arrays;

/**
 * Accelerated gradient methods on coefficients: every point is a public integer combination of the
 * gradients so far, w = −Σ_s a_s·g_s, which each holder of shares of the gradients forms by itself.
 * Coefficients are rounded after every step and the method goes on from the rounded ones, so that
 * rounding neither accumulates nor depends on who computes it.
 *
 * <p>Two methods, one after the other: Nesterov's (1983), which takes most of the way whatever the
 * curvatures are; and Chebyshev's iteration (Golub and Varga, 1961), which brings down evenly what
 * remains in all directions whose curvature lies in a given range, and anything below the range a
 * part of it.
 *
 * <p>All parties run the same steps on the same numbers: {@code double} arithmetic in Java is exact
 * to the bit everywhere.
 */
final class Momentum {
  /** Where the next gradient is taken. */
  private double[] point = {};

  /** The last iterate without its momentum. */
  private double[] iterate = {};

  /** The point before, in Chebyshev's iteration. */
  private double[] before = {};

  private double theta = 1;

  /** Of Chebyshev polynomials of two degrees that follow each other; 0 before the first step. */
  private double ratio;

  /**
   * A range of curvatures, in units of one over the length of a step: 0 &lt; least &lt; largest.
   *
   * @param largest above it the iteration diverges
   */
  record Curvature(double least, double largest) {}

  /** A state to which a run may return. */
  record Snapshot(double[] point, double[] iterate, double[] before, double theta, double ratio) {}

  Snapshot snapshot() {
    return new Snapshot(point.clone(), iterate.clone(), before.clone(), theta, ratio);
  }

  /** Goes back; gradients since then stay in the lists with coefficient 0. */
  void restore(Snapshot state, int gradients) {
    point = Arrays.copyOf(state.point(), gradients);
    iterate = Arrays.copyOf(state.iterate(), gradients);
    before = Arrays.copyOf(state.before(), gradients);
    theta = state.theta();
    ratio = state.ratio();
  }

  /** a_1..a_k of the point where the next gradient is taken. */
  long[] coefficients() {
    return rounded(point);
  }

  /** The last iterate. */
  double[] iterate() {
    return iterate.clone();
  }

  /** Ends Nesterov's method: the next gradient is taken where it has come to. */
  void settle() {
    point = round(iterate);
    iterate = point.clone();
    before = point.clone();
    ratio = 0;
  }

  /**
   * One step of Chebyshev's iteration.
   *
   * @param direction as of {@link #step(double[])}: a step of length 1 along each gradient
   */
  void step(double[] direction, Curvature range) {
    int k = direction.length;
    double centre = (range.largest() + range.least()) / 2;
    double radius = (range.largest() - range.least()) / 2;
    double next = ratio == 0 ? radius / centre : 1 / (2 * centre / radius - ratio);
    double length = ratio == 0 ? 1 / centre : 2 * next / radius;
    double[] now = Arrays.copyOf(point, k);
    double[] last = Arrays.copyOf(before, k);
    double[] ahead = new double[k];
    for (int s = 0; s < k; s++) {
      ahead[s] = now[s] + next * ratio * (now[s] - last[s]) + length * direction[s];
    }
    before = now;
    point = round(ahead);
    iterate = point.clone();
    ratio = next;
  }

  /**
   * One step of Nesterov's method.
   *
   * @param direction for each gradient so far how much of it, in units of a coefficient
   */
  void step(double[] direction) {
    int k = direction.length;
    double[] next = Arrays.copyOf(point, k);
    for (int s = 0; s < k; s++) {
      next[s] += direction[s];
    }
    double[] last = Arrays.copyOf(iterate, k);
    double nextTheta = (1 + Math.sqrt(1 + 4 * theta * theta)) / 2;
    double beta = (theta - 1) / nextTheta;
    double[] ahead = new double[k];
    for (int s = 0; s < k; s++) {
      ahead[s] = next[s] + beta * (next[s] - last[s]);
    }
    point = round(ahead);
    iterate = next;
    theta = nextTheta;
  }

  private static double[] round(double[] coefficients) {
    return Arrays.stream(coefficients).map(Math::rint).toArray();
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
