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
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Supplier;
import org.espalier.audit.event.Actor;
import org.espalier.audit.event.EventBuilder;
import org.espalier.audit.event.EventType;
import org.espalier.audit.export.JobExport;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.LogReader;
import org.espalier.audit.log.LoggedEvent;
import org.espalier.audit.merkle.ProofBuilder;
import org.espalier.audit.verify.Claim;
import org.espalier.audit.verify.Evidence;
import org.espalier.audit.verify.ExportRehearsal;
import org.espalier.audit.verify.ProvenClaims;
import org.espalier.audit.verify.Reconciler;
import org.espalier.audit.verify.Reconciliation;
import org.espalier.audit.verify.TreeHead;
import org.espalier.audit.verify.TrustedKey;
import org.espalier.audit.verify.Verdict;
import org.espalier.audit.witness.Witness;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.identity.IdentityKey;
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

  /** For all that one partner says, however many pages it makes of it. */
  private static final Duration COMPARING = Duration.ofMinutes(10);

  /** For what all partners say of a job that is exported. */
  private static final Duration EXPORTING = Duration.ofSeconds(60);

  /** How often at most it is logged that a partner asks. */
  private static final Duration NOTED = Duration.ofMinutes(1);

  /** Characters of an answer: a message holds 1 MiB. */
  private static final int MAX_ANSWER = 600_000;

  private static final int MAX_CLAIMS = 200_000;

  /** That a partner can have had one after another; far more than keys are changed. */
  private static final int MAX_LOGS = 1000;

  private static final int MAX_LOG_NAME = 200;

  /** By the name of the log, oldest first; the last one is that which is written. */
  private final LinkedHashMap<String, SharedHistory> histories = new LinkedHashMap<>();

  private final String current;
  private final AuditJournal journal;
  private final WitnessRequests witnessing;
  private final Peers peers;
  private final Supplier<List<Party>> partners;
  private final Jobs jobs;
  private final Function<Party, Optional<IdentityKey>> identities;
  private final Clock clock;
  private final Map<Party, Instant> noted = new HashMap<>();

  /**
   * @param frozen logs that this one continues, oldest first
   * @param partners those that are confirmed
   * @param identities of partners and of this node
   */
  Reconciling(
      AuditLog log,
      List<LogReader> frozen,
      AuditJournal journal,
      Jobs jobs,
      WitnessRequests witnessing,
      Peers peers,
      Supplier<List<Party>> partners,
      Function<Party, Optional<IdentityKey>> identities) {
    this.jobs = jobs;
    this.identities = identities;
    for (LogReader each : frozen) {
      histories.put(each.origin(), new SharedHistory(() -> each, jobs));
    }
    this.current = log.origin();
    histories.put(current, new SharedHistory(log::reader, jobs));
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
    String origin = args.optional("log").orElse(current);
    SharedHistory history = histories.get(origin);
    if (history == null) {
      throw Problem.notFound("this node has no such log");
    }
    note(from);
    try {
      TreeHead head = head(origin, history);
      LogReader reader = history.reader();
      ProofBuilder proofs = new ProofBuilder(reader);
      ObjectNode answer = Json.object().put("checkpoint", head.note().whole());
      histories.keySet().forEach(answer.putArray("logs")::add);
      if (seen > 0 && seen < head.size()) {
        base64(proofs.consistency(seen, head.size()), answer.putArray("consistency"));
      }
      Optional<LoggedEvent> pruned = history.pruned();
      if (pruned.isPresent() && pruned.get().seq() < head.size()) {
        long seq = pruned.get().seq();
        answer.set(
            "pruned",
            ProvenClaims.pruned(seq, pruned.get().bytes(), proofs.inclusion(seq, head.size())));
      }
      ArrayNode claims = answer.putArray("claims");
      int length = 0;
      for (Claim claim : history.claims(from, job, after)) {
        if (claim.seq() >= head.size()) {
          break;
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
  private TreeHead head(String origin, SharedHistory history) throws IOException {
    TreeHead head = head(history);
    if (head != null && (head.size() > history.newest() || !origin.equals(current))) {
      return head;
    }
    journal.checkpoint();
    head = head(history);
    if (head == null) {
      throw new IOException("the checkpoint of the audit log cannot be read");
    }
    return head;
  }

  private static TreeHead head(SharedHistory history) throws IOException {
    return TreeHead.checkpoint(history.reader().checkpoint().orElse("").getBytes(UTF_8));
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

  /**
   * What a partner said, or what was wrong with it.
   *
   * @param claims of it; none are kept where pages are
   * @param pages what goes into an export; null: nothing does
   * @param until when it must have said all, by {@link System#nanoTime}
   */
  private record Told(
      List<Claim> claims,
      List<TreeHead> heads,
      List<Reconciliation> wrong,
      List<Long> pruned,
      Pages pages,
      long until) {
    Told(Pages pages, Duration within) {
      this(
          new ArrayList<>(),
          new ArrayList<>(),
          new ArrayList<>(),
          new ArrayList<>(),
          pages,
          System.nanoTime() + within.toNanos());
    }

    Duration left(Party partner) {
      long left = until - System.nanoTime();
      if (left <= 0) {
        throw Problem.of(
                Problem.Kind.PARTNER, partner + " takes too long to say what its log holds")
            .at(partner);
      }
      return Duration.ofNanos(left);
    }
  }

  /**
   * Checkpoints that a partner signed, each with the receipts of this party that it proved: no more
   * than a verifier reads.
   */
  private static final class Pages {
    private final String self;
    private final List<ObjectNode> all = new ArrayList<>();
    private long bytes;

    Pages(Party self) {
      this.self = self.name();
    }

    /**
     * @param claims as they came
     * @param read what they say, one by one
     */
    void keep(Party partner, TreeHead head, JsonNode claims, List<Claim> read) {
      ObjectNode page = Json.object().put("checkpoint", head.note().whole());
      ArrayNode receipts = page.putArray("claims");
      for (int i = 0; i < read.size(); i++) {
        Claim claim = read.get(i);
        if (claim.kind() == Claim.Kind.RECEIPT && claim.subject().equals(self)) {
          receipts.add(ProvenClaims.kept(claim, claims.get(i)));
        }
      }
      if (receipts.isEmpty()) {
        return;
      }
      bytes += Json.write(page).getBytes(UTF_8).length;
      if (bytes > ExportRehearsal.MAX_LOG || all.size() == ExportRehearsal.MAX_PAGES) {
        throw Problem.refused("the log of " + partner + " says more than an export can hold");
      }
      all.add(page);
    }
  }

  private Told told(Party partner, String job, Told told) throws IOException {
    JsonNode others = ask(partner, job, null, told).path("logs");
    // The logs before the present one, as far as this node has seen them.
    for (String name : known(partner, others, told)) {
      if (told.heads.stream().noneMatch(head -> head.origin().equals(name))) {
        JsonNode unused = ask(partner, job, name, told);
      }
    }
    return told;
  }

  /** Those of the logs that a partner names which this node has seen; looked up once. */
  private Set<String> known(Party partner, JsonNode logs, Told told) throws IOException {
    Set<String> names = new LinkedHashSet<>();
    if (logs.size() > MAX_LOGS) {
      told.wrong.add(
          failed(partner, Verdict.ALTERED, "it names more than " + MAX_LOGS + " logs of its own"));
      return names;
    }
    for (JsonNode log : logs) {
      String name = log.asText();
      if (name.length() > MAX_LOG_NAME || !name.startsWith(Witnesses.logs(partner))) {
        told.wrong.add(
            failed(partner, Verdict.ALTERED, "it names a log that cannot be one of its own"));
        return new LinkedHashSet<>();
      }
      names.add(name);
    }
    if (!names.isEmpty()) {
      Set<String> seen = new HashSet<>();
      witnessing.seen(partner).forEach(each -> seen.add(each.key().name()));
      names.retainAll(seen);
    }
    return names;
  }

  private Reconciliation compare(Party partner, String job) throws IOException {
    List<Claim> before = claims(partner, job);
    Told told = told(partner, job, new Told(null, COMPARING));
    Reconciliation result =
        Reconciler.live(
            peers.self().name(),
            partner.name(),
            before,
            claims(partner, job),
            told.claims,
            told.heads,
            prunedUntil(),
            told.pruned.stream().max(Long::compare).orElse(-1L),
            clock.instant());
    if (told.heads.isEmpty() && !told.wrong.isEmpty()) {
      return told.wrong.get(0); // nothing that it says can be believed
    }
    for (Reconciliation wrong : told.wrong) {
      for (Reconciliation.Difference difference : wrong.differences()) {
        result = result.with(difference);
      }
    }
    return result;
  }

  /** Up to when this party's logs are pruned, those before the present one included. */
  private long prunedUntil() throws IOException {
    long until = -1;
    for (SharedHistory history : histories.values()) {
      until =
          Math.max(
              until,
              history.pruned().map(event -> event.json().at("/pruned/until").asLong()).orElse(-1L));
    }
    return until;
  }

  private List<Claim> claims(Party partner, String job) throws IOException {
    List<Claim> all = new ArrayList<>();
    for (SharedHistory history : histories.values()) {
      all.addAll(history.claims(partner, job, -1));
    }
    return all;
  }

  /**
   * Asks for what one log says, page by page.
   *
   * @param log by name; null: the present one
   * @return the last answer
   */
  private JsonNode ask(Party partner, String job, String log, Told told) throws IOException {
    List<Claim> claims = new ArrayList<>();
    long after = -1;
    int count = told.claims.size();
    Witness.Seen seen = null;
    TreeHead head = null;
    JsonNode answer = null;
    ObjectNode body = Json.object().put("job", job).put("log", log);
    for (boolean more = true; more; ) {
      body.put("after", after);
      if (head == null) {
        witnessing.seen(partner).stream()
            .filter(s -> log == null || s.key().name().equals(log))
            .reduce((older, newer) -> newer)
            .ifPresent(s -> body.put("seen", s.size()));
      } else {
        body.put("seen", head.size());
      }
      Duration left = told.left(partner);
      answer = peers.request(partner, CLAIMS, body, left.compareTo(PATIENCE) < 0 ? left : PATIENCE);
      TreeHead now = TreeHead.checkpoint(answer.path("checkpoint").asText().getBytes(UTF_8));
      if (head == null) {
        seen = seen(partner, log, now);
      }
      TrustedKey key = seen.key();
      if (!ProvenClaims.isSigned(now, key)) {
        told.wrong.add(
            failed(
                partner,
                Verdict.KEY_NOT_TRUSTED,
                "its log is not signed by the key under which this node knows it, "
                    + key.idText()));
        return answer;
      }
      TreeHead earlier =
          head != null
              ? head
              : seen.size() == 0 ? null : TreeHead.checkpoint(seen.note().getBytes(UTF_8));
      Reconciliation contradiction = contradiction(partner, key, earlier, now, answer);
      if (contradiction != null) {
        told.wrong.add(contradiction);
        return answer;
      }
      head = now;
      List<Claim> page;
      try {
        page = ProvenClaims.read(answer.path("claims"), now);
        told.pruned.add(ProvenClaims.prunedUntil(answer.path("pruned"), now, clock.instant()));
      } catch (IllegalArgumentException e) {
        told.wrong.add(failed(partner, Verdict.ALTERED, e.getMessage()));
        return answer;
      }
      for (Claim claim : page) {
        if ((job != null && !claim.job().equals(job))
            || claim.seq() <= body.path("after").asLong()) {
          told.wrong.add(failed(partner, Verdict.ALTERED, "it answers what was not asked"));
          return answer;
        }
        after = claim.seq();
      }
      if (told.pages == null) {
        claims.addAll(page);
      } else {
        told.pages.keep(partner, now, answer.path("claims"), page);
      }
      count += page.size();
      more = answer.path("more").asBoolean() && !page.isEmpty();
      if (count > MAX_CLAIMS) {
        throw Problem.refused("there are too many jobs with " + partner + " to compare at once")
            .next("silo audit reconcile " + partner + " --job J-...");
      }
    }
    told.claims.addAll(claims);
    told.heads.add(head);
    return answer;
  }

  // ---- what goes into an export ---------------------------------------------------------------

  /**
   * What the parties of a job said of it: the receipts that the log took up, and what the logs of
   * those partners that can be asked now hold of this party's. What a verifier would not take is
   * left out, and named.
   */
  JobExport.Partners said(String id) {
    return said(id, EXPORTING);
  }

  /**
   * @param within how long all partners together may take to tell what their logs hold
   */
  JobExport.Partners said(String id, Duration within) {
    Job job = jobs.find(id).orElse(null);
    if (job == null) {
      return JobExport.Partners.NONE;
    }
    try {
      // The log that is exported: of those that it continues there are exports of their own.
      SharedHistory history = histories.get(current);
      Map<Party, Set<String>> takenUp = new TreeMap<>();
      for (Party partner : job.others(peers.self())) {
        Set<String> digests = new HashSet<>();
        history.claims(partner, id, -1).stream()
            .filter(claim -> claim.kind() == Claim.Kind.RECEIPT)
            .forEach(claim -> digests.add(claim.value()));
        if (!digests.isEmpty()) {
          takenUp.put(partner, digests);
        }
      }
      ExportRehearsal rehearsal = new ExportRehearsal(peers.self().name(), id, history.events(id));
      List<String> leftOut = new ArrayList<>();
      List<JobExport.Receipt> receipts = receipts(job, takenUp, rehearsal, leftOut);
      Map<String, List<ObjectNode>> logs =
          logs(List.copyOf(takenUp.keySet()), id, within, rehearsal, leftOut);
      leftOut.forEach(what -> LOG.warn("left out of the export of {}: {}", id, what));
      return new JobExport.Partners(receipts, logs, leftOut);
    } catch (IOException e) {
      throw Problem.refused("this node's log cannot be read").detail(e.getMessage()).because(e);
    }
  }

  private Map<String, List<ObjectNode>> logs(
      List<Party> partners,
      String job,
      Duration within,
      ExportRehearsal rehearsal,
      List<String> leftOut)
      throws IOException {
    Map<String, List<ObjectNode>> logs = new LinkedHashMap<>();
    long end = System.nanoTime() + within.toNanos();
    for (int i = 0; i < partners.size(); i++) {
      Party partner = partners.get(i);
      // Each has its share of the time that is left: a slow one must not use up the others'.
      long share = Math.max(0, end - System.nanoTime()) / (partners.size() - i);
      try {
        List<ObjectNode> pages = pages(partner, job, Duration.ofNanos(share), rehearsal);
        if (!pages.isEmpty()) {
          logs.put(partner.name(), pages);
        }
      } catch (Problem e) {
        leftOut.add("the log of %s: %s".formatted(partner, e.what()));
      }
    }
    return logs;
  }

  /**
   * @throws Problem if the export must not hold what the partner's log says
   */
  private List<ObjectNode> pages(
      Party partner, String job, Duration within, ExportRehearsal rehearsal) throws IOException {
    if (!peers.isConnected(partner)) {
      throw Problem.of(Problem.Kind.PARTNER, partner + " is not connected").at(partner);
    }
    Pages pages = new Pages(peers.self());
    Told told = told(partner, job, new Told(pages, within));
    if (!told.wrong.isEmpty()) {
      throw Problem.refused(told.wrong.get(0).differences().get(0).text());
    }
    if (!pages.all.isEmpty()) {
      List<TrustedKey> keys = witnessing.seen(partner).stream().map(Witness.Seen::key).toList();
      rehearsal
          .log(partner.name(), JobExport.Partners.file(pages.all), keys)
          .ifPresent(
              wrong -> {
                throw Problem.refused(wrong);
              });
    }
    return pages.all;
  }

  private List<JobExport.Receipt> receipts(
      Job job, Map<Party, Set<String>> takenUp, ExportRehearsal rehearsal, List<String> leftOut) {
    List<JobExport.Receipt> all = new ArrayList<>();
    for (int attempt = 1; attempt <= job.attempt(); attempt++) {
      Map<Party, Jobs.Receipt> signed = jobs.receipts(job.id(), attempt);
      List<Party> parties = new ArrayList<>();
      for (Map.Entry<Party, Set<String>> partner : takenUp.entrySet()) {
        Jobs.Receipt receipt = signed.get(partner.getKey());
        if (receipt != null
            && partner.getValue().contains(EventBuilder.sha256(receipt.statement()))) {
          parties.add(partner.getKey());
        }
      }
      if (!parties.isEmpty() && signed.containsKey(peers.self())) {
        parties.add(peers.self());
      }
      for (Party party : parties) {
        Jobs.Receipt receipt = signed.get(party);
        Optional<IdentityKey> key =
            identities.apply(party).filter(k -> k.verify(receipt.statement(), receipt.signature()));
        Optional<String> wrong = Optional.of(party + " has another identity by now");
        if (key.isPresent()) {
          JobExport.Receipt made =
              new JobExport.Receipt(
                  party.name(),
                  attempt,
                  receipt.statement(),
                  receipt.signature(),
                  key.get().spki());
          wrong = rehearsal.receipt(party.name(), attempt, made.file());
          if (wrong.isEmpty()) {
            all.add(made);
          }
        }
        String of = "the receipt of %s for attempt %d: ".formatted(party, attempt);
        wrong.ifPresent(why -> leftOut.add(of + why));
      }
    }
    return all;
  }

  /** What this node has seen of the log that a partner shows. */
  private Witness.Seen seen(Party partner, String asked, TreeHead shown) throws IOException {
    List<Witness.Seen> logs = witnessing.seen(partner);
    String origin = asked == null && shown != null ? shown.origin() : asked;
    for (Witness.Seen log : logs) {
      if (log.key().name().equals(origin)) {
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
