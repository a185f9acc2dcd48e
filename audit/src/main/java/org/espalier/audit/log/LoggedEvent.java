package org.espalier.audit.log;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.espalier.audit.event.Event;

/**
 * An event as it stands in the log.
 *
 * @param seq index of the leaf
 * @param bytes the leaf, verbatim
 * @param json the same, parsed
 */
public record LoggedEvent(long seq, byte[] bytes, JsonNode json) {
  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  static LoggedEvent parse(long seq, byte[] bytes) throws IOException {
    try {
      JsonNode json = MAPPER.readTree(bytes);
      if (json != null && json.isObject()) {
        return new LoggedEvent(seq, bytes, json);
      }
    } catch (IOException e) {
      throw new IOException("event " + seq + " is not readable JSON", e);
    }
    throw new IOException("event " + seq + " is not a JSON object");
  }

  /** Name of the type, such as {@code job.started}. */
  public String type() {
    return json.path("type").asText();
  }

  /** {@code fact}, {@code intent} or {@code outcome}. */
  public String phase() {
    return json.path("phase").asText();
  }

  /** {@code ok}, {@code denied}, {@code failed}, {@code aborted}, or empty. */
  public String outcome() {
    return json.path("outcome").asText();
  }

  /** The job, or empty. */
  public String job() {
    return json.path("job").path("id").asText();
  }

  /** The partner, or empty. */
  public String partner() {
    return json.path("partner").path("id").asText();
  }

  /** Time stated in the event. */
  public Instant time() {
    return Instant.ofEpochMilli(json.path("time").asLong());
  }

  /** The JSON as stored: one line, safe to print. */
  public String text() {
    return new String(bytes, UTF_8);
  }

  /** One line for people: place, time, type, how it went, and on what. Safe to print. */
  public String line() {
    StringBuilder line =
        new StringBuilder()
            .append(String.format("%7d  ", seq))
            .append(time().truncatedTo(ChronoUnit.SECONDS))
            .append("  ")
            .append(quoted(json.path("type")));
    line.append(phase().equals("intent") ? "  begins" : "");
    field(line, "", json.path("outcome"));
    field(line, "reason=", json.path("reason"));
    field(line, "rule=", json.path("rule"));
    field(line, "", json.path("command").path("name"));
    field(line, "job=", json.path("job").path("id"));
    field(line, "step=", json.path("step"));
    field(line, "protocol=", json.path("protocol").path("name"));
    field(line, "partner=", json.path("partner").path("id"));
    JsonNode actor = json.path("actor");
    field(
        line,
        "actor=",
        actor.at("/opened/pseudonym").isTextual()
            ? actor.at("/opened/pseudonym")
            : actor.path("pseudonym"));
    if (json.has("ref")) {
      line.append("  (of ").append(json.path("ref").asLong()).append(')');
    }
    return line.toString();
  }

  private static void field(StringBuilder line, String name, JsonNode value) {
    if (value.isTextual()) {
      line.append("  ").append(name).append(quoted(value));
    }
  }

  /** Text without quotes where nothing had to be escaped, so that nothing can pose as a field. */
  private static String quoted(JsonNode value) {
    String plain = value.asText();
    return plain.matches("[A-Za-z0-9][A-Za-z0-9._:/ -]*") && !plain.contains("  ")
        ? plain
        : Event.quote(plain);
  }
}
