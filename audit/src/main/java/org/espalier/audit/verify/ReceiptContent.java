package org.espalier.audit.verify;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What a party signs at the end of an attempt. A node takes up only what has this form, and a
 * verifier reads only that: so no partner can have a node log a receipt that condemns the node's
 * own export later.
 */
public final class ReceiptContent {
  /** Longest content, as its canonical bytes: in Base64 it fits the file of a receipt. */
  public static final int MAX_BYTES = 512 << 10;

  private static final int MAX_NESTING = 8;
  private static final int MAX_NUMBER = 20;

  private static final Set<String> FIELDS =
      Set.of("job", "attempt", "spec", "party", "alignment", "transcripts", "bytes", "checkpoint");

  private static final Pattern TEXT = Pattern.compile("[A-Za-z0-9+/=:._-]{1,200}");
  private static final Pattern PHASE = Pattern.compile("[a-z0-9][a-z0-9._-]{0,127}");
  private static final Pattern PARTY = Pattern.compile("[a-z0-9][a-z0-9.-]{0,62}");
  private static final Pattern HASH = Pattern.compile("[0-9a-f]{64}");

  private static final JsonMapper MAPPER = StrictJson.mapper(MAX_BYTES, MAX_NESTING, MAX_NUMBER);

  private ReceiptContent() {}

  /** Reads what was signed; null if it is no receipt's content. */
  static JsonNode read(byte[] json) {
    if (json.length > MAX_BYTES) {
      return null;
    }
    try {
      JsonNode content = MAPPER.readTree(json);
      require(content);
      return content;
    } catch (IOException | IllegalArgumentException e) {
      return null;
    }
  }

  /**
   * Checks the form. Who signed it, for which job and attempt, and how long its canonical bytes
   * are, is for the caller to check.
   *
   * @throws IllegalArgumentException if this is no receipt's content; says what is wrong, and
   *     nothing of what somebody sent
   */
  public static void require(JsonNode content) {
    fields("receipt", content, FIELDS);
    require(matches(content.path("job"), TEXT), "names no job");
    require(matches(content.path("spec"), TEXT), "names no specification");
    require(matches(content.path("party"), PARTY), "names no party");
    JsonNode attempt = content.path("attempt");
    require(
        attempt.isIntegralNumber()
            && attempt.canConvertToInt()
            && attempt.asInt() > 0
            && attempt.asInt() <= Claim.MAX_ATTEMPT,
        "names no attempt");
    if (content.has("alignment")) {
      JsonNode alignment = content.get("alignment");
      fields("alignment", alignment, Set.of("size", "digest", "cohort"));
      require(natural(alignment.path("size")), "holds no size of a cohort");
      require(
          matches(alignment.path("digest"), TEXT) && matches(alignment.path("cohort"), TEXT),
          "holds no digest of a cohort");
    }
    JsonNode transcripts = content.path("transcripts");
    require(transcripts.isObject(), "holds no conversations");
    for (Map.Entry<String, JsonNode> phase : transcripts.properties()) {
      require(
          PHASE.matcher(phase.getKey()).matches() && phase.getValue().isObject(),
          "names what is no phase");
      for (Map.Entry<String, JsonNode> heard : phase.getValue().properties()) {
        require(
            PARTY.matcher(heard.getKey()).matches() && matches(heard.getValue(), HASH),
            "holds what is no hash of a conversation");
      }
    }
    if (content.has("bytes")) {
      require(content.get("bytes").isObject(), "holds no numbers of bytes");
      for (Map.Entry<String, JsonNode> party : content.get("bytes").properties()) {
        fields("number of bytes", party.getValue(), Set.of("sent", "received"));
        require(
            PARTY.matcher(party.getKey()).matches()
                && natural(party.getValue().path("sent"))
                && natural(party.getValue().path("received")),
            "holds what is no number of bytes");
      }
    }
    if (content.has("checkpoint")) {
      JsonNode checkpoint = content.get("checkpoint");
      fields("checkpoint", checkpoint, Set.of("origin", "size", "root"));
      require(
          matches(checkpoint.path("origin"), TEXT)
              && natural(checkpoint.path("size"))
              && matches(checkpoint.path("root"), TEXT),
          "holds what is no checkpoint");
    }
  }

  private static void fields(String what, JsonNode object, Set<String> known) {
    require(object != null && object.isObject(), "holds no " + what);
    for (Map.Entry<String, JsonNode> field : object.properties()) {
      require(known.contains(field.getKey()), "has a field of no meaning in its " + what);
    }
  }

  private static boolean natural(JsonNode value) {
    return value.isIntegralNumber() && value.canConvertToLong() && value.asLong() >= 0;
  }

  private static boolean matches(JsonNode value, Pattern pattern) {
    return value.isTextual() && pattern.matcher(value.asText()).matches();
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalArgumentException(otherwise);
    }
  }
}
