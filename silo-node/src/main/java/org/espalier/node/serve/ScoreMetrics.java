package org.espalier.node.serve;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import org.espalier.node.config.Json;

/**
 * Requests by outcome and how long they took, since the node started. Buckets are cumulative, as
 * Prometheus wants them.
 */
final class ScoreMetrics {
  /** Upper bounds in milliseconds; a last bucket has none. */
  private static final double[] BOUNDS = {
    0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 50, 75, 100, 200, 500, 1000, 2000, 5000
  };

  private static final double NANOS_PER_MILLI = 1e6;

  private final Map<String, LongAdder> outcomes = new ConcurrentHashMap<>();
  private final LongAdder[] buckets = new LongAdder[BOUNDS.length + 1];
  private final LongAdder nanos = new LongAdder();

  ScoreMetrics() {
    for (int i = 0; i < buckets.length; i++) {
      buckets[i] = new LongAdder();
    }
  }

  /**
   * @param outcome {@code scored} or the kind of an error
   */
  void count(String outcome, long tookNanos) {
    outcomes.computeIfAbsent(outcome, name -> new LongAdder()).increment();
    nanos.add(tookNanos);
    double millis = tookNanos / NANOS_PER_MILLI;
    int bucket = 0;
    while (bucket < BOUNDS.length && millis > BOUNDS[bucket]) {
      bucket++;
    }
    buckets[bucket].increment();
  }

  /** {@code requests{outcome}, latency_ms{sum, count, buckets[{le, count}]}}. */
  ObjectNode toJson() {
    ObjectNode json = Json.object();
    ObjectNode requests = json.putObject("requests");
    new TreeMap<>(outcomes).forEach((outcome, count) -> requests.put(outcome, count.sum()));
    ObjectNode latency = json.putObject("latency_ms");
    ArrayNode cumulative = Json.object().arrayNode();
    long count = 0;
    for (int i = 0; i < buckets.length; i++) {
      count += buckets[i].sum();
      ObjectNode bucket = cumulative.addObject();
      if (i < BOUNDS.length) {
        bucket.put("le", BOUNDS[i]);
      } else {
        bucket.put("le", "+Inf");
      }
      bucket.put("count", count);
    }
    latency.put("sum", Math.round(nanos.sum() / NANOS_PER_MILLI)).put("count", count);
    latency.set("buckets", cumulative);
    return json;
  }
}
