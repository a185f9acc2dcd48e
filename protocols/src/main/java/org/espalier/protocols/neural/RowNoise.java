package org.espalier.protocols.neural;

import java.util.Arrays;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.neural.top.Bottom;

/**
 * Gaussian noise on a batch's numbers at the cut, those of each person shortened first to an agreed
 * length at most: without that the numbers could grow until the noise means nothing. Li et al.,
 * ICLR 2022, call it isotropic. What one message tells of a person is bounded by it; nothing is
 * claimed of all messages together, since all of them depend on weights that no noise protects.
 */
final class RowNoise {
  private final double deviation;
  private final Prg coins;
  private double[] factors = new double[0];
  private double[] shortened = new double[0];

  /**
   * @param deviation of the noise on each number, in units that the caller's bound is given in; 0:
   *     nothing is done at all
   */
  RowNoise(double deviation, Prg coins) {
    this.deviation = deviation;
    this.coins = coins;
  }

  boolean isNone() {
    return deviation == 0;
  }

  /** Root mean square of the lengths of the rows that are not 0; 0 if there is none. */
  static double usualLength(double[] values, int width) {
    double squares = 0;
    int rows = 0;
    for (int at = 0; at < values.length; at += width) {
      double one = squares(values, at, width);
      squares += one;
      rows += one > 0 ? 1 : 0;
    }
    return rows == 0 ? 0 : Math.sqrt(squares / rows);
  }

  private static double squares(double[] values, int at, int width) {
    double sum = 0;
    for (int m = 0; m < width; m++) {
      sum += values[at + m] * values[at + m];
    }
    return sum;
  }

  /**
   * Shortens and adds noise, in place.
   *
   * @param length that a row has at most
   * @param unit of the deviation
   */
  void add(double[] values, int count, int width, double length, double unit) {
    if (isNone()) {
      return;
    }
    factors = factors.length < count ? new double[count] : factors;
    for (int i = 0; i < count; i++) {
      factors[i] = Bottom.shorten(values, i * width, width, length);
    }
    shortened = Arrays.copyOf(values, count * width);
    for (int at = 0; at < count * width; at++) {
      values[at] += deviation * unit * coins.nextGaussian();
    }
  }

  /** From slopes by what {@link #add} made to those by what it got, in place. */
  void backward(double[] slope, int count, int width) {
    for (int i = 0; i < count && !isNone(); i++) {
      if (factors[i] == 1) {
        continue;
      }
      double along = 0;
      double squares = squares(shortened, i * width, width);
      for (int at = i * width; at < (i + 1) * width; at++) {
        along += slope[at] * shortened[at];
      }
      for (int at = i * width; at < (i + 1) * width; at++) {
        slope[at] = factors[i] * (slope[at] - along / squares * shortened[at]);
      }
    }
  }
}
