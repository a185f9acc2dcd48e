package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.espalier.node.config.Json;
import org.junit.jupiter.api.Test;

/** The bank has one to three loans of each customer, the insurer one row. */
class SeveralRowsJobTest extends TwoSilos {
  private static final int PEOPLE = 300;

  private static int loans(int id) {
    return 1 + id % 3;
  }

  /** A person's a and b count alike for all loans, a loan's size for that loan. */
  private static List<String> loanLines(int from, int to) {
    List<String> lines = new ArrayList<>(List.of("person:id,size:number,cost:target"));
    // A loan of everybody, then the second ones: rows of a person do not lie together.
    for (int loan = 0; loan < 3; loan++) {
      for (int id = from; id < to; id++) {
        if (loan < loans(id)) {
          Random random = new Random(7L * id + 1_000_003L * loan);
          double size = random.nextGaussian();
          double cost = 2 * size + 3 * a(id) - b(id) + 0.1 * random.nextGaussian();
          lines.add("P%05d,%.6f,%.6f".formatted(id, size, cost));
        }
      }
    }
    return lines;
  }

  private static double a(int id) {
    return new Random(31L * id).nextGaussian();
  }

  private static double b(int id) {
    return new Random(31L * id + 17).nextGaussian();
  }

  private static List<String> people(int from, int to) {
    List<String> lines = new ArrayList<>(List.of("person:id,a:number,b:number,c:number"));
    for (int id = to - 1; id >= from; id--) {
      lines.add("P%05d,%.6f,%.6f,%d".formatted(id, a(id), b(id), id % 7));
    }
    return lines;
  }

  private static ObjectNode spec() {
    return (ObjectNode)
        Json.yaml(
            "job.yaml",
            """
            name: loans
            purpose: research
            label: {party: bank.example, column: cost}
            parties: {bank.example: {dataset: loans}, insurer.example: {dataset: people}}
            match: [[{column: person}]]
            alignment: {duplicates: all}
            model: {type: linear, l2: 0.0001, l1: 0.02}
            training: {level: gradients, accept: [span], max_passes: 40}
            evaluation: {holdout: 0.25, reveal: scores}
            """,
            JsonNode.class);
  }

  @Test
  void everyRowOfAPersonIsTrainedOnAndScored() throws IOException {
    bank.dataset("loans", loanLines(0, PEOPLE));
    aFeaturePartyHasOneRowOfAPerson();
    insurer.dataset("people", people(0, PEOPLE));
    String job = begin(spec());
    JsonNode report = SiloNodeTest.done(bank, job);
    JsonNode theirs = SiloNodeTest.done(insurer, job);
    assertThat(report.at("/alignment/size").asInt()).isEqualTo(PEOPLE);
    assertThat(theirs.path("alignment")).isEqualTo(report.path("alignment"));
    int held = PEOPLE / 4;
    assertThat(theirs.at("/training/holdout_rows").asInt()).isEqualTo(held);
    assertThat(theirs.at("/training").has("own_training_rows")).isFalse();
    int rows = 2 * PEOPLE;
    assertThat(
            report.at("/training/own_training_rows").asInt()
                + report.at("/training/own_holdout_rows").asInt())
        .isEqualTo(rows);
    assertThat(report.at("/metrics/rows")).isEqualTo(report.at("/training/own_holdout_rows"));
    assertThat(report.at("/metrics/rmse").asDouble()).isCloseTo(0.1, within(0.03));
    JsonNode weights = insurer.call("model.show", "job", job).path("weights");
    // model.l1 takes its part of them, and chance which people are held out.
    assertThat(weights.get(0).asDouble()).isCloseTo(3, within(0.4));
    assertThat(weights.get(1).asDouble()).isCloseTo(-1, within(0.2));
    assertThat(weights.get(2).asDouble()).as("exactly 0 by model.l1").isZero();
    assertThat(insurer.call("model.show", "job", job).path("objective").asText())
        .contains("over the label party's rows + 0.02 * sum of their absolute values + 0.0001/2");
    assertThat(report.path("learned").toString()).contains("not which weights are 0");
    assertThat(report.path("learned").toString())
        .contains("nothing of how many rows of a person bank.example has");
    assertThat(insurer.call("job.show", "job", job).path("learns").toString())
        .contains("below which power of two the largest difference");
    wholePeopleAreHeldOut(job, rows);

    bank.dataset("loans", loanLines(1_000, 1_060));
    insurer.dataset("people", people(990, 1_050));
    ObjectNode predict = Json.object().put("kind", "predict").put("name", "new");
    predict.put("purpose", "research").put("model", job).put("label_party", "bank.example");
    predict.putObject("parties").putObject("bank.example").put("dataset", "loans");
    predict.withObject("parties").putObject("insurer.example").put("dataset", "people");
    predict.set("match", spec().get("match"));
    predict.putObject("alignment").put("duplicates", "all").put("min_intersection", 20);
    String scoring = begin(predict);
    SiloNodeTest.done(bank, scoring);
    List<String> scores = scores(scoring);
    List<String> loans = loanLines(1_000, 1_060);
    int scored = 0;
    for (String score : scores.subList(1, scores.size())) {
      String[] parts = score.split(",", -1);
      String[] loan = loans.get(Integer.parseInt(parts[0])).split(",", -1);
      assertThat(Integer.parseInt(loan[0].substring(1))).isLessThan(1_050);
      assertThat(Double.parseDouble(parts[1])).isCloseTo(Double.parseDouble(loan[2]), within(0.6));
      scored++;
    }
    assertThat(scored)
        .isEqualTo((int) loans.stream().skip(1).filter(l -> l.compareTo("P01050") < 0).count());
  }

  /** Nobody is trained on with one row and held out with another. */
  private void wholePeopleAreHeldOut(String job, int rows) throws IOException {
    List<String> cohort = Files.readAllLines(bank.home.results().resolve(job + ".cohort.csv"));
    assertThat(cohort).hasSize(rows + 1);
    List<String> loans = loanLines(0, PEOPLE);
    Map<String, Set<String>> parts = new HashMap<>();
    Map<String, Set<String>> positions = new HashMap<>();
    for (String line : cohort.subList(1, cohort.size())) {
      String[] values = line.split(",", -1);
      String person = loans.get(Integer.parseInt(values[1])).split(",", -1)[0];
      parts.computeIfAbsent(person, p -> new HashSet<>()).add(values[2]);
      positions.computeIfAbsent(person, p -> new HashSet<>()).add(values[0]);
    }
    assertThat(parts).hasSize(PEOPLE);
    assertThat(parts.values()).allMatch(one -> one.size() == 1);
    assertThat(positions.values()).allMatch(one -> one.size() == 1);
    List<String> theirs = Files.readAllLines(insurer.home.results().resolve(job + ".cohort.csv"));
    assertThat(theirs).hasSize(PEOPLE + 1);
  }

  private void aFeaturePartyHasOneRowOfAPerson() {
    List<String> twice = new ArrayList<>(people(0, PEOPLE));
    twice.add(twice.get(7));
    insurer.dataset("people", twice);
    String job = begin(spec());
    JsonNode cause = insurer.await(job, 60).at("/job/cause");
    assertThat(cause.toString()).contains("repeat the key of an earlier row");
    assertThat(bank.await(job, 60).at("/job/cause").toString())
        .contains("its match keys are not unique");
  }
}
