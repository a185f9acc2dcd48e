package org.espalier.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.event.EventType;
import org.espalier.audit.log.AuditLog;
import org.espalier.node.Problem;
import org.espalier.node.cli.CommandLineFixture.Said;
import org.espalier.node.config.Json;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against a real log; without a node unless a test gives one. */
class AuditCommandsTest {
  private static final String ORIGIN = "bank.example/silo/audit/1";

  private final NoteSigner signer =
      NoteSigner.of(ORIGIN, NoteSigner.Use.LOG, NoteSigner.generateKeys());
  @TempDir Path folder;
  private Path log;
  private CommandLineFixture silo;

  @BeforeEach
  void open() throws IOException {
    silo = new CommandLineFixture();
    log = folder.resolve("audit");
    Files.createDirectory(log);
    try (AuditLog audit = AuditLog.open(log, signer)) {
      for (String job : new String[] {"J-1a2b3c4d", "J-00000000", "J-1a2b3c4d"}) {
        audit.fact(EventType.JOB_PROPOSED, event -> event.job(job, 0, null));
      }
      audit.checkpoint();
    }
  }

  @AfterEach
  void close() throws IOException {
    silo.close();
  }

  private Said verify(String path, String... more) {
    String[] args = new String[3 + more.length];
    args[0] = "audit";
    args[1] = "verify";
    args[2] = path;
    System.arraycopy(more, 0, args, 3, more.length);
    return silo.run(args);
  }

  @Test
  void anIntactLogIsZero() throws IOException {
    Said said = verify(log.toString(), "--key", signer.vkey());
    assertThat(said.exitCode()).isZero();
    assertThat(said.out()).startsWith("OK: ").contains(ORIGIN);
    Path key = Files.writeString(folder.resolve("bank.vkey"), signer.vkey() + "\n");
    Said fromFile = verify(log.toString(), "--key", key.toString(), "--json");
    assertThat(fromFile.exitCode()).isZero();
    assertThat(fromFile.json().path("ok").asBoolean()).isTrue();
  }

  @Test
  void anAlteredEventIsTenAndNamed() throws IOException {
    Path journal = log.resolve("journal");
    byte[] bytes = Files.readAllBytes(journal);
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    int place = text.indexOf("J-00000000");
    assertThat(place).isPositive();
    bytes[place + 2] = '1';
    Files.write(journal, bytes);
    Said said = verify(log.toString(), "--key", signer.vkey());
    assertThat(said.exitCode()).isEqualTo(10);
    assertThat(said.out()).contains("NOT OK, altered");
    assertThat(verify(log.toString(), "--key", signer.vkey(), "--json").exitCode()).isEqualTo(10);
  }

  @Test
  void aLogUnderAnotherKeyIsFourteen() {
    NoteSigner other = NoteSigner.of(ORIGIN, NoteSigner.Use.LOG, NoteSigner.generateKeys());
    assertThat(verify(log.toString(), "--key", other.vkey()).exitCode()).isEqualTo(14);
  }

  @Test
  void aLogThatBecameShorterIsNoticedWithState() throws IOException {
    Path old = folder.resolve("old");
    Files.createDirectory(old);
    try (var files = Files.list(log)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.copy(file, old.resolve(file.getFileName()));
      }
    }
    try (AuditLog audit = AuditLog.open(log, signer)) {
      audit.fact(EventType.JOB_PROPOSED, event -> event.job("J-22222222", 0, null));
      audit.checkpoint();
    }
    String state = folder.resolve("state").toString();
    assertThat(verify(log.toString(), "--key", signer.vkey(), "--state", state).exitCode())
        .isZero();
    assertThat(verify(old.toString(), "--key", signer.vkey(), "--state", state).exitCode())
        .isEqualTo(11);
  }

  @Test
  void withoutAKeyOrALogThereIsNoVerdict() {
    silo.env("SILO_HOME", folder.resolve("none").toString());
    Said keyless = verify(log.toString());
    assertThat(keyless.exitCode()).isEqualTo(2);
    assertThat(keyless.err()).contains("whom to trust", "--key VKEY");
    assertThat(verify(log.toString(), "--key", "nonsense").exitCode()).isEqualTo(2);
    assertThat(verify(folder.resolve("no").toString(), "--key", signer.vkey()).exitCode())
        .isEqualTo(5);
    assertThat(silo.run("audit", "tail").exitCode()).isEqualTo(5);
  }

  @Test
  void theNewestEventsAreReadWithoutANode() throws IOException {
    Files.move(log, silo.home().resolve("audit"));
    try {
      Said said = silo.run("audit", "tail", "--job", "J-1a2b3c4d", "-n", "1");
      assertThat(said.exitCode()).isZero();
      assertThat(said.out().lines()).hasSize(1);
      assertThat(said.out()).contains("job.proposed", "job=J-1a2b3c4d");
      assertThat(silo.runJson("audit", "tail", "--job", "J-00000000").json().path("events"))
          .hasSize(1);
      assertThat(silo.run("audit", "tail", "-n", "0").exitCode()).isEqualTo(2);
    } finally {
      Files.move(silo.home().resolve("audit"), log);
    }
  }

  /** As an auditor does who has a copy of the log and the number that the verifier named. */
  @Test
  void aSingleEventAndThoseOfATimeAreFoundInACopy() {
    Said one = silo.run("audit", "tail", log.toString(), "--seq", "1");
    assertThat(one.exitCode()).isZero();
    assertThat(one.out()).contains("\"seq\" : 1,", "\"id\" : \"J-00000000\"", "\"boot\"");
    assertThat(found("--seq", "1").path(0).path("seq").asInt()).isEqualTo(1);
    Said none = silo.run("audit", "tail", log.toString(), "--seq", "99");
    assertThat(none.exitCode()).isEqualTo(5);
    assertThat(none.err()).contains("the log has no event 99", "it has 4, counted from 0");
    assertThat(silo.run("audit", "tail", log.toString(), "--seq", "-1").exitCode()).isEqualTo(2);
    Said both = silo.run("audit", "tail", log.toString(), "--seq", "1", "--job", "J-1a2b3c4d");
    assertThat(both.exitCode()).isEqualTo(2);

    String today = LocalDate.now(ZoneOffset.UTC).toString();
    String tomorrow = LocalDate.now(ZoneOffset.UTC).plusDays(2).toString();
    assertThat(found("--since", today, "--until", tomorrow, "--type", "job.")).hasSize(3);
    assertThat(found("--since", tomorrow)).isEmpty();
    assertThat(found("--until", "2020-01-01T12:00:00Z")).isEmpty();
    assertThat(found("--text", "j-00000000")).hasSize(1);
    assertThat(found("--partner", "clinic.example")).isEmpty();
    assertThat(found("--outcome", "failed")).isEmpty();
    Said when = silo.run("audit", "tail", log.toString(), "--since", "yesterday");
    assertThat(when.exitCode()).isEqualTo(2);
    assertThat(when.err()).contains("since is a day such as 2031-01-31, or a time");
  }

  private JsonNode found(String... options) {
    String[] args = new String[3 + options.length];
    args[0] = "audit";
    args[1] = "tail";
    args[2] = log.toString();
    System.arraycopy(options, 0, args, 3, options.length);
    return silo.runJson(args).json().path("events");
  }

  @Test
  void aRunningNodeIsAskedSoThatItLogsTheReading() {
    silo.answer(
        "audit.tail",
        "{\"events\":[{\"v\":1,\"seq\":7,\"type\":\"job.proposed\",\"phase\":\"fact\","
            + "\"time\":1770000000000,\"job\":{\"id\":\"J-1a2b3c4d\"}}]}");
    Said said = silo.run("audit", "tail", "--type", "job.");
    assertThat(said.out()).contains("      7  ", "job.proposed", "job=J-1a2b3c4d");
    assertThat(silo.argsOf("audit.tail").path("type").asText()).isEqualTo("job.");
    assertThat(silo.argsOf("audit.tail")).hasSize(1);
    assertThat(silo.run("audit", "tail", "--seq", "7").out())
        .contains("\"type\" : \"job.proposed\"");
  }

  @Test
  void whatAVerifierTakesIsTextOrOneJsonObject() {
    silo.answer(
        "audit.witness",
        """
        {"log":"bank.example/silo/audit/1+0a1b2c3d+AbCd",
         "partners":[{"partner":"clinic.example","key":"clinic.example/silo/witness+1a2b3c4d+BAbC"}],
         "logs":[{"log":"clinic.example/silo/audit/1","size":2,
                  "checkpoint":"clinic.example/silo/audit/1\\n2\\nroot\\n\\n- sig\\n"}]}
        """);
    String policy = silo.run("audit", "witness", "--policy", "1").out();
    assertThat(policy).startsWith("log bank.example").endsWith("quorum partners\n");
    assertThat(silo.runJson("audit", "witness", "--policy", "1").json())
        .isEqualTo(Json.object().put("policy", policy.stripTrailing()));
    String note = silo.run("audit", "witness", "--seen", "clinic.example").out();
    assertThat(note).endsWith("\n\n- sig\n");
    assertThat(silo.runJson("audit", "witness", "--seen", "clinic.example").json())
        .isEqualTo(Json.object().put("checkpoint", note.stripTrailing()));
  }

  @Test
  void anExportHoldsOneJobAndVerifiesAlone() throws IOException {
    Files.move(log, silo.home().resolve("audit"));
    Path out = folder.resolve("job.zip");
    try {
      Said said = silo.runJson("audit", "export", "--job", "J-1a2b3c4d", "--out", out.toString());
      assertThat(said.exitCode()).as(said.err()).isZero();
      assertThat(said.json().path("events").asInt()).isEqualTo(2);
      Said again = silo.run("audit", "export", "--job", "J-1a2b3c4d", "--out", out.toString());
      assertThat(again.exitCode()).isEqualTo(4);
      String fresh = folder.resolve("other.zip").toString();
      assertThat(silo.run("audit", "export", "--job", "J-99999999", "--out", fresh).exitCode())
          .isEqualTo(4);
    } finally {
      Files.move(silo.home().resolve("audit"), log);
    }
    Said said = verify(out.toString(), "--key", signer.vkey(), "--json");
    assertThat(said.exitCode()).as(said.out()).isZero();
    assertThat(said.json().path("job").asText()).isEqualTo("J-1a2b3c4d");
    NoteSigner partner =
        NoteSigner.of("clinic.example/silo/audit/1", NoteSigner.Use.LOG, NoteSigner.generateKeys());
    Said asked = verify(out.toString(), "--key", signer.vkey(), "--partner", partner.vkey());
    assertThat(asked.exitCode()).as(asked.out()).isEqualTo(12);
    assertThat(asked.out()).contains("does not hold what the log of clinic.example says");
    assertThat(verify(out.toString(), "--key", signer.vkey(), "--partner", "nonsense").exitCode())
        .isEqualTo(2);
  }

  @Test
  void aRunningNodeMakesTheExportItself() {
    silo.answer(
        "audit.export",
        (args, events) -> {
          events.send(Json.object().put("content", new byte[] {'P', 'K'}));
          events.send(Json.object().put("content", new byte[] {3}));
          ObjectNode result =
              Json.object().put("events", 4).put("checkpoint_size", 9).put("receipts", 2);
          result.putArray("left_out").add("the log of c: why");
          return result;
        });
    Path file = folder.resolve("e.zip");
    Said said = silo.runJson("audit", "export", "--job", "J-1a2b3c4d", "--out", file.toString());
    assertThat(said.exitCode()).isZero();
    assertThat(said.json().path("events").asInt()).isEqualTo(4);
    assertThat(said.json().path("file").asText()).isEqualTo(file.toString());
    assertThat(said.json().has("content")).isFalse();
    assertThat(file).hasBinaryContent(new byte[] {'P', 'K', 3});
    assertThat(silo.argsOf("audit.export").path("job").asText()).isEqualTo("J-1a2b3c4d");

    Path next = folder.resolve("f.zip");
    assertThat(silo.run("audit", "export", "--job", "J-1a2b3c4d", "--out", next.toString()).out())
        .contains("2 receipts; no partner's log", "\nleft out: the log of c: why");
  }

  @Test
  void anExportThatTheNodeRefusesLeavesNoFile() {
    silo.answer(
        "audit.export",
        (args, events) -> {
          events.send(Json.object().put("content", new byte[] {'P', 'K'}));
          throw Problem.refused("no more");
        });
    Path file = folder.resolve("e.zip");
    Said said = silo.run("audit", "export", "--job", "J-1a2b3c4d", "--out", file.toString());
    assertThat(said.exitCode()).isEqualTo(4);
    assertThat(file).doesNotExist();
  }

  @Test
  void aRunningNodeSignsACheckpointBeforeItsLogIsChecked() {
    silo.answer("audit.checkpoint", "{\"origin\":\"o\",\"size\":4,\"root\":\"r\"}");
    assertThat(silo.run("audit", "verify", "--key", signer.vkey()).exitCode()).isEqualTo(5);
    assertThat(silo.asked()).extracting("command").containsExactly("audit.checkpoint");
  }

  @Test
  void eventsAndReportsForOthersComeFromTheFiles() throws IOException {
    Files.move(log, silo.home().resolve("audit"));
    try {
      for (String format : new String[] {"fhir", "ocsf", "cef"}) {
        Path out = folder.resolve(format);
        Said said = silo.runJson("audit", "export", "--format", format, "--out", out.toString());
        assertThat(said.exitCode()).as(said.err()).isZero();
        assertThat(said.json().path("events").asInt()).isEqualTo(4);
        assertThat(Files.readString(out)).contains("J-00000000", "checkpoint.signed");
      }
      Path one = folder.resolve("one.cef");
      silo.run(
          "audit", "export", "--format", "cef", "--job", "J-00000000", "--out", one.toString());
      assertThat(Files.readAllLines(one)).hasSize(1);
      String again = folder.resolve("again").toString();
      assertThat(silo.run("audit", "export", "--format", "xml", "--out", again).exitCode())
          .isEqualTo(2);
      assertThat(silo.run("audit", "export", "--out", again).exitCode()).isEqualTo(2);

      assertThat(silo.run("audit", "report", "--art30").out())
          .contains("# Record of processing activities", "### Job J-1a2b3c4d");
      assertThat(silo.runJson("audit", "report", "--art30").json().path("schema").asText())
          .isEqualTo("espalier.audit-art30/1");
      Path page = folder.resolve("art30.html");
      assertThat(silo.run("audit", "report", "--art30", "--out", page.toString()).exitCode())
          .isZero();
      assertThat(Files.readString(page)).startsWith("<!DOCTYPE html>");
      assertThat(silo.run("audit", "report", "--art30", "--out", page.toString()).exitCode())
          .isEqualTo(4);
      assertThat(silo.run("audit", "report").exitCode()).isEqualTo(2);
    } finally {
      Files.move(silo.home().resolve("audit"), log);
    }
  }

  @Test
  void twoExportsAreHeldAgainstEachOtherWithBothKeys() throws IOException {
    Files.move(log, silo.home().resolve("audit"));
    Path out = folder.resolve("mine.zip");
    try {
      silo.run("audit", "export", "--job", "J-1a2b3c4d", "--out", out.toString());
    } finally {
      Files.move(silo.home().resolve("audit"), log);
    }
    String file = out.toString();
    NoteSigner other =
        NoteSigner.of("clinic.example/silo/audit/1", NoteSigner.Use.LOG, NoteSigner.generateKeys());
    Said said =
        silo.runJson(
            "audit",
            "reconcile",
            "--mine",
            file,
            "--key",
            signer.vkey(),
            "--theirs",
            file,
            "--key",
            other.vkey());
    assertThat(said.exitCode()).as(said.err()).isEqualTo(14);
    assertThat(said.json().path("schema").asText()).isEqualTo("espalier.audit-reconciliation/1");
    assertThat(silo.run("audit", "reconcile", "--mine", file).exitCode()).isEqualTo(2);
    assertThat(
            silo.run("audit", "reconcile", "--mine", file, "--theirs", file, "--key", "x")
                .exitCode())
        .isEqualTo(2);
    silo.answer(
        "audit.reconcile",
        "{\"results\":[{\"theirs\":\"clinic.example\",\"ok\":false,\"verdict\":\"truncated\","
            + "\"exit_code\":11,\"jobs\":2,\"compared\":9,\"differences\":[{\"job\":\"J-1\","
            + "\"text\":\"the phase train is not in the log of clinic.example\"}],\"notes\":[]},"
            + "{\"theirs\":\"insurer.example\",\"problem\":{\"kind\":\"partner\",\"what\":\"away\"}}]}");
    Said live = silo.run("audit", "reconcile");
    assertThat(live.exitCode()).isEqualTo(11);
    assertThat(live.out())
        .contains("clinic.example: NOT OK, truncated, 2 shared jobs", "- job J-1: the phase train")
        .contains("insurer.example: not compared: away");
  }

  @Test
  void whatIsGoneForGoodIsConfirmedByName() {
    silo.answer("audit.erase", "{\"events\":12,\"clear\":3}");
    silo.answer(
        "audit.prune",
        "{\"before\":\"2031-01-01T00:00:00Z\",\"first\":512,\"removed\":512,\"kept\":4,"
            + "\"blocked\":\"event 530 is not old enough\"}");
    Said alone = silo.run("audit", "erase", "anna", "--reason", "request");
    assertThat(alone.exitCode()).isEqualTo(2);
    assertThat(alone.err()).contains("silo audit erase anna --reason request --yes");
    assertThat(silo.argsOf("audit.erase").path("plan").asBoolean()).isTrue();
    Said wrong = silo.person("bob\n").run("audit", "erase", "anna", "--reason", "request");
    assertThat(wrong.exitCode()).isEqualTo(2);
    assertThat(silo.asked()).allMatch(asked -> asked.args().path("plan").asBoolean());
    Said right = silo.person("anna\n").run("audit", "erase", "anna", "--reason", "request");
    assertThat(right.exitCode()).isZero();
    assertThat(right.out()).contains("anna is erased from 12 events");
    assertThat(right.err()).contains("12 events will not show", "3 older events", "Backups");
    assertThat(silo.asked().get(silo.asked().size() - 1).args().path("reason").asText())
        .isEqualTo("request");
    assertThat(silo.run("audit", "erase", "anna").exitCode()).isEqualTo(2);

    assertThat(silo.run("audit", "prune", "--keep", "365d", "--dry-run").out())
        .contains("512 events would be removed, up to event 511", "event 530 is not old enough");
    Said done = silo.runJson("audit", "prune", "--before", "2031-01-01", "--yes");
    assertThat(done.exitCode()).isZero();
    assertThat(done.json().path("kept").asInt()).isEqualTo(4);
    assertThat(silo.asked().get(silo.asked().size() - 1).args().path("before").asText())
        .isEqualTo("2031-01-01");
    assertThat(silo.run("audit", "prune", "--keep", "365d", "--no-input").err())
        .contains("will be gone for good", "silo audit prune --keep 365d --yes");
    assertThat(silo.run("audit", "prune", "--keep", "365d", "--before", "2031-01-01").exitCode())
        .isEqualTo(2);
  }
}
