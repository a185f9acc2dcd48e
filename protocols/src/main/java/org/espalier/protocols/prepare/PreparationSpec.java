package org.espalier.protocols.prepare;

/**
 * How a table becomes a matrix.
 *
 * @param standardise subtract the training mean and divide by the training standard deviation
 *     (population: divided by n), one-hot columns included
 * @param impute replace a missing number by the training mean and treat missing categories as a
 *     category of their own; without it a missing value is refused
 * @param minPerCategory smallest number of training rows a category needs for a weight of its own,
 *     and in which a number column must depart from its usual value, at least 1: the weight of a
 *     category of one person tells that person's label
 */
public record PreparationSpec(boolean standardise, boolean impute, int minPerCategory) {
  public static final PreparationSpec DEFAULT = new PreparationSpec(true, true, 10);

  public PreparationSpec {
    if (minPerCategory < 1) {
      throw new IllegalArgumentException(
          "min per category must be at least 1, got " + minPerCategory);
    }
  }
}
