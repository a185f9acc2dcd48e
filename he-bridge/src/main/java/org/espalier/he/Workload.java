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
 */
public record Workload(int rows, int[] columns, long resultBound, long columnL1) {
  public Workload {
    columns = columns.clone();
    if (rows < 1 || columns.length == 0 || resultBound < 1 || columnL1 < 1) {
      throw new IllegalArgumentException(
          "a workload needs rows, columns and bounds: "
              + rows
              + ", "
              + Arrays.toString(columns)
              + ", "
              + resultBound
              + ", "
              + columnL1);
    }
    for (int c : columns) {
      if (c < 1 || c > 1 << 20) {
        throw new IllegalArgumentException("a matrix with " + c + " columns");
      }
    }
  }

  @Override
  public int[] columns() {
    return columns.clone();
  }
}
