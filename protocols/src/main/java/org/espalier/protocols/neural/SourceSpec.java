package org.espalier.protocols.neural;

/**
 * What is trained below the label party's layers of a network over all parties' columns, on fixed
 * batches: every party's agreement.
 *
 * @param hidden h, its outputs, 1 to 256
 * @param batchRows rows of a batch, at least 16; the cohort is cut evenly into batches of about so
 *     many
 * @param epochs most passes over the cohort, 1 to 200
 * @param rate step along the mean loss's gradient, 1e-6 to 10
 * @param momentum 0 to 0.95: a step's gradient counts on in later steps, momentum times as much in
 *     each
 * @param acceptSpan all sides accept in writing more opened numbers a person than a quarter of the
 *     feature parties' columns; see {@code Disclosure}
 * @param split the parties' own layers at level {@code split}; null at level {@code activations}
 */
public record SourceSpec(
    int hidden,
    int batchRows,
    int epochs,
    double rate,
    double momentum,
    boolean acceptSpan,
    SplitSpec split) {
  /** At level {@code activations}: one layer. */
  public SourceSpec(
      int hidden, int batchRows, int epochs, double rate, double momentum, boolean acceptSpan) {
    this(hidden, batchRows, epochs, rate, momentum, acceptSpan, null);
  }

  public SourceSpec {
    require(hidden >= 1 && hidden <= 256, "hidden must be in 1..256, got " + hidden);
    require(batchRows >= 16, "a batch needs at least 16 rows, got " + batchRows);
    require(batchRows <= 1 << 20, "a batch has at most 2^20 rows, got " + batchRows);
    require(epochs >= 1 && epochs <= 200, "epochs must be in 1..200, got " + epochs);
    require(rate >= 1e-6 && rate <= 10, "rate must be in 1e-6..10, got " + rate);
    require(momentum >= 0 && momentum <= 0.95, "momentum must be in 0..0.95, got " + momentum);
    require(split == null || acceptSpan, "level split opens all that columns span: accept it");
  }

  private static void require(boolean condition, String what) {
    if (!condition) {
      throw new IllegalArgumentException(what);
    }
  }

  /** Passes by which {@code Disclosure} counts: an epoch opens so many numbers of each person. */
  public int passes() {
    return epochs * hidden;
  }
}
