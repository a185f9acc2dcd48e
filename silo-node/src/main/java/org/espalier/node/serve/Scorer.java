package org.espalier.node.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.job.ServedTable;
import org.espalier.protocols.predict.OnlineLogits;
import org.espalier.wire.Digests;
import org.espalier.wire.Party;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The label party's side of one serving: adds its own part of the logit to the feature parties'. A
 * request has a score for everybody in it or ends with an error.
 */
final class Scorer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Scorer.class);

  /** Newest requests that are answered again without asking anybody. */
  private static final int REMEMBERED = 20_000;

  /** People in them, whose answers are what takes memory: about 300 bytes each. */
  private static final int REMEMBERED_PEOPLE = 100_000;

  private static final int MAX_VALUE = 1000;
  private static final String REQUEST_ID = "[A-Za-z0-9._:-]{1,64}";
  private static final Set<String> MEMBERS = Set.of("key", "features");

  private final Party self;
  private final String serving;
  private final ServedTable table;
  private final List<PartnerQueue> partners;
  private final Ledger ledger;

  /** Oldest first; guarded by itself, as is the number of people in them. */
  private final Map<String, Request> requests = new LinkedHashMap<>();

  private int remembered;

  /** A request that was made: the same again has the same answer. */
  private record Request(byte[] content, int people, CompletableFuture<ObjectNode> answer) {}

  /** One person with the own part of the logit. */
  private record Person(Question question, int rule, double own) {}

  Scorer(
      Party self, String serving, ServedTable table, List<PartnerQueue> partners, Ledger ledger) {
    this.self = self;
    this.serving = serving;
    this.table = table;
    this.partners = List.copyOf(partners);
    this.ledger = ledger;
  }

  /**
   * Scores the people of a request.
   *
   * @param client who asks
   * @param id that the client gave the request
   * @param body {@code people[{key{column}, features{column}?}]}
   * @return {@code request_id, serving, model, scores[]}, or a {@link NoScore}
   * @throws NoScore if the request is not in order, or its id was used for another one
   */
  CompletableFuture<ObjectNode> score(String client, String id, ObjectNode body) {
    if (!id.matches(REQUEST_ID)) {
      throw NoScore.malformed("request_id is 1 to 64 letters, digits and . _ : -");
    }
    JsonNode asked = asked(body);
    byte[] content = Json.digest(body);
    String name = name(client, id);
    CompletableFuture<ObjectNode> answer;
    synchronized (requests) {
      Request earlier = requests.get(name);
      if (earlier != null) {
        if (!MessageDigest.isEqual(earlier.content, content)) {
          throw new NoScore(
              NoScore.Kind.REQUEST_ID,
              null,
              "request_id " + id + " was used for another request",
              "a new request_id for each request");
        }
        return earlier.answer.copy();
      }
      answer = new CompletableFuture<>();
      remember(name, new Request(content, asked.size(), answer));
    }
    try {
      scored(name, id, people(name, asked), answer);
    } catch (RuntimeException e) {
      forget(name, answer);
      answer.completeExceptionally(e);
      throw e;
    }
    return answer.copy();
  }

  private void remember(String name, Request request) {
    requests.put(name, request);
    remembered += request.people;
    Iterator<Request> oldest = requests.values().iterator();
    while (requests.size() > REMEMBERED || remembered > REMEMBERED_PEOPLE) {
      remembered -= oldest.next().people;
      oldest.remove();
    }
  }

  /** If it is still that one: an older one of the name may have made room for a newer one. */
  private void forget(String name, CompletableFuture<ObjectNode> answer) {
    synchronized (requests) {
      Request request = requests.get(name);
      if (request != null && request.answer == answer) {
        requests.remove(name);
        remembered -= request.people;
      }
    }
  }

  /** What partners see of a request's name: nothing that a client wrote. */
  private static String name(String client, String id) {
    byte[] text = (client + "\n" + id).getBytes(StandardCharsets.UTF_8);
    return HexFormat.of().formatHex(Digests.sha256().digest(text), 0, 16);
  }

  // ---- the own part -----------------------------------------------------------------------------

  private static JsonNode asked(ObjectNode body) {
    for (var members = body.fieldNames(); members.hasNext(); ) {
      if (!members.next().equals("people")) {
        throw NoScore.malformed("the request is request_id and people, nothing else");
      }
    }
    JsonNode asked = body.path("people");
    if (!asked.isArray() || asked.isEmpty() || asked.size() > Question.MOST_PEOPLE) {
      throw NoScore.malformed("people is a list of 1 to " + Question.MOST_PEOPLE);
    }
    return asked;
  }

  private List<Person> people(String name, JsonNode asked) {
    List<Person> people = new ArrayList<>();
    for (JsonNode one : asked) {
      people.add(person(name, people.size(), one));
    }
    return people;
  }

  private Person person(String name, int number, JsonNode asked) {
    try {
      for (var members = asked.fieldNames(); members.hasNext(); ) {
        if (!MEMBERS.contains(members.next())) {
          throw new IllegalArgumentException("a person is key and, at will, features");
        }
      }
      Question question = new Question(name, number, table.tags(values("key", asked)));
      if (asked.has("features")) {
        return new Person(question, -1, table.part(values("features", asked)));
      }
      ServedTable.Found found = table.find(question.tags());
      if (found.isUnknown()) {
        throw new NoScore(
            NoScore.Kind.UNKNOWN_PERSON,
            self,
            "person unknown at " + self,
            "give the own values of a new person as features");
      }
      if (found.repeated()) {
        throw new NoScore(
            NoScore.Kind.AMBIGUOUS_PERSON,
            self,
            "several rows at " + self + " have this key",
            "give the own values as features");
      }
      return new Person(question, found.rule(), found.part());
    } catch (IllegalArgumentException e) {
      throw NoScore.malformed("person " + number + ": " + e.getMessage());
    }
  }

  private static Map<String, String> values(String member, JsonNode asked) {
    JsonNode object = asked.path(member);
    if (!object.isObject()) {
      throw new IllegalArgumentException(member + " is a map of column to value");
    }
    Map<String, String> values = new HashMap<>();
    for (Map.Entry<String, JsonNode> entry : object.properties()) {
      JsonNode value = entry.getValue();
      if (!(value.isTextual() || value.isNumber() || value.isNull())
          || value.asText().length() > MAX_VALUE) {
        throw new IllegalArgumentException(
            "a value is a text, a number or null, of at most " + MAX_VALUE + " characters");
      }
      // As in a file, where a field without text is a missing value.
      boolean missing = value.isNull() || value.asText().isEmpty();
      values.put(entry.getKey(), missing ? null : value.asText());
    }
    return values;
  }

  // ---- the partners' parts ----------------------------------------------------------------------

  private void scored(
      String name, String id, List<Person> people, CompletableFuture<ObjectNode> answer) {
    List<List<CompletableFuture<PartnerQueue.Part>>> parts = new ArrayList<>();
    List<CompletableFuture<?>> all = new ArrayList<>();
    for (Person person : people) {
      List<CompletableFuture<PartnerQueue.Part>> asked =
          partners.stream().map(partner -> partner.ask(person.question)).toList();
      parts.add(asked);
      all.addAll(asked);
    }
    var unused =
        CompletableFuture.allOf(all.toArray(CompletableFuture<?>[]::new))
            .handle(
                (done, failed) -> {
                  try {
                    answer.complete(result(id, people, parts));
                  } catch (NoScore e) {
                    forget(name, answer);
                    answer.completeExceptionally(e);
                  } catch (RuntimeException e) {
                    LOG.error("{}: a request could not be scored", serving, e);
                    forget(name, answer);
                    answer.completeExceptionally(
                        e instanceof Problem problem
                            ? new NoScore(
                                NoScore.Kind.UNAVAILABLE, self, problem.what(), "silo doctor")
                            : e);
                  }
                  return null;
                });
  }

  private ObjectNode result(
      String id, List<Person> people, List<List<CompletableFuture<PartnerQueue.Part>>> parts) {
    ObjectNode result = Json.object().put("request_id", id).put("serving", serving);
    result.put("model", table.spec().model());
    ArrayNode scores = result.putArray("scores");
    NoScore failed = null;
    for (int i = 0; i < people.size(); i++) {
      Person person = people.get(i);
      String outcome = "scored";
      try {
        scores.addObject().put(table.scoreName(), table.score(logit(person, parts.get(i))));
      } catch (NoScore e) {
        outcome = e.kind().code();
        failed = failed == null ? e : failed;
      }
      ledger.record(
          person.question.request(), person.question.person(), person.question.tags(), outcome);
    }
    if (failed != null) {
      throw failed;
    }
    return result;
  }

  private double logit(Person person, List<CompletableFuture<PartnerQueue.Part>> asked) {
    List<PartnerQueue.Part> parts = new ArrayList<>();
    for (int p = 0; p < asked.size(); p++) {
      PartnerQueue.Part part;
      try {
        part = asked.get(p).join();
      } catch (CompletionException e) {
        throw e.getCause() instanceof NoScore why ? why : e;
      }
      if (part == null) {
        throw partners.get(p).late();
      }
      parts.add(part);
    }
    requireSamePerson(person, parts);
    requireSameSeeds(parts);
    return OnlineLogits.sum(person.own, parts.stream().map(PartnerQueue.Part::part).toList());
  }

  private void requireSamePerson(Person person, List<PartnerQueue.Part> parts) {
    int rule = person.rule < 0 ? parts.get(0).rule() : person.rule;
    for (int p = 0; p < parts.size(); p++) {
      if (parts.get(p).rule() != rule) {
        Party partner = partners.get(p).partner();
        throw new NoScore(
            NoScore.Kind.AMBIGUOUS_PERSON,
            partner,
            "%s finds the person by rule %d, others by rule %d"
                .formatted(partner, parts.get(p).rule() + 1, rule + 1),
            "give only the columns of one rule as key");
      }
    }
  }

  /** Masks of different seeds do not cancel, and nobody would see that by the sum. */
  private void requireSameSeeds(List<PartnerQueue.Part> parts) {
    for (int a = 0; a < parts.size(); a++) {
      for (int b = a + 1; b < parts.size(); b++) {
        Party one = partners.get(a).partner();
        Party other = partners.get(b).partner();
        String seed = parts.get(a).seeds().get(other.name());
        if (seed == null || !seed.equals(parts.get(b).seeds().get(one.name()))) {
          throw new NoScore(
              NoScore.Kind.UNAVAILABLE,
              one,
              one + " and " + other + " are agreeing on new masks",
              "try again in a second");
        }
      }
    }
  }

  @Override
  public void close() {
    partners.forEach(PartnerQueue::close);
  }
}
