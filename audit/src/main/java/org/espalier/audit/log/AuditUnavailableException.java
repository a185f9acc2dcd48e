package org.espalier.audit.log;

/**
 * The event could not be made durable. Whoever gets this must not do what the event announces; the
 * message names the cause and can be shown to an operator.
 */
public final class AuditUnavailableException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** Why the log cannot be written. */
  public enum Problem {
    /** No space is left, or only the reserve. */
    DISK_FULL,
    /** The file system or directory cannot be written. */
    READ_ONLY,
    /** A file of the log was unlinked, replaced or made a link. */
    REPLACED,
    /** Another writer has the log. */
    LOCKED,
    /** What is on disk does not agree with its own signatures. */
    DAMAGED,
    /** The disk did not answer in time. */
    TIMEOUT,
    /** The log was closed. */
    CLOSED,
    /** Any other failure of input or output. */
    IO
  }

  private final Problem problem;

  AuditUnavailableException(Problem problem, String message, Throwable cause) {
    super(message, cause);
    this.problem = problem;
  }

  AuditUnavailableException(Problem problem, String message) {
    this(problem, message, null);
  }

  /** Why the log cannot be written. */
  public Problem problem() {
    return problem;
  }
}
