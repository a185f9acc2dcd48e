package org.espalier.protocols.glm;

import java.util.Arrays;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * What the label party knows of each row beside features.
 *
 * @param values y, one a row
 * @param weights how much each row counts, positive, of mean 1; null where all count the same
 * @param offsets that are added to each row's linear predictor, such as the logarithm of an
 *     exposure; null where there are none
 * @param people of each row the number of its person, from 0 and ascending, each at least once;
 *     null where every row is a person of its own. Other parties have one row for each person
 */
public record Outcomes(double[] values, double[] weights, double[] offsets, int[] people) {
  /** Less of a sum is only rounding. */
  private static final double ROUNDING = 1e-12;

  /** Weights of any scale are brought to mean 1. */
  public Outcomes {
    requireLength(values, weights);
    requireLength(values, offsets);
    if (weights != null) {
      double sum = 0;
      for (double weight : weights) {
        if (!(weight > 0 && weight < Double.POSITIVE_INFINITY)) {
          throw new IllegalArgumentException("a row's weight is not above 0: " + weight);
        }
        sum += weight;
      }
      double mean = sum / weights.length;
      weights = Arrays.stream(weights).map(weight -> weight / mean).toArray();
    }
    if (people != null) {
      requirePeople(values.length, people);
    }
    if (offsets != null && !Arrays.stream(offsets).allMatch(Double::isFinite)) {
      throw new IllegalArgumentException("a row's offset is not a finite number");
    }
  }

  private static void requirePeople(int rows, int[] people) {
    int last = -1;
    for (int person : people) {
      if (person != last && person != last + 1) {
        throw new IllegalArgumentException("person %d after %d".formatted(person, last));
      }
      last = person;
    }
    if (people.length != rows) {
      throw new IllegalArgumentException(people.length + " people for " + rows + " rows");
    }
  }

  /** Every row is a person of its own. */
  public Outcomes(double[] values, double[] weights, double[] offsets) {
    this(values, weights, offsets, null);
  }

  private static void requireLength(double[] values, double[] others) {
    if (others != null && others.length != values.length) {
      throw new IllegalArgumentException(others.length + " numbers for " + values.length + " rows");
    }
  }

  /** All rows count the same, without offsets. */
  public static Outcomes of(double[] values) {
    return new Outcomes(values, null, null, null);
  }

  public int rows() {
    return values.length;
  }

  /** How much a row counts; 1 on average. */
  public double weight(int row) {
    return weights == null ? 1 : weights[row];
  }

  double offset(int row) {
    return offsets == null ? 0 : offsets[row];
  }

  /**
   * Outcomes that are classes, numbered from 0, whose rows count so many times as much as they do
   * here.
   *
   * @param factors one for each class, above 0
   */
  public Outcomes withClassWeights(double... factors) {
    double[] weighted = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      weighted[i] = weight(i) * factors[(int) values[i]];
    }
    return new Outcomes(values, weighted, offsets, people);
  }

  /**
   * Outcomes that are classes, numbered from 0, of which all count the same: a class of a part of
   * the rows has the inverse of that part as factor. Weights of the rows do not change the factor
   * (as scikit-learn's {@code class_weight="balanced"}).
   */
  public Outcomes balanced() {
    double[] factors = new double[1 + (int) Arrays.stream(values).max().orElse(0)];
    for (double value : values) {
      factors[(int) value]++;
    }
    return withClassWeights(Arrays.stream(factors).map(people -> 1 / people).toArray());
  }

  /**
   * Those of some rows, whose weights have a mean of 1 again.
   *
   * @param rows ascending; of a person all or none
   */
  Outcomes of(int[] rows) {
    int[] persons = people == null ? null : new int[rows.length];
    for (int i = 0; persons != null && i < rows.length; i++) {
      boolean same = i > 0 && people[rows[i]] == people[rows[i - 1]];
      persons[i] = i == 0 ? 0 : persons[i - 1] + (same ? 0 : 1);
    }
    return new Outcomes(of(rows, values), of(rows, weights), of(rows, offsets), persons);
  }

  static double[] of(int[] rows, double[] numbers) {
    return numbers == null ? null : Arrays.stream(rows).mapToDouble(row -> numbers[row]).toArray();
  }

  /** The rows of some people, ascending. */
  int[] rowsOf(IntPredicate persons) {
    return IntStream.range(0, values.length)
        .filter(row -> persons.test(people == null ? row : people[row]))
        .toArray();
  }

  /** Without weights and offsets, and with one row a person. */
  public boolean plain() {
    return weights == null && offsets == null && people == null;
  }

  /** How many people there are, of whom others have a row each. */
  public int persons() {
    return people == null ? values.length : people.length == 0 ? 0 : people[people.length - 1] + 1;
  }

  /** How many people have a row of each class, of outcomes that are classes numbered from 0. */
  int[] personsOf(int classes) {
    int[] counts = new int[classes];
    int[] last = new int[classes];
    Arrays.fill(last, -1);
    for (int row = 0; row < values.length; row++) {
      int person = people == null ? row : people[row];
      int k = (int) values[row];
      counts[k] += last[k] == person ? 0 : 1;
      last[k] = person;
    }
    return counts;
  }

  /** What is known of each person, for each of its rows. */
  double[] ofRows(double[] ofPeople) {
    return people == null
        ? ofPeople
        : Arrays.stream(people).mapToDouble(person -> ofPeople[person]).toArray();
  }

  /**
   * What each person's rows have together, so that its mean over people is that of {@code ofRows}
   * over rows.
   */
  double[] ofPeople(double[] ofRows) {
    if (people == null) {
      return ofRows;
    }
    double[] sums = new double[persons()];
    double share = (double) sums.length / people.length;
    for (int row = 0; row < people.length; row++) {
      sums[people[row]] += share * ofRows[row];
    }
    return sums;
  }

  /**
   * The intercept of a model without features. Of a logistic model with offsets it is that without
   * them.
   */
  double nullIntercept(Family family) {
    double sum = 0;
    double total = 0;
    for (int i = 0; i < values.length; i++) {
      double w = weight(i);
      switch (family) {
        case LOGISTIC -> sum += w * values[i];
        case LINEAR -> sum += w * (values[i] - offset(i));
        case POISSON -> sum += w * values[i];
        case GAMMA -> sum += w * values[i] * Math.exp(-offset(i));
      }
      total += family == Family.POISSON ? w * Math.exp(offset(i)) : w;
    }
    return family.predictor(sum / total);
  }

  /**
   * What a mean loss is measured by: 1 for the logistic family, otherwise half the mean deviance of
   * a model without features, the loss that there is to explain.
   */
  double unit(Family family) {
    if (family == Family.LOGISTIC) {
      return 1;
    }
    double intercept = nullIntercept(family);
    double sum = 0;
    double size = 0;
    for (int i = 0; i < values.length; i++) {
      double saturated = family.saturated(values[i]);
      double loss = family.loss(intercept + offset(i), values[i]);
      sum += weight(i) * (loss - saturated);
      size += weight(i) * Math.abs(saturated);
    }
    double unit = sum / values.length;
    if (!(sum > ROUNDING * size && unit < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "the outcome is the same for everybody, or too large: there is nothing to fit");
    }
    return unit;
  }
}
