package org.espalier.protocols.neural.top;

import org.espalier.protocols.prepare.Matrix;

/** A party's bottom while it is trained; nothing is allocated in a step. */
public final class BottomTraining {
  private final Bottom bottom;
  private final LocalLayer first;
  private final StackTraining above;
  private final double[] z;
  private final double[] mean;
  private Bottom kept;
  private Bottom restored;

  /**
   * @param columns n × d
   * @param from where it begins; a copy is trained
   * @param batch most rows of a step
   * @param cutBias whether the bias at the cut is trained here; else it stays as it is
   */
  public BottomTraining(Matrix columns, Bottom from, int batch, Descent how, boolean cutBias) {
    this.bottom = from.copy();
    Dense lowest = bottom.layers().get(0);
    boolean single = bottom.layers().size() == 1;
    this.first = new LocalLayer(columns, lowest, batch, how, !single || cutBias);
    this.above =
        single
            ? null
            : new StackTraining(
                bottom.activation(),
                bottom.layers().subList(1, bottom.layers().size()),
                0,
                batch,
                how,
                null,
                cutBias);
    this.z = new double[Math.multiplyExact(batch, lowest.outputs())];
    this.mean = new double[Math.multiplyExact(batch, bottom.last().outputs())];
  }

  /**
   * The numbers at the cut of some rows.
   *
   * @param out batch × width, row-major
   */
  public void forward(int[] rows, double[] out) {
    first.forward(rows, rows.length, above == null ? out : z);
    if (above != null) {
      double[] cut = above.forwardToTrain(z, rows.length);
      System.arraycopy(cut, 0, out, 0, rows.length * bottom.last().outputs());
    }
  }

  /**
   * A step of all weights along the mean loss of the rows of the last {@link #forward}.
   *
   * @param slope of each row's loss by its numbers at the cut, batch × width
   * @param count of rows
   */
  public void backward(double[] slope, int count) {
    if (above == null) {
      first.backward(slope, count);
      return;
    }
    for (int i = 0; i < count * bottom.last().outputs(); i++) {
      mean[i] = slope[i] / count;
    }
    double[] byZ = above.backward(mean, count);
    above.step();
    for (int i = 0; i < count * bottom.layers().get(0).outputs(); i++) {
      z[i] = count * byZ[i];
    }
    first.backward(z, count);
  }

  /** Keeps it as it is now. */
  public void keep() {
    kept = bottom.copy();
  }

  /** Goes back to what was kept last, if anything was; then nothing is trained any more. */
  public void restore() {
    restored = kept;
  }

  /** A copy. */
  public Bottom bottom() {
    return restored == null ? bottom.copy() : restored;
  }
}
