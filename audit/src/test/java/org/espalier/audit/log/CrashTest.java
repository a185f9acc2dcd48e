package org.espalier.audit.log;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;
import org.espalier.audit.Logs;
import org.espalier.audit.MemoryFolder;
import org.espalier.audit.event.EventType;
import org.espalier.audit.verify.Verdict;
import org.espalier.audit.verify.Verification;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Attack 16: the process dies at each operation on the disk. Where it dies before data was forced,
 * the last write may also be lost in part, as it is when the power fails.
 */
class CrashTest {
  @TempDir(factory = MemoryFolder.class)
  static Path folder;

  private static Path nearlyFull;

  @BeforeAll
  static void aLogThatSoonHasAFullBundle() {
    nearlyFull = folder.resolve("base");
    Bulk.append(nearlyFull, 252);
  }

  @Test
  void nothingAcknowledgedIsLostWhereverTheProcessDies() throws Exception {
    int operations =
        run(Logs.copy(nearlyFull, folder.resolve("count")), new Death(-1, new Random(0)));
    assertThat(operations).isGreaterThan(60);
    Random random = new Random(16);
    int runs = 0;
    for (int round = 0; round < 3; round++) {
      for (int at = 0; at < operations; at++) {
        Path log = folder.resolve("run");
        Logs.copy(nearlyFull, log);
        Death death = new Death(at, random);
        run(log, death);
        assertThat(death.dead).isTrue();
        long acknowledged = death.acknowledged;
        death.losePartOfTheLastWrite();

        Verification cut = Logs.verify(log, folder.resolve("state" + runs));
        assertThat(cut.verdict()).as("operation %d: %s", at, cut.lines()).isEqualTo(Verdict.OK);
        try (AuditLog again = Logs.open(log)) {
          assertThat(again.size()).as("operation %d", at).isGreaterThanOrEqualTo(acknowledged);
          again.concludeInterrupted();
          again.fact(EventType.NODE_STOPPED, e -> e.reason("test"));
          again.checkpoint();
        }
        Verification after = Logs.verify(log, folder.resolve("state" + runs));
        assertThat(after.verdict()).as("operation %d: %s", at, after.lines()).isEqualTo(Verdict.OK);
        assertThat(after.open()).isZero();
        Logs.delete(log);
        runs++;
      }
    }
    assertThat(runs).isGreaterThan(200);
  }

  /** Returns the number of operations. */
  private static int run(Path log, Death death) {
    try (AuditLog writer = AuditLog.open(Logs.settings(log), Logs.SIGNER, death)) {
      death.acknowledged = writer.size();
      for (int i = 0; i < 2; i++) {
        Intent intent = writer.intent(EventType.JOB_STARTED, e -> e.job("J-1", 1, null));
        death.acknowledged = intent.seq() + 1;
        death.acknowledged = writer.fact(EventType.NODE_STOPPED, e -> e.reason("test")).seq() + 1;
        death.acknowledged = writer.checkpoint().size();
        death.acknowledged = intent.ok().seq() + 1;
      }
    } catch (AuditUnavailableException e) {
      assertThat(death.dead).as("%s", e).isTrue();
    }
    return death.count;
  }

  /** Lets operations through up to one at which the process dies, perhaps within a write. */
  private static final class Death implements Disk.Gate {
    private final int at;
    private final Random random;
    private int count;
    private volatile boolean dead;
    private volatile long acknowledged;
    private volatile Path unforced;
    private volatile int unforcedBytes;

    private Death(int at, Random random) {
      this.at = at;
      this.random = random;
    }

    @Override
    public synchronized int pass(String operation, Path path, int length) throws IOException {
      if (dead) {
        throw new IOException("dead");
      }
      if (count++ == at) {
        dead = true;
        if (operation.equals("write") && length > 0) {
          return random.nextInt(length);
        }
        throw new IOException("dies at " + operation + " of " + path);
      }
      if (operation.equals("write")) {
        unforced = path;
        unforcedBytes = length;
      } else if (operation.equals("force") && path.equals(unforced)) {
        unforced = null;
      }
      return length;
    }

    private void losePartOfTheLastWrite() throws IOException {
      Path file = unforced;
      if (file == null || !Files.exists(file)) {
        return;
      }
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        long lost = Math.min(channel.size(), random.nextInt(unforcedBytes + 1));
        channel.truncate(channel.size() - lost);
      }
    }
  }
}
