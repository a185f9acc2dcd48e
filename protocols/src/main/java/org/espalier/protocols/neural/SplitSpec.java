package org.espalier.protocols.neural;

import java.util.List;
import java.util.Objects;
import org.espalier.protocols.neural.top.Activation;
import org.espalier.protocols.neural.top.Bottom;
import org.espalier.protocols.neural.top.Dense;
import org.espalier.protocols.neural.top.Descent;

/**
 * What level {@code split} needs more than a source layer: every party's agreement.
 *
 * @param hidden units of each party's own hidden layers under the cut; 0 to {@value
 *     Bottom#MOST_HIDDEN} layers of 1 to {@value Dense#MOST_UNITS}
 * @param optimiser of all layers under and at the cut
 * @param l2 factor of half the squared norm of their weights, 0 or more
 * @param gradientNoise deviation of the Gaussian noise on each number of a person's slopes, in
 *     units of the length that these are shortened to; 0: none, and nothing is shortened; at most
 *     100
 * @param activationNoise deviation of the Gaussian noise on each of a person's numbers at the cut,
 *     which are shortened to a root mean square of 1; 0: none, and nothing is shortened; at most
 *     100
 */
public record SplitSpec(
    List<Integer> hidden,
    Activation activation,
    Descent.Kind optimiser,
    double l2,
    double gradientNoise,
    double activationNoise) {
  /** The most noise of either kind. */
  public static final int MOST_NOISE = 100;

  public SplitSpec {
    Objects.requireNonNull(activation);
    Objects.requireNonNull(optimiser);
    hidden = List.copyOf(hidden);
    if (hidden.size() > Bottom.MOST_HIDDEN
        || hidden.stream().anyMatch(units -> units < 1 || units > Dense.MOST_UNITS)) {
      throw new IllegalArgumentException(
          "a bottom has at most %d hidden layers of 1 to %d units, not %s"
              .formatted(Bottom.MOST_HIDDEN, Dense.MOST_UNITS, hidden));
    }
    for (double noise : new double[] {gradientNoise, activationNoise}) {
      if (!(noise >= 0 && noise <= MOST_NOISE)) {
        throw new IllegalArgumentException("noise is 0 to " + MOST_NOISE + ", not " + noise);
      }
    }
  }

  /** How these layers descend. */
  Descent descent(SourceSpec spec) {
    double momentum = optimiser == Descent.Kind.SGD ? spec.momentum() : 0;
    return new Descent(optimiser, spec.rate(), momentum, l2);
  }
}
