package org.espalier.protocols.cost;

import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;

/**
 * How fast a machine is.
 *
 * @param seconds of one unit of each kind of work, 0 or more; a kind that is missing costs nothing
 */
public record Rates(Map<Work, Double> seconds) {
  /** A machine that computes in no time: what is left is the line. */
  public static final Rates INSTANT = new Rates(Map.of());

  public Rates {
    EnumMap<Work, Double> copy = new EnumMap<>(Work.class);
    copy.putAll(seconds);
    copy.forEach(
        (work, value) -> {
          if (!(value >= 0 && value < 1e6)) {
            throw new IllegalArgumentException(value + " s for " + work);
          }
        });
    seconds = Collections.unmodifiableMap(copy);
  }

  /** Seconds of some amount of work. */
  public double seconds(Work work, double amount) {
    return seconds.getOrDefault(work, 0.0) * amount;
  }

  /** Seconds of all of it. */
  public double seconds(Map<Work, Double> amounts) {
    return amounts.entrySet().stream().mapToDouble(e -> seconds(e.getKey(), e.getValue())).sum();
  }
}
