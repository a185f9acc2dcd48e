package org.espalier.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.espalier.protocols.glm.CentralisedLogistic;
import org.espalier.protocols.prepare.Matrix;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The comparison with other systems, which shell scripts stand in for: what they report is counted,
 * extrapolated and refused as it should be.
 */
@Timeout(120)
class PeersTest {
  private static final DataFiles.Shape SHAPE = new DataFiles.Shape(2000, 500, 2, 3, 11);
  private static final double L2 = 1e-4;

  @TempDir Path folder;

  /** A peer that says these lines, waiting for one where a line is empty. */
  private Python saying(List<String> lines) throws IOException {
    StringBuilder script = new StringBuilder("#!/bin/sh\n: > litter\n");
    for (String line : lines) {
      script.append(line.isEmpty() ? "read answer\n" : "echo '" + line + "'\n");
    }
    Path file = Files.writeString(folder.resolve("peer.sh"), script);
    assertThat(file.toFile().setExecutable(true)).isTrue();
    return new Python(file, folder);
  }

  private static PeersBenchmark.Settings settings(
      Python python, HessSgd.Settings hess, int epochs) {
    return new PeersBenchmark.Settings(
        new PartyProcesses.Settings(
            2, "gradients", L2, 15, 1e-5, false, false, 256, Duration.ofMinutes(1), null),
        List.of("hess"),
        List.of("loopback"),
        python,
        epochs,
        PeersBenchmark.Sgd.SMALL,
        PeersBenchmark.Sgd.SMALL,
        hess,
        1e-2);
  }

  /** In the peers' order: feature party's columns, label party's columns, intercept. */
  private static String weights(double[] ours, double intercept) {
    ArrayNode all = new ObjectMapper().createArrayNode();
    for (int j = 0; j < ours.length; j++) {
      all.add(ours[(j + SHAPE.labelColumns()) % ours.length]);
    }
    return all.add(intercept).toString();
  }

  @Test
  void aStepInTheClearIsWhatThePaperSays() {
    Matrix x = new Matrix(3, 1, new double[] {2, -1, 40});
    LinearSigmoid clear = new LinearSigmoid(x, new double[] {1, 0, 1}, 2, 0.5);
    // Errors of the first batch: 1/2 - 1 and 1/2 - 0; gradient (-1 - 0.5) / 2, intercept 0.
    clear.steps(2);
    assertThat(clear.weights()[0]).isCloseTo(0.5 * 1.5 / 2, within(1e-15));
    assertThat(clear.intercept()).isZero();
    // From zero again, then the third row, where the line is cut off: z/8 = 0.375 * 40 / 8 > 1/2.
    LinearSigmoid longer = new LinearSigmoid(x, new double[] {1, 0, 1}, 2, 0.5);
    longer.steps(3);
    assertThat(longer.weights()).isEqualTo(clear.weights());
    // And both intercepts move: a lone row with outcome 1, error -1/2.
    LinearSigmoid one = new LinearSigmoid(x, new double[] {1, 0, 1}, 1, 0.5);
    one.steps(1);
    assertThat(one.intercept()).isCloseTo(2 * 0.5 * 0.5, within(1e-15));
  }

  @Test
  void theAimIsTheFirstEpochWithinTheGapOrElseTheBest() throws Exception {
    Reference reference = new Reference(DataFiles.ensure(folder, SHAPE), L2);
    HessSgd.Settings slow = new HessSgd.Settings(AdditiveScheme.parse("ou-2048"), 500, 0.05, 3);
    HessSgd.Aim capped = HessSgd.Aim.of(reference, slow, 2, 1e-9);
    assertThat(capped.epochs()).isEqualTo(2);
    HessSgd.Aim loose = HessSgd.Aim.of(reference, slow, 40, capped.quality().gap());
    assertThat(loose).isEqualTo(capped);
    // Its straight line overshoots: the best is neither the first epoch nor the last.
    HessSgd.Aim best = HessSgd.Aim.of(reference, slow, 400, -1);
    assertThat(best.epochs()).isBetween(3, 399);
    assertThat(best.quality().gap()).isLessThan(capped.quality().gap()).isPositive();
  }

  @Test
  void batchesAreExtrapolatedToTheEpochsInTheClear() throws Exception {
    DataFiles data = DataFiles.ensure(folder, SHAPE);
    Reference reference = new Reference(data, L2);
    HessSgd.Settings h = new HessSgd.Settings(AdditiveScheme.parse("ou-3072"), 100, 0.3, 4);
    LinearSigmoid clear =
        new LinearSigmoid(reference.train(), reference.trainLabels(), h.batch(), h.rate());
    clear.steps(400);
    Python python = saying(hessLines(weights(clear.weights(), clear.intercept())));
    PeersBenchmark.Settings s = settings(python, h, 7);
    Run run = HessSgd.run(data, s, false, folder, reference);

    HessSgd.Aim aim = HessSgd.Aim.of(reference, h, 7, 1e-2);
    assertThat(run.rounds()).isEqualTo(aim.epochs() + " epochs");
    assertThat(run.model()).isEqualTo(aim.quality());
    // Between the second and the last mark are two batches, of 20 an epoch.
    double times = aim.epochs() * 20 / 2.0;
    assertThat(run.seconds()).isCloseTo((25 - 12) * times, within(1e-9));
    assertThat(run.cpuSeconds()).isCloseTo(2 * (104 - 102) * times, within(1e-9));
    assertThat(run.peakBytes()).isEqualTo(7_000_000);
    assertThat(run.extrapolated())
        .contains("(processor time of both parties 4.00 s)", "2 batches of 100 rows");
    assertThat(run.security()).startsWith("128 bits");
    assertThat(folder.resolve("litter")).doesNotExist();
    JsonNode config = new ObjectMapper().readTree(folder.resolve("label.json").toFile());
    assertThat(config.get("rows").asInt()).isEqualTo(400);
    assertThat(config.get("key_bits").asInt()).isEqualTo(3072);
  }

  private static List<String> hessLines(String weights) {
    return List.of(
        "BENCH ready",
        "",
        "noise of a library",
        "BENCH batch {\"number\": 0, \"seconds\": 0.0, \"cpu_seconds\": 100}",
        "BENCH batch {\"number\": 1, \"seconds\": 12.0, \"cpu_seconds\": 102}",
        "BENCH batch {\"number\": 2, \"seconds\": 19.0, \"cpu_seconds\": 103}",
        "BENCH batch {\"number\": 3, \"seconds\": 25.0, \"cpu_seconds\": 104}",
        "BENCH fit {\"seconds\": 33.0, \"weights\": " + weights + "}",
        "BENCH done {\"cpu_seconds\": 5, \"peak_bytes\": 7000000}");
  }

  @Test
  void weightsThatAreNotThoseInTheClearAreRefused() throws Exception {
    DataFiles data = DataFiles.ensure(folder, SHAPE);
    Reference reference = new Reference(data, L2);
    HessSgd.Settings h = new HessSgd.Settings(AdditiveScheme.parse("ou-2048"), 100, 0.3, 4);
    Python python = saying(hessLines(weights(new double[SHAPE.columns()], 0)));
    assertThatThrownBy(() -> HessSgd.run(data, settings(python, h, 7), false, folder, reference))
        .isInstanceOf(Workers.Failed.class)
        .hasMessageContaining("in the clear");
    PeersBenchmark.Settings many =
        settings(python, new HessSgd.Settings(AdditiveScheme.parse("ou-2048"), 1000, 0.3, 3), 7);
    assertThatThrownBy(() -> HessSgd.run(data, many, false, folder, reference))
        .isInstanceOf(Options.Misuse.class);
  }

  @Test
  void ssSgdRunsUntilItIsNearTheOptimum() throws Exception {
    DataFiles data = DataFiles.ensure(folder, SHAPE);
    Reference reference = new Reference(data, L2);
    CentralisedLogistic optimum =
        CentralisedLogistic.fit(reference.train(), reference.trainLabels(), L2);
    String zero = weights(new double[SHAPE.columns()], 0);
    String best = weights(optimum.weights(), optimum.intercept());
    Python python =
        saying(
            List.of(
                "BENCH ready",
                "",
                "BENCH epoch {\"epoch\": 1, \"seconds\": 1.5, \"weights\": " + zero + "}",
                "",
                "BENCH epoch {\"epoch\": 2, \"seconds\": 2.0, \"weights\": " + best + "}",
                "",
                "BENCH done {\"cpu_seconds\": 5, \"peak_bytes\": 7000000}"));
    Run run = SsSgd.run("semi2k", data, settings(python, null, 40), true, folder, reference);
    assertThat(run.rounds()).isEqualTo("2 epochs");
    assertThat(run.seconds()).isCloseTo(3.5, within(1e-9));
    assertThat(run.reached()).isTrue();
    assertThat(run.model().gap()).isCloseTo(0, within(1e-9));
    assertThat(run.extrapolated()).isEmpty();
    assertThat(run.network()).isEqualTo(ShapedRelay.Shape.WIDE_AREA.toString());
  }

  private static Run run(String system, String network, double seconds, boolean reached) {
    return new Run(
        system,
        network,
        seconds,
        1,
        2 * seconds,
        "",
        (long) (3 * seconds),
        1,
        "1 epochs",
        new Run.Quality(0.3, 0.01, 0.3, 0.9),
        reached,
        reached ? "" : "of a batch",
        "128 bits",
        "no third party",
        List.of(),
        List.of());
  }

  @Test
  void everyPeerIsComparedOnItsOwnNetwork() throws Exception {
    List<Run> runs =
        List.of(
            run("espalier sealed", "loopback", 10, true),
            run("ss-sgd semi2k", "loopback", 20, true),
            run("hess-sgd ou-2048", "loopback", 500, false),
            run("espalier sealed", "slow", 40, true),
            run("ss-sgd semi2k", "slow", 100, true));
    List<PeersBenchmark.Ratio> ratios = PeersBenchmark.Ratio.of(runs);
    assertThat(ratios)
        .extracting(PeersBenchmark.Ratio::peer)
        .containsExactly("ss-sgd semi2k", "hess-sgd ou-2048", "ss-sgd semi2k");
    assertThat(ratios).extracting(PeersBenchmark.Ratio::seconds).containsExactly(2.0, 50.0, 2.5);
    assertThat(ratios.get(1).atLeast()).isTrue();
    assertThat(ratios.get(1).extrapolated()).isTrue();

    DataFiles data = DataFiles.ensure(folder, SHAPE);
    Reference reference = new Reference(data, L2);
    PeersBenchmark.Settings s = settings(null, HessSgd.Settings.SMALL, 40);
    JsonNode json = PeersBenchmark.json(Machine.now(), data, s, reference, runs);
    assertThat(json.get("ratio")).hasSize(3);
    assertThat(json.get("ratio").get(1).get("seconds").asDouble()).isEqualTo(50);
    assertThat(json.get("machine").get("cores").asInt()).isPositive();
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    PeersBenchmark.print(
        Machine.now(),
        data,
        s,
        reference,
        runs,
        new PrintStream(text, true, StandardCharsets.UTF_8));
    assertThat(text.toString(StandardCharsets.UTF_8))
        .contains("50.0 x less wall time", "500.00*", "aim NOT reached", "128 bits", "cores of");
  }

  @Test
  void settingsAreReadBackAndChecked() {
    for (HessSgd.Settings h : List.of(HessSgd.Settings.SMALL, HessSgd.Settings.LARGE)) {
      assertThat(h.toString()).matches(HessSgd.Settings.PATTERN);
      assertThat(HessSgd.Settings.parse(h.toString())).isEqualTo(h);
    }
    assertThat("ou-1024,512,0.3,3").doesNotMatch(HessSgd.Settings.PATTERN);
    assertThatThrownBy(() -> HessSgd.Settings.parse("ou-2048,512,0.3,2"))
        .isInstanceOf(Options.Misuse.class);
    assertThat(AdditiveScheme.parse("OU-2048").securityBits()).isEqualTo(112);
    assertThat(AdditiveScheme.parse("ZPaillier-3072").securityBits()).isEqualTo(128);
  }

  private PeersKernel.Settings kernel(Python python) {
    return new PeersKernel.Settings(
        3000,
        4,
        1000,
        List.of(AdditiveScheme.parse("OU-3072")),
        1,
        false,
        7,
        python,
        Duration.ofMinutes(1));
  }

  private static String kernelTurn(long[] sums) {
    return "BENCH turn {\"encrypt\": [1, 0.5], \"multiply\": [8, 4], \"decrypt\": [1, 0.25],"
        + " \"request_bytes\": 600000, \"reply_bytes\": 1000, \"peak_bytes\": 5, \"sums\": "
        + Arrays.toString(sums)
        + "}";
  }

  @Test
  void theKernelIsMeasuredAgainstAPeersFirstRows() throws Exception {
    assumeTrue(Workers.canPin());
    DataFiles data =
        DataFiles.ensure(folder.resolve("data"), new DataFiles.Shape(3000, 1, 1, 4, 7));
    KernelData integers = KernelData.of(data);
    integers.write(folder.resolve("integers"));
    KernelData again = KernelData.read(folder.resolve("integers"), 4);
    assertThat(again.x()).isEqualTo(integers.x());
    assertThat(again.r()).isEqualTo(integers.r());
    assertThat(again.sums(1)[2]).isEqualTo(again.x()[2] * again.r()[0]);

    String ready = "BENCH ready {\"multiply_half\": [4, 2]}";
    Python python = saying(List.of(ready, "", kernelTurn(integers.sums(1000)), ""));
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    PeersKernel.run(
        kernel(python), folder, true, new PrintStream(text, true, StandardCharsets.UTF_8));
    JsonNode systems = new ObjectMapper().readTree(text.toByteArray()).get("systems");
    JsonNode ours = systems.get(0);
    JsonNode peer = systems.get(1);
    assertThat(ours.get("security_bits").asInt()).isGreaterThanOrEqualTo(128);
    assertThat(ours.get("extrapolated").asBoolean()).isFalse();
    assertThat(peer.get("multiply_ms").asDouble()).isCloseTo(12_000, within(1e-6));
    assertThat(peer.get("total_ms").asDouble()).isCloseTo(13_750, within(1e-6));
    assertThat(peer.get("total_wall_ms").asDouble()).isCloseTo(28_000, within(1e-6));
    assertThat(peer.get("half_ratio").asDouble()).isCloseTo(2, within(1e-12));
    assertThat(peer.get("megabytes").asDouble()).isCloseTo(1.801, within(1e-9));
    double product = ours.get("multiply_ms").asDouble() + ours.get("read_ms").asDouble();
    assertThat(peer.get("ratio").get("multiply").asDouble() * product)
        .isCloseTo(12_000, within(1e-3));

    long[] wrong = integers.sums(1000);
    wrong[3]++;
    Python liar = saying(List.of(ready, "", kernelTurn(wrong), ""));
    assertThatThrownBy(
            () -> PeersKernel.run(kernel(liar), folder, false, new PrintStream(text, true)))
        .isInstanceOf(Workers.Failed.class)
        .hasMessageContaining("sum 3");
  }
}
