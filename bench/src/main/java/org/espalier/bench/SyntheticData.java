package org.espalier.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.espalier.protocols.prepare.Matrix;

/**
 * Vertically split people with a logistic outcome: correlated Gaussian columns, every fourth cut to
 * 0/1, all standardised. Equal arguments give equal data.
 *
 * @param parts one matrix a party, rows × its columns
 * @param labels 0 or 1, one a row
 */
record SyntheticData(List<Matrix> parts, double[] labels) {

  static SyntheticData of(int rows, long seed, int... columns) {
    int d = IntStream.of(columns).sum();
    SplittableRandom random = new SplittableRandom(seed);
    double[][] mix = new double[d][d];
    double[] weights = new double[d];
    for (int k = 0; k < d; k++) {
      for (int j = 0; j < d; j++) {
        mix[k][j] = 0.9 * random.nextGaussian() / Math.sqrt(d) + (k == j ? 1 : 0);
      }
      weights[k] = 0.4 * random.nextGaussian();
    }
    double[] x = new double[Math.multiplyExact(rows, d)];
    double[] labels = new double[rows];
    SplittableRandom[] rowRandoms = new SplittableRandom[rows];
    for (int i = 0; i < rows; i++) {
      rowRandoms[i] = random.split();
    }
    IntStream.range(0, rows)
        .parallel()
        .forEach(
            i -> {
              double[] g = new double[d];
              for (int k = 0; k < d; k++) {
                g[k] = rowRandoms[i].nextGaussian();
              }
              double logit = -0.5;
              for (int j = 0; j < d; j++) {
                double v = 0;
                for (int k = 0; k < d; k++) {
                  v += g[k] * mix[k][j];
                }
                if (j % 4 == 3) {
                  v = v > 0.8 ? 1 : 0;
                }
                x[i * d + j] = v;
                logit += weights[j] * v;
              }
              labels[i] = rowRandoms[i].nextDouble() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
            });
    IntStream.range(0, d).parallel().forEach(j -> standardise(x, rows, d, j));
    List<Matrix> parts = new ArrayList<>();
    int from = 0;
    for (int width : columns) {
      double[] part = new double[rows * width];
      for (int i = 0; i < rows; i++) {
        System.arraycopy(x, i * d + from, part, i * width, width);
      }
      parts.add(new Matrix(rows, width, part));
      from += width;
    }
    return new SyntheticData(List.copyOf(parts), labels);
  }

  private static void standardise(double[] x, int rows, int d, int column) {
    double mean = 0;
    for (int i = 0; i < rows; i++) {
      mean += x[i * d + column] / rows;
    }
    double variance = 0;
    for (int i = 0; i < rows; i++) {
      variance += (x[i * d + column] - mean) * (x[i * d + column] - mean) / rows;
    }
    double scale = variance > 0 ? 1 / Math.sqrt(variance) : 1;
    for (int i = 0; i < rows; i++) {
      x[i * d + column] = (x[i * d + column] - mean) * scale;
    }
  }
}
