package org.espalier.protocols.glm;

import java.util.Map;
import java.util.function.IntConsumer;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;

/** Joint logistic regression at the disclosure level of the job. */
public final class LogisticTraining {
  private LogisticTraining() {}

  /** See {@link TrainingProtocol#label}. */
  public static LabelOutcome label(
      TrainingJob job,
      Map<Party, Channel> featureParties,
      Matrix own,
      double[] labels,
      PassListener listener) {
    return TrainingProtocol.of(job.spec().level())
        .label(job, featureParties, own, labels, listener);
  }

  /** See {@link TrainingProtocol#feature}. */
  public static FeatureOutcome feature(
      TrainingJob job,
      Channel label,
      Map<Party, Channel> others,
      Matrix own,
      Progress progress,
      IntConsumer beforePass) {
    return TrainingProtocol.of(job.spec().level())
        .feature(job, label, others, own, progress, beforePass);
  }
}
