package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import java.util.Random;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Whitening;
import org.espalier.protocols.privacy.LabelPrivacy;
import org.espalier.protocols.shares.IntegerMatrix;
import org.espalier.protocols.shares.PrimeField;
import org.espalier.protocols.shares.Workspace;
import org.espalier.wire.Party;
import org.espalier.wire.Session;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Noise on what a training tells of outcomes: bound, attack, and what is left of the model. */
class LabelPrivacyTest {
  private static final PrimeField FIELD = new PrimeField(2251799813554177L);

  private static TrainingSpec spec(LabelPrivacy privacy) {
    return new TrainingSpec(
        Family.LOGISTIC,
        Level.SEALED,
        0.01,
        TrainingSpec.MAX_PASSES,
        1e-5,
        false,
        false,
        false,
        privacy,
        false,
        0);
  }

  private static TrainingJob job(int rows, TrainingSpec spec) {
    return new TrainingJob(
        new Session("J-test", new byte[32], 1),
        TrainingRun.LABEL,
        List.of(TrainingRun.featureParty(1)),
        rows,
        spec,
        0);
  }

  /** Columns in which a few people stand far out. */
  private static TestData withOutliers(int rows) {
    TestData data = TestData.synthetic(rows, 31, 2, 4);
    Random random = new Random(1);
    for (Matrix part : data.parts()) {
      for (int i = 0; i < rows; i += 97) {
        for (int j = 0; j < part.columns(); j++) {
          part.values()[i * part.columns() + j] += 25 * random.nextGaussian();
        }
      }
    }
    return data;
  }

  @Test
  void nobodysIntegersAreLongerThanTheNoiseIsMadeFor() {
    TestData data = withOutliers(2000);
    LabelPrivacy privacy = new LabelPrivacy(1, 1e-6, 1.5);
    TrainingJob job = job(data.rows(), spec(privacy));
    double longest = 0;
    double without = 0;
    double bound = noise(privacy, job, data).longestRow();
    double[] sums = lengths(data, job);
    double[] plain = lengths(data, job(data.rows(), spec(null)));
    for (int i = 0; i < data.rows(); i++) {
      longest = Math.max(longest, Math.sqrt(sums[i]));
      without = Math.max(without, Math.sqrt(plain[i]));
    }
    assertThat(longest).isLessThan(bound).isGreaterThan(0.8 * bound);
    assertThat(without).isGreaterThan(3 * bound);
  }

  /** Squared, of the features and the intercept, over all parties. */
  private static double[] lengths(TestData data, TrainingJob job) {
    double[] sums = new double[data.rows()];
    for (int p = 0; p < 2; p++) {
      double[] factors = p == 0 ? new double[data.rows()] : null;
      Matrix own = data.parts().get(p);
      SealedSlice slice = new SealedSlice(job, own, Whitening.of(own, job.spec().ridge()), factors);
      IntegerMatrix integers =
          slice.matrix(Workspace.inMemory(), 0, data.parts().get(0).columns(), 0);
      int[] values = integers.values(integers.rows() - data.rows(), data.rows());
      for (int i = 0; i < data.rows(); i++) {
        for (int j = 0; j < integers.columns(); j++) {
          double x = values[i * integers.columns() + j];
          sums[i] += x * x;
        }
      }
    }
    return sums;
  }

  private static LabelNoise noise(LabelPrivacy privacy, TrainingJob job, TestData data) {
    return new LabelNoise(
        privacy,
        job.rows(),
        job.spec().l2(),
        SealedScale.of(job),
        List.of(
            new SealedPlan.Shape(data.parts().get(0).columns() + SealedSlice.LABEL_EXTRA, 1, 1),
            new SealedPlan.Shape(data.parts().get(1).columns(), 1, 1)),
        5);
  }

  /**
   * The best attack there is, against the person with the longest row: everybody's features and all
   * other outcomes are known, all columns are the attackers', and what the training tells is looked
   * at directly. It guesses right as often as the budget says, and always without noise.
   */
  @Test
  void outcomeOfTheMostExposedPersonIsGuessedNoBetterThanTheBudgetSays() {
    LabelPrivacy privacy = new LabelPrivacy(1, 1e-6, 2);
    TestData data = TestData.synthetic(2000, 31, 2, 4);
    TrainingJob job = job(data.rows(), spec(privacy));
    LabelNoise noise = noise(privacy, job, data);
    SealedPlan.Part part = new SealedPlan.Part(0, data.rows(), 6, 0, 6, 0);
    int bits = SealedScale.of(job).residualBits();
    int columns = 6;
    long[] row = new long[columns];
    double length = 0;
    for (int j = 0; j < columns; j++) {
      row[j] = Math.round(noise.longestRow() / Math.sqrt(columns)) * (j % 2 == 0 ? 1 : -1);
      length += (double) row[j] * row[j];
    }
    Random random = new Random(8);
    int right = 0;
    int trials = 20_000;
    Party party = TrainingRun.featureParty(1);
    for (int t = 0; t < trials; t++) {
      boolean outcome = random.nextBoolean();
      long[] told = new long[columns];
      for (int j = 0; j < columns; j++) {
        told[j] = outcome ? FIELD.residue(-row[j] << bits) : 0;
      }
      noise.draws(FIELD, Prg.fresh()).addTo(part, party, columns, told);
      double along = 0;
      for (int j = 0; j < columns; j++) {
        along -= FIELD.centre(told[j]) * (double) row[j];
      }
      right += along > Math.scalb(length, bits) / 2 == outcome ? 1 : 0;
    }
    double most = noise.budget().guess();
    assertThat(most).isLessThan(0.55);
    assertThat((double) right / trials)
        .isLessThan(most + 4 * 0.5 / Math.sqrt(trials))
        .isGreaterThan(0.51);
  }

  @Test
  void allGradientsOfAPartHaveTheSameNoise() {
    LabelPrivacy privacy = new LabelPrivacy(1, 1e-6, 2);
    TestData data = TestData.synthetic(2000, 31, 2, 4);
    LabelNoise.Draws draws =
        noise(privacy, job(data.rows(), spec(privacy)), data).draws(FIELD, Prg.fresh());
    SealedPlan.Part sample = new SealedPlan.Part(0, 10, 6, 0, 6, 0);
    SealedPlan.Part rest = new SealedPlan.Part(16, 1990, 6, 0, 6, 10);
    Party one = TrainingRun.featureParty(1);
    Party two = TrainingRun.featureParty(2);
    long[] first = added(draws, sample, one);
    assertThat(added(draws, sample, one)).isEqualTo(first);
    assertThat(added(draws, rest, one)).isNotEqualTo(first);
    assertThat(added(draws, sample, two)).isNotEqualTo(first);
    assertThat(first[3]).as("no weight belongs to it").isZero();
  }

  private static long[] added(LabelNoise.Draws draws, SealedPlan.Part part, Party party) {
    long[] share = new long[4];
    draws.addTo(part, party, 3, share);
    return share;
  }

  @ParameterizedTest
  @CsvSource({"2, 2", "3, 6"})
  void modelIsAsFarFromTheOptimumAsForetold(int parties, double epsilon) {
    TestData data =
        parties == 2 ? TestData.synthetic(4_000, 9, 3, 5) : TestData.synthetic(4_000, 9, 3, 3, 2);
    Matrix joined = Matrix.beside(data.parts());
    CentralisedLogistic optimum = CentralisedLogistic.fit(joined, data.labels(), 0.01);
    TrainingRun run =
        TrainingRun.of(data, spec(new LabelPrivacy(epsilon, 1e-6, 2)), new MemoryNetwork());
    Map<?, ?> ran = (Map<?, ?>) run.label().parametersRun().get("label_privacy");
    double foretold = (double) ran.get("logit_noise");
    double[] best = joined.times(optimum.weights());
    double[] got = joined.times(run.weights());
    double square = 0;
    for (int i = 0; i < best.length; i++) {
      double off = got[i] + run.label().intercept() - best[i] - optimum.intercept();
      square += off * off / best.length;
    }
    assertThat(Math.sqrt(square)).isBetween(0.2 * foretold, 2.5 * foretold);
    assertThat(TrainingRun.auc(joined, run.weights(), data.labels()))
        .isCloseTo(TrainingRun.auc(joined, optimum.weights(), data.labels()), within(0.04));
    assertThat(run.features().get(0).parametersRun().get("label_privacy")).isEqualTo(ran);
  }

  @Test
  void whereNothingIsLeftItIsRefused() {
    TestData data = TestData.synthetic(400, 9, 3, 5);
    assertThatThrownBy(
            () -> TrainingRun.of(data, spec(new LabelPrivacy(0.1, 1e-6, 2)), new MemoryNetwork()))
        .hasMessageContaining("nothing of use is left");
    assertThatThrownBy(
            () ->
                new TrainingSpec(
                    Family.LINEAR,
                    Level.SEALED,
                    0.01,
                    9,
                    1e-5,
                    false,
                    false,
                    false,
                    new LabelPrivacy(1, 1e-6, 2),
                    false,
                    0))
        .hasMessageContaining("logistic models");
  }
}
