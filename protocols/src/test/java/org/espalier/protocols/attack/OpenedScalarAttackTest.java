package org.espalier.protocols.attack;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.espalier.protocols.mask.Prg;
import org.junit.jupiter.api.Test;

/**
 * The sums over all people that level sealed opens, if one of the two compute parties deviates: it
 * sets its factors of all rows but one to zero. The other's noise, worth ten rows, is all that
 * stands between it and that row.
 */
class OpenedScalarAttackTest {
  private static final int ROWS = 2000;
  private static final int RESULT_BITS = 11;
  private static final double NOISE_ROWS = 10;
  private static final double PERIOD = 32;

  private final double[] truth = new double[ROWS];
  private final long[] honest = new long[ROWS];

  OpenedScalarAttackTest() {
    Random random = new Random(7);
    for (int i = 0; i < ROWS; i++) {
      truth[i] = Math.cos(2 * Math.PI * 5 * random.nextGaussian() / PERIOD);
      honest[i] = Math.round(Math.scalb(truth[i], RESULT_BITS));
    }
  }

  private static double gaussian(Prg coins) {
    return Math.sqrt(-2 * Math.log1p(-coins.nextDouble()))
        * Math.cos(2 * Math.PI * coins.nextDouble());
  }

  /**
   * What the deviating party makes of an opened sum in which only one row is left.
   *
   * @param factor by which it multiplies that row's factors
   * @param openings averaged
   */
  private double read(int row, double noiseRows, long factor, int openings, Prg coins) {
    double sum = 0;
    for (int k = 0; k < openings; k++) {
      long value = Sealed.FIELD.residue(factor * honest[row]);
      long own = Sealed.FIELD.uniform(coins, 1)[0];
      long noise = Math.round(Math.scalb(noiseRows * gaussian(coins), RESULT_BITS));
      long other = Sealed.FIELD.add(Sealed.FIELD.subtract(value, own), Sealed.FIELD.residue(noise));
      long opened = Sealed.FIELD.centre(Sealed.FIELD.add(own, other));
      sum += Math.scalb((double) opened, -RESULT_BITS) / factor;
    }
    return sum / openings;
  }

  private double correlation(double noiseRows, long factor, int openings) {
    Prg coins = Sealed.coins(11);
    double[] read = new double[ROWS];
    Arrays.setAll(read, i -> read(i, noiseRows, factor, openings, coins));
    return Algebra.correlation(read, truth);
  }

  @Test
  void aSumWithoutNoiseIsThatRow() {
    Prg coins = Sealed.coins(12);
    for (int i = 0; i < 100; i++) {
      assertThat(read(i, 0, 1, 1, coins)).isBetween(truth[i] - 1e-3, truth[i] + 1e-3);
    }
  }

  @Test
  void theOthersNoiseAloneHidesARowThatKeepsToItsScale() {
    double error = 0;
    Prg coins = Sealed.coins(13);
    for (int i = 0; i < ROWS; i++) {
      error += Math.pow(read(i, NOISE_ROWS, 1, 1, coins) - truth[i], 2) / ROWS;
    }
    assertThat(Math.sqrt(error)).isBetween(9.0, 11.0);
    assertThat(Math.abs(correlation(NOISE_ROWS, 1, 1))).isLessThan(0.15);
    // The same row in 40 openings: a hint, as the budget of openings says.
    assertThat(correlation(NOISE_ROWS, 1, 40)).isLessThan(0.6);
  }

  /** The stated limit: a factor up to n is as plausible as the sum of n people. */
  @Test
  void aRowThatIsAmplifiedShowsThroughTheNoise() {
    double amplified = correlation(NOISE_ROWS, ROWS, 1);
    assertThat(amplified).isGreaterThan(0.99);
  }
}
