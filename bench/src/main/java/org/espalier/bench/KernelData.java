package org.espalier.bench;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.espalier.protocols.fixedpoint.Quantisation;
import org.espalier.protocols.prepare.Matrix;

/**
 * One product Xᵀ·r as integers on disk, the same for all systems: prepared features and residuals
 * in the number of bits that a training of so many rows uses. Files {@code x.i32} (row-major) and
 * {@code r.i64}, little-endian.
 */
record KernelData(int[] x, long[] r, int columns) {
  private static final String X = "x.i32";
  private static final String R = "r.i64";

  /** From a cohort: its feature columns, and residuals of a model with one weight of 1. */
  static KernelData of(DataFiles data) {
    Matrix features = data.feature(DataFiles.Part.TRAIN);
    double[] labels = data.labels(DataFiles.Part.TRAIN);
    Quantisation bits = Quantisation.forRows(features.rows());
    double[] values = features.values();
    int[] x = new int[values.length];
    for (int i = 0; i < x.length; i++) {
      x[i] = (int) Math.round(Math.scalb(values[i], bits.featureBits()));
    }
    long[] r = new long[features.rows()];
    for (int i = 0; i < r.length; i++) {
      double probability = 1 / (1 + Math.exp(-values[i * features.columns()]));
      r[i] = Math.round(Math.scalb(probability - labels[i], bits.residualBits()));
    }
    return new KernelData(x, r, features.columns());
  }

  int rows() {
    return r.length;
  }

  /** The sums over the first rows, by integer arithmetic. */
  long[] sums(int rows) {
    long[] sums = new long[columns];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        sums[j] += x[i * columns + j] * r[i];
      }
    }
    return sums;
  }

  void write(Path folder) throws IOException {
    Files.createDirectories(folder);
    ByteBuffer xBytes = ByteBuffer.allocate(4 * x.length).order(ByteOrder.LITTLE_ENDIAN);
    xBytes.asIntBuffer().put(x);
    Files.write(folder.resolve(X), xBytes.array());
    ByteBuffer rBytes = ByteBuffer.allocate(8 * r.length).order(ByteOrder.LITTLE_ENDIAN);
    rBytes.asLongBuffer().put(r);
    Files.write(folder.resolve(R), rBytes.array());
  }

  static KernelData read(Path folder, int columns) throws IOException {
    ByteBuffer xBytes =
        ByteBuffer.wrap(Files.readAllBytes(folder.resolve(X))).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer rBytes =
        ByteBuffer.wrap(Files.readAllBytes(folder.resolve(R))).order(ByteOrder.LITTLE_ENDIAN);
    int[] x = new int[xBytes.remaining() / 4];
    xBytes.asIntBuffer().get(x);
    long[] r = new long[rBytes.remaining() / 8];
    rBytes.asLongBuffer().get(r);
    if (x.length != r.length * columns) {
      throw new IOException(folder + " does not hold a matrix of " + columns + " columns");
    }
    return new KernelData(x, r, columns);
  }
}
