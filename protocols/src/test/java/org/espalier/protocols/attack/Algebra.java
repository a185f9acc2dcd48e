package org.espalier.protocols.attack;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.dense.row.factory.LinearSolverFactory_DDRM;
import org.ejml.interfaces.decomposition.EigenDecomposition_F64;
import org.ejml.interfaces.linsol.LinearSolverDense;
import org.espalier.protocols.prepare.Matrix;

/** The attackers' linear algebra. */
public final class Algebra {
  private Algebra() {}

  static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  static double[] column(Matrix x, int j) {
    double[] column = new double[x.rows()];
    for (int i = 0; i < column.length; i++) {
      column[i] = x.get(i, j);
    }
    return column;
  }

  public static List<double[]> columns(Matrix x) {
    List<double[]> columns = new ArrayList<>();
    for (int j = 0; j < x.columns(); j++) {
      columns.add(column(x, j));
    }
    return columns;
  }

  public static Matrix beside(List<double[]> columns) {
    int rows = columns.get(0).length;
    double[] values = new double[rows * columns.size()];
    for (int j = 0; j < columns.size(); j++) {
      for (int i = 0; i < rows; i++) {
        values[i * columns.size() + j] = columns.get(j)[i];
      }
    }
    return new Matrix(rows, columns.size(), values);
  }

  /** Orthonormal vectors with the same span; what is shorter than 1e-9 of a vector is left out. */
  static List<double[]> basis(List<double[]> vectors) {
    List<double[]> basis = new ArrayList<>();
    for (double[] vector : vectors) {
      double[] rest = vector.clone();
      double before = Math.sqrt(dot(rest, rest));
      for (int twice = 0; twice < 2; twice++) {
        for (double[] q : basis) {
          addTo(rest, -dot(q, rest), q);
        }
      }
      double length = Math.sqrt(dot(rest, rest));
      if (length > 1e-9 * before) {
        for (int i = 0; i < rest.length; i++) {
          rest[i] /= length;
        }
        basis.add(rest);
      }
    }
    return basis;
  }

  /** The first principal directions of vectors, orthonormal. */
  public static List<double[]> principal(List<double[]> vectors, int rank) {
    int count = vectors.size();
    DMatrixRMaj gram = new DMatrixRMaj(count, count);
    for (int s = 0; s < count; s++) {
      for (int t = 0; t < count; t++) {
        gram.set(s, t, dot(vectors.get(s), vectors.get(t)));
      }
    }
    EigenDecomposition_F64<DMatrixRMaj> eigen = DecompositionFactory_DDRM.eig(count, true, true);
    if (!eigen.decompose(gram)) {
      throw new IllegalStateException("no eigenvalues");
    }
    List<double[]> directions = new ArrayList<>();
    IntStream.range(0, count)
        .boxed()
        .sorted(Comparator.comparingDouble(k -> -eigen.getEigenvalue(k).getReal()))
        .limit(rank)
        .forEach(
            k -> {
              double[] direction = new double[vectors.get(0).length];
              for (int s = 0; s < count; s++) {
                addTo(direction, eigen.getEigenVector(k).get(s), vectors.get(s));
              }
              directions.add(direction);
            });
    return basis(directions);
  }

  public static void addTo(double[] a, double factor, double[] b) {
    for (int i = 0; i < a.length; i++) {
      a[i] += factor * b[i];
    }
  }

  /** Mean squared cosine between a space and another: 1 if it lies in it. */
  static double share(List<double[]> of, List<double[]> within) {
    double sum = 0;
    for (double[] a : of) {
      for (double[] b : within) {
        sum += Math.pow(dot(a, b), 2);
      }
    }
    return sum / of.size();
  }

  /** Least squares; the shortest solution where there are several (with a tiny ridge). */
  static double[] leastSquares(Matrix a, double[] b) {
    DMatrixRMaj m = DMatrixRMaj.wrap(a.rows(), a.columns(), a.values());
    DMatrixRMaj right = DMatrixRMaj.wrap(b.length, 1, b.clone());
    DMatrixRMaj x = new DMatrixRMaj(a.columns(), 1);
    LinearSolverDense<DMatrixRMaj> solver =
        a.rows() >= a.columns()
            ? LinearSolverFactory_DDRM.leastSquaresQrPivot(true, false)
            : LinearSolverFactory_DDRM.pseudoInverse(true);
    if (!solver.setA(m.copy())) {
      throw new IllegalStateException("no least-squares solution");
    }
    solver.solve(right, x);
    return x.data;
  }

  static double correlation(double[] a, double[] b) {
    double meanA = 0;
    double meanB = 0;
    for (int i = 0; i < a.length; i++) {
      meanA += a[i] / a.length;
      meanB += b[i] / b.length;
    }
    double ab = 0;
    double aa = 0;
    double bb = 0;
    for (int i = 0; i < a.length; i++) {
      ab += (a[i] - meanA) * (b[i] - meanB);
      aa += (a[i] - meanA) * (a[i] - meanA);
      bb += (b[i] - meanB) * (b[i] - meanB);
    }
    return aa * bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
  }

  /** What is left of vectors beside a constant and others. */
  static List<double[]> without(List<double[]> vectors, List<double[]> known) {
    double[] ones = new double[vectors.get(0).length];
    Arrays.fill(ones, 1);
    List<double[]> all = new ArrayList<>(known);
    all.add(ones);
    List<double[]> basis = basis(all);
    List<double[]> rest = new ArrayList<>();
    for (double[] vector : vectors) {
      double[] left = vector.clone();
      for (double[] q : basis) {
        addTo(left, -dot(q, left), q);
      }
      rest.add(left);
    }
    return rest;
  }

  /** Everybody's value by least squares, from what is seen of all and the first people's values. */
  static double[] predicted(List<double[]> seen, double[] values, int people) {
    double[] ones = new double[values.length];
    Arrays.fill(ones, 1);
    List<double[]> by = new ArrayList<>(seen);
    by.add(ones);
    Matrix all = beside(by);
    int k = all.columns();
    Matrix some = new Matrix(people, k, Arrays.copyOf(all.values(), people * k));
    return all.times(leastSquares(some, Arrays.copyOf(values, people)));
  }

  /**
   * Independent columns in a space, but for sign and length: FastICA one by one (Hyvärinen, IEEE
   * Transactions on Neural Networks 1999), which finds what is not normally distributed.
   */
  static List<double[]> independent(List<double[]> space) {
    List<double[]> basis = basis(without(space, List.of()));
    int rank = basis.size();
    int rows = basis.get(0).length;
    double deviation = Math.sqrt(rows);
    Random random = new Random(1);
    List<double[]> weights = new ArrayList<>();
    List<double[]> found = new ArrayList<>();
    for (int k = 0; k < rank; k++) {
      double[] w = random.doubles(rank, -1, 1).toArray();
      double[] y = along(basis, turned(w, weights));
      for (int step = 0; step < 100; step++) {
        double[] g = new double[rows];
        double slope = 0;
        for (int i = 0; i < rows; i++) {
          g[i] = Math.tanh(deviation * y[i]);
          slope += 1 - g[i] * g[i];
        }
        for (int j = 0; j < rank; j++) {
          w[j] = (deviation * dot(basis.get(j), g) - slope * w[j]) / rows;
        }
        y = along(basis, turned(w, weights));
      }
      weights.add(w);
      found.add(y);
    }
    return found;
  }

  /** Orthogonal to others and of length 1, in place. */
  private static double[] turned(double[] w, List<double[]> others) {
    for (double[] other : others) {
      addTo(w, -dot(other, w), other);
    }
    double length = Math.sqrt(dot(w, w));
    for (int j = 0; j < w.length; j++) {
      w[j] /= length;
    }
    return w;
  }

  private static double[] along(List<double[]> basis, double[] w) {
    double[] sum = new double[basis.get(0).length];
    for (int j = 0; j < w.length; j++) {
      addTo(sum, w[j], basis.get(j));
    }
    return sum;
  }
}
