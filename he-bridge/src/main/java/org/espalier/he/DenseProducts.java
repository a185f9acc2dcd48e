package org.espalier.he;

import org.espalier.he.nativelib.Native;

/**
 * Parts of products of dense row-major matrices of doubles, by the widest registers that the
 * processor has. Every entry is one chain of fused multiplications and additions from zero, its
 * terms in the order of the summed index: each step is rounded once, to the nearest, so that an
 * entry of n terms is within n·2^-53 of the exact sum, relative to the sum of their absolute
 * values. Neither the processor nor how work is cut into calls changes a bit. Safe for use by many
 * threads; a thread allocates what its part needs outside the Java heap.
 */
public final class DenseProducts {
  private DenseProducts() {}

  /** How many rows of XᵀX one call of {@link #gram} makes. */
  public static int gramStripe() {
    return Native.gramStripe();
  }

  /**
   * Part of XᵀX, summed over some rows of X: entries (i, j) with {@code left ≤ i <} {@code left +
   * gramStripe()} and j ≥ i.
   *
   * @param matrix X, rows × columns
   * @param from first row
   * @param to after the last row
   * @param left a multiple of {@link #gramStripe}, below {@code columns}
   * @param sums columns × columns: the entries are written, others left
   * @throws IllegalArgumentException if lengths or ranges do not fit
   */
  public static void gram(
      double[] matrix, int rows, int columns, int from, int to, int left, double[] sums) {
    Native.gram(matrix, rows, columns, from, to, left, sums);
  }

  /**
   * Some rows of X·B.
   *
   * @param matrix X, rows × inner
   * @param from first row
   * @param to after the last row
   * @param factor B, inner × columns
   * @param out rows × columns: the rows are written, others left
   * @throws IllegalArgumentException if lengths or ranges do not fit
   */
  public static void product(
      double[] matrix,
      int rows,
      int inner,
      int from,
      int to,
      double[] factor,
      int columns,
      double[] out) {
    Native.product(matrix, rows, inner, from, to, factor, columns, out);
  }

  /**
   * Some rows of X·B·scale as integers next to them, the upper one as often as the fraction says,
   * to 2^-17: unbiased, by fresh coins of the operating system.
   *
   * @param matrix X, rows × inner
   * @param from first row
   * @param to after the last row
   * @param factor B, inner × columns
   * @param largest that no |X·B·scale| exceeds, below 2^30
   * @param out the rows, from the start; may be longer
   * @return whether none exceeds it; otherwise {@code out} holds nothing useful
   * @throws IllegalArgumentException if lengths, ranges or bounds do not fit
   */
  public static boolean rounded(
      double[] matrix,
      int rows,
      int inner,
      int from,
      int to,
      double[] factor,
      int columns,
      double scale,
      int largest,
      int[] out) {
    return Native.rounded(matrix, rows, inner, from, to, factor, columns, scale, largest, out);
  }
}
