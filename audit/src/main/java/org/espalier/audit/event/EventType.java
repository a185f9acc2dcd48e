package org.espalier.audit.event;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * The closed catalogue of events. Each type has a form and the groups of fields that an event of it
 * must have; for an outcome these hold when the outcome is {@code ok}.
 */
public enum EventType {
  /**
   * First event of a log that takes the place of one whose end was lost: what is left of that one,
   * and how far a witness had seen it.
   */
  LOG_CONTINUED("log.continued", Form.FACT, "tree", "peer_checkpoint", "reason", "approvals"),
  NODE_STARTED("node.started", Form.FACT, "node"),
  NODE_STOPPED("node.stopped", Form.FACT),
  /** A command that changes state, from any interface. */
  COMMAND("command", Form.ACT, "actor", "command"),
  PARTNER_INVITED("partner.invited", Form.EITHER, "partner"),
  PARTNER_ACCEPTED("partner.accepted", Form.EITHER, "partner"),
  PARTNER_CONFIRMED("partner.confirmed", Form.EITHER, "partner"),
  PARTNER_REVOKED("partner.revoked", Form.EITHER, "partner"),
  DATASET_ADDED("dataset.added", Form.EITHER, "inputs"),
  DATASET_REMOVED("dataset.removed", Form.EITHER, "inputs"),
  JOB_PROPOSED("job.proposed", Form.EITHER, "job"),
  JOB_APPROVED("job.approved", Form.EITHER, "job", "approvals"),
  JOB_DENIED("job.denied", Form.EITHER, "job"),
  /** Someone asks for the end of a job; the attempt under way then ends as {@code job.aborted}. */
  JOB_ABORT("job.abort", Form.EITHER, "job"),
  /** Its outcome is {@code job.finished}, {@code job.failed}, {@code job.aborted} or denied. */
  JOB_STARTED("job.started", Form.ACT, "job"),
  JOB_FINISHED("job.finished", Form.RESULT, "job"),
  JOB_FAILED("job.failed", Form.RESULT, "job"),
  JOB_ABORTED("job.aborted", Form.RESULT, "job"),
  /** One phase of a protocol; carries algorithm and parameters actually run. */
  PHASE_STARTED("phase.started", Form.ACT, "job", "step"),
  PHASE_FINISHED("phase.finished", Form.RESULT, "job", "step", "transcripts", "traffic"),
  /** Something leaves the node in the clear: a model slice, metrics, predictions, a size. */
  REVEAL("reveal", Form.ACT, "job", "outputs", "recipients"),
  /** A pass of training begins at a level where passes on the same people are counted. */
  DISCLOSURE_PASS("disclosure.pass", Form.FACT, "job", "protocol", "inputs", "recipients"),
  /** An alignment that may tell something begins; nothing of it has left. */
  DISCLOSURE_ALIGNMENT(
      "disclosure.alignment", Form.FACT, "job", "protocol", "inputs", "recipients"),
  /** Parties count together whom they have in common; nothing of it has left. */
  MATCH_DRY_RUN("match.dry-run", Form.ACT, "job", "protocol", "inputs", "recipients"),
  PREDICT("predict", Form.ACT, "job"),
  /** A node begins to answer questions about single people under an approved job. */
  SCORING_STARTED("scoring.started", Form.FACT, "job", "protocol", "inputs", "recipients"),
  /** A block of a day's answers is set aside before any of it is given. */
  SCORING_RESERVED("scoring.reserved", Form.FACT, "job", "protocol", "recipients"),
  /** What was answered since the last such event; by the node itself, or asked of it. */
  SCORING_ANSWERED("scoring.answered", Form.FACT, "job", "protocol", "recipients"),
  /** Someone looks at the own slice of a model. */
  MODEL_SHOWN("model.shown", Form.EITHER, "job"),
  /** Someone looks at or copies the results of a job: predictions, metrics. */
  RESULT_SHOWN("result.shown", Form.EITHER, "job"),
  /** A partner's signed receipt was checked and kept. */
  RECEIPT("receipt", Form.EITHER, "job", "partner", "receipt"),
  /** Denied, malformed or replayed requests, counted over a window. */
  REQUEST_DENIED("request.denied", Form.FACT, "rule", "requests"),
  KEY_ROTATE("key.rotate", Form.EITHER, "before", "after"),
  /** States size and root of the tree before itself; the signed checkpoint includes it. */
  CHECKPOINT_SIGNED("checkpoint.signed", Form.FACT, "tree"),
  /** A time-stamping authority's token for an earlier checkpoint came and was kept. */
  CHECKPOINT_STAMPED("checkpoint.stamped", Form.FACT, "tree", "stamp"),
  /** Entries before an index are removed from the files; the tree keeps their hashes. */
  LOG_PRUNED("log.pruned", Form.FACT, "reason", "pruned"),
  /** The key of a person's pseudonym is destroyed: nobody can tell any more whose it was. */
  ERASURE_DONE("erasure.done", Form.FACT, "actor", "reason", "erasure"),
  AUDIT_EXPORTED("audit.exported", Form.ACT, "job", "export"),
  AUDIT_REVIEWED("audit.reviewed", Form.EITHER, "actor");

  /** How events of a type are logged. */
  enum Form {
    /** Something that happened; one event. */
    FACT,
    /** Something about to be done: an intent, then an outcome. */
    ACT,
    /** Either of these. */
    EITHER,
    /** The outcome of an act of another type. */
    RESULT
  }

  private final String wireName;
  private final Form form;

  @SuppressWarnings("ImmutableEnumChecker") // List.of
  private final List<String> required;

  EventType(String wireName, Form form, String... required) {
    this.wireName = wireName;
    this.form = form;
    this.required = List.of(required);
  }

  /** The name in the log, such as {@code job.started}. */
  public String wireName() {
    return wireName;
  }

  /** Whether {@code intent} can be logged of this type. */
  public boolean isAct() {
    return form == Form.ACT || form == Form.EITHER;
  }

  /** Whether the type can be logged by itself. */
  public boolean isFact() {
    return form == Form.FACT || form == Form.EITHER;
  }

  /** Type of the event that closes an intent of this type. */
  public EventType closedBy(Outcome outcome) {
    return switch (this) {
      case PHASE_STARTED -> PHASE_FINISHED;
      case JOB_STARTED ->
          switch (outcome) {
            case OK -> JOB_FINISHED;
            case DENIED -> JOB_DENIED;
            case FAILED -> JOB_FAILED;
            case ABORTED -> JOB_ABORTED;
          };
      default -> this;
    };
  }

  /** The type with this name, if the catalogue has one. */
  public static Optional<EventType> ofWireName(String name) {
    return Arrays.stream(values()).filter(type -> type.wireName.equals(name)).findFirst();
  }

  /** Whether an event of this type only ever closes an act of another type. */
  public boolean isResult() {
    return form == Form.RESULT;
  }

  /** Names of the fields that an event of this type must have; an outcome only if it is ok. */
  public List<String> required() {
    return required;
  }
}
