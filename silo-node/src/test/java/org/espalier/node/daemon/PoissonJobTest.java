package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.commons.math3.distribution.PoissonDistribution;
import org.espalier.node.config.Json;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Claims that grow with the years insured, from the data set to the predicted rates. */
class PoissonJobTest extends TwoSilos {
  private static final int PEOPLE = 1500;

  @BeforeEach
  void register() {
    bank.dataset("people", lines(0, PEOPLE, true));
    insurer.dataset("people", lines(0, PEOPLE, false));
  }

  private static double rate(Random person) {
    return 0.8 * Math.exp(0.5 * person.nextGaussian() - 0.3 * person.nextGaussian());
  }

  private static List<String> lines(int from, int to, boolean atBank) {
    List<String> lines =
        new ArrayList<>(
            List.of(
                atBank
                    ? "person:id,claims:target,years:exposure,trust:weight,age:number"
                    : "person:id,a:number,b:number"));
    for (int id = from; id < to; id++) {
      Random random = new Random(77L * id + 3);
      double a = random.nextGaussian();
      double b = random.nextGaussian();
      double rate = rate(new Random(77L * id + 3));
      double years = 0.2 + 3 * random.nextDouble();
      PoissonDistribution claims = new PoissonDistribution(null, rate * years, 1e-9, 1000);
      int count = claims.inverseCumulativeProbability(random.nextDouble());
      lines.add(
          atBank
              ? "P%05d,%d,%.6f,%d,%.3f"
                  .formatted(id, count, years, 1 + id % 3, 40 + 10 * random.nextGaussian())
              : "P%05d,%.6f,%.6f".formatted(id, a, b));
    }
    return lines;
  }

  private static ObjectNode spec(String label) {
    return (ObjectNode)
        Json.yaml(
            "job.yaml",
            """
            name: claims
            purpose: research
            label: {party: bank.example, column: claims, %s}
            parties: {bank.example: {dataset: people}, insurer.example: {dataset: people}}
            match: [[{column: person}]]
            model: {type: poisson, l2: 0.0001, inference: true}
            training: {level: gradients, min_features_per_party: 2, accept: [span]}
            evaluation: {holdout: 0.2}
            """
                .formatted(label),
            JsonNode.class);
  }

  @Test
  void ratesAreTrainedEvaluatedAndPredicted() throws IOException {
    ObjectNode spec = spec("exposure: years, weight: trust");
    JsonNode plan = bank.call("job.plan", (ObjectNode) Json.object().set("spec", spec));
    assertThat(plan.path("checks").toString())
        .contains("target column claims, weight column trust, exposure column years found");
    assertThat(plan.path("learns").toString())
        .contains("the standard error of each of its weights");
    assertThat(plan.path("learns").toString()).contains("below which power of two the largest");
    String job = begin(spec);
    JsonNode report = SiloNodeTest.done(bank, job);
    SiloNodeTest.done(insurer, job);
    assertThat(report.at("/training/converged").asBoolean()).isTrue();
    JsonNode metrics = report.path("metrics");
    assertThat(metrics.path("rows").asInt()).isEqualTo(PEOPLE / 5);
    // Of people who are as the model has it, the deviance is near 1; the exposures alone explain
    // less.
    assertThat(metrics.path("mean_deviance").asDouble()).isBetween(0.9, 1.3);
    assertThat(metrics.path("deviance_explained").asDouble()).isBetween(0.1, 0.5);
    JsonNode slice = insurer.call("model.show", "job", job);
    assertThat(slice.path("family").asText()).isEqualTo("poisson");
    assertThat(slice.path("objective").asText()).startsWith("half the weighted mean Poisson");
    assertThat(slice.path("weights").get(0).asDouble()).isCloseTo(0.5, within(0.08));
    assertThat(slice.path("weights").get(1).asDouble()).isCloseTo(-0.3, within(0.08));
    // About 1/√(the claims of 1,200 people).
    assertThat(slice.at("/inference/standard_errors/0").asDouble()).isBetween(0.015, 0.04);
    assertThat(slice.at("/inference/vif/0").asDouble()).isBetween(1.0, 1.2);
    assertThat(insurer.call("job.report", "job", job).path("coefficients")).hasSize(2);
    JsonNode coefficients = bank.call("job.report", "job", job).path("coefficients");
    assertThat(coefficients).hasSize(2);
    assertThat(coefficients.get(0).path("feature").asText()).isEqualTo("age");
    assertThat(coefficients.get(0).path("p").asDouble()).isGreaterThan(1e-4);
    assertThat(coefficients.get(1).path("feature").asText()).isEqualTo("(intercept)");
    assertThat(bank.call("job.report", "job", job).at("/card/limits").toString())
        .contains("standard errors suppose that the model is right");

    requireRates(job, spec);
  }

  private void requireRates(String job, ObjectNode spec) throws IOException {
    bank.dataset("newcomers", lines(5_000, 5_100, true));
    insurer.dataset("newcomers", lines(5_000, 5_100, false));
    String scoring = predictNewcomers(job, spec.get("match"));
    SiloNodeTest.done(bank, scoring);
    List<String> scores = scores(scoring);
    assertThat(scores).hasSize(101).startsWith("row,prediction");
    for (String score : scores.subList(1, scores.size())) {
      String[] parts = score.split(",", -1);
      double rate = rate(new Random(77L * (4_999 + Integer.parseInt(parts[0])) + 3));
      assertThat(Math.log(Double.parseDouble(parts[1]) / rate)).isCloseTo(0, within(0.35));
    }
  }

  /** The same where nothing is opened of anybody. */
  @Test
  void ratesAreTrainedOnShares() throws IOException {
    ObjectNode spec = spec("exposure: years, weight: trust");
    spec.putObject("model").put("type", "poisson").put("l2", 0.0001);
    spec.putObject("training").put("level", "sealed").put("tolerance", 1e-4);
    JsonNode plan = bank.call("job.plan", (ObjectNode) Json.object().set("spec", spec));
    assertThat(plan.path("learns").toString()).contains("nearest to the mean outcome");
    String job = begin(spec);
    JsonNode report = SiloNodeTest.done(bank, job);
    SiloNodeTest.done(insurer, job);
    assertThat(report.at("/training/end").asText()).contains("schedule");
    JsonNode metrics = report.path("metrics");
    assertThat(metrics.path("mean_deviance").asDouble()).isBetween(0.9, 1.3);
    assertThat(metrics.path("deviance_explained").asDouble()).isBetween(0.1, 0.5);
    JsonNode slice = insurer.call("model.show", "job", job);
    assertThat(slice.path("family").asText()).isEqualTo("poisson");
    assertThat(slice.path("level").asText()).isEqualTo("sealed");
    assertThat(slice.path("weights").get(0).asDouble()).isCloseTo(0.5, within(0.08));
    assertThat(slice.path("weights").get(1).asDouble()).isCloseTo(-0.3, within(0.08));
    requireRates(job, spec);
  }

  @Test
  void columnsBesideTheOutcomeNeedTheirTypes() {
    ObjectNode refused = (ObjectNode) Json.object().set("spec", spec("exposure: age"));
    assertThat(bank.refusal("job.propose", refused).what())
        .contains("data set people has no exposure column age");
  }
}
