package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.stream.Collectors;
import org.espalier.audit.event.EventBuilder;
import org.espalier.audit.event.EventType;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.AuditUnavailableException;
import org.espalier.audit.log.LogReader;
import org.espalier.node.Build;
import org.espalier.node.Periodic;
import org.espalier.node.Problem;
import org.espalier.node.Role;
import org.espalier.node.cohort.Cohorts;
import org.espalier.node.config.DatabaseConfig;
import org.espalier.node.config.Json;
import org.espalier.node.config.LoggingConfig;
import org.espalier.node.config.SiloConfig;
import org.espalier.node.config.SiloHome;
import org.espalier.node.console.ConsoleServer;
import org.espalier.node.control.ControlServer;
import org.espalier.node.control.Users;
import org.espalier.node.data.Datasets;
import org.espalier.node.identity.NodeIdentity;
import org.espalier.node.identity.Partner;
import org.espalier.node.identity.PartnerBook;
import org.espalier.node.identity.Passphrase;
import org.espalier.node.identity.SqlPartnerStore;
import org.espalier.node.job.Alignments;
import org.espalier.node.job.DryRuns;
import org.espalier.node.job.Job;
import org.espalier.node.job.JobCensus;
import org.espalier.node.job.JobRun;
import org.espalier.node.job.JobService;
import org.espalier.node.job.JobSpec;
import org.espalier.node.job.Jobs;
import org.espalier.node.job.Openings;
import org.espalier.node.job.Standings;
import org.espalier.node.link.LinkSettings;
import org.espalier.node.link.LinkStatus;
import org.espalier.node.link.Links;
import org.espalier.node.metrics.MetricsEndpoint;
import org.espalier.node.metrics.NodeMetrics;
import org.espalier.node.policy.Rulebook;
import org.espalier.node.serve.Clients;
import org.espalier.node.serve.ScoreEndpoint;
import org.espalier.node.serve.Servings;
import org.espalier.node.store.Store;
import org.espalier.wire.Digests;
import org.espalier.wire.Party;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One running node. The audit log is the first thing that is opened and the last that is closed:
 * without it nothing is done.
 */
public final class SiloNode implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(SiloNode.class);
  private static final Duration CHECKPOINTS = Duration.ofHours(1);

  private final SiloConfig config;
  private final Instant started = Instant.now();
  private final Deque<AutoCloseable> open = new ArrayDeque<>();
  private final CountDownLatch stopped = new CountDownLatch(1);
  private final AuditLog log;
  private final AuditJournal journal;
  private final NodeIdentity identity;
  private final Links links;
  private final Jobs jobs;
  private final Datasets datasets;
  private final PartnerCommands partners;
  private final Servings servings;
  private final Rulebook rules;
  private ScoreEndpoint scoring;
  private MetricsEndpoint metrics;
  private volatile ConsoleServer console;
  private boolean closing;

  private SiloNode(SiloHome home, SiloConfig config, LinkSettings settings) throws IOException {
    this.config = config;
    try {
      open.push(HomeLock.take(home));
      rules = new Rulebook(home);
      TimeStamps.Authority authority = TimeStamps.authority(home, config.audit());
      Recovery.requireDone(home);
      log = AuditLog.open(home.audit(), AuditKeys.open(home));
      open.push(log);
      log.concludeInterrupted();
      try (Passphrase passphrase = KeyPassphrase.open(home)) {
        identity = NodeIdentity.open(home.keys(), passphrase, Clock.systemUTC());
      }
      if (!identity.party().equals(config.name())) {
        throw Problem.refused(
            "silo.yaml names " + config.name() + ", but the keys are " + identity.party() + "'s");
      }
      Store store = database(home, config);
      open.push(store);
      PartnerBook book =
          new PartnerBook(identity.party(), new SqlPartnerStore(store), Clock.systemUTC());
      List<LogReader> frozen = Recovery.frozen(home, log.origin());
      People people = People.open(home, config.name());
      people.eraseAgain(NodeHome.logs(home));
      journal =
          new AuditJournal(log, people, party -> book.find(party).flatMap(Partner::pin), frozen);
      journal.fact(
          EventType.NODE_STARTED,
          e ->
              e.node(
                  config.name().name(),
                  buildDigest(),
                  digest(home.config()),
                  Files.exists(home.policy()) ? "sha256:" + rules.now().digest() : null));
      open.push(this::sayGoodbye);
      PartnerHistory.follow(book, journal);

      SiloHome.createFolder(home.results());
      Path work = home.work();
      SiloHome.delete(work); // what a crash left there is of no use to anybody
      SiloHome.createFolder(work);
      jobs = new Jobs(store);
      journal.reasons(
          (id, event) ->
              jobs.find(id)
                  .ifPresent(job -> JobReasons.add(job, rules.policy(), config.name(), event)));
      datasets = new Datasets(store, identity.secret("datasets"));
      links =
          Links.start(
              identity,
              book,
              new InetSocketAddress(config.host(), config.port()),
              config.url(),
              config.proxyAddress().map(settings::withProxy).orElse(settings));
      open.push(links);
      LinkPeers peers = new LinkPeers(identity, book, links);
      Cohorts cohorts = new Cohorts(home.cohorts(), identity.secret("cohorts"));
      JobRun.Context context =
          new JobRun.Context(
              peers,
              jobs,
              new Openings(journal, datasets),
              new Alignments(journal, datasets, rules::policy, Clock.systemUTC()),
              cohorts,
              datasets,
              journal,
              config,
              rules,
              home.results(),
              work);
      JobService service = new JobService(context);
      open.push(service);
      DeniedRequests denied = new DeniedRequests(journal);
      open.push(() -> denied.flush(true));
      DryRuns dryRuns = new DryRuns(context, journal::dryRuns);
      open.push(dryRuns);
      SiloHome.createFolder(home.scoring());
      Servings servings =
          new Servings(
              context,
              store,
              journal::scores,
              home.scoring(),
              identity.secret("scoring"),
              config.scoring() == null ? Duration.ofSeconds(2) : config.scoring().timeout(),
              Clock.systemUTC());
      open.push(servings);
      Clients clients = new Clients(store);
      PartnerRequests requests = new PartnerRequests(denied);
      requests.serve(links, servings.partnerMethods());
      requests.serve(links, service.partnerMethods());
      requests.serve(links, dryRuns.partnerMethods());
      Standings standings = new Standings(peers, jobs, service, this::lastNews, servings::serves);
      open.push(standings);
      requests.serve(links, standings.partnerMethods());
      WitnessRequests witnessing =
          new WitnessRequests(
              home,
              AuditKeys.witness(identity),
              party -> denied.denied(party, WitnessRequests.ADD, "two-histories"));
      requests.serve(links, witnessing.partnerMethods());
      Reconciling reconciling =
          new Reconciling(
              log,
              frozen,
              journal,
              jobs,
              witnessing,
              peers,
              () -> confirmed(book),
              party ->
                  party.equals(identity.party())
                      ? Optional.of(identity.key())
                      : book.find(party).map(Partner::identity));
      requests.serve(links, reconciling.partnerMethods());
      Recovery recovery = new Recovery(home, log, peers, () -> confirmed(book));
      Witnesses witnesses = new Witnesses(home, book, links, journal);
      open.push(witnesses);
      TimeStamps stamps = new TimeStamps(home, log, journal, authority, Clock.systemUTC());
      open.push(stamps);
      journal.afterCheckpoint(
          () -> {
            witnesses.askSoon();
            stamps.askSoon();
          });
      ScheduledExecutorService timers = timers(denied);
      open.push(timers::shutdownNow);
      // Never on the links' own threads: a disk that hangs must not cost them their partners.
      if (config.scoring() != null) {
        scoring =
            ScoreEndpoint.start(
                config.scoring(),
                home.root(),
                servings,
                clients,
                () -> timers.execute(() -> denied.denied(Optional.empty(), "scoring.token")));
        open.push(scoring);
      }
      this.servings = servings;
      links.onDenied((partner, rule) -> timers.execute(() -> denied.denied(partner, rule)));

      Map<String, ControlServer.Command> commands = new HashMap<>();
      partners = new PartnerCommands(book, links, journal);
      partners.addTo(commands);
      new DataCommands(home, config.name(), datasets, jobs, journal).addTo(commands);
      new JobCommands(service, context, journal).addTo(commands);
      new PolicyCommands(home, context, service, dryRuns, servings, journal).addTo(commands);
      new CohortCommands(cohorts, jobs, datasets, journal, home.results()).addTo(commands);
      commands.put("match.dry-run", (args, events) -> dryRun(dryRuns, new Args(args)));
      new ServeCommands(servings, clients, service, journal, scoring != null).addTo(commands);
      new AuditCommands(
              home, log, journal, people, witnesses, witnessing, reconciling, stamps, recovery)
          .addTo(commands);
      new Retention(
              config.audit(),
              log,
              frozen,
              journal,
              people,
              () -> needed(servings),
              Clock.systemUTC())
          .addTo(commands);
      Doctor doctor =
          new Doctor(home, identity, book, links, datasets, journal, witnesses, stamps, rules);
      commands.put("doctor", (args, events) -> doctor.examine(new Args(args)));
      commands.put("status", (args, events) -> status());
      new StandingCommands(standings, jobs, service, this::status).addTo(commands);
      commands.put("stop", (args, events) -> stop());
      commands.put("console", (args, events) -> invitation());
      Map<String, ControlServer.Command> shown = Map.copyOf(commands);
      open.push(ControlServer.start(home.socket(), commands));
      Map<String, Set<Role>> permitted = Permissions.of(commands.keySet());
      if (config.users() != null) {
        Users users = new Users(config.users().roles(), permitted, denied::denied);
        open.push(ControlServer.start(config.users().socket(), commands, users));
      }
      if (config.console() != null) {
        console =
            ConsoleServer.start(
                config.console(),
                home.root(),
                config.name().name(),
                (name, args) -> shown.get(name).run(args, event -> {}),
                Clock.systemUTC());
        open.push(console);
      }
      if (config.metrics() != null) {
        Monitoring monitoring =
            new Monitoring(
                home,
                started,
                identity,
                links,
                new JobCensus(store, config.name()),
                service::progress,
                log,
                journal,
                datasets,
                servings);
        NodeMetrics figures = new NodeMetrics(monitoring::readings);
        journal.onAppended(figures::appended);
        metrics =
            MetricsEndpoint.start(config.metrics(), home.root(), figures, monitoring::readiness);
        open.push(metrics);
      }
      LOG.info("{} runs, partners reach it at {}", identity, config.url());
    } catch (IOException | RuntimeException | Error e) {
      closeAll();
      throw e;
    }
  }

  /**
   * Starts a node.
   *
   * @throws Problem if it cannot be started; then nothing of it runs
   */
  public static SiloNode start(SiloHome home) {
    return start(home, LinkSettings.defaults(Build.version()));
  }

  static SiloNode start(SiloHome home, LinkSettings settings) {
    SiloConfig config = home.load();
    try {
      return new SiloNode(home, config, settings);
    } catch (AuditUnavailableException e) {
      throw Problem.refused("the audit log cannot be opened, so the node does not start")
          .detail(e.getMessage())
          .because(e);
    } catch (IOException e) {
      throw Problem.refused("the node cannot be started").detail(e.getMessage()).because(e);
    } catch (Store.StoreException e) {
      throw Problem.refused("the database cannot be used, so the node does not start")
          .detail(e.getMessage() + (e.getCause() == null ? "" : ": " + e.getCause().getMessage()))
          .because(e);
    }
  }

  /**
   * Runs a node in the foreground, with its log in {@code node.log}, until it is told to stop by
   * command or signal.
   *
   * @throws Problem if it cannot be started
   */
  public static void run(SiloHome home) {
    SiloConfig config =
        home.load(); // says what is missing before a log file is made in a strange place
    NodeLog.to(
        home.log(),
        config.logging() == null ? LoggingConfig.Format.TEXT : config.logging().format());
    SiloNode node = start(home);
    Thread hook = new Thread(node::close, "stop");
    Runtime.getRuntime().addShutdownHook(hook);
    node.awaitStop();
  }

  /** Waits until the node has stopped. */
  public void awaitStop() {
    boolean interrupted = false;
    while (true) {
      try {
        stopped.await();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static Store database(SiloHome home, SiloConfig config) throws IOException {
    DatabaseConfig database = config.database();
    if (database == null) {
      return Store.open(home.database());
    }
    if (database.passwordFile() == null) {
      return Store.open(database.url(), database.user(), null);
    }
    Path file = home.root().resolve(database.passwordFile());
    try (Passphrase password = Passphrase.read(file)) {
      return Store.open(database.url(), database.user(), new String(password.secret()));
    }
  }

  /** Jobs that have not ended, or under which scores are given. */
  private Set<String> needed(Servings scoring) {
    return jobs.list().stream()
        .filter(job -> !job.state().ended() || scoring.serves(job.id()))
        .map(Job::id)
        .collect(Collectors.toSet());
  }

  private static List<Party> confirmed(PartnerBook book) {
    return book.list().stream()
        .filter(partner -> partner.state() == Partner.State.CONFIRMED)
        .map(Partner::party)
        .toList();
  }

  private ScheduledExecutorService timers(DeniedRequests denied) {
    ScheduledExecutorService timers =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread thread = new Thread(task, "node-timer");
              thread.setDaemon(true);
              return thread;
            });
    Periodic.every(timers, CHECKPOINTS, journal::checkpoint);
    Periodic.every(timers, DeniedRequests.WINDOW, () -> denied.flush(false));
    return timers;
  }

  // ---- commands -------------------------------------------------------------------------------

  private ObjectNode status() {
    ObjectNode json = Json.object();
    json.put("name", config.name().name())
        .put("version", Build.version())
        .put("pid", ProcessHandle.current().pid())
        .put("url", config.url().toString())
        .put("port", links.port())
        .put("fingerprint", identity.fingerprint().toString())
        .put("certificate_ends", identity.certificateEnds().toString())
        .put("uptime_seconds", Duration.between(started, Instant.now()).toSeconds());
    json.set("partners", partners.list());
    json.put("datasets", datasets.list().size());
    Map<String, Integer> states = new TreeMap<>();
    jobs.list().forEach(job -> states.merge(job.state().name(), 1, Integer::sum));
    json.set("jobs", Json.tree(states));
    ObjectNode scored = servings.status();
    scored.put("url", scoring == null ? null : scoring.url());
    json.set("scoring", scored);
    json.put("metrics", metrics == null ? null : metrics.url());
    json.put("console", console == null ? null : console.url());
    json.putObject("audit").put("origin", log.origin()).put("size", log.size());
    rules.halted().ifPresent(halted -> json.set("halted", halted));
    return json;
  }

  /** Also of a party that is no partner any more: then there is none. */
  private Optional<Duration> lastNews(Party party) {
    return links.statuses().stream()
        .filter(status -> status.partner().equals(party))
        .findFirst()
        .flatMap(LinkStatus::lastNews);
  }

  private JsonNode dryRun(DryRuns dryRuns, Args args) {
    JobSpec spec = JobSpec.json("the job", args.object("spec"));
    return journal.command("match.dry-run", Map.of("name", spec.name()), () -> dryRuns.run(spec));
  }

  /** Who gets in is in the log; the address itself is a secret and is not. */
  private JsonNode invitation() {
    if (console == null) {
      throw Problem.wrongState("this node has no console")
          .detail("silo.yaml says none, such as  console: {listen: \"127.0.0.1:8790\"}")
          .next("silo node stop, then silo node start");
    }
    return journal.command(
        "console", Map.of(), () -> Json.object().put("url", console.invitation()));
  }

  /** The answer goes out first. */
  private JsonNode stop() {
    Thread stopping =
        new Thread(
            () -> {
              try {
                Thread.sleep(100);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              close();
            },
            "stop");
    stopping.start();
    return Json.object().put("stopping", true);
  }

  // ---- the end --------------------------------------------------------------------------------

  private void sayGoodbye() {
    journal.fact(EventType.NODE_STOPPED, e -> {});
    journal.checkpoint();
  }

  /** Stops what runs, tells partners, closes everything. Waits if another thread does so. */
  @Override
  public void close() {
    synchronized (this) {
      if (closing) {
        awaitStop();
        return;
      }
      closing = true;
    }
    LOG.info("{} stops", config.name());
    closeAll();
    stopped.countDown();
  }

  private void closeAll() {
    while (!open.isEmpty()) {
      try {
        open.pop().close();
      } catch (Exception e) {
        LOG.error("something could not be closed", e);
      }
    }
  }

  // ---- what started ---------------------------------------------------------------------------

  private static String digest(Path file) {
    return EventBuilder.sha256(Json.text(file).getBytes(StandardCharsets.UTF_8));
  }

  /** Of the program's jar; of the version's name where it runs from a folder of classes. */
  private static String buildDigest() {
    CodeSource source = SiloNode.class.getProtectionDomain().getCodeSource();
    try {
      Path jar = source == null ? null : Path.of(source.getLocation().toURI());
      if (jar == null || !Files.isRegularFile(jar)) {
        return EventBuilder.sha256(Build.version().getBytes(StandardCharsets.UTF_8));
      }
      MessageDigest digest = Digests.sha256();
      byte[] buffer = new byte[1 << 16];
      try (InputStream in = Files.newInputStream(jar)) {
        for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
          digest.update(buffer, 0, n);
        }
      }
      return EventBuilder.sha256Text(digest.digest());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
