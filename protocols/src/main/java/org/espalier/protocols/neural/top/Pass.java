package org.espalier.protocols.neural.top;

import java.util.List;
import org.espalier.protocols.mask.Prg;

/** A batch on its way through a network: the only room that it needs, allocated once. */
final class Pass {
  private static final int COIN_BITS = 16;

  private final Activation activation;
  private final List<Dense> layers;
  private final int rows;

  /** Of each hidden layer what the next one gets; last the outputs. */
  private final double[][] values;

  /** Of each hidden layer its activations before any are dropped; only where some are. */
  private final double[][] full;

  /** By what each was multiplied. */
  private final double[][] factors;

  private final double dropout;
  private long coins;
  private int coinsLeft;

  /** For predictions. */
  Pass(Activation activation, List<Dense> layers, int rows) {
    this(activation, layers, rows, 0);
  }

  /**
   * @param layers at least one
   * @param rows at most
   * @param dropout in training steps
   */
  Pass(Activation activation, List<Dense> layers, int rows, double dropout) {
    this.activation = activation;
    this.layers = layers;
    this.rows = rows;
    this.dropout = dropout;
    int hidden = layers.size();
    this.values = new double[hidden + 1][];
    this.full = new double[dropout > 0 ? hidden : 0][];
    this.factors = new double[full.length][];
    for (int l = 0; l <= hidden; l++) {
      int units = l == 0 ? layers.get(0).inputs() : layers.get(l - 1).outputs();
      values[l] = new double[Math.multiplyExact(rows, units)];
      if (l < full.length) {
        full[l] = new double[values[l].length];
        factors[l] = new double[values[l].length];
      }
    }
  }

  /** What a layer gets. */
  double[] inputs(int layer) {
    return values[layer];
  }

  /** The outputs of the first rows, which the next pass overwrites; nothing is dropped. */
  double[] forward(double[] z, int count) {
    return forward(z, count, null);
  }

  /**
   * The same.
   *
   * @param random which units to drop; null: none
   */
  double[] forward(double[] z, int count, Prg random) {
    System.arraycopy(z, 0, values[0], 0, count * layers.get(0).inputs());
    for (int l = 0; l < layers.size(); l++) {
      Dense layer = layers.get(l);
      int units = count * layer.inputs();
      activation.apply(values[l], units);
      if (dropout > 0 && random != null) {
        drop(l, units, random);
      }
      layer.forward(values[l], rows, count, values[l + 1]);
    }
    return values[values.length - 1];
  }

  private void drop(int l, int units, Prg random) {
    System.arraycopy(values[l], 0, full[l], 0, units);
    double kept = 1 / (1 - dropout);
    int limit = (int) Math.round(dropout * (1 << COIN_BITS));
    for (int i = 0; i < units; i++) {
      factors[l][i] = coin(random) < limit ? 0 : kept;
      values[l][i] *= factors[l][i];
    }
  }

  private int coin(Prg random) {
    if (coinsLeft == 0) {
      coins = random.nextLong();
      coinsLeft = Long.SIZE / COIN_BITS;
    }
    int coin = (int) (coins & ((1 << COIN_BITS) - 1));
    coins >>>= COIN_BITS;
    coinsLeft--;
    return coin;
  }

  /** From the gradient by what a layer gets to that by the sums it was made of, in place. */
  void backward(int layer, double[] gradient, int units) {
    if (dropout == 0) {
      activation.timesSlope(values[layer], gradient, units);
      return;
    }
    for (int i = 0; i < units; i++) {
      gradient[i] *= factors[layer][i];
    }
    activation.timesSlope(full[layer], gradient, units);
  }
}
