package org.espalier.protocols.attack;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.EigenDecomposition_F64;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Whitening;
import org.espalier.protocols.shares.IntegerMatrix;
import org.junit.jupiter.api.Test;

/**
 * An honest label party that keeps what it opens reads the column space of the features, and where
 * they are not whitened all inner products between people: K = K·R·(RᵀKR)⁻¹·RᵀK from logits K·r of
 * as many passes as there are columns (Nyström).
 */
class SpanAttackTest {
  private static final int ROWS = 1200;
  private static final Cohort COHORT = Cohort.of(ROWS, 4, 6, 3);
  private static final int D = COHORT.features();
  private static final Matrix WHITE =
      Whitening.of(COHORT.standardised(), 1e-6).apply(COHORT.standardised());

  /** ‖guess − K‖/‖K‖ over all pairs of people, with the guess scaled best. */
  private static double distance(List<double[]> guess, Matrix x) {
    // ‖F·Fᵀ‖, ‖X·Xᵀ‖ and their inner product from the small products FᵀF, XᵀX and FᵀX.
    List<double[]> truth = Algebra.columns(x);
    double gg = squares(guess, guess);
    double gk = squares(guess, truth);
    return Math.sqrt(Math.max(0, 1 - gk * gk / (gg * squares(truth, truth))));
  }

  private static double squares(List<double[]> a, List<double[]> b) {
    double sum = 0;
    for (double[] u : a) {
      for (double[] v : b) {
        sum += Math.pow(Algebra.dot(u, v), 2);
      }
    }
    return sum;
  }

  /** Factors F of K ≈ F·Fᵀ from opened vectors K·r/‖Xᵀr‖ and the residuals. */
  private static List<double[]> nystroem(List<double[]> opened, List<double[]> residuals) {
    int passes = opened.size();
    // Scaled gradients: z_s = K·r_s/l_s; l_s² = r_sᵀ·K·r_s = l_s·(r_sᵀ·z_s).
    DMatrixRMaj middle = new DMatrixRMaj(passes, passes);
    for (int s = 0; s < passes; s++) {
      for (int t = 0; t < passes; t++) {
        double st = Algebra.dot(residuals.get(s), opened.get(t)) / length(s, opened, residuals);
        double ts = Algebra.dot(residuals.get(t), opened.get(s)) / length(t, opened, residuals);
        middle.set(s, t, (st + ts) / 2);
      }
    }
    EigenDecomposition_F64<DMatrixRMaj> eigen = DecompositionFactory_DDRM.eig(passes, true, true);
    assertThat(eigen.decompose(middle)).isTrue();
    List<double[]> factors = new ArrayList<>();
    for (int k = 0; k < passes; k++) {
      double value = eigen.getEigenvalue(k).getReal();
      if (value > 1e-10) {
        double[] factor = new double[ROWS];
        for (int s = 0; s < passes; s++) {
          Algebra.addTo(factor, eigen.getEigenVector(k).get(s) / Math.sqrt(value), opened.get(s));
        }
        factors.add(factor);
      }
    }
    return factors;
  }

  private static double length(int s, List<double[]> opened, List<double[]> residuals) {
    return Algebra.dot(residuals.get(s), opened.get(s));
  }

  private static double pairwise(Matrix x, int passes, int noiseBits) {
    OpenedLogits view = OpenedLogits.of(x, COHORT.labels(), passes, noiseBits, 5);
    return distance(nystroem(view.opened(), view.residuals()), COHORT.standardised());
  }

  private static double span(List<double[]> opened) {
    return Algebra.share(
        Algebra.basis(Algebra.columns(COHORT.standardised())), Algebra.basis(opened));
  }

  @Test
  void exactLogitsOfPlainFeaturesGiveEveryPairOfPeople() {
    double half = pairwise(COHORT.standardised(), D / 2, OpenedLogits.EXACT);
    double all = pairwise(COHORT.standardised(), D, OpenedLogits.EXACT);
    assertThat(half).isGreaterThan(0.2);
    assertThat(all).isLessThan(1e-5);
  }

  @Test
  void noiseLeavesDistancesApproximate() {
    for (int bits = 6; bits <= Disclosure.MAX_NOISE_BITS; bits++) {
      assertThat(pairwise(COHORT.standardised(), D, bits)).isBetween(0.15, 0.45);
      assertThat(pairwise(WHITE, D, bits)).isBetween(0.45, 0.75);
    }
  }

  /** As many dimensions as passes, at any noise: only the number of passes protects the space. */
  @Test
  void theNoiseDoesNotHideTheSpan() {
    for (int bits = 6; bits <= Disclosure.MAX_NOISE_BITS; bits++) {
      OpenedLogits view = OpenedLogits.of(WHITE, COHORT.labels(), D / 2, bits, 5);
      assertThat(span(view.opened())).isGreaterThan(0.45);
    }
  }

  @Test
  void theProductOpensAQuarterOfTheSpanUnlessAllAcceptMore() {
    List<double[]> limited = RecordedRun.of(COHORT, Level.GRADIENTS, D, false).logits();
    assertThat(limited).hasSize(D / 4);
    assertThat(span(limited)).isBetween(0.19, 0.21);
    List<double[]> accepted = RecordedRun.of(COHORT, Level.GRADIENTS, D, true).logits();
    assertThat(span(accepted)).isGreaterThan(0.45).isLessThan((accepted.size() + 0.01) / D);
  }

  /** At sealed the label party has a masked product instead of logits. */
  @Test
  void atSealedThereIsNothingButAUniformVector() {
    Prg coins = Sealed.coins(1);
    int[] integers =
        Arrays.stream(COHORT.standardised().values())
            .mapToInt(v -> (int) coins.roundStochastically(1024 * v))
            .toArray();
    IntegerMatrix x = Sealed.matrix(ROWS, D, integers);
    List<double[]> seen = new ArrayList<>();
    List<double[]> unmasked = new ArrayList<>();
    for (int s = 0; s < D; s++) {
      long[] b = new long[D];
      b[s] = 1;
      seen.add(centred(Sealed.forward(x, b, Sealed.coins(20 + s))));
      unmasked.add(centred(x.times(Sealed.FIELD, b)));
    }
    assertThat(span(unmasked)).isGreaterThan(0.999);
    assertThat(span(seen)).isLessThan(4.0 * D / ROWS);
  }

  private static double[] centred(long[] residues) {
    return Arrays.stream(residues).mapToDouble(v -> Sealed.FIELD.centre(v)).toArray();
  }
}
