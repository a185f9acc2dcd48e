package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.espalier.node.Problem;
import org.espalier.node.cohort.Cohorts;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloConfig;
import org.espalier.node.data.ColumnType;
import org.espalier.node.data.Datasets;
import org.espalier.node.data.TableSchema;
import org.espalier.node.policy.Policy;
import org.espalier.node.policy.Rulebook;
import org.espalier.node.store.Store;
import org.espalier.wire.Duplex;
import org.espalier.wire.Party;
import org.espalier.wire.fuzz.Fuzz;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The states of jobs at one node, whose partner is played by the test. */
@Timeout(60)
class JobServiceTest {
  private static final Party BANK = new Party("bank.example");
  private static final Party INSURER = new Party("insurer.example");
  private static final String SPEC =
      """
      name: risk
      purpose: research
      label: {party: bank.example, column: bad}
      parties: {bank.example: {dataset: people}, insurer.example: {dataset: people}}
      match: [[{column: id}]]
      alignment: {min_intersection: 1}
      """;

  @TempDir Path folder;
  private Store store;
  private Jobs jobs;
  private FakePeers peers;
  private JobRun.Context context;
  private JobService service;
  private final List<String> journal = new CopyOnWriteArrayList<>();

  private final class Acts extends UnaskedJournal {
    @Override
    public Act intent(String type, ObjectNode facts) {
      journal.add(type);
      return new Act() {
        @Override
        public void ok(ObjectNode more) {
          journal.add(type + " ok");
        }

        @Override
        public void failed(String reason, ObjectNode more) {
          journal.add(type + " " + reason);
        }
      };
    }

    @Override
    public void fact(String type, ObjectNode facts) {
      journal.add(type);
    }

    @Override
    public long alignments(long from, Consumer<Alignment> reader) {
      return from;
    }

    @Override
    public long passes(long from, Consumer<Pass> reader) {
      return from;
    }

    @Override
    public ObjectNode checkpoint() {
      return Json.object();
    }
  }

  /** The partner's receipts, by job. */
  private final Map<String, ObjectNode> theirs = new ConcurrentHashMap<>();

  private static final Rulebook OPEN =
      Rulebook.of(
          Rulebook.parse(
              "open",
              """
              partners: {"*": {roles: [label, feature]}}
              purposes: {"*": {}}
              datasets: {"*": {purposes: ["*"], columns: {allow: ["*"]}, keys: ["*"]}}
              training: {models: ["*"], levels: ["*"]}
              outputs: {scores: true, inference: true, predictions: {}}
              """));

  /** Two people of the bank's. */
  static void people(Datasets datasets, Path folder) throws IOException {
    datasets.add(
        "people",
        Files.writeString(folder.resolve("people.csv"), "id,income,bad\na,1,0\nb,2,1\n"),
        new TableSchema(
            List.of(
                new TableSchema.Column("id", ColumnType.ID),
                new TableSchema.Column("income", ColumnType.NUMBER),
                new TableSchema.Column("bad", ColumnType.LABEL)),
            null));
  }

  /** A stream on which the partner says nothing but that it stops. */
  private static final class Stopping implements Duplex {
    private final ByteBuffer said;

    Stopping(String reason) {
      byte[] words = reason.getBytes(StandardCharsets.UTF_8);
      said = ByteBuffer.allocate(6 + words.length);
      said.putShort((short) 0).putInt(words.length).put(words).flip();
    }

    @Override
    public void write(byte[] bytes, int offset, int length) {}

    @Override
    public synchronized void read(byte[] target, int offset, int length, Duration patience)
        throws IOException {
      if (said.remaining() < length) {
        throw new IOException("closed");
      }
      said.get(target, offset, length);
    }

    @Override
    public void close() {}
  }

  /** What the partner says on its streams before it is gone; null where it does not come. */
  private volatile String stops;

  /** Whether the partner says, when it is asked, that it has aborted a job. */
  private volatile boolean aborted;

  /** The line to the partner, which holds until it is counted down; null for one that holds. */
  private volatile CountDownLatch cut;

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @BeforeEach
  void start() throws Exception {
    store = Store.open(folder.resolve("silo.db"));
    jobs = new Jobs(store);
    Datasets datasets = new Datasets(store, new byte[32]);
    people(datasets, folder);
    peers =
        new FakePeers(BANK) {
          @Override
          public Duplex open(Party partner, String stream, Duration patience) {
            CountDownLatch line = cut;
            if (line != null) {
              await(line);
              throw Problem.of(Problem.Kind.PARTNER, "lost the link").at(partner);
            }
            String reason = stops;
            return reason == null ? super.open(partner, stream, patience) : new Stopping(reason);
          }

          @Override
          public JsonNode request(Party partner, String method, JsonNode body, Duration timeout) {
            JsonNode answer = super.request(partner, method, body, timeout);
            if (method.equals("job.state") && aborted) {
              return Json.object().put("state", "ABORTED").put("reason", "wrong data");
            }
            ObjectNode receipt = theirs.get(body.path("job").asText());
            if (!method.equals("job.receipts") || receipt == null) {
              return answer;
            }
            ObjectNode said = Json.object().put("signature", new byte[64]);
            return said.set("receipt", receipt);
          }
        };
    context =
        new JobRun.Context(
            peers,
            jobs,
            new Openings(new Acts(), datasets),
            new Alignments(new Acts(), datasets, () -> Policy.NONE, Clock.systemUTC()),
            new Cohorts(folder.resolve("cohorts"), new byte[32]),
            datasets,
            new Acts(),
            new SiloConfig(BANK, "127.0.0.1:1", null, null, Duration.ofMinutes(1), null),
            OPEN,
            folder,
            folder);
    service = new JobService(context);
  }

  @AfterEach
  void stop() {
    service.close();
    store.close();
  }

  private JsonNode said(String method, ObjectNode body) {
    return service.partnerMethods().get(method).answer(INSURER, body);
  }

  private ObjectNode about(String id) {
    return Json.object()
        .put("job", id)
        .put("spec", HexFormat.of().formatHex(jobs.get(id).digest()));
  }

  private String approved() {
    return approved(SPEC);
  }

  private String approved(String spec) {
    String id = service.propose(JobSpec.yaml("job.yaml", spec), Optional.empty()).id();
    ObjectNode body = about(id);
    body.set("decision", approval());
    said("job.decide", body);
    assertThat(jobs.get(id).state()).isEqualTo(JobState.APPROVED);
    return id;
  }

  /** The partner says that its attempt failed; waits until this side's has. */
  private void failed(String id) {
    said(
        "job.news",
        about(id).put("attempt", jobs.get(id).attempt()).put("state", JobState.FAILED.name()));
    until(() -> jobs.get(id).state() == JobState.FAILED);
  }

  private static void until(BooleanSupplier condition) {
    long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      try {
        Thread.sleep(5);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }

  private boolean told(JobState state) {
    return peers.asked.stream()
        .anyMatch(
            asked ->
                asked.method().equals("job.news")
                    && asked.body().path("state").asText().equals(state.name()));
  }

  @Test
  void partnersAreToldTheEndOfAnAttemptThatIsStoppedWhileItWaits() {
    String id = approved();
    service.run(id);
    until(() -> journal.contains("job.phase"));
    service.close();
    assertThat(jobs.get(id).state()).isEqualTo(JobState.FAILED);
    assertThat(jobs.get(id).cause().orElseThrow().what()).isEqualTo("the node was stopped");
    assertThat(told(JobState.FAILED)).isTrue();
    assertThat(journal).contains("job.phase aborted", "job.run failed");
    assertThatThrownBy(() -> said("job.start", about(id).put("attempt", 2)))
        .hasMessageContaining("is stopping");
  }

  @Test
  void partiesThatStartAtTheSameMomentStartOneAttempt() throws Exception {
    int parties = 8;
    ExecutorService threads = Executors.newFixedThreadPool(parties);
    String id = null;
    try {
      for (int round = 1; round <= 20; round++) {
        String job = approved();
        ObjectNode body = about(job).put("attempt", 1);
        CyclicBarrier together = new CyclicBarrier(parties);
        Callable<JsonNode> start =
            () -> {
              together.await();
              return said("job.start", body);
            };
        for (Future<JsonNode> answer : threads.invokeAll(Collections.nCopies(parties, start))) {
          assertThat(answer.get().path("job").asText()).isEqualTo(job);
        }
        assertThat(jobs.get(job).attempt()).isEqualTo(1);
        int rounds = round;
        until(() -> journal.stream().filter("job.run"::equals).count() == rounds);
        id = job;
      }
    } finally {
      threads.shutdownNow();
    }
    ObjectNode far = about(id).put("attempt", 500);
    assertThatThrownBy(() -> said("job.start", far)).hasMessageContaining("impossible attempt");
  }

  @Test
  void aJobThatRunsNowhereHasFailed() {
    String id = approved();
    jobs.begin(id, 1); // as if the disk had been full when it ended
    Job job = service.gathered(id);
    assertThat(job.state()).isEqualTo(JobState.FAILED);
    assertThat(job.cause().orElseThrow().next()).contains("silo job run " + id);
    assertThat(service.run(id).attempt()).isEqualTo(2);
  }

  /**
   * A database that cannot be used, or not be written to, when an attempt ends and for some rounds
   * of the timer: when it is back the job fails without anybody's asking, and goes on by itself.
   */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "ALTER TABLE jobs RENAME TO away | ALTER TABLE away RENAME TO jobs",
        "CREATE TRIGGER full BEFORE UPDATE ON jobs BEGIN SELECT RAISE(ABORT, 'full'); END"
            + " | DROP TRIGGER full"
      })
  void anEndThatTheDatabaseDidNotTakeIsKeptWhenItIsBack(String breaking, String mending) {
    String id = approved();
    cut = new CountDownLatch(1);
    service.run(id);
    until(() -> journal.contains("job.phase"));
    store.update(breaking);
    cut.countDown();
    cut = null;
    until(() -> journal.contains("job.run failed"));
    sleep(Duration.ofMillis(1500));
    store.update(mending);
    until(() -> newsOfAttempt(id, 2));
    assertThat(logged(id, "how the attempt ended could not be kept")).isTrue();
    until(() -> logged(id, "runs again by itself, time 1 of 3"));
  }

  /** Whether the partner has been told that this attempt runs. */
  private boolean newsOfAttempt(String id, int attempt) {
    return peers.asked.stream()
        .filter(asked -> asked.method().equals("job.news"))
        .map(FakePeers.Asked::body)
        .filter(news -> news.path("job").asText().equals(id))
        .filter(news -> news.path("state").asText().equals(JobState.RUNNING.name()))
        .anyMatch(news -> news.path("attempt").asInt() == attempt);
  }

  @Test
  void anAbortReachesAnAttemptAndWhatIsOverAlready() {
    String id = approved();
    service.run(id);
    until(() -> journal.contains("job.phase"));
    assertThat(service.abort(id, "enough").job().state()).isEqualTo(JobState.ABORTED);
    assertThat(journal).contains("job.abort ok", "job.run aborted");

    String failed = approved();
    service.run(failed);
    failed(failed);
    said("job.abort", about(failed));
    assertThat(jobs.get(failed).state()).isEqualTo(JobState.ABORTED);
  }

  @Test
  void anAbortThatDidNotReachAPartnerCanBeToldAgain() {
    String id = approved();
    peers.refused = "job.abort";
    peers.refusal = Problem.of(Problem.Kind.PARTNER, "lost the link").at(INSURER);
    JobService.Aborted first = service.abort(id, "enough");
    assertThat(first.job().state()).isEqualTo(JobState.ABORTED);
    assertThat(first.notAt()).containsExactly(Map.entry(INSURER, "lost the link"));
    peers.refusal = null;
    peers.asked.clear();
    assertThat(service.abort(id, "again").notAt()).isEmpty();
    assertThat(peers.asked)
        .singleElement()
        .satisfies(told -> assertThat(told.method()).isEqualTo("job.abort"))
        .satisfies(told -> assertThat(told.body().path("reason").asText()).isEqualTo("enough"));
    assertThat(journal.stream().filter("job.abort"::equals)).hasSize(1);
    peers.refusal = Problem.notFound("no such job").at(INSURER);
    assertThat(service.abort(id, "again").notAt()).as("none there to abort").isEmpty();
  }

  @Test
  void anAbortThatWasMissedIsLearntWhenThePartnerIsAsked() {
    String proposed = service.propose(JobSpec.yaml("job.yaml", SPEC), Optional.empty()).id();
    String failed = approved();
    service.run(failed);
    failed(failed);
    String done = approved();
    jobs.begin(done, 1);
    jobs.move(done, JobState.DONE, null);
    String ready = approved();
    aborted = true;
    try (Standings standings =
        new Standings(peers, jobs, service, partner -> Optional.empty(), job -> false)) {
      for (String id : List.of(proposed, failed)) {
        assertThat(standings.of(jobs.get(id), true, Duration.ofSeconds(20)).path("state").asText())
            .isEqualTo("ABORTED");
        Problem cause = jobs.get(id).cause().orElseThrow();
        assertThat(cause.what()).isEqualTo("aborted: wrong data");
        assertThat(cause.party()).contains(INSURER);
        assertThat(
                standings
                    .partnerMethods()
                    .get("job.state")
                    .answer(INSURER, about(id))
                    .path("reason")
                    .asText())
            .isEqualTo("wrong data");
      }
      assertThat(standings.of(jobs.get(done), true, Duration.ofSeconds(20)).path("state").asText())
          .as("what is done stays so")
          .isEqualTo("DONE");
    }
    assertThat(journal.stream().filter("job.abort ok"::equals)).hasSize(2);
    peers.refusal = Problem.wrongState("job is ABORTED at insurer.example").at(INSURER);
    assertThatThrownBy(() -> service.run(ready)).hasMessageContaining("ABORTED at insurer");
    assertThat(jobs.get(ready).state()).isEqualTo(JobState.ABORTED);
  }

  @Test
  void aPartnerCannotRepeatAJobForEver() {
    String id = approved();
    for (int attempt = 1; attempt <= 10; attempt++) {
      said("job.ready", about(id));
      said("job.start", about(id).put("attempt", attempt));
      failed(id);
    }
    assertThatThrownBy(() -> said("job.ready", about(id)))
        .hasMessageContaining("bank.example must");
    assertThatThrownBy(() -> said("job.start", about(id).put("attempt", 11)))
        .isInstanceOfSatisfying(
            Problem.class, p -> assertThat(p.kind()).isEqualTo(Problem.Kind.REFUSED));
    service.run(id);
    failed(id);
    said("job.start", about(id).put("attempt", 12));
    assertThat(jobs.get(id).state()).isEqualTo(JobState.RUNNING);
  }

  /** A job that a kill left in this phase. */
  private String killedIn(String phase) {
    return killedIn(phase, SPEC);
  }

  private String killedIn(String phase, String spec) {
    String id = approved(spec);
    jobs.begin(id, 1);
    jobs.phase(id, phase);
    return id;
  }

  private void restart() {
    service.close();
    service = new JobService(context);
  }

  private boolean logged(String id, String text) {
    return jobs.log(id, 0).stream().anyMatch(line -> line.line().contains(text));
  }

  @Test
  void whoseNodeWasKilledRunsItAgainUnlessSomethingWasOpenedThatCounts() {
    String aligning = killedIn("align");
    String sealed = killedIn("train");
    String gradients = killedIn("train", SPEC + "training: {level: gradients}\n");
    String training =
        killedIn("train", SPEC + "model: {inference: true}\ntraining: {level: gradients}\n");
    String often = killedIn("align");
    jobs.triedAgain(often, 3);
    String foreign = "J-00000001";
    JobSpec spec = JobSpec.yaml("job.yaml", SPEC).aligned("ecdh");
    ObjectNode proposal =
        Json.object().put("job", foreign).put("spec", HexFormat.of().formatHex(spec.digest()));
    proposal.set("content", spec.toJson());
    proposal.set("approval", approval());
    said("job.propose", proposal);
    service.decide(foreign, true, null, Optional.empty());
    jobs.begin(foreign, 1);
    restart();
    for (String id : List.of(training, often, foreign)) {
      assertThat(jobs.get(id).state()).isEqualTo(JobState.FAILED);
      assertThat(service.triesAgain(id)).isFalse();
    }
    until(() -> logged(aligning, "runs again by itself, time 1 of 3"));
    assertThat(jobs.get(aligning).attempt()).isEqualTo(2);
    until(() -> logged(sealed, "runs again by itself, time 1 of 3"));
    until(() -> logged(gradients, "runs again by itself, time 1 of 3"));
    assertThat(jobs.triedAgain(aligning)).isEqualTo(1);
    assertThat(jobs.get(training).attempt()).isEqualTo(1);
    // Once its operator has run it, it may be tried as often again.
    service.run(often);
    assertThat(jobs.triedAgain(often)).isZero();
  }

  @Test
  void whatIsLostWhileAligningIsRunAgainThreeTimesAndNoMore() {
    String id = approved();
    service.run(id);
    jobs.triedAgain(id, 1);
    for (int time = 1; time <= 3; time++) {
      int attempt = time;
      until(() -> jobs.phase(id).isPresent() && jobs.get(id).attempt() == attempt);
      ObjectNode news = about(id).put("attempt", attempt).put("state", JobState.FAILED.name());
      said("job.news", news.put("lost", true));
      until(() -> jobs.get(id).attempt() > attempt || jobs.get(id).state() == JobState.FAILED);
    }
    assertThat(jobs.get(id).attempt()).isEqualTo(3);
    assertThat(service.triesAgain(id)).isFalse();
    assertThat(jobs.triedAgain(id)).isEqualTo(3);
    // What failed for another reason is not run again at all.
    service.run(id);
    until(() -> jobs.phase(id).isPresent());
    failed(id);
    assertThat(service.triesAgain(id)).isFalse();
  }

  @Test
  void aPartnerThatIsAwayIsWaitedForAndOneThatRefusesIsNot() {
    String id = killedIn("align");
    peers.refusal = Problem.of(Problem.Kind.PARTNER, "lost the link").at(INSURER);
    restart();
    until(() -> peers.asked.stream().anyMatch(a -> a.method().equals("job.ready")));
    assertThat(service.triesAgain(id)).isTrue();
    assertThat(jobs.get(id).attempt()).isEqualTo(1);
    peers.refusal = Problem.refused("no more").at(INSURER);
    until(() -> !service.triesAgain(id));
    assertThat(logged(id, "is not run again by itself: no more")).isTrue();
    assertThat(jobs.get(id).state()).isEqualTo(JobState.FAILED);
    assertThat(jobs.triedAgain(id)).isLessThanOrEqualTo(1);
  }

  /**
   * Of three parties, one that lost the third tells the others on the line at once that it stops,
   * and says why when it has waited for the third itself.
   */
  @Test
  void whatAPartnerStoppedForIsLearntThoughItTakesItsTimeToSay() {
    stops = "it lost telecom.example";
    String late = approved();
    String silent = approved();
    String refused = approved();
    List.of(late, silent, refused).forEach(service::run);
    until(() -> peers.asked.stream().filter(a -> a.method().equals("job.start")).count() == 3);
    sleep(Duration.ofSeconds(4));
    ObjectNode news = Json.object().put("attempt", 1).put("state", JobState.FAILED.name());
    said("job.news", news.deepCopy().setAll(about(refused)));
    until(() -> jobs.get(refused).state() == JobState.FAILED);
    assertThat(service.triesAgain(refused)).as("its operator stopped it").isFalse();
    stops = null;
    said("job.news", news.deepCopy().put("lost", true).setAll(about(late)));
    until(() -> jobs.get(late).attempt() == 2);
    // One that says nothing more is gone, too.
    until(() -> jobs.get(silent).attempt() == 2);
    assertThat(jobs.get(refused).attempt()).isEqualTo(1);
  }

  private static void sleep(Duration time) {
    try {
      Thread.sleep(time.toMillis());
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aPartnerThatIsLostAtTheStartIsOneThatIsLost() {
    String id = approved();
    peers.refused = "job.start";
    peers.refusal = Problem.of(Problem.Kind.PARTNER, "lost the link").at(INSURER);
    assertThatThrownBy(() -> service.run(id))
        .hasMessage("lost the link")
        .isInstanceOfSatisfying(
            Problem.class, p -> assertThat(p.next()).contains("silo job wait " + id));
    until(() -> jobs.get(id).state() == JobState.FAILED || jobs.get(id).attempt() > 1);
    Job seen = jobs.get(id);
    assertThat(service.triesAgain(seen)).isTrue();
    // Each begun attempt counts, so that it is not begun for ever.
    until(() -> jobs.get(id).attempt() == 4 && jobs.get(id).state() == JobState.FAILED);
    until(() -> !service.triesAgain(id));
    assertThat(jobs.triedAgain(id)).isEqualTo(3);
    assertThat(service.triesAgain(seen)).as("it has gone on since").isTrue();
    peers.refusal = null;
    service.run(id);
    assertThat(jobs.get(id).attempt()).isEqualTo(5);
  }

  @Test
  void whoWaitsForAPartnerStillDoesWhenItsOwnNodeWasKilled() {
    String id = approved();
    service.run(id);
    until(() -> jobs.phase(id).isPresent());
    peers.refusal = Problem.of(Problem.Kind.PARTNER, "lost the link").at(INSURER);
    ObjectNode news = about(id).put("attempt", 1).put("state", JobState.FAILED.name());
    said("job.news", news.put("lost", true));
    until(() -> jobs.get(id).state() == JobState.FAILED);
    restart();
    assertThat(service.triesAgain(id)).isTrue();
    peers.refusal = Problem.refused("no more").at(INSURER);
    until(() -> !service.triesAgain(id));
    peers.refusal = null;
    restart();
    assertThat(service.triesAgain(id)).as("it had been given up").isFalse();
    service.run(id);
    until(() -> jobs.get(id).attempt() == 2);
  }

  @Test
  void whoseNodeWasKilledAgainWhileItWaitedStillDoes() {
    String id = killedIn("align");
    peers.refusal = Problem.of(Problem.Kind.PARTNER, "lost the link").at(INSURER);
    restart();
    assertThat(jobs.get(id).state()).isEqualTo(JobState.FAILED);
    restart();
    assertThat(service.triesAgain(id)).as("it had failed by then").isTrue();
    peers.refusal = null;
    until(() -> jobs.get(id).attempt() == 2);
  }

  @Test
  void whoRunsAJobThatWaitsAndReachesNobodyWaitsOn() {
    String id = killedIn("align");
    String ended = approved();
    service.run(ended);
    until(() -> jobs.phase(ended).isPresent());
    failed(ended);
    peers.refusal = Problem.of(Problem.Kind.PARTNER, "lost the link").at(INSURER);
    restart();
    assertThatThrownBy(() -> service.run(ended)).hasMessage("lost the link");
    assertThatThrownBy(() -> service.run(id))
        .hasMessage("lost the link")
        .isInstanceOfSatisfying(
            Problem.class, p -> assertThat(p.next()).contains("silo job wait " + id));
    assertThat(service.triesAgain(id)).isTrue();
    assertThat(service.triesAgain(ended)).as("it did not fail for a partner's loss").isFalse();
    peers.refusal = null;
    until(() -> jobs.get(id).attempt() == 2);
    assertThat(jobs.get(ended).attempt()).isEqualTo(1);
  }

  @Test
  void whoProposesSaysHowPeopleAreAligned() {
    JobSpec open = JobSpec.yaml("job.yaml", SPEC);
    assertThat(service.propose(open, Optional.empty()).spec()).isEqualTo(open.aligned("ecdh"));
    ObjectNode proposal =
        Json.object().put("job", "J-00000001").put("spec", HexFormat.of().formatHex(open.digest()));
    proposal.set("content", open.toJson());
    assertThatThrownBy(() -> said("job.propose", proposal))
        .hasMessageContaining("does not say by which protocol");
  }

  @Test
  void whoWasCutOffAtTheReceiptsEndsAsDoneWithThePartnersReceipt() {
    String once = SPEC + "model: {inference: true}\ntraining: {level: gradients}\n";
    String id = killedIn("receipt", once);
    String alone = killedIn("receipt", once);
    for (String job : List.of(id, alone)) {
      jobs.report(job, 1, Json.object().put("attempt", 1));
      jobs.receipt(job, 1, BANK, new Jobs.Receipt(receipt(job, BANK), new byte[64]));
    }
    theirs.put(id, receipt(id, INSURER));
    theirs.put(alone, receipt(alone, INSURER).put("spec", "0".repeat(64)));
    restart();
    until(() -> jobs.get(id).state() == JobState.DONE);
    assertThat(jobs.report(id, 1).orElseThrow().at("/receipts/insurer.example").asText())
        .isEqualTo("agreed");
    assertThat(jobs.receipts(id, 1)).containsKey(INSURER);
    assertThat(journal).contains("job.run ok", "job.receipt");
    until(() -> !service.triesAgain(alone));
    assertThat(jobs.get(alone).state()).as("a receipt of another job").isEqualTo(JobState.FAILED);
    assertThat(said("job.receipts", about(id).put("attempt", 1)).at("/receipt/party").asText())
        .isEqualTo("bank.example");
  }

  @Test
  void aReceiptIsFetchedHoweverLate() {
    String id = killedIn("receipt");
    jobs.report(id, 1, Json.object().put("attempt", 1));
    jobs.receipt(id, 1, BANK, new Jobs.Receipt(receipt(id, BANK), new byte[64]));
    jobs.triedAgain(id, 3);
    peers.refused = "job.receipts";
    peers.refusal = Problem.of(Problem.Kind.PARTNER, "lost the link").at(INSURER);
    service.close();
    service = new JobService(context, Duration.ofMillis(1));
    until(() -> peers.asked.stream().filter(a -> a.method().equals("job.receipts")).count() >= 2);
    assertThat(service.triesAgain(id)).as("though its patience is over").isTrue();
    theirs.put(id, receipt(id, INSURER));
    peers.refusal = null;
    until(() -> jobs.get(id).state() == JobState.DONE);
  }

  /** Hash of a conversation. */
  private static final String HEARD = "a".repeat(64);

  private ObjectNode receipt(String job, Party party) {
    ObjectNode receipt = about(job).put("attempt", 1).put("party", party.name());
    receipt.putObject("alignment").put("size", 2).put("digest", "d").put("cohort", "c");
    receipt.putObject("transcripts").putObject("train").put("bank.example", HEARD);
    receipt.withObject("/transcripts/train").put("insurer.example", HEARD);
    return receipt;
  }

  private static ObjectNode approval() {
    ObjectNode approval = Json.object().put("approved", true).put("signature", new byte[64]);
    approval.putObject("grounds").put("policy", "0".repeat(64));
    return approval;
  }

  @Test
  void withdrawnProposalsCountAsWell() {
    JobSpec spec = JobSpec.yaml("job.yaml", SPEC).aligned("ecdh");
    for (int i = 0; i < 101; i++) {
      ObjectNode proposal =
          Json.object()
              .put("job", "J-%08x".formatted(i))
              .put("spec", HexFormat.of().formatHex(spec.digest()));
      proposal.set("content", spec.toJson());
      proposal.set("approval", approval());
      if (i == 100) {
        assertThatThrownBy(() -> said("job.propose", proposal))
            .hasMessageContaining("100 proposals");
      } else {
        said("job.propose", proposal);
        said("job.abort", proposal);
      }
    }
  }

  @Test
  void everyActHasAnOutcome() {
    peers =
        new FakePeers(BANK) {
          @Override
          public JsonNode request(Party partner, String method, JsonNode body, Duration timeout) {
            throw Problem.refused("no").at(partner);
          }
        };
    JobService alone =
        new JobService(
            new JobRun.Context(
                peers,
                jobs,
                new Openings(new Acts(), new Datasets(store, new byte[32])),
                new Alignments(
                    new Acts(),
                    new Datasets(store, new byte[32]),
                    () -> Policy.NONE,
                    Clock.systemUTC()),
                new Cohorts(folder.resolve("cohorts"), new byte[32]),
                new Datasets(store, new byte[32]),
                new Acts(),
                null,
                OPEN,
                folder,
                folder));
    assertThatThrownBy(() -> alone.propose(JobSpec.yaml("job.yaml", SPEC), Optional.empty()))
        .hasMessage("no");
    assertThat(journal).containsExactly("job.propose", "job.propose refused");
    assertThat(jobs.list()).isEmpty();
    alone.close();
  }

  /**
   * Requests of a partner whose every signature is taken for true, changed at random: answered or
   * refused with a sentence, and jobs can be shown afterwards. With {@code -Despalier.fuzz=N} N
   * times as many.
   */
  @Test
  @Timeout(value = 2, unit = TimeUnit.HOURS)
  void changedRequestsOfPartnersAreAnsweredOrRefused() {
    String proposed = service.propose(JobSpec.yaml("job.yaml", SPEC), Optional.empty()).id();
    String approved = approved();
    JobSpec spec = JobSpec.yaml("job.yaml", SPEC).aligned("ecdh");
    ObjectNode proposal = Json.object().put("job", "J-0a0a0a0a");
    proposal.put("spec", HexFormat.of().formatHex(spec.digest())).put("created", "2026-01-01");
    proposal.set("content", spec.toJson());
    proposal.set("approval", approval());
    ObjectNode decision = about(proposed).put("attempt", 0);
    decision.set("decision", approval());
    decision.putObject("approvals").set(INSURER.name(), approval());
    ObjectNode news =
        about(approved).put("attempt", 1).put("state", "FAILED").put("phase", "align");
    news.put("lost", true).set("cause", Problem.refused("no").at(INSURER).toJson());
    ObjectNode receipt = Json.object().put("signature", new byte[64]);
    receipt.set("receipt", about(approved).put("attempt", 0).put("party", INSURER.name()));
    Map<String, ObjectNode> bodies =
        Map.of(
            "job.propose", proposal,
            "job.decide", decision,
            "job.decision", decision,
            "job.ready", decision,
            "job.start", about(approved).put("attempt", 1),
            "job.abort", about(proposed).put("reason", "no"),
            "job.news", news,
            "job.receipt", receipt,
            "job.receipts", about(approved).put("attempt", 0));
    bodies.forEach(
        (method, body) ->
            Fuzz.of(method, Problem.class)
                .text()
                .allocating(64 << 20, 1 << 10)
                .refused(
                    method.equals("job.propose") ? 400 : 40,
                    List.of(Json.write(body).getBytes(StandardCharsets.UTF_8)),
                    changed -> {
                      JsonNode said =
                          Json.parse("request", new String(changed, StandardCharsets.UTF_8));
                      if (method.equals("job.propose")
                          && said instanceof ObjectNode asked
                          && asked.path("content") instanceof ObjectNode content) {
                        // A digest that fits, so that the job is looked at.
                        byte[] digest = JobSpec.json("job", content).digest();
                        asked.put("spec", HexFormat.of().formatHex(digest));
                      }
                      service.partnerMethods().get(method).answer(INSURER, said);
                    }));
    for (Job job : jobs.list()) {
      assertThat(JobPlan.of(context, job.id(), job.spec(), false)).isNotNull();
      assertThat(JobSpec.json("job", job.spec().toJson()).digest()).isEqualTo(job.digest());
    }
  }
}
