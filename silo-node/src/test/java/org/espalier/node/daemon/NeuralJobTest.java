package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.espalier.node.config.Json;
import org.espalier.protocols.evaluate.Evaluation;
import org.espalier.protocols.glm.Outcomes;
import org.espalier.protocols.neural.top.Activation;
import org.espalier.protocols.neural.top.CentralisedNetwork;
import org.espalier.protocols.neural.top.Descent;
import org.espalier.protocols.neural.top.FitSpec;
import org.espalier.protocols.neural.top.NetworkSpec;
import org.espalier.protocols.neural.top.Task;
import org.espalier.protocols.prepare.Matrix;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Networks over the columns of two and three parties, from the job file to the scores. */
class NeuralJobTest {
  private static final int PEOPLE = 1600;
  private static final int NEW = 600;

  @TempDir static Path root;
  static TestSilo bank;
  static TestSilo insurer;
  static TestSilo telecom;

  /** The outcome depends on a product of two parties' columns, which no linear model sees. */
  private record Person(double age, double claims, double visits, double usage, String region) {
    static Person of(int id) {
      Random random = new Random(57L * id + 11);
      return new Person(
          random.nextGaussian(),
          random.nextGaussian(),
          random.nextGaussian(),
          random.nextGaussian(),
          List.of("north", "south", "west").get(random.nextInt(3)));
    }

    double score() {
      return 2 * age * claims - 1.2 * visits + usage + (region.equals("west") ? 1 : 0);
    }

    int bad(int id) {
      return new Random(91L * id).nextDouble() < 1 / (1 + Math.exp(-2 * score())) ? 1 : 0;
    }

    int grade() {
      return score() < -1 ? 1 : score() < 1 ? 2 : 5;
    }

    double[] columns() {
      double west = region.equals("west") ? 1.4 : -0.7;
      return new double[] {age, claims, visits, usage, west};
    }
  }

  private static List<String> lines(String header, int from, int to) {
    List<String> lines = new ArrayList<>(List.of(header));
    boolean atBank = header.contains("bad");
    for (int id = from; id < to; id++) {
      Person p = Person.of(id);
      String values =
          atBank
              ? "%.6f,%d,%d".formatted(p.age, p.bad(id), p.grade())
              : header.contains("claims")
                  ? "%.6f,%.6f".formatted(p.claims, p.visits)
                  : "%.6f,%s".formatted(p.usage, p.region);
      lines.add("P%05d,%s".formatted(id, values));
    }
    return lines;
  }

  private static void register(String name, int from, int to) {
    bank.dataset(name, lines("person:id,age:number,bad:label,grade:target", from, to));
    insurer.dataset(name, lines("person:id,claims:number,visits:number", from, to));
    telecom.dataset(name, lines("person:id,usage:number,region:category", from, to));
  }

  @BeforeAll
  static void enrol() {
    bank = TestSilo.create("bank.example", root).start();
    insurer = TestSilo.create("insurer.example", root).start();
    telecom = TestSilo.create("telecom.example", root).start();
    bank.partnerWith(insurer);
    bank.partnerWith(telecom);
    insurer.partnerWith(telecom);
    register("people", 0, PEOPLE);
    register("neighbours", 20_000, 20_000 + PEOPLE);
    register("newcomers", 10_000, 10_000 + NEW);
  }

  @AfterAll
  static void stop() {
    for (TestSilo silo : new TestSilo[] {bank, insurer, telecom}) {
      if (silo != null) {
        silo.close();
      }
    }
  }

  private static ObjectNode spec(String column, List<String> parties, String more) {
    ObjectNode spec =
        (ObjectNode)
            Json.yaml(
                "job.yaml",
                """
                name: network
                purpose: research
                label: {party: bank.example, column: %s}
                match: [[{column: person}]]
                evaluation: {holdout: 0.2}
                """
                        .formatted(column)
                    + more,
                JsonNode.class);
    parties.forEach(p -> spec.withObject("parties").putObject(p).put("dataset", "people"));
    return spec;
  }

  private static String begin(ObjectNode spec, List<TestSilo> others) {
    String job = bank.propose(spec);
    others.forEach(silo -> silo.call("job.approve", "job", job));
    bank.call("job.run", "job", job);
    return job;
  }

  private static double[] scores(String job) throws IOException {
    Path file = Path.of(bank.call("predict.result", "job", job).path("file").asText());
    return Files.readAllLines(file).stream()
        .skip(1)
        .mapToDouble(line -> Double.parseDouble(line.split(",", -1)[1]))
        .toArray();
  }

  private static Matrix columns(int from, int to) {
    double[] values = new double[(to - from) * 5];
    for (int id = from; id < to; id++) {
      System.arraycopy(Person.of(id).columns(), 0, values, (id - from) * 5, 5);
    }
    return new Matrix(to - from, 5, values);
  }

  private static double[] labels(int from, int to) {
    double[] labels = new double[to - from];
    Arrays.setAll(labels, i -> Person.of(from + i).bad(from + i));
    return labels;
  }

  @Test
  void threePartiesScoreNewPeopleAsOneNetworkOfAllColumnsDoes() throws IOException {
    List<String> parties = List.of("bank.example", "insurer.example", "telecom.example");
    ObjectNode spec =
        spec(
            "bad",
            parties,
            """
            model: {type: neural, hidden: [16, 8], dropout: 0, l2: 0}
            training: {level: activations, accept: [span], epochs: 25, batch: 64, patience: 8}
            """);
    JsonNode plan = bank.call("job.plan", (ObjectNode) Json.object().set("spec", spec));
    assertThat(plan.path("passed").asBoolean()).isTrue();
    assertThat(plan.path("learns").toString())
        .contains("of each person at most 400 numbers")
        .contains("ACCEPTS");
    assertThat(plan.path("estimate").path("phases").path("train").size()).isEqualTo(3);
    String job = begin(spec, List.of(insurer, telecom));
    JsonNode report = SiloNodeTest.done(bank, job);
    JsonNode theirs = SiloNodeTest.done(insurer, job);
    SiloNodeTest.done(telecom, job);
    assertThat(report.path("metrics").path("auc").asDouble()).isGreaterThan(0.85);
    assertThat(report.path("passes").path(0).path("set_aside").asDouble()).isPositive();
    assertThat(theirs.has("metrics")).isFalse();
    assertThat(theirs.has("passes")).isFalse();
    JsonNode slice = insurer.call("model.show", "job", job);
    assertThat(slice.path("weights")).hasSize(2 * 16);
    assertThat(slice.path("neural").toString()).isEqualTo("{\"units\":16}");
    assertThat(bank.call("model.show", "job", job).path("neural").path("layers")).hasSize(2);
    // An epoch opens as many numbers as the first layer has units, and counts as so many passes.
    JsonNode again = bank.call("job.plan", (ObjectNode) Json.object().set("spec", spec));
    int opened = 16 * report.path("training").path("passes").asInt();
    assertThat(again.path("checks").toString())
        .contains("passes used so far on these people: " + opened);
    assertThat(insurer.call("job.report", "job", job).path("card").path("limits").toString())
        .contains("disclosed with every epoch");

    ObjectNode predict = Json.object().put("kind", "predict").put("name", "new");
    predict.put("purpose", "research").put("model", job).put("label_party", "bank.example");
    parties.forEach(p -> predict.withObject("parties").putObject(p).put("dataset", "newcomers"));
    predict.set("match", spec.get("match"));
    String scoring = begin(predict, List.of(insurer, telecom));
    JsonNode scored = SiloNodeTest.done(bank, scoring);
    assertThat(scored.path("learned").toString())
        .contains("part of each unit of the network's first joint layer");
    ObjectNode online = predict.deepCopy().put("kind", "serve").put("scores_per_day", 10);
    online.put("until", LocalDate.now(ZoneOffset.UTC).plusDays(1).toString());
    assertThat(bank.refusal("job.propose", (ObjectNode) Json.object().set("spec", online)).what())
        .contains(job + " is a network");
    double[] truth = labels(10_000, 10_000 + NEW);
    double federated = Evaluation.of(scores(scoring), truth).auc();
    NetworkSpec shape = new NetworkSpec(Task.BINARY, List.of(16, 8), Activation.RELU, 0);
    FitSpec fit = new FitSpec(new Descent(Descent.Kind.ADAM, 0.003, 0, 0), 64, 60, 8, 0.1);
    CentralisedNetwork centralised =
        CentralisedNetwork.fit(
            columns(0, PEOPLE), Outcomes.of(labels(0, PEOPLE)), shape, fit, new byte[32]);
    double one = Evaluation.of(centralised.predict(columns(10_000, 10_000 + NEW)), truth).auc();
    // Two networks that differ in their first weights only differ by about so much here.
    assertThat(federated).as("centralised: %s", one).isGreaterThan(one - 0.02);
  }

  @Test
  void threePartiesSplitANetworkAndScoreNewPeople() throws IOException {
    List<String> parties = List.of("bank.example", "insurer.example", "telecom.example");
    ObjectNode spec =
        spec(
            "bad",
            parties,
            """
            model: {type: neural, hidden: [16, 8], bottom: [12], dropout: 0}
            training: {level: split, accept: [span], epochs: 25, batch: 64, learning_rate: 0.01,
              gradient_noise: 0, activation_noise: 0}
            """);
    // People of their own, so that what is counted elsewhere does not depend on this.
    parties.forEach(p -> spec.withObject("parties").withObject(p).put("dataset", "neighbours"));
    JsonNode plan = bank.call("job.plan", (ObjectNode) Json.object().set("spec", spec));
    assertThat(plan.path("passed").asBoolean()).isTrue();
    assertThat(plan.path("learns").toString())
        .contains("what the feature parties' (summed) own layers make of the person's columns")
        .contains("feature inversion")
        .contains("its length and direction tell the person's outcome")
        .contains("ACCEPTS");
    assertThat(plan.path("estimate").path("phases").path("train").size()).isEqualTo(3);
    String job = begin(spec, List.of(insurer, telecom));
    JsonNode report = SiloNodeTest.done(bank, job);
    SiloNodeTest.done(insurer, job);
    SiloNodeTest.done(telecom, job);
    assertThat(report.path("metrics").path("auc").asDouble()).isGreaterThan(0.85);
    assertThat(report.path("training").path("parameters").path("bottom").toString())
        .isEqualTo("[12]");
    JsonNode slice = insurer.call("model.show", "job", job);
    assertThat(slice.path("weights")).hasSize(12 * 16);
    assertThat(slice.path("neural").path("under").path("layers")).hasSize(1);
    ObjectNode predict = Json.object().put("kind", "predict").put("name", "new");
    predict.put("purpose", "research").put("model", job).put("label_party", "bank.example");
    parties.forEach(p -> predict.withObject("parties").putObject(p).put("dataset", "newcomers"));
    predict.set("match", spec.get("match"));
    String scoring = begin(predict, List.of(insurer, telecom));
    SiloNodeTest.done(bank, scoring);
    double[] truth = labels(10_000, 10_000 + NEW);
    assertThat(Evaluation.of(scores(scoring), truth).auc()).isGreaterThan(0.85);
  }

  @Test
  void twoPartiesTellClassesAndNumbers() {
    List<String> parties = List.of("bank.example", "insurer.example");
    String training =
        "training: {level: activations, accept: [span], epochs: 12, batch: 64, patience: 0}\n";
    ObjectNode classes =
        spec(
            "grade",
            parties,
            "model: {type: neural, hidden: [12], activation: tanh, task: multiclass}\n" + training);
    String job = begin(classes, List.of(insurer));
    JsonNode metrics = SiloNodeTest.done(bank, job).path("metrics");
    SiloNodeTest.done(insurer, job);
    assertThat(metrics.path("classes").toString()).isEqualTo("[1,2,5]");
    assertThat(metrics.path("accuracy").asDouble()).isGreaterThan(0.55);
    assertThat(metrics.path("class_confusion")).hasSize(3);

    ObjectNode number =
        spec(
            "grade",
            parties,
            "model: {type: neural, hidden: [12, 6], task: regression}\n" + training);
    String second = begin(number, List.of(insurer));
    JsonNode figures = SiloNodeTest.done(bank, second).path("metrics");
    assertThat(figures.path("r2").asDouble()).isGreaterThan(0.3);
    assertThat(figures.path("bins").size()).isPositive();
  }
}
