package org.espalier.protocols.attack;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import org.espalier.protocols.RecordedMessage;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.shares.PrimeField;
import org.junit.jupiter.api.Test;

/**
 * The attacks on opened logits, on everything that the parties of a run at level sealed receive.
 */
class SealedViewTest {
  private static final Cohort COHORT = BinaryColumnAttackTest.COHORT;
  private static final RecordedRun RUN = RecordedRun.of(COHORT, Level.SEALED, 15, false);
  private static final long MODULUS = (Long) RUN.label().parametersRun().get("plain_modulus");
  private static final PrimeField FIELD = new PrimeField(MODULUS);

  @Test
  void residuesInClearAreUniformBothWays() {
    for (List<RecordedMessage> way : List.of(RUN.up(), RUN.down())) {
      long[] all =
          RecordedRun.residues(way, FIELD.bits()).stream().flatMapToLong(Arrays::stream).toArray();
      assertThat(all.length).isGreaterThan(COHORT.rows());
      assertThat(Uniformity.of(all, MODULUS)).isGreaterThan(Uniformity.SURELY_NOT);
    }
    assertThat(RUN.logits()).isEmpty();
  }

  @Test
  void noSpanAndNoBinaryColumnIsInThem() {
    for (List<RecordedMessage> way : List.of(RUN.up(), RUN.down())) {
      List<double[]> vectors =
          RecordedRun.residues(way, FIELD.bits()).stream()
              .filter(v -> v.length >= COHORT.rows())
              .map(v -> Arrays.stream(v).limit(COHORT.rows()).mapToDouble(FIELD::centre).toArray())
              .limit(COHORT.features())
              .toList();
      assertThat(vectors).isNotEmpty();
      List<double[]> truth = Algebra.basis(Algebra.columns(COHORT.standardised()));
      assertThat(Algebra.share(truth, Algebra.basis(vectors)))
          .isLessThan(4.0 * COHORT.features() / COHORT.rows());
      BinaryColumnAttackTest.Found found =
          BinaryColumnAttackTest.compare(
              BinaryColumnAttackTest.guesses(vectors, vectors.size()), COHORT);
      assertThat(found.exact()).isZero();
      assertThat(found.largest()).isLessThan(0.2);
    }
  }
}
