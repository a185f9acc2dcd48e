package org.espalier.protocols.shares;

import java.util.function.DoubleUnaryOperator;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.factory.LinearSolverFactory_DDRM;
import org.ejml.interfaces.linsol.LinearSolverDense;

/**
 * A function as a finite Fourier series over a period that is longer than the range of its
 * argument: f(z) ≈ c_0 + Σ_{k=1..K} c_k·trig(2πkz/P), trig the sine for an odd f and the cosine for
 * an even one. Because the period divides the modulus of the shares, the wrap of a shared z
 * vanishes and sin(α + β) = sin α cos β + cos α sin β turns f of a sum into products of two
 * parties' values.
 *
 * <p>Fitted by least squares on a grid over the range, with a small ridge that keeps the
 * coefficients, which multiply the rounding noise, from growing. Idea: Squirrel (USENIX Security
 * 2023).
 *
 * @param odd sines without a constant, or cosines with one
 * @param constant c_0; 0 for an odd series
 * @param coefficients c_1..c_K
 * @param period P
 * @param range the series holds for |z| up to this
 * @param error largest distance from f on the grid within the range
 */
public record Series(
    boolean odd,
    double constant,
    double[] coefficients,
    double period,
    double range,
    double error) {
  private static final int GRID = 2000;
  private static final double RIDGE = 1e-6;

  /** Fits an odd function. */
  public static Series odd(DoubleUnaryOperator f, Spectrum spectrum, double period, double range) {
    return fit(true, f, spectrum, period, range);
  }

  /** Fits an even function. */
  public static Series even(DoubleUnaryOperator f, Spectrum spectrum, double period, double range) {
    return fit(false, f, spectrum, period, range);
  }

  /**
   * sin^(2·power)(πz/P), exactly: near 0 for small |z|, 1 at half a period.
   *
   * @param power how many harmonics it has
   */
  public static Series edge(int power, double period) {
    double[] coefficients = new double[power];
    double binomial = 1;
    // C(2m, m − k)/2^(2m−1), from k = m down.
    for (int k = power; k >= 1; k--) {
      coefficients[k - 1] = (k % 2 == 0 ? 2 : -2) * Math.scalb(binomial, -2 * power);
      binomial = binomial * (power + k) / (power - k + 1);
    }
    return new Series(false, Math.scalb(binomial, -2 * power), coefficients, period, period / 2, 0);
  }

  private static Series fit(
      boolean odd, DoubleUnaryOperator f, Spectrum spectrum, double period, double range) {
    int first = odd ? 0 : 1;
    int unknowns = spectrum.size() + first;
    DMatrixRMaj gram = new DMatrixRMaj(unknowns, unknowns);
    DMatrixRMaj right = new DMatrixRMaj(unknowns, 1);
    double[] basis = new double[unknowns];
    for (int i = 0; i <= GRID; i++) {
      double z = range * i / GRID;
      for (int k = 0; k < unknowns; k++) {
        basis[k] = k < first ? 1 : trig(odd, spectrum.harmonic(k - first), z, period);
      }
      double value = f.applyAsDouble(z);
      for (int k = 0; k < unknowns; k++) {
        for (int m = 0; m < unknowns; m++) {
          gram.add(k, m, basis[k] * basis[m] / GRID);
        }
        right.add(k, 0, basis[k] * value / GRID);
      }
    }
    for (int k = first; k < unknowns; k++) {
      gram.add(k, k, RIDGE);
    }
    LinearSolverDense<DMatrixRMaj> solver = LinearSolverFactory_DDRM.symmPosDef(unknowns);
    DMatrixRMaj solution = new DMatrixRMaj(unknowns, 1);
    if (!solver.setA(gram)) {
      throw new IllegalArgumentException(
          spectrum + " cannot be told apart on |z| up to " + range + " of " + period);
    }
    solver.solve(right, solution);
    double[] coefficients = new double[spectrum.largest()];
    for (int i = 0; i < spectrum.size(); i++) {
      coefficients[spectrum.harmonic(i) - 1] = solution.get(i + first);
    }
    double constant = odd ? 0 : solution.get(0);
    Series fitted = new Series(odd, constant, coefficients, period, range, 0);
    double error = 0;
    for (int i = 0; i <= GRID; i++) {
      double z = range * i / GRID;
      error = Math.max(error, Math.abs(fitted.value(z) - f.applyAsDouble(z)));
    }
    return new Series(odd, constant, coefficients, period, range, error);
  }

  private static double trig(boolean odd, int k, double z, double period) {
    double angle = 2 * Math.PI * k * z / period;
    return odd ? Math.sin(angle) : Math.cos(angle);
  }

  /** K. */
  public int harmonics() {
    return coefficients.length;
  }

  /** The series at z. */
  public double value(double z) {
    double sum = constant;
    for (int k = 1; k <= coefficients.length; k++) {
      sum += coefficients[k - 1] * trig(odd, k, z, period);
    }
    return sum;
  }
}
