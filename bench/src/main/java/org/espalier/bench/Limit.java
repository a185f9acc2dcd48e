package org.espalier.bench;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * What a figure may be at most.
 *
 * @param what the figure, with its unit
 */
record Limit(String what, double limit, double measured) {
  /** How much of the limit is used: 1 or less is good. */
  @JsonProperty
  double ratio() {
    return measured / limit;
  }

  @JsonProperty
  boolean met() {
    return measured <= limit;
  }
}
