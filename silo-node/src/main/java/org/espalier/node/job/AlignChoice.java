package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.job.JobSpec.AlignmentSettings;
import org.espalier.psi.oprf.OprfAlignment;

/**
 * By which protocol a job's people are aligned, and why: {@code oprf} where there are many rows and
 * it is faster, as far as machines and lines are known; otherwise {@code ecdh}, with which nobody
 * learns who is in a cohort that is too small.
 *
 * @param spec names the protocol
 * @param why in plain words
 * @param costs of both protocols; empty where they are not known or not compared
 */
record AlignChoice(JobSpec spec, String why, Map<String, Cost> costs) {
  /**
   * Rows of two parties up to which {@code ecdh} takes seconds, and its stronger gate is worth
   * them.
   */
  static final int FEW_ROWS = 100_000;

  /** How many times as many rows as the label party a partner has whose list is used unasked. */
  private static final int RATIO = 100;

  /** The same of more parties: every party multiplies every party's keys. */
  static int fewRows(int parties) {
    return 4 * FEW_ROWS / (parties * parties);
  }

  /**
   * What an alignment would cost.
   *
   * @param seconds until the last party is done
   * @param bytes of both directions
   */
  record Cost(double seconds, long bytes) {}

  /** Measures this machine if the job has many rows and leaves the protocol open. */
  static AlignChoice of(JobRun.Context context, JobSpec spec) {
    AlignmentSettings alignment = spec.alignment();
    if (!alignment.isOpen()) {
      return new AlignChoice(spec, given(spec), Map.of());
    }
    int rows;
    try {
      rows = LocalChecks.dataset(context, spec).scan().rows();
    } catch (Problem unknown) {
      return ecdh(spec, "the own data set is not known");
    }
    int parties = spec.parties().size();
    Optional<AlignChoice> list = withList(context, spec, rows);
    if (list.isPresent()) {
      return list.get();
    }
    if (rows <= fewRows(parties)) {
      return ecdh(
          spec,
          "at most %,d rows%s: nobody learns who is in a cohort that is too small, at little cost"
              .formatted(fewRows(parties), parties == 2 ? "" : " at each of " + parties));
    }
    if (parties > 2 && rows > OprfAlignment.MOST_ROWS_OF_MANY) {
      return ecdh(
          spec,
          "more than %,d rows, which oprf of more than two parties does not take of the first"
              .formatted(OprfAlignment.MOST_ROWS_OF_MANY));
    }
    Map<String, Cost> costs = Estimate.alignments(context, spec);
    return costs.isEmpty()
        ? ecdh(spec, "the own columns are not known")
        : cheaper(spec, rows, costs);
  }

  /**
   * {@code unbalanced} where the label party proposes, keeps the list of a partner with many rows
   * and has a hundredth of them: what is left to do is then a matter of its own few keys.
   */
  private static Optional<AlignChoice> withList(JobRun.Context context, JobSpec spec, int rows) {
    boolean possible =
        spec.parties().size() == 2
            && spec.match().size() == 1
            && context.peers().self().equals(spec.labelParty());
    if (!possible) {
      return Optional.empty();
    }
    return AlignPhase.receivedList(context, spec, LocalChecks.dataset(context, spec))
        .filter(list -> worthIt(rows, list.count()))
        .map(
            list ->
                new AlignChoice(
                    spec.aligned(AlignmentSettings.UNBALANCED),
                    ("the list of %,d keys that came on %s is kept here, and %,d rows are at most a"
                            + " hundredth; its gate is one-sided: what reaches %s tells it who is in"
                            + " a cohort that is too small (alignment.gate: two-sided rules it out)")
                        .formatted(
                            list.count(),
                            list.received().toString().substring(0, 10),
                            rows,
                            spec.labelParty()),
                    Map.of()));
  }

  static boolean worthIt(int rows, int listed) {
    return listed > FEW_ROWS && (long) RATIO * rows <= listed;
  }

  /** The same with the costs of both, for a plan. */
  static AlignChoice compared(JobRun.Context context, JobSpec spec) {
    AlignChoice choice = of(context, spec);
    return choice.costs.isEmpty() && !spec.alignment().isFrozen()
        ? new AlignChoice(choice.spec, choice.why, Estimate.alignments(context, spec))
        : choice;
  }

  private static String given(JobSpec spec) {
    if (spec.alignment().isFrozen()) {
      return "the job reuses a frozen cohort";
    }
    if (spec.alignment().gate() != null) {
      return "the job asks for a two-sided gate";
    }
    if (spec.alignment().isMalicious()) {
      return "the job asks for security against a party that deviates";
    }
    return "the job names it";
  }

  private static AlignChoice ecdh(JobSpec spec, String why) {
    return new AlignChoice(spec.aligned(AlignmentSettings.ECDH), why, Map.of());
  }

  static AlignChoice cheaper(JobSpec spec, int rows, Map<String, Cost> costs) {
    Cost ecdh = costs.get(AlignmentSettings.ECDH);
    Cost oprf = costs.get(AlignmentSettings.OPRF);
    boolean faster = oprf.seconds < ecdh.seconds;
    String why =
        "with %,d rows oprf takes about %.1f s and %.1f MB, ecdh %.1f s and %.1f MB"
            .formatted(rows, oprf.seconds, oprf.bytes / 1e6, ecdh.seconds, ecdh.bytes / 1e6);
    return new AlignChoice(
        spec.aligned(faster ? AlignmentSettings.OPRF : AlignmentSettings.ECDH),
        faster
            ? why
                + "; its gate is one-sided: what reaches "
                + spec.labelParty()
                + " tells it who is in a cohort that is too small (alignment.gate: two-sided rules it"
                + " out)"
            : why,
        costs);
  }

  /** {@code protocol, why, costs{protocol{seconds, bytes}}}. */
  ObjectNode toJson() {
    ObjectNode json = Json.object().put("protocol", spec.alignment().protocol()).put("why", why);
    new TreeMap<>(costs)
        .forEach(
            (protocol, cost) ->
                json.withObject("costs")
                    .withObject(protocol)
                    .put("seconds", Math.round(cost.seconds * 100) / 100.0)
                    .put("bytes", cost.bytes));
    return json;
  }
}
