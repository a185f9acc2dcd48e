package org.espalier.audit.witness;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.espalier.audit.verify.Verdict.ALTERED;
import static org.espalier.audit.verify.Verdict.FORK;
import static org.espalier.audit.verify.Verdict.OK;
import static org.espalier.audit.verify.Verdict.TIME;
import static org.espalier.audit.verify.Verdict.TRUNCATED;
import static org.espalier.audit.verify.Verdict.WITNESSES;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.espalier.audit.Logs;
import org.espalier.audit.checkpoint.Checkpoint;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.event.Event;
import org.espalier.audit.event.EventType;
import org.espalier.audit.export.JobExport;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.LogReader;
import org.espalier.audit.log.LogSettings;
import org.espalier.audit.merkle.ProofBuilder;
import org.espalier.audit.verify.TrustedKey;
import org.espalier.audit.verify.Verification;
import org.espalier.audit.verify.Verifier;
import org.espalier.audit.verify.WitnessPolicy;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Witnesses, and what a verifier notices by them that it would not notice without. */
class WitnessTest {
  private static final NoteSigner BANK = signer("bank.example/silo/witness");
  private static final NoteSigner CLINIC = signer("clinic.example/silo/witness");
  private static final Clock NOW = Clock.systemUTC();

  @TempDir Path folder;

  private Path log;
  private Witness bank;
  private Witness clinic;

  private static NoteSigner signer(String name) {
    return NoteSigner.of(name, NoteSigner.Use.WITNESS, NoteSigner.generateKeys());
  }

  private static TrustedKey key(NoteSigner signer) {
    return TrustedKey.parseWitness(signer.vkey());
  }

  private static String policy(String quorum) {
    return """
        # who is trusted
        log %s

        witness bank %s
        witness clinic %s
        %s
        """
        .formatted(Logs.SIGNER.vkey(), BANK.vkey(), CLINIC.vkey(), quorum);
  }

  @BeforeEach
  void logAndWitnesses() throws IOException {
    log = folder.resolve("log");
    bank = new Witness(folder.resolve("bank"), BANK, NOW);
    clinic = new Witness(folder.resolve("clinic"), CLINIC, NOW);
    assertThat(bank.accept(Logs.KEY)).isTrue();
    assertThat(clinic.accept(Logs.KEY)).isTrue();
  }

  private void grow(int jobs) {
    try (AuditLog writer = Logs.open(log)) {
      for (int i = 0; i < jobs; i++) {
        Logs.job(writer, "J-" + writer.size());
      }
      writer.checkpoint();
    }
  }

  private static Cosigning.Result show(Path log, Witness witness, NoteSigner signer)
      throws IOException {
    return show(log, witness, signer, NOW);
  }

  private static Cosigning.Result show(Path log, Witness witness, NoteSigner signer, Clock clock)
      throws IOException {
    return new Cosigning(log, clock).ask(key(signer), witness::add);
  }

  private static Verification verify(Path log, String quorum, byte[]... seen) throws IOException {
    return verifier(quorum).against(List.of(seen)).verify(log);
  }

  private static Verifier verifier(String quorum) {
    return Verifier.trusting(Logs.KEY)
        .witnessed(WitnessPolicy.parse(policy(quorum).getBytes(UTF_8)), Duration.ofHours(24));
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path path : all.toList()) {
        Path target = to.resolve(from.relativize(path).toString());
        if (Files.isDirectory(path)) {
          Files.createDirectories(target);
        } else {
          Files.copy(path, target);
        }
      }
    }
  }

  private byte[] seen(Witness witness) throws IOException {
    return witness.seen(Logs.ORIGIN).orElseThrow().note().getBytes(UTF_8);
  }

  @Test
  void signsWhatContinuesAndRemembersIt() throws IOException {
    for (int round = 0; round < 4; round++) {
      grow(round == 2 ? 30 : 1);
      Cosigning.Result result = show(log, bank, BANK);
      assertThat(result.problem()).isEmpty();
      assertThat(result.size()).isEqualTo(LogReader.open(log).size());
      assertThat(show(log, bank, BANK).problem()).as("again the same").isEmpty();
    }
    assertThat(verify(log, "quorum bank").verdict()).isEqualTo(OK);
    assertThat(verify(log, "quorum bank", seen(bank)).verdict()).isEqualTo(OK);
    assertThat(verify(log, "quorum none").verdict()).isEqualTo(OK);
    // Of one day the newest is kept.
    try (Stream<Path> kept = Files.list(log.resolve("cosigned").resolve(key(BANK).idText()))) {
      assertThat(kept).hasSize(1);
    }
    // A witness that was stopped knows the log again; a log that lost its signatures finds back.
    Witness again = new Witness(folder.resolve("bank"), BANK, NOW);
    deleteAll(log.resolve("cosigned"));
    grow(1);
    assertThat(show(log, again, BANK).problem()).isEmpty();
    assertThat(verify(log, "quorum bank").verdict()).isEqualTo(OK);
  }

  @Test
  void answersAsTheProtocolSays() throws IOException {
    grow(2);
    String checkpoint = LogReader.open(log).checkpoint().orElseThrow();
    byte[] first = request(0, checkpoint);
    Witness stranger = new Witness(folder.resolve("stranger"), CLINIC, NOW);
    assertThat(stranger.add(first).status()).as("unknown log").isEqualTo(404);
    NoteSigner twin = NoteSigner.of(Logs.ORIGIN, NoteSigner.Use.LOG, NoteSigner.generateKeys());
    assertThat(bank.accept(TrustedKey.parse(twin.vkey()))).as("a log keeps its key").isFalse();
    String forged = Checkpoint.sign(twin, 5, new byte[32]).note();
    assertThat(bank.add(request(0, forged)).status()).as("another key").isEqualTo(403);
    long size = LogReader.open(log).size();
    assertThat(bank.add(request(size + 1, checkpoint)).status()).isEqualTo(400);
    assertThat(bank.add(request(1, checkpoint)).status()).isEqualTo(409);
    assertThat(bank.add(request(1, checkpoint)).body()).isEqualTo("0\n");
    assertThat(bank.add(first).status()).isEqualTo(200);
    assertThat(bank.add(first).body()).as("it has moved on").isEqualTo(size + "\n");
    grow(1);
    String later = LogReader.open(log).checkpoint().orElseThrow();
    assertThat(bank.add(request(size, later)).status()).as("no proof").isEqualTo(422);
    String other = Checkpoint.sign(Logs.SIGNER, size, new byte[32]).note();
    Witness.Answer fork = bank.add(request(size, other));
    assertThat(fork.status()).as("another root at the same size").isEqualTo(409);
    assertThat(fork.fork().first()).isEqualTo(checkpoint);
    assertThat(fork.fork().second()).isEqualTo(other);
    for (String bad :
        new String[] {
          "", "old 5", "old 05\n\n" + checkpoint, "old 5\nAAAA\n\n" + checkpoint, "old 5\n\nnothing"
        }) {
      assertThat(bank.add(bad.getBytes(UTF_8)).status()).as(bad).isEqualTo(400);
    }
    assertThat(bank.add(new byte[1 << 17]).status()).isEqualTo(400);
    assertThat(bank.seen(Logs.ORIGIN).orElseThrow().size()).isEqualTo(size);
  }

  private static byte[] request(long old, String checkpoint) {
    return new CheckpointRequest(old, List.of(), checkpoint.getBytes(UTF_8)).encode();
  }

  /** Attacks 5, 6 and 22: the true key signs it, and without a witness it passes. */
  @Test
  void shortenedLogIsNoticed() throws IOException {
    grow(2);
    show(log, bank, BANK);
    Path backup = folder.resolve("backup");
    copy(log, backup);
    grow(2);
    show(log, bank, BANK);
    byte[] known = seen(bank);

    assertThat(Logs.verify(backup).verdict()).as("nobody else is asked").isEqualTo(OK);
    assertThat(verify(backup, "quorum bank").verdict())
        .as("the signatures were put back, too")
        .isEqualTo(OK);
    assertThat(verify(backup, "quorum bank", known).verdict()).isEqualTo(TRUNCATED);
    copy(log.resolve("cosigned"), folder.resolve("kept"));
    Path mixed = folder.resolve("mixed");
    copy(backup, mixed);
    deleteAll(mixed.resolve("cosigned"));
    copy(log.resolve("cosigned"), mixed.resolve("cosigned"));
    Verification cut = verify(mixed, "quorum bank");
    assertThat(cut.verdict()).isEqualTo(TRUNCATED);
    assertThat(cut.exitCode()).isEqualTo(11);
    assertThat(cut.lines().toString()).contains("witness").contains("are gone");

    // It goes on from there: the witness does not sign that, and has proof of two histories.
    Path on = folder.resolve("on");
    copy(backup, on);
    try (AuditLog writer = Logs.open(on)) {
      Logs.fill(writer, 60);
      writer.checkpoint();
    }
    assertThat(Logs.verify(on).verdict()).isEqualTo(OK);
    assertThat(show(on, bank, BANK).problem()).contains("is not the beginning");
    assertThat(verify(on, "quorum bank", known).verdict()).isEqualTo(FORK);
    assertThat(verify(on, "quorum bank", known).evidence().toJson().toString())
        .contains(Logs.ORIGIN);
    try (AuditLog writer = Logs.open(backup)) {
      writer.checkpoint();
    }
    assertThat(show(backup, bank, BANK).problem()).contains("was an old copy put back?");
  }

  private static void deleteAll(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      all.sorted((a, b) -> b.compareTo(a)).forEach(p -> assertThat(p.toFile().delete()).isTrue());
    }
  }

  /** Attacks 7 and 8: each partner is shown another history, equal but for the last event. */
  @Test
  void historiesThatPartInTheLastEventAreNoticed() throws IOException {
    grow(3);
    show(log, bank, BANK);
    show(log, clinic, CLINIC);
    Path other = folder.resolve("other");
    copy(log, other);
    grow(1);
    try (AuditLog writer = Logs.open(other)) {
      for (int i = 0; i < 12; i++) {
        Logs.fill(writer, 1);
      }
      writer.checkpoint();
    }
    assertThat(show(log, bank, BANK).problem()).isEmpty();
    assertThat(show(other, clinic, CLINIC).problem()).isEmpty();
    assertThat(verify(log, "quorum bank").verdict()).isEqualTo(OK);
    assertThat(verify(other, "quorum clinic").verdict()).isEqualTo(OK);
    for (Verification result :
        List.of(
            verify(log, "quorum bank", seen(clinic)), verify(other, "quorum clinic", seen(bank)))) {
      assertThat(result.verdict()).isEqualTo(FORK);
      assertThat(result.exitCode()).isEqualTo(13);
      assertThat(result.evidence()).isNotNull();
    }
    assertThat(show(log, clinic, CLINIC).problem()).isNotEmpty();
  }

  @Test
  void quorumsAreCounted() throws IOException {
    grow(1);
    String all = "group both all bank clinic\nquorum both";
    String any = "group some any bank clinic\nquorum some";
    Verification none = verify(log, any);
    assertThat(none.verdict()).isEqualTo(WITNESSES);
    assertThat(none.exitCode()).isEqualTo(12);
    show(log, bank, BANK);
    assertThat(verify(log, any).verdict()).isEqualTo(OK);
    assertThat(verify(log, all).verdict()).isEqualTo(WITNESSES);
    show(log, clinic, CLINIC);
    assertThat(verify(log, all).verdict()).isEqualTo(OK);
    grow(1);
    show(log, clinic, CLINIC);
    assertThat(verify(log, all).verdict()).as("young events may be unseen").isEqualTo(OK);
    Clock later = Clock.offset(NOW, Duration.ofHours(25));
    assertThat(verifier(all).at(later).verify(log).verdict()).isEqualTo(WITNESSES);
    assertThat(verifier(any).at(later).verify(log).verdict()).isEqualTo(OK);
  }

  @Test
  void signaturesThatWereAlteredOrAreAnothersAreNoticed() throws IOException {
    grow(1);
    show(log, bank, BANK);
    Path kept;
    try (Stream<Path> files = Files.list(log.resolve("cosigned").resolve(key(BANK).idText()))) {
      kept = files.findFirst().orElseThrow();
    }
    String good = Files.readString(kept);
    int last = good.lastIndexOf('\n', good.length() - 2);
    for (String bad :
        List.of(
            good.substring(0, last + 1),
            good.replace("bank.example", "bonk.example"),
            good.substring(0, good.length() - 8) + "AAAAAA=\n",
            good.replaceFirst("\n[0-9]+\n", "\n3\n"),
            "")) {
      Files.writeString(kept, bad);
      assertThat(verify(log, "quorum bank").verdict()).as(bad).isEqualTo(ALTERED);
    }
    Files.writeString(kept, good);
    assertThat(verify(log, "quorum bank").verdict()).isEqualTo(OK);
    assertThat(verify(log, "quorum clinic").verdict()).isEqualTo(WITNESSES);
  }

  /** Attack 9: an event outside of what witnesses say of its time. */
  @Test
  void eventsOutsideOfTheirBracketAreNoticed() throws IOException {
    Instant start = Instant.now().minus(Duration.ofHours(5));
    at(start);
    Witness then = new Witness(folder.resolve("bank"), BANK, fixed(start.plusSeconds(5)));
    assertThat(show(log, then, BANK, fixed(start)).problem()).isEmpty();
    Path honest = folder.resolve("honest");
    copy(log, honest);
    at(start.minus(Duration.ofHours(2)));
    Verification early = verify(log, "quorum none");
    assertThat(early.verdict()).isEqualTo(TIME);
    assertThat(early.exitCode()).isEqualTo(15);
    assertThat(early.lines().toString()).contains("was not in the log yet");

    deleteAll(log);
    copy(honest, log);
    at(start.plus(Duration.ofHours(2)));
    assertThat(verify(log, "quorum none").verdict()).isEqualTo(OK);
    // A witness whose clock is right saw already what is dated later.
    Witness right = new Witness(folder.resolve("clinic"), CLINIC, fixed(start.plusSeconds(60)));
    assertThat(show(log, right, CLINIC, fixed(start.plusSeconds(60))).problem()).isEmpty();
    assertThat(verify(log, "quorum none").lines().toString()).contains("but was in the log at");
  }

  private void at(Instant time) {
    try (AuditLog writer =
        AuditLog.open(
            new LogSettings(log, fixed(time), 64 << 10, Duration.ofSeconds(30)), Logs.SIGNER)) {
      Logs.job(writer, "J-" + writer.size());
      writer.checkpoint();
    }
  }

  private static Clock fixed(Instant time) {
    return Clock.fixed(time, ZoneOffset.UTC);
  }

  @Test
  void signatureOfAnotherClockIsNotKept() throws IOException {
    grow(1);
    Witness late =
        new Witness(folder.resolve("bank"), BANK, Clock.offset(NOW, Duration.ofHours(1)));
    assertThat(show(log, late, BANK).problem()).contains("clock");
    assertThat(new Cosigning(log, NOW).newest(key(BANK))).isEmpty();
    Cosigning.Result nonsense =
        new Cosigning(log, NOW)
            .ask(key(BANK), request -> Witness.Answer.of(200, "\u2014 bank AAAA\n"));
    assertThat(nonsense.problem()).contains("no signature");
  }

  /** Attack 23: it stops between the check and the answer, or its memory is damaged. */
  @Test
  void witnessThatCannotRememberSignsNothing() throws IOException {
    grow(1);
    show(log, bank, BANK);
    grow(1);
    Path memory = folder.resolve("bank");
    Path file;
    try (Stream<Path> files = Files.list(memory)) {
      file = files.findFirst().orElseThrow();
    }
    byte[] good = Files.readAllBytes(file);
    Files.write(file, new byte[] {1, 2, 3});
    assertThatThrownBy(() -> show(log, bank, BANK)).hasMessageContaining("damaged");
    // What a crash after the new memory was written and before the answer leaves.
    Files.write(file, good);
    byte[] lost =
        new CheckpointRequest(
                bank.seen(Logs.ORIGIN).orElseThrow().size(),
                new ProofBuilder(LogReader.open(log))
                    .consistency(
                        bank.seen(Logs.ORIGIN).orElseThrow().size(), LogReader.open(log).size()),
                LogReader.open(log).checkpoint().orElseThrow().getBytes(UTF_8))
            .encode();
    assertThat(bank.add(lost).status()).isEqualTo(200);
    assertThat(show(log, new Witness(memory, BANK, NOW), BANK).problem()).isEmpty();
  }

  @Test
  void exportCarriesTheSignaturesOfItsCheckpoint() throws IOException {
    grow(1);
    Path file = folder.resolve("job.zip");
    try (AuditLog writer = Logs.open(log)) {
      JobExport.write(
          writer,
          "J-0",
          file,
          Event.NOTHING_MORE,
          note -> cosigned(note, bank, BANK),
          checkpoint -> null,
          JobExport.Partners.NONE);
    }
    Verification result = verify(file, "quorum bank");
    assertThat(result.verdict()).isEqualTo(OK);
    assertThat(result.lines().toString()).contains("bank").contains("signed the checkpoint at");
    assertThat(verify(file, "quorum clinic").verdict()).isEqualTo(WITNESSES);
    assertThat(Logs.verify(file).verdict()).isEqualTo(OK);
    Path bare = folder.resolve("bare.zip");
    try (AuditLog writer = Logs.open(log)) {
      JobExport.write(
          writer,
          "J-0",
          bare,
          Event.NOTHING_MORE,
          UnaryOperator.identity(),
          checkpoint -> null,
          JobExport.Partners.NONE);
    }
    assertThat(verify(bare, "quorum bank").verdict()).isEqualTo(WITNESSES);
  }

  private String cosigned(String note, Witness witness, NoteSigner signer) {
    try {
      assertThat(show(log, witness, signer).problem()).isEmpty();
      return new Cosigning(log, NOW).with(note, List.of(key(signer)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void policiesAreReadStrictly() {
    for (String bad :
        List.of(
            "",
            "quorum bank\nquorum bank",
            "quorum nobody",
            "group g 3 bank clinic\nquorum g",
            "group g 0 bank\nquorum g",
            "group g any bank bank\nquorum g",
            "group g any bank\ngroup h any bank\nquorum h",
            "group none any bank\nquorum none",
            "group g any h\ngroup h any bank\nquorum g",
            "quorum bank\nwitness again " + BANK.vkey(),
            "quorum bank\nlog " + BANK.vkey(),
            "quorum bank\nwitness log " + Logs.SIGNER.vkey(),
            "quorum bank\nsomething else",
            "quorum bank\r")) {
      assertThatThrownBy(() -> WitnessPolicy.parse(policy(bad).getBytes(UTF_8)))
          .as(bad)
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThat(
            WitnessPolicy.parse(policy("\tgroup  g 2 bank\tclinic \nquorum g").getBytes(UTF_8))
                .onlyLog())
        .isEqualTo(Logs.KEY);
  }

  /** Attack 18: appends go on while a witness says nothing. */
  @Test
  void aHungWitnessHoldsUpNoAppend() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    Thread asking =
        new Thread(
            () -> {
              try {
                new Cosigning(log, NOW)
                    .ask(
                        key(BANK),
                        request -> {
                          asked.countDown();
                          try {
                            end.await();
                          } catch (InterruptedException e) {
                            Thread.currentThread().interrupt();
                          }
                          throw new IOException("it did not answer");
                        });
              } catch (IOException e) {
                // As it must be.
              }
            });
    long[] nanos = new long[300];
    try (AuditLog writer = Logs.open(log)) {
      writer.checkpoint();
      asking.start();
      asked.await();
      for (int i = 0; i < nanos.length; i++) {
        long began = System.nanoTime();
        writer.fact(EventType.NODE_STOPPED, e -> e.reason("test"));
        nanos[i] = System.nanoTime() - began;
      }
      writer.checkpoint();
      assertThat(end.getCount()).isEqualTo(1);
      assertThat(asking.isAlive()).isTrue();
    } finally {
      end.countDown();
      asking.join();
    }
    Arrays.sort(nanos);
    System.out.printf(
        "append beside a hung witness: median %.2f ms, p99 %.2f ms%n",
        nanos[150] / 1e6, nanos[296] / 1e6);
    assertThat(nanos[296]).isLessThan(TimeUnit.SECONDS.toNanos(1));
    assertThat(Logs.verify(log).ok()).isTrue();
  }
}
