package org.espalier.protocols.neural;

/** Hears of every epoch at the label party. */
public interface EpochListener {
  /** Hears nothing. */
  EpochListener NONE = epoch -> {};

  /**
   * Before anything of it is opened: whoever counts makes the count durable here; an exception ends
   * the training.
   *
   * @param epoch from 1
   */
  void begins(int epoch);

  /**
   * After it.
   *
   * @param seconds that it took
   */
  default void ended(int epoch, double seconds) {}
}
