package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.assertj.core.data.Percentage;
import org.espalier.protocols.cost.Footprint;
import org.espalier.protocols.cost.Forecast;
import org.espalier.protocols.cost.Script;
import org.espalier.protocols.cost.Work;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.predict.JointLogits;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.shares.IntegerMatrix;
import org.espalier.protocols.shares.Workspace;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Session;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The counted messages and bytes are those of real trainings. */
class TrainingCostTest {
  private static final int[] FIVE = {10, 10, 10, 10, 10};

  @ParameterizedTest
  @CsvSource({
    "600, 1e-4, 3, 4, 0",
    "4000, 1e-4, 2, 3, 0",
    "700, 1e-4, 2, 3, 4",
    "9000, 1e-4, 3, 20, 0",
  })
  void countsLevelSealed(int rows, double tolerance, int label, int first, int second) {
    TrainingSpec spec = new TrainingSpec(Level.SEALED, 1e-2, 200, tolerance, false);
    check(spec, rows, columns(label, first, second));
  }

  /** A sample and the rest of the cohort, few passes. */
  @Test
  void countsPassesOverASample() {
    check(new TrainingSpec(Level.SEALED, 1e-2, 12, 1e-2, false), 50_400, columns(2, 2, 0));
  }

  @ParameterizedTest
  @CsvSource({"3000, 3, 16, 0", "2500, 0, 12, 15"})
  void countsLevelGradients(int rows, int label, int first, int second) {
    check(
        new TrainingSpec(Level.GRADIENTS, 1e-2, 4, 1e-12, true),
        rows,
        columns(label, first, second));
  }

  @Test
  void countsPassesWithAPenaltyOnAbsoluteWeights() {
    TrainingSpec spec = new TrainingSpec(Level.GRADIENTS, 1e-2, 5, 1e-12, true).withL1(0.01);
    check(spec, 3000, columns(2, 6, 5));
  }

  /** As many passes as fits, so that each takes one. */
  @Test
  void countsAPathOfPenalties() {
    PenaltyPath path = new PenaltyPath(List.of(1.0, 0.01), 2, false);
    check(
        new TrainingSpec(Level.GRADIENTS, 0.01, path.fits(), 1e-12, true).withPath(path),
        3000,
        columns(2, 6, 5));
  }

  @ParameterizedTest
  @CsvSource({"3000, 3, 16, 0, 3", "2500, 0, 9, 8, 5"})
  void countsSeveralClasses(int rows, int label, int first, int second, int classes) {
    TrainingSpec spec =
        new TrainingSpec(Level.GRADIENTS, 1e-2, 3, 1e-12, true).withClasses(classes);
    TestData data = TestData.synthetic(rows, 7, columns(label, first, second));
    double[] outcomes = new double[rows];
    Arrays.setAll(outcomes, i -> (i / 3 + (int) data.labels()[i]) % classes);
    check(spec, new TestData(data.parts(), outcomes));
  }

  /** Several columns share a reply of slots where there are few rows, not where there are many. */
  @ParameterizedTest
  @CsvSource({"700, 2, 5, 4", "8500, 1, 3, 0"})
  void countsStandardErrors(int rows, int label, int first, int second) {
    check(
        new TrainingSpec(Level.GRADIENTS, 1e-2, 2, 1e-12, true).withInference(),
        rows,
        columns(label, first, second));
  }

  /** The unit of the loss is told first, and there are sines and cosines of every harmonic. */
  @Test
  void countsALogLink() {
    TrainingSpec spec = new TrainingSpec(Family.POISSON, Level.SEALED, 1e-2, 8, 1e-4, false);
    TestData data = TestData.synthetic(900, 7, columns(2, 3, 2));
    double[] outcomes = new double[900];
    Arrays.setAll(outcomes, i -> 3 * data.labels()[i] + i % 2);
    check(spec, new TestData(data.parts(), outcomes));
  }

  /** Its series have even harmonics, too, and it tells the outcome's unit. */
  @Test
  void countsMoreForALinearModel() {
    int[] columns = {2, 3};
    TrainingSpec logistic = new TrainingSpec(Level.SEALED, 1e-2, 10, 1e-4, false);
    TrainingSpec linear = new TrainingSpec(Family.LINEAR, Level.SEALED, 1e-2, 10, 1e-4, false);
    Script less = TrainingCost.of(logistic, 9000, columns).script();
    Script more = TrainingCost.of(linear, 9000, columns).script();
    assertThat(more.bytes()[0][1]).isGreaterThan(less.bytes()[0][1]);
    assertThat(more.messages()[0][1]).isGreaterThan(less.messages()[0][1]);
  }

  @Test
  void refusesWhatIsNoTraining() {
    TrainingSpec spec = new TrainingSpec(Level.SEALED, 1e-2, 10, 1e-4, false);
    assertThatThrownBy(() -> TrainingCost.of(spec, 600, new int[] {3, 0}))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> TrainingCost.of(spec, 600, new int[] {3}))
        .isInstanceOf(IllegalArgumentException.class);
  }

  /** Training ends with pinned shares, and scores of held-out people are computed from them. */
  @ParameterizedTest
  @CsvSource({"1500, 300, 3, 4, 0", "1500, 5000, 2, 3, 4"})
  void countsSharedWeights(int rows, int holdout, int label, int first, int second) {
    int[] columns = columns(label, first, second);
    TrainingSpec spec =
        new TrainingSpec(
            Family.LOGISTIC, Level.SEALED, 1e-2, TrainingSpec.MAX_PASSES, 1e-4, false, true, false);
    TestData data = TestData.synthetic(rows, 7, columns);
    TestData others = TestData.synthetic(holdout, 8, columns);
    try (MemoryNetwork network = new MemoryNetwork();
        MemoryNetwork scoring = new MemoryNetwork()) {
      TrainingRun run = TrainingRun.of(data, spec, network);
      SharedWeightsTest.score(run, others.parts(), scoring);
      TrainingCost cost = TrainingCost.of(spec, size(rows, holdout, columns));
      requireCounted(
          Script.inTurn(List.of(cost.phases().get(0).script(), cost.phases().get(1).script())),
          network,
          columns.length,
          "training");
      requireCounted(cost.phases().get(2).script(), scoring, columns.length, "scores");
    }
  }

  /** An outcome that is hardly one, and columns of two parties that are nearly the same. */
  @Test
  void countsAStageThatIsRunAgain() {
    int rows = 12_000;
    int[] columns = {4, 4};
    TestData data = alike(rows, columns[0]);
    TrainingSpec spec = new TrainingSpec(Level.SEALED, 1e-2, 200, 1e-4, false);
    try (MemoryNetwork network = new MemoryNetwork()) {
      TrainingRun run = TrainingRun.of(data, spec, network);
      TrainingCost.Range range = TrainingCost.range(spec, size(rows, 0, columns));
      assertThat(range.least().passes()).isEqualTo(range.expected().passes()).isEqualTo(15);
      assertThat(range.most().passes()).isEqualTo(30);
      assertThat(run.label().passes()).hasSize(30);
      requireCounted(range.most().script(), network, 2, "training");
    }
  }

  private static TestData alike(int rows, int columns) {
    Random random = new Random(3);
    double[] first = new double[rows * columns];
    double[] second = new double[rows * columns];
    for (int k = 0; k < first.length; k++) {
      double common = random.nextGaussian();
      first[k] = common + 0.2 * random.nextGaussian();
      second[k] = common + 0.2 * random.nextGaussian();
    }
    double[] labels = random.doubles(rows).map(u -> u < 0.5 ? 0 : 1).toArray();
    return new TestData(
        List.of(new Matrix(rows, columns, first), new Matrix(rows, columns, second)), labels);
  }

  /** Counted by trainings that go on for as long as they gain. */
  @ParameterizedTest
  @CsvSource({
    "german_credit.csv, bad, 2",
    "german_credit.csv, bad, 3",
    "synthetic, -, 2",
    "synthetic, -, 5"
  })
  void foreseesHowManyPassesLevelGradientsNeeds(String file, String label, int parties)
      throws IOException {
    TestData data =
        file.equals("synthetic")
            ? TestData.synthetic(3000, 4, parties == 2 ? new int[] {10, 40} : FIVE)
            : TestData.shared(file, label, parties);
    int[] columns = data.parts().stream().mapToInt(Matrix::columns).toArray();
    TrainingSpec longest = new TrainingSpec(Level.GRADIENTS, 1e-3, 60, 1e-7, true);
    try (MemoryNetwork network = new MemoryNetwork()) {
      List<PassReport> passes = TrainingRun.of(data, longest, network).label().passes();
      for (double tolerance : new double[] {1e-2, 1e-3, 1e-4, 1e-5, 1e-6}) {
        TrainingSpec spec = new TrainingSpec(Level.GRADIENTS, 1e-3, 60, tolerance, true);
        int needed =
            1 + (int) passes.stream().takeWhile(p -> !(p.estimatedGap() <= tolerance)).count();
        TrainingCost.Range range = TrainingCost.range(spec, size(data.rows(), 0, columns));
        assertThat(needed)
            .as("passes to %s", tolerance)
            .isBetween(range.least().passes(), range.most().passes());
        assertThat(range.expected().passes())
            .isBetween(range.least().passes(), range.most().passes());
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"SEALED, 3", "GRADIENTS, 2"})
  void countsScoresFromOpenedWeights(Level level, int parties) {
    int rows = 70_000;
    int[] columns = parties == 2 ? new int[] {2, 3} : new int[] {2, 3, 4};
    TrainingSpec spec = new TrainingSpec(level, 1e-2, 4, 1e-3, true);
    TestData data = TestData.synthetic(rows, 5, columns);
    Session session = new Session("J-scores", new byte[32], 1);
    try (MemoryNetwork network = new MemoryNetwork()) {
      List<Party> features = new ArrayList<>();
      for (int p = 1; p < parties; p++) {
        features.add(TrainingRun.featureParty(p));
      }
      List<CompletableFuture<Void>> running = new ArrayList<>();
      for (int p = 1; p < parties; p++) {
        Party self = TrainingRun.featureParty(p);
        List<Party> peers = new ArrayList<>(features);
        peers.remove(self);
        double[] own = data.parts().get(p).times(new double[columns[p]]);
        running.add(
            CompletableFuture.runAsync(
                () ->
                    JointLogits.feature(
                        session,
                        network.channel(self, TrainingRun.LABEL),
                        network.channels(self, peers),
                        own)));
      }
      JointLogits.label(session, network.channels(TrainingRun.LABEL, features), new double[rows]);
      running.forEach(CompletableFuture::join);
      TrainingCost cost = TrainingCost.of(spec, size(50_000, rows, columns));
      requireCounted(cost.phases().get(2).script(), network, parties, "scores");
    }
  }

  /** What was measured of two processes is in docs/benchmarks.md. */
  @ParameterizedTest
  @CsvSource({
    "100000, 30, 300, 700, 413, 915",
    "10000, 50, 50, 700, 274, 283",
    "10000000, 10, 10, 3300, 3640, 3480"
  })
  void foreseesMemory(
      int rows, int label, int feature, long heapLimit, double first, double other) {
    TrainingSpec spec = new TrainingSpec(Level.SEALED, 1e-4, 200, 5e-5, true);
    TrainingCost cost = TrainingCost.of(spec, rows, new int[] {label, feature});
    Percentage quarter = Percentage.withPercentage(25);
    assertThat(cost.footprint(0).resident(heapLimit << 20) / 1e6).isCloseTo(first, quarter);
    assertThat(cost.footprint(1).resident(heapLimit << 20) / 1e6).isCloseTo(other, quarter);
  }

  /** A slice beyond the workspace's memory lies in a file of exactly its size. */
  @Test
  void foreseesTheFile() {
    TrainingSpec spec = new TrainingSpec(Level.SEALED, 1e-2, 12, 1e-2, false);
    int[] columns = {3, 40};
    long slice = IntegerMatrix.bytes(10_000 + 43, 40);
    Workspace just = new Workspace(slice, Path.of("unused"));
    Workspace less = new Workspace(slice - 1, Path.of("unused"));
    Footprint in =
        TrainingCost.of(spec, new TrainingCost.Size(10_000, 0, columns, just)).footprint(1);
    Footprint out =
        TrainingCost.of(spec, new TrainingCost.Size(10_000, 0, columns, less)).footprint(1);
    assertThat(in.file()).isZero();
    assertThat(out.file()).isEqualTo(slice);
    assertThat(in.heap() - out.heap()).isEqualTo(slice);
  }

  /** The label party keeps what passes opened of everybody, and the columns of who is fitted. */
  @Test
  void foreseesWhatIsKeptOfPeopleSetAside() {
    TrainingSpec spec = new TrainingSpec(Level.GRADIENTS, 1e-2, 20, 1e-6, true);
    int[] columns = {30, 40};
    TrainingCost.Size size = size(100_000, 0, columns);
    Footprint all = TrainingCost.of(spec, size, 8).footprint(0);
    Footprint set = TrainingCost.of(spec.withPatience(2), size, 8).footprint(0);
    assertThat(set.heap() - all.heap()).isEqualTo((90_000L * 30 + 100_000L * 8) * Double.BYTES);
    assertThat(TrainingCost.of(spec.withPatience(2), size, 8).footprint(1))
        .isEqualTo(TrainingCost.of(spec, size, 8).footprint(1));
  }

  private static TrainingCost.Size size(int rows, int holdout, int[] columns) {
    return new TrainingCost.Size(rows, holdout, columns, Workspace.inMemory());
  }

  private static int[] columns(int label, int first, int second) {
    return second == 0 ? new int[] {label, first} : new int[] {label, first, second};
  }

  private static void check(TrainingSpec spec, int rows, int[] columns) {
    check(spec, TestData.synthetic(rows, 7, columns));
  }

  @Test
  void countsAWarmStartAndPeopleSetAside() {
    TrainingSpec spec = new TrainingSpec(Level.GRADIENTS, 1e-2, 4, 1e-12, true);
    check(spec.withWarmStart(), 3000, columns(3, 16, 4));
    check(spec.withPatience(2), 3000, columns(3, 16, 4));
  }

  private static void check(TrainingSpec spec, TestData data) {
    int rows = data.rows();
    int[] columns = data.parts().stream().mapToInt(Matrix::columns).toArray();
    try (MemoryNetwork network = new MemoryNetwork()) {
      Map<Party, TrainingRun.Before> starts = new HashMap<>();
      for (int p = 1; spec.warmStart() && p < columns.length; p++) {
        double[] start = new Random(p).doubles(columns[p]).toArray();
        starts.put(
            TrainingRun.featureParty(p), new TrainingRun.Before(0, PassStore.NONE, 1, start));
      }
      TrainingRun run = TrainingRun.again(data, spec, network, starts, pass -> {});
      TrainingCost cost =
          spec.level() == Level.SEALED
              ? TrainingCost.of(spec, rows, columns)
              : TrainingCost.of(spec, size(rows, 0, columns), run.label().passes().size());
      assertThat(run.label().passes().size()).isEqualTo(cost.passes());
      requireCounted(cost.script(), network, columns.length, "training");
      assertThat(Forecast.roundTrips(cost.script())).isGreaterThan(cost.passes());
      assertThat(cost.script().work(0)).containsKey(Work.OPERAND_OPENING);
      assertThat(cost.script().work(0).get(Work.INTEGER_PRODUCT) == null)
          .isEqualTo(spec.level() == Level.GRADIENTS);
    }
  }

  private static void requireCounted(
      Script script, MemoryNetwork network, int parties, String what) {
    List<Party> all = new ArrayList<>();
    all.add(TrainingRun.LABEL);
    for (int p = 1; p < parties; p++) {
      all.add(TrainingRun.featureParty(p));
    }
    long[][] bytes = script.bytes();
    long[][] messages = script.messages();
    for (int from = 0; from < parties; from++) {
      for (int to = 0; to < parties; to++) {
        if (from == to) {
          continue;
        }
        Channel.Traffic traffic = network.channel(all.get(from), all.get(to)).traffic();
        String pair = "%s: %s to %s".formatted(what, all.get(from), all.get(to));
        assertThat(messages[from][to]).as("messages, " + pair).isEqualTo(traffic.messagesSent());
        assertThat((double) bytes[from][to])
            .as("bytes, " + pair)
            .isCloseTo((double) traffic.bytesSent(), Percentage.withPercentage(3));
      }
    }
  }
}
