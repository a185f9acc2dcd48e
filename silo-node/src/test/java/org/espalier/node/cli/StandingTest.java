package org.espalier.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.espalier.node.cli.CommandLineFixture.Said;
import org.espalier.node.config.Json;
import org.espalier.node.control.ControlServer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** {@code silo status} and {@code silo job watch}, as people and scripts see them. */
class StandingTest {
  private static final String RUNNING =
      """
      {"id":"J-1a2b3c4d","name":"risk\u001b[2J","kind":"train","state":"RUNNING","attempt":2,
       "progress":{"phase":"train","step":"pass","done":%DONE%,"total":20,"elapsed_seconds":41,
         "eta_seconds":9,"objective":0.5123},
       "parties":[
         {"party":"bank.example","here":true,"known":true,"state":"RUNNING","phase":"train"},
         {"party":"clinic.example","here":false,"known":true,"state":"RUNNING","phase":"train",
          "news_age_seconds":2.1},
         {"party":"insurer.example","here":false,"known":false,"connected":false,
          "state":"RUNNING","phase":"train","news_age_seconds":14.2,"problem":"not connected"}],
       "tries_again":false,
       "next":[{"party":"bank.example","here":true,"command":"silo doctor insurer.example",
         "why":"insurer.example cannot be reached"}]}
      """;

  private static final String PROPOSED =
      """
      {"id":"J-00000001","name":"risk","kind":"train","state":"PROPOSED","attempt":0,
       "parties":[
         {"party":"bank.example","here":true,"known":true,"state":"PROPOSED","decision":"approved"},
         {"party":"insurer.example","here":false,"known":true,"state":"PROPOSED",
          "decision":"none","news_age_seconds":0.3}],
       "next":[{"party":"insurer.example","here":false,"command":"silo job approve J-00000001",
         "why":"after reading silo job show J-00000001"}]}
      """;

  private static final String DONE =
      """
      {"id":"J-1a2b3c4d","name":"risk","kind":"train","state":"DONE","attempt":1,
       "updated":"2026-11-29T10:00:00Z",
       "parties":[{"party":"bank.example","here":true,"known":true,"state":"DONE"}],"next":[]}
      """;

  private CommandLineFixture silo;

  @BeforeEach
  void open() throws IOException {
    silo = new CommandLineFixture();
  }

  @AfterEach
  void close() throws IOException {
    silo.close();
  }

  private static String running(int done) {
    return RUNNING.replace("%DONE%", Integer.toString(done)).replace("\u001b", "\\u001b");
  }

  private static ControlServer.Command watched() {
    return (args, events) -> {
      events.send(Json.parse("a", running(11)));
      events.send(Json.parse("b", running(11)));
      events.send(Json.parse("c", running(12)));
      return Json.parse("d", DONE);
    };
  }

  @Test
  void statusSaysWhoMustActWithTheCommandForIt() {
    silo.answer(
        "overview",
        """
        {"name":"bank.example","version":"0.1.0","uptime_seconds":7300,
         "partners":[
           {"name":"clinic.example","state":"confirmed","connected":true,"news_age_seconds":0.4,
            "rtt_ms":0.8,"detail":""},
           {"name":"insurer.example","state":"confirmed","connected":false,"news_age_seconds":14,
            "detail":"dialling: Connection refused"}],
         "open":[%s,%s],"open_in_all":27,"ended":[%s]}
        """
            .formatted(running(11), PROPOSED, DONE));
    Said said = silo.run("status");
    assertThat(said.exitCode()).isZero();
    assertThat(said.out())
        .contains("clinic.example connected, last news 0 s ago, round trip 0.8 ms")
        .contains("insurer.example UNREACHABLE, last news 14 s ago, dialling: Connection refused")
        .containsSubsequence("Waits for you", "J-1a2b3c4d", "attempt 2")
        .contains(
            "RUNNING  train  #########.......  55 %  pass 11/20  objective 0.5123  41.0 s  ETA")
        .contains("clinic.example   RUNNING train, 2 s ago")
        .contains("unknown at partner, not connected, last news 14 s ago: RUNNING train")
        .contains("next: silo doctor insurer.example   (insurer.example cannot be reached)")
        .containsSubsequence("Runs, or waits for others", "J-00000001", "not decided")
        .contains("next at insurer.example: silo job approve J-00000001")
        .containsSubsequence("Over, newest first", "J-1a2b3c4d", "DONE")
        .doesNotContain("\u001b");
    assertThat(said.err()).contains("25 older jobs");
    assertThat(silo.runJson("status").json().path("open")).hasSize(2);
  }

  @Test
  void watchPrintsALineForEachChangeWhereNobodyWatches() {
    silo.answer("job.watch", watched());
    Said said = silo.run("job", "watch", "J-1a2b3c4d");
    assertThat(said.exitCode()).isZero();
    assertThat(said.out().lines()).hasSize(2);
    assertThat(said.out())
        .contains(
            "bank.example RUNNING train | clinic.example RUNNING train | insurer.example unknown")
        .contains("next at bank.example: silo doctor insurer.example")
        .contains("bank.example DONE");
    assertThat(said.err()).contains("next: silo model show J-1a2b3c4d");
  }

  @Test
  void watchGivesScriptsAnObjectALine() {
    silo.answer("job.watch", watched());
    Said said = silo.runJson("job", "watch", "J-1a2b3c4d");
    assertThat(said.out().lines().map(line -> Json.parse("line", line).path("state").asText()))
        .containsExactly("RUNNING", "RUNNING", "DONE");
    assertThat(said.err()).isEmpty();
  }

  @Test
  void watchRedrawsWhereAPersonWatchesAndNothingOfAPartnerActsOnTheTerminal() {
    silo.answer("job.watch", watched());
    Said said = silo.person("").env("COLUMNS", "60").run("job", "watch", "J-1a2b3c4d");
    assertThat(said.out()).contains("\u001b[5A\r").doesNotContain("\u001b[2J");
    for (String line : said.out().split("\n", -1)) {
      assertThat(line.replaceAll("\u001b\\[[0-9]*[A-Z]|\r", "").length()).isLessThan(60);
    }
  }

  @Test
  void watchEndsWithTheJobsExitCode() {
    silo.answer(
        "job.watch",
        DONE.replace("DONE", "FAILED")
            .replace(
                "\"attempt\"",
                "\"cause\":{\"kind\":\"job_failed\",\"what\":\"x\",\"next\":\"silo job run J-1\"},\"attempt\""));
    Said said = silo.run("job", "watch", "J-1a2b3c4d");
    assertThat(said.exitCode()).isEqualTo(8);
    assertThat(said.err()).contains("next: silo job run J-1");
    assertThat(silo.run("job", "watch", "J-1a2b3c4d", "--timeout", "-1").exitCode()).isEqualTo(2);
  }
}
