package org.espalier.protocols.neural.top;

/**
 * How weights follow their gradient. State belongs to one array of weights.
 *
 * @param kind which rule
 * @param learningRate of each step, above 0
 * @param momentum share of the last step that is made again, 0 to below 1; {@code SGD} only
 * @param l2 factor of half the squared norm of the weights in the loss, biases not counted; 0 or
 *     more
 */
public record Descent(Kind kind, double learningRate, double momentum, double l2) {
  private static final double FIRST = 0.9;
  private static final double SECOND = 0.999;
  private static final double EPSILON = 1e-8;

  /** Which rule. */
  public enum Kind {
    /** Steps scaled by running moments of the gradient (Kingma and Ba, ICLR 2015). */
    ADAM,
    /** Steps along the gradient, with momentum (Polyak 1964). */
    SGD;

    /** The name in job files. */
    public String wireName() {
      return Names.of(this);
    }

    /**
     * The rule of that name.
     *
     * @throws IllegalArgumentException if there is none
     */
    public static Kind parse(String name) {
      return Names.parse(Kind.class, name, "optimiser");
    }
  }

  public Descent {
    if (!(learningRate > 0 && learningRate <= 10)) {
      throw new IllegalArgumentException(
          "a learning rate is above 0 and at most 10, not " + learningRate);
    }
    if (!(momentum >= 0 && momentum < 1)) {
      throw new IllegalArgumentException("momentum is 0 to below 1, not " + momentum);
    }
    if (!(l2 >= 0 && l2 <= 100)) {
      throw new IllegalArgumentException("l2 is 0 to 100, not " + l2);
    }
  }

  /** With the same settings, for an array of so many weights. */
  Steps of(int weights) {
    return new Steps(this, weights);
  }

  /** What a rule remembers of one array of weights. */
  static final class Steps {
    private final Descent how;
    private final double[] first;
    private final double[] second;
    private int steps;

    private Steps(Descent how, int weights) {
      this.how = how;
      this.first = new double[weights];
      this.second = new double[how.kind == Kind.ADAM ? weights : 0];
    }

    /**
     * One step, in place.
     *
     * @param gradient of the loss without the penalty; may be longer
     * @param penalised whether l2 is of these weights
     */
    void step(double[] weights, double[] gradient, boolean penalised) {
      double l2 = penalised ? how.l2 : 0;
      if (how.kind == Kind.SGD) {
        for (int i = 0; i < weights.length; i++) {
          first[i] = how.momentum * first[i] - how.learningRate * (gradient[i] + l2 * weights[i]);
          weights[i] += first[i];
        }
        return;
      }
      steps++;
      double rate =
          how.learningRate * Math.sqrt(1 - Math.pow(SECOND, steps)) / (1 - Math.pow(FIRST, steps));
      for (int i = 0; i < weights.length; i++) {
        double g = gradient[i] + l2 * weights[i];
        first[i] = FIRST * first[i] + (1 - FIRST) * g;
        second[i] = SECOND * second[i] + (1 - SECOND) * g * g;
        weights[i] -= rate * first[i] / (Math.sqrt(second[i]) + EPSILON);
      }
    }
  }
}
