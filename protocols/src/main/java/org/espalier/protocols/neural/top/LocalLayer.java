package org.espalier.protocols.neural.top;

import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.prepare.Matrix;

/** A layer over columns that are in one place, in clear, while it is trained. */
final class LocalLayer {
  private final Matrix columns;
  private final int batch;
  private final boolean bias;
  private final Dense layer;
  private final double[] rows;
  private final double[] byWeights;
  private final double[] byBias;
  private final Transposed transposed;
  private final Descent.Steps weightSteps;
  private final Descent.Steps biasSteps;

  /** With uniform weights to begin with. */
  static LocalLayer random(Matrix columns, NetworkSpec spec, int batch, Descent how, Prg coins) {
    double reach = spec.activation().initialReach(columns.columns(), spec.width());
    Dense first = Dense.random(columns.columns(), spec.width(), reach, coins);
    return new LocalLayer(columns, first, batch, how);
  }

  /**
   * @param columns n × d
   * @param layer d × h, changed by every step
   * @param batch most rows at a time
   */
  LocalLayer(Matrix columns, Dense layer, int batch, Descent how) {
    this(columns, layer, batch, how, true);
  }

  /**
   * @param bias whether it is trained; else it stays as it is
   */
  LocalLayer(Matrix columns, Dense layer, int batch, Descent how, boolean bias) {
    this.columns = columns;
    this.bias = bias;
    this.batch = batch;
    this.layer = layer;
    this.rows = new double[Math.multiplyExact(batch, layer.inputs())];
    this.byWeights = new double[layer.weights().length];
    this.byBias = new double[layer.outputs()];
    this.transposed = new Transposed(batch, layer.inputs());
    this.weightSteps = how.of(byWeights.length);
    this.biasSteps = how.of(byBias.length);
  }

  /**
   * Pre-activations of some rows.
   *
   * @param z out: batch × h
   */
  void forward(int[] which, int count, double[] z) {
    int d = layer.inputs();
    for (int i = 0; i < count; i++) {
      System.arraycopy(columns.values(), which[i] * d, rows, i * d, d);
    }
    layer.forward(rows, batch, count, z);
  }

  /**
   * A step along the gradient.
   *
   * @param byZ of each row's loss, batch × h, of the rows of the last {@link #forward}
   */
  void backward(double[] byZ, int count) {
    transposed.product(rows, count, byZ, layer.outputs(), byWeights);
    Dense.columnSums(byZ, count, byBias);
    for (double[] gradient : new double[][] {byWeights, byBias}) {
      for (int i = 0; i < gradient.length; i++) {
        gradient[i] /= count;
      }
    }
    weightSteps.step(layer.weights(), byWeights, true);
    if (bias) {
      biasSteps.step(layer.bias(), byBias, false);
    }
  }

  Dense layer() {
    return layer;
  }
}
