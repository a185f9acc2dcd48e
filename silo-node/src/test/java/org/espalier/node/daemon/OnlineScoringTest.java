package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.policy.Rulebook;
import org.espalier.wire.Digests;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Scores of single people from real nodes, and what happens instead of a score. */
class OnlineScoringTest {
  private static final int PEOPLE = 600;
  private static final int QUOTA = 400;

  @TempDir static Path root;
  private static TestSilo bank;
  private static TestSilo insurer;
  private static TestSilo telecom;
  private static String model;
  private static String token;
  private final HttpClient http = HttpClient.newHttpClient();
  private String serving;

  @BeforeAll
  static void train() throws IOException {
    bank = TestSilo.create("bank.example", root);
    Files.writeString(
        bank.home.config(),
        Files.readString(bank.home.config()).replaceAll("(?m)^scoring:.*\n", "")
            + "scoring: {listen: \"127.0.0.1:0\"}\n");
    bank.start();
    insurer = policy(TestSilo.create("insurer.example", root), tomorrow()).start();
    telecom = policy(TestSilo.create("telecom.example", root), tomorrow()).start();
    bank.partnerWith(insurer);
    bank.partnerWith(telecom);
    insurer.partnerWith(telecom);
    bank.dataset("people", TestData.bank(0, PEOPLE));
    insurer.dataset(
        "people",
        with(TestData.insurer(0, PEOPLE), "c009999,1.5,north", "c009998,0,", "C009998,0,"));
    telecom.dataset("people", with(TestData.telecom(0, PEOPLE), "C009998,0,30", "C008888,0,30"));
    ObjectNode spec = TestData.threeParties().deepCopy();
    spec.set(
        "training",
        Json.yaml(
            "training",
            "{level: gradients, max_passes: 4, accept: [span], min_features_per_party: 2}",
            JsonNode.class));
    spec.withObject("alignment").put("duplicates", "first");
    spec.withObject("evaluation").put("reveal", "scores");
    model = bank.propose(spec);
    insurer.call("job.approve", "job", model);
    telecom.call("job.approve", "job", model);
    bank.call("job.run", "job", model);
    SiloNodeTest.done(bank, model);
    SiloNodeTest.done(insurer, model);
    SiloNodeTest.done(telecom, model);
    token = bank.call("serve.client.add", "name", "loans").path("token").asText();
  }

  @AfterAll
  static void stop() {
    for (TestSilo silo : List.of(bank, insurer, telecom)) {
      silo.close();
    }
  }

  private static LocalDate tomorrow() {
    return LocalDate.now(ZoneOffset.UTC).plusDays(1);
  }

  private static TestSilo policy(TestSilo silo, LocalDate until) throws IOException {
    return silo.policy(
        "partners: {bank.example: {online_scoring: {scores_per_day: %d, until: %s}}}"
            .formatted(QUOTA, until));
  }

  private static List<String> with(List<String> lines, String... more) {
    List<String> all = new ArrayList<>(lines);
    Collections.addAll(all, more);
    return all;
  }

  private ObjectNode spec(int perDay) {
    ObjectNode spec =
        (ObjectNode)
            Json.yaml(
                "serve.yaml",
                """
                kind: serve
                name: risk-online
                purpose: research
                model: %s
                label_party: bank.example
                parties:
                  bank.example: {dataset: people}
                  insurer.example: {dataset: people}
                  telecom.example: {dataset: people}
                scores_per_day: %d
                until: %s
                """
                        .formatted(model, perDay, tomorrow())
                    + TestData.MATCH,
                JsonNode.class);
    return spec;
  }

  private void serve() {
    serving = bank.propose(spec(QUOTA));
    assertThat(serving).startsWith("S-");
    for (TestSilo silo : List.of(insurer, telecom)) {
      assertThat(silo.call("job.show", "job", serving).path("learns").toString())
          .contains("about which person bank.example asks")
          .contains("up to 400 a day");
      silo.call("job.approve", "job", serving);
    }
    for (TestSilo silo : List.of(insurer, telecom)) {
      silo.call("serve.start", "job", serving);
    }
    bank.call("serve.start", "job", serving);
    await(() -> ask(key("C000001")).path("scores").isArray());
  }

  private interface Condition {
    boolean holds() throws IOException, InterruptedException;
  }

  private static void await(Condition condition) {
    long end = System.nanoTime() + Duration.ofSeconds(20).toNanos();
    try {
      while (!condition.holds()) {
        assertThat(System.nanoTime()).isLessThan(end);
        Thread.sleep(50);
      }
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static String key(String customer) {
    return "{\"people\": [{\"key\": {\"customer\": \"%s\"}}]}".formatted(customer);
  }

  private HttpResponse<String> post(String bearer, String body)
      throws IOException, InterruptedException {
    String url = bank.call("status").path("scoring").path("url").asText();
    return http.send(
        HttpRequest.newBuilder(URI.create(url + "/v1/score/" + serving))
            .header("Authorization", "Bearer " + bearer)
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build(),
        HttpResponse.BodyHandlers.ofString());
  }

  private JsonNode ask(String body) throws IOException, InterruptedException {
    HttpResponse<String> response = post(token, body);
    ObjectNode answer = (ObjectNode) Json.parse("answer", response.body());
    assertThat(answer.has("scores")).isEqualTo(response.statusCode() == 200);
    return answer.put("status", response.statusCode());
  }

  private JsonNode error(int status, String kind, String body)
      throws IOException, InterruptedException {
    JsonNode answer = ask(body);
    assertThat(answer.path("status").asInt()).as(answer.toString()).isEqualTo(status);
    assertThat(answer.at("/error/kind").asText()).isEqualTo(kind);
    assertThat(answer.at("/error/next").asText()).isNotEmpty();
    return answer.path("error");
  }

  /** By row of the bank's file, from 0. */
  private Map<Integer, Double> scores(String job) throws IOException {
    Path file = Path.of(bank.call("predict.result", "job", job).path("file").asText());
    Map<Integer, Double> scores = new TreeMap<>();
    List<String> lines = Files.readAllLines(file);
    for (String line : lines.subList(1, lines.size())) {
      String[] parts = line.split(",", -1);
      scores.put(Integer.parseInt(parts[0]) - 1, Double.parseDouble(parts[1]));
    }
    return scores;
  }

  private Map<Integer, Double> online(Iterable<Integer> rows)
      throws IOException, InterruptedException {
    Map<Integer, Double> scores = new TreeMap<>();
    List<Integer> asked = new ArrayList<>();
    List<String> people = new ArrayList<>();
    for (int row : rows) {
      asked.add(row);
      people.add("{\"key\": {\"customer\": \" c%06d\"}}".formatted(row));
    }
    for (int from = 0; from < asked.size(); from += 50) {
      int to = Math.min(asked.size(), from + 50);
      JsonNode answer = ask("{\"people\": [" + String.join(", ", people.subList(from, to)) + "]}");
      assertThat(answer.path("status").asInt()).as(answer.toString()).isEqualTo(200);
      for (int i = from; i < to; i++) {
        scores.put(
            asked.get(i), answer.path("scores").get(i - from).path("probability").asDouble());
      }
    }
    return scores;
  }

  @Test
  void onlineBatchAndTrainingTimeScoresAreTheSame() throws Exception {
    serve();
    Map<Integer, Double> heldOut = scores(model);
    assertThat(heldOut).hasSizeGreaterThan(100);
    Map<Integer, Double> online = online(heldOut.keySet());
    heldOut.forEach((row, score) -> assertThat(online.get(row)).isCloseTo(score, within(1e-6)));

    ObjectNode batch = spec(1);
    batch.put("kind", "predict").remove(List.of("scores_per_day", "until"));
    batch.putObject("alignment").put("min_intersection", 100).put("duplicates", "first");
    String predicted = bank.propose(batch);
    insurer.call("job.approve", "job", predicted);
    telecom.call("job.approve", "job", predicted);
    bank.call("job.run", "job", predicted);
    SiloNodeTest.done(bank, predicted);
    Map<Integer, Double> batchScores = scores(predicted);
    online.forEach((row, score) -> assertThat(batchScores.get(row)).isCloseTo(score, within(1e-6)));

    // A new customer's own values come with the request; the partners have the person.
    String row7 = TestData.bank(7, 8).get(1);
    String income = row7.split(",", -1)[1];
    JsonNode asNew =
        ask(
            "{\"people\": [{\"key\": {\"customer\": \"C000007\"}, \"features\": {\"income\": %s}}]}"
                .formatted(income));
    assertThat(asNew.at("/scores/0/probability").asDouble())
        .isCloseTo(batchScores.get(7), within(1e-6));
    String other = asNew.toString();
    JsonNode missing =
        ask(
            "{\"people\": [{\"key\": {\"customer\": \"C000007\"}, \"features\": {\"income\": null}}]}");
    assertThat(missing.path("status").asInt()).isEqualTo(200);
    assertThat(missing.path("scores").toString()).isNotEqualTo(other);

    // The audit log has the counts and the head of the chain over the file of requests.
    insurer.call("serve.stop", "job", serving);
    JsonNode last =
        insurer
            .call("audit.tail", Json.object().put("count", 1).put("type", "scoring.answered"))
            .path("events")
            .get(0)
            .at("/protocol/parameters");
    byte[] chain =
        Digests.sha256().digest(last.path("file").asText().getBytes(StandardCharsets.UTF_8));
    List<String> lines =
        Files.readAllLines(insurer.home.scoring().resolve(last.path("file").asText()));
    for (String line : lines) {
      chain =
          Digests.sha256().digest(concat(chain, (line + "\n").getBytes(StandardCharsets.UTF_8)));
    }
    assertThat(last.path("chain").asText()).isEqualTo("sha256:" + HexFormat.of().formatHex(chain));
    assertThat(last.path("lines").asInt()).isEqualTo(lines.size());
    assertThat(last.path("answered").asInt()).isGreaterThanOrEqualTo(online.size() + 3);
    assertThat(insurer.loggedTypes()).contains("scoring.started", "scoring.reserved");
    assertThat(String.join("\n", lines)).doesNotContain("000007");
  }

  private static byte[] concat(byte[] a, byte[] b) {
    byte[] both = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, both, a.length, b.length);
    return both;
  }

  @Test
  void withoutAllPartsThereIsAnErrorAndNoScore() throws Exception {
    // Agreement first.
    ObjectNode tooMany = (ObjectNode) Json.object().set("spec", spec(QUOTA + 1));
    String refused = bank.call("job.propose", tooMany).path("id").asText();
    Problem denied = insurer.refusal("job.approve", TestSilo.args("job", refused));
    assertThat(denied.what())
        .contains("allows bank.example 400 scores a day, and the job asks for 401");
    assertThat(bank.refusal("serve.start", TestSilo.args("job", refused)).what())
        .contains("waits for insurer.example, telecom.example");
    ObjectNode elsewhere = (ObjectNode) Json.object().set("spec", spec(1));
    assertThat(insurer.refusal("job.propose", elsewhere).what())
        .contains("proposed by the label party");

    ObjectNode over = spec(1).put("until", LocalDate.now(ZoneOffset.UTC).minusDays(1).toString());
    assertThat(bank.refusal("job.propose", (ObjectNode) Json.object().set("spec", over)).what())
        .contains("scoring was agreed until");

    serve();
    assertThat(bank.refusal("job.run", TestSilo.args("job", serving)).what())
        .contains("scores people on request");

    // Who may ask, and how.
    assertThat(post("silo_wrong", key("C000001")).statusCode()).isEqualTo(401);
    assertThat(post(token, "{\"people\": \"" + "x".repeat(70_000) + "\"}").statusCode())
        .isEqualTo(413);
    error(400, "malformed", "{\"people\": []}");
    error(400, "malformed", "{\"people\": [{\"key\": {\"customer\": \"C000001\"}}], \"a\": 1}");
    error(400, "malformed", "{\"people\": [{\"key\": {\"income\": 3}}]}");
    error(400, "malformed", "{\"people\": [{\"key\": {\"customer\": null}}]}");
    error(
        400,
        "malformed",
        "{\"people\": [{\"key\": {\"customer\": \"C000001\"}, \"features\": {\"income\": \"1f\"}}]}");

    // The same request again has the same answer, and another under its name none.
    String named = "{\"request_id\": \"r-1\", " + key("C000003").substring(1);
    JsonNode first = ask(named);
    assertThat(first.path("request_id").asText()).isEqualTo("r-1");
    int asked = answered(insurer);
    assertThat(ask(named)).isEqualTo(first);
    assertThat(answered(insurer)).isEqualTo(asked);
    error(409, "request_id", named.replace("C000003", "C000004"));

    // Unknown people.
    assertThat(error(404, "unknown_person", key("C009999")).path("party").asText())
        .isEqualTo("bank.example");
    String features = "\"features\": {\"income\": 0}";
    JsonNode unknown = error(404, "unknown_person", withFeatures("C009999", features));
    assertThat(unknown.path("what").asText()).isEqualTo("person unknown at telecom.example");
    assertThat(
            error(409, "ambiguous_person", withFeatures("C009998", features))
                .path("party")
                .asText())
        .isEqualTo("insurer.example");

    // A party that stops, is killed or does not answer.
    telecom.call("serve.stop", "job", serving);
    JsonNode stopped = error(503, "unavailable", key("C000001"));
    assertThat(stopped.path("what").asText()).contains("telecom.example does not serve " + serving);
    assertThat(stopped.path("next").asText())
        .contains("silo serve start " + serving + " at telecom");
    assertThat(bank.call("serve.list").at("/servings/0/partners/telecom.example").asText())
        .isEqualTo("stopped");
    telecom.call("serve.start", "job", serving);
    await(() -> ask(key("C000001")).path("scores").isArray());
    telecom.stop();
    long before = System.nanoTime();
    JsonNode gone = error(503, "unavailable", key("C000001"));
    assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(4));
    assertThat(gone.path("party").asText()).isEqualTo("telecom.example");
    telecom.start();
    await(() -> ask(key("C000001")).path("scores").isArray()); // it serves again by itself

    obeysWhatIsAppliedMeanwhile(withFeatures("C009999", features));

    // The quota is counted by the log: a restart gives nothing back that was answered.
    int spent = spent(insurer);
    insurer.stop();
    insurer.start();
    await(() -> insurer.call("serve.list").at("/servings/0/here").asText().equals("serves"));
    assertThat(spent(insurer)).isGreaterThanOrEqualTo(spent);
    await(() -> ask(key("C000001")).path("scores").isArray());
    String people = "{\"people\": [" + "{\"key\": {\"customer\": \"C000001\"}},".repeat(49);
    people += "{\"key\": {\"customer\": \"C000002\"}}]}";
    JsonNode answer = ask(people);
    for (int i = 0; i < 8 && answer.path("status").asInt() == 200; i++) {
      answer = ask(people);
    }
    assertThat(answer.path("status").asInt()).as(answer.toString()).isEqualTo(429);
    assertThat(answer.at("/error/what").asText()).contains("used up");
    JsonNode metrics = bank.call("status").path("scoring");
    assertThat(metrics.at("/requests/quota").asInt()).isEqualTo(1);
    assertThat(metrics.at("/requests/token").asInt()).isEqualTo(1);

    // A policy that changes its mind, and the end for everybody.
    insurer.stop();
    policy(insurer, LocalDate.now(ZoneOffset.UTC).minusDays(1)).start();
    await(() -> ask(key("C000001")).at("/error/kind").asText().equals("refused"));
    assertThat(error(403, "refused", key("C000001")).path("party").asText())
        .isEqualTo("insurer.example");
    telecom.call("job.abort", "job", serving);
    error(404, "unknown_serving", key("C000001"));
    assertThat(telecom.call("serve.list").at("/servings/0/here").asText()).isEqualTo("stopped");
    insurer.stop();
    policy(insurer, tomorrow()).start();
  }

  /** What a policy forbids ends at the next question, and what it allows again begins there. */
  private void obeysWhatIsAppliedMeanwhile(String unknown) throws Exception {
    String online = "online_scoring: {scores_per_day: %d, until: %s".formatted(QUOTA, tomorrow());
    String allowed = "partners: {bank.example: {" + online + "}}}\n";
    Map<String, String> denying = new TreeMap<>();
    denying.put("partners.bank.example.until", allowed.replace("}}}", "}, until: 2020-01-01}}"));
    denying.put("partners.bank.example.roles", allowed.replace("}}}", "}, roles: [feature]}}"));
    denying.put("purposes.research.until", allowed + "purposes: {research: {until: 2020-01-01}}");
    denying.put("datasets.people", allowed + "datasets: {}");
    denying.put(
        "datasets.people.columns.never",
        allowed
            + "datasets: {people: {purposes: [research], keys: ['*'],"
            + " columns: {allow: ['*'], never: [claims]}}}");
    int spent = spent(insurer);
    for (Map.Entry<String, String> denial : denying.entrySet()) {
      insurer.policy(denial.getValue()).call("policy.apply");
      JsonNode refused = error(403, "refused", key("C000001"));
      assertThat(refused.path("party").asText()).isEqualTo("insurer.example");
      assertThat(refused.path("what").asText())
          .startsWith("the policy of insurer.example denies the job: " + denial.getKey() + ": ");
    }
    Rulebook.halt(insurer.home, "incident 2031"); // as the command line where a node is stuck
    insurer.policy(allowed).call("policy.apply");
    assertThat(error(403, "refused", key("C000001")).path("what").asText())
        .isEqualTo("insurer.example is halted: nothing is done there");
    assertThat(spent(insurer)).as("nothing was looked up").isEqualTo(spent);
    Rulebook.resume(insurer.home);
    assertThat(ask(key("C000001")).path("status").asInt()).isEqualTo(200);

    // The label party's own policy counts, too, and so does who may learn that nobody is known.
    bank.policy("purposes: {marketing: {}}").call("policy.apply");
    assertThat(error(403, "refused", key("C000001")).path("party").asText())
        .isEqualTo("bank.example");
    bank.policy("").call("policy.apply");
    String telecoms = "partners: {bank.example: {" + online + ", tell_unknown: false}}}";
    telecom.policy(telecoms).call("policy.apply");
    assertThat(error(404, "unknown_person", unknown).path("what").asText())
        .contains("gives no part of the score for this person");
    policy(telecom, tomorrow()).call("policy.apply");
    assertThat(error(404, "unknown_person", unknown).path("what").asText())
        .isEqualTo("person unknown at telecom.example");
  }

  private static String withFeatures(String customer, String features) {
    return "{\"people\": [{\"key\": {\"customer\": \"%s\"}, %s}]}".formatted(customer, features);
  }

  private static JsonNode view(TestSilo silo) {
    return silo.call("serve.list").path("servings").get(0);
  }

  private static int answered(TestSilo silo) {
    return view(silo).at("/people/answered").asInt();
  }

  private static int spent(TestSilo silo) {
    return view(silo).path("spent_today").asInt();
  }
}
