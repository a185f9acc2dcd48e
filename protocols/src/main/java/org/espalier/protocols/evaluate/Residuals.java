package org.espalier.protocols.evaluate;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Where predicted numbers miss the outcomes that the model was not fitted to.
 *
 * @param quantiles of outcome minus prediction, in ascending order
 * @param bins up to ten of equally many people, in ascending order of prediction
 */
public record Residuals(List<Quantile> quantiles, List<Bin> bins) {
  private static final int BINS = 10;
  private static final double[] LEVELS = {0.05, 0.25, 0.5, 0.75, 0.95};

  /** Which quantiles are told where not all can be. */
  private static final int[] BY_IMPORTANCE = {2, 1, 3, 0, 4};

  public Residuals {
    quantiles = List.copyOf(quantiles);
    bins = List.copyOf(bins);
  }

  /**
   * @param level share of residuals below it
   * @param residual in the outcome's unit, by linear interpolation between two; at {@link
   *     Detail#AGGREGATE} the mean of the {@value Detail#FEWEST} residuals around it, null where so
   *     many are not there or belong to another quantile already
   */
  public record Quantile(double level, Double residual) {}

  /**
   * @param predicted mean prediction
   * @param observed mean outcome
   */
  public record Bin(int rows, double predicted, double observed) {}

  /**
   * @param predictions finite, one per person
   * @param outcomes one per person
   * @throws IllegalArgumentException if lengths differ or there are no rows
   */
  public static Residuals of(double[] predictions, double[] outcomes, Detail detail) {
    boolean exact = detail == Detail.EXACT;
    Ranking ranking = Ranking.of(predictions, outcomes);
    int[] starts = ranking.bins(BINS, exact ? 1 : Detail.FEWEST);
    List<Bin> bins = new ArrayList<>();
    for (int bin = 0; bin + 1 < starts.length; bin++) {
      int first = ranking.before(starts[bin]);
      int end = ranking.before(starts[bin + 1]);
      bins.add(
          new Bin(
              end - first,
              ranking.mean(first, end),
              (ranking.sumBefore(starts[bin + 1]) - ranking.sumBefore(starts[bin]))
                  / (end - first)));
    }
    double[] residuals = new double[predictions.length];
    Arrays.setAll(residuals, i -> outcomes[i] - predictions[i]);
    Arrays.parallelSort(residuals);
    Double[] told = exact ? interpolated(residuals) : means(residuals);
    List<Quantile> quantiles = new ArrayList<>();
    for (int i = 0; i < LEVELS.length; i++) {
      quantiles.add(new Quantile(LEVELS[i], told[i]));
    }
    return new Residuals(quantiles, bins);
  }

  private static Double[] interpolated(double[] sorted) {
    Double[] told = new Double[LEVELS.length];
    for (int i = 0; i < told.length; i++) {
      double at = LEVELS[i] * (sorted.length - 1);
      int below = (int) at;
      double above = sorted[Math.min(below + 1, sorted.length - 1)];
      told[i] = sorted[below] + (at - below) * (above - sorted[below]);
    }
    return told;
  }

  private static Double[] means(double[] sorted) {
    Double[] told = new Double[LEVELS.length];
    boolean[] used = new boolean[sorted.length];
    for (int i : BY_IMPORTANCE) {
      int from = (int) Math.round(LEVELS[i] * sorted.length) - Detail.FEWEST / 2;
      int to = from + Detail.FEWEST;
      if (from < 0 || to > sorted.length || used[from] || used[to - 1]) {
        continue;
      }
      Arrays.fill(used, from, to, true);
      told[i] = Arrays.stream(sorted, from, to).average().orElseThrow();
    }
    return told;
  }

  /** {@code residuals[{level, residual}], bins[{rows, predicted, observed}]}. */
  public ObjectNode toJson() {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    ArrayNode levels = json.putArray("residuals");
    for (Quantile quantile : quantiles) {
      levels.addObject().put("level", quantile.level).put("residual", quantile.residual);
    }
    ArrayNode array = json.putArray("bins");
    for (Bin bin : bins) {
      array
          .addObject()
          .put("rows", bin.rows)
          .put("predicted", bin.predicted)
          .put("observed", bin.observed);
    }
    return json;
  }
}
