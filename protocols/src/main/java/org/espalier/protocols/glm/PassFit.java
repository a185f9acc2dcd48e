package org.espalier.protocols.glm;

import java.util.List;

/**
 * What the label party solves between two passes, in plaintext and without communication: the
 * penalised model over its own columns, an intercept and the opened directions.
 */
interface PassFit {
  /**
   * Adds a direction with coefficient 0.
   *
   * @param logits one per row
   * @param products its penalty products with all directions so far, itself last
   */
  void add(double[] logits, double[] products);

  /** Moves to the minimum. */
  void minimise();

  /** Objective at the minimum found. */
  double objective();

  /** In which losses are measured; see {@link Outcomes#unit}. */
  double unit();

  /** The slopes of each row's loss, along each linear predictor that has a gradient of its own. */
  List<double[]> residuals();

  /**
   * How far the objective is from its minimum if it curves equally in all directions of whitened
   * features: ½·‖gradient‖²/curvature.
   *
   * @param gradients inner products of the gradients along what {@link #residuals} lists
   */
  double gap(double[][] gradients);

  /**
   * The least curvature of the objective along the directions, the own columns moving with them.
   *
   * @param products inner products of all directions: row s has those with directions 0 to s
   * @return of a combination of length 1, in units of the mean curvature of a row's loss; 0 if it
   *     cannot be told
   */
  double leastCurvature(List<double[]> products);

  int ownColumns();

  /** Weights of the own columns; of several classes, column by column. */
  double[] ownWeights();

  /** One, or one for each class. */
  double[] intercepts();

  /** For each direction one, or one for each class but the last. */
  double[] coefficients();

  /** At the minimum found, one per row, without offsets; null where a row has several. */
  double[] logits();
}
