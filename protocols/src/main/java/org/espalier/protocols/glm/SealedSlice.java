package org.espalier.protocols.glm;

import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Whitening;
import org.espalier.protocols.shares.IntegerMatrix;

/**
 * A party's columns as integers: whitened, rounded stochastically, the cohort in the job's order
 * below one row for each penalised column of every party.
 *
 * <p>The label party's slice has two columns more: ones for the intercept, and the outcome's factor
 * in the loss, which no weight belongs to.
 */
final class SealedSlice {
  /** Columns that the label party has beside its features. */
  static final int LABEL_EXTRA = 2;

  private static final int ROWS_AT_ONCE = 1024;

  final Whitening whitening;
  final int features;
  private final Matrix own;
  private final double[] outcome;
  private final int columns;
  private final int bits;
  private final int[] order;
  private final double penaltyFactor;
  private final Prg coins = Prg.fresh();

  /**
   * @param outcome factor of the logit in each row's loss; null at a feature party
   */
  SealedSlice(TrainingJob job, Matrix own, double[] outcome) {
    this.own = own;
    this.outcome = outcome;
    this.features = own.columns();
    this.columns = features + (outcome == null ? 0 : LABEL_EXTRA);
    this.bits = SealedScale.of(job.rows()).featureBits();
    this.whitening = Whitening.of(own, job.spec().ridge());
    this.order = order(job);
    this.penaltyFactor = SealedPlan.penaltyFactor(job);
  }

  /** A permutation of the rows that all parties know: a prefix of it is a sample. */
  static int[] order(TrainingJob job) {
    Prg random = new Prg(job.session().bind("sealed row order"));
    int[] order = new int[job.rows()];
    for (int i = 0; i < order.length; i++) {
      int j = (int) Long.remainderUnsigned(random.nextLong(), i + 1L);
      order[i] = order[j];
      order[j] = i;
    }
    return order;
  }

  int columns() {
    return columns;
  }

  /**
   * The rows as they are trained on.
   *
   * @param rest rows of the cohort before the penalties
   * @param penaltyRows of all parties
   * @param before how many of them belong to parties before this one
   */
  IntegerMatrix matrix(int rest, int penaltyRows, int before) {
    int n = order.length;
    int[] values = new int[Math.multiplyExact(Math.addExact(n, penaltyRows), columns)];
    double[] identity = new double[features * features];
    for (int j = 0; j < features; j++) {
      identity[j * features + j] = penaltyFactor;
    }
    double[] penalties = whitening.apply(new Matrix(features, features, identity)).values();
    for (int j = 0; j < features; j++) {
      quantise(penalties, j * features, values, (rest + before + j) * columns);
    }
    for (int from = 0; from < n; from += ROWS_AT_ONCE) {
      int count = Math.min(ROWS_AT_ONCE, n - from);
      double[] rows = new double[count * features];
      for (int i = 0; i < count; i++) {
        System.arraycopy(own.values(), order[from + i] * features, rows, i * features, features);
      }
      double[] whitened = whitening.apply(new Matrix(count, features, rows)).values();
      for (int i = 0; i < count; i++) {
        int at = (from + i + (from + i < rest ? 0 : penaltyRows)) * columns;
        quantise(whitened, i * features, values, at);
        if (outcome != null) {
          values[at + features] = 1 << bits;
          values[at + features + 1] = integer(outcome[order[from + i]]);
        }
      }
    }
    return new IntegerMatrix(n + penaltyRows, columns, values);
  }

  private void quantise(double[] from, int at, int[] to, int toAt) {
    for (int j = 0; j < features; j++) {
      to[toAt + j] = integer(from[at + j]);
    }
  }

  private int integer(double x) {
    double scaled = Math.scalb(x, bits);
    if (!(Math.abs(scaled) < 1 << 20)) {
      throw new IllegalArgumentException(
          "a prepared feature of " + x + " does not fit level sealed's range");
    }
    return (int) coins.roundStochastically(scaled);
  }
}
