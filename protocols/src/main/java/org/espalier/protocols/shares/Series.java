package org.espalier.protocols.shares;

import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.factory.LinearSolverFactory_DDRM;
import org.ejml.interfaces.linsol.LinearSolverDense;

/**
 * A function as a finite Fourier series over a period that is longer than the range of its
 * argument: f(z) ≈ c_0 + Σ_{k=1..K} s_k·sin(2πkz/P) + c_k·cos(2πkz/P), sines alone for an odd f and
 * cosines for an even one. Because the period divides the modulus of the shares, the wrap of a
 * shared z vanishes and sin(α + β) = sin α cos β + cos α sin β turns f of a sum into products of
 * two parties' values: the same products whether a harmonic has a sine, a cosine or both.
 *
 * <p>Fitted by least squares on a grid over the range, with a small ridge that keeps the
 * coefficients, which multiply the rounding noise, from growing. Idea: Squirrel (USENIX Security
 * 2023).
 *
 * @param constant c_0; 0 for an odd series
 * @param sines s_1..s_K
 * @param cosines c_1..c_K
 * @param period P
 * @param range the series holds for |z| up to this
 * @param error largest distance from f on the grid within the range, times the weight there
 */
public record Series(
    double constant, double[] sines, double[] cosines, double period, double range, double error) {
  private static final int GRID = 2000;
  private static final double RIDGE = 1e-6;

  /** Points at which {@link #values} are taken. */
  private static final int POINTS = 4096;

  /** Which harmonics of a spectrum a fit has. */
  private enum Waves {
    SINES,
    COSINES,
    BOTH
  }

  /** Fits an odd function. */
  public static Series odd(DoubleUnaryOperator f, Spectrum spectrum, double period, double range) {
    return fit(Waves.SINES, f, z -> 1, RIDGE, spectrum, period, range);
  }

  /** Fits an even function. */
  public static Series even(DoubleUnaryOperator f, Spectrum spectrum, double period, double range) {
    return fit(Waves.COSINES, f, z -> 1, RIDGE, spectrum, period, range);
  }

  /**
   * Fits a function that is neither.
   *
   * @param weight by which distances count, above 0
   * @param ridge smaller where f is large somewhere
   */
  public static Series of(
      DoubleUnaryOperator f,
      DoubleUnaryOperator weight,
      double ridge,
      Spectrum spectrum,
      double period,
      double range) {
    return fit(Waves.BOTH, f, weight, ridge, spectrum, period, range);
  }

  /**
   * sin^(2·power)(πz/P), exactly: near 0 for small |z|, 1 at half a period.
   *
   * @param power how many harmonics it has
   */
  public static Series edge(int power, double period) {
    return step(power, power, 0, period);
  }

  /**
   * With x = sin²(π(z − centre)/P) the probability that of {@code harmonics} tries, each of which
   * succeeds with probability x, {@code least} or more do: 0 around the centre, where it is flat, 1
   * half a period away, rising between them and about ½ where x = least/(harmonics + 1). Exactly;
   * the maximally flat filter of Herrmann (1971).
   *
   * @param least 1 to harmonics
   */
  public static Series step(int harmonics, int least, double centre, double period) {
    double[] values = new double[2 * harmonics + 1];
    for (int i = 0; i < values.length; i++) {
      double s = Math.sin(Math.PI * i / values.length);
      values[i] = atLeast(least, harmonics, s * s);
    }
    double[] sines = new double[harmonics];
    double[] cosines = new double[harmonics];
    double mean = 0;
    for (int i = 0; i < values.length; i++) {
      mean += values[i] / values.length;
      for (int k = 1; k <= harmonics; k++) {
        // Between so many points no two harmonics are mistaken for each other.
        double angle = 2 * Math.PI * k * (i / (double) values.length + centre / period);
        sines[k - 1] += 2 * values[i] * Math.sin(angle) / values.length;
        cosines[k - 1] += 2 * values[i] * Math.cos(angle) / values.length;
      }
    }
    return new Series(mean, sines, cosines, period, period / 2, 0);
  }

  private static double atLeast(int least, int tries, double x) {
    double sum = 0;
    double binomial = 1;
    for (int j = tries; j >= least; j--) {
      sum += binomial * Math.pow(x, j) * Math.pow(1 - x, tries - j);
      binomial = binomial * j / (tries - j + 1);
    }
    return sum;
  }

  private static Series fit(
      Waves waves,
      DoubleUnaryOperator f,
      DoubleUnaryOperator weight,
      double ridge,
      Spectrum spectrum,
      double period,
      double range) {
    int first = waves == Waves.SINES ? 0 : 1;
    int each = waves == Waves.BOTH ? 2 : 1;
    int unknowns = each * spectrum.size() + first;
    DMatrixRMaj gram = new DMatrixRMaj(unknowns, unknowns);
    DMatrixRMaj right = new DMatrixRMaj(unknowns, 1);
    double[] basis = new double[unknowns];
    for (int i = 0; i <= GRID; i++) {
      double z = point(waves, range, i);
      for (int k = 0; k < unknowns; k++) {
        basis[k] = k < first ? 1 : wave(waves, spectrum, k - first, z, period);
      }
      double w = weight.applyAsDouble(z);
      double value = f.applyAsDouble(z);
      for (int k = 0; k < unknowns; k++) {
        for (int m = 0; m < unknowns; m++) {
          gram.add(k, m, w * w * basis[k] * basis[m] / GRID);
        }
        right.add(k, 0, w * w * basis[k] * value / GRID);
      }
    }
    for (int k = first; k < unknowns; k++) {
      gram.add(k, k, ridge);
    }
    LinearSolverDense<DMatrixRMaj> solver = LinearSolverFactory_DDRM.symmPosDef(unknowns);
    DMatrixRMaj solution = new DMatrixRMaj(unknowns, 1);
    if (!solver.setA(gram)) {
      throw new IllegalArgumentException(
          spectrum + " cannot be told apart on |z| up to " + range + " of " + period);
    }
    solver.solve(right, solution);
    double[] sines = new double[spectrum.largest()];
    double[] cosines = new double[spectrum.largest()];
    for (int k = first; k < unknowns; k++) {
      double[] to = sine(waves, k - first) ? sines : cosines;
      to[spectrum.harmonic((k - first) / each) - 1] = solution.get(k);
    }
    double constant = waves == Waves.SINES ? 0 : solution.get(0);
    Series fitted = new Series(constant, sines, cosines, period, range, 0);
    double error = 0;
    for (int i = 0; i <= GRID; i++) {
      double z = point(waves, range, i);
      double distance = Math.abs(fitted.value(z) - f.applyAsDouble(z));
      error = Math.max(error, weight.applyAsDouble(z) * distance);
    }
    return new Series(constant, sines, cosines, period, range, error);
  }

  /** Of an odd or an even function half of the range says all. */
  private static double point(Waves waves, double range, int i) {
    return waves == Waves.BOTH ? range * (2.0 * i / GRID - 1) : range * i / GRID;
  }

  private static boolean sine(Waves waves, int index) {
    return waves == Waves.SINES || (waves == Waves.BOTH && index % 2 == 0);
  }

  private static double wave(Waves waves, Spectrum spectrum, int index, double z, double period) {
    int k = spectrum.harmonic(waves == Waves.BOTH ? index / 2 : index);
    double angle = 2 * Math.PI * k * z / period;
    return sine(waves, index) ? Math.sin(angle) : Math.cos(angle);
  }

  /** K. */
  public int harmonics() {
    return sines.length;
  }

  /** The series at z. */
  public double value(double z) {
    double sum = constant;
    for (int k = 1; k <= sines.length; k++) {
      double angle = 2 * Math.PI * k * z / period;
      sum += sines[k - 1] * Math.sin(angle) + cosines[k - 1] * Math.cos(angle);
    }
    return sum;
  }

  /** Its values all over a period: what a row can count for at most, wherever it lies. */
  public double[] values() {
    double[] values = new double[POINTS];
    Arrays.setAll(values, i -> value(period * i / POINTS));
    return values;
  }
}
