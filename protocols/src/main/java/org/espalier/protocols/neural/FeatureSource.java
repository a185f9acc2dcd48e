package org.espalier.protocols.neural;

import java.util.Map;

/**
 * What a feature party has when the source layer is trained.
 *
 * @param weights d_p × hidden, row-major, on its own prepared columns
 * @param epochs that ran
 * @param parametersRun for the receipt
 */
public record FeatureSource(double[] weights, int epochs, Map<String, Object> parametersRun) {}
