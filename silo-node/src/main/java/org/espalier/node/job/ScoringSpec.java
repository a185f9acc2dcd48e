package org.espalier.node.job;

/** A job that scores people with a model that was trained together before. */
public sealed interface ScoringSpec extends JobSpec permits PredictSpec, ServeSpec {
  /** The job that trained it. */
  String model();
}
