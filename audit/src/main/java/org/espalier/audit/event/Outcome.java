package org.espalier.audit.event;

import java.util.Locale;

/** How an act ended. */
public enum Outcome {
  OK,
  DENIED,
  FAILED,
  ABORTED;

  /** The name in the log. */
  public String wireName() {
    return name().toLowerCase(Locale.ROOT);
  }
}
