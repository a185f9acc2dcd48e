package org.espalier.wire;

/**
 * Where long-running protocol code says how far it is. Implementations must be fast and not throw.
 */
@FunctionalInterface
public interface Progress {
  /** Nobody is looking. */
  Progress NONE = (step, done, total) -> {};

  /**
   * @param step short name such as {@code "pass"} or {@code "blind own keys"}
   * @param done units finished, 0 to {@code total}
   * @param total units in all, or -1 where it is not known
   */
  void update(String step, long done, long total);
}
