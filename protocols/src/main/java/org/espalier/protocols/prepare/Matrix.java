package org.espalier.protocols.prepare;

import java.util.List;
import java.util.Objects;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.espalier.he.DenseProducts;

/**
 * A dense row-major matrix of finite doubles.
 *
 * <p>Products run on all cores. Work is cut by shape alone and partial sums are added in a fixed
 * order, so that equal inputs give bit-equal results whatever the number of cores. Products of
 * matrices are those of {@link DenseProducts}.
 */
public final class Matrix {
  private static final int TASK_ROWS = 1024;
  private static final int MAX_PARTIAL_SUMS = 16;
  private static final int MAX_PARTIAL_DOUBLES = 1 << 22;

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

  /** Some of the rows, in the order given. */
  public Matrix rows(int[] which) {
    Matrix some = zeros(which.length, columns);
    for (int i = 0; i < which.length; i++) {
      System.arraycopy(values, which[i] * columns, some.values, i * columns, columns);
    }
    return some;
  }

  /** The same with columns of zeros after its own, so that it has {@code wider} of them. */
  public Matrix widened(int wider) {
    Matrix wide = zeros(rows, wider);
    for (int i = 0; i < rows; i++) {
      System.arraycopy(values, i * columns, wide.values, i * wider, columns);
    }
    return wide;
  }

  /** Overwrites a column. */
  public void setColumn(int column, IntToDoubleFunction value) {
    Objects.checkIndex(column, columns);
    for (int i = 0; i < rows; i++) {
      values[i * columns + column] = value.applyAsDouble(i);
    }
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
    if (square == 0) {
      return zeros(0, 0);
    }
    int parts = rowParts(Math.max(1, MAX_PARTIAL_DOUBLES / square));
    double[][] sums = new double[parts][square];
    int stripe = DenseProducts.gramStripe();
    int stripes = (columns + stripe - 1) / stripe;
    IntStream.range(0, parts * stripes)
        .parallel()
        .forEach(
            task -> {
              int part = task / stripes;
              int from = partStart(part, parts);
              int to = partStart(part + 1, parts);
              int left = task % stripes * stripe;
              DenseProducts.gram(values, rows, columns, from, to, left, sums[part]);
            });
    double[] gram = total(sums);
    for (int j = 0; j < columns; j++) {
      for (int k = 0; k < j; k++) {
        gram[j * columns + k] = gram[k * columns + j];
      }
    }
    return new Matrix(columns, columns, gram);
  }

  /**
   * X·B.
   *
   * @param b as many rows as this has columns
   */
  public Matrix times(Matrix b) {
    requireLength(columns, b.rows, "rows");
    Matrix product = zeros(rows, b.columns);
    if (columns == 0 || b.columns == 0) {
      return product;
    }
    tasks()
        .forEach(
            task -> {
              int from = task * TASK_ROWS;
              int to = Math.min(rows, from + TASK_ROWS);
              DenseProducts.product(
                  values, rows, columns, from, to, b.values, b.columns, product.values);
            });
    return product;
  }

  /**
   * Some rows of X·B·2^bits as integers ({@link DenseProducts#rounded}), on this thread.
   *
   * @param from first row
   * @param count how many
   * @param largest that no integer exceeds, below 2^30
   * @param out count × columns of B, and may be longer
   * @return whether none does
   */
  boolean rounded(Matrix b, int from, int count, int bits, int largest, int[] out) {
    double scale = Math.scalb(1.0, bits);
    return DenseProducts.rounded(
        values, rows, columns, from, from + count, b.values, b.columns, scale, largest, out);
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
