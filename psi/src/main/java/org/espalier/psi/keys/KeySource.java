package org.espalier.psi.keys;

import java.util.List;

/** A table whose rows are to be matched: a file, a query, an array. */
public interface KeySource {
  /** Rows in the table. */
  int rows();

  /**
   * Reads the table once, rows in order from 0; every scan gives the same values.
   *
   * @param columns names of columns; the values come in this order
   */
  void scan(List<String> columns, RowVisitor visitor);

  /** Takes one row. */
  @FunctionalInterface
  interface RowVisitor {
    /**
     * @param row 0 to rows - 1
     * @param values one per column, null where missing; read before the call returns, never kept
     */
    void row(int row, String[] values);
  }
}
