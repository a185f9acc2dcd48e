package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.evaluate.Evaluation;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
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
    "german_credit.csv, bad, 3",
    "german_credit.csv, bad, 5",
    "breast_cancer_wisconsin.csv, benign, 2",
    "breast_cancer_wisconsin.csv, benign, 3",
    "breast_cancer_wisconsin.csv, benign, 5",
    "adult_train.csv, income_over_50k, 2",
    "adult_train.csv, income_over_50k, 3",
    "adult_train.csv, income_over_50k, 5"
  })
  void reachesTheCentralisedOptimumOnPublicData(String file, String label, int parties)
      throws IOException {
    TestData data = TestData.shared(file, label, parties);
    Matrix joined = Matrix.beside(data.parts());
    CentralisedLogistic optimum = CentralisedLogistic.fit(joined, data.labels(), 0.01);
    long began = System.nanoTime();
    TrainingRun run = TrainingRun.of(data, spec(0.01), new MemoryNetwork());
    double distance = run.relativeDistance(optimum);
    double auc = auc(joined, run.weights(), data.labels());
    double best = auc(joined, optimum.weights(), data.labels());
    System.err.printf(
        "%s %d parties: distance %.1e, AUC %.5f of %.5f, %d passes, %.1f s, %s%n",
        file,
        parties,
        distance,
        auc,
        best,
        run.label().passes().size(),
        (System.nanoTime() - began) / 1e9,
        run.label().parametersRun());
    assertThat(distance).isLessThan(1e-2);
    assertThat(auc).isCloseTo(best, within(5e-4));
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
