package org.espalier.protocols.glm;

import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Whitening;
import org.espalier.protocols.privacy.LabelPrivacy;
import org.espalier.protocols.shares.IntegerMatrix;
import org.espalier.protocols.shares.Workspace;

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
  private final Family family;

  /** Length that a person's whitened columns have at most. */
  private final double longest;

  /**
   * @param job in the attempt that began the training
   * @param whitening of the own columns
   * @param outcome factor of the logit in each row's loss; null at a feature party
   */
  SealedSlice(TrainingJob job, Matrix own, Whitening whitening, double[] outcome) {
    this.own = own;
    this.outcome = outcome;
    this.features = own.columns();
    this.columns = features + (outcome == null ? 0 : LABEL_EXTRA);
    this.bits = SealedScale.of(job).featureBits();
    this.whitening = whitening;
    this.order = order(job);
    this.family = job.spec().family();
    this.penaltyFactor = SealedPlan.penaltyFactor(job);
    LabelPrivacy privacy = job.spec().labelPrivacy();
    this.longest =
        privacy == null ? Double.POSITIVE_INFINITY : privacy.clip() * Math.sqrt(features);
  }

  /** A permutation of the rows that all parties know: a prefix of it is a sample. */
  static int[] order(TrainingJob job) {
    return new Prg(job.session().bind("sealed row order")).permutation(job.rows());
  }

  int columns() {
    return columns;
  }

  /**
   * The rows as they are trained on.
   *
   * @param workspace where they are kept
   * @param rest rows of the cohort before the penalties
   * @param penaltyRows of all parties
   * @param before how many of them belong to parties before this one
   */
  IntegerMatrix matrix(Workspace workspace, int rest, int penaltyRows, int before) {
    double[] identity = new double[features * features];
    for (int j = 0; j < features; j++) {
      identity[j * features + j] = penaltyFactor;
    }
    double[] penalties = whitening.apply(new Matrix(features, features, identity)).values();
    return new IntegerMatrix(
        order.length + penaltyRows,
        columns,
        outcome == null ? columns : columns - 1,
        workspace,
        (from, count, values) -> {
          Prg coins = Prg.fresh();
          for (int i = 0; i < count; ) {
            int row = from + i;
            int penalty = row - rest;
            if (penalty >= 0 && penalty < penaltyRows) {
              if (penalty >= before && penalty < before + features) {
                quantise(coins, penalties, (penalty - before) * features, values, i * columns);
              }
              i++;
            } else {
              int end = penalty < 0 ? rest : order.length + penaltyRows;
              int run = Math.min(Math.min(count - i, end - row), ROWS_AT_ONCE);
              cohort(coins, row - (penalty < 0 ? 0 : penaltyRows), run, values, i * columns);
              i += run;
            }
          }
        });
  }

  /**
   * What is told of the slice's largest absolute sums of a row and of a column. Whatever the
   * outcomes, their column counts as much as it can.
   */
  long[] bounds(IntegerMatrix matrix) {
    if (outcome == null) {
      return new long[] {matrix.rowL1(), matrix.columnL1()};
    }
    double one = Math.scalb(1.0, bits);
    // Rounding adds less than one to each.
    return new long[] {
      matrix.rowL1() + (long) Math.ceil(largestFactor(family, order.length) * one) + 1,
      Math.max(matrix.columnL1(), (long) Math.ceil((meanFactor(family) * one + 1) * order.length))
    };
  }

  /** The most that a factor of a logit is, but for its sign. */
  private static double largestFactor(Family family, int rows) {
    return switch (family) {
      case LOGISTIC -> 0.5;
      case LINEAR -> Math.sqrt(rows);
      case POISSON, GAMMA -> SealedPlan.OUTCOME_LIMIT;
    };
  }

  /** The same of their mean: of a log link at most √2, since the unit is next to the mean. */
  static double meanFactor(Family family) {
    return switch (family) {
      case LOGISTIC -> 0.5;
      case LINEAR -> 1;
      case POISSON, GAMMA -> 1.5;
    };
  }

  /** Some consecutive people in the job's order. */
  private void cohort(Prg coins, int from, int count, short[] to, int toAt) {
    double[] rows = new double[count * features];
    for (int i = 0; i < count; i++) {
      System.arraycopy(own.values(), order[from + i] * features, rows, i * features, features);
    }
    double[] whitened = whitening.apply(new Matrix(count, features, rows)).values();
    for (int i = 0; i < count; i++) {
      int at = toAt + i * columns;
      shorten(whitened, i * features);
      quantise(coins, whitened, i * features, to, at);
      if (outcome != null) {
        to[at + features] = (short) (1 << bits);
        to[at + features + 1] = integer(coins, outcome[order[from + i]]);
      }
    }
  }

  /** What bounds the part of a person's outcome in a gradient. */
  private void shorten(double[] rows, int at) {
    double square = 0;
    for (int j = 0; j < features; j++) {
      square += rows[at + j] * rows[at + j];
    }
    if (square > longest * longest) {
      double factor = longest / Math.sqrt(square);
      for (int j = 0; j < features; j++) {
        rows[at + j] *= factor;
      }
    }
  }

  private void quantise(Prg coins, double[] from, int at, short[] to, int toAt) {
    for (int j = 0; j < features; j++) {
      to[toAt + j] = integer(coins, from[at + j]);
    }
  }

  private short integer(Prg coins, double x) {
    double scaled = Math.scalb(x, bits);
    if (!(Math.abs(scaled) < Short.MAX_VALUE)) {
      throw new IllegalArgumentException(
          "a prepared feature of " + x + " does not fit level sealed's range");
    }
    return (short) coins.roundStochastically(scaled);
  }
}
