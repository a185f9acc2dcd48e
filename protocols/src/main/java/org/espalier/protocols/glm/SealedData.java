package org.espalier.protocols.glm;

import java.util.Map;
import java.util.function.IntConsumer;
import org.espalier.protocols.glm.SealedPlan.Decision;
import org.espalier.protocols.glm.SealedPlan.Opening;
import org.espalier.protocols.glm.SealedPlan.Part;
import org.espalier.protocols.shares.Correlations;
import org.espalier.protocols.shares.IntegerMatrix;
import org.espalier.protocols.shares.Residues;
import org.espalier.protocols.shares.SharedSeries;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;

/** Any other feature party. */
final class SealedData extends SealedFeature {
  private final Channel compute;

  SealedData(
      SealedPast past,
      Channel label,
      Map<Party, Channel> others,
      SealedSlice slice,
      SealedRange first,
      Progress progress,
      IntConsumer beforePass) {
    super(past, label, others, slice, first, progress, beforePass);
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
  SharedSeries series() {
    return null;
  }

  @Override
  Decision pass(SharedSeries series, Vector vector, Vector forLoss, Opening opening, boolean last) {
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
