package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.espalier.node.config.Json;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A softmax regression of two parties, from the job file to the predictions. */
class SoftmaxJobTest {
  private static final int PEOPLE = 900;
  private static final int NEW = 200;
  private static final List<String> PARTIES = List.of("bank.example", "insurer.example");

  @TempDir static Path root;
  static TestSilo bank;
  static TestSilo insurer;

  /** Grades 1, 2 and 5, by what both parties know. */
  private static String line(int id, boolean atBank) {
    Random random = new Random(57L * id + 11);
    double age = random.nextGaussian();
    double[] claims = random.doubles(4).map(u -> random.nextGaussian()).toArray();
    double score = 1.5 * age + 2 * claims[0] - claims[1] + random.nextGaussian();
    int grade = score < -1 ? 1 : score < 1 ? 2 : 5;
    return atBank
        ? "P%05d,%.6f,%d".formatted(id, age, grade)
        : "P%05d,%.6f,%.6f,%.6f,%.6f".formatted(id, claims[0], claims[1], claims[2], claims[3]);
  }

  private static void register(String name, int from, int to) {
    List<String> own = new ArrayList<>(List.of("person:id,age:number,grade:target"));
    List<String> others = new ArrayList<>(List.of("person:id,a:number,b:number,c:number,d:number"));
    for (int id = from; id < to; id++) {
      own.add(line(id, true));
      others.add(line(id, false));
    }
    bank.dataset(name, own);
    insurer.dataset(name, others);
  }

  @BeforeAll
  static void enrol() {
    bank = TestSilo.create("bank.example", root).start();
    insurer = TestSilo.create("insurer.example", root).start();
    bank.partnerWith(insurer);
    register("people", 0, PEOPLE);
    register("newcomers", 10_000, 10_000 + NEW);
  }

  @AfterAll
  static void stop() {
    for (TestSilo silo : new TestSilo[] {bank, insurer}) {
      if (silo != null) {
        silo.close();
      }
    }
  }

  private static ObjectNode spec(String model) {
    ObjectNode spec =
        (ObjectNode)
            Json.yaml(
                "job.yaml",
                """
                name: grades
                purpose: research
                label: {party: bank.example, column: grade}
                match: [[{column: person}]]
                training: {level: gradients, accept: [span], max_passes: 6}
                evaluation: {holdout: 0.2}
                model: %s
                """
                    .formatted(model),
                JsonNode.class);
    PARTIES.forEach(p -> spec.withObject("parties").putObject(p).put("dataset", "people"));
    return spec;
  }

  private static String begin(ObjectNode spec) {
    String job = bank.propose(spec);
    insurer.call("job.approve", "job", job);
    bank.call("job.run", "job", job);
    return job;
  }

  @Test
  void newPeopleGetTheProbabilityOfEachClass() throws IOException {
    ObjectNode spec = spec("{type: softmax, classes: 3, class_weights: {1: 1, 2: 1.5, 5: 1}}");
    JsonNode plan = bank.call("job.plan", (ObjectNode) Json.object().set("spec", spec));
    assertThat(plan.path("learns").toString())
        .contains("at most 6 passes 2 numbers a person, one for each class but the last")
        .contains("2 numbers a prepared column")
        .contains("at least 20 people for each column");
    assertThat(plan.path("estimate").path("phases").path("evaluate").size()).isEqualTo(2);
    String job = begin(spec);
    JsonNode report = SiloNodeTest.done(bank, job);
    SiloNodeTest.done(insurer, job);
    JsonNode metrics = report.path("metrics");
    assertThat(metrics.path("classes").toString()).isEqualTo("[1,2,5]");
    assertThat(metrics.path("accuracy").asDouble()).isGreaterThan(0.65);
    assertThat(metrics.path("log_loss").asDouble()).isLessThan(0.8);
    assertThat(metrics.path("class_confusion")).hasSize(3);
    assertThat(report.path("training").path("converged").asBoolean()).isTrue();
    // A pass opens two numbers of each person, and counts as two.
    JsonNode again = bank.call("job.plan", (ObjectNode) Json.object().set("spec", spec));
    assertThat(again.path("checks").toString())
        .contains(
            "passes used so far on these people: "
                + 2 * report.path("training").path("passes").asInt());
    JsonNode own = bank.call("model.show", "job", job);
    assertThat(own.path("softmax").path("outcomes").toString()).isEqualTo("[1,2,5]");
    assertThat(own.path("weights")).hasSize(3);
    JsonNode theirs = insurer.call("model.show", "job", job);
    assertThat(theirs.path("weights")).hasSize(4 * 3);
    assertThat(theirs.path("softmax").toString()).isEqualTo("{\"classes\":3}");

    ObjectNode predict = Json.object().put("kind", "predict").put("name", "new");
    predict.put("purpose", "research").put("model", job).put("label_party", "bank.example");
    PARTIES.forEach(p -> predict.withObject("parties").putObject(p).put("dataset", "newcomers"));
    predict.set("match", spec.get("match"));
    ObjectNode online = predict.deepCopy().put("kind", "serve").put("scores_per_day", 10);
    online.put("until", LocalDate.now(ZoneOffset.UTC).plusDays(1).toString());
    assertThat(bank.refusal("job.propose", (ObjectNode) Json.object().set("spec", online)).what())
        .contains(job + " has a score for each class");
    String scoring = begin(predict);
    JsonNode scored = SiloNodeTest.done(bank, scoring);
    assertThat(scored.path("learned").toString()).contains("part of the score of each class");
    Path file = Path.of(bank.call("predict.result", "job", scoring).path("file").asText());
    List<String> lines = Files.readAllLines(file);
    assertThat(lines).hasSize(NEW + 1);
    assertThat(lines.get(0)).endsWith("prediction,probability_1,probability_2,probability_5");
    int right = 0;
    for (String line : lines.subList(1, lines.size())) {
      String[] cells = line.split(",", -1);
      int at = cells.length - 3;
      double sum = 0;
      for (int k = 0; k < 3; k++) {
        sum += Double.parseDouble(cells[at + k]);
      }
      assertThat(sum).isCloseTo(1, within(1e-12));
      int id = 9_999 + Integer.parseInt(cells[0]);
      right += line(id, true).endsWith("," + cells[at - 1]) ? 1 : 0;
    }
    assertThat(right).isGreaterThan(120);
  }

  @Test
  void aJobThatCountsOtherClassesEndsWithThatReason() {
    String job = begin(spec("{type: softmax, classes: 4}"));
    JsonNode status = bank.await(job, 60).path("job");
    assertThat(status.path("state").asText()).isEqualTo("FAILED");
    assertThat(status.path("cause").toString())
        .contains("the training people are of 3 classes, and the job says model.classes: 4");
  }
}
