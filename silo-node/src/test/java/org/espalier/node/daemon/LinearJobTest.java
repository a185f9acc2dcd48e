package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.espalier.node.config.Json;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** An outcome that is a number, from the data set to the predictions. */
class LinearJobTest extends TwoSilos {
  private static final int PEOPLE = 800;
  private static final double NOISE = 500;

  @BeforeEach
  void register() {
    bank.dataset("people", lines(0, PEOPLE, true));
    insurer.dataset("people", lines(0, PEOPLE, false));
  }

  /** Costs in thousands, from one column of the bank and two of the insurer. */
  private static List<String> lines(int from, int to, boolean atBank) {
    List<String> lines =
        new ArrayList<>(
            List.of(atBank ? "person:id,age:number,cost:target" : "person:id,a:number,b:number"));
    for (int id = from; id < to; id++) {
      Random random = new Random(31L * id + 5);
      double age = 40 + 10 * random.nextGaussian();
      double a = random.nextGaussian();
      double b = random.nextGaussian();
      double cost = 20_000 + 100 * (age - 40) + 1_500 * a - 800 * b + NOISE * random.nextGaussian();
      lines.add(
          atBank
              ? "P%05d,%.4f,%.3f".formatted(id, age, cost)
              : "P%05d,%.5f,%.5f".formatted(id, a, b));
    }
    return lines;
  }

  private static ObjectNode spec(String column) {
    return (ObjectNode)
        Json.yaml(
            "job.yaml",
            """
            name: costs
            purpose: research
            label: {party: bank.example, column: %s}
            parties: {bank.example: {dataset: people}, insurer.example: {dataset: people}}
            match: [[{column: person}]]
            model: {type: linear, l2: 0.001}
            evaluation: {holdout: 0.25}
            """
                .formatted(column),
            JsonNode.class);
  }

  @Test
  void aLinearModelIsTrainedEvaluatedAndPredictsInTheOutcomesUnit() throws IOException {
    String job = begin(spec("cost"));
    JsonNode report = SiloNodeTest.done(bank, job);
    SiloNodeTest.done(insurer, job);
    JsonNode metrics = report.path("metrics");
    assertThat(metrics.path("rows").asInt()).isEqualTo(PEOPLE / 4);
    assertThat(metrics.path("rmse").asDouble()).isCloseTo(NOISE, within(130.0));
    assertThat(metrics.path("mae").asDouble()).isCloseTo(0.8 * NOISE, within(110.0));
    assertThat(metrics.path("r2").asDouble()).isBetween(0.9, 0.97);
    assertThat(metrics.has("auc")).isFalse();
    assertThat(metrics.path("bins")).hasSize(10);
    JsonNode card = bank.call("job.report", "job", job).path("card");
    assertThat(card.path("limits").toString()).contains("opens no scores of the training people");
    JsonNode slice = insurer.call("model.show", "job", job);
    assertThat(slice.path("family").asText()).isEqualTo("linear");
    assertThat(slice.path("level").asText()).isEqualTo("sealed");
    assertThat(slice.path("weights").get(0).asDouble()).isCloseTo(1_500, within(150.0));
    assertThat(slice.path("weights").get(1).asDouble()).isCloseTo(-800, within(120.0));

    bank.dataset("newcomers", lines(5_000, 5_100, true));
    insurer.dataset("newcomers", lines(5_000, 5_100, false));
    String scoring = predictNewcomers(job, spec("cost").get("match"));
    SiloNodeTest.done(bank, scoring);
    List<String> scores = scores(scoring);
    assertThat(scores).hasSize(101).startsWith("row,prediction");
    List<String> people = lines(5_000, 5_100, true);
    double squares = 0;
    for (String score : scores.subList(1, scores.size())) {
      String[] parts = score.split(",", -1);
      String[] person = people.get(Integer.parseInt(parts[0])).split(",", -1);
      double difference = Double.parseDouble(parts[1]) - Double.parseDouble(person[2]);
      squares += difference * difference / 100;
    }
    assertThat(Math.sqrt(squares)).isCloseTo(NOISE, within(150.0));
  }

  @Test
  void theOutcomeIsNoFeatureAndNeedsItsType() {
    assertThat(
            bank.refusal("job.propose", (ObjectNode) Json.object().set("spec", spec("age"))).what())
        .contains("no target or label column age");
    ObjectNode logistic = spec("cost");
    logistic.putObject("model").put("type", "logistic");
    assertThat(bank.refusal("job.propose", (ObjectNode) Json.object().set("spec", logistic)).what())
        .contains("no label column cost");
    JsonNode plan = bank.call("job.plan", (ObjectNode) Json.object().set("spec", spec("cost")));
    assertThat(plan.path("checks").toString())
        .contains("target column cost found")
        .contains("1 feature columns");
  }
}
