package org.espalier.protocols.glm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntConsumer;
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
 * logits the label party learns the sum over the feature parties, with noise.
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

  /** Of a pass, as they are kept. */
  private static final int FIGURES = 5;

  /** A direction of which more than this lies in the span of the earlier ones is noise. */
  private static final double MAX_KNOWN_SHARE = 0.5;

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
    SubspaceFit fit = new SubspaceFit(own, outcomes, spec.family(), spec.l2(), accuracy(spec));
    if (outcomes.people() != null && spec.inference()) {
      throw new IllegalArgumentException(
          "rows of one person are not independent of each other: there are no standard errors");
    }
    // While the feature parties whiten.
    fit.minimise();
    int mostColumns = Disclosure.mostColumns(job.fewestRows());
    LabelOutcome trained;
    Label role;
    try (ResidualHolder layer =
        new ResidualHolder(
            job.rows(), mostColumns, spec.tolerance(), spec.spareBits(), featureParties)) {
      role = new Label(job, featureParties, fit, outcomes, listener, layer);
      trained = spec.path() == null ? role.run() : new PathPasses(role, own, outcomes, fit).run();
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
    NoPassLeft none =
        allowed >= fewest
            ? null
            : NoPassLeft.here(job.spec().level(), total, fewest, job.earlierPasses());
    for (Map.Entry<Party, Channel> feature : features.entrySet()) {
      Messages.Allowed said =
          feature.getValue().receive(Messages.Allowed.TYPE, Messages.Allowed.LIMIT);
      int theirs = said.passes();
      resumed = Math.min(resumed, said.kept());
      if (theirs < fewest && none == null) {
        none = NoPassLeft.at(job.spec().level(), total, fewest, feature.getKey().name());
      }
      allowed = Math.min(allowed, theirs);
    }
    if (none != null && resumed == 0) {
      tell.run();
      throw none;
    }
    return new Allowed(Math.min(job.spec().maxPasses(), resumed + allowed), resumed);
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

  /** Adds up what the feature parties send under masks. */
  static Sums sums(Map<Party, Channel> features, int rows, int count) {
    long[] logits = new long[rows];
    long[] scalars = new long[count];
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
          long[] mine =
              channel.receive(Messages.MaskedScalars.TYPE, Messages.MaskedScalars.LIMIT).values();
          if (mine.length != scalars.length) {
            throw new WireException.ProtocolViolation(
                party, "sent " + mine.length + " inner products, not " + scalars.length);
          }
          add(scalars, 0, mine);
        });
    return new Sums(
        Arrays.stream(logits).mapToDouble(Ring.LOGITS::decode).toArray(),
        Arrays.stream(scalars).mapToDouble(Ring.SCALARS::decode).toArray());
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
      double intercept,
      double[] logits) {
    Map<String, Object> ran =
        parametersRun(job, layer.choice(), layer.quantisation(), reports.size());
    ran.put("end", end.name().toLowerCase(Locale.ROOT));
    RemainingGap gap = new RemainingGap(estimatedGap, 0);
    return new LabelOutcome(
        weights,
        intercept,
        List.copyOf(reports),
        end,
        gap,
        findings(end, gap),
        Collections.unmodifiableMap(ran),
        null,
        logits,
        null,
        null);
  }

  private static List<String> findings(LabelOutcome.End end, RemainingGap gap) {
    return end.reached()
        ? List.of()
        : List.of(
            "the model is short of the tolerance, by estimate %.1e above the minimum: %s"
                .formatted(gap.estimate(), end.text()));
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
    final List<Opened> opened = new ArrayList<>();

    /** Which passes these were, from 0: of the others the coefficients are 0. */
    private final List<Integer> used = new ArrayList<>();

    /** What is fitted: on whom, with which penalty. */
    private SubspaceFit fit;

    private Outcomes outcomes;

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
        SubspaceFit fit,
        Outcomes outcomes,
        PassListener listener,
        ResidualHolder layer) {
      this.job = job;
      this.outcomes = outcomes;
      this.features = features;
      this.listener = listener;
      this.layer = layer;
      this.fit = fit;
      this.kept = job.spec().path() == null ? usable(job) : List.of();
      columns.add(fit.ownColumns());
      columns.addAll(layer.columns());
    }

    LabelOutcome run() {
      StandardErrors.require(job, fit.ownColumns(), layer.totalColumns());
      Allowed limits = allowed(() -> sendStart(true, 0, 0));
      resumed = limits.resumed();
      LabelOutcome.End end = passes(limits.passes(), limit(job, limits.passes()), resume());
      sendStart(true, 0, 0);
      return outcome(end);
    }

    Allowed allowed(Runnable tell) {
      return GradientsTraining.allowed(job, layer, features, kept.size(), tell);
    }

    /** Fits something else with all directions so far, in place. */
    void turnTo(SubspaceFit other, Outcomes theirs, int[] persons) {
      fit = other;
      outcomes = theirs;
      people = persons;
      opened.forEach(pass -> fit.add(ofFit(pass.logits()), pass.penalties()));
    }

    /**
     * Goes on with another penalty, and measures directions as if features were whitened for it.
     */
    void turnTo(Messages.PathStep to, double penalty) {
      step = to;
      moreRidge = job.spec().ridge(penalty) - job.spec().ridge();
      directions = new Directions();
      opened.forEach(pass -> directions.add(lengths(pass)));
      fit.penalise(penalty);
      fit.minimise();
    }

    /** Inner products of a direction with the earlier ones in the present penalty's basis. */
    private double[] lengths(Opened pass) {
      double[] lengths = pass.products().clone();
      for (int s = 0; s < lengths.length; s++) {
        lengths[s] += moreRidge / job.spec().l2() * pass.penalties()[s];
      }
      return lengths;
    }

    /** Of everybody's numbers those of the rows in the fit. */
    private double[] ofFit(double[] ofPeople) {
      return outcomes.ofRows(people == null ? ofPeople : Outcomes.of(people, ofPeople));
    }

    /** Where a fit begins of which no pass was run. */
    Last untried() {
      return new Last(Double.POSITIVE_INFINITY, 0, rms(fit.residuals()));
    }

    /**
     * Runs passes of the present fit, until it is near enough to its minimum.
     *
     * @param allowed passes of all fits so far and of this one together
     * @param limit why no more are
     */
    LabelOutcome.End passes(int allowed, LabelOutcome.End limit, Last last) {
      double tolerance = job.spec().tolerance() * fit.unit();
      double norm = last.norm();
      double lastGain = last.gain();
      if (last.gap() <= tolerance) {
        return LabelOutcome.End.TOLERANCE;
      }
      for (int pass = reports.size() + 1; pass <= allowed; pass++) {
        listener.begins(pass);
        long began = System.nanoTime();
        double objective = fit.objective();
        int scale = scale(norm);
        Opened newest = pass(scale);
        double[] lengths = lengths(newest);
        norm = Math.scalb(Math.sqrt(lengths[lengths.length - 1]), -scale);
        double gap = norm * norm / (2 * fit.curvature());
        boolean noise = directions.knownShare(lengths) > MAX_KNOWN_SHARE;
        if (!noise) {
          directions.add(lengths);
          add(newest);
          fit.minimise();
          double gain = objective - fit.objective();
          gap = gap(gap, gain, lastGain);
          lastGain = gain;
        }
        PassReport report = new PassReport(pass, objective, gap, (System.nanoTime() - began) / 1e9);
        reports.add(report);
        if (!noise) {
          keep(report, newest, lastGain, norm);
        }
        listener.pass(report);
        if (gap <= tolerance || noise) {
          return gap <= tolerance ? LabelOutcome.End.TOLERANCE : LabelOutcome.End.NOISE;
        }
      }
      return limit;
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
      double one = fit.curvature();
      double least = fit.leastCurvature(directions.products);
      double foreseen = one / SealedSchedule.likeness(columns);
      double slow = least > 0 ? gap * one / least * SLOW_PART : 0;
      // Directions that are as slow as these numbers of columns make likely have not shown yet.
      double hidden = least > HIDDEN * foreseen ? gap * one / (HIDDEN * foreseen) : 0;
      return Math.max(Math.max(gain, LAST_GAIN * lastGain), Math.max(slow, hidden));
    }

    /** How the last pass left the training. */
    record Last(double gap, double gain, double norm) {}

    private void add(Opened newest) {
      if (job.spec().path() != null) {
        opened.add(newest);
      }
      used.add(reports.size());
      fit.add(ofFit(newest.logits()), penalties(newest));
    }

    /** With the present penalty. */
    private double[] penalties(Opened pass) {
      double[] products = pass.penalties().clone();
      for (int s = 0; s < products.length; s++) {
        products[s] *= fit.penalty() / job.spec().l2();
      }
      return products;
    }

    /** Goes through the passes that all parties have kept, as when they were run. */
    private Last resume() {
      Last last = untried();
      for (int p = 0; p < resumed; p++) {
        PassStore.Kept kept = this.kept.get(p);
        directions.add(kept.products());
        add(new Opened(kept.vector(), kept.products(), kept.penalties()));
        double[] figures = kept.figures();
        last = new Last(figures[1], figures[2], figures[3]);
        reports.add(new PassReport(p + 1, figures[0], figures[1], figures[4]));
      }
      if (resumed > 0) {
        fit.minimise();
        listener.resumes(resumed);
      }
      return last;
    }

    private void keep(PassReport report, Opened opened, double gain, double norm) {
      double[] figures = {report.objective(), report.estimatedGap(), gain, norm, report.seconds()};
      job.passes()
          .keep(
              report.pass(),
              new PassStore.Kept(opened.logits(), opened.products(), opened.penalties(), figures));
    }

    /** The passes that fit this job; what does not is as good as nothing. */
    private static List<PassStore.Kept> usable(TrainingJob job) {
      List<PassStore.Kept> kept = job.passes().kept();
      for (int p = 0; p < kept.size(); p++) {
        PassStore.Kept pass = kept.get(p);
        if (pass.vector().length != job.rows()
            || pass.products().length != p + 1
            || pass.penalties().length != p + 1
            || pass.figures().length != FIGURES) {
          return List.of();
        }
      }
      return kept;
    }

    double lastGap() {
      return reports.get(reports.size() - 1).estimatedGap();
    }

    SubspaceFit fit() {
      return fit;
    }

    private LabelOutcome outcome(LabelOutcome.End end) {
      return GradientsTraining.outcome(
          job, layer, reports, end, lastGap(), fit.ownWeights(), fit.intercept(), fit.logits());
    }

    private void sendStart(boolean last, int scale, int reach) {
      sendStart(last, scale, reach, fit.coefficients());
    }

    /** The feature parties hold discarded directions too: their coefficients are 0. */
    void sendStart(boolean last, int scale, int reach, double[] ofUsed) {
      double[] coefficients = new double[reports.size()];
      for (int s = 0; s < ofUsed.length; s++) {
        coefficients[used.get(s)] = ofUsed[s];
      }
      Messages.PassStart start =
          new Messages.PassStart(reports.size() + 1, last, scale, reach, coefficients);
      features.values().forEach(channel -> channel.send(start));
    }

    void send(Messages.PathStep to) {
      features.values().forEach(channel -> channel.send(to));
    }

    /**
     * What one pass opened.
     *
     * @param products inner products of the new direction with all directions, itself last
     * @param penalties the same of their penalty products
     */
    record Opened(double[] logits, double[] products, double[] penalties) {}

    private Opened pass(int scale) {
      double[] residuals = ofEverybody(outcomes.ofPeople(fit.residuals()));
      int reach = reach(job, residuals);
      if (step != null) {
        send(step);
      }
      sendStart(false, scale, reach);
      for (int i = 0; i < residuals.length; i++) {
        residuals[i] = Math.scalb(residuals[i], -reach);
      }
      layer.deliver(residuals);
      int count = reports.size() + 1;
      Sums sums = sums(features, job.rows(), 2 * count);
      return new Opened(
          sums.logits(), ofUsed(sums.scalars(), 0, count), ofUsed(sums.scalars(), count, count));
    }

    /** Without discarded directions, the newest last. */
    private double[] ofUsed(double[] products, int from, int count) {
      double[] some = new double[used.size() + 1];
      for (int s = 0; s < used.size(); s++) {
        some[s] = products[from + used.get(s)];
      }
      some[used.size()] = products[from + count - 1];
      return some;
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

  /** Inner products of the directions, by which the label party tells signal from noise. */
  private static final class Directions {
    private final List<double[]> products = new ArrayList<>();

    void add(double[] withAll) {
      products.add(withAll.clone());
    }

    /**
     * Which share of a vector's squared length lies in the span of the directions. Without noise
     * each gradient is orthogonal to all directions before it, because the fit is a minimum over
     * their span; what remains in the span is the effect of noise and rounding.
     *
     * @param withAll the vector's inner products with all directions, then with itself
     */
    double knownShare(double[] withAll) {
      int m = products.size();
      double squared = withAll[m];
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
    Disclosure.requireRows(job.fewestRows(), total);
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
    return vectors.stream().allMatch(vector -> vector.length == columns) ? vectors : List.of();
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
        int fewest = job.spec().fewestPasses();
        throw allowed < fewest
            ? NoPassLeft.here(job.spec().level(), totalColumns, fewest, job.earlierPasses())
            : NoPassLeft.at(job.spec().level(), totalColumns, fewest, "another party");
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
     * @param length of the direction in the whitened basis
     */
    void logits(int pass, double[] logits, double length, byte[] request) {
      int parties = job.featureParties().size();
      double width = noiseWidth * length;
      long[] residues = new long[logits.length];
      for (int i = 0; i < logits.length; i++) {
        double noisy = logits[i] + width * (2 * noise.nextDouble() - 1);
        residues[i] = Ring.LOGITS.encode(noisy, parties, "a logit");
      }
      masks.apply(residues, Ring.LOGITS.bits(), "logits", pass, request);
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
        totalColumns, spec.maxPasses(), spec.acceptSpan(), job.earlierPasses());
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
        Messages.PassStart start = label.receive(Messages.PassStart.TYPE, Messages.PassStart.LIMIT);
        if (resumed < 0) {
          resumed = start.pass() - 1;
          if (resumed > kept.size()) {
            throw violation(
                label, "goes on from pass " + resumed + " where " + kept.size() + " are kept");
          }
          pass = start.pass();
          kept.subList(0, resumed).forEach(vector -> add(whitening.fromPrepared(vector)));
        }
        passes.check(label, job, start.pass(), pass, start.reach(), start.last());
        double[] weights = combine(start.coefficients());
        if (start.last()) {
          if (path != null) {
            throw violation(label, "ended the training within the path");
          }
          return outcome(job, layer, whitening.toPrepared(weights), directions.size());
        }
        passes.begin(label, pass, resumed);
        pass(start, weights);
        passes.end(pass, resumed);
      }
    }

    /** Of the fit on everybody, for each value. */
    private FeatureOutcome pathOutcome() {
      List<double[]> weights = new ArrayList<>();
      int due = directions.size() + 1;
      for (int v = 0; v < job.spec().path().values().size(); v++) {
        Messages.PassStart end = label.receive(Messages.PassStart.TYPE, Messages.PassStart.LIMIT);
        passes.check(label, job, end.pass(), due, end.reach(), false);
        if (!end.last()) {
          throw violation(label, "began a pass after the end of the path");
        }
        weights.add(whitening.toPrepared(combine(end.coefficients())));
      }
      PenaltyPath.Slice slice = new PenaltyPath.Slice(weights, path.value());
      return outcome(job, layer, weights.get(slice.chosen()), directions.size())
          .with(job.spec().path(), slice);
    }

    private void pass(Messages.PassStart start, double[] weights) {
      SliceEvaluator.Product product = layer.receive();
      double l2 = path == null ? job.spec().l2() : path.penalty();
      int rows = path == null ? job.rows() : path.people();
      double[] gradient = whitening.penaltyTimes(weights);
      for (int j = 0; j < gradient.length; j++) {
        double loss = Math.scalb(product.product()[j], start.reach()) / rows;
        gradient[j] = Math.scalb(loss + l2 * gradient[j], start.scale());
      }
      double[] direction =
          whitening.underMoreRidge(gradient, job.spec().ridge(l2) - job.spec().ridge());
      add(direction);
      job.passes()
          .keep(
              start.pass(),
              new PassStore.Kept(
                  whitening.toPrepared(direction), new double[0], new double[0], new double[0]));
      byte[] request = start.bind(path == null ? product.request() : path.bind(product.request()));
      opening.logits(
          start.pass(),
          own.times(whitening.toPrepared(direction)),
          Math.sqrt(SubspaceFit.dot(direction, gradient)),
          request);
      opening.scalars(start.pass(), products(direction), request);
    }

    private void add(double[] direction) {
      directions.add(direction);
      penalties.add(whitening.penaltyTimes(direction));
    }

    /** Of the newest direction with all, then the same of penalties. */
    private double[] products(double[] newest) {
      int count = directions.size();
      double[] products = new double[2 * count];
      for (int s = 0; s < count; s++) {
        products[s] = SubspaceFit.dot(directions.get(s), newest);
        products[count + s] = job.spec().l2() * SubspaceFit.dot(penalties.get(s), newest);
      }
      return products;
    }

    private double[] combine(double[] coefficients) {
      if (coefficients.length != directions.size()) {
        throw violation(
            label,
            "sent "
                + coefficients.length
                + " coefficients for "
                + directions.size()
                + " directions");
      }
      double[] sum = new double[own.columns()];
      for (int s = 0; s < coefficients.length; s++) {
        double[] direction = directions.get(s);
        for (int j = 0; j < sum.length; j++) {
          sum[j] += coefficients[s] * direction[j];
        }
      }
      return sum;
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
