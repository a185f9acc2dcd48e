package org.espalier.bench;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * A peer's model in the order used here, label party's columns first. The peers' own order is:
 * feature party's columns, label party's columns, intercept.
 */
record PeerWeights(double[] weights, double intercept) {
  static PeerWeights of(JsonNode report, DataFiles.Shape shape) {
    JsonNode theirs = report.get("weights");
    double[] ours = new double[shape.columns()];
    for (int j = 0; j < ours.length; j++) {
      int at = (j + shape.labelColumns()) % ours.length;
      ours[at] = theirs.get(j).asDouble();
    }
    return new PeerWeights(ours, theirs.get(ours.length).asDouble());
  }

  Run.Quality quality(Reference reference) {
    return reference.quality(weights, intercept);
  }
}
