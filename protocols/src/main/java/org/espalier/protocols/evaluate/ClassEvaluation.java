package org.espalier.protocols.evaluate;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Predicted probabilities of several classes against the true ones of people whom the model was not
 * fitted to.
 *
 * @param rows people evaluated
 * @param classes names of the classes
 * @param accuracy share of people whose most probable class is the true one
 * @param macroF1 mean over the classes of the harmonic mean of precision and recall, 0 for a class
 *     that nobody is in or predicted to be in; null where a class predicted of fewer than {@value
 *     Detail#FEWEST} people would show in it
 * @param logLoss mean of −ln p(true class), in nats, each p raised to at least {@value
 *     Evaluation#CLIP}
 * @param predictions one for each class in order
 */
public record ClassEvaluation(
    int rows,
    List<Double> classes,
    double accuracy,
    Double macroF1,
    double logLoss,
    List<Prediction> predictions) {
  public ClassEvaluation {
    classes = List.copyOf(classes);
    predictions = List.copyOf(predictions);
  }

  /**
   * The people whose most probable class is this one, by their true class: a column of the
   * confusion matrix.
   *
   * @param shown whether the figures may be told: at {@link Detail#AGGREGATE} only of {@value
   *     Detail#FEWEST} people or more, and if what is not told adds up to nobody or to so many
   * @param people of each true class in order
   */
  public record Prediction(boolean shown, List<Integer> people) {
    public Prediction {
      people = List.copyOf(people);
    }

    int rows() {
      return people.stream().mapToInt(Integer::intValue).sum();
    }
  }

  /**
   * @param probabilities rows × classes, row-major, of each row in [0, 1]
   * @param truth index of each row's class
   * @throws IllegalArgumentException if lengths differ, there are no rows, or a value is out of
   *     range
   */
  public static ClassEvaluation of(
      List<Double> classes, double[] probabilities, int[] truth, Detail detail) {
    int rows = truth.length;
    int k = classes.size();
    if (rows == 0 || k < 2 || probabilities.length != (long) rows * k) {
      throw new IllegalArgumentException(
          "%d probabilities of %d rows and %d classes".formatted(probabilities.length, rows, k));
    }
    int[][] people = new int[k][k];
    double logLoss = 0;
    int right = 0;
    for (int i = 0; i < rows; i++) {
      int best = 0;
      for (int c = 0; c < k; c++) {
        double p = probabilities[i * k + c];
        if (!(p >= 0 && p <= 1)) {
          throw new IllegalArgumentException("row " + (i + 1) + ": a probability outside [0, 1]");
        }
        best = p > probabilities[i * k + best] ? c : best;
      }
      if (truth[i] < 0 || truth[i] >= k) {
        throw new IllegalArgumentException("row " + (i + 1) + ": no such class");
      }
      people[best][truth[i]]++;
      right += best == truth[i] ? 1 : 0;
      logLoss -= Math.log(Math.max(probabilities[i * k + truth[i]], Evaluation.CLIP));
    }
    boolean[] shown = shown(people, detail);
    boolean all = IntStream.range(0, k).allMatch(c -> shown[c]);
    return new ClassEvaluation(
        rows,
        classes,
        (double) right / rows,
        all ? macroF1(people) : null,
        logLoss / rows,
        IntStream.range(0, k)
            .mapToObj(c -> new Prediction(shown[c], Arrays.stream(people[c]).boxed().toList()))
            .toList());
  }

  /** All but the smallest ones until these are enough: what is left out follows from the rest. */
  private static boolean[] shown(int[][] people, Detail detail) {
    int[] sizes = Arrays.stream(people).mapToInt(column -> Arrays.stream(column).sum()).toArray();
    boolean[] shown = new boolean[sizes.length];
    int hidden = 0;
    List<Integer> ascending =
        IntStream.range(0, sizes.length)
            .boxed()
            .sorted(Comparator.comparingInt(c -> sizes[c]))
            .toList();
    for (int c : ascending) {
      shown[c] =
          detail == Detail.EXACT
              || (detail.allows(sizes[c]) && (hidden == 0 || detail.allows(hidden)));
      hidden += shown[c] ? 0 : Math.max(1, sizes[c]);
    }
    return shown;
  }

  private static double macroF1(int[][] people) {
    double sum = 0;
    for (int c = 0; c < people.length; c++) {
      int predicted = Arrays.stream(people[c]).sum();
      int actual = 0;
      for (int[] column : people) {
        actual += column[c];
      }
      sum += predicted + actual == 0 ? 0 : 2.0 * people[c][c] / (predicted + actual);
    }
    return sum / people.length;
  }

  /** {@code rows, accuracy, macro_f1, log_loss, classes, class_confusion[{predicted, ...}]}. */
  public ObjectNode toJson() {
    ObjectNode json = JsonNodeFactory.instance.objectNode().put("rows", rows);
    json.put("accuracy", accuracy).put("macro_f1", macroF1).put("log_loss", logLoss);
    ArrayNode names = json.putArray("classes");
    classes.forEach(names::add);
    ArrayNode columns = json.putArray("class_confusion");
    for (int c = 0; c < classes.size(); c++) {
      Prediction prediction = predictions.get(c);
      ObjectNode column = columns.addObject().put("predicted", classes.get(c));
      if (!prediction.shown()) {
        column.put(
            "withheld",
            "fewer than %d people, or needed to hide how many such there are"
                .formatted(Detail.FEWEST));
        continue;
      }
      int rows = prediction.rows();
      column.put("rows", rows);
      column.put(
          "precision", rows == 0 ? null : (Double) ((double) prediction.people().get(c) / rows));
      ArrayNode people = column.putArray("people");
      prediction.people().forEach(people::add);
    }
    return json;
  }
}
