package org.espalier.node;

import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Work that is done again and again, also after it has failed, of an {@link Error} too. */
public final class Periodic {
  private static final Logger LOG = LoggerFactory.getLogger(Periodic.class);

  private Periodic() {}

  /** Runs a task after each period, from the end of the run before. */
  public static void every(ScheduledExecutorService timers, Duration period, Runnable task) {
    Future<?> unused =
        timers.scheduleWithFixedDelay(
            () -> {
              try {
                task.run();
              } catch (RuntimeException | Error e) {
                report(LOG, "periodic work failed", e);
              }
            },
            period.toMillis(),
            period.toMillis(),
            TimeUnit.MILLISECONDS);
  }

  /**
   * Logs what a thread survives that must go on: a job that takes all memory makes any thread fail.
   */
  public static void report(Logger log, String what, Throwable e) {
    try {
      log.error(what, e);
    } catch (RuntimeException | Error noMemory) {
      // Not even to say it: the thread is worth more than the line.
    }
  }
}
