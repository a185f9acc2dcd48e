package org.espalier.protocols.glm;

/**
 * Minimises ½·xᵀHx − bᵀx + Σ l1_j·|x_j| + ½·Σ l2_j·x_j² by cyclic coordinate descent: each
 * coordinate in turn goes to its minimum, which is a soft threshold (Friedman, Hastie, Tibshirani,
 * J. Stat. Softw. 33, 2010). Coordinates that do not belong to the minimum are exactly 0.
 */
final class CoordinateDescent {
  private static final int MAX_SWEEPS = 5000;
  private static final double ACCURACY = 1e-24;

  private CoordinateDescent() {}

  /**
   * @param h positive semidefinite, d × d; where its diagonal is 0, l2 must not be
   * @param l1 0 or more each
   * @param l2 0 or more each
   * @param x where to begin
   * @return the minimum; the objective is within rounding of it, or {@value #MAX_SWEEPS} sweeps ran
   */
  static double[] minimise(double[] h, double[] b, double[] l1, double[] l2, double[] x) {
    int d = x.length;
    double[] at = x.clone();
    double[] slope = b.clone();
    for (int j = 0; j < d; j++) {
      if (at[j] != 0) {
        subtract(h, j, at[j], slope);
      }
    }
    double first = 0;
    for (int sweep = 0; sweep < MAX_SWEEPS; sweep++) {
      double largest = 0;
      for (int j = 0; j < d; j++) {
        double curvature = h[j * d + j];
        double pull = slope[j] + curvature * at[j];
        double shrunk = Math.max(0, Math.abs(pull) - l1[j]);
        double next = shrunk == 0 ? 0 : Math.copySign(shrunk, pull) / (curvature + l2[j]);
        double step = next - at[j];
        if (step != 0) {
          subtract(h, j, step, slope);
          at[j] = next;
          largest = Math.max(largest, (curvature + l2[j]) * step * step);
        }
      }
      first = Math.max(first, largest);
      if (largest <= ACCURACY * first) {
        break;
      }
    }
    return at;
  }

  private static void subtract(double[] h, int j, double step, double[] slope) {
    int row = j * slope.length;
    for (int k = 0; k < slope.length; k++) {
      slope[k] -= step * h[row + k];
    }
  }
}
