package org.espalier.node.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.job.ServedTable;
import org.espalier.protocols.predict.OnlineLogits;

/**
 * What a feature party is asked about one person.
 *
 * @param request names the request among all of the serving: 32 hex digits
 * @param person its place in the request
 * @param tags by rule, null where there is no key
 */
record Question(String request, int person, List<byte[]> tags) {
  /** Questions in one message. */
  static final int MOST = 128;

  static final int MOST_PEOPLE = 100;
  private static final String REQUEST = "[0-9a-f]{32}";

  Question {
    tags = Collections.unmodifiableList(new ArrayList<>(tags));
  }

  byte[] binding() {
    return OnlineLogits.binding(request, person, tags);
  }

  ObjectNode toJson() {
    ObjectNode json = Json.object().put("request", request).put("person", person);
    ArrayNode keys = json.putArray("keys");
    tags.forEach(keys::add);
    return json;
  }

  /**
   * Reads what a partner sent.
   *
   * @param rules of the match key
   * @throws Problem if it is not in order
   */
  static List<Question> read(JsonNode body, int rules) {
    JsonNode all = body.path("questions");
    if (!all.isArray() || all.isEmpty() || all.size() > MOST) {
      throw Problem.refused("1 to " + MOST + " questions are expected");
    }
    List<Question> questions = new ArrayList<>();
    for (JsonNode one : all) {
      String request = one.path("request").asText();
      int person = one.path("person").isInt() ? one.path("person").asInt() : -1;
      JsonNode keys = one.path("keys");
      if (!request.matches(REQUEST)
          || person < 0
          || person >= MOST_PEOPLE
          || keys.size() != rules) {
        throw Problem.refused("a question about a person is malformed");
      }
      List<byte[]> tags = new ArrayList<>();
      keys.forEach(key -> tags.add(tag(key)));
      questions.add(new Question(request, person, tags));
    }
    return questions;
  }

  private static byte[] tag(JsonNode key) {
    if (key.isNull()) {
      return null;
    }
    try {
      byte[] tag = key.isTextual() || key.isBinary() ? key.binaryValue() : null;
      if (tag != null && tag.length == ServedTable.TAG) {
        return tag;
      }
    } catch (IOException notBase64) {
      // Refused below.
    }
    throw Problem.refused("a key of a question is malformed");
  }
}
