package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.espalier.audit.verify.Reconciler;
import org.espalier.audit.verify.Reconciliation;
import org.espalier.audit.verify.TrustedKey;
import org.espalier.audit.verify.Verdict;
import org.espalier.audit.verify.Verification;
import org.espalier.audit.verify.Verifier;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Three institutions on loopback, from enrolment to receipts. */
class SiloNodeTest {
  @TempDir static Path root;
  static TestSilo bank;
  static TestSilo insurer;
  static TestSilo telecom;

  @BeforeAll
  static void enrol() {
    bank = TestSilo.create("bank.example", root).start();
    insurer = TestSilo.create("insurer.example", root).start();
    telecom = TestSilo.create("telecom.example", root).start();
    bank.partnerWith(insurer);
    bank.partnerWith(telecom);
    insurer.partnerWith(telecom);
    bank.dataset("people", TestData.bank(0, 400));
    insurer.dataset("people", TestData.insurer(100, 500));
    telecom.dataset("people", TestData.telecom(50, 450));
  }

  /** Whatever the tests did, refused and failed jobs as well: honest logs agree. */
  @AfterAll
  static void stop() {
    JsonNode reconciled = bank.call("audit.reconcile").path("results");
    assertThat(reconciled).hasSize(2);
    for (JsonNode result : reconciled) {
      assertThat(result.path("exit_code").asInt(-1)).as(result.toPrettyString()).isZero();
      assertThat(result.path("jobs").asInt()).isPositive();
    }
    for (TestSilo silo : new TestSilo[] {bank, insurer, telecom}) {
      if (silo != null) {
        silo.close();
      }
    }
  }

  @Test
  void threePartiesTrainAndPredict() throws IOException {
    ObjectNode planned = Json.object();
    planned.set("spec", TestData.threeParties());
    JsonNode plan = bank.call("job.plan", planned);
    assertThat(plan.path("passed").asBoolean()).isTrue();
    assertThat(plan.path("job").path("training").path("level").asText()).isEqualTo("sealed");
    assertThat(plan.path("learns").toString())
        .contains("insurer.example")
        .contains("of the features: nothing while training")
        .contains("writes none down")
        .doesNotContain("gradient");
    assertThat(bank.call("job.list").path("jobs").toString()).doesNotContain("risk-three");

    String job = bank.propose(TestData.threeParties());
    Problem early = bank.refusal("job.run", TestSilo.args("job", job));
    assertThat(early.what()).contains("insurer.example, telecom.example");
    assertThat(insurer.call("job.show", "job", job).path("learns").size()).isPositive();
    insurer.call("job.approve", "job", job);
    telecom.call("job.approve", "job", job, "reason", "as agreed");
    // Whoever starts it: here a feature party.
    insurer.call("job.run", "job", job);

    JsonNode report = done(bank, job);
    assertThat(report.path("alignment").path("size").asInt()).isEqualTo(300);
    assertThat(report.path("metrics").path("auc").asDouble()).isGreaterThan(0.7);
    assertThat(report.path("passes").size()).isBetween(1, 200);
    JsonNode theirs = done(insurer, job);
    assertThat(theirs.has("metrics")).isFalse();
    assertThat(theirs.path("alignment")).isEqualTo(report.path("alignment"));
    assertThat(done(telecom, job).path("alignment")).isEqualTo(report.path("alignment"));
    for (TestSilo silo : List.of(bank, insurer, telecom)) {
      JsonNode shown = silo.call("job.show", "job", job);
      assertThat(shown.path("receipts").size()).isEqualTo(3);
      assertThat(shown.path("report").path("receipts").toString()).doesNotContain("missing");
      assertThat(silo.call("model.show", "job", job).path("schema").asText())
          .isEqualTo("espalier.model-slice/1");
    }
    assertThat(bank.call("model.show", "job", job).has("intercept")).isTrue();

    bank.dataset("newcomers", TestData.bank(1000, 1100));
    insurer.dataset("newcomers", TestData.insurer(1020, 1120));
    telecom.dataset("newcomers", TestData.telecom(1010, 1110));
    String scoring = bank.propose(TestData.prediction(job));
    insurer.call("job.approve", "job", scoring);
    telecom.call("job.approve", "job", scoring);
    bank.call("job.run", "job", scoring);
    done(bank, scoring);
    JsonNode result = bank.call("predict.result", "job", scoring);
    assertThat(result.path("rows").asInt()).isEqualTo(80);
    Path scores = Path.of(result.path("file").asText());
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(scores)))
        .isEqualTo("rw-------");
    assertThat(auc(Files.readAllLines(scores), TestData.bank(1000, 1100))).isGreaterThan(0.7);
    assertThat(insurer.refusal("predict.result", TestSilo.args("job", scoring)).kind())
        .isEqualTo(Problem.Kind.REFUSED);

    assertThat(bank.loggedTypes())
        .contains(
            "node.started",
            "command",
            "partner.invited",
            "partner.accepted",
            "partner.confirmed",
            "dataset.added",
            "job.proposed",
            "job.approved",
            "job.started",
            "job.finished",
            "phase.started",
            "phase.finished",
            "receipt",
            "reveal",
            "model.shown",
            "result.shown",
            "checkpoint.signed");
    for (TestSilo silo : List.of(bank, insurer, telecom)) {
      verified(silo);
    }
    assertThat(bank.call("audit.export", "job", job).path("events").asInt()).isGreaterThan(10);
    bank.export(job, root.resolve("evidence.zip"));
    TrustedKey bankKey = TrustedKey.parse(NodeHome.auditKey(bank.home));
    Verifier auditor = Verifier.trusting(bankKey);
    assertThat(auditor.verify(root.resolve("evidence.zip")).lines().toString())
        .startsWith("[OK")
        .contains("insurer.example signed the same hashes for attempt 1")
        .contains("not checked: what the log of telecom.example says");
    List<TrustedKey> partners = new ArrayList<>();
    for (TestSilo silo : List.of(insurer, telecom)) {
      partners.add(TrustedKey.parse(NodeHome.auditKey(silo.home)));
    }
    Verification whole = auditor.withPartners(partners).verify(root.resolve("evidence.zip"));
    assertThat(whole.lines().toString())
        .startsWith("[OK")
        .contains("the log of insurer.example, under its own key, holds the same hashes")
        .contains("the log of telecom.example, under its own key, holds the same hashes")
        .doesNotContain("not checked");
    insurer.export(job, root.resolve("theirs.zip"));
    Reconciliation both =
        Reconciler.bundles(
            root.resolve("evidence.zip"),
            bankKey,
            root.resolve("theirs.zip"),
            TrustedKey.parse(NodeHome.auditKey(insurer.home)),
            Clock.systemUTC());
    assertThat(both.lines()).hasSize(1);
    assertThat(both.verdict()).isEqualTo(Verdict.OK);
    // Proposal, the decisions of all three, attempt, alignment, training, evaluation, receipts.
    assertThat(both.compared()).isEqualTo(9);
    assertThat(bank.refusal("audit.export", TestSilo.args("job", "J-00000000")).kind())
        .isEqualTo(Problem.Kind.REFUSED);
    try (Stream<Path> left = Files.list(bank.home.work())) {
      assertThat(left.map(file -> file.getFileName().toString()))
          .noneMatch(n -> n.startsWith("export"));
    }
  }

  @Test
  void scoresOfThePeopleHeldOutAreKeptIfTheJobSaysSo() throws IOException {
    ObjectNode spec = (ObjectNode) TestData.twoParties(50);
    ((ObjectNode) spec.path("evaluation")).put("reveal", "scores");
    String job = bank.propose(spec);
    assertThat(insurer.call("job.show", "job", job).path("learns").toString())
        .contains("writes these scores down");
    insurer.call("job.approve", "job", job);
    bank.call("job.run", "job", job);
    JsonNode report = done(bank, job);
    done(insurer, job);
    JsonNode result = bank.call("predict.result", "job", job);
    assertThat(result.path("rows").asInt()).isEqualTo(report.path("metrics").path("rows").asInt());
    List<String> scores = Files.readAllLines(Path.of(result.path("file").asText()));
    assertThat(scores).hasSize(1 + result.path("rows").asInt()).startsWith("row,probability");
    assertThat(auc(scores, TestData.bank(0, 400)))
        .isCloseTo(report.path("metrics").path("auc").asDouble(), within(1e-12));
    assertThat(revealed(bank, job)).containsExactly("metrics", "holdout_scores");
    assertThat(revealed(insurer, job)).containsExactly("logits");
    assertThat(insurer.refusal("predict.result", TestSilo.args("job", job)).kind())
        .isEqualTo(Problem.Kind.REFUSED);

    String silent = bank.propose(TestData.twoParties(50));
    insurer.call("job.approve", "job", silent);
    bank.call("job.run", "job", silent);
    done(bank, silent);
    done(insurer, silent);
    assertThat(revealed(bank, silent)).containsExactly("metrics");
    assertThat(bank.refusal("predict.result", TestSilo.args("job", silent)).what())
        .contains("keeps no scores");
    assertThat(bank.home.results().resolve(silent + ".csv")).doesNotExist();

    JsonNode told = reported(job, "exact");
    assertThat(told.at("/metrics/curve").size()).isBetween(20, 200);
    JsonNode silentReport = reported(silent, "aggregate");
    assertThat(silentReport.at("/metrics/curve").size()).isBetween(3, 11);
    assertThat(silentReport.at("/card/limits").toString()).contains("fewer than 20 people");
    assertThat(bank.loggedTypes()).contains("result.shown");
  }

  /** What both parties can say of a model; scores of training people were opened at this level. */
  private JsonNode reported(String job, String detail) {
    JsonNode here = bank.call("job.report", "job", job);
    assertThat(here.path("schema").asText()).isEqualTo("espalier.job-report/1");
    assertThat(here.at("/metrics/detail").asText()).isEqualTo(detail);
    assertThat(here.at("/metrics/psi").asDouble(-1)).isBetween(0.0, 1.0);
    assertThat(here.at("/metrics/confusion/0/threshold").asDouble()).isEqualTo(0.5);
    assertThat(here.at("/card/people/cohort").asText()).isEqualTo("200-499");
    assertThat(here.at("/card/parameters/security_bits").asInt()).isGreaterThanOrEqualTo(128);
    assertThat(here.path("card").toString()).doesNotContain("\"rows\"");
    assertThat(here.at("/card/parties/0/columns").size()).isPositive();
    // The job does not name the partner's columns, so this node does not know them.
    assertThat(here.at("/card/parties/1").has("columns")).isFalse();
    assertThat(here.at("/digests/checkpoints").size()).isEqualTo(2);
    assertThat(here.at("/digests/job").asText()).matches("sha256:[0-9a-f]{64}");
    assertThat(here.at("/digests/cohort").asText()).matches("sha256:[0-9a-f]{64}");
    JsonNode there = insurer.call("job.report", "job", job);
    assertThat(there.has("metrics")).isFalse();
    assertThat(there.at("/card/limits").toString()).contains("are at bank.example");
    assertThat(there.at("/card/learned").size()).isPositive();
    assertThat(there.at("/digests/cohort")).isEqualTo(here.at("/digests/cohort"));
    return here;
  }

  @Test
  void aReportIsOfATrainingThatIsDone() {
    String job = bank.propose(TestData.twoParties(50));
    assertThat(bank.refusal("job.report", TestSilo.args("job", job)).what())
        .contains("is PROPOSED and has no model here");
    bank.call("job.abort", "job", job);
  }

  /** What a node's log says has left it, or reached its operator, in a job. */
  private static List<String> revealed(TestSilo silo, String job) {
    ObjectNode query = TestSilo.args("type", "reveal", "job", job);
    List<String> kinds = new ArrayList<>();
    for (JsonNode event : silo.call("audit.tail", query.put("count", 100)).path("events")) {
      if (event.path("phase").asText().equals("outcome")) {
        assertThat(event.path("outcome").asText()).isEqualTo("ok");
        kinds.add(event.at("/outputs/0/kind").asText());
      }
    }
    return kinds;
  }

  /** Probability that a random defaulter of the scored rows is ranked above a random other. */
  private static double auc(List<String> scores, List<String> people) {
    double wins = 0;
    double pairs = 0;
    for (String a : scores.subList(1, scores.size())) {
      for (String b : scores.subList(1, scores.size())) {
        if (label(a, people) == 1 && label(b, people) == 0) {
          wins += probability(a) > probability(b) ? 1 : probability(a) == probability(b) ? 0.5 : 0;
          pairs++;
        }
      }
    }
    return wins / pairs;
  }

  private static int label(String score, List<String> people) {
    String person = people.get(Integer.parseInt(score.split(",", -1)[0]));
    return person.charAt(person.length() - 1) - '0';
  }

  private static double probability(String score) {
    return Double.parseDouble(score.split(",", -1)[1]);
  }

  static JsonNode done(TestSilo silo, String job) {
    JsonNode status = silo.await(job, 60);
    assertThat(status.path("job").path("state").asText())
        .as(silo.party + ": " + status.path("job").path("cause"))
        .isEqualTo("DONE");
    return status.path("report");
  }

  /** Every event of the log is as it was signed. */
  static void verified(TestSilo silo) throws IOException {
    silo.call("audit.checkpoint");
    Verification found =
        Verifier.trusting(TrustedKey.parse(NodeHome.auditKey(silo.home))).verify(silo.home.audit());
    assertThat(found.ok()).as(String.join("\n", found.lines())).isTrue();
    assertThat(found.events()).isGreaterThan(10);
  }

  @Test
  void aDeniedJobEndsEverywhere() {
    String job = bank.propose(TestData.twoParties(50));
    insurer.call("job.deny", "job", job, "reason", "no agreement");
    JsonNode status = bank.await(job, 10).path("job");
    assertThat(status.path("state").asText()).isEqualTo("DENIED");
    assertThat(status.path("cause").path("party").asText()).isEqualTo("insurer.example");
    assertThat(status.path("cause").path("what").asText()).contains("no agreement");
    assertThat(insurer.refusal("job.approve", TestSilo.args("job", job)).kind())
        .isEqualTo(Problem.Kind.WRONG_STATE);
    assertThat(bank.refusal("job.run", TestSilo.args("job", job)).kind())
        .isEqualTo(Problem.Kind.WRONG_STATE);
    assertThat(bank.loggedTypes()).contains("job.denied");
  }

  @Test
  void abortingAgainChangesNothing() {
    String job = bank.propose(TestData.twoParties(50));
    for (int i = 0; i < 2; i++) {
      assertThat(bank.call("job.abort", "job", job, "reason", "r" + i).path("state").asText())
          .isEqualTo("ABORTED");
    }
    assertThat(bank.await(job, 10).path("job").path("cause").path("what").asText()).contains("r0");
    assertThat(bank.refusal("job.run", TestSilo.args("job", job)).kind())
        .isEqualTo(Problem.Kind.WRONG_STATE);
  }

  @Test
  void aMinimumThatCannotBeReachedIsRefusedBeforeAnythingIsSent() {
    ObjectNode spec = (ObjectNode) TestData.twoParties(1_000_000);
    Problem refusal = bank.refusal("job.propose", (ObjectNode) Json.object().set("spec", spec));
    assertThat(refusal.what()).contains("fewer rows than alignment.min_intersection");
    assertThat(refusal.detail().orElseThrow()).contains("1,000,000");
  }

  @Test
  void tooSmallAnIntersectionEndsTheJobBeforeAnybodyLearnsIt() {
    JsonNode cause = fails(TestData.twoParties(301));
    assertThat(cause.path("what").asText()).contains("smaller than agreed");
    insurer.dataset("strangers", TestData.insurer(5000, 5200));
    ObjectNode strangers = (ObjectNode) TestData.twoParties(1);
    ((ObjectNode) strangers.path("parties").path("insurer.example")).put("dataset", "strangers");
    assertThat(fails(strangers).path("what").asText()).contains("smaller than agreed");
    assertThat(bank.call("status").path("name").asText()).isEqualTo("bank.example");
  }

  /** Both sides end in FAILED; returns the cause at the bank. */
  private static JsonNode fails(JsonNode spec) {
    String job = bank.propose(spec);
    insurer.call("job.approve", "job", job);
    bank.call("job.run", "job", job);
    JsonNode here = bank.await(job, 30).path("job");
    JsonNode there = insurer.await(job, 30).path("job");
    assertThat(here.path("state").asText()).isEqualTo("FAILED");
    assertThat(there.path("state").asText()).isEqualTo("FAILED");
    assertThat(here.path("cause").path("party").asText()).isNotEmpty();
    return here.path("cause");
  }

  @Test
  void aChangedDataSetStopsTheJob() throws IOException {
    Path file = insurer.dataset("drifting", TestData.insurer(100, 400));
    ObjectNode spec = (ObjectNode) TestData.twoParties(50);
    ((ObjectNode) spec.path("parties").path("insurer.example")).put("dataset", "drifting");
    String job = bank.propose(spec);
    insurer.call("job.approve", "job", job);
    String text = Files.readString(file);
    // The same length, so that only the content tells.
    Files.writeString(file, text.replaceFirst("north", "south"));
    bank.call("job.run", "job", job);
    JsonNode here = bank.await(job, 30).path("job");
    assertThat(here.path("state").asText()).isEqualTo("FAILED");
    assertThat(here.path("cause").path("what").asText()).contains("has changed");
    assertThat(here.path("cause").path("party").asText()).isEqualTo("insurer.example");
    assertThat(here.path("cause").has("detail")).as("paths stay at their owner").isFalse();
    JsonNode there = insurer.await(job, 30).path("job").path("cause");
    assertThat(there.path("next").asText()).contains("silo dataset add drifting");

    Files.writeString(file, text);
    bank.call("job.run", "job", job);
    done(bank, job);
  }

  @Test
  void aDataSetThatDoesNotFitItsSchemaIsRefusedWithTheFirstBadPlace() {
    Path file = bank.file("bad", List.of("customer,income", "c1,1.5", "c2,NaN"));
    ObjectNode args = TestSilo.args("name", "bad", "file", file.toString());
    args.putObject("schema")
        .putArray("columns")
        .add(Json.object().put("name", "customer").put("type", "id"))
        .add(Json.object().put("name", "income").put("type", "number"));
    Problem problem = bank.refusal("dataset.add", args);
    assertThat(problem.kind()).isEqualTo(Problem.Kind.REFUSED);
    assertThat(problem.detail().orElse("")).contains("row 2").contains("income");
    assertThat(problem.what()).doesNotContain("NaN");
  }

  @Test
  void aJobThatDoesNotFitIsRefusedBeforeAnythingIsSent() {
    ObjectNode spec = (ObjectNode) TestData.twoParties(50);
    ((ObjectNode) spec.path("label")).put("column", "churned");
    ObjectNode args = Json.object();
    args.set("spec", spec);
    assertThat(bank.refusal("job.propose", args).what()).contains("no label column churned");
    assertThat(insurer.call("job.list").toString()).doesNotContain("churned");
  }

  @Test
  void aSecondNodeIsKeptOutOfAHome() {
    assertThatThrownBy(() -> SiloNode.start(bank.home, TestSilo.LINKS).close())
        .isInstanceOfSatisfying(
            Problem.class, p -> assertThat(p.kind()).isEqualTo(Problem.Kind.WRONG_STATE))
        .hasMessageContaining("runs in");
    assertThat(bank.call("status").path("partners").size()).isGreaterThanOrEqualTo(2);
  }

  @Test
  void theDoctorFindsHealthyNodesHealthy() {
    JsonNode checks = bank.call("doctor").path("checks");
    assertThat(checks.findValuesAsText("name"))
        .contains("java", "encryption", "audit log", "insurer.example speed", "data set people");
    for (JsonNode check : checks) {
      assertThat(check.path("level").asText()).as(check.toString()).isNotEqualTo("fail");
    }
  }
}
