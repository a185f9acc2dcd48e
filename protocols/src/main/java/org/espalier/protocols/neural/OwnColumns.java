package org.espalier.protocols.neural;

import java.util.Arrays;
import org.espalier.he.DenseProducts;
import org.espalier.protocols.prepare.Matrix;

/** The label party's own part of the layer, in real numbers: its columns and the bias. */
final class OwnColumns {
  private final Batches batches;
  private final Recency recency;
  private final int columns;
  private final int hidden;
  private final double rate;
  private final double[][] byRow;
  private final double[][] byColumn;
  private Recency.Clear layer;

  /**
   * @param whitened in the order of the batches; a column of ones is added
   */
  OwnColumns(Matrix whitened, Batches batches, Recency recency, int hidden, double rate) {
    this.batches = batches;
    this.recency = recency;
    this.columns = whitened.columns() + 1;
    this.hidden = hidden;
    this.rate = rate;
    this.byRow = new double[batches.count()][];
    this.byColumn = new double[batches.count()][];
    for (int batch = 0; batch < byRow.length; batch++) {
      int rows = batches.rows(batch);
      double[] x = new double[rows * columns];
      double[] transposed = new double[rows * columns];
      for (int i = 0; i < rows; i++) {
        int from = (batches.from(batch) + i) * (columns - 1);
        System.arraycopy(whitened.values(), from, x, i * columns, columns - 1);
        x[i * columns + columns - 1] = 1;
        for (int j = 0; j < columns; j++) {
          transposed[j * rows + i] = x[i * columns + j];
        }
      }
      byRow[batch] = x;
      byColumn[batch] = transposed;
    }
  }

  /**
   * @param first weights, columns × hidden, without the bias, which begins at 0
   */
  void begin(double[] first) {
    layer = recency.new Clear(Arrays.copyOf(first, columns * hidden));
  }

  /** Its part of a batch's pre-activations, rows × hidden. */
  double[] forward(int batch) {
    int rows = batches.rows(batch);
    double[] z = new double[rows * hidden];
    DenseProducts.product(byRow[batch], rows, columns, 0, rows, layer.weights(), hidden, z);
    return z;
  }

  /** A step along the batch's slopes, rows × hidden. */
  void step(int batch, double[] slope) {
    int rows = batches.rows(batch);
    double[] gradient = new double[columns * hidden];
    DenseProducts.product(byColumn[batch], columns, rows, 0, columns, slope, hidden, gradient);
    for (int i = 0; i < gradient.length; i++) {
      gradient[i] *= rate / rows;
    }
    layer.step(gradient);
  }

  /** (columns + 1) × hidden: the last row is the bias. Not a copy. */
  double[] weights() {
    return layer.weights();
  }

  void restore(double[] weights) {
    layer.restore(weights);
  }
}
