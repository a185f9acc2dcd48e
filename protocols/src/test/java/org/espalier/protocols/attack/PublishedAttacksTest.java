package org.espalier.protocols.attack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.disclosure.NoPassLeft;
import org.espalier.protocols.evaluate.Evaluation;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Whitening;
import org.junit.jupiter.api.Test;

/**
 * Attacks from the literature on vertical federated learning, each on the kind of protocol it was
 * made for (plain or arbiter-decrypted values of mini-batches) and on what a party sees here.
 */
class PublishedAttacksTest {
  /** Features that tell nothing of the outcome: whatever is guessed right is leaked. */
  private static Matrix unrelated(Random random, int rows, int columns) {
    return new Matrix(
        rows,
        columns,
        IntStream.range(0, rows * columns).mapToDouble(i -> random.nextGaussian()).toArray());
  }

  private static double[] labels(Random random, int rows) {
    return random.doubles(rows).map(u -> u < 0.4 ? 1 : 0).toArray();
  }

  /** Residuals of a first pass: the mean outcome less the labels. */
  private static double[] residuals(double[] y) {
    double mean = Arrays.stream(y).average().orElseThrow();
    return Arrays.stream(y).map(v -> mean - v).toArray();
  }

  private static Matrix transposed(Matrix x) {
    double[] values = new double[x.rows() * x.columns()];
    for (int i = 0; i < x.rows(); i++) {
      for (int j = 0; j < x.columns(); j++) {
        values[j * x.rows() + i] = x.get(i, j);
      }
    }
    return new Matrix(x.columns(), x.rows(), values);
  }

  static double auc(double[] y, double[] score) {
    double largest = Arrays.stream(score).map(Math::abs).max().orElseThrow();
    return Evaluation.of(Arrays.stream(score).map(s -> 0.5 + 0.4 * s / largest).toArray(), y).auc();
  }

  /** What a feature party has instead of its gradient at sealed: its half, uniform. */
  private static double[] sealedGradient(int columns, int seed) {
    return Arrays.stream(Sealed.FIELD.uniform(Sealed.coins(seed), columns))
        .mapToDouble(v -> Sealed.FIELD.centre(v))
        .toArray();
  }

  /** Residues by linear solving: Tan et al., arXiv 2205.04166. */
  private static double linearSolving(int rows, int columns, boolean sealed) {
    Random random = new Random(100 + rows);
    Matrix x = unrelated(random, rows, columns);
    double[] y = labels(random, rows);
    double[] gradient = sealed ? sealedGradient(columns, rows) : x.transposeTimes(residuals(y));
    double[] r = Algebra.leastSquares(transposed(x), gradient);
    return auc(y, Arrays.stream(r).map(v -> -v).toArray());
  }

  @Test
  void gradientsOfSmallBatchesGiveAllResidualsByLinearSolving() {
    assertThat(linearSolving(20, 24, false)).isEqualTo(1);
    // Gradients are sums over all people here, at least ten for each column.
    assertThat(Disclosure.mostColumns(240)).isEqualTo(24);
    assertThat(linearSolving(240, 24, false)).isLessThan(0.7);
    assertThat(linearSolving(2400, 24, false)).isLessThan(0.62);
    assertThat(linearSolving(2400, 24, true)).isBetween(0.45, 0.55);
  }

  /**
   * Labels from gradients: Liu et al., arXiv 2112.05409, for a linear model: matching within [0,
   * 1].
   */
  private static double matching(int rows, int columns, boolean sealed) {
    Random random = new Random(200 + rows);
    Matrix x = unrelated(random, rows, columns);
    double[] y = labels(random, rows);
    double[] gradient =
        sealed
            ? sealedGradient(columns, rows)
            : x.transposeTimes(Arrays.stream(y).map(v -> 0.5 - v).toArray());
    double[] half = new double[rows];
    Arrays.fill(half, 0.5);
    double[] sums = x.transposeTimes(half);
    Arrays.setAll(sums, j -> sums[j] - gradient[j]);
    return auc(y, matched(x, sums, half));
  }

  /** Numbers within [0, 1] whose sums Xᵀ·y are as near these as can be. */
  private static double[] matched(Matrix x, double[] sums, double[] start) {
    double[] guess = start.clone();
    double[] at = guess.clone();
    double step = 1 / Math.pow(Math.sqrt(x.rows()) + Math.sqrt(x.columns()), 2);
    for (int k = 1; k <= 1500; k++) {
      double[] off = x.transposeTimes(at);
      Arrays.setAll(off, j -> sums[j] - off[j]);
      double[] slope = x.times(off);
      double momentum = (k - 1.0) / (k + 2);
      for (int i = 0; i < guess.length; i++) {
        double next = Math.max(0, Math.min(1, at[i] + step * slope[i]));
        at[i] = next + momentum * (next - guess[i]);
        guess[i] = next;
      }
    }
    return guess;
  }

  @Test
  void gradientMatchingFindsLabelsUnlessPeopleAreManyMoreThanColumns() {
    assertThat(matching(200, 130, false)).isGreaterThan(0.99);
    assertThat(matching(200, 20, false)).isLessThan(0.8);
    assertThat(matching(1000, 20, true)).isBetween(0.44, 0.56);
  }

  /**
   * The same of a class with few people among many: the part of them that is found. Each class but
   * the last gives a gradient, in which these people alone have a 1.
   */
  private static double rareClass(int rows, int columns, int people) {
    Random random = new Random(300);
    Matrix x = unrelated(random, rows, columns);
    double[] known = new double[rows];
    Arrays.fill(known, 0, people, 1);
    double[] guess = matched(x, x.transposeTimes(known), new double[rows]);
    double[] sorted = guess.clone();
    Arrays.sort(sorted);
    double least = sorted[rows - people];
    return (double) Arrays.stream(guess, 0, people).filter(v -> v >= least).count() / people;
  }

  @Test
  void peopleOfARareClassAreFoundUnlessTheyAreAsManyAsTheColumns() {
    // Twenty people for each column, as for three classes.
    assertThat(Disclosure.mostColumns(1000, 2)).isEqualTo(50);
    assertThat(rareClass(1000, 50, 3)).isEqualTo(1);
    assertThatThrownBy(() -> Disclosure.requireClasses(new int[] {500, 451, 49}, 50))
        .hasMessageContaining("would tell who they are");
    Disclosure.requireClasses(new int[] {500, 450, 50}, 50);
    assertThat(rareClass(1000, 50, 50)).isLessThan(0.4);
  }

  /** Best correlation of a guessed with a true column. */
  private static double[] best(List<double[]> guesses, Matrix x) {
    return Algebra.columns(x).stream()
        .mapToDouble(
            column ->
                guesses.stream()
                    .mapToDouble(g -> Math.abs(Algebra.correlation(g, column)))
                    .max()
                    .orElseThrow())
        .toArray();
  }

  private static double max(double[] values) {
    return Arrays.stream(values).max().orElseThrow();
  }

  /** X from logits Z = X·U and known directions U. */
  private static List<double[]> reverseMultiplication(List<double[]> logits, List<double[]> u) {
    int d = u.get(0).length;
    double[] square = new double[d * d];
    for (int s = 0; s < d; s++) {
      for (int j = 0; j < d; j++) {
        square[s * d + j] = u.get(s)[j];
      }
    }
    List<double[]> columns = new ArrayList<>();
    for (int j = 0; j < d; j++) {
      columns.add(new double[logits.get(0).length]);
    }
    for (int i = 0; i < logits.get(0).length; i++) {
      double[] right = new double[d];
      for (int s = 0; s < d; s++) {
        right[s] = logits.get(s)[i];
      }
      double[] row = Algebra.leastSquares(new Matrix(d, d, square.clone()), right);
      for (int j = 0; j < d; j++) {
        columns.get(j)[i] = row[j];
      }
    }
    return columns;
  }

  /** Reverse multiplication: Weng et al., arXiv 2011.09290. */
  @Test
  void productsAndWeightsTogetherGiveTheFeatures() {
    Cohort cohort = Cohort.of(500, 5, 3, 21);
    int d = cohort.features();
    Random random = new Random(22);
    List<double[]> weights = new ArrayList<>();
    List<double[]> plain = new ArrayList<>();
    for (int s = 0; s < d; s++) {
      weights.add(random.doubles(d).map(v -> random.nextGaussian()).toArray());
      plain.add(cohort.standardised().times(weights.get(s)));
    }
    double[] arbiter = best(reverseMultiplication(plain, weights), cohort.standardised());
    // Here the label party has noised logits of whitened columns, and uniform residues for u.
    Matrix white = Whitening.of(cohort.standardised(), 1e-6).apply(cohort.standardised());
    OpenedLogits view =
        OpenedLogits.of(white, cohort.labels(), d, Disclosure.noiseBits(cohort.rows(), 1), 23);
    List<double[]> masked = new ArrayList<>();
    List<double[]> sealedLogits = new ArrayList<>();
    for (int s = 0; s < d; s++) {
      masked.add(sealedGradient(d, 300 + s));
      sealedLogits.add(sealedGradient(cohort.rows(), 400 + s));
    }
    List<double[]> atGradients = reverseMultiplication(view.opened(), masked);
    List<double[]> atSealed = reverseMultiplication(sealedLogits, masked);
    assertThat(Arrays.stream(arbiter).min().orElseThrow()).isGreaterThan(1 - 1e-9);
    // Vectors of the declared span in no particular direction: no column.
    assertThat(max(best(atGradients, cohort.standardised()))).isLessThan(0.95);
    assertThat(max(best(atSealed, cohort.standardised()))).isLessThan(0.25);
  }

  /** Reverse sum: Weng et al., arXiv 2011.09290; magic numbers in what is encrypted and summed. */
  @Test
  void magicResidualsReadColumnsOnlyFromSumsWithoutMasks() {
    int rows = 24;
    int columns = 300;
    Random random = new Random(31);
    int[] x = random.ints((long) rows * columns, 0, 2).toArray();
    long[] magic = new long[rows];
    for (int i = 0; i < rows; i++) {
      magic[i] = 1L << i;
    }
    try (Product product = new Product(x, rows, columns, 1L << rows)) {
      Product.Sides sides = product.answer(magic);
      // One of 300 sums may be off by one unit (docs/he.md, exactness), which changes its low bits.
      assertThat(1.0 * bits(sides.result(), x, rows, columns) / x.length).isGreaterThan(0.99);
      assertThat(1.0 * bits(sides.opened(), x, rows, columns) / x.length).isBetween(0.46, 0.54);
    }
  }

  private static int bits(long[] sums, int[] x, int rows, int columns) {
    int right = 0;
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        right += (sums[j] >> i & 1) == x[i * columns + j] ? 1 : 0;
      }
    }
    return right;
  }

  /**
   * One feature from scores: Rassouli et al., arXiv 2207.11788. With many scores their smallest and
   * largest give the scale; the weights need not be known.
   */
  @Test
  void scoresOfOneColumnAreTheColumn() {
    Random random = new Random(41);
    double[] column = random.doubles(5000).toArray();
    double[] scores = Arrays.stream(column).map(v -> -0.7 + 1.9 * v).toArray();
    double least = Arrays.stream(scores).min().orElseThrow();
    double most = Arrays.stream(scores).max().orElseThrow();
    for (int i = 0; i < column.length; i++) {
      assertThat((scores[i] - least) / (most - least))
          .isBetween(column[i] - 1e-3, column[i] + 1e-3);
    }
    // Training at gradients refuses fewer than four columns, because a pass would open this.
    for (int columns = 1; columns < 4; columns++) {
      Disclosure.Facts facts =
          new Disclosure.Facts(
              RecordedRun.LABEL, Map.of(RecordedRun.FEATURE, columns), 9, 5000, false, 0, false);
      assertThatThrownBy(() -> Disclosure.require(Level.GRADIENTS, facts))
          .isInstanceOf(NoPassLeft.class);
    }
    // With more columns a score is one equation a person.
    Matrix x = unrelated(random, 2000, 8);
    double[] w = random.doubles(8).map(v -> random.nextGaussian()).toArray();
    double[] score = x.times(w);
    double mean =
        Algebra.columns(x).stream()
            .mapToDouble(c -> Math.abs(Algebra.correlation(c, score)))
            .average()
            .orElseThrow();
    // At sealed the label party has a residue instead.
    double[] sealed = sealedGradient(column.length, 42);
    assertThat(mean).isLessThan(0.5);
    assertThat(Math.abs(Algebra.correlation(sealed, column))).isLessThan(0.08);
  }
}
