package org.espalier.protocols.neural;

import java.util.Random;
import org.espalier.protocols.neural.top.TopLayers;

/** One hidden layer of rectified units and a logistic output, trained with momentum. */
public final class SmallTop implements TopLayers {
  private final double[] labels;
  private final int hidden;
  private final double rate;
  private final double momentum;
  private final double[] weights;
  private final double[] velocity;
  private double lossSum;
  private int lossCount;

  public SmallTop(double[] labels, int hidden, double rate, double momentum, long seed) {
    this.labels = labels;
    this.hidden = hidden;
    this.rate = rate;
    this.momentum = momentum;
    this.weights = new double[hidden + 1];
    this.velocity = new double[hidden + 1];
    Random random = new Random(seed);
    for (int m = 0; m < hidden; m++) {
      weights[m] = random.nextGaussian() / Math.sqrt(hidden);
    }
  }

  /** Probabilities from pre-activations, rows × hidden. */
  double[] predict(double[] z) {
    double[] p = new double[z.length / hidden];
    for (int i = 0; i < p.length; i++) {
      p[i] = 1 / (1 + Math.exp(-output(z, i)));
    }
    return p;
  }

  private double output(double[] z, int row) {
    double sum = weights[hidden];
    for (int m = 0; m < hidden; m++) {
      sum += weights[m] * Math.max(0, z[row * hidden + m]);
    }
    return sum;
  }

  @Override
  public void step(int epoch, int[] rows, double[] z, double[] slope) {
    double[] gradient = new double[hidden + 1];
    for (int i = 0; i < rows.length; i++) {
      double out = output(z, i);
      double y = labels[rows[i]];
      double residual = 1 / (1 + Math.exp(-out)) - y;
      lossSum += Math.log1p(Math.exp(-Math.abs(out))) + Math.max(out, 0) - y * out;
      lossCount++;
      gradient[hidden] += residual;
      for (int m = 0; m < hidden; m++) {
        double active = Math.max(0, z[i * hidden + m]);
        gradient[m] += residual * active;
        slope[i * hidden + m] = active > 0 ? residual * weights[m] : 0;
      }
    }
    for (int m = 0; m <= hidden; m++) {
      velocity[m] = momentum * velocity[m] + gradient[m] / rows.length;
      weights[m] -= rate * velocity[m];
    }
  }

  double meanLoss() {
    double mean = lossSum / lossCount;
    lossSum = 0;
    lossCount = 0;
    return mean;
  }

  @Override
  public Decision epochEnds(int epoch) {
    return Decision.GO_ON;
  }
}
