package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Federated training against the plaintext optimum of the same objective. */
class GradientsTrainingTest {
  private static TrainingSpec spec(double l2, int maxPasses, double tolerance, boolean span) {
    return new TrainingSpec(Level.GRADIENTS, l2, maxPasses, tolerance, span);
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
    for (int repeat = 0; repeat < (data.rows() < 2000 ? 2 : 1); repeat++) {
      TrainingRun run = TrainingRun.of(data, spec(0.01, 60, 1e-10, true), new MemoryNetwork());
      double distance = run.relativeDistance(optimum);
      assertThat(distance)
          .as("%s, %d passes, %s", file, run.label().passes().size(), run.label().end())
          .isLessThan(1e-3);
      assertThat(TrainingRun.auc(joined, run.weights(), data.labels()))
          .isCloseTo(TrainingRun.auc(joined, optimum.weights(), data.labels()), within(1e-4));
    }
  }

  @Test
  void labelPartyMayHaveNoFeatures() {
    TestData data = TestData.synthetic(4000, 5, 0, 6, 5);
    CentralisedLogistic optimum =
        CentralisedLogistic.fit(Matrix.beside(data.parts()), data.labels(), 0.01);
    TrainingRun run = TrainingRun.of(data, spec(0.01, 40, 1e-9, true), new MemoryNetwork());
    assertThat(run.relativeDistance(optimum)).isLessThan(2e-3);
  }

  @Test
  void stopsAtTheToleranceAndReportsADecreasingGap() {
    TestData data = TestData.synthetic(6000, 1, 4, 40);
    CentralisedLogistic optimum =
        CentralisedLogistic.fit(Matrix.beside(data.parts()), data.labels(), 0.01);
    TrainingRun run = TrainingRun.of(data, spec(0.01, 10, 1e-4, false), new MemoryNetwork());
    assertThat(run.label().end()).isEqualTo(LabelOutcome.End.TOLERANCE);
    PassReport last = run.label().passes().get(run.label().passes().size() - 1);
    assertThat(last.estimatedGap()).isLessThanOrEqualTo(1e-4);
    // The estimate is of the true gap, within a factor that the conditioning explains.
    assertThat(last.objective() - optimum.objective()).isBetween(-1e-6, 4 * 1e-4);
    assertThat(run.features().get(0).passes()).isEqualTo(run.label().passes().size());
  }

  @Test
  void stopsWhereOneMorePassWouldDiscloseMoreThanAccepted() {
    TestData data = TestData.synthetic(3000, 2, 2, 9, 8);
    TrainingRun run = TrainingRun.of(data, spec(1e-4, 30, 1e-12, false), new MemoryNetwork());
    assertThat(run.label().passes()).hasSize(17 / 4);
    assertThat(run.label().end()).isEqualTo(LabelOutcome.End.DISCLOSURE);
    assertThat(run.label().converged()).isFalse();
  }

  @Test
  void labelsOtherThanZeroAndOneAreRefused() {
    TestData data = TestData.synthetic(50, 3, 1, 4);
    data.labels()[11] = 2;
    assertThatThrownBy(() -> TrainingRun.of(data, spec(0.01, 5, 1e-6, true), new MemoryNetwork()))
        .hasMessageContaining("no outcome of a logistic model is 2.0");
  }
}
