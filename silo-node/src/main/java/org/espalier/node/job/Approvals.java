package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.policy.PersonWord;
import org.espalier.node.policy.Policy;
import org.espalier.node.policy.Role;
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
   * The roles that still have to sign, by another person each.
   *
   * @param words approvals of people whom the policy knows
   */
  static List<Role> missing(Policy policy, List<PersonWord> words) {
    List<Role> needs = policy.approval().needs();
    int most = -1;
    List<Role> best = needs;
    // At most eight needs: each way of giving them to people is tried.
    for (List<Role> left : uncovered(needs, 0, words, new HashSet<>())) {
      if (needs.size() - left.size() > most) {
        most = needs.size() - left.size();
        best = left;
      }
    }
    return best;
  }

  private static List<List<Role>> uncovered(
      List<Role> needs, int index, List<PersonWord> words, Set<String> used) {
    if (index == needs.size()) {
      return List.of(List.of());
    }
    List<List<Role>> ways = new ArrayList<>();
    for (PersonWord word : words) {
      if (word.roles().contains(needs.get(index)) && used.add(word.person())) {
        ways.addAll(uncovered(needs, index + 1, words, used));
        used.remove(word.person());
      }
    }
    for (List<Role> rest : uncovered(needs, index + 1, words, used)) {
      List<Role> with = new ArrayList<>();
      with.add(needs.get(index));
      with.addAll(rest);
      ways.add(with);
    }
    return ways;
  }
}
