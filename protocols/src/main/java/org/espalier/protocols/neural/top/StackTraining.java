package org.espalier.protocols.neural.top;

import java.util.ArrayList;
import java.util.List;
import org.espalier.protocols.mask.Prg;

/** Layers above pre-activations while they are trained; nothing is allocated in a step. */
final class StackTraining {
  private final Pass pass;
  private final int batch;
  private final Prg coins;
  private final boolean lastBias;
  private final List<Layer> layers = new ArrayList<>();

  /** What belongs to a layer in training: gradients, and the gradient by its inputs. */
  private static final class Layer {
    final Dense dense;
    final double[] byInputs;
    final double[] byWeights;
    final double[] byBias;
    final Transposed inputs;
    final Transposed weights;
    final Descent.Steps weightSteps;
    final Descent.Steps biasSteps;

    Layer(Dense dense, int batch, Descent how) {
      this.dense = dense;
      this.byInputs = new double[Math.multiplyExact(batch, dense.inputs())];
      this.byWeights = new double[dense.weights().length];
      this.byBias = new double[dense.outputs()];
      this.inputs = new Transposed(batch, dense.inputs());
      this.weights = new Transposed(dense.inputs(), dense.outputs());
      this.weightSteps = how.of(dense.weights().length);
      this.biasSteps = how.of(dense.outputs());
    }
  }

  /**
   * @param layers at least one; changed by every step
   * @param batch most rows of a step
   * @param coins which units to drop; null: none
   * @param lastBias whether the last layer's bias is trained; else it stays as it is
   */
  StackTraining(
      Activation activation,
      List<Dense> layers,
      double dropout,
      int batch,
      Descent how,
      Prg coins,
      boolean lastBias) {
    this.batch = batch;
    this.coins = coins;
    this.lastBias = lastBias;
    this.pass = new Pass(activation, layers, batch, dropout);
    layers.forEach(layer -> this.layers.add(new Layer(layer, batch, how)));
  }

  /**
   * Outputs of the first rows, which the next call overwrites; nothing is dropped.
   *
   * @param z batch × inputs of the first layer, before their activation
   */
  double[] forward(double[] z, int count) {
    return pass.forward(z, count);
  }

  /** The same as a step sees it, units dropped; {@link #backward} is about the last such call. */
  double[] forwardToTrain(double[] z, int count) {
    return pass.forward(z, count, coins);
  }

  /**
   * Gradients by all weights, which stay in the layers.
   *
   * @param byOutputs gradient by the outputs, batch × outputs
   * @return that by z, batch × inputs, which the next call overwrites
   */
  double[] backward(double[] byOutputs, int count) {
    double[] bySums = byOutputs;
    for (int l = layers.size() - 1; l >= 0; l--) {
      Layer layer = layers.get(l);
      int width = layer.dense.outputs();
      layer.inputs.product(pass.inputs(l), count, bySums, width, layer.byWeights);
      Dense.columnSums(bySums, count, layer.byBias);
      layer.weights.productFromLeft(layer.dense.weights(), bySums, batch, count, layer.byInputs);
      pass.backward(l, layer.byInputs, count * layer.dense.inputs());
      bySums = layer.byInputs;
    }
    return bySums;
  }

  /** One step of all weights along the gradients. */
  void step() {
    for (int l = 0; l < layers.size(); l++) {
      Layer layer = layers.get(l);
      layer.weightSteps.step(layer.dense.weights(), layer.byWeights, true);
      if (lastBias || l < layers.size() - 1) {
        layer.biasSteps.step(layer.dense.bias(), layer.byBias, false);
      }
    }
  }

  /** Gradients of the last {@link #backward}: of weights and bias of each layer. */
  List<double[]> gradients() {
    List<double[]> all = new ArrayList<>();
    for (Layer layer : layers) {
      all.add(layer.byWeights);
      all.add(layer.byBias);
    }
    return all;
  }
}
