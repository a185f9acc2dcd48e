package org.espalier.protocols.prepare;

/**
 * A party's own data cannot be used; the message names the column and, where there is one, the row.
 */
public final class DataException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  public DataException(String message) {
    super(message);
  }

  /**
   * @param row index from 0; the message counts from 1, as people count the rows under a header
   */
  static DataException at(String column, int row, String what) {
    return new DataException("column '" + column + "', row " + (row + 1L) + ": " + what);
  }
}
