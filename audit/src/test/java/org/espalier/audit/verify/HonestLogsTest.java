package org.espalier.audit.verify;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import org.espalier.audit.Logs;
import org.espalier.audit.MemoryFolder;
import org.espalier.audit.log.AuditLog;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HonestLogsTest {
  /** 1,000 of them: {@code mvn -pl audit test -Dtest=HonestLogsTest -Despalier.honest=1000}. */
  private static final int LOGS = Integer.getInteger("espalier.honest", 150);

  @TempDir(factory = MemoryFolder.class)
  Path folder;

  @Test
  void noHonestLogRaisesAnAlarm() throws Exception {
    for (int seed = 0; seed < LOGS; seed++) {
      Random random = new Random(seed);
      Path log = folder.resolve("log" + seed);
      Path state = folder.resolve("state" + seed);
      for (int visit = 0; visit < 2; visit++) {
        long size = Logs.honest(log, random);
        Verification result = Logs.verify(log, state);
        assertThat(result.ok()).as("seed %d: %s", seed, result.lines()).isTrue();
        assertThat(result.size()).isEqualTo(size);
      }
      Logs.delete(log);
    }
  }

  @Test
  void aRunningLogRaisesNoAlarm() throws Exception {
    Path log = folder.resolve("log");
    Path state = folder.resolve("state");
    AtomicBoolean done = new AtomicBoolean();
    try (AuditLog writer = Logs.open(log)) {
      Thread load =
          new Thread(
              () -> {
                for (int i = 0; i < 8; i++) {
                  Logs.fill(writer, 150);
                  writer.checkpoint();
                }
                done.set(true);
              });
      load.start();
      int visits = 0;
      while (!done.get() && load.isAlive()) {
        Verification result = Logs.verify(log, state);
        assertThat(result.ok()).as("%s", result.lines()).isTrue();
        visits++;
      }
      load.join();
      assertThat(done).isTrue();
      assertThat(visits).isPositive();
    }
    assertThat(Logs.verify(log, state).size()).isEqualTo(8 * 151);
  }
}
