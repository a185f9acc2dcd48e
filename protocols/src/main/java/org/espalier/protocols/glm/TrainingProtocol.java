package org.espalier.protocols.glm;

import java.util.Map;
import java.util.function.IntConsumer;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;

/**
 * How one disclosure level trains: who holds the weights meanwhile, how a pass goes from weights to
 * residuals to gradients, and what is opened. Jobs, evaluation, prediction and the model's form do
 * not depend on it.
 */
public interface TrainingProtocol {
  /** The protocol of a level. */
  static TrainingProtocol of(Level level) {
    return switch (level) {
      case SEALED -> new SealedTraining();
      case GRADIENTS -> new GradientsTraining();
      case ACTIVATIONS, SPLIT ->
          throw new IllegalArgumentException("level " + level.wireName() + " is for networks");
    };
  }

  /**
   * The label party's role, to the end of training.
   *
   * @param featureParties one channel to each feature party of the job
   * @param own prepared columns of the label party itself, a row for each outcome; d may be 0
   * @param outcomes of the job's n people, n of them unless people have several rows
   * @param listener hears of every pass, before it and after it
   * @throws IllegalArgumentException if the arguments do not fit the job, or a range cannot be held
   * @throws org.espalier.protocols.disclosure.NoPassLeft if a party's count of earlier passes
   *     leaves none; no residual has been sent
   * @throws org.espalier.wire.WireException if a party breaks the protocol, stops or is gone
   */
  LabelOutcome label(
      TrainingJob job,
      Map<Party, Channel> featureParties,
      Matrix own,
      Outcomes outcomes,
      PassListener listener);

  /**
   * A feature party's role, to the end of training.
   *
   * @param label channel to the label party
   * @param others one channel to each other feature party; empty if there is none
   * @param own n × d prepared columns, d at least 1
   * @param beforePass called with the number of each pass before anything of it is answered:
   *     whoever counts passes makes the count durable there; an exception ends the training
   * @throws IllegalArgumentException if the arguments do not fit the job, or a range cannot be held
   * @throws org.espalier.protocols.disclosure.NoPassLeft if a party's count of earlier passes
   *     leaves none; no residual has been sent
   * @throws org.espalier.wire.WireException if a party breaks the protocol, stops or is gone
   */
  FeatureOutcome feature(
      TrainingJob job,
      Channel label,
      Map<Party, Channel> others,
      Matrix own,
      Progress progress,
      IntConsumer beforePass);
}
