package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.espalier.node.Problem;
import org.espalier.node.Role;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloConfig;
import org.espalier.node.policy.Person;
import org.espalier.node.policy.PersonKey;
import org.espalier.node.policy.PersonWord;
import org.espalier.node.policy.Rulebook;
import org.espalier.node.store.Store;
import org.espalier.wire.Party;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whose word counts at one party, how long, and what its policy approves without anybody. */
class ApprovalRulesTest {
  private static final Party BANK = new Party("bank.example");
  private static final Party HOSPITAL = new Party("hospital.example");

  @TempDir Path folder;
  private Store store;
  private Jobs jobs;
  private final List<String> logged = new ArrayList<>();

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
    return new ApprovalRules(context(policy));
  }

  private JobRun.Context context(String policy) {
    return new JobRun.Context(
        new FakePeers(HOSPITAL),
        jobs,
        null,
        null,
        null,
        null,
        new Log(),
        new SiloConfig(HOSPITAL, "127.0.0.1:1", null, null, Duration.ofMinutes(1), null),
        Rulebook.of(Rulebook.parse("policy.yaml", policy)),
        folder,
        folder);
  }

  private final class Log extends UnaskedJournal {
    @Override
    public Act intent(String type, ObjectNode facts) {
      logged.add(type);
      return new Act() {
        @Override
        public void ok(ObjectNode more) {}

        @Override
        public void failed(String reason, ObjectNode more) {
          throw new AssertionError(reason);
        }
      };
    }
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

  // ---- signatures -------------------------------------------------------------------------------

  private static final String JOB = "J-00000001";
  private static final Instant NOON = Instant.parse("2026-05-04T12:00:00Z");
  private static final Duration SECOND = Duration.ofSeconds(1);

  /** Somebody with a key on a machine of their own. */
  private final class Signer {
    private final String name;
    private final String role;
    private final String publicKey;
    private final PersonKey key;

    Signer(String name, String role, String file) {
      char[] passphrase = "correct horse battery".toCharArray();
      this.name = name;
      this.role = role;
      this.publicKey = PersonKey.generate(folder.resolve(file), passphrase);
      this.key = PersonKey.open(folder.resolve(file), passphrase);
    }

    String entry() {
      return "%s: {roles: [%s], key: \"%s\"}".formatted(name, role, publicKey);
    }

    /** What is missing after the word of this person, signed and given at these times. */
    List<Role> approves(JobRun.Context context, Instant signed, Instant given) {
      Person person = context.policy().people().get(name);
      Job job = jobs.get(JOB);
      PersonWord word =
          PersonWord.sign(
              key,
              new PersonWord.Subject(JOB, job.digest(), HOSPITAL),
              name,
              person,
              PersonWord.Meaning.APPROVES,
              context.rules().now().digest(),
              signed);
      ApprovalRules rules = new ApprovalRules(context, Clock.fixed(given, ZoneOffset.UTC));
      return rules.missing(rules.words(job, true, Optional.of(word)));
    }
  }

  private JobRun.Context signed(Signer... people) {
    return context(
        "approval: {needs: [privacy_officer, data_steward], valid_for: 12h}\npeople: {"
            + String.join(", ", Stream.of(people).map(Signer::entry).toList())
            + "}");
  }

  @Test
  void aSignatureIsGivenWithinTenMinutes() {
    job(JOB, train("research", "claims"), BANK);
    Signer alice = new Signer("alice", "privacy_officer", "alice.key");
    JobRun.Context context = signed(alice);
    Duration most = Duration.ofMinutes(10);
    for (Duration late : List.of(most.plus(SECOND), most.plus(SECOND).negated())) {
      assertThatThrownBy(() -> alice.approves(context, NOON, NOON.plus(late)))
          .as("%s", late)
          .isInstanceOf(Problem.class)
          .hasMessageStartingWith("the signature is of 2026-05-04T12:00:00Z");
    }
    assertThat(jobs.words(JOB)).isEmpty();
    for (Duration inTime : List.of(most.minus(SECOND), most.minus(SECOND).negated())) {
      assertThat(alice.approves(context, NOON, NOON.plus(inTime)))
          .containsExactly(Role.DATA_STEWARD);
    }
    assertThat(logged).as("one that counts is not kept twice").containsExactly("job.approve");
  }

  @Test
  void aSignatureThatIsTooOldIsRenewed() {
    job(JOB, train("research", "claims"), BANK);
    Signer alice = new Signer("alice", "privacy_officer", "alice.key");
    Signer bob = new Signer("bob", "data_steward", "bob.key");
    JobRun.Context context = signed(alice, bob);
    assertThat(alice.approves(context, NOON, NOON)).containsExactly(Role.DATA_STEWARD);
    Instant last = NOON.plus(Duration.ofHours(12)).minus(SECOND);
    Instant over = NOON.plus(Duration.ofHours(12)).plus(SECOND);
    assertThat(bob.approves(context, last, last)).as("the last second").isEmpty();
    assertThat(bob.approves(context, over, over)).containsExactly(Role.PRIVACY_OFFICER);
    assertThat(alice.approves(context, over, over)).isEmpty();
    assertThat(jobs.words(JOB)).hasSize(2);
    assertThat(logged).hasSize(3);
  }

  @Test
  void aSignatureByAKeyThatHasChangedIsRenewed() {
    job(JOB, train("research", "claims"), BANK);
    Signer before = new Signer("alice", "privacy_officer", "alice.key");
    Signer after = new Signer("alice", "privacy_officer", "alice2.key");
    Signer bob = new Signer("bob", "data_steward", "bob.key");
    assertThat(before.approves(signed(before, bob), NOON, NOON)).hasSize(1);
    JobRun.Context rotated = signed(after, bob);
    assertThat(bob.approves(rotated, NOON, NOON)).containsExactly(Role.PRIVACY_OFFICER);
    assertThat(after.approves(rotated, NOON, NOON)).isEmpty();
  }

  @Test
  void anApprovalCountsForItsTimeAndNotASecondLonger() {
    JobSpec spec = train("research", "claims");
    job(JOB, spec, BANK);
    Job job =
        jobs.decide(JOB, HOSPITAL, new Job.Decision(true, null, new byte[64], NOON, Json.object()));
    JobRun.Context context = context("approval: {valid_for: 14d}");
    Instant end = NOON.plus(Duration.ofDays(14));
    new ApprovalRules(context, Clock.fixed(end.minus(SECOND), ZoneOffset.UTC)).requireValid(job);
    ApprovalRules over = new ApprovalRules(context, Clock.fixed(end.plus(SECOND), ZoneOffset.UTC));
    assertThatThrownBy(() -> over.requireValid(job))
        .isInstanceOf(Problem.class)
        .hasMessageContaining("takes it for 14d");
  }

  // ---- nobody -----------------------------------------------------------------------------------

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
