package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.wire.Encoder;
import org.espalier.wire.Party;

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
   * Compares the own receipt with the partners': the same job, the same cohort, and with each
   * partner the same conversation in every phase.
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
      for (Map.Entry<String, JsonNode> phase : mine.path("transcripts").properties()) {
        JsonNode heard = phase.getValue().path(partner);
        JsonNode said = theirs.path("transcripts").path(phase.getKey()).path(self);
        require(partner, "conversation in phase " + phase.getKey(), heard.equals(said));
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
