package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Parties count together whom they have in common, as far as their policies allow. */
class MatchDryRunTest {
  @TempDir Path root;
  private TestSilo bank;
  private TestSilo insurer;

  private void start(String bankPolicy, String insurerPolicy) throws IOException {
    bank = TestSilo.create("bank.example", root);
    insurer = TestSilo.create("insurer.example", root);
    bank.policy(bankPolicy);
    insurer.policy(insurerPolicy);
    bank.start();
    insurer.start();
    bank.partnerWith(insurer);
    bank.dataset("people", TestData.bank(0, 400));
    insurer.dataset("people", TestData.insurer(100, 450));
  }

  @AfterEach
  void stop() {
    bank.close();
    insurer.close();
  }

  private static void again(TestSilo silo, String yaml) throws IOException {
    silo.stop();
    silo.policy(yaml);
    silo.start();
  }

  private static ObjectNode spec() {
    return (ObjectNode) TestData.twoParties(50);
  }

  private static ObjectNode args(JsonNode spec) {
    return (ObjectNode) Json.object().set("spec", spec);
  }

  private static List<JsonNode> events(TestSilo silo, String type) {
    List<JsonNode> events = new ArrayList<>();
    silo.call("audit.tail", TestSilo.args().put("count", 1000))
        .path("events")
        .forEach(
            event -> {
              if (event.path("type").asText().equals(type)) {
                events.add(event);
              }
            });
    return events;
  }

  @Test
  void theSizeOfACohortIsKnownBeforeAJobAndExplainedIfItIsSmall() throws IOException {
    start(
        "partners: {insurer.example: {match_dry_run: true, match_dry_runs_per_90d: 3}}",
        """
        partners:
          bank.example: {match_dry_run: true, match_dry_runs_per_90d: 9, share_key_shapes: true}
        """);
    JsonNode found = bank.call("match.dry-run", args(spec()));
    JsonNode rule = found.path("rules").path(0);
    assertThat(rule.path("at_least").asInt()).isEqualTo(200);
    assertThat(rule.path("below").asInt()).isEqualTo(500);
    assertThat(rule.at("/keys/bank.example").asInt()).isEqualTo(400);
    assertThat(rule.at("/keys/insurer.example").asInt()).isEqualTo(350);
    assertThat(found.path("findings")).isEmpty();
    assertThat(found.at("/left/insurer.example").asInt()).isEqualTo(2);
    assertThat(found.path("learns").toString())
        .contains("exact number of people", "bank.example", "not who they are");

    // The insurer's keys keep a small letter, and an old year's file has a shorter number.
    ObjectNode unlike = spec();
    unlike.set("match", Json.parse("m", "[[{\"column\":\"key\",\"normalise\":[\"trim\"]}]]"));
    bank.dataset("people", renamed(TestData.bank(0, 400), "customer", "C0", "C0"));
    insurer.dataset("people", renamed(TestData.insurer(100, 450), "person", "c0", "C"));
    JsonNode few = bank.call("match.dry-run", args(unlike));
    assertThat(few.path("rules").path(0).path("at_least").asInt()).isZero();
    assertThat(few.path("rules").path(0).path("people").asText()).isEqualTo("fewer than 100");
    assertThat(few.path("findings").toString())
        .contains("rule 1, key: yours has 100 %", "1 letter 6 digits")
        .contains("that of insurer.example has 100 %", "1 letter 5 digits");
    // Single values never travel, and the label party's node keeps no exact number.
    assertThat(few.toString()).doesNotContain("C000");

    // Each rule tells a size: two are more than the one that is left.
    ObjectNode twice = unlike.deepCopy();
    twice.withArray("match").add(unlike.path("match").path(0).deepCopy());
    assertThat(bank.refusal("match.dry-run", args(twice)).what())
        .contains("allows dry runs of 3 rules", "and there have been 2");

    // Whoever asks: they count together, by the audit logs. The bank shares no shapes.
    JsonNode asked = insurer.call("match.dry-run", args(unlike));
    assertThat(asked.at("/withheld/bank.example").asText())
        .isEqualTo("the policy of bank.example does not share key shapes with insurer.example");
    assertThat(asked.path("shapes").has("bank.example")).isFalse();
    Problem tooMany = bank.refusal("match.dry-run", args(unlike));
    assertThat(tooMany.what())
        .isEqualTo(
            "the policy of bank.example allows dry runs of 3 rules with insurer.example in 90 days,"
                + " and there have been 3");
    assertThat(insurer.refusal("match.dry-run", args(unlike)).what()).isEqualTo(tooMany.what());

    for (TestSilo silo : List.of(bank, insurer)) {
      assertThat(events(silo, "match.dry-run")).hasSize(6);
      assertThat(events(silo, "match.dry-run").toString())
          .contains("count.ecdh-cardinality", "\"at_least\":[200]", "\"at_least\":[0]")
          .doesNotContain("[300]");
    }
    assertThat(events(bank, "reveal")).isEmpty();
    assertThat(events(insurer, "reveal").toString()).contains("key_shapes", "bank.example");
    assertThat(insurer.call("audit.tail", TestSilo.args().put("count", 1000)).toString())
        .doesNotContain("1 letter");
  }

  @Test
  void nobodyTakesPartUnlessItsPolicySaysSo() throws IOException {
    start("{}", "partners: {telecom.example: {match_dry_run: true}}");
    Problem own = bank.refusal("match.dry-run", args(spec()));
    assertThat(own.kind()).isEqualTo(Problem.Kind.REFUSED);
    assertThat(own.what())
        .isEqualTo("the policy of bank.example allows no dry runs with insurer.example");
    assertThat(own.detail().orElseThrow()).contains("partners.insurer.example.match_dry_run: true");
    again(bank, "partners: {insurer.example: {match_dry_run: true}}");
    Problem theirs = bank.refusal("match.dry-run", args(spec()));
    assertThat(theirs.what())
        .isEqualTo("the policy of insurer.example allows no dry runs with bank.example");
    assertThat(theirs.party().orElseThrow()).isEqualTo(insurer.party);
    assertThat(theirs.next().orElseThrow()).contains("silo match check", "insurer.example");
    assertThat(events(bank, "match.dry-run")).isEmpty();
    assertThat(events(insurer, "match.dry-run")).isEmpty();
    assertThat(events(insurer, "request.denied").toString()).contains("match.ask.refused");

    // Repeated keys stop it where they are; the other side hears that and no more.
    again(insurer, "partners: {bank.example: {match_dry_run: true}}");
    List<String> twice = new ArrayList<>(TestData.insurer(100, 450));
    twice.add(twice.get(7));
    insurer.dataset("people", twice);
    Problem repeats = bank.refusal("match.dry-run", args(spec()));
    assertThat(repeats.what()).contains("its match keys are not unique");
    assertThat(repeats.next().orElseThrow()).contains("silo match check", "insurer.example");
    assertThat(events(insurer, "match.dry-run").toString()).contains("failed");

    // Keys that sound alike are for those whose policies allow them, in jobs as well.
    ObjectNode alike = spec();
    ((ArrayNode) alike.at("/match/0/0/normalise")).add("soundex");
    for (String command : List.of("match.dry-run", "job.propose")) {
      assertThat(bank.refusal(command, args(alike)).what())
          .isEqualTo(
              "the policy of bank.example allows no phonetic keys (soundex, metaphone) with"
                  + " insurer.example");
    }
    again(bank, "partners: {insurer.example: {match_dry_run: true, phonetic_keys: true}}");
    assertThat(bank.refusal("match.dry-run", args(alike)).what())
        .contains("the policy of insurer.example allows no phonetic keys");
  }

  @Test
  void aHaltedNodeTakesPartInNoneNorIsADryRunAWayAroundThePolicy() throws IOException {
    start(
        "partners: {insurer.example: {match_dry_run: true}}",
        "partners: {bank.example: {match_dry_run: true, until: 2020-01-01}}");
    assertThat(bank.refusal("match.dry-run", args(spec())).what())
        .isEqualTo(
            "the policy of insurer.example denies the dry run: partners.bank.example.until: jobs"
                + " with bank.example until 2020-01-01");
    insurer.policy("partners: {bank.example: {match_dry_run: true}}");
    insurer.call("policy.apply");
    insurer.call("halt", "reason", "incident 2031");
    assertThat(bank.refusal("match.dry-run", args(spec())).what())
        .isEqualTo("insurer.example is halted: nothing is done there");
    assertThat(events(insurer, "match.dry-run")).isEmpty();
    insurer.call("resume");
    assertThat(bank.call("match.dry-run", args(spec())).path("rules")).hasSize(1);
  }

  private static List<String> renamed(
      List<String> lines, String column, String prefix, String replacement) {
    List<String> renamed = new ArrayList<>();
    lines.forEach(line -> renamed.add(line.replaceFirst("^" + prefix, replacement)));
    renamed.set(0, lines.get(0).replace(column + ":", "key:"));
    return renamed;
  }
}
