package org.espalier.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.espalier.protocols.prepare.Matrix;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real processes at a small size, and the files and figures around them. */
class PartyProcessesTest {
  private static final DataFiles.Shape SHAPE = new DataFiles.Shape(2000, 1000, 3, 5, 11);

  @TempDir Path folder;

  private static PartyProcesses.Settings settings(boolean wan, Duration limit) {
    return new PartyProcesses.Settings(
        2, "gradients", 1e-3, 15, 1e-5, wan, false, 256, limit, null);
  }

  @Test
  void twoProcessesReachTheOptimumThroughTheSlowLine() throws Exception {
    DataFiles data = DataFiles.ensure(folder, SHAPE);
    PartyProcesses.Settings settings = settings(true, Duration.ofMinutes(2));
    PartyProcesses.Outcome outcome = PartyProcesses.run(data, settings, folder.resolve("run"));
    Reference reference = new Reference(data, settings.l2());
    double gap = reference.objectiveGap(outcome.weights(), outcome.label().intercept());
    assertThat(gap).isBetween(-1e-9, 1e-4);
    assertThat(outcome.label().bytesSent()).isEqualTo(outcome.feature().bytesReceived());
    // One side has said who it is and each that it is ready, a byte each.
    assertThat(outcome.relayBytes()).isEqualTo(outcome.bytes() + 3);
    assertThat(outcome.link().roundTripMillis()).isGreaterThanOrEqualTo(50);
    assertThat(outcome.seconds()).isGreaterThan(0.05 * outcome.label().passes());

    TrainingReport report = new TrainingReport("small", SHAPE, settings, outcome, reference);
    JsonNode json = report.toJson();
    assertThat(json.get("objective_gap").asDouble()).isEqualTo(gap);
    assertThat(json.get("run").get("model").get("auc").asDouble()).isBetween(0.5, 1.0);
    assertThat(json.get("label").has("weights")).isFalse();
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    report.print(new PrintStream(text, true, StandardCharsets.UTF_8));
    assertThat(text.toString(StandardCharsets.UTF_8))
        .contains(outcome.label().passes() + " passes", "NOT pinned", "optimum", "label party:");
  }

  @Test
  void threePartiesShareTheFeatureColumns() throws Exception {
    DataFiles data = DataFiles.ensure(folder, SHAPE);
    PartyProcesses.Settings settings = settings(false, Duration.ofMinutes(2)).with(3);
    PartyProcesses.Outcome outcome = PartyProcesses.run(data, settings, folder.resolve("run"));
    assertThat(outcome.features()).extracting(f -> f.weights().length).containsExactly(2, 3);
    Reference reference = new Reference(data, settings.l2());
    assertThat(reference.objectiveGap(outcome.weights(), outcome.label().intercept()))
        .isBetween(-1e-9, 1e-4);
    long received =
        outcome.label().bytesReceived()
            + outcome.features().stream().mapToLong(PartyProcess.Result::bytesReceived).sum();
    assertThat(outcome.bytes()).isEqualTo(received);
    assertThat(new TrainingReport("three", SHAPE, settings, outcome, reference).toRun().learned())
        .anyMatch(line -> line.startsWith("label party"));
  }

  @Test
  void aNetworkIsHeldAgainstTheCentralisedOne() throws Exception {
    DataFiles data = DataFiles.ensure(folder, SHAPE);
    JointNetwork.Network network = new JointNetwork.Network(List.of(8, 4), 100, 8, 0.3);
    PartyProcesses.Settings settings =
        new PartyProcesses.Settings(
            2, "activations", 0, 8, 0, false, false, 256, Duration.ofMinutes(2), network);
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(text, true, StandardCharsets.UTF_8);
    JointNetwork.run(data, settings, List.of("loopback"), true, folder.resolve("run"), true, out);
    JsonNode json = new ObjectMapper().readTree(text.toString(StandardCharsets.UTF_8));
    JsonNode run = json.path("runs").path(0);
    assertThat(run.path("epochs")).hasSize(8);
    assertThat(run.path("megabytes_an_epoch").asDouble()).isPositive();
    // Put together from what the parties have, it is the network that was trained.
    assertThat(run.path("quality").path("logLoss").asDouble())
        .isCloseTo(run.path("epochs").path(7).path("loss").asDouble(), within(0.15));
    assertThat(json.path("centralised").path("logLoss").asDouble()).isBetween(0.2, 0.7);
    assertThat(run.path("limits").findValuesAsText("what"))
        .contains("seconds an epoch", "peak MB of a party");
  }

  @Test
  void aFailingPartyEndsTheRun() throws Exception {
    DataFiles data = DataFiles.ensure(folder, SHAPE);
    Files.delete(data.folder().resolve("train-y.f64"));
    assertThatThrownBy(
            () ->
                PartyProcesses.run(
                    data, settings(false, Duration.ofMinutes(2)), folder.resolve("run")))
        .isInstanceOf(Workers.Failed.class)
        .hasMessageContaining("label party failed");
  }

  @Test
  void theTimeLimitEndsTheRun() throws Exception {
    DataFiles data = DataFiles.ensure(folder, SHAPE);
    assertThatThrownBy(
            () ->
                PartyProcesses.run(
                    data, settings(false, Duration.ofMillis(1)), folder.resolve("run")))
        .isInstanceOf(Workers.Failed.class)
        .hasMessageContaining("limit");
  }

  @Test
  void dataFilesHoldStandardisedColumnsAndEqualSeedsGiveEqualFiles() throws Exception {
    DataFiles data = DataFiles.ensure(folder.resolve("a"), SHAPE);
    DataFiles again = DataFiles.ensure(folder.resolve("b"), SHAPE);
    for (DataFiles.Part part : DataFiles.Part.values()) {
      assertThat(data.label(part).values()).isEqualTo(again.label(part).values());
      assertThat(data.feature(part).values()).isEqualTo(again.feature(part).values());
      assertThat(data.labels(part)).isEqualTo(again.labels(part)).containsOnly(0, 1);
    }
    Matrix train = data.feature(DataFiles.Part.TRAIN);
    Matrix some = data.feature(DataFiles.Part.TRAIN, 1, 4);
    assertThat(some.columns()).isEqualTo(3);
    for (int i : new int[] {0, 1023, 1024, 1999}) {
      for (int j = 0; j < 3; j++) {
        assertThat(some.get(i, j)).isEqualTo(train.get(i, j + 1));
      }
    }
    Matrix holdout = data.feature(DataFiles.Part.HOLDOUT);
    assertThat(train.rows()).isEqualTo(2000);
    assertThat(holdout.rows()).isEqualTo(1000);
    double sum = 0;
    double squares = 0;
    for (Matrix m : List.of(train, holdout)) {
      for (int i = 0; i < m.rows(); i++) {
        sum += m.get(i, 2);
        squares += m.get(i, 2) * m.get(i, 2);
      }
    }
    assertThat(sum / 3000).isCloseTo(0, within(1e-9));
    assertThat(squares / 3000).isCloseTo(1, within(1e-9));
    assertThat(DataFiles.open(data.folder()).shape()).isEqualTo(SHAPE);
  }

  @Test
  void scoresAreThoseOfTheirDefinitions() {
    double[] labels = {1, 0, 1, 0};
    assertThat(Scores.auc(new double[] {2, 1, 1, 0}, labels)).isCloseTo(0.875, within(1e-12));
    assertThat(Scores.auc(new double[] {0, 0, 0, 0}, labels)).isCloseTo(0.5, within(1e-12));
    assertThat(Scores.logLoss(new double[4], labels)).isCloseTo(Math.log(2), within(1e-12));
  }

  @Test
  void optionsAreChecked() {
    Options.Known known =
        new Options.Known().flag("--json").whole("--rows", 7).number("--l2", 1e-4);
    Options parsed = known.parse(List.of("--json", "--l2", "2e-3"));
    assertThat(parsed.flag("--json")).isTrue();
    assertThat(parsed.whole("--rows")).isEqualTo(7);
    assertThat(parsed.number("--l2")).isEqualTo(2e-3);
    assertThatThrownBy(() -> known.parse(List.of("--rows", "-1")))
        .isInstanceOf(Options.Misuse.class);
    assertThatThrownBy(() -> known.parse(List.of("--rows"))).isInstanceOf(Options.Misuse.class);
    assertThatThrownBy(() -> known.parse(List.of("--what"))).isInstanceOf(Options.Misuse.class);
  }
}
