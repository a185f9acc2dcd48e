package org.espalier.protocols.neural;

import java.util.List;
import java.util.Map;
import org.espalier.protocols.neural.top.Dense;

/**
 * What the label party has when the source layer is trained.
 *
 * @param bottom its own layers under the one at the cut; empty at level {@code activations}
 * @param weights d_A × hidden, row-major, on its own prepared columns, or on what {@code bottom}
 *     makes of them
 * @param bias one for each hidden unit
 * @param epochs that ran
 * @param findings in words
 * @param parametersRun for the receipt
 */
public record LabelSource(
    List<Dense> bottom,
    double[] weights,
    double[] bias,
    int epochs,
    List<String> findings,
    Map<String, Object> parametersRun) {}
