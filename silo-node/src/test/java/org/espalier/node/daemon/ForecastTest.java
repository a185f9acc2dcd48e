package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.espalier.node.config.Json;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a plan predicts, against the job that follows. */
class ForecastTest extends TwoSilos {
  private static final int PEOPLE = 1_000;
  private static final String SEALED = "{level: sealed, max_passes: 10}";

  @BeforeEach
  void register() {
    bank.dataset("people", lines("person:id,age:number,region:category,bad:label"));
    insurer.dataset("people", lines("person:id,a:number,b:number,c:number"));
  }

  private static List<String> lines(String header) {
    List<String> lines = new ArrayList<>(List.of(header));
    boolean atBank = header.contains("label");
    for (int id = 0; id < PEOPLE; id++) {
      Random random = new Random(31L * id + 5);
      double age = random.nextGaussian();
      double a = random.nextGaussian();
      int bad = age + a + random.nextGaussian() > 0 ? 1 : 0;
      lines.add(
          atBank
              ? "P%05d,%.4f,%s,%d".formatted(id, age, "nswe".charAt(random.nextInt(4)), bad)
              : "P%05d,%.5f,%.5f,%.4f"
                  .formatted(id, a, random.nextGaussian(), random.nextGaussian()));
    }
    return lines;
  }

  private static ObjectNode spec(String level) {
    return (ObjectNode)
        Json.yaml(
            "job.yaml",
            """
            name: forecast
            purpose: research
            label: {party: bank.example, column: bad}
            parties:
              bank.example: {dataset: people}
              insurer.example: {dataset: people, columns: [a, b, c]}
            match: [[{column: person}]]
            training: %s
            evaluation: {holdout: 0.25}
            """
                .formatted(level),
            JsonNode.class);
  }

  private static JsonNode plan(TestSilo silo, ObjectNode spec) {
    ObjectNode args = Json.object();
    args.set("spec", spec);
    return silo.call("job.plan", args).path("estimate");
  }

  /** Bytes in a node's folder without the database's journal, which is of one size for all jobs. */
  private static long size(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      return files
          .filter(Files::isRegularFile)
          .filter(path -> !path.toString().contains("silo.db-"))
          .mapToLong(path -> path.toFile().length())
          .sum();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Both nodes are on one machine, which is measured once. */
  private void shareMachine() {
    try {
      Files.copy(
          bank.home.root().resolve("machine.json"), insurer.home.root().resolve("machine.json"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void aPlanHasEveryPhaseAtEveryParty() {
    JsonNode plan = plan(bank, spec(SEALED));
    assertThat(plan.path("rows_assumed").asInt()).isEqualTo(PEOPLE);
    assertThat(plan.path("note").asText())
        .contains("everybody in the own data set is in the cohort")
        .contains("all columns are numbers")
        .contains("as fast as this one: insurer.example")
        .contains("with insurer.example, never measured");
    List<String> phases = new ArrayList<>();
    plan.path("phases").fieldNames().forEachRemaining(phases::add);
    assertThat(phases).containsExactly("align", "prepare", "train", "evaluate");
    for (JsonNode phase : plan.path("phases")) {
      JsonNode here = phase.path("bank.example");
      JsonNode there = phase.path("insurer.example");
      assertThat(here.path("sent")).isEqualTo(there.path("received"));
      assertThat(here.path("received")).isEqualTo(there.path("sent"));
      assertThat(here.path("seconds").asDouble())
          .isGreaterThanOrEqualTo(here.path("computing").asDouble() - 0.01);
    }
    for (JsonNode party : plan.path("parties")) {
      assertThat(party.path("memory_bytes").asLong()).isBetween(100L << 20, 4L << 30);
      assertThat(party.path("disk_bytes").asLong())
          .isGreaterThanOrEqualTo(party.path("kept_bytes").asLong());
    }
    assertThat(plan.path("bottleneck").asText()).contains(" of ");
    // Both see the same job, though each from its own data set.
    shareMachine();
    JsonNode theirs = plan(insurer, spec(SEALED));
    assertThat(theirs.at("/phases/align/bank.example/sent"))
        .isEqualTo(plan.at("/phases/align/bank.example/sent"));
  }

  @Test
  void aReportSaysHowNearTheForecastWas() {
    plan(bank, spec(SEALED));
    long before = size(bank.home.root());
    String job = begin(spec(SEALED));
    JsonNode report = SiloNodeTest.done(bank, job);
    JsonNode theirs = SiloNodeTest.done(insurer, job);
    JsonNode forecast = report.path("forecast");
    assertThat(theirs.has("forecast")).as("a machine that was never measured").isFalse();

    assertThat(forecast.path("note").asText()).contains("partners' columns are numbers");
    for (String phase : List.of("align", "train", "evaluate")) {
      for (String way : List.of("sent", "received")) {
        JsonNode bytes = forecast.path("phases").path(phase).path(way);
        assertThat(bytes.path("ratio").asDouble()).as(phase + bytes).isCloseTo(1, within(0.05));
      }
    }
    for (String phase : List.of("align", "prepare", "train", "evaluate")) {
      JsonNode seconds = forecast.path("phases").path(phase).path("seconds");
      assertThat(seconds.path("actual").asDouble())
          .isEqualTo(report.path("seconds").path(phase).asDouble());
      assertThat(seconds.path("predicted").asDouble()).isNotNegative();
    }
    long sent = 0;
    for (JsonNode phase : forecast.path("phases")) {
      sent += phase.path("sent").path("actual").asLong();
    }
    assertThat(sent).isEqualTo(report.at("/bytes/insurer.example/sent").asLong());
    assertThat(forecast.path("passes").path("actual").asInt())
        .isEqualTo(report.path("training").path("passes").asInt());
    assertThat(forecast.path("memory_bytes").path("actual").asLong()).isPositive();

    long kept = plan(bank, spec(SEALED)).at("/parties/bank.example/kept_bytes").asLong();
    assertThat(size(bank.home.root()) - before).isBetween(kept / 10, 3 * kept);
  }

  @Test
  void aDoctorTellsPlansOfLinesAndPartners() throws IOException {
    String checks = bank.call("doctor").path("checks").toString();
    assertThat(checks).contains("keys masked", "did not say how fast its machine is");
    shareMachine();
    String asked = bank.call("doctor", "partner", "insurer.example").path("checks").toString();
    assertThat(asked).contains("said how fast its machine is").doesNotContain("keys masked");
    JsonNode plan = plan(bank, spec("{level: gradients, max_passes: 5, accept: [span]}"));
    assertThat(plan.path("note").asText())
        .contains("as fast as their nodes say: insurer.example")
        .doesNotContain("MB/s")
        .doesNotContain("as this one");
    assertThat(plan.path("passes").asInt()).isBetween(1, 5);

    Path file = bank.home.root().resolve("machine.json");
    ObjectNode known = (ObjectNode) Json.parse("file", Files.readString(file));
    ((ObjectNode) known.at("/partners/insurer.example/seconds")).put("point", 1);
    ((ObjectNode) known.at("/lines/insurer.example")).put("measured", "2020-01-01T00:00:00Z");
    Files.writeString(file, Json.write(known));
    JsonNode slow = plan(bank, spec(SEALED));
    assertThat(slow.path("bottleneck").asText()).startsWith("computing at insurer.example");
    assertThat(slow.at("/phases/align/insurer.example/computing").asDouble())
        .isGreaterThanOrEqualTo(2.0 * PEOPLE);
    assertThat(slow.path("note").asText())
        .contains("with insurer.example, measured more than a week ago");
  }
}
