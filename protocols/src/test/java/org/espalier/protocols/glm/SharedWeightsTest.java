package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.apache.commons.math3.stat.correlation.PearsonsCorrelation;
import org.espalier.he.HeContext;
import org.espalier.he.KeyPair;
import org.espalier.he.LaneLayout;
import org.espalier.protocols.RecordedMessage;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.evaluate.Evaluation;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.predict.SharedLogits;
import org.espalier.protocols.predict.SharedWeights;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.shares.Pinned;
import org.espalier.protocols.shares.PrimeField;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A model whose weights nobody has: training to joint scores, and what a label party could ask. */
class SharedWeightsTest {
  private static final Session SCORING = new Session("P-test", new byte[32], 1);

  private static TrainingSpec spec(Family family) {
    return new TrainingSpec(
        family, Level.SEALED, 0.01, TrainingSpec.MAX_PASSES, 1e-5, false, true, false);
  }

  static double[] score(TrainingRun run, List<Matrix> rows, MemoryNetwork network) {
    return score(run.label().shared(), run, rows, network, SCORING);
  }

  /** All parties score together. */
  private static double[] score(
      SharedWeights label,
      TrainingRun run,
      List<Matrix> rows,
      MemoryNetwork network,
      Session labelSession) {
    List<Party> others = new ArrayList<>();
    for (int p = 1; p < rows.size(); p++) {
      others.add(TrainingRun.featureParty(p));
    }
    List<CompletableFuture<Void>> features = new ArrayList<>();
    for (int p = 1; p < rows.size(); p++) {
      Party self = TrainingRun.featureParty(p);
      SharedWeights own = run.features().get(p - 1).shared();
      Matrix part = rows.get(p);
      List<Party> peers = new ArrayList<>(others);
      peers.remove(self);
      Channel up = network.channel(self, TrainingRun.LABEL);
      Map<Party, Channel> channels = network.channels(self, peers);
      features.add(
          CompletableFuture.runAsync(
              () -> {
                try {
                  SharedLogits.feature(SCORING, own, up, channels, part);
                } catch (RuntimeException e) {
                  up.abort(String.valueOf(e.getMessage()));
                  throw e;
                }
              }));
    }
    try {
      return SharedLogits.label(
          labelSession, label, network.channels(TrainingRun.LABEL, others), rows.get(0));
    } finally {
      features.forEach(CompletableFuture::join);
    }
  }

  @ParameterizedTest
  @CsvSource({"4+5", "3+4+5", "0+6", "2+3+3+4"})
  void jointScoresAreThoseOfTheOptimum(String columns) {
    int[] d = Arrays.stream(columns.split("\\+", -1)).mapToInt(Integer::parseInt).toArray();
    TestData data = TestData.synthetic(6000, Arrays.stream(d).sum(), d);
    Matrix joined = Matrix.beside(data.parts());
    CentralisedLogistic optimum = CentralisedLogistic.fit(joined, data.labels(), 0.01);
    TrainingRun run = TrainingRun.of(data, spec(Family.LOGISTIC), new MemoryNetwork());
    assertThat(run.label().weights()).isEmpty();
    assertThat(run.label().intercept()).isZero();
    run.features().forEach(feature -> assertThat(feature.weights()).isEmpty());
    double[] logits = score(run, data.parts(), new MemoryNetwork());
    double[] expected = joined.times(optimum.weights());
    double squares = 0;
    for (int i = 0; i < logits.length; i++) {
      double error = logits[i] - expected[i] - optimum.intercept();
      squares += error * error / logits.length;
    }
    assertThat(Math.sqrt(squares)).isLessThan(0.02);
    assertThat(auc(logits, data.labels())).isCloseTo(auc(expected, data.labels()), within(5e-4));
  }

  private static double auc(double[] logits, double[] labels) {
    return Evaluation.of(Arrays.stream(logits).map(Family.LOGISTIC::mean).toArray(), labels).auc();
  }

  @Test
  void jointPredictionsOfALinearModelAreInTheUnitsOfTheOutcome() {
    TestData data = TestData.synthetic(5000, 7, 3, 4);
    Matrix joined = Matrix.beside(data.parts());
    double[] w = new Random(3).doubles(7, -4, 4).toArray();
    double[] y = joined.times(w);
    for (int i = 0; i < y.length; i++) {
      data.labels()[i] = 100 + y[i];
    }
    TrainingRun run =
        TrainingRun.of(
            data,
            new TrainingSpec(Family.LINEAR, Level.SEALED, 1e-4, 25, 1e-6, false, true, false),
            new MemoryNetwork());
    double[] predicted = score(run, data.parts(), new MemoryNetwork());
    double error = 0;
    for (int i = 0; i < y.length; i++) {
      error += Math.abs(predicted[i] - 100 - y[i]) / y.length;
    }
    assertThat(error).isLessThan(0.2);
  }

  @Test
  void nothingCrossesTheWireButRepliesAndMaskedResidues() {
    TestData data = TestData.synthetic(900, 9, 2, 3, 4);
    TrainingRun run = TrainingRun.of(data, spec(Family.LOGISTIC), new MemoryNetwork());
    MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
    score(run, data.parts(), network);
    Party f1 = TrainingRun.featureParty(1);
    Party f2 = TrainingRun.featureParty(2);
    // The request and, to the first feature party, replies of the label party's own columns.
    assertThat(types(network, TrainingRun.LABEL, f1)).matches("70 (82 )+");
    assertThat(types(network, TrainingRun.LABEL, f2)).isEqualTo("70 ");
    assertThat(types(network, f1, TrainingRun.LABEL)).matches("(82 )+83 ");
    assertThat(types(network, f2, TrainingRun.LABEL)).matches("(82 )+83 ");
    assertThat(types(network, f1, f2) + types(network, f2, f1)).isEqualTo("40 ");
  }

  /** Where weights would be opened there are two fixed vectors, and nothing in clear. */
  @Test
  void nothingIsOpenedWhenTrainingEnds() {
    TestData data = TestData.synthetic(900, 9, 2, 3, 4);
    MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
    TrainingRun run = TrainingRun.of(data, spec(Family.LOGISTIC), network);
    Party f1 = TrainingRun.featureParty(1);
    Party f2 = TrainingRun.featureParty(2);
    // After the last decision: a key, and a ciphertext for each tile's width of columns.
    int width = run.label().shared().width();
    String ofThree = " 80 " + "81 ".repeat((3 + width - 1) / width);
    String ofFour = " 80 " + "81 ".repeat((4 + width - 1) / width);
    assertThat(types(network, TrainingRun.LABEL, f1)).endsWith("93" + ofThree);
    assertThat(types(network, TrainingRun.LABEL, f2)).endsWith("93" + ofFour);
    assertThat(types(network, f1, TrainingRun.LABEL)).endsWith("92" + ofThree);
    assertThat(types(network, f2, TrainingRun.LABEL)).endsWith("82 ");
  }

  @Test
  void aPersonsScoreIsAlwaysTheSame() {
    TestData data = TestData.synthetic(600, 5, 2, 3, 3);
    TrainingRun run = TrainingRun.of(data, spec(Family.LOGISTIC), new MemoryNetwork());
    double[] first = score(run, data.parts(), new MemoryNetwork());
    double[] again = score(run, data.parts(), new MemoryNetwork());
    for (int i = 0; i < first.length; i++) {
      assertThat(again[i]).isCloseTo(first[i], within(0x1p-35));
    }
  }

  private static String types(MemoryNetwork network, Party from, Party to) {
    StringBuilder types = new StringBuilder();
    RecordedMessage.all(network, from, to).forEach(m -> types.append(m.type()).append(' '));
    return types.toString();
  }

  @Test
  void anotherJobsRequestIsRefused() {
    TestData data = TestData.synthetic(600, 5, 2, 3);
    TrainingRun run = TrainingRun.of(data, spec(Family.LOGISTIC), new MemoryNetwork());
    assertThatThrownBy(
            () ->
                score(
                    run.label().shared(),
                    run,
                    data.parts(),
                    new MemoryNetwork(),
                    new Session("P-other", new byte[32], 1)))
        .isInstanceOfAny(WireException.class, CompletionException.class)
        .hasStackTraceContaining("another job");
  }

  /**
   * What a label party changes of its own at scoring moves the result by what it knows itself: a
   * feature party's part stays the one combination that was pinned.
   */
  @Test
  void aLabelPartyCannotChooseAtScoring() {
    TestData data = TestData.synthetic(600, 5, 2, 3);
    TrainingRun run = TrainingRun.of(data, spec(Family.LOGISTIC), new MemoryNetwork());
    SharedWeights honest = run.label().shared();
    double[] first = score(run, data.parts(), new MemoryNetwork());
    PrimeField field = new PrimeField(honest.parameters().plain());
    long[] changed = honest.share().clone();
    // One more in the logit for every person: on the intercept's share.
    long one = 1L << (honest.logitBits() - honest.featureBits());
    changed[changed.length - 1] = field.add(changed[changed.length - 1], one);
    SharedWeights deviating = with(honest, changed, honest.pinned());
    double[] second = score(deviating, run, data.parts(), new MemoryNetwork(), SCORING);
    for (int i = 0; i < first.length; i++) {
      assertThat(second[i]).isCloseTo(first[i] + 1, within(2e-3));
    }
  }

  private static SharedWeights with(SharedWeights own, long[] share, Pinned.Vector pinned) {
    return new SharedWeights(
        own.parameters(),
        own.width(),
        own.featureBits(),
        own.logitBits(),
        own.whitening(),
        own.intercept(),
        share,
        own.keySeed(),
        pinned,
        own.unit(),
        own.mean(),
        // Nobody has the same noise twice to take away.
        own.intercept() ? new byte[0] : Prg.freshSeed());
  }

  /**
   * The one combination that a label party can choose, when it pins its share: a column far above
   * the noise is read, one below it is not. So it holds about as many bits as a score.
   */
  @Test
  void thePinnedCombinationIsReadToTheResolutionOfAScore() {
    TestData data = TestData.synthetic(1500, 4, 1, 3);
    TrainingRun run = TrainingRun.of(data, spec(Family.LOGISTIC), new MemoryNetwork());
    assertThat(correlationWithChosenColumn(run, data, 2)).isGreaterThan(0.95);
    assertThat(Math.abs(correlationWithChosenColumn(run, data, -17))).isLessThan(0.12);
  }

  /**
   * @param bits a whitened value of one moves the logit by 2^bits
   */
  private static double correlationWithChosenColumn(TrainingRun run, TestData data, int bits) {
    SharedWeights victim = run.features().get(0).shared();
    PrimeField field = new PrimeField(victim.parameters().plain());
    // Instead of its share the label party pins what cancels the victim's and adds its choice.
    long[] v = Arrays.stream(victim.share()).map(u -> field.subtract(0, u)).toArray();
    v[0] = field.add(v[0], field.residue(1L << (victim.logitBits() - victim.featureBits() + bits)));
    TrainingRun attacked = pinning(run, victim.share(), v);
    double[] seen = score(attacked, data.parts(), new MemoryNetwork());
    // The label party takes its own part away: here as what is left where the victim's weights are
    // zero.
    double[] own = ownPart(run, data);
    double[] column = new double[seen.length];
    Matrix whitened = data.parts().get(1).times(victim.whitening());
    for (int i = 0; i < seen.length; i++) {
      column[i] = whitened.get(i, 0);
      seen[i] -= own[i];
    }
    return new PearsonsCorrelation().correlation(seen, column);
  }

  /** The label party's own part of the logits. */
  private static double[] ownPart(TrainingRun run, TestData data) {
    long[] zeros = new long[run.features().get(0).shared().share().length];
    return score(pinning(run, zeros, zeros), data.parts(), new MemoryNetwork());
  }

  /**
   * The same model, the feature party's part replaced.
   *
   * @param share its own
   * @param v what the label party pins
   */
  private static TrainingRun pinning(TrainingRun run, long[] share, long[] v) {
    SharedWeights feature = run.features().get(0).shared();
    Party f1 = TrainingRun.featureParty(1);
    MemoryNetwork network = new MemoryNetwork();
    try (HeContext context = HeContext.of(feature.parameters());
        KeyPair key = context.keyOf(run.label().shared().keySeed())) {
      LaneLayout layout = Pinned.layout(context, feature.width());
      Pinned.give(key, layout, network.channel(TrainingRun.LABEL, f1), v);
      Pinned.Vector pinned =
          Pinned.take(context, layout, network.channel(f1, TrainingRun.LABEL), v.length);
      return new TrainingRun(
          run.label(),
          List.of(new FeatureOutcome(new double[0], 1, Map.of(), with(feature, share, pinned))),
          run.network(),
          run.labelParty());
    }
  }

  @Test
  void levelGradientsHasNoSharedWeights() {
    assertThatThrownBy(
            () ->
                new TrainingSpec(
                    Family.LOGISTIC, Level.GRADIENTS, 0.01, 5, 1e-6, false, true, false))
        .hasMessageContaining("sealed");
  }
}
