package org.espalier.protocols.neural.top;

/** What a hidden unit makes of its weighted sum. */
public enum Activation {
  /** The sum where it is positive, else 0. */
  RELU {
    @Override
    void apply(double[] values, int count) {
      for (int i = 0; i < count; i++) {
        values[i] = Math.max(values[i], 0);
      }
    }

    @Override
    void timesSlope(double[] outputs, double[] factors, int count) {
      for (int i = 0; i < count; i++) {
        factors[i] = outputs[i] > 0 ? factors[i] : 0;
      }
    }
  },
  /** The hyperbolic tangent of the sum. */
  TANH {
    @Override
    void apply(double[] values, int count) {
      for (int i = 0; i < count; i++) {
        values[i] = Math.tanh(values[i]);
      }
    }

    @Override
    void timesSlope(double[] outputs, double[] factors, int count) {
      for (int i = 0; i < count; i++) {
        factors[i] *= 1 - outputs[i] * outputs[i];
      }
    }
  };

  /** The name in job files and models. */
  public String wireName() {
    return Names.of(this);
  }

  /**
   * The activation of that name.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static Activation parse(String name) {
    return Names.parse(Activation.class, name, "activation");
  }

  /** The first values, in place. */
  abstract void apply(double[] values, int count);

  /** Multiplies factors by the slope at each unit, which its output tells. */
  abstract void timesSlope(double[] outputs, double[] factors, int count);

  /**
   * Largest initial weight of a unit: signals keep their size from layer to layer (Glorot and
   * Bengio, AISTATS 2010, for tanh; He et al., ICCV 2015, for relu).
   *
   * @param inputs of the layer, 0 or more
   */
  public double initialReach(int inputs, int outputs) {
    int terms = Math.max(1, this == RELU ? inputs : inputs + outputs);
    return Math.sqrt(6.0 / terms);
  }
}
