package org.espalier.protocols.evaluate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * People in ascending order of prediction, those of equal prediction together.
 *
 * @param values distinct predictions, ascending
 * @param upTo how many people have at most each of them
 * @param sums of the people's outcomes up to each
 */
record Ranking(double[] values, int[] upTo, double[] sums) {
  /**
   * @param predictions finite, one per person
   * @param outcomes one per person
   */
  static Ranking of(double[] predictions, double[] outcomes) {
    int rows = predictions.length;
    if (rows == 0 || outcomes.length != rows) {
      throw new IllegalArgumentException(rows + " predictions, " + outcomes.length + " outcomes");
    }
    double[] sorted = predictions.clone();
    Arrays.parallelSort(sorted);
    if (!Double.isFinite(sorted[0]) || !Double.isFinite(sorted[rows - 1])) {
      throw new IllegalArgumentException("a prediction is no number");
    }
    int distinct = 0;
    for (int i = 0; i < rows; i++) {
      if (distinct == 0 || sorted[i] > sorted[distinct - 1]) {
        sorted[distinct++] = sorted[i] + 0.0; // of both zeros the one that a search finds
      }
    }
    double[] values = Arrays.copyOf(sorted, distinct);
    int[] upTo = new int[values.length];
    double[] sums = new double[values.length];
    for (int i = 0; i < rows; i++) {
      int at = Arrays.binarySearch(values, predictions[i] + 0.0);
      upTo[at]++;
      sums[at] += outcomes[i];
    }
    for (int i = 1; i < values.length; i++) {
      upTo[i] += upTo[i - 1];
      sums[i] += sums[i - 1];
    }
    return new Ranking(values, upTo, sums);
  }

  int rows() {
    return upTo[upTo.length - 1];
  }

  /** People below a distinct prediction. */
  int before(int value) {
    return value == 0 ? 0 : upTo[value - 1];
  }

  /** Sum of the outcomes of the people below a distinct prediction. */
  double sumBefore(int value) {
    return value == 0 ? 0 : sums[value - 1];
  }

  /** The first distinct prediction that is at least so large; their number if none is. */
  int first(double threshold) {
    int at = Arrays.binarySearch(values, threshold);
    return at >= 0 ? at : -at - 1;
  }

  /**
   * Bins of equally many people, except that those of equal prediction stay together, in the bin
   * where the middle of them falls.
   *
   * @param most bins
   * @param fewest people in each; what is smaller joins its neighbour
   * @return where bins begin, as indices of distinct predictions, and their number at the end
   */
  int[] bins(int most, int fewest) {
    int wanted = Math.max(1, Math.min(most, rows() / Math.max(1, fewest)));
    List<Integer> starts = new ArrayList<>();
    long last = -1;
    for (int i = 0; i < values.length; i++) {
      long bin = ((long) before(i) + upTo[i]) * wanted / (2L * rows());
      if (bin != last) {
        if (!starts.isEmpty() && before(i) - before(starts.get(starts.size() - 1)) < fewest) {
          // The bin before is too small: it goes on.
          last = bin;
          continue;
        }
        starts.add(i);
        last = bin;
      }
    }
    if (starts.size() > 1 && rows() - before(starts.get(starts.size() - 1)) < fewest) {
      starts.remove(starts.size() - 1);
    }
    starts.add(values.length);
    return starts.stream().mapToInt(Integer::intValue).toArray();
  }

  /** Mean prediction of the people of these ranks, from 0. */
  double mean(int from, int to) {
    double sum = 0;
    int i = Arrays.binarySearch(upTo, from);
    for (i = i >= 0 ? i + 1 : -i - 1; i < values.length && before(i) < to; i++) {
      sum += values[i] * (Math.min(to, upTo[i]) - Math.max(from, before(i)));
    }
    return sum / (to - from);
  }
}
