package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.espalier.node.Problem;
import org.espalier.node.Role;
import org.espalier.node.config.Json;
import org.espalier.node.policy.PersonWord;
import org.espalier.node.policy.Policy;
import org.espalier.wire.Encoder;
import org.espalier.wire.Party;

/** What a party signs when it approves or denies, and on what grounds. */
final class Approvals {
  private static final int MOST_WORDS = 16;

  private Approvals() {}

  /**
   * On what a party's word rests.
   *
   * @param policy digest of the policy in force, 64 hex digits
   * @param people the words of persons, if the policy asks for them
   */
  record Grounds(String policy, List<PersonWord> people) {
    Grounds {
      if (!policy.matches("[0-9a-f]{64}")) {
        throw Problem.refused("a policy is named by 64 digits 0-9 and a-f");
      }
      people = List.copyOf(people);
    }

    ObjectNode toJson() {
      ObjectNode json = Json.object().put("policy", policy);
      people.forEach(word -> json.withArray("people").add(word.toJson()));
      return json;
    }

    static Grounds fromJson(JsonNode json) {
      return new Grounds(
          json.path("policy").asText(), PersonWord.listFromJson(json.path("people"), MOST_WORDS));
    }
  }

  /** Length-prefixed, so that no two decisions have the same bytes. */
  static byte[] statement(
      String job, byte[] digest, Party party, boolean approved, Grounds grounds) {
    return new Encoder()
        .putString("espalier/decision/2")
        .putString(job)
        .putBytes(digest)
        .putString(party.name())
        .putByte(approved ? 1 : 0)
        .putBytes(Json.digest(grounds.toJson()))
        .toByteArray();
  }

  /**
   * @throws Problem if a person's word among the grounds is not signed, or says something else
   */
  static void requireSigned(Job job, Party party, boolean approved, Grounds grounds) {
    PersonWord.Subject subject = new PersonWord.Subject(job.id(), job.digest(), party);
    for (PersonWord word : grounds.people()) {
      if (!word.isSigned(subject)) {
        throw Problem.refused(
            "the word of %s at %s on job %s is not signed by that person"
                .formatted(word.person(), party, job.id()));
      }
      if (approved && word.meaning() != PersonWord.Meaning.APPROVES) {
        throw Problem.refused(
            "%s approves job %s on the word of %s, who does not"
                .formatted(party, job.id(), word.person()));
      }
    }
  }

  /**
   * The roles that still have to sign, by another person each: as few as can be, however people of
   * several roles are given to them (augmenting paths, Kuhn 1955).
   *
   * @param words approvals of people whom the policy knows
   */
  static List<Role> missing(Policy policy, List<PersonWord> words) {
    List<Role> needs = policy.approval().needs();
    Map<String, Integer> filled = new HashMap<>();
    List<Role> missing = new ArrayList<>();
    for (int need = 0; need < needs.size(); need++) {
      if (!fills(need, needs, words, filled, new HashSet<>())) {
        missing.add(needs.get(need));
      }
    }
    return missing;
  }

  /** Finds a person for a need, if need be by giving others' needs to somebody else. */
  private static boolean fills(
      int need,
      List<Role> needs,
      List<PersonWord> words,
      Map<String, Integer> filled,
      Set<String> tried) {
    for (PersonWord word : words) {
      if (word.roles().contains(needs.get(need)) && tried.add(word.person())) {
        Integer other = filled.get(word.person());
        if (other == null || fills(other, needs, words, filled, tried)) {
          filled.put(word.person(), need);
          return true;
        }
      }
    }
    return false;
  }
}
