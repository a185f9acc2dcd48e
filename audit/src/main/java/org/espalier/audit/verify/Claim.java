package org.espalier.audit.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What one party's log says of a job, as far as a partner in that job must have it in its own log
 * as well.
 *
 * @param seq event that says so; of an act its outcome, if there is one
 * @param kind what happened
 * @param attempt of the job; 0 before the first
 * @param subject of a decision who decided, of a phase its name, of a receipt whose it is; else
 *     empty
 * @param value of a decision its word and signature, of a phase the hash of the conversation with
 *     the partner, of a receipt its digest; empty where there is none
 * @param outcome {@code ok}, {@code denied}, {@code failed} or {@code aborted}; empty while an act
 *     is under way
 * @param spec digest of the job's specification; empty where the event does not state it
 * @param time stated by the event, milliseconds since 1970
 * @param stated of a receipt: how far the partner said that its log had come; or null
 */
public record Claim(
    long seq,
    String job,
    Kind kind,
    long attempt,
    String subject,
    String value,
    String outcome,
    String spec,
    long time,
    Stated stated) {
  private static final Set<String> OUTCOMES = Set.of("", "ok", "denied", "failed", "aborted");
  private static final Pattern JOB = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");
  private static final Pattern SUBJECT = Pattern.compile("([a-z0-9][a-z0-9._-]{0,127})?");
  private static final Pattern VALUE = Pattern.compile("[A-Za-z0-9+/=: -]{0,400}");
  private static final Pattern SPEC = Pattern.compile("(sha256:[0-9a-f]{64})?");
  static final long MAX_ATTEMPT = 1_000_000;

  /** Sorts of events that both parties log. */
  public enum Kind {
    /** A job was proposed, or a proposal came. */
    PROPOSED("proposal", "job.proposed"),
    /** A party approved or denied. */
    DECIDED("decision", "job.approved", "job.denied"),
    /** An attempt. */
    STARTED("attempt", "job.started", "job.finished", "job.failed", "job.aborted", "job.denied"),
    /** A phase of an attempt in which the two parties talked. */
    PHASE("phase", "phase.started", "phase.finished"),
    /** What the partner signed about an attempt was checked and kept. */
    RECEIPT("receipt", "receipt");

    private final String words;

    @SuppressWarnings("ImmutableEnumChecker") // Set.of
    private final Set<String> types;

    Kind(String words, String... types) {
      this.words = words;
      this.types = Set.of(types);
    }

    String words() {
      return words;
    }

    /** Whether an event of this type can say so. */
    boolean isSaidBy(String type) {
      return types.contains(type);
    }
  }

  /** A tree head that a partner stated. */
  public record Stated(String origin, long size, String root) {}

  /**
   * Checks what may come from a partner.
   *
   * @throws IllegalArgumentException if a part is none that a log holds
   */
  public Claim {
    if (seq < 0
        || time < 0
        || attempt < 0
        || attempt > MAX_ATTEMPT
        || !JOB.matcher(job).matches()
        || !SUBJECT.matcher(subject).matches()
        || !VALUE.matcher(value).matches()
        || !OUTCOMES.contains(outcome)
        || !SPEC.matcher(spec).matches()) {
      throw new IllegalArgumentException("is nothing that a log says of a job");
    }
  }

  /** What must be the same at both parties; a receipt's parties are exchanged. */
  Key key() {
    return new Key(kind, attempt, subject);
  }

  record Key(Kind kind, long attempt, String subject) {}

  /** In words, safe to print. */
  String words() {
    String of = kind.words();
    if (kind == Kind.DECIDED || kind == Kind.RECEIPT) {
      of += " of " + subject;
    } else if (kind == Kind.PHASE) {
      of += " " + subject;
    }
    return attempt == 0 ? of : of + (kind == Kind.STARTED ? " " : " of attempt ") + attempt;
  }

  /** Whether this is an event's own word, for the kinds of which one event holds all. */
  boolean isSaidBy(JsonNode event) {
    JsonNode said = event.path("job");
    return kind.isSaidBy(event.path("type").asText())
        && event.path("seq").asLong(-1) == seq
        && said.path("id").asText().equals(job)
        && said.path("attempt").asLong() == attempt
        && said.path("spec").asText(spec).equals(spec)
        && event.path("outcome").asText().equals(kind == Kind.RECEIPT ? "" : outcome)
        && (kind != Kind.RECEIPT
            || (event.path("receipt").asText().equals(value)
                && event.path("partner").path("id").asText().equals(subject)));
  }

  /** By key, in the order in which they were said. */
  static Map<Key, List<Claim>> byKey(List<Claim> claims) {
    Map<Key, List<Claim>> map = new LinkedHashMap<>();
    for (Claim claim : claims) {
      map.computeIfAbsent(claim.key(), k -> new ArrayList<>()).add(claim);
    }
    return map;
  }
}
