package org.espalier.audit.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.espalier.audit.log.AuditUnavailableException.Problem.CLOSED;
import static org.espalier.audit.log.AuditUnavailableException.Problem.DAMAGED;
import static org.espalier.audit.log.AuditUnavailableException.Problem.DISK_FULL;
import static org.espalier.audit.log.AuditUnavailableException.Problem.LOCKED;
import static org.espalier.audit.log.AuditUnavailableException.Problem.READ_ONLY;
import static org.espalier.audit.log.AuditUnavailableException.Problem.REPLACED;
import static org.espalier.audit.log.AuditUnavailableException.Problem.TIMEOUT;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.ReadOnlyFileSystemException;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.espalier.audit.Logs;
import org.espalier.audit.MemoryFolder;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.event.EventType;
import org.espalier.audit.verify.Verdict;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Attack 17 and other trouble with the disk: nothing is begun that cannot be logged. */
class DiskTroubleTest {
  @TempDir(factory = MemoryFolder.class)
  Path folder;

  /** A disk with so many bytes left; emptying the reserve gives its bytes back. */
  private static final class SmallDisk implements Disk.Gate {
    private long left = Long.MAX_VALUE;

    @Override
    public synchronized int pass(String operation, Path path, int length) throws IOException {
      if (operation.equals("truncate") && path.endsWith("reserve")) {
        left += Files.size(path);
      }
      if (left < length) {
        int some = (int) left;
        left = 0;
        return some;
      }
      left -= length;
      return length;
    }
  }

  @Test
  void aFullDiskRefusesNewActsAndStillConcludesWhatRuns() throws Exception {
    Path log = folder.resolve("log");
    SmallDisk disk = new SmallDisk();
    try (AuditLog writer = AuditLog.open(Logs.settings(log), Logs.SIGNER, disk)) {
      Intent running = writer.intent(EventType.JOB_STARTED, e -> e.job("J-1", 1, null));
      synchronized (disk) {
        disk.left = 100;
      }
      running.failed("disk.full");
      long size = writer.size();
      assertProblem(
          DISK_FULL, () -> writer.intent(EventType.JOB_STARTED, e -> e.job("J-2", 1, null)));
      assertThat(writer.size()).isEqualTo(size);
      assertThat(writer.reader().size()).as("still readable").isEqualTo(size);
      synchronized (disk) {
        disk.left = 0;
      }
      assertProblem(DISK_FULL, () -> writer.fact(EventType.NODE_STOPPED, e -> e.reason("test")));
      assertThat(Logs.verify(log).verdict()).isEqualTo(Verdict.OK);
      synchronized (disk) {
        disk.left = Long.MAX_VALUE;
      }
      // The reserve is taken up again within a second or so; then acts are possible again.
      Intent next = null;
      for (int i = 0; i < 300 && next == null; i++) {
        try {
          next = writer.intent(EventType.JOB_STARTED, e -> e.job("J-2", 1, null));
        } catch (AuditUnavailableException e) {
          assertThat(e.problem()).isEqualTo(DISK_FULL);
          Thread.sleep(50);
        }
      }
      assertThat(next).isNotNull();
      next.ok();
    }
    assertThat(Logs.verify(log).verdict()).isEqualTo(Verdict.OK);
  }

  @Test
  void aReadOnlyFileSystemIsNamed() {
    Path log = folder.resolve("log");
    boolean[] readOnly = new boolean[1];
    Disk.Gate gate =
        (operation, path, length) -> {
          if (readOnly[0] && operation.equals("write")) {
            throw new FileSystemException(path.toString(), null, "Read-only file system");
          }
          if (readOnly[0] && operation.equals("mkdir")) {
            throw new ReadOnlyFileSystemException();
          }
          return length;
        };
    try (AuditLog writer = AuditLog.open(Logs.settings(log), Logs.SIGNER, gate)) {
      writer.fact(EventType.NODE_STOPPED, e -> e.reason("test"));
      readOnly[0] = true;
      assertProblem(READ_ONLY, () -> writer.fact(EventType.NODE_STOPPED, e -> e.reason("test")));
      readOnly[0] = false;
      writer.fact(EventType.NODE_STOPPED, e -> e.reason("test"));
      assertThat(writer.size()).isEqualTo(2);
    }
    assertThat(Logs.verify(log).size()).isEqualTo(2);
  }

  @Test
  void unlinkedReplacedAndLinkedFilesAreNoticedOnTheNextAppend() throws Exception {
    for (String trick : new String[] {"unlink", "replace", "symlink", "directory", "edit"}) {
      Path log = folder.resolve(trick);
      try (AuditLog writer = Logs.open(log)) {
        writer.fact(EventType.NODE_STOPPED, e -> e.reason("test"));
        Path journal = log.resolve("journal");
        Path moved = folder.resolve(trick + ".moved");
        switch (trick) {
          case "unlink" -> Files.delete(journal);
          case "replace" -> {
            Files.move(journal, moved);
            Files.copy(moved, journal);
          }
          case "symlink" -> {
            Files.move(journal, moved);
            Files.createSymbolicLink(journal, moved);
          }
          case "directory" -> {
            Files.move(log, moved);
            Logs.copy(moved, log);
          }
          default -> Files.writeString(journal, "x", java.nio.file.StandardOpenOption.APPEND);
        }
        assertProblem(
            REPLACED, () -> writer.intent(EventType.JOB_STARTED, e -> e.job("J-1", 1, null)));
      }
    }
  }

  @Test
  void onlyOneWriterHasALog() {
    Path log = folder.resolve("log");
    try (AuditLog writer = Logs.open(log)) {
      assertProblem(LOCKED, () -> Logs.open(log));
      writer.fact(EventType.NODE_STOPPED, e -> e.reason("test"));
    }
    Logs.open(log).close();
  }

  @Test
  void anAlteredOrForeignLogIsNotContinued() throws Exception {
    Path log = folder.resolve("log");
    try (AuditLog writer = Logs.open(log)) {
      Logs.job(writer, "J-1");
    }
    NoteSigner stranger = NoteSigner.of(Logs.ORIGIN, NoteSigner.Use.LOG, NoteSigner.generateKeys());
    NoteSigner renamed =
        NoteSigner.of("other.example/audit", NoteSigner.Use.LOG, NoteSigner.generateKeys());
    assertProblem(DAMAGED, () -> AuditLog.open(Logs.settings(log), stranger));
    assertProblem(DAMAGED, () -> AuditLog.open(Logs.settings(log), renamed));
    Path journal = log.resolve("journal");
    byte[] bytes = Files.readAllBytes(journal);
    int changed = 0;
    for (int i = 0; i < bytes.length; i += 13) {
      byte[] bad = bytes.clone();
      bad[i] ^= 2;
      Files.write(journal, bad);
      try {
        Logs.open(log).close();
      } catch (AuditUnavailableException e) {
        changed++;
        continue;
      }
      // Commits before the last are not what recovery relies on; the verifier checks them.
      assertThat(Files.readAllBytes(journal))
          .as("byte %d: nothing is thrown away", i)
          .isEqualTo(bad);
      assertThat(Logs.verify(log).verdict()).isNotEqualTo(Verdict.OK);
    }
    assertThat(changed).isPositive();
    Files.delete(journal);
    try (AuditLog writer = Logs.open(folder.resolve("other"))) {
      writer.checkpoint();
    }
    Files.copy(folder.resolve("other/checkpoint"), log.resolve("checkpoint"));
    assertProblem(DAMAGED, () -> Logs.open(log));
  }

  /** Half of attack 18: a disk that hangs. */
  @Test
  void aDiskThatHangsIsNamedInTime() throws Exception {
    CountDownLatch hang = new CountDownLatch(1);
    boolean[] hanging = new boolean[1];
    Disk.Gate gate =
        (operation, path, length) -> {
          if (hanging[0]) {
            try {
              hang.await();
            } catch (InterruptedException e) {
              throw new IOException(e);
            }
          }
          return length;
        };
    LogSettings settings =
        new LogSettings(folder.resolve("log"), Clock.systemUTC(), 64 << 10, Duration.ofMillis(200));
    AuditLog writer = AuditLog.open(settings, Logs.SIGNER, gate);
    hanging[0] = true;
    assertProblem(TIMEOUT, () -> writer.fact(EventType.NODE_STOPPED, e -> e.reason("test")));
    hanging[0] = false;
    hang.countDown();
    writer.close();
    assertProblem(CLOSED, () -> writer.fact(EventType.NODE_STOPPED, e -> e.reason("test")));
  }

  @Test
  void interruptedActsAreConcludedAtTheNextStart() throws Exception {
    Path log = folder.resolve("log");
    try (AuditLog writer = Logs.open(log)) {
      writer.intent(EventType.JOB_STARTED, e -> e.job("J-1", 3, null));
      writer.intent(EventType.PHASE_STARTED, e -> e.job("J-1", 3, null).step("train"));
      writer.intent(EventType.PREDICT, e -> e.job("J-2", 1, null)).ok();
    }
    assertThat(Logs.verify(log).open()).isEqualTo(2);
    try (AuditLog writer = Logs.open(log)) {
      assertThat(writer.concludeInterrupted()).containsExactlyInAnyOrder(0L, 1L);
      assertThat(writer.concludeInterrupted()).isEmpty();
      LoggedEvent last = writer.reader().event(5);
      assertThat(last.outcome()).isEqualTo("aborted");
      assertThat(last.json().path("job").path("attempt").asInt()).isEqualTo(3);
    }
    assertThat(Logs.verify(log).verdict()).isEqualTo(Verdict.OK);
    assertThat(Logs.verify(log).open()).isZero();
  }

  private static void assertProblem(
      AuditUnavailableException.Problem problem, ThrowingCallable act) {
    assertThatThrownBy(act)
        .isInstanceOfSatisfying(
            AuditUnavailableException.class,
            e -> assertThat(e.problem()).as("%s", e.getMessage()).isEqualTo(problem));
  }
}
