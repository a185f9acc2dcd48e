package org.espalier.protocols.evaluate;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;

/**
 * Whether scores of people whom a model was not fitted to are distributed as those of the people it
 * was fitted to: the population stability index, the sum over bins of (a - e)·ln(a/e) with e and a
 * the bins' shares of either. Credit scoring takes it for stable below 0.1 and for changed above
 * 0.25 (Siddiqi, Credit Risk Scorecards, 2006).
 *
 * @param index at least 0
 * @param bins up to ten with equal shares of the training people, in ascending order of score
 */
public record Stability(double index, List<Bin> bins) {
  private static final int BINS = 10;

  public Stability {
    bins = List.copyOf(bins);
  }

  /**
   * @param training people of the training part in the bin
   * @param holdout of the others
   */
  public record Bin(int training, int holdout) {}

  /**
   * Bins are as fine as the smaller group and the detail allow; a bin without anybody is taken for
   * one with half a person.
   *
   * @param training scores, finite, or anything that grows with them
   * @param holdout the same of the others
   * @throws IllegalArgumentException if either is empty
   */
  public static Stability of(double[] training, double[] holdout, Detail detail) {
    int fewest = detail == Detail.EXACT ? 1 : Detail.FEWEST;
    Ranking expected = Ranking.of(training, training);
    Ranking actual = Ranking.of(holdout, holdout);
    int most = Math.min(BINS, Math.max(1, holdout.length / fewest));
    int[] starts = expected.bins(most, fewest);
    List<Bin> bins = new ArrayList<>();
    int expectedBefore = 0;
    int actualBefore = 0;
    for (int i = 1; i < starts.length; i++) {
      boolean last = i + 1 == starts.length;
      int expectedBelow = expected.before(starts[i]);
      int actualBelow =
          last ? holdout.length : actual.before(actual.first(expected.values()[starts[i]]));
      boolean enough =
          actualBelow - actualBefore >= fewest && holdout.length - actualBelow >= fewest;
      if (last || enough || detail == Detail.EXACT) {
        bins.add(new Bin(expectedBelow - expectedBefore, actualBelow - actualBefore));
        expectedBefore = expectedBelow;
        actualBefore = actualBelow;
      }
    }
    double index = 0;
    for (Bin bin : bins) {
      double e = share(bin.training, training.length);
      double a = share(bin.holdout, holdout.length);
      index += (a - e) * Math.log(a / e);
    }
    return new Stability(index, bins);
  }

  private static double share(int people, int all) {
    return Math.max(people, 0.5) / all;
  }

  /** {@code psi, psi_bins[{training, holdout}]} with shares. */
  public ObjectNode toJson() {
    ObjectNode json = JsonNodeFactory.instance.objectNode().put("psi", index);
    int training = bins.stream().mapToInt(Bin::training).sum();
    int holdout = bins.stream().mapToInt(Bin::holdout).sum();
    ArrayNode array = json.putArray("psi_bins");
    for (Bin bin : bins) {
      array
          .addObject()
          .put("training", (double) bin.training / training)
          .put("holdout", (double) bin.holdout / holdout);
    }
    return json;
  }
}
