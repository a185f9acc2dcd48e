package org.espalier.protocols.attack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.apache.commons.math3.stat.descriptive.DescriptiveStatistics;
import org.espalier.he.HeContext;
import org.espalier.he.KeyPair;
import org.espalier.he.LaneLayout;
import org.espalier.he.SealedParameters;
import org.espalier.he.SealedWorkload;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.glm.Family;
import org.espalier.protocols.glm.FeatureOutcome;
import org.espalier.protocols.glm.JointTraining;
import org.espalier.protocols.glm.LabelOutcome;
import org.espalier.protocols.glm.Outcomes;
import org.espalier.protocols.glm.TrainingJob;
import org.espalier.protocols.glm.TrainingSpec;
import org.espalier.protocols.predict.SharedLogits;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.shares.Pinned;
import org.espalier.protocols.shares.PrimeField;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;

/** What a label party that deviates reads from scores with weights that nobody has. */
class SharedScoresAttackTest {
  private static final Party BANK = new Party("bank");
  private static final Party F1 = new Party("f1");
  private static final int ROWS = 300;
  private static final int COLUMNS = 6;
  private final Random random = new Random(8);

  private static MemoryNetwork network() {
    return new MemoryNetwork(false, Duration.ofMinutes(1));
  }

  /**
   * A holder that sends its share again before every batch, a column's unit added, and opens the
   * scores. It reads the column if the owner takes what it is sent, and the same scores if the
   * owner keeps what it took first.
   */
  @Test
  void aShareSentAnewGivesEveryColumnAndAPinnedOneNone() {
    int[] x = random.ints(ROWS * COLUMNS, -20_000, 20_000).toArray();
    assertThat(entriesRead(x, true)).isEqualTo(ROWS * COLUMNS);
    assertThat(entriesRead(x, false)).isLessThan(5);
  }

  private int entriesRead(int[] x, boolean takesAnew) {
    // A unit far above the error of a reply.
    long unit = 1L << 12;
    int right = 0;
    MemoryNetwork net = network();
    try (HeContext context =
            HeContext.of(
                SealedParameters.choose(new SealedWorkload(57, 1 << 18, 1 << 24, 40, 2000))
                    .matrix()
                    .parameters());
        KeyPair key = context.generateKey()) {
      PrimeField field = new PrimeField(context.parameters().plain());
      LaneLayout layout = Pinned.layout(context, Pinned.width(context, COLUMNS));
      long[] u = random.longs(COLUMNS, 0, field.modulus()).toArray();
      long[] v = Arrays.stream(u).map(share -> field.subtract(1_000_000, share)).toArray();
      Pinned.Vector pinned = null;
      long[] base = new long[ROWS];
      for (int batch = 0; batch <= COLUMNS; batch++) {
        long[] chosen = v.clone();
        if (batch > 0) {
          chosen[batch - 1] = field.add(chosen[batch - 1], unit);
        }
        Pinned.give(key, layout, net.channel(BANK, F1), chosen);
        Pinned.Vector taken = Pinned.take(context, layout, net.channel(F1, BANK), COLUMNS);
        pinned = pinned == null || takesAnew ? taken : pinned;
        long[] scores = scores(context, key, layout, field, pinned, u, x, net);
        if (batch == 0) {
          base = scores;
          continue;
        }
        for (int i = 0; i < ROWS; i++) {
          long difference = field.centre(field.subtract(scores[i], base[i]));
          right += Math.round((double) difference / unit) == x[i * COLUMNS + batch - 1] ? 1 : 0;
        }
      }
    }
    return right;
  }

  /** Both halves of X·v and X·u together. */
  private static long[] scores(
      HeContext context,
      KeyPair key,
      LaneLayout layout,
      PrimeField field,
      Pinned.Vector pinned,
      long[] u,
      int[] x,
      MemoryNetwork net) {
    long[] sum;
    try (Pinned.Owner owner =
        new Pinned.Owner(context, layout, net.channel(F1, BANK), pinned, COLUMNS)) {
      sum = owner.times(x, ROWS);
    }
    Pinned.Holder holder = new Pinned.Holder(context, layout, key, net.channel(BANK, F1));
    field.addTo(sum, holder.open(ROWS));
    for (int i = 0; i < ROWS; i++) {
      for (int j = 0; j < COLUMNS; j++) {
        sum[i] = field.add(sum[i], field.multiply(u[j], x[i * COLUMNS + j]));
      }
    }
    return sum;
  }

  /** A label party with two columns and a feature party with four, trained in a few passes. */
  private record Trained(Matrix own, Matrix theirs, LabelOutcome label, FeatureOutcome feature) {
    double[] scores(Matrix chosen) {
      Session session = new Session("P-attack", new byte[32], 1);
      MemoryNetwork net = network();
      CompletableFuture<Void> scoring =
          CompletableFuture.runAsync(
              () ->
                  SharedLogits.feature(
                      session, feature.shared(), net.channel(F1, BANK), Map.of(), theirs));
      double[] scores =
          SharedLogits.label(session, label.shared(), Map.of(F1, net.channel(BANK, F1)), chosen);
      scoring.join();
      return scores;
    }
  }

  private static Trained trained() {
    Cohort cohort = Cohort.of(800, 3, 3, 6);
    double[] all = cohort.standardised().values();
    double[] own = new double[2 * cohort.rows()];
    double[] theirs = new double[4 * cohort.rows()];
    for (int i = 0; i < cohort.rows(); i++) {
      System.arraycopy(all, 6 * i, own, 2 * i, 2);
      System.arraycopy(all, 6 * i + 2, theirs, 4 * i, 4);
    }
    Matrix a = new Matrix(cohort.rows(), 2, own);
    Matrix b = new Matrix(cohort.rows(), 4, theirs);
    TrainingJob job =
        new TrainingJob(
            new Session("J-attack", new byte[32], 1),
            BANK,
            List.of(F1),
            cohort.rows(),
            new TrainingSpec(Family.LOGISTIC, Level.SEALED, 0.01, 6, 1e-4, false, true, false),
            0);
    MemoryNetwork net = network();
    CompletableFuture<FeatureOutcome> feature =
        CompletableFuture.supplyAsync(
            () ->
                JointTraining.feature(
                    job, net.channel(F1, BANK), Map.of(), b, Progress.NONE, pass -> {}));
    LabelOutcome label =
        JointTraining.label(
            job, Map.of(F1, net.channel(BANK, F1)), a, Outcomes.of(cohort.labels()), pass -> {});
    return new Trained(a, b, label, feature.join());
  }

  /**
   * Not prevented, and stated: the same people with another value in an own column give that
   * column's weight, whoever they are, because a partner's part and its noise stay the same.
   */
  @Test
  void otherOwnValuesGiveOwnWeightsAndNothingOfAPartner() {
    Trained model = trained();
    double[] first = model.scores(model.own());
    double[] moved = model.own().values().clone();
    for (int i = 0; i < moved.length; i += 2) {
      moved[i] += 1;
    }
    double[] second = model.scores(new Matrix(model.own().rows(), 2, moved));
    DescriptiveStatistics weight = new DescriptiveStatistics();
    for (int i = 0; i < first.length; i++) {
      weight.addValue(second[i] - first[i]);
    }
    assertThat(Math.abs(weight.getMean())).as("a weight").isGreaterThan(0.02);
    // Only the rounding of the label party's own values differs from person to person.
    assertThat(weight.getStandardDeviation()).isLessThan(2e-3);
    double[] again = model.scores(model.own());
    for (int i = 0; i < first.length; i++) {
      assertThat(again[i]).as("nothing to average").isCloseTo(first[i], within(0x1p-35));
    }
  }

  /** There is no place in the conversation for a share. */
  @Test
  void aShareSentInPlaceOfARequestIsRefused() {
    Trained model = trained();
    MemoryNetwork net = network();
    try (HeContext context = HeContext.of(model.feature().shared().parameters());
        KeyPair key = context.generateKey()) {
      LaneLayout layout = Pinned.layout(context, model.feature().shared().width());
      Pinned.give(key, layout, net.channel(BANK, F1), new long[4]);
      assertThatThrownBy(
              () ->
                  SharedLogits.feature(
                      new Session("P-attack", new byte[32], 1),
                      model.feature().shared(),
                      net.channel(F1, BANK),
                      Map.of(),
                      model.theirs()))
          .isInstanceOf(WireException.ProtocolViolation.class);
    }
  }
}
