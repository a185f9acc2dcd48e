package org.espalier.protocols.glm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntConsumer;
import org.espalier.he.HeContext;
import org.espalier.he.KeyPair;
import org.espalier.he.LaneLayout;
import org.espalier.he.Parameters;
import org.espalier.he.RangeException;
import org.espalier.protocols.glm.SealedPlan.Decision;
import org.espalier.protocols.glm.SealedPlan.Opening;
import org.espalier.protocols.glm.SealedPlan.Part;
import org.espalier.protocols.glm.SealedPlan.Stage;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.predict.SharedWeights;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.shares.Correlations;
import org.espalier.protocols.shares.IntegerMatrix;
import org.espalier.protocols.shares.Pinned;
import org.espalier.protocols.shares.PrimeField;
import org.espalier.protocols.shares.Residues;
import org.espalier.protocols.shares.SharedSeries;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.WireException;

/**
 * Level {@code sealed}: weights, logits, residuals and gradients exist only as shares modulo a
 * prime; two noised sums in a few passes and every party's own weights at the end are all that is
 * opened.
 *
 * <p>The label party and the first feature party are the <em>compute parties</em>. A feature
 * party's weights are shared between it and the label party, the label party's between both compute
 * parties; logits and residuals between the compute parties. Products with a slice come from {@link
 * Correlations} made before each stage, residuals from {@link SharedSeries}, steps from {@link
 * Momentum} on a fixed schedule ({@link SealedPlan}).
 *
 * <p>Adversary: any one party may deviate and reads nothing by it beyond the statement; results are
 * right if all keep to the protocol. The two compute parties together can read everything.
 * Specification: docs/protocols/sealed.md. Sources: shared weights and residuals as in CAESAR (KDD
 * 2021); the series as in Squirrel (USENIX Security 2023); preprocessing as in Beaver (CRYPTO
 * 1991).
 */
final class SealedTraining implements TrainingProtocol {
  @Override
  public LabelOutcome label(
      TrainingJob job,
      Map<Party, Channel> featureParties,
      Matrix own,
      double[] labels,
      PassListener listener) {
    Outcome outcome = Outcome.of(job, labels);
    SealedSlice slice = new SealedSlice(job, own, outcome.factors());
    Map<Party, Channel> features = new TreeMap<>();
    job.featureParties().forEach(party -> features.put(party, featureParties.get(party)));
    return new Label(job, features, slice, outcome, listener).run();
  }

  @Override
  public FeatureOutcome feature(
      TrainingJob job,
      Channel label,
      Map<Party, Channel> others,
      Matrix own,
      Progress progress,
      IntConsumer beforePass) {
    SealedSlice slice = new SealedSlice(job, own, null);
    return job.featureParties().get(0).equals(label.self())
        ? new Compute(job, label, others, slice, progress, beforePass).run()
        : new Data(job, label, others, slice, progress, beforePass).run();
  }

  /**
   * The label party's outcome.
   *
   * @param targets what a row's function of the logit is compared with: y − ½, or the standardised
   *     outcome
   * @param mean of the outcome, 0 for the logistic family
   * @param spread its standard deviation, 1 for the logistic family
   */
  private record Outcome(double[] targets, double mean, double spread) {
    static Outcome of(TrainingJob job, double[] labels) {
      double[] targets = new double[labels.length];
      if (job.spec().family() == Family.LOGISTIC) {
        for (int i = 0; i < labels.length; i++) {
          targets[i] = labels[i] - 0.5;
        }
        return new Outcome(targets, 0, 1);
      }
      double mean = Arrays.stream(labels).average().orElse(0);
      double variance = 0;
      for (double label : labels) {
        variance += (label - mean) * (label - mean) / labels.length;
      }
      double spread = Math.sqrt(variance);
      if (!(spread > 0 && spread < Double.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(
            "the outcome is the same for everybody or not a finite number");
      }
      for (int i = 0; i < labels.length; i++) {
        targets[i] = (labels[i] - mean) / spread;
      }
      return new Outcome(targets, mean, spread);
    }

    /** By which a row's logit enters its loss: ½ − y, or minus the outcome. */
    double[] factors() {
      return Arrays.stream(targets).map(t -> -t).toArray();
    }
  }

  /**
   * What is prepared for passes over a part of the rows: halves of products with slices.
   *
   * @param vectors how many; each is used once
   * @param held by owner, what this party holds of its slice
   * @param owned by holder, what this party owns
   */
  private record Prepared(
      Part part,
      int vectors,
      IntegerMatrix matrix,
      Map<Party, Correlations.Held> held,
      Map<Party, Correlations.Owned> owned) {}

  /** One of the prepared vectors. */
  private record Vector(Prepared prepared, int index) {}

  /** What all roles have and do alike. */
  private abstract static class Role {
    final TrainingJob job;
    final SealedSlice slice;
    final Prg coins = Prg.fresh();
    final Momentum momentum = new Momentum();
    final List<long[]> own = new ArrayList<>();

    SealedPlan plan;
    PrimeField field;
    HeContext context;
    HeContext slots;
    IntegerMatrix matrix;
    int passes;
    private final Map<Part, Vector> supply = new HashMap<>();

    /** Sums that were opened. */
    int openings;

    long[] finalCoefficients;

    Role(TrainingJob job, SealedSlice slice) {
      this.job = job;
      this.slice = slice;
    }

    /**
     * The own slice as integers.
     *
     * @param counts columns of all parties
     * @param before penalised ones of the parties before this one
     */
    void makeMatrix(long[] counts, int before) {
      int all = sum(counts, counts.length);
      matrix =
          slice.matrix(
              job.workspace(),
              job.rows() - SealedPlan.sampleRows(job.rows(), all),
              all - SealedSlice.LABEL_EXTRA,
              before);
    }

    /** The shapes of all slices, label party first. */
    void set(List<SealedPlan.Shape> shapes) {
      try {
        plan = new SealedPlan(job, shapes);
      } catch (RangeException e) {
        throw new IllegalArgumentException(e.getMessage(), e);
      }
      field = plan.field;
      context = HeContext.of(plan.parameters.matrix().parameters());
      slots = HeContext.of(plan.parameters.slots().parameters());
    }

    static int sum(long[] columns, int count) {
      long total = 0;
      for (int p = 0; p < count; p++) {
        total += columns[p];
      }
      return Math.toIntExact(total);
    }

    static List<SealedPlan.Shape> shapes(long[] columns, long[] bounds) {
      List<SealedPlan.Shape> shapes = new ArrayList<>();
      for (int p = 0; p < columns.length; p++) {
        shapes.add(
            new SealedPlan.Shape(Math.toIntExact(columns[p]), bounds[2 * p], bounds[2 * p + 1]));
      }
      return shapes;
    }

    /** Share of the weights at the present point. */
    long[] weights(List<long[]> gradients, int columns) {
      return combine(momentum.coefficients(), gradients, columns);
    }

    long[] combine(long[] coefficients, List<long[]> gradients, int columns) {
      long[] sum = new long[columns];
      for (int s = 0; s < coefficients.length; s++) {
        field.addMultiple(sum, -coefficients[s], gradients.get(s));
      }
      return sum;
    }

    /** The label party's gradient: no weight belongs to the outcome's column. */
    static long[] withoutOutcome(long[] gradient) {
      gradient[gradient.length - 1] = 0;
      return gradient;
    }

    /** The stages, each again as often as its opened sums ask for it. */
    void train() {
      Momentum.Snapshot good = momentum.snapshot();
      List<double[]> iterates = new ArrayList<>();
      Decision decision = Decision.GO_ON;
      for (int at = 0; at < plan.stages.size() && decision != Decision.STOP; ) {
        decision = stage(at, iterates);
        if (decision == Decision.WIDER || decision == Decision.SLOWER) {
          momentum.restore(good, own.size());
          iterates.clear();
        } else {
          good = momentum.snapshot();
          at++;
        }
      }
      finalCoefficients = average(iterates);
    }

    private Decision stage(int at, List<double[]> iterates) {
      Stage stage = plan.stages.get(at);
      boolean last = at == plan.stages.size() - 1;
      double[] correction = {};
      Decision decision = Decision.GO_ON;
      beginStage();
      try {
        for (int s = 0; s < stage.passes() && decision == Decision.GO_ON; s++) {
          int newest = own.size();
          Opening opening = plan.opening(at, s);
          Vector vector = take(plan.sample, at, s);
          Vector forLoss = opening.withLoss() ? take(plan.sample, at, s + 1) : null;
          decision = counted(vector, forLoss, opening, last);
          if (s == 0 && stage.corrected() && decision == Decision.GO_ON) {
            decision = counted(take(plan.rest, at, 0), null, plan.restOpening(at), false);
            correction = new double[newest + 2];
            correction[newest] = plan.sampleCorrection();
            correction[newest + 1] = plan.restStep();
          }
          double[] direction = Arrays.copyOf(correction, own.size());
          direction[newest] += plan.sampleStep();
          momentum.step(direction);
          iterates.add(momentum.iterate());
        }
      } finally {
        endStage();
      }
      return decision;
    }

    /** The next vector of a part; where there is none, as many are prepared as are foreseen. */
    private Vector take(Part part, int at, int s) {
      Vector next = supply.get(part);
      if (next == null || next.index() == next.prepared().vectors()) {
        next = new Vector(prepare(part, plan.vectors(part, at, s)), 0);
      }
      supply.put(part, new Vector(next.prepared(), next.index() + 1));
      return next;
    }

    private Decision counted(Vector vector, Vector forLoss, Opening opening, boolean last) {
      passes++;
      begins(passes);
      openings += opening.sums;
      return pass(vector, forLoss, opening, last);
    }

    /** The mean of the last iterates: rounding noise averages out. */
    private long[] average(List<double[]> iterates) {
      int count = Math.max(1, Math.min(plan.averaged(), iterates.size()));
      double[] mean = new double[own.size()];
      for (double[] iterate : iterates.subList(iterates.size() - count, iterates.size())) {
        for (int s = 0; s < iterate.length; s++) {
          mean[s] += iterate[s] / count;
        }
      }
      return Momentum.rounded(mean);
    }

    abstract void begins(int pass);

    abstract Prepared prepare(Part part, int vectors);

    abstract void beginStage();

    /**
     * @param forLoss for the opened loss, or null
     */
    abstract Decision pass(Vector vector, Vector forLoss, Opening opening, boolean last);

    abstract void endStage();

    /**
     * A share of final weights under uniform noise in its low bits, which could carry a message.
     */
    long[] rounded(long[] share) {
      int bits = plan.scale.weightScale() - SealedPlan.OPENED_BITS;
      long[] out = new long[share.length];
      for (int j = 0; j < out.length; j++) {
        long noise = Prg.centred(coins.nextLong(), bits);
        out[j] = field.add(share[j], field.residue(noise));
      }
      return out;
    }

    /** Both halves of weights as real numbers, on the whitened columns. */
    double[] open(long[] mine, long[] theirs) {
      double[] out = new double[mine.length];
      for (int j = 0; j < out.length; j++) {
        out[j] =
            Math.scalb(
                (double) field.centre(field.add(mine[j], theirs[j])), -plan.scale.weightScale());
      }
      return out;
    }

    LaneLayout pinnedLayout() {
      int most = plan.shapes.stream().mapToInt(SealedPlan.Shape::columns).max().orElseThrow();
      return Pinned.layout(context, Pinned.width(context, most));
    }

    /**
     * This party's half of shared weights, the other share of its own taken as it comes.
     *
     * @param holder of that share
     * @param count of its own columns that have weights
     * @param keySeed of its key for others' weights, or empty
     */
    SharedWeights shared(Channel holder, int count, byte[] keySeed, double unit, double mean) {
      Pinned.Vector pinned = Pinned.take(context, pinnedLayout(), holder, count);
      boolean label = count > slice.features;
      return new SharedWeights(
          context.parameters(),
          pinnedLayout().width(),
          plan.scale.featureBits(),
          plan.scale.logitBits(),
          slice.whitening.matrix(),
          label,
          Arrays.copyOf(combine(finalCoefficients, own, slice.columns()), count),
          keySeed,
          pinned,
          unit,
          mean,
          label ? new byte[0] : Prg.freshSeed());
    }

    /** Whitened weights as weights of the prepared features. */
    double[] prepared(double[] whitened, double unit) {
      double[] weights = slice.whitening.toPrepared(whitened);
      for (int j = 0; j < weights.length; j++) {
        weights[j] *= unit;
      }
      return weights;
    }

    /**
     * Opens the sums of a pass between the compute parties, each share under its owner's noise.
     *
     * @param spread own share
     * @param loss own share; without meaning where only the spread is opened
     * @param first whether this side sends first
     */
    SealedPlan.Sums open(
        Part part, Opening opening, long spread, long loss, Channel other, boolean first) {
      SealedMessages.NoisyShares mine =
          new SealedMessages.NoisyShares(
              noisy(spread, plan.spreadNoise()),
              opening.withLoss() ? noisy(loss, plan.lossNoise()) : 0);
      if (first) {
        other.send(mine);
      }
      SealedMessages.NoisyShares theirs =
          other.receive(SealedMessages.NoisyShares.TYPE, SealedMessages.SLACK);
      if (!first) {
        other.send(mine);
      }
      return plan.sums(
          part,
          opening,
          field.add(mine.spread(), residue(other, theirs.spread())),
          field.add(mine.loss(), residue(other, theirs.loss())));
    }

    /** One of two shares of an opened sum under this party's own noise. */
    private long noisy(long share, double deviation) {
      return field.add(share, field.residue(Math.round(coins.nextGaussian() * deviation)));
    }

    /** The part of the loss that met the outcome and the rest of it, brought to one scale. */
    long loss(long met, SharedSeries.Shares shares) {
      return field.add(met, field.multiply(shares.sums()[1], 1L << plan.scale.featureBits()));
    }

    void close() {
      context.close();
      slots.close();
    }

    private long residue(Channel from, long value) {
      if (value < 0 || value >= field.modulus()) {
        throw new WireException.ProtocolViolation(
            from.peer(), "sent a value that is not a residue modulo t");
      }
      return value;
    }

    Map<String, Object> parametersRun() {
      Map<String, Object> ran = new LinkedHashMap<>();
      ran.put("level", job.spec().level().wireName());
      Parameters matrix = plan.parameters.matrix().parameters();
      Parameters slot = plan.parameters.slots().parameters();
      ran.put("cipher", matrix + "; slots: " + slot);
      ran.put("ring_degree", matrix.degree());
      ran.put("modulus_bits", slot.modulusBits());
      ran.put("plain_modulus", matrix.plain());
      ran.put("security_bits", Math.min(matrix.securityBits(), slot.securityBits()));
      ran.put("feature_bits", plan.scale.featureBits());
      ran.put("residual_bits", plan.scale.residualBits());
      ran.put("logit_range", plan.range().limit());
      ran.put("harmonics", plan.range().residual(job.spec().family(), job.rows()).size());
      ran.put("opened_sums", openings);
      ran.put("opening_noise_rows", SealedPlan.NOISE_ROWS);
      ran.put("rows", job.rows());
      ran.put("sample_rows", plan.sample.cohort());
      ran.put("passes", passes);
      return Collections.unmodifiableMap(ran);
    }
  }

  /** The label party. */
  private static final class Label extends Role {
    private final Map<Party, Channel> features;
    private final Party computeParty;
    private final Channel compute;
    private final Outcome outcome;
    private final PassListener listener;
    private final int[] order;
    private final Map<Party, List<long[]>> theirs = new TreeMap<>();
    private final Map<Party, Integer> columns = new TreeMap<>();
    private final List<PassReport> reports = new ArrayList<>();

    private SharedSeries.Holder series;
    private long began;

    Label(
        TrainingJob job,
        Map<Party, Channel> features,
        SealedSlice slice,
        Outcome outcome,
        PassListener listener) {
      super(job, slice);
      this.features = features;
      this.computeParty = job.featureParties().get(0);
      this.compute = features.get(computeParty);
      this.outcome = outcome;
      this.listener = listener;
      this.order = SealedSlice.order(job);
      features.keySet().forEach(party -> theirs.put(party, new ArrayList<>()));
    }

    LabelOutcome run() {
      agree();
      try {
        train();
        if (job.spec().sharedWeights()) {
          return outcome(new double[0], 0, share());
        }
        double[] w = open();
        return outcome(
            prepared(Arrays.copyOf(w, slice.features), outcome.spread()),
            w[slice.features] * outcome.spread() + outcome.mean(),
            null);
      } finally {
        close();
      }
    }

    private LabelOutcome outcome(double[] weights, double intercept, SharedWeights shared) {
      return new LabelOutcome(
          weights,
          intercept,
          List.copyOf(reports),
          passes >= job.spec().maxPasses()
              ? LabelOutcome.End.MAX_PASSES
              : LabelOutcome.End.SCHEDULE,
          parametersRun(),
          shared);
    }

    /** Sends everyone's weights to it, and receives its own, whitened. */
    private double[] open() {
      features.forEach(
          (party, channel) -> {
            if (job.spec().family() == Family.LINEAR) {
              channel.send(new SealedMessages.Unit(outcome.spread()));
            }
            Residues.send(channel, field, rounded(share(party)));
          });
      long[] mine = combine(finalCoefficients, own, slice.columns());
      return open(mine, Residues.receive(compute, field, slice.columns()));
    }

    /** This party's share of another one's weights. */
    private long[] share(Party party) {
      return combine(finalCoefficients, theirs.get(party), columns.get(party));
    }

    private SharedWeights share() {
      byte[] seed = Prg.freshSeed();
      try (KeyPair key = context.keyOf(seed)) {
        features.forEach(
            (party, channel) -> Pinned.give(key, pinnedLayout(), channel, share(party)));
      }
      return shared(compute, slice.features + 1, seed, outcome.spread(), outcome.mean());
    }

    /** Collects the numbers of columns and the bounds of all slices, and tells them to all. */
    private void agree() {
      int parties = features.size() + 1;
      long[] counts = new long[parties];
      counts[0] = slice.columns();
      long[][] facts = collect(2);
      int p = 1;
      for (Party party : features.keySet()) {
        long[] theirFacts = facts[p - 1];
        if (theirFacts[0] != job.rows()) {
          throw new WireException.ProtocolViolation(
              party, "its slice has " + theirFacts[0] + " rows, the cohort has " + job.rows());
        }
        if (theirFacts[1] < 1 || theirFacts[1] > job.rows()) {
          throw new WireException.ProtocolViolation(
              party, theirFacts[1] + " columns for " + job.rows() + " rows");
        }
        counts[p++] = theirFacts[1];
        columns.put(party, (int) theirFacts[1]);
      }
      tell(counts);
      makeMatrix(counts, 0);
      long[] bounds = new long[2 * parties];
      bounds[0] = matrix.rowL1();
      bounds[1] = matrix.columnL1();
      long[][] theirBounds = collect(2);
      for (int q = 1; q < parties; q++) {
        bounds[2 * q] = theirBounds[q - 1][0];
        bounds[2 * q + 1] = theirBounds[q - 1][1];
      }
      tell(bounds);
      set(shapes(counts, bounds));
    }

    private long[][] collect(int length) {
      return features.entrySet().stream()
          .map(
              feature -> {
                long[] values =
                    feature
                        .getValue()
                        .receive(SealedMessages.SliceFacts.TYPE, SealedMessages.SliceFacts.LIMIT)
                        .values();
                if (values.length != length) {
                  throw new WireException.ProtocolViolation(
                      feature.getKey(), values.length + " slice facts where 2 were due");
                }
                return values;
              })
          .toArray(long[][]::new);
    }

    private void tell(long[] values) {
      features.values().forEach(channel -> channel.send(new SealedMessages.SliceFacts(values)));
    }

    private long loss(Vector vector, SharedSeries.Shares shares) {
      Prepared prepared = vector.prepared();
      long[] levelled = shares.rows()[1];
      field.addTo(levelled, Residues.receive(compute, field, levelled.length));
      int outcomes = slice.columns() - 1;
      long met =
          field.add(
              prepared.matrix().transposeTimes(field, levelled)[outcomes],
              prepared.owned().get(computeParty).delta()[vector.index()][outcomes]);
      return loss(met, shares);
    }

    @Override
    void begins(int pass) {
      listener.begins(pass);
      began = System.nanoTime();
    }

    @Override
    Prepared prepare(Part part, int vectors) {
      IntegerMatrix rows = matrix.rows(part.first(), part.rows());
      Map<Party, Correlations.Owner> owners = new TreeMap<>();
      features.forEach(
          (party, channel) ->
              owners.put(party, new Correlations.Owner(channel, columns.get(party), true)));
      Map<Party, Correlations.Held> held =
          Correlations.hold(context, field, plan.heldByLabel(part, vectors), owners);
      Correlations.Owned owned =
          Correlations.own(context, plan.heldByCompute(part, vectors), compute, rows, true);
      // The other compute party's halves for the remaining feature parties are joined with ours.
      features.forEach(
          (party, channel) -> {
            if (!party.equals(computeParty)) {
              for (int s = 0; s < vectors; s++) {
                field.addTo(
                    held.get(party).gamma()[s],
                    Residues.receive(compute, field, columns.get(party)));
              }
            }
          });
      return new Prepared(part, vectors, rows, held, Map.of(computeParty, owned));
    }

    @Override
    void beginStage() {
      series = new SharedSeries.Holder(slots, field, compute, plan.parameters.slots().replyLimbs());
    }

    @Override
    void endStage() {
      series.close();
    }

    @Override
    Decision pass(Vector vector, Vector forLoss, Opening opening, boolean last) {
      Prepared prepared = vector.prepared();
      int s = vector.index();
      Part part = prepared.part();
      Map<Party, Correlations.Held> held = prepared.held();
      Correlations.Owned owned = prepared.owned().get(computeParty);
      features.forEach(
          (party, channel) ->
              Residues.send(
                  channel,
                  field,
                  field.difference(
                      weights(theirs.get(party), columns.get(party)), held.get(party).b()[s])));
      long[] w = weights(own, slice.columns());
      field.addTo(w, Residues.receive(compute, field, slice.columns()));
      long[] z = prepared.matrix().times(field, w);
      field.addTo(z, owned.tau()[s]);
      held.values().forEach(h -> field.addTo(z, h.sigma()[s]));
      SharedSeries.Shares shares =
          series.evaluate(
              plan.layout(part, opening), z, plan.rowFunctions(part, opening).size(), opening.sums);
      long[] residuals = shares.rows()[0];
      subtractTargets(part, residuals);
      long[] masked = field.difference(residuals, held.get(computeParty).rho()[s]);
      features.values().forEach(channel -> Residues.send(channel, field, masked));
      field.addTo(residuals, Residues.receive(compute, field, residuals.length));
      long[] gradient = prepared.matrix().transposeTimes(field, residuals);
      field.addTo(gradient, owned.delta()[s]);
      own.add(withoutOutcome(gradient));
      held.forEach((party, h) -> theirs.get(party).add(h.gamma()[s]));
      if (opening == Opening.NOTHING) {
        report(new PassReport(passes, Double.NaN, Double.NaN, seconds()));
        return Decision.GO_ON;
      }
      return open(part, forLoss, opening, shares, last);
    }

    private double seconds() {
      return (System.nanoTime() - began) / 1e9;
    }

    private void report(PassReport report) {
      reports.add(report);
      listener.pass(report);
    }

    private void subtractTargets(Part part, long[] residuals) {
      for (int i = 0; i < part.cohort(); i++) {
        double target = outcome.targets()[order[part.order() + i]];
        long units = coins.roundStochastically(Math.scalb(target, plan.scale.residualBits()));
        int at = part.cohortAt() + i;
        residuals[at] = field.subtract(residuals[at], field.residue(units));
      }
    }

    private Decision open(
        Part part, Vector forLoss, Opening opening, SharedSeries.Shares shares, boolean last) {
      long loss = opening.withLoss() ? loss(forLoss, shares) : 0;
      SealedPlan.Sums sums = open(part, opening, shares.sums()[0], loss, compute, true);
      Decision decision = plan.decide(part, last, sums);
      features.values().forEach(channel -> channel.send(new SealedMessages.Turn(decision.code)));
      report(new PassReport(passes, sums.loss(), Double.NaN, seconds()));
      return decision;
    }
  }

  /** What feature parties have and do alike. */
  private abstract static class Feature extends Role {
    final Channel label;
    final Map<Party, Channel> others;
    final Progress progress;
    final IntConsumer beforePass;

    Feature(
        TrainingJob job,
        Channel label,
        Map<Party, Channel> others,
        SealedSlice slice,
        Progress progress,
        IntConsumer beforePass) {
      super(job, slice);
      this.label = label;
      this.others = others;
      this.progress = progress;
      this.beforePass = beforePass;
    }

    abstract void finish();

    /** A seed for a key of its own, where this party shares another one's weights. */
    byte[] keySeed() {
      return new byte[0];
    }

    /** Gives its share of another one's weights to it. */
    void share(byte[] keySeed) {}

    FeatureOutcome run() {
      agree();
      try {
        train();
        if (job.spec().sharedWeights()) {
          SharedWeights shared = shared(label, slice.columns(), keySeed(), 1, 0);
          share(shared.keySeed());
          return new FeatureOutcome(new double[0], passes, parametersRun(), shared);
        }
        double spread =
            job.spec().family() == Family.LINEAR
                ? label.receive(SealedMessages.Unit.TYPE, SealedMessages.SLACK).spread()
                : 1;
        if (!(spread > 0 && spread < Double.POSITIVE_INFINITY)) {
          throw new WireException.ProtocolViolation(label.peer(), "a spread of " + spread);
        }
        long[] mine = combine(finalCoefficients, own, slice.columns());
        double[] w = open(mine, Residues.receive(label, field, slice.columns()));
        finish();
        return new FeatureOutcome(prepared(w, spread), passes, parametersRun(), null);
      } finally {
        close();
      }
    }

    private void agree() {
      int parties = job.featureParties().size() + 1;
      int index = 1 + job.featureParties().indexOf(label.self());
      label.send(new SealedMessages.SliceFacts(new long[] {job.rows(), slice.columns()}));
      long[] counts = facts(parties);
      for (long count : counts) {
        if (count < 1 || count > job.rows() + SealedSlice.LABEL_EXTRA) {
          throw new WireException.ProtocolViolation(
              label.peer(), "a slice of " + count + " columns");
        }
      }
      if (counts[0] < SealedSlice.LABEL_EXTRA || counts[index] != slice.columns()) {
        throw new WireException.ProtocolViolation(
            label.peer(), "told other numbers of columns than there are");
      }
      makeMatrix(counts, sum(counts, index) - SealedSlice.LABEL_EXTRA);
      label.send(new SealedMessages.SliceFacts(new long[] {matrix.rowL1(), matrix.columnL1()}));
      set(shapes(counts, facts(2 * parties)));
    }

    private long[] facts(int length) {
      long[] values =
          label.receive(SealedMessages.SliceFacts.TYPE, SealedMessages.SliceFacts.LIMIT).values();
      if (values.length != length) {
        throw new WireException.ProtocolViolation(
            label.peer(), values.length + " slice facts where " + length + " were due");
      }
      return values;
    }

    @Override
    void begins(int pass) {
      beforePass.accept(pass);
      progress.update("pass", pass - 1L, Math.max(pass, plan.totalPasses()));
    }

    Decision turn() {
      return Decision.of(label.receive(SealedMessages.Turn.TYPE, SealedMessages.SLACK).decision());
    }
  }

  /** The first feature party, which computes residuals with the label party. */
  private static final class Compute extends Feature {
    private final List<long[]> labels = new ArrayList<>();
    private int labelColumns;
    private SharedSeries.Evaluator series;

    Compute(
        TrainingJob job,
        Channel label,
        Map<Party, Channel> others,
        SealedSlice slice,
        Progress progress,
        IntConsumer beforePass) {
      super(job, label, new TreeMap<>(others), slice, progress, beforePass);
    }

    @Override
    Prepared prepare(Part part, int vectors) {
      labelColumns = plan.shapes.get(0).columns();
      IntegerMatrix rows = matrix.rows(part.first(), part.rows());
      Correlations.Owned owned =
          Correlations.own(context, plan.heldByLabel(part, vectors), label, rows, true);
      Map<Party, Correlations.Owner> owners = new TreeMap<>();
      owners.put(label.peer(), new Correlations.Owner(label, labelColumns, true));
      others.forEach(
          (party, channel) ->
              owners.put(party, new Correlations.Owner(channel, columns(party), false)));
      Map<Party, Correlations.Held> held =
          Correlations.hold(context, field, plan.heldByCompute(part, vectors), owners);
      others
          .keySet()
          .forEach(
              party -> {
                for (long[] gamma : held.get(party).gamma()) {
                  Residues.send(label, field, gamma);
                }
              });
      return new Prepared(part, vectors, rows, held, Map.of(label.peer(), owned));
    }

    @Override
    void beginStage() {
      series =
          new SharedSeries.Evaluator(slots, field, label, plan.parameters.slots().replyLimbs());
    }

    private int columns(Party party) {
      return plan.shapes.get(1 + job.featureParties().indexOf(party)).columns();
    }

    @Override
    void endStage() {
      series.close();
    }

    @Override
    Decision pass(Vector vector, Vector forLoss, Opening opening, boolean last) {
      Prepared prepared = vector.prepared();
      int s = vector.index();
      Part part = prepared.part();
      Correlations.Owned owned = prepared.owned().get(label.peer());
      Correlations.Held labelHeld = prepared.held().get(label.peer());
      long[] w = weights(own, slice.columns());
      field.addTo(w, Residues.receive(label, field, slice.columns()));
      Residues.send(
          label, field, field.difference(weights(labels, labelColumns), labelHeld.b()[s]));
      long[] z = prepared.matrix().times(field, w);
      field.addTo(z, owned.tau()[s]);
      field.addTo(z, labelHeld.sigma()[s]);
      others
          .values()
          .forEach(channel -> field.addTo(z, Residues.receive(channel, field, part.rows())));
      SharedSeries.Shares shares =
          series.evaluate(
              plan.layout(part, opening),
              z,
              plan.rowFunctions(part, opening),
              plan.sumFunctions(part, opening));
      long[] residuals = shares.rows()[0];
      long[] fromLabel = Residues.receive(label, field, part.rows());
      long[] masked = field.difference(residuals, labelHeld.rho()[s]);
      Residues.send(label, field, masked);
      others.values().forEach(channel -> Residues.send(channel, field, masked));
      field.addTo(residuals, fromLabel);
      long[] gradient = prepared.matrix().transposeTimes(field, residuals);
      field.addTo(gradient, owned.delta()[s]);
      own.add(gradient);
      labels.add(withoutOutcome(labelHeld.gamma()[s]));
      return opening == Opening.NOTHING
          ? Decision.GO_ON
          : open(part, forLoss, opening, shares, last);
    }

    private Decision open(
        Part part, Vector forLoss, Opening opening, SharedSeries.Shares shares, boolean last) {
      long loss = opening.withLoss() ? loss(forLoss, shares) : 0;
      SealedPlan.Sums sums = open(part, opening, shares.sums()[0], loss, label, false);
      Decision decision = plan.decide(part, last, sums);
      if (turn() != decision) {
        throw new WireException.ProtocolViolation(
            label.peer(), "decided otherwise than the opened sums say");
      }
      return decision;
    }

    private long loss(Vector vector, SharedSeries.Shares shares) {
      Correlations.Held held = vector.prepared().held().get(label.peer());
      int s = vector.index();
      Residues.send(label, field, field.difference(shares.rows()[1], held.rho()[s]));
      return loss(held.gamma()[s][labelColumns - 1], shares);
    }

    @Override
    void finish() {
      Residues.send(label, field, rounded(combine(finalCoefficients, labels, labelColumns)));
    }

    @Override
    byte[] keySeed() {
      return Prg.freshSeed();
    }

    /** The outcome's column, the last one, has no weight. */
    @Override
    void share(byte[] keySeed) {
      try (KeyPair key = context.keyOf(keySeed)) {
        long[] weights = combine(finalCoefficients, labels, labelColumns);
        Pinned.give(key, pinnedLayout(), label, Arrays.copyOf(weights, labelColumns - 1));
      }
    }
  }

  /** Any other feature party. */
  private static final class Data extends Feature {
    private final Channel compute;

    Data(
        TrainingJob job,
        Channel label,
        Map<Party, Channel> others,
        SealedSlice slice,
        Progress progress,
        IntConsumer beforePass) {
      super(job, label, others, slice, progress, beforePass);
      this.compute = others.get(job.featureParties().get(0));
    }

    @Override
    Prepared prepare(Part part, int vectors) {
      IntegerMatrix rows = matrix.rows(part.first(), part.rows());
      Correlations.Owned fromLabel =
          Correlations.own(context, plan.heldByLabel(part, vectors), label, rows, true);
      Correlations.Owned fromCompute =
          Correlations.own(context, plan.heldByCompute(part, vectors), compute, rows, false);
      return new Prepared(
          part,
          vectors,
          rows,
          Map.of(),
          Map.of(label.peer(), fromLabel, compute.peer(), fromCompute));
    }

    @Override
    void beginStage() {}

    @Override
    void endStage() {}

    @Override
    Decision pass(Vector vector, Vector forLoss, Opening opening, boolean last) {
      Prepared prepared = vector.prepared();
      int s = vector.index();
      long[] w = weights(own, slice.columns());
      field.addTo(w, Residues.receive(label, field, slice.columns()));
      Correlations.Owned fromLabel = prepared.owned().get(label.peer());
      long[] z = prepared.matrix().times(field, w);
      field.addTo(z, fromLabel.tau()[s]);
      Residues.send(compute, field, z);
      long[] residuals = Residues.receive(label, field, z.length);
      field.addTo(residuals, Residues.receive(compute, field, z.length));
      long[] gradient = prepared.matrix().transposeTimes(field, residuals);
      field.addTo(gradient, fromLabel.delta()[s]);
      field.addTo(gradient, prepared.owned().get(compute.peer()).delta()[s]);
      own.add(gradient);
      if (opening == Opening.NOTHING) {
        return Decision.GO_ON;
      }
      Decision decision = turn();
      plan.follow(decision);
      return decision;
    }

    @Override
    void finish() {}
  }
}
