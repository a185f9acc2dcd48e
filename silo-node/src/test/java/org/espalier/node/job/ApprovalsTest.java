package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.espalier.node.Problem;
import org.espalier.node.Role;
import org.espalier.node.config.Json;
import org.espalier.node.policy.Person;
import org.espalier.node.policy.PersonKey;
import org.espalier.node.policy.PersonWord;
import org.espalier.node.policy.PersonWord.Meaning;
import org.espalier.node.policy.Policy;
import org.espalier.wire.Party;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What partners' nodes check of each other's approvals, with keys that anybody could make. */
class ApprovalsTest {
  private static final Party BANK = new Party("bank.example");
  private static final Party INSURER = new Party("insurer.example");
  private static final char[] PASSPHRASE = "correct horse battery".toCharArray();
  private static final String POLICY = "ab".repeat(32);

  private static final Map<String, PersonKey> KEYS = new HashMap<>();
  private static final Map<String, Person> PEOPLE = new HashMap<>();
  private Job job;

  @BeforeAll
  static void people(@TempDir Path folder) {
    person(folder, "alice", "privacy_officer");
    person(folder, "bob", "data_steward, privacy_officer");
  }

  @BeforeEach
  void begin() {
    JobSpec spec =
        JobSpec.yaml(
            "job.yaml",
            """
            name: j
            purpose: research
            label: {party: bank.example, column: bad}
            parties:
              bank.example: {dataset: people}
              insurer.example: {dataset: people}
            match: [[{column: id}]]
            """);
    job =
        new Job(
            "J-00000001",
            spec,
            spec.digest(),
            BANK,
            JobState.PROPOSED,
            0,
            Optional.empty(),
            Instant.now(),
            Instant.now(),
            Collections.unmodifiableSortedMap(new TreeMap<>()));
  }

  private static void person(Path folder, String name, String roles) {
    Path file = folder.resolve(name);
    String key = PersonKey.generate(file, PASSPHRASE);
    KEYS.put(name, PersonKey.open(file, PASSPHRASE));
    PEOPLE.put(
        name, Json.yaml(name, "{roles: [%s], key: \"%s\"}".formatted(roles, key), Person.class));
  }

  private PersonWord word(String name, Meaning meaning, PersonWord.Subject subject) {
    return PersonWord.sign(
        KEYS.get(name), subject, name, PEOPLE.get(name), meaning, POLICY, Instant.now());
  }

  private PersonWord.Subject subject() {
    return new PersonWord.Subject(job.id(), job.digest(), INSURER);
  }

  private void require(PersonWord... words) {
    Approvals.requireSigned(job, INSURER, true, new Approvals.Grounds(POLICY, List.of(words)));
  }

  @Test
  void aPartnerTakesOnlyWordsOnExactlyThisJobOfThisParty() {
    assertThatCode(() -> require(word("alice", Meaning.APPROVES, subject())))
        .doesNotThrowAnyException();
    byte[] other = job.digest().clone();
    other[0] ^= 1;
    List<PersonWord> wrong = new ArrayList<>();
    wrong.add(word("alice", Meaning.APPROVES, new PersonWord.Subject(job.id(), other, INSURER)));
    wrong.add(
        word("alice", Meaning.APPROVES, new PersonWord.Subject(job.id(), job.digest(), BANK)));
    wrong.add(
        word(
            "alice",
            Meaning.APPROVES,
            new PersonWord.Subject("J-00000002", job.digest(), INSURER)));
    wrong.add(word("alice", Meaning.DENIES, subject()));
    for (PersonWord word : wrong) {
      assertThatThrownBy(() -> require(word)).isInstanceOf(Problem.class);
    }
  }

  @Test
  void everyBitOfAWordCounts() {
    ObjectNode good = word("alice", Meaning.APPROVES, subject()).toJson();
    byte[] signature = PersonWord.fromJson(good).signature();
    for (int bit = 0; bit < 8 * signature.length; bit++) {
      byte[] flipped = signature.clone();
      flipped[bit / 8] ^= (byte) (1 << (bit % 8));
      PersonWord word = PersonWord.fromJson(good);
      PersonWord forged =
          new PersonWord(
              word.person(),
              word.roles(),
              word.key(),
              word.meaning(),
              word.policy(),
              word.at(),
              flipped);
      assertThat(forged.isSigned(subject())).as("bit %d", bit).isFalse();
    }
    byte[] statement = HexFormat.of().parseHex(POLICY);
    for (int i = 0; i < statement.length; i++) {
      byte[] changed = statement.clone();
      changed[i] ^= 1;
      ObjectNode forged = good.deepCopy().put("policy", HexFormat.of().formatHex(changed));
      assertThat(PersonWord.fromJson(forged).isSigned(subject())).isFalse();
    }
  }

  @Test
  void whatAPartySignsCoversItsPolicyAndItsPeople() {
    Approvals.Grounds one =
        new Approvals.Grounds(POLICY, List.of(word("alice", Meaning.APPROVES, subject())));
    Approvals.Grounds other = new Approvals.Grounds("cd".repeat(32), one.people());
    Approvals.Grounds nobody = new Approvals.Grounds(POLICY, List.of());
    byte[] signed = Approvals.statement(job.id(), job.digest(), INSURER, true, one);
    assertThat(Approvals.statement(job.id(), job.digest(), INSURER, true, other))
        .isNotEqualTo(signed);
    assertThat(Approvals.statement(job.id(), job.digest(), INSURER, true, nobody))
        .isNotEqualTo(signed);
    assertThat(Approvals.Grounds.fromJson(one.toJson()).toJson()).isEqualTo(one.toJson());
  }

  @Test
  void eachRoleIsFilledByAnotherPerson() {
    Policy policy =
        Json.yaml("policy", "approval: {needs: [privacy_officer, data_steward]}", Policy.class);
    PersonWord alice = word("alice", Meaning.APPROVES, subject());
    PersonWord bob = word("bob", Meaning.APPROVES, subject());
    assertThat(Approvals.missing(policy, List.of()))
        .containsExactly(Role.PRIVACY_OFFICER, Role.DATA_STEWARD);
    assertThat(Approvals.missing(policy, List.of(bob))).as("both roles, one person").hasSize(1);
    assertThat(Approvals.missing(policy, List.of(alice))).containsExactly(Role.DATA_STEWARD);
    assertThat(Approvals.missing(policy, List.of(bob, alice))).isEmpty();
  }

  @Test
  void wordsOfPartnersAreBounded() {
    ObjectNode grounds = Json.object().put("policy", POLICY);
    for (int i = 0; i < 17; i++) {
      grounds.withArray("people").add(word("alice", Meaning.APPROVES, subject()).toJson());
    }
    assertThatThrownBy(() -> Approvals.Grounds.fromJson(grounds)).isInstanceOf(Problem.class);
    for (String broken :
        List.of(
            "{}",
            "{\"person\": \"a b\"}",
            "{\"person\": \"a\", \"roles\": [\"king\"]}",
            "{\"person\": \"a\", \"roles\": []}")) {
      assertThatThrownBy(() -> PersonWord.fromJson(Json.parse("word", broken)))
          .isInstanceOf(Problem.class);
    }
  }
}
