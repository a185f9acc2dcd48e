package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.evaluate.Evaluation;
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
    return new TrainingSpec(Level.SEALED, l2, TrainingSpec.MAX_PASSES, 1e-6, false);
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
    double auc = auc(joined, run.weights(), data.labels());
    double best = auc(joined, optimum.weights(), data.labels());
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

  private static double auc(Matrix x, double[] w, double[] y) {
    double[] p = x.times(w);
    for (int i = 0; i < p.length; i++) {
      p[i] = SubspaceFit.sigmoid(p[i]);
    }
    return Evaluation.of(p, y).auc();
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
        .hasMessageContaining("neither 0 nor 1");
  }
}
