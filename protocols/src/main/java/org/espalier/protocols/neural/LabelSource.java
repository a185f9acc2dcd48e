package org.espalier.protocols.neural;

import java.util.List;
import java.util.Map;

/**
 * What the label party has when the source layer is trained.
 *
 * @param weights d_A × hidden, row-major, on its own prepared columns
 * @param bias one for each hidden unit
 * @param epochs that ran
 * @param findings in words
 * @param parametersRun for the receipt
 */
public record LabelSource(
    double[] weights,
    double[] bias,
    int epochs,
    List<String> findings,
    Map<String, Object> parametersRun) {}
