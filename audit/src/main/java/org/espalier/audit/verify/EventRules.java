package org.espalier.audit.verify;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What an event must look like at its place, in the order of the log. Remembers the intents that
 * have no outcome yet.
 */
final class EventRules {
  /** Longest event in bytes. */
  static final int MAX_BYTES = 16 * 1024;

  /** How events of a type may occur. */
  enum Form {
    FACT,
    ACT,
    EITHER,
    RESULT
  }

  /** A type of the catalogue with the fields it needs. */
  record Type(String name, Form form, List<String> required) {}

  private static final String CATALOGUE =
      """
      log.continued FACT tree peer_checkpoint reason approvals
      node.started FACT node
      node.stopped FACT
      command ACT actor command
      partner.invited EITHER partner
      partner.accepted EITHER partner
      partner.confirmed EITHER partner
      partner.revoked EITHER partner
      dataset.added EITHER inputs
      dataset.removed EITHER inputs
      job.proposed EITHER job
      job.approved EITHER job approvals
      job.denied EITHER job
      job.abort EITHER job
      job.started ACT job
      job.finished RESULT job
      job.failed RESULT job
      job.aborted RESULT job
      phase.started ACT job step
      phase.finished RESULT job step transcripts traffic
      reveal ACT job outputs recipients
      disclosure.pass FACT job protocol inputs recipients
      disclosure.alignment FACT job protocol inputs recipients
      match.dry-run ACT job protocol inputs recipients
      predict ACT job
      scoring.started FACT job protocol inputs recipients
      scoring.reserved FACT job protocol recipients
      scoring.answered FACT job protocol recipients
      model.shown EITHER job
      result.shown EITHER job
      receipt EITHER job partner receipt
      request.denied FACT rule requests
      key.rotate EITHER before after
      checkpoint.signed FACT tree
      checkpoint.stamped FACT tree stamp
      log.pruned FACT reason pruned
      erasure.done FACT actor reason erasure
      audit.exported ACT job export
      audit.reviewed EITHER actor
      """;

  /** Types of outcomes of acts whose outcome has another type; elsewhere it is the same. */
  private static final Map<String, Map<String, String>> CLOSED_BY =
      Map.of(
          "phase.started",
          Map.of(
              "ok", "phase.finished",
              "denied", "phase.finished",
              "failed", "phase.finished",
              "aborted", "phase.finished"),
          "job.started",
          Map.of(
              "ok", "job.finished",
              "denied", "job.denied",
              "failed", "job.failed",
              "aborted", "job.aborted"));

  private static final Set<String> FIELDS =
      Set.of(
          ("v seq id type phase ref outcome time boot mono step reason rule before after command"
                  + " requests clock actor approvals node purpose legal_basis agreement dpia"
                  + " data_subjects data_categories transfer retention partner recipients"
                  + " peer_event transcripts receipt peer_checkpoint traffic job protocol inputs"
                  + " outputs rows privacy tree export stamp pruned erasure")
              .split(" "));

  private static final Set<String> OUTCOMES = Set.of("ok", "denied", "failed", "aborted");
  private static final Pattern ID = Pattern.compile("[0-9a-f]{32}");
  private static final Pattern BOOT = Pattern.compile("[0-9a-f]{16}");
  private static final Map<String, Type> TYPES = catalogue();

  static final JsonMapper MAPPER = StrictJson.mapper(MAX_BYTES, 16, 100);

  /** An event that follows the rules. */
  record Checked(long seq, JsonNode json) {
    String type() {
      return json.path("type").asText();
    }

    String phase() {
      return json.path("phase").asText();
    }

    String job() {
      return json.path("job").path("id").asText();
    }

    long time() {
      return json.path("time").asLong();
    }

    long mono() {
      return json.path("mono").asLong();
    }

    String boot() {
      return json.path("boot").asText();
    }
  }

  /** An event that does not follow the rules; the message says which. */
  static final class BrokenRuleException extends Exception {
    private static final long serialVersionUID = 1;

    BrokenRuleException(String message) {
      super(message);
    }
  }

  private final Map<Long, String> openIntents = new HashMap<>();
  private long pruned;

  /** Events before an index are not there, so that what is said of them cannot be checked. */
  void pruned(long before) {
    pruned = before;
  }

  /** The closed catalogue by name. */
  static Map<String, Type> types() {
    return TYPES;
  }

  /** Number of intents without an outcome so far. */
  int open() {
    return openIntents.size();
  }

  /**
   * Checks the next event.
   *
   * @param seq index of the leaf
   */
  Checked check(long seq, byte[] bytes) throws BrokenRuleException {
    Checked event = checkAlone(seq, bytes);
    checkPhase(seq, event.json(), TYPES.get(event.type()));
    return event;
  }

  /** Checks an event that was kept without those around it. */
  Checked checkAlone(long seq, byte[] bytes) throws BrokenRuleException {
    JsonNode json = parse(bytes);
    require(json.path("v").isInt() && json.path("v").asInt() == 1, "is not of version 1");
    JsonNode stated = json.path("seq");
    require(stated.isIntegralNumber() && stated.canConvertToLong(), "does not state its number");
    if (stated.asLong() != seq) {
      throw new BrokenRuleException(
          "states that it is event "
              + stated.asLong()
              + ": an event was removed, inserted, moved or doubled");
    }
    require(matches(json, "id", ID), "has no identifier");
    require(matches(json, "boot", BOOT), "does not name the run of the process");
    require(natural(json, "time") && natural(json, "mono"), "states no time");
    for (var names = json.fieldNames(); names.hasNext(); ) {
      String name = names.next();
      if (!FIELDS.contains(name)) {
        throw new BrokenRuleException("has a field of no meaning: " + Texts.shown(name));
      }
    }
    Type type = TYPES.get(json.path("type").asText());
    if (type == null) {
      throw new BrokenRuleException(
          "is of no type of the catalogue: " + Texts.shown(json.path("type").asText()));
    }
    require(
        seq == 0 || !type.name.equals("log.continued"),
        "says that a log begins, in the middle of one");
    return new Checked(seq, json);
  }

  private void checkPhase(long seq, JsonNode json, Type type) throws BrokenRuleException {
    String outcome = json.path("outcome").asText();
    boolean complete = true;
    switch (json.path("phase").asText()) {
      case "fact" -> {
        require(type.form == Form.FACT || type.form == Form.EITHER, "cannot be a fact");
        require(!json.has("ref"), "is a fact but refers to another event");
        require(
            type.name.equals("request.denied") ? outcome.equals("denied") : !json.has("outcome"),
            "is a fact with an outcome that its type has not");
      }
      case "intent" -> {
        require(type.form == Form.ACT || type.form == Form.EITHER, "cannot be an intent");
        require(!json.has("ref") && !json.has("outcome"), "is an intent but has an outcome");
        openIntents.put(seq, type.name);
      }
      case "outcome" -> {
        require(OUTCOMES.contains(outcome), "has no outcome of the four");
        require(natural(json, "ref"), "is an outcome but does not say of what");
        long ref = json.path("ref").asLong();
        String intent = openIntents.remove(ref);
        if (intent == null && ref < pruned) {
          break;
        }
        require(
            intent != null,
            "is the outcome of event "
                + ref
                + ", which is not an intent before it, or has its outcome already");
        String closing = CLOSED_BY.getOrDefault(intent, Map.of()).getOrDefault(outcome, intent);
        require(type.name.equals(closing), "cannot be the outcome of event " + ref + ", " + intent);
        complete = type.form == Form.RESULT && outcome.equals("ok");
      }
      default -> throw new BrokenRuleException("is neither fact nor intent nor outcome");
    }
    for (String name : type.required) {
      require(!complete || json.has(name), "lacks the field " + name);
    }
  }

  private static JsonNode parse(byte[] bytes) throws BrokenRuleException {
    require(bytes.length <= MAX_BYTES, "is longer than " + MAX_BYTES + " bytes");
    String text = Texts.utf8(bytes);
    require(text != null, "is not UTF-8");
    for (int i = 0; i < text.length(); ) {
      int c = text.codePointAt(i);
      require(!Texts.invisible(c), "holds a character that is not visible");
      i += Character.charCount(c);
    }
    JsonNode json;
    try {
      json = MAPPER.readTree(text);
    } catch (IOException e) {
      throw new BrokenRuleException("is not JSON");
    }
    require(json != null && json.isObject(), "is not a JSON object");
    require(!hasFloat(json), "holds a number that is not an integer");
    return json;
  }

  private static boolean hasFloat(JsonNode json) {
    if (json.isContainerNode()) {
      for (JsonNode child : json) {
        if (hasFloat(child)) {
          return true;
        }
      }
    }
    return json.isFloatingPointNumber();
  }

  private static boolean matches(JsonNode json, String field, Pattern pattern) {
    return json.path(field).isTextual() && pattern.matcher(json.path(field).asText()).matches();
  }

  private static boolean natural(JsonNode json, String field) {
    JsonNode value = json.path(field);
    return value.isIntegralNumber() && value.canConvertToLong() && value.asLong() >= 0;
  }

  private static void require(boolean holds, String otherwise) throws BrokenRuleException {
    if (!holds) {
      throw new BrokenRuleException(otherwise);
    }
  }

  private static Map<String, Type> catalogue() {
    Map<String, Type> types = new HashMap<>();
    for (String line : CATALOGUE.strip().split("\n", -1)) {
      List<String> words = List.of(line.strip().split(" ", -1));
      List<String> required = words.subList(2, words.size());
      types.put(words.get(0), new Type(words.get(0), Form.valueOf(words.get(1)), required));
    }
    return Map.copyOf(types);
  }
}
