package org.espalier.protocols.glm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntConsumer;
import org.espalier.he.KeyPair;
import org.espalier.protocols.glm.SealedPlan.Decision;
import org.espalier.protocols.glm.SealedPlan.Opening;
import org.espalier.protocols.glm.SealedPlan.Part;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.shares.Correlations;
import org.espalier.protocols.shares.IntegerMatrix;
import org.espalier.protocols.shares.Pinned;
import org.espalier.protocols.shares.Residues;
import org.espalier.protocols.shares.SharedSeries;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.WireException;

/** The first feature party, which computes residuals with the label party. */
final class SealedCompute extends SealedFeature {
  private final List<long[]> labels = new ArrayList<>();

  SealedCompute(
      SealedPast past,
      Channel label,
      Map<Party, Channel> others,
      SealedSlice slice,
      SealedRange first,
      Progress progress,
      IntConsumer beforePass) {
    super(past, label, new TreeMap<>(others), slice, first, progress, beforePass);
  }

  @Override
  List<Gradients> gradients() {
    List<Gradients> all = super.gradients();
    all.add(new Gradients(labels, labelColumns()));
    return all;
  }

  private int labelColumns() {
    return plan.shapes.get(0).columns();
  }

  @Override
  Prepared prepare(Part part, int vectors) {
    IntegerMatrix rows = matrix.rows(part.first(), part.rows());
    Correlations.Owned owned =
        Correlations.own(context, plan.heldByLabel(part, vectors), label, rows, true);
    Map<Party, Correlations.Owner> owners = new TreeMap<>();
    owners.put(label.peer(), new Correlations.Owner(label, labelColumns(), true));
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
  SharedSeries series() {
    return series(label, false);
  }

  private int columns(Party party) {
    return plan.shapes.get(1 + job.featureParties().indexOf(party)).columns();
  }

  @Override
  Decision pass(SharedSeries series, Vector vector, Vector forLoss, Opening opening, boolean last) {
    Prepared prepared = vector.prepared();
    int s = vector.index();
    Part part = prepared.part();
    Correlations.Owned owned = prepared.owned().get(label.peer());
    Correlations.Held labelHeld = prepared.held().get(label.peer());
    long[] w = weights(own, slice.columns());
    field.addTo(w, Residues.receive(label, field, slice.columns()));
    Residues.send(
        label, field, field.difference(weights(labels, labelColumns()), labelHeld.b()[s]));
    long[] z = prepared.matrix().times(field, w);
    field.addTo(z, owned.tau()[s]);
    field.addTo(z, labelHeld.sigma()[s]);
    others
        .values()
        .forEach(channel -> field.addTo(z, Residues.receive(channel, field, part.rows())));
    SharedSeries.Shares shares = evaluate(series, part, opening, z);
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
    return opening == Opening.NOTHING ? Decision.GO_ON : open(part, forLoss, opening, shares, last);
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
    return loss(held.gamma()[s][labelColumns() - 1], shares);
  }

  @Override
  void finish() {
    past.end();
    Residues.send(label, field, rounded(combine(finalCoefficients, labels, labelColumns())));
  }

  @Override
  byte[] keySeed() {
    return Prg.freshSeed();
  }

  /** The outcome's column, the last one, has no weight. */
  @Override
  void share(byte[] keySeed) {
    try (KeyPair key = context.keyOf(keySeed)) {
      long[] weights = combine(finalCoefficients, labels, labelColumns());
      Pinned.give(key, pinnedLayout(), label, Arrays.copyOf(weights, labelColumns() - 1));
    }
  }
}
