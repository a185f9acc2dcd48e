package org.espalier.node.daemon;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.espalier.audit.event.Actor;
import org.espalier.audit.event.EventType;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.LogReader;
import org.espalier.audit.merkle.ProofBuilder;
import org.espalier.audit.verify.Claim;
import org.espalier.audit.verify.Evidence;
import org.espalier.audit.verify.ProvenClaims;
import org.espalier.audit.verify.Reconciler;
import org.espalier.audit.verify.Reconciliation;
import org.espalier.audit.verify.TreeHead;
import org.espalier.audit.verify.TrustedKey;
import org.espalier.audit.verify.Verdict;
import org.espalier.audit.witness.Witness;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.job.Job;
import org.espalier.node.job.JobService.PartnerMethod;
import org.espalier.node.job.Jobs;
import org.espalier.node.job.Peers;
import org.espalier.wire.Party;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Holds this node's log against its partners'. A partner is told what this node's log says of the
 * jobs with it, each word with a proof under the log's signature, and nothing of other jobs or of
 * what only this party may know: of phases the hash of the conversation alone.
 */
final class Reconciling {
  static final String CLAIMS = "audit.claims";

  private static final Logger LOG = LoggerFactory.getLogger(Reconciling.class);
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  /** How often at most it is logged that a partner asks. */
  private static final Duration NOTED = Duration.ofMinutes(1);

  /** Characters of an answer: a message holds 1 MiB. */
  private static final int MAX_ANSWER = 600_000;

  private static final int MAX_CLAIMS = 200_000;

  private final SharedHistory history;
  private final AuditLog log;
  private final AuditJournal journal;
  private final WitnessRequests witnessing;
  private final Peers peers;
  private final Supplier<List<Party>> partners;
  private final Clock clock;
  private final Map<Party, Instant> noted = new HashMap<>();

  /**
   * @param partners those that are confirmed
   */
  Reconciling(
      AuditLog log,
      AuditJournal journal,
      Jobs jobs,
      WitnessRequests witnessing,
      Peers peers,
      Supplier<List<Party>> partners) {
    this.history = new SharedHistory(log, jobs);
    this.log = log;
    this.journal = journal;
    this.witnessing = witnessing;
    this.peers = peers;
    this.partners = partners;
    this.clock = Clock.systemUTC();
  }

  // ---- what partners' nodes ask ---------------------------------------------------------------

  Map<String, PartnerMethod> partnerMethods() {
    return Map.of(CLAIMS, this::tell);
  }

  private synchronized JsonNode tell(Party from, JsonNode body) {
    Args args = new Args(body);
    String job = args.optional("job").orElse(null);
    if (job != null && !job.matches(Job.ID)) {
      throw Args.usage("job is no job id");
    }
    long after = args.number("after", -1, -1, Long.MAX_VALUE);
    long seen = args.number("seen", 0, 0, Long.MAX_VALUE);
    note(from);
    try {
      TreeHead head = head();
      LogReader reader = log.reader();
      ProofBuilder proofs = new ProofBuilder(reader);
      ObjectNode answer = Json.object().put("checkpoint", head.note().whole());
      if (seen > 0 && seen < head.size()) {
        base64(proofs.consistency(seen, head.size()), answer.putArray("consistency"));
      }
      ArrayNode claims = answer.putArray("claims");
      int length = 0;
      for (Claim claim : history.claims(from, job)) {
        if (claim.seq() <= after || claim.seq() >= head.size()) {
          continue;
        }
        if (claims.size() == ProvenClaims.MAX || length > MAX_ANSWER) {
          return answer.put("more", true);
        }
        ObjectNode one =
            ProvenClaims.toJson(
                claim,
                reader.event(claim.seq()).bytes(),
                proofs.inclusion(claim.seq(), head.size()));
        length += Json.write(one).length();
        claims.add(one);
      }
      return answer.put("more", false);
    } catch (IOException e) {
      LOG.error("what the log says of jobs with {} cannot be told", from, e);
      throw Problem.refused("this node's log cannot be read").next("its operator runs silo doctor");
    }
  }

  /** The newest checkpoint; a new one if it does not hold all that is to be told. */
  private TreeHead head() throws IOException {
    String note = log.reader().checkpoint().orElse("");
    TreeHead head = TreeHead.checkpoint(note.getBytes(UTF_8));
    if (head != null && head.size() > history.newest()) {
      return head;
    }
    journal.checkpoint();
    head = TreeHead.checkpoint(log.reader().checkpoint().orElse("").getBytes(UTF_8));
    if (head == null) {
      throw new IOException("the checkpoint of the audit log cannot be read");
    }
    return head;
  }

  private void note(Party from) {
    Instant now = clock.instant();
    Instant last = noted.get(from);
    if (last == null || Duration.between(last, now).abs().compareTo(NOTED) > 0) {
      journal.fact(
          EventType.AUDIT_REVIEWED,
          e -> e.actor(Actor.of(Actor.Kind.PARTNER, from.name(), "mtls")));
      noted.put(from, now);
    }
  }

  private static void base64(List<byte[]> hashes, ArrayNode array) {
    hashes.forEach(hash -> array.add(Base64.getEncoder().encodeToString(hash)));
  }

  // ---- what the operator asks -----------------------------------------------------------------

  /** With one partner, or with all that are confirmed. */
  JsonNode reconcile(Args args) {
    String job = args.optional("job").orElse(null);
    if (job != null && !job.matches(Job.ID)) {
      throw Args.usage("job is no job id");
    }
    Map<String, String> arguments = new LinkedHashMap<>();
    args.optional("partner").ifPresent(name -> arguments.put("partner", name));
    if (job != null) {
      arguments.put("job", job);
    }
    return journal.command(
        "audit.reconcile",
        arguments,
        () -> {
          ObjectNode all = Json.object();
          ArrayNode results = all.putArray("results");
          if (arguments.containsKey("partner")) {
            results.add(with(args.party("partner"), job).toJson());
            return all;
          }
          for (Party partner : partners.get()) {
            try {
              results.add(with(partner, job).toJson());
            } catch (Problem e) {
              results.addObject().put("theirs", partner.name()).set("problem", e.toJson());
            }
          }
          return all;
        });
  }

  private Reconciliation with(Party partner, String job) {
    peers.requirePartner(partner);
    try {
      return compare(partner, job);
    } catch (IOException e) {
      throw Problem.refused("the logs cannot be compared").detail(e.getMessage()).because(e);
    }
  }

  private Reconciliation compare(Party partner, String job) throws IOException {
    List<Claim> before = history.claims(partner, job);
    List<Claim> told = new ArrayList<>();
    Witness.Seen seen = null;
    TreeHead head = null;
    ObjectNode body = Json.object().put("job", job);
    for (boolean more = true; more; ) {
      body.put("after", told.isEmpty() ? -1 : told.get(told.size() - 1).seq());
      if (head == null) {
        witnessing.seen(partner).stream()
            .reduce((older, newer) -> newer)
            .ifPresent(s -> body.put("seen", s.size()));
      } else {
        body.put("seen", head.size());
      }
      JsonNode answer = peers.request(partner, CLAIMS, body, PATIENCE);
      TreeHead now = TreeHead.checkpoint(answer.path("checkpoint").asText().getBytes(UTF_8));
      if (head == null) {
        seen = seen(partner, now);
      }
      TrustedKey key = seen.key();
      if (!ProvenClaims.isSigned(now, key)) {
        return failed(
            partner,
            Verdict.KEY_NOT_TRUSTED,
            "its log is not signed by the key under which this node knows it, " + key.idText());
      }
      TreeHead earlier =
          head != null
              ? head
              : seen.size() == 0 ? null : TreeHead.checkpoint(seen.note().getBytes(UTF_8));
      Reconciliation contradiction = contradiction(partner, key, earlier, now, answer);
      if (contradiction != null) {
        return contradiction;
      }
      head = now;
      List<Claim> page;
      try {
        page = ProvenClaims.read(answer.path("claims"), now);
      } catch (IllegalArgumentException e) {
        return failed(partner, Verdict.ALTERED, e.getMessage());
      }
      for (Claim claim : page) {
        if ((job != null && !claim.job().equals(job))
            || claim.seq() <= body.path("after").asLong()) {
          return failed(partner, Verdict.ALTERED, "it answers what was not asked");
        }
        told.add(claim);
      }
      more = answer.path("more").asBoolean() && !page.isEmpty();
      if (told.size() > MAX_CLAIMS) {
        throw Problem.refused("there are too many jobs with " + partner + " to compare at once")
            .next("silo audit reconcile " + partner + " --job J-...");
      }
    }
    return Reconciler.live(
        peers.self().name(),
        partner.name(),
        before,
        history.claims(partner, job),
        told,
        head,
        clock.instant());
  }

  /** What this node has seen of the log that a partner shows. */
  private Witness.Seen seen(Party partner, TreeHead shown) throws IOException {
    List<Witness.Seen> logs = witnessing.seen(partner);
    for (Witness.Seen log : logs) {
      if (shown != null && log.key().name().equals(shown.origin())) {
        return log;
      }
    }
    if (!logs.isEmpty()) {
      return logs.get(logs.size() - 1);
    }
    throw Problem.wrongState("this node does not know the key of " + partner + "'s log yet")
        .at(partner)
        .detail("it comes with the first checkpoint that " + partner + " has signed here")
        .next("silo audit witness --now at " + partner);
  }

  /** What is wrong with how a partner's log has come on, or null. */
  private Reconciliation contradiction(
      Party partner, TrustedKey key, TreeHead earlier, TreeHead now, JsonNode answer) {
    if (earlier == null) {
      return null;
    }
    if (now.size() < earlier.size()) {
      return failed(
          partner,
          Verdict.TRUNCATED,
          "its log has %d events; this node has signed that it had %d"
              .formatted(now.size(), earlier.size()));
    }
    if (ProvenClaims.continues(earlier, now, answer.path("consistency"))) {
      return null;
    }
    String text =
        "its log of %d events is no continuation of the %d that this node has signed"
            .formatted(now.size(), earlier.size());
    witnessing.keep(
        partner,
        new Evidence(key.name(), key.toString(), earlier.note().whole(), now.note().whole(), text));
    return failed(partner, Verdict.FORK, text);
  }

  private Reconciliation failed(Party partner, Verdict verdict, String text) {
    return new Reconciliation(
        peers.self().name(),
        partner.name(),
        0,
        0,
        List.of(
            new Reconciliation.Difference(
                verdict, "", partner.name(), -1, "", partner + ": " + text)),
        List.of());
  }
}
