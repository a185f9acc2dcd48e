package org.espalier.protocols.glm;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.espalier.protocols.prepare.CategoryColumn;
import org.espalier.protocols.prepare.Column;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.NumberColumn;
import org.espalier.protocols.prepare.Preparation;
import org.espalier.protocols.prepare.PreparationSpec;
import org.espalier.protocols.prepare.Table;
import org.junit.jupiter.api.Assumptions;

/** Data sets cut vertically: the first part belongs to the label party. */
record TestData(List<Matrix> parts, double[] labels) {
  /** Correlated Gaussian and binary columns with a logistic outcome. */
  static TestData synthetic(int rows, long seed, int... columns) {
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

  /** A public data set, one-hot, standardised; skips the test where the file is absent. */
  static TestData shared(String file, String label, int parties) {
    Path path = Path.of("..", "..", "shared", "data", file);
    Assumptions.assumeTrue(Files.exists(path), "skipped: no public data set " + file);
    List<String[]> lines = new ArrayList<>();
    try {
      for (String line : Files.readAllLines(path)) {
        lines.add(fields(line));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    String[] header = lines.get(0);
    List<String[]> rows = lines.subList(1, lines.size());
    double[] y = null;
    List<Column> columns = new ArrayList<>();
    for (int j = 0; j < header.length; j++) {
      int at = j;
      List<String> values = rows.stream().map(r -> r[at]).toList();
      if (header[j].equals(label)) {
        y = values.stream().mapToDouble(Double::parseDouble).toArray();
      } else if (values.stream().allMatch(v -> v.matches("-?[0-9.]+(e-?[0-9]+)?"))) {
        columns.add(
            new NumberColumn(
                header[j], values.stream().mapToDouble(Double::parseDouble).toArray()));
      } else {
        List<String> levels = List.copyOf(new TreeSet<>(values));
        columns.add(
            new CategoryColumn(
                header[j], values.stream().mapToInt(levels::indexOf).toArray(), levels));
      }
    }
    List<Matrix> parts = new ArrayList<>();
    int[] all = IntStream.range(0, rows.size()).toArray();
    for (int p = 0; p < parties; p++) {
      List<Column> mine =
          columns.subList(p * columns.size() / parties, (p + 1) * columns.size() / parties);
      Table table = new Table(mine);
      parts.add(Preparation.fit(table, all, new PreparationSpec(true, true, 10)).apply(table, all));
    }
    return new TestData(parts, y);
  }

  private static String[] fields(String line) {
    List<String> out = new ArrayList<>();
    StringBuilder field = new StringBuilder();
    boolean quoted = false;
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      if (c == '"') {
        quoted = !quoted;
      } else if (c == ',' && !quoted) {
        out.add(field.toString());
        field.setLength(0);
      } else {
        field.append(c);
      }
    }
    out.add(field.toString());
    return out.toArray(String[]::new);
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

  int rows() {
    return labels.length;
  }
}
