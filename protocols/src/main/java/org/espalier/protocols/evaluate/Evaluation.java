package org.espalier.protocols.evaluate;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.apache.commons.math3.distribution.ChiSquaredDistribution;
import org.apache.commons.math3.distribution.NormalDistribution;

/**
 * Predicted probabilities against labels that the model was not fitted to. What the rows do not
 * determine is null, never NaN.
 *
 * @param rows people evaluated
 * @param positives of them with label 1
 * @param auc probability that a random positive is ranked above a random negative, ties counted
 *     half; null unless both labels occur
 * @param aucInterval 95 % confidence interval of the AUC, cut at 0 and 1 (DeLong, DeLong and
 *     Clarke-Pearson, Biometrics 1988); null with fewer than two rows of either label
 * @param ks largest distance between the two labels' cumulative distributions of predictions
 *     (Kolmogorov-Smirnov), 0 to 1; null unless both labels occur
 * @param logLoss mean of -ln p(label), in nats, each p(label) raised to at least {@value #CLIP}
 * @param accuracy share of rows whose label is 1 exactly where the probability is at least 0.5
 * @param brier mean squared difference of probability and label
 * @param averagePrecision precision at each distinct probability as a threshold, weighted by the
 *     recall it adds; null without positives
 * @param calibration bins in ascending order of probability, see {@link CalibrationBin}
 * @param calibrationP p-value of "the probabilities are right" by the statistic of Hosmer and
 *     Lemeshow over the bins, with as many degrees of freedom as bins, since no parameter was
 *     fitted to these rows; null below {@value #MIN_ROWS_FOR_P} rows, where it is no approximation
 */
public record Evaluation(
    int rows,
    int positives,
    Double auc,
    Interval aucInterval,
    Double ks,
    double logLoss,
    double accuracy,
    double brier,
    Double averagePrecision,
    List<CalibrationBin> calibration,
    Double calibrationP) {
  /** Smallest probability of the observed label that the log-loss knows. */
  public static final double CLIP = 1e-15;

  private static final int BINS = 10;
  static final int MIN_ROWS_FOR_P = 100;
  private static final double CONFIDENCE = 0.95;

  public Evaluation {
    calibration = List.copyOf(calibration);
  }

  /** A closed interval. */
  public record Interval(double low, double high) {}

  /**
   * One of up to ten bins with equally many rows each, except that rows of equal probability stay
   * together, in the bin where the middle of them falls.
   *
   * @param positives of the rows
   * @param lowest smallest predicted probability; null at {@link Detail#AGGREGATE}
   * @param highest largest; likewise
   * @param predicted mean predicted probability
   */
  public record CalibrationBin(
      int rows, int positives, Double lowest, Double highest, double predicted) {
    /** Share of positives. */
    public double observed() {
      return (double) positives / rows;
    }
  }

  /** The same with all detail. */
  public static Evaluation of(double[] probabilities, double[] labels) {
    return of(probabilities, labels, Detail.EXACT);
  }

  /**
   * @param probabilities of label 1, one per row, in [0, 1]
   * @param labels 0 or 1
   * @param detail of the calibration; other figures are of all rows
   * @throws IllegalArgumentException if lengths differ, there are no rows, or a value is out of
   *     range
   */
  public static Evaluation of(double[] probabilities, double[] labels, Detail detail) {
    int rows = probabilities.length;
    if (rows == 0 || labels.length != rows) {
      throw new IllegalArgumentException(rows + " probabilities, " + labels.length + " labels");
    }
    double logLoss = 0;
    double brier = 0;
    int right = 0;
    int ones = 0;
    for (int i = 0; i < rows; i++) {
      double p = probabilities[i];
      boolean one = labels[i] == 1;
      if (!(p >= 0 && p <= 1)) {
        throw new IllegalArgumentException("row " + (i + 1) + ": a probability outside [0, 1]");
      }
      if (!one && labels[i] != 0) {
        throw new IllegalArgumentException("row " + (i + 1) + ": a label other than 0 and 1");
      }
      logLoss -= one ? Math.log(Math.max(p, CLIP)) : Math.log1p(-Math.min(p, 1 - CLIP));
      brier += (p - labels[i]) * (p - labels[i]);
      right += one == p >= 0.5 ? 1 : 0;
      ones += one ? 1 : 0;
    }
    Ranking ranking = Ranking.of(probabilities, labels);
    List<Group> groups = groups(ranking);
    boolean both = ones > 0 && ones < rows;
    List<CalibrationBin> bins = bins(ranking, Detail.EXACT);
    Double auc = both ? auc(groups, ones, rows - ones) : null;
    return new Evaluation(
        rows,
        ones,
        auc,
        both ? interval(groups, ones, rows - ones, auc) : null,
        both ? ks(groups, ones, rows - ones) : null,
        logLoss / rows,
        (double) right / rows,
        brier / rows,
        ones > 0 ? averagePrecision(groups, ones) : null,
        detail == Detail.EXACT ? bins : bins(ranking, detail),
        rows < MIN_ROWS_FOR_P ? null : calibrationP(bins));
  }

  /** Rows of equal probability. */
  private record Group(int positives, int negatives) {}

  /** In ascending order of probability. */
  private static List<Group> groups(Ranking ranking) {
    List<Group> groups = new ArrayList<>();
    for (int i = 0; i < ranking.values().length; i++) {
      int rows = ranking.upTo()[i] - ranking.before(i);
      int positives = (int) (ranking.sums()[i] - ranking.sumBefore(i));
      groups.add(new Group(positives, rows - positives));
    }
    return groups;
  }

  private static double auc(List<Group> groups, int positives, int negatives) {
    double wins = 0;
    double below = 0;
    for (Group group : groups) {
      wins += group.positives * (below + group.negatives / 2.0);
      below += group.negatives;
    }
    return wins / positives / negatives;
  }

  private static Interval interval(List<Group> groups, int positives, int negatives, double auc) {
    if (positives < 2 || negatives < 2) {
      return null;
    }
    double positiveSquares = 0;
    double negativeSquares = 0;
    double positivesBelow = 0;
    double negativesBelow = 0;
    for (Group group : groups) {
      double ofPositive = (negativesBelow + group.negatives / 2.0) / negatives - auc;
      double ofNegative = 1 - (positivesBelow + group.positives / 2.0) / positives - auc;
      positiveSquares += group.positives * ofPositive * ofPositive;
      negativeSquares += group.negatives * ofNegative * ofNegative;
      positivesBelow += group.positives;
      negativesBelow += group.negatives;
    }
    double variance =
        positiveSquares / (positives - 1) / positives
            + negativeSquares / (negatives - 1) / negatives;
    double reach =
        new NormalDistribution(null, 0, 1).inverseCumulativeProbability((1 + CONFIDENCE) / 2)
            * Math.sqrt(variance);
    return new Interval(Math.max(0, auc - reach), Math.min(1, auc + reach));
  }

  private static double ks(List<Group> groups, int positives, int negatives) {
    double largest = 0;
    double positivesBelow = 0;
    double negativesBelow = 0;
    for (Group group : groups) {
      positivesBelow += group.positives;
      negativesBelow += group.negatives;
      largest =
          Math.max(largest, Math.abs(positivesBelow / positives - negativesBelow / negatives));
    }
    return largest;
  }

  private static double averagePrecision(List<Group> groups, int positives) {
    double sum = 0;
    double hits = 0;
    double flagged = 0;
    for (int i = groups.size() - 1; i >= 0; i--) {
      Group group = groups.get(i);
      hits += group.positives;
      flagged += group.positives + group.negatives;
      sum += group.positives * hits / flagged;
    }
    return sum / positives;
  }

  private static List<CalibrationBin> bins(Ranking ranking, Detail detail) {
    boolean exact = detail == Detail.EXACT;
    int[] starts = ranking.bins(BINS, exact ? 1 : Detail.FEWEST);
    List<CalibrationBin> bins = new ArrayList<>();
    for (int bin = 0; bin + 1 < starts.length; bin++) {
      int from = starts[bin];
      int last = starts[bin + 1] - 1;
      int first = ranking.before(from);
      int end = ranking.upTo()[last];
      bins.add(
          new CalibrationBin(
              end - first,
              (int) (ranking.sums()[last] - ranking.sumBefore(from)),
              exact ? ranking.values()[from] : null,
              exact ? ranking.values()[last] : null,
              ranking.mean(first, end)));
    }
    return bins;
  }

  private static double calibrationP(List<CalibrationBin> bins) {
    double statistic = 0;
    for (CalibrationBin bin : bins) {
      double difference = bin.observed() - bin.predicted;
      double variance = bin.predicted * (1 - bin.predicted) / bin.rows;
      if (difference != 0) {
        statistic += difference * difference / variance;
      }
    }
    return Double.isInfinite(statistic)
        ? 0
        : 1 - new ChiSquaredDistribution(null, bins.size()).cumulativeProbability(statistic);
  }

  /** All of it, snake case; what is null here is null there. */
  public ObjectNode toJson() {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("rows", rows).put("positives", positives).put("auc", auc);
    if (aucInterval == null) {
      json.putNull("auc_95");
    } else {
      json.putArray("auc_95").add(aucInterval.low).add(aucInterval.high);
    }
    json.put("ks", ks)
        .put("log_loss", logLoss)
        .put("accuracy", accuracy)
        .put("brier", brier)
        .put("average_precision", averagePrecision)
        .put("calibration_p", calibrationP);
    ArrayNode bins = json.putArray("calibration");
    for (CalibrationBin bin : calibration) {
      bins.addObject()
          .put("rows", bin.rows)
          .put("positives", bin.positives)
          .put("lowest", bin.lowest)
          .put("highest", bin.highest)
          .put("predicted", bin.predicted)
          .put("observed", bin.observed());
    }
    return json;
  }
}
