package org.espalier.protocols.attack;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Whitening;
import org.junit.jupiter.api.Test;

/**
 * 0/1 columns are found in the space that opened logits span, whatever the basis: a vector of a
 * space of r dimensions is known from r people, so that trying all 2^r patterns of 0 and 1 on well
 * chosen people and keeping what is near 0 or 1 for everybody finds every such column. Faster than
 * a search by ℓ1 norm, and less disturbed by noise.
 */
class BinaryColumnAttackTest {
  static final int ROWS = 1500;
  static final Cohort COHORT = Cohort.of(ROWS, 4, 6, 3);
  private static final int D = COHORT.features();
  private static final int GUESSES = 12;
  private static final int PROBED = 300;

  /** The attacker's best guesses of 0/1 columns. */
  static List<double[]> guesses(List<double[]> opened, int rank) {
    List<double[]> vectors = new ArrayList<>();
    double[] ones = new double[ROWS];
    Arrays.fill(ones, 1);
    vectors.add(ones);
    vectors.addAll(Algebra.principal(opened, rank));
    List<double[]> basis = Algebra.basis(vectors);
    int r = basis.size();
    int[] pivots = pivots(basis);
    double[] square = new double[r * r];
    for (int i = 0; i < r; i++) {
      for (int k = 0; k < r; k++) {
        square[i * r + k] = basis.get(k)[pivots[i]];
      }
    }
    // step[i]: the vector of the space that is 1 for person i of the chosen and 0 for the others.
    double[][] step = new double[r][ROWS];
    for (int i = 0; i < r; i++) {
      double[] unit = new double[r];
      unit[i] = 1;
      double[] coefficients = Algebra.leastSquares(new Matrix(r, r, square.clone()), unit);
      for (int k = 0; k < r; k++) {
        Algebra.addTo(step[i], coefficients[k], basis.get(k));
      }
    }
    record Scored(double score, int pattern) {}
    List<Scored> scored = new ArrayList<>();
    double[] values = new double[PROBED];
    int pattern = 0;
    for (int count = 1; count < 1 << r; count++) {
      int flipped = Integer.numberOfTrailingZeros(count);
      pattern ^= 1 << flipped;
      double sign = (pattern >> flipped & 1) == 1 ? 1 : -1;
      double score = 0;
      for (int i = 0; i < PROBED; i++) {
        values[i] += sign * step[flipped][i];
        double off = values[i] - (values[i] > 0.5 ? 1 : 0);
        score += off * off;
      }
      scored.add(new Scored(score, pattern));
    }
    scored.sort(Comparator.comparingDouble(Scored::score));
    List<double[]> guesses = new ArrayList<>();
    for (Scored candidate : scored) {
      double[] guess = new double[ROWS];
      for (int i = 0; i < r; i++) {
        if ((candidate.pattern() >> i & 1) == 1) {
          Algebra.addTo(guess, 1, step[i]);
        }
      }
      double[] rounded = rounded(guess, basis);
      double mean = Arrays.stream(rounded).average().orElseThrow();
      boolean known =
          guesses.stream().anyMatch(g -> Math.abs(Algebra.correlation(g, rounded)) > 0.95);
      if (mean > 0.01 && mean < 0.99 && !known) {
        guesses.add(rounded);
        if (guesses.size() == GUESSES) {
          break;
        }
      }
    }
    return guesses;
  }

  /** To 0 and 1, with a few steps back into the space, which average the noise out. */
  private static double[] rounded(double[] start, List<double[]> basis) {
    double[] guess = start;
    double[] rounded = new double[ROWS];
    for (int step = 0; step < 4; step++) {
      for (int i = 0; i < ROWS; i++) {
        rounded[i] = guess[i] > 0.5 ? 1 : 0;
      }
      guess = new double[ROWS];
      for (double[] q : basis) {
        Algebra.addTo(guess, Algebra.dot(q, rounded), q);
      }
    }
    return rounded;
  }

  /** People on whom the basis is best conditioned: greedy, largest remaining length first. */
  private static int[] pivots(List<double[]> basis) {
    int r = basis.size();
    double[][] rows = new double[ROWS][r];
    for (int i = 0; i < ROWS; i++) {
      for (int k = 0; k < r; k++) {
        rows[i][k] = basis.get(k)[i];
      }
    }
    int[] chosen = new int[r];
    for (int k = 0; k < r; k++) {
      int best = 0;
      for (int i = 1; i < ROWS; i++) {
        best = Algebra.dot(rows[i], rows[i]) > Algebra.dot(rows[best], rows[best]) ? i : best;
      }
      chosen[k] = best;
      double[] q = rows[best].clone();
      double square = Algebra.dot(q, q);
      for (double[] row : rows) {
        Algebra.addTo(row, -Algebra.dot(row, q) / square, q);
      }
    }
    return chosen;
  }

  /**
   * @param exact columns found for every person
   * @param best correlation of each column with its nearest guess
   */
  record Found(int exact, double[] best) {
    double largest() {
      return Arrays.stream(best).max().orElseThrow();
    }
  }

  static Found compare(List<double[]> guesses, Cohort cohort) {
    double[] best = new double[cohort.binary().size()];
    int exact = 0;
    for (int j = 0; j < best.length; j++) {
      for (double[] guess : guesses) {
        double correlation = Algebra.correlation(guess, cohort.binary().get(j));
        best[j] = Math.max(best[j], Math.abs(correlation));
      }
      exact += best[j] > 1 - 1e-9 ? 1 : 0;
    }
    return new Found(exact, best);
  }

  private static Found attack(Cohort cohort, int passes, int noiseBits) {
    Matrix white = Whitening.of(cohort.standardised(), 1e-6).apply(cohort.standardised());
    OpenedLogits view = OpenedLogits.of(white, cohort.labels(), passes, noiseBits, 4);
    return compare(guesses(view.opened(), Math.min(D, passes)), cohort);
  }

  @Test
  void exactLogitsOfAsManyPassesAsColumnsGiveAllBinaryColumns() {
    assertThat(attack(COHORT, D, OpenedLogits.EXACT).exact()).isEqualTo(6);
  }

  /** Whitening, rotation and the strongest noise change little. */
  @Test
  void noiseIsNoProtectionWhereThereAreAsManyPassesAsColumns() {
    for (int bits = 6; bits <= Disclosure.MAX_NOISE_BITS; bits += 2) {
      assertThat(attack(COHORT, D, bits).exact()).isGreaterThanOrEqualTo(3);
      assertThat(attack(COHORT, 2 * D, bits).exact()).isGreaterThanOrEqualTo(5);
    }
  }

  @Test
  void theProductsOpenedLogitsGiveMostOfThemWhereAllAcceptTheSpan() {
    RecordedRun run = RecordedRun.of(COHORT, Level.GRADIENTS, D, true);
    List<double[]> opened = run.logits();
    assertThat(compare(guesses(opened, opened.size()), COHORT).exact()).isGreaterThanOrEqualTo(2);
  }

  /**
   * Within a quarter as many passes as columns a column that matters much for the outcome can
   * already be read: of six columns none or one, in about every second cohort. The level's
   * statement bounds this by the number of directions only.
   */
  @Test
  void allowedPassesGiveAtMostTheColumnThatMattersMost() {
    int allowed = Disclosure.passLimit(D, 200, false, 0);
    int noise = Disclosure.noiseBits(ROWS, 1);
    int exact = 0;
    for (int seed = 1; seed <= 12; seed++) {
      Found found = attack(Cohort.of(ROWS, 4, 6, seed), allowed, noise);
      assertThat(found.exact()).isLessThanOrEqualTo(allowed);
      exact += found.exact();
    }
    assertThat(exact).isBetween(1, 12);
    List<double[]> opened = RecordedRun.of(COHORT, Level.GRADIENTS, D, false).logits();
    assertThat(compare(guesses(opened, opened.size()), COHORT).exact())
        .isLessThanOrEqualTo(allowed);
  }

  @Test
  void uniformResiduesGiveNone() {
    List<double[]> seen = new ArrayList<>();
    for (int s = 0; s < D; s++) {
      long[] residues = Sealed.FIELD.uniform(Sealed.coins(60 + s), ROWS);
      seen.add(Arrays.stream(residues).mapToDouble(v -> Sealed.FIELD.centre(v)).toArray());
    }
    Found found = compare(guesses(seen, D), COHORT);
    assertThat(found.exact()).isZero();
    assertThat(found.largest()).isLessThan(0.2);
  }
}
