package org.espalier.protocols.glm;

import java.util.Locale;

/** Which model is fitted. */
public enum Family {
  /** Outcomes 0 and 1; mean log-loss. */
  LOGISTIC,
  /** Any numbers; half the mean squared error. */
  LINEAR;

  /** The name in job files. */
  public String wireName() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Largest second derivative of a row's loss with respect to its logit. */
  double maxCurvature() {
    return this == LOGISTIC ? 0.25 : 1;
  }
}
