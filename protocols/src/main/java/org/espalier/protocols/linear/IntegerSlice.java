package org.espalier.protocols.linear;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.espalier.protocols.fixedpoint.Quantisation;
import org.espalier.protocols.fixedpoint.Ring;

/**
 * A slice as integers, from when its bounds are announced until its tiles are made: 16 bits an
 * entry where all fit them, otherwise 32.
 */
final class IntegerSlice {
  private static final int CHUNK_ROWS = 1024;

  private final int rows;
  private final int columns;
  private final int largest;
  private final short[][] narrow;
  private final int[][] wide;
  private final long columnL1;

  /**
   * Computes and rounds all rows, both cores.
   *
   * @throws Ring.RangeError if an entry exceeds its bound or 30 bits, or a column its length
   */
  IntegerSlice(RowSource source, Quantisation quantisation) {
    this.rows = source.rows();
    this.columns = source.columns();
    this.largest = quantisation.largestFeature(rows);
    int chunks = (rows + CHUNK_ROWS - 1) / CHUNK_ROWS;
    boolean fits = largest <= Short.MAX_VALUE;
    this.narrow = fits ? new short[chunks][] : null;
    this.wide = fits ? null : new int[chunks][];
    long[] sums = new long[columns];
    long[] squares = new long[columns];
    IntStream.range(0, chunks)
        .parallel()
        .forEach(
            chunk -> {
              int from = chunk * CHUNK_ROWS;
              int count = Math.min(CHUNK_ROWS, rows - from);
              int[] integers = new int[count * columns];
              int bits = quantisation.featureBits();
              if (!source.rounded(from, count, bits, largest, integers)) {
                throw new Ring.RangeError(
                    "a prepared feature does not fit " + bits + " bits and " + largest + " units");
              }
              add(integers, sums, squares);
              keep(chunk, integers);
            });
    this.columnL1 = Math.max(1, Arrays.stream(sums).max().orElse(0));
    if (Arrays.stream(squares).anyMatch(sum -> sum > quantisation.columnSquares(rows))) {
      throw new Ring.RangeError("a prepared column is longer than whitening makes it");
    }
  }

  private static void add(int[] rows, long[] sums, long[] squares) {
    int columns = sums.length;
    long[] ownSums = new long[columns];
    long[] ownSquares = new long[columns];
    for (int at = 0; at < rows.length; at += columns) {
      for (int j = 0; j < columns; j++) {
        long x = rows[at + j];
        ownSums[j] += Math.abs(x);
        ownSquares[j] += x * x;
      }
    }
    synchronized (sums) {
      for (int j = 0; j < columns; j++) {
        sums[j] += ownSums[j];
        squares[j] += ownSquares[j];
      }
    }
  }

  private void keep(int chunk, int[] integers) {
    if (narrow == null) {
      wide[chunk] = integers;
      return;
    }
    short[] kept = new short[integers.length];
    for (int at = 0; at < kept.length; at++) {
      kept[at] = (short) integers[at];
    }
    narrow[chunk] = kept;
  }

  /** That no entry's absolute value exceeds. */
  int largest() {
    return largest;
  }

  /** Largest Σ_i |x_ij| over the columns j, at least 1. */
  long columnL1() {
    return columnL1;
  }

  /**
   * Copies some rows.
   *
   * @param out row-major, {@code count} × columns, and may be longer
   */
  void rows(int from, int count, int[] out) {
    for (int row = from; row < from + count; ) {
      int chunk = row / CHUNK_ROWS;
      int first = row % CHUNK_ROWS * columns;
      int run = Math.min(CHUNK_ROWS - row % CHUNK_ROWS, from + count - row);
      int at = (row - from) * columns;
      if (narrow == null) {
        System.arraycopy(wide[chunk], first, out, at, run * columns);
      } else {
        short[] values = narrow[chunk];
        for (int i = 0; i < run * columns; i++) {
          out[at + i] = values[first + i];
        }
      }
      row += run;
    }
  }
}
