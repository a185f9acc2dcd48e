package org.espalier.protocols.neural.top;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.espalier.protocols.mask.Prg;

/**
 * A network above the first layer's pre-activations.
 *
 * @param width units of the first layer, h
 * @param layers from the activated first layer to the outputs, at least the last one
 * @param target what the outputs mean
 */
public record TopModel(Activation activation, int width, List<Dense> layers, Target target) {
  private static final int BLOCK_ROWS = 4096;

  /**
   * @throws IllegalArgumentException if the parts do not fit each other or a number is not finite
   */
  public TopModel {
    Objects.requireNonNull(activation);
    layers = List.copyOf(layers);
    if (width < 1
        || width > Dense.MOST_UNITS
        || layers.isEmpty()
        || layers.size() > NetworkSpec.MOST_LAYERS) {
      throw new IllegalArgumentException(
          "a network has a first layer of 1 to %d units and 1 to %d more"
              .formatted(Dense.MOST_UNITS, NetworkSpec.MOST_LAYERS));
    }
    int inputs = width;
    for (Dense layer : layers) {
      if (layer.inputs() != inputs || layer.outputs() > Dense.MOST_UNITS) {
        throw new IllegalArgumentException(
            "a layer of %d inputs and %d units follows one of %d units"
                .formatted(layer.inputs(), layer.outputs(), inputs));
      }
      inputs = layer.outputs();
    }
    if (inputs != target.outputs()) {
      throw new IllegalArgumentException(
          "%d outputs where the task has %d".formatted(inputs, target.outputs()));
    }
  }

  /** To begin with: uniform weights, no bias. */
  static TopModel random(NetworkSpec spec, Target target, Prg coins) {
    List<Integer> units = new ArrayList<>(spec.hidden());
    units.add(target.outputs());
    List<Dense> layers = Dense.stack(units, spec.activation(), coins);
    return new TopModel(spec.activation(), spec.width(), layers, target);
  }

  TopModel copy() {
    return new TopModel(activation, width, layers.stream().map(Dense::copy).toList(), target);
  }

  /**
   * What people's summed pre-activations predict.
   *
   * @param z rows × h, row-major
   * @return rows × {@link Target#outputs}, row-major: probabilities, or numbers in the outcome's
   *     unit
   */
  public double[] predict(double[] z, int rows) {
    if (z.length != (long) rows * width) {
      throw new IllegalArgumentException(z.length + " pre-activations of " + rows + " rows");
    }
    int outputs = target.outputs();
    double[] predictions = new double[Math.multiplyExact(rows, outputs)];
    int block = Math.max(1, Math.min(rows, BLOCK_ROWS));
    Pass pass = new Pass(activation, layers, block);
    double[] part = new double[block * width];
    for (int from = 0; from < rows; from += block) {
      int count = Math.min(block, rows - from);
      System.arraycopy(z, from * width, part, 0, count * width);
      double[] out = pass.forward(part, count);
      for (int i = 0; i < count; i++) {
        target.predict(out, i * outputs);
      }
      System.arraycopy(out, 0, predictions, from * outputs, count * outputs);
    }
    return predictions;
  }

  /** Weights stay out of logs. */
  @Override
  public String toString() {
    return "TopModel[" + width + " units, " + layers + "]";
  }
}
