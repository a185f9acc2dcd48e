package org.espalier.protocols.neural.top;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.espalier.he.DenseProducts;
import org.espalier.protocols.mask.Prg;

/**
 * A layer's numbers: outputs = inputs · weights + bias.
 *
 * @param weights inputs × outputs, row-major; the array itself, not a copy
 * @param bias one for each output; the array itself
 */
public record Dense(int inputs, int outputs, double[] weights, double[] bias) {
  /** The most units of a layer. */
  public static final int MOST_UNITS = 1024;

  /**
   * @throws IllegalArgumentException if lengths do not fit or a number is not finite
   */
  public Dense {
    if (inputs < 0 || outputs < 1 || (long) inputs * outputs != weights.length) {
      throw new IllegalArgumentException(
          weights.length + " weights do not make " + inputs + " x " + outputs);
    }
    if (bias.length != outputs) {
      throw new IllegalArgumentException(bias.length + " biases of " + outputs + " units");
    }
    if (!Arrays.stream(weights).allMatch(Double::isFinite)
        || !Arrays.stream(bias).allMatch(Double::isFinite)) {
      throw new IllegalArgumentException("a weight of a network is not finite");
    }
  }

  /** Uniform within ±reach, without bias. */
  static Dense random(int inputs, int outputs, double reach, Prg coins) {
    double[] weights = new double[Math.multiplyExact(inputs, outputs)];
    Arrays.setAll(weights, i -> reach * (2 * coins.nextDouble() - 1));
    return new Dense(inputs, outputs, weights, new double[outputs]);
  }

  /**
   * Layers one above the other.
   *
   * @param units what the first gets, then of each layer
   */
  static List<Dense> stack(List<Integer> units, Activation activation, Prg coins) {
    List<Dense> layers = new ArrayList<>();
    for (int l = 1; l < units.size(); l++) {
      int inputs = units.get(l - 1);
      double reach = activation.initialReach(inputs, units.get(l));
      layers.add(random(inputs, units.get(l), reach, coins));
    }
    return layers;
  }

  Dense copy() {
    return new Dense(inputs, outputs, weights.clone(), bias.clone());
  }

  /**
   * The first rows' outputs.
   *
   * @param in rows × inputs, of which {@code count} rows matter
   * @param out at least count × outputs
   */
  void forward(double[] in, int rows, int count, double[] out) {
    if (inputs == 0) {
      Arrays.fill(out, 0, count * outputs, 0);
    } else {
      DenseProducts.product(in, rows, inputs, 0, count, weights, outputs, out);
    }
    for (int i = 0; i < count; i++) {
      int at = i * outputs;
      for (int j = 0; j < outputs; j++) {
        out[at + j] += bias[j];
      }
    }
  }

  /** Of the first rows. */
  static void columnSums(double[] values, int count, double[] sums) {
    Arrays.fill(sums, 0);
    for (int i = 0; i < count; i++) {
      for (int j = 0; j < sums.length; j++) {
        sums[j] += values[i * sums.length + j];
      }
    }
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof Dense other
        && inputs == other.inputs
        && Arrays.equals(weights, other.weights)
        && Arrays.equals(bias, other.bias);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(weights);
  }

  /** Weights stay out of logs. */
  @Override
  public String toString() {
    return "Dense[" + inputs + " x " + outputs + "]";
  }
}
