package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.espalier.node.config.Json;

/** Synthetic people known to a bank (with the outcome), an insurer and a telecom. */
final class TestData {
  private TestData() {}

  private record Person(double income, double claims, double usage, String region, int defaulted) {
    static Person of(int id) {
      Random random = new Random(7_919L * id + 17);
      double income = random.nextGaussian();
      double claims = random.nextGaussian();
      double usage = random.nextGaussian();
      String region = List.of("north", "south", "west").get(random.nextInt(3));
      double logit = 1.2 * claims - income + 0.7 * usage + (region.equals("west") ? 0.8 : 0) - 0.3;
      int defaulted = random.nextDouble() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
      return new Person(income, claims, usage, region, defaulted);
    }
  }

  static List<String> bank(int from, int to) {
    List<String> lines = new ArrayList<>(List.of("customer:id,income:number,defaulted:label"));
    for (int id = from; id < to; id++) {
      Person person = Person.of(id);
      lines.add("C%06d,%.4f,%d".formatted(id, person.income(), person.defaulted()));
    }
    return lines;
  }

  static List<String> insurer(int from, int to) {
    List<String> lines = new ArrayList<>(List.of("person:id,claims:number,region:category"));
    for (int id = to - 1; id >= from; id--) {
      Person person = Person.of(id);
      String claims = id % 50 == 0 ? "" : "%.4f".formatted(person.claims());
      lines.add("c%06d,%s,%s".formatted(id, claims, person.region()));
    }
    return lines;
  }

  static List<String> telecom(int from, int to) {
    List<String> lines = new ArrayList<>(List.of("customer:id,usage:number,age:number"));
    for (int id = from; id < to; id++) {
      lines.add(" C%06d ,%.4f,%d".formatted(id, Person.of(id).usage(), 20 + id % 50));
    }
    return lines;
  }

  /** Columns of the key differ in name and in writing, as they do. */
  static final String MATCH =
      """
      match:
        - - column: {bank.example: customer, insurer.example: person, telecom.example: customer}
            normalise: [trim, casefold]
      """;

  static JsonNode twoParties(int minIntersection) {
    return spec(
        """
        kind: train
        name: risk
        purpose: research
        label: {party: bank.example, column: defaulted}
        parties:
          bank.example: {dataset: people}
          insurer.example: {dataset: people}
        match:
          - - column: {bank.example: customer, insurer.example: person}
              normalise: [trim, casefold]
        alignment: {min_intersection: %d}
        training: {level: gradients, max_passes: 6, accept: [span]}
        evaluation: {holdout: 0.25}
        """
            .formatted(minIntersection));
  }

  static JsonNode threeParties() {
    return spec(
        """
        kind: train
        name: risk-three
        purpose: research
        label: {party: bank.example, column: defaulted}
        parties:
          bank.example: {dataset: people}
          insurer.example: {dataset: people}
          telecom.example: {dataset: people}
        alignment: {min_intersection: 50}
        evaluation: {holdout: 0.25}
        """
            + MATCH);
  }

  static JsonNode prediction(String model) {
    return spec(
        """
        kind: predict
        name: score
        purpose: research
        model: %s
        label_party: bank.example
        parties:
          bank.example: {dataset: newcomers}
          insurer.example: {dataset: newcomers}
          telecom.example: {dataset: newcomers}
        alignment: {min_intersection: 20}
        """
                .formatted(model)
            + MATCH);
  }

  private static JsonNode spec(String yaml) {
    return Json.yaml("job.yaml", yaml, JsonNode.class);
  }
}
