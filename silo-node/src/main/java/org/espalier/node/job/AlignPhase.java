package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.espalier.node.Problem;
import org.espalier.node.cohort.Cohort;
import org.espalier.node.config.Json;
import org.espalier.node.data.Dataset;
import org.espalier.psi.Alignment;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.AlignmentPolicy;
import org.espalier.psi.AlignmentProtocol;
import org.espalier.psi.LeakStatement;
import org.espalier.psi.ecdh.EcdhAlignment;
import org.espalier.psi.keys.Duplicates;
import org.espalier.psi.keys.MatchKey;
import org.espalier.psi.oprf.ListStore;
import org.espalier.psi.oprf.OprfAlignment;
import org.espalier.psi.oprf.ReceivedList;
import org.espalier.psi.oprf.UnbalancedAlignment;
import org.espalier.psi.store.KeptParts;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;

/** The first phase of every job: which people all parties know. */
final class AlignPhase {
  static final String NAME = "align";

  private AlignPhase() {}

  /**
   * What the phase need not do, because this node has it from earlier alignments.
   *
   * @param cohort that of an earlier attempt: nobody is aligned
   * @param list the partner has the list of the own keys, or this node has the partner's
   * @param keys nothing is read to compare own keys with earlier ones
   */
  record Spared(boolean cohort, boolean list, boolean keys) {
    private static final Spared FROZEN = new Spared(true, true, true);

    /** As far as it can be known before. */
    static Spared expected(JobRun.Context context, JobSpec spec, Dataset dataset) {
      return spec.alignment().isFrozen()
          ? FROZEN
          : new Spared(
              false,
              spec.alignment().usesList() && keptList(context, spec, dataset).isPresent(),
              !OwnKeys.toRead(context, spec, dataset));
    }
  }

  /** The cohort, and what was there before. */
  record Aligned(Alignment alignment, Spared spared) {}

  /** Whether nothing but this phase can have begun in an attempt that has come to this one. */
  static boolean isFirst(String phase) {
    return phase.equals(NAME) || phase.equals(RunProgress.BEFORE);
  }

  /** Runs it and notes size and digests in the report, where they become part of the receipt. */
  static Aligned run(JobRun run, Dataset dataset) {
    return run.job().spec().alignment().isFrozen()
        ? new Aligned(reuse(run, dataset), Spared.FROZEN)
        : align(run, dataset);
  }

  /** Nothing is sent: each party reads its own rows of a cohort whose digest all approved. */
  private static Alignment reuse(JobRun run, Dataset dataset) {
    JobSpec spec = run.job().spec();
    ObjectNode parameters =
        Json.object()
            .put("min_intersection", spec.alignment().minIntersection())
            .put("cohort", spec.alignment().cohort());
    return run.phase(
        NAME,
        PhaseFacts.input(PhaseFacts.of("align.cohort", "1", parameters), run, dataset, List.of()),
        outcome -> {
          Cohort cohort = FrozenCohort.require(run.context(), spec, dataset);
          Alignment alignment = FrozenCohort.alignment(run.context(), cohort);
          report(run, alignment, cohort);
          outcome.set("parameters", parameters.deepCopy().put("cohort_digest", cohort.alignment()));
          return alignment;
        });
  }

  private static void report(JobRun run, Alignment alignment, Cohort cohort) {
    run.report()
        .set(
            "alignment",
            Json.object()
                .put("size", alignment.size())
                .put("digest", cohort.alignment())
                .put("cohort", cohort.digest()));
    run.progress().fact("cohort", alignment.size());
  }

  private static Aligned align(JobRun run, Dataset dataset) {
    JobSpec spec = run.job().spec();
    AlignmentPolicy policy = policy(spec);
    MatchKey key = key(spec.match(), run.self());
    AlignmentJob job = new AlignmentJob(run.session(), run.self(), order(spec), key, policy);
    String protocol = protocol(run.context(), spec, null, KeptParts.NONE).name();
    ObjectNode parameters =
        Json.object()
            .put("min_intersection", policy.minIntersection())
            .put("duplicates", spec.alignment().duplicates())
            .put("max_rows", policy.maxRows())
            .put("key", key.signature());
    if (spec.alignment().isMalicious()) {
      parameters.put("security", spec.alignment().security());
    }
    ObjectNode facts =
        PhaseFacts.input(
            PhaseFacts.of("align." + protocol, "1", parameters), run, dataset, columns(key));
    return run.phase(
        NAME,
        facts,
        outcome -> {
          Map<Party, Channel> channels = run.open(NAME);
          // Only a further attempt can find that an earlier one came to its end.
          Optional<Cohort> kept =
              run.session().attempt() == 1
                  ? Optional.empty()
                  : KeptCohort.agreed(run, dataset, channels);
          if (kept.isPresent()) {
            Alignment alignment = FrozenCohort.alignment(run.context(), kept.get());
            report(run, alignment, kept.get());
            outcome.set(
                "parameters", parameters.deepCopy().put("cohort_again", kept.get().digest()));
            return new Aligned(alignment, Spared.FROZEN);
          }
          Spared before = Spared.expected(run.context(), spec, dataset);
          Optional<ByteBuffer> list = keptList(run.context(), spec, dataset);
          FirstWord counted = counted(run, dataset, key, facts);
          Alignment alignment =
              protocol(run.context(), spec, dataset, counted.over(begun(run, dataset)))
                  .align(job, counted.over(channels), new CsvKeys(dataset), run.progress());
          if (alignment.size() < policy.minIntersection()) {
            throw new AlignmentException.BelowMinimum(policy.minIntersection(), alignment.size());
          }
          Cohort cohort = frozen(run, dataset, protocol, alignment);
          report(run, alignment, cohort);
          ObjectNode ran = parameters.deepCopy();
          ArrayNode byRule = ran.putArray("matched_by_rule");
          for (int matched : alignment.matchedByRule()) {
            byRule.add(PhaseFacts.bucket(matched));
          }
          outcome.set(
              "parameters",
              ran.put("cohort_digest", cohort.alignment()).put("cohort", cohort.digest()));
          PhaseFacts.output(
              outcome, "cohort", alignment.size(), 1, List.copyOf(spec.parties().keySet()));
          // A list that was there and is another one now was made and sent again.
          boolean again = before.list() && list.equals(keptList(run.context(), spec, dataset));
          return new Aligned(alignment, new Spared(false, again, before.keys()));
        });
  }

  /** Where earlier attempts of the job left what this one need not do again, on the same file. */
  private static KeptParts begun(JobRun run, Dataset dataset) {
    ObjectNode subject = run.jobFacts();
    subject.remove("attempt");
    subject.put("file", dataset.scan().sha256());
    return run.context()
        .cohorts()
        .begun(
            run.job().id(),
            Json.digest(subject),
            said -> run.context().jobs().log(run.job().id(), said));
  }

  /** Before anything is said of who is in the data set, that is counted. */
  private static FirstWord counted(JobRun run, Dataset dataset, MatchKey key, ObjectNode facts) {
    JobSpec spec = run.job().spec();
    Alignments alignments = run.context().alignments();
    Alignments.Wanted wanted =
        alignments.wanted(
            run.job().id(),
            KeptCohort.all(run.context(), run.job().id(), spec, dataset).size(),
            run.self(),
            dataset,
            spec.parties().keySet());
    OwnKeys.Compared keys =
        OwnKeys.compared(
            run.context().cohorts(), alignments, wanted, dataset, key, spec.matchDigest());
    ObjectNode event = run.jobFacts().put("phase_name", NAME).setAll(facts);
    int attempt = run.session().attempt();
    return new FirstWord(
        attempt,
        began -> {
          try {
            alignments.count(wanted, began, event, keys);
          } catch (RuntimeException e) {
            if (began == attempt) {
              // What was refused is nothing that another attempt could go on with.
              run.context().cohorts().forgetBegun(run.job().id());
            }
            throw e;
          }
        });
  }

  /** Keeps what was found, so that later jobs need not align again. */
  private static Cohort frozen(JobRun run, Dataset dataset, String protocol, Alignment alignment) {
    JobSpec spec = run.job().spec();
    Cohort cohort =
        Cohort.of(
            run.job().id(),
            run.session().attempt(),
            new TreeSet<>(spec.parties().keySet()),
            alignment.size(),
            alignment.digest(),
            spec.matchDigest(),
            protocol,
            dataset.name(),
            dataset.scan().sha256(),
            Arrays.stream(alignment.matchedByRule()).boxed().toList());
    run.context().cohorts().keep(cohort, alignment.rows());
    return cohort;
  }

  /** What each party learns from it. */
  static List<LeakStatement> leaks(JobRun.Context context, JobSpec spec) {
    if (spec.alignment().isFrozen()) {
      return List.of(
          new LeakStatement(
              null,
              "nothing new about who is in whose table: all use the cohort "
                  + spec.alignment().cohort().substring(0, 16)
                  + " again, which an earlier job told them"));
    }
    return protocol(context, spec, null, KeptParts.NONE).leaks(order(spec), policy(spec));
  }

  /**
   * @param dataset the own; null where nothing is run
   * @param begun where it is kept for another attempt
   */
  private static AlignmentProtocol protocol(
      JobRun.Context context, JobSpec spec, Dataset dataset, KeptParts begun) {
    if (spec.alignment().isOpen()) {
      throw new IllegalStateException("nobody has chosen how people are aligned");
    }
    if (spec.alignment().usesList()) {
      return new UnbalancedAlignment(
          dataset == null ? null : lists(context, spec, dataset.scan().sha256()));
    }
    if (!spec.alignment().usesOprf()) {
      return new EcdhAlignment(context.work(), begun);
    }
    return spec.alignment().isMalicious() ? OprfAlignment.againstDeviation() : new OprfAlignment();
  }

  /**
   * Where the two parties of a job with {@code unbalanced} keep their list.
   *
   * @param sha256 of the own file
   */
  static ListStore lists(JobRun.Context context, JobSpec spec, String sha256) {
    List<Party> order = order(spec);
    Party server = order.get(1);
    Party self = context.peers().self();
    return context
        .cohorts()
        .lists(
            self.equals(server) ? order.get(0) : server,
            spec.parties().get(server).dataset(),
            spec.matchDigest(),
            sha256);
  }

  /** The partner's list that the label party keeps; empty if it has none or it is too old. */
  static Optional<ReceivedList> receivedList(
      JobRun.Context context, JobSpec spec, Dataset dataset) {
    return ReceivedList.kept(lists(context, spec, dataset.scan().sha256()))
        .filter(list -> Instant.now().isBefore(list.received().plus(UnbalancedAlignment.LIFE)));
  }

  /** The name of the list that an earlier alignment left this node, for its part. */
  private static Optional<ByteBuffer> keptList(
      JobRun.Context context, JobSpec spec, Dataset dataset) {
    if (!spec.alignment().usesList()) {
      return Optional.empty();
    }
    return (context.peers().self().equals(spec.labelParty())
            ? receivedList(context, spec, dataset).map(ReceivedList::id)
            : UnbalancedAlignment.served(lists(context, spec, dataset.scan().sha256())))
        .map(ByteBuffer::wrap);
  }

  private static AlignmentPolicy policy(JobSpec spec) {
    return new AlignmentPolicy(
        spec.alignment().minIntersection(),
        Duplicates.parse(spec.alignment().duplicates()),
        AlignmentPolicy.LARGEST);
  }

  /** The label party compares, because it may learn most. */
  static List<Party> order(JobSpec spec) {
    List<Party> parties = new ArrayList<>(spec.parties().keySet());
    parties.remove(spec.labelParty());
    parties.add(0, spec.labelParty());
    return parties;
  }

  static List<String> columns(MatchKey key) {
    TreeSet<String> columns = new TreeSet<>();
    key.rules().forEach(rule -> columns.addAll(rule.columns()));
    return List.copyOf(columns);
  }

  /** The match key with the names that this party gives its columns. */
  static MatchKey key(List<List<JobSpec.KeyPart>> match, Party self) {
    try {
      return new MatchKey(
          match.stream()
              .map(
                  rule ->
                      new MatchKey.Rule(
                          rule.stream()
                              .map(
                                  part ->
                                      MatchKey.Part.of(
                                          part.column().at(self),
                                          part.normalise().toArray(String[]::new)))
                              .toList()))
              .toList());
    } catch (IllegalArgumentException e) {
      throw Problem.refused("the match key: " + e.getMessage()).because(e);
    }
  }
}
