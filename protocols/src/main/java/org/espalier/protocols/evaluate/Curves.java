package org.espalier.protocols.evaluate;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What happens to people whose predicted probability is at least a threshold: the curves of ROC, of
 * precision and recall, of Kolmogorov-Smirnov and of cumulative gain, all from one list of points;
 * gains by tenths; and confusion matrices. What the rows do not determine is null.
 *
 * @param rows people evaluated
 * @param positives of them with label 1
 * @param points in descending order of threshold, from nobody flagged to everybody; at {@link
 *     Detail#EXACT} at most 200, between two of which neither rate moves by more than 0.022 unless
 *     one probability does that alone, and the point of the largest distance of both rates is one
 *     of them
 * @param gains bins in descending order of probability
 * @param confusions one for each threshold asked for
 */
public record Curves(
    int rows, int positives, List<Point> points, List<Gain> gains, List<Confusion> confusions) {

  public Curves {
    points = List.copyOf(points);
    gains = List.copyOf(gains);
    confusions = List.copyOf(confusions);
  }

  /**
   * A point of every curve.
   *
   * @param threshold smallest probability flagged, at {@link Detail#AGGREGATE} the mean of those
   *     around it; null where nobody is flagged
   * @param flagged people with so high a probability
   * @param hits of them with label 1
   */
  public record Point(Double threshold, int flagged, int hits) {}

  /**
   * One bin, beginning with the highest probabilities.
   *
   * @param rows people in it
   * @param positives of them with label 1
   * @param flagged people in it and in all bins above
   * @param hits of those with label 1
   */
  public record Gain(int rows, int positives, int flagged, int hits) {}

  /**
   * A confusion matrix; a row is flagged if its probability is at least the threshold.
   *
   * @param shown whether the figures may be told: at {@link Detail#AGGREGATE} only if {@value
   *     Detail#FEWEST} people or more are on each side and between this threshold and the next one
   *     told
   */
  public record Confusion(
      double threshold,
      boolean shown,
      int truePositives,
      int falsePositives,
      int falseNegatives,
      int trueNegatives) {

    /** Share of label 1 among the flagged; null if nobody is. */
    public Double precision() {
      return ratio(truePositives, truePositives + falsePositives);
    }

    /** Share of the flagged among label 1; null without any. */
    public Double recall() {
      return ratio(truePositives, truePositives + falseNegatives);
    }

    /** Share of the not flagged among label 0; null without any. */
    public Double specificity() {
      return ratio(trueNegatives, trueNegatives + falsePositives);
    }

    /** Harmonic mean of precision and recall; null if nobody has label 1 or is flagged. */
    public Double f1() {
      return ratio(2.0 * truePositives, 2 * truePositives + falsePositives + falseNegatives);
    }

    /** Share of rows flagged if their label is 1 and not if it is 0. */
    public double accuracy() {
      return (double) (truePositives + trueNegatives)
          / (truePositives + falsePositives + falseNegatives + trueNegatives);
    }
  }

  private static Double ratio(double part, int whole) {
    return whole == 0 ? null : (Double) (part / whole);
  }

  /**
   * @param evaluation of the same rows at the same detail
   * @param probabilities of label 1, one per row
   * @param labels 0 or 1
   * @param thresholds to make confusion matrices of, ascending
   * @throws IllegalArgumentException if lengths differ, there are no rows, or the evaluation is of
   *     others
   */
  public static Curves of(
      Evaluation evaluation,
      double[] probabilities,
      double[] labels,
      double[] thresholds,
      Detail detail) {
    Ranking ranking = Ranking.of(probabilities, labels);
    if (evaluation.rows() != ranking.rows()) {
      throw new IllegalArgumentException("an evaluation of other rows");
    }
    int positives = evaluation.positives();
    List<Point> points =
        detail == Detail.EXACT ? exact(ranking, positives) : aggregate(ranking, positives);
    List<Gain> gains = gains(evaluation.calibration());
    // What was told of those below some score: the difference of two such figures is a figure, too.
    Set<Integer> told = new HashSet<>();
    points.forEach(point -> told.add(ranking.rows() - point.flagged));
    gains.forEach(gain -> told.add(ranking.rows() - gain.flagged));
    return new Curves(
        ranking.rows(),
        positives,
        points,
        gains,
        confusions(ranking, positives, thresholds, detail, told));
  }

  /** The point at which those with at least a distinct probability are flagged. */
  private static Point point(Ranking ranking, int positives, int from, Double threshold) {
    return new Point(
        threshold,
        ranking.rows() - ranking.before(from),
        positives - (int) ranking.sumBefore(from));
  }

  /** Points at every distinct probability, or so many that both rates move little between two. */
  private static List<Point> exact(Ranking ranking, int positives) {
    int most = Detail.EXACT.points();
    if (ranking.values().length < most) {
      return thinned(ranking, positives, 0);
    }
    // Both rates together run from 0 to 2. Every other point is more than a stride behind the one
    // two before it, so that twice the first stride is enough in any case.
    for (double stride = 2.0 / (most - 4); ; stride *= 1.1) {
      List<Point> points = thinned(ranking, positives, stride);
      if (points.size() <= most) {
        return points;
      }
    }
  }

  private static List<Point> thinned(Ranking ranking, int positives, double stride) {
    int farthest = farthest(ranking, positives);
    List<Point> points = new ArrayList<>();
    points.add(new Point(null, 0, 0));
    double last = 0;
    for (int i = ranking.values().length - 1; i >= 0; i--) {
      // What moves more than a stride at once has a point on both sides.
      double next = i == 0 ? Double.POSITIVE_INFINITY : progress(ranking, positives, i - 1);
      if (next - last > stride || i == farthest) {
        points.add(point(ranking, positives, i, ranking.values()[i]));
        last = progress(ranking, positives, i);
      }
    }
    return points;
  }

  /** Both rates together where those with at least a distinct probability are flagged. */
  private static double progress(Ranking ranking, int positives, int from) {
    int negatives = ranking.rows() - positives;
    double hits = positives - ranking.sumBefore(from);
    double others = ranking.rows() - ranking.before(from) - hits;
    return (positives == 0 ? 0 : hits / positives) + (negatives == 0 ? 0 : others / negatives);
  }

  /** Where the share of positives flagged is farthest from that of negatives. */
  private static int farthest(Ranking ranking, int positives) {
    int negatives = ranking.rows() - positives;
    int best = -1;
    double most = 0;
    for (int i = 0; i < ranking.values().length && positives > 0 && negatives > 0; i++) {
      double below = ranking.sumBefore(i);
      double distance = Math.abs(below / positives - (ranking.before(i) - below) / negatives);
      if (distance > most) {
        most = distance;
        best = i;
      }
    }
    return best;
  }

  /** Points where bins end. */
  private static List<Point> aggregate(Ranking ranking, int positives) {
    int half = Detail.FEWEST / 2;
    int[] starts = ranking.bins(Detail.AGGREGATE.points(), Detail.FEWEST);
    List<Point> points = new ArrayList<>();
    points.add(new Point(null, ranking.rows(), positives));
    for (int bin = 1; bin + 1 < starts.length; bin++) {
      int below = ranking.before(starts[bin]);
      points.add(point(ranking, positives, starts[bin], ranking.mean(below - half, below + half)));
    }
    points.add(new Point(null, 0, 0));
    Collections.reverse(points);
    return points;
  }

  private static List<Gain> gains(List<Evaluation.CalibrationBin> ascending) {
    List<Gain> gains = new ArrayList<>();
    int flagged = 0;
    int hits = 0;
    for (int i = ascending.size() - 1; i >= 0; i--) {
      Evaluation.CalibrationBin bin = ascending.get(i);
      flagged += bin.rows();
      hits += bin.positives();
      gains.add(new Gain(bin.rows(), bin.positives(), flagged, hits));
    }
    return gains;
  }

  private static List<Confusion> confusions(
      Ranking ranking, int positives, double[] thresholds, Detail detail, Set<Integer> told) {
    List<Confusion> confusions = new ArrayList<>();
    for (double threshold : thresholds) {
      int from = ranking.first(threshold);
      int below = ranking.before(from);
      int flagged = ranking.rows() - below;
      int hits = positives - (int) ranking.sumBefore(from);
      boolean shown =
          detail.allows(below)
              && detail.allows(flagged)
              && told.stream()
                  .allMatch(other -> other == below || detail.allows(Math.abs(other - below)));
      if (shown) {
        told.add(below);
      }
      confusions.add(
          new Confusion(
              threshold,
              shown,
              hits,
              flagged - hits,
              positives - hits,
              below - (positives - hits)));
    }
    return confusions;
  }

  /** The listed point at which the rates of both labels are farthest apart; null if none is. */
  public Point farthest() {
    Point best = null;
    double most = 0;
    for (Point point : points) {
      double distance =
          positives == 0 || positives == rows
              ? 0
              : Math.abs(
                  (double) point.hits / positives
                      - (double) (point.flagged - point.hits) / (rows - positives));
      if (distance > most) {
        most = distance;
        best = point;
      }
    }
    return best;
  }

  /**
   * {@code curve, gains, ks_threshold, confusion}, snake case, with the rates that are drawn; what
   * is null here is null there.
   */
  public ObjectNode toJson() {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    int negatives = rows - positives;
    Point farthest = farthest();
    json.put("ks_threshold", farthest == null ? null : farthest.threshold);
    ArrayNode curve = json.putArray("curve");
    for (Point point : points) {
      curve
          .addObject()
          .put("threshold", point.threshold)
          .put("flagged", point.flagged)
          .put("hits", point.hits)
          .put("recall", ratio(point.hits, positives))
          .put("false_positive_rate", ratio(point.flagged - point.hits, negatives))
          .put("precision", ratio(point.hits, point.flagged));
    }
    double rate = (double) positives / rows;
    ArrayNode bins = json.putArray("gains");
    for (Gain gain : gains) {
      bins.addObject()
          .put("rows", gain.rows)
          .put("positives", gain.positives)
          .put("observed", (double) gain.positives / gain.rows)
          .put("lift", positives == 0 ? null : (Double) (gain.positives / rate / gain.rows))
          .put("share_flagged", (double) gain.flagged / rows)
          .put("gain", ratio(gain.hits, positives))
          .put(
              "cumulative_lift",
              positives == 0 ? null : (Double) (gain.hits / rate / gain.flagged));
    }
    ArrayNode matrices = json.putArray("confusion");
    for (Confusion confusion : confusions) {
      ObjectNode matrix = matrices.addObject().put("threshold", confusion.threshold);
      if (!confusion.shown) {
        matrix.put(
            "withheld",
            "fewer than %d people are on one side, or between this threshold and another figure"
                .formatted(Detail.FEWEST));
        continue;
      }
      matrix
          .put("true_positives", confusion.truePositives)
          .put("false_positives", confusion.falsePositives)
          .put("false_negatives", confusion.falseNegatives)
          .put("true_negatives", confusion.trueNegatives)
          .put("precision", confusion.precision())
          .put("recall", confusion.recall())
          .put("specificity", confusion.specificity())
          .put("f1", confusion.f1())
          .put("accuracy", confusion.accuracy());
    }
    return json;
  }
}
