package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.espalier.node.config.Json;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A party's process ends in the middle of an alignment, as at a power cut. */
class KilledPartnerTest {
  /** The insurer has masked its few people long before the bank has masked its many. */
  private static final int BANK_PEOPLE = 40_000;

  private static final int INSURER_PEOPLE = 2000;
  private static final int COMMON = 700;
  private static final int PASSES = 12;
  private static final int SEALED_PASSES = 30;

  @TempDir Path root;
  private TestSilo bank;
  private TestSilo insurer;
  private Process process;

  @BeforeEach
  void start() throws Exception {
    bank = TestSilo.create("bank.example", root).start();
    insurer = TestSilo.create("insurer.example", root);
    process = spawn();
    bank.partnerWith(insurer);
    bank.dataset("people", TestData.bank(0, BANK_PEOPLE));
    insurer.dataset(
        "people", TestData.insurer(BANK_PEOPLE - COMMON, BANK_PEOPLE - COMMON + INSURER_PEOPLE));
  }

  @AfterEach
  void stop() {
    if (bank != null) {
      bank.close();
    }
    if (insurer != null) {
      insurer.close();
    }
    if (process != null) {
      process.destroyForcibly();
    }
  }

  private static ObjectNode spec() {
    ObjectNode spec = (ObjectNode) TestData.twoParties(100);
    spec.withObject("alignment").put("protocol", "ecdh");
    spec.withObject("training").put("max_passes", 1);
    return spec;
  }

  @Test
  void theOtherSideSaysSoAndAlignsAgainByItselfWhenItIsBack() throws Exception {
    String job = bank.propose(spec());
    insurer.call("job.approve", "job", job);
    bank.call("job.run", "job", job);
    killWhileAligning();

    until(() -> status(bank, job).at("/job/state").asText().equals("FAILED"));
    JsonNode failed = status(bank, job);
    assertThat(failed.at("/job/cause/party").asText()).isEqualTo("insurer.example");
    assertThat(failed.at("/job/cause/next").asText()).isEqualTo("silo job run " + job);
    assertThat(failed.path("tries_again").asBoolean()).isTrue();
    assertThat(bank.call("job.logs", "job", job).toString())
        .contains("phase align")
        .doesNotContain("phase prepare");

    // Back in this process; what the kill left open is concluded before anything else.
    insurer.start();
    JsonNode report = SiloNodeTest.done(bank, job);
    assertThat(report.path("attempt").asInt()).isGreaterThan(1);
    assertThat(bank.call("job.logs", "job", job).toString())
        .contains("runs again by itself, time 1 of 3")
        .contains("the alignment of an earlier attempt goes on");
    assertThat(insurer.call("job.logs", "job", job).toString())
        .containsPattern("goes on: [1-9][0-9,]* masked keys of rule 1 are here already");
    assertThat(insurer.call("audit.tail", TestSilo.args("job", job)).toString())
        .contains("node.interrupted");
    sameCohort(job, report);
  }

  /** The bank has the cohort, and the insurer was killed before it kept it. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whatGoesOnIsNoNewAlignmentAndWhatBeginsAnewIs(boolean goesOn) throws Exception {
    bank.stop();
    bank.policy("alignment: {new_alignments_per_90d: 1}");
    bank.start();
    until(this::connected);
    String job = bank.propose(spec());
    insurer.call("job.approve", "job", job);
    bank.call("job.run", "job", job);
    Map<TestSilo, Path> begun =
        Map.of(
            bank,
            Files.createDirectory(root.resolve("begun-bank")),
            insurer,
            Files.createDirectory(root.resolve("begun-insurer")));
    until(
        () -> {
          begun.forEach((silo, copies) -> copy(silo.home.cohorts().resolve("begun"), copies));
          return !cohorts(bank).isEmpty();
        });
    process.destroyForcibly();
    assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
    until(() -> status(bank, job).at("/job/state").asText().equals("FAILED"));
    for (Path kept : cohorts(insurer)) {
      Files.delete(kept);
    }
    if (goesOn) {
      begun.forEach((silo, copies) -> copy(copies, silo.home.cohorts().resolve("begun")));
    } else {
      try (var files = Files.list(insurer.home.cohorts().resolve("begun"))) {
        for (Path file : files.toList()) {
          Files.delete(file);
        }
      }
    }
    boolean byItself = status(bank, job).path("tries_again").asBoolean();
    insurer.start();
    if (!byItself) {
      until(this::connected);
      bank.call("job.run", "job", job);
    }
    if (goesOn) {
      sameCohort(job, SiloNodeTest.done(bank, job));
      assertThat(bank.call("job.logs", "job", job).toString())
          .contains("the alignment of an earlier attempt goes on");
    } else {
      until(
          () ->
              status(bank, job)
                  .at("/job/cause/what")
                  .asText()
                  .startsWith("the policy of bank.example allows 1 new alignments"));
    }
    ObjectNode asked = TestSilo.args("job", job, "type", "disclosure.alignment").put("count", 9);
    assertThat(bank.call("audit.tail", asked).path("events")).hasSize(goesOn ? 2 : 1);
    assertThat(bank.refusal("job.propose", (ObjectNode) Json.object().set("spec", spec())).what())
        .contains("allows 1 new alignments");
  }

  private boolean connected() {
    return bank.call("partner.list").at("/partners/0/connected").asBoolean();
  }

  private static List<Path> cohorts(TestSilo silo) {
    try (var files = Files.list(silo.home.cohorts())) {
      return files.filter(file -> file.toString().endsWith(".cohort")).toList();
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Copies the files that are not there yet; one that is gone meanwhile is left out. */
  private static void copy(Path from, Path to) {
    try (var files = Files.list(from)) {
      for (Path file : files.filter(f -> !f.toString().endsWith(".new")).toList()) {
        Files.copy(file, to.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
      }
    } catch (NoSuchFileException e) {
      return;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Killed in a pass: the next attempt goes on after the passes that both have kept. */
  @Test
  void trainingGoesOnAfterTheLastPassThatBothHaveKept() throws Exception {
    List<String> columns = PassLimitTest.numbers();
    bank.dataset("few", TestData.bank(0, columns.size() - 1));
    insurer.dataset("few", columns);
    ObjectNode spec = (ObjectNode) TestData.twoParties(100);
    spec.withObject("/parties/bank.example").put("dataset", "few");
    spec.withObject("/parties/insurer.example").put("dataset", "few");
    ObjectNode training = spec.putObject("training").put("level", "gradients");
    training.put("max_passes", PASSES).put("tolerance", 1e-12).putArray("accept").add("span");
    String job = bank.propose(spec);
    insurer.call("job.approve", "job", job);
    bank.call("job.run", "job", job);
    until(() -> passes(bank, job) >= 3);
    process.destroyForcibly();
    assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
    until(() -> status(bank, job).at("/job/state").asText().equals("FAILED"));
    insurer.start();
    JsonNode report = SiloNodeTest.done(bank, job);
    assertThat(report.path("attempt").asInt()).isGreaterThan(1);
    assertThat(bank.call("job.logs", "job", job).toString()).contains("goes on after pass");
    int run = report.path("passes").size();
    assertThat(passes(bank, job)).as("passes that count").isBetween(run, run + 1);
    for (TestSilo silo : new TestSilo[] {bank, insurer}) {
      SiloNodeTest.done(silo, job);
      SiloNodeTest.verified(silo);
      try (var left = Files.list(silo.home.cohorts().resolve("passes"))) {
        assertThat(left).as("kept passes of a job that is done").isEmpty();
      }
    }
  }

  /** The same at level sealed, where what is kept are shares. */
  @Test
  void sealedTrainingGoesOnAfterTheLastPassThatBothHaveKept() throws Exception {
    List<String> columns = PassLimitTest.numbers();
    bank.dataset("few", TestData.bank(0, columns.size() - 1));
    insurer.dataset("few", columns);
    ObjectNode spec = (ObjectNode) TestData.twoParties(100);
    spec.withObject("/parties/bank.example").put("dataset", "few");
    spec.withObject("/parties/insurer.example").put("dataset", "few");
    spec.putObject("training").put("level", "sealed").put("max_passes", SEALED_PASSES);
    String job = bank.propose(spec);
    insurer.call("job.approve", "job", job);
    bank.call("job.run", "job", job);
    until(() -> kept(bank) >= 4 && kept(insurer) >= 4);
    process.destroyForcibly();
    assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
    until(() -> status(bank, job).at("/job/state").asText().equals("FAILED"));
    assertThat(status(bank, job).path("tries_again").asBoolean()).isTrue();
    insurer.start();
    JsonNode report = SiloNodeTest.done(bank, job);
    assertThat(report.path("attempt").asInt()).isGreaterThan(1);
    assertThat(bank.call("job.logs", "job", job).toString())
        .containsPattern("goes on after pass ([3-9]|[12][0-9])");
    assertThat(report.path("passes")).hasSize(SEALED_PASSES);
    for (TestSilo silo : new TestSilo[] {bank, insurer}) {
      SiloNodeTest.done(silo, job);
      SiloNodeTest.verified(silo);
      assertThat(kept(silo)).as("kept passes of a job that is done").isZero();
    }
  }

  private static long kept(TestSilo silo) {
    try (var files = Files.list(silo.home.cohorts().resolve("passes"))) {
      return files.filter(file -> file.toString().contains(".pass-")).count();
    } catch (NoSuchFileException none) {
      return 0;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static int passes(TestSilo silo, String job) {
    ObjectNode asked = TestSilo.args("job", job, "type", "disclosure.pass").put("count", 1000);
    return silo.call("audit.tail", asked).path("events").size();
  }

  /** Everybody whom both know and nobody else, in one order; both logs are whole. */
  private void sameCohort(String job, JsonNode report) throws IOException {
    assertThat(report.at("/alignment/size").asInt()).isEqualTo(COMMON);
    for (TestSilo silo : new TestSilo[] {bank, insurer}) {
      assertThat(SiloNodeTest.done(silo, job).path("alignment"))
          .isEqualTo(report.path("alignment"));
      SiloNodeTest.verified(silo);
    }
    Set<Integer> rows = new TreeSet<>();
    Path cohort = bank.home.results().resolve(job + ".cohort.csv");
    Files.readAllLines(cohort).stream()
        .skip(1)
        .forEach(line -> rows.add(Integer.parseInt(line.split(",", -1)[1])));
    assertThat(rows).hasSize(COMMON).first().isEqualTo(BANK_PEOPLE - COMMON + 1);
    for (TestSilo silo : new TestSilo[] {bank, insurer}) {
      try (var left = Files.list(silo.home.cohorts().resolve("begun"))) {
        assertThat(left).as("what is kept of an alignment that is done").isEmpty();
      }
    }
    try (var left = Files.list(bank.home.root().resolve("work"))) {
      assertThat(left).as("temporary files").isEmpty();
    }
  }

  /** Some of the bank's list is kept, and there is more to come. */
  private void killWhileAligning() throws InterruptedException {
    until(() -> logged("disclosure.alignment"));
    until(this::someOfTheBanksListIsKept);
    process.destroyForcibly();
    assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
  }

  private boolean someOfTheBanksListIsKept() {
    try (var files = Files.list(insurer.home.cohorts().resolve("begun"))) {
      return files.anyMatch(file -> file.toString().endsWith("-list-0-0"));
    } catch (NoSuchFileException e) {
      return false;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Whether the insurer's log holds an event of this type. */
  private boolean logged(String type) {
    try {
      return Files.readString(insurer.home.audit().resolve("journal"), StandardCharsets.ISO_8859_1)
          .contains(type);
    } catch (NoSuchFileException e) {
      return false;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static JsonNode status(TestSilo silo, String job) {
    return silo.call("job.status", "job", job);
  }

  private Process spawn() throws IOException, InterruptedException {
    Process started =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                NodeProcessMain.class.getName(),
                insurer.home.root().toString())
            .redirectErrorStream(true)
            .redirectOutput(insurer.home.console().toFile())
            .start();
    until(
        () -> {
          assertThat(started.isAlive()).isTrue();
          return insurer.isRunning();
        });
    return started;
  }

  private static void until(BooleanSupplier condition) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("waited too long").isLessThan(deadline);
      Thread.sleep(5);
    }
  }
}
