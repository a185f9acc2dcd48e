package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.event.EventType;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.LogReader;
import org.espalier.audit.log.LogSettings;
import org.espalier.audit.log.PersonStore;
import org.espalier.audit.verify.TrustedKey;
import org.espalier.audit.verify.Verifier;
import org.espalier.node.Problem;
import org.espalier.node.config.AuditConfig;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;
import org.espalier.node.job.Journal;
import org.espalier.wire.Party;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * People who are erased and events whose time is over, in the log of a node (attacks 24 and 25).
 */
class RetentionTest {
  private static final Party BANK = new Party("bank.example");
  private static final Instant NOW = Instant.parse("2026-11-29T12:00:00Z");
  private static final String COHORT = "ab".repeat(32);

  @TempDir Path root;
  private final NoteSigner signer =
      NoteSigner.of("bank.example/silo/audit/1", NoteSigner.Use.LOG, NoteSigner.generateKeys());
  private SiloHome home;
  private AuditLog log;
  private People people;
  private AuditJournal journal;

  @BeforeEach
  void beginALongTimeAgo() throws IOException {
    home = new SiloHome(root);
    openAt(NOW.minus(Duration.ofDays(800)));
  }

  /** The node, started at a time of its clock. */
  private void openAt(Instant time) throws IOException {
    if (log != null) {
      log.close();
    }
    log =
        AuditLog.open(
            new LogSettings(
                home.audit(), Clock.fixed(time, ZoneOffset.UTC), 64 << 10, Duration.ofSeconds(30)),
            signer);
    people = People.open(home, BANK);
    people.eraseAgain(List.of(log.reader()));
    journal = new AuditJournal(log, people, party -> Optional.empty());
  }

  @AfterEach
  void close() {
    log.close();
  }

  private Retention retention(AuditConfig config, String... needed) {
    return new Retention(
        config,
        log,
        List.of(),
        journal,
        people,
        () -> Set.of(needed),
        Clock.fixed(NOW, ZoneOffset.UTC));
  }

  /** A job with two counted passes, an alignment and privacy that was spent. */
  private void job(String id) {
    ObjectNode facts = Json.object().put("job", id).put("attempt", 1).put("spec", "00".repeat(32));
    ObjectNode word = facts.putArray("people").addObject().put("person", "anna");
    word.put("meaning", "approves").put("at", "t").put("signature", "c2ln");
    word.putArray("roles").add("analyst");
    journal.intent("job.approve", facts).ok(Json.object());
    facts.remove("people");
    ObjectNode pass = facts.deepCopy().put("phase_name", "train").put("protocol", "glm");
    pass.putObject("parameters").put("parties", "2").put("label_epsilon", "0.5");
    pass.putArray("inputs").addObject().put("dataset", "d").put("commitment", COHORT);
    pass.putArray("recipients").add("clinic.example");
    journal.fact(Journal.PASS, pass);
    journal.fact(Journal.PASS, pass);
    journal.fact(Journal.ALIGNMENT, pass);
    pass.putObject("transcripts");
    pass.putObject("bytes");
    journal.intent("job.phase", pass).ok(Json.object());
  }

  private void fill(int events) {
    fill(log, events);
  }

  /** Appends a multiple of 16 events, some at once. */
  static void fill(AuditLog log, int events) {
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      Thread thread =
          new Thread(
              () -> {
                for (int k = 0; k < events / 16; k++) {
                  log.fact(EventType.NODE_STOPPED, e -> e.reason("test"));
                }
              });
      thread.start();
      threads.add(thread);
    }
    threads.forEach(
        thread -> {
          try {
            thread.join();
          } catch (InterruptedException e) {
            throw new AssertionError(e);
          }
        });
  }

  private List<Object> counts(AuditJournal of) {
    List<Object> counts = new ArrayList<>();
    of.passes(0, counts::add);
    of.alignments(0, counts::add);
    counts.add(of.labelEpsilon(Set.of(COHORT)));
    return counts;
  }

  private boolean verifies() throws IOException {
    journal.checkpoint();
    return Verifier.trusting(TrustedKey.parse(signer.vkey())).verify(home.audit()).ok();
  }

  private static Args args(Object... pairs) {
    ObjectNode json = Json.object();
    for (int i = 0; i < pairs.length; i += 2) {
      json.set((String) pairs[i], Json.tree(pairs[i + 1]));
    }
    return new Args(json);
  }

  @Test
  void limitsCountWhatWasPruned() throws Exception {
    job("J-00000001");
    fill(608);
    openAt(NOW.minus(Duration.ofDays(200)));
    job("J-00000002");
    fill(304);
    openAt(NOW);
    List<Object> before = counts(journal);
    assertThat(before).hasSize(7).contains(new BigDecimal("1.0"));
    Retention retention = retention(new AuditConfig(null, "365d", null));

    JsonNode plan = retention.prune(args("plan", true));
    assertThat(plan.path("removed").asLong()).isEqualTo(512);
    assertThat(plan.path("blocked").asText()).contains("is not old enough");
    assertThat(log.reader().first()).isZero();
    JsonNode done = retention.prune(args());
    assertThat(done.path("first").asLong()).isEqualTo(512);
    assertThat(done.path("kept").asLong()).isEqualTo(4);
    assertThat(counts(journal)).isEqualTo(before);
    assertThat(verifies()).isTrue();
    openAt(NOW);
    assertThat(counts(journal)).isEqualTo(before);
    LogReader reader = log.reader();
    assertThat(reader.first()).isEqualTo(512);
    assertThatThrownBy(() -> EventSearch.of(Json.object().put("seq", 300)).in(reader))
        .hasMessage("event 300 was pruned");
    assertThat(reader.newest(EventType.LOG_PRUNED).orElseThrow().text())
        .contains("\"reason\":\"retention.expired\"", "\"kept\":4", "\"actor\"");
    assertThat(
            retention(new AuditConfig(null, "365d", null)).prune(args()).path("removed").asLong())
        .isZero();
    // A node that lost what was kept would count too little, and does not start.
    log.close();
    Path kept = home.frozenAudit(1).resolve("kept");
    byte[] bytes = Files.readAllBytes(home.audit().resolve("kept"));
    Files.delete(home.audit().resolve("kept"));
    assertThatThrownBy(() -> openAt(NOW)).hasMessageContaining("kept of the pruned entries");
    // Nor if that log is frozen.
    String second = "bank.example/silo/audit/2";
    Files.move(home.audit(), home.frozenAudit(1));
    beginAnew();
    fill(16);
    assertThatThrownBy(() -> Recovery.frozen(home, second))
        .hasMessageContaining("kept of the pruned entries");
    Files.write(kept, bytes);
    assertThat(Recovery.frozen(home, second)).hasSize(1);
    Files.delete(home.frozenAudit(1).resolve("journal"));
    assertThatThrownBy(() -> Recovery.frozen(home, second))
        .hasMessageContaining("has lost its journal");
    SiloHome.delete(home.frozenAudit(1));
    assertThat(Recovery.frozen(home, second)).isEmpty();
  }

  private void beginAnew() throws IOException {
    SiloHome.delete(home.audit());
    log = null;
    openAt(NOW);
  }

  @Test
  void whatIsNeededStaysAndALegalHoldWins() throws Exception {
    fill(304);
    job("J-00000001");
    fill(608);
    openAt(NOW);
    AuditConfig config = new AuditConfig(null, null, null);
    assertThat(
            retention(config, "J-00000001")
                .prune(args("keep", "100d", "plan", true))
                .path("blocked")
                .asText())
        .contains("event 304 is of job J-00000001");
    assertThat(retention(config, "J-00000001").prune(args("keep", "100d")).path("first").asLong())
        .isEqualTo(256);
    assertThat(
            retention(config)
                .prune(args("before", "2026-01-01", "plan", true))
                .path("first")
                .asLong())
        .isEqualTo(768);

    for (Args young :
        List.of(
            args("keep", "99d"), args("before", "2026-11-01"), args(), args("before", "soon"))) {
      assertThatThrownBy(() -> retention(config).prune(young)).isInstanceOf(Problem.class);
    }
    assertThatThrownBy(
            () -> retention(new AuditConfig(null, "1000d", null)).prune(args("keep", "100d")))
        .isInstanceOfSatisfying(
            Problem.class, p -> assertThat(p.what()).contains("last 1000 days are kept"));
    Retention held = retention(new AuditConfig(null, "365d", "case 7"));
    for (Runnable act :
        List.<Runnable>of(
            () -> held.prune(args()),
            () -> held.erase(args("person", "anna", "reason", "request")))) {
      assertThatThrownBy(act::run)
          .isInstanceOfSatisfying(
              Problem.class, p -> assertThat(p.what()).contains("while there is a legal hold"));
    }
    assertThat(people.store().commitments("anna")).isNotEmpty();
    assertThatThrownBy(() -> new AuditConfig(null, "99d", null))
        .hasMessageContaining("at least 100d");
    assertThat(verifies()).isTrue();
  }

  @Test
  void anErasedPersonIsShownAsErasedAndNothingHoldsTheName() throws Exception {
    job("J-00000001");
    String pseudonym = people.store().pseudonym("anna");
    Retention retention = retention(null);
    assertThatThrownBy(() -> retention.erase(args("person", "bob", "reason", "request")))
        .isInstanceOf(Problem.class);
    assertThatThrownBy(() -> retention.erase(args("person", "anna", "reason", "Anna asked")))
        .isInstanceOf(Problem.class);
    assertThat(retention.erase(args("person", "anna", "plan", true)).path("events").asLong())
        .isEqualTo(2);
    assertThat(people.store().commitments("anna")).isNotEmpty();
    byte[] copy;
    try (Stream<Path> files = Files.list(home.people())) {
      Path file = files.filter(f -> holds(f, "anna")).findFirst().orElseThrow();
      copy = Files.readAllBytes(file);
      assertThat(
              retention.erase(args("person", "anna", "reason", "request")).path("clear").asLong())
          .isZero();
      assertThat(people.store().value(pseudonym)).isEmpty();
      Files.write(file, copy); // as a backup does
    }
    openAt(NOW);
    assertThat(people.store().value(pseudonym)).isEmpty();
    assertThat(PersonStore.open(home.people()).isErased(pseudonym)).isTrue();
    JsonNode shown = people.shown(log.reader().event(0));
    assertThat(shown.at("/approvals/0/opened/pseudonym").asText()).isEqualTo("erased");
    assertThat(shown.at("/approvals/0/signature").asText()).isEqualTo("c2ln");
    assertThat(verifies()).isTrue();
    String done = log.reader().newest(EventType.ERASURE_DONE).orElseThrow().text();
    assertThat(done).contains("\"events\":2", "\"reason\":\"request\"", pseudonym, "\"actor\"");
    try (Stream<Path> files = Files.walk(root)) {
      assertThat(files.filter(Files::isRegularFile).filter(f -> holds(f, "anna"))).isEmpty();
    }
  }

  @Test
  void whoIsErasedStaysErasedWhenThatEventIsOld() throws Exception {
    job("J-00000001");
    String pseudonym = people.store().pseudonym("anna");
    try (Stream<Path> files = Files.list(home.people())) {
      Path file = files.filter(f -> holds(f, "anna")).findFirst().orElseThrow();
      byte[] copy = Files.readAllBytes(file);
      JsonNode unused = retention(null).erase(args("person", "anna", "reason", "request"));
      fill(304);
      openAt(NOW);
      assertThat(retention(null).prune(args("keep", "100d")).path("first").asLong()).isEqualTo(256);
      Files.write(file, copy); // as a backup does
      Files.write(file.resolveSibling(file.getFileName() + ".new"), copy); // as a crash does
    }
    openAt(NOW);
    assertThat(people.store().value(pseudonym)).isEmpty();
    try (Stream<Path> files = Files.list(home.people())) {
      assertThat(files.filter(f -> holds(f, "anna"))).isEmpty();
    }
    assertThat(verifies()).isTrue();
  }

  @Test
  void whoIsOnlyInOldEventsIsSaidToBe() {
    log.fact(EventType.JOB_APPROVED, e -> e.job("J-9", 0, null).approval("carl", "approve", "cw"));
    assertThatThrownBy(() -> retention(null).erase(args("person", "carl", "reason", "request")))
        .isInstanceOfSatisfying(
            Problem.class,
            p -> assertThat(p.detail().orElse("")).contains("1 older events hold the identifier"));
  }

  @Test
  void peopleOfAPartnerAreOthers() {
    String own = people.pseudonym("anna", "bank.example");
    assertThat(people.pseudonym("anna")).isEqualTo(own);
    assertThat(people.pseudonym("anna", "clinic.example")).isNotEqualTo(own);
    assertThat(people.store().commitments("anna@clinic.example")).hasSize(1);
  }

  private static boolean holds(Path file, String text) {
    try {
      return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1).contains(text);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
