package org.espalier.node.job;

import static org.espalier.node.job.JobMessages.bounded;
import static org.espalier.node.job.JobMessages.by;
import static org.espalier.node.job.JobMessages.facts;
import static org.espalier.node.job.JobMessages.requireDigest;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import org.espalier.node.Periodic;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.policy.PersonWord;
import org.espalier.node.store.Store;
import org.espalier.wire.Party;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Jobs as operators and partners' nodes ask for them: {@link Proposals} until all have agreed, and
 * runs from then on. A job runs when every party has approved the same digest. Which party starts
 * it does not matter.
 */
public final class JobService implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(JobService.class);
  static final Duration ASK = Duration.ofSeconds(15);
  private static final Duration GATHER = Duration.ofSeconds(3);

  /** Parties may have counted attempts that did not reach all of them, but not many. */
  private static final int MAX_ATTEMPT_STEP = 100;

  /**
   * How often partners may have a job run before this node's own operator has to run it again: an
   * attempt costs this node work, and its approval was not given for hundreds.
   */
  private static final int ATTEMPTS = 10;

  /** How often a job is run again by itself since its operator did. */
  private static final int AGAIN = 3;

  private static final String ABORTED = "aborted: ";

  private static final Duration BETWEEN_TRIES = Duration.ofSeconds(2);
  private static final Duration WITHOUT_DATABASE = Duration.ofSeconds(10);

  private final JobRun.Context context;
  private final Duration patience;
  private final ApprovalRules approving;
  private final Proposals proposals;
  private final Completion completion;

  /** Also the lock of beginning and ending attempts. */
  private final Map<String, JobRun> runs = new ConcurrentHashMap<>();

  /**
   * Attempts up to which the own operator lets partners start a job, where not {@link #ATTEMPTS}.
   */
  private final Map<String, Integer> allowed = new ConcurrentHashMap<>();

  /** Jobs of this node's that are about to be run again by themselves. */
  private final Map<String, Again> again = new ConcurrentHashMap<>();

  private final ScheduledExecutorService newsTimer =
      Executors.newSingleThreadScheduledExecutor(JobService::daemon);
  private final ExecutorService tellers = Executors.newCachedThreadPool(JobService::daemon);
  private final Set<String> beingTold = ConcurrentHashMap.newKeySet();

  /** Jobs whose end cannot be kept at present, which the log has been told. */
  private final Set<String> unkept = ConcurrentHashMap.newKeySet();

  private boolean closed;

  private static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "job-news");
    thread.setDaemon(true);
    return thread;
  }

  /**
   * Times of {@link System#nanoTime}: nobody sets that clock.
   *
   * @param next when to try
   * @param end until when a partner may take to come back
   */
  private record Again(long next, long end) {
    static Again within(Duration patience) {
      return new Again(System.nanoTime(), System.nanoTime() + patience.toNanos());
    }

    Again after(Duration pause) {
      return new Again(System.nanoTime() + pause.toNanos(), end);
    }

    boolean isDue() {
      return System.nanoTime() - next >= 0;
    }

    boolean isOver() {
      return System.nanoTime() - end >= 0;
    }
  }

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
    this(context, context.config() == null ? Duration.ofMinutes(10) : context.config().patience());
  }

  /**
   * @param patience with a partner that is away when a job is to go on by itself
   */
  JobService(JobRun.Context context, Duration patience) {
    this.context = context;
    this.patience = patience;
    this.approving = new ApprovalRules(context);
    this.proposals = new Proposals(context, approving);
    this.completion = new Completion(context);
    Set<String> open = new TreeSet<>();
    for (Job job : context.jobs().list()) {
      if (!job.state().ended()) {
        open.add(job.id());
      }
      boolean goesOn = job.state() == JobState.FAILED && jobs().goesOn(job.id());
      if (job.state() == JobState.RUNNING) {
        // Before its state, as where an attempt ends: the node may be killed again.
        jobs().goesOn(job.id(), true);
        context
            .jobs()
            .move(
                job.id(),
                JobState.FAILED,
                Problem.of(Problem.Kind.JOB_FAILED, "the node was restarted")
                    .at(self())
                    .next("silo job run " + job.id()));
        goesOn = true;
      }
      if (goesOn) {
        goOn(job);
      }
    }
    context.cohorts().forgetOthers(open); // of those aborted while they did not run
    Periodic.every(newsTimer, Duration.ofSeconds(1), this::spreadNews);
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
    return proposals.propose(asked, by);
  }

  /** Whether to propose such a job is to approve it for this party, because no person is asked. */
  public boolean isApprovedByProposing(JobSpec spec) {
    return !approving.needsPeople() && !approving.byItself(spec, self());
  }

  /**
   * Approves or denies on behalf of this party and tells the others. Where the policy asks for
   * signatures of persons, this is one of them, and the party has decided when the last one that is
   * needed is there.
   *
   * @param by the person's signed word; empty for whoever runs the node
   */
  public Job decide(String id, boolean approve, String reason, Optional<PersonWord> by) {
    return proposals.decide(id, approve, reason, by);
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
    try {
      return start(id);
    } catch (RuntimeException e) {
      Job now = jobs().get(id);
      if (now.state() == JobState.FAILED && now.attempt() == job.attempt() && jobs().goesOn(id)) {
        goOn(now); // nothing was begun: who waited for a partner still does
        if (e instanceof Problem away && isAway(e) && again.containsKey(id)) {
          throw away.next("silo job wait " + id);
        }
      }
      throw e;
    }
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
    body.set("approvals", Proposals.all(job));
    for (Party partner : job.others(self())) {
      try {
        JsonNode ready = context.peers().request(partner, "job.ready", body, ASK);
        attempt = Math.max(attempt, attemptOf(ready, partner, job));
      } catch (Problem e) {
        if (e.kind() == Problem.Kind.WRONG_STATE) {
          learnAbort(partner, job);
        }
        throw e;
      }
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
          // Who was lost in this moment was lost in the attempt.
          run.stop(Failures.explain(e, partner, "start"), JobState.FAILED, isAway(e));
        }
        if (e instanceof Problem away && isAway(e) && mayTryAgain(job)) {
          throw away.next("silo job wait " + id); // it is run again by itself
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

  /**
   * @param notAt partners at which it is not, with the reason
   */
  public record Aborted(Job job, SortedMap<Party, String> notAt) {}

  /**
   * Ends a job for good, here and at all parties. Doing it again changes nothing here and tells the
   * partners again, because one that could not be reached still has the job.
   */
  public Aborted abort(String id, String reason) {
    Job job = jobs().get(id);
    if (job.state() != JobState.ABORTED) {
      if (!job.state().allows(JobState.ABORTED)) {
        throw Problem.wrongState("job " + id + " is " + job.state() + ": there is nothing to abort")
            .next("silo job show " + id);
      }
      Problem cause = Problem.of(Problem.Kind.JOB_FAILED, ABORTED + bounded(reason)).at(self());
      context.journal().during("job.abort", facts(job), () -> end(id, cause));
    }
    Job now = jobs().get(id);
    boolean sent = jobs().draft(id).map(Jobs.Draft::sent).orElse(true);
    String why = now.state() == JobState.ABORTED ? abortReason(now) : bounded(reason);
    return new Aborted(now, sent ? tellAborted(now, why) : new TreeMap<>());
  }

  /** Tells all at the same time: one that is away must not delay what the others hear. */
  private SortedMap<Party, String> tellAborted(Job job, String reason) {
    ObjectNode body = facts(job).put("reason", reason);
    SortedMap<Party, String> failures = new ConcurrentSkipListMap<>();
    CompletableFuture<?>[] telling =
        job.others(self()).stream()
            .map(
                partner ->
                    CompletableFuture.runAsync(
                        () -> {
                          try {
                            context.peers().request(partner, "job.abort", body, ASK);
                          } catch (RuntimeException e) {
                            notAborted(job, partner, e)
                                .ifPresent(why -> failures.put(partner, why));
                          }
                        },
                        tellers))
            .toArray(CompletableFuture<?>[]::new);
    CompletableFuture.allOf(telling).join();
    return new TreeMap<>(failures);
  }

  /** Why a job is not aborted at a partner; empty where there is no such job. */
  private static Optional<String> notAborted(Job job, Party partner, RuntimeException e) {
    LOG.info("{} did not abort job {}", partner, job.id(), e);
    if (!(e instanceof Problem problem)) {
      return Optional.of("internal error");
    }
    return problem.kind() == Problem.Kind.NOT_FOUND
        ? Optional.empty()
        : Optional.of(problem.what());
  }

  /** Why an aborted job was, in its operator's words. */
  static String abortReason(Job job) {
    String what = job.cause().map(Problem::what).orElse("");
    return bounded(what.startsWith(ABORTED) ? what.substring(ABORTED.length()) : what);
  }

  /**
   * Ends a job here of which a party of it has said, when it was asked, that it has been aborted
   * there. It may have told so when this node could not be reached.
   */
  void adoptAbort(Party from, String id, String reason) {
    try {
      abortedBy(from, settled(jobs().get(id)), reason);
    } catch (RuntimeException e) {
      LOG.info("job {} is aborted at {} and cannot be here", id, from, e);
    }
  }

  /** Asks a partner that is not ready for a job whether that is because it has been aborted. */
  private void learnAbort(Party partner, Job job) {
    try {
      JsonNode said = context.peers().request(partner, Standings.ASK, facts(job), GATHER);
      if (said.path("state").asText().equals(JobState.ABORTED.name())) {
        adoptAbort(partner, job.id(), said.path("reason").asText());
      }
    } catch (RuntimeException e) {
      LOG.debug("{} does not say how job {} stands", partner, job.id(), e);
    }
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
        aborted(id, cause);
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
        aborted(id, cause); // it had failed by itself a moment before
      }
    }
  }

  private void aborted(String id, Problem cause) {
    jobs().move(id, JobState.ABORTED, cause);
    context.cohorts().forget(id);
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
            proposals.accept(job, partner, answer.get("decision"));
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
    boolean known = jobs().find(body.path("job").asText()).isPresent();
    Job job = proposals.proposed(from, body);
    if (!known && approving.byItself(job.spec(), from)) {
      tellers.execute(() -> proposals.decideByItself(job.id()));
    }
    return facts(job);
  }

  private JsonNode onDecide(Party from, JsonNode body) {
    Job job = shared(from, body);
    proposals.accept(job, from, body.path("decision"));
    return facts(job);
  }

  private JsonNode onDecision(Party from, JsonNode body) {
    return proposals.own(shared(from, body));
  }

  private JsonNode onReady(Party from, JsonNode body) {
    Job job = shared(from, body);
    for (Party party : job.undecided()) {
      JsonNode approval = body.path("approvals").path(party.name());
      if (!approval.isMissingNode() && !party.equals(self())) {
        proposals.accept(job, party, approval);
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
    abortedBy(from, job, body.path("reason").asText());
    return facts(job);
  }

  /** Ends a job as one of its parties has ended it. */
  private void abortedBy(Party from, Job job, String reason) {
    if (job.state() == JobState.ABORTED) {
      return;
    }
    if (!job.state().allows(JobState.ABORTED)) {
      throw Problem.wrongState("job " + job.id() + " is " + job.state() + " at " + self());
    }
    Problem cause = Problem.of(Problem.Kind.JOB_FAILED, ABORTED + bounded(reason)).at(from);
    context.journal().during("job.abort", by(from, job), () -> end(job.id(), cause));
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
      Job now = job;
      try {
        now = jobs().get(job.id());
        JobRun run = runs.get(job.id());
        if (now.state() != JobState.RUNNING || (run != null && !run.isOver())) {
          return now;
        }
        if (run != null && run.goesOn()) {
          jobs().goesOn(job.id(), true); // before its state, as where an attempt ends
        }
        return jobs()
            .move(
                job.id(),
                JobState.FAILED,
                Problem.of(Problem.Kind.JOB_FAILED, "how the attempt ended could not be kept")
                    .at(self())
                    .detail("the reason is in node.log of the home folder")
                    .next("silo job run " + job.id()));
      } catch (RuntimeException e) {
        notKept(job.id(), e);
        return now; // it can be looked at all the same
      }
    }
  }

  /** Said once, because it is tried again every second. */
  private void notKept(String id, RuntimeException e) {
    if (unkept.add(id)) {
      LOG.error("how job {} ended cannot be kept yet", id, e);
    }
  }

  /** The job that a partner means, if it is one of the parties and means the same content. */
  private Job shared(Party from, JsonNode body) {
    Job job =
        jobs()
            .find(body.path("job").asText())
            .filter(found -> found.spec().parties().containsKey(from))
            .orElseThrow(() -> Problem.notFound("no such job at " + self()));
    requireDigest(self(), job.digest(), body);
    return settled(job);
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

  /** As {@link #triesAgain(String)}, of a failed job as it was seen; or it goes on already. */
  public boolean triesAgain(Job seen) {
    if (seen.state() != JobState.FAILED) {
      return false;
    }
    boolean planned = triesAgain(seen.id());
    Job now = jobs().get(seen.id()); // afterwards: what is planned no more may have begun
    return planned || now.state() != JobState.FAILED || now.attempt() != seen.attempt();
  }

  /** Whether nothing more comes of a job, as it was seen, unless somebody has it run again. */
  public boolean isOver(Job seen) {
    return seen.state().ended() || (seen.state() == JobState.FAILED && !triesAgain(seen));
  }

  private boolean mayTryAgain(JobRun run) {
    return (run.mayBeRepeated() || completion.brokeOff(run.job())) && mayTryAgain(run.job());
  }

  private boolean mayTryAgain(Job job) {
    return completion.brokeOff(job)
        || (job.proposer().equals(self()) && jobs().triedAgain(job.id()) < AGAIN);
  }

  /** Plans what is to go on by itself, as far as it may. */
  private void goOn(Job job) {
    if (completion.brokeOff(job) || mayBeRepeated(job)) {
      planAgain(job);
    }
  }

  private void planAgain(Job job) {
    if (mayTryAgain(job)) {
      again.put(job.id(), Again.within(patience));
    }
  }

  /** How soon a partner is asked for its receipt again when it is away for longer than patience. */
  private Duration betweenLateTries() {
    Duration tenth = patience.dividedBy(10);
    return tenth.compareTo(BETWEEN_TRIES) < 0 ? BETWEEN_TRIES : tenth;
  }

  private void tryAgain(String id, Again plan) {
    Job job = jobs().get(id);
    int times = jobs().triedAgain(id);
    if (job.state() == JobState.FAILED) {
      // Counted before, so that a node that dies of it does not go on for ever.
      jobs().triedAgain(id, times + 1);
      boolean fetches = true;
      try {
        if (completion.succeeds(job)) {
          jobs().log(id, "is done: the receipts of all parties agree");
        } else if (job.proposer().equals(self()) && times < AGAIN && mayBeRepeated(job)) {
          fetches = false;
          start(id);
          jobs().log(id, "runs again by itself, time %d of %d".formatted(times + 1, AGAIN));
        }
      } catch (Problem e) {
        if (jobs().get(id).attempt() != job.attempt()) {
          jobs().log(id, "could not be begun by all parties: " + e.what()); // its end decides
        } else if (isAway(e) && (fetches || !plan.isOver())) {
          jobs().triedAgain(id, times); // nobody has done anything
          // A receipt opens nothing, however late it is fetched.
          again.replace(id, plan, plan.after(plan.isOver() ? betweenLateTries() : BETWEEN_TRIES));
          return;
        } else {
          jobs().goesOn(id, false);
          jobs().log(id, "is not run again by itself: " + e.what());
        }
      }
    }
    again.remove(id, plan);
  }

  /** Whether a partner may be there, or ready, a moment later. */
  private static boolean isAway(RuntimeException e) {
    return e instanceof Problem problem
        && (problem.kind() == Problem.Kind.PARTNER || problem.kind() == Problem.Kind.WRONG_STATE);
  }

  /** What is to be tried by now, each on a thread of its own. */
  private void tryAgain() {
    again.forEach(
        (id, plan) -> {
          String trying = "again " + id;
          if (plan.isDue() && beingTold.add(trying)) {
            tellers.execute(
                () -> {
                  try {
                    tryAgain(id, plan);
                  } catch (Store.StoreException e) {
                    LOG.error("job {} cannot be run again while the database is away", id, e);
                    again.replace(id, plan, plan.after(WITHOUT_DATABASE));
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

  /** Lets go of an attempt that is over as soon as its end is kept, and plans what follows. */
  private void letGo(JobRun run) {
    String id = run.job().id();
    try {
      synchronized (runs) {
        Job job = settled(run.job());
        if (job.state() == JobState.RUNNING) {
          return;
        }
        if (job.state() == JobState.FAILED && mayTryAgain(run)) {
          planAgain(job);
        }
        runs.remove(id, run);
        unkept.remove(id);
      }
    } catch (RuntimeException e) {
      notKept(id, e);
    }
  }

  private void spreadNews() {
    runs.values().stream().filter(JobRun::isOver).forEach(this::letGo);
    tryAgain();
    for (JobRun run : runs.values()) {
      if (run.isOver()) {
        continue; // its last word was its end
      }
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
