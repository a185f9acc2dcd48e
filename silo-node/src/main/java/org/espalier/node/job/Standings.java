package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.wire.Party;
import org.espalier.wire.Printable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where jobs stand at every party, how old that news is, and who must act next. What a partner said
 * last is shown with its age while the partner cannot be reached.
 */
public final class Standings implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Standings.class);
  static final String ASK = "job.state";
  private static final Duration PATIENCE = Duration.ofSeconds(3);
  private static final int MAX_TOLD = 2_000;
  private static final int MAX_ASKING = 64;
  private static final int MAX_WORD = 40;
  private static final String READ = "when it has been read with silo job show; or silo job deny";

  /** States that do not change any more, however old the news. */
  private static final Set<String> FINAL =
      Arrays.stream(JobState.values())
          .filter(JobState::ended)
          .map(JobState::name)
          .collect(Collectors.toSet());

  /** News that is no older is as good as new. */
  private static final Duration FRESH = Duration.ofSeconds(5);

  private final Peers peers;
  private final Jobs jobs;
  private final JobService service;
  private final Function<Party, Optional<Duration>> lastNews;
  private final Predicate<String> served;
  private final Set<Subject> asking = ConcurrentHashMap.newKeySet();
  private final Map<Subject, Told> told =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Subject, Told> eldest) {
          return size() > MAX_TOLD;
        }
      };
  private final ExecutorService threads =
      new ThreadPoolExecutor(
          0,
          MAX_ASKING,
          10,
          TimeUnit.SECONDS,
          new SynchronousQueue<>(),
          work -> {
            Thread thread = new Thread(work, "job-standing");
            thread.setDaemon(true);
            return thread;
          });

  private record Subject(String job, Party partner) {}

  /**
   * @param state empty if the partner refused to say; then {@code word} says why
   * @param word the phase, where it runs
   * @param at time of {@link System#nanoTime}: how old it is must not follow a clock that is set
   */
  private record Told(String state, String word, long at) {
    Told(String state, String word) {
      this(state, word, System.nanoTime());
    }

    Duration age() {
      return Duration.ofNanos(System.nanoTime() - at);
    }
  }

  /** What somebody should do. */
  private record Next(Party party, String command, String why) {}

  /**
   * @param lastNews age of the last thing that was heard of a partner
   * @param served whether this node serves a job of that kind
   */
  public Standings(
      Peers peers,
      Jobs jobs,
      JobService service,
      Function<Party, Optional<Duration>> lastNews,
      Predicate<String> served) {
    this.peers = peers;
    this.jobs = jobs;
    this.service = service;
    this.lastNews = lastNews;
    this.served = served;
  }

  /** The method by which partners' nodes ask. */
  public Map<String, JobService.PartnerMethod> partnerMethods() {
    return Map.of(ASK, this::onAsk);
  }

  private JsonNode onAsk(Party from, JsonNode body) {
    Job job =
        jobs.find(body.path("job").asText())
            .filter(found -> found.spec().parties().containsKey(from))
            .filter(found -> JobMessages.facts(found).path("spec").equals(body.path("spec")))
            .orElseThrow(() -> Problem.notFound("no such job at " + peers.self()));
    ObjectNode answer = Json.object().put("state", job.state().name());
    if (job.state() == JobState.RUNNING) {
      service.progress(job.id()).ifPresent(at -> answer.put("phase", at.path("phase").asText()));
    }
    if (job.state() == JobState.ABORTED) {
      answer.put("reason", JobService.abortReason(job));
    }
    return answer;
  }

  /**
   * {@code id, name, kind, state, attempt, updated, parties[], next[]} and, where it runs, {@code
   * progress}. Of a party: {@code party, here, decision}, its {@code state} and {@code phase} as
   * last heard of, {@code news_age_seconds} of that, {@code known} (false if it is not known how
   * the job stands there now) and {@code problem}.
   *
   * @param ask whether partners are asked anew
   * @param wait how long their answers are waited for; later ones are shown next time
   */
  public ObjectNode of(Job job, boolean ask, Duration wait) {
    return of(List.of(job), ask, wait).get(0);
  }

  /** As {@link #of(Job, boolean, Duration)}, waiting for all together. */
  public List<ObjectNode> of(List<Job> all, boolean ask, Duration wait) {
    List<CompletableFuture<Void>> answers = new ArrayList<>();
    if (ask) {
      for (Job job : all) {
        job.others(peers.self()).forEach(partner -> answers.add(ask(job, partner)));
      }
    }
    try {
      CompletableFuture.allOf(answers.toArray(CompletableFuture[]::new))
          .get(wait.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException late) {
      LOG.debug("not all partners have said how jobs stand");
    } catch (ExecutionException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return all.stream().map(job -> view(ask ? orAborted(job) : job)).toList();
  }

  /** The job as it was seen, unless a partner's answer has ended it since. */
  private Job orAborted(Job seen) {
    return jobs.find(seen.id()).filter(now -> now.state() == JobState.ABORTED).orElse(seen);
  }

  private CompletableFuture<Void> ask(Job job, Party partner) {
    Subject subject = new Subject(job.id(), partner);
    if (!peers.isConnected(partner) || !asking.add(subject)) {
      return CompletableFuture.completedFuture(null);
    }
    try {
      return CompletableFuture.runAsync(
          () -> {
            try {
              keep(subject, said(job, partner));
            } finally {
              asking.remove(subject);
            }
          },
          threads);
    } catch (RejectedExecutionException busyOrClosing) {
      asking.remove(subject);
      return CompletableFuture.completedFuture(null);
    }
  }

  private Told said(Job job, Party partner) {
    try {
      JsonNode answer = peers.request(partner, ASK, JobMessages.facts(job), PATIENCE);
      if (answer.path("state").asText().equals(JobState.ABORTED.name())) {
        service.adoptAbort(partner, job.id(), answer.path("reason").asText());
      }
      return new Told(word(answer, "state"), word(answer, "phase"));
    } catch (Problem e) {
      return e.kind() == Problem.Kind.PARTNER
          ? null // lost in the meantime: what it said before still is the last word
          : new Told("", e.what());
    }
  }

  private void keep(Subject subject, Told said) {
    if (said != null) {
      synchronized (told) {
        told.put(subject, said);
      }
    }
  }

  private static String word(JsonNode answer, String key) {
    String said = Printable.of(answer.path(key).asText());
    return said.substring(0, Math.min(said.length(), MAX_WORD));
  }

  private ObjectNode view(Job job) {
    ObjectNode json = Json.object();
    json.put("id", job.id()).put("name", job.spec().name()).put("kind", job.spec().kind());
    json.put("purpose", job.spec().purpose()).put("proposer", job.proposer().name());
    json.put("state", job.state().name()).put("attempt", job.attempt());
    json.put("created", job.created().toString()).put("updated", job.updated().toString());
    job.cause().ifPresent(cause -> json.set("cause", cause.toJson()));
    Optional<ObjectNode> progress =
        job.state() == JobState.RUNNING ? service.progress(job.id()) : Optional.empty();
    progress.ifPresent(at -> json.set("progress", at));
    ArrayNode parties = json.putArray("parties");
    List<Party> away = new ArrayList<>();
    Set<String> states = new TreeSet<>();
    for (Party party : job.spec().parties().keySet()) {
      ObjectNode there = parties.addObject().put("party", party.name());
      Job.Decision decision = job.decisions().get(party);
      there.put(
          "decision", decision == null ? "none" : decision.approved() ? "approved" : "denied");
      if (party.equals(peers.self())) {
        there.put("here", true).put("known", true).put("state", job.state().name());
        progress.ifPresent(at -> there.set("phase", at.path("phase")));
      } else if (!partner(there, job, party, progress)) {
        away.add(party);
      }
      if (there.path("known").asBoolean()) {
        states.add(there.path("state").asText());
      }
    }
    boolean again = service.triesAgain(job);
    json.put("tries_again", again);
    ArrayNode next = json.putArray("next");
    for (Next act : next(job, again, away, states)) {
      next.addObject()
          .put("party", act.party().name())
          .put("here", act.party().equals(peers.self()))
          .put("command", act.command())
          .put("why", act.why());
    }
    return json;
  }

  /** Returns whether it is known how the job stands at a partner. */
  private boolean partner(ObjectNode there, Job job, Party partner, Optional<ObjectNode> progress) {
    Told said;
    synchronized (told) {
      said = told.get(new Subject(job.id(), partner));
    }
    JsonNode news = progress.map(at -> at.path("partners").path(partner.name())).orElse(null);
    if (news != null && news.isObject()) {
      long at = System.nanoTime() - Math.round(news.path("news_age_seconds").asDouble() * 1e9);
      if (said == null || at - said.at() > 0) {
        said = new Told(word(news, "state"), word(news, "phase"), at);
      }
    }
    boolean connected = peers.isConnected(partner);
    there.put("here", false).put("connected", connected);
    if (said != null && !said.state().isEmpty()) {
      there.put("state", said.state());
      if (!said.word().isEmpty()) {
        there.put("phase", said.word());
      }
    }
    Optional<Duration> age = said == null ? lastNews.apply(partner) : Optional.of(said.age());
    age.ifPresent(
        a -> there.put("news_age_seconds", Math.max(0, Math.round(a.toMillis() / 100.0) / 10.0)));
    boolean known =
        said != null
            && !said.state().isEmpty()
            && (FINAL.contains(said.state())
                || (connected && age.orElseThrow().compareTo(FRESH.multipliedBy(3)) <= 0));
    there.put("known", known);
    if (!connected) {
      there.put("problem", "not connected");
    } else if (said == null) {
      there.put("problem", "has not said");
    } else if (said.state().isEmpty()) {
      there.put("problem", said.word());
    }
    return known || connected;
  }

  private List<Next> next(Job job, boolean again, List<Party> away, Set<String> states) {
    String id = job.id();
    Party self = peers.self();
    List<Next> acts = new ArrayList<>();
    switch (job.state()) {
      case PROPOSED -> {
        if (job.undecided().contains(self)) {
          acts.add(decide(job));
        }
        if (!(job.undecided().contains(self) && job.proposer().equals(self))) {
          for (Party party : job.others(self)) {
            if (job.undecided().contains(party)) {
              acts.add(new Next(party, "silo job approve " + id, READ));
            }
          }
        }
      }
      case APPROVED -> {
        if (!(job.spec() instanceof ServeSpec)) {
          acts.add(new Next(job.proposer(), "silo job run " + id, "all parties have approved"));
        } else if (!served.test(id)) {
          acts.add(new Next(self, "silo serve start " + id, "all parties have approved"));
        }
      }
      case FAILED -> {
        if (!again) {
          failed(job).forEach(acts::add);
        }
      }
      case DONE -> {
        if (states.contains(JobState.FAILED.name()) || states.contains(JobState.ABORTED.name())) {
          acts.add(new Next(self, "silo job logs " + id, "it did not end alike at all parties"));
        }
      }
      default -> {}
    }
    if (!job.state().ended()) {
      for (Party partner : away) {
        acts.add(new Next(self, "silo doctor " + partner, partner + " cannot be reached"));
      }
    }
    return acts;
  }

  /** What this party's own people have to sign, where its policy asks for that. */
  private Next decide(Job job) {
    List<String> missing = new ArrayList<>();
    service.approval(job).path("missing").forEach(role -> missing.add(role.asText()));
    return missing.isEmpty()
        ? new Next(peers.self(), "silo job approve " + job.id(), READ)
        : new Next(
            peers.self(),
            "silo job approve " + job.id() + " --as NAME --key FILE",
            READ + "; still to sign: " + String.join(", ", missing));
  }

  private List<Next> failed(Job job) {
    Party self = peers.self();
    String run = "silo job run " + job.id();
    Party where = job.cause().flatMap(Problem::party).orElse(self);
    String help = job.cause().flatMap(Problem::next).orElse(run);
    if (where.equals(self) && !help.equals(run)) {
      return List.of(new Next(self, help, "helps"), new Next(self, run, "then"));
    }
    return where.equals(self)
        ? List.of(new Next(self, run, "tries again"))
        : List.of(
            new Next(where, "silo job logs " + job.id(), "it failed there"),
            new Next(self, run, "then"));
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
