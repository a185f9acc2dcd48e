package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.job.JobSpec;
import org.espalier.node.policy.Person;
import org.espalier.node.policy.PersonKey;
import org.espalier.node.policy.PersonWord;
import org.espalier.node.policy.PersonWord.Meaning;
import org.espalier.node.policy.Rulebook;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Policies that deny by default, people who sign, and the kill switch, at real nodes. */
class GovernanceTest {
  private static final char[] PASSPHRASE = "correct horse battery".toCharArray();

  @TempDir static Path desk;
  private static final Map<String, PersonKey> KEYS = new LinkedHashMap<>();
  private static final Map<String, String> ENTRIES = new LinkedHashMap<>();
  @TempDir Path root;
  private TestSilo bank;
  private TestSilo insurer;

  @BeforeAll
  static void people() {
    for (String[] person :
        new String[][] {
          {"alice", "privacy_officer"},
          {"bob", "data_steward"},
          {"carol", "data_steward, scientist"}
        }) {
      Path file = desk.resolve(person[0] + ".key");
      String key = PersonKey.generate(file, PASSPHRASE);
      ENTRIES.put(person[0], "{roles: [%s], key: \"%s\"}".formatted(person[1], key));
      KEYS.put(person[0], PersonKey.open(file, PASSPHRASE));
    }
  }

  @BeforeEach
  void enrol() throws IOException {
    bank = TestSilo.create("bank.example", root);
    insurer = TestSilo.create("insurer.example", root);
    Files.delete(insurer.home.policy());
    bank.policy(signed("not_the_proposer: true, ")).start();
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

  private String signed(String more) {
    StringBuilder people = new StringBuilder();
    ENTRIES.forEach((name, entry) -> people.append("  %s: %s\n".formatted(name, entry)));
    return "approval: {%sneeds: [privacy_officer, data_steward], valid_for: 14d}\npeople:\n%s"
        .formatted(more, people);
  }

  private static ObjectNode spec() {
    ObjectNode spec = (ObjectNode) TestData.twoParties(50);
    spec.withObject("/alignment").put("protocol", "ecdh");
    return spec;
  }

  private Person person(String name) {
    return Json.yaml(name, ENTRIES.get(name), Person.class);
  }

  private PersonWord word(String name, String job, byte[] digest, Meaning meaning) {
    return PersonWord.sign(
        KEYS.get(name),
        new PersonWord.Subject(job, digest, bank.party),
        name,
        person(name),
        meaning,
        bank.call("policy.show").path("digest").asText(),
        Instant.now());
  }

  private ObjectNode proposal(String name) {
    JobSpec spec = JobSpec.json("job", spec());
    ObjectNode args = Json.object();
    args.set("spec", spec.toJson());
    if (name != null) {
      args.set("word", word(name, "", spec.digest(), Meaning.PROPOSES).toJson());
    }
    return args;
  }

  private ObjectNode approval(String name, JsonNode job) {
    byte[] digest = HexFormat.of().parseHex(job.path("digest").asText());
    ObjectNode args = TestSilo.args("job", job.path("id").asText());
    return args.set("word", word(name, job.path("id").asText(), digest, Meaning.APPROVES).toJson());
  }

  @Test
  void aJobFromAnEmptyPolicyToItsEndBySignaturesOfPeople() throws Exception {
    // Proposed by a person, and unknown to partners until the own people have signed.
    assertThat(bank.refusal("job.propose", proposal(null)).what()).contains("asks for a person");
    JsonNode job = bank.call("job.propose", proposal("carol"));
    String id = job.path("id").asText();
    assertThat(job.at("/approval/sent").asBoolean()).isFalse();
    assertThat(insurer.refusal("job.show", TestSilo.args("job", id)).kind())
        .isEqualTo(Problem.Kind.NOT_FOUND);

    // The proposer never approves, nor does whoever runs the node, nor a forged word.
    assertThat(bank.refusal("job.approve", approval("carol", job)).what())
        .isEqualTo("carol proposed job " + id + " and may not approve it");
    assertThat(bank.refusal("job.approve", TestSilo.args("job", id)).what())
        .contains("asks for signatures of persons: privacy_officer, data_steward");
    forged(job);

    JsonNode half = bank.call("job.approve", approval("alice", job));
    assertThat(half.at("/approval/missing")).hasSize(1);
    assertThat(half.at("/approval/missing/0").asText()).isEqualTo("data_steward");
    assertThat(half.path("decisions")).isEmpty();
    JsonNode whole = bank.call("job.approve", approval("bob", job));
    assertThat(whole.path("decisions").has("bank.example")).isTrue();

    // The insurer has no policy, which denies everything, and says what would allow the job.
    Problem denied = insurer.refusal("job.approve", TestSilo.args("job", id));
    assertThat(denied.what())
        .isEqualTo(
            "the policy of insurer.example denies the job: partners.bank.example: bank.example is"
                + " not named");
    JsonNode verdicts = insurer.call("policy.check", "job", id);
    assertThat(verdicts.path("passed").asBoolean()).isFalse();
    assertThat(verdicts.path("verdicts")).hasSizeGreaterThan(4);
    insurer.call("policy.init", "job", id);
    assertThat(insurer.call("policy.check", "job", id).path("passed").asBoolean()).isTrue();
    insurer.call("job.approve", "job", id);

    // Signed words travel with the party's and stand in both logs, each as it was signed.
    JsonNode atInsurer = insurer.call("job.show", "job", id);
    assertThat(atInsurer.path("state").asText()).isEqualTo("APPROVED");
    verifySignaturesIn(bank);
    verifySignaturesIn(insurer);

    halted(id);
    bank.call("job.run", "job", id);
    SiloNodeTest.done(bank, id);
    SiloNodeTest.done(insurer, id);
  }

  /** Every byte of what a person signs counts. */
  private void forged(JsonNode job) {
    ObjectNode good = (ObjectNode) approval("alice", job).path("word");
    Map<String, String> changes = new LinkedHashMap<>();
    changes.put("person", "bob");
    changes.put("meaning", "denies");
    changes.put("at", Instant.now().plusSeconds(5).toString());
    changes.put("policy", "0".repeat(64));
    changes.put("key", person("bob").key());
    String signature = good.path("signature").asText();
    changes.put("signature", (signature.charAt(0) == 'A' ? 'B' : 'A') + signature.substring(1));
    changes.forEach(
        (key, value) -> {
          ObjectNode args = TestSilo.args("job", job.path("id").asText());
          args.set("word", good.deepCopy().put(key, value));
          assertThat(bank.refusal("job.approve", args).kind())
              .as("%s changed", key)
              .isIn(Problem.Kind.REFUSED, Problem.Kind.WRONG_STATE);
        });
    ObjectNode roles = TestSilo.args("job", job.path("id").asText());
    ObjectNode more = good.deepCopy();
    more.withArray("roles").add("data_steward");
    assertThat(bank.refusal("job.approve", roles.<ObjectNode>set("word", more)).what())
        .contains("knows no alice");
    assertThat(bank.call("job.show", "job", job.path("id").asText()).at("/approval/words"))
        .isEmpty();
  }

  /** An auditor needs nothing but the log and the policy to check who approved what. */
  private void verifySignaturesIn(TestSilo silo) {
    ObjectNode all = Json.object().put("count", 10_000);
    int checked = 0;
    for (JsonNode event : silo.call("audit.tail", all).path("events")) {
      for (JsonNode approval : event.path("approvals")) {
        // The log itself holds no name; a partner's people are shown with where they belong.
        assertThat(approval.path("pseudonym").asText()).isNotIn(ENTRIES.keySet());
        String belongs = silo == bank ? "" : "@" + bank.party;
        String shown = approval.at("/opened/pseudonym").asText();
        String name =
            shown.endsWith(belongs) ? shown.substring(0, shown.length() - belongs.length()) : shown;
        if (!ENTRIES.containsKey(name) || event.path("type").asText().equals("job.denied")) {
          continue;
        }
        if (approval.path("meaning").asText().startsWith("proposes")) {
          continue; // on the content alone, before there is a job
        }
        String[] meaning = approval.path("meaning").asText().split(" as | at ", -1);
        PersonWord word =
            new PersonWord(
                name,
                person(name).listed(),
                person(name).key(),
                Meaning.valueOf(meaning[0].toUpperCase(java.util.Locale.ROOT)),
                event.at("/node/policy").asText().substring("sha256:".length()),
                Instant.parse(meaning[2]),
                Base64.getDecoder().decode(approval.path("signature").asText()));
        byte[] digest = HexFormat.of().parseHex(event.at("/job/spec").asText().substring(7));
        assertThat(
                word.isSigned(
                    new PersonWord.Subject(event.at("/job/id").asText(), digest, bank.party)))
            .isTrue();
        checked++;
      }
    }
    assertThat(checked).isGreaterThanOrEqualTo(2);
  }

  private void halted(String job) throws Exception {
    insurer.call("halt", "reason", "incident 2031");
    assertThat(insurer.call("status").at("/halted/reason").asText()).isEqualTo("incident 2031");
    Problem refused = bank.refusal("job.run", TestSilo.args("job", job));
    assertThat(refused.what()).isEqualTo("insurer.example is halted: nothing is done there");
    assertThat(refused.party()).contains(insurer.party);
    insurer.stop();
    insurer.start(); // it outlives a restart
    assertThat(Rulebook.halted(insurer.home)).isPresent();
    insurer.call("resume");
    assertThat(Rulebook.halted(insurer.home)).isEmpty();
    awaitLink();
  }

  private void awaitLink() throws InterruptedException {
    for (int i = 0; i < 100; i++) {
      if (bank.call("partner.list").at("/partners/0/connected").asBoolean()) {
        return;
      }
      Thread.sleep(50);
    }
    throw new AssertionError("no link");
  }

  @Test
  void aPolicyThatChangesStopsWhatItDeniesAndNodesApproveByThemselvesWhatItNames()
      throws Exception {
    // Who proposes may sign where nobody has to, and is in the log.
    bank.policy(signed("").replaceFirst("approval:.*\n", ""));
    bank.call("policy.apply");
    String alone = bank.call("job.propose", proposal("carol")).path("id").asText();
    assertThat(bank.call("audit.tail", TestSilo.args("job", alone)).toString())
        .contains("\"meaning\":\"proposes as ", "\"opened\":{\"pseudonym\":\"carol\"}");
    bank.call("job.abort", "job", alone);

    bank.policy("approval: {auto: [{purpose: research}]}");
    bank.call("policy.apply");
    insurer.policy("approval: {needs: [privacy_officer], auto: [{purpose: research}]}");
    insurer.call("policy.apply");
    String job = bank.propose(spec());
    for (int i = 0; i < 100; i++) {
      if (bank.call("job.show", "job", job).path("state").asText().equals("APPROVED")) {
        break;
      }
      Thread.sleep(50);
    }
    assertThat(insurer.call("job.show", "job", job).path("state").asText()).isEqualTo("APPROVED");

    String stricter = "alignment: {min_intersection: 51}\ntraining: {models: [linear]}";
    insurer.policy(stricter);
    JsonNode diff = insurer.call("policy.diff");
    assertThat(diff.at("/jobs/0/job").asText()).isEqualTo(job);
    assertThat(diff.at("/jobs/0/allowed").asBoolean()).isFalse();
    assertThat(diff.at("/jobs/0/rule").asText()).isEqualTo("alignment.min_intersection");
    insurer.call("policy.apply");
    assertThat(bank.refusal("job.run", TestSilo.args("job", job)).what())
        .isEqualTo(
            "the policy of insurer.example denies the job: alignment.min_intersection: at least 51"
                + " with bank.example, and the job asks for 50");

    ObjectNode cases = Json.object();
    ObjectNode expected = cases.putArray("cases").addObject();
    expected.put("name", "no such models").put("expect", "deny").put("rule", "training.models");
    expected.set("spec", JobSpec.json("job", spec()).toJson());
    assertThat(insurer.call("policy.test", cases).path("passed").asBoolean()).isTrue();
    expected.put("expect", "allow");
    assertThat(insurer.call("policy.test", cases).path("passed").asBoolean()).isFalse();
    assertThat(insurer.loggedTypes()).contains("command");
  }

  @Test
  void aKeyFileIsEncryptedAndItsOwners() throws Exception {
    Path file = desk.resolve("alice.key");
    assertThat(Files.readString(file)).startsWith("-----BEGIN ENCRYPTED PRIVATE KEY-----");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    assertThat(refusal(() -> PersonKey.open(file, "wrong horse battery".toCharArray())))
        .contains("passphrase does not open");
    assertThat(refusal(() -> PersonKey.generate(file, PASSPHRASE))).contains("never written over");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
    assertThat(refusal(() -> PersonKey.open(file, PASSPHRASE))).contains("readable by other users");
  }

  private static String refusal(Runnable act) {
    try {
      act.run();
      throw new AssertionError("not refused");
    } catch (Problem e) {
      return e.what();
    }
  }
}
