package org.espalier.protocols.attack;

import java.util.Arrays;
import java.util.function.LongToIntFunction;
import org.apache.commons.math3.stat.inference.ChiSquareTest;

/** Chi-square tests of residues. */
final class Uniformity {
  /** What uniform values fall below once in a million runs. */
  static final double SURELY_NOT = 1e-6;

  private static final int BUCKETS = 64;

  private Uniformity() {}

  /** The smaller p-value of leading and trailing digits, for the hypothesis of uniform residues. */
  static double of(long[] residues, long modulus) {
    double leading = test(residues, v -> (int) (1.0 * BUCKETS * v / modulus));
    double trailing = test(residues, v -> (int) (v % BUCKETS));
    return Math.min(leading, trailing);
  }

  private static double test(long[] residues, LongToIntFunction bucket) {
    if (residues.length < 10 * BUCKETS) {
      throw new IllegalArgumentException("too few values for a test: " + residues.length);
    }
    long[] counts = new long[BUCKETS];
    for (long v : residues) {
      counts[Math.min(BUCKETS - 1, bucket.applyAsInt(v))]++;
    }
    double[] expected = new double[BUCKETS];
    Arrays.fill(expected, 1.0 * residues.length / BUCKETS);
    return new ChiSquareTest().chiSquareTest(expected, counts);
  }
}
