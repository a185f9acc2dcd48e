package org.espalier.node.job;

import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.espalier.protocols.predict.JointLogits;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;

/** Scores of people by all parties' slices together. */
final class Scores {
  private Scores() {}

  /**
   * Adds up all parties' logits, under masks.
   *
   * @param own this party's part of each person's logit, in the common order
   * @return at the label party the probability of each person, nothing elsewhere
   */
  static Optional<double[]> joint(JobRun run, JobSpec spec, String phase, double[] own) {
    Map<Party, Channel> channels = run.open(phase);
    if (run.self().equals(spec.labelParty())) {
      double[] logits = JointLogits.label(run.session(), channels, own);
      return Optional.of(Arrays.stream(logits).map(Scores::probability).toArray());
    }
    Map<Party, Channel> others = new TreeMap<>(channels);
    Channel label = others.remove(spec.labelParty());
    JointLogits.feature(run.session(), label, others, own);
    return Optional.empty();
  }

  private static double probability(double logit) {
    return 1 / (1 + Math.exp(-logit));
  }
}
