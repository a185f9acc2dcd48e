package org.espalier.protocols.prepare;

import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * A dense row-major matrix of finite doubles.
 *
 * <p>Products run on all cores. Work is cut by shape alone and partial sums are added in a fixed
 * order, so that equal inputs give bit-equal results whatever the number of cores.
 */
public final class Matrix {
  private static final int TASK_ROWS = 1024;
  private static final int MAX_PARTIAL_SUMS = 16;
  private static final int MAX_PARTIAL_DOUBLES = 1 << 22;
  private static final int CACHE_DOUBLES = 16 * 1024;
  private static final int GRAM_TILE = 128;

  private final int rows;
  private final int columns;
  private final double[] values;

  /**
   * Takes the array over without copying it.
   *
   * @param values {@code rows · columns} of them; entry (i, j) at {@code i · columns + j}
   */
  public Matrix(int rows, int columns, double[] values) {
    if (rows < 0 || columns < 0 || (long) rows * columns != values.length) {
      throw new IllegalArgumentException(
          values.length + " values do not make " + rows + " x " + columns);
    }
    this.rows = rows;
    this.columns = columns;
    this.values = values;
  }

  public static Matrix zeros(int rows, int columns) {
    return new Matrix(rows, columns, new double[Math.multiplyExact(rows, columns)]);
  }

  /** The columns of all parts beside each other; at least one part, all with the same rows. */
  public static Matrix beside(List<Matrix> parts) {
    int rows = parts.get(0).rows;
    int columns = 0;
    for (Matrix part : parts) {
      requireLength(rows, part.rows, "rows");
      columns = Math.addExact(columns, part.columns);
    }
    Matrix all = zeros(rows, columns);
    int at = 0;
    for (int i = 0; i < rows; i++) {
      for (Matrix part : parts) {
        System.arraycopy(part.values, i * part.columns, all.values, at, part.columns);
        at += part.columns;
      }
    }
    return all;
  }

  public int rows() {
    return rows;
  }

  public int columns() {
    return columns;
  }

  /** The array itself, not a copy. */
  public double[] values() {
    return values;
  }

  public double get(int row, int column) {
    Objects.checkIndex(row, rows);
    return values[row * columns + Objects.checkIndex(column, columns)];
  }

  /**
   * X·w.
   *
   * @param w one per column
   * @return one per row
   */
  public double[] times(double[] w) {
    requireLength(columns, w.length, "weights");
    double[] out = new double[rows];
    tasks()
        .forEach(
            task -> {
              int end = Math.min(rows, task * TASK_ROWS + TASK_ROWS);
              for (int i = task * TASK_ROWS; i < end; i++) {
                out[i] = dot(i * columns, w);
              }
            });
    return out;
  }

  private double dot(int at, double[] w) {
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    int j = 0;
    for (; j + 3 < columns; j += 4) {
      s0 += values[at + j] * w[j];
      s1 += values[at + j + 1] * w[j + 1];
      s2 += values[at + j + 2] * w[j + 2];
      s3 += values[at + j + 3] * w[j + 3];
    }
    for (; j < columns; j++) {
      s0 += values[at + j] * w[j];
    }
    return (s0 + s1) + (s2 + s3);
  }

  /**
   * Xᵀ·r.
   *
   * @param r one per row
   * @return one per column
   */
  public double[] transposeTimes(double[] r) {
    requireLength(rows, r.length, "row values");
    int parts = rowParts(MAX_PARTIAL_SUMS);
    double[][] sums = new double[parts][columns];
    IntStream.range(0, parts)
        .parallel()
        .forEach(
            part -> {
              int i = partStart(part, parts);
              int end = partStart(part + 1, parts);
              for (; i + 3 < end; i += 4) {
                addFour(sums[part], 0, r[i], r[i + 1], r[i + 2], r[i + 3], i * columns, 0, columns);
              }
              for (; i < end; i++) {
                addOne(sums[part], 0, r[i], i * columns, 0, columns);
              }
            });
    return total(sums);
  }

  /** XᵀX: symmetric, columns × columns. */
  public Matrix gram() {
    int square = Math.multiplyExact(columns, columns);
    int parts = rowParts(Math.max(1, MAX_PARTIAL_DOUBLES / Math.max(1, square)));
    double[][] sums = new double[parts][square];
    int tiles = (columns + GRAM_TILE - 1) / GRAM_TILE;
    IntStream.range(0, parts * tiles * tiles)
        .parallel()
        .forEach(
            task -> {
              int part = task / (tiles * tiles);
              int left = task / tiles % tiles * GRAM_TILE;
              int right = task % tiles * GRAM_TILE;
              if (left <= right) {
                addGramTile(
                    sums[part], partStart(part, parts), partStart(part + 1, parts), left, right);
              }
            });
    double[] gram = total(sums);
    for (int j = 0; j < columns; j++) {
      for (int k = 0; k < j; k++) {
        gram[j * columns + k] = gram[k * columns + j];
      }
    }
    return new Matrix(columns, columns, gram);
  }

  /** One tile of XᵀX over the rows from..to; below the diagonal it is right in part only. */
  private void addGramTile(double[] gram, int from, int to, int left, int right) {
    int leftEnd = Math.min(columns, left + GRAM_TILE);
    int rightEnd = Math.min(columns, right + GRAM_TILE);
    double[] factors = new double[16];
    int i = from;
    for (; i + 3 < to; i += 4) {
      int row = i * columns;
      int j = left;
      for (; j + 3 < leftEnd; j += 4) {
        for (int k = 0; k < 4; k++) {
          for (int m = 0; m < 4; m++) {
            factors[4 * k + m] = values[row + m * columns + j + k];
          }
        }
        addSixteen(gram, j * columns, columns, factors, row, Math.max(j, right), rightEnd);
      }
      for (; j < leftEnd; j++) {
        addFour(
            gram,
            j * columns,
            values[row + j],
            values[row + columns + j],
            values[row + 2 * columns + j],
            values[row + 3 * columns + j],
            row,
            Math.max(j, right),
            rightEnd);
      }
    }
    for (; i < to; i++) {
      int row = i * columns;
      for (int j = left; j < leftEnd; j++) {
        addOne(gram, j * columns, values[row + j], row, Math.max(j, right), rightEnd);
      }
    }
  }

  /**
   * X·B.
   *
   * @param b as many rows as this has columns
   */
  public Matrix times(Matrix b) {
    requireLength(columns, b.rows, "rows");
    Matrix product = zeros(rows, b.columns);
    int block = Math.max(4, CACHE_DOUBLES / Math.max(1, b.columns) / 4 * 4);
    tasks()
        .forEach(
            task -> {
              int end = Math.min(rows, task * TASK_ROWS + TASK_ROWS);
              for (int from = 0; from < columns; from += block) {
                int to = Math.min(columns, from + block);
                addProductRows(product.values, task * TASK_ROWS, end, from, to, b);
              }
            });
    return product;
  }

  /** Adds Σ_{from ≤ j < to} x_ij · (row j of b) to each row i, first ≤ i < end, of the product. */
  private void addProductRows(double[] product, int first, int end, int from, int to, Matrix b) {
    double[] factors = new double[16];
    int i = first;
    for (; i + 3 < end; i += 4) {
      int j = from;
      for (; j + 3 < to; j += 4) {
        for (int k = 0; k < 4; k++) {
          System.arraycopy(values, (i + k) * columns + j, factors, 4 * k, 4);
        }
        b.addSixteen(product, i * b.columns, b.columns, factors, j * b.columns, 0, b.columns);
      }
      for (; j < to; j++) {
        for (int k = i; k < i + 4; k++) {
          b.addOne(product, k * b.columns, values[k * columns + j], j * b.columns, 0, b.columns);
        }
      }
    }
    for (; i < end; i++) {
      for (int j = from; j < to; j++) {
        b.addOne(product, i * b.columns, values[i * columns + j], j * b.columns, 0, b.columns);
      }
    }
  }

  /**
   * Four sums at once, so that each value loaded is used four times: adds four consecutive rows of
   * this matrix, the first at {@code row}, to each of four rows of {@code sum}.
   *
   * @param stride from one row of {@code sum} to the next
   * @param factors of the four rows, for the first sum, then for the second, ...
   */
  private void addSixteen(
      double[] sum, int at, int stride, double[] factors, int row, int from, int to) {
    double f00 = factors[0];
    double f01 = factors[1];
    double f02 = factors[2];
    double f03 = factors[3];
    double f10 = factors[4];
    double f11 = factors[5];
    double f12 = factors[6];
    double f13 = factors[7];
    double f20 = factors[8];
    double f21 = factors[9];
    double f22 = factors[10];
    double f23 = factors[11];
    double f30 = factors[12];
    double f31 = factors[13];
    double f32 = factors[14];
    double f33 = factors[15];
    int at1 = at + stride;
    int at2 = at1 + stride;
    int at3 = at2 + stride;
    int row1 = row + columns;
    int row2 = row1 + columns;
    int row3 = row2 + columns;
    for (int k = from; k < to; k++) {
      double x0 = values[row + k];
      double x1 = values[row1 + k];
      double x2 = values[row2 + k];
      double x3 = values[row3 + k];
      sum[at + k] += (f00 * x0 + f01 * x1) + (f02 * x2 + f03 * x3);
      sum[at1 + k] += (f10 * x0 + f11 * x1) + (f12 * x2 + f13 * x3);
      sum[at2 + k] += (f20 * x0 + f21 * x1) + (f22 * x2 + f23 * x3);
      sum[at3 + k] += (f30 * x0 + f31 * x1) + (f32 * x2 + f33 * x3);
    }
  }

  /** The columns from..to of four consecutive rows, the first at {@code row}, onto {@code sum}. */
  private void addFour(
      double[] sum, int at, double f0, double f1, double f2, double f3, int row, int from, int to) {
    int row1 = row + columns;
    int row2 = row1 + columns;
    int row3 = row2 + columns;
    for (int k = from; k < to; k++) {
      sum[at + k] +=
          (f0 * values[row + k] + f1 * values[row1 + k])
              + (f2 * values[row2 + k] + f3 * values[row3 + k]);
    }
  }

  private void addOne(double[] sum, int at, double factor, int row, int from, int to) {
    for (int k = from; k < to; k++) {
      sum[at + k] += factor * values[row + k];
    }
  }

  /** Into how many parts sums over the rows are cut: a function of the shape alone. */
  private int rowParts(int atMost) {
    return Math.max(1, Math.min(Math.min(MAX_PARTIAL_SUMS, atMost), rows / TASK_ROWS));
  }

  private int partStart(int part, int parts) {
    return (int) ((long) rows * part / parts);
  }

  private IntStream tasks() {
    return IntStream.range(0, (int) (((long) rows + TASK_ROWS - 1) / TASK_ROWS)).parallel();
  }

  /** The sum of the partial sums, first to last. */
  private static double[] total(double[][] sums) {
    double[] total = sums[0];
    for (int part = 1; part < sums.length; part++) {
      for (int j = 0; j < total.length; j++) {
        total[j] += sums[part][j];
      }
    }
    return total;
  }

  private static void requireLength(int expected, int actual, String what) {
    if (expected != actual) {
      throw new IllegalArgumentException(actual + " " + what + " where " + expected + " are due");
    }
  }
}
