package org.espalier.protocols.glm;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntConsumer;
import org.espalier.protocols.glm.SealedOutcome.Magnitude;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.shares.Correlations;
import org.espalier.protocols.shares.SharedSeries;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.WireException;

/**
 * Level {@code sealed}: weights, logits, residuals and gradients exist only as shares modulo a
 * prime; two noised sums in a few passes and every party's own weights at the end are all that is
 * opened.
 *
 * <p>The label party and the first feature party are the <em>compute parties</em>. A feature
 * party's weights are shared between it and the label party, the label party's between both compute
 * parties; logits and residuals between the compute parties. Products with a slice come from {@link
 * Correlations} made before each stage, residuals from {@link SharedSeries}, steps from {@link
 * Momentum} on a fixed schedule ({@link SealedPlan}).
 *
 * <p>Adversary: any one party may deviate and reads nothing by it beyond the statement; results are
 * right if all keep to the protocol. The two compute parties together can read everything.
 * Specification: docs/protocols/sealed.md. Sources: shared weights and residuals as in CAESAR (KDD
 * 2021); the series as in Squirrel (USENIX Security 2023); preprocessing as in Beaver (CRYPTO
 * 1991).
 */
final class SealedTraining implements TrainingProtocol {
  @Override
  public LabelOutcome label(
      TrainingJob job,
      Map<Party, Channel> featureParties,
      Matrix own,
      Outcomes outcomes,
      PassListener listener) {
    Magnitude magnitude = Magnitude.of(job.spec().family(), outcomes);
    TrainingJob scaled = magnitude.in(job);
    SealedOutcome outcome = SealedOutcome.of(scaled, outcomes, magnitude);
    Map<Party, Channel> features = new TreeMap<>();
    job.featureParties().forEach(party -> features.put(party, featureParties.get(party)));
    if (job.spec().family().logLink()) {
      SealedMessages.Start start =
          new SealedMessages.Start(magnitude.exponent(), magnitude.far() ? 1 : 0);
      features.values().forEach(channel -> channel.send(start));
    }
    SealedPast past = SealedPast.atLabel(scaled, own.columns(), features.values());
    SealedSlice slice = new SealedSlice(past.begun(), own, past.whitening(own), outcome.factors());
    return new SealedLabel(past, features, slice, magnitude.range(scaled), outcome, listener).run();
  }

  @Override
  public FeatureOutcome feature(
      TrainingJob job,
      Channel label,
      Map<Party, Channel> others,
      Matrix own,
      Progress progress,
      IntConsumer beforePass) {
    Magnitude magnitude = job.spec().family().logLink() ? magnitude(label) : Magnitude.NONE;
    TrainingJob scaled = scaled(job, magnitude, label);
    SealedPast past = SealedPast.atFeature(scaled, own.columns(), label);
    SealedSlice slice = new SealedSlice(past.begun(), own, past.whitening(own), null);
    SealedRange first = magnitude.range(scaled);
    return job.featureParties().get(0).equals(label.self())
        ? new SealedCompute(past, label, others, slice, first, progress, beforePass).run()
        : new SealedData(past, label, others, slice, first, progress, beforePass).run();
  }

  private static Magnitude magnitude(Channel label) {
    SealedMessages.Start start = label.receive(SealedMessages.Start.TYPE, SealedMessages.SLACK);
    return new Magnitude(start.exponent(), start.far() == 1);
  }

  private static TrainingJob scaled(TrainingJob job, Magnitude magnitude, Channel label) {
    try {
      return magnitude.in(job);
    } catch (IllegalArgumentException e) {
      throw new WireException.ProtocolViolation(label.peer(), e.getMessage());
    }
  }
}
