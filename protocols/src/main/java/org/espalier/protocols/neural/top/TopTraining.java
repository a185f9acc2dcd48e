package org.espalier.protocols.neural.top;

import java.util.ArrayList;
import java.util.List;
import org.espalier.protocols.mask.Prg;

/** A network above the first layer while it is trained; nothing is allocated in a step. */
final class TopTraining {
  private final TopModel model;
  private final Pass pass;
  private final int batch;
  private final Prg coins;
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
   * @param model is changed by every step
   * @param batch most rows of a step
   * @param coins which units to drop
   */
  TopTraining(TopModel model, double dropout, int batch, Descent how, Prg coins) {
    this.model = model;
    this.batch = batch;
    this.coins = coins;
    this.pass = new Pass(model, batch, dropout);
    model.layers().forEach(layer -> layers.add(new Layer(layer, batch, how)));
  }

  /**
   * Summed loss of the first rows.
   *
   * @param z batch × h
   * @param targets as the loss takes them, one a row
   * @param weights one a row
   */
  double loss(double[] z, int count, double[] targets, double[] weights) {
    return summed(pass.forward(z, count), count, targets, weights);
  }

  private double summed(double[] outputs, int count, double[] targets, double[] weights) {
    int classes = model.target().outputs();
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += weights[i] * model.target().task().loss(outputs, i * classes, classes, targets[i]);
    }
    return sum;
  }

  /**
   * One step of all weights here along the mean loss of the first rows.
   *
   * @param byZ out: gradient of each row's loss, not of their mean, by z, batch × h
   * @return summed loss before the step, units dropped
   */
  double step(double[] z, int count, double[] targets, double[] weights, double[] byZ) {
    double loss = gradient(z, count, targets, weights, byZ);
    for (Layer layer : layers) {
      layer.weightSteps.step(layer.dense.weights(), layer.byWeights, true);
      layer.biasSteps.step(layer.dense.bias(), layer.byBias, false);
    }
    return loss;
  }

  /** The same without the step; gradients stay in the layers. */
  double gradient(double[] z, int count, double[] targets, double[] weights, double[] byZ) {
    double[] outputs = pass.forward(z, count, coins);
    double loss = summed(outputs, count, targets, weights);
    Task task = model.target().task();
    int classes = model.target().outputs();
    for (int i = 0; i < count; i++) {
      task.slope(outputs, i * classes, classes, targets[i], weights[i] / count);
    }
    double[] bySums = outputs;
    for (int l = layers.size() - 1; l >= 0; l--) {
      Layer layer = layers.get(l);
      int width = layer.dense.outputs();
      layer.inputs.product(pass.inputs(l), count, bySums, width, layer.byWeights);
      Dense.columnSums(bySums, count, layer.byBias);
      layer.weights.productFromLeft(layer.dense.weights(), bySums, batch, count, layer.byInputs);
      pass.backward(l, layer.byInputs, count * layer.dense.inputs());
      bySums = layer.byInputs;
    }
    for (int i = 0; i < count * model.width(); i++) {
      byZ[i] = count * bySums[i];
    }
    return loss;
  }

  /** Gradients of the last {@link #gradient}: of weights and bias of each layer. */
  List<double[]> gradients() {
    List<double[]> all = new ArrayList<>();
    for (Layer layer : layers) {
      all.add(layer.byWeights);
      all.add(layer.byBias);
    }
    return all;
  }
}
