package org.espalier.protocols.neural.top;

import java.util.Arrays;
import org.espalier.he.DenseProducts;

/** Products with a transposed matrix, whose room is allocated once. */
final class Transposed {
  private final int rows;
  private final int columns;
  private final double[] turned;

  /** Of a matrix of at most so many rows. */
  Transposed(int rows, int columns) {
    this.rows = rows;
    this.columns = columns;
    this.turned = new double[Math.multiplyExact(rows, columns)];
  }

  /**
   * Aᵀ·B over the first rows.
   *
   * @param a rows × columns, which may be 0
   * @param b rows × width, finite also where it does not matter
   * @param out columns × width
   */
  void product(double[] a, int count, double[] b, int width, double[] out) {
    if (columns == 0) {
      return;
    }
    for (int k = 0; k < columns; k++) {
      int at = k * rows;
      for (int i = 0; i < count; i++) {
        turned[at + i] = a[i * columns + k];
      }
      Arrays.fill(turned, at + count, at + rows, 0);
    }
    DenseProducts.product(turned, columns, rows, 0, columns, b, width, out);
  }

  /**
   * The first rows of B·Aᵀ.
   *
   * @param a rows × columns, all of them
   * @param b height × columns, of which {@code count} rows matter
   * @param out height × rows
   */
  void productFromLeft(double[] a, double[] b, int height, int count, double[] out) {
    for (int k = 0; k < columns; k++) {
      int at = k * rows;
      for (int i = 0; i < rows; i++) {
        turned[at + i] = a[i * columns + k];
      }
    }
    DenseProducts.product(b, height, columns, 0, count, turned, rows, out);
  }
}
