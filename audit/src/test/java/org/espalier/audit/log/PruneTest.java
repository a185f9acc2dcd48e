package org.espalier.audit.log;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.espalier.audit.Logs;
import org.espalier.audit.MemoryFolder;
import org.espalier.audit.event.Event;
import org.espalier.audit.event.EventType;
import org.espalier.audit.export.JobExport;
import org.espalier.audit.merkle.ProofBuilder;
import org.espalier.audit.verify.Verdict;
import org.espalier.audit.verify.Verification;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Attack 25: what is pruned is declared, and the rest still verifies. */
class PruneTest {
  /** Of the events before 600 in the fixture this one is a pass that limits count. */
  private static final long PASS = 12;

  @TempDir(factory = MemoryFolder.class)
  Path folder;

  private Path log;
  private Path state;
  private byte[] rootBefore;
  private String checkpointBefore;

  @BeforeEach
  void aLogOfThreeBundlesAndMore() throws Exception {
    log = folder.resolve("log");
    state = folder.resolve("state");
    try (AuditLog writer = Logs.open(log)) {
      Logs.job(writer, "J-1");
      writer.fact(
          EventType.DISCLOSURE_PASS,
          e ->
              e.job("J-1", 1, null)
                  .protocol("glm", "1", null, Map.of("parties", "2"))
                  .input("people", null, null, null, null, "hmac-sha256:" + "a".repeat(64))
                  .recipients(List.of("bank-b")));
    }
    Bulk.append(log, 800);
    Verification before = Logs.verify(log, state);
    assertThat(before.ok()).as("%s", before.lines()).isTrue();
    rootBefore = before.root();
    checkpointBefore = Files.readString(log.resolve("checkpoint"));
  }

  private AuditLog.Pruned prune(AuditLog writer, long before) throws IOException {
    return Logs.prune(writer, before, event -> event.type().equals("disclosure.pass"));
  }

  @Test
  void aPrunedLogVerifiesAndSaysSo() throws Exception {
    try (AuditLog writer = Logs.open(log)) {
      AuditLog.Pruned pruned = prune(writer, 600);
      assertThat(pruned).isEqualTo(new AuditLog.Pruned(512, 512, 1));
      assertThat(prune(writer, 600).removed()).isZero();
      writer.checkpoint();

      LogReader reader = writer.reader();
      assertThat(reader.first()).isEqualTo(512);
      assertThat(reader.next(0)).isEqualTo(PASS);
      assertThat(reader.next(PASS + 1)).isEqualTo(512);
      assertThat(reader.event(PASS).type()).isEqualTo("disclosure.pass");
      assertThat(reader.search(0, 3, EventQuery.ALL).get(0).seq()).isEqualTo(PASS);
      assertThat(reader.tail(Integer.MAX_VALUE, EventQuery.ALL)).hasSize((int) reader.size() - 511);
      assertThatThrownBy(() -> reader.event(0)).hasMessageContaining("event 0 was pruned");
      // Witnesses are still shown that the log continues what they signed.
      ProofBuilder proofs = new ProofBuilder(reader);
      assertThat(proofs.consistency(300, reader.size())).isNotEmpty();
      assertThat(proofs.inclusion(PASS, reader.size())).isNotEmpty();
      // No export of what is left of a job claims to be all of it.
      assertThatThrownBy(() -> JobExport.write(log, "J-1", folder.resolve("cut.zip")))
          .hasMessageContaining("events of the job before event 512 were pruned");
      Logs.job(writer, "J-2");
      writer.checkpoint();
      JobExport.write(log, "J-2", folder.resolve("job.zip"));
    }
    assertThat(Files.exists(log.resolve("tile/entries/001"))).isFalse();
    assertThat(Files.exists(log.resolve("tile/0/001"))).isTrue();
    Verification result = Logs.verify(log, state);
    assertThat(result.ok()).as("%s", result.lines()).isTrue();
    assertThat(result.lines().toString())
        .contains("events 0 to 511 were pruned, declared by event 813", "1 of them are kept");
    assertThat(result.toJson().at("/pruned/before").asLong()).isEqualTo(512);
    assertThat(result.toJson().at("/pruned/declared_by").asLong()).isEqualTo(813);
    assertThat(result.events()).isEqualTo(result.size() - 511);
    assertThat(Logs.verify(folder.resolve("job.zip")).ok()).isTrue();
    // Somebody who kept an old checkpoint finds that it is still the same log.
    assertThat(checkpointBefore).contains(Base64.getEncoder().encodeToString(rootBefore));

    try (AuditLog again = Logs.open(log)) {
      Logs.fill(again, 300);
      assertThat(prune(again, again.size())).isEqualTo(new AuditLog.Pruned(1024, 512, 1));
      again.checkpoint();
    }
    Verification twice = Logs.verify(log, state);
    assertThat(twice.ok()).as("%s", twice.lines()).isTrue();
    assertThat(twice.lines().toString()).contains("events 0 to 1023 were pruned");
  }

  @Test
  void whatIsMissingWithoutADeclarationIsNoticed() throws Exception {
    Path bare = Logs.copy(log, folder.resolve("bare"));
    Files.delete(bare.resolve("tile/entries/000"));
    assertThat(Logs.verify(bare).exitCode()).isEqualTo(11);
    assertThat(Logs.verify(bare).firstBad()).contains(0L);
    assertThatThrownBy(() -> Logs.open(bare)).hasMessageContaining("no event says");

    try (AuditLog writer = Logs.open(log)) {
      prune(writer, 300);
      writer.checkpoint();
    }
    Files.delete(log.resolve("tile/entries/001"));
    Verification more = Logs.verify(log);
    assertThat(more.exitCode()).isEqualTo(11);
    assertThat(more.firstBad()).contains(256L);
    assertThat(more.lines().toString()).contains("events 256 to 511 are missing");
    assertThatThrownBy(() -> Logs.open(log)).hasMessageContaining("no event says");
  }

  @Test
  void whatIsLeftOfAPrunedLogIsStillProtected() throws Exception {
    try (AuditLog writer = Logs.open(log)) {
      prune(writer, 600);
      writer.checkpoint();
    }
    assertThat(Logs.verify(log).ok()).isTrue();
    for (String name :
        List.of("tile/entries/002", "tile/0/000", "tile/0/002", "journal", "checkpoint", "kept")) {
      Path file = log.resolve(name);
      byte[] bytes = Files.readAllBytes(file);
      for (int at = bytes.length - 60; at > bytes.length / 2; at -= bytes.length / 7) {
        bytes[at] ^= 1;
        Files.write(file, bytes);
        assertThat(Logs.verify(log).exitCode()).as("%s, byte %d", name, at).isEqualTo(10);
        bytes[at] ^= 1;
        Files.write(file, bytes);
      }
    }
    // The count of a limit cannot be lost with the rest, and not be invented either.
    byte[] kept = Files.readAllBytes(log.resolve("kept"));
    Files.delete(log.resolve("kept"));
    assertThat(Logs.verify(log).exitCode()).isEqualTo(11);
    assertThatThrownBy(() -> Logs.open(log)).hasMessageContaining("kept of the pruned entries");
    Files.write(
        log.resolve("kept"), new Kept(512, Kept.parse(kept).entries().tailMap(PASS + 1)).toBytes());
    assertThat(Logs.verify(log).exitCode()).isEqualTo(11);
    Files.write(log.resolve("kept"), kept);
    // Hashes are all that shows what was there: a lost tile is no pruning.
    Files.delete(log.resolve("tile/0/001"));
    assertThat(Logs.verify(log).exitCode()).isEqualTo(11);
    assertThatThrownBy(() -> Logs.open(log)).hasMessageContaining("hashes of pruned entries");
  }

  @Test
  void aDeclarationThatIsNotInTheTreeDeclaresNothing() throws Exception {
    Event event =
        Event.fact(
            EventType.LOG_PRUNED,
            e -> e.reason("retention.expired").pruned(512, 1, 0, Kept.NONE.digest()));
    byte[] forged =
        event.encode(
            new Event.Stamp(813, "0".repeat(32), 1_700_000_000_900L, "0".repeat(16), 900_000_000));
    for (boolean committed : new boolean[] {false, true}) {
      Path copy = Logs.copy(log, folder.resolve("forged" + committed));
      Files.delete(copy.resolve("tile/entries/000"));
      Files.delete(copy.resolve("tile/entries/001"));
      List<byte[]> tail = new ArrayList<>(List.of(Journal.entryFrame(forged)));
      if (committed) {
        byte[] journal = Files.readAllBytes(copy.resolve("journal"));
        String text = new String(journal, UTF_8);
        int commit = text.lastIndexOf("espalier.org/audit-commit");
        tail.add(
            Arrays.copyOfRange(
                journal, journal.length - (text.length() - commit) - 5, journal.length));
      }
      try (var out =
          Files.newOutputStream(copy.resolve("journal"), java.nio.file.StandardOpenOption.APPEND)) {
        for (byte[] part : tail) {
          out.write(part);
        }
      }
      Verification result = Logs.verify(copy);
      assertThat(result.verdict()).isIn(Verdict.TRUNCATED, Verdict.ALTERED);
      assertThat(result.ok()).isFalse();
      assertThatThrownBy(() -> Logs.open(copy)).isInstanceOf(AuditUnavailableException.class);
    }
    Path mislaid = Logs.copy(log, folder.resolve("mislaid"));
    // In the tree, but of what cannot have been pruned.
    try (AuditLog writer = Logs.open(log)) {
      writer.fact(
          EventType.LOG_PRUNED,
          e -> e.reason("retention.expired").pruned(1024, 1, 0, Kept.NONE.digest()));
    }
    assertThat(Logs.verify(log).exitCode()).isEqualTo(10);
    // Signed, and in place of another event of a bundle: the node, too, asks the tree.
    Path bundle = mislaid.resolve("tile/entries/002");
    List<byte[]> entries = Bundles.entries(Files.readAllBytes(bundle));
    entries.set(
        700 - 512,
        event.encode(
            new Event.Stamp(700, "0".repeat(32), 1_700_000_000_700L, "0".repeat(16), 700_000_000)));
    Files.write(bundle, Bundles.ofEntries(entries));
    Files.delete(mislaid.resolve("tile/entries/000"));
    assertThatThrownBy(() -> Logs.open(mislaid)).hasMessageContaining("is not that of the tree");
    assertThat(Logs.verify(mislaid).exitCode()).isEqualTo(10);
  }

  @Test
  void whatCannotHaveBeenPrunedThenIsNoticed() throws Exception {
    Path young = Logs.copy(log, folder.resolve("young"));
    try (AuditLog writer = Logs.open(young)) {
      long soon = System.currentTimeMillis() + 60_000;
      writer.fact(
          EventType.LOG_PRUNED,
          e -> e.reason("retention.expired").pruned(256, soon, 0, Kept.NONE.digest()));
    }
    assertThat(Logs.verify(young).exitCode()).isEqualTo(10);
    // What was kept once is kept for good.
    try (AuditLog writer = Logs.open(log)) {
      prune(writer, 600);
      writer.fact(
          EventType.LOG_PRUNED,
          e -> e.reason("retention.expired").pruned(512, 1, 0, Kept.NONE.digest()));
    }
    Files.delete(log.resolve("kept"));
    assertThat(Logs.verify(log).exitCode()).isEqualTo(10);
  }

  @Test
  void aRemovalThatFailedIsFinishedBeforeTheNext() throws Exception {
    boolean[] armed = {true};
    Disk.Gate gate =
        (operation, path, length) -> {
          if (armed[0] && operation.equals("delete")) {
            throw new IOException("dead");
          }
          return length;
        };
    try (AuditLog writer = AuditLog.open(Logs.settings(log), Logs.SIGNER, gate)) {
      assertThatThrownBy(() -> prune(writer, 600)).isInstanceOf(AuditUnavailableException.class);
      assertThat(writer.reader().first()).isZero();
      armed[0] = false;
      assertThat(prune(writer, 300)).isEqualTo(new AuditLog.Pruned(512, 0, 1));
      writer.checkpoint();
    }
    assertThat(Logs.verify(log).ok()).isTrue();
  }

  @Test
  void aLogThatContinuesAnotherStillSaysSo() throws Exception {
    Path next = folder.resolve("next");
    String root = Base64.getEncoder().encodeToString(new byte[32]);
    try (AuditLog writer = Logs.open(next)) {
      writer.fact(
          EventType.LOG_CONTINUED,
          e ->
              e.tree(7, root)
                  .peerCheckpoint("hospital-a.example/silo/audit/0", 9, root)
                  .reason("disk.lost")
                  .personApproval(Logs.PERSON, "log.continued", null));
    }
    Bulk.append(next, 300);
    try (AuditLog writer = Logs.open(next)) {
      Logs.prune(writer, 300, event -> event.type().equals("log.continued"));
      writer.checkpoint();
    }
    Verification result = Logs.verify(next);
    assertThat(result.ok()).as("%s", result.lines()).isTrue();
    assertThat(result.lines().toString())
        .contains("this log continues", "hospital-a.example/silo/audit/0", "after 7 events");
  }

  @Test
  void actsUnderWayAndAlteredEventsAreNotRemoved() throws Exception {
    Path open = folder.resolve("open");
    try (AuditLog writer = Logs.open(open)) {
      Logs.fill(writer, 300);
      Intent run = writer.intent(EventType.JOB_STARTED, e -> e.job("J-1", 1, null));
      Logs.fill(writer, 400);
      assertThat(prune(writer, writer.size()).first()).isEqualTo(256);
      run.ok();
      Logs.fill(writer, 400);
      assertThat(prune(writer, 600).first()).isEqualTo(256);
      assertThat(prune(writer, writer.size()).first()).isEqualTo(1024);
      writer.checkpoint();
    }
    assertThat(Logs.verify(open).ok()).isTrue();

    try (AuditLog writer = Logs.open(log)) {
      Path bundle = log.resolve("tile/entries/001");
      byte[] bytes = Files.readAllBytes(bundle);
      bytes[100] ^= 1;
      Files.write(bundle, bytes);
      long size = writer.size();
      assertThatThrownBy(() -> prune(writer, 600)).isInstanceOf(IOException.class);
      assertThat(writer.size()).isEqualTo(size);
      assertThat(Files.exists(log.resolve("tile/entries/000"))).isTrue();
    }
  }

  @Test
  void aCrashAnywhereLeavesALogThatIsFinishedOnOpening() throws Exception {
    int operations = Integer.MAX_VALUE;
    boolean declared = false;
    for (int at = 0; at <= operations; at++) {
      Path copy = Logs.copy(log, folder.resolve("crash"));
      int[] count = {0};
      int death = at;
      boolean[] armed = {false};
      Disk.Gate gate =
          (operation, path, length) -> {
            if (armed[0] && count[0]++ >= death) {
              throw new IOException("dead");
            }
            return length;
          };
      try (AuditLog writer = AuditLog.open(Logs.settings(copy), Logs.SIGNER, gate)) {
        armed[0] = true;
        prune(writer, 600);
        operations = Math.min(operations, count[0]);
      } catch (AuditUnavailableException dead) {
        assertThat(count[0]).isGreaterThan(death);
      }
      Verification cut = Logs.verify(copy, folder.resolve("state" + at));
      assertThat(cut.ok()).as("operation %d: %s", at, cut.lines()).isTrue();
      try (AuditLog again = Logs.open(copy)) {
        LogReader reader = again.reader();
        declared = reader.tail(1, e -> e.type().equals("log.pruned")).size() == 1;
        assertThat(reader.first()).as("operation %d", at).isEqualTo(declared ? 512 : 0);
        assertThat(reader.event(PASS).type()).isEqualTo("disclosure.pass");
        again.checkpoint();
      }
      Verification after = Logs.verify(copy);
      assertThat(after.ok()).as("operation %d: %s", at, after.lines()).isTrue();
      Logs.delete(copy);
    }
    assertThat(operations).isGreaterThan(8);
    assertThat(declared).isTrue();
  }

  @Test
  void aVerifierBesideAPruningNodeRaisesNoAlarm() throws Exception {
    try (AuditLog writer = Logs.open(log)) {
      Thread load =
          new Thread(
              () -> {
                try {
                  for (int i = 0; i < 3; i++) {
                    Logs.fill(writer, 260);
                    prune(writer, writer.size());
                    writer.checkpoint();
                  }
                } catch (IOException e) {
                  throw new java.io.UncheckedIOException(e);
                }
              });
      load.start();
      do {
        Verification result = Logs.verify(log, state);
        assertThat(result.ok()).as("%s", result.lines()).isTrue();
      } while (load.isAlive());
      load.join();
      assertThat(writer.reader().first()).isGreaterThan(1000);
    }
  }
}
