package org.espalier.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.espalier.node.cli.CommandLineFixture.Said;
import org.espalier.node.config.Json;
import org.espalier.node.control.ControlServer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RenderingTest {
  private static final Path JOB = Examples.folder().resolve("job.yaml");
  private static final String ESCAPE = "\u001b";

  private CommandLineFixture silo;
  @TempDir Path folder;

  @BeforeEach
  void open() throws IOException {
    silo = new CommandLineFixture();
  }

  @AfterEach
  void close() throws IOException {
    silo.close();
  }

  @Test
  void nodeStatusShowsWhoIsThereAndWhatRuns() {
    Said said = silo.answer("status", Answers.STATUS).run("node", "status");
    assertThat(said.exitCode()).isZero();
    assertThat(said.out())
        .contains("bank.example  https://127.0.0.1:9443", "up 2 h", "3 DONE, 1 RUNNING")
        .contains(
            "1,234 events", "insurer.example", "confirmed", "connected", "1.5 s ago", "0.8 ms")
        .doesNotContain(ESCAPE);
  }

  @Test
  void startingANodeThatRunsSaysSo() {
    Said said = silo.answer("status", Answers.STATUS).run("node", "start", "--background");
    assertThat(said.exitCode()).isZero();
    assertThat(said.out()).contains("bank.example at https://127.0.0.1:9443", "SHA256:aaaa");
    assertThat(said.err()).contains("runs already");
  }

  @Test
  void stoppingANodeWarnsOfItsJobs() {
    silo.answer("status", Answers.STATUS).answer("stop", "{\"stopping\":true}");
    Said said = silo.run("node", "stop");
    assertThat(said.exitCode()).isZero();
    assertThat(said.out()).contains("Stopped bank.example");
    assertThat(said.err()).contains("1 job runs and fails");
  }

  @Test
  void stoppingTwiceIsNoError() {
    Said said = silo.runJson("node", "stop");
    assertThat(said.exitCode()).isZero();
    assertThat(said.json().path("was_running").asBoolean(true)).isFalse();
  }

  @Test
  void anInvitationAloneGoesToStandardOutput() {
    silo.answer(
        "partner.invite",
        "{\"name\":\"insurer.example\",\"line\":\"espalier-invite:v2:AAAA\",\"expires\":\"2026-02-03T04:05:06Z\"}");
    Said said = silo.run("partner", "invite", "insurer.example");
    assertThat(said.out()).isEqualTo("espalier-invite:v2:AAAA\n");
    assertThat(said.err())
        .contains("secret", "2026-02-03 04:05:06")
        .contains("next at insurer.example: silo partner accept");
  }

  @Test
  void anInvitationIsTakenFromAFileOrStandardInputOnly() throws IOException {
    silo.answer(
        "partner.accept",
        "{\"name\":\"bank.example\",\"fingerprint\":\"SHA256:aaaa\",\"words\":\"six of them\",\"state\":\"pending\"}");
    Path file = Files.writeString(folder.resolve("line.txt"), "espalier-invite:v2:AAAA\n");
    Said said = silo.run("partner", "accept", file.toString());
    assertThat(said.out()).contains("bank.example is pending", "SHA256:aaaa", "Words six of them");
    assertThat(silo.argsOf("partner.accept").path("line").asText())
        .isEqualTo("espalier-invite:v2:AAAA");
    silo.asked().clear();
    assertThat(silo.input("espalier-invite:v2:BBBB\n").run("partner", "accept", "-").exitCode())
        .isZero();
    assertThat(silo.argsOf("partner.accept").path("line").asText())
        .isEqualTo("espalier-invite:v2:BBBB");
    silo.asked().clear();
    Said exposed = silo.run("partner", "accept", "espalier-invite:v2:CCCC");
    assertThat(exposed.exitCode()).isEqualTo(2);
    assertThat(exposed.err()).contains("secret").doesNotContain("CCCC");
    assertThat(silo.asked()).isEmpty();
  }

  @Test
  void partnersAreListedWithTheirState() {
    Said said = silo.answer("partner.list", Answers.PARTNERS).run("partner", "list");
    assertThat(said.out())
        .contains("insurer.example", "pending", "down", "never", "telecom.example", "invited");
  }

  @Test
  void cohortsAreListedAndShownWithTheirDigest() {
    silo.answer("cohort.list", Answers.COHORTS).answer("cohort.show", Answers.COHORT);
    Said list = silo.run("cohort", "list");
    assertThat(list.out())
        .contains("1a2b3c4d1a2b3c4d     812", "bank.example, insurer.example", "J-1a2b3c4d", "yes")
        .contains("5566778855667788", "no: its file was changed or is damaged");
    assertThat(list.err()).contains("silo cohort show COHORT");
    Said shown = silo.run("cohort", "show", "1a2b3c4d");
    assertThat(silo.argsOf("cohort.show").path("cohort").asText()).isEqualTo("1a2b3c4d");
    assertThat(shown.out())
        .contains(
            "1a2b3c4d".repeat(8), "2026-02-03 04:05:06 by J-1a2b3c4d, attempt 1, protocol oprf")
        .contains("800, 12", "yes, with data set loans-2026", "J-99998888 (DONE)");
    assertThat(shown.err()).contains("alignment: {cohort: " + "1a2b3c4d".repeat(8) + "}");
    assertThat(silo.runJson("cohort", "list").json().path("cohorts")).hasSize(2);
  }

  @Test
  void aFailedJobThatRunsAgainByItselfSaysSo() {
    silo.answer("job.status", Answers.FAILED.replaceFirst("}$", ",\"tries_again\":true}"));
    assertThat(silo.run("job", "status", "J-1a2b3c4d").out())
        .contains("FAILED", "runs again by itself when it can");
  }

  @Test
  void aJobThatReusesACohortSaysSo() {
    String spec =
        Answers.SPEC.replace(
            "\"protocol\":\"ecdh\"",
            "\"protocol\":\"cohort\",\"cohort\":\"%s\"".formatted("1a2b3c4d".repeat(8)));
    silo.answer("job.show", Answers.SHOW.replace(Answers.SPEC, spec));
    assertThat(silo.run("job", "show", "J-1a2b3c4d").out())
        .contains("cohort 1a2b3c4d1a2b3c4d again, at least 1,000 people in common");
  }

  @Test
  void dataSetsAreAddedWithTheSchemaBesideThem() throws IOException {
    silo.answer("dataset.add", Answers.DATASET);
    Path file = Files.writeString(folder.resolve("loans.csv"), "customer_no,default\n1,0\n");
    Said missing = silo.run("dataset", "add", "loans", "--file", file.toString());
    assertThat(missing.exitCode()).isEqualTo(5);
    assertThat(missing.err()).contains("loans.schema.yaml", "silo dataset sketch");
    Files.writeString(
        folder.resolve("loans.schema.yaml"),
        "columns:\n  - {name: customer_no, type: id}\n  - {name: default, type: label}\n");
    Said said = silo.run("dataset", "add", "loans", "--file", file.toString());
    assertThat(said.exitCode()).isZero();
    assertThat(said.out()).contains("Data set loans: 1,000 rows, 3 columns, 300 positive");
    JsonNode args = silo.argsOf("dataset.add");
    assertThat(args.path("file").asText()).isEqualTo(file.toAbsolutePath().toString());
    assertThat(args.path("schema").path("columns").path(1).path("type").asText())
        .isEqualTo("label");
  }

  @Test
  void aFileThatCannotBeReadIsNoMissingFile() throws IOException {
    Path loop = Files.createSymbolicLink(folder.resolve("x.csv"), folder.resolve("x.csv"));
    for (String command :
        new String[] {
          "dataset sketch " + loop, "dataset add x --file " + loop, "policy diff " + loop
        }) {
      Said said = silo.run(command.split(" ", -1));
      assertThat(said.exitCode()).as(command).isEqualTo(4);
      assertThat(said.err()).as(command).contains("cannot read " + loop, "symbolic links");
    }
    Said folderNotFile = silo.run("dataset", "add", "x", "--file", folder.toString());
    assertThat(folderNotFile.exitCode()).isEqualTo(4);
    assertThat(folderNotFile.err()).contains(folder + " is no file");
    Path none = folder.resolve("none.csv");
    assertThat(silo.run("dataset", "sketch", none.toString()).exitCode()).isEqualTo(5);
  }

  @Test
  void aDataSetShowsWhatIsMissing() {
    silo.answer("dataset.show", Answers.DATASET);
    silo.answer("dataset.list", "{\"datasets\":[" + Answers.DATASET + "]}");
    assertThat(silo.run("dataset", "show", "loans").out())
        .contains("25 (2.5 %)", "income", "label");
    assertThat(silo.run("dataset", "list").out()).contains("loans", "1,000", "/data/loans.csv");
  }

  @Test
  void aKeyFromFlagsBecomesOneRule() {
    silo.answer("match.check", Answers.MATCH);
    Said said =
        silo.run(
            "match", "check", "--dataset", "loans", "--key", "name:nfkc,casefold", "--key", "born");
    assertThat(said.exitCode()).isZero();
    assertThat(Json.write(silo.argsOf("match.check").path("match")))
        .isEqualTo(
            "[[{\"column\":\"name\",\"normalise\":[\"nfkc\",\"casefold\"]},"
                + "{\"column\":\"born\",\"normalise\":[]}]]");
    assertThat(said.out())
        .contains("1,000 rows", "name + born", "997", "3 (0.3 %)")
        .contains("8 letters (90 %); 9 letters (10 %)");
  }

  @Test
  void aKeyFromAJobIsThatOfTheOwnParty() {
    silo.answer("match.check", "{\"rows\":1000}");
    assertThat(silo.run("match", "check", JOB.toString()).exitCode()).isZero();
    assertThat(silo.argsOf("match.check").path("dataset").asText()).isEqualTo("loans");
    assertThat(silo.argsOf("match.check").path("match")).hasSize(2);
  }

  @Test
  void aDryRunShowsBoundsAndWhyTheyAreSmall() {
    silo.answer(
        "match.dry-run",
        """
        {"dry_run":"D-1","parties":["bank.example","insurer.example"],"least":100,
         "rules":[{"number":1,"columns":["name","born"],"at_least":0,"below":100,
           "people":"fewer than 100","keys":{"bank.example":1000,"insurer.example":2000}}],
         "withheld":{"telecom.example":"its policy says no"},
         "findings":["rule 1, born: yours has 98 % \\"9 digits\\""],
         "left":{"insurer.example":4}}""");
    Said said = silo.run("match", "dry-run", JOB.toString());
    assertThat(said.exitCode()).isZero();
    assertThat(said.out())
        .contains("KEYS OF insurer.example", "name + born", "fewer than 100", "2,000")
        .contains("- rule 1, born: yours has 98 %");
    assertThat(said.err())
        .contains("dry runs with insurer.example left in these 90 days: 4", "its policy says no")
        .contains("silo match check");
    assertThat(silo.argsOf("match.dry-run").path("spec").path("match")).hasSize(2);
  }

  @Test
  void whatALevelDecidesByItselfIsNotPlanned() {
    String plan =
        Answers.PLAN
            .replace(
                "{\"level\":\"gradients\",\"max_passes\":15,\"tolerance\":0.000001,\"accept\":[\"span\"]}",
                "{\"level\":\"sealed\",\"accept\":[]}")
            .replace("{\"holdout\":0.2}", "{\"holdout\":0.2,\"reveal\":\"scores\"}");
    Said said = silo.answer("job.plan", plan).run("job", "plan", JOB.toString());
    assertThat(said.out().replaceAll("\\s+", " "))
        .contains("logistic regression, l2 0.01, level sealed, 20 % held out with their scores")
        .doesNotContain("at most", "tolerance", "accepts");
  }

  @Test
  void whenATrainingEndsIsPlanned() {
    String settings = "\"max_passes\":15,\"tolerance\":0.000001,";
    String early = Answers.PLAN.replace(settings, settings + "\"patience\":2,");
    Said said = silo.answer("job.plan", early).run("job", "plan", JOB.toString());
    assertThat(said.out().replaceAll("\\s+", " "))
        .contains(
            "at most 15 passes, until 2 passes bring no gain on a tenth set aside, tolerance");
  }

  @Test
  void whereATrainingBeginsIsPlanned() {
    String warm = Answers.PLAN.replace("\"l2\":0.01", "\"l2\":0.01,\"start\":\"J-1a2b3c4d\"");
    Said said = silo.answer("job.plan", warm).run("job", "plan", JOB.toString());
    assertThat(said.out().replaceAll("\\s+", " "))
        .contains("at most 15 passes, from the model of J-1a2b3c4d, tolerance");
  }

  @Test
  void thePlanSaysWhoLearnsWhat() {
    Said said = silo.answer("job.plan", Answers.PLAN).run("job", "plan", JOB.toString());
    assertThat(said.exitCode()).isZero();
    assertThat(said.out())
        .contains("PASS 2 parties", "learns    bank.example", "- the summed logits of each pass")
        .contains("learns    every party", "estimate  about 5.2 s; bottleneck: computing at bank")
        .contains("sha256:0123456789abcdef0123", "at least 1,000 people", "accepts span")
        .doesNotContain(ESCAPE);
    assertThat(said.err()).contains("next: silo job propose " + JOB);
    assertThat(silo.argsOf("job.plan").path("spec").path("label").path("column").asText())
        .isEqualTo("default");
  }

  @Test
  void thePlanHasPhasesByParties() {
    Said said = silo.answer("job.plan", Answers.PLAN).run("job", "plan", JOB.toString());
    assertThat(said.out().lines().map(line -> line.strip().replaceAll(" {2,}", "|")))
        .containsSubsequence(
            "protocol|ecdh, because the job names it",
            "PROTOCOL|TIME|BYTES",
            "ecdh|1:01 min|176 MiB",
            "oprf|5.5 s|40 MiB",
            "PHASE|PARTY|TIME|SENT|RECEIVED|MEMORY|DISK",
            "align|bank.example|1.0 s|94 KiB|96 KiB",
            "align|insurer.example|1.0 s|96 KiB|94 KiB",
            "train|bank.example|4.2 s|2.0 MiB|1.0 MiB",
            "train|insurer.example|4.0 s|1.0 MiB|2.0 MiB",
            "all|bank.example|5.2 s|2.1 MiB|1.1 MiB|500 MiB|1.0 MiB",
            "all|insurer.example|5.2 s|1.1 MiB|2.1 MiB|400 MiB|1.0 MiB",
            "rough estimate");
  }

  @Test
  void aReportHasWhatWasPredictedBesideWhatItTook() {
    Said said = silo.answer("job.show", Answers.SHOW).run("job", "show", "J-1a2b3c4d");
    assertThat(said.out().lines().map(line -> line.strip().replaceAll(" {2,}", "|")))
        .containsSubsequence(
            "forecast|assumes that all is well",
            "PHASE|PREDICTED|ACTUAL|RATIO",
            "align|time|1.2 s|1.5 s|0.80",
            "align|sent|94 KiB|94 KiB|1.00",
            "align|received|94 KiB|47 KiB|2.00",
            "all|memory|200 MiB|100 MiB|2.00",
            "all|passes|10|9|1.11")
        .noneMatch(line -> line.startsWith("prepare|"));
  }

  @Test
  void theProposalWaitsForNamedParties() {
    silo.answer("job.propose", Answers.PROPOSED);
    Said said = silo.run("job", "propose", JOB.toString(), "--purpose", "other-purpose");
    assertThat(said.out())
        .isEqualTo("Proposed J-1a2b3c4d (sha256:0123456789abcdef). Waits for: insurer.example\n");
    assertThat(silo.argsOf("job.propose").path("spec").path("purpose").asText())
        .isEqualTo("other-purpose");
  }

  @Test
  void jobsAreListedByState() {
    silo.answer("job.list", "{\"jobs\":[" + Answers.DONE + "," + Answers.PROPOSED + "]}");
    assertThat(silo.run("job", "list").out()).contains("DONE", "PROPOSED", "insurer.example");
    assertThat(silo.run("job", "list", "--state", "done").out()).doesNotContain("PROPOSED");
    assertThat(silo.runJson("job", "list", "--state", "done").json().path("jobs")).hasSize(1);
  }

  @Test
  void aJobShowsSettingsDecisionsAndReport() {
    Said said = silo.answer("job.show", Answers.SHOW).run("job", "show", "J-1a2b3c4d");
    assertThat(said.out())
        .contains("party     insurer.example: claims, columns age")
        .contains("bank.example approved, 2026-02-03 04:05:06 UTC")
        .contains("cohort    812 people", "9 passes, converged, objective 0.4813")
        .contains(
            "gap       by estimate the objective is 1.0e-05",
            "up to 1.2e-04",
            "finding   leave some columns")
        .contains("AUC 0.7812 (95 %: 0.7000 to 0.8500), KS 0.4400, log-loss 0.5100")
        .contains("insurer.example: 1.0 MiB sent, 2.0 MiB received", "peak 100 MiB")
        .contains("insurer.example agreed", "its own gradient of each pass")
        .doesNotContain("\u00a0");
  }

  @Test
  void approvingAndDenyingSayWhatWasDecided() {
    silo.answer("job.approve", Answers.job("J-1a2b3c4d", "APPROVED", ""));
    silo.answer("job.deny", Answers.job("J-1a2b3c4d", "DENIED", ""));
    Said approved = silo.run("job", "approve", "J-1a2b3c4d", "--reason", "agreed");
    assertThat(approved.out()).contains("Approved J-1a2b3c4d");
    assertThat(approved.err()).contains("next: silo job run J-1a2b3c4d --wait");
    assertThat(silo.argsOf("job.approve").path("reason").asText()).isEqualTo("agreed");
    assertThat(silo.run("job", "deny", "J-1a2b3c4d").exitCode()).isEqualTo(2);
    assertThat(silo.run("job", "deny", "J-1a2b3c4d", "--reason", "no").out()).contains("DENIED");
  }

  @Test
  void withoutATerminalAPhaseIsALine() {
    silo.answer("job.wait", RenderingTest::twoPhases);
    Said said = silo.run("job", "wait", "J-1a2b3c4d");
    assertThat(said.exitCode()).isZero();
    assertThat(said.err().lines())
        .containsExactly(
            "running",
            "phase align, 0.2 s after the start, out 0 B, in 0 B",
            "phase train, 2.5 s after the start, out 1.0 MiB, in 2.0 MiB",
            "next: silo model show J-1a2b3c4d");
    assertThat(said.err()).doesNotContain("\r", ESCAPE);
    assertThat(said.out()).contains("DONE", "AUC 0.7812");
  }

  @Test
  void onATerminalALineIsRedrawn() {
    silo.answer("job.wait", RenderingTest::twoPhases);
    Said said = silo.person("").env("COLUMNS", "200").run("job", "wait", "J-1a2b3c4d");
    assertThat(said.err())
        .contains("\ralign     ####################   100%  about 2.3 s")
        .contains("train     #######.............    33%  pass 5/15  objective 0.5123  ETA 5.0 s")
        .contains("out 1.0 MiB, in 2.0 MiB  insurer.example: running train 0 s ago")
        .doesNotContain(ESCAPE);
    assertThat(said.out()).doesNotContain("\r");
  }

  @Test
  void aLineNeverWraps() {
    silo.answer("job.wait", RenderingTest::twoPhases);
    Said said = silo.person("").env("COLUMNS", "60").run("job", "wait", "J-1a2b3c4d");
    assertThat(said.err().split("[\r\n]")).allSatisfy(line -> assertThat(line).hasSizeLessThan(61));
  }

  private static JsonNode twoPhases(JsonNode args, ControlServer.Events events) {
    events.send(Json.parse("event", Answers.ALIGNING));
    events.send(Json.parse("event", Answers.RUNNING));
    events.send(Json.parse("event", Answers.RUNNING));
    return Json.parse("result", Answers.WAITED);
  }

  @Test
  void theLogIsFollowedToTheEnd() {
    silo.answer(
        "job.logs",
        (args, events) ->
            Json.parse(
                "logs",
                args.path("after").asLong() < 1
                    ? "{\"lines\":[{\"seq\":1,\"at\":\"2026-02-03T04:05:06Z\",\"line\":\"pass 1\"}]}"
                    : args.path("after").asLong() < 2
                        ? "{\"lines\":[{\"seq\":2,\"at\":\"2026-02-03T04:05:07Z\",\"line\":\"pass 2\"}]}"
                        : "{\"lines\":[]}"));
    silo.answer("job.status", Answers.WAITED);
    Said said = silo.run("job", "logs", "J-1a2b3c4d", "--follow");
    assertThat(said.out()).isEqualTo("2026-02-03 04:05:06  pass 1\n2026-02-03 04:05:07  pass 2\n");
  }

  @Test
  void weightsAreSortedBySize() {
    Said said = silo.answer("model.show", Answers.MODEL).run("model", "show", "J-1a2b3c4d");
    assertThat(said.out()).containsSubsequence("housing=own", "amount", "income", "(intercept)");
    assertThat(said.out()).contains("-0.750000", "+0.125000", "bank.example (label party)");
    Said stored = silo.run("model", "show", "J-1a2b3c4d", "--order", "file");
    assertThat(stored.out()).containsSubsequence("income", "housing=own", "amount");
  }

  @Test
  void weightsOfSeveralClassesHaveAColumnEach() {
    String model =
        Answers.MODEL
            .replace("[0.125,-0.75,0.5]", "[0.25,-0.25,0,-1,0.5,0.5,0,0.75,-0.75]")
            .replace(
                "\"intercept\":-1.5",
                "\"softmax\":{\"classes\":3,\"outcomes\":[1.0,2.0,2.5],\"intercepts\":[1,-1,0]}");
    Said said = silo.answer("model.show", model).run("model", "show", "J-1a2b3c4d");
    assertThat(said.out().lines().map(line -> line.strip().replaceAll(" {2,}", "|")))
        .containsSubsequence(
            "classes|1, 2, 2.5",
            "FEATURE|CLASS 1|CLASS 2|CLASS 2.5",
            "housing=own|-1.000000|+0.500000|+0.500000",
            "amount|+0.000000|+0.750000|-0.750000",
            "income|+0.250000|-0.250000|+0.000000",
            "(intercepts)|+1.000000|-1.000000|+0.000000");
  }

  @Test
  void standardErrorsAreShownWithWhatTheySay() {
    String model =
        Answers.MODEL.replace(
            "\"preparation\"",
            "\"inference\":{\"standard_errors\":[0.0625,0.5,0],\"vif\":[1.5,12,1],\"intercept\":0.25,\"dispersion\":1},"
                + "\"preparation\"");
    Said said = silo.answer("model.show", model).run("model", "show", "J-1a2b3c4d");
    assertThat(said.out().lines().map(line -> line.strip().replaceAll(" {2,}", "|")))
        .containsSubsequence(
            "FEATURE|WEIGHT|STD ERROR|Z|P|95% FROM|TO|VIF",
            "housing=own|-0.750000|0.500000|-1.500|0.134|-1.729982|+0.229982|12.00",
            "amount|+0.500000|0.000000|-|-|+0.500000|+0.500000|1.00",
            "income|+0.125000|0.062500|+2.000|0.0455|+0.002502|+0.247498|1.50",
            "(intercept)|-1.500000|0.250000|-6.000|1.97e-09|-1.989991|-1.010009|-");
  }

  @Test
  void aPredictionIsBuiltFromItsModel() {
    silo.answer("job.show", Answers.SHOW);
    silo.answer("job.propose", Answers.job("P-5e6f7a8b", "PROPOSED", "\"insurer.example\""));
    Said said =
        silo.run(
            "predict",
            "--model",
            "J-1a2b3c4d",
            "--dataset",
            "new-loans",
            "--with",
            "insurer.example=new-claims",
            "--min-intersection",
            "50");
    assertThat(said.exitCode()).isZero();
    assertThat(said.out())
        .contains("Proposed P-5e6f7a8b (sha256:0123456789abcdef). Waits for: insurer.example");
    JsonNode spec = silo.argsOf("job.propose").path("spec");
    assertThat(spec.path("kind").asText()).isEqualTo("predict");
    assertThat(spec.path("label_party").asText()).isEqualTo("bank.example");
    assertThat(spec.path("parties").path("bank.example").path("dataset").asText())
        .isEqualTo("new-loans");
    assertThat(spec.path("parties").path("insurer.example").path("dataset").asText())
        .isEqualTo("new-claims");
    assertThat(spec.path("alignment").path("min_intersection").asInt()).isEqualTo(50);
    assertThat(spec.path("purpose").asText()).isEqualTo("credit-risk-research");
  }

  @Test
  void aPredictionRunsWhenAllHaveApproved() {
    int[] asked = {0};
    silo.answer("job.show", Answers.SHOW);
    silo.answer("job.propose", Answers.job("P-5e6f7a8b", "PROPOSED", "\"insurer.example\""));
    silo.answer(
        "job.show",
        (args, events) -> {
          if (args.path("job").asText().startsWith("J")) {
            return Json.parse("model", Answers.SHOW);
          }
          boolean first = asked[0]++ == 0;
          return Json.parse(
              "job",
              first
                  ? Answers.job("P-5e6f7a8b", "PROPOSED", "\"insurer.example\"")
                  : Answers.job("P-5e6f7a8b", "APPROVED", ""));
        });
    silo.answer("job.run", Answers.job("P-5e6f7a8b", "RUNNING", ""));
    silo.answer(
        "job.wait",
        "{\"job\":%s,\"report\":{\"scores\":{\"rows\":40,\"file\":\"/r/P.csv\"}}}"
            .formatted(Answers.job("P-5e6f7a8b", "DONE", "")));
    Said said = silo.run("predict", "--model", "J-1a2b3c4d", "--dataset", "new", "--wait");
    assertThat(said.exitCode()).isZero();
    assertThat(said.out()).contains("scores    40 in /r/P.csv");
    assertThat(said.err()).contains("Waits for insurer.example: silo job approve P-5e6f7a8b");
    assertThat(silo.argsOf("job.run").path("job").asText()).isEqualTo("P-5e6f7a8b");
  }

  @Test
  void aPredictionForAStrangerIsRefused() {
    silo.answer("job.show", Answers.SHOW);
    Said said =
        silo.run(
            "predict", "--model", "J-1a2b3c4d", "--dataset", "n", "--with", "nobody.example=x");
    assertThat(said.exitCode()).isEqualTo(2);
    assertThat(said.err()).contains("nobody.example");
  }

  @Test
  void scoresAreInAFile() {
    silo.answer("predict.result", "{\"job\":\"P-5e6f7a8b\",\"rows\":40,\"file\":\"/r/P.csv\"}");
    Said result = silo.run("predict", "--result", "P-5e6f7a8b");
    assertThat(result.out()).contains("40 scores in /r/P.csv");
    assertThat(result.err()).contains("first line names the columns").doesNotContain("probability");
  }

  @Test
  void theDoctorSaysHowToMend() {
    silo.answer(
        "doctor",
        "{\"checks\":[{\"name\":\"disk\",\"level\":\"pass\",\"text\":\"9 GiB free\"},"
            + "{\"name\":\"clock\",\"level\":\"fail\",\"text\":\"off\",\"fix\":\"use NTP\"}]}");
    Said said = silo.run("doctor");
    assertThat(said.exitCode()).isEqualTo(4);
    assertThat(said.out()).contains("PASS", "FAIL", "fix: use NTP");
  }

  @Test
  void theDoctorWorksWithoutANode() {
    Said said = silo.runJson("doctor");
    assertThat(said.exitCode()).isEqualTo(4);
    assertThat(said.json().path("checks")).hasSizeGreaterThan(3);
    assertThat(silo.run("doctor", "--home", folder.resolve("none").toString()).out())
        .contains("fix: silo init");
  }

  @Test
  void coloursOnlyWhereTheyAreWanted() {
    silo.answer("job.list", "{\"jobs\":[" + Answers.DONE + "]}");
    assertThat(silo.colors().run("job", "list").out()).contains(ESCAPE + "[32mDONE");
  }

  @Test
  void textOfPartnersCannotSteerTheTerminal() {
    String evil = "\\u001b[2Jgone\\u202e\\n";
    silo.answer("job.list", "{\"jobs\":[" + Answers.DONE.replace("default-risk", evil) + "]}");
    silo.answer("job.show", Answers.SHOW.replace("the summed logits", evil));
    silo.answer("partner.list", Answers.PARTNERS.replace("compare words", evil));
    silo.answer("job.wait", Answers.FAILED.replace("the intersection is too small", evil));
    for (String command :
        new String[] {"job list", "job show J-1a2b3c4d", "partner list", "job wait J-1a2b3c4d"}) {
      Said said = silo.run(command.split(" ", -1));
      assertThat(said.out() + said.err())
          .contains("gone")
          .doesNotContain(ESCAPE)
          .doesNotContain("\u202e");
    }
  }
}
