package org.espalier.protocols.neural;

import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.function.IntConsumer;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.mask.Prg;
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
public final class ActivationsTraining {
  private ActivationsTraining() {}

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

  /**
   * The label party's role, to the end of training.
   *
   * @param featureParties one channel to each feature party of the job
   * @param own n × d prepared columns of the label party itself; d may be 0
   * @param listener hears of every epoch, before it and after it
   * @throws IllegalArgumentException if the arguments do not fit the job, or a range cannot be held
   * @throws org.espalier.protocols.fixedpoint.Ring.RangeError if pre-activations leave their range
   * @throws org.espalier.protocols.disclosure.NoPassLeft if a party's count of earlier passes
   *     leaves no epoch; nothing has been opened
   * @throws org.espalier.wire.WireException if a party breaks the protocol, stops or is gone
   */
  public static LabelSource label(
      SourceJob job,
      Map<Party, Channel> featureParties,
      Matrix own,
      TopLayers top,
      EpochListener listener) {
    requireRows(job, own);
    if (!featureParties.keySet().equals(Set.copyOf(job.featureParties()))) {
      throw new IllegalArgumentException("the channels do not fit the job");
    }
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
          slice.toPrepared(Arrays.copyOf(weights, split), hidden),
          Arrays.copyOfRange(weights, split, weights.length),
          epochs,
          role.findings(epochs),
          role.plan().parametersRun(epochs));
    }
  }

  /**
   * A feature party's role, to the end of training.
   *
   * @param label channel to the label party
   * @param others one channel to each other feature party; empty if there is none
   * @param own n × d prepared columns, d at least 1
   * @param beforeEpoch called with the number of each epoch before anything of it is answered:
   *     whoever counts makes the count durable there; an exception ends the training
   * @throws IllegalArgumentException if the arguments do not fit the job, or a range cannot be held
   * @throws org.espalier.protocols.disclosure.NoPassLeft if a party's count of earlier passes
   *     leaves no epoch; nothing has been opened
   * @throws org.espalier.wire.WireException if a party breaks the protocol, stops or is gone
   */
  public static FeatureSource feature(
      SourceJob job,
      Channel label,
      Map<Party, Channel> others,
      Matrix own,
      Progress progress,
      IntConsumer beforeEpoch) {
    requireRows(job, own);
    if (own.columns() < 1) {
      throw new IllegalArgumentException("a feature party needs at least one column");
    }
    Batches batches = new Batches(job);
    SourceSlice slice = new SourceSlice(own, batches);
    IntegerMatrix matrix =
        new IntegerMatrix(own.rows(), own.columns(), job.workspace(), slice::rounded);
    try (SourceFeature role = new SourceFeature(job, label, others, batches, matrix)) {
      int hidden = job.spec().hidden();
      double[] first = slice.first(hidden, role.allColumns(), Prg.fresh());
      int epochs = role.train(first, progress, beforeEpoch);
      return new FeatureSource(
          slice.toPrepared(role.open(), hidden), epochs, role.plan().parametersRun(epochs));
    }
  }

  private static void requireRows(SourceJob job, Matrix own) {
    if (own.rows() != job.rows()) {
      throw new IllegalArgumentException(
          "the matrix has " + own.rows() + " rows, the job " + job.rows());
    }
  }
}
