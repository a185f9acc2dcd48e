package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalTime;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloConfig;
import org.espalier.node.data.Datasets;
import org.espalier.node.policy.Policy;
import org.espalier.node.policy.Rulebook;
import org.espalier.node.store.Store;
import org.espalier.wire.Party;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each rule by itself: what a job needs, less one line, or with one limit more. */
class PolicyRulesTest {
  private static final Party BANK = new Party("bank.example");
  private static final String JOB =
      """
      name: j
      purpose: research
      label: {party: bank.example, column: bad}
      parties:
        bank.example: {dataset: people}
        insurer.example: {dataset: people}
      match: [[{column: id}]]
      alignment: {protocol: ecdh, min_intersection: 1}
      """;

  @TempDir Path folder;
  private Store store;
  private JobRun.Context context;
  private BigDecimal spent = BigDecimal.ZERO;

  @BeforeEach
  void start() throws Exception {
    store = Store.open(folder.resolve("silo.db"));
    Datasets datasets = new Datasets(store, new byte[32]);
    JobServiceTest.people(datasets, folder);
    context =
        new JobRun.Context(
            new FakePeers(BANK),
            new Jobs(store),
            null,
            null,
            null,
            datasets,
            new UnaskedJournal() {
              @Override
              public BigDecimal labelEpsilon(Set<String> commitments) {
                return spent;
              }
            },
            new SiloConfig(BANK, "127.0.0.1:1", null, null, Duration.ofMinutes(1), null),
            Rulebook.of(Policy.NONE),
            folder,
            folder);
  }

  @AfterEach
  void stop() {
    store.close();
  }

  private static JobSpec spec(String... more) {
    return JobSpec.yaml("job.yaml", JOB + String.join("\n", more));
  }

  private List<String> denials(ObjectNode policy, JobSpec spec) {
    Rulebook.InForce rules =
        new Rulebook.InForce(Rulebook.parse("policy.yaml", Json.toYaml(policy)), "0".repeat(64));
    return PolicyRules.verdicts(context, rules, spec).stream()
        .filter(verdict -> !verdict.passed())
        .map(PolicyRules.Verdict::rule)
        .toList();
  }

  private ObjectNode suggested(JobSpec spec) {
    return PolicyRules.suggestion(context, spec);
  }

  @Test
  void whatIsSuggestedAllowsTheJobAndNothingIsAllowedWithoutIt() {
    JobSpec spec = spec();
    assertThat(denials(suggested(spec), spec)).isEmpty();
    assertThat(denials(Json.object(), spec))
        .contains(
            "partners.insurer.example",
            "purposes.research",
            "datasets.people",
            "training.models",
            "training.levels");
    for (String section : List.of("partners", "purposes", "datasets", "training")) {
      ObjectNode less = suggested(spec);
      less.remove(section);
      assertThat(denials(less, spec)).as("without " + section).isNotEmpty();
    }
  }

  @Test
  void whatForbidsWins() {
    JobSpec spec = spec();
    Map<String, String> forbidding = new LinkedHashMap<>();
    forbidding.put("datasets.people.columns.never", "/datasets/people/columns|{never: [inc*]}");
    forbidding.put(
        "partners.insurer.example.until", "/partners/insurer.example|{until: 2020-01-01}");
    forbidding.put("partners.insurer.example.roles", "/partners/insurer.example|{roles: [label]}");
    forbidding.put("purposes.research.until", "/purposes/research|{until: 2020-01-01}");
    forbidding.put("datasets.people.purposes", "/datasets/people|{purposes: [marketing]}");
    forbidding.put("datasets.people.keys", "/datasets/people|{keys: [name]}");
    forbidding.put("alignment.min_intersection", "/alignment|{min_intersection: 2}");
    forbidding.put("alignment.min_fraction", "/alignment|{min_fraction: 0.6}");
    forbidding.put("alignment.protocols", "/alignment|{protocols: [oprf]}");
    forbidding.put("alignment.security", "/alignment|{security: malicious}");
    forbidding.put("training.models", "/training|{models: [linear]}");
    forbidding.put("training.levels", "/training|{levels: [gradients]}");
    forbidding.forEach(
        (rule, change) -> {
          String[] parts = change.split("\\|", 2);
          ObjectNode policy = suggested(spec);
          ObjectNode at =
              parts[0].startsWith("/partners/")
                  ? (ObjectNode) policy.path("partners").path("insurer.example")
                  : policy.withObject(parts[0]);
          at.setAll(Json.yaml(rule, parts[1], ObjectNode.class));
          assertThat(denials(policy, spec)).as(rule).containsExactly(rule);
        });
  }

  @Test
  void outputsAreAllowedByName() {
    JobSpec scores = spec("evaluation: {reveal: scores}");
    ObjectNode policy = suggested(spec());
    assertThat(denials(policy, scores)).containsExactly("outputs.scores");
    assertThat(denials(suggested(scores), scores)).isEmpty();
    JobSpec errors = spec("model: {inference: true}", "training: {level: gradients}");
    assertThat(denials(suggested(errors), errors)).isEmpty();
    ObjectNode silent = suggested(errors);
    silent.withObject("/outputs").remove("inference");
    assertThat(denials(silent, errors)).containsExactly("outputs.inference");
    JobSpec path = spec("evaluation: {folds: 3}", "training: {level: gradients}");
    assertThat(denials(suggested(path), path)).isEmpty();
    ObjectNode whole = suggested(path);
    whole.withObject("/training").remove("cross_validation");
    assertThat(denials(whole, path)).containsExactly("training.cross_validation");
    JobSpec warm = spec("model: {start: J-1a2b3c4d}", "training: {level: gradients}");
    assertThat(denials(suggested(warm), warm)).isEmpty();
    ObjectNode cold = suggested(warm);
    cold.withObject("/training").remove("warm_start");
    assertThat(denials(cold, warm)).containsExactly("training.warm_start");
    ObjectNode narrow = suggested(spec("training: {max_passes: 9}"));
    narrow.withObject("/training").put("max_passes", 8);
    assertThat(denials(narrow, spec("training: {max_passes: 9}")))
        .containsExactly("training.max_passes");
  }

  /** Nobody comes to the most talkative level by a policy that allows networks. */
  @Test
  void splitIsAllowedByItsNameOnly() {
    String neural = "model: {type: neural}";
    JobSpec split = spec(neural, "training: {level: split, accept: [span]}");
    JobSpec activations = spec(neural, "training: {level: activations, accept: [span]}");
    assertThat(denials(suggested(activations), split)).containsExactly("training.levels");
    assertThat(denials(suggested(split), split)).isEmpty();
    ObjectNode silent = suggested(split);
    silent.withObject("/training").remove("accept_span");
    assertThat(denials(silent, split)).containsExactly("training.accept_span");
  }

  @Test
  void labelPrivacyIsSpentOverAllJobs() {
    JobSpec bare = spec();
    ObjectNode policy = suggested(bare);
    policy.withObject("/training").put("label_epsilon", 3);
    assertThat(denials(policy, bare)).containsExactly("training.label_epsilon");
    JobSpec two = spec("training: {label_privacy: {epsilon: 2}}");
    assertThat(denials(policy, two)).isEmpty();
    spent = new BigDecimal("1.5"); // by jobs before
    assertThat(denials(policy, two)).containsExactly("training.label_epsilon");
    JobSpec one = spec("training: {label_privacy: {epsilon: 1.5}}");
    assertThat(denials(policy, one)).isEmpty();
  }

  /** Nobody is aligned anew, but how small a cohort may be still counts. */
  @Test
  void aFrozenCohortIsAsLargeAsANewOneHadToBe() {
    JobSpec spec =
        JobSpec.yaml(
            "job.yaml", JOB.replace("protocol: ecdh", "cohort: \"" + "ab".repeat(32) + "\""));
    ObjectNode policy = suggested(spec);
    policy.withObject("/alignment").put("security", "malicious").putArray("protocols").add("oprf");
    assertThat(denials(policy, spec)).isEmpty();
    policy.withObject("/alignment").put("min_intersection", 2);
    assertThat(denials(policy, spec)).containsExactly("alignment.min_intersection");
    policy.withObject("/alignment").put("min_intersection", 1).put("min_fraction", 0.6);
    assertThat(denials(policy, spec)).containsExactly("alignment.min_fraction");
    policy.withObject("/alignment").put("min_fraction", 0.5);
    assertThat(denials(policy, spec)).isEmpty();
  }

  /** Without a maximum of its own a training at level sealed has as many as its schedule wants. */
  @Test
  void whoNamesNoMaximumOfPassesAsksForTheMost() {
    ObjectNode policy = suggested(spec());
    policy.withObject("/training").put("max_passes", TrainSpec.MAX_PASSES - 1);
    assertThat(denials(policy, spec())).containsExactly("training.max_passes");
    assertThat(denials(policy, spec("training: {max_passes: 199}"))).isEmpty();
    policy.withObject("/training").put("max_passes", TrainSpec.MAX_PASSES);
    assertThat(denials(policy, spec())).isEmpty();
  }

  @Test
  void windowsMaySpanMidnight() {
    Policy.Operations day = new Policy.Operations("06:00-22:00");
    assertThat(day.includes(LocalTime.of(6, 0))).isTrue();
    assertThat(day.includes(LocalTime.of(22, 0))).isFalse();
    Policy.Operations night = new Policy.Operations("22:00-06:00");
    assertThat(night.includes(LocalTime.of(23, 0))).isTrue();
    assertThat(night.includes(LocalTime.of(5, 59))).isTrue();
    assertThat(night.includes(LocalTime.of(12, 0))).isFalse();
  }
}
