package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.Optional;
import org.espalier.node.config.SiloConfig;
import org.espalier.node.policy.Rulebook;
import org.espalier.node.store.Store;
import org.espalier.wire.Party;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the policy of one party approves without anybody. */
class ApprovalRulesTest {
  private static final Party BANK = new Party("bank.example");
  private static final Party HOSPITAL = new Party("hospital.example");

  @TempDir Path folder;
  private Store store;
  private Jobs jobs;

  @BeforeEach
  void open() {
    store = Store.open(folder.resolve("silo.db"));
    jobs = new Jobs(store);
  }

  @AfterEach
  void close() {
    store.close();
  }

  private ApprovalRules rules(String policy) {
    return new ApprovalRules(
        new JobRun.Context(
            new FakePeers(HOSPITAL),
            jobs,
            null,
            null,
            null,
            null,
            new UnaskedJournal(),
            new SiloConfig(HOSPITAL, "127.0.0.1:1", null, null, Duration.ofMinutes(1), null),
            Rulebook.of(Rulebook.parse("policy.yaml", policy)),
            folder,
            folder));
  }

  private static JobSpec train(String purpose, String dataset, String... more) {
    return JobSpec.yaml(
        "job.yaml",
        """
        name: j
        purpose: %s
        label: {party: bank.example, column: bad}
        parties: {bank.example: {dataset: loans}, hospital.example: {dataset: %s}}
        match: [[{column: id}]]
        %s
        """
            .formatted(purpose, dataset, String.join("\n", more)));
  }

  private static JobSpec starting(String purpose, String dataset, String model) {
    return train(purpose, dataset, "training: {level: gradients}", "model: {start: " + model + "}");
  }

  private static JobSpec predict(String purpose, String dataset, String model) {
    return scoring("predict", purpose, dataset, model, "");
  }

  private static JobSpec serve(String purpose, String dataset, String model) {
    return scoring("serve", purpose, dataset, model, "scores_per_day: 1000\nuntil: 2999-01-31");
  }

  private static JobSpec scoring(
      String kind, String purpose, String dataset, String model, String more) {
    return JobSpec.yaml(
        "job.yaml",
        """
        kind: %s
        name: j
        purpose: %s
        model: %s
        label_party: bank.example
        parties: {bank.example: {dataset: loans}, hospital.example: {dataset: %s}}
        match: [[{column: id}]]
        %s
        """
            .formatted(kind, purpose, model, dataset, more));
  }

  private void job(String id, JobSpec spec, Party proposer, JobState... states) {
    Instant now = Instant.now();
    jobs.insert(
        new Job(
            id,
            spec,
            spec.digest(),
            proposer,
            JobState.PROPOSED,
            0,
            Optional.empty(),
            now,
            now,
            Collections.emptySortedMap()));
    for (JobState state : states) {
      jobs.move(id, state, null);
    }
  }

  private void trained(String id, JobSpec spec, Party proposer) {
    job(id, spec, proposer, JobState.APPROVED, JobState.RUNNING, JobState.DONE);
  }

  /**
   * The attack: a model of real data used on harmless data, for a purpose of which nobody is asked.
   * With rows of its choice the label party solves for the other side's weights.
   */
  @Test
  void aModelIsUsedWithoutAnybodyOnlyIfItWasTrainedWithoutAnybody() {
    ApprovalRules rules =
        rules("approval: {auto: [{purpose: smoke-test, dataset: \"synthetic-*\"}]}");
    String made = "synthetic-claims";
    trained("J-00000001", train("research", "claims"), BANK);
    trained("J-00000002", train("smoke-test", "claims"), BANK);
    trained("J-00000003", train("research", made), BANK);
    trained("J-00000004", train("smoke-test", made), BANK);
    assertThat(rules.byItself(train("smoke-test", made), BANK)).isTrue();
    for (int model = 1; model <= 4; model++) {
      String id = "J-0000000" + model;
      boolean harmless = model == 4;
      assertThat(rules.byItself(predict("smoke-test", made, id), BANK)).isEqualTo(harmless);
      assertThat(rules.byItself(serve("smoke-test", made, id), BANK)).isEqualTo(harmless);
      assertThat(rules.byItself(starting("smoke-test", made, id), BANK)).isEqualTo(harmless);
    }
    assertThat(rules.byItself(predict("research", made, "J-00000004"), BANK)).isFalse();
    assertThat(rules.byItself(predict("smoke-test", "claims", "J-00000004"), BANK)).isFalse();
  }

  /** Nor by a training in between that begins at it. */
  @Test
  void soAreThoseThatAModelBeganAt() {
    ApprovalRules rules = rules("approval: {auto: [{purpose: smoke-test}]}");
    trained("J-00000001", train("research", "claims"), BANK);
    trained("J-00000002", starting("smoke-test", "claims", "J-00000001"), BANK);
    trained("J-00000003", train("smoke-test", "claims"), BANK);
    trained("J-00000004", starting("smoke-test", "claims", "J-00000003"), BANK);
    assertThat(rules.byItself(predict("smoke-test", "claims", "J-00000002"), BANK)).isFalse();
    assertThat(rules.byItself(predict("smoke-test", "claims", "J-00000004"), BANK)).isTrue();
  }

  @Test
  void aModelThatIsNotThereOrOfAnotherProposerIsAskedFor() {
    ApprovalRules rules = rules("approval: {auto: [{partner: bank.example}]}");
    JobSpec spec = train("research", "claims");
    trained("J-00000001", spec, BANK);
    trained("J-00000002", spec, HOSPITAL);
    job("J-00000003", spec, BANK, JobState.APPROVED);
    // Two that name each other: proposers choose ids.
    job("J-00000004", starting("research", "claims", "J-00000005"), BANK);
    job("J-00000005", starting("research", "claims", "J-00000004"), BANK);
    assertThat(rules.byItself(predict("research", "claims", "J-00000001"), BANK)).isTrue();
    for (int model = 2; model <= 6; model++) {
      assertThat(rules.byItself(predict("research", "claims", "J-0000000" + model), BANK))
          .as("model %d", model)
          .isFalse();
    }
  }
}
