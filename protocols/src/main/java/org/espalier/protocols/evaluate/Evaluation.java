package org.espalier.protocols.evaluate;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
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
   * @param lowest smallest predicted probability
   * @param highest largest
   * @param predicted mean predicted probability
   * @param observed share of positives
   */
  public record CalibrationBin(
      int rows, double lowest, double highest, double predicted, double observed) {}

  /**
   * @param probabilities of label 1, one per row, in [0, 1]
   * @param labels 0 or 1
   * @throws IllegalArgumentException if lengths differ, there are no rows, or a value is out of
   *     range
   */
  public static Evaluation of(double[] probabilities, double[] labels) {
    int rows = probabilities.length;
    if (rows == 0 || labels.length != rows) {
      throw new IllegalArgumentException(rows + " probabilities, " + labels.length + " labels");
    }
    double logLoss = 0;
    double brier = 0;
    int right = 0;
    double[] positives = new double[rows];
    double[] negatives = new double[rows];
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
      if (one) {
        positives[ones++] = p;
      } else {
        negatives[i - ones] = p;
      }
    }
    List<Group> groups =
        groups(Arrays.copyOf(positives, ones), Arrays.copyOf(negatives, rows - ones));
    boolean both = ones > 0 && ones < rows;
    List<CalibrationBin> bins = bins(groups, rows);
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
        bins,
        rows < MIN_ROWS_FOR_P ? null : calibrationP(bins));
  }

  /** Rows of equal probability. */
  private record Group(double probability, int positives, int negatives) {
    int rows() {
      return positives + negatives;
    }
  }

  /** In ascending order of probability. */
  private static List<Group> groups(double[] positives, double[] negatives) {
    Arrays.parallelSort(positives);
    Arrays.parallelSort(negatives);
    List<Group> groups = new ArrayList<>();
    int p = 0;
    int q = 0;
    while (p < positives.length || q < negatives.length) {
      double value =
          Math.min(
              p < positives.length ? positives[p] : Double.POSITIVE_INFINITY,
              q < negatives.length ? negatives[q] : Double.POSITIVE_INFINITY);
      int fromP = p;
      int fromQ = q;
      while (p < positives.length && positives[p] == value) {
        p++;
      }
      while (q < negatives.length && negatives[q] == value) {
        q++;
      }
      groups.add(new Group(value, p - fromP, q - fromQ));
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

  private static List<CalibrationBin> bins(List<Group> groups, int rows) {
    List<CalibrationBin> bins = new ArrayList<>();
    int at = 0;
    long below = 0;
    while (at < groups.size()) {
      int bin = bin(below, groups.get(at), rows);
      double lowest = groups.get(at).probability;
      double highest = lowest;
      double expected = 0;
      int positives = 0;
      long first = below;
      while (at < groups.size() && bin(below, groups.get(at), rows) == bin) {
        Group group = groups.get(at++);
        highest = group.probability;
        expected += group.rows() * group.probability;
        positives += group.positives;
        below += group.rows();
      }
      int inBin = (int) (below - first);
      bins.add(
          new CalibrationBin(inBin, lowest, highest, expected / inBin, (double) positives / inBin));
    }
    return bins;
  }

  private static int bin(long below, Group group, int rows) {
    return (int) ((2 * below + group.rows()) * BINS / (2L * rows));
  }

  private static double calibrationP(List<CalibrationBin> bins) {
    double statistic = 0;
    for (CalibrationBin bin : bins) {
      double difference = bin.observed - bin.predicted;
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
        .put("calibration_p", calibrationP);
    ArrayNode bins = json.putArray("calibration");
    for (CalibrationBin bin : calibration) {
      bins.addObject()
          .put("rows", bin.rows)
          .put("lowest", bin.lowest)
          .put("highest", bin.highest)
          .put("predicted", bin.predicted)
          .put("observed", bin.observed);
    }
    return json;
  }
}
