package org.espalier.audit.verify;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.espalier.audit.verify.Verdict.ALTERED;
import static org.espalier.audit.verify.Verdict.FORK;
import static org.espalier.audit.verify.Verdict.KEY_NOT_TRUSTED;
import static org.espalier.audit.verify.Verdict.OK;
import static org.espalier.audit.verify.Verdict.TIME;
import static org.espalier.audit.verify.Verdict.TRUNCATED;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.espalier.audit.Logs;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.event.EventType;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.Bulk;
import org.espalier.audit.log.LogSettings;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The attacks that a verifier must notice, alone or with what it remembers. */
class AttackTest {
  private static final NoteSigner STRANGER =
      NoteSigner.of(Logs.ORIGIN, NoteSigner.Use.LOG, NoteSigner.generateKeys());

  @TempDir Path folder;
  private Path log;
  private Path state;

  @BeforeEach
  void smallLog() {
    log = folder.resolve("log");
    state = folder.resolve("state");
    try (AuditLog writer = Logs.open(log)) {
      for (int i = 0; i < 4; i++) {
        writer.fact(EventType.NODE_STOPPED, e -> e.reason("test"));
      }
      writer.checkpoint();
      writer.fact(EventType.NODE_STOPPED, e -> e.reason("test"));
      writer.fact(EventType.NODE_STOPPED, e -> e.reason("test"));
      writer.checkpoint();
    }
    assertThat(Logs.verify(log).verdict()).isEqualTo(OK);
  }

  /** Attack 1. */
  @Test
  void everyFlippedByteOfASmallLogIsNoticed() throws Exception {
    Random random = new Random(1);
    log = folder.resolve("smaller");
    try (AuditLog writer = Logs.open(log)) {
      writer.fact(EventType.NODE_STOPPED, e -> e.reason("test"));
      writer.checkpoint();
    }
    int tried = 0;
    for (Path file : Logs.files(log)) {
      String name = file.getFileName().toString();
      if (name.equals("reserve") || name.equals("lock")) {
        continue;
      }
      byte[] bytes = Files.readAllBytes(file);
      for (int i = 0; i < bytes.length; i++) {
        byte[] bad = bytes.clone();
        bad[i] ^= (byte) (1 << random.nextInt(8));
        Files.write(file, bad);
        assertThat(Logs.verify(log).verdict()).as("%s, byte %d", file, i).isNotEqualTo(OK);
        tried++;
      }
      Files.write(file, bytes);
    }
    assertThat(tried).isGreaterThan(1500);
    assertThat(Logs.verify(log).verdict()).isEqualTo(OK);
  }

  @Test
  void everyByteOfAnEntryCountsAndTheEntryIsNamed() throws Exception {
    List<Forge.Frame> frames = Forge.frames(log);
    for (int seq = 0; seq < 8; seq += 7) {
      int at = 1 + 2 * seq;
      byte[] entry = frames.get(at).content();
      for (int i = seq; i < entry.length; i += 1 + seq) {
        byte[] bad = entry.clone();
        bad[i] ^= 1;
        List<Forge.Frame> altered = new ArrayList<>(frames);
        altered.set(at, new Forge.Frame('E', bad));
        Forge.write(log, altered);
        Verification result = Logs.verify(log);
        assertThat(result.verdict()).isEqualTo(ALTERED);
        assertThat(result.firstBad()).contains((long) seq);
      }
    }
  }

  @Test
  void flippedBytesOfALargeLogAreNoticed() throws Exception {
    Path large = folder.resolve("large");
    Bulk.append(large, 600);
    List<Path> files =
        Logs.files(large).stream()
            .filter(f -> !f.endsWith("reserve") && !f.endsWith("lock"))
            .toList();
    Random random = new Random(2);
    for (int i = 0; i < 150; i++) {
      Path file = files.get(random.nextInt(files.size()));
      byte[] bytes = Files.readAllBytes(file);
      byte[] bad = bytes.clone();
      int at = random.nextInt(bad.length);
      bad[at] ^= (byte) (1 + random.nextInt(255));
      Files.write(file, bad);
      assertThat(Logs.verify(large).verdict()).as("%s, byte %d", file, at).isNotEqualTo(OK);
      Files.write(file, bytes);
    }
    byte[] bundle = Files.readAllBytes(large.resolve("tile/entries/001"));
    String text = new String(bundle, ISO_8859_1).replaceFirst("0000012c\"", "0000012d\"");
    Files.write(large.resolve("tile/entries/001"), text.getBytes(ISO_8859_1));
    assertThat(Logs.verify(large).firstBad()).contains(300L);
  }

  /** Attacks 2, 3 and 4, without a key and with the true one. */
  @Test
  void removedSwappedAndDoubledEventsAreNoticedEvenIfTheTrueKeySignsThem() throws Exception {
    List<byte[]> entries = Forge.entries(log);
    int n = entries.size();
    List<Forge.Frame> frames = Forge.frames(log);
    for (int seq : new int[] {0, n / 2, n - 1}) {
      List<Forge.Frame> without = new ArrayList<>(frames);
      without.remove(1 + 2 * seq);
      Forge.write(log, without);
      assertAltered(seq);

      List<Forge.Frame> doubled = new ArrayList<>(frames);
      doubled.add(1 + 2 * seq, frames.get(1 + 2 * seq));
      Forge.write(log, doubled);
      assertAltered(seq + 1);

      if (seq < n - 1) {
        List<byte[]> removed = new ArrayList<>(entries);
        removed.remove(seq);
        Forge.rewrite(log, Logs.SIGNER, removed, true);
        assertAltered(seq);

        List<byte[]> swapped = new ArrayList<>(entries);
        Collections.swap(swapped, seq, seq + 1);
        Forge.rewrite(log, Logs.SIGNER, swapped, true);
        assertAltered(seq);
      }
      List<byte[]> twice = new ArrayList<>(entries);
      twice.add(seq, entries.get(seq));
      Forge.rewrite(log, Logs.SIGNER, twice, true);
      assertAltered(seq + 1);
    }
  }

  private void assertAltered(long firstBad) {
    Verification result = Logs.verify(log);
    assertThat(result.verdict()).isEqualTo(ALTERED);
    assertThat(result.firstBad()).contains(firstBad);
    assertThat(result.lines()).contains("first bad event: " + firstBad);
  }

  @Test
  void aCutTailIsNoticedByTheCheckpoint() throws Exception {
    List<Forge.Frame> frames = Forge.frames(log);
    for (int cut = 1; cut <= 8; cut++) {
      Forge.write(log, frames.subList(0, frames.size() - 2 * cut));
      Verification result = Logs.verify(log);
      assertThat(result.verdict()).isEqualTo(TRUNCATED);
      assertThat(result.firstBad()).contains(8L - cut);
    }
  }

  /** Attack 5: only what the verifier remembers, or a witness, can tell. */
  @Test
  void aTailThatWasCutAndSignedAnewIsNoticedByTheVerifiersMemory() throws Exception {
    assertThat(Logs.verify(log, state).verdict()).isEqualTo(OK);
    List<byte[]> entries = Forge.entries(log);
    for (int cut = 1; cut <= entries.size(); cut++) {
      Forge.rewrite(log, Logs.SIGNER, entries.subList(0, entries.size() - cut), true);
      assertThat(Logs.verify(log).verdict()).as("the limit without memory").isEqualTo(OK);
      Verification result = Logs.verify(log, state);
      assertThat(result.verdict()).isEqualTo(TRUNCATED);
      assertThat(result.exitCode()).isEqualTo(11);
    }
    Forge.rewrite(log, Logs.SIGNER, entries, true);
    assertThat(Logs.verify(log, state).verdict()).isEqualTo(OK);
  }

  /** Attacks 6 and 22. */
  @Test
  void anotherPastIsAForkAndLeavesEvidence() throws Exception {
    assertThat(Logs.verify(log, state).verdict()).isEqualTo(OK);
    Path backup = Logs.copy(log, folder.resolve("backup"));
    List<byte[]> entries = Forge.entries(log);
    Forge.rewrite(backup, Logs.SIGNER, entries.subList(0, 3), true);
    try (AuditLog writer = Logs.open(backup)) {
      for (int i = 0; i < 20; i++) {
        writer.fact(EventType.NODE_STOPPED, e -> e.reason("other"));
      }
      writer.checkpoint();
    }
    Verification result = Logs.verify(backup, state);
    assertThat(result.verdict()).isEqualTo(FORK);
    assertThat(result.exitCode()).isEqualTo(13);
    List<Path> kept =
        Logs.files(state).stream()
            .filter(f -> f.getFileName().toString().startsWith("fork-"))
            .toList();
    assertThat(kept).hasSize(1);
    JsonNode evidence = new ObjectMapper().readTree(kept.get(0).toFile());
    for (String side : new String[] {"first", "second"}) {
      SignedNote note = SignedNote.parse(evidence.path(side).asText().getBytes(UTF_8));
      assertThat(note.by(Logs.KEY)).isEqualTo(SignedNote.Check.GOOD);
    }
    assertThat(evidence.path("first").asText()).isNotEqualTo(evidence.path("second").asText());
    assertThat(result.toJson().path("evidence").path("vkey").asText())
        .isEqualTo(Logs.SIGNER.vkey());
    assertThat(Logs.verify(log, state).verdict()).as("the state was not moved").isEqualTo(OK);
  }

  @Test
  void twoSignedHeadsThatExcludeEachOtherAreAForkWithoutMemory() throws Exception {
    String checkpoint = Files.readString(log.resolve("checkpoint"));
    List<byte[]> entries = Forge.entries(log);
    entries.set(2, Forge.edited(entries.get(2), "\"test\"", "\"best\""));
    // The checkpoint.signed events state the old root; an attacker with the key takes them out.
    for (int i : new int[] {4, 7}) {
      entries.set(i, Forge.edited(entries.get(3), "\"seq\":3", "\"seq\":" + i));
    }
    Forge.rewrite(log, Logs.SIGNER, monotonic(entries), true);
    assertThat(Logs.verify(log).verdict()).isEqualTo(OK);
    Files.writeString(log.resolve("checkpoint"), checkpoint);
    Verification result = Logs.verify(log);
    assertThat(result.verdict()).isEqualTo(FORK);
    assertThat(result.evidence().first()).isEqualTo(checkpoint);
  }

  private static List<byte[]> monotonic(List<byte[]> entries) {
    List<byte[]> result = new ArrayList<>();
    for (byte[] entry : entries) {
      result.add(
          new String(entry, UTF_8).replaceFirst("\"mono\":[0-9]+", "\"mono\":5").getBytes(UTF_8));
    }
    return result;
  }

  /** Attack 9, as far as the machine itself can tell. */
  @Test
  void eventsFromTheFutureAndClockStepsAreNamed() throws Exception {
    Verification early =
        Verifier.trusting(Logs.KEY)
            .at(Clock.fixed(Instant.now().minus(Duration.ofDays(1)), ZoneOffset.UTC))
            .verify(log);
    assertThat(early.verdict()).isEqualTo(TIME);
    assertThat(early.exitCode()).isEqualTo(15);
    assertThat(early.firstBad()).contains(0L);

    Path stepped = folder.resolve("stepped");
    Stepping clock = new Stepping();
    try (AuditLog writer =
        AuditLog.open(
            new LogSettings(stepped, clock, 64 << 10, Duration.ofSeconds(30)), Logs.SIGNER)) {
      writer.fact(EventType.NODE_STOPPED, e -> e.reason("test"));
      clock.offset = Duration.ofDays(-1);
      writer.fact(EventType.NODE_STOPPED, e -> e.reason("test"));
      clock.offset = Duration.ZERO;
      writer.fact(EventType.NODE_STOPPED, e -> e.reason("test"));
    }
    Verification result = Logs.verify(stepped);
    assertThat(result.verdict()).isEqualTo(OK);
    assertThat(String.join("\n", result.remarks()))
        .contains("between events 0 and 1 the node's clock was set back by 86")
        .contains("between events 1 and 2 the node's clock was set forward by 86");

    List<byte[]> entries = Forge.entries(stepped);
    entries.set(
        2,
        new String(entries.get(2), UTF_8)
            .replaceFirst("\"mono\":[0-9]+", "\"mono\":0")
            .getBytes(UTF_8));
    Forge.rewrite(stepped, Logs.SIGNER, entries, false);
    assertThat(Logs.verify(stepped).verdict()).isEqualTo(TIME);
  }

  /** Attack 10. */
  @Test
  void anOldCheckpointIsNoticedByTheVerifiersMemory() throws Exception {
    String old = Files.readString(log.resolve("checkpoint"));
    try (AuditLog writer = Logs.open(log)) {
      writer.fact(EventType.NODE_STOPPED, e -> e.reason("test"));
      writer.checkpoint();
    }
    assertThat(Logs.verify(log, state).verdict()).isEqualTo(OK);
    Files.writeString(log.resolve("checkpoint"), old);
    assertThat(Logs.verify(log, state).verdict()).isEqualTo(TRUNCATED);
    Files.delete(log.resolve("checkpoint"));
    assertThat(Logs.verify(log, state).verdict()).isEqualTo(TRUNCATED);
    Verification stateless = Logs.verify(log);
    assertThat(stateless.verdict()).isEqualTo(OK);
    assertThat(stateless.remarks()).anyMatch(r -> r.contains("no signed checkpoint"));
  }

  /** Attack 11. */
  @Test
  void anotherLogsCheckpointOrFilesAreNotThisLogs() throws Exception {
    NoteSigner other =
        NoteSigner.of("bank-b.example/silo/audit/1", NoteSigner.Use.LOG, NoteSigner.generateKeys());
    Path theirs = folder.resolve("theirs");
    try (AuditLog writer = AuditLog.open(Logs.settings(theirs), other)) {
      writer.fact(EventType.NODE_STOPPED, e -> e.reason("test"));
      writer.checkpoint();
    }
    Verification result = Logs.verify(theirs);
    assertThat(result.verdict()).isEqualTo(KEY_NOT_TRUSTED);
    assertThat(result.exitCode()).isEqualTo(14);
    Files.copy(
        theirs.resolve("checkpoint"),
        log.resolve("checkpoint"),
        java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    assertThat(Logs.verify(log).verdict()).isEqualTo(ALTERED);

    // One state directory for two logs: each has its own mark.
    smallLogAgain();
    Verifier forTheirs = Verifier.trusting(TrustedKey.parse(other.vkey())).remembering(state);
    assertThat(Logs.verify(log, state).verdict()).isEqualTo(OK);
    assertThat(forTheirs.verify(theirs).verdict()).isEqualTo(OK);
    assertThat(Logs.verify(log, state).verdict()).isEqualTo(OK);
    assertThat(forTheirs.verify(theirs).verdict()).isEqualTo(OK);
  }

  private void smallLogAgain() throws IOException {
    List<byte[]> entries = Forge.entries(log);
    Forge.rewrite(log, Logs.SIGNER, entries, true);
  }

  /** Attack 12, and a key that lies beside the log. */
  @Test
  void aLogSignedByAnotherKeyOfTheSameNameIsNotTrusted() throws Exception {
    Forge.rewrite(log, STRANGER, Forge.entries(log), true);
    Files.writeString(log.resolve("vkey"), STRANGER.vkey());
    Files.writeString(log.resolve("audit.vkey"), STRANGER.vkey());
    Verification result = Logs.verify(log);
    assertThat(result.verdict()).isEqualTo(KEY_NOT_TRUSTED);
    assertThat(result.findings().get(0).text()).contains("trusted key");
  }

  @Test
  void aKeyThatIsNotTheOneOfTheLastVisitIsRefused() throws Exception {
    assertThat(Logs.verify(log, state).verdict()).isEqualTo(OK);
    Forge.rewrite(log, STRANGER, Forge.entries(log), true);
    Verifier careless = Verifier.trusting(TrustedKey.parse(STRANGER.vkey()));
    assertThat(careless.verify(log).verdict()).isEqualTo(OK);
    assertThat(careless.remembering(state).verify(log).verdict()).isEqualTo(KEY_NOT_TRUSTED);
  }

  /** Attacks 13 and 14. */
  @Test
  void otherSignaturesOnTheCheckpointMeanNothing() throws Exception {
    Path file = log.resolve("checkpoint");
    String good = Files.readString(file);
    String text = good.substring(0, good.indexOf("\n\n") + 1);
    String own = good.substring(good.indexOf("\n\n") + 2);
    NoteSigner witness =
        NoteSigner.of("witness.example", NoteSigner.Use.LOG, NoteSigner.generateKeys());
    String theirs = line(witness, text);
    String unknownKind = "\u2014 witness2.example " + "A".repeat(200) + "\n";
    for (String lines :
        List.of(
            own + theirs,
            theirs + own,
            own + own,
            unknownKind + own + theirs,
            line(STRANGER, text) + own)) {
      Files.writeString(file, text + "\n" + lines);
      assertThat(Logs.verify(log).verdict()).as(lines).isEqualTo(OK);
    }
    for (String lines :
        List.of(
            theirs,
            line(STRANGER, text),
            own.replace(Logs.ORIGIN, "other.example/x"),
            own + own.substring(0, own.length() - 10) + "AAAAAAA==\n",
            "",
            "\n",
            own.strip(),
            own + "\n")) {
      Files.writeString(file, text + "\n" + lines);
      assertThat(Logs.verify(log).verdict()).as(lines).isEqualTo(ALTERED);
    }
    Files.writeString(file, text + "\n" + own.repeat(200));
    assertThat(Logs.verify(log).verdict()).isEqualTo(ALTERED);
    Files.writeString(file, "x".repeat(10 << 20));
    assertThat(Logs.verify(log).verdict()).isEqualTo(ALTERED);
  }

  private static String line(NoteSigner signer, String text) {
    String note = signer.note(text);
    return note.substring(note.indexOf("\n\n") + 2);
  }

  @Test
  void theCheckpointIsCheckedEvenIfTheJournalIsInOrder() throws Exception {
    Path file = log.resolve("checkpoint");
    String good = Files.readString(file);
    String[] lines = good.split("\n", -1);
    lines[2] = "A".repeat(43) + "=";
    Files.writeString(file, String.join("\n", lines));
    assertThat(Logs.verify(log).verdict()).isEqualTo(ALTERED);
    // A commit note is no checkpoint, though the key signed it.
    List<Forge.Frame> frames = Forge.frames(log);
    Files.write(file, frames.get(frames.size() - 1).content());
    assertThat(Logs.verify(log).verdict()).isEqualTo(ALTERED);
  }

  /** A verifier that trusts stored hashes would pass this. */
  @Test
  void anEventChangedTogetherWithItsHashIsNoticed() throws Exception {
    Path large = folder.resolve("large");
    Bulk.append(large, 300);
    Path bundle = large.resolve("tile/entries/000");
    byte[] bytes = Files.readAllBytes(bundle);
    int length = Short.toUnsignedInt(java.nio.ByteBuffer.wrap(bytes).getShort());
    byte[] entry = java.util.Arrays.copyOfRange(bytes, 2, 2 + length);
    byte[] forged = Forge.edited(entry, "\"test\"", "\"best\"");
    System.arraycopy(forged, 0, bytes, 2, length);
    Files.write(bundle, bytes);
    Path tile = large.resolve("tile/0/000");
    byte[] hashes = Files.readAllBytes(tile);
    System.arraycopy(org.espalier.audit.merkle.Hashing.leaf(forged), 0, hashes, 0, 32);
    Files.write(tile, hashes);
    Verification result = Logs.verify(large);
    assertThat(result.verdict()).isEqualTo(ALTERED);
    assertThat(result.firstBad()).contains(0L);
  }

  @Test
  void anUnsignedCommitResetsNothing() throws Exception {
    List<Forge.Frame> frames = new ArrayList<>(Forge.frames(log));
    List<byte[]> entries = Forge.entries(log);
    Tree tree = new Tree();
    for (byte[] entry : entries.subList(0, 3)) {
      tree.add(org.espalier.audit.merkle.Hashing.leaf(entry));
    }
    String text = TreeHead.commitText(Logs.ORIGIN, 3, tree.root());
    for (String note : List.of(text, text + "\n", text + "\n" + line(STRANGER, text), "")) {
      List<Forge.Frame> more = new ArrayList<>(frames);
      more.add(7, new Forge.Frame('C', note.getBytes(UTF_8)));
      Forge.write(log, more);
      assertThat(Logs.verify(log).verdict()).isEqualTo(ALTERED);
    }
  }

  @Test
  void eventsThatBreakTheRulesAreNoticedEvenIfSigned() throws Exception {
    List<byte[]> entries = Forge.entries(log);
    String plain = new String(entries.get(3), UTF_8);
    for (String bad :
        List.of(
            plain.replace("node.stopped", "node.melted"),
            plain.replace("\"fact\"", "\"intent\""),
            plain.replace("\"fact\"", "\"outcome\",\"ref\":0,\"outcome\":\"ok\""),
            plain.replace("\"fact\"", "\"outcome\",\"ref\":99,\"outcome\":\"ok\""),
            plain.replace("\"v\":1", "\"v\":2"),
            plain.replace("\"v\":1", "\"v\":1,\"v\":1"),
            plain.replace("\"v\":1", "\"v\":1,\"extra\":1"),
            plain.replace("\"v\":1", "\"v\":1,\"rows\":1.5"),
            plain.replace("\"test\"", "\"te\u202est\""),
            plain.replace("\"test\"", "\"te\u2028st\""),
            plain.replace(",\"type\"", ",\n\"type\""),
            plain.replace("\"seq\":3", "\"seq\":\"3\""),
            plain.replaceFirst("\"time\":[0-9]+", "\"time\":-1"),
            plain.replaceFirst("\"id\":\"[0-9a-f]+\"", "\"id\":\"x\""),
            plain + "{}",
            "[" + plain + "]",
            "",
            "x".repeat(20_000))) {
      List<byte[]> forged = new ArrayList<>(entries.subList(0, 3));
      forged.add(bad.getBytes(UTF_8));
      Forge.rewrite(log, Logs.SIGNER, forged, true);
      Verification result = Logs.verify(log);
      assertThat(result.verdict()).as(bad).isEqualTo(ALTERED);
      assertThat(result.firstBad()).contains(3L);
      assertThat(String.join("", result.lines()).chars().allMatch(c -> c >= 0x20 && c < 0x7f))
          .isTrue();
    }
  }

  /** Attack 15, and of each size one missing file and one cut. */
  @Test
  void logsOfEverySizeVerifyAndMissingFilesAreNamed() throws Exception {
    for (int size : new int[] {0, 1, 2, 3, 4, 5, 255, 256, 257, 511, 512, 513}) {
      Path directory = folder.resolve("size" + size);
      Bulk.append(directory, size);
      Verification result = Logs.verify(directory);
      assertThat(result.verdict()).as("%d: %s", size, result.findings()).isEqualTo(OK);
      assertThat(result.size()).isEqualTo(size);
      for (Path file : Logs.files(directory)) {
        String name = directory.relativize(file).toString();
        if (name.equals("journal") || name.matches("tile/(entries|0)/\\d+")) {
          byte[] bytes = Files.readAllBytes(file);
          Files.delete(file);
          assertThat(Logs.verify(directory).verdict()).as(name).isEqualTo(TRUNCATED);
          Files.createSymbolicLink(file, directory.resolve("checkpoint"));
          assertThat(Logs.verify(directory).verdict()).as(name).isEqualTo(TRUNCATED);
          Files.delete(file);
          Files.write(file, bytes);
        }
      }
      assertThat(Logs.verify(directory).verdict()).isEqualTo(OK);
    }
  }

  @Test
  void aTreeOfThreeLevelsOfTilesVerifiesAndEveryTileCounts() throws Exception {
    Path directory = folder.resolve("deep");
    Bulk.append(directory, 65_536 + 300);
    Verification result = Logs.verify(directory, state);
    assertThat(result.verdict()).as("%s", result.findings()).isEqualTo(OK);
    assertThat(result.size()).isEqualTo(65_836);
    for (String name :
        new String[] {"tile/1/000", "tile/1/001.p/1", "tile/2/000.p/1", "tile/0/077"}) {
      Path file = directory.resolve(name);
      byte[] bytes = Files.readAllBytes(file);
      byte[] bad = bytes.clone();
      bad[bad.length - 1] ^= 1;
      Files.write(file, bad);
      assertThat(Logs.verify(directory).verdict()).as(name).isEqualTo(ALTERED);
      if (!name.contains(".p")) {
        Files.delete(file);
        assertThat(Logs.verify(directory).verdict()).as(name).isEqualTo(TRUNCATED);
      }
      Files.write(file, bytes);
    }
  }

  @Test
  void whatIsRememberedMustBeReadable() throws Exception {
    assertThat(Logs.verify(log, state).verdict()).isEqualTo(OK);
    Path mark =
        Logs.files(state).stream()
            .filter(f -> f.toString().endsWith(".json"))
            .findFirst()
            .orElseThrow();
    Files.writeString(mark, "{}");
    org.assertj.core.api.Assertions.assertThatThrownBy(
            () -> Verifier.trusting(Logs.KEY).remembering(state).verify(log))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("damaged");
  }

  @Test
  void theCataloguesOfWriterAndVerifierAreTheSame() {
    assertThat(EventRules.types()).hasSize(EventType.values().length);
    for (EventType type : EventType.values()) {
      EventRules.Type known = EventRules.types().get(type.wireName());
      assertThat(known).as(type.wireName()).isNotNull();
      assertThat(known.required()).isEqualTo(type.required());
      EventRules.Form form =
          type.isResult()
              ? EventRules.Form.RESULT
              : type.isAct() && type.isFact()
                  ? EventRules.Form.EITHER
                  : type.isAct() ? EventRules.Form.ACT : EventRules.Form.FACT;
      assertThat(known.form()).isEqualTo(form);
    }
  }

  private static final class Stepping extends Clock {
    private Duration offset = Duration.ZERO;

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      return this;
    }

    @Override
    public Instant instant() {
      return Instant.now().plus(offset);
    }
  }
}
