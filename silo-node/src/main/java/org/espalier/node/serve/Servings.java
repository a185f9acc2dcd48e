package org.espalier.node.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.UnaryOperator;
import org.espalier.node.Periodic;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.job.Job;
import org.espalier.node.job.JobRun;
import org.espalier.node.job.JobService;
import org.espalier.node.job.JobState;
import org.espalier.node.job.Journal;
import org.espalier.node.job.ServeSpec;
import org.espalier.node.job.ServedTable;
import org.espalier.node.policy.Policy;
import org.espalier.node.store.Store;
import org.espalier.wire.Party;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What this node serves: jobs of kind {@code serve} that all parties have approved and whose
 * operator here has started them. A serving that was started goes on after a restart of the node;
 * it ends when an operator here stops it, or when a party aborts the job, which ends it everywhere.
 */
public final class Servings implements AutoCloseable {
  static final String ASK = "serve.ask";
  private static final String SEED = "serve.seed";
  private static final String STATUS = "serve.status";

  private static final Logger LOG = LoggerFactory.getLogger(Servings.class);
  private static final Duration FLUSH = Duration.ofMinutes(1);
  private static final Duration SEEDS = Duration.ofSeconds(1);
  private static final Duration ASK_STATUS = Duration.ofSeconds(2);

  private final JobRun.Context context;
  private final Store store;
  private final Ledger.Spent spent;
  private final Path folder;
  private final byte[] secret;
  private final Duration patience;
  private final Clock clock;
  private final Map<String, Active> active = new ConcurrentHashMap<>();
  private final Map<String, Problem> failed = new ConcurrentHashMap<>();
  private final ScoreMetrics metrics = new ScoreMetrics();
  private final ScheduledExecutorService timers =
      Executors.newScheduledThreadPool(2, Servings::daemon);
  private final ExecutorService ahead = Executors.newSingleThreadExecutor(Servings::daemon);
  private boolean closed;

  /** One serving that runs here; of answering and scoring one is there. */
  private record Active(
      Job job,
      ServeSpec spec,
      ServedTable table,
      Ledger ledger,
      Optional<Answering> answering,
      Optional<Scorer> scorer) {
    void close() {
      scorer.ifPresent(Scorer::close);
      ledger.close();
    }
  }

  private static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "scoring");
    thread.setDaemon(true);
    return thread;
  }

  /** What the audit log knows of earlier answers. */
  @FunctionalInterface
  public interface History {
    /** Answers of a serving that were set aside for a day (UTC) and not given back. */
    long scores(String serving, LocalDate day);
  }

  /**
   * @param folder where the records of requests go
   * @param secret of this node, for the names of people in them
   * @param patience how long a feature party may take
   */
  public Servings(
      JobRun.Context context,
      Store store,
      History history,
      Path folder,
      byte[] secret,
      Duration patience,
      Clock clock) {
    this.context = context;
    this.store = store;
    this.spent = history::scores;
    this.folder = folder;
    this.secret = secret.clone();
    this.patience = patience;
    this.clock = clock;
    context.jobs().watch(this::moved);
    Periodic.every(timers, FLUSH, () -> active.values().forEach(serving -> serving.ledger.flush()));
    Periodic.every(timers, SEEDS, this::agreeOnSeeds);
    timers.execute(this::resume);
  }

  /** This node's party. */
  public Party self() {
    return context.peers().self();
  }

  /** The methods by which partners' nodes reach this one. */
  public Map<String, JobService.PartnerMethod> partnerMethods() {
    return Map.of(ASK, this::onAsk, SEED, this::onSeed, STATUS, this::onStatus);
  }

  // ---- what operators ask -----------------------------------------------------------------------

  /**
   * Begins to serve, or reads the data set anew where it is served already.
   *
   * @param id of a job that all parties have approved
   * @param gathered the job after asking partners whose word is missing here
   */
  public ObjectNode start(String id, UnaryOperator<Job> gathered) {
    Job job = gathered.apply(serving(id));
    if (job.state() == JobState.PROPOSED) {
      String missing = String.join(", ", job.undecided().stream().map(Party::name).toList());
      throw Problem.wrongState("job " + id + " waits for " + missing)
          .next("silo job approve " + id + " at " + missing);
    }
    if (job.state() != JobState.APPROVED) {
      throw Problem.wrongState("job " + id + " is " + job.state()).next("silo job show " + id);
    }
    begin(job);
    store.update(
        "INSERT INTO servings (job, since) VALUES (?, ?) ON CONFLICT (job) DO NOTHING",
        id,
        Instant.now().toString());
    return view(context.jobs().get(id), true);
  }

  /** Ends serving here; the job stays approved and can be started again. */
  public ObjectNode stop(String id) {
    Job job = serving(id);
    end(id);
    return view(job, false);
  }

  /** {@code servings[]}, newest first, with what is served and how it stands at the partners. */
  public ObjectNode list() {
    ObjectNode json = Json.object();
    ArrayNode servings = json.putArray("servings");
    for (Job job : context.jobs().list()) {
      if (job.spec() instanceof ServeSpec) {
        servings.add(view(job, true));
      }
    }
    return json;
  }

  /** Whether this node serves a job. */
  public boolean serves(String id) {
    return active.containsKey(id);
  }

  private Job serving(String id) {
    Job job = context.jobs().get(id);
    if (!(job.spec() instanceof ServeSpec)) {
      throw Problem.wrongState("job " + id + " is no serving").next("silo serve list");
    }
    return job;
  }

  private ObjectNode view(Job job, boolean askPartners) {
    ServeSpec spec = (ServeSpec) job.spec();
    Active serving = active.get(job.id());
    ObjectNode json = Json.object().put("serving", job.id()).put("name", spec.name());
    json.put("model", spec.model()).put("label_party", spec.labelParty().name());
    json.put("state", job.state().name());
    json.put("until", spec.until().toString());
    json.put("expired", spec.until().isBefore(LocalDate.now(ZoneOffset.UTC)));
    json.put("scores_per_day", spec.scoresPerDay());
    json.put(
        "here", serving != null ? "serves" : failed.containsKey(job.id()) ? "failed" : "stopped");
    Optional.ofNullable(failed.get(job.id())).ifPresent(why -> json.set("cause", why.toJson()));
    if (serving != null) {
      json.put("rows", serving.table.rows());
      serving.answering.ifPresent(a -> json.put("spent_today", serving.ledger.spent()));
      json.set("people", Json.tree(serving.ledger.counts()));
    }
    if (askPartners && job.state() == JobState.APPROVED) {
      ObjectNode partners = json.putObject("partners");
      job.others(self()).forEach(partner -> partners.put(partner.name(), there(partner, job)));
    }
    return json;
  }

  private String there(Party partner, Job job) {
    if (!context.peers().isConnected(partner)) {
      return "unreachable";
    }
    try {
      return context
              .peers()
              .request(partner, STATUS, head(job), ASK_STATUS)
              .path("serves")
              .asBoolean()
          ? "serves"
          : "stopped";
    } catch (Problem e) {
      return "unreachable";
    }
  }

  /** For the node's status: {@code requests, latency_ms} of the endpoint. */
  public ObjectNode status() {
    ObjectNode json = metrics.toJson();
    json.put("serving", active.size());
    return json;
  }

  // ---- beginning and ending ---------------------------------------------------------------------

  private static ObjectNode head(Job job) {
    return Json.object()
        .put("serving", job.id())
        .put("spec", HexFormat.of().formatHex(job.digest()));
  }

  private synchronized void begin(Job job) {
    if (closed) {
      throw Problem.wrongState("the node of " + self() + " is stopping").at(self());
    }
    ServeSpec spec = (ServeSpec) job.spec();
    ServedTable table = ServedTable.load(context, spec);
    boolean label = self().equals(spec.labelParty());
    ObjectNode facts = table.facts(job.id(), Optional.of(label ? "label" : "feature"));
    facts.putArray("recipients").add(spec.labelParty().name());
    context.journal().fact(Journal.SCORING_STARTED, facts);
    end(active.remove(job.id())); // what it has not used of its block is given back first
    facts.remove("inputs");
    Ledger ledger;
    try {
      ledger =
          new Ledger(
              new Ledger.Terms(job.id(), facts, label ? 0 : spec.scoresPerDay()),
              context.journal(),
              spent,
              folder,
              secret,
              clock,
              ahead);
    } catch (IOException e) {
      throw Problem.refused("the record of requests cannot be written")
          .detail(e.getMessage())
          .because(e);
    }
    active.put(
        job.id(),
        label
            ? new Active(
                job, spec, table, ledger, Optional.empty(), Optional.of(scorer(job, table, ledger)))
            : new Active(
                job,
                spec,
                table,
                ledger,
                Optional.of(answering(job, table, ledger)),
                Optional.empty()));
    failed.remove(job.id());
    if (context.jobs().get(job.id()).state() != JobState.APPROVED) {
      end(job.id()); // aborted in the meantime
      throw Problem.wrongState("job " + job.id() + " was aborted")
          .next("silo job show " + job.id());
    }
    LOG.info("{} is served: {} rows", job.id(), table.rows());
  }

  private Scorer scorer(Job job, ServedTable table, Ledger ledger) {
    List<PartnerQueue> partners = new ArrayList<>();
    for (Party partner : job.others(self())) {
      partners.add(new PartnerQueue(context.peers(), partner, job.id(), head(job), patience));
    }
    return new Scorer(self(), job.id(), table, partners, ledger);
  }

  private Answering answering(Job job, ServedTable table, Ledger ledger) {
    Party label = job.spec().labelParty();
    SortedSet<Party> features = new TreeSet<>(job.others(self()));
    features.remove(label);
    return new Answering(
        table,
        ledger,
        new Pairs(job.session(1), self(), features),
        () ->
            context
                .policy()
                .onlineScoring(label)
                .map(Policy.OnlineScoring::tellUnknown)
                .orElse(false));
  }

  private void end(String id) {
    end(active.remove(id));
    failed.remove(id);
    store.update("DELETE FROM servings WHERE job = ?", id);
  }

  private static void end(Active serving) {
    if (serving != null) {
      serving.close();
    }
  }

  /** From this moment on nothing is answered; what that leaves to do is done elsewhere. */
  private void moved(Job job) {
    if (job.spec() instanceof ServeSpec && job.state().ended()) {
      Active ended = active.remove(job.id());
      try {
        timers.execute(
            () -> {
              end(ended);
              end(job.id());
            });
      } catch (RejectedExecutionException stopping) {
        end(ended);
      }
    }
  }

  private void resume() {
    for (String id : store.all("SELECT job FROM servings", row -> row.getString(1))) {
      try {
        Job job = context.jobs().get(id);
        if (job.state() == JobState.APPROVED) {
          begin(job);
        } else {
          end(id);
        }
      } catch (Problem e) {
        failed.put(id, e);
        LOG.warn("{} is not served: {}", id, e.what());
      } catch (RuntimeException e) {
        failed.put(id, Problem.of(Problem.Kind.INTERNAL, "internal error").at(self()));
        LOG.error("{} is not served", id, e);
      }
    }
  }

  /**
   * Ends all serving here until {@link #resumeSoon}, because the node is halted.
   *
   * @return how many were served
   */
  public synchronized int suspend() {
    int ended = active.size();
    for (String id : List.copyOf(active.keySet())) {
      end(active.remove(id)); // not forgotten: what was served is served again afterwards
      failed.put(id, Problem.refused(self() + " is halted").at(self()).next("silo resume"));
    }
    return ended;
  }

  /** Serves again what was served before a halt. */
  public void resumeSoon() {
    timers.execute(this::resume);
  }

  private void agreeOnSeeds() {
    active.forEach(
        (id, serving) ->
            serving.answering.ifPresent(
                answering -> {
                  Pairs pairs = answering.pairs();
                  for (Party chooser : pairs.choosers()) {
                    if (context.peers().isConnected(chooser)) {
                      ask(serving, pairs, chooser);
                    }
                  }
                }));
  }

  private void ask(Active serving, Pairs pairs, Party chooser) {
    ObjectNode question = head(serving.job);
    question.setAll(pairs.question(chooser));
    try {
      pairs.answered(chooser, context.peers().request(chooser, SEED, question, ASK_STATUS));
    } catch (Problem e) {
      LOG.debug("{}: no seed of {}: {}", serving.job.id(), chooser, e.what());
    }
  }

  // ---- what partners' nodes ask -----------------------------------------------------------------

  private JsonNode onAsk(Party from, JsonNode body) {
    Active serving = served(from, body);
    if (serving.answering.isEmpty() || !from.equals(serving.spec.labelParty())) {
      throw Problem.refused(from + " does not ask " + self() + " for scores").at(self());
    }
    serving.table.requireAllowed(context);
    return serving.answering.get().answer(body);
  }

  private JsonNode onSeed(Party from, JsonNode body) {
    Active serving = served(from, body);
    return serving
        .answering
        .orElseThrow(() -> Problem.refused(self() + " is no feature party"))
        .pairs()
        .answer(from, body);
  }

  private JsonNode onStatus(Party from, JsonNode body) {
    String id = body.path("serving").asText();
    Active serving = active.get(id);
    boolean party = serving != null && serving.spec.parties().containsKey(from);
    return Json.object().put("serves", party);
  }

  private Active served(Party from, JsonNode body) {
    String id = body.path("serving").asText();
    Active serving = active.get(id);
    Problem why = failed.get(id);
    if (why != null) {
      throw why; // which the policy's owner will want to be heard
    }
    if (serving == null || !serving.spec.parties().containsKey(from)) {
      String shown = id.matches(Job.ID) ? " " + id : "";
      throw Problem.wrongState(self() + " does not serve" + shown).at(self());
    }
    if (!body.path("spec").asText().equals(HexFormat.of().formatHex(serving.job.digest()))) {
      throw Problem.refused("mismatched job digest: this is not the job that " + self() + " knows")
          .at(self());
    }
    return serving;
  }

  // ---- what clients ask -------------------------------------------------------------------------

  /**
   * Scores people.
   *
   * @param client who asks
   * @param body {@code request_id, people[]}
   * @return completes with the answer or with a {@link NoScore}
   * @throws NoScore where that is known at once
   */
  CompletableFuture<ObjectNode> score(String id, String client, String request, ObjectNode body) {
    Active serving = active.get(id);
    if (serving == null || serving.scorer.isEmpty()) {
      throw new NoScore(
          NoScore.Kind.UNKNOWN_SERVING,
          self(),
          self() + " does not serve " + (id.matches(Job.ID) ? id : "this"),
          "silo serve list");
    }
    if (serving.spec.until().isBefore(LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC))) {
      throw new NoScore(
          NoScore.Kind.REFUSED,
          self(),
          "scoring was agreed until " + serving.spec.until(),
          "silo serve propose, for longer");
    }
    try {
      serving.table.requireAllowed(context);
    } catch (Problem denied) {
      throw new NoScore(
          NoScore.Kind.REFUSED, self(), denied.what(), denied.next().orElse("silo policy show"));
    }
    return serving.scorer.get().score(client, request, body);
  }

  ScoreMetrics metrics() {
    return metrics;
  }

  @Override
  public void close() {
    timers.shutdownNow();
    synchronized (this) {
      closed = true;
      active.values().forEach(Active::close);
      active.clear();
    }
    ahead.shutdownNow();
  }
}
