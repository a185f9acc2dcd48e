package org.espalier.bench;

import java.util.Arrays;
import java.util.List;
import org.espalier.protocols.glm.CentralisedLogistic;
import org.espalier.protocols.prepare.Matrix;

/** All data in one place, the optimum on them, and how far a model is from it. */
final class Reference {
  /** Products for one Hessian, above which none is formed. */
  private static final double MOST_HESSIAN = 1.5e10;

  private final Matrix train;
  private final double[] trainLabels;
  private final Matrix holdout;
  private final double[] holdoutLabels;
  private final double l2;
  private final CentralisedLogistic optimum;
  private final double optimumLogLoss;

  /** Reads the data and solves; takes seconds to a minute. */
  Reference(DataFiles data, double l2) {
    train = all(data, DataFiles.Part.TRAIN);
    trainLabels = data.labels(DataFiles.Part.TRAIN);
    holdout = all(data, DataFiles.Part.HOLDOUT);
    holdoutLabels = data.labels(DataFiles.Part.HOLDOUT);
    this.l2 = l2;
    double hessian = (double) train.rows() * train.columns() * train.columns();
    optimum =
        hessian > MOST_HESSIAN
            ? ConjugateNewton.fit(train, trainLabels, l2)
            : CentralisedLogistic.fit(train, trainLabels, l2);
    optimumLogLoss =
        Scores.logLoss(Scores.logits(train, optimum.weights(), optimum.intercept()), trainLabels);
  }

  private static Matrix all(DataFiles data, DataFiles.Part part) {
    return Matrix.beside(List.of(data.label(part), data.feature(part)));
  }

  /** The training rows, label party's columns first. */
  Matrix train() {
    return train;
  }

  double[] trainLabels() {
    return trainLabels;
  }

  /** The penalised minimum. */
  double objective() {
    return optimum.objective();
  }

  Run.Quality optimum() {
    return quality(optimum.weights(), optimum.intercept());
  }

  /** The model's penalised objective less its minimum. */
  double objectiveGap(double[] weights, double intercept) {
    return Scores.logLoss(Scores.logits(train, weights, intercept), trainLabels)
        + l2 / 2 * Scores.squaredNorm(weights)
        - optimum.objective();
  }

  /**
   * @param weights of the label party's columns, then of the feature party's
   */
  Run.Quality quality(double[] weights, double intercept) {
    double logLoss = Scores.logLoss(Scores.logits(train, weights, intercept), trainLabels);
    double[] held = Scores.logits(holdout, weights, intercept);
    return new Run.Quality(
        logLoss,
        logLoss - optimumLogLoss,
        Scores.logLoss(held, holdoutLabels),
        Scores.auc(held, holdoutLabels));
  }

  /** What held-out rows alone tell of a model: the rest is NaN. */
  static Run.Quality heldOut(DataFiles data, double[] weights, double intercept) {
    double[] labels = data.labels(DataFiles.Part.HOLDOUT);
    double[] logits = Scores.logits(all(data, DataFiles.Part.HOLDOUT), weights, intercept);
    return new Run.Quality(
        Double.NaN, Double.NaN, Scores.logLoss(logits, labels), Scores.auc(logits, labels));
  }

  /** The weights of both parties, label party first. */
  static double[] join(double[] label, double[] feature) {
    double[] all = Arrays.copyOf(label, label.length + feature.length);
    System.arraycopy(feature, 0, all, label.length, feature.length);
    return all;
  }
}
