package org.espalier.protocols.neural.top;

import java.util.List;
import java.util.Objects;

/**
 * The shape of a network.
 *
 * @param hidden units of each hidden layer, the first of which is the federated one; 1 to 8 layers
 *     of 1 to {@value Dense#MOST_UNITS}
 * @param dropout share of hidden units whose output is dropped at random in each training step, 0
 *     to below 0.9 (Srivastava et al., JMLR 2014; those that stay are scaled up)
 */
public record NetworkSpec(Task task, List<Integer> hidden, Activation activation, double dropout) {
  /** The most hidden layers. */
  public static final int MOST_LAYERS = 8;

  public NetworkSpec {
    Objects.requireNonNull(task);
    Objects.requireNonNull(activation);
    hidden = List.copyOf(hidden);
    if (hidden.isEmpty()
        || hidden.size() > MOST_LAYERS
        || hidden.stream().anyMatch(units -> units < 1 || units > Dense.MOST_UNITS)) {
      throw new IllegalArgumentException(
          "a network has 1 to %d hidden layers of 1 to %d units, not %s"
              .formatted(MOST_LAYERS, Dense.MOST_UNITS, hidden));
    }
    if (!(dropout >= 0 && dropout <= 0.9)) {
      throw new IllegalArgumentException("dropout is 0 to 0.9, not " + dropout);
    }
  }

  /** Units of the first layer, h. */
  public int width() {
    return hidden.get(0);
  }

  /** Largest of the first layer's first weights. */
  public double firstReach(int columns) {
    return activation.initialReach(columns, width());
  }
}
