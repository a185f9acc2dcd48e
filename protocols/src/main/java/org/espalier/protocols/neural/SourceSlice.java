package org.espalier.protocols.neural;

import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Whitening;

/** A party's columns in the order of the batches, whitened, and its first weights on them. */
final class SourceSlice {
  private static final int ROWS_AT_ONCE = 1024;

  final Whitening whitening;
  private final Matrix own;
  private final Batches batches;

  SourceSlice(Matrix own, Batches batches) {
    this.own = own;
    this.batches = batches;
    this.whitening = Whitening.of(own, SourcePlan.RIDGE);
  }

  /** Some people's prepared columns, in the order of the batches. */
  private Matrix prepared(int from, int count) {
    int d = own.columns();
    double[] rows = new double[count * d];
    for (int i = 0; i < count; i++) {
      System.arraycopy(own.values(), batches.row(from + i) * d, rows, i * d, d);
    }
    return new Matrix(count, d, rows);
  }

  /** The whole of it, whitened, in real numbers. */
  Matrix whitened() {
    return whitening.apply(prepared(0, own.rows()));
  }

  /**
   * Some rows as integers of 16 bits, rounded stochastically.
   *
   * @throws IllegalArgumentException if a value does not fit
   */
  void rounded(int from, int count, short[] out) {
    int d = own.columns();
    int[] integers = new int[Math.min(count, ROWS_AT_ONCE) * d];
    for (int at = 0; at < count; at += ROWS_AT_ONCE) {
      int run = Math.min(ROWS_AT_ONCE, count - at);
      if (!whitening.rounded(
          prepared(from + at, run), 0, run, SourceScale.FEATURE_BITS, Short.MAX_VALUE, integers)) {
        throw new IllegalArgumentException(
            "a prepared feature is so far from the others that the source layer cannot hold it");
      }
      for (int i = 0; i < run * d; i++) {
        out[at * d + i] = (short) integers[i];
      }
    }
  }

  /**
   * Secret first weights on the whitened columns, those of every unit of an agreed length.
   *
   * @param allColumns of all parties
   * @return columns × hidden, row-major
   */
  double[] first(int hidden, int allColumns, Prg random) {
    int d = own.columns();
    double[] weights = new double[Math.multiplyExact(d, hidden)];
    for (int m = 0; m < hidden; m++) {
      double squares = 0;
      for (int j = 0; j < d; j++) {
        double value = random.nextGaussian();
        weights[j * hidden + m] = value;
        squares += value * value;
      }
      double length = SourcePlan.initialLength(d, allColumns) / Math.sqrt(squares);
      for (int j = 0; j < d; j++) {
        weights[j * hidden + m] *= length;
      }
    }
    return weights;
  }

  /** Weights on the whitened columns as weights on the prepared ones, columns × hidden. */
  double[] toPrepared(double[] weights, int hidden) {
    return own.columns() == 0
        ? weights
        : whitening.matrix().times(new Matrix(own.columns(), hidden, weights)).values();
  }
}
