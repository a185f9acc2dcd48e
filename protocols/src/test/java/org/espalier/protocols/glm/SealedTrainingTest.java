package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.util.Arrays;
import java.util.Random;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Federated training at level sealed against the plaintext optimum of the same objective. */
class SealedTrainingTest {
  private static TrainingSpec spec(double l2) {
    return new TrainingSpec(Level.SEALED, l2, TrainingSpec.MAX_PASSES, 1e-12, false);
  }

  @ParameterizedTest
  @CsvSource({
    "german_credit.csv, bad, 2",
    "german_credit.csv, bad, 5",
    "breast_cancer_wisconsin.csv, benign, 3",
  })
  void reachesTheCentralisedOptimumOnPublicData(String file, String label, int parties)
      throws IOException {
    compare(file, TestData.shared(file, label, parties));
  }

  /** All of the public data: minutes, so only on request; figures in docs/benchmarks.md. */
  @ParameterizedTest
  @CsvSource({
    "german_credit.csv, bad, 2",
    "german_credit.csv, bad, 3",
    "german_credit.csv, bad, 5",
    "breast_cancer_wisconsin.csv, benign, 2",
    "breast_cancer_wisconsin.csv, benign, 3",
    "breast_cancer_wisconsin.csv, benign, 5",
    "adult_train.csv, income_over_50k, 2",
    "adult_train.csv, income_over_50k, 3",
    "adult_train.csv, income_over_50k, 5"
  })
  @EnabledIfSystemProperty(named = "espalier.full", matches = ".*")
  void reachesTheCentralisedOptimumEverywhere(String file, String label, int parties)
      throws IOException {
    Assumptions.assumeTrue((file + " " + parties).matches(System.getProperty("espalier.full")));
    compare(file, TestData.shared(file, label, parties));
  }

  private static void compare(String name, TestData data) {
    Matrix joined = Matrix.beside(data.parts());
    CentralisedLogistic optimum = CentralisedLogistic.fit(joined, data.labels(), 0.01);
    long began = System.nanoTime();
    TrainingRun run = TrainingRun.of(data, spec(0.01), new MemoryNetwork());
    double seconds = (System.nanoTime() - began) / 1e9;
    double distance = run.relativeDistance(optimum);
    double auc = TrainingRun.auc(joined, run.weights(), data.labels());
    double best = TrainingRun.auc(joined, optimum.weights(), data.labels());
    if (System.getProperty("espalier.full") != null) {
      System.err.printf(
          "%s, %d parties: distance %.1e, AUC %.5f of %.5f, %.1f s, %s%n",
          name, data.parts().size(), distance, auc, best, seconds, run.label().parametersRun());
      System.err.println(
          run.label().passes().stream()
              .filter(pass -> !Double.isNaN(pass.objective()))
              .map(PassReport::toString)
              .toList());
    }
    assertThat(distance).as(name).isLessThan(1e-2);
    assertThat(auc).as(name).isCloseTo(best, within(5e-4));
  }

  @Test
  void linearRegressionReachesRidge() {
    TestData data = TestData.synthetic(2000, 9, 3, 4);
    Matrix x = Matrix.beside(data.parts());
    Random random = new Random(4);
    double[] y = data.labels();
    for (int i = 0; i < y.length; i++) {
      y[i] = 40 + 7 * x.get(i, 0) - 3 * x.get(i, 5) + 10 * random.nextGaussian();
    }
    TrainingSpec spec = new TrainingSpec(Family.LINEAR, Level.SEALED, 0.05, 60, 1e-6, false);
    TrainingRun run = TrainingRun.of(data, spec, new MemoryNetwork());
    // (XᵀX/n + l2·I)·w = Xᵀ(y − b)/n; the columns have mean 0, so that b is the mean of y.
    double mean = Arrays.stream(y).average().orElseThrow();
    DMatrixRMaj gram = DMatrixRMaj.wrap(7, 7, x.gram().values());
    CommonOps_DDRM.scale(1.0 / y.length, gram);
    for (int j = 0; j < 7; j++) {
      gram.add(j, j, 0.05);
    }
    double[] right = x.transposeTimes(Arrays.stream(y).map(v -> (v - mean) / y.length).toArray());
    DMatrixRMaj w = new DMatrixRMaj(7, 1);
    CommonOps_DDRM.solve(gram, DMatrixRMaj.wrap(7, 1, right), w);
    double[] got = run.weights();
    for (int j = 0; j < 7; j++) {
      assertThat(got[j]).as("weight %d", j).isCloseTo(w.get(j), within(0.03));
    }
    assertThat(run.label().intercept()).isCloseTo(mean, within(0.05));
  }

  @Test
  void separableDataRaiseTheAlarmAndGoOnWithAWiderRange() {
    TestData data = TestData.synthetic(4200, 6, 2, 3);
    Matrix x = Matrix.beside(data.parts());
    for (int i = 0; i < data.rows(); i++) {
      data.labels()[i] = x.get(i, 0) + x.get(i, 2) > 0 ? 1 : 0;
    }
    TrainingSpec spec = new TrainingSpec(Level.SEALED, 2e-4, 45, 1e-6, false);
    TrainingRun run = TrainingRun.of(data, spec, new MemoryNetwork());
    double first = SealedRange.TWENTY.limit();
    assertThat((Double) run.label().parametersRun().get("logit_range")).isGreaterThan(first);
    double[] z = x.times(run.weights());
    int right = 0;
    for (int i = 0; i < z.length; i++) {
      right += (z[i] + run.label().intercept() > 0) == (data.labels()[i] == 1) ? 1 : 0;
    }
    assertThat(right).isGreaterThan((int) (0.99 * z.length));
  }

  @Test
  void labelPartyMayHaveNoFeatures() {
    TestData data = TestData.synthetic(3000, 5, 0, 6, 5);
    CentralisedLogistic optimum =
        CentralisedLogistic.fit(Matrix.beside(data.parts()), data.labels(), 0.01);
    TrainingRun run = TrainingRun.of(data, spec(0.01), new MemoryNetwork());
    assertThat(run.relativeDistance(optimum)).isLessThan(1e-2);
  }

  @Test
  void labelsOtherThanZeroAndOneAreRefused() {
    TestData data = TestData.synthetic(50, 3, 1, 4);
    data.labels()[11] = 2;
    assertThatThrownBy(() -> TrainingRun.of(data, spec(0.01), new MemoryNetwork()))
        .hasMessageContaining("no outcome of a logistic model is");
  }
}
