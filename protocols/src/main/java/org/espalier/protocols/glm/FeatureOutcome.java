package org.espalier.protocols.glm;

import java.util.Map;

/**
 * What a feature party holds at the end.
 *
 * @param weights one per own prepared feature
 * @param passes how many passes ran
 * @param parametersRun what actually ran, for the audit log and the receipt
 */
public record FeatureOutcome(double[] weights, int passes, Map<String, Object> parametersRun) {}
