package org.espalier.protocols.neural.top;

import java.util.Arrays;
import java.util.List;
import org.espalier.protocols.glm.Outcomes;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.neural.top.TopLayers.Decision;
import org.espalier.protocols.prepare.Matrix;

/**
 * The plaintext network that federated training is measured against: the same shape on all columns
 * in one place, every layer by the same rule.
 *
 * @param first d × h
 * @param top all other layers
 * @param epochs what was run
 */
public record CentralisedNetwork(Dense first, TopModel top, List<EpochReport> epochs) {
  /**
   * Fits batches of a new random order in each epoch.
   *
   * @param x n × d, finite
   * @param seed 32 bytes: the same give the same network
   * @throws IllegalArgumentException if the outcomes are none of the task or all the same
   * @throws ArithmeticException if training diverges
   */
  public static CentralisedNetwork fit(
      Matrix x, Outcomes outcomes, NetworkSpec spec, FitSpec fit, byte[] seed) {
    Prg coins = new Prg(seed);
    LocalLayer first = LocalLayer.random(x, spec, fit.batch(), fit.descent(), coins);
    TopFit top = new TopFit(spec, fit, outcomes, coins, report -> {});
    return run(first, top, x.rows(), fit, coins);
  }

  /**
   * @param order of rows; null: as they are
   */
  static CentralisedNetwork run(LocalLayer first, TopFit top, int rows, FitSpec fit, Prg order) {
    int width = first.layer().outputs();
    int[] all = new int[rows];
    Arrays.setAll(all, i -> i);
    double[] z = new double[fit.batch() * width];
    double[] slope = new double[z.length];
    Dense kept = first.layer().copy();
    Decision decision = Decision.GO_ON;
    for (int epoch = 1; epoch <= fit.epochs() && !stops(decision); epoch++) {
      if (order != null) {
        shuffle(all, order);
      }
      for (int from = 0; from < rows; from += fit.batch()) {
        int[] batch = Arrays.copyOfRange(all, from, Math.min(rows, from + fit.batch()));
        first.forward(batch, batch.length, z);
        Arrays.fill(slope, 0);
        top.step(epoch, batch, z, slope);
        first.backward(slope, batch.length);
      }
      decision = top.epochEnds(epoch);
      if (decision == Decision.KEEP) {
        kept = first.layer().copy();
      }
    }
    boolean last = top.epoch() == top.epochs().size();
    return new CentralisedNetwork(last ? first.layer() : kept, top.model(), top.epochs());
  }

  private static boolean stops(Decision decision) {
    return decision == Decision.STOP || decision == Decision.STOP_AT_KEPT;
  }

  /** Fisher and Yates. */
  private static void shuffle(int[] rows, Prg coins) {
    for (int i = rows.length - 1; i > 0; i--) {
      int j = (int) coins.below(i + 1L);
      int row = rows[i];
      rows[i] = rows[j];
      rows[j] = row;
    }
  }

  /**
   * See {@link TopModel#predict}.
   *
   * @param x rows × d
   */
  public double[] predict(Matrix x) {
    double[] z = new double[Math.multiplyExact(x.rows(), first.outputs())];
    first.forward(x.values(), x.rows(), x.rows(), z);
    return top.predict(z, x.rows());
  }
}
