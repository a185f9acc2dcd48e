package org.espalier.protocols.glm;

import java.util.List;

/**
 * Several penalties of which cross-validation chooses one.
 *
 * @param values factors of half the squared norm of the weights, strongest first, 1 to 20 different
 *     ones
 * @param folds k, 2 to 10: each value is fitted on everybody and k times without one of k parts of
 *     the people, which its loss is then measured on
 * @param sparing the strongest value is chosen whose loss is within one standard error of the
 *     smallest (Breiman, Friedman, Olshen and Stone 1984); otherwise that with the smallest
 */
public record PenaltyPath(List<Double> values, int folds, boolean sparing) {
  public static final int MOST_VALUES = 20;
  public static final int FEWEST_FOLDS = 2;
  public static final int MOST_FOLDS = 10;

  /** Products travel rounded in units of the weakest penalty. */
  private static final double MOST_RATIO = 1e8;

  public PenaltyPath {
    values = List.copyOf(values);
    if (values.isEmpty() || values.size() > MOST_VALUES) {
      throw new IllegalArgumentException(
          "a path has 1 to " + MOST_VALUES + " penalties, not " + values.size());
    }
    for (int v = 1; v < values.size(); v++) {
      if (!(values.get(v) < values.get(v - 1))) {
        throw new IllegalArgumentException("penalties go from the strongest to the weakest");
      }
    }
    if (values.get(0) > MOST_RATIO * values.get(values.size() - 1)) {
      throw new IllegalArgumentException(
          "the strongest penalty is at most 1e8 times the weakest, whose scale all are sent in");
    }
    if (folds < FEWEST_FOLDS || folds > MOST_FOLDS) {
      throw new IllegalArgumentException(
          "there are %d to %d folds, not %d".formatted(FEWEST_FOLDS, MOST_FOLDS, folds));
    }
  }

  /** How many fits there are: every value on everybody, and without each fold. */
  public int fits() {
    return values.size() * (folds + 1);
  }

  double weakest() {
    return values.get(values.size() - 1);
  }

  /**
   * What cross-validation says of one value.
   *
   * @param l2 the value
   * @param losses of each fold: mean loss of its people under the fit without them, weighted as in
   *     training, less the least that any prediction could have; half the mean deviance
   * @param passes of all fits with this value
   * @param converged whether all of these came within the tolerance, or as near as noise allows
   * @param weights of the label party's own columns in the fit on everybody
   * @param intercept of that fit
   * @param objective of that fit, at its end
   */
  public record Point(
      double l2,
      List<Double> losses,
      int passes,
      boolean converged,
      double[] weights,
      double intercept,
      double objective) {
    public Point {
      losses = List.copyOf(losses);
    }

    /** Of the folds. */
    public double meanLoss() {
      return losses.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
    }

    /** Of that mean: the folds' standard deviation over √k. */
    public double standardError() {
      double mean = meanLoss();
      double squares = 0;
      for (double loss : losses) {
        squares += (loss - mean) * (loss - mean);
      }
      return Math.sqrt(squares / (losses.size() - 1) / losses.size());
    }
  }

  /**
   * What became of a path, at the label party.
   *
   * @param points in the order of the values
   * @param chosen which of them
   */
  public record Result(List<Point> points, int chosen) {
    public Result {
      points = List.copyOf(points);
    }

    public Point choice() {
      return points.get(chosen);
    }
  }

  /**
   * What became of a path, at a feature party.
   *
   * @param weights one per own prepared feature, for each value
   * @param chosen which of the values
   */
  public record Slice(List<double[]> weights, int chosen) {
    public Slice {
      weights = List.copyOf(weights);
    }
  }

  /** By the rule of this path; of equal losses the stronger penalty. */
  Result choose(List<Point> points) {
    int best = 0;
    for (int v = 1; v < points.size(); v++) {
      best = points.get(v).meanLoss() < points.get(best).meanLoss() ? v : best;
    }
    double most = points.get(best).meanLoss() + points.get(best).standardError();
    int chosen = best;
    for (int v = best; sparing && v >= 0; v--) {
      chosen = points.get(v).meanLoss() <= most ? v : chosen;
    }
    return new Result(points, chosen);
  }
}
