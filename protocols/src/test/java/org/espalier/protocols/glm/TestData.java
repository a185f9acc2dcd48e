package org.espalier.protocols.glm;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.espalier.protocols.prepare.Column;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Preparation;
import org.espalier.protocols.prepare.PreparationSpec;
import org.espalier.protocols.prepare.PublicData;
import org.espalier.protocols.prepare.Table;

/** Data sets cut vertically: the first part belongs to the label party. */
public record TestData(List<Matrix> parts, double[] labels) {
  /** Correlated Gaussian and binary columns with a logistic outcome. */
  public static TestData synthetic(int rows, long seed, int... columns) {
    Random random = new Random(seed);
    int d = Arrays.stream(columns).sum();
    double[][] mix = new double[d][d];
    double[] w = new double[d];
    for (int i = 0; i < d; i++) {
      for (int j = 0; j < d; j++) {
        mix[i][j] = 0.3 * random.nextGaussian() / Math.sqrt(d) * 3 + (i == j ? 1 : 0);
      }
      w[i] = random.nextGaussian() * 0.4;
    }
    double[][] x = new double[rows][d];
    double[] y = new double[rows];
    for (int i = 0; i < rows; i++) {
      double[] g = random.doubles(d).map(u -> random.nextGaussian()).toArray();
      double z = -0.5;
      for (int j = 0; j < d; j++) {
        for (int k = 0; k < d; k++) {
          x[i][j] += g[k] * mix[k][j];
        }
        if (j % 4 == 3) {
          x[i][j] = x[i][j] > 0.8 ? 1 : 0;
        }
        z += w[j] * x[i][j];
      }
      y[i] = random.nextDouble() < 1 / (1 + Math.exp(-z)) ? 1 : 0;
    }
    return new TestData(split(standardised(x), columns), y);
  }

  /**
   * All columns have half of a mixture of 20 common factors, as where parties measure the same
   * things; three of ten matter.
   */
  static TestData alike(int rows, long seed, int... columns) {
    Random random = new Random(seed);
    int d = Arrays.stream(columns).sum();
    double[][] mix = new double[20][d];
    double[] w = new double[d];
    for (int j = 0; j < d; j++) {
      for (double[] factor : mix) {
        factor[j] = 0.5 * random.nextGaussian();
      }
      w[j] = random.nextDouble() < 0.3 ? 0.3 * random.nextGaussian() : 0;
    }
    double[][] x = new double[rows][d];
    for (double[] row : x) {
      for (double[] factor : mix) {
        double value = random.nextGaussian();
        for (int j = 0; j < d; j++) {
          row[j] += value * factor[j];
        }
      }
      for (int j = 0; j < d; j++) {
        row[j] += random.nextGaussian();
      }
    }
    standardised(x);
    double[] y = new double[rows];
    for (int i = 0; i < rows; i++) {
      double z = -1.5;
      for (int j = 0; j < d; j++) {
        z += w[j] * x[i][j];
      }
      y[i] = random.nextDouble() < 1 / (1 + Math.exp(-z)) ? 1 : 0;
    }
    return new TestData(split(x, columns), y);
  }

  /** A public data set, one-hot, standardised; skips the test where the file is absent. */
  static TestData shared(String file, String label, int parties) throws IOException {
    PublicData data = PublicData.read(file, label);
    List<Column> columns = data.table().columns();
    List<Matrix> parts = new ArrayList<>();
    for (int p = 0; p < parties; p++) {
      Table mine =
          new Table(
              columns.subList(p * columns.size() / parties, (p + 1) * columns.size() / parties));
      parts.add(
          Preparation.fit(mine, data.allRows(), PreparationSpec.DEFAULT)
              .apply(mine, data.allRows()));
    }
    return new TestData(parts, data.labels());
  }

  private static double[][] standardised(double[][] x) {
    for (int j = 0; j < x[0].length; j++) {
      double mean = 0;
      for (double[] row : x) {
        mean += row[j] / x.length;
      }
      double variance = 0;
      for (double[] row : x) {
        variance += (row[j] - mean) * (row[j] - mean) / x.length;
      }
      for (double[] row : x) {
        row[j] = (row[j] - mean) / Math.sqrt(variance);
      }
    }
    return x;
  }

  private static List<Matrix> split(double[][] x, int... columns) {
    List<Matrix> parts = new ArrayList<>();
    int from = 0;
    for (int width : columns) {
      double[] values = new double[x.length * width];
      for (int i = 0; i < x.length; i++) {
        System.arraycopy(x[i], from, values, i * width, width);
      }
      parts.add(new Matrix(x.length, width, values));
      from += width;
    }
    return parts;
  }

  public int rows() {
    return labels.length;
  }
}
