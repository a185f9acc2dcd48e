package org.espalier.protocols.attack;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.espalier.protocols.glm.CentralisedLogistic;
import org.espalier.protocols.prepare.Matrix;

/**
 * What a label party without own features sees at level {@code gradients} with one feature party,
 * as a simulation in which the noise can be chosen, or left out. Like the product it fits a weight
 * for each direction so far, hands out residuals and opens the logits of the gradient, scaled to
 * length 1.
 *
 * @param opened one vector a pass
 * @param residuals one vector a pass, known to the label party
 * @param directions the feature party's secrets, for the attack's reference
 */
record OpenedLogits(List<double[]> opened, List<double[]> residuals, List<double[]> directions) {
  static final int EXACT = -1;

  /**
   * @param noiseBits uniform noise of ±2^-bits on each logit, or {@link #EXACT}
   */
  static OpenedLogits of(Matrix x, double[] y, int passes, int noiseBits, long seed) {
    Random random = new Random(seed);
    OpenedLogits view = new OpenedLogits(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    for (int pass = 0; pass < passes; pass++) {
      double[] z = new double[y.length];
      if (pass > 0) {
        Matrix seen = Algebra.beside(view.opened);
        CentralisedLogistic fit = CentralisedLogistic.fit(seen, y, 1e-6);
        z = seen.times(fit.weights());
        for (int i = 0; i < z.length; i++) {
          z[i] += fit.intercept();
        }
      }
      double[] r = new double[y.length];
      for (int i = 0; i < r.length; i++) {
        r[i] = 1 / (1 + Math.exp(-z[i])) - y[i];
      }
      double[] direction = x.transposeTimes(r);
      double length = Math.sqrt(Algebra.dot(direction, direction));
      for (int j = 0; j < direction.length; j++) {
        direction[j] /= length;
      }
      double[] logits = x.times(direction);
      if (noiseBits != EXACT) {
        for (int i = 0; i < logits.length; i++) {
          logits[i] += Math.scalb(2 * random.nextDouble() - 1, -noiseBits);
        }
      }
      view.opened.add(logits);
      view.residuals.add(r);
      view.directions.add(direction);
    }
    return view;
  }
}
