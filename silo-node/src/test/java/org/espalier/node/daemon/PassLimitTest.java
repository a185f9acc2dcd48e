package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The limit on passes holds over all attempts and jobs on the same people, at every party. */
class PassLimitTest extends TwoSilos {
  private static final int COLUMNS = 12;
  private static final int PEOPLE = 600;

  @BeforeEach
  void register() {
    bank.dataset("people", TestData.bank(0, PEOPLE));
    insurer.dataset("people", numbers());
  }

  /** Twelve columns: three passes. */
  static List<String> numbers() {
    StringBuilder header = new StringBuilder("person:id");
    for (int c = 0; c < COLUMNS; c++) {
      header.append(",x%d:number".formatted(c));
    }
    List<String> lines = new ArrayList<>(List.of(header.toString()));
    Random random = new Random(5);
    for (int id = 0; id < PEOPLE; id++) {
      StringBuilder line = new StringBuilder("C%06d".formatted(id));
      for (int c = 0; c < COLUMNS; c++) {
        line.append(",%.4f".formatted(random.nextGaussian()));
      }
      lines.add(line.toString());
    }
    return lines;
  }

  private static ObjectNode spec(int maxPasses, boolean span) {
    ObjectNode spec = (ObjectNode) TestData.twoParties(100);
    ObjectNode training = spec.putObject("training").put("level", "gradients");
    training.put("max_passes", maxPasses).put("tolerance", 1e-12);
    if (span) {
      training.putArray("accept").add("span");
    }
    return spec;
  }

  private String run(int maxPasses, boolean span) {
    return begin(spec(maxPasses, span));
  }

  private static void refused(TestSilo silo, String job) {
    JsonNode status = silo.await(job, 60).path("job");
    assertThat(status.path("state").asText()).isEqualTo("FAILED");
    assertThat(status.path("cause").path("what").asText())
        .contains("they have 12, and 3 passes were used by earlier attempts and jobs")
        .contains("accept: [span]");
  }

  private static void used(TestSilo silo, String job, int passes) {
    JsonNode shown = silo.call("job.show", "job", job);
    assertThat(shown.path("checks").toString())
        .contains("passes used so far on these people: " + passes);
    assertThat(shown.path("learns").toString()).contains(passes + " were used before");
  }

  @Test
  void furtherJobsGetWhatIsLeftAndThenOnlyWithSpan() {
    String first = run(2, false);
    assertThat(SiloNodeTest.done(bank, first).path("passes").size()).isEqualTo(2);
    SiloNodeTest.done(insurer, first);
    used(bank, first, 2);
    used(insurer, first, 2);

    String second = run(2, false);
    assertThat(SiloNodeTest.done(bank, second).path("passes").size()).isEqualTo(1);
    SiloNodeTest.done(insurer, second);

    String third = run(2, false);
    refused(bank, third);
    refused(insurer, third);
    used(bank, third, 3);

    String accepted = run(4, true);
    assertThat(SiloNodeTest.done(bank, accepted).path("passes").size()).isEqualTo(4);
    SiloNodeTest.done(insurer, accepted);
    used(bank, accepted, 7);
    used(insurer, accepted, 7);
  }

  @Test
  void aFailedAttemptCounts() throws SQLException {
    execute(
        "CREATE TRIGGER full BEFORE INSERT ON models BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    String job = run(5, false);
    for (TestSilo silo : List.of(bank, insurer)) {
      JsonNode status = silo.await(job, 60).path("job");
      assertThat(status.path("state").asText()).isEqualTo("FAILED");
      assertThat(status.path("cause").toString()).doesNotContain("were used by earlier");
      used(silo, job, 3);
    }
    execute("DROP TRIGGER full");
    insurer.call("job.run", "job", job);
    refused(bank, job);
    refused(insurer, job);
    // The cohort was kept: the second attempt went on from it.
    for (TestSilo silo : List.of(bank, insurer)) {
      assertThat(silo.call("cohort.list").path("cohorts")).hasSize(1);
      JsonNode phases =
          silo.call("audit.tail", Json.object().put("count", 1000).put("type", "phase.finished"))
              .path("events");
      assertThat(phases.toString()).containsOnlyOnce("cohort_again");
      assertThat(
              silo.call(
                      "audit.tail",
                      Json.object().put("count", 100).put("type", "disclosure.alignment"))
                  .path("events"))
          .hasSize(1);
    }
  }

  @Test
  void theLogHoldsEveryPassAndTheCountOutlivesEverythingElse() throws SQLException, IOException {
    String job = run(2, false);
    SiloNodeTest.done(bank, job);
    SiloNodeTest.done(insurer, job);
    for (TestSilo silo : List.of(bank, insurer)) {
      JsonNode events =
          silo.call("audit.tail", Json.object().put("count", 1000).put("type", "disclosure.pass"))
              .path("events");
      assertThat(events).hasSize(2);
      for (int i = 0; i < 2; i++) {
        JsonNode event = events.get(i);
        assertThat(event.path("job").path("id").asText()).isEqualTo(job);
        assertThat(event.at("/protocol/parameters/pass").asInt()).isEqualTo(i + 1);
        assertThat(event.at("/inputs/0/commitment").asText()).startsWith("hmac-sha256:");
        assertThat(event.path("recipients").path(0).asText())
            .isEqualTo(silo == bank ? "insurer.example" : "bank.example");
      }
    }
    aRemovedDataSetIsNoNewCount();
    bank.stop();
    execute(
        "DELETE FROM job_log",
        "DELETE FROM reports",
        "DELETE FROM receipts",
        "DELETE FROM datasets"); // a database from before the file was added
    bank.start();
    bank.dataset("renamed", TestData.bank(0, PEOPLE));
    ObjectNode spec = spec(2, false);
    ((ObjectNode) spec.path("parties").path("bank.example")).put("dataset", "renamed");
    JsonNode plan = bank.call("job.plan", (ObjectNode) Json.object().set("spec", spec));
    assertThat(plan.path("checks").toString()).contains("passes used so far on these people: 2");
  }

  private void aRemovedDataSetIsNoNewCount() throws IOException {
    ObjectNode plan = (ObjectNode) Json.object().set("spec", spec(2, false));
    ObjectNode people = TestSilo.args("name", "people");
    String waiting = bank.call("job.propose", plan).path("id").asText();
    assertThat(bank.refusal("dataset.remove", people).what())
        .isEqualTo("job " + waiting + " is not over and uses data set people");
    assertThat(bank.call("dataset.list").path("datasets")).hasSize(1);
    bank.call("job.abort", "job", waiting);

    bank.call("dataset.remove", people);
    assertThat(bank.call("dataset.list").path("datasets")).isEmpty();
    assertThat(bank.call("doctor").path("checks").toString()).doesNotContain("data set");
    assertThat(bank.refusal("dataset.show", people).kind()).isEqualTo(Problem.Kind.NOT_FOUND);
    assertThat(bank.refusal("dataset.remove", people).kind()).isEqualTo(Problem.Kind.NOT_FOUND);
    assertThat(bank.refusal("job.propose", plan).what()).contains("no data set named people");
    JsonNode removed =
        bank.call("audit.tail", Json.object().put("count", 100).put("type", "dataset.removed"))
            .path("events");
    JsonNode added =
        bank.call("audit.tail", Json.object().put("count", 100).put("type", "dataset.added"))
            .path("events");
    assertThat(removed).hasSize(1);
    assertThat(removed.at("/0/inputs/0")).isEqualTo(added.at("/0/inputs/0"));

    bank.dataset("people", TestData.bank(0, PEOPLE));
    assertThat(bank.call("job.plan", plan).path("checks").toString())
        .contains("passes used so far on these people: 2");
    SiloNodeTest.verified(bank);
  }

  @Test
  void whoChangesItsFileResetsItsOwnCountOnly() {
    String first = run(3, false);
    SiloNodeTest.done(bank, first);
    SiloNodeTest.done(insurer, first);
    bank.dataset("people", TestData.bank(0, PEOPLE - 1));
    String second = run(3, false);
    for (TestSilo silo : List.of(bank, insurer)) {
      JsonNode cause = silo.await(second, 60).path("job").path("cause");
      assertThat(cause.path("what").asText()).contains("earlier attempts and jobs on these people");
    }
  }

  @Test
  void tooFewColumnsOfAPartyAreRefusedByItselfWhateverIsAccepted() {
    insurer.dataset(
        "people", TestData.telecom(0, PEOPLE).stream().map(PassLimitTest::asInsurer).toList());
    String job = run(2, true);
    for (TestSilo silo : List.of(bank, insurer)) {
      JsonNode status = silo.await(job, 60).path("job");
      assertThat(status.path("state").asText()).isEqualTo("FAILED");
      assertThat(status.at("/cause/party").asText()).isEqualTo("insurer.example");
      assertThat(status.at("/cause/what").asText())
          .contains("fewer prepared columns than training.min_features_per_party");
      assertThat(
              silo.call("audit.tail", Json.object().put("count", 10).put("type", "disclosure.pass"))
                  .path("events"))
          .isEmpty();
    }
  }

  private static String asInsurer(String line) {
    return line.replace("customer:id", "person:id");
  }

  private void execute(String... statements) throws SQLException {
    try (Connection database = DriverManager.getConnection("jdbc:sqlite:" + bank.home.database());
        Statement statement = database.createStatement()) {
      for (String sql : statements) {
        statement.execute(sql);
      }
    }
  }
}
