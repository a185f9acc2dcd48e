package org.espalier.protocols.glm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.factory.LinearSolverFactory_DDRM;
import org.ejml.interfaces.linsol.LinearSolverDense;
import org.espalier.he.ParameterChooser;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.disclosure.NoPassLeft;
import org.espalier.protocols.fixedpoint.Quantisation;
import org.espalier.protocols.fixedpoint.Ring;
import org.espalier.protocols.linear.ResidualHolder;
import org.espalier.protocols.linear.RowSource;
import org.espalier.protocols.linear.SliceEvaluator;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.mask.ZeroSumMasks;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Whitening;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.WireException;

/**
 * Level {@code gradients}: subspace passes with the label party's own columns free.
 *
 * <p>A pass: the label party fits its own weights, the intercept and one coefficient for each
 * direction so far ({@link SubspaceFit}), tells the coefficients, and lets every feature party
 * obtain its gradient of the objective at that point through one encrypted product ({@link
 * ResidualHolder}, {@link SliceEvaluator}). The gradient is the party's next direction; of its
 * logits the label party learns the sum over the feature parties, with noise. Of several classes
 * each but the last has a gradient, a product and a direction of its own in every pass.
 *
 * <p>Adversary: semi-honest. Specification with what each party sees: docs/protocols/gradients.md.
 * Sources: coefficient packing from Cheetah (USENIX Security 2022); sequential subspace
 * optimisation (Narkiss and Zibulevsky 2005) with variable projection over the label party's
 * columns.
 */
final class GradientsTraining implements TrainingProtocol {
  /** How much of a gradient that is left lies along the slowest direction, in simulation. */
  private static final double SLOW_PART = 0.2;

  /** A pass rarely gains less than half of what the pass before did with nothing left to gain. */
  private static final double LAST_GAIN = 0.5;

  private static final double HIDDEN = 4;

  /** Of a pass, as they are kept, with one direction. */
  private static final int FIGURES = 5;

  /** A direction of which more than this lies in the span of earlier passes' is noise. */
  private static final double MAX_KNOWN_SHARE = 0.5;

  /**
   * One of which more than this lies in the span of those that are used tells nothing by itself.
   */
  private static final double MAX_REPEATED_SHARE = 0.999;

  @Override
  public LabelOutcome label(
      TrainingJob job,
      Map<Party, Channel> featureParties,
      Matrix own,
      Outcomes outcomes,
      PassListener listener) {
    TrainingSpec spec = job.spec();
    if (spec.l1() > 0) {
      return sparse(job, featureParties, own, outcomes, listener);
    }
    SetAside aside = spec.patience() > 0 ? new SetAside(job, own, outcomes) : null;
    Matrix columns = aside == null ? own : aside.fittedColumns();
    Outcomes fitted = aside == null ? outcomes : aside.fittedOutcomes();
    PassFit fit =
        spec.classes() == 0
            ? new SubspaceFit(columns, fitted, spec.family(), spec.l2(), accuracy(spec))
            : new SoftmaxFit(columns, fitted, spec.classes(), spec.l2(), accuracy(spec));
    if (outcomes.people() != null && spec.inference()) {
      throw new IllegalArgumentException(
          "rows of one person are not independent of each other: there are no standard errors");
    }
    // While the feature parties whiten.
    fit.minimise();
    int mostColumns = Disclosure.mostColumns(job.fewestRows(), spec.opened());
    LabelOutcome trained;
    Label role;
    try (ResidualHolder layer =
        new ResidualHolder(
            job.rows(), mostColumns, spec.tolerance(), spec.spareBits(), featureParties)) {
      role = new Label(job, featureParties, fit, fitted, aside, listener, layer);
      trained =
          spec.path() == null
              ? role.run()
              : new PathPasses(role, own, outcomes, (SubspaceFit) fit).run();
    }
    return spec.inference()
        ? trained.with(
            StandardErrors.label(
                job, featureParties, role.columns, own, outcomes, trained.trainingLogits()))
        : trained;
  }

  /** How far from their minimum the fits between two passes may stay. */
  static double accuracy(TrainingSpec spec) {
    return 1e-4 * spec.tolerance();
  }

  private static LabelOutcome sparse(
      TrainingJob job,
      Map<Party, Channel> features,
      Matrix own,
      Outcomes outcomes,
      PassListener listener) {
    TrainingSpec spec = job.spec();
    double accuracy = accuracy(spec) * outcomes.unit(spec.family());
    OwnFit fit = new OwnFit(own, outcomes, spec, accuracy);
    try (ResidualHolder layer =
        new ResidualHolder(
            job.rows(),
            Disclosure.mostColumns(job.rows()),
            spec.tolerance(),
            spec.spareBits(),
            features)) {
      requireClasses(job, outcomes, layer);
      int allowed =
          allowed(
                  job,
                  layer,
                  features,
                  0,
                  () ->
                      features
                          .values()
                          .forEach(channel -> channel.send(Messages.SparseStart.nothing())))
              .passes();
      LabelOutcome.End limit = limit(job, allowed);
      return new SparsePasses.Label(job, features, fit, outcomes, own.columns(), listener, layer)
          .run(allowed, limit);
    }
  }

  private static void requireClasses(TrainingJob job, Outcomes outcomes, ResidualHolder layer) {
    TrainingSpec spec = job.spec();
    if (spec.family() == Family.LOGISTIC) {
      Disclosure.requireClasses(
          outcomes.personsOf(Math.max(2, spec.classes())), layer.totalColumns());
    }
  }

  /** Why no more passes than the allowed ones run. */
  static LabelOutcome.End limit(TrainingJob job, int allowed) {
    return allowed < job.spec().maxPasses()
        ? LabelOutcome.End.DISCLOSURE
        : LabelOutcome.End.MAX_PASSES;
  }

  /**
   * What may run.
   *
   * @param passes in all attempts that are gone on from
   * @param resumed of them, those that all parties have kept
   */
  record Allowed(int passes, int resumed) {}

  /**
   * The strictest of all parties' limits; if they leave too few and none was kept, everybody is
   * told and nothing else.
   *
   * @param kept passes of earlier attempts that this party has
   * @param tell that there will be no pass
   */
  private static Allowed allowed(
      TrainingJob job,
      ResidualHolder layer,
      Map<Party, Channel> features,
      int kept,
      Runnable tell) {
    int total = layer.totalColumns();
    int allowed = passLimit(job, total);
    int resumed = Math.min(kept, job.spec().maxPasses());
    int fewest = job.spec().fewestPasses();
    NoPassLeft none = allowed >= fewest ? null : noPassLeft(job, total);
    for (Map.Entry<Party, Channel> feature : features.entrySet()) {
      Messages.Allowed said =
          feature.getValue().receive(Messages.Allowed.TYPE, Messages.Allowed.LIMIT);
      int theirs = said.passes();
      resumed = Math.min(resumed, said.kept());
      if (theirs < fewest && none == null) {
        none = noPassLeft(job, total, feature.getKey().name());
      }
      allowed = Math.min(allowed, theirs);
    }
    if (none != null && resumed == 0) {
      tell.run();
      throw none;
    }
    return new Allowed(Math.min(job.spec().maxPasses(), resumed + allowed), resumed);
  }

  private static NoPassLeft noPassLeft(TrainingJob job, int totalColumns) {
    TrainingSpec spec = job.spec();
    return NoPassLeft.here(
        spec.level(), totalColumns, spec.fewestPasses(), job.earlierPasses(), spec.opened());
  }

  private static NoPassLeft noPassLeft(TrainingJob job, int totalColumns, String who) {
    TrainingSpec spec = job.spec();
    return NoPassLeft.at(spec.level(), totalColumns, spec.fewestPasses(), who, spec.opened());
  }

  /** The scale that brings a gradient of this length near 1. */
  static int scale(double norm) {
    double bits = -Math.log(Math.max(norm, 1e-300)) / Math.log(2);
    return exponent(Math.floor(bits));
  }

  private static int exponent(double wanted) {
    int most = Messages.PassStart.MAX_SCALE;
    return (int) Math.max(-most, Math.min(most, wanted));
  }

  /** The least exponent of two that no residual exceeds; 0 where that is 1 anyway. */
  static int reach(TrainingJob job, double[] residuals) {
    if (job.spec().boundedResiduals()) {
      return 0;
    }
    double largest = Math.max(1e-300, Arrays.stream(residuals).map(Math::abs).max().orElse(0));
    int reach = exponent(Math.getExponent(largest) + 1.0);
    if (!(largest <= Math.scalb(1.0, reach))) {
      throw new Ring.RangeError(
          "a prediction is off by %.1e: outcomes, weights or offsets are too large"
              .formatted(largest));
    }
    return reach;
  }

  /** What a pass opens: one number for each person, and some others. */
  record Sums(double[] logits, double[] scalars) {}

  /** Adds up what the feature parties send under masks, of one direction. */
  static Sums sums(Map<Party, Channel> features, int rows, int count) {
    double[] logits = logits(features, rows);
    return new Sums(logits, scalars(features, count));
  }

  private static double[] logits(Map<Party, Channel> features, int rows) {
    long[] logits = new long[rows];
    features.forEach(
        (party, channel) -> {
          for (int from = 0; from < logits.length; from += Messages.CHUNK) {
            Messages.MaskedLogits chunk =
                channel.receive(Messages.MaskedLogits.TYPE, Messages.MaskedLogits.LIMIT);
            int length = Math.min(Messages.CHUNK, logits.length - from);
            if (chunk.from() != from || chunk.values().length != length) {
              throw new WireException.ProtocolViolation(
                  party,
                  "sent %d logits from row %d where %d from row %d were due"
                      .formatted(chunk.values().length, chunk.from(), length, from));
            }
            add(logits, from, chunk.values());
          }
        });
    return Arrays.stream(logits).mapToDouble(Ring.LOGITS::decode).toArray();
  }

  private static double[] scalars(Map<Party, Channel> features, int count) {
    long[] scalars = new long[count];
    features.forEach(
        (party, channel) -> {
          long[] mine =
              channel
                  .receive(Messages.MaskedScalars.TYPE, Messages.MaskedScalars.limit(count))
                  .values();
          if (mine.length != scalars.length) {
            throw new WireException.ProtocolViolation(
                party, "sent " + mine.length + " inner products, not " + scalars.length);
          }
          add(scalars, 0, mine);
        });
    return Arrays.stream(scalars).mapToDouble(Ring.SCALARS::decode).toArray();
  }

  private static void add(long[] sum, int at, long[] values) {
    for (int i = 0; i < values.length; i++) {
      sum[at + i] += values[i];
    }
  }

  /** What the label party has at the end. */
  static LabelOutcome outcome(
      TrainingJob job,
      ResidualHolder layer,
      List<PassReport> reports,
      LabelOutcome.End end,
      double estimatedGap,
      double[] weights,
      double[] intercepts,
      double[] logits) {
    Map<String, Object> ran =
        parametersRun(job, layer.choice(), layer.quantisation(), reports.size());
    ran.put("end", end.name().toLowerCase(Locale.ROOT));
    RemainingGap gap = new RemainingGap(estimatedGap, 0);
    return new LabelOutcome(
        weights,
        job.spec().classes() == 0 ? intercepts[0] : 0,
        job.spec().classes() == 0 ? null : intercepts,
        List.copyOf(reports),
        end,
        gap,
        findings(job.spec(), end, gap),
        Collections.unmodifiableMap(ran),
        null,
        logits);
  }

  private static List<String> findings(TrainingSpec spec, LabelOutcome.End end, RemainingGap gap) {
    if (end.reached() || end == LabelOutcome.End.PATIENCE) {
      return List.of();
    }
    List<String> findings = new ArrayList<>();
    findings.add(
        "the model is short of the tolerance%s: %s"
            .formatted(
                Double.isNaN(gap.estimate())
                    ? ""
                    : ", by estimate %.1e above the minimum".formatted(gap.estimate()),
                end.text()));
    if (spec.warmStart()) {
      findings.add(
          "short of the tolerance it has traces of the model at which it began: of people held out on"
              + " whom that was fitted, figures are too good");
    }
    return findings;
  }

  /** What a feature party has at the end. */
  static FeatureOutcome outcome(
      TrainingJob job, SliceEvaluator layer, double[] weights, int passes) {
    return new FeatureOutcome(
        weights,
        passes,
        Collections.unmodifiableMap(
            parametersRun(job, layer.choice(), layer.quantisation(), passes)),
        null);
  }

  /** The label party in one training. */
  static final class Label {
    final TrainingJob job;
    private final Map<Party, Channel> features;
    private final PassListener listener;
    final ResidualHolder layer;
    private final List<PassStore.Kept> kept;
    final List<PassReport> reports = new ArrayList<>();

    /** With a path, what passes opened that are directions of the fits. */
    final List<Direction> opened = new ArrayList<>();

    /** Of all directions that were opened, whether the fits have them. */
    private final List<Boolean> used = new ArrayList<>();

    /** What is fitted: on whom, with which penalty. */
    private PassFit fit;

    private Outcomes outcomes;
    private double penalty;

    /** Who is not in the fit and tells when to stop; null where nobody is. */
    private final SetAside aside;

    /** Of each person in the fit the number among all; null where everybody is in it. */
    private int[] people;

    private Messages.PathStep step;
    private double moreRidge;
    private Directions directions = new Directions();
    private final List<Integer> columns = new ArrayList<>();

    /** Passes of earlier attempts that all parties have kept. */
    private int resumed;

    Label(
        TrainingJob job,
        Map<Party, Channel> features,
        PassFit fit,
        Outcomes outcomes,
        SetAside aside,
        PassListener listener,
        ResidualHolder layer) {
      this.job = job;
      this.outcomes = outcomes;
      this.aside = aside;
      this.people = aside == null ? null : aside.fitted();
      this.features = features;
      this.listener = listener;
      this.layer = layer;
      this.fit = fit;
      this.penalty = job.spec().l2();
      this.kept = job.spec().path() == null ? usable(job) : List.of();
      columns.add(fit.ownColumns());
      columns.addAll(layer.columns());
    }

    LabelOutcome run() {
      StandardErrors.require(job, fit.ownColumns(), layer.totalColumns());
      requireClasses(job, outcomes, layer);
      look(0);
      Allowed limits = allowed(this::sendLast);
      resumed = limits.resumed();
      Last last = resume();
      if (job.spec().warmStart() && resumed == 0) {
        last = warmStart();
      }
      LabelOutcome.End end = passes(limits.passes(), limit(job, limits.passes()), last);
      sendLast();
      return outcome(end);
    }

    private void look(int passes) {
      if (aside != null) {
        aside.look(fit, passes);
      }
    }

    /**
     * The first pass, in the place of a gradient: what the feature parties' earlier weights say of
     * everybody becomes a direction as those of other passes are, whose coefficient and whose
     * company the fits choose. So the minimum is that of any other beginning.
     */
    private Last warmStart() {
      listener.begins(1);
      long began = System.nanoTime();
      double objective = fit.objective();
      // Weights of a log or logit link are near 1 by themselves, others have the outcome's unit.
      double unit = job.spec().family() == Family.LINEAR ? rms(fit.residuals().get(0)) : 1;
      sendStart(false, new int[] {scale(unit)}, 0, new double[0]);
      Opened earlier = receive(1, 1);
      take(earlier, earlier.products());
      fit.minimise();
      Last last = untried();
      PassReport report =
          new PassReport(1, objective, Double.NaN, (System.nanoTime() - began) / 1e9);
      reports.add(report);
      keep(report, earlier, last.gain(), last.norms());
      listener.pass(report);
      return last;
    }

    Allowed allowed(Runnable tell) {
      return GradientsTraining.allowed(job, layer, features, kept.size(), tell);
    }

    /** Fits something else with all directions so far, in place. */
    void turnTo(PassFit other, Outcomes theirs, int[] persons) {
      fit = other;
      outcomes = theirs;
      people = persons;
      opened.forEach(pass -> fit.add(ofFit(pass.logits()), pass.penalties()));
    }

    /**
     * Goes on with another penalty: directions are measured as if features were whitened for it.
     */
    void turnTo(Messages.PathStep to, double value) {
      step = to;
      penalty = value;
      moreRidge = job.spec().ridge(value) - job.spec().ridge();
      directions = new Directions();
      opened.forEach(pass -> directions.add(lengths(pass.products(), pass.penalties())));
    }

    /** Inner products of directions in the present penalty's basis. */
    private double[] lengths(double[] products, double[] penalties) {
      double[] lengths = products.clone();
      for (int s = 0; s < lengths.length; s++) {
        lengths[s] += moreRidge / job.spec().l2() * penalties[s];
      }
      return lengths;
    }

    /** Of everybody's numbers those of the rows in the fit. */
    private double[] ofFit(double[] ofPeople) {
      return outcomes.ofRows(people == null ? ofPeople : Outcomes.of(people, ofPeople));
    }

    /** Where a fit begins of which no pass was run. */
    Last untried() {
      double[] rms = fit.residuals().stream().mapToDouble(GradientsTraining::rms).toArray();
      return new Last(Double.POSITIVE_INFINITY, 0, rms);
    }

    /**
     * Runs passes of the present fit, until it is near enough to its minimum.
     *
     * @param allowed passes of all fits so far and of this one together
     * @param limit why no more are
     */
    LabelOutcome.End passes(int allowed, LabelOutcome.End limit, Last last) {
      double tolerance = job.spec().tolerance() * fit.unit();
      double[] norms = last.norms();
      double lastGain = last.gain();
      if (last.gap() <= tolerance) {
        return LabelOutcome.End.TOLERANCE;
      }
      for (int pass = reports.size() + 1; pass <= allowed; pass++) {
        if (aside != null && aside.exhausted()) {
          return LabelOutcome.End.PATIENCE;
        }
        listener.begins(pass);
        long began = System.nanoTime();
        double objective = fit.objective();
        double watched = aside == null ? Double.NaN : aside.loss();
        int[] scales = Arrays.stream(norms).mapToInt(GradientsTraining::scale).toArray();
        Opened newest = pass(pass, scales);
        double[] lengths = lengths(newest.products(), newest.penalties());
        double[][] gradients = gradients(newest.before(), lengths, scales);
        for (int k = 0; k < norms.length; k++) {
          norms[k] = Math.sqrt(gradients[k][k]);
        }
        // What is no length is of masks that did not cancel.
        boolean areLengths = Arrays.stream(norms).allMatch(norm -> norm >= 0);
        double gap = areLengths ? fit.gap(gradients) : Double.NaN;
        boolean noise = !take(newest, lengths);
        if (!noise) {
          fit.minimise();
          look(pass);
          double gain = objective - fit.objective();
          gap = gap(gap, gain, lastGain);
          lastGain = gain;
        }
        PassReport report =
            new PassReport(pass, objective, gap, watched, (System.nanoTime() - began) / 1e9);
        reports.add(report);
        if (!noise) {
          keep(report, newest, lastGain, norms);
        }
        listener.pass(report);
        if (gap <= tolerance || noise) {
          return gap <= tolerance ? LabelOutcome.End.TOLERANCE : LabelOutcome.End.NOISE;
        }
      }
      return aside != null && aside.exhausted() ? LabelOutcome.End.PATIENCE : limit;
    }

    /** Directions of the passes before. */
    private int before(int pass) {
      return (pass - 1) * job.spec().opened();
    }

    /**
     * Adds what a pass opened to the fit.
     *
     * @param lengths its products in the present basis
     * @return false if all of it is noise
     */
    private boolean take(Opened newest, double[] lengths) {
      int before = directions.size();
      for (int k = 0; k < newest.directions().size(); k++) {
        double[] products = ofUsed(newest.of(lengths, k));
        boolean fresh =
            directions.knownShare(products, before) <= MAX_KNOWN_SHARE
                && directions.knownShare(products, directions.size()) <= MAX_REPEATED_SHARE;
        if (fresh) {
          directions.add(products);
          use(newest, k);
        }
        used.add(fresh);
      }
      return directions.size() > before;
    }

    private void use(Opened newest, int k) {
      double[] logits = newest.directions().get(k);
      double[] penalties = ofUsed(newest.of(newest.penalties(), k));
      if (job.spec().path() != null) {
        opened.add(new Direction(logits, ofUsed(newest.of(newest.products(), k)), penalties));
      }
      if (aside != null) {
        aside.add(logits);
      }
      double factor = penalty / job.spec().l2();
      fit.add(ofFit(logits), Arrays.stream(penalties).map(value -> factor * value).toArray());
    }

    /** Of a new direction's products with all up to it, those with directions that are used. */
    private double[] ofUsed(double[] withAll) {
      int last = withAll.length - 1;
      return IntStream.rangeClosed(0, last)
          .filter(s -> s == last || used.get(s))
          .mapToDouble(s -> withAll[s])
          .toArray();
    }

    /** Inner products of a pass's gradients, from those of its directions. */
    private static double[][] gradients(int before, double[] lengths, int[] scales) {
      int count = scales.length;
      double[][] products = new double[count][count];
      for (int k = 0; k < count; k++) {
        for (int l = 0; l <= k; l++) {
          double value = lengths[GradientsTraining.products(before, k) + before + l];
          products[k][l] = Math.scalb(value, -scales[k] - scales[l]);
          products[l][k] = products[k][l];
        }
      }
      return products;
    }

    /**
     * What may be missing, from the largest of what points to it. The gradient tells least where it
     * matters most: along directions in which parties' columns say nearly the same the curvature is
     * small. Those are found one after the other, so that passes with little gain lie between
     * passes with much.
     *
     * @param gap where all curvatures are as that of one column: ½·‖gradient‖²/curvature
     * @param gain of this pass: it was missing when it began
     * @param lastGain of the pass before
     */
    private double gap(double gap, double gain, double lastGain) {
      double least = fit.leastCurvature(directions.products);
      double foreseen = 1 / SealedSchedule.likeness(columns);
      double slow = least > 0 ? gap / least * SLOW_PART : 0;
      // Directions that are as slow as these numbers of columns make likely have not shown yet.
      double hidden = least > HIDDEN * foreseen ? gap / (HIDDEN * foreseen) : 0;
      return Math.max(Math.max(gain, LAST_GAIN * lastGain), Math.max(slow, hidden));
    }

    /** How the last pass left the training. */
    record Last(double gap, double gain, double[] norms) {}

    /** Goes through the passes that all parties have kept, as when they were run. */
    private Last resume() {
      Last last = untried();
      for (int p = 0; p < resumed; p++) {
        PassStore.Kept kept = this.kept.get(p);
        List<double[]> logits = new ArrayList<>();
        for (int k = 0; k < job.spec().opened(); k++) {
          logits.add(Arrays.copyOfRange(kept.vector(), k * job.rows(), (k + 1) * job.rows()));
        }
        boolean unused =
            take(
                new Opened(before(p + 1), logits, kept.products(), kept.penalties()),
                kept.products());
        double[] figures = kept.figures();
        double[] norms = Arrays.copyOfRange(figures, FIGURES - 1, figures.length);
        norms[0] = figures[3];
        last = new Last(figures[1], figures[2], norms);
        double watched = Double.NaN;
        if (aside != null) {
          watched = aside.loss();
          fit.minimise();
          look(p + 1);
        }
        reports.add(new PassReport(p + 1, figures[0], figures[1], watched, figures[4]));
      }
      if (resumed > 0) {
        fit.minimise();
        listener.resumes(resumed);
      }
      return last;
    }

    private void keep(PassReport report, Opened opened, double gain, double[] norms) {
      double[] figures = new double[FIGURES - 1 + norms.length];
      System.arraycopy(norms, 0, figures, FIGURES - 1, norms.length);
      figures[0] = report.objective();
      figures[1] = report.estimatedGap();
      figures[2] = gain;
      figures[3] = norms[0];
      figures[4] = report.seconds();
      double[] logits = opened.directions().stream().flatMapToDouble(Arrays::stream).toArray();
      job.passes()
          .keep(
              report.pass(),
              new PassStore.Kept(logits, opened.products(), opened.penalties(), figures));
    }

    /** The passes that fit this job; what does not is as good as nothing. */
    private static List<PassStore.Kept> usable(TrainingJob job) {
      List<PassStore.Kept> kept = job.passes().kept();
      int opened = job.spec().opened();
      for (int p = 0; p < kept.size(); p++) {
        PassStore.Kept pass = kept.get(p);
        int products = products(p * opened, opened);
        if (pass.vector().length != (long) opened * job.rows()
            || pass.products().length != products
            || pass.penalties().length != products
            || pass.figures().length != FIGURES - 1 + opened) {
          return List.of();
        }
      }
      return kept;
    }

    double lastGap() {
      return reports.get(reports.size() - 1).estimatedGap();
    }

    private LabelOutcome outcome(LabelOutcome.End end) {
      if (aside == null) {
        return GradientsTraining.outcome(
            job, layer, reports, end, lastGap(), fit.ownWeights(), fit.intercepts(), fit.logits());
      }
      // Weights of an earlier pass are not those that came within the tolerance.
      LabelOutcome.End why = end.reached() && !aside.lastIsBest() ? LabelOutcome.End.PATIENCE : end;
      LabelOutcome best =
          GradientsTraining.outcome(
              job,
              layer,
              reports,
              why,
              aside.lastIsBest() ? lastGap() : Double.NaN,
              aside.bestWeights(),
              new double[] {aside.bestIntercept()},
              aside.bestLogits());
      return best.with(aside.result());
    }

    private void sendLast() {
      sendLast(aside == null ? fit.coefficients() : aside.bestCoefficients());
    }

    /** Where nothing follows that the coefficients are for. */
    void sendLast(double[] ofUsed) {
      sendStart(true, new int[job.spec().opened()], 0, ofUsed);
    }

    /** The feature parties hold discarded directions too: their coefficients are 0. */
    private void sendStart(boolean last, int[] scales, int reach, double[] ofUsed) {
      int each = job.spec().opened();
      double[] coefficients = new double[used.size() * each];
      for (int s = 0, at = 0; s < used.size() && at < ofUsed.length; s++) {
        if (used.get(s)) {
          System.arraycopy(ofUsed, at, coefficients, s * each, each);
          at += each;
        }
      }
      Messages.PassStart start =
          new Messages.PassStart(reports.size() + 1, last, scales, reach, coefficients);
      features.values().forEach(channel -> channel.send(start));
    }

    void send(Messages.PathStep to) {
      features.values().forEach(channel -> channel.send(to));
    }

    /**
     * One direction of the fits.
     *
     * @param logits of everybody
     * @param products with the directions before it, itself last
     * @param penalties the same of penalty products, with the job's weakest penalty
     */
    record Direction(double[] logits, double[] products, double[] penalties) {}

    /**
     * What one pass opened.
     *
     * @param before how many directions there were
     * @param directions the logits of each new one
     * @param products for each new direction its inner products with all up to it, itself last
     * @param penalties the same of their penalty products
     */
    record Opened(int before, List<double[]> directions, double[] products, double[] penalties) {
      /** Of the flattened products those of one of the new directions. */
      double[] of(double[] products, int k) {
        return Arrays.copyOfRange(
            products,
            GradientsTraining.products(before, k),
            GradientsTraining.products(before, k + 1));
      }
    }

    private Opened pass(int pass, int[] scales) {
      List<double[]> residuals =
          fit.residuals().stream().map(outcomes::ofPeople).map(this::ofEverybody).toList();
      int reach = residuals.stream().mapToInt(vector -> reach(job, vector)).max().orElseThrow();
      if (step != null) {
        send(step);
      }
      sendStart(false, scales, reach, fit.coefficients());
      for (double[] vector : residuals) {
        for (int i = 0; i < vector.length; i++) {
          vector[i] = Math.scalb(vector[i], -reach);
        }
      }
      layer.deliver(residuals);
      return receive(pass, scales.length);
    }

    /** What a pass opens. */
    private Opened receive(int pass, int fresh) {
      List<double[]> logits = new ArrayList<>();
      for (int k = 0; k < fresh; k++) {
        logits.add(logits(features, job.rows()));
      }
      int count = products(before(pass), fresh);
      double[] both = scalars(features, 2 * count);
      return new Opened(
          before(pass),
          logits,
          Arrays.copyOf(both, count),
          Arrays.copyOfRange(both, count, 2 * count));
    }

    /** Who is not in the fit has no residual. */
    private double[] ofEverybody(double[] residuals) {
      if (people == null) {
        return residuals;
      }
      double[] all = new double[job.rows()];
      for (int i = 0; i < people.length; i++) {
        all[people[i]] = residuals[i];
      }
      return all;
    }
  }

  /** How many products so many new directions have with all up to each, the old ones first. */
  static int products(int before, int fresh) {
    return fresh * before + fresh * (fresh + 1) / 2;
  }

  /** Inner products of the directions, by which the label party tells signal from noise. */
  private static final class Directions {
    private final List<double[]> products = new ArrayList<>();

    void add(double[] withAll) {
      products.add(withAll.clone());
    }

    int size() {
      return products.size();
    }

    /**
     * Which share of a vector's squared length lies in the span of the directions. Without noise
     * each gradient is orthogonal to all directions before it, because the fit is a minimum over
     * their span; what remains in the span is the effect of noise and rounding.
     *
     * @param withAll the vector's inner products with all directions, then with itself
     * @param m directions whose span it is about, the first ones
     */
    double knownShare(double[] withAll, int m) {
      double squared = withAll[withAll.length - 1];
      if (m == 0 || !(squared > 0)) {
        return squared > 0 ? 0 : 1;
      }
      DMatrixRMaj gram = new DMatrixRMaj(m, m);
      DMatrixRMaj b = new DMatrixRMaj(m, 1);
      for (int i = 0; i < m; i++) {
        double si = Math.sqrt(products.get(i)[i]);
        for (int j = 0; j <= i; j++) {
          double value = products.get(i)[j] / (si * Math.sqrt(products.get(j)[j]));
          gram.set(i, j, value);
          gram.set(j, i, value);
        }
        gram.set(i, i, 1 + 1e-9);
        b.set(i, withAll[i] / (si * Math.sqrt(squared)));
      }
      LinearSolverDense<DMatrixRMaj> solver = LinearSolverFactory_DDRM.chol(m);
      DMatrixRMaj x = new DMatrixRMaj(m, 1);
      DMatrixRMaj kept = b.copy();
      if (!solver.setA(gram)) {
        return 1;
      }
      solver.solve(b, x);
      double share = 0;
      for (int i = 0; i < m; i++) {
        share += x.get(i) * kept.get(i);
      }
      return share;
    }
  }

  @Override
  public FeatureOutcome feature(
      TrainingJob job,
      Channel label,
      Map<Party, Channel> others,
      Matrix own,
      Progress progress,
      IntConsumer beforePass) {
    int total = totalColumns(own.columns(), others);
    Disclosure.requireRows(job.fewestRows(), total, job.spec().opened());
    StandardErrors.require(job, 0, total);
    TrainingSpec spec = job.spec();
    int allowed = passLimit(job, total);
    Whitening whitening = Whitening.of(own, spec.ridge());
    ZeroSumMasks masks = ZeroSumMasks.agree(job.session(), label.self(), others);
    RowSource whitened = whitened(own, whitening);
    FeatureOutcome trained;
    try (SliceEvaluator layer =
        new SliceEvaluator(label, whitened, total, spec.tolerance(), spec.spareBits())) {
      List<double[]> kept =
          spec.l1() > 0 || spec.path() != null ? List.of() : kept(job, own.columns());
      label.send(new Messages.Allowed(allowed, Math.min(kept.size(), TrainingSpec.MAX_PASSES)));
      Passes passes = new Passes(total, allowed, progress, beforePass);
      Opening opening = new Opening(job, label, masks);
      trained =
          spec.l1() > 0
              ? new SparsePasses.Feature(job, label, own, whitening, layer, passes, opening).run()
              : new Feature(job, label, own, whitening, layer, passes, opening).run(kept);
    }
    return spec.inference()
        ? trained.with(StandardErrors.feature(job, label, others, own, whitening))
        : trained;
  }

  /** Directions of earlier attempts; what does not fit is as good as nothing. */
  private static List<double[]> kept(TrainingJob job, int columns) {
    List<double[]> vectors = job.passes().kept().stream().map(PassStore.Kept::vector).toList();
    int length = columns * job.spec().opened();
    return vectors.stream().allMatch(vector -> vector.length == length) ? vectors : List.of();
  }

  private static RowSource whitened(Matrix own, Whitening whitening) {
    return new RowSource() {
      @Override
      public int rows() {
        return own.rows();
      }

      @Override
      public int columns() {
        return own.columns();
      }

      @Override
      public boolean rounded(int from, int count, int bits, int most, int[] out) {
        return whitening.rounded(own, from, count, bits, most, out);
      }
    };
  }

  /**
   * What a feature party knows of the passes to come.
   *
   * @param totalColumns of all feature parties
   * @param allowed by this party's own count
   */
  record Passes(int totalColumns, int allowed, Progress progress, IntConsumer beforePass) {
    /**
     * Holds the label party's first message of a pass against what is due.
     *
     * @throws NoPassLeft if a party has none left
     */
    void check(Channel label, TrainingJob job, int got, int due, int reach, boolean last) {
      if (got != due) {
        throw violation(label, "began pass " + got + " where " + due + " was due");
      }
      if (reach != 0 && job.spec().boundedResiduals()) {
        throw violation(label, "announced residuals beyond those of the family");
      }
      if (last && due == 1) {
        throw allowed < job.spec().fewestPasses()
            ? noPassLeft(job, totalColumns)
            : noPassLeft(job, totalColumns, "another party");
      }
    }

    /**
     * Before anything of a pass is answered.
     *
     * @param resumed passes of earlier attempts that this one goes on from
     */
    void begin(Channel label, int pass, int resumed) {
      if (pass - resumed > allowed) {
        throw violation(label, "wants more than the " + allowed + " passes that were agreed");
      }
      beforePass.accept(pass);
      progress.update("pass", pass - 1L, resumed + allowed);
    }

    void end(int pass, int resumed) {
      progress.update("pass", pass, resumed + allowed);
    }
  }

  static WireException.ProtocolViolation violation(Channel label, String what) {
    return new WireException.ProtocolViolation(label.peer(), what);
  }

  /** How a feature party opens its part of a pass: under noise and zero-sum masks. */
  static final class Opening {
    private final TrainingJob job;
    private final Channel label;
    private final ZeroSumMasks masks;
    private final Prg noise = Prg.fresh();
    private final double noiseWidth;

    Opening(TrainingJob job, Channel label, ZeroSumMasks masks) {
      this.job = job;
      this.label = label;
      this.masks = masks;
      this.noiseWidth =
          Math.scalb(1.0, -Disclosure.noiseBits(job.rows(), job.featureParties().size()));
    }

    /**
     * @param number of the direction, from 1; a pass's own where it has only one
     * @param length of the direction in the whitened basis
     */
    void logits(int number, double[] logits, double length, byte[] request) {
      int parties = job.featureParties().size();
      double width = noiseWidth * length;
      long[] residues = new long[logits.length];
      for (int i = 0; i < logits.length; i++) {
        double noisy = logits[i] + width * (2 * noise.nextDouble() - 1);
        residues[i] = Ring.LOGITS.encode(noisy, parties, "a logit");
      }
      masks.apply(residues, Ring.LOGITS.bits(), "logits", number, request);
      for (int from = 0; from < residues.length; from += Messages.CHUNK) {
        int to = Math.min(residues.length, from + Messages.CHUNK);
        label.send(new Messages.MaskedLogits(from, Arrays.copyOfRange(residues, from, to)));
      }
    }

    void scalars(int pass, double[] values, byte[] request) {
      int parties = job.featureParties().size();
      long[] scalars = new long[values.length];
      for (int s = 0; s < scalars.length; s++) {
        scalars[s] = Ring.SCALARS.encode(values[s], parties, "an inner product");
      }
      masks.apply(scalars, Ring.SCALARS.bits(), "scalars", pass, request);
      label.send(new Messages.MaskedScalars(scalars));
    }
  }

  private static int passLimit(TrainingJob job, int totalColumns) {
    TrainingSpec spec = job.spec();
    return Disclosure.passLimit(
        totalColumns, spec.maxPasses(), spec.acceptSpan(), job.earlierPasses(), spec.opened());
  }

  private static int totalColumns(int own, Map<Party, Channel> others) {
    others.values().forEach(channel -> channel.send(new Messages.Columns(own)));
    int total = own;
    for (Channel channel : others.values()) {
      total += channel.receive(Messages.Columns.TYPE, Messages.Columns.LIMIT).count();
    }
    return total;
  }

  /** One feature party in one training. */
  private static final class Feature {
    private final TrainingJob job;
    private final Channel label;
    private final Matrix own;
    private final Whitening whitening;
    private final SliceEvaluator layer;
    private final Passes passes;
    private final Opening opening;
    private final PathPasses.Feature path;

    /** Directions of a pass. */
    private final int opened;

    private final List<double[]> directions = new ArrayList<>();
    private final List<double[]> penalties = new ArrayList<>();

    Feature(
        TrainingJob job,
        Channel label,
        Matrix own,
        Whitening whitening,
        SliceEvaluator layer,
        Passes passes,
        Opening opening) {
      this.job = job;
      this.label = label;
      this.own = own;
      this.whitening = whitening;
      this.layer = layer;
      this.passes = passes;
      this.opening = opening;
      this.path = job.spec().path() == null ? null : new PathPasses.Feature(job);
      this.opened = job.spec().opened();
    }

    /**
     * @param kept directions of earlier attempts; the label party says how many of them all have
     */
    FeatureOutcome run(List<double[]> kept) {
      int resumed = -1;
      for (int pass = 1; ; pass++) {
        if (path != null && path.next(label).done()) {
          passes.check(label, job, pass, pass, 0, true);
          return pathOutcome();
        }
        Messages.PassStart start = receiveStart();
        if (resumed < 0) {
          resumed = start.pass() - 1;
          if (resumed > kept.size()) {
            throw violation(
                label, "goes on from pass " + resumed + " where " + kept.size() + " are kept");
          }
          pass = start.pass();
          kept.subList(0, resumed).forEach(this::addKept);
        }
        passes.check(label, job, start.pass(), pass, start.reach(), start.last());
        List<double[]> weights = combine(start.coefficients());
        if (start.last()) {
          if (path != null) {
            throw violation(label, "ended the training within the path");
          }
          return outcome(job, layer, ofClasses(weights), directions.size() / opened);
        }
        passes.begin(label, pass, resumed);
        if (pass == 1 && job.spec().warmStart()) {
          warmStart(start);
        } else {
          pass(start, weights);
        }
        passes.end(pass, resumed);
      }
    }

    private Messages.PassStart receiveStart() {
      return label.receive(Messages.PassStart.type(opened), Messages.PassStart.limit(opened));
    }

    /** Of the fit on everybody, for each value. */
    private FeatureOutcome pathOutcome() {
      List<double[]> weights = new ArrayList<>();
      int due = directions.size() + 1;
      for (int v = 0; v < job.spec().path().values().size(); v++) {
        Messages.PassStart end = receiveStart();
        passes.check(label, job, end.pass(), due, end.reach(), false);
        if (!end.last()) {
          throw violation(label, "began a pass after the end of the path");
        }
        weights.add(whitening.toPrepared(combine(end.coefficients()).get(0)));
      }
      PenaltyPath.Slice slice = new PenaltyPath.Slice(weights, path.value());
      return outcome(job, layer, weights.get(slice.chosen()), directions.size())
          .with(job.spec().path(), slice);
    }

    private void addKept(double[] pass) {
      int d = own.columns();
      for (int from = 0; from < pass.length; from += d) {
        add(whitening.fromPrepared(Arrays.copyOfRange(pass, from, from + d)));
      }
    }

    /** The earlier model's weights in the place of a gradient; no residual is sent for it. */
    private void warmStart(Messages.PassStart start) {
      if (start.reach() != 0) {
        throw violation(label, "announced residuals in a pass without any");
      }
      double[] prepared = job.start().clone();
      Arrays.setAll(prepared, j -> Math.scalb(prepared[j], start.scales()[0]));
      double[] direction = whitening.fromPrepared(prepared);
      add(direction);
      job.passes()
          .keep(1, new PassStore.Kept(prepared, new double[0], new double[0], new double[0]));
      byte[] request = start.bind(new byte[0]);
      double length = Math.sqrt(SubspaceFit.dot(direction, direction));
      opening.logits(1, own.times(prepared), length, request);
      opening.scalars(1, products(0), request);
    }

    private void pass(Messages.PassStart start, List<double[]> weights) {
      SliceEvaluator.Products products = layer.receive(opened);
      double l2 = path == null ? job.spec().l2() : path.penalty();
      int rows = path == null ? job.fitted() : path.people();
      int d = own.columns();
      int before = directions.size();
      double[] lengths = new double[opened];
      double[] prepared = new double[opened * d];
      for (int k = 0; k < opened; k++) {
        double[] product = products.products().get(k);
        double[] gradient = whitening.penaltyTimes(weights.get(k));
        for (int j = 0; j < d; j++) {
          double loss = Math.scalb(product[j], start.reach()) / rows;
          gradient[j] = Math.scalb(loss + l2 * gradient[j], start.scales()[k]);
        }
        double[] direction =
            path == null
                ? gradient
                : whitening.underMoreRidge(gradient, job.spec().ridge(l2) - job.spec().ridge());
        lengths[k] = Math.sqrt(SubspaceFit.dot(direction, gradient));
        add(direction);
        System.arraycopy(whitening.toPrepared(direction), 0, prepared, k * d, d);
      }
      job.passes()
          .keep(
              start.pass(),
              new PassStore.Kept(prepared, new double[0], new double[0], new double[0]));
      byte[] request =
          start.bind(path == null ? products.request() : path.bind(products.request()));
      for (int k = 0; k < opened; k++) {
        opening.logits(
            before + k + 1,
            own.times(Arrays.copyOfRange(prepared, k * d, (k + 1) * d)),
            lengths[k],
            request);
      }
      opening.scalars(start.pass(), products(before), request);
    }

    private void add(double[] direction) {
      directions.add(direction);
      penalties.add(whitening.penaltyTimes(direction));
    }

    /** Of each new direction with all up to it, then the same of penalties. */
    private double[] products(int before) {
      int count = GradientsTraining.products(before, opened);
      double[] products = new double[2 * count];
      int at = 0;
      for (int newest = before; newest < directions.size(); newest++) {
        double[] direction = directions.get(newest);
        for (int s = 0; s <= newest; s++, at++) {
          products[at] = SubspaceFit.dot(directions.get(s), direction);
          products[count + at] = job.spec().l2() * SubspaceFit.dot(penalties.get(s), direction);
        }
      }
      return products;
    }

    /** The weights of each class but the last, or of the only linear predictor. */
    private List<double[]> combine(double[] coefficients) {
      if (coefficients.length != directions.size() * opened) {
        throw violation(
            label,
            "sent "
                + coefficients.length
                + " coefficients for "
                + directions.size()
                + " directions");
      }
      return IntStream.range(0, opened).mapToObj(k -> combine(coefficients, k)).toList();
    }

    private double[] combine(double[] coefficients, int k) {
      double[] sum = new double[own.columns()];
      for (int s = 0; s < directions.size(); s++) {
        double[] direction = directions.get(s);
        for (int j = 0; j < sum.length; j++) {
          sum[j] += coefficients[s * opened + k] * direction[j];
        }
      }
      return sum;
    }

    /** On the prepared features, feature by feature; those of all classes add up to 0. */
    private double[] ofClasses(List<double[]> weights) {
      List<double[]> prepared = weights.stream().map(whitening::toPrepared).toList();
      int classes = job.spec().classes();
      if (classes == 0) {
        return prepared.get(0);
      }
      double[] all = new double[own.columns() * classes];
      for (int j = 0; j < own.columns(); j++) {
        for (int k = 0; k < opened; k++) {
          double weight = prepared.get(k)[j];
          all[j * classes + k] = weight;
          all[j * classes + opened] -= weight;
        }
      }
      return all;
    }
  }

  private static Map<String, Object> parametersRun(
      TrainingJob job, ParameterChooser.Choice choice, Quantisation quantisation, int passes) {
    Map<String, Object> ran = new LinkedHashMap<>();
    ran.put("level", job.spec().level().wireName());
    ran.put("cipher", choice.parameters().toString());
    ran.put("ring_degree", choice.parameters().degree());
    ran.put("modulus_bits", choice.parameters().modulusBits());
    ran.put("plain_modulus", choice.parameters().plain());
    ran.put("security_bits", choice.parameters().securityBits());
    ran.put("tile_width", choice.width());
    ran.put("reply_limbs", choice.replyLimbs());
    ran.put("feature_bits", quantisation.featureBits());
    ran.put("residual_bits", quantisation.residualBits());
    ran.put("logit_noise_bits", Disclosure.noiseBits(job.rows(), job.featureParties().size()));
    ran.put("rows", job.rows());
    ran.put("passes", passes);
    return ran;
  }

  static double rms(double[] values) {
    return Math.sqrt(SubspaceFit.dot(values, values) / values.length);
  }
}
