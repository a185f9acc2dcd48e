package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.function.BooleanSupplier;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.event.EventType;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.EventQuery;
import org.espalier.audit.timestamp.StampedCheckpoints;
import org.espalier.audit.timestamp.TimeStamper;
import org.espalier.audit.verify.TimeStamp;
import org.espalier.node.Problem;
import org.espalier.node.config.AuditConfig;
import org.espalier.node.config.SiloConfig;
import org.espalier.node.config.SiloHome;
import org.espalier.wire.Party;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** When the authority is asked, and that it costs the log nothing when it does not answer. */
class TimeStampsTest {

  @TempDir Path root;
  private SiloHome home;
  private AuditLog log;
  private AuditJournal journal;
  private final List<String> asked = Collections.synchronizedList(new ArrayList<>());
  private volatile boolean dead;

  @BeforeEach
  void openLog() throws IOException {
    home = new SiloHome(root);
    log =
        AuditLog.open(
            home.audit(),
            NoteSigner.of(
                "bank.example/silo/audit/1", NoteSigner.Use.LOG, NoteSigner.generateKeys()));
    journal =
        new AuditJournal(
            log, People.open(home, new Party("bank.example")), party -> Optional.empty());
  }

  @AfterEach
  void closeLog() {
    log.close();
  }

  private TimeStamper.Stamped stamp(byte[] text) throws IOException {
    if (dead) {
      throw new IOException("it cannot be asked: no such host");
    }
    asked.add(new String(text, StandardCharsets.UTF_8));
    byte[] token = text.clone();
    return new TimeStamper.Stamped(
        token, new TimeStamp(Instant.now(), "CN=T", Instant.MAX, TimeStamp.digest(token)));
  }

  private TimeStamps stamps(TimeStamps.Authority authority, Clock clock) {
    TimeStamps stamps = new TimeStamps(home, log, journal, authority, clock);
    journal.afterCheckpoint(stamps::askSoon);
    return stamps;
  }

  private static void await(BooleanSupplier what) throws InterruptedException {
    for (int i = 0; i < 400 && !what.getAsBoolean(); i++) {
      Thread.sleep(10);
    }
    assertThat(what.getAsBoolean()).isTrue();
  }

  private int named() {
    try {
      return log.reader()
          .search(0, 100, new EventQuery("checkpoint.stamped", null, null, null, null, null, null))
          .size();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void itIsAskedOnceADayAndAfterEveryJob() throws Exception {
    try (TimeStamps stamps = stamps(this::stamp, Clock.systemUTC())) {
      journal.checkpoint();
      await(() -> named() == 1);
      assertThat(asked.get(0)).startsWith("bank.example/silo/audit/1\n1\n");
      assertThat(new StampedCheckpoints(home.audit()).newest()).hasValue(1L);
      journal.checkpoint();
      log.intent(EventType.JOB_STARTED, e -> e.job("J-00000001", 1, null)).ok();
      journal.checkpoint();
      await(() -> named() == 2);
      assertThat(stamps.view().path("size").asLong()).isGreaterThan(1);
      assertThat(stamps.view().has("problem")).isFalse();
      for (int i = 0; i < 5; i++) {
        journal.checkpoint();
      }
      assertThat(stamps.forExport(journal.sign())).isNotEmpty();
      assertThat(asked).hasSize(3);
    }
    Clock tomorrow = Clock.offset(Clock.systemUTC(), Duration.ofHours(25));
    try (TimeStamps stamps = stamps(this::stamp, tomorrow)) {
      journal.checkpoint();
      await(() -> named() == 4);
      assertThat(stamps.isConfigured()).isTrue();
    }
  }

  /** Attack 18. */
  @Test
  void oneThatIsDeadOrHangsCostsTheLogNothing() throws Exception {
    dead = true;
    try (TimeStamps stamps = stamps(this::stamp, Clock.systemUTC())) {
      journal.checkpoint();
      await(() -> !stamps.problem().isEmpty());
      assertThat(stamps.view().path("problem").asText()).contains("no such host");
      assertThat(stamps.forExport(journal.sign())).isNull();
      assertThatThrownBy(stamps::now).isInstanceOf(Problem.class);
      dead = false;
      journal.checkpoint();
      await(() -> named() == 1);
      await(() -> stamps.problem().isEmpty());
    }
    CountDownLatch never = new CountDownLatch(1);
    CountDownLatch hanging = new CountDownLatch(1);
    TimeStamps.Authority hung =
        text -> {
          hanging.countDown();
          try {
            never.await();
          } catch (InterruptedException e) {
            throw new IOException("stopped", e);
          }
          throw new AssertionError("never");
        };
    try (TimeStamps stamps = stamps(hung, Clock.systemUTC())) {
      journal.checkpoint();
      hanging.await();
      long began = System.nanoTime();
      for (int i = 0; i < 20; i++) {
        log.fact(EventType.NODE_STOPPED, e -> {});
        journal.checkpoint();
      }
      assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(10));
      assertThat(stamps.isConfigured()).isTrue();
    }
  }

  @Test
  void anAuthorityIsNamedCompletelyOrNotAtAll() throws Exception {
    assertThat(TimeStamps.authority(home, null)).isNull();
    String yaml = "name: bank.example\nlisten: 127.0.0.1:1\naudit: {timestamps: {%s}}\n";
    for (String wrong :
        List.of(
            "url: \"https://tsa.example\"",
            "certificates: tsa.pem",
            "url: \"ftp://tsa.example\", certificates: tsa.pem",
            "url: \"https://me:pass@tsa.example\", certificates: tsa.pem",
            "url: \"https://tsa.example\", certificates: tsa.pem, policy: x",
            "url: \"https://tsa.example\", certificates: tsa.pem, insecure: true")) {
      Files.writeString(home.config(), yaml.formatted(wrong));
      assertThatThrownBy(home::load).as(wrong).isInstanceOf(Problem.class);
    }
    Files.writeString(
        home.config(),
        yaml.formatted("url: \"https://tsa.example/tsr\", certificates: tsa.pem, policy: 1.2.3"));
    SiloConfig config = home.load();
    assertThat(config.audit().timestamps().url()).hasHost("tsa.example");
    AuditConfig audit = config.audit();
    assertThatThrownBy(() -> TimeStamps.authority(home, audit))
        .isInstanceOf(Problem.class)
        .hasMessageContaining("certificates of audit.timestamps");
    Files.writeString(root.resolve("tsa.pem"), "nothing");
    assertThatThrownBy(() -> TimeStamps.authority(home, audit))
        .isInstanceOfSatisfying(
            Problem.class,
            e -> assertThat(e.detail().orElse("")).contains("no certificate in PEM"));
  }
}
