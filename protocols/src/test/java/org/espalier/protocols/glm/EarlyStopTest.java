package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.espalier.protocols.RecordedMessage;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Party;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.Faults;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Regressions that end when people set aside gain nothing more. */
@Timeout(300)
class EarlyStopTest {
  private static final int ROWS = 500;
  private static final double L2 = 1e-5;
  private static final int PATIENCE = 3;
  private static final Party BANK = TrainingRun.LABEL;
  private static final Party F1 = TrainingRun.featureParty(1);
  private static final Party F2 = TrainingRun.featureParty(2);

  /** Few people for many columns: the minimum fits noise. */
  private static final TestData DATA = TestData.synthetic(ROWS, 8, 2, 24, 20);

  private static final TrainingSpec PLAIN = new TrainingSpec(Level.GRADIENTS, L2, 30, 1e-10, true);
  private static final TrainingSpec SPEC = PLAIN.withPatience(PATIENCE);

  private final Map<Party, GradientsResumeTest.Memory> stores = stores();
  private final List<Integer> begun = new ArrayList<>();

  private static Map<Party, GradientsResumeTest.Memory> stores() {
    Map<Party, GradientsResumeTest.Memory> stores = new HashMap<>();
    List.of(BANK, F1, F2).forEach(p -> stores.put(p, new GradientsResumeTest.Memory()));
    return stores;
  }

  private TrainingRun train(MemoryNetwork network, Outcomes outcomes, TrainingSpec spec) {
    Map<Party, TrainingRun.Before> before = new HashMap<>();
    stores.forEach((party, kept) -> before.put(party, new TrainingRun.Before(0, kept)));
    begun.clear();
    return TrainingRun.again(DATA, outcomes, spec, network, before, begun::add);
  }

  private TrainingRun train() {
    return train(new MemoryNetwork(), Outcomes.of(DATA.labels()), SPEC);
  }

  /** By its document: the first tenth of a permutation from the label party's secret. */
  private boolean[] aside() {
    boolean[] aside = new boolean[ROWS];
    int[] order = new Prg(stores.get(BANK).secret()).permutation(ROWS);
    for (int i = 0; i < ROWS / 10; i++) {
      aside[order[i]] = true;
    }
    return aside;
  }

  private int[] people(boolean setAside) {
    boolean[] aside = aside();
    return IntStream.range(0, ROWS).filter(i -> aside[i] == setAside).toArray();
  }

  private static double[] of(double[] values, int[] rows) {
    return Arrays.stream(rows).mapToDouble(i -> values[i]).toArray();
  }

  private static Matrix joined(int[] rows) {
    return Matrix.beside(DATA.parts()).rows(rows);
  }

  private static double loss(double[] weights, double intercept, int[] rows) {
    double[] z = joined(rows).times(weights);
    double sum = 0;
    for (int i = 0; i < rows.length; i++) {
      sum += Family.LOGISTIC.loss(z[i] + intercept, DATA.labels()[rows[i]]);
    }
    return sum / rows.length;
  }

  /**
   * Early stopping in one place, over the directions that the parties have kept: all numbers are
   * known there, without noise. Of each number of passes the weights, the intercept last.
   */
  private List<double[]> inOnePlace(int passes) {
    int[] fitted = people(false);
    List<Matrix> parts = DATA.parts().stream().map(part -> part.rows(fitted)).toList();
    SubspaceFit fit =
        new SubspaceFit(
            parts.get(0), Outcomes.of(of(DATA.labels(), fitted)), Family.LOGISTIC, L2, 1e-14);
    List<double[]> directions = new ArrayList<>();
    List<double[]> points = new ArrayList<>();
    for (int pass = 0; pass <= passes; pass++) {
      if (pass > 0) {
        double[] first = stores.get(F1).kept.get(pass - 1).vector();
        double[] second = stores.get(F2).kept.get(pass - 1).vector();
        double[] direction = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, direction, first.length, second.length);
        directions.add(direction);
        double[] logits = parts.get(1).times(first);
        double[] more = parts.get(2).times(second);
        Arrays.setAll(logits, i -> logits[i] + more[i]);
        fit.add(
            logits,
            directions.stream()
                .mapToDouble(other -> L2 * SubspaceFit.dot(other, direction))
                .toArray());
      }
      fit.minimise();
      double[] own = fit.ownWeights();
      double[] point = Arrays.copyOf(own, own.length + 44 + 1);
      for (int s = 0; s < pass; s++) {
        for (int j = 0; j < 44; j++) {
          point[own.length + j] += fit.coefficients()[s] * directions.get(s)[j];
        }
      }
      point[point.length - 1] = fit.intercepts()[0];
      points.add(point);
    }
    return points;
  }

  @Test
  void isTheSameEarlyStoppingAsInOnePlace() {
    TrainingRun run = train();
    LabelOutcome label = run.label();
    EarlyStop stop = label.earlyStop();
    assertThat(label.end()).isEqualTo(LabelOutcome.End.PATIENCE);
    assertThat(label.converged()).isTrue();
    assertThat(label.passes()).hasSize(stop.pass() + PATIENCE);
    assertThat(stop.people()).isEqualTo(ROWS / 10);
    int[] watched = people(true);
    List<double[]> points = inOnePlace(label.passes().size());
    double[] losses =
        points.stream()
            .mapToDouble(p -> loss(Arrays.copyOf(p, p.length - 1), p[p.length - 1], watched))
            .toArray();
    double least = Arrays.stream(losses).min().orElseThrow();
    assertThat(losses[stop.pass()]).isCloseTo(least, within(1e-4));
    for (int pass = 0; pass < label.passes().size(); pass++) {
      assertThat(label.passes().get(pass).setAside()).isCloseTo(losses[pass], within(2e-3));
    }
    double[] expected = points.get(stop.pass());
    double length = Math.sqrt(SubspaceFit.dot(expected, expected));
    double[] weights = run.weights();
    for (int j = 0; j < weights.length; j++) {
      assertThat(weights[j]).as("weight %d", j).isCloseTo(expected[j], within(2e-3 * length));
    }
    assertThat(label.intercept()).isCloseTo(expected[expected.length - 1], within(2e-3 * length));
    // What the slices of all parties say of those set aside is what stopped it.
    assertThat(loss(weights, label.intercept(), watched)).isCloseTo(stop.loss(), within(2e-3));
    assertThat(label.trainingLogits()).hasSize(ROWS);
    double[] z = Matrix.beside(DATA.parts()).times(weights);
    for (int i = 0; i < ROWS; i++) {
      assertThat(label.trainingLogits()[i]).isCloseTo(z[i] + label.intercept(), within(0.02));
    }
    assertThat(label.parametersRun()).containsEntry("kept_pass", stop.pass());
  }

  /** The figures of docs/jobs.md: people held out are in neither training. */
  @ParameterizedTest
  @CsvSource({
    "german_credit.csv, bad, 2",
    "german_credit.csv, bad, 3",
    "adult_train.csv, income_over_50k, 2",
    "adult_train.csv, income_over_50k, 3"
  })
  void costsPeopleHeldOutLittle(String file, String label, int parties) throws IOException {
    TestData all = TestData.shared(file, label, parties);
    int cut = all.rows() * 4 / 5;
    TestData training = rows(all, 0, cut);
    TestData others = rows(all, cut, all.rows());
    TrainingSpec spec = new TrainingSpec(Level.GRADIENTS, 0.01, 60, 1e-6, true);
    TrainingRun whole = TrainingRun.of(training, spec, new MemoryNetwork());
    for (int patience = 1; patience <= 2; patience++) {
      TrainingRun early =
          TrainingRun.of(training, spec.withPatience(patience), new MemoryNetwork());
      System.out.printf(
          "early stopping: %s, %d parties, patience %d: %d passes, pass %d kept, without %d; loss held out %.5f"
              + " and %.5f%n",
          file,
          parties,
          patience,
          early.label().passes().size(),
          early.label().earlyStop().pass(),
          whole.label().passes().size(),
          loss(others, early),
          loss(others, whole));
      assertThat(early.label().passes().size())
          .isLessThanOrEqualTo(whole.label().passes().size() + 1);
      assertThat(loss(others, early)).isLessThan(1.1 * loss(others, whole));
    }
  }

  private static double loss(TestData data, TrainingRun run) {
    double[] z = Matrix.beside(data.parts()).times(run.weights());
    double sum = 0;
    for (int i = 0; i < z.length; i++) {
      sum += Family.LOGISTIC.loss(z[i] + run.label().intercept(), data.labels()[i]);
    }
    return sum / z.length;
  }

  private static TestData rows(TestData data, int from, int to) {
    int[] rows = IntStream.range(from, to).toArray();
    return new TestData(
        data.parts().stream().map(part -> part.rows(rows)).toList(),
        Arrays.copyOfRange(data.labels(), from, to));
  }

  /** The tolerance is that of the last pass, not of the one whose weights are kept. */
  @Test
  void weightsOfAnEarlierPassAreNotCalledThoseOfTheMinimum() {
    TrainingSpec patient = new TrainingSpec(Level.GRADIENTS, L2, 60, 1e-10, true).withPatience(60);
    LabelOutcome label = train(new MemoryNetwork(), Outcomes.of(DATA.labels()), patient).label();
    assertThat(label.passes()).hasSizeLessThan(60);
    assertThat(label.earlyStop().pass()).isLessThan(label.passes().size());
    assertThat(label.end()).isEqualTo(LabelOutcome.End.PATIENCE);
    assertThat(label.parametersRun()).containsEntry("end", "patience");
    assertThat(label.gap().estimate()).isNaN();
    // Where the last one is the best, both are true.
    TestData plain = TestData.synthetic(2000, 8, 2, 4, 3);
    TrainingRun run =
        TrainingRun.of(
            plain,
            new TrainingSpec(Level.GRADIENTS, 0.01, 60, 1, true).withPatience(60),
            new MemoryNetwork());
    assertThat(run.label().earlyStop().pass()).isEqualTo(run.label().passes().size());
    assertThat(run.label().end()).isEqualTo(LabelOutcome.End.TOLERANCE);
  }

  @Test
  void takesFewerPassesThanToTheMinimum() {
    TrainingRun whole = TrainingRun.of(DATA, PLAIN, new MemoryNetwork());
    assertThat(train().label().passes().size()).isLessThan(whole.label().passes().size());
  }

  /** Who is set aside is in no gradient: other outcomes of theirs change no fit. */
  @Test
  void whoIsSetAsideIsNotFitted() {
    TrainingRun run = train(new MemoryNetwork(), Outcomes.of(DATA.labels()), SPEC);
    double[] others = DATA.labels().clone();
    for (int person : people(true)) {
      others[person] = 1 - others[person];
    }
    stores.values().forEach(store -> store.kept.clear());
    TrainingRun turned = train(new MemoryNetwork(), Outcomes.of(others), SPEC);
    int both = Math.min(run.label().passes().size(), turned.label().passes().size());
    assertThat(both).isGreaterThanOrEqualTo(PATIENCE);
    for (int pass = 0; pass < both; pass++) {
      PassReport one = run.label().passes().get(pass);
      PassReport two = turned.label().passes().get(pass);
      assertThat(two.objective()).isCloseTo(one.objective(), within(1e-3));
      assertThat(two.setAside()).isGreaterThan(one.setAside());
    }
    // Outcomes turned round are predicted best by nobody's columns.
    assertThat(turned.label().earlyStop().pass()).isLessThanOrEqualTo(1);
  }

  /** Messages are those of a training of everybody: nothing says who, or that anybody, is aside. */
  @Test
  void messagesAreThoseOfAnyTraining() {
    MemoryNetwork network = new MemoryNetwork(true, Duration.ofSeconds(60));
    TrainingRun run = train(network, Outcomes.of(DATA.labels()), SPEC);
    stores.values().forEach(store -> store.kept.clear());
    TrainingSpec asLong =
        new TrainingSpec(Level.GRADIENTS, L2, run.label().passes().size(), 1e-12, true);
    MemoryNetwork plain = new MemoryNetwork(true, Duration.ofSeconds(60));
    train(plain, Outcomes.of(DATA.labels()), asLong);
    for (Party feature : List.of(F1, F2)) {
      assertThat(shapes(network, BANK, feature)).isEqualTo(shapes(plain, BANK, feature));
      assertThat(shapes(network, feature, BANK)).isEqualTo(shapes(plain, feature, BANK));
    }
  }

  private static List<String> shapes(MemoryNetwork network, Party from, Party to) {
    return RecordedMessage.all(network, from, to).stream()
        .map(message -> message.type() + ":" + message.payload().length)
        .toList();
  }

  @Test
  void whereverItIsCutTheSamePeopleAreAsideAndTheModelIsTheSame() {
    MemoryNetwork whole = new MemoryNetwork(true, Duration.ofSeconds(60));
    TrainingRun expected = train(whole, Outcomes.of(DATA.labels()), SPEC);
    int bytes = whole.recorded(F1, BANK).length;
    stores.values().forEach(store -> store.kept.clear());
    MemoryNetwork broken =
        new MemoryNetwork(false, Duration.ofSeconds(60))
            .with(F1, BANK, Faults.cutAfter(bytes * 3 / 5));
    assertThatThrownBy(() -> train(broken, Outcomes.of(DATA.labels()), SPEC))
        .isInstanceOf(WireException.class);
    int kept = stores.get(BANK).kept.size();
    assertThat(kept).isPositive();
    TrainingRun resumed = train();
    assertThat(begun).first().isEqualTo(kept + 1);
    assertSame(resumed, expected);
    // What had ended opens nothing more.
    TrainingRun again = train();
    assertThat(begun).isEmpty();
    assertThat(again.label().end()).isEqualTo(LabelOutcome.End.PATIENCE);
    assertThat(again.label().earlyStop()).isEqualTo(resumed.label().earlyStop());
    assertThat(again.weights()).containsExactly(resumed.weights(), within(1e-6));
  }

  /** Where two passes are as good as each other, noise decides between them. */
  private void assertSame(TrainingRun resumed, TrainingRun expected) {
    EarlyStop one = expected.label().earlyStop();
    EarlyStop two = resumed.label().earlyStop();
    assertThat(two.loss()).isCloseTo(one.loss(), within(2e-3));
    if (one.pass() == two.pass()) {
      double length = Math.sqrt(SubspaceFit.dot(expected.weights(), expected.weights()));
      assertThat(resumed.weights()).containsExactly(expected.weights(), within(5e-3 * length));
    }
  }

  @Test
  void tooFewPeopleToSetAsideAreRefusedByEverybody() {
    TestData few = TestData.synthetic(199, 3, 1, 3, 3);
    assertThatThrownBy(() -> TrainingRun.of(few, SPEC, new MemoryNetwork()))
        .hasMessageContaining("one in 10 of 199 training people are set aside")
        .hasMessageContaining("and 20 are needed");
    TestData enough = TestData.synthetic(200, 3, 1, 3, 3);
    assertThat(TrainingRun.of(enough, SPEC, new MemoryNetwork()).label().earlyStop().people())
        .isEqualTo(20);
  }

  /** 200 people, 20 of them set aside: 18 columns are the most for the others. */
  @Test
  void columnsAreHeldAgainstThePeopleWhoAreFitted() {
    TestData data = TestData.synthetic(200, 3, 1, 10, 9);
    TrainingRun.of(data, PLAIN, new MemoryNetwork());
    assertThatThrownBy(() -> TrainingRun.of(data, SPEC, new MemoryNetwork()))
        .hasMessageContaining("prepared columns for 180 training rows");
  }

  @Test
  void whatItDoesNotGoWithIsRefused() {
    assertThatThrownBy(() -> PLAIN.withL1(0.1).withPatience(1))
        .hasMessageContaining("early stopping is of one linear predictor");
    assertThatThrownBy(() -> PLAIN.withClasses(3).withPatience(1))
        .hasMessageContaining("early stopping is of one linear predictor");
    assertThatThrownBy(() -> PLAIN.withInference().withPatience(1))
        .hasMessageContaining("short of the minimum there are no standard errors");
    assertThatThrownBy(() -> new TrainingSpec(Level.SEALED, L2, 30, 1e-6, false).withPatience(1))
        .hasMessageContaining("early stopping is of one linear predictor at level gradients");
  }
}
