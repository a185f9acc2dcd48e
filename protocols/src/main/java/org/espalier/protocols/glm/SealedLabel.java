package org.espalier.protocols.glm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.espalier.he.KeyPair;
import org.espalier.protocols.glm.SealedPlan.Decision;
import org.espalier.protocols.glm.SealedPlan.Opening;
import org.espalier.protocols.glm.SealedPlan.Part;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.predict.SharedWeights;
import org.espalier.protocols.shares.Correlations;
import org.espalier.protocols.shares.IntegerMatrix;
import org.espalier.protocols.shares.Pinned;
import org.espalier.protocols.shares.Residues;
import org.espalier.protocols.shares.SharedSeries;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.WireException;

/** The label party. */
final class SealedLabel extends SealedRole {
  private final Map<Party, Channel> features;
  private final Party computeParty;
  private final Channel compute;
  private final SealedOutcome outcome;
  private final PassListener listener;
  private final int[] order;
  private final Map<Party, List<long[]>> theirs = new TreeMap<>();
  private final Map<Party, Integer> columns = new TreeMap<>();
  private final List<PassReport> reports = new ArrayList<>();

  /** Noise on what outcomes tell; null if the job does not ask for it. */
  private LabelNoise.Draws draws;

  private long began;

  SealedLabel(
      SealedPast past,
      Map<Party, Channel> features,
      SealedSlice slice,
      SealedRange first,
      SealedOutcome outcome,
      PassListener listener) {
    super(past, slice, first);
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
    if (past.resumed() > 0) {
      listener.resumes(past.resumed());
    }
    draws = plan.labelNoise == null ? null : plan.labelNoise.draws(field, coins);
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
    LabelOutcome.End end = end(plan);
    Map<String, Object> ran = new LinkedHashMap<>(parametersRun());
    ran.put("end", end.name().toLowerCase(Locale.ROOT));
    return new LabelOutcome(
        weights,
        intercept,
        null,
        List.copyOf(reports),
        end,
        plan.gap(),
        findings(plan, passes),
        Collections.unmodifiableMap(ran),
        shared,
        null);
  }

  /** What has come of a schedule that has ended. */
  static LabelOutcome.End end(SealedPlan plan) {
    if (!plan.schedule().whole()) {
      return LabelOutcome.End.MAX_PASSES;
    }
    return plan.gap().exceeds(plan.job.spec().tolerance())
        ? LabelOutcome.End.FALLING
        : LabelOutcome.End.SCHEDULE;
  }

  /**
   * The same in words, with what to do.
   *
   * @param passes that were run
   */
  static List<String> findings(SealedPlan plan, int passes) {
    return switch (end(plan)) {
      case MAX_PASSES ->
          List.of(
              ("the model may be short of the tolerance: %d passes were run, and at these numbers of"
                      + " columns it takes %d (max_passes)")
                  .formatted(passes, plan.schedule().wanted()));
      case FALLING ->
          List.of(
              ("the model is short of the tolerance: in the last stage of passes the mean loss still"
                      + " fell by %.1e, noise %.1e. Columns of different parties say nearly the same:"
                      + " leave some out, or take a larger l2, a smaller tolerance, which takes more"
                      + " passes, or level gradients")
                  .formatted(plan.gap().estimate(), plan.gap().noise()));
      default -> List.of();
    };
  }

  /** Sends everyone's weights to it, and receives its own, whitened. */
  private double[] open() {
    past.end();
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
      features.forEach((party, channel) -> Pinned.give(key, pinnedLayout(), channel, share(party)));
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
    System.arraycopy(slice.bounds(matrix), 0, bounds, 0, 2);
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
    Part part = prepared.part();
    long[] levelled = shares.rows()[1];
    field.addTo(levelled, Residues.receive(compute, field, levelled.length));
    int outcomes = slice.columns() - 1;
    long met =
        field.add(
            prepared.matrix().transposeTimes(field, levelled)[outcomes],
            prepared.owned().get(computeParty).delta()[vector.index()][outcomes]);
    return field.add(loss(met, shares), unmetLoss(part));
  }

  /** Of a log link what no product gives, as one sum. */
  private long unmetLoss(Part part) {
    if (outcome.offsets() == null) {
      return 0;
    }
    double sum = 0;
    for (int i = 0; i < part.cohort(); i++) {
      int row = order[part.order() + i];
      sum += plan.unmetLoss(outcome.offsets()[row], outcome.factors()[row]);
    }
    int bits = plan.scale.residualBits() + plan.scale.featureBits();
    return field.residue(Math.round(Math.scalb(sum, bits)));
  }

  @Override
  void begins(int pass) {
    listener.begins(pass);
    began = System.nanoTime();
  }

  @Override
  void repeats(SealedPast.Pass kept) {
    double loss = kept.sums() == null ? Double.NaN : kept.sums().loss();
    reports.add(new PassReport(passes, loss, Double.NaN, kept.seconds()));
  }

  @Override
  List<Gradients> gradients() {
    List<Gradients> all = super.gradients();
    theirs.forEach((party, shares) -> all.add(new Gradients(shares, columns.get(party))));
    return all;
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
                  held.get(party).gamma()[s], Residues.receive(compute, field, columns.get(party)));
            }
          }
        });
    return new Prepared(part, vectors, rows, held, Map.of(computeParty, owned));
  }

  @Override
  SharedSeries series() {
    return series(compute, true);
  }

  @Override
  Decision pass(SharedSeries series, Vector vector, Vector forLoss, Opening opening, boolean last) {
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
    addOffsets(part, z);
    SharedSeries.Shares shares = evaluate(series, part, opening, z);
    long[] residuals = shares.rows()[0];
    subtractTargets(part, residuals);
    long[] masked = field.difference(residuals, held.get(computeParty).rho()[s]);
    features.values().forEach(channel -> Residues.send(channel, field, masked));
    field.addTo(residuals, Residues.receive(compute, field, residuals.length));
    long[] gradient = prepared.matrix().transposeTimes(field, residuals);
    field.addTo(gradient, owned.delta()[s]);
    own.add(noised(part, job.label(), slice.columns() - 1, withoutOutcome(gradient)));
    held.forEach(
        (party, h) -> theirs.get(party).add(noised(part, party, columns.get(party), h.gamma()[s])));
    if (opening == Opening.NOTHING) {
      report(new PassReport(passes, Double.NaN, Double.NaN, seconds()));
      return Decision.GO_ON;
    }
    return open(part, forLoss, opening, shares, last);
  }

  private long[] noised(Part part, Party party, int weights, long[] share) {
    if (draws != null) {
      draws.addTo(part, party, weights, share);
    }
    return share;
  }

  private double seconds() {
    return (System.nanoTime() - began) / 1e9;
  }

  private void report(PassReport report) {
    reports.add(report);
    listener.pass(report);
  }

  /** Logits of a log link are counted from the middle of the range. */
  private void addOffsets(Part part, long[] z) {
    if (outcome.offsets() == null) {
      return;
    }
    for (int i = 0; i < part.cohort(); i++) {
      double offset = outcome.offsets()[order[part.order() + i]] - plan.range().centre();
      int at = part.cohortAt() + i;
      z[at] =
          field.add(z[at], field.residue(Math.round(Math.scalb(offset, plan.scale.logitBits()))));
    }
  }

  private void subtractTargets(Part part, long[] residuals) {
    for (int i = 0; i < part.cohort(); i++) {
      double target = outcome.targets()[order[part.order() + i]] - plan.residualConstant();
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
