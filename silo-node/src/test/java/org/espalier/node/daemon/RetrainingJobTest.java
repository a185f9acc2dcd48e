package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The next month's model from this month's, and regressions that end early. */
class RetrainingJobTest extends TwoSilos {
  @BeforeEach
  void register() {
    bank.dataset("people", TestData.bank(0, 480));
    insurer.dataset("people", TestData.insurer(0, 480));
    bank.dataset("june", TestData.bank(100, 580));
    insurer.dataset("june", TestData.insurer(100, 580));
  }

  private static ObjectNode may() {
    ObjectNode spec = (ObjectNode) TestData.twoParties(50);
    spec.withObject("/training").put("max_passes", 12);
    return spec;
  }

  /** Nobody is held out: each alignment has an order of its own, which would choose others. */
  private static ObjectNode june(String model) {
    ObjectNode spec = may();
    spec.withObject("/evaluation").put("holdout", 0);
    spec.withObject("/model").put("start", model);
    for (JsonNode party : spec.path("parties")) {
      ((ObjectNode) party).put("dataset", "june");
    }
    return spec;
  }

  private static ObjectNode args(ObjectNode spec) {
    return (ObjectNode) Json.object().set("spec", spec);
  }

  private static double[] weights(TestSilo silo, String job) {
    JsonNode weights = silo.call("model.show", "job", job).path("weights");
    return Json.convert("weights", weights, double[].class);
  }

  @Test
  void trainingBeginsAtTheEarlierModelAndEndsAtTheSameOne() {
    String may = begin(may());
    SiloNodeTest.done(bank, may);
    SiloNodeTest.done(insurer, may);
    JsonNode plan = bank.call("job.plan", args(june(may)));
    assertThat(plan.path("checks").toString()).contains("begins at model " + may);
    assertThat(plan.path("learns").toString())
        .contains(
            "in the first pass, of each training person the partner's part of the score by the")
        .contains("it counts as one of them");
    assertThat(insurer.call("job.plan", args(june(may))).path("checks").toString())
        .contains("begins at model " + may + ", with weights for 2 of 2 columns");
    ObjectNode cold = june(may);
    cold.withObject("/model").remove("start");
    String without = begin(cold);
    SiloNodeTest.done(bank, without);
    SiloNodeTest.done(insurer, without);
    String june = begin(june(may));
    JsonNode report = SiloNodeTest.done(bank, june);
    SiloNodeTest.done(insurer, june);
    assertThat(report.at("/training/converged").asBoolean()).isTrue();
    assertThat(report.at("/passes/0/estimated_gap").isNull()).isTrue();
    assertThat(report.at("/passes/1/estimated_gap").isNumber()).isTrue();
    // The proposer's node says which model exactly, and partners hold it against their own.
    assertThat(bank.call("job.show", "job", june).at("/spec/model/start_digest").asText())
        .matches("[0-9a-f]{64}");
    for (TestSilo silo : List.of(bank, insurer)) {
      double[] one = weights(silo, without);
      double[] two = weights(silo, june);
      for (int j = 0; j < one.length; j++) {
        assertThat(two[j]).isCloseTo(one[j], within(0.02));
      }
    }
    // Its passes, the first one included, count like all others.
    assertThat(insurer.call("job.plan", args(june(may))).path("checks").toString())
        .contains(
            "passes used so far on these people: "
                + (report.at("/training/passes").asInt()
                    + SiloNodeTest.done(bank, without).at("/training/passes").asInt()));
    JsonNode card = bank.call("job.report", "job", june);
    assertThat(card.at("/card/model/start").asText()).isEqualTo(may);
  }

  @Test
  void anotherModelOrNoneIsRefusedWithWhatAndWho() {
    Problem unknown = bank.refusal("job.propose", args(june("J-00000000")));
    assertThat(unknown.what()).isEqualTo("no finished training job J-00000000");
    assertThat(unknown.next()).contains("silo model list");
    String may = begin(may());
    SiloNodeTest.done(bank, may);
    SiloNodeTest.done(insurer, may);
    ObjectNode linear = june(may);
    linear.withObject("/model").put("type", "linear");
    assertThat(bank.refusal("job.propose", args(linear)).what())
        .contains(may + " is a model of type logistic, and the job's is of type linear");
    ObjectNode other = june(may);
    other.withObject("/model").put("start_digest", "0".repeat(64));
    assertThat(bank.refusal("job.propose", args(other)).what())
        .contains("the job means another model " + may + " than bank.example has");
    List<String> strange = new ArrayList<>(TestData.insurer(100, 580));
    strange.set(0, "person:id,damage:number,area:category");
    insurer.dataset("june-renamed", strange);
    ObjectNode renamed = june(may);
    ((ObjectNode) renamed.path("parties").path("insurer.example")).put("dataset", "june-renamed");
    String job = bank.propose(renamed);
    assertThat(insurer.refusal("job.approve", TestSilo.args("job", job)).what())
        .contains("insurer.example has no column of the model of " + may + " in the job");
  }

  /** A proposer that leaves out of the job all of a partner's columns of the model but one. */
  @Test
  void whatMightOpenASingleColumnNeedsSpan() {
    String may = begin(may());
    SiloNodeTest.done(bank, may);
    SiloNodeTest.done(insurer, may);
    insurer.dataset("june-other", otherColumns());
    ObjectNode one = june(may);
    ObjectNode there = (ObjectNode) one.path("parties").path("insurer.example");
    there.put("dataset", "june-other").putArray("columns").add("claims").add("age").add("miles");
    withoutSpan(one);
    Problem refused = insurer.refusal("job.approve", TestSilo.args("job", bank.propose(one)));
    assertThat(refused.what())
        .isEqualTo(
            "model.start: the earlier model has weights for fewer of its prepared columns than"
                + " training.min_features_per_party");
    assertThat(refused.detail().orElseThrow()).startsWith("1, and 3 are needed");
    assertThat(refused.next()).contains("leave model.start out of the job");
    // What a file has by its columns it does not have when they are prepared.
    there.putArray("columns").add("claims").add("age").add("miles").add("region");
    one.putObject("preparation").put("min_per_category", 300);
    assertThat(insurer.call("job.plan", args(one)).path("checks").toString())
        .contains("with weights for 2 of 4 columns");
    String job = begin(one);
    JsonNode failed = bank.await(job, 60);
    assertThat(failed.at("/job/state").asText()).isEqualTo("FAILED");
    assertThat(failed.at("/job/cause/what").asText())
        .contains("the earlier model has weights for fewer of its prepared columns");
    assertThat(failed.at("/job/cause/party").asText()).isEqualTo("insurer.example");
    assertThat(bank.call("job.logs", "job", job).toString())
        .as("before anything of the training is sent")
        .doesNotContain("pass 1");
    // Whoever accepts that may.
    one.withObject("/training").putArray("accept").add("span");
    one.withObject("/evaluation").put("holdout", 0.25);
    String accepted = begin(one);
    SiloNodeTest.done(bank, accepted);
    assertThat(bank.call("job.report", "job", accepted).at("/card/limits").toString())
        .contains(
            "people held out may be among those on whom the model of " + may + " was trained");
  }

  @Test
  void aModelOfFewWeightsIsNoBeginning() {
    ObjectNode few = may();
    few.withObject("/model").put("l1", 0.05);
    String sparse = begin(few);
    SiloNodeTest.done(bank, sparse);
    SiloNodeTest.done(insurer, sparse);
    ObjectNode june = june(sparse);
    assertThat(insurer.call("job.plan", args(june)).path("checks").toString())
        .contains("begins at model " + sparse);
    withoutSpan(june);
    for (TestSilo silo : List.of(bank, insurer)) {
      assertThat(silo.call("job.plan", args(june)).path("checks").toString())
          .contains(sparse + " was trained with model.l1, which leaves few weights");
    }
    assertThat(bank.refusal("job.propose", args(june)).what()).contains("trained with model.l1");
    few.withObject("/model").put("l1", 10);
    String none = begin(few);
    SiloNodeTest.done(bank, none);
    SiloNodeTest.done(insurer, none);
    String job = bank.propose(june(none));
    assertThat(insurer.refusal("job.approve", TestSilo.args("job", job)).what())
        .isEqualTo("model.start: all weights with which the earlier model begins are 0");
  }

  private static void withoutSpan(ObjectNode spec) {
    spec.withObject("/training").remove("accept");
  }

  /** Of the insurer's columns, and two more. */
  private static List<String> otherColumns() {
    List<String> lines = new ArrayList<>();
    for (String line : TestData.insurer(100, 580)) {
      int id = lines.size();
      lines.add(
          line + (id == 0 ? ",age:number,miles:number" : "," + (20 + id % 50) + "," + id % 37));
    }
    return lines;
  }

  @Test
  void aPartnerWhosePolicyHasNoWarmStartRefusesIt() {
    String may = begin(may());
    SiloNodeTest.done(bank, may);
    SiloNodeTest.done(insurer, may);
    insurer.stop();
    insurer.exactPolicy(TestSilo.OPEN.replace(", warm_start: true", "")).start();
    String june = bank.propose(june(may));
    assertThat(insurer.refusal("job.approve", TestSilo.args("job", june)).what())
        .contains("training.warm_start: the job begins at the model of " + may);
  }

  @Test
  void peopleSetAsideEndTheTrainingAndChooseItsPass() {
    ObjectNode spec = may();
    spec.withObject("/training").put("patience", 1);
    JsonNode plan = bank.call("job.plan", args(spec));
    assertThat(plan.path("learns").toString())
        .contains("nobody but the label party learns who is set aside");
    String job = begin(spec);
    JsonNode report = SiloNodeTest.done(bank, job);
    JsonNode training = report.path("training");
    int kept = training.path("kept_pass").asInt(-1);
    assertThat(kept).isBetween(0, training.path("passes").asInt());
    assertThat(training.path("set_aside_people").asInt()).isEqualTo(36);
    assertThat(report.at("/passes/0/set_aside").isNumber()).isTrue();
    assertThat(training.at("/parameters/kept_pass").asInt()).isEqualTo(kept);
    JsonNode theirs = SiloNodeTest.done(insurer, job);
    assertThat(theirs.path("training").has("set_aside")).isFalse();
    assertThat(theirs.has("passes")).isFalse();
    JsonNode card = bank.call("job.report", "job", job).path("card");
    assertThat(card.at("/model/kept_pass").asInt()).isEqualTo(kept);
    assertThat(card.path("limits").toString()).contains("a tenth of the training people chose");
  }
}
