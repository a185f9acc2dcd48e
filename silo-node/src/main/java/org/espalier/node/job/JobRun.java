package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.espalier.node.LogContext;
import org.espalier.node.Problem;
import org.espalier.node.cohort.Cohorts;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloConfig;
import org.espalier.node.data.Datasets;
import org.espalier.node.policy.Policy;
import org.espalier.node.policy.Rulebook;
import org.espalier.protocols.shares.Workspace;
import org.espalier.wire.Channel;
import org.espalier.wire.Digests;
import org.espalier.wire.Party;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One attempt of one job at this node, on a thread of its own: the flow of phases, then receipts,
 * then the final state, which every partner is told.
 */
public final class JobRun {
  private static final Logger LOG = LoggerFactory.getLogger(JobRun.class);

  /** How long a partner that is gone may take to say why on the control plane. */
  private static final Duration EXPLANATION = Duration.ofSeconds(3);

  /**
   * How long one that stopped may take: it may have lost somebody itself, and then says so only
   * after it has waited for that one's {@link #EXPLANATION} and has ended its own attempt.
   */
  private static final Duration FORWARDED_EXPLANATION = Duration.ofSeconds(12);

  private static final Duration RECEIPTS = Duration.ofSeconds(30);
  private static final Duration NEWS = Duration.ofSeconds(5);

  /** The phase in which all has been said and receipts are exchanged. */
  static final String RECEIPT = "receipt";

  /**
   * What an attempt needs of the node.
   *
   * @param openings the count of passes, over all jobs
   * @param alignments the count of new alignments, over all jobs
   * @param cohorts frozen alignments
   * @param rules what the own institution allows, as it is in force
   * @param results where files for the own operator go
   * @param work for temporary files; emptied when the node starts
   */
  public record Context(
      Peers peers,
      Jobs jobs,
      Openings openings,
      Alignments alignments,
      Cohorts cohorts,
      Datasets datasets,
      Journal journal,
      SiloConfig config,
      Rulebook rules,
      Path results,
      Path work) {
    /** What the own institution allows now. */
    public Policy policy() {
      return rules.policy();
    }

    /** How fast this machine and its lines are. */
    Machine machine() {
      return new Machine(results.toAbsolutePath().getParent());
    }
  }

  /** The phases of one kind of job at one party. */
  @FunctionalInterface
  interface Flow {
    void run(JobRun run);
  }

  private record Stop(Problem cause, JobState end, boolean lost) {}

  private final Context context;
  private final Job job;
  private final Session session;
  private final Flow flow;
  private final Conversations conversations;
  private final RunProgress progress = new RunProgress();
  private final ObjectNode report = Json.object();

  /** What was to be expected of it; null where nobody knows. */
  private ObjectNode forecast;

  private final AtomicReference<Stop> stop = new AtomicReference<>();
  private final CountDownLatch stopped = new CountDownLatch(1);
  private final Thread thread;

  /** Whether it ended because a partner or a line was lost. */
  private volatile boolean lost;

  /** Whether the thread is past its work: what it still has to tell must not be interrupted. */
  private boolean ending;

  JobRun(Context context, Job job, int attempt, Flow flow) {
    this.context = context;
    this.job = job;
    this.session = job.session(attempt);
    this.flow = flow;
    this.conversations =
        new Conversations(
            context.peers(), session, context.config().rendezvous(), context.config().patience());
    this.thread =
        new Thread(
            () -> {
              LogContext on = LogContext.of().job(job.id());
              try {
                run();
              } finally {
                on.close();
              }
            },
            "job-" + session);
  }

  void start() {
    thread.start();
  }

  /** Ends the attempt from outside; the first reason counts. */
  void stop(Problem cause, JobState end) {
    stop(cause, end, false);
  }

  /**
   * @param lost somebody lost a partner or a line, so that another attempt may succeed
   */
  void stop(Problem cause, JobState end, boolean lost) {
    if (stop.compareAndSet(null, new Stop(cause, end, lost))) {
      conversations.abort(cause.what());
      stopped.countDown();
      synchronized (this) {
        if (!ending) {
          thread.interrupt();
        }
      }
    }
  }

  private synchronized void beginEnd() {
    ending = true;
    Thread.interrupted(); // an interrupt that nothing has noticed would cut the farewells short
  }

  /** Whether its thread has ended; one that has not begun is not over. */
  boolean isOver() {
    return thread.getState() == Thread.State.TERMINATED;
  }

  /** Waits for the thread to end, at most so long. */
  void join(Duration patience) throws InterruptedException {
    thread.join(patience.toMillis());
  }

  Context context() {
    return context;
  }

  /** Where slices are kept while they are trained on. */
  Workspace workspace() {
    return new Workspace(context.config().sliceMemory(), context.work());
  }

  Job job() {
    return job;
  }

  Session session() {
    return session;
  }

  Party self() {
    return context.peers().self();
  }

  RunProgress progress() {
    return progress;
  }

  /** What {@code silo job status} shows of an attempt when it is over. */
  ObjectNode report() {
    return report;
  }

  /** Takes what was to be expected of the attempt; its thread only. */
  void forecast(ObjectNode expected) {
    forecast = expected;
  }

  /** Channels to all other parties for one phase. */
  Map<Party, Channel> open(String phase) {
    Map<Party, Channel> channels = conversations.open(phase, job.others(self()));
    if (!AlignPhase.isFirst(phase)) {
      context.cohorts().forgetBegun(job.id()); // all parties are here, so all have the cohort
    }
    return channels;
  }

  /**
   * One phase with its entries in the log: the intent before, the outcome after with the parameters
   * that were really used, the hash of what was said and the bytes it took.
   *
   * @param facts what is known before
   * @param body returns its result after putting what it did into the given object
   */
  <T> T phase(String name, ObjectNode facts, Function<ObjectNode, T> body) {
    return phase(name, facts, () -> {}, body);
  }

  /**
   * The same of a phase whose intent is what a limit counts.
   *
   * @param counted throws a problem if the limit leaves too little. No other attempt of this node
   *     comes between it and the intent: of two that begin at once the second knows of the first
   */
  <T> T phase(String name, ObjectNode facts, Runnable counted, Function<ObjectNode, T> body) {
    PolicyRules.requireStill(context, job.spec());
    ObjectNode what = named(name).setAll(facts);
    Journal.Act act;
    synchronized (context.jobs()) {
      counted.run();
      progress.phase(name);
      context.jobs().phase(job.id(), name);
      act = context.journal().intent("job.phase", what);
    }
    ObjectNode outcome = named(name);
    try {
      T result = body.apply(outcome);
      act.ok(withTraffic(name, outcome));
      return result;
    } catch (RuntimeException | Error e) {
      try {
        act.failed(stop.get() == null ? "failed" : "aborted", withTraffic(name, outcome));
      } catch (RuntimeException notLogged) {
        e.addSuppressed(notLogged);
      }
      throw e;
    }
  }

  private ObjectNode named(String phase) {
    return jobFacts().put("phase_name", phase);
  }

  /** The facts by which the log knows this attempt. */
  ObjectNode jobFacts() {
    return Json.object()
        .put("job", job.id())
        .put("attempt", session.attempt())
        .put("spec", HexFormat.of().formatHex(job.digest()));
  }

  private ObjectNode withTraffic(String phase, ObjectNode outcome) {
    outcome.set("transcripts", conversations.transcripts(phase));
    outcome.set("bytes", conversations.bytes(phase));
    return outcome;
  }

  ObjectNode toJson() {
    ObjectNode json = progress.toJson();
    json.put("attempt", session.attempt());
    json.set("bytes", conversations.bytes());
    return json;
  }

  private void run() {
    Instant began = Instant.now();
    Journal.Act act = null;
    try {
      act = context.journal().intent("job.run", jobFacts());
      flow.run(this);
      progress.phase(RECEIPT);
      finish(began); // whoever is cut off from now on can still end the job as done
      context.jobs().phase(job.id(), RECEIPT);
      exchangeReceipts();
      beginEnd();
      finish(began);
      end(act, JobState.DONE, null);
    } catch (RuntimeException | Error e) {
      Problem cause = explain(e);
      Stop outside = stop.get();
      lost = outside == null ? isLoss(e) : outside.lost();
      beginEnd();
      conversations.abort(cause.what());
      try {
        finish(began);
      } catch (RuntimeException noReport) {
        LOG.error("{}: the report could not be kept", session, noReport);
      }
      end(act, outside == null ? JobState.FAILED : outside.end(), cause);
    } finally {
      conversations.close();
    }
  }

  private void finish(Instant began) {
    report.put("attempt", session.attempt());
    report.put("began", began.toString());
    report.put("ended", Instant.now().toString());
    report.set("seconds", Json.tree(progress.seconds()));
    report.set("bytes", conversations.bytes());
    report.set("transcripts", conversations.transcripts());
    report.put("peak_memory_bytes", peakMemory());
    if (forecast != null) {
      report.set(
          "forecast", Hindsight.of(forecast, progress.seconds(), conversations::bytes, report));
    }
    context.jobs().report(job.id(), session.attempt(), report);
  }

  private void end(Journal.Act act, JobState state, Problem cause) {
    // The log first: a state that the log does not hold must not be shown.
    try {
      if (act != null) {
        ObjectNode facts = jobFacts().put("state", state.name());
        if (state == JobState.DONE) {
          act.ok(facts);
        } else {
          act.failed(state == JobState.ABORTED ? "aborted" : "failed", facts);
        }
      }
    } catch (RuntimeException e) {
      LOG.error("{}: the outcome could not be logged", session, e);
      if (state == JobState.DONE) {
        end(null, JobState.FAILED, Problem.refused("the audit log cannot be written").at(self()));
        return;
      }
    }
    try {
      // Before its state: a node that is killed in between has a job that was running.
      if (state == JobState.FAILED && goesOn()) {
        context.jobs().goesOn(job.id(), true);
      }
      context.jobs().move(job.id(), state, cause);
      if (state.ended()) {
        context.cohorts().forget(job.id());
      } else if (!mayBeRepeated()) {
        context.cohorts().forgetBegun(job.id()); // with its scalar: nothing will go on by itself
      }
      context.journal().checkpoint();
    } catch (RuntimeException e) {
      LOG.error("{}: the end {} could not be kept", session, state, e);
    }
    tellPartners(state, cause);
  }

  private void tellPartners(JobState state, Problem cause) {
    ObjectNode news = news();
    news.put("state", state.name());
    if (cause != null) {
      news.put("lost", lost).set("cause", cause.toPublicJson());
    }
    // All at the same time: those who wait for an explanation must not wait for one that is gone.
    Set<Party> partners = job.others(self());
    ExecutorService threads = Executors.newFixedThreadPool(partners.size());
    try {
      threads.invokeAll(partners.stream().map(partner -> telling(partner, state, news)).toList());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      threads.shutdownNow();
    }
  }

  private Callable<Void> telling(Party partner, JobState state, ObjectNode news) {
    return () -> {
      try {
        context.peers().request(partner, "job.news", news, NEWS);
      } catch (RuntimeException e) {
        LOG.info("{}: {} could not be told {}", session, partner, state, e);
      }
      return null;
    };
  }

  /** What partners are told while the attempt runs. */
  ObjectNode news() {
    return jobFacts().put("state", JobState.RUNNING.name()).put("phase", progress.phase());
  }

  /** Each side signs what it saw; a job is done when nobody saw anything else. */
  private void exchangeReceipts() {
    ObjectNode content = jobFacts().put("party", self().name());
    content.set("alignment", report.path("alignment"));
    content.set("transcripts", conversations.transcripts());
    content.set("bytes", conversations.bytes());
    content.set("checkpoint", context.journal().checkpoint());
    Jobs.Receipt mine =
        new Jobs.Receipt(content, context.peers().sign(Receipts.statement(content)));
    context.jobs().receipt(job.id(), session.attempt(), self(), mine);
    ObjectNode body = Json.object();
    body.set("receipt", content);
    body.put("signature", mine.signature());
    for (Party partner : job.others(self())) {
      context.peers().request(partner, "job.receipt", body, RECEIPTS);
    }
    long deadline = System.nanoTime() + RECEIPTS.toNanos();
    while (context.jobs().receipts(job.id(), session.attempt()).size()
        < job.spec().parties().size()) {
      if (System.nanoTime() > deadline || pause(Duration.ofMillis(50))) {
        break;
      }
    }
    Map<Party, Jobs.Receipt> all = context.jobs().receipts(job.id(), session.attempt());
    ObjectNode summary = report.putObject("receipts");
    for (Party partner : job.spec().parties().keySet()) {
      summary.put(partner.name(), all.containsKey(partner) ? "agreed" : "missing");
    }
    Receipts.requireAgreement(content, all);
    for (Party partner : job.spec().parties().keySet()) {
      if (!all.containsKey(partner)) {
        throw Problem.of(
                Problem.Kind.JOB_FAILED, partner + " did not confirm what it saw of the job")
            .at(partner);
      }
    }
    for (Party partner : job.others(self())) {
      logReceipt(context.journal(), jobFacts(), partner, all.get(partner));
    }
  }

  static void logReceipt(
      Journal journal, ObjectNode jobFacts, Party partner, Jobs.Receipt receipt) {
    ObjectNode facts = jobFacts.put("partner", partner.name());
    facts.put(
        "receipt",
        HexFormat.of().formatHex(Digests.sha256().digest(Receipts.statement(receipt.content()))));
    facts.set("checkpoint", receipt.content().path("checkpoint"));
    journal.fact("job.receipt", facts);
  }

  /** Returns true if the attempt was stopped meanwhile. */
  private boolean pause(Duration time) {
    try {
      return stopped.await(time.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      return true;
    }
  }

  private static boolean isLoss(Throwable e) {
    return e instanceof WireException.PeerUnavailable
        || e instanceof WireException.WireTimeout
        || e instanceof WireException.PeerAborted // and was not heard of again
        || (e instanceof Problem problem && problem.kind() == Problem.Kind.PARTNER);
  }

  /** Whether it failed because a partner or a line was lost, and may be repeated unasked. */
  boolean mayBeRepeated() {
    return lost && mayBeRepeated(job.spec(), progress.phase());
  }

  /** Whether it may go on by itself when it has failed: repeated, or done with the receipts. */
  boolean goesOn() {
    return mayBeRepeated() || progress.phase().equals(RECEIPT);
  }

  /**
   * Whether an attempt that came as far as a phase may be repeated without anybody's asking: it has
   * opened nothing that two attempts would tell more of than one. At the levels {@code sealed} and
   * {@code gradients} the next attempt goes on after the passes that were kept, but of
   * cross-validation it would repeat them, and people scored twice have the same scores.
   */
  static boolean mayBeRepeated(JobSpec spec, String phase) {
    return AlignPhase.isFirst(phase)
        || !(spec instanceof TrainSpec train)
        || !(train.neural()
            || train.infers()
            || train.path() != null
            || train.labelPrivacy() != null);
  }

  private Problem explain(Throwable e) {
    if (e instanceof WireException wire && !(e instanceof WireException.ProtocolViolation)) {
      pause(e instanceof WireException.PeerAborted ? FORWARDED_EXPLANATION : EXPLANATION);
      if (stop.get() == null) {
        return Problem.of(Problem.Kind.JOB_FAILED, wire.getMessage()).at(wire.peer()).next(again());
      }
    }
    Stop outside = stop.get();
    if (outside != null) {
      return outside.cause();
    }
    LOG.warn("{} failed in phase {}", session, progress.phase(), e);
    Problem problem = Failures.explain(e, self(), progress.phase());
    return problem.next().isPresent() ? problem : problem.next(again());
  }

  private String again() {
    return "silo job run " + job.id();
  }

  /** Highest resident memory of this process so far, from the kernel; -1 where it does not say. */
  static long peakMemory() {
    try {
      return Files.readAllLines(Path.of("/proc/self/status")).stream()
          .filter(line -> line.startsWith("VmHWM:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
          .findFirst()
          .orElse(-1);
    } catch (IOException e) {
      return -1;
    }
  }
}
