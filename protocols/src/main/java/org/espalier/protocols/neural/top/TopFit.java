package org.espalier.protocols.neural.top;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.espalier.protocols.glm.Outcomes;
import org.espalier.protocols.mask.Prg;

/**
 * Fits all layers above the first one, while somebody else makes the first layer's pre-activations
 * and follows the gradient by them. Deterministic given the coins, the rows of each step and their
 * pre-activations.
 */
public final class TopFit implements TopLayers {
  private final NetworkSpec spec;
  private final FitSpec fit;
  private final Consumer<EpochReport> listener;
  private final TopModel model;
  private final TopTraining training;
  private final double[] targets;
  private final double[] weights;
  private final boolean[] aside;
  private final Group trained;
  private final Group watched;
  private final double[] byZ;
  private final List<EpochReport> epochs = new ArrayList<>();
  private TopModel kept;
  private int best;
  private double least = Double.POSITIVE_INFINITY;

  /** Why training stopped. */
  public enum End {
    /** The agreed number of epochs was run. */
    EPOCHS("the agreed number of epochs was run"),
    /** The loss of the people set aside had stopped falling. */
    PATIENCE("the loss of the training people set aside had stopped falling");

    private final String text;

    End(String text) {
      this.text = text;
    }

    public String text() {
      return text;
    }
  }

  /** Rows of a step that are treated alike, and their summed loss in an epoch. */
  private static final class Group {
    final double[] z;
    final double[] targets;
    final double[] weights;
    final int[] places;
    int count;
    double loss;
    double weight;

    Group(int batch, int width) {
      this.z = new double[Math.multiplyExact(batch, width)];
      this.targets = new double[batch];
      this.weights = new double[batch];
      this.places = new int[batch];
    }

    void add(int place, double[] from, double target, double rowWeight) {
      int width = z.length / places.length;
      System.arraycopy(from, place * width, z, count * width, width);
      places[count] = place;
      targets[count] = target;
      weights[count++] = rowWeight;
      weight += rowWeight;
    }

    /** Mean loss since the last call. */
    double mean() {
      double mean = loss / weight;
      loss = 0;
      weight = 0;
      return mean;
    }
  }

  /**
   * @param outcomes of the training rows; offsets are not used
   * @param coins first weights, who is set aside, and which units to drop
   * @param listener hears of every epoch
   * @throws IllegalArgumentException if the outcomes are none of the task or all the same
   */
  public TopFit(
      NetworkSpec spec, FitSpec fit, Outcomes outcomes, Prg coins, Consumer<EpochReport> listener) {
    this(
        spec,
        fit,
        outcomes,
        TopModel.random(spec, Target.of(spec.task(), outcomes.values()), coins),
        coins,
        listener);
  }

  /** From a model that is changed. */
  TopFit(
      NetworkSpec spec,
      FitSpec fit,
      Outcomes outcomes,
      TopModel model,
      Prg coins,
      Consumer<EpochReport> listener) {
    this.spec = spec;
    this.fit = fit;
    this.listener = listener;
    this.model = model;
    this.targets = Arrays.stream(outcomes.values()).map(model.target()::encode).toArray();
    this.weights = new double[targets.length];
    Arrays.setAll(weights, outcomes::weight);
    this.aside = new boolean[targets.length];
    if (fit.patience() > 0) {
      setAside(coins);
    }
    this.training = new TopTraining(model, spec.dropout(), fit.batch(), fit.descent(), coins);
    this.trained = new Group(fit.batch(), spec.width());
    this.watched = new Group(fit.batch(), spec.width());
    this.byZ = new double[trained.z.length];
  }

  /** Each row with the same chance, at least one. */
  private void setAside(Prg coins) {
    int due = (int) Math.max(1, Math.round(fit.setAside() * aside.length));
    while (due > 0) {
      int row = (int) coins.below(Math.max(2, aside.length));
      if (!aside[row]) {
        aside[row] = true;
        due--;
      }
    }
  }

  @Override
  public void step(int epoch, int[] rows, double[] z, double[] slope) {
    trained.count = 0;
    watched.count = 0;
    for (int i = 0; i < rows.length; i++) {
      (aside[rows[i]] ? watched : trained).add(i, z, targets[rows[i]], weights[rows[i]]);
    }
    if (watched.count > 0) {
      watched.loss += training.loss(watched.z, watched.count, watched.targets, watched.weights);
    }
    if (trained.count == 0) {
      return;
    }
    trained.loss += training.step(trained.z, trained.count, trained.targets, trained.weights, byZ);
    int width = spec.width();
    for (int i = 0; i < trained.count; i++) {
      System.arraycopy(byZ, i * width, slope, trained.places[i] * width, width);
    }
  }

  /**
   * @throws ArithmeticException if the loss is no number any more
   */
  @Override
  public Decision epochEnds(int epoch) {
    boolean watching = fit.patience() > 0;
    EpochReport report =
        new EpochReport(epoch, trained.mean(), watching ? watched.mean() : Double.NaN);
    if (!Double.isFinite(report.loss())) {
      throw new ArithmeticException(
          "training diverged in epoch " + epoch + ": lower training.learning_rate");
    }
    epochs.add(report);
    listener.accept(report);
    if (!watching) {
      return Decision.GO_ON;
    }
    if (report.watched() < least) {
      least = report.watched();
      best = epoch;
      kept = model.copy();
      return Decision.KEEP;
    }
    return epoch - best >= fit.patience() || epoch == fit.epochs()
        ? Decision.STOP_AT_KEPT
        : Decision.GO_ON;
  }

  /** The network that training ended with, a copy. */
  public TopModel model() {
    return kept == null ? model.copy() : kept;
  }

  /** The epoch whose weights the network has. */
  public int epoch() {
    return kept == null ? epochs.size() : best;
  }

  public List<EpochReport> epochs() {
    return List.copyOf(epochs);
  }

  public End end() {
    return kept != null && epochs.size() - best >= fit.patience() ? End.PATIENCE : End.EPOCHS;
  }

  /** What to know of the training, and what to do about it. */
  public List<String> findings() {
    if (kept != null && end() == End.EPOCHS && best == epochs.size()) {
      return List.of(
          "the loss of the training people set aside was still falling in the last epoch: more"
              + " training.epochs may fit better");
    }
    return List.of();
  }
}
