package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.espalier.protocols.RecordedMessage;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.disclosure.NoPassLeft;
import org.espalier.protocols.prepare.Folds;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.NumberColumn;
import org.espalier.protocols.prepare.Preparation;
import org.espalier.protocols.prepare.PreparationSpec;
import org.espalier.protocols.prepare.Table;
import org.espalier.wire.Channel;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Paths of penalties with cross-validation against the same fits in one place. */
class PenaltyPathTest {
  private static final List<Double> VALUES = List.of(1.0, 0.1, 0.01, 0.001);

  private static TrainingSpec spec(Family family, boolean weighted, PenaltyPath path) {
    return new TrainingSpec(
            family, Level.GRADIENTS, path.weakest(), 200, 1e-8, true, false, weighted)
        .withPath(path);
  }

  /** A fit of some rows in one place. */
  private static SubspaceFit centralised(
      Matrix x, Outcomes outcomes, Family family, double l2, int[] rows) {
    SubspaceFit fit = new SubspaceFit(x.rows(rows), outcomes.of(rows), family, l2, 1e-12);
    fit.minimise();
    return fit;
  }

  private static double loss(
      Matrix x, Outcomes outcomes, Family family, SubspaceFit fit, int[] rows) {
    double[] z = x.rows(rows).times(fit.ownWeights());
    double sum = 0;
    double total = 0;
    for (int i = 0; i < rows.length; i++) {
      double y = outcomes.values()[rows[i]];
      double loss = family.loss(z[i] + fit.intercepts()[0] + outcomes.offset(rows[i]), y);
      sum += outcomes.weight(rows[i]) * (loss - family.saturated(y));
      total += outcomes.weight(rows[i]);
    }
    return sum / total;
  }

  private static void check(TestData data, Outcomes outcomes, TrainingSpec spec) {
    TrainingRun run = TrainingRun.of(data, outcomes, spec, new MemoryNetwork());
    Matrix x = Matrix.beside(data.parts());
    Folds folds = TrainingRun.folds(spec, data.rows());
    int[] all = outcomes.rowsOf(person -> true);
    PenaltyPath.Result result = run.label().path();
    List<PenaltyPath.Point> expected = new ArrayList<>();
    int passes = 0;
    for (int v = 0; v < spec.path().values().size(); v++) {
      double l2 = spec.path().values().get(v);
      PenaltyPath.Point point = result.points().get(v);
      passes += point.passes();
      assertThat(point.l2()).isEqualTo(l2);
      assertThat(point.converged()).isTrue();
      SubspaceFit whole = centralised(x, outcomes, spec.family(), l2, all);
      List<Double> weights = new ArrayList<>();
      Arrays.stream(point.weights()).forEach(weights::add);
      for (FeatureOutcome feature : run.features()) {
        Arrays.stream(feature.path().weights().get(v)).forEach(weights::add);
      }
      double[] reference = whole.ownWeights();
      double length = Math.sqrt(SubspaceFit.dot(reference, reference));
      assertThat(weights.stream().mapToDouble(Double::doubleValue).toArray())
          .as("weights with %s", l2)
          .containsExactly(reference, within(1e-3 * length));
      assertThat(point.objective())
          .isCloseTo(whole.objective(), within(1e-4 * Math.abs(whole.objective())));
      assertThat(point.intercept()).isCloseTo(whole.intercepts()[0], within(1e-3 * length));
      List<Double> losses = new ArrayList<>();
      for (int f = 0; f < folds.count(); f++) {
        int fold = f;
        int[] rest = outcomes.rowsOf(person -> folds.of(person) != fold);
        int[] held = outcomes.rowsOf(person -> folds.of(person) == fold);
        SubspaceFit fit = centralised(x, outcomes, spec.family(), l2, rest);
        losses.add(loss(x, outcomes, spec.family(), fit, held));
        assertThat(point.losses().get(f)).isCloseTo(losses.get(f), within(1e-3 * losses.get(f)));
      }
      expected.add(new PenaltyPath.Point(l2, losses, 0, true, new double[0], 0, 0));
    }
    assertThat(run.label().passes()).hasSize(passes);
    int chosen = spec.path().choose(expected).chosen();
    assertThat(result.chosen()).isEqualTo(chosen);
    assertThat(run.label().weights()).isEqualTo(result.choice().weights());
    assertThat(run.label().parametersRun()).containsEntry("chosen_l2", VALUES.get(chosen));
    for (FeatureOutcome feature : run.features()) {
      assertThat(feature.path().chosen()).isEqualTo(chosen);
      assertThat(feature.weights()).isEqualTo(feature.path().weights().get(chosen));
      assertThat(feature.passes()).isEqualTo(passes);
    }
    assertThat(run.label().findings()).isEmpty();
    assertThat(run.label().trainingLogits()).hasSize(outcomes.rows());
  }

  @ParameterizedTest
  @CsvSource({"false, 3, 12, 0", "true, 5, 6, 5"})
  void everyFitIsTheCentralisedOne(boolean sparing, int folds, int first, int second) {
    TestData data =
        second == 0
            ? TestData.synthetic(900, 7, 3, first)
            : TestData.synthetic(900, 7, 3, first, second);
    TrainingSpec spec = spec(Family.LOGISTIC, false, new PenaltyPath(VALUES, folds, sparing));
    check(data, Outcomes.of(data.labels()), spec);
  }

  /** Families whose residuals have no bound, weights and exposures. */
  @ParameterizedTest
  @CsvSource({"LINEAR, false", "POISSON, true"})
  void otherFamiliesAndWeightsAreFittedTheSame(Family family, boolean weighted) {
    TestData data = FamiliesTest.data(0, 2, 6, 9);
    PenaltyPath path = new PenaltyPath(VALUES, 3, false);
    check(
        data,
        FamiliesTest.outcomes(family.wireName(), weighted, weighted),
        spec(family, weighted, path));
  }

  /** A person's rows are all in one fold. */
  @Test
  void severalRowsOfAPersonAreLeftOutTogether() {
    TestData people = TestData.synthetic(600, 9, 0, 7);
    int[] persons = IntStream.range(0, 900).map(row -> row < 600 ? row / 2 : row - 300).toArray();
    double[] y = Arrays.stream(persons).mapToDouble(person -> people.labels()[person]).toArray();
    PenaltyPath path = new PenaltyPath(List.of(0.5, 0.05), 4, false);
    TrainingSpec spec = spec(Family.LOGISTIC, true, path);
    Outcomes outcomes = new Outcomes(y, null, null, persons);
    TrainingRun run =
        TrainingRun.of(
            new TestData(List.of(Matrix.zeros(900, 0), people.parts().get(1)), people.labels()),
            outcomes,
            spec,
            new MemoryNetwork());
    Matrix joined = people.parts().get(1).rows(persons);
    Folds folds = TrainingRun.folds(spec, 600);
    int[] rest = IntStream.range(0, 900).filter(row -> folds.of(persons[row]) != 1).toArray();
    int[] held = IntStream.range(0, 900).filter(row -> folds.of(persons[row]) == 1).toArray();
    Outcomes rows = Outcomes.of(y);
    SubspaceFit fit = centralised(joined, rows, Family.LOGISTIC, 0.5, rest);
    double expected = loss(joined, rows, Family.LOGISTIC, fit, held);
    assertThat(run.label().path().points().get(0).losses().get(1))
        .isCloseTo(expected, within(1e-3 * expected));
  }

  /** Which fits there are is the job's affair, not the label party's. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "3 | 1 | 3 penalties with 3 folds where the job has 4 and 3",
        "7 | 1 | 4 penalties with 2 folds where the job has 4 and 3",
        "11 | 1 | went back on the path",
        "19 | 2 | the end of the path",
        "15 | 1 | a fit that the path does not have",
      })
  void aLabelPartyThatNamesOtherFitsIsRefused(int at, int occurrence, String reason) {
    TestData data = TestData.synthetic(300, 7, 3, 5);
    TrainingSpec spec = spec(Family.LOGISTIC, false, new PenaltyPath(VALUES, 3, false));
    UnaryOperator<Channel> wrap =
        channel ->
            channel.self().equals(TrainingRun.LABEL)
                ? new TamperingChannel(
                    channel,
                    69,
                    occurrence,
                    payload -> {
                      payload[at] =
                          (byte)
                              switch (at) {
                                case 3 -> 3;
                                case 7 -> 2;
                                case 11 -> 3;
                                case 15 -> 9;
                                default -> 1;
                              };
                      return payload;
                    })
                : channel;
    assertThatThrownBy(() -> TrainingRun.of(data, spec, new MemoryNetwork(), wrap))
        .isInstanceOf(WireException.ProtocolViolation.class)
        .hasMessageContaining("bank broke the protocol")
        .hasMessageContaining(reason);
  }

  @Test
  void aPathForWhichTooFewPassesAreLeftIsNotBegun() {
    // Ten passes are allowed on these people, and nine fits take one each.
    TestData data = TestData.synthetic(1300, 7, 3, 40);
    PenaltyPath path = new PenaltyPath(List.of(1.0, 0.1, 0.01), 2, false);
    TrainingSpec spec = new TrainingSpec(Level.GRADIENTS, 0.01, 200, 1e-6, false).withPath(path);
    TrainingRun run = TrainingRun.of(data, spec, new MemoryNetwork());
    assertThat(run.label().passes()).hasSize(10);
    assertThat(run.label().findings()).anyMatch(text -> text.contains("training.max_passes"));
    MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
    Throwable refusal =
        catchThrowable(
            () ->
                TrainingRun.of(
                    data,
                    spec,
                    network,
                    channel -> channel,
                    Map.of(TrainingRun.featureParty(1), 2)));
    assertThat(refusal)
        .isInstanceOf(NoPassLeft.class)
        .hasMessageContaining("takes at least 9")
        .hasMessageContaining("accept: [span]");
    assertThat(
            RecordedMessage.all(network, TrainingRun.LABEL, TrainingRun.featureParty(1)).stream()
                .map(RecordedMessage::type))
        .startsWith(51, 69)
        .isSubsetOf(51, 69, 0);
  }

  @Test
  void anOutcomeThatOnlyOneFoldHasIsRefusedBeforeAnythingIsOpened() {
    TestData data = TestData.synthetic(300, 7, 3, 5);
    double[] y = new double[300];
    y[17] = 1;
    TrainingSpec spec = spec(Family.LOGISTIC, false, new PenaltyPath(VALUES, 2, false));
    MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
    assertThatThrownBy(
            () -> TrainingRun.of(new TestData(data.parts(), y), Outcomes.of(y), spec, network))
        .hasMessageContaining("the same for everybody but one fold");
    assertThat(RecordedMessage.all(network, TrainingRun.LABEL, TrainingRun.featureParty(1)))
        .noneMatch(message -> message.type() == 69);
  }

  /** Ten rows of each fold for each column, since fits differ by a fold's people. */
  @Test
  void foldsOfTooFewPeopleAreRefusedBeforeAnythingIsSent() {
    TestData data = TestData.synthetic(299, 7, 3, 10);
    TrainingSpec three = spec(Family.LOGISTIC, false, new PenaltyPath(VALUES, 3, false));
    MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
    assertThatThrownBy(() -> TrainingRun.of(data, three, network))
        .hasMessageContaining("10 prepared columns for 99 training rows");
    assertThat(RecordedMessage.all(network, TrainingRun.LABEL, TrainingRun.featureParty(1)))
        .isEmpty();
  }

  /**
   * Why folds need as many people of each category as everybody did: of a category with a single
   * person in a fold, the gradients of two fits tell that person's outcome. Of one with ten people
   * in every fold they tell the sum of ten.
   */
  @Test
  void gradientsOfTwoFitsTellTheOutcomeOfSomebodyWhoIsAloneInAFold() {
    int rows = 1000;
    Random random = new Random(5);
    double[] x = new double[2 * rows];
    double[] y = new double[rows];
    Folds folds = Folds.of(rows, 5, new byte[32]);
    int alone = folds.in(2)[7];
    for (int i = 0; i < rows; i++) {
      x[2 * i] = random.nextGaussian();
      x[2 * i + 1] = i == alone || (folds.of(i) != 2 && i % 100 == 3) ? 1 : 0;
      y[i] = random.nextDouble() < Family.LOGISTIC.mean(x[2 * i] - 0.3) ? 1 : 0;
    }
    Matrix both = new Matrix(rows, 2, x);
    int right = 0;
    for (int outcome = 0; outcome < 2; outcome++) {
      y[alone] = outcome;
      Outcomes outcomes = Outcomes.of(y.clone());
      int[] all = outcomes.rowsOf(person -> true);
      // What the owner of the category gets of either fit: the sum of residuals over it.
      double whole = sum(both, outcomes, all);
      double without = sum(both, outcomes, folds.without(2));
      right += (whole - without < 0 ? 1 : 0) == outcome ? 1 : 0;
    }
    assertThat(right).isEqualTo(2);

    Table table =
        new Table(
            List.of(
                new NumberColumn("number", both.times(new double[] {1, 0})),
                new NumberColumn("rare", both.times(new double[] {0, 1}))));
    int[] all = IntStream.range(0, rows).toArray();
    assertThat(Preparation.fit(table, all, PreparationSpec.DEFAULT).features()).contains("rare");
    assertThat(Preparation.fit(table, all, folds, PreparationSpec.DEFAULT).features())
        .containsExactly("number");
  }

  /** Over a category of residuals of the model before its column counts. */
  private static double sum(Matrix x, Outcomes outcomes, int[] rows) {
    Matrix number = new Matrix(x.rows(), 1, x.times(new double[] {1, 0}));
    SubspaceFit fit = centralised(number, outcomes, Family.LOGISTIC, 0.01, rows);
    double[] residuals = fit.residuals().get(0);
    double sum = 0;
    for (int i = 0; i < rows.length; i++) {
      sum += residuals[i] * x.get(rows[i], 1);
    }
    return sum;
  }

  @Test
  void whatIsNoPathIsRefused() {
    assertThatThrownBy(() -> new PenaltyPath(List.of(0.1, 1.0), 3, false))
        .hasMessageContaining("from the strongest to the weakest");
    assertThatThrownBy(() -> new PenaltyPath(List.of(), 3, false)).hasMessageContaining("1 to 20");
    assertThatThrownBy(() -> new PenaltyPath(VALUES, 11, false)).hasMessageContaining("2 to 10");
    PenaltyPath path = new PenaltyPath(VALUES, 3, false);
    TrainingSpec gradients = new TrainingSpec(Level.GRADIENTS, 0.01, 16, 1e-6, true);
    assertThatThrownBy(() -> new TrainingSpec(Level.SEALED, 0.01, 50, 1e-6, false).withPath(path))
        .hasMessageContaining("needs level gradients");
    assertThatThrownBy(() -> gradients.withL1(0.1).withPath(path))
        .hasMessageContaining("absolute weights");
    assertThatThrownBy(() -> gradients.withInference().withPath(path))
        .hasMessageContaining("standard errors");
    assertThatThrownBy(() -> new TrainingSpec(Level.GRADIENTS, 0.01, 15, 1e-6, true).withPath(path))
        .hasMessageContaining("16 fits take a pass each");
  }

  @Test
  void theRuleOfOneStandardErrorTakesTheStrongestPenaltyWithinIt() {
    List<PenaltyPath.Point> points = new ArrayList<>();
    double[] means = {0.60, 0.511, 0.50, 0.51};
    for (int v = 0; v < means.length; v++) {
      points.add(
          new PenaltyPath.Point(
              VALUES.get(v),
              List.of(means[v] - 0.012, means[v] + 0.012),
              0,
              true,
              new double[0],
              0,
              0));
    }
    // Of two losses 0.024 apart: 0.017 / sqrt(2).
    assertThat(points.get(2).standardError()).isCloseTo(0.012, within(1e-12));
    assertThat(new PenaltyPath(VALUES, 2, false).choose(points).chosen()).isEqualTo(2);
    assertThat(new PenaltyPath(VALUES, 2, true).choose(points).chosen()).isEqualTo(1);
  }
}
