package org.espalier.protocols.neural.top;

import java.util.Objects;

/**
 * How a network is fitted at the label party.
 *
 * @param descent of the layers there
 * @param batch most rows of a step, 1 or more
 * @param epochs sweeps over all rows at most, 1 or more
 * @param patience training ends after so many epochs in which the loss of people set aside has not
 *     fallen below its least so far, and the network is that of the least; 0: it runs all epochs,
 *     and nobody is set aside
 * @param setAside share of the training people whose loss is watched and who train nothing, above 0
 *     and at most 0.5; used with patience only
 */
public record FitSpec(Descent descent, int batch, int epochs, int patience, double setAside) {
  public FitSpec {
    Objects.requireNonNull(descent);
    if (batch < 1 || epochs < 1 || patience < 0) {
      throw new IllegalArgumentException(
          "batches of %d rows, %d epochs, patience of %d".formatted(batch, epochs, patience));
    }
    if (!(setAside > 0 && setAside <= 0.5)) {
      throw new IllegalArgumentException("a share of " + setAside + " cannot be set aside");
    }
  }
}
