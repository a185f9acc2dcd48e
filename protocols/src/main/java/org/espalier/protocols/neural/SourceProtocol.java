package org.espalier.protocols.neural;

import java.util.Map;
import java.util.function.IntConsumer;
import org.espalier.protocols.neural.top.TopLayers;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;

/**
 * How one disclosure level trains what lies below the label party's layers: who holds which weights
 * meanwhile and what is opened. The layers above, their optimiser, batches, early stopping,
 * evaluation, prediction and the model's form do not depend on it.
 */
public interface SourceProtocol {
  /** The protocol of a level. */
  static SourceProtocol of(SourceSpec spec) {
    return spec.split() == null ? new ActivationsTraining() : new SplitTraining();
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
  LabelSource label(
      SourceJob job,
      Map<Party, Channel> featureParties,
      Matrix own,
      TopLayers top,
      EpochListener listener);

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
  FeatureSource feature(
      SourceJob job,
      Channel label,
      Map<Party, Channel> others,
      Matrix own,
      Progress progress,
      IntConsumer beforeEpoch);
}
