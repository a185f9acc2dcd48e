package org.espalier.protocols.glm;

import java.util.function.IntConsumer;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Work over rows on all cores, cut by row numbers alone, sums added in a fixed order: equal inputs
 * give bit-equal results.
 */
final class RowSums {
  /** Into how many parts rows are cut. */
  static final int PARTS = 16;

  private RowSums() {}

  /** The first row of a part. */
  static int from(int rows, int part) {
    return (int) ((long) rows * part / PARTS);
  }

  /** Does something with every row. */
  static void forEach(int rows, IntConsumer row) {
    IntStream.range(0, PARTS)
        .parallel()
        .forEach(
            part -> {
              for (int i = from(rows, part); i < from(rows, part + 1); i++) {
                row.accept(i);
              }
            });
  }

  /** Of all rows. */
  static double mean(int rows, IntToDoubleFunction ofRow) {
    double[] sums = new double[PARTS];
    IntStream.range(0, PARTS)
        .parallel()
        .forEach(
            part -> {
              double sum = 0;
              for (int i = from(rows, part); i < from(rows, part + 1); i++) {
                sum += ofRow.applyAsDouble(i);
              }
              sums[part] = sum;
            });
    double total = 0;
    for (double sum : sums) {
      total += sum;
    }
    return total / rows;
  }
}
