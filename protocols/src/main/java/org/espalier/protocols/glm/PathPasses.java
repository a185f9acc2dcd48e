package org.espalier.protocols.glm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.espalier.protocols.prepare.Folds;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Channel;

/**
 * Level {@code gradients} with a path of penalties and k-fold cross-validation: what goes around
 * the passes of {@link GradientsTraining}.
 *
 * <p>Everybody is fitted first, then everybody but one fold after the other, each from the
 * strongest penalty to the weakest. All fits search the same space: the span of all directions that
 * passes of any fit have opened, so that each begins where the space already reaches and a pass
 * only adds what is missing. Who is not in a fit has no residual in its passes; the logits of those
 * people are opened with everybody's, and from them the label party computes their loss by itself.
 *
 * <p>Features are whitened for the weakest penalty. A fit with another one has its gradients
 * brought into the basis of its own ({@code Whitening.underMoreRidge}), and lengths of directions
 * measured there.
 */
final class PathPasses {
  private final GradientsTraining.Label role;
  private final TrainingJob job;
  private final PenaltyPath path;
  private final Matrix own;
  private final Outcomes outcomes;

  /** That of everybody first. */
  private SubspaceFit present;

  /**
   * @param everybody in the fit, for the weakest penalty
   */
  PathPasses(GradientsTraining.Label role, Matrix own, Outcomes outcomes, SubspaceFit everybody) {
    this.role = role;
    this.job = role.job;
    this.path = job.spec().path();
    this.own = own;
    this.outcomes = outcomes;
    this.present = everybody;
  }

  /**
   * One fit that has ended.
   *
   * @param coefficients of the directions opened by then
   * @param gap by estimate above its minimum; NaN where no pass was needed
   * @param objective at its end
   */
  private record Fitted(
      double[] weights,
      double intercept,
      double[] coefficients,
      int passes,
      LabelOutcome.End end,
      double gap,
      double objective) {}

  LabelOutcome run() {
    requireOutcomes();
    int allowed = role.allowed(() -> role.send(step(0, 0, true))).passes();
    LabelOutcome.End limit = GradientsTraining.limit(job, allowed);
    List<List<Fitted>> fits = new ArrayList<>();
    List<List<Double>> losses = new ArrayList<>();
    path.values().forEach(value -> fits.add(new ArrayList<>()));
    path.values().forEach(value -> losses.add(new ArrayList<>()));
    int left = path.fits();
    for (int fold = 0; fold <= path.folds(); fold++) {
      turnTo(fold);
      for (int v = 0; v < path.values().size(); v++) {
        left--;
        role.turnTo(step(v, fold, false), path.values().get(v));
        present.penalise(path.values().get(v));
        present.minimise();
        // Every fit that is to come has a pass of its own left.
        Fitted fitted = fit(allowed - left, limit);
        fits.get(v).add(fitted);
        if (fold > 0) {
          losses.get(v).add(loss(fold - 1, logits(fitted)));
        }
      }
    }
    PenaltyPath.Result result = path.choose(points(fits, losses));
    role.send(step(result.chosen(), 0, true));
    fits.forEach(ofValue -> role.sendLast(ofValue.get(0).coefficients()));
    return outcome(result, fits);
  }

  private Messages.PathStep step(int value, int fold, boolean done) {
    return new Messages.PathStep(path.values().size(), path.folds(), value, fold, done);
  }

  private void turnTo(int fold) {
    if (fold == 0) {
      role.turnTo(present, outcomes, null);
      return;
    }
    Folds folds = job.folds();
    int[] rows = outcomes.rowsOf(person -> folds.of(person) != fold - 1);
    Outcomes theirs = outcomes.of(rows);
    TrainingSpec spec = job.spec();
    present =
        new SubspaceFit(
            own.rows(rows), theirs, spec.family(), spec.l2(), GradientsTraining.accuracy(spec));
    role.turnTo(present, theirs, folds.without(fold - 1));
  }

  /** Before anything is opened. */
  private void requireOutcomes() {
    for (int f = 0; f < path.folds(); f++) {
      int fold = f;
      int[] rows = outcomes.rowsOf(person -> job.folds().of(person) != fold);
      double first = outcomes.values()[rows[0]];
      if (Arrays.stream(rows).allMatch(row -> outcomes.values()[row] == first)) {
        throw new IllegalArgumentException(
            "the outcome is the same for everybody but one fold: there are too few others for %d folds"
                .formatted(path.folds()));
      }
    }
  }

  private Fitted fit(int allowed, LabelOutcome.End limit) {
    int before = role.reports.size();
    // With as many directions as there are columns no direction is left.
    LabelOutcome.End end =
        role.opened.size() >= role.layer.totalColumns()
            ? LabelOutcome.End.NOISE
            : role.passes(allowed, limit, role.untried());
    int passes = role.reports.size() - before;
    double gap = passes == 0 ? Double.NaN : role.lastGap();
    return new Fitted(
        present.ownWeights(),
        present.intercepts()[0],
        present.coefficients(),
        passes,
        end,
        gap,
        present.objective());
  }

  /** Of all rows, without offsets. */
  private double[] logits(Fitted fitted) {
    double[] others = new double[job.rows()];
    for (int s = 0; s < fitted.coefficients().length; s++) {
      double[] direction = role.opened.get(s).logits();
      for (int i = 0; i < others.length; i++) {
        others[i] += fitted.coefficients()[s] * direction[i];
      }
    }
    double[] logits = own.times(fitted.weights());
    double[] ofRows = outcomes.ofRows(others);
    for (int i = 0; i < logits.length; i++) {
      logits[i] += ofRows[i] + fitted.intercept();
    }
    return logits;
  }

  /** Of a fold's people. */
  private double loss(int fold, double[] logits) {
    Family family = job.spec().family();
    double sum = 0;
    double total = 0;
    for (int row : outcomes.rowsOf(person -> job.folds().of(person) == fold)) {
      double y = outcomes.values()[row];
      double loss = family.loss(logits[row] + outcomes.offset(row), y) - family.saturated(y);
      sum += outcomes.weight(row) * loss;
      total += outcomes.weight(row);
    }
    return sum / total;
  }

  private List<PenaltyPath.Point> points(List<List<Fitted>> fits, List<List<Double>> losses) {
    List<PenaltyPath.Point> points = new ArrayList<>();
    for (int v = 0; v < fits.size(); v++) {
      Fitted whole = fits.get(v).get(0);
      points.add(
          new PenaltyPath.Point(
              path.values().get(v),
              losses.get(v),
              fits.get(v).stream().mapToInt(Fitted::passes).sum(),
              fits.get(v).stream().allMatch(fit -> fit.end().reached()),
              whole.weights(),
              whole.intercept(),
              whole.objective()));
    }
    return points;
  }

  private LabelOutcome outcome(PenaltyPath.Result result, List<List<Fitted>> fits) {
    Fitted chosen = fits.get(result.chosen()).get(0);
    LabelOutcome outcome =
        GradientsTraining.outcome(
            job,
            role.layer,
            role.reports,
            chosen.end(),
            chosen.gap(),
            chosen.weights(),
            new double[] {chosen.intercept()},
            logits(chosen));
    long shortOf = result.points().stream().filter(point -> !point.converged()).count();
    return outcome.with(
        result,
        parametersRun(outcome.parametersRun(), path, result.chosen()),
        shortOf == 0
            ? null
            : "with %d of %d penalties of the path fits are short of the tolerance, and so the losses"
                    .formatted(shortOf, path.values().size())
                + " by which one was chosen: raise training.max_passes, or take fewer folds or values");
  }

  static Map<String, Object> parametersRun(Map<String, Object> ran, PenaltyPath path, int chosen) {
    Map<String, Object> all = new LinkedHashMap<>(ran);
    all.put("fits", path.fits());
    all.put("chosen_l2", path.values().get(chosen));
    return Collections.unmodifiableMap(all);
  }

  /** Where a feature party is. */
  static final class Feature {
    private final TrainingJob job;
    private final PenaltyPath path;
    private Messages.PathStep step;

    Feature(TrainingJob job) {
      this.job = job;
      this.path = job.spec().path();
    }

    /** The label party's next step, if it is one that the job has. */
    Messages.PathStep next(Channel label) {
      Messages.PathStep next = label.receive(Messages.PathStep.TYPE, Messages.PathStep.LIMIT);
      if (next.values() != path.values().size() || next.folds() != path.folds()) {
        throw GradientsTraining.violation(
            label,
            "fits %d penalties with %d folds where the job has %d and %d"
                .formatted(next.values(), next.folds(), path.values().size(), path.folds()));
      }
      if (next.value() >= path.values().size() || next.fold() > path.folds()) {
        throw GradientsTraining.violation(label, "named a fit that the path does not have");
      }
      if (step != null && !next.done() && place(next) < place(step)) {
        throw GradientsTraining.violation(label, "went back on the path");
      }
      step = next;
      return next;
    }

    private int place(Messages.PathStep of) {
      return of.fold() * path.values().size() + of.value();
    }

    byte[] bind(byte[] request) {
      return step.bind(request);
    }

    int value() {
      return step.value();
    }

    double penalty() {
      return path.values().get(step.value());
    }

    /** How many people are in the fit. */
    int people() {
      return job.rows() - (step.fold() == 0 ? 0 : job.folds().size(step.fold() - 1));
    }
  }
}
