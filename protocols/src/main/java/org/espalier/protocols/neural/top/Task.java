package org.espalier.protocols.neural.top;

import org.espalier.protocols.glm.Family;
import org.espalier.protocols.glm.Softmax;

/** What a network predicts, hence its last layer's meaning and its loss. */
public enum Task {
  /** The probability of label 1; log-loss. */
  BINARY(Family.LOGISTIC),
  /**
   * A probability for each of several classes, by the softmax; the loss is −ln of the true one's.
   */
  MULTICLASS(null),
  /** A number; half the squared error, in units of the outcome's variance. */
  REGRESSION(Family.LINEAR);

  /** The same loss with one output; null where there are several. */
  private final Family family;

  Task(Family family) {
    this.family = family;
  }

  /** The name in job files and models. */
  public String wireName() {
    return Names.of(this);
  }

  /**
   * The task of that name.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static Task parse(String name) {
    return Names.parse(Task.class, name, "task");
  }

  /** Whether there is one output for all classes together, not one for each. */
  boolean single() {
    return family != null;
  }

  /**
   * Loss of one row.
   *
   * @param outputs of the last layer
   * @param at where those of the row begin
   * @param classes how many they are
   * @param y label, number, or index of the class
   */
  double loss(double[] outputs, int at, int classes, double y) {
    if (single()) {
      return family.loss(outputs[at], y);
    }
    return Softmax.loss(outputs, at, classes, (int) y);
  }

  /** Turns the outputs of a row into what they predict. */
  void predict(double[] outputs, int at, int classes) {
    if (single()) {
      outputs[at] = family.mean(outputs[at]);
      return;
    }
    Softmax.predict(outputs, at, classes);
  }

  /**
   * Turns the outputs of a row into the gradient of its loss: in all tasks the prediction's error.
   */
  void slope(double[] outputs, int at, int classes, double y, double weight) {
    predict(outputs, at, classes);
    if (single()) {
      outputs[at] -= y;
    } else {
      outputs[at + (int) y] -= 1;
    }
    for (int k = 0; k < classes; k++) {
      outputs[at + k] *= weight;
    }
  }
}
