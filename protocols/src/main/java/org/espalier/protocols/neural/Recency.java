package org.espalier.protocols.neural;

import org.espalier.protocols.shares.PrimeField;

/**
 * Momentum by whole numbers, so that shares need no truncation: the gradient of k steps ago counts
 * c_k − c_(k−1) in this step, where c_k = round(2^bits·(1 + β + … + β^k)). All of them together
 * come to {@link #total}, as if it were exact.
 */
final class Recency {
  private final int bits;
  private final int[] factors;
  private final int total;

  Recency(double momentum) {
    this.bits = momentum == 0 ? 0 : 3;
    this.total = (int) Math.round(Math.scalb(1.0, bits) / (1 - momentum));
    int count = 0;
    while (sum(momentum, count) < total) {
      count++;
    }
    this.factors = new int[count];
    for (int k = 0; k < count; k++) {
      factors[k] = sum(momentum, k + 1) - sum(momentum, k);
    }
  }

  /** c_(terms − 1). */
  private int sum(double momentum, int terms) {
    return (int) Math.round(Math.scalb((1 - Math.pow(momentum, terms)) / (1 - momentum), bits));
  }

  /** Bits after the point of a factor. */
  int bits() {
    return bits;
  }

  /** Sum of all factors. */
  int total() {
    return total;
  }

  int length() {
    return factors.length;
  }

  /** Of the gradient of k steps ago, 0 or more. */
  int factor(int k) {
    return factors[k];
  }

  /** A share of weights that moves by shares of gradients. */
  final class Shares {
    private final PrimeField field;
    private final long[][] latest = new long[factors.length][];
    private long[] weights;
    private int steps;

    /**
     * @param weights residues, taken over
     */
    Shares(PrimeField field, long[] weights) {
      this.field = field;
      this.weights = weights;
    }

    /** The present weights, not a copy. */
    long[] weights() {
      return weights;
    }

    /** Goes back to earlier weights. */
    void restore(long[] kept) {
      weights = kept;
    }

    /**
     * @param gradient residues, taken over
     */
    void step(long[] gradient) {
      int newest = steps++ % latest.length;
      latest[newest] = gradient;
      int known = Math.min(steps, latest.length);
      for (int i = 0; i < weights.length; i++) {
        long move = 0;
        for (int k = 0, at = newest; k < known; k++) {
          // A factor is below 2^6 and a residue below 2^57.
          move = field.residue(move + factors[k] * latest[at][i]);
          at = at == 0 ? latest.length - 1 : at - 1;
        }
        weights[i] = field.subtract(weights[i], move);
      }
    }
  }

  /** The same in the clear. */
  final class Clear {
    private final double[][] latest = new double[factors.length][];
    private double[] weights;
    private int steps;

    Clear(double[] weights) {
      this.weights = weights;
    }

    double[] weights() {
      return weights;
    }

    void restore(double[] kept) {
      weights = kept;
    }

    /**
     * @param gradient times the rate, taken over
     */
    void step(double[] gradient) {
      int newest = steps++ % latest.length;
      latest[newest] = gradient;
      int known = Math.min(steps, latest.length);
      for (int k = 0, at = newest; k < known; k++) {
        double factor = Math.scalb((double) factors[k], -bits);
        double[] of = latest[at];
        for (int i = 0; i < weights.length; i++) {
          weights[i] -= factor * of[i];
        }
        at = at == 0 ? latest.length - 1 : at - 1;
      }
    }
  }
}
