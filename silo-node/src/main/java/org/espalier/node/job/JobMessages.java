package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.HexFormat;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.wire.Party;
import org.espalier.wire.Printable;

/** What messages about jobs between nodes, and events of the log, have in common. */
final class JobMessages {
  private static final int MAX_REASON = 500;

  private JobMessages() {}

  /** How a job is named in the log and between nodes. */
  static ObjectNode facts(Job job) {
    return Json.object().put("job", job.id()).put("spec", HexFormat.of().formatHex(job.digest()));
  }

  /** The same, of what a partner did. */
  static ObjectNode by(Party partner, Job job) {
    return facts(job).put("by", partner.name());
  }

  /**
   * @throws Problem if a body means another content than this node knows
   */
  static void requireDigest(Party self, byte[] known, JsonNode body) {
    if (!MessageDigest.isEqual(
        HexFormat.of().formatHex(known).getBytes(StandardCharsets.US_ASCII),
        body.path("spec").asText().getBytes(StandardCharsets.US_ASCII))) {
      throw Problem.refused("mismatched job digest: this is not the job that " + self + " knows")
          .at(self);
    }
  }

  /** What a node sent as bytes; empty if it is no Base64. */
  static byte[] bytes(JsonNode node) {
    try {
      byte[] bytes = node.binaryValue();
      return bytes == null ? Base64.getDecoder().decode(node.asText()) : bytes;
    } catch (IOException | IllegalArgumentException e) {
      return new byte[0];
    }
  }

  /** A reason as people gave it, in visible characters, of bounded length. */
  static String bounded(String reason) {
    String s = Printable.of(reason == null ? "" : reason);
    return s.length() > MAX_REASON ? s.substring(0, MAX_REASON) : s;
  }
}
