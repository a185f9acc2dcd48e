package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.espalier.protocols.RecordedMessage;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.prepare.Column;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Preparation;
import org.espalier.protocols.prepare.PreparationSpec;
import org.espalier.protocols.prepare.PublicData;
import org.espalier.protocols.prepare.Table;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.Faults;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Training that begins at an earlier model. */
@Timeout(300)
class WarmStartTest {
  private static final double L2 = 0.01;
  private static final Party BANK = TrainingRun.LABEL;
  private static final Party F1 = TrainingRun.featureParty(1);
  private static final Party F2 = TrainingRun.featureParty(2);

  private static TrainingSpec spec(int maxPasses, double tolerance) {
    return new TrainingSpec(Level.GRADIENTS, L2, maxPasses, tolerance, true);
  }

  private static TrainingRun train(
      TestData data, TrainingSpec spec, Map<Party, TrainingRun.Before> before) {
    return TrainingRun.again(data, spec, new MemoryNetwork(), before, pass -> {});
  }

  /** One month's cohort and the next one's, of which a fifth is new. */
  private record Months(
      TestData then, TestData now, List<Preparation> old, List<Preparation> fresh) {
    static Months of(String file, String label, int parties) throws IOException {
      PublicData data = PublicData.read(file, label);
      int all = data.labels().length;
      int[] order = IntStream.range(0, all).toArray();
      Random random = new Random(20);
      for (int i = all - 1; i > 0; i--) {
        int j = random.nextInt(i + 1);
        int kept = order[i];
        order[i] = order[j];
        order[j] = kept;
      }
      int size = all * 5 / 6;
      int[] first = Arrays.copyOfRange(order, 0, size);
      int[] second = Arrays.copyOfRange(order, all - size, all);
      List<Column> columns = data.table().columns();
      List<Matrix> then = new ArrayList<>();
      List<Matrix> now = new ArrayList<>();
      List<Preparation> old = new ArrayList<>();
      List<Preparation> fresh = new ArrayList<>();
      for (int p = 0; p < parties; p++) {
        Table mine =
            new Table(
                columns.subList(p * columns.size() / parties, (p + 1) * columns.size() / parties));
        old.add(Preparation.fit(mine, first, PreparationSpec.DEFAULT));
        fresh.add(Preparation.fit(mine, second, PreparationSpec.DEFAULT));
        then.add(old.get(p).apply(mine, first));
        now.add(fresh.get(p).apply(mine, second));
      }
      double[] y = data.labels();
      return new Months(
          new TestData(then, Arrays.stream(first).mapToDouble(i -> y[i]).toArray()),
          new TestData(now, Arrays.stream(second).mapToDouble(i -> y[i]).toArray()),
          old,
          fresh);
    }

    Map<Party, TrainingRun.Before> carried(TrainingRun model) {
      Map<Party, TrainingRun.Before> starts = new HashMap<>();
      for (int p = 1; p < old.size(); p++) {
        double[] weights = model.features().get(p - 1).weights();
        starts.put(
            TrainingRun.featureParty(p),
            new TrainingRun.Before(0, PassStore.NONE, 1, fresh.get(p).carry(old.get(p), weights)));
      }
      return starts;
    }
  }

  /** The figures of docs/jobs.md are printed by this test. */
  @ParameterizedTest
  @CsvSource({
    // Where there are few passes anyway, the first one, without products, can be one too many.
    "german_credit.csv, bad, 2, -1",
    "german_credit.csv, bad, 3, -1",
    "breast_cancer_wisconsin.csv, benign, 2, 2",
    "breast_cancer_wisconsin.csv, benign, 3, 2",
    "adult_train.csv, income_over_50k, 2, 1",
    "adult_train.csv, income_over_50k, 3, 1"
  })
  void aCohortOfWhichAFifthIsNewTakesFewerPassesToTheSameModel(
      String file, String label, int parties, int fewer) throws IOException {
    Months months = Months.of(file, label, parties);
    CentralisedLogistic optimum =
        CentralisedLogistic.fit(Matrix.beside(months.now.parts()), months.now.labels(), L2);
    for (double tolerance : new double[] {1e-4, 1e-6}) {
      TrainingSpec spec = spec(60, tolerance);
      TrainingRun model = train(months.then, spec, Map.of());
      TrainingRun cold = train(months.now, spec, Map.of());
      TrainingRun warm = train(months.now, spec.withWarmStart(), months.carried(model));
      int without = cold.label().passes().size();
      int with = warm.label().passes().size();
      double gap = objective(months.now, warm) - optimum.objective();
      System.out.printf(
          "warm start: %s, %d parties, tolerance %.0e: %d passes, from the earlier model %d; above the minimum"
              + " %.1e and %.1e, %s and %s%n",
          file,
          parties,
          tolerance,
          without,
          with,
          objective(months.now, cold) - optimum.objective(),
          gap,
          cold.label().end(),
          warm.label().end());
      assertThat(with).isLessThanOrEqualTo(without - fewer);
      assertThat(gap).isLessThan(2 * tolerance);
    }
  }

  private static double objective(TestData data, TrainingRun run) {
    double[] w = run.weights();
    double[] z = Matrix.beside(data.parts()).times(w);
    double sum = 0;
    for (int i = 0; i < z.length; i++) {
      double loss = Family.LOGISTIC.loss(z[i] + run.label().intercept(), data.labels()[i]);
      sum += loss / z.length;
    }
    return sum + L2 / 2 * Arrays.stream(w).map(v -> v * v).sum();
  }

  @ParameterizedTest
  @EnumSource(Family.class)
  void theOptimumOfEveryFamilyIsThatWithoutIt(Family family) {
    boolean exposed = family == Family.POISSON || family == Family.GAMMA;
    Outcomes outcomes = FamiliesTest.outcomes(family.wireName(), true, exposed);
    if (family == Family.LINEAR) {
      // Amounts of money: logits are as large.
      double[] amounts = Arrays.stream(outcomes.values()).map(y -> 1e5 * y + 3e5).toArray();
      outcomes = new Outcomes(amounts, outcomes.weights(), null);
    }
    TestData cut = FamiliesTest.data(0, 2, 6, 9);
    TrainingSpec spec = new TrainingSpec(family, Level.GRADIENTS, L2, 80, 1e-10, true, false, true);
    TrainingRun cold = TrainingRun.of(cut, outcomes, spec, new MemoryNetwork());
    // Another penalty's model stands for an earlier one.
    TrainingSpec other =
        new TrainingSpec(family, Level.GRADIENTS, 0.3, 80, 1e-4, true, false, true);
    TrainingRun model = TrainingRun.of(cut, outcomes, other, new MemoryNetwork());
    TrainingRun warm =
        TrainingRun.again(
            cut, outcomes, spec.withWarmStart(), new MemoryNetwork(), model.asStart(), pass -> {});
    double length = Math.sqrt(SubspaceFit.dot(cold.weights(), cold.weights()));
    assertThat(warm.weights()).containsExactly(cold.weights(), within(2e-3 * length));
    assertThat(warm.label().passes().get(0).estimatedGap()).isNaN();
    assertThat(warm.label().converged()).isTrue();
  }

  private final TestData data = TestData.synthetic(400, 6, 2, 5, 4);

  private TrainingRun model() {
    return train(data, spec(20, 1e-3), Map.of());
  }

  @Test
  void weightsOfZeroAreNoDirectionAndTrainingGoesOn() {
    CentralisedLogistic optimum =
        CentralisedLogistic.fit(Matrix.beside(data.parts()), data.labels(), L2);
    Map<Party, TrainingRun.Before> nothing =
        Map.of(
            F1, new TrainingRun.Before(0, PassStore.NONE, 1, new double[5]),
            F2, new TrainingRun.Before(0, PassStore.NONE, 1, new double[4]));
    TrainingRun run = train(data, spec(60, 1e-10).withWarmStart(), nothing);
    assertThat(run.relativeDistance(optimum)).isLessThan(1e-3);
  }

  @Test
  void oneFeaturePartyMayBringWeightsOfZero() {
    Map<Party, TrainingRun.Before> one = new HashMap<>(model().asStart());
    one.put(F2, new TrainingRun.Before(0, PassStore.NONE, 1, new double[4]));
    CentralisedLogistic optimum =
        CentralisedLogistic.fit(Matrix.beside(data.parts()), data.labels(), L2);
    TrainingRun run = train(data, spec(60, 1e-10).withWarmStart(), one);
    assertThat(run.relativeDistance(optimum)).isLessThan(1e-3);
  }

  /** Each attempt with stores that survive it. */
  private TrainingRun again(
      MemoryNetwork network, Map<Party, PassStore> stores, TrainingRun model, List<Integer> begun) {
    Map<Party, TrainingRun.Before> before = new HashMap<>();
    Map<Party, TrainingRun.Before> starts = model.asStart();
    stores.forEach(
        (party, store) -> {
          TrainingRun.Before start = starts.get(party);
          before.put(
              party, new TrainingRun.Before(0, store, 1, start == null ? null : start.start()));
        });
    return TrainingRun.again(data, spec(6, 1e-12).withWarmStart(), network, before, begun::add);
  }

  private static Map<Party, PassStore> stores() {
    Map<Party, PassStore> stores = new HashMap<>();
    List.of(BANK, F1, F2).forEach(p -> stores.put(p, new GradientsResumeTest.Memory()));
    return stores;
  }

  @Test
  void whereverItIsCutTheNextAttemptGoesOnToTheSameModel() {
    TrainingRun model = model();
    MemoryNetwork whole = new MemoryNetwork(true, Duration.ofSeconds(20));
    TrainingRun expected = again(whole, stores(), model, new ArrayList<>());
    int bytes = whole.recorded(F1, BANK).length;
    // After the first pass, which is the earlier model, and in the middle.
    for (double cut : new double[] {0.15, 0.6}) {
      Map<Party, PassStore> stores = stores();
      MemoryNetwork broken =
          new MemoryNetwork(false, Duration.ofSeconds(20))
              .with(F1, BANK, Faults.cutAfter((int) (cut * bytes)));
      assertThatThrownBy(() -> again(broken, stores, model, new ArrayList<>()))
          .isInstanceOf(WireException.class);
      int kept = stores.get(BANK).kept().size();
      assertThat(kept).isBetween(1, 5);
      List<Integer> begun = new ArrayList<>();
      TrainingRun resumed = again(new MemoryNetwork(), stores, model, begun);
      assertThat(begun).first().isEqualTo(kept + 1);
      assertThat(begun).last().isEqualTo(6);
      assertThat(resumed.weights()).containsExactly(expected.weights(), within(1e-3));
    }
  }

  @Test
  void theFirstPassOpensLogitsAndSendsNoResidual() {
    MemoryNetwork network = new MemoryNetwork(true, Duration.ofSeconds(20));
    again(network, stores(), model(), new ArrayList<>());
    List<Integer> down =
        RecordedMessage.all(network, BANK, F1).stream().map(RecordedMessage::type).toList();
    List<Integer> up =
        RecordedMessage.all(network, F1, BANK).stream().map(RecordedMessage::type).toList();
    assertThat(down.subList(0, 5)).containsExactly(51, 60, 60, 52, 53);
    assertThat(up.subList(0, 7)).containsExactly(50, 64, 61, 62, 54, 61, 62);
  }

  /** A label party that tells feature parties different scales to have one party's scores alone. */
  @Test
  void masksOfTheFirstPassAreBoundToItsStart() {
    Map<Party, TrainingRun.Before> before = new HashMap<>(model().asStart());
    PassStore honest = new GradientsResumeTest.Memory();
    before.put(BANK, new TrainingRun.Before(0, honest));
    TrainingSpec one = spec(1, 1e-12).withWarmStart();
    TrainingRun.again(data, one, new MemoryNetwork(), before, pass -> {});
    PassStore attacker = new GradientsResumeTest.Memory();
    before.put(BANK, new TrainingRun.Before(0, attacker));
    UnaryOperator<Channel> wrap =
        tampered(
            F2,
            payload -> {
              Arrays.fill(payload, 8, 11, (byte) -1);
              payload[11] = -60; // scale: its part would be nothing
              return payload;
            });
    Throwable end =
        catchThrowable(
            () ->
                TrainingRun.of(
                    data,
                    Outcomes.of(data.labels()),
                    one,
                    new MemoryNetwork(),
                    wrap,
                    before,
                    pass -> {}));
    assertThat(end == null || end instanceof RuntimeException).isTrue();
    assertThat(GradientsTraining.rms(honest.kept().get(0).vector())).isLessThan(10);
    assertThat(GradientsTraining.rms(attacker.kept().get(0).vector())).isGreaterThan(1e4);
  }

  /** A label party that begins with other bytes at one party. */
  private static UnaryOperator<Channel> tampered(Party at, UnaryOperator<byte[]> change) {
    return channel ->
        channel.self().equals(BANK) && channel.peer().equals(at)
            ? new TamperingChannel(channel, 60, 1, change)
            : channel;
  }

  @Test
  void residualsAnnouncedForTheFirstPassAreRefused() {
    Map<Party, TrainingRun.Before> before = model().asStart();
    TrainingSpec weighted =
        new TrainingSpec(Family.LOGISTIC, Level.GRADIENTS, L2, 3, 1e-9, true, false, true);
    UnaryOperator<Channel> wrap =
        tampered(
            F1,
            payload -> {
              payload[15] = 1; // reach
              return payload;
            });
    assertThatThrownBy(
            () ->
                TrainingRun.of(
                    data,
                    Outcomes.of(data.labels()),
                    weighted.withWarmStart(),
                    new MemoryNetwork(),
                    wrap,
                    before,
                    pass -> {}))
        .hasMessageContaining("announced residuals in a pass without any");
  }

  @Test
  void withoutWeightsNothingBegins() {
    assertThatThrownBy(() -> train(data, spec(3, 1e-6).withWarmStart(), Map.of()))
        .hasMessageContaining("begins at 0 weights for");
  }

  @Test
  void fallingShortIsSaidWithWhatItMeansForPeopleHeldOut() {
    TrainingRun run = train(data, spec(1, 1e-12).withWarmStart(), model().asStart());
    assertThat(run.label().passes()).hasSize(1);
    assertThat(run.label().findings())
        .containsExactly(
            "the model is short of the tolerance: the agreed number of passes was run",
            "short of the tolerance it has traces of the model at which it began: of people held out on"
                + " whom that was fitted, figures are too good");
  }

  @Test
  void whatItDoesNotGoWithIsRefused() {
    assertThatThrownBy(() -> spec(9, 1e-6).withL1(0.1).withWarmStart())
        .hasMessageContaining("a warm start is of one linear predictor");
    assertThatThrownBy(() -> spec(9, 1e-6).withPatience(2).withWarmStart())
        .hasMessageContaining("may have been fitted on people who are to be set aside");
  }
}
