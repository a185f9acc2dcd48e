package org.espalier.node.link;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.StreamWriteConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import org.espalier.wire.Decoder;
import org.espalier.wire.Encoder;
import org.espalier.wire.MalformedMessageException;

/** The bytes of the control plane: {@code kind (u8) ‖ request id (i64)} and what belongs to it. */
final class ControlMessages {
  /** Largest JSON text. */
  static final int MAX_JSON = 1 << 20;

  private static final int MAX_DEPTH = 32;
  private static final int MAX_NUMBER = 100;
  private static final int MAX_NAME = 256;

  /** Decimal places before or after the point: enough for every double. */
  private static final int MAX_SCALE = 400;

  /** Largest whole message. */
  static final int MAX = MAX_JSON + 1024;

  private static final int REQUEST = 1;
  private static final int ANSWER = 2;
  private static final int REFUSAL = 3;
  private static final int MAX_CODE = 48;
  private static final int MAX_REASON = 8000;

  private static final JsonMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(MAX_DEPTH)
                          .maxDocumentLength(MAX_JSON)
                          .maxNumberLength(MAX_NUMBER)
                          .maxStringLength(MAX_JSON)
                          .maxNameLength(MAX_NAME)
                          .build())
                  .streamWriteConstraints(
                      StreamWriteConstraints.builder().maxNestingDepth(MAX_DEPTH).build())
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .build())
          .enable(
              DeserializationFeature.FAIL_ON_TRAILING_TOKENS,
              DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .build();

  private ControlMessages() {}

  /** What a partner sent. */
  sealed interface Message {
    long id();
  }

  record Request(long id, String method, JsonNode body) implements Message {}

  record Answer(long id, JsonNode body) implements Message {}

  record Refused(long id, Refusal refusal) implements Message {}

  /**
   * @throws IllegalArgumentException if the JSON is not such that a partner reads it: too large,
   *     too deep, or with longer numbers or names
   */
  static byte[] request(long id, String method, JsonNode body) {
    return new Encoder()
        .putByte(REQUEST)
        .putLong(id)
        .putString(method)
        .putBytes(json(body))
        .toByteArray();
  }

  /**
   * @throws IllegalArgumentException as {@link #request}
   */
  static byte[] answer(long id, JsonNode body) {
    return new Encoder().putByte(ANSWER).putLong(id).putBytes(json(body)).toByteArray();
  }

  static byte[] refusal(long id, Refusal refusal) {
    return new Encoder()
        .putByte(REFUSAL)
        .putLong(id)
        .putString(refusal.code())
        .putString(refusal.getMessage())
        .toByteArray();
  }

  private static byte[] json(JsonNode body) {
    requireReadable(body);
    byte[] bytes;
    try {
      bytes = JSON.writeValueAsBytes(body);
    } catch (IOException e) {
      throw new IllegalArgumentException("cannot be written as JSON: " + e.getMessage(), e);
    }
    if (bytes.length > MAX_JSON) {
      throw new IllegalArgumentException(
          bytes.length + " bytes of JSON, at most " + MAX_JSON + " fit one message");
    }
    return bytes;
  }

  /** What a partner would not read costs the link: it is not sent. */
  private static void requireReadable(JsonNode node) {
    boolean unbounded = node.isBigDecimal() || node.isBigInteger();
    if (unbounded && (node.asText().length() > MAX_NUMBER || beyondAllBounds(node))) {
      throw new IllegalArgumentException(
          "a number is longer than the " + MAX_NUMBER + " characters that fit one message");
    }
    node.fieldNames()
        .forEachRemaining(
            name -> {
              if (name.length() > MAX_NAME) {
                throw new IllegalArgumentException(
                    "a name is longer than the " + MAX_NAME + " characters that fit one message");
              }
            });
    node.forEach(ControlMessages::requireReadable);
  }

  private static boolean beyondAllBounds(JsonNode node) {
    return node.isBigDecimal() && Math.abs((long) node.decimalValue().scale()) > MAX_SCALE;
  }

  /**
   * @throws MalformedMessageException if it is not exactly one message with bounded JSON
   */
  static Message decode(byte[] message) {
    Decoder in = new Decoder(message);
    int kind = in.getByte("kind");
    long id = in.getLong("id");
    Message result =
        switch (kind) {
          case REQUEST -> new Request(id, method(in), parse(in.getBytes("body", MAX_JSON)));
          case ANSWER -> new Answer(id, parse(in.getBytes("body", MAX_JSON)));
          case REFUSAL -> new Refused(id, refusal(in));
          default -> throw new MalformedMessageException("control message of kind " + kind);
        };
    in.expectEnd();
    return result;
  }

  private static String method(Decoder in) {
    String method = in.getString("method", Names.MAX);
    if (!Names.isMethod(method)) {
      throw new MalformedMessageException("method name");
    }
    return method;
  }

  private static Refusal refusal(Decoder in) {
    String code = in.getString("code", MAX_CODE);
    String message = in.getString("message", MAX_REASON);
    try {
      return new Refusal(code, message);
    } catch (IllegalArgumentException e) {
      throw new MalformedMessageException("refusal code");
    }
  }

  /** {@code 1e999999999} is short here and endless once somebody writes it out. */
  private static void requireSmallExponents(JsonNode node) {
    if (beyondAllBounds(node)) {
      throw new MalformedMessageException("a number beyond all bounds");
    }
    node.forEach(ControlMessages::requireSmallExponents);
  }

  private static JsonNode parse(byte[] json) {
    try {
      JsonNode node = JSON.readTree(json);
      if (node.isMissingNode()) {
        throw new MalformedMessageException("empty JSON");
      }
      requireSmallExponents(node);
      return node;
    } catch (IOException e) {
      throw new MalformedMessageException("control JSON: " + e.getClass().getSimpleName());
    }
  }
}
