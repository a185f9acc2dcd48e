package org.espalier.protocols.linear;

/**
 * A matrix of features that is computed some rows at a time and kept nowhere. The squared length of
 * each column is at most the number of rows, as whitening makes it.
 */
public interface RowSource {
  int rows();

  int columns();

  /**
   * Computes some rows, as integers next to x·2^bits, rounded stochastically without a bias; called
   * by several threads at a time, for each row once.
   *
   * @param from first row
   * @param count how many
   * @param most that no integer may exceed, below 2^30
   * @param out row-major, {@code count} × {@link #columns}, and may be longer
   * @return whether none does
   */
  boolean rounded(int from, int count, int bits, int most, int[] out);
}
