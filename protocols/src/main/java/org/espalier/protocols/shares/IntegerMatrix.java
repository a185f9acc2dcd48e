package org.espalier.protocols.shares;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * A party's slice as integers, times vectors of residues: exact arithmetic modulo t, both cores.
 *
 * <p>A residue is cut at bit 29, so that a product with an entry and the sum of a whole row or
 * column stay below 2^63: {@link #requireBounds} is that inequality.
 */
public final class IntegerMatrix {
  private static final int CUT = 29;
  private static final long LOW = (1L << CUT) - 1;
  private static final int PART_ROWS = 2048;

  private final int first;
  private final int rows;
  private final int columns;
  private final int[] values;
  private final long rowL1;
  private final long columnL1;

  /**
   * @param values row-major, not copied
   */
  public IntegerMatrix(int rows, int columns, int[] values) {
    if (rows < 1 || columns < 1 || (long) rows * columns != values.length) {
      throw new IllegalArgumentException(
          rows + " x " + columns + " does not describe " + values.length + " values");
    }
    this.first = 0;
    this.rows = rows;
    this.columns = columns;
    this.values = values;
    long[] sums = new long[columns];
    long largestRow = 0;
    for (int i = 0, at = 0; i < rows; i++) {
      long row = 0;
      for (int j = 0; j < columns; j++) {
        long size = Math.abs((long) values[at++]);
        row += size;
        sums[j] += size;
      }
      largestRow = Math.max(largestRow, row);
    }
    this.rowL1 = largestRow;
    this.columnL1 = Arrays.stream(sums).max().orElse(0);
    requireBounds(Math.max(rowL1, columnL1));
  }

  private IntegerMatrix(IntegerMatrix whole, int first, int rows) {
    this.first = first;
    this.rows = rows;
    this.columns = whole.columns;
    this.values = whole.values;
    this.rowL1 = whole.rowL1;
    this.columnL1 = whole.columnL1;
  }

  /** Some consecutive rows, not copied; the bounds stay those of the whole. */
  public IntegerMatrix rows(int from, int count) {
    if (from < 0 || count < 1 || count > rows - from) {
      throw new IllegalArgumentException(count + " rows from " + from + " of " + rows);
    }
    return new IntegerMatrix(this, first + from, count);
  }

  /** l1·2^29 below 2^62 for the largest absolute sum of a row or column. */
  static void requireBounds(long l1) {
    if (l1 >= 1L << (62 - CUT)) {
      throw new IllegalArgumentException("a row or column of absolute sum " + l1 + " is too large");
    }
  }

  public int rows() {
    return rows;
  }

  public int columns() {
    return columns;
  }

  /** Row-major, not a copy; the rows of a part begin at {@link #first}. */
  public int[] values() {
    return values;
  }

  /** Where the first row lies among those of {@link #values}. */
  public int first() {
    return first;
  }

  /** Largest Σ_j |x_ij| over the rows i. */
  public long rowL1() {
    return rowL1;
  }

  /** Largest Σ_i |x_ij| over the columns j. */
  public long columnL1() {
    return columnL1;
  }

  /**
   * X·w.
   *
   * @param w one residue a column
   */
  public long[] times(PrimeField field, long[] w) {
    if (w.length != columns) {
      throw new IllegalArgumentException(w.length + " residues for " + columns + " columns");
    }
    long[] low = new long[columns];
    long[] high = new long[columns];
    split(w, columns, low, high);
    long[] out = new long[rows];
    parts(rows)
        .forEach(
            part -> {
              int end = Math.min(rows, (part + 1) * PART_ROWS);
              int at = (first + part * PART_ROWS) * columns;
              for (int i = part * PART_ROWS; i < end; i++) {
                long sumLow = 0;
                long sumHigh = 0;
                for (int j = 0; j < columns; j++, at++) {
                  sumLow += values[at] * low[j];
                  sumHigh += values[at] * high[j];
                }
                out[i] = join(field, sumLow, sumHigh);
              }
            });
    return out;
  }

  /**
   * Xᵀ·r.
   *
   * @param r one residue a row
   */
  public long[] transposeTimes(PrimeField field, long[] r) {
    if (r.length != rows) {
      throw new IllegalArgumentException("a vector of " + r.length + " for " + rows + " rows");
    }
    long[][] sums =
        parts(rows)
            .mapToObj(
                part -> {
                  long[] sum = new long[2 * columns];
                  int end = Math.min(rows, (part + 1) * PART_ROWS);
                  int at = (first + part * PART_ROWS) * columns;
                  for (int i = part * PART_ROWS; i < end; i++) {
                    long low = r[i] & LOW;
                    long high = r[i] >>> CUT;
                    for (int j = 0; j < columns; j++, at++) {
                      sum[j] += values[at] * low;
                      sum[columns + j] += values[at] * high;
                    }
                  }
                  return sum;
                })
            .toArray(long[][]::new);
    long[] out = new long[columns];
    for (int j = 0; j < columns; j++) {
      long low = 0;
      long high = 0;
      for (long[] sum : sums) {
        low += sum[j];
        high += sum[columns + j];
      }
      out[j] = join(field, low, high);
    }
    return out;
  }

  private static IntStream parts(int count) {
    return IntStream.range(0, (count + PART_ROWS - 1) / PART_ROWS).parallel();
  }

  private static void split(long[] vector, int count, long[] low, long[] high) {
    for (int i = 0; i < count; i++) {
      low[i] = vector[i] & LOW;
      high[i] = vector[i] >>> CUT;
    }
  }

  private static long join(PrimeField field, long low, long high) {
    return field.add(
        field.residue(low), field.multiply(field.residue(high), (1L << CUT) % field.modulus()));
  }
}
