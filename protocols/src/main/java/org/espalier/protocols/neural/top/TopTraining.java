package org.espalier.protocols.neural.top;

import java.util.List;
import org.espalier.protocols.mask.Prg;

/** A network above the first layer while it is trained; nothing is allocated in a step. */
final class TopTraining {
  private final TopModel model;
  private final StackTraining stack;

  /**
   * @param model is changed by every step
   * @param batch most rows of a step
   * @param coins which units to drop
   */
  TopTraining(TopModel model, double dropout, int batch, Descent how, Prg coins) {
    this.model = model;
    this.stack =
        new StackTraining(model.activation(), model.layers(), dropout, batch, how, coins, true);
  }

  /**
   * Summed loss of the first rows.
   *
   * @param z batch × h
   * @param targets as the loss takes them, one a row
   * @param weights one a row
   */
  double loss(double[] z, int count, double[] targets, double[] weights) {
    return summed(stack.forward(z, count), count, targets, weights);
  }

  private double summed(double[] outputs, int count, double[] targets, double[] weights) {
    int classes = model.target().outputs();
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += weights[i] * model.target().task().loss(outputs, i * classes, classes, targets[i]);
    }
    return sum;
  }

  /**
   * One step of all weights here along the mean loss of the first rows.
   *
   * @param byZ out: gradient of each row's loss, not of their mean, by z, batch × h
   * @return summed loss before the step, units dropped
   */
  double step(double[] z, int count, double[] targets, double[] weights, double[] byZ) {
    double loss = gradient(z, count, targets, weights, byZ);
    stack.step();
    return loss;
  }

  /** The same without the step; gradients stay in the layers. */
  double gradient(double[] z, int count, double[] targets, double[] weights, double[] byZ) {
    double[] outputs = stack.forwardToTrain(z, count);
    double loss = summed(outputs, count, targets, weights);
    Task task = model.target().task();
    int classes = model.target().outputs();
    for (int i = 0; i < count; i++) {
      task.slope(outputs, i * classes, classes, targets[i], weights[i] / count);
    }
    double[] bySums = stack.backward(outputs, count);
    for (int i = 0; i < count * model.width(); i++) {
      byZ[i] = count * bySums[i];
    }
    return loss;
  }

  /** Gradients of the last {@link #gradient}: of weights and bias of each layer. */
  List<double[]> gradients() {
    return stack.gradients();
  }
}
