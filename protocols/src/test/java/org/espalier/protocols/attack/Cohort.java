package org.espalier.protocols.attack;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.espalier.protocols.prepare.Matrix;

/**
 * A feature party's table: correlated numbers and 0/1 columns of different prevalence, with an
 * outcome that depends on all of them.
 *
 * @param raw the columns as they are, numbers first
 * @param standardised mean 0, deviation 1
 * @param binary the 0/1 columns
 */
record Cohort(Matrix raw, Matrix standardised, List<double[]> binary, double[] labels) {
  static Cohort of(int rows, int numbers, int binaries, long seed) {
    Random random = new Random(seed);
    int d = numbers + binaries;
    double[] values = new double[rows * d];
    List<double[]> binary = new ArrayList<>();
    for (int j = 0; j < binaries; j++) {
      binary.add(new double[rows]);
    }
    double[] effect = random.doubles(d).map(u -> 0.5 * random.nextGaussian()).toArray();
    for (int i = 0; i < rows; i++) {
      double common = random.nextGaussian();
      for (int j = 0; j < numbers; j++) {
        values[i * d + j] = 0.8 * random.nextGaussian() + 0.6 * common;
      }
      for (int j = 0; j < binaries; j++) {
        double prevalence = 0.05 + 0.4 * j / Math.max(1, binaries - 1);
        binary.get(j)[i] = random.nextDouble() < prevalence ? 1 : 0;
        values[i * d + numbers + j] = binary.get(j)[i];
      }
    }
    Matrix raw = new Matrix(rows, d, values);
    Matrix x = standardised(Algebra.columns(raw));
    double[] z = x.times(effect);
    double[] y = new double[rows];
    for (int i = 0; i < rows; i++) {
      y[i] = random.nextDouble() < 1 / (1 + Math.exp(-z[i])) ? 1 : 0;
    }
    return new Cohort(raw, x, binary, y);
  }

  /** Whole numbers as columns of mean 0 and deviation 1. */
  static Matrix standardised(long[][] columns) {
    return standardised(
        Arrays.stream(columns).map(c -> Arrays.stream(c).asDoubleStream().toArray()).toList());
  }

  /** The same; changes the columns in place. */
  static Matrix standardised(List<double[]> columns) {
    for (double[] column : columns) {
      double mean = Arrays.stream(column).average().orElseThrow();
      double square =
          Arrays.stream(column).map(v -> (v - mean) * (v - mean)).average().orElseThrow();
      for (int i = 0; i < column.length; i++) {
        column[i] = (column[i] - mean) / Math.sqrt(square);
      }
    }
    return Algebra.beside(columns);
  }

  int rows() {
    return labels.length;
  }

  int features() {
    return raw.columns();
  }
}
