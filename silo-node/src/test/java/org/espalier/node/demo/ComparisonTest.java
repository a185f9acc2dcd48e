package org.espalier.node.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import org.espalier.node.Problem;
import org.espalier.protocols.glm.CentralisedLogistic;
import org.espalier.protocols.model.ModelSlice;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Preparation;
import org.espalier.protocols.prepare.PreparationSpec;
import org.espalier.wire.Party;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class ComparisonTest {
  private static final Party BANK = new Party("bank");
  private static final Path CONFIGS = Path.of("..", "configs");

  private static Scenario scenario;
  private static Map<Integer, SortedMap<Party, Integer>> people;
  private static Cohort cohort;

  @BeforeAll
  static void read() {
    scenario = Scenario.read(CONFIGS.resolve("demo"));
    people = PlainJoin.of(scenario.spec(), scenario.sources());
    cohort = cohort(people);
  }

  /** Three of ten held out, in a random order that all share. */
  private static Cohort cohort(Map<Integer, SortedMap<Party, Integer>> people) {
    List<SortedMap<Party, Integer>> order = new ArrayList<>(people.values());
    Collections.shuffle(order, new Random(7));
    SortedMap<Party, int[]> training = new TreeMap<>();
    SortedMap<Party, int[]> holdout = new TreeMap<>();
    int held = order.size() * 3 / 10;
    for (Party party : scenario.sources().keySet()) {
      int[] rows = order.stream().mapToInt(person -> person.get(party)).toArray();
      holdout.put(party, Arrays.copyOf(rows, held));
      training.put(party, Arrays.copyOfRange(rows, held, rows.length));
    }
    return new Cohort(training, holdout);
  }

  private static SortedMap<Party, ModelSlice> slices(double shift) {
    SortedMap<Party, Preparation> preparations = new TreeMap<>();
    List<Matrix> parts = new ArrayList<>();
    double[] labels = new double[0];
    for (Map.Entry<Party, Scenario.Source> source : scenario.sources().entrySet()) {
      PlainTable data = PlainTable.read(source.getValue());
      int[] rows = cohort.training().get(source.getKey());
      Preparation preparation = Preparation.fit(data.table(), rows, PreparationSpec.DEFAULT);
      preparations.put(source.getKey(), preparation);
      parts.add(preparation.apply(data.table(), rows));
      if (source.getKey().equals(BANK)) {
        labels = Arrays.stream(rows).mapToDouble(row -> data.labels()[row]).toArray();
      }
    }
    CentralisedLogistic model =
        CentralisedLogistic.fit(
            Matrix.beside(parts), labels, scenario.spec().model().l2().single());
    SortedMap<Party, ModelSlice> slices = new TreeMap<>();
    int at = 0;
    for (Map.Entry<Party, Preparation> preparation : preparations.entrySet()) {
      int width = preparation.getValue().features().size();
      double[] weights = Arrays.copyOfRange(model.weights(), at, at + width);
      at += width;
      boolean label = preparation.getKey().equals(BANK);
      if (preparation.getKey().equals(preparations.lastKey())) {
        weights[2] += shift;
      }
      slices.put(
          preparation.getKey(),
          new ModelSlice(
              "J-00000000",
              preparation.getKey(),
              label ? ModelSlice.Role.LABEL : ModelSlice.Role.FEATURE,
              "logistic",
              "gradients",
              "mean log-loss + 0.01/2 * squared norm",
              labels.length,
              1,
              weights,
              label ? model.intercept() : null,
              preparation.getValue(),
              Map.of(),
              null));
    }
    return slices;
  }

  @Test
  void demoDataBringTogetherThePeopleThatTheReadmePromises() {
    assertThat(people).hasSize(716);
    assertThat(PlainJoin.of(scenario.spec(), scenario.scoring())).hasSize(37);
    Scenario example = Scenario.read(CONFIGS.resolve("scenario-example"));
    assertThat(PlainJoin.of(example.spec(), example.sources())).hasSize(457);
  }

  @Test
  void theOptimumItselfDiffersInNothing() {
    Comparison comparison = Comparison.of(scenario, cohort, slices(0));

    assertThat(comparison.maxWeightDifference()).isZero();
    assertThat(comparison.federated()).isEqualTo(comparison.centralised());
    assertThat(comparison.heldOut()).isTrue();
  }

  @Test
  void partnersColumnsHelpOnTheDemoData() {
    Comparison comparison = Comparison.of(scenario, cohort, slices(0));

    assertThat(comparison.centralised().auc())
        .isGreaterThan(comparison.labelPartyAlone().auc() + 0.01);
    assertThat(comparison.centralised().logLoss())
        .isLessThan(comparison.labelPartyAlone().logLoss());
    assertThat(comparison.labelPartyAlone().auc()).isBetween(0.65, 0.85);
  }

  @Test
  void aWrongWeightIsFoundAndNamed() {
    SortedMap<Party, ModelSlice> slices = slices(0.25);

    Comparison comparison = Comparison.of(scenario, cohort, slices);

    assertThat(comparison.maxWeightDifference()).isCloseTo(0.25, within(1e-12));
    ModelSlice changed = slices.get(slices.lastKey());
    assertThat(comparison.differentWeight())
        .isEqualTo(slices.lastKey() + ": " + changed.preparation().features().get(2));
    assertThat(comparison.federated()).isNotEqualTo(comparison.centralised());
  }

  @Test
  void aCohortWithSomebodyElseInItIsRefused() {
    SortedMap<Party, int[]> training = new TreeMap<>(cohort.training());
    cohort.requireSame(BANK, people);
    int[] swapped = training.get(training.lastKey()).clone();
    int first = swapped[0];
    swapped[0] = swapped[1];
    swapped[1] = first;
    training.put(training.lastKey(), swapped);

    Cohort wrong = new Cohort(training, cohort.holdout());

    assertThatThrownBy(() -> wrong.requireSame(BANK, people)).isInstanceOf(Problem.class);
  }
}
