package org.espalier.protocols.glm;

/** Probabilities of classes that are in proportion to the exponentials of a row's outputs. */
public final class Softmax {
  private Softmax() {}

  /**
   * −ln of the probability of a class.
   *
   * @param outputs of rows
   * @param at where those of the row begin
   * @param classes how many they are
   * @param y index of the class
   */
  public static double loss(double[] outputs, int at, int classes, int y) {
    double most = most(outputs, at, classes);
    double sum = 0;
    for (int k = 0; k < classes; k++) {
      sum += Math.exp(outputs[at + k] - most);
    }
    return Math.log(sum) + most - outputs[at + y];
  }

  /** Turns the outputs of a row into probabilities. */
  public static void predict(double[] outputs, int at, int classes) {
    double most = most(outputs, at, classes);
    double sum = 0;
    for (int k = 0; k < classes; k++) {
      outputs[at + k] = Math.exp(outputs[at + k] - most);
      sum += outputs[at + k];
    }
    for (int k = 0; k < classes; k++) {
      outputs[at + k] /= sum;
    }
  }

  private static double most(double[] outputs, int at, int classes) {
    double most = outputs[at];
    for (int k = 1; k < classes; k++) {
      most = Math.max(most, outputs[at + k]);
    }
    return most;
  }
}
