package org.espalier.node.job;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.espalier.protocols.glm.Family;
import org.espalier.protocols.model.ModelSlice;
import org.espalier.protocols.neural.top.Task;
import org.espalier.protocols.neural.top.TopModel;

/**
 * What a model predicts of people.
 *
 * @param classes the outcomes that there are, of {@link Kind#CLASSES}; else empty
 * @param values of each person one, or the probability of each class, person by person
 * @param logits of each person, which grow with the values; null where a value is not made of one
 */
record Predictions(Kind kind, List<Double> classes, double[] values, double[] logits) {
  /** What the values are. */
  enum Kind {
    /** Probabilities of label 1. */
    PROBABILITY,
    /** Expected outcomes. */
    NUMBER,
    /** Expected outcomes, above 0; where people have exposures, those of an exposure of 1. */
    RATE,
    /** A probability for each of several classes. */
    CLASSES
  }

  /**
   * Of summed logits.
   *
   * @param slice the label party's
   * @param logits all parties' together, {@link ModelSlice#logitsOfAPerson} of each person
   */
  static Predictions of(ModelSlice slice, double[] logits) {
    if (slice.softmax() != null) {
      double[] values = slice.softmax().predict(logits);
      return new Predictions(Kind.CLASSES, slice.softmax().outcomes(), values, null);
    }
    if (slice.neural() == null) {
      return of(Family.parse(slice.family()), logits);
    }
    TopModel top = slice.neural().top();
    Task task = top.target().task();
    double[] values = top.predict(logits, logits.length / slice.logitsOfAPerson());
    return new Predictions(
        switch (task) {
          case BINARY -> Kind.PROBABILITY;
          case MULTICLASS -> Kind.CLASSES;
          case REGRESSION -> Kind.NUMBER;
        },
        top.target().classes(),
        values,
        null);
  }

  /** Of a linear predictor. */
  static Predictions of(Family family, double[] logits) {
    return new Predictions(
        switch (family) {
          case LOGISTIC -> Kind.PROBABILITY;
          case LINEAR -> Kind.NUMBER;
          case POISSON, GAMMA -> Kind.RATE;
        },
        List.of(),
        Arrays.stream(logits).map(family::mean).toArray(),
        logits);
  }

  /** People. */
  int rows() {
    return values.length / Math.max(1, classes.size());
  }

  /** What a file of them calls its columns. */
  String header() {
    return switch (kind) {
      case PROBABILITY -> "probability";
      case NUMBER, RATE -> "prediction";
      case CLASSES ->
          classes.stream()
              .map(c -> ",probability_" + name(c))
              .collect(Collectors.joining("", "prediction", ""));
    };
  }

  /** A person's line in it; of several classes first the most probable one. */
  String line(int person) {
    if (kind != Kind.CLASSES) {
      return Double.toString(values[person]);
    }
    int k = classes.size();
    int best = 0;
    StringBuilder line = new StringBuilder();
    for (int c = 0; c < k; c++) {
      double p = values[person * k + c];
      best = p > values[person * k + best] ? c : best;
      line.append(',').append(p);
    }
    return name(classes.get(best)) + line;
  }

  /** As it would be written by hand. */
  private static String name(double outcome) {
    return outcome == Math.rint(outcome) && Math.abs(outcome) < 1e15
        ? Long.toString((long) outcome)
        : Double.toString(outcome);
  }
}
