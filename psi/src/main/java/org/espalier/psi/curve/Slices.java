package org.espalier.psi.curve;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntBinaryOperator;

/**
 * Elements of a message or a batch of keys, a slice at a time, on all cores. Parallel streams would
 * do, but whoever waits for the end of one spins: a tenth of the processor time of a run in which
 * several threads mask lists at once.
 */
public final class Slices {
  private final int count;
  private final int slices;
  private final IntBinaryOperator task;
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicInteger lowest = new AtomicInteger(Integer.MAX_VALUE);
  private final AtomicReference<RuntimeException> failure = new AtomicReference<>();
  private final CountDownLatch open;

  private Slices(int count, IntBinaryOperator task) {
    this.count = count;
    this.task = task;
    slices = (count + Curve.BATCH - 1) / Curve.BATCH;
    open = new CountDownLatch(slices);
  }

  /**
   * Calls the task with the first element of each slice and one after its last.
   *
   * @param task answers with the number of an element, or -1
   * @return the lowest number; -1 if there is none
   */
  public static int lowest(int count, IntBinaryOperator task) {
    Slices work = new Slices(count, task);
    int helpers = Math.min(Runtime.getRuntime().availableProcessors(), work.slices) - 1;
    for (int i = 0; i < helpers; i++) {
      ForkJoinPool.commonPool().execute(work::help);
    }
    work.help();
    return work.result();
  }

  /** Works until no slice is left that nobody has begun. */
  private void help() {
    for (int slice = next.getAndIncrement(); slice < slices; slice = next.getAndIncrement()) {
      try {
        int found =
            task.applyAsInt(slice * Curve.BATCH, Math.min(count, (slice + 1) * Curve.BATCH));
        if (found >= 0) {
          lowest.accumulateAndGet(found, Math::min);
        }
      } catch (RuntimeException e) {
        failure.compareAndSet(null, e);
      } catch (Error e) {
        failure.compareAndSet(null, new IllegalStateException("a slice failed: " + e, e));
      } finally {
        open.countDown();
      }
    }
  }

  private int result() {
    boolean interrupted = false;
    while (true) {
      try {
        open.await();
        break;
      } catch (InterruptedException e) {
        // Others still write to the elements.
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    if (failure.get() != null) {
      throw failure.get();
    }
    return lowest.get() == Integer.MAX_VALUE ? -1 : lowest.get();
  }
}
