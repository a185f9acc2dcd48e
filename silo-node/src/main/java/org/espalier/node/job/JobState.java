package org.espalier.node.job;

import java.util.EnumSet;
import java.util.Set;

/** Where a job stands at this node. */
public enum JobState {
  /** Somebody has not approved yet; partners know of it when the proposer's own people have. */
  PROPOSED,
  /** Approved by all parties, not running. */
  APPROVED,
  RUNNING,
  DONE,
  /**
   * An attempt failed; the job may be run again. One that broke off after everything was said ends
   * as done when the partners' receipts are there.
   */
  FAILED,
  DENIED,
  /** An operator stopped it for good. */
  ABORTED;

  /** Whether the job may go from this state to that one. */
  public boolean allows(JobState next) {
    return successors().contains(next);
  }

  private Set<JobState> successors() {
    return switch (this) {
      case PROPOSED -> EnumSet.of(APPROVED, DENIED, ABORTED);
      case APPROVED -> EnumSet.of(RUNNING, DENIED, ABORTED);
      case RUNNING -> EnumSet.of(DONE, FAILED, ABORTED);
      case FAILED -> EnumSet.of(RUNNING, DONE, ABORTED);
      case DONE, DENIED, ABORTED -> EnumSet.noneOf(JobState.class);
    };
  }

  /** Nothing will change any more. */
  public boolean ended() {
    return successors().isEmpty();
  }
}
