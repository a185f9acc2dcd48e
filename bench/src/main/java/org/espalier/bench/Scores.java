package org.espalier.bench;

import java.util.Arrays;
import java.util.Comparator;
import org.espalier.protocols.prepare.Matrix;

/** How good a model is. Logits and labels (0 or 1): one a row. */
final class Scores {
  private Scores() {}

  /** X·w plus the intercept. */
  static double[] logits(Matrix x, double[] weights, double intercept) {
    double[] logits = x.times(weights);
    for (int i = 0; i < logits.length; i++) {
      logits[i] += intercept;
    }
    return logits;
  }

  /** Mean log-loss in nats. */
  static double logLoss(double[] logits, double[] labels) {
    double loss = 0;
    for (int i = 0; i < labels.length; i++) {
      double z = logits[i];
      loss += Math.max(z, 0) - labels[i] * z + Math.log1p(Math.exp(-Math.abs(z)));
    }
    return loss / labels.length;
  }

  /** Area under the ROC curve; equal logits count half. NaN if only one class is present. */
  static double auc(double[] logits, double[] labels) {
    int n = labels.length;
    Integer[] order = new Integer[n];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, Comparator.comparingDouble(i -> logits[i]));
    double rankSum = 0;
    double ones = 0;
    for (int from = 0; from < n; ) {
      int to = from;
      while (to < n && logits[order[to]] == logits[order[from]]) {
        to++;
      }
      double rank = (from + 1 + to) / 2.0;
      for (int k = from; k < to; k++) {
        if (labels[order[k]] == 1) {
          rankSum += rank;
          ones++;
        }
      }
      from = to;
    }
    return (rankSum - ones * (ones + 1) / 2) / (ones * (n - ones));
  }

  static double squaredNorm(double[] v) {
    double sum = 0;
    for (double x : v) {
      sum += x * x;
    }
    return sum;
  }
}
