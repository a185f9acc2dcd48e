package org.espalier.protocols.attack;

import java.math.BigInteger;
import java.util.Arrays;

/**
 * Lattice reduction in exact integers (Lenstra, Lenstra and Lovász 1982, in the all-integer form of
 * Cohen, A Course in Computational Algebraic Number Theory, algorithm 2.6.7): slow, short, and free
 * of rounding.
 */
final class Lattice {
  private final BigInteger[][] b;
  private final BigInteger[][] lambda;
  // determinant[k + 1] is that of the Gram matrix of the first k + 1 vectors.
  private final BigInteger[] determinant;

  private Lattice(BigInteger[][] basis) {
    int n = basis.length;
    b = basis;
    lambda = new BigInteger[n][n];
    determinant = new BigInteger[n + 1];
    determinant[0] = BigInteger.ONE;
  }

  /**
   * Reduces in place, with Lovász factor 3/4.
   *
   * @param basis independent rows
   */
  static void reduce(BigInteger[][] basis) {
    new Lattice(basis).run();
  }

  private void run() {
    determinant[1] = dot(b[0], b[0]);
    for (int k = 1, known = 0; k < b.length; ) {
      if (k > known) {
        known = k;
        orthogonalise(k);
      }
      subtract(k, k - 1);
      BigInteger left = determinant[k + 1].multiply(determinant[k - 1]);
      BigInteger right =
          determinant[k]
              .pow(2)
              .multiply(BigInteger.valueOf(3))
              .shiftRight(2)
              .subtract(lambda[k][k - 1].pow(2));
      if (left.compareTo(right) < 0) {
        swap(k, known);
        k = Math.max(1, k - 1);
      } else {
        for (int l = k - 2; l >= 0; l--) {
          subtract(k, l);
        }
        k++;
      }
    }
  }

  private void orthogonalise(int k) {
    for (int j = 0; j <= k; j++) {
      BigInteger u = dot(b[k], b[j]);
      for (int i = 0; i < j; i++) {
        u =
            determinant[i + 1]
                .multiply(u)
                .subtract(lambda[k][i].multiply(lambda[j][i]))
                .divide(determinant[i]);
      }
      if (j < k) {
        lambda[k][j] = u;
      } else {
        determinant[k + 1] = u;
      }
    }
  }

  /** b_k minus the multiple of b_l that brings its coefficient below one half. */
  private void subtract(int k, int l) {
    BigInteger d = determinant[l + 1];
    BigInteger q = lambda[k][l].shiftLeft(1).add(d).divide(d.shiftLeft(1));
    if (lambda[k][l].shiftLeft(1).add(d).signum() < 0) {
      q = q.subtract(BigInteger.ONE); // towards minus infinity
    }
    if (q.signum() == 0) {
      return;
    }
    for (int c = 0; c < b[k].length; c++) {
      b[k][c] = b[k][c].subtract(q.multiply(b[l][c]));
    }
    lambda[k][l] = lambda[k][l].subtract(q.multiply(d));
    for (int i = 0; i < l; i++) {
      lambda[k][i] = lambda[k][i].subtract(q.multiply(lambda[l][i]));
    }
  }

  private void swap(int k, int known) {
    BigInteger[] row = b[k];
    b[k] = b[k - 1];
    b[k - 1] = row;
    for (int j = 0; j < k - 1; j++) {
      BigInteger value = lambda[k][j];
      lambda[k][j] = lambda[k - 1][j];
      lambda[k - 1][j] = value;
    }
    BigInteger l = lambda[k][k - 1];
    BigInteger next =
        determinant[k - 1].multiply(determinant[k + 1]).add(l.pow(2)).divide(determinant[k]);
    for (int i = k + 1; i <= known; i++) {
      BigInteger t = lambda[i][k];
      lambda[i][k] =
          determinant[k + 1]
              .multiply(lambda[i][k - 1])
              .subtract(l.multiply(t))
              .divide(determinant[k]);
      lambda[i][k - 1] = next.multiply(t).add(l.multiply(lambda[i][k])).divide(determinant[k + 1]);
    }
    determinant[k] = next;
  }

  static BigInteger dot(BigInteger[] x, BigInteger[] y) {
    BigInteger sum = BigInteger.ZERO;
    for (int i = 0; i < x.length; i++) {
      sum = sum.add(x[i].multiply(y[i]));
    }
    return sum;
  }

  /**
   * Short integer vectors c with Σ c_i·z_is near 0 for every s.
   *
   * @param z one row for each c_i
   * @param unit weight of the identity part: the size of noise in z, 1 where z is exact
   * @return c as rows, shortest vectors of the reduced basis first by its order
   */
  static long[][] relations(long[][] z, long unit) {
    int m = z.length;
    int passes = z[0].length;
    BigInteger[][] basis = new BigInteger[m][passes + m];
    for (int i = 0; i < m; i++) {
      Arrays.fill(basis[i], BigInteger.ZERO);
      for (int s = 0; s < passes; s++) {
        basis[i][s] = BigInteger.valueOf(z[i][s]);
      }
      basis[i][passes + i] = BigInteger.valueOf(unit);
    }
    reduce(basis);
    long[][] found = new long[m][m];
    for (int r = 0; r < m; r++) {
      for (int i = 0; i < m; i++) {
        found[r][i] = basis[r][passes + i].divide(BigInteger.valueOf(unit)).longValueExact();
      }
    }
    return found;
  }
}
