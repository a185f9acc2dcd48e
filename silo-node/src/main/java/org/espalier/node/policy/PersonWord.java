package org.espalier.node.policy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import org.espalier.node.Problem;
import org.espalier.node.Role;
import org.espalier.node.config.Json;
import org.espalier.wire.Encoder;
import org.espalier.wire.Party;

/**
 * A person's signed word on a job: who, when, in which roles and what it means (21 CFR 11.50),
 * bound to exactly one job, its content and the policy in force (11.70).
 *
 * @param roles what the person stands for
 * @param key the public key
 * @param meaning proposes, approves or denies
 * @param policy digest of the policy that the person saw, 64 hex digits
 * @param at when it was signed, by the person's clock
 */
public record PersonWord(
    String person,
    List<Role> roles,
    String key,
    Meaning meaning,
    String policy,
    Instant at,
    byte[] signature) {
  private static final String NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,62}";
  private static final int SIGNATURE = 64;

  /** What a signature says. */
  public enum Meaning {
    PROPOSES,
    APPROVES,
    DENIES;

    String code() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** What is signed about: the job's id (empty before it has one), its content, and whose word. */
  public record Subject(String job, byte[] digest, Party party) {}

  public PersonWord {
    requireName(person);
    roles = List.copyOf(roles);
    PersonKey.requirePublic(key);
    if (!policy.matches("[0-9a-f]{64}")) {
      throw new IllegalArgumentException("a policy is named by 64 digits 0-9 and a-f");
    }
    if (signature.length != SIGNATURE) {
      throw new IllegalArgumentException("a signature has " + SIGNATURE + " bytes");
    }
  }

  static void requireName(String name) {
    if (name == null || !name.matches(NAME)) {
      throw new IllegalArgumentException(
          "the name of a person is 1 to 63 letters, digits, dots, dashes and underscores");
    }
  }

  /** Signs on behalf of a person, on the person's own machine. */
  public static PersonWord sign(
      PersonKey with,
      Subject subject,
      String person,
      Person known,
      Meaning meaning,
      String policy,
      Instant at) {
    byte[] unsigned = new byte[SIGNATURE];
    PersonWord draft =
        new PersonWord(person, known.listed(), known.key(), meaning, policy, at, unsigned);
    byte[] signature = with.sign(draft.statement(subject));
    return new PersonWord(person, known.listed(), known.key(), meaning, policy, at, signature);
  }

  /** Length-prefixed, so that no two words have the same bytes. */
  byte[] statement(Subject subject) {
    return new Encoder()
        .putString("espalier/person/1")
        .putString(subject.job())
        .putBytes(subject.digest())
        .putString(subject.party().name())
        .putString(person)
        .putString(Role.codes(roles))
        .putString(meaning.code())
        .putString(policy)
        .putString(at.toString())
        .toByteArray();
  }

  /** Whether the owner of {@link #key} said this about the subject. */
  public boolean isSigned(Subject subject) {
    return PersonKey.verify(key, statement(subject), signature);
  }

  /** Keys {@code person, roles, key, meaning, policy, at, signature}. */
  public ObjectNode toJson() {
    ObjectNode json = Json.object().put("person", person);
    roles.forEach(role -> json.withArray("roles").add(role.code()));
    return json.put("key", key)
        .put("meaning", meaning.code())
        .put("policy", policy)
        .put("at", at.toString())
        .put("signature", Base64.getEncoder().encodeToString(signature));
  }

  /**
   * @throws Problem if it is no such word; whether it is signed is not looked at
   */
  public static PersonWord fromJson(JsonNode json) {
    try {
      List<Role> roles = new ArrayList<>();
      JsonNode named = json.path("roles");
      if (!named.isArray() || named.isEmpty() || named.size() > Role.values().length) {
        throw new IllegalArgumentException("roles");
      }
      named.forEach(role -> roles.add(role(role.asText())));
      return new PersonWord(
          json.path("person").asText(),
          roles,
          json.path("key").asText(),
          Meaning.valueOf(json.path("meaning").asText().toUpperCase(Locale.ROOT)),
          json.path("policy").asText(),
          Instant.parse(json.path("at").asText()),
          Base64.getDecoder().decode(json.path("signature").asText()));
    } catch (IllegalArgumentException | DateTimeParseException e) {
      throw Problem.refused("not the signed word of a person").because(e);
    }
  }

  private static Role role(String code) {
    return Role.valueOf(code.toUpperCase(Locale.ROOT));
  }

  /** Reads a list of at most so many words. */
  public static List<PersonWord> listFromJson(JsonNode array, int most) {
    if (array.isMissingNode() || array.isNull()) {
      return List.of();
    }
    if (!array.isArray() || array.size() > most) {
      throw Problem.refused("not a list of signed words");
    }
    List<PersonWord> words = new ArrayList<>();
    array.forEach(word -> words.add(fromJson(word)));
    return List.copyOf(words);
  }
}
