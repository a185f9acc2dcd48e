package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.espalier.protocols.model.ModelSlice;
import org.espalier.protocols.predict.JointLogits;
import org.espalier.protocols.predict.SharedLogits;
import org.espalier.protocols.predict.SharedWeights;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Table;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;

/** Scores of people by all parties' slices together. */
final class Scores {
  private Scores() {}

  /**
   * Adds up all parties' logits, under masks; or computes them jointly where the weights are
   * shared.
   *
   * @param table own values
   * @param part own rows of the people to score, in the common order
   * @return at the label party the logits of each row, {@link ModelSlice#logitsOfAPerson} of them,
   *     row by row; nothing elsewhere
   */
  static Optional<double[]> joint(
      JobRun run, JobSpec spec, String phase, ModelSlice slice, Table table, OwnRows.Part part) {
    int[] rows = part.rows();
    SharedWeights shared = slice.shared();
    double[] own = shared == null ? slice.logits(table, rows) : null;
    Matrix prepared = shared == null ? null : slice.preparation().apply(table, rows);
    Map<Party, Channel> channels = run.open(phase);
    if (run.self().equals(spec.labelParty())) {
      return Optional.of(
          shared == null
              ? joint(run, channels, part, slice.logitsOfAPerson(), own)
              : SharedLogits.label(run.session(), shared, channels, prepared));
    }
    revealing(
        run,
        "logits",
        rows.length,
        (long) rows.length * slice.logitsOfAPerson(),
        spec.labelParty(),
        () -> {
          Map<Party, Channel> others = new TreeMap<>(channels);
          Channel label = others.remove(spec.labelParty());
          if (shared == null) {
            JointLogits.feature(run.session(), label, others, own);
          } else {
            SharedLogits.feature(run.session(), shared, label, others, prepared);
          }
        });
    return Optional.empty();
  }

  /** Others have one part of a logit for each person, whoever has several rows here. */
  private static double[] joint(
      JobRun run, Map<Party, Channel> channels, OwnRows.Part part, int each, double[] own) {
    if (part.people() == null) {
      return JointLogits.label(run.session(), channels, own);
    }
    int people = part.people().length == 0 ? 0 : part.people()[part.people().length - 1] + 1;
    double[] others = JointLogits.label(run.session(), channels, new double[people * each]);
    double[] sums = part.spread(others, each);
    Arrays.setAll(sums, i -> sums[i] + own[i]);
    return sums;
  }

  /**
   * Writes scores down for the label party's operator, and logs that first.
   *
   * @param kind what the log calls them
   * @param rows of the own data set, one for each score
   */
  static void keep(JobRun run, String kind, int[] rows, Predictions predictions) {
    revealing(
        run,
        kind,
        rows.length,
        predictions.values().length,
        run.self(),
        () ->
            ResultFiles.writeScores(
                run.context().results(),
                run.job().id(),
                rows,
                predictions.header(),
                predictions::line));
    run.report()
        .putObject("scores")
        .put("rows", rows.length)
        .put("file", ResultFiles.scores(run.context().results(), run.job().id()).toString());
  }

  /**
   * Reveals something, and logs that first.
   *
   * @param kind what the log calls it
   * @param rows people whom it is about
   * @param scalars how many numbers the recipient learns
   */
  static void revealing(
      JobRun run, String kind, long rows, long scalars, Party recipient, Runnable reveal) {
    ObjectNode facts = PhaseFacts.output(run.jobFacts(), kind, rows, scalars, List.of(recipient));
    facts.putArray("recipients").add(recipient.name());
    Journal.Act act = run.context().journal().intent("job.reveal", facts);
    try {
      reveal.run();
    } catch (RuntimeException | Error e) {
      act.failed("failed", facts);
      throw e;
    }
    act.ok(facts);
  }
}
