package org.espalier.he;

/**
 * How several vectors share a ciphertext: lane s holds the coefficients ≡ s modulo the number of
 * lanes, and in each lane a tile holds columns beside each other.
 *
 * @param degree N
 * @param lanes h, a power of two; the most vectors
 * @param width c, columns a tile, a power of two; h·c ≤ N/8
 */
public record LaneLayout(int degree, int lanes, int width) {
  public LaneLayout {
    if (lanes < 1
        || width < 1
        || Integer.bitCount(lanes) != 1
        || Integer.bitCount(width) != 1
        || (long) lanes * width > degree / 8) {
      throw new IllegalArgumentException(
          lanes + " lanes of width " + width + " do not fit degree " + degree);
    }
  }

  /** Rows that a ciphertext of rows carries: N/(h·c). */
  public int rowsPerBlock() {
    return degree / lanes / width;
  }

  /** Blocks of so many rows. */
  public int blocks(int rows) {
    return (rows + rowsPerBlock() - 1) / rowsPerBlock();
  }

  /** Groups of so many columns. */
  public int groups(int columns) {
    return (columns + width - 1) / width;
  }
}
