package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.Collection;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.policy.PersonWord;
import org.espalier.wire.Party;
import org.espalier.wire.Printable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Proposals, decisions and runs: what operators ask of this node, and what partners' nodes ask.
 *
 * <p>A proposal carries the proposer's own signed approval; every other party decides for itself. A
 * job runs when every party has approved the same digest. Which party starts it does not matter.
 */
public final class JobService implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(JobService.class);
  private static final Duration ASK = Duration.ofSeconds(15);
  private static final Duration GATHER = Duration.ofSeconds(3);
  private static final int MAX_REASON = 500;

  /** Parties may have counted attempts that did not reach all of them, but not many. */
  private static final int MAX_ATTEMPT_STEP = 100;

  /**
   * How often partners may have a job run before this node's own operator has to run it again: an
   * attempt costs this node work, and its approval was not given for hundreds.
   */
  private static final int ATTEMPTS = 10;

  /**
   * Proposals of one partner that may wait here, those of a day included that it withdrew: more
   * would only fill the database.
   */
  private static final int MAX_PROPOSALS = 100;

  /** How often a job is run again by itself since its operator did. */
  private static final int AGAIN = 3;

  private static final Duration BETWEEN_TRIES = Duration.ofSeconds(2);

  private final JobRun.Context context;
  private final ApprovalRules approving;
  private final Completion completion;

  /** Also the lock of beginning and ending attempts. */
  private final Map<String, JobRun> runs = new ConcurrentHashMap<>();

  /**
   * Attempts up to which the own operator lets partners start a job, where not {@link #ATTEMPTS}.
   */
  private final Map<String, Integer> allowed = new ConcurrentHashMap<>();

  /** Jobs of this node's that are about to be run again by themselves. */
  private final Map<String, Again> again = new ConcurrentHashMap<>();

  private final SecureRandom random = new SecureRandom();
  private final ScheduledExecutorService newsTimer =
      Executors.newSingleThreadScheduledExecutor(JobService::daemon);
  private final ExecutorService tellers = Executors.newCachedThreadPool(JobService::daemon);
  private final Set<String> beingTold = ConcurrentHashMap.newKeySet();
  private boolean closed;

  private static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "job-news");
    thread.setDaemon(true);
    return thread;
  }

  /**
   * @param next when to try
   * @param end until when a partner may take to come back
   */
  private record Again(Instant next, Instant end) {}

  /** Answers one method of partners' nodes. */
  @FunctionalInterface
  public interface PartnerMethod {
    /**
     * @param from the partner, as its certificate proves
     * @throws Problem the refusal that the partner reads
     */
    JsonNode answer(Party from, JsonNode body);
  }

  public JobService(JobRun.Context context) {
    this.context = context;
    this.approving = new ApprovalRules(context);
    this.completion = new Completion(context);
    Set<String> open = new TreeSet<>();
    for (Job job : context.jobs().list()) {
      if (!job.state().ended()) {
        open.add(job.id());
      }
      if (job.state() == JobState.RUNNING) {
        context
            .jobs()
            .move(
                job.id(),
                JobState.FAILED,
                Problem.of(Problem.Kind.JOB_FAILED, "the node was restarted")
                    .at(self())
                    .next("silo job run " + job.id()));
        if (completion.brokeOff(job) || mayBeRepeated(job)) {
          planAgain(job);
        }
      }
    }
    context.cohorts().forgetPassesOfOthers(open); // of those aborted while they did not run
    Future<?> unused = newsTimer.scheduleWithFixedDelay(this::spreadNews, 1, 1, TimeUnit.SECONDS);
  }

  private Party self() {
    return context.peers().self();
  }

  private Jobs jobs() {
    return context.jobs();
  }

  /** The methods by which partners' nodes reach this one. */
  public Map<String, PartnerMethod> partnerMethods() {
    return Map.of(
        "job.propose", this::onPropose,
        "job.decide", this::onDecide,
        "job.decision", this::onDecision,
        "job.ready", this::onReady,
        "job.start", this::onStart,
        "job.abort", this::onAbort,
        "job.news", this::onNews,
        "job.receipt", this::onReceipt,
        "job.receipts", this::onReceipts,
        "machine.speed", (from, body) -> context.machine().told());
  }

  // ---- what operators ask -------------------------------------------------------------------

  /**
   * Sends a job to all its parties, with this node's approval; chooses how people are aligned where
   * the job leaves that open. Where the policy asks for signatures, a person proposes, and partners
   * hear of the job when the own people have approved it.
   *
   * @param by the proposing person's signed word on what is asked for; empty for none
   */
  public Job propose(JobSpec asked, Optional<PersonWord> by) {
    LocalChecks.require(context, "", asked);
    boolean automatic = approving.byItself(asked, self());
    boolean persons = approving.needsPeople() && !automatic;
    if (persons && by.isEmpty()) {
      throw Problem.refused("the policy of %s asks for a person who proposes".formatted(self()))
          .at(self())
          .detail("approval.needs: " + approving.needs())
          .next("silo job propose FILE --as NAME --key KEYFILE");
    }
    by.ifPresent(word -> approving.requireProposer(word, asked));
    JobSpec spec = AlignChoice.of(context, asked).spec();
    if (spec instanceof ServeSpec serve) {
      spec = serve.of(ServedModel.digest(context, serve.model()));
    }
    Party self = self();
    if (spec instanceof ScoringSpec && !spec.labelParty().equals(self)) {
      throw Problem.refused("a prediction is proposed by the label party " + spec.labelParty());
    }
    byte[] tail = new byte[4];
    random.nextBytes(tail);
    String kind = spec instanceof TrainSpec ? "J-" : spec instanceof ServeSpec ? "S-" : "P-";
    String id = kind + HexFormat.of().formatHex(tail);
    Instant now = Instant.now().truncatedTo(ChronoUnit.MILLIS);
    Job job =
        new Job(
            id,
            spec,
            spec.digest(),
            self,
            JobState.PROPOSED,
            0,
            Optional.empty(),
            now,
            now,
            Collections.emptySortedMap());
    job.others(self).forEach(context.peers()::requirePartner);
    Runnable act;
    ObjectNode facts = facts(job);
    if (persons) {
      act = () -> jobs().draft(job, by.orElseThrow());
    } else {
      Job.Decision approval = signed(job, true, null, List.of());
      decided(facts, self, approval);
      act = () -> send(job, approval, () -> keep(job, approval));
    }
    by.ifPresent(word -> facts.withArray("people").add(word.toJson()));
    context.journal().during("job.propose", facts, act);
    return jobs().get(id);
  }

  /**
   * Tells all partners of a job, or none.
   *
   * @param keep done when all know of it; where that fails nobody is to know of it
   */
  private void send(Job job, Job.Decision approval, Runnable keep) {
    ObjectNode body = facts(job);
    body.set("content", job.spec().toJson());
    body.put("created", job.created().toString());
    body.set("approval", json(approval));
    SortedSet<Party> told = new TreeSet<>();
    try {
      for (Party partner : job.others(self())) {
        context.peers().request(partner, "job.propose", body, ASK);
        told.add(partner);
      }
      keep.run();
    } catch (RuntimeException e) {
      ObjectNode withdrawal = facts(job).put("reason", "the proposal did not reach everybody");
      told.forEach(partner -> tell(partner, "job.abort", withdrawal));
      throw e;
    }
  }

  private void keep(Job job, Job.Decision approval) {
    jobs().insert(job);
    jobs().log(job.id(), "PROPOSED by " + job.proposer());
    jobs().decide(job.id(), job.proposer(), approval);
  }

  /**
   * Approves or denies on behalf of this party and tells the others. Where the policy asks for
   * signatures of persons, this is one of them, and the party has decided when the last one that is
   * needed is there.
   *
   * @param by the person's signed word; empty for whoever runs the node
   */
  public Job decide(String id, boolean approve, String reason, Optional<PersonWord> by) {
    Job job = jobs().get(id);
    if (job.decisions().containsKey(self())) {
      Job.Decision earlier = job.decisions().get(self());
      if (earlier.approved() == approve) {
        return job;
      }
      throw Problem.wrongState(
          "this node has already " + (earlier.approved() ? "approved " : "denied ") + id);
    }
    if (job.state() != JobState.PROPOSED) {
      throw Problem.wrongState("job " + id + " is " + job.state());
    }
    if (approve) {
      LocalChecks.require(context, job.id(), job.spec());
    }
    List<PersonWord> words = List.of();
    if (by.isPresent() || approving.needsPeople()) {
      words = approving.words(job, approve, by);
      if (approve && !approving.missing(words).isEmpty()) {
        return jobs().get(id);
      }
    }
    decide(job, approve, reason, words, facts(job));
    return jobs().get(id);
  }

  private void decide(
      Job job, boolean approve, String reason, List<PersonWord> words, ObjectNode facts) {
    Job.Decision decision = signed(job, approve, reason, words);
    boolean draft = jobs().draft(job.id()).map(known -> !known.sent()).orElse(false);
    context
        .journal()
        .during(
            approve ? "job.approve" : "job.deny",
            decided(facts, self(), decision),
            () -> {
              Runnable keep = () -> jobs().decide(job.id(), self(), decision);
              if (draft && approve) {
                send(
                    job,
                    decision,
                    () -> {
                      keep.run();
                      jobs().sent(job.id());
                    });
              } else {
                keep.run();
              }
            });
    if (!draft) {
      ObjectNode body = facts(job);
      body.set("decision", json(decision));
      for (Party partner : job.others(self())) {
        tell(partner, "job.decide", body);
      }
    }
  }

  /** Approves a partner's proposal without anybody, if the policy says so. */
  private void decideByItself(String id) {
    try {
      Job job = jobs().get(id);
      if (job.state() == JobState.PROPOSED && !job.decisions().containsKey(self())) {
        LocalChecks.require(context, id, job.spec());
        decide(job, true, "approval.auto", List.of(), facts(job).put("automatic", true));
      }
    } catch (RuntimeException e) {
      jobs().log(id, "not approved by itself: " + e.getMessage());
      LOG.info("job {} is not approved by itself", id, e);
    }
  }

  /** What is needed to decide on a job here, see {@link ApprovalRules#toJson}. */
  public ObjectNode approval(Job job) {
    return approving.toJson(job);
  }

  /**
   * Stops all that runs, because the node is halted.
   *
   * @return how many attempts were stopped
   */
  public int haltAll() {
    Problem cause =
        Problem.of(Problem.Kind.JOB_FAILED, "the node of %s was halted".formatted(self()))
            .at(self())
            .next("silo resume at " + self());
    int stopped = 0;
    for (JobRun run : List.copyOf(runs.values())) {
      if (!run.isOver()) {
        run.stop(cause, JobState.FAILED);
        stopped++;
      }
    }
    return stopped;
  }

  /** Starts the job at all parties; one that runs already goes on. */
  public Job run(String id) {
    Job job = gathered(id);
    if (job.state() != JobState.RUNNING) {
      again.remove(id);
      jobs().triedAgain(id, 0);
      allowed.merge(id, job.attempt() + ATTEMPTS, Math::max);
    }
    return start(id);
  }

  private Job start(String id) {
    Job job = gathered(id);
    requireAttempts(job);
    if (completion.succeeds(job)) {
      return jobs().get(id);
    }
    switch (job.state()) {
      case RUNNING -> {
        return job;
      }
      case PROPOSED ->
          throw Problem.wrongState("job " + id + " waits for " + names(job.undecided()))
              .next("silo job approve " + id + " at " + names(job.undecided()));
      case APPROVED, FAILED -> {
        LocalChecks.require(context, job.id(), job.spec());
        approving.requireValid(job);
      }
      default ->
          throw Problem.wrongState("job " + id + " is " + job.state()).next("silo job show " + id);
    }
    int attempt = job.attempt();
    ObjectNode body = facts(job);
    ObjectNode approvals = body.putObject("approvals");
    job.decisions().forEach((party, decision) -> approvals.set(party.name(), json(decision)));
    for (Party partner : job.others(self())) {
      JsonNode ready = context.peers().request(partner, "job.ready", body, ASK);
      attempt = Math.max(attempt, attemptOf(ready, partner, job));
    }
    attempt++;
    body.put("attempt", attempt);
    job = begin(id, attempt);
    for (Party partner : job.others(self())) {
      try {
        context.peers().request(partner, "job.start", body, ASK);
      } catch (RuntimeException e) {
        JobRun run = runs.get(id);
        if (run != null) {
          run.stop(Failures.explain(e, partner, "start"), JobState.FAILED);
        }
        throw e;
      }
    }
    return job;
  }

  private static int attemptOf(JsonNode said, Party partner, Job job) {
    int attempt = said.path("attempt").asInt(-1);
    if (attempt < 0 || attempt > job.attempt() + MAX_ATTEMPT_STEP) {
      throw Problem.of(Problem.Kind.PARTNER, partner + " names an impossible attempt").at(partner);
    }
    return attempt;
  }

  /** Ends a job for good, here and at all parties; doing it again changes nothing. */
  public Job abort(String id, String reason) {
    Job job = jobs().get(id);
    if (job.state() == JobState.ABORTED) {
      return job;
    }
    if (!job.state().allows(JobState.ABORTED)) {
      throw Problem.wrongState("job " + id + " is " + job.state() + ": there is nothing to abort")
          .next("silo job show " + id);
    }
    Problem cause = Problem.of(Problem.Kind.JOB_FAILED, "aborted: " + bounded(reason)).at(self());
    context.journal().during("job.abort", facts(job), () -> end(id, cause));
    if (jobs().draft(id).map(Jobs.Draft::sent).orElse(true)) {
      ObjectNode body = facts(job).put("reason", bounded(reason));
      job.others(self()).forEach(partner -> tell(partner, "job.abort", body));
    }
    return jobs().get(id);
  }

  private void end(String id, Problem cause) {
    JobRun run;
    synchronized (runs) {
      run = runs.get(id);
      JobState state = jobs().get(id).state();
      if (state == JobState.ABORTED) {
        return; // by a partner, a moment ago
      }
      if (run == null || run.isOver() || state != JobState.RUNNING) {
        jobs().move(id, JobState.ABORTED, cause);
        return;
      }
    }
    run.stop(cause, JobState.ABORTED);
    try {
      run.join(Duration.ofSeconds(20));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    synchronized (runs) {
      JobState state = jobs().get(id).state();
      boolean stopping = state == JobState.RUNNING && !run.isOver();
      if (state != JobState.ABORTED && !stopping) {
        jobs().move(id, JobState.ABORTED, cause); // it had failed by itself a moment before
      }
    }
  }

  /** The job after asking those partners for their word of whom none is known yet. */
  public Job gathered(String id) {
    Job job = settled(jobs().get(id));
    boolean unsent = jobs().draft(id).map(draft -> !draft.sent()).orElse(false);
    if (job.state() != JobState.PROPOSED || unsent) {
      return job;
    }
    for (Party partner : job.undecided()) {
      if (!partner.equals(self())) {
        try {
          JsonNode answer = context.peers().request(partner, "job.decision", facts(job), GATHER);
          if (answer.hasNonNull("decision")) {
            accept(job, partner, answer.get("decision"));
          }
        } catch (RuntimeException e) {
          LOG.debug("{} did not say what it decides on {}", partner, id, e);
        }
      }
    }
    return jobs().get(id);
  }

  /** How far the running attempt is, if one runs. */
  public Optional<ObjectNode> progress(String id) {
    return Optional.ofNullable(runs.get(id)).map(JobRun::toJson);
  }

  /** Passes of the running attempt and the objective after each; empty if none runs. */
  public List<double[]> curve(String id) {
    JobRun run = runs.get(id);
    return run == null ? List.of() : run.progress().curve();
  }

  // ---- what partners' nodes ask -------------------------------------------------------------

  private JsonNode onPropose(Party from, JsonNode body) {
    String id = body.path("job").asText();
    if (!id.matches(Job.ID)) {
      throw Problem.refused("not a job id");
    }
    JobSpec spec = JobSpec.json("the proposed job", body.path("content"));
    byte[] digest = spec.digest();
    requireDigest(digest, body);
    if (spec.alignment().isOpen()) {
      throw Problem.refused("the proposed job does not say by which protocol people are aligned");
    }
    if (spec instanceof ServeSpec serve
        && (serve.modelDigest() == null || !spec.labelParty().equals(from))) {
      throw Problem.refused(
          "scoring is proposed by the label party, for a model named by its digest");
    }
    if (!spec.parties().containsKey(self()) || !spec.parties().containsKey(from)) {
      throw Problem.refused("the proposed job does not name both " + from + " and " + self());
    }
    spec.parties().keySet().stream()
        .filter(party -> !party.equals(self()))
        .forEach(context.peers()::requirePartner);
    Instant now = Instant.now();
    Job job =
        new Job(
            id,
            spec,
            digest,
            from,
            JobState.PROPOSED,
            0,
            Optional.empty(),
            now,
            now,
            Collections.emptySortedMap());
    Optional<Job> known = jobs().find(id);
    if (known.isPresent()) {
      requireDigest(known.get().digest(), body);
      return facts(job); // the answer to the first request was lost
    }
    Job.Decision approval = verified(job, from, body.path("approval"));
    if (!approval.approved()) {
      throw Problem.refused("a proposal carries the proposer's own approval");
    }
    if (jobs().proposalsOf(from, now.minus(Duration.ofDays(1))) >= MAX_PROPOSALS) {
      throw Problem.refused("%s has made %d proposals already".formatted(from, MAX_PROPOSALS));
    }
    context
        .journal()
        .during("job.propose", decided(by(from, job), from, approval), () -> keep(job, approval));
    if (approving.byItself(spec, from)) {
      tellers.execute(() -> decideByItself(id));
    }
    return facts(job);
  }

  private JsonNode onDecide(Party from, JsonNode body) {
    Job job = shared(from, body);
    accept(job, from, body.path("decision"));
    return facts(job);
  }

  private JsonNode onDecision(Party from, JsonNode body) {
    Job job = shared(from, body);
    ObjectNode answer = facts(job);
    Job.Decision mine = job.decisions().get(self());
    if (mine != null) {
      answer.set("decision", json(mine));
    }
    return answer;
  }

  private JsonNode onReady(Party from, JsonNode body) {
    Job job = shared(from, body);
    for (Party party : job.undecided()) {
      JsonNode approval = body.path("approvals").path(party.name());
      if (!approval.isMissingNode() && !party.equals(self())) {
        accept(job, party, approval);
      }
    }
    job = jobs().get(job.id());
    requireAttempts(job);
    if (job.state() != JobState.APPROVED && job.state() != JobState.FAILED) {
      throw Problem.wrongState(
              "job "
                  + job.id()
                  + " is "
                  + job.state()
                  + " at "
                  + self()
                  + (job.state() == JobState.PROPOSED
                      ? ", waiting for " + names(job.undecided())
                      : ""))
          .at(self());
    }
    requireAllowed(job);
    LocalChecks.require(context, job.id(), job.spec());
    approving.requireValid(job);
    return facts(job).put("attempt", job.attempt());
  }

  private JsonNode onStart(Party from, JsonNode body) {
    Job job = shared(from, body);
    requireAttempts(job);
    int attempt = attemptOf(body, from, job);
    if (job.state() == JobState.RUNNING && job.attempt() == attempt) {
      return facts(job);
    }
    requireAllowed(job);
    PolicyRules.require(context, job.spec());
    approving.requireValid(job);
    return facts(begin(job.id(), attempt));
  }

  private static void requireAttempts(Job job) {
    if (job.spec() instanceof ServeSpec) {
      throw Problem.wrongState(job.id() + " scores people on request and is not run")
          .next("silo serve start " + job.id());
    }
  }

  private void requireAllowed(Job job) {
    if (job.attempt() >= allowed.getOrDefault(job.id(), ATTEMPTS)) {
      throw Problem.refused(
              "job %s was tried %d times: the operator of %s must run it to allow more"
                  .formatted(job.id(), job.attempt(), self()))
          .at(self())
          .next("silo job run " + job.id() + " at " + self());
    }
  }

  private JsonNode onAbort(Party from, JsonNode body) {
    Job job = shared(from, body);
    Problem cause =
        Problem.of(Problem.Kind.JOB_FAILED, "aborted: " + bounded(body.path("reason").asText()))
            .at(from);
    if (job.state() == JobState.ABORTED) {
      return facts(job);
    }
    if (!job.state().allows(JobState.ABORTED)) {
      throw Problem.wrongState("job " + job.id() + " is " + job.state() + " at " + self());
    }
    context.journal().during("job.abort", by(from, job), () -> end(job.id(), cause));
    return facts(job);
  }

  private JsonNode onNews(Party from, JsonNode body) {
    Job job = shared(from, body);
    JobRun run = runs.get(job.id());
    String state = body.path("state").asText();
    if (run != null && run.session().attempt() == body.path("attempt").asInt()) {
      run.progress().news(from, state, body.path("phase").asText());
      if (state.equals(JobState.FAILED.name()) || state.equals(JobState.ABORTED.name())) {
        Problem said = Problem.fromJson(body.path("cause"));
        Problem cause = Problem.of(Problem.Kind.JOB_FAILED, said.what());
        Party where = said.party().filter(p -> job.spec().parties().containsKey(p)).orElse(from);
        run.stop(cause.at(where), JobState.valueOf(state), body.path("lost").asBoolean());
      }
    }
    return Json.object();
  }

  private JsonNode onReceipt(Party from, JsonNode body) {
    JsonNode content = body.path("receipt");
    Job job = shared(from, content);
    Jobs.Receipt receipt = completion.verified(from, job, body);
    if (job.state() != JobState.RUNNING) {
      throw Problem.wrongState("the receipt is not for the running attempt");
    }
    jobs().receipt(job.id(), job.attempt(), from, receipt);
    return Json.object();
  }

  /** The own receipt of an attempt, for a partner that was cut off before it had it. */
  private JsonNode onReceipts(Party from, JsonNode body) {
    return completion.own(shared(from, body), body.path("attempt").asInt(-1));
  }

  private boolean mayBeRepeated(Job job) {
    return JobRun.mayBeRepeated(job.spec(), jobs().phase(job.id()).orElse(RunProgress.BEFORE));
  }

  // ---- shared ---------------------------------------------------------------------------------

  /** Begins an attempt, unless another party has had it begun in the meantime. */
  private Job begin(String id, int attempt) {
    synchronized (runs) {
      if (closed) {
        throw Problem.wrongState("the node of " + self() + " is stopping").at(self());
      }
      Job job = jobs().get(id);
      if (job.state() == JobState.RUNNING && job.attempt() == attempt) {
        return job;
      }
      Job running = jobs().begin(id, attempt);
      JobRun run = new JobRun(context, running, attempt, Flows.of(running.spec()));
      run.start();
      runs.put(id, run);
      return running;
    }
  }

  /** The job as it is: one that runs on no thread has failed, but could not be kept as such. */
  private Job settled(Job job) {
    if (job.state() != JobState.RUNNING) {
      return job;
    }
    synchronized (runs) {
      Job now = jobs().get(job.id());
      JobRun run = runs.get(job.id());
      if (now.state() != JobState.RUNNING || (run != null && !run.isOver())) {
        return now;
      }
      Problem cause =
          Problem.of(Problem.Kind.JOB_FAILED, "how the attempt ended could not be kept")
              .at(self())
              .detail("the reason is in node.log of the home folder")
              .next("silo job run " + job.id());
      try {
        return jobs().move(job.id(), JobState.FAILED, cause);
      } catch (RuntimeException e) {
        LOG.error("the state of job {} still cannot be kept", job.id(), e);
        return now; // it can be looked at all the same
      }
    }
  }

  /** The job that a partner means, if it is one of the parties and means the same content. */
  private Job shared(Party from, JsonNode body) {
    Job job =
        jobs()
            .find(body.path("job").asText())
            .filter(found -> found.spec().parties().containsKey(from))
            .orElseThrow(() -> Problem.notFound("no such job at " + self()));
    requireDigest(job.digest(), body);
    return settled(job);
  }

  private void requireDigest(byte[] known, JsonNode body) {
    requireDigest(self(), known, body);
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

  /** Keeps another party's word if its signature holds; a later, different one changes nothing. */
  private void accept(Job job, Party signer, JsonNode said) {
    if (!job.spec().parties().containsKey(signer)) {
      throw Problem.refused(signer + " is no party of job " + job.id());
    }
    Job.Decision decision = verified(job, signer, said);
    if (!jobs().get(job.id()).decisions().containsKey(signer)) {
      context
          .journal()
          .fact(
              decision.approved() ? "job.approve" : "job.deny",
              decided(by(signer, job), signer, decision));
      jobs().decide(job.id(), signer, decision);
    }
  }

  private Job.Decision verified(Job job, Party signer, JsonNode said) {
    boolean approved = said.path("approved").asBoolean();
    byte[] signature = bytes(said.path("signature"));
    Approvals.Grounds grounds = Approvals.Grounds.fromJson(said.path("grounds"));
    byte[] statement = Approvals.statement(job.id(), job.digest(), signer, approved, grounds);
    if (!context.peers().verify(signer, statement, signature)) {
      throw Problem.refused("the decision on job " + job.id() + " is not signed by " + signer);
    }
    Approvals.requireSigned(job, signer, approved, grounds);
    String reason = said.hasNonNull("reason") ? bounded(said.get("reason").asText()) : null;
    return new Job.Decision(approved, reason, signature, Instant.now(), grounds.toJson());
  }

  private Job.Decision signed(Job job, boolean approve, String reason, List<PersonWord> words) {
    Approvals.Grounds grounds = new Approvals.Grounds(context.rules().now().digest(), words);
    byte[] statement = Approvals.statement(job.id(), job.digest(), self(), approve, grounds);
    return new Job.Decision(
        approve,
        reason == null ? null : bounded(reason),
        context.peers().sign(statement),
        Instant.now(),
        grounds.toJson());
  }

  private static ObjectNode json(Job.Decision decision) {
    ObjectNode json =
        Json.object()
            .put("approved", decision.approved())
            .put("reason", decision.reason())
            .put("signature", decision.signature());
    return json.set("grounds", decision.grounds());
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

  /** How a job is named in the log and between nodes. */
  static ObjectNode facts(Job job) {
    return Json.object().put("job", job.id()).put("spec", HexFormat.of().formatHex(job.digest()));
  }

  private static ObjectNode by(Party partner, Job job) {
    return facts(job).put("by", partner.name());
  }

  private static ObjectNode decided(ObjectNode facts, Party signer, Job.Decision decision) {
    decision.grounds().path("people").forEach(facts.withArray("people")::add);
    return facts
        .put("signer", signer.name())
        .put("policy", decision.grounds().path("policy").asText())
        .put("signature", Base64.getEncoder().encodeToString(decision.signature()));
  }

  private void tell(Party partner, String method, JsonNode body) {
    try {
      context.peers().request(partner, method, body, ASK);
    } catch (RuntimeException e) {
      LOG.info("{} could not be told {}", partner, method, e);
    }
  }

  // ---- again ----------------------------------------------------------------------------------

  /**
   * Whether a job that has failed will be run again by itself: this node proposed it, and a partner
   * or a line was lost, or a node killed, before anything was opened that counts. What an attempt
   * drew is forgotten with it: another one begins with new secrets. Or whether all was said when it
   * broke off, so that it will end as done when the receipts are there.
   */
  public boolean triesAgain(String id) {
    JobRun run = runs.get(id);
    return again.containsKey(id) || (run != null && mayTryAgain(run));
  }

  private boolean mayTryAgain(JobRun run) {
    return (run.mayBeRepeated() || completion.brokeOff(run.job())) && mayTryAgain(run.job());
  }

  private boolean mayTryAgain(Job job) {
    return (job.proposer().equals(self()) || completion.brokeOff(job))
        && jobs().triedAgain(job.id()) < AGAIN;
  }

  private void planAgain(Job job) {
    if (mayTryAgain(job)) {
      Instant now = Instant.now();
      Duration patience =
          context.config() == null ? Duration.ofMinutes(10) : context.config().patience();
      again.put(job.id(), new Again(now, now.plus(patience)));
    }
  }

  private void tryAgain(String id, Again plan) {
    if (jobs().get(id).state() == JobState.FAILED) {
      int times = jobs().triedAgain(id);
      // Counted before, so that a node that dies of it does not go on for ever.
      jobs().triedAgain(id, times + 1);
      try {
        Job job = jobs().get(id);
        if (completion.succeeds(job)) {
          jobs().log(id, "is done: the receipts of all parties agree");
        } else if (job.proposer().equals(self()) && mayBeRepeated(job)) {
          start(id);
          jobs().log(id, "runs again by itself, time %d of %d".formatted(times + 1, AGAIN));
        }
      } catch (Problem e) {
        boolean away = e.kind() == Problem.Kind.PARTNER || e.kind() == Problem.Kind.WRONG_STATE;
        if (away && Instant.now().isBefore(plan.end())) {
          jobs().triedAgain(id, times); // nobody has done anything
          again.replace(id, plan, new Again(Instant.now().plus(BETWEEN_TRIES), plan.end()));
          return;
        }
        jobs().log(id, "is not run again by itself: " + e.what());
      }
    }
    again.remove(id, plan);
  }

  /** What is to be tried by now, each on a thread of its own. */
  private void tryAgain() {
    Instant now = Instant.now();
    again.forEach(
        (id, plan) -> {
          String trying = "again " + id;
          if (!plan.next().isAfter(now) && beingTold.add(trying)) {
            tellers.execute(
                () -> {
                  try {
                    tryAgain(id, plan);
                  } catch (RuntimeException e) {
                    again.remove(id);
                    LOG.error("job {} cannot be run again", id, e);
                  } finally {
                    beingTold.remove(trying);
                  }
                });
          }
        });
  }

  /** Throws nothing: an exception would end the timer. */
  private void spreadNews() {
    synchronized (runs) {
      for (JobRun run : runs.values()) {
        if (run.isOver() && mayTryAgain(run)) {
          planAgain(run.job());
        }
      }
      runs.values().removeIf(JobRun::isOver);
    }
    tryAgain();
    for (JobRun run : runs.values()) {
      for (Party partner : run.job().others(self())) {
        // Each partner by itself: one that does not answer must not delay what the others hear.
        String telling = run.job().id() + " " + partner;
        if (beingTold.add(telling)) {
          tellers.execute(
              () -> {
                try {
                  context.peers().request(partner, "job.news", run.news(), GATHER);
                } catch (RuntimeException e) {
                  LOG.debug("{} could not be told the news", partner, e);
                } finally {
                  beingTold.remove(telling);
                }
              });
        }
      }
    }
  }

  private static String bounded(String reason) {
    String s = Printable.of(reason == null ? "" : reason);
    return s.length() > MAX_REASON ? s.substring(0, MAX_REASON) : s;
  }

  private static String names(Collection<Party> parties) {
    return String.join(", ", parties.stream().map(Party::name).toList());
  }

  /** Stops what runs: partners are told why. */
  @Override
  public void close() {
    newsTimer.shutdownNow();
    synchronized (runs) {
      closed = true;
    }
    Problem cause = Problem.of(Problem.Kind.JOB_FAILED, "the node was stopped").at(self());
    for (JobRun run : List.copyOf(new TreeMap<>(runs).values())) {
      run.stop(cause.next("silo job run " + run.job().id()), JobState.FAILED);
    }
    for (JobRun run : List.copyOf(new TreeMap<>(runs).values())) {
      try {
        run.join(Duration.ofSeconds(20));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    tellers.shutdownNow();
  }
}
