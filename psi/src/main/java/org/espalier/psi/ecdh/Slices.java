package org.espalier.psi.ecdh;

import java.util.function.IntBinaryOperator;
import java.util.stream.IntStream;
import org.espalier.psi.curve.Curve;

/** Elements of a message or a batch of keys, a slice a task, on all cores. */
final class Slices {
  private Slices() {}

  /**
   * Calls the task with the first element of each slice and one after its last.
   *
   * @param task answers with the number of an element, or -1
   * @return the lowest number; -1 if there is none
   */
  static int lowest(int count, IntBinaryOperator task) {
    IntStream slices = IntStream.range(0, (count + Curve.BATCH - 1) / Curve.BATCH);
    // With one core the common pool has a thread, too, and threads that wait for each other spin.
    return (Runtime.getRuntime().availableProcessors() == 1 ? slices : slices.parallel())
        .map(
            slice ->
                task.applyAsInt(slice * Curve.BATCH, Math.min(count, (slice + 1) * Curve.BATCH)))
        .reduce(-1, (a, b) -> a < 0 ? b : b < 0 ? a : Math.min(a, b));
  }
}
