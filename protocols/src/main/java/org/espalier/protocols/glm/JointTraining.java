package org.espalier.protocols.glm;

import java.util.Map;
import java.util.function.IntConsumer;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;

/** Joint regression at the disclosure level of the job: what all levels ask of the data is here. */
public final class JointTraining {
  private JointTraining() {}

  /** See {@link TrainingProtocol#label}. */
  public static LabelOutcome label(
      TrainingJob job,
      Map<Party, Channel> featureParties,
      Matrix own,
      Outcomes outcomes,
      PassListener listener) {
    if (own.rows() != outcomes.rows()) {
      throw new IllegalArgumentException(
          "the matrix has " + own.rows() + " rows, the outcomes " + outcomes.rows());
    }
    for (double outcome : outcomes.values()) {
      if (!job.spec().allows(outcome)) {
        throw new IllegalArgumentException(
            "no outcome of a %s model is %s"
                .formatted(
                    job.spec().classes() == 0 ? job.spec().family().wireName() : "softmax",
                    outcome));
      }
    }
    if (!outcomes.plain() && !job.spec().weighted()) {
      throw new IllegalArgumentException("the job says nothing of weights or offsets");
    }
    if (job.spec().classes() > 0 && outcomes.offsets() != null) {
      throw new IllegalArgumentException("a softmax regression has no offsets");
    }
    if (outcomes.people() != null && job.spec().level() != Level.GRADIENTS) {
      throw new IllegalArgumentException(
          "several rows of a person need level " + Level.GRADIENTS.wireName());
    }
    if (outcomes.persons() != job.rows()
        || !featureParties.keySet().containsAll(job.featureParties())) {
      throw new IllegalArgumentException("labels or channels do not fit the job");
    }
    return TrainingProtocol.of(job.spec().level())
        .label(job, featureParties, own, outcomes, listener);
  }

  /** See {@link TrainingProtocol#feature}. */
  public static FeatureOutcome feature(
      TrainingJob job,
      Channel label,
      Map<Party, Channel> others,
      Matrix own,
      Progress progress,
      IntConsumer beforePass) {
    requireRows(job, own);
    if (own.columns() < 1) {
      throw new IllegalArgumentException("a feature party needs at least one column");
    }
    int start = job.start() == null ? 0 : job.start().length;
    if (job.spec().warmStart() && start != own.columns()) {
      throw new IllegalArgumentException(
          "the training begins at %d weights for %d columns".formatted(start, own.columns()));
    }
    return TrainingProtocol.of(job.spec().level())
        .feature(job, label, others, own, progress, beforePass);
  }

  private static void requireRows(TrainingJob job, Matrix own) {
    if (own.rows() != job.rows()) {
      throw new IllegalArgumentException(
          "the matrix has " + own.rows() + " rows, the job " + job.rows());
    }
  }
}
