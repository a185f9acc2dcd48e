package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeSet;
import org.espalier.node.Problem;
import org.espalier.wire.Party;
import org.espalier.wire.Session;

/**
 * A job as this node knows it.
 *
 * @param attempt the newest attempt; 0 if it never ran
 * @param cause why it failed, was denied or aborted
 * @param decisions one per party that has decided
 */
public record Job(
    String id,
    JobSpec spec,
    byte[] digest,
    Party proposer,
    JobState state,
    int attempt,
    Optional<Problem> cause,
    Instant created,
    Instant updated,
    SortedMap<Party, Decision> decisions) {
  /** What a job id looks like. */
  public static final String ID = "[JPS]-[0-9a-f]{8}";

  /**
   * One party's word on a job.
   *
   * @param signature by the party's identity over {@link Approvals#statement}
   * @param grounds the policy and the people behind it
   */
  public record Decision(
      boolean approved, String reason, byte[] signature, Instant at, JsonNode grounds) {}

  public SortedSet<Party> undecided() {
    SortedSet<Party> missing = new TreeSet<>(spec.parties().keySet());
    missing.removeAll(decisions.keySet());
    return missing;
  }

  /** All parties but one. */
  public SortedSet<Party> others(Party self) {
    SortedSet<Party> others = new TreeSet<>(spec.parties().keySet());
    others.remove(self);
    return others;
  }

  public Session session(int attempt) {
    return new Session(id, digest, attempt);
  }
}
