package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.IntConsumer;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Party;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;

/** The label party has several rows of a person, the others one. */
class SeveralRowsTest {
  private static final int PEOPLE = 500;

  /** Rows of the label party as the first part, of the others one for each person. */
  private static final TestData ALL = TestData.synthetic(1300, 12, 3, 4, 3);

  private static final int[] OF = people();

  private static int[] people() {
    int[] people = new int[ALL.rows()];
    Random random = new Random(77);
    // One to many rows each, in the order of people.
    for (int row = 1, person = 0; row < people.length; row++) {
      int left = PEOPLE - 1 - person;
      person += random.nextInt(people.length - row) < left ? 1 : 0;
      people[row] = person;
    }
    return people;
  }

  /** One row for each person: the first. */
  private static Matrix once(Matrix part) {
    Matrix few = Matrix.zeros(PEOPLE, part.columns());
    for (int row = part.rows() - 1; row >= 0; row--) {
      System.arraycopy(
          part.values(),
          row * part.columns(),
          few.values(),
          OF[row] * part.columns(),
          part.columns());
    }
    return few;
  }

  private static Matrix spread(Matrix few) {
    Matrix all = Matrix.zeros(OF.length, few.columns());
    for (int row = 0; row < OF.length; row++) {
      System.arraycopy(
          few.values(), OF[row] * few.columns(), all.values(), row * few.columns(), few.columns());
    }
    return all;
  }

  private static TrainingSpec spec(Family family) {
    return new TrainingSpec(family, Level.GRADIENTS, 0.01, 80, 1e-10, true, false, true);
  }

  private static TrainingRun train(TrainingSpec spec, Outcomes outcomes) {
    return train(spec, outcomes, Map.of(), pass -> {});
  }

  private static TrainingRun train(
      TrainingSpec spec,
      Outcomes outcomes,
      Map<Party, TrainingRun.Before> before,
      IntConsumer begun) {
    List<Matrix> parts = new ArrayList<>(List.of(ALL.parts().get(0)));
    ALL.parts().stream().skip(1).map(SeveralRowsTest::once).forEach(parts::add);
    return TrainingRun.again(
        new TestData(parts, new double[PEOPLE]),
        outcomes,
        spec,
        new MemoryNetwork(),
        before,
        begun);
  }

  private static Matrix joined() {
    List<Matrix> parts = new ArrayList<>(List.of(ALL.parts().get(0)));
    ALL.parts().stream()
        .skip(1)
        .map(SeveralRowsTest::once)
        .map(SeveralRowsTest::spread)
        .forEach(parts::add);
    return Matrix.beside(parts);
  }

  @Test
  void isTheSolutionOnTheJoinedTable() {
    TrainingRun run = train(spec(Family.LOGISTIC), new Outcomes(ALL.labels(), null, null, OF));
    CentralisedLogistic reference = CentralisedLogistic.fit(joined(), ALL.labels(), 0.01);
    assertThat(run.relativeDistance(reference)).isLessThan(1e-3);
    assertThat(run.label().trainingLogits()).hasSize(OF.length);
    assertThat(run.label().converged()).isTrue();
    assertThat(run.label().passes()).hasSizeLessThan(40);
  }

  /** What earlier attempts opened is of people, too. */
  @Test
  void anotherAttemptGoesOnFromWhatWasKept() {
    Map<Party, TrainingRun.Before> kept = new HashMap<>();
    for (Party party :
        List.of(TrainingRun.LABEL, TrainingRun.featureParty(1), TrainingRun.featureParty(2))) {
      kept.put(party, new TrainingRun.Before(0, new GradientsResumeTest.Memory()));
    }
    TrainingSpec loose =
        new TrainingSpec(Family.LOGISTIC, Level.GRADIENTS, 0.01, 40, 1e-4, true, false, true);
    Outcomes outcomes = new Outcomes(ALL.labels(), null, null, OF);
    List<Integer> begun = new ArrayList<>();
    TrainingRun first = train(loose, outcomes, kept, begun::add);
    assertThat(begun).isNotEmpty();
    begun.clear();
    TrainingRun again = train(loose, outcomes, kept, begun::add);
    // At most the last one, which is not kept if it opened noise.
    assertThat(begun).doesNotContain(1).hasSizeLessThan(2);
    // A pass that was discarded as noise is run again with other noise.
    assertThat(again.weights()).containsExactly(first.weights(), within(1e-2));
  }

  /** The gradient of the weighted least squares on the joined table vanishes. */
  @Test
  void rowsMayHaveWeights() {
    double[] y = joined().times(new Random(5).doubles(10, -1, 1).toArray());
    double[] weights = new Random(6).doubles(y.length, 0.2, 3).toArray();
    Random noise = new Random(7);
    for (int i = 0; i < y.length; i++) {
      y[i] += noise.nextGaussian();
    }
    Outcomes outcomes = new Outcomes(y, weights, null, OF);
    TrainingRun run = train(spec(Family.LINEAR), outcomes);
    double[] w = run.weights();
    double[] off = joined().times(w);
    for (int i = 0; i < off.length; i++) {
      off[i] = outcomes.weight(i) * (off[i] + run.label().intercept() - y[i]) / y.length;
    }
    double[] gradient = joined().transposeTimes(off);
    for (int j = 0; j < gradient.length; j++) {
      assertThat(gradient[j] + 0.01 * w[j]).isCloseTo(0, within(1e-3));
    }
    assertThat(Arrays.stream(off).sum()).isCloseTo(0, within(1e-3));
  }

  @Test
  void whatDoesNotFitIsRefused() {
    double[] y = ALL.labels();
    assertThatThrownBy(() -> new Outcomes(y, null, null, new int[3]))
        .hasMessageContaining("3 people for 1300 rows");
    int[] gap = OF.clone();
    gap[gap.length - 1]++;
    gap[gap.length - 1]++;
    assertThatThrownBy(() -> new Outcomes(y, null, null, gap))
        .hasMessageContaining("person 501 after");
    Outcomes outcomes = new Outcomes(y, null, null, OF);
    assertThatThrownBy(
            () ->
                train(
                    new TrainingSpec(Family.LOGISTIC, Level.GRADIENTS, 0.01, 9, 1e-6, true),
                    outcomes))
        .hasMessageContaining("says nothing of weights");
    assertThatThrownBy(() -> train(spec(Family.LOGISTIC).withInference(), outcomes))
        .hasMessageContaining("no standard errors");
  }
}
