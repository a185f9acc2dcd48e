package org.espalier.audit.log;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import org.espalier.audit.Logs;
import org.espalier.audit.event.EventType;
import org.espalier.audit.verify.Verification;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConcurrencyTest {
  @TempDir Path folder;

  /** Attack 21. */
  @Test
  void appendsOf64ThreadsAllHaveTheirPlace() throws Exception {
    Path log = folder.resolve("log");
    Set<Long> places = ConcurrentHashMap.newKeySet();
    try (AuditLog writer = Logs.open(log)) {
      CountDownLatch start = new CountDownLatch(1);
      List<Thread> threads = new ArrayList<>();
      for (int t = 0; t < 64; t++) {
        String job = "J-" + t;
        Thread thread =
            new Thread(
                () -> {
                  try {
                    start.await();
                  } catch (InterruptedException e) {
                    return;
                  }
                  for (int i = 0; i < 10; i++) {
                    Intent intent = writer.intent(EventType.JOB_STARTED, e -> e.job(job, 1, null));
                    places.add(intent.seq());
                    places.add(intent.ok().seq());
                  }
                });
        thread.start();
        threads.add(thread);
      }
      start.countDown();
      for (Thread thread : threads) {
        thread.join();
      }
      assertThat(writer.size()).isEqualTo(1280);
      assertThat(writer.reader().tail(5, EventQuery.ALL)).hasSize(5);
      assertThat(writer.reader().tail(100, EventQuery.ofJob("J-7"))).hasSize(20);
    }
    assertThat(places).hasSize(1280);
    Verification result = Logs.verify(log);
    assertThat(result.ok()).as("%s", result.lines()).isTrue();
    assertThat(result.open()).isZero();
  }
}
