package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.espalier.audit.verify.ReceiptContent;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.wire.Encoder;
import org.espalier.wire.Party;
import org.espalier.wire.Printable;

/** What each party signs about an attempt, and the comparison of all of it. */
final class Receipts {
  private Receipts() {}

  static byte[] statement(JsonNode content) {
    return new Encoder()
        .putString("espalier/receipt/1")
        .putBytes(Json.canonical(content))
        .toByteArray();
  }

  /**
   * Takes only what a verifier of the own log will take, too: what is logged once cannot be taken
   * back, and would condemn every export of the job.
   *
   * @return the content
   * @throws Problem if it is no receipt of this job and attempt by that party
   */
  static JsonNode require(Party from, String job, int attempt, JsonNode content) {
    try {
      ReceiptContent.require(content);
    } catch (IllegalArgumentException e) {
      throw Problem.refused("the receipt of " + from + " " + e.getMessage()).at(from).because(e);
    }
    byte[] canonical = Json.canonical(content);
    if (canonical.length > ReceiptContent.MAX_BYTES) {
      throw Problem.refused(
              "the receipt of %s is longer than %d bytes".formatted(from, ReceiptContent.MAX_BYTES))
          .at(from);
    }
    if (!content.path("party").asText().equals(from.name())) {
      throw Problem.refused("the receipt is not signed by " + from);
    }
    if (!content.path("job").asText().equals(job)) {
      throw Problem.refused("the receipt of " + from + " is for another job").at(from);
    }
    if (content.path("attempt").asInt() != attempt) {
      throw Problem.wrongState("the receipt is not for the running attempt");
    }
    return content;
  }

  /**
   * Compares the own receipt with the partners': the same job, the same cohort, and with each
   * partner the same conversation in every phase that either of them names.
   *
   * @throws Problem naming the partner that saw something else
   */
  static void requireAgreement(ObjectNode mine, Map<Party, Jobs.Receipt> all) {
    String self = mine.path("party").asText();
    for (Map.Entry<Party, Jobs.Receipt> entry : all.entrySet()) {
      JsonNode theirs = entry.getValue().content();
      String partner = entry.getKey().name();
      if (partner.equals(self)) {
        continue;
      }
      require(partner, "job", mine.path("spec").equals(theirs.path("spec")));
      require(partner, "cohort", mine.path("alignment").equals(theirs.path("alignment")));
      Set<String> phases = new TreeSet<>();
      mine.path("transcripts").fieldNames().forEachRemaining(phases::add);
      theirs.path("transcripts").fieldNames().forEachRemaining(phases::add);
      for (String phase : phases) {
        JsonNode heard = mine.path("transcripts").path(phase).path(partner);
        JsonNode said = theirs.path("transcripts").path(phase).path(self);
        require(partner, "conversation in phase " + Printable.of(phase), heard.equals(said));
      }
    }
  }

  private static void require(String partner, String what, boolean same) {
    if (!same) {
      throw Problem.of(Problem.Kind.JOB_FAILED, "the receipts name a different " + what)
          .at(new Party(partner));
    }
  }
}
