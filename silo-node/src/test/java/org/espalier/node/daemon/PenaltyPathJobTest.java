package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.espalier.node.config.Json;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A penalty chosen by cross-validation, from the job's file to the report. */
class PenaltyPathJobTest extends TwoSilos {
  @BeforeEach
  void register() {
    bank.dataset("people", TestData.bank(0, 480));
    insurer.dataset("people", TestData.insurer(0, 480));
  }

  @Test
  void aPenaltyIsChosenReportedAndTrainedWith() {
    ObjectNode spec = (ObjectNode) TestData.twoParties(50);
    spec.withObject("/model").putArray("l2").add(0.001).add(0.01).add(10);
    spec.withObject("/evaluation").put("folds", 3);
    spec.withObject("/training").put("max_passes", 30);
    JsonNode plan = bank.call("job.plan", (ObjectNode) Json.object().set("spec", spec));
    assertThat(plan.path("learns").toString())
        .contains("12 fits are run: 3 values of model.l2, on everybody and without each of 3 folds")
        .contains("all of them together are the at most 30")
        .contains("which value was chosen");
    String job = begin(spec);
    JsonNode report = SiloNodeTest.done(bank, job);
    JsonNode path = report.path("path");
    assertThat(path.path("values")).hasSize(3);
    assertThat(path.path("values").get(0).path("l2").asDouble()).isEqualTo(10);
    int passes = 0;
    for (JsonNode value : path.path("values")) {
      assertThat(value.path("losses")).hasSize(3);
      assertThat(value.path("converged").asBoolean()).isTrue();
      passes += value.path("passes").asInt();
    }
    // With the strongest hardly anything but the intercept is left.
    assertThat(path.path("values").get(0).path("mean_loss").asDouble()).isGreaterThan(0.6);
    assertThat(path.path("values").get(2).path("mean_loss").asDouble()).isLessThan(0.6);
    double chosen = path.path("l2").asDouble();
    assertThat(chosen).isLessThan(10);
    assertThat(report.at("/training/passes").asInt()).isEqualTo(passes);
    assertThat(report.at("/training/converged").asBoolean()).isTrue();
    // What was not learnt elsewhere is not in the partner's report, but the choice is.
    JsonNode theirs = SiloNodeTest.done(insurer, job);
    assertThat(theirs.has("path")).isFalse();
    assertThat(theirs.at("/training/parameters/chosen_l2").asDouble()).isEqualTo(chosen);
    for (TestSilo silo : List.of(bank, insurer)) {
      assertThat(silo.call("model.show", "job", job).path("objective").asText())
          .contains("mean log-loss + " + chosen + "/2 * squared norm");
    }
    JsonNode card = bank.call("job.report", "job", job);
    assertThat(card.path("path")).isEqualTo(path);
    assertThat(card.at("/card/model/l2")).hasSize(3);
    assertThat(card.at("/card/limits").toString()).contains("the penalty was chosen among 3");
    // Passes of all fits count.
    assertThat(plan(spec)).contains("passes used so far on these people: " + passes);
  }

  private String plan(ObjectNode spec) {
    return insurer
        .call("job.plan", (ObjectNode) Json.object().set("spec", spec))
        .path("checks")
        .toString();
  }
}
