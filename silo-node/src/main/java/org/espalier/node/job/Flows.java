package org.espalier.node.job;

/** Which phases a job has. */
final class Flows {
  private Flows() {}

  static JobRun.Flow of(JobSpec spec) {
    if (spec instanceof TrainSpec train) {
      return new TrainFlow(train);
    }
    if (spec instanceof PredictSpec predict) {
      return new PredictFlow(predict);
    }
    throw new IllegalStateException("a " + spec.kind() + " job has no attempts");
  }
}
