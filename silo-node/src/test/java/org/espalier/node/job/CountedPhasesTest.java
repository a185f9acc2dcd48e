package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloConfig;
import org.espalier.node.data.Datasets;
import org.espalier.node.policy.Rulebook;
import org.espalier.node.store.Store;
import org.espalier.wire.Party;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Two attempts at once share what a limit leaves: none is counted after another was checked. */
@Timeout(60)
class CountedPhasesTest {
  private static final Party BANK = new Party("bank.example");
  private static final BigDecimal EPSILON = new BigDecimal("3");
  private static final int PEOPLE = 60;
  private static final String COMMON =
      """
      name: j
      purpose: research
      parties: {bank.example: {dataset: people}, insurer.example: {dataset: people}}
      match: [[{column: id}]]
      alignment: {min_intersection: 1}
      """;

  @TempDir Path folder;
  private Store store;
  private Datasets datasets;

  /** Jobs of which the log has the intent of the phase that counts. */
  private final AtomicInteger begun = new AtomicInteger();

  /** A log that is slow to read, so that both attempts have read it before either is in it. */
  private final class SlowLog extends UnaskedJournal {
    @Override
    public Act intent(String type, ObjectNode facts) {
      begun.incrementAndGet();
      return new Act() {
        @Override
        public void ok(ObjectNode more) {}

        @Override
        public void failed(String reason, ObjectNode more) {}
      };
    }

    private int read() {
      int counted = begun.get();
      try {
        Thread.sleep(500);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
      return counted;
    }

    @Override
    public BigDecimal labelEpsilon(Set<String> commitments) {
      return EPSILON.multiply(BigDecimal.valueOf(read()));
    }

    @Override
    public long predictions(Instant since) {
      return (long) PEOPLE * read();
    }
  }

  @BeforeEach
  void start() throws Exception {
    store = Store.open(folder.resolve("silo.db"));
    datasets = new Datasets(store, new byte[32]);
    JobServiceTest.people(datasets, folder);
  }

  @AfterEach
  void stop() {
    store.close();
  }

  private JobRun.Context context(ObjectNode policy) {
    return new JobRun.Context(
        new FakePeers(BANK),
        new Jobs(store),
        null,
        null,
        null,
        datasets,
        new SlowLog(),
        new SiloConfig(BANK, "127.0.0.1:1", null, null, Duration.ofMinutes(1), null),
        Rulebook.of(Rulebook.parse("policy.yaml", Json.toYaml(policy))),
        folder,
        folder);
  }

  private static Job job(JobRun.Context context, String id, JobSpec spec) {
    Instant now = Instant.now();
    Job job =
        new Job(
            id,
            spec,
            spec.digest(),
            BANK,
            JobState.PROPOSED,
            0,
            Optional.empty(),
            now,
            now,
            Collections.emptySortedMap());
    context.jobs().insert(job);
    return job;
  }

  /** What became of two attempts that come to a phase at the same time. */
  private static List<Optional<Problem>> atOnce(
      JobRun.Context context, JobSpec spec, String phase, Runnable counted) throws Exception {
    CyclicBarrier together = new CyclicBarrier(2);
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try {
      List<Future<Optional<Problem>>> both =
          List.of("J-00000001", "J-00000002").stream()
              .map(id -> new JobRun(context, job(context, id, spec), 1, run -> {}))
              .map(
                  run ->
                      threads.submit(
                          () -> {
                            together.await();
                            try {
                              String unused =
                                  run.phase(phase, Json.object(), counted, outcome -> "done");
                              return Optional.<Problem>empty();
                            } catch (Problem denied) {
                              return Optional.of(denied);
                            }
                          }))
              .toList();
      return List.of(both.get(0).get(30, TimeUnit.SECONDS), both.get(1).get(30, TimeUnit.SECONDS));
    } finally {
      threads.shutdownNow();
    }
  }

  private void oneOfTwo(List<Optional<Problem>> both, String rule) {
    assertThat(begun.get()).isEqualTo(1);
    assertThat(both.stream().flatMap(Optional::stream).map(Problem::what))
        .singleElement()
        .asString()
        .startsWith("the policy of bank.example denies the job: " + rule + ": ");
  }

  @Test
  void epsilonOfLabels() throws Exception {
    TrainSpec spec =
        (TrainSpec)
            JobSpec.yaml(
                "job.yaml",
                COMMON
                    + "label: {party: bank.example, column: bad}\n"
                    + "training: {label_privacy: {epsilon: 3}}\n");
    ObjectNode policy = PolicyRules.suggestion(context(Json.object()), spec);
    policy.withObject("/training").put("label_epsilon", 5);
    JobRun.Context context = context(policy);
    oneOfTwo(
        atOnce(
            context, spec, TrainFlow.TRAIN, () -> PolicyRules.requireLabelEpsilon(context, spec)),
        "training.label_epsilon");
  }

  @Test
  void peopleScoredInADay() throws Exception {
    JobSpec spec =
        JobSpec.yaml(
            "job.yaml", COMMON + "kind: predict\nmodel: J-0000000a\nlabel_party: bank.example\n");
    ObjectNode policy = PolicyRules.suggestion(context(Json.object()), spec);
    policy.withObject("/outputs/predictions").put("max_rows_per_day", 100);
    JobRun.Context context = context(policy);
    oneOfTwo(
        atOnce(
            context,
            spec,
            PredictFlow.PREDICT,
            () -> PolicyRules.requirePredictions(context, PEOPLE)),
        "outputs.predictions.max_rows_per_day");
  }
}
