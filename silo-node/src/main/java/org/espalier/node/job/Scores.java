package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.List;
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
   * @return at the label party the logit of each person, nothing elsewhere
   */
  static Optional<double[]> joint(JobRun run, JobSpec spec, String phase, double[] own) {
    Map<Party, Channel> channels = run.open(phase);
    if (run.self().equals(spec.labelParty())) {
      return Optional.of(JointLogits.label(run.session(), channels, own));
    }
    ObjectNode facts =
        PhaseFacts.output(
            run.jobFacts(), "logits", own.length, own.length, List.of(spec.labelParty()));
    facts.putArray("recipients").add(spec.labelParty().name());
    Journal.Act act = run.context().journal().intent("job.reveal", facts);
    try {
      Map<Party, Channel> others = new TreeMap<>(channels);
      Channel label = others.remove(spec.labelParty());
      JointLogits.feature(run.session(), label, others, own);
    } catch (RuntimeException | Error e) {
      act.failed("failed", facts);
      throw e;
    }
    act.ok(facts);
    return Optional.empty();
  }

  /**
   * What logits say of people.
   *
   * @param family of the model
   * @return for {@code logistic} the probability of label 1, for {@code linear} the outcome itself
   */
  static double[] of(String family, double[] logits) {
    return family.equals(TrainSpec.LINEAR)
        ? logits.clone()
        : Arrays.stream(logits).map(z -> 1 / (1 + Math.exp(-z))).toArray();
  }

  /**
   * Writes scores down for the label party's operator, and logs that first.
   *
   * @param kind what the log calls them
   * @param rows of the own data set, one for each score
   */
  static void keep(JobRun run, String kind, String family, int[] rows, double[] scores) {
    ObjectNode facts =
        PhaseFacts.output(run.jobFacts(), kind, rows.length, rows.length, List.of(run.self()));
    facts.putArray("recipients").add(run.self().name());
    Journal.Act act = run.context().journal().intent("job.reveal", facts);
    String column = family.equals(TrainSpec.LINEAR) ? "prediction" : "probability";
    try {
      ResultFiles.writeScores(run.context().results(), run.job().id(), rows, column, scores);
    } catch (RuntimeException e) {
      act.failed("failed", facts);
      throw e;
    }
    act.ok(facts);
    run.report()
        .putObject("scores")
        .put("rows", rows.length)
        .put("file", ResultFiles.scores(run.context().results(), run.job().id()).toString());
  }
}
