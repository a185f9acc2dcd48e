package org.espalier.protocols.glm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.prepare.Matrix;

/**
 * Early stopping of a regression at the label party: some training people are not in the fit, and
 * their loss after each pass says which of the fits is the model.
 *
 * <p>Nothing is asked of others for it. Passes open everybody's logits in any case, and who is not
 * in the fit has a residual of 0, encrypted like all others. So nobody else learns who is set
 * aside, only how many there are: feature parties divide their gradients by the number of the rest.
 */
final class SetAside {
  private final int patience;
  private final Family family;
  private final Matrix own;
  private final Outcomes outcomes;
  private final boolean[] aside;
  private final int[] rows;
  private final List<double[]> directions = new ArrayList<>();
  private Point best;
  private Point last;

  /**
   * One of the fits.
   *
   * @param passes by then
   * @param coefficients of the directions by then
   * @param loss of the people set aside
   */
  private record Point(
      int passes, double[] weights, double intercept, double[] coefficients, double loss) {}

  /**
   * @param own of everybody, as are the outcomes
   */
  SetAside(TrainingJob job, Matrix own, Outcomes outcomes) {
    this.patience = job.spec().patience();
    this.family = job.spec().family();
    this.own = own;
    this.outcomes = outcomes;
    this.aside = new boolean[job.rows()];
    int[] order = new Prg(job.passes().secret()).permutation(aside.length);
    Arrays.stream(order, 0, job.spec().setAside(aside.length)).forEach(p -> aside[p] = true);
    this.rows = outcomes.rowsOf(person -> aside[person]);
  }

  /** Of each person in the fit the number among all, ascending. */
  int[] fitted() {
    return IntStream.range(0, aside.length).filter(p -> !aside[p]).toArray();
  }

  /** Those of the people in the fit. */
  Outcomes fittedOutcomes() {
    return outcomes.of(outcomes.rowsOf(person -> !aside[person]));
  }

  /** The same of the own columns. */
  Matrix fittedColumns() {
    return own.rows(outcomes.rowsOf(person -> !aside[person]));
  }

  /**
   * The fit has another direction.
   *
   * @param logits of everybody
   */
  void add(double[] logits) {
    directions.add(logits);
  }

  /**
   * Looks at the fit.
   *
   * @param passes so far
   */
  void look(PassFit fit, int passes) {
    double[] weights = fit.ownWeights();
    double intercept = fit.intercepts()[0];
    double[] coefficients = fit.coefficients();
    double loss = loss(logits(weights, intercept, coefficients));
    last = new Point(passes, weights, intercept, coefficients, loss);
    if (best == null || loss < best.loss) {
      best = last;
    }
  }

  /** Mean loss of the people set aside at the last fit. */
  double loss() {
    return last.loss;
  }

  /** Whether so many passes in a row have gained nothing. */
  boolean exhausted() {
    return last.passes - best.passes >= patience;
  }

  double[] bestWeights() {
    return best.weights;
  }

  double bestIntercept() {
    return best.intercept;
  }

  /** Directions of later passes have none. */
  double[] bestCoefficients() {
    return best.coefficients;
  }

  /** Of everybody's rows, without offsets. */
  double[] bestLogits() {
    return logits(best.weights, best.intercept, best.coefficients);
  }

  EarlyStop result() {
    return new EarlyStop(aside.length - fitted().length, best.passes, best.loss);
  }

  /** Whether the last fit is the best one. */
  boolean lastIsBest() {
    return best.passes == last.passes;
  }

  private double[] logits(double[] weights, double intercept, double[] coefficients) {
    double[] others = new double[aside.length];
    for (int s = 0; s < coefficients.length; s++) {
      double[] direction = directions.get(s);
      for (int i = 0; i < others.length; i++) {
        others[i] += coefficients[s] * direction[i];
      }
    }
    double[] logits = own.times(weights);
    double[] ofRows = outcomes.ofRows(others);
    for (int i = 0; i < logits.length; i++) {
      logits[i] += ofRows[i] + intercept;
    }
    return logits;
  }

  private double loss(double[] logits) {
    double sum = 0;
    double total = 0;
    for (int row : rows) {
      double z = logits[row] + outcomes.offset(row);
      sum += outcomes.weight(row) * family.loss(z, outcomes.values()[row]);
      total += outcomes.weight(row);
    }
    return sum / total;
  }
}
