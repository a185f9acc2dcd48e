package org.espalier.protocols.neural.top;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.prepare.Matrix;

/**
 * A party's own layers over its own columns, up to its part of the cut: what all parties' bottoms
 * give is added up and is the pre-activations of the layer above ({@link TopModel}).
 *
 * @param activation between the layers; there is none after the last one
 * @param layers from the columns to the cut, at least one
 */
public record Bottom(Activation activation, List<Dense> layers) {
  /** The most hidden layers under the cut. */
  public static final int MOST_HIDDEN = 4;

  /**
   * @throws IllegalArgumentException if the layers do not fit each other
   */
  public Bottom {
    Objects.requireNonNull(activation);
    layers = List.copyOf(layers);
    if (layers.isEmpty() || layers.size() > MOST_HIDDEN + 1) {
      throw new IllegalArgumentException(
          "a bottom has at most %d hidden layers, not %d"
              .formatted(MOST_HIDDEN, layers.size() - 1));
    }
    for (int l = 0; l < layers.size(); l++) {
      Dense layer = layers.get(l);
      if (layer.outputs() > Dense.MOST_UNITS
          || (l > 0 && layer.inputs() != layers.get(l - 1).outputs())) {
        throw new IllegalArgumentException(
            "a layer of %d inputs and %d units does not fit a bottom"
                .formatted(layer.inputs(), layer.outputs()));
      }
    }
  }

  /**
   * To begin with: uniform weights, no bias.
   *
   * @param columns of the party, 0 or more; a party without any has nothing but a bias at the cut
   * @param hidden units of its hidden layers
   * @param width of the cut
   * @param cutInputs what all parties' last layers get together: those layers are one, whose rows
   *     they have
   */
  public static Bottom random(
      int columns,
      List<Integer> hidden,
      int width,
      int cutInputs,
      Activation activation,
      Prg coins) {
    List<Integer> units = new ArrayList<>(List.of(columns));
    units.addAll(columns == 0 ? List.of() : hidden);
    List<Dense> layers = Dense.stack(units, activation, coins);
    int last = units.get(units.size() - 1);
    layers.add(Dense.random(last, width, activation.initialReach(cutInputs, width), coins));
    return new Bottom(activation, layers);
  }

  /** What the last layer of such a bottom gets. */
  public static int cutInputs(int columns, List<Integer> hidden) {
    return columns == 0 || hidden.isEmpty() ? columns : hidden.get(hidden.size() - 1);
  }

  Bottom copy() {
    return new Bottom(activation, layers.stream().map(Dense::copy).toList());
  }

  /** The layer at the cut. */
  public Dense last() {
    return layers.get(layers.size() - 1);
  }

  /** The layers below the one at the cut, maybe none. */
  public List<Dense> hidden() {
    return layers.subList(0, layers.size() - 1);
  }

  /**
   * People's numbers at the cut.
   *
   * @param columns rows × inputs of the first layer
   * @return rows × outputs of the last, row-major
   */
  public double[] apply(Matrix columns) {
    int rows = columns.rows();
    Dense first = layers.get(0);
    double[] z = new double[Math.multiplyExact(rows, first.outputs())];
    first.forward(columns.values(), rows, rows, z);
    return layers.size() == 1
        ? z
        : new Pass(activation, layers.subList(1, layers.size()), rows).forward(z, rows);
  }

  /**
   * Shortens one row of numbers in place.
   *
   * @param at where it begins
   * @param most the length that it has then at most
   * @return by which factor, 1 at most
   */
  public static double shorten(double[] values, int at, int width, double most) {
    double squares = 0;
    for (int m = at; m < at + width; m++) {
      squares += values[m] * values[m];
    }
    double own = Math.sqrt(squares);
    if (!(own > most)) {
      return 1;
    }
    for (int m = at; m < at + width; m++) {
      values[m] *= most / own;
    }
    return most / own;
  }

  /** Weights stay out of logs. */
  @Override
  public String toString() {
    return "Bottom[" + layers + "]";
  }
}
