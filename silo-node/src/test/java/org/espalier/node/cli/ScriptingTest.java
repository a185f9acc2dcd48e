package org.espalier.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.espalier.node.Problem;
import org.espalier.node.cli.CommandLineFixture.Said;
import org.espalier.node.config.Json;
import org.espalier.wire.Party;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What scripts rely on: one JSON object, exit codes, no questions. */
class ScriptingTest {
  private static final String JOB = Examples.folder().resolve("job.yaml").toString();
  private static final String PREDICT = Examples.folder().resolve("predict.yaml").toString();

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

  private void answerEverything() {
    String partner =
        "{\"name\":\"p.example\",\"state\":\"confirmed\",\"fingerprint\":\"SHA256:a\"}";
    silo.answer("status", Answers.STATUS)
        .answer(
            "partner.invite",
            "{\"name\":\"p\",\"line\":\"espalier-invite:v2:A\",\"expires\":\"x\"}")
        .answer("partner.accept", partner)
        .answer("partner.confirm", partner)
        .answer("partner.revoke", partner)
        .answer("partner.forget", "{\"name\":\"p.example\",\"forgotten\":true}")
        .answer("partner.list", Answers.PARTNERS)
        .answer("dataset.add", Answers.DATASET)
        .answer("dataset.show", Answers.DATASET)
        .answer("dataset.remove", "{\"name\":\"d\",\"removed\":true}")
        .answer("dataset.list", "{\"datasets\":[" + Answers.DATASET + "]}")
        .answer("match.check", "{\"rows\":3}")
        .answer("match.dry-run", "{\"rules\":[]}")
        .answer("job.plan", Answers.PLAN)
        .answer("job.propose", Answers.PROPOSED)
        .answer("job.list", "{\"jobs\":[" + Answers.DONE + "]}")
        .answer("job.show", Answers.SHOW)
        .answer("job.report", Answers.MODEL_REPORT)
        .answer("job.approve", Answers.DONE)
        .answer("job.deny", Answers.DONE)
        .answer("job.run", Answers.DONE)
        .answer("job.status", Answers.WAITED)
        .answer(
            "job.wait",
            (args, events) -> {
              events.send(Json.parse("event", Answers.RUNNING));
              return Json.parse("result", Answers.WAITED);
            })
        .answer("job.logs", "{\"lines\":[]}")
        .answer("job.abort", Answers.DONE)
        .answer("model.list", "{\"models\":[]}")
        .answer("model.show", Answers.MODEL)
        .answer("predict.result", "{\"job\":\"P-5e6f7a8b\",\"rows\":1,\"file\":\"f\"}")
        .answer("doctor", "{\"checks\":[]}");
  }

  @Test
  void everyCommandPrintsOneJsonObjectAndNothingElse() throws IOException {
    answerEverything();
    Path csv = Files.writeString(folder.resolve("d.csv"), "id,x\na,1\nb,2.5\n");
    Path schema =
        Files.writeString(folder.resolve("d.schema.yaml"), "columns: [{name: id, type: id}]\n");
    Path line = Files.writeString(folder.resolve("line"), "espalier-invite:v2:A");
    List<String> commands =
        List.of(
            "node start --background",
            "node status",
            "partner invite p.example",
            "partner accept " + line,
            "partner confirm p.example --fingerprint SHA256:a",
            "partner revoke p.example --yes",
            "partner forget p.example --yes",
            "partner list",
            "dataset sketch " + csv,
            "dataset add d --file " + csv + " --schema " + schema,
            "dataset show d",
            "dataset list",
            "dataset remove d --yes",
            "match check " + JOB,
            "match dry-run " + JOB,
            "job plan " + JOB,
            "job propose " + JOB,
            "job list",
            "job show J-1a2b3c4d",
            "job report J-1a2b3c4d",
            "job report J-1a2b3c4d --html " + folder.resolve("model.html"),
            "job approve J-1a2b3c4d",
            "job deny J-1a2b3c4d --reason no",
            "job run J-1a2b3c4d",
            "job run J-1a2b3c4d --wait",
            "job status J-1a2b3c4d",
            "job wait J-1a2b3c4d",
            "job logs J-1a2b3c4d",
            "job abort J-1a2b3c4d --yes",
            "model list",
            "model show J-1a2b3c4d",
            "predict " + PREDICT,
            "predict " + PREDICT + " --wait",
            "predict --result P-5e6f7a8b",
            "doctor",
            "completion");
    for (String command : commands) {
      Said said = silo.runJson(command.split(" ", -1));
      assertThat(said.exitCode()).as(command).isZero();
      // A second document behind the first would be refused as trailing text.
      assertThat(said.json().isObject()).as(command + ": " + said.out()).isTrue();
      assertThat(said.err()).as(command).isEmpty();
    }
  }

  @Test
  void globalOptionsMayStandAnywhere() {
    silo.answer("job.list", "{\"jobs\":[]}");
    String home = silo.home().toString();
    silo.env("SILO_HOME", "/nowhere");
    assertThat(silo.run("--home", home, "--json", "job", "list").json().path("jobs")).isEmpty();
    assertThat(silo.run("job", "--json", "list", "--home", home).exitCode()).isZero();
  }

  @ParameterizedTest
  @EnumSource(Problem.Kind.class)
  void aProblemOfTheNodeBecomesItsExitCode(Problem.Kind kind) {
    silo.answer(
        "job.run",
        (args, events) -> {
          throw Problem.of(kind, "it cannot be done")
              .at(new Party("insurer.example"))
              .detail("because")
              .next("silo doctor");
        });
    Said said = silo.run("job", "run", "J-1a2b3c4d");
    assertThat(said.exitCode()).isEqualTo(kind.exitCode());
    assertThat(said.out()).isEmpty();
    assertThat(said.err())
        .isEqualTo(
            "silo: insurer.example: it cannot be done\n  why:  because\n  next: silo doctor\n");
    JsonNode error = silo.runJson("job", "run", "J-1a2b3c4d").json().path("error");
    assertThat(error.path("kind").asText()).isEqualToIgnoringCase(kind.name());
    assertThat(error.path("party").asText()).isEqualTo("insurer.example");
    assertThat(error.path("next").asText()).isEqualTo("silo doctor");
  }

  @Test
  void aNodeThatIsDownIsThree() {
    Said said = silo.run("job", "list");
    assertThat(said.exitCode()).isEqualTo(3);
    assertThat(said.err()).contains("not running", "next: silo node start --background");
  }

  /** Who may not enter the node's folder reaches it by a socket of its own. */
  @Test
  void otherUsersReachTheNodeByItsSocket() {
    silo.answer("job.list", "{\"jobs\":[]}").answer("status", Answers.STATUS);
    String socket = silo.home().resolve("control.sock").toString();
    silo.env("SILO_HOME", "/nowhere");
    assertThat(silo.run("job", "list", "--socket", socket).exitCode()).isZero();
    silo.env("SILO_SOCKET", socket);
    assertThat(silo.run("job", "list").exitCode()).isZero();
    assertThat(silo.run("node", "status").out()).contains("bank.example");
    for (String command : List.of("audit key", "audit verify", "backup x.tgz", "node start")) {
      Said said = silo.run(command.split(" "));
      assertThat(said.exitCode()).as(command).isEqualTo(4);
      assertThat(said.err()).contains("only its owner may enter");
    }
    Said own = silo.run("job", "list", "--home", silo.home().toString());
    assertThat(own.exitCode()).isZero();
    silo.env("SILO_SOCKET", "/nowhere/silo.sock");
    for (String command : List.of("job list", "halt --reason fire")) {
      Said down = silo.run(command.split(" "));
      assertThat(down.exitCode()).as(command).isEqualTo(3);
      assertThat(down.err()).contains("no node answers on /nowhere/silo.sock");
    }
  }

  @Test
  void noNodeAtAllIsFive() {
    Said said = silo.runJson("job", "list", "--home", folder.resolve("none").toString());
    assertThat(said.exitCode()).isEqualTo(5);
    assertThat(said.json().path("error").path("next").asText()).startsWith("silo init");
  }

  @Test
  void misuseIsTwoAlsoInJson() {
    Said said = silo.run("job", "wait", "J-1a2b3c4d", "--timeout", "soon", "--json");
    assertThat(said.exitCode()).isEqualTo(2);
    assertThat(said.json().path("error").path("kind").asText()).isEqualTo("usage");
    assertThat(said.err()).contains("--timeout", "next: silo job wait --help");
  }

  @Test
  void aBadFileIsFourAndNamesWhatIsWrong() throws IOException {
    String job = Files.readString(Path.of(JOB));
    Path unknown = Files.writeString(folder.resolve("bad.yaml"), job + "prupose: y\n");
    Said said = silo.run("job", "plan", unknown.toString());
    assertThat(said.exitCode()).isEqualTo(4);
    assertThat(said.err()).contains("bad.yaml", "unknown key 'prupose'", "known keys: ");
    Path wrong =
        Files.writeString(folder.resolve("bad.yaml"), job.replace("l2: 0.01 ", "l2: much "));
    assertThat(silo.run("job", "plan", wrong.toString()).err())
        .contains("bad.yaml line", "model.l2");
    assertThat(silo.run("job", "plan", folder.resolve("no.yaml").toString()).exitCode())
        .isEqualTo(5);
  }

  @Test
  void aPlanThatDoesNotPassIsFour() {
    silo.answer("job.plan", Answers.PLAN.replace("\"passed\":true", "\"passed\":false"));
    Said said = silo.run("job", "plan", JOB);
    assertThat(said.exitCode()).isEqualTo(4);
    assertThat(said.out()).contains("FAIL");
    assertThat(said.err()).doesNotContain("silo job propose");
  }

  @Test
  void aFailedJobIsEightAndSaysWhere() {
    Said said = silo.answer("job.wait", Answers.FAILED).run("job", "wait", "J-1a2b3c4d");
    assertThat(said.exitCode()).isEqualTo(8);
    assertThat(said.out()).contains("insurer.example: the intersection is too small");
    assertThat(said.err()).contains("next: silo job show J-1a2b3c4d");
    assertThat(silo.runJson("job", "wait", "J-1a2b3c4d").exitCode()).isEqualTo(8);
  }

  @Test
  void aTimeoutIsSix() {
    silo.answer("job.wait", "{\"job\":%s}".formatted(Answers.PROPOSED));
    Said said = silo.run("job", "wait", "J-1a2b3c4d", "--timeout", "1");
    assertThat(said.exitCode()).isEqualTo(6);
    assertThat(silo.argsOf("job.wait").path("timeout_seconds").asInt()).isEqualTo(1);
    assertThat(silo.run("job", "wait", "J-1a2b3c4d", "--timeout", "-1").exitCode()).isEqualTo(2);
  }

  @Test
  void nothingIsAskedWithoutATerminal() {
    answerEverything();
    for (String command :
        List.of(
            "job abort J-1a2b3c4d",
            "partner revoke p.example",
            "partner forget p.example",
            "partner confirm insurer.example",
            "partner accept")) {
      Said said = silo.input("p.example\nJ-1a2b3c4d\n").run(command.split(" ", -1));
      assertThat(said.exitCode()).as(command).isEqualTo(2);
      assertThat(said.err()).as(command).contains("next: silo").doesNotContain("Type ");
    }
    assertThat(silo.asked()).extracting("command").containsOnly("partner.list");
  }

  @Test
  void noInputForbidsQuestionsOnATerminalToo() {
    answerEverything();
    Said said = silo.person("J-1a2b3c4d\n").run("job", "abort", "J-1a2b3c4d", "--no-input");
    assertThat(said.exitCode()).isEqualTo(2);
    assertThat(said.err()).contains("silo job abort J-1a2b3c4d --yes");
    assertThat(silo.asked()).isEmpty();
  }

  @Test
  void aDangerousActNeedsTheRightName() {
    answerEverything();
    Said wrong = silo.person("J-99999999\n").run("job", "abort", "J-1a2b3c4d");
    assertThat(wrong.exitCode()).isEqualTo(2);
    assertThat(wrong.err()).contains("nothing was changed");
    assertThat(silo.asked()).isEmpty();
    Said right = silo.person("J-1a2b3c4d\n").run("job", "abort", "J-1a2b3c4d", "--reason", "test");
    assertThat(right.exitCode()).isZero();
    assertThat(silo.argsOf("job.abort").path("reason").asText()).isEqualTo("test");
  }

  @Test
  void whoDidNotHearOfAnAbortIsNamed() {
    String ended = Answers.job("J-1a2b3c4d", "ABORTED", "");
    String missed = "{\"not_aborted_at\":{\"insurer.example\":\"lost the link\"},";
    silo.answer("job.abort", missed + ended.strip().substring(1));
    Said said = silo.run("job", "abort", "J-1a2b3c4d", "--yes");
    assertThat(said.exitCode()).isZero();
    assertThat(said.err())
        .contains("not at insurer.example: lost the link")
        .contains("next: silo job abort J-1a2b3c4d --yes");
    Said json = silo.run("job", "abort", "J-1a2b3c4d", "--yes", "--json");
    assertThat(Json.parse("out", json.out()).at("/not_aborted_at/insurer.example").asText())
        .isEqualTo("lost the link");
  }

  @Test
  void aPartnerIsConfirmedWithTheWordsThatWereShown() {
    answerEverything();
    String words = "aardvark adviser accrue aggregate zulu yesteryear";
    Said said = silo.person("insurer.example\n").run("partner", "confirm", "insurer.example");
    assertThat(said.exitCode()).isZero();
    assertThat(said.err()).contains("Words with insurer.example: " + words);
    assertThat(silo.argsOf("partner.confirm").path("words").asText()).isEqualTo(words);
    assertThat(silo.argsOf("partner.confirm").has("fingerprint")).isFalse();
    silo.asked().clear();
    assertThat(silo.run("partner", "confirm", "x.example", "--words", words).exitCode()).isZero();
    assertThat(silo.argsOf("partner.confirm").path("words").asText()).isEqualTo(words);
    // Who enrolled by an older program has a fingerprint only.
    silo.asked().clear();
    said = silo.person("clinic.example\n").run("partner", "confirm", "clinic.example");
    assertThat(said.err()).contains("Identity of clinic.example: SHA256:cccc");
    assertThat(silo.argsOf("partner.confirm").path("fingerprint").asText())
        .isEqualTo("SHA256:cccc");
    Said invited = silo.person("telecom.example\n").run("partner", "confirm", "telecom.example");
    assertThat(invited.exitCode()).isEqualTo(6);
  }

  @Test
  void sketchingOverwritesNothing() throws IOException {
    Path csv = Files.writeString(folder.resolve("d.csv"), "id,x\na,1\nb,2.5\n");
    Path out = folder.resolve("d.schema.yaml");
    assertThat(silo.run("dataset", "sketch", csv.toString(), "--out", out.toString()).exitCode())
        .isZero();
    String first = Files.readString(out);
    Said again = silo.run("dataset", "sketch", csv.toString(), "--out", out.toString());
    assertThat(again.exitCode()).isEqualTo(4);
    assertThat(Files.readString(out)).isEqualTo(first).contains("{name: id, type: id}");
  }
}
