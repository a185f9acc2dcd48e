package org.espalier.protocols.attack;

import java.util.Arrays;
import java.util.Random;
import org.espalier.protocols.prepare.Matrix;

/**
 * People to train on and as many others of the same kind: independent normal columns, all of which
 * matter for a 0/1 outcome.
 */
public record Population(Matrix x, double[] y, Matrix others, double[] othersY) {
  public static Population of(int rows, int columns, long seed) {
    Random random = new Random(seed);
    double[] weights = random.doubles(columns, -0.5, 0.5).toArray();
    double[] y = new double[rows];
    double[] othersY = new double[rows];
    Matrix x = draw(random, weights, y);
    return new Population(x, y, draw(random, weights, othersY), othersY);
  }

  private static Matrix draw(Random random, double[] weights, double[] y) {
    double[] values = new double[y.length * weights.length];
    for (int i = 0; i < y.length; i++) {
      double logit = 0;
      for (int j = 0; j < weights.length; j++) {
        double value = random.nextGaussian();
        values[i * weights.length + j] = value;
        logit += weights[j] * value;
      }
      y[i] = random.nextDouble() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
    }
    return new Matrix(y.length, weights.length, values);
  }

  /** How often one of {@code more} is above one of {@code less}; equal ones count half. */
  static double above(double[] more, double[] less) {
    double[] sorted = less.clone();
    Arrays.sort(sorted);
    double sum = 0;
    for (double one : more) {
      sum += (below(sorted, one, false) + below(sorted, one, true)) / 2.0;
    }
    return sum / more.length / less.length;
  }

  private static int below(double[] sorted, double value, boolean andEqual) {
    int from = 0;
    int to = sorted.length;
    while (from < to) {
      int middle = (from + to) / 2;
      if (sorted[middle] < value || (andEqual && sorted[middle] == value)) {
        from = middle + 1;
      } else {
        to = middle;
      }
    }
    return from;
  }

  /** How well scores order people by a 0/1 outcome. */
  public static double auc(double[] scores, double[] y) {
    return above(of(scores, y, 1), of(scores, y, 0));
  }

  private static double[] of(double[] scores, double[] y, double outcome) {
    double[] chosen = new double[scores.length];
    int count = 0;
    for (int i = 0; i < scores.length; i++) {
      if (y[i] == outcome) {
        chosen[count++] = scores[i];
      }
    }
    return Arrays.copyOf(chosen, count);
  }
}
