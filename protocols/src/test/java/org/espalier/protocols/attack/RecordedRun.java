package org.espalier.protocols.attack;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.espalier.protocols.RecordedMessage;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.fixedpoint.Ring;
import org.espalier.protocols.glm.FeatureOutcome;
import org.espalier.protocols.glm.JointTraining;
import org.espalier.protocols.glm.LabelOutcome;
import org.espalier.protocols.glm.Outcomes;
import org.espalier.protocols.glm.TrainingJob;
import org.espalier.protocols.glm.TrainingSpec;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Decoder;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.Session;
import org.espalier.wire.memory.MemoryNetwork;

/**
 * The product's training of a label party without features and one feature party, every byte that
 * crosses recorded.
 *
 * @param up what the label party receives
 * @param down what the feature party receives
 */
record RecordedRun(LabelOutcome label, List<RecordedMessage> up, List<RecordedMessage> down) {
  static final Party LABEL = new Party("bank");
  static final Party FEATURE = new Party("f1");

  private static final int MASKED_LOGITS = 61;
  private static final int RESIDUES = 83;

  static RecordedRun of(Cohort cohort, Level level, int passes, boolean acceptSpan) {
    TrainingJob job =
        new TrainingJob(
            new Session("J-attack", new byte[32], 1),
            LABEL,
            List.of(FEATURE),
            cohort.rows(),
            new TrainingSpec(level, 1e-3, passes, 1e-12, acceptSpan),
            0);
    try (MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1))) {
      CompletableFuture<FeatureOutcome> feature =
          CompletableFuture.supplyAsync(
              () ->
                  JointTraining.feature(
                      job,
                      network.channel(FEATURE, LABEL),
                      Map.of(),
                      cohort.standardised(),
                      Progress.NONE,
                      pass -> {}));
      LabelOutcome label =
          JointTraining.label(
              job,
              Map.of(FEATURE, network.channel(LABEL, FEATURE)),
              Matrix.zeros(cohort.rows(), 0),
              Outcomes.of(cohort.labels()),
              report -> {});
      feature.join();
      return new RecordedRun(
          label,
          RecordedMessage.all(network, FEATURE, LABEL),
          RecordedMessage.all(network, LABEL, FEATURE));
    }
  }

  /** At gradients: what the label party opens in each pass. */
  List<double[]> logits() {
    return up.stream()
        .filter(frame -> frame.type() == MASKED_LOGITS)
        .map(
            frame ->
                Arrays.stream(packed(frame, Ring.LOGITS.bits()))
                    .mapToDouble(Ring.LOGITS::decode)
                    .toArray())
        .toList();
  }

  /** At sealed: every vector of residues in clear, one way. */
  static List<long[]> residues(List<RecordedMessage> frames, int bits) {
    return frames.stream()
        .filter(frame -> frame.type() == RESIDUES)
        .map(frame -> packed(frame, bits))
        .toList();
  }

  private static long[] packed(RecordedMessage frame, int bits) {
    Decoder fields = new Decoder(frame.payload());
    fields.getInt("from");
    return fields.getPacked("values", bits, 1 << 16);
  }
}
