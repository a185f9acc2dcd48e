package org.espalier.audit.timestamp;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.bouncycastle.asn1.x509.CRLReason;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.espalier.audit.Logs;
import org.espalier.audit.MemoryFolder;
import org.espalier.audit.checkpoint.Checkpoint;
import org.espalier.audit.event.Event;
import org.espalier.audit.event.EventType;
import org.espalier.audit.export.JobExport;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.LogSettings;
import org.espalier.audit.verify.TimeStamp;
import org.espalier.audit.verify.TimeStampTrust;
import org.espalier.audit.verify.Verdict;
import org.espalier.audit.verify.Verification;
import org.espalier.audit.verify.Verifier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Time stamps of an authority, and authorities that are dead, slow, wrong or hostile. */
class TimeStampTest {
  private static final byte[] TEXT = "origin\n7\nroot\n".getBytes(UTF_8);
  private static final Instant DAY = Instant.parse("2026-03-01T12:00:00Z");
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  @TempDir(factory = MemoryFolder.class)
  Path folder;

  private final AtomicReference<Instant> now = new AtomicReference<>(DAY);

  // ---- tokens ---------------------------------------------------------------------------------

  @Test
  void aTokenIsOfOneTextByATrustedAuthorityOnly() throws Exception {
    TestTsa tsa = TestTsa.create();
    byte[] token = tsa.token(TEXT, DAY);
    TimeStamp stamp = TimeStamp.check(token, TEXT, tsa.trust());
    assertThat(stamp.time()).isEqualTo(DAY);
    assertThat(stamp.by()).isEqualTo("CN=Test TSA");
    assertInvalid(token, "other".getBytes(UTF_8), tsa.trust(), "is of something else");
    assertInvalid(token, TEXT, TestTsa.create().trust(), "not by a trusted authority");
    // Issued for servers, and not for time stamps.
    assertInvalid(tsa.misissued(TEXT, DAY), TEXT, tsa.trust(), "ExtendedKeyUsage not solely");
  }

  /** RFC 3161, sections 2.3 and 4: what was stamped before a certificate's end stays stamped. */
  @Test
  void aTokenOutlivesItsCertificateUnlessTheKeyIsLost() throws Exception {
    Instant ends = DAY.plus(Duration.ofDays(30));
    TestTsa tsa = new TestTsa(KeyPurposeId.id_kp_timeStamping, ends);
    byte[] token = tsa.token(TEXT, DAY);
    assertThat(TimeStamp.check(token, TEXT, tsa.trust()).ends()).isEqualTo(ends);
    assertInvalid(tsa.token(TEXT, ends.plusSeconds(3600)), TEXT, tsa.trust(), "is not in order");
    Instant before = DAY.minusSeconds(60);
    Instant after = DAY.plusSeconds(60);
    for (int harmless : new int[] {CRLReason.superseded, CRLReason.cessationOfOperation}) {
      TimeStamp.check(token, TEXT, tsa.trustWith(tsa.revocation(after, harmless)));
      assertInvalid(token, TEXT, tsa.trustWith(tsa.revocation(before, harmless)), "was revoked at");
    }
    assertInvalid(
        token, TEXT, tsa.trustWith(tsa.revocation(after, CRLReason.keyCompromise)), "revoked");
    // A list by somebody else under the same name.
    assertInvalid(
        token,
        TEXT,
        tsa.trustWith(TestTsa.create().revocation(after, CRLReason.superseded)),
        "not by a trusted authority");
  }

  @Test
  void everyChangedByteOfATokenIsNoticed() throws Exception {
    TestTsa tsa = TestTsa.create();
    TimeStampTrust trust = tsa.trust();
    byte[] token = tsa.token(TEXT, DAY);
    Random random = new Random(3);
    int same = 0;
    for (int i = 0; i < 400; i++) {
      byte[] changed = token.clone();
      switch (i % 4) {
        case 0, 1 -> changed[random.nextInt(changed.length)] ^= (byte) (1 << random.nextInt(8));
        case 2 -> changed = Arrays.copyOf(changed, random.nextInt(changed.length));
        default -> {
          int at = random.nextInt(changed.length - 8);
          byte[] noise = new byte[8];
          random.nextBytes(noise);
          System.arraycopy(noise, 0, changed, at, 8);
        }
      }
      try {
        // Not all is under the signature, such as the certificate's own form; the word is.
        assertThat(TimeStamp.check(changed, TEXT, trust).time()).isEqualTo(DAY);
        same++;
      } catch (TimeStamp.InvalidException expected) {
        assertThat(expected).hasMessageContaining(" ");
      }
    }
    assertThat(same).isLessThan(20);
    byte[] deep = new byte[TimeStamp.MAX_BYTES];
    Arrays.fill(deep, (byte) 0x30);
    assertInvalid(deep, TEXT, trust, "");
    assertInvalid(nested(5000), TEXT, trust, "nests deeper");
    assertInvalid(new byte[TimeStamp.MAX_BYTES + 1], TEXT, trust, "longer than any");
    assertInvalid(new byte[0], TEXT, trust, "");
    assertInvalid(Arrays.copyOf(token, token.length + 1), TEXT, trust, "");
  }

  /** Sequences in sequences, all lengths right. */
  private static byte[] nested(int depth) {
    byte[] inner = {0x05, 0x00};
    for (int i = 0; i < depth; i++) {
      int length = inner.length;
      byte[] head =
          length < 128
              ? new byte[] {0x30, (byte) length}
              : new byte[] {
                0x30, (byte) 0x83, (byte) (length >> 16), (byte) (length >> 8), (byte) length
              };
      byte[] outer = Arrays.copyOf(head, head.length + length);
      System.arraycopy(inner, 0, outer, head.length, length);
      inner = outer;
    }
    return inner;
  }

  @Test
  void aFileOfCertificatesIsReadStrictly() throws Exception {
    for (String text : new String[] {"", "x", "-----BEGIN CERTIFICATE-----\nAA==\n-----END"}) {
      assertThatThrownBy(() -> TimeStampTrust.parse(text.getBytes(UTF_8)))
          .isInstanceOf(IllegalArgumentException.class);
    }
    String key = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";
    assertThatThrownBy(() -> TimeStampTrust.parse(key.getBytes(UTF_8)))
        .hasMessageContaining("neither a certificate");
  }

  private static void assertInvalid(byte[] token, byte[] text, TimeStampTrust trust, String why) {
    assertThatThrownBy(() -> TimeStamp.check(token, text, trust))
        .isInstanceOf(TimeStamp.InvalidException.class)
        .hasMessageContaining(why);
  }

  // ---- over HTTP ------------------------------------------------------------------------------

  @Test
  void anAuthorityIsAskedOverHttpAndItsAnswerChecked() throws Exception {
    try (TestTsa tsa = TestTsa.create()) {
      URI url = tsa.serve();
      TimeStamper stamper = new TimeStamper(url, tsa.trust(), TestTsa.POLICY, PATIENCE);
      TimeStamper.Stamped stamped = stamper.stamp(TEXT);
      assertThat(TimeStamp.check(stamped.token(), TEXT, tsa.trust()).digest())
          .isEqualTo(stamped.stamp().digest());

      // The answer to an earlier question: another nonce.
      AtomicReference<byte[]> first = new AtomicReference<>();
      tsa.answering(
          answer -> {
            first.compareAndSet(null, answer);
            return first.get();
          });
      stamper.stamp(TEXT);
      assertThatThrownBy(() -> stamper.stamp(TEXT)).hasMessageContaining("for what was asked");
      tsa.answering(answer -> new byte[200_000]);
      assertThatThrownBy(() -> stamper.stamp(TEXT)).hasMessageContaining("longer than any");
      tsa.answering(answer -> "<html>sorry</html>".getBytes(UTF_8));
      assertThatThrownBy(() -> stamper.stamp(TEXT)).hasMessageContaining("no time stamp");
      tsa.answering(UnaryOperator.identity());
      assertThatThrownBy(() -> new TimeStamper(url, tsa.trust(), "1.2.3.4", PATIENCE).stamp(TEXT))
          .isInstanceOf(IOException.class);
      assertThatThrownBy(
              () -> new TimeStamper(url, TestTsa.create().trust(), null, PATIENCE).stamp(TEXT))
          .hasMessageContaining("not by a trusted authority");
      tsa.hanging(Duration.ofSeconds(20));
      long began = System.nanoTime();
      assertThatThrownBy(
              () -> new TimeStamper(url, tsa.trust(), null, Duration.ofMillis(300)).stamp(TEXT))
          .isInstanceOf(IOException.class);
      assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(10));
      tsa.stop();
      assertThatThrownBy(() -> stamper.stamp(TEXT)).hasMessageContaining("cannot be asked");
    }
  }

  // ---- in a log -------------------------------------------------------------------------------

  private AuditLog log() {
    Clock clock =
        new Clock() {
          @Override
          public ZoneOffset getZone() {
            return ZoneOffset.UTC;
          }

          @Override
          public Clock withZone(java.time.ZoneId zone) {
            return this;
          }

          @Override
          public Instant instant() {
            return now.get();
          }
        };
    return AuditLog.open(
        new LogSettings(folder.resolve("log"), clock, 64 << 10, Duration.ofSeconds(30)),
        Logs.SIGNER);
  }

  /** As a node does it. */
  private static void stamp(AuditLog log, Path directory, TestTsa tsa, Instant at)
      throws Exception {
    Checkpoint checkpoint = log.checkpoint();
    byte[] token = tsa.token(text(checkpoint), at);
    new StampedCheckpoints(directory).keep(checkpoint.size(), checkpoint.note(), token);
    log.fact(
        EventType.CHECKPOINT_STAMPED,
        e ->
            e.tree(checkpoint.size(), Checkpoint.rootBase64(checkpoint.root()))
                .stamp(TimeStamp.digest(token), at.toEpochMilli()));
  }

  private static byte[] text(Checkpoint checkpoint) {
    return checkpoint.note().substring(0, checkpoint.note().indexOf("\n\n") + 1).getBytes(UTF_8);
  }

  private Verification verify(TestTsa tsa, Instant at) throws IOException {
    Verifier verifier = Verifier.trusting(Logs.KEY).at(Clock.fixed(at, ZoneOffset.UTC));
    return (tsa == null ? verifier : verifier.stamped(tsa.trust())).verify(folder.resolve("log"));
  }

  private static void assertVerdict(Verification result, Verdict verdict, String text) {
    assertThat(result.verdict()).as(String.join("\n", result.lines())).isEqualTo(verdict);
    assertThat(String.join("\n", result.lines())).contains(text);
  }

  @Test
  void stampsBracketTheEventsOfALog() throws Exception {
    TestTsa tsa = TestTsa.create();
    Path directory = folder.resolve("log");
    try (AuditLog log = log()) {
      Logs.job(log, "J-1");
      assertVerdict(verify(tsa, DAY), Verdict.WITNESSES, "no part of the log has a valid time");
      stamp(log, directory, tsa, DAY.plusSeconds(2));
      now.set(DAY.plus(Duration.ofHours(20)));
      Logs.job(log, "J-2");
    }
    assertVerdict(verify(tsa, now.get()), Verdict.OK, "1 time stamps are of the first 13 of");
    assertVerdict(verify(null, now.get()), Verdict.OK, "1 time stamps were not checked");
    // Nobody stamped it for days.
    Verification late = verify(tsa, now.get().plus(Duration.ofDays(2)));
    assertVerdict(late, Verdict.WITNESSES, "event 13 is older than 24 hours");
    assertVerdict(
        verify(TestTsa.create(), now.get()), Verdict.ALTERED, "not by a trusted authority");
    assertVerdict(verify(tsa, DAY.minus(Duration.ofDays(1))), Verdict.TIME, "still to come");

    Path stamps = directory.resolve("stamped");
    Path token = stamps.resolve("%015d.tst".formatted(13));
    Path note = stamps.resolve("%015d.checkpoint".formatted(13));
    byte[] kept = Files.readAllBytes(token);
    byte[] other = tsa.token("other".getBytes(UTF_8), DAY);
    Files.write(token, other);
    assertVerdict(verify(tsa, now.get()), Verdict.ALTERED, "is of something else");
    Files.delete(token);
    assertVerdict(verify(null, now.get()), Verdict.TRUNCATED, "is missing");
    byte[] checkpoint = Files.readAllBytes(note);
    Files.delete(note);
    assertVerdict(verify(null, now.get()), Verdict.TRUNCATED, "the time stamp that event 13 names");
    Files.write(note, checkpoint);
    Files.write(token, kept);
    assertVerdict(verify(tsa, now.get()), Verdict.OK, "");
  }

  /** Attack 9: events that are dated before they can have been written, or after. */
  @Test
  void datesOutsideTheirBracketAreNoticed() throws Exception {
    TestTsa tsa = TestTsa.create();
    try (AuditLog log = log()) {
      Logs.job(log, "J-1");
      stamp(log, folder.resolve("log"), tsa, DAY);
      now.set(DAY.minus(Duration.ofDays(7)));
      log.fact(EventType.NODE_STOPPED, e -> {});
    }
    Verification backdated = verify(tsa, DAY.plusSeconds(60));
    assertVerdict(backdated, Verdict.TIME, "was written after the time stamp");
    assertThat(backdated.findings().get(0).seq()).isEqualTo(14);
    Logs.delete(folder.resolve("log"));
    now.set(DAY.plus(Duration.ofDays(1)));
    try (AuditLog log = log()) {
      Logs.job(log, "J-1");
      stamp(log, folder.resolve("log"), tsa, DAY);
    }
    assertVerdict(
        verify(tsa, now.get()), Verdict.TIME, "but was in the log at 2026-03-01T12:00:00Z");
  }

  @Test
  void aTailCutAndSignedAgainIsNoticedByAStamp() throws Exception {
    TestTsa tsa = TestTsa.create();
    Path directory = folder.resolve("log");
    try (AuditLog log = log()) {
      Logs.job(log, "J-1");
      log.checkpoint();
    }
    Path old = Logs.copy(directory, folder.resolve("old"));
    try (AuditLog log = log()) {
      Logs.job(log, "J-2");
      stamp(log, directory, tsa, DAY);
    }
    Logs.copy(directory.resolve("stamped"), old.resolve("stamped"));
    Logs.delete(directory);
    Logs.copy(old, directory);
    assertVerdict(verify(tsa, DAY), Verdict.TRUNCATED, "a time stamp is of 26 events");
    try (AuditLog log = log()) {
      Logs.job(log, "J-3");
      Logs.job(log, "J-4");
      log.checkpoint();
    }
    assertVerdict(verify(tsa, DAY), Verdict.FORK, "another history of the first 26 events");
  }

  @Test
  void laterStampsRenewEarlierOnes() throws Exception {
    Instant ends = DAY.plus(Duration.ofDays(30));
    TestTsa early = new TestTsa(KeyPurposeId.id_kp_timeStamping, ends);
    Path directory = folder.resolve("log");
    TestTsa later = TestTsa.create();
    Verifier both =
        Verifier.trusting(Logs.KEY)
            .stamped(TimeStampTrust.parse(concat(early.rootPem(), later.rootPem())));
    Instant afterEnd = ends.plus(Duration.ofDays(10));
    try (AuditLog log = log()) {
      Logs.job(log, "J-1");
      stamp(log, directory, early, DAY);
      now.set(afterEnd);
      stamp(log, directory, later, afterEnd);
      Verification result = both.at(Clock.fixed(afterEnd, ZoneOffset.UTC)).verify(directory);
      assertVerdict(result, Verdict.OK, "1 time stamps are by certificates that have ended");
    }
    Logs.delete(directory);
    now.set(DAY);
    try (AuditLog log = log()) {
      Logs.job(log, "J-1");
      stamp(log, directory, early, DAY);
      now.set(ends.minus(1, ChronoUnit.DAYS));
      stamp(log, directory, later, now.get());
      now.set(afterEnd);
      stamp(log, directory, later, afterEnd);
      Verification result = both.at(Clock.fixed(afterEnd, ZoneOffset.UTC)).verify(directory);
      assertVerdict(result, Verdict.OK, "");
      assertThat(String.join("\n", result.lines())).doesNotContain("have ended");
    }
  }

  private static byte[] concat(byte[] one, byte[] other) {
    byte[] both = Arrays.copyOf(one, one.length + other.length);
    System.arraycopy(other, 0, both, one.length, other.length);
    return both;
  }

  @Test
  void anExportCarriesItsStamp() throws Exception {
    TestTsa tsa = TestTsa.create();
    Path file = folder.resolve("J-1.zip");
    Path bare = folder.resolve("bare.zip");
    try (AuditLog log = log()) {
      Logs.job(log, "J-1");
      JobExport.write(
          log,
          "J-1",
          file,
          Event.NOTHING_MORE,
          UnaryOperator.identity(),
          checkpoint -> {
            try {
              return tsa.token(text(checkpoint), DAY);
            } catch (Exception e) {
              throw new IllegalStateException(e);
            }
          },
          JobExport.Partners.NONE);
      JobExport.write(
          log,
          "J-1",
          bare,
          Event.NOTHING_MORE,
          UnaryOperator.identity(),
          checkpoint -> null,
          JobExport.Partners.NONE);
    }
    Verifier auditor =
        Verifier.trusting(Logs.KEY).at(Clock.fixed(DAY, ZoneOffset.UTC)).stamped(tsa.trust());
    assertVerdict(auditor.verify(file), Verdict.OK, "the checkpoint was there at 2026-03-01");
    assertVerdict(auditor.verify(bare), Verdict.WITNESSES, "holds no time stamp");
    // Twenty years later.
    Verifier heir = auditor.at(Clock.fixed(DAY.plus(Duration.ofDays(7300)), ZoneOffset.UTC));
    assertVerdict(heir.verify(file), Verdict.OK, "whose certificate was valid then");
    assertVerdict(
        auditor.stamped(TestTsa.create().trust()).verify(file),
        Verdict.ALTERED,
        "not by a trusted authority");

    // The stamp of another checkpoint, though a true one.
    Path swapped = folder.resolve("swapped.zip");
    try (ZipFile from = new ZipFile(file.toFile());
        ZipOutputStream to = new ZipOutputStream(Files.newOutputStream(swapped))) {
      for (var entry : java.util.Collections.list(from.entries())) {
        to.putNextEntry(new ZipEntry(entry.getName()));
        to.write(
            entry.getName().equals("timestamp.tst")
                ? tsa.token(TEXT, DAY)
                : from.getInputStream(entry).readAllBytes());
        to.closeEntry();
      }
    }
    assertVerdict(auditor.verify(swapped), Verdict.ALTERED, "is of something else");
  }
}
