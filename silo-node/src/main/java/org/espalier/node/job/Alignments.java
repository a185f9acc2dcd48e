package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.data.Dataset;
import org.espalier.node.data.Datasets;
import org.espalier.node.policy.Policy;
import org.espalier.wire.Party;

/**
 * The new alignments that this node has taken part in: each tells who is in the own data set, and
 * what they tell adds up. The audit log holds them and nothing else does, so that the count cannot
 * be lowered without a trace. Frozen cohorts that are used again do not count.
 *
 * <p>{@link AlignPhase} counts an attempt before anything leaves the node from which a partner may
 * learn more than a number of keys; the event is durable when {@link #count} returns. Attempts of a
 * job on the same file are one alignment until one of them has ended with a cohort, and so is one
 * that goes on with what a counted attempt began.
 */
public final class Alignments {
  static final Duration WINDOW = Duration.ofDays(90);

  private final Journal journal;
  private final Datasets datasets;
  private final Supplier<Policy> policy;
  private final Clock clock;
  private final List<Journal.Alignment> logged = new ArrayList<>();
  private long read;

  public Alignments(Journal journal, Datasets datasets, Supplier<Policy> policy, Clock clock) {
    this.journal = journal;
    this.datasets = datasets;
    this.policy = policy;
    this.clock = clock;
  }

  /**
   * What one job would align.
   *
   * @param round how many cohorts of the job on this file are kept here
   * @param dataset of this node, by name
   * @param commitments keyed digests by which the log may know its file
   * @param others all parties but this one
   * @param parties names of all, sorted
   */
  record Wanted(
      String job,
      int round,
      Party self,
      String dataset,
      Set<String> commitments,
      List<Party> others,
      String parties) {
    public Wanted {
      commitments = Set.copyOf(commitments);
      others = List.copyOf(others);
    }

    private boolean isAttempt(Journal.Alignment past) {
      return past.job().equals(job) && past.round() == round;
    }
  }

  /**
   * @param job its id; empty where it has none yet
   */
  Wanted wanted(String job, int round, Party self, Dataset dataset, Collection<Party> parties) {
    return new Wanted(
        job,
        round,
        self,
        dataset.name(),
        datasets.commitments(dataset.scan().sha256()),
        parties.stream().filter(party -> !party.equals(self)).sorted().toList(),
        String.join(" ", parties.stream().sorted().map(Party::name).toList()));
  }

  /**
   * Holds an alignment against the limits of the policy.
   *
   * @return what there is to say of it, such as {@code new alignment 2 of 4 in 90 days}
   * @throws Problem naming the limit and when it allows another one
   */
  synchronized String require(Wanted wanted) {
    List<String> counts = new ArrayList<>();
    for (Party partner : wanted.others()) {
      List<Instant> before = before(wanted, partner);
      Integer limit = policy.get().newAlignments(partner);
      if (limit == null) {
        counts.add("%d in 90 days with %s, not limited".formatted(before.size() + 1, partner));
        continue;
      }
      if (before.size() >= limit) {
        throw refused(wanted, partner, limit, before);
      }
      counts.add("%d of %d in 90 days with %s".formatted(before.size() + 1, limit, partner));
    }
    return "new alignment " + String.join("; ", counts);
  }

  /**
   * When the other alignments of this data set with a partner within the window began, oldest
   * first; without those that came after this one, if it has begun.
   */
  private List<Instant> before(Wanted wanted, Party partner) {
    Instant from = clock.instant().minus(WINDOW);
    Map<String, Instant> others = new LinkedHashMap<>();
    for (Journal.Alignment past : logged()) {
      boolean same = wanted.commitments().contains(past.commitment());
      boolean with = List.of(past.parties().split(" ", -1)).contains(partner.name());
      if (!with || past.at().isBefore(from) || !(same || past.dataset().equals(wanted.dataset()))) {
        continue;
      }
      if (same && wanted.isAttempt(past)) {
        break;
      }
      others.putIfAbsent(past.job() + " " + past.round() + " " + past.commitment(), past.at());
    }
    return List.copyOf(others.values());
  }

  private Stream<Journal.Alignment> ofThisFile(Wanted wanted) {
    Instant from = clock.instant().minus(WINDOW);
    return logged().stream()
        .filter(
            past ->
                past.job().equals(wanted.job())
                    && !past.at().isBefore(from)
                    && wanted.commitments().contains(past.commitment()));
  }

  private boolean hasBegun(Wanted wanted) {
    return ofThisFile(wanted).anyMatch(wanted::isAttempt);
  }

  /**
   * As which alignment an attempt was counted, by its round. One that only went on with an earlier
   * attempt vouches for that and not for itself: what it began after that may have been refused.
   */
  private OptionalLong countedAs(Wanted wanted, int began) {
    return ofThisFile(wanted)
        .filter(past -> past.began() == began)
        .mapToLong(Journal.Alignment::round)
        .findFirst();
  }

  private static Problem refused(Wanted wanted, Party partner, int limit, List<Instant> before) {
    String what =
        "the policy of %s allows %d new alignments of a data set with %s in 90 days"
            .formatted(wanted.self(), limit, partner);
    String next =
        limit == 0
            ? ""
            : "; the next is possible from "
                + before
                    .get(before.size() - limit)
                    .plus(WINDOW)
                    .plusSeconds(1)
                    .truncatedTo(ChronoUnit.SECONDS);
    return Problem.refused(what + next)
        .at(wanted.self())
        .detail(
            "new_alignments_per_90d: %d in policy.yaml, and there were %d of %s"
                .formatted(limit, before.size(), wanted.dataset()))
        .next("silo cohort list, and alignment: {cohort: DIGEST} in the job");
  }

  /** The key sets of earlier alignments with the same parties, as they were named. */
  synchronized Set<String> keySets(Wanted wanted) {
    Set<String> ids = new LinkedHashSet<>();
    for (Journal.Alignment past : logged()) {
      if (past.parties().equals(wanted.parties()) && !past.keys().isEmpty()) {
        ids.add(past.keys());
      }
    }
    return ids;
  }

  /** By how many keys an own set must differ from earlier ones; 0 if they are not compared. */
  int setDifference(Collection<Party> others) {
    return policy.get().setDifference(others);
  }

  /**
   * Counts an attempt, durably.
   *
   * @param began the attempt in which the lists that are to be sent were begun: this one, or one
   *     that it goes on with, which is the same alignment if the log holds that one
   * @param facts of the attempt and the data set it reads, see {@link Journal}
   * @param keys what became of the own ones
   * @throws Problem if the limit does not allow it any more, another job has begun whose keys these
   *     were not compared with, or the log cannot be written; then nothing is counted and nothing
   *     must be sent
   */
  synchronized void count(Wanted wanted, int began, ObjectNode facts, OwnKeys.Compared keys) {
    boolean anew = began == facts.path("attempt").asInt();
    OptionalLong earlier = anew ? OptionalLong.empty() : countedAs(wanted, began);
    if (earlier.isEmpty() && !hasBegun(wanted)) {
      require(wanted);
    }
    Set<String> others = keySets(wanted);
    others.remove(keys.id());
    if (!keys.id().isEmpty() && !keys.with().containsAll(others)) {
      throw Problem.of(
              Problem.Kind.JOB_FAILED, "another job aligns with the same parties at the same time")
          .at(wanted.self())
          .next("silo job run " + wanted.job() + ", when the other job is over");
    }
    ObjectNode event = facts.deepCopy();
    ObjectNode parameters =
        Json.object().put("parties", wanted.parties()).put("round", earlier.orElse(wanted.round()));
    if (earlier.isPresent()) {
      parameters.put("began", began);
    }
    if (!keys.id().isEmpty()) {
      parameters.put("own_keys", keys.id());
    }
    event.set("parameters", parameters);
    wanted.others().forEach(party -> event.withArray("recipients").add(party.name()));
    journal.fact(Journal.ALIGNMENT, event);
  }

  private List<Journal.Alignment> logged() {
    read = journal.alignments(read, logged::add);
    return logged;
  }
}
