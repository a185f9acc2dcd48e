package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.List;
import org.espalier.node.config.Json;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Jobs whose parties align with protocol {@code oprf}. */
class OprfJobTest extends TwoSilos {
  private static final int COMMON = 300;

  @BeforeEach
  void register() {
    bank.dataset("people", TestData.bank(0, 400));
    insurer.dataset("people", TestData.insurer(100, 450));
  }

  private static ObjectNode spec(int minimum) {
    ObjectNode spec = (ObjectNode) TestData.twoParties(minimum);
    spec.withObject("alignment").put("protocol", "oprf");
    return spec;
  }

  @Test
  void aModelIsTrainedOnTheirCohort() {
    String job = begin(spec(50));
    JsonNode here = SiloNodeTest.done(bank, job);
    JsonNode there = SiloNodeTest.done(insurer, job);
    assertThat(here.at("/alignment/size").asInt()).isEqualTo(COMMON);
    assertThat(there.at("/alignment")).isEqualTo(here.at("/alignment"));
    assertThat(here.at("/metrics/auc").asDouble()).isGreaterThan(0.6);
    assertThat(insurer.call("audit.tail", TestSilo.args().put("count", 100)).toString())
        .contains("align.oprf");
  }

  @Test
  void thePlanSaysWhatTheReceiverLearns() {
    JsonNode plan = bank.call("job.plan", (ObjectNode) Json.object().set("spec", spec(50)));
    assertThat(plan.path("learns").toString()).contains("what it received determines who they are");
    JsonNode align = plan.at("/estimate/phases/align");
    assertThat(align.at("/bank.example/sent").asLong()).isBetween(600_000L, 660_000L);
    assertThat(align.at("/insurer.example/sent").asLong()).isBetween(100_000L, 120_000L);
    JsonNode ecdh =
        bank.call("job.plan", (ObjectNode) Json.object().set("spec", TestData.twoParties(50)));
    assertThat(ecdh.path("learns").toString()).doesNotContain("determines who they are");
    ObjectNode malicious = spec(50);
    malicious.withObject("alignment").put("security", "malicious");
    JsonNode against = bank.call("job.plan", (ObjectNode) Json.object().set("spec", malicious));
    assertThat(against.path("learns").toString()).contains("code deviates from the protocol");
    assertThat(against.at("/estimate/phases/align/bank.example/sent").asLong())
        .isBetween(1_190_000L, 1_290_000L);
  }

  @Test
  void anOpenProtocolIsChosenAndThePlanSaysWhy() {
    JsonNode few =
        bank.call("job.plan", (ObjectNode) Json.object().set("spec", TestData.twoParties(50)));
    assertThat(few.at("/job/alignment/protocol").asText()).isEqualTo("ecdh");
    assertThat(few.at("/alignment/why").asText()).contains("at most 100,000 rows");
    assertThat(few.at("/alignment/costs/oprf/bytes").asLong()).isBetween(700_000L, 800_000L);
    JsonNode named = bank.call("job.plan", (ObjectNode) Json.object().set("spec", spec(50)));
    assertThat(named.at("/alignment/why").asText()).isEqualTo("the job names it");

    bank.dataset("many", TestData.bank(0, 100_001));
    ObjectNode large = (ObjectNode) TestData.twoParties(50);
    ((ObjectNode) large.at("/parties/bank.example")).put("dataset", "many");
    JsonNode plan = bank.call("job.plan", (ObjectNode) Json.object().set("spec", large));
    JsonNode costs = plan.at("/alignment/costs");
    boolean oprf = costs.at("/oprf/seconds").asDouble() < costs.at("/ecdh/seconds").asDouble();
    assertThat(plan.at("/job/alignment/protocol").asText()).isEqualTo(oprf ? "oprf" : "ecdh");
    assertThat(plan.at("/alignment/why").asText()).contains("with 100,001 rows oprf takes about");
    assertThat(plan.path("learns").toString().contains("what it received determines who they are"))
        .isEqualTo(oprf);
    large.withObject("alignment").put("gate", "two-sided");
    JsonNode gated = bank.call("job.plan", (ObjectNode) Json.object().set("spec", large));
    assertThat(gated.at("/job/alignment/protocol").asText()).isEqualTo("ecdh");
    assertThat(gated.at("/alignment/why").asText()).contains("two-sided gate");
  }

  @Test
  void belowTheMinimumTheSenderLearnsNobodyAndBothSayWhoSaw() {
    String job = begin(spec(COMMON + 1));
    for (TestSilo silo : new TestSilo[] {bank, insurer}) {
      JsonNode status = silo.await(job, 60).path("job");
      assertThat(status.path("state").asText()).isEqualTo("FAILED");
      assertThat(status.path("cause").path("what").asText())
          .contains("smaller than agreed")
          .contains("only the label party's node has seen who is in it");
      assertThat(status.toString()).doesNotContain("" + COMMON + ",");
    }
  }

  private JsonNode plan(ObjectNode spec) {
    return bank.call("job.plan", (ObjectNode) Json.object().set("spec", spec));
  }

  /**
   * The list comes with the first job and is used again by the second, of another bank table. Plan
   * and report of both know which is which, and what the bank's policy makes it do beside.
   */
  @Test
  void aListIsKeptForLaterJobs() {
    bank.stop();
    bank.policy("alignment: {min_set_difference: 20}").start();
    ObjectNode spec = spec(50);
    spec.withObject("alignment").put("protocol", "unbalanced");
    JsonNode before = plan(spec).path("estimate");
    assertThat(before.path("note").asText())
        .contains("is made and sent")
        .contains("bank.example reads its data set once more");
    JsonNode first = SiloNodeTest.done(bank, begin(spec));
    assertThat(first.at("/alignment/size").asInt()).isEqualTo(COMMON);
    assertThat(first.at("/forecast/note").asText()).contains("is made and sent", "once more");
    for (String way : List.of("sent", "received")) {
      assertThat(first.at("/forecast/phases/align/" + way + "/ratio").asDouble())
          .isCloseTo(1, within(0.1));
    }
    JsonNode after = plan(spec).path("estimate");
    assertThat(after.path("note").asText())
        .contains("can be used again")
        .doesNotContain("once more");
    long less =
        before.at("/parties/bank.example/kept_bytes").asLong()
            - after.at("/parties/bank.example/kept_bytes").asLong();
    assertThat(less)
        .as("its keys are kept, and fewer of others are expected")
        .isBetween(8L * 400, 5_000L);
    bank.dataset("later", TestData.bank(50, 300));
    ((ObjectNode) spec.at("/parties/bank.example")).put("dataset", "later");
    spec.put("name", "later");
    JsonNode plan = plan(spec);
    assertThat(plan.path("learns").toString()).contains("keeps a list that stands for all");
    assertThat(plan.at("/estimate/note").asText()).contains("can be used again");
    assertThat(plan.at("/estimate/phases/align/insurer.example/sent").asLong())
        .isBetween(7_500L, 10_500L);
    String job = begin(spec);
    JsonNode here = SiloNodeTest.done(bank, job);
    assertThat(here.at("/alignment/size").asInt()).isEqualTo(200);
    assertThat(SiloNodeTest.done(insurer, job).at("/alignment")).isEqualTo(here.at("/alignment"));
    assertThat(here.at("/forecast/note").asText()).contains("can be used again", "once more");
    assertThat(here.at("/forecast/phases/align/received/ratio").asDouble())
        .isCloseTo(1, within(0.1));
  }

  private static ObjectNode threeParties(int minimum) {
    ObjectNode spec = (ObjectNode) TestData.threeParties();
    spec.withObject("alignment").put("protocol", "oprf").put("min_intersection", minimum);
    return spec;
  }

  private TestSilo telecom() throws IOException {
    TestSilo telecom = TestSilo.create("telecom.example", root).start();
    telecom.partnerWith(bank);
    telecom.partnerWith(insurer);
    telecom.dataset("people", TestData.telecom(50, 380));
    return telecom;
  }

  private String beginThree(TestSilo telecom, ObjectNode spec) {
    String job = bank.propose(spec);
    insurer.call("job.approve", "job", job);
    telecom.call("job.approve", "job", job);
    bank.call("job.run", "job", job);
    return job;
  }

  @Test
  void threePartiesLearnTheirCohortAndNoPairs() throws IOException {
    try (TestSilo telecom = telecom()) {
      JsonNode plan =
          bank.call("job.plan", (ObjectNode) Json.object().set("spec", threeParties(50)));
      assertThat(plan.path("learns").toString())
          .contains("nothing of people whom only some parties know")
          .doesNotContain("pairwise");
      JsonNode align = plan.at("/estimate/phases/align");
      assertThat(align.at("/bank.example/sent").asLong()).isBetween(1_200_000L, 1_320_000L);
      assertThat(align.at("/telecom.example/sent").asLong()).isBetween(100_000L, 125_000L);

      ObjectNode open = (ObjectNode) TestData.threeParties();
      JsonNode choice =
          bank.call("job.plan", (ObjectNode) Json.object().set("spec", open)).path("alignment");
      assertThat(choice.path("protocol").asText()).isEqualTo("ecdh");
      assertThat(choice.path("why").asText()).contains("at most 44,444 rows at each of 3");
      assertThat(choice.at("/costs/oprf/bytes").asLong()).isBetween(1_400_000L, 1_600_000L);

      String job = beginThree(telecom, threeParties(50));
      JsonNode here = SiloNodeTest.done(bank, job);
      assertThat(here.at("/alignment/size").asInt()).isEqualTo(280);
      for (TestSilo other : new TestSilo[] {insurer, telecom}) {
        assertThat(SiloNodeTest.done(other, job).at("/alignment")).isEqualTo(here.at("/alignment"));
      }

      String small = beginThree(telecom, threeParties(281));
      for (TestSilo silo : new TestSilo[] {bank, insurer, telecom}) {
        JsonNode status = silo.await(small, 60).path("job");
        assertThat(status.path("state").asText()).isEqualTo("FAILED");
        assertThat(status.path("cause").path("what").asText())
            .contains("smaller than agreed")
            .contains("only the label party's node has seen who is in it");
      }
    }
  }
}
