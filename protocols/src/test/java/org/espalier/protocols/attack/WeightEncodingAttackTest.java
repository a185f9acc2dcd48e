package org.espalier.protocols.attack;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.espalier.protocols.glm.CentralisedLogistic;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.prepare.CategoryColumn;
import org.espalier.protocols.prepare.Column;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.NumberColumn;
import org.espalier.protocols.prepare.Preparation;
import org.espalier.protocols.prepare.PreparationSpec;
import org.espalier.protocols.prepare.Table;
import org.junit.jupiter.api.Test;

/** Final weights as a channel for other people's labels. */
class WeightEncodingAttackTest {
  private static final int ROWS = 1000;

  /** Columns that are 1 for {@code people} persons and 0 for all others, the groups disjoint. */
  private static Matrix singling(int groups, int people) {
    double[] values = new double[ROWS * groups];
    for (int i = 0; i < groups * people; i++) {
      values[i * groups + i / people] = 1;
    }
    return new Matrix(ROWS, groups, values);
  }

  /** People whose label the sign of their group's weight tells. */
  private static double told(Matrix x, double[] y, int groups, int people) {
    double[] w = CentralisedLogistic.fit(x, y, 1e-3).weights();
    int right = 0;
    for (int i = 0; i < groups * people; i++) {
      right += (w[i / people] > 0 ? 1 : 0) == y[i] ? 1 : 0;
    }
    return 1.0 * right / (groups * people);
  }

  @Test
  void aColumnForOnePersonTellsItsLabelAndOneForTenThePrevalenceAmongTen() {
    Random random = new Random(2);
    double[] y = random.doubles(ROWS).map(u -> u < 0.5 ? 1 : 0).toArray();
    assertThat(told(singling(20, 1), y, 20, 1)).isEqualTo(1);
    double three = told(singling(20, 3), y, 20, 3);
    double ten = told(singling(20, 10), y, 20, 10);
    assertThat(ten).isLessThan(0.75);
    assertThat(three).isGreaterThan(ten);
  }

  @Test
  void preparationMakesNoColumnThatSinglesOutFewerThanTheMinimum() {
    for (int minimum : new int[] {3, 5, 10}) {
      int few = minimum - 1;
      int[] codes = IntStream.range(0, ROWS).map(i -> i < few ? 2 : i % 2).toArray();
      List<Column> columns = new ArrayList<>();
      columns.add(new CategoryColumn("group", codes, List.of("a", "b", "marked")));
      columns.add(
          new NumberColumn(
              "mark", IntStream.range(0, ROWS).mapToDouble(i -> i < few ? i + 1 : 0).toArray()));
      columns.add(
          new NumberColumn("other", IntStream.range(0, ROWS).mapToDouble(i -> i % 97).toArray()));
      Table table = new Table(columns);
      int[] all = IntStream.range(0, ROWS).toArray();
      Preparation preparation =
          Preparation.fit(table, all, new PreparationSpec(true, true, minimum));
      Matrix x = preparation.apply(table, all);
      // In every column a marked person has a value that at least as many people share.
      for (double[] column : Algebra.columns(x)) {
        for (int i = 0; i < few; i++) {
          double value = column[i];
          assertThat(Arrays.stream(column).filter(v -> v == value).count())
              .isGreaterThanOrEqualTo(minimum);
        }
      }
    }
  }

  // Level sealed for 1,000 rows, about: 38 bits after the point, 13 stay above the noise.
  private static final int WEIGHT_SCALE = 38;
  private static final int OPENED_BITS = 13;
  private static final int NOISE_BITS = WEIGHT_SCALE - OPENED_BITS;
  private static final int RESIDUAL_BITS = 10;
  private static final int COEFFICIENT_BITS = 6;

  /**
   * Labels right in the weight of a column of powers of two from 2^low on, which the owner of the
   * column opens.
   *
   * @param noise whether the other side adds noise to its share
   */
  private static int labelsRead(double[] y, int low, int people, boolean noise, int seed) {
    long sum = 0;
    for (int i = 0; i < people; i++) {
      // In the first pass a residual is one half less the label. A party that deviates is not held
      // to the 16 bits of an honest slice's entries.
      long residual = y[i] == 1 ? -(1L << (RESIDUAL_BITS - 1)) : 1L << (RESIDUAL_BITS - 1);
      sum += residual << (low + i);
    }
    Prg coins = Sealed.coins(seed);
    long gradient = Sealed.FIELD.residue(sum);
    long own = Sealed.FIELD.uniform(coins, 1)[0];
    long other =
        Sealed.FIELD.subtract(Sealed.FIELD.multiply(gradient, 1L << COEFFICIENT_BITS), own);
    if (noise) {
      long drawn = (coins.nextLong() >>> (Long.SIZE - NOISE_BITS)) - (1L << (NOISE_BITS - 1));
      other = Sealed.FIELD.add(other, Sealed.FIELD.residue(drawn));
    }
    long opened = Sealed.FIELD.centre(Sealed.FIELD.add(own, other));
    // Σ ±2^(low + i): greedy from the largest on.
    int right = 0;
    double rest = Math.scalb((double) opened, -COEFFICIENT_BITS - RESIDUAL_BITS + 1);
    for (int i = people - 1; i >= 0; i--) {
      boolean positive = rest < 0;
      right += positive == (y[i] == 1) ? 1 : 0;
      rest += Math.scalb(positive ? 1.0 : -1.0, low + i);
    }
    return right;
  }

  @Test
  void lowBitsOfAWeightCarryNothingAndAWholeWeightAtMostItsOpenedBits() {
    Random random = new Random(3);
    int runs = 200;
    int exact = 0;
    int hidden = 0;
    int whole = 0;
    for (int k = 0; k < runs; k++) {
      double[] y = random.doubles(30).map(u -> u < 0.5 ? 1 : 0).toArray();
      exact += labelsRead(y, 0, 30, false, k);
      // Eight people below the noise: sums below 2^23 where the noise has 2^25.
      hidden += labelsRead(y, 0, 8, true, k);
      // Thirty people up to the end of the range: the upper ones are read.
      whole += labelsRead(y, 0, 30, true, k);
    }
    assertThat(exact).as("without noise").isEqualTo(30 * runs);
    assertThat(1.0 * hidden / runs / 8).as("in the low bits").isBetween(0.45, 0.62);
    // A label beyond chance is half a bit of count: b labels read and 30 − b guessed.
    double read = 2 * (1.0 * whole / runs - 15);
    assertThat(read).isLessThanOrEqualTo(51 - NOISE_BITS);
  }
}
