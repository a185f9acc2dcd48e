package org.espalier.node.daemon;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.verify.DurableFile;
import org.espalier.audit.verify.Evidence;
import org.espalier.audit.verify.TrustedKey;
import org.espalier.audit.witness.Witness;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;
import org.espalier.node.job.JobService.PartnerMethod;
import org.espalier.wire.Party;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * This node as a witness of its partners' logs. A partner, proved by its certificate, can have its
 * own log witnessed and no other; the key of the log is kept from the first time on.
 */
final class WitnessRequests {
  static final String KEY = "witness.key";
  static final String ADD = "witness.add";
  static final String NEWEST = "witness.newest";

  private static final Logger LOG = LoggerFactory.getLogger(WitnessRequests.class);

  private final Witness witness;
  private final Path logs;
  private final Path forks;
  private final Consumer<Party> forked;

  /**
   * @param forked told of a partner whose log has two histories
   */
  WitnessRequests(SiloHome home, NoteSigner signer, Consumer<Party> forked) throws IOException {
    SiloHome.createFolder(home.witness());
    this.logs = logs(home);
    this.witness = new Witness(logs, signer, Clock.systemUTC());
    this.forks = home.witness().resolve("forks");
    this.forked = forked;
  }

  static Path logs(SiloHome home) {
    return home.witness().resolve("logs");
  }

  Map<String, PartnerMethod> partnerMethods() {
    return Map.of(
        KEY, (from, body) -> Json.object().put("key", witness.vkey()),
        ADD, this::add,
        NEWEST, (from, body) -> newest(from));
  }

  /**
   * Puts aside what is remembered of a partner's logs.
   *
   * @return how many
   */
  int forget(Party party) throws IOException {
    int forgotten = 0;
    for (Witness.Seen seen : Witness.all(logs)) {
      if (seen.key().name().startsWith(Witnesses.logs(party))
          && witness.forget(seen.key().name())) {
        forgotten++;
      }
    }
    return forgotten;
  }

  private JsonNode add(Party from, JsonNode body) {
    TrustedKey log = ownLog(from, body.path("log").asText());
    Witness.Answer answer;
    try {
      answer = witness.add(log, body.path("request").asText().getBytes(UTF_8));
    } catch (IOException e) {
      LOG.error("the log of {} cannot be witnessed", from, e);
      throw Problem.refused("what this node remembers of your log cannot be read or written")
          .next("its operator runs silo doctor");
    }
    if (answer.fork() != null) {
      keep(from, answer.fork());
    }
    return Json.object().put("status", answer.status()).put("body", answer.body());
  }

  private static TrustedKey ownLog(Party from, String vkey) {
    try {
      TrustedKey log = TrustedKey.parse(vkey);
      String name = log.name();
      if (name.startsWith(Witnesses.logs(from))
          && name.substring(Witnesses.logs(from).length()).matches("[1-9][0-9]{0,2}")) {
        return log;
      }
    } catch (IllegalArgumentException e) {
      throw Problem.refused("not the key of a log").because(e);
    }
    throw Problem.refused("a partner can have its own log witnessed only");
  }

  /** What this node has signed of the asker's own logs. */
  private JsonNode newest(Party from) {
    ObjectNode answer = Json.object();
    ArrayNode checkpoints = answer.putArray("checkpoints");
    try {
      seen(from).forEach(seen -> checkpoints.add(seen.note()));
      return answer;
    } catch (IOException e) {
      LOG.error("what was seen of the logs of {} cannot be read", from, e);
      throw Problem.refused("what this node remembers of your log cannot be read")
          .next("its operator runs silo doctor");
    }
  }

  /** What this node has seen of a partner's logs, the newest last. */
  List<Witness.Seen> seen(Party party) throws IOException {
    return Witness.all(logs).stream()
        .filter(seen -> seen.key().name().startsWith(Witnesses.logs(party)))
        .toList();
  }

  /** Keeps the proof that a partner's log has two histories, and says so. */
  void keep(Party from, Evidence fork) {
    forked.accept(from);
    LOG.error("the log of {} has two histories: {}", from, fork.text());
    try {
      SiloHome.createFolder(forks);
      DurableFile.replace(
          forks.resolve(from + ".json"), fork.toJson().toPrettyString().getBytes(UTF_8));
    } catch (IOException e) {
      LOG.error("the evidence cannot be kept", e);
    }
  }
}
