package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Random;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.espalier.protocols.RecordedMessage;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Whitening;
import org.espalier.protocols.shares.IntegerMatrix;
import org.espalier.protocols.shares.Series;
import org.espalier.protocols.shares.Workspace;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Poisson and gamma regression at level sealed against the minimum of the same objective. */
class SealedLogLinkTest {
  /**
   * Outcomes of a log-linear model on the columns of the data.
   *
   * @param spread of the scores
   * @param weighted whether rows have weights and exposures
   */
  static Outcomes outcomes(
      TestData data, Family family, double mean, double spread, boolean weighted) {
    Random random = new Random(data.rows());
    Matrix x = Matrix.beside(data.parts());
    double[] w = random.doubles(x.columns(), -1, 1).toArray();
    double[] z = x.times(w);
    double scale = Math.sqrt(Arrays.stream(z).map(v -> v * v).average().orElseThrow()) / spread;
    double[] y = new double[data.rows()];
    double[] offsets = new double[y.length];
    double[] weights = new double[y.length];
    for (int i = 0; i < y.length; i++) {
      offsets[i] = weighted ? 0.7 * random.nextGaussian() : 0;
      weights[i] = weighted ? 0.2 + random.nextDouble() : 1;
      double expected = mean * Math.exp(z[i] / scale + offsets[i] - spread * spread / 2);
      y[i] =
          family == Family.POISSON
              ? poisson(random, expected)
              : -expected * Math.log(1 - random.nextDouble()) + 1e-9;
    }
    return new Outcomes(y, weighted ? weights : null, weighted ? offsets : null);
  }

  private static double poisson(Random random, double expected) {
    int count = 0;
    for (double t = -Math.log(1 - random.nextDouble());
        t < expected;
        t -= Math.log(1 - random.nextDouble())) {
      count++;
    }
    return count;
  }

  /** Newton's method: weights, and the intercept after them. */
  static double[] minimum(Family family, Matrix x, Outcomes outcomes, double l2) {
    int d = x.columns();
    double[] w = new double[d + 1];
    w[d] = outcomes.nullIntercept(family);
    for (int step = 0; step < 100; step++) {
      double[] z = logits(x, w, outcomes);
      DMatrixRMaj hessian = new DMatrixRMaj(d + 1, d + 1);
      DMatrixRMaj gradient = new DMatrixRMaj(d + 1, 1);
      for (int j = 0; j < d; j++) {
        hessian.add(j, j, l2);
        gradient.add(j, 0, l2 * w[j]);
      }
      for (int i = 0; i < z.length; i++) {
        double slope = outcomes.weight(i) * family.slope(z[i], outcomes.values()[i]) / z.length;
        double bend = outcomes.weight(i) * family.curvature(z[i], outcomes.values()[i]) / z.length;
        for (int j = 0; j <= d; j++) {
          double xj = j < d ? x.get(i, j) : 1;
          gradient.add(j, 0, slope * xj);
          for (int k = 0; k <= d; k++) {
            hessian.add(j, k, bend * xj * (k < d ? x.get(i, k) : 1));
          }
        }
      }
      DMatrixRMaj move = new DMatrixRMaj(d + 1, 1);
      CommonOps_DDRM.solve(hessian, gradient, move);
      double length = Math.max(1, CommonOps_DDRM.elementMaxAbs(move));
      for (int j = 0; j <= d; j++) {
        w[j] -= move.get(j) / length;
      }
    }
    return w;
  }

  private static double[] logits(Matrix x, double[] w, Outcomes outcomes) {
    double[] z = x.times(Arrays.copyOf(w, x.columns()));
    Arrays.setAll(z, i -> z[i] + w[x.columns()] + outcomes.offset(i));
    return z;
  }

  static double objective(Family family, Matrix x, Outcomes outcomes, double l2, double[] w) {
    double[] z = logits(x, w, outcomes);
    double sum = 0;
    for (int i = 0; i < z.length; i++) {
      sum += outcomes.weight(i) * family.loss(z[i], outcomes.values()[i]) / z.length;
    }
    for (int j = 0; j < x.columns(); j++) {
      sum += l2 / 2 * w[j] * w[j];
    }
    return sum;
  }

  /** Distances of a run from the minimum: gap in units of what there is to explain, weights. */
  record Distance(double gap, double weights) {
    static Distance of(
        TrainingRun run, Family family, TestData data, Outcomes outcomes, double l2) {
      Matrix x = Matrix.beside(data.parts());
      double[] best = minimum(family, x, outcomes, l2);
      double[] got = Arrays.copyOf(run.weights(), best.length);
      got[best.length - 1] = run.label().intercept();
      double difference = 0;
      double size = 0;
      for (int j = 0; j < best.length; j++) {
        difference += (got[j] - best[j]) * (got[j] - best[j]);
        size += best[j] * best[j];
      }
      double gap =
          objective(family, x, outcomes, l2, got) - objective(family, x, outcomes, l2, best);
      return new Distance(gap / outcomes.unit(family), Math.sqrt(difference / size));
    }
  }

  private static TrainingSpec spec(Family family, double l2, int passes, boolean weighted) {
    return new TrainingSpec(family, Level.SEALED, l2, passes, 1e-4, false, false, weighted);
  }

  @ParameterizedTest
  @CsvSource({
    "10500, POISSON, 0.3, 0.6, 0.01, false, '3 4', 4",
    "2000, POISSON, 40, 0.6, 0.001, true, '2 3 3', 6",
    "2000, GAMMA, 2, 0.8, 0.1, true, '2 3 3', 6",
  })
  void isTheCentralisedSolution(
      int rows,
      Family family,
      double mean,
      double spread,
      double l2,
      boolean weighted,
      String columns,
      double range) {
    int[] parts = Arrays.stream(columns.split(" ", -1)).mapToInt(Integer::parseInt).toArray();
    TestData data = TestData.synthetic(rows, 8, parts);
    Outcomes outcomes = outcomes(data, family, mean, spread, weighted);
    TrainingRun run =
        TrainingRun.of(data, outcomes, spec(family, l2, 30, weighted), new MemoryNetwork());
    Distance distance = Distance.of(run, family, data, outcomes, l2);
    assertThat(distance.gap()).isLessThan(1e-4);
    assertThat(distance.weights()).isLessThan(5e-3);
    assertThat(run.label().parametersRun()).containsEntry("logit_range", range);
    PassReport last = run.label().passes().get(run.label().passes().size() - 1);
    assertThat(last.objective()).as("about 1 without features").isBetween(-0.5, 2.0);
  }

  /** Of many people: minutes, so only on request; figures in docs/protocols/sealed.md. */
  @ParameterizedTest
  @CsvSource({
    "20000, POISSON, 0.3, 0.7, 0.01, 5e-5, false, '10 20'",
    "12000, POISSON, 2, 1.5, 0.001, 5e-5, false, '6 8'",
    "60000, GAMMA, 500, 0.8, 0.01, 1e-4, true, '5 10'",
  })
  @EnabledIfSystemProperty(named = "espalier.full", matches = ".*")
  void isTheCentralisedSolutionOfManyPeople(
      int rows,
      Family family,
      double mean,
      double spread,
      double l2,
      double tolerance,
      boolean weighted,
      String columns) {
    int[] parts = Arrays.stream(columns.split(" ", -1)).mapToInt(Integer::parseInt).toArray();
    TestData data = TestData.synthetic(rows, 5, parts);
    Outcomes outcomes = outcomes(data, family, mean, spread, weighted);
    TrainingSpec spec =
        new TrainingSpec(family, Level.SEALED, l2, 200, tolerance, false, false, weighted);
    long began = System.nanoTime();
    TrainingRun run = TrainingRun.of(data, outcomes, spec, new MemoryNetwork());
    double seconds = (System.nanoTime() - began) / 1e9;
    Distance distance = Distance.of(run, family, data, outcomes, l2);
    System.err.printf(
        "%s of %d: %s, %.1f s, %s%n",
        family.wireName(), rows, distance, seconds, run.label().parametersRun());
    assertThat(distance.gap()).isLessThan(1e-3);
  }

  /** Nobody has weights; the joint scores are those of the centralised solution. */
  @Test
  void sharedWeightsScoreWithTheLogLink() {
    TestData data = TestData.synthetic(1500, 3, 0, 4);
    Outcomes outcomes = outcomes(data, Family.GAMMA, 5000, 0.6, false);
    TrainingSpec spec =
        new TrainingSpec(Family.GAMMA, Level.SEALED, 0.01, 25, 1e-4, false, true, false);
    TrainingRun run = TrainingRun.of(data, outcomes, spec, new MemoryNetwork());
    double[] scores = SharedWeightsTest.score(run, data.parts(), new MemoryNetwork());
    Matrix x = Matrix.beside(data.parts());
    double[] best = logits(x, minimum(Family.GAMMA, x, outcomes, 0.01), outcomes);
    for (int i = 0; i < scores.length; i++) {
      assertThat(scores[i]).isCloseTo(best[i], within(0.05));
    }
  }

  /** Some people's outcomes are 18 times the mean, which the narrower range holds only just. */
  @Test
  void theAlarmWidensTheRange() {
    TestData data = TestData.synthetic(10_500, 2, 1, 1);
    double[] y = new double[data.rows()];
    Arrays.setAll(y, i -> i < 400 ? 18 : 0.327);
    TrainingRun run =
        TrainingRun.of(
            data, Outcomes.of(y), spec(Family.GAMMA, 0.01, 2, false), new MemoryNetwork());
    assertThat(SealedRange.first(Family.GAMMA, data.rows(), 0.01, false))
        .isEqualTo(SealedRange.FIFTYFOLD);
    assertThat(run.label().parametersRun()).containsEntry("logit_range", 6.0);
    assertThat(run.label().passes()).hasSize(3);
  }

  @ParameterizedTest
  @EnumSource(names = {"FIFTYFOLD", "FOURHUNDREDFOLD"})
  void exponentialsHoldWithinTheirRangesAndAreBoundedBeyond(SealedRange range) {
    Series exponential = range.exponential(range.period());
    assertThat(exponential.error()).isLessThan(6e-4);
    double highest = range.largest();
    double middle = range.centre();
    double lowest = 2 * middle - highest;
    double squares = 0;
    for (int i = 0; i <= 1000; i++) {
      double z = lowest + (highest - lowest) * i / 1000;
      double error = (exponential.value(z - middle) - Math.exp(z)) / Math.max(1, Math.exp(z));
      squares += error * error / 1000;
    }
    assertThat(Math.sqrt(squares)).isLessThan(6e-5);
    // Just beyond the upper end it goes on rising, so that a row there is still drawn back.
    for (double z = highest; z < highest + 0.5; z += 0.05) {
      assertThat(exponential.value(z + 0.05 - middle)).isGreaterThan(exponential.value(z - middle));
    }
    DoubleSummaryStatistics all = Arrays.stream(exponential.values()).summaryStatistics();
    assertThat(all.getMax()).isLessThan(3 * Math.exp(highest));
    assertThat(all.getMin()).isGreaterThan(-0.6 * Math.exp(highest));
    Series ends = range.ends(range.period());
    assertThat(ends.value(highest - 1 - middle)).isCloseTo(0.5, within(0.06));
    assertThat(ends.value(lowest - 1 - middle)).isCloseTo(0.5, within(0.06));
    assertThat(ends.value(highest - middle)).isGreaterThan(0.75);
    assertThat(ends.value(highest - 4 - middle)).isLessThan(1e-3);
    assertThat(Arrays.stream(ends.values()).min().orElseThrow()).isGreaterThan(-1e-12);
    assertThat(Arrays.stream(ends.values()).max().orElseThrow()).isLessThan(1 + 1e-12);
  }

  /** An alarm is 67 of 20,000: scores that spread by 0.8 fit the narrower range, by 1.4 do not. */
  @Test
  void theAlarmCountsPeopleWellBeforeTheEnd() {
    int rows = 20_000;
    assertThat(counted(SealedRange.FIFTYFOLD, rows, 0.8)).isLessThan(60);
    assertThat(counted(SealedRange.FIFTYFOLD, rows, 1.4)).isGreaterThan(75);
    assertThat(counted(SealedRange.FOURHUNDREDFOLD, rows, 1.7)).isLessThan(60);
    assertThat(counted(SealedRange.FOURHUNDREDFOLD, rows, 2.6)).isGreaterThan(75);
  }

  private static double counted(SealedRange range, int rows, double spread) {
    Random random = new Random(5);
    Series ends = range.ends(range.period());
    double sum = 0;
    for (int i = 0; i < rows; i++) {
      double z = spread * random.nextGaussian() - spread * spread / 2;
      sum += ends.value(z - range.centre());
    }
    return sum;
  }

  private static TrainingJob job(Family family, int rows) {
    return new TrainingJob(
        new Session("J-test", new byte[32], 1),
        TrainingRun.LABEL,
        List.of(TrainingRun.featureParty(1)),
        rows,
        spec(family, 0.01, 30, false),
        0);
  }

  @Test
  void beyondTheWidestRangeTrainingEndsWithWhatToDo() {
    TrainingJob job = job(Family.POISSON, 20_000);
    SealedPlan.Shape shape = new SealedPlan.Shape(5, 1000, 1_000_000);
    SealedPlan plan = new SealedPlan(job, List.of(shape, shape), SealedPlan.narrowest(job));
    SealedPlan.Sums many = new SealedPlan.Sums(500, 10, Double.NaN, 0.01);
    List<SealedPlan.Decision> decisions = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      decisions.add(plan.decide(plan.sample, false, many));
    }
    assertThat(decisions)
        .containsExactly(
            SealedPlan.Decision.WIDER, SealedPlan.Decision.SLOWER, SealedPlan.Decision.SLOWER);
    assertThatThrownBy(() -> plan.decide(plan.sample, false, many))
        .hasMessageContaining("more than about 148 times the mean")
        .hasMessageContaining("level gradients");
  }

  /** One person's part in the opened loss, at most what its noise is measured by. */
  @Test
  void aPersonCountsInTheOpenedLossForABoundedAmount() {
    TrainingJob job = job(Family.POISSON, 20_000);
    SealedPlan.Shape shape = new SealedPlan.Shape(5, 1000, 1_000_000);
    for (SealedRange range : List.of(SealedRange.FIFTYFOLD, SealedRange.FOURHUNDREDFOLD)) {
      SealedPlan plan = new SealedPlan(job, List.of(shape, shape), range);
      int bits = plan.scale.residualBits() + plan.scale.featureBits();
      double row = Math.scalb(plan.lossNoise(true), -bits) / SealedPlan.NOISE_ROWS;
      assertThat(row).isBetween(64.0, 66.0);
      // By another outcome, exposure or weight, wherever features and weights put the person.
      DoubleSummaryStatistics parts = new DoubleSummaryStatistics();
      for (double outcome = 0; outcome <= SealedPlan.OUTCOME_LIMIT; outcome += 1) {
        for (double offset = SealedOutcome.LEAST_OFFSET; offset <= 5.5; offset += 0.25) {
          for (double z = 0; z < range.period(); z += 0.05) {
            parts.accept(partInLoss(plan, outcome, offset, z));
          }
        }
      }
      assertThat(parts.getMax() - parts.getMin()).isBetween(60.0, row);
    }
  }

  /** What a person adds to the opened loss: by both functions of its score, and by its offset. */
  private static double partInLoss(SealedPlan plan, double outcome, double offset, double z) {
    SealedPlan.Opening opening = SealedPlan.Opening.SPREAD_AND_LOSS;
    Series levelled = plan.rowFunctions(plan.sample, opening).get(1).get(0).series();
    Series loss = plan.sumFunctions(plan.sample, opening).get(1).get(0).series();
    return loss.value(z)
        - loss.constant()
        - outcome * (levelled.value(z) - levelled.constant())
        + plan.unmetLoss(offset, -outcome);
  }

  /**
   * Outcomes of the same unit: what is said before the first pass, and of the slice that they are
   * in, is the same whatever they add up to and however large one is.
   */
  @ParameterizedTest
  @EnumSource(names = {"LINEAR", "POISSON", "GAMMA"})
  void boundsOfSlicesTellNothingOfTheOutcomes(Family family) {
    TestData data = TestData.synthetic(300, 4, 0, 2);
    List<List<ByteBuffer>> told = new ArrayList<>();
    for (int time = 1; time <= 2; time++) {
      double[] y = new double[data.rows()];
      double[] weights = new double[data.rows()];
      for (int i = 0; i < y.length; i++) {
        y[i] = time == 1 ? 1 + i % 5 : i % 2 == 0 ? 10 : 0.01;
        weights[i] = time == 1 ? 1 + i % 3 : 1 + i % 2;
      }
      boolean weighted = family.logLink();
      Outcomes outcomes = new Outcomes(y, weighted ? weights : null, null);
      MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
      TrainingRun.of(data, outcomes, spec(family, 0.01, 1, weighted), network);
      told.add(
          RecordedMessage.all(network, TrainingRun.LABEL, TrainingRun.featureParty(1)).stream()
              .filter(message -> message.type() == 97 || message.type() == 90)
              // Of the bounds of all, the label party's come first.
              .map(m -> ByteBuffer.wrap(m.payload(), 0, Math.min(m.payload().length, 20)))
              .toList());
    }
    assertThat(told.get(0)).hasSize(family.logLink() ? 3 : 2).isEqualTo(told.get(1));
  }

  /** And they hold. */
  @ParameterizedTest
  @EnumSource
  void boundsOfSlicesHold(Family family) {
    TestData data = TestData.synthetic(500, 4, 3, 2);
    Random random = new Random(1);
    double[] y = new double[data.rows()];
    Arrays.setAll(
        y,
        i ->
            family == Family.LOGISTIC
                ? i % 2
                : family.logLink() ? 1e-3 + i % 7 : i == 0 ? 1e6 : random.nextGaussian());
    Outcomes outcomes = Outcomes.of(y);
    TrainingJob job = job(family, data.rows());
    SealedOutcome.Magnitude magnitude = SealedOutcome.Magnitude.of(family, outcomes);
    SealedOutcome outcome = SealedOutcome.of(job, outcomes, magnitude);
    Matrix own = data.parts().get(0);
    SealedSlice slice =
        new SealedSlice(job, own, Whitening.of(own, job.spec().ridge()), outcome.factors());
    IntegerMatrix matrix = slice.matrix(Workspace.inMemory(), 0, 5, 0);
    int[] values = matrix.values(0, matrix.rows());
    long[] columns = new long[matrix.columns()];
    long largest = 0;
    for (int i = 0; i < matrix.rows(); i++) {
      long row = 0;
      for (int j = 0; j < columns.length; j++) {
        int size = Math.abs(values[i * columns.length + j]);
        row += size;
        columns[j] += size;
      }
      largest = Math.max(largest, row);
    }
    assertThat(slice.bounds(matrix)[0]).isGreaterThanOrEqualTo(largest);
    assertThat(slice.bounds(matrix)[1])
        .isGreaterThanOrEqualTo(Arrays.stream(columns).max().orElseThrow());
  }

  /** It has a use only above so many people. */
  @ParameterizedTest
  @CsvSource({"10000, false", "10001, true"})
  void thatSomebodyIsFarFromTheMeanIsSaidOnlyWhereItChangesTheRange(int rows, boolean said) {
    double[] y = new double[rows];
    Arrays.fill(y, 1);
    y[3] = 30;
    assertThat(SealedOutcome.Magnitude.of(Family.GAMMA, Outcomes.of(y)).far()).isEqualTo(said);
  }

  @Test
  void whatDoesNotFitIsRefused() {
    TestData data = TestData.synthetic(300, 4, 1, 2);
    double[] y = new double[300];
    Arrays.fill(y, 1);
    assertThatThrownBy(() -> train(data, y, Family.POISSON, 0.01))
        .hasMessageContaining("the same for everybody");
    y[7] = 1e6;
    assertThatThrownBy(() -> train(data, y, Family.GAMMA, 0.01))
        .hasMessageContaining("times its weight, is about 300 times the mean")
        .hasMessageContaining("level gradients");
    double[] rare = new double[300];
    rare[3] = 0.1;
    assertThatThrownBy(() -> train(data, rare, Family.POISSON, 1))
        .hasMessageContaining("an l2 of 1.0 does not fit a mean outcome of about 2^-12");
    assertThatThrownBy(() -> spec(Family.LINEAR, 1, 9, true))
        .hasMessageContaining("rows with weights or offsets need level gradients");
  }

  private static void train(TestData data, double[] y, Family family, double l2) {
    TrainingRun.of(data, Outcomes.of(y), spec(family, l2, 9, false), new MemoryNetwork());
  }

  @ParameterizedTest
  @CsvSource({"0, unit of the loss", "-57, does not fit a mean outcome", "2, unit of the loss"})
  void aStartThatDoesNotFitIsRefusedByName(int value, String reason) {
    TestData data = TestData.synthetic(300, 4, 1, 2);
    assertThatThrownBy(
            () ->
                TrainingRun.of(
                    data,
                    spec(Family.POISSON, 0.01, 9, false),
                    new MemoryNetwork(),
                    channel ->
                        new TamperingChannel(
                            channel,
                            97,
                            1,
                            bytes ->
                                ByteBuffer.allocate(8)
                                    .putInt(value == 0 ? 61 : Math.min(value, 0))
                                    .putInt(Math.max(value, 0))
                                    .array())))
        .isInstanceOf(WireException.ProtocolViolation.class)
        .hasMessageContaining(reason);
  }

  /** Nothing but this message is new, and no other family sends it. */
  @Test
  void theUnitOfTheLossIsToldFirst() {
    TestData data = TestData.synthetic(600, 4, 1, 2, 1);
    Outcomes outcomes = outcomes(data, Family.POISSON, 3, 0.5, false);
    MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
    TrainingRun.of(data, outcomes, spec(Family.POISSON, 0.01, 1, false), network);
    for (int p = 1; p <= 2; p++) {
      RecordedMessage first =
          RecordedMessage.all(network, TrainingRun.LABEL, TrainingRun.featureParty(p)).get(0);
      assertThat(first.type()).isEqualTo(97);
      assertThat(ByteBuffer.wrap(first.payload()).getInt()).isBetween(1, 2);
      assertThat(first.payload()).hasSize(8);
    }
  }
}
