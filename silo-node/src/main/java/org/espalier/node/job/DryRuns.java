package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.data.Dataset;
import org.espalier.node.policy.Policy;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.AlignmentPolicy;
import org.espalier.psi.JointSizes;
import org.espalier.psi.SizeBucket;
import org.espalier.psi.ecdh.EcdhCardinality;
import org.espalier.psi.keys.Duplicates;
import org.espalier.psi.keys.MatchReport;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.Session;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a match key would find, tried together with the partners before a job is proposed: about how
 * many people are in all tables, who stays unknown, and if it is few, how the keys differ.
 *
 * <p>Each node takes part only if its own policy allows dry runs to every other party, and only so
 * often in 90 days: with many of them somebody could find out about single people. Every rule
 * counts, since each tells a size of its own. They are counted by the audit log, where each is
 * before anything of it leaves the node. How keys look is told to whoever asks, by those nodes
 * whose policy allows it.
 */
public final class DryRuns implements AutoCloseable {
  /** In the audit log. */
  public static final String EVENT = "match.dry-run";

  /** Nobody is told less than whether there are so many. */
  static final int LEAST = 100;

  private static final Logger LOG = LoggerFactory.getLogger(DryRuns.class);
  private static final String PHASE = "match";
  private static final String ID = "D-[0-9a-f]{16}";
  private static final Duration WINDOW = Duration.ofDays(90);
  private static final Duration ASK = Duration.ofSeconds(15);

  /** For reading a large table twice in every rule. */
  private static final Duration SHAPES = Duration.ofMinutes(10);

  private static final int MAX_AT_ONCE = 4;
  private static final int MAX_SHAPES = 16;

  /** What the audit log knows. */
  @FunctionalInterface
  public interface History {
    /** Rules of dry runs with a partner that began since then, whoever asked. */
    int dryRuns(Instant since, Party partner);
  }

  /** A partner's dry run: others might use its id. */
  private record Running(String id, Party asker) {}

  /** A dry run as every party knows it. */
  private record Request(String id, JobSpec spec, Party asker) {
    Session session() {
      return new Session(id, spec.digest(), 1);
    }

    SortedSet<Party> others(Party self) {
      SortedSet<Party> others = new TreeSet<>(spec.parties().keySet());
      others.remove(self);
      return others;
    }

    Running running() {
      return new Running(id, asker);
    }

    int least() {
      return Math.max(LEAST, spec.alignment().minIntersection());
    }
  }

  private final JobRun.Context context;
  private final History history;
  private final SecureRandom random = new SecureRandom();

  /** How keys look here, for the askers of the newest dry runs. */
  private final Map<Running, FutureTask<KeyShapes>> shapes =
      Collections.synchronizedMap(
          new LinkedHashMap<>() {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<Running, FutureTask<KeyShapes>> eldest) {
              return size() > MAX_SHAPES;
            }
          });

  private final Set<Running> running = new HashSet<>();

  /** Those that have begun, whoever asked. */
  private final Set<Conversations> counting = ConcurrentHashMap.newKeySet();

  private final ExecutorService threads =
      Executors.newCachedThreadPool(
          work -> {
            Thread thread = new Thread(work, "match-dry-run");
            thread.setDaemon(true);
            return thread;
          });

  public DryRuns(JobRun.Context context, History history) {
    this.context = context;
    this.history = history;
  }

  private Party self() {
    return context.peers().self();
  }

  private Policy policy() {
    return context.policy();
  }

  /** The methods by which partners' nodes reach this one. */
  public Map<String, JobService.PartnerMethod> partnerMethods() {
    return Map.of(
        "match.ask", this::onAsk, "match.begin", this::onBegin, "match.shapes", this::onShapes);
  }

  // ---- what operators ask -------------------------------------------------------------------

  /**
   * Runs it with all parties of a job and waits for the end.
   *
   * @return {@code dry_run, parties, least, rules[{number, columns[], at_least, below, people,
   *     keys{party}}], shapes{party}, withheld{party}, findings[], learns[], left{party}}
   * @throws Problem if a policy forbids it, naming the party, why and what can be done
   */
  public JsonNode run(JobSpec spec) {
    Dataset dataset = LocalChecks.requireKeys(context, spec);
    byte[] tail = new byte[8];
    random.nextBytes(tail);
    Request request = new Request("D-" + HexFormat.of().formatHex(tail), spec, self());
    SortedSet<Party> others = request.others(self());
    others.forEach(context.peers()::requirePartner);
    requireAllowed(request);
    ObjectNode body = Json.object().put("dry_run", request.id);
    body.put("spec", HexFormat.of().formatHex(spec.digest()));
    body.set("content", spec.toJson());
    others.forEach(partner -> ask(partner, "match.ask", body, ASK));
    JointSizes sizes =
        counting(
            request,
            dataset,
            () -> others.forEach(partner -> ask(partner, "match.begin", body, ASK)));
    return result(request, dataset, sizes, body);
  }

  private JsonNode ask(Party partner, String method, JsonNode body, Duration patience) {
    try {
      return context.peers().request(partner, method, body, patience);
    } catch (Problem e) {
      if (e.kind() != Problem.Kind.REFUSED || e.next().isPresent()) {
        throw e;
      }
      throw e.next("silo match check JOB.yaml, and talk to the operator of " + partner);
    }
  }

  private ObjectNode result(Request request, Dataset dataset, JointSizes sizes, JsonNode body) {
    ObjectNode result = Json.object().put("dry_run", request.id).put("least", request.least());
    List<Party> order = AlignPhase.order(request.spec);
    order.forEach(party -> result.withArray("parties").add(party.name()));
    KeyShapes mine =
        KeyShapes.of(
            MatchReport.of(new CsvKeys(dataset), AlignPhase.key(request.spec.match(), self())));
    SortedMap<Party, KeyShapes> theirs = theirShapes(request, body, result.putObject("withheld"));
    ObjectNode shown = result.putObject("shapes");
    shown.set(self().name(), Json.tree(mine));
    theirs.forEach((party, looks) -> shown.set(party.name(), Json.tree(looks)));
    ArrayNode rules = result.putArray("rules");
    ArrayNode findings = result.putArray("findings");
    for (int number = 0; number < sizes.rules().size(); number++) {
      JointSizes.RuleSize size = sizes.rules().get(number);
      List<String> columns =
          request.spec.match().get(number).stream().map(part -> part.column().at(self())).toList();
      rules.add(rule(number, columns, order, size));
      if (isSmall(size)) {
        explain(request, order, number, columns, size, mine, theirs).forEach(findings::add);
      }
    }
    result.set("learns", learns(request));
    ObjectNode left = result.putObject("left");
    for (Party partner : request.others(self())) {
      left.put(partner.name(), Math.max(0, policy().dryRuns(partner) - used(partner)));
    }
    return result;
  }

  private static ObjectNode rule(
      int number, List<String> columns, List<Party> order, JointSizes.RuleSize size) {
    ObjectNode rule = Json.object().put("number", number + 1);
    columns.forEach(rule.putArray("columns")::add);
    rule.put("at_least", size.people().atLeast()).put("below", size.people().below());
    rule.put("people", size.people().toString());
    ObjectNode keys = rule.putObject("keys");
    for (int i = 0; i < order.size(); i++) {
      keys.put(order.get(i).name(), size.keys().get(i));
    }
    return rule;
  }

  /** Fewer than half of the people of the smallest table. */
  private static boolean isSmall(JointSizes.RuleSize size) {
    SizeBucket people = size.people();
    int smallest = size.keys().stream().mapToInt(Integer::intValue).min().orElse(0);
    return people.isBelowMinimum() || people.below() - 1L < smallest / 2;
  }

  private List<String> explain(
      Request request,
      List<Party> order,
      int number,
      List<String> columns,
      JointSizes.RuleSize size,
      KeyShapes mine,
      SortedMap<Party, KeyShapes> theirs) {
    List<String> findings = new ArrayList<>();
    for (int i = 0; i < order.size(); i++) {
      if (size.keys().get(i) < request.least()) {
        findings.add(
            "rule %d: %s has %,d usable keys, and fewer than %,d are not compared"
                .formatted(number + 1, order.get(i), size.keys().get(i), request.least()));
      }
    }
    theirs.forEach((party, looks) -> findings.addAll(mine.findings(number, columns, party, looks)));
    if (findings.isEmpty() && theirs.size() == request.others(self()).size()) {
      findings.add(
          "rule %d: the keys look alike at all parties; either the tables hold other people, or"
                  .formatted(number + 1)
              + " somebody writes other values in the same shape");
    }
    return findings;
  }

  private SortedMap<Party, KeyShapes> theirShapes(
      Request request, JsonNode body, ObjectNode withheld) {
    SortedMap<Party, KeyShapes> theirs = new TreeMap<>();
    for (Party partner : request.others(self())) {
      try {
        JsonNode answer = context.peers().request(partner, "match.shapes", body, SHAPES);
        theirs.put(partner, KeyShapes.read(partner, answer.path("shapes")));
      } catch (Problem e) {
        withheld.put(partner.name(), e.what());
      }
    }
    return theirs;
  }

  private ArrayNode learns(Request request) {
    ArrayNode learns = Json.object().arrayNode();
    EcdhCardinality.leaks(AlignPhase.order(request.spec), terms(request))
        .forEach(
            leak ->
                learns
                    .addObject()
                    .put("learner", leak.learner() == null ? "every party" : leak.learner().name())
                    .put("text", leak.text()));
    learns
        .addObject()
        .put("learner", request.asker.name())
        .put("text", "how keys look at those parties whose policy allows it, in whole per cent");
    return learns;
  }

  // ---- what partners' nodes ask -------------------------------------------------------------

  private JsonNode onAsk(Party from, JsonNode body) {
    Request request = request(from, body);
    requireAllowed(request);
    LocalChecks.requireKeys(context, request.spec);
    return Json.object().put("dry_run", request.id);
  }

  private JsonNode onBegin(Party from, JsonNode body) {
    Request request = request(from, body);
    // Before anything is said of the data set.
    requireAllowed(request);
    Dataset dataset = LocalChecks.requireKeys(context, request.spec);
    synchronized (running) {
      if (running.size() >= MAX_AT_ONCE || !running.add(request.running())) {
        throw Problem.refused("%s runs other dry runs at the moment".formatted(self())).at(self());
      }
    }
    try {
      Announced announced = announce(request, dataset);
      if (policy().sharesKeyShapes(from)) {
        shapes.put(request.running(), new FutureTask<>(() -> tell(request, dataset)));
      }
      threads.execute(() -> partake(request, dataset, announced));
    } catch (RuntimeException | Error e) {
      ended(request);
      throw e;
    }
    return Json.object().put("dry_run", request.id);
  }

  private void partake(Request request, Dataset dataset, Announced announced) {
    try {
      count(request, dataset, announced);
    } catch (Problem e) {
      LOG.warn("dry run {} of {} failed: {}", request.id, request.asker, e.what(), e);
    } finally {
      ended(request);
    }
  }

  private void ended(Request request) {
    synchronized (running) {
      running.remove(request.running());
    }
  }

  private JsonNode onShapes(Party from, JsonNode body) {
    Request request = request(from, body);
    FutureTask<KeyShapes> looks = shapes.get(request.running());
    PolicyRules.requireRunning(context);
    if (!policy().sharesKeyShapes(from)) {
      throw Problem.refused(
              "the policy of %s does not share key shapes with %s".formatted(self(), from))
          .at(self());
    }
    PolicyRules.requireDryRun(context, request.spec);
    if (looks == null) {
      throw Problem.notFound("no such dry run at " + self()).at(self());
    }
    looks.run();
    try {
      KeyShapes told = looks.get(SHAPES.toMillis(), TimeUnit.MILLISECONDS);
      return Json.object().set("shapes", Json.tree(told));
    } catch (ExecutionException e) {
      throw Failures.explain(e.getCause(), self(), PHASE);
    } catch (InterruptedException | TimeoutException e) {
      throw Problem.wrongState("the key shapes of " + self() + " are not ready").at(self());
    } finally {
      shapes.remove(request.running());
    }
  }

  /** Reads how keys look here, and logs that it is about to be told. */
  private KeyShapes tell(Request request, Dataset dataset) {
    KeyShapes looks =
        KeyShapes.of(
            MatchReport.of(new CsvKeys(dataset), AlignPhase.key(request.spec.match(), self())));
    ObjectNode facts =
        PhaseFacts.output(
            facts(request),
            "key_shapes",
            dataset.scan().rows(),
            looks.scalars(),
            List.of(request.asker));
    facts.putArray("recipients").add(request.asker.name());
    context.journal().intent("job.reveal", facts).ok(facts);
    return looks;
  }

  private Request request(Party from, JsonNode body) {
    String id = body.path("dry_run").asText();
    if (!id.matches(ID)) {
      throw Problem.refused("not the id of a dry run");
    }
    JobSpec spec = JobSpec.json("the job", body.path("content"));
    if (!HexFormat.of().formatHex(spec.digest()).equals(body.path("spec").asText())) {
      throw Problem.refused("mismatched digest of the job").at(self());
    }
    if (!spec.parties().containsKey(self()) || !spec.parties().containsKey(from)) {
      throw Problem.refused("the job does not name both " + from + " and " + self());
    }
    Request request = new Request(id, spec, from);
    request.others(self()).forEach(context.peers()::requirePartner);
    return request;
  }

  // ---- shared -------------------------------------------------------------------------------

  private int used(Party partner) {
    return history.dryRuns(Instant.now().minus(WINDOW), partner);
  }

  /** Every other party learns the result, so every one of them must be allowed to. */
  private void requireAllowed(Request request) {
    PolicyRules.requireRunning(context);
    for (Party partner : request.others(self())) {
      int allowed = policy().dryRuns(partner);
      if (allowed == 0) {
        throw Problem.refused(
                "the policy of %s allows no dry runs with %s".formatted(self(), partner))
            .at(self())
            .detail("policy.yaml has no partners.%s.match_dry_run: true".formatted(partner))
            .next("add it to policy.yaml of the home folder, then silo policy apply");
      }
      int used = used(partner);
      int rules = request.spec.match().size();
      if (used + rules > allowed) {
        throw Problem.refused(
                "the policy of %s allows dry runs of %d %s with %s in 90 days, and there have been %d"
                    .formatted(self(), allowed, allowed == 1 ? "rule" : "rules", partner, used))
            .at(self())
            .detail(
                "partners.%s.match_dry_runs_per_90d in policy.yaml, and this match key has %d"
                    .formatted(partner, rules))
            .next("silo job propose JOB.yaml: a job has a gate of its own");
      }
    }
    PolicyRules.requireDryRun(context, request.spec);
  }

  /** What the log knows of it before it begins. */
  private record Announced(Journal.Act act, ObjectNode facts) {}

  private synchronized Announced announce(Request request, Dataset dataset) {
    requireAllowed(request);
    ObjectNode parameters =
        Json.object()
            .put("least", request.least())
            .put("rules", request.spec.match().size())
            .put("duplicates", request.spec.alignment().duplicates())
            .put("key", AlignPhase.key(request.spec.match(), self()).signature());
    ObjectNode facts =
        facts(request).setAll(PhaseFacts.of("count.ecdh-cardinality", "1", parameters));
    if (!request.asker.equals(self())) {
      facts.put("by", request.asker.name());
    }
    PhaseFacts.input(
        facts, context, dataset, AlignPhase.columns(AlignPhase.key(request.spec.match(), self())));
    ArrayNode recipients = facts.putArray("recipients");
    request.others(self()).forEach(partner -> recipients.add(partner.name()));
    return new Announced(context.journal().intent(EVENT, facts), facts);
  }

  private static ObjectNode facts(Request request) {
    return Json.object()
        .put("job", request.id)
        .put("attempt", 1)
        .put("spec", HexFormat.of().formatHex(request.spec.digest()));
  }

  private JointSizes counting(Request request, Dataset dataset, Runnable begin) {
    Announced announced = announce(request, dataset);
    try {
      begin.run();
    } catch (RuntimeException | Error e) {
      announced.act.failed("failed", announced.facts);
      throw e;
    }
    return count(request, dataset, announced);
  }

  private JointSizes count(Request request, Dataset dataset, Announced announced) {
    AlignmentJob job =
        new AlignmentJob(
            request.session(),
            self(),
            AlignPhase.order(request.spec),
            AlignPhase.key(request.spec.match(), self()),
            terms(request));
    ObjectNode outcome = announced.facts.deepCopy();
    try (Conversations conversations =
        new Conversations(
            context.peers(),
            request.session(),
            context.config().rendezvous(),
            context.config().patience())) {
      counting.add(conversations);
      try {
        PolicyRules.requireRunning(context); // of a halt from now on it is told
        JointSizes sizes =
            new EcdhCardinality(context.work())
                .count(
                    job,
                    conversations.open(PHASE, request.others(self())),
                    new CsvKeys(dataset),
                    Progress.NONE);
        ArrayNode told = ((ObjectNode) outcome.path("parameters")).putArray("at_least");
        sizes.rules().forEach(rule -> told.add(rule.people().atLeast()));
        outcome.set("transcripts", conversations.transcripts(PHASE));
        outcome.set("bytes", conversations.bytes(PHASE));
        announced.act.ok(outcome);
        return sizes;
      } catch (RuntimeException | Error e) {
        Problem problem = Failures.explain(e, self(), PHASE);
        conversations.abort(problem.what());
        announced.act.failed("failed", outcome);
        throw problem.next().isPresent() ? problem : problem.next(advice(problem));
      } finally {
        counting.remove(conversations);
      }
    }
  }

  /** Ends those that have begun, because the node is halted. */
  public void haltAll() {
    String reason = "the node of %s was halted".formatted(self());
    counting.forEach(conversations -> conversations.abort(reason));
  }

  private String advice(Problem problem) {
    Optional<Party> where = problem.party().filter(party -> !party.equals(self()));
    return "silo match check JOB.yaml" + where.map(party -> " at " + party).orElse("");
  }

  private static AlignmentPolicy terms(Request request) {
    return new AlignmentPolicy(
        request.least(),
        Duplicates.parse(request.spec.alignment().duplicates()),
        AlignmentPolicy.LARGEST);
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
