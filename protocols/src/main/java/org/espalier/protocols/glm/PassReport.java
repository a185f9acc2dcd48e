package org.espalier.protocols.glm;

/**
 * How far training is, at the label party, after a pass.
 *
 * @param pass 1 to max passes
 * @param objective at the weights with which the pass began: at level {@code gradients} the
 *     penalised mean loss from the opened logits; at level {@code sealed} the mean loss without the
 *     penalty, levelling off at 6 a person and with the opening's noise, NaN in a pass that opens
 *     nothing
 * @param estimatedGap estimate of that objective's distance from its minimum: the larger of
 *     ½·‖gradient‖²/s over all whitened features, s the mean curvature p(1 − p) of the loss, and of
 *     what the pass gained; NaN at level {@code sealed} and where the pass had no gradient
 * @param setAside at the same weights, mean loss of the people set aside for early stopping; NaN
 *     where nobody is
 * @param seconds wall time of the pass
 */
public record PassReport(
    int pass, double objective, double estimatedGap, double setAside, double seconds) {
  /** Nobody is set aside. */
  PassReport(int pass, double objective, double estimatedGap, double seconds) {
    this(pass, objective, estimatedGap, Double.NaN, seconds);
  }
}
