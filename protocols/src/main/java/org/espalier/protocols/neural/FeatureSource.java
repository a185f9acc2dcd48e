package org.espalier.protocols.neural;

import java.util.List;
import java.util.Map;
import org.espalier.protocols.neural.top.Dense;

/**
 * What a feature party has when the source layer is trained.
 *
 * @param bottom its own layers under the one at the cut; empty at level {@code activations}
 * @param weights d_p × hidden, row-major, on its own prepared columns, or on what {@code bottom}
 *     makes of them
 * @param epochs that ran
 * @param parametersRun for the receipt
 */
public record FeatureSource(
    List<Dense> bottom, double[] weights, int epochs, Map<String, Object> parametersRun) {}
