package org.espalier.node;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class PeriodicTest {
  @Test
  @Timeout(20)
  void anErrorDoesNotEndWhatIsDoneAgainAndAgain() throws InterruptedException {
    ScheduledExecutorService timers = Executors.newSingleThreadScheduledExecutor();
    CountDownLatch rounds = new CountDownLatch(3);
    Periodic.every(
        timers,
        Duration.ofMillis(1),
        () -> {
          rounds.countDown();
          if (rounds.getCount() == 2) {
            throw new OutOfMemoryError("as a job causes one");
          }
          throw new IllegalStateException("as a bug does");
        });
    rounds.await();
    timers.shutdownNow();
  }
}
