package org.espalier.protocols.glm;

import java.util.Arrays;

/**
 * The label party's outcome.
 *
 * @param targets what a row's function of the logit is compared with: y − ½, or the standardised
 *     outcome
 * @param mean of the outcome, 0 for the logistic family
 * @param spread its standard deviation, 1 for the logistic family
 */
record SealedOutcome(double[] targets, double mean, double spread) {
  static SealedOutcome of(TrainingJob job, double[] labels) {
    double[] targets = new double[labels.length];
    if (job.spec().family() == Family.LOGISTIC) {
      for (int i = 0; i < labels.length; i++) {
        targets[i] = labels[i] - 0.5;
      }
      return new SealedOutcome(targets, 0, 1);
    }
    double mean = Arrays.stream(labels).average().orElse(0);
    double variance = 0;
    for (double label : labels) {
      variance += (label - mean) * (label - mean) / labels.length;
    }
    double spread = Math.sqrt(variance);
    if (!(spread > 0 && spread < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "the outcome is the same for everybody or not a finite number");
    }
    for (int i = 0; i < labels.length; i++) {
      targets[i] = (labels[i] - mean) / spread;
    }
    return new SealedOutcome(targets, mean, spread);
  }

  /** By which a row's logit enters its loss: ½ − y, or minus the outcome. */
  double[] factors() {
    return Arrays.stream(targets).map(t -> -t).toArray();
  }
}
