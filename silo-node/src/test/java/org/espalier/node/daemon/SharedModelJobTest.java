package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.job.JobSpec;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A model whose weights nobody has, from training to predictions. */
class SharedModelJobTest extends TwoSilos {
  private static final int PEOPLE = 800;

  @BeforeEach
  void register() {
    bank.dataset("people", lines(0, PEOPLE, true));
    insurer.dataset("people", lines(0, PEOPLE, false));
  }

  private static double logit(int id) {
    Random random = new Random(31L * id + 5);
    return random.nextGaussian() + 1.5 * random.nextGaussian() - 2 * random.nextGaussian();
  }

  private static List<String> lines(int from, int to, boolean atBank) {
    List<String> lines =
        new ArrayList<>(
            List.of(atBank ? "person:id,age:number,bad:label" : "person:id,a:number,b:number"));
    for (int id = from; id < to; id++) {
      Random random = new Random(31L * id + 5);
      double age = random.nextGaussian();
      double a = random.nextGaussian();
      double b = random.nextGaussian();
      int bad = random.nextDouble() < 1 / (1 + Math.exp(-logit(id))) ? 1 : 0;
      lines.add(
          atBank ? "P%05d,%.4f,%d".formatted(id, age, bad) : "P%05d,%.5f,%.5f".formatted(id, a, b));
    }
    return lines;
  }

  private static ObjectNode spec(String training) {
    return (ObjectNode)
        Json.yaml(
            "job.yaml",
            """
            name: shared
            purpose: research
            label: {party: bank.example, column: bad}
            parties: {bank.example: {dataset: people}, insurer.example: {dataset: people}}
            match: [[{column: person}]]
            model: {l2: 0.001, weights: shared}
            training: %s
            evaluation: {holdout: 0.25}
            """
                .formatted(training),
            JsonNode.class);
  }

  @Test
  void nobodyGetsWeightsAndTheLabelPartyGetsScores() throws IOException {
    ObjectNode spec = spec("{level: sealed, tolerance: 0.0001, label_privacy: {epsilon: 4}}");
    JsonNode plan = bank.call("job.plan", (ObjectNode) Json.object().set("spec", spec));
    assertThat(plan.path("learns").toString())
        .contains("no weights, not even its own")
        .contains("label differential privacy with ε = 4, δ = 1e-06")
        .contains("guesses it right at most 67 % of the time");
    String job = begin(spec);
    JsonNode report = SiloNodeTest.done(bank, job);
    JsonNode others = SiloNodeTest.done(insurer, job);
    for (JsonNode known : List.of(report, others)) {
      JsonNode ran = known.path("training").path("parameters").path("label_privacy");
      assertThat(ran.path("epsilon").asDouble()).isEqualTo(4);
      assertThat(ran.path("mu").asDouble()).isBetween(0.83, 0.84);
    }
    assertThat(report.path("metrics").path("rows").asInt()).isEqualTo(PEOPLE / 4);
    assertThat(report.path("metrics").path("auc").asDouble()).isGreaterThan(0.85);
    for (TestSilo silo : List.of(bank, insurer)) {
      JsonNode slice = silo.call("model.show", "job", job);
      assertThat(slice.path("weights").size()).isZero();
      assertThat(slice.has("intercept")).isFalse();
      assertThat(slice.path("shared").isBoolean()).as("neither share nor key is shown").isTrue();
    }

    bank.dataset("newcomers", lines(5_000, 5_100, true));
    insurer.dataset("newcomers", lines(5_000, 5_100, false));
    String scoring = predictNewcomers(job, spec.get("match"));
    JsonNode scored = SiloNodeTest.done(bank, scoring);
    assertThat(scored.path("learned").toString()).contains("rounded by noise");
    List<String> scores = scores(scoring);
    assertThat(scores).hasSize(101).startsWith("row,probability");
    double error = 0;
    for (String score : scores.subList(1, scores.size())) {
      String[] parts = score.split(",", -1);
      double truth = 1 / (1 + Math.exp(-logit(4_999 + Integer.parseInt(parts[0]))));
      error += Math.abs(Double.parseDouble(parts[1]) - truth) / 100;
    }
    assertThat(error).isLessThan(0.08);
  }

  /** Both are allowed when they begin; what the second would spend is no longer left. */
  @Test
  void twoTrainingsAtOnceSpendNoMoreThanThePolicyAllows() {
    bank.policy("training: {models: ['*'], levels: ['*'], label_epsilon: 5}").call("policy.apply");
    ObjectNode spec =
        spec("{level: sealed, max_passes: 1, tolerance: 0.01, label_privacy: {epsilon: 3}}");
    List<String> jobs = List.of(bank.propose(spec), bank.propose(spec));
    jobs.forEach(job -> insurer.call("job.approve", "job", job));
    List<String> denied = new ArrayList<>();
    for (String job : jobs) {
      try {
        bank.call("job.run", "job", job);
      } catch (Problem late) { // where the first was already training
        denied.add(late.what());
      }
    }
    int done = 0;
    for (String job : jobs) {
      JsonNode end = bank.await(job, 120).path("job");
      if (end.path("state").asText().equals("DONE")) {
        done++;
      } else {
        denied.add(end.path("cause").path("what").asText());
      }
    }
    assertThat(done).as(denied.toString()).isEqualTo(1);
    assertThat(denied.toString())
        .contains("training.label_epsilon: 5 for all jobs on the data set, 3 were spent");
  }

  @Test
  void otherLevelsHaveNone() {
    ObjectNode spec = spec("{level: gradients}");
    assertThatThrownBy(() -> JobSpec.json("the job", spec))
        .hasStackTraceContaining("model.weights: shared is trained at level sealed");
  }
}
