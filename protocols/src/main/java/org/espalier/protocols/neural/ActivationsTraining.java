package org.espalier.protocols.neural;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.neural.top.TopLayers;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.shares.IntegerMatrix;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;

/**
 * Level {@code activations}: the first layer of a network over all parties' columns. Weights of a
 * feature party's columns are shared modulo a prime between it and the label party; the label party
 * learns the summed pre-activations of each batch, with noise, and nobody any gradient.
 *
 * <p>Products of a batch with random vectors are prepared for several epochs at once ({@link
 * org.espalier.protocols.shares.Correlations}); a step is then one round trip without encryption.
 *
 * <p>Adversary: semi-honest. Specification with what each party sees:
 * docs/protocols/activations.md. Sources: federated source layer of BlindFL (SIGMOD 2022); Beaver's
 * preprocessing (CRYPTO 1991); coefficient packing as in Cheetah (USENIX Security 2022).
 */
final class ActivationsTraining implements SourceProtocol {
  /**
   * How many epochs may run by one party's count.
   *
   * @param columns of all feature parties
   */
  static int allowedEpochs(SourceJob job, int columns) {
    SourceSpec spec = job.spec();
    int passes =
        Disclosure.passLimit(columns, spec.passes(), spec.acceptSpan(), job.earlierPasses());
    return passes / spec.hidden();
  }

  @Override
  public LabelSource label(
      SourceJob job,
      Map<Party, Channel> featureParties,
      Matrix own,
      TopLayers top,
      EpochListener listener) {
    job.requireLabel(featureParties, own);
    Batches batches = new Batches(job);
    SourceSlice slice = new SourceSlice(own, batches);
    try (SourceLabel role = new SourceLabel(job, featureParties, batches, slice.whitened(), top)) {
      int hidden = job.spec().hidden();
      int all = own.columns() + role.plan().size.featureColumns();
      int epochs = role.train(slice.first(hidden, all, Prg.fresh()), listener);
      role.open();
      double[] weights = role.weights();
      int split = own.columns() * hidden;
      return new LabelSource(
          List.of(),
          slice.toPrepared(Arrays.copyOf(weights, split), hidden),
          Arrays.copyOfRange(weights, split, weights.length),
          epochs,
          role.findings(epochs),
          role.plan().parametersRun(epochs));
    }
  }

  @Override
  public FeatureSource feature(
      SourceJob job,
      Channel label,
      Map<Party, Channel> others,
      Matrix own,
      Progress progress,
      IntConsumer beforeEpoch) {
    job.requireFeature(own);
    Batches batches = new Batches(job);
    SourceSlice slice = new SourceSlice(own, batches);
    IntegerMatrix matrix =
        new IntegerMatrix(own.rows(), own.columns(), job.workspace(), slice::rounded);
    try (SourceFeature role = new SourceFeature(job, label, others, batches, matrix)) {
      int hidden = job.spec().hidden();
      double[] first = slice.first(hidden, role.allColumns(), Prg.fresh());
      int epochs = role.train(first, progress, beforeEpoch);
      return new FeatureSource(
          List.of(),
          slice.toPrepared(role.open(), hidden),
          epochs,
          role.plan().parametersRun(epochs));
    }
  }
}
