package org.espalier.he;

import java.util.Arrays;

/**
 * What the backward kernel has to carry: one encrypted vector of {@code rows} residuals, multiplied
 * by the integer matrix of each evaluating party.
 *
 * @param rows n
 * @param columns columns of each evaluating party
 * @param resultBound largest |Σ_i x_ij·r_i| over all columns
 * @param columnL1 largest Σ_i |x_ij| over all columns, in integer units
 * @param columnSquares largest Σ_i x_ij² over all columns
 */
public record Workload(
    int rows, int[] columns, long resultBound, long columnL1, long columnSquares) {
  public Workload {
    columns = columns.clone();
    if (rows < 1 || columns.length == 0 || resultBound < 1 || columnL1 < 1 || columnSquares < 1) {
      throw new IllegalArgumentException(
          "a workload needs rows, columns and bounds: "
              + rows
              + ", "
              + Arrays.toString(columns)
              + ", "
              + resultBound
              + ", "
              + columnL1
              + ", "
              + columnSquares);
    }
    for (int c : columns) {
      if (c < 1 || c > 1 << 20) {
        throw new IllegalArgumentException("a matrix with " + c + " columns");
      }
    }
  }

  /** Of whose squares no more is known than follows from their absolute values. */
  public Workload(int rows, int[] columns, long resultBound, long columnL1) {
    this(rows, columns, resultBound, columnL1, square(columnL1));
  }

  private static long square(long x) {
    return x > 3_037_000_499L ? Long.MAX_VALUE : x * x;
  }

  @Override
  public int[] columns() {
    return columns.clone();
  }
}
