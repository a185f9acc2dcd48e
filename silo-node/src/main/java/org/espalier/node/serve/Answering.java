package org.espalier.node.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.function.BooleanSupplier;
import org.espalier.node.config.Json;
import org.espalier.node.job.ServedTable;
import org.espalier.protocols.fixedpoint.Ring;
import org.espalier.protocols.predict.OnlineLogits;

/**
 * A feature party's side of one serving. Every question counts against the quota before anything is
 * looked up, those about unknown people included, and is on record before its answer leaves.
 */
final class Answering {
  static final String UNKNOWN = "unknown";
  static final String REPEATED = "repeated";
  static final String NOTHING = "nothing";
  static final String QUOTA = "quota";
  private static final String ANSWERED = "answered";
  private static final String RANGE = "range";

  private final ServedTable table;
  private final Ledger ledger;
  private final Pairs pairs;
  private final BooleanSupplier tellUnknown;

  /**
   * @param tellUnknown whether the policy in force lets the label party learn who is unknown here
   */
  Answering(ServedTable table, Ledger ledger, Pairs pairs, BooleanSupplier tellUnknown) {
    this.table = table;
    this.ledger = ledger;
    this.pairs = pairs;
    this.tellUnknown = tellUnknown;
  }

  Pairs pairs() {
    return pairs;
  }

  /**
   * {@code seeds{party}, answers[{part, rule} or {no}]}.
   *
   * @throws org.espalier.node.Problem if nothing can be answered
   */
  ObjectNode answer(JsonNode body) {
    Pairs.Masks masks = pairs.masks();
    ObjectNode reply = Json.object();
    reply.set("seeds", Json.tree(masks.seeds()));
    ArrayNode answers = reply.putArray("answers");
    for (Question question : Question.read(body, table.ruleCount())) {
      ObjectNode answer = answers.addObject();
      String outcome = ledger.take() ? answer(question, masks, answer) : QUOTA;
      ledger.record(question.request(), question.person(), question.tags(), outcome);
      if (!outcome.equals(ANSWERED)) {
        boolean told = tellUnknown.getAsBoolean() || outcome.equals(QUOTA);
        answer.put("no", told ? outcome : NOTHING);
      }
    }
    return reply;
  }

  private String answer(Question question, Pairs.Masks masks, ObjectNode answer) {
    ServedTable.Found found = table.find(question.tags());
    if (found.isUnknown()) {
      return UNKNOWN;
    }
    if (found.repeated()) {
      return REPEATED;
    }
    int featureParties = table.spec().parties().size() - 1;
    try {
      long part =
          OnlineLogits.masked(
              masks.zeroSum(), found.part(), featureParties, question.person(), question.binding());
      answer.put("part", part).put("rule", found.rule());
      return ANSWERED;
    } catch (Ring.RangeError e) {
      return RANGE;
    }
  }
}
