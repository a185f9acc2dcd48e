package org.espalier.protocols.neural;

import java.util.stream.IntStream;
import org.espalier.he.DenseProducts;
import org.espalier.protocols.shares.IntegerMatrix;
import org.espalier.protocols.shares.PrimeField;

/**
 * Products of a batch of a slice with several vectors of residues, exact modulo t, all cores: a
 * residue is cut in two halves, so that every sum of integers is below 2^53 and products of doubles
 * make no error. Keeps its buffers; one thread.
 */
final class BatchProducts {
  private static final int FEWEST_A_TASK = 32;

  private final PrimeField field;
  private final int columns;
  private final int vectors;
  private final int half;
  private final double[] columnFactor;
  private final double[] columnProduct;
  private int rows;
  private double[] byRow;
  private double[] byColumn;
  private double[] rowFactor;
  private double[] rowProduct;

  /**
   * @param half bits of the lower half
   */
  BatchProducts(PrimeField field, int columns, int vectors, int half) {
    this.field = field;
    this.columns = columns;
    this.vectors = vectors;
    this.half = half;
    this.columnFactor = new double[Math.multiplyExact(2 * columns, vectors)];
    this.columnProduct = new double[columnFactor.length];
  }

  /** Takes a batch. */
  void load(IntegerMatrix matrix, int from, int count) {
    if (count != rows) {
      rows = count;
      byRow = new double[Math.multiplyExact(count, columns)];
      byColumn = new double[byRow.length];
      rowFactor = new double[Math.multiplyExact(2 * count, vectors)];
      rowProduct = new double[rowFactor.length];
    }
    int[] values = matrix.values(from, count);
    tasks(
        count,
        (first, end) -> {
          for (int at = first * columns; at < end * columns; at++) {
            byRow[at] = values[at];
          }
        });
    tasks(
        columns,
        (first, end) -> {
          for (int i = 0; i < count; i++) {
            for (int j = first; j < end; j++) {
              byColumn[j * count + i] = values[i * columns + j];
            }
          }
        });
  }

  private interface Part {
    void run(int from, int to);
  }

  /** Two parts a core: each copies the whole factor. */
  private static void tasks(int count, Part part) {
    int parts = 2 * Runtime.getRuntime().availableProcessors();
    int each = Math.max(FEWEST_A_TASK, (count + parts - 1) / parts);
    IntStream.range(0, (count + each - 1) / each)
        .parallel()
        .forEach(task -> part.run(task * each, Math.min(count, (task + 1) * each)));
  }

  /**
   * X·W.
   *
   * @param w columns × vectors, row-major
   * @param out rows × vectors, row-major
   */
  void forward(long[] w, long[] out) {
    product(byRow, rows, columns, w, columnFactor, rowProduct, out);
  }

  /**
   * Xᵀ·E.
   *
   * @param e rows × vectors, row-major
   * @param out columns × vectors, row-major
   */
  void backward(long[] e, long[] out) {
    product(byColumn, columns, rows, e, rowFactor, columnProduct, out);
  }

  private void product(
      double[] x, int count, int length, long[] by, double[] factor, double[] product, long[] out) {
    split(by, length, factor);
    tasks(
        count,
        (from, to) -> {
          DenseProducts.product(x, count, length, from, to, factor, 2 * vectors, product);
          join(product, from, to, out);
        });
  }

  /** Lower halves of a row, then upper ones. */
  private void split(long[] residues, int count, double[] halves) {
    long mask = (1L << half) - 1;
    for (int i = 0, at = 0; i < count; i++) {
      int row = 2 * i * vectors;
      for (int s = 0; s < vectors; s++, at++) {
        halves[row + s] = residues[at] & mask;
        halves[row + vectors + s] = residues[at] >>> half;
      }
    }
  }

  private void join(double[] products, int from, int to, long[] out) {
    long shift = (1L << half) % field.modulus();
    for (int i = from; i < to; i++) {
      int row = 2 * i * vectors;
      for (int s = 0; s < vectors; s++) {
        long low = field.residue((long) products[row + s]);
        long high = field.residue((long) products[row + vectors + s]);
        out[i * vectors + s] = field.add(low, field.multiply(high, shift));
      }
    }
  }
}
