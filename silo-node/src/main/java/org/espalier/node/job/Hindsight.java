package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.function.Function;
import org.espalier.node.config.Json;

/** What was predicted of a job beside what it took. */
final class Hindsight {
  private Hindsight() {}

  /**
   * @param forecast {@link Estimate#forecast}
   * @param seconds of each phase
   * @param bytes {@code sent, received} of a phase
   * @param report with what else was measured
   * @return the same figures as {@code {predicted, actual, ratio}}, the ratio being predicted by
   *     actual
   */
  static ObjectNode of(
      JsonNode forecast,
      Map<String, Double> seconds,
      Function<String, ? extends JsonNode> bytes,
      JsonNode report) {
    ObjectNode json = Json.object();
    ObjectNode phases = json.putObject("phases");
    for (Map.Entry<String, JsonNode> phase : forecast.path("phases").properties()) {
      Double took = seconds.get(phase.getKey());
      if (took != null) {
        JsonNode said = phase.getValue();
        JsonNode traffic = bytes.apply(phase.getKey());
        ObjectNode both = phases.putObject(phase.getKey());
        both.set("seconds", both(said.path("seconds").asDouble(), took));
        both.set("sent", both(said.path("sent").asLong(), traffic.path("sent").asLong()));
        both.set(
            "received", both(said.path("received").asLong(), traffic.path("received").asLong()));
      }
    }
    long peak = report.path("peak_memory_bytes").asLong();
    if (peak > 0) {
      json.set("memory_bytes", both(forecast.path("memory_bytes").asLong(), peak));
    }
    if (forecast.has("passes") && report.path("training").has("passes")) {
      json.set(
          "passes",
          both(forecast.path("passes").asLong(), report.path("training").path("passes").asLong()));
    }
    json.set("note", forecast.path("note"));
    return json;
  }

  private static ObjectNode both(double predicted, double actual) {
    return ratio(Json.object().put("predicted", predicted).put("actual", actual));
  }

  private static ObjectNode both(long predicted, long actual) {
    return ratio(Json.object().put("predicted", predicted).put("actual", actual));
  }

  private static ObjectNode ratio(ObjectNode both) {
    double ratio = both.path("predicted").asDouble() / both.path("actual").asDouble();
    return Double.isFinite(ratio) ? both.put("ratio", Math.round(1000 * ratio) / 1000.0) : both;
  }
}
