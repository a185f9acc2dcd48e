package org.espalier.protocols.glm;

/**
 * How far training is, at the label party, after a pass.
 *
 * @param pass 1 to max passes
 * @param objective penalised mean log-loss at the weights with which the pass began, from the
 *     opened logits
 * @param estimatedGap estimate of that objective's distance from its minimum: the larger of
 *     ½·‖gradient‖²/s over all whitened features, s the mean curvature p(1 − p) of the loss, and of
 *     what the pass gained
 * @param seconds wall time of the pass
 */
public record PassReport(int pass, double objective, double estimatedGap, double seconds) {}
