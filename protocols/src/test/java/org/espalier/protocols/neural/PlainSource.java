package org.espalier.protocols.neural;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.neural.top.TopLayers;
import org.espalier.protocols.prepare.Matrix;

/**
 * The network of the same shape over all columns in one place: same batches, steps and momentum.
 */
final class PlainSource {
  private PlainSource() {}

  /** A first layer's weights, columns × hidden of each part, and its bias. */
  record Layer(List<double[]> weights, double[] bias) {
    /** Pre-activations, rows × hidden. */
    double[] of(List<Matrix> parts) {
      int hidden = bias.length;
      double[] z = new double[parts.get(0).rows() * hidden];
      for (int i = 0; i < z.length; i++) {
        z[i] = bias[i % hidden];
      }
      for (int p = 0; p < parts.size(); p++) {
        Matrix part = parts.get(p);
        if (part.columns() > 0) {
          Matrix layer = new Matrix(part.columns(), hidden, weights.get(p));
          double[] sum = part.times(layer).values();
          for (int i = 0; i < z.length; i++) {
            z[i] += sum[i];
          }
        }
      }
      return z;
    }

    static Layer of(SourceRun<LabelSource, FeatureSource> run) {
      List<double[]> weights = new ArrayList<>();
      weights.add(run.label().weights());
      run.features().forEach(feature -> weights.add(feature.weights()));
      return new Layer(weights, run.label().bias());
    }
  }

  static Layer train(List<Matrix> parts, SourceSpec spec, TopLayers top) {
    Matrix all = Matrix.beside(parts);
    int n = all.rows();
    int d = all.columns();
    int hidden = spec.hidden();
    Batches batches = new Batches(SourceRun.job(n, 1, spec, 0));
    double[] ordered = new double[n * d];
    for (int i = 0; i < n; i++) {
      System.arraycopy(all.values(), batches.row(i) * d, ordered, i * d, d);
    }
    OwnColumns layer =
        new OwnColumns(
            new Matrix(n, d, ordered), batches, new Recency(spec.momentum()), hidden, spec.rate());
    Prg random = new Prg(new byte[32]);
    double[] first = new double[d * hidden];
    Arrays.setAll(first, i -> random.nextGaussian() / Math.sqrt(d));
    layer.begin(first);
    for (int epoch = 1; epoch <= spec.epochs(); epoch++) {
      for (int batch = 0; batch < batches.count(); batch++) {
        double[] z = layer.forward(batch);
        double[] slope = new double[z.length];
        int[] rows = new int[batches.rows(batch)];
        int from = batches.from(batch);
        Arrays.setAll(rows, i -> batches.row(from + i));
        top.step(epoch, rows, z, slope);
        layer.step(batch, slope);
      }
    }
    List<double[]> weights = new ArrayList<>();
    int at = 0;
    for (Matrix part : parts) {
      int end = at + part.columns() * hidden;
      weights.add(Arrays.copyOfRange(layer.weights(), at, end));
      at = end;
    }
    return new Layer(weights, Arrays.copyOfRange(layer.weights(), at, at + hidden));
  }
}
