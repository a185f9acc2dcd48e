package org.espalier.protocols.glm;

/** Hears of every pass at the label party. */
@FunctionalInterface
public interface PassListener {
  /** A pass has ended. */
  void pass(PassReport report);

  /**
   * A pass is about to begin: nothing of it has been sent. Whoever counts passes makes the count
   * durable here; an exception ends the training before the pass.
   *
   * @param number 1 to max passes
   */
  default void begins(int number) {}

  /** The training goes on from an earlier attempt, whose passes up to this number all have kept. */
  default void resumes(int passes) {}
}
