package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.event.Event;
import org.espalier.audit.event.EventBuilder;
import org.espalier.audit.event.EventType;
import org.espalier.audit.export.JobExport;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.Intent;
import org.espalier.audit.log.LogSettings;
import org.espalier.audit.verify.ExportRehearsal;
import org.espalier.audit.verify.TrustedKey;
import org.espalier.audit.verify.Verification;
import org.espalier.audit.verify.Verifier;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;
import org.espalier.node.identity.IdentityKey;
import org.espalier.node.job.Job;
import org.espalier.node.job.JobSpec;
import org.espalier.node.job.JobState;
import org.espalier.node.job.Jobs;
import org.espalier.node.job.Peers;
import org.espalier.node.store.Store;
import org.espalier.wire.Duplex;
import org.espalier.wire.Encoder;
import org.espalier.wire.Party;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A partner that leaves out its half of a job, or answers with something else (attack 27). */
class ReconcilingTest {
  private static final Party BANK = new Party("bank.example");
  private static final Party CLINIC = new Party("clinic.example");

  private static final String JOB = "J-000000aa";
  private static final String HASH = "a".repeat(64);
  private static final JobSpec SPEC =
      JobSpec.yaml(
          "job.yaml",
          """
          name: j
          purpose: research
          label: {party: bank.example, column: bad}
          parties: {bank.example: {dataset: a}, clinic.example: {dataset: b}}
          match: [[{column: id}]]
          """);

  @TempDir Path root;
  private final List<AutoCloseable> open = new ArrayList<>();
  private Side bank;
  private Side clinic;

  /** How long ago what is logged happens. */
  private Duration ago = Duration.ZERO;

  private final Clock clock =
      new Clock() {
        @Override
        public Instant instant() {
          return Instant.now().minus(ago);
        }

        @Override
        public ZoneId getZone() {
          return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
          return this;
        }
      };

  /** What the clinic's answers become on their way. */
  private UnaryOperator<ObjectNode> manInTheMiddle = UnaryOperator.identity();

  /** One party without links: requests are calls. */
  private final class Side implements Peers {
    private final Party self;
    private final NoteSigner signer;
    private final AuditLog log;
    private final WitnessRequests witnessing;
    private final Jobs jobs;
    private final AuditJournal journal;
    private final Reconciling reconciling;
    private final KeyPair identity = keys();

    Side(Party self, Party partner) throws IOException {
      this.self = self;
      SiloHome home = new SiloHome(root.resolve(self.name()));
      Files.createDirectories(home.root());
      signer = NoteSigner.of(self + "/silo/audit/1", NoteSigner.Use.LOG, NoteSigner.generateKeys());
      log =
          AuditLog.open(
              new LogSettings(home.audit(), clock, 64 << 10, Duration.ofSeconds(30)), signer);
      Store store = Store.open(Files.createFile(home.database()));
      open.add(log);
      open.add(store);
      NoteSigner witness =
          NoteSigner.of(self + "/silo/witness", NoteSigner.Use.WITNESS, NoteSigner.generateKeys());
      witnessing = new WitnessRequests(home, witness, party -> {});
      jobs = new Jobs(store);
      journal = new AuditJournal(log, People.open(home, self), party -> Optional.empty());
      reconciling =
          new Reconciling(
              log,
              List.of(),
              journal,
              jobs,
              witnessing,
              this,
              () -> List.of(partner),
              ReconcilingTest.this::identity);
    }

    /** Of the log that continues the first. */
    Reconciling continued(Party partner) throws IOException {
      NoteSigner next =
          NoteSigner.of(self + "/silo/audit/2", NoteSigner.Use.LOG, NoteSigner.generateKeys());
      return continued(partner, next, AuditLog.open(root.resolve(self + "-2"), next));
    }

    Reconciling continued(Party partner, NoteSigner next, AuditLog second) throws IOException {
      open.add(second);
      assertThat(second.origin()).isEqualTo(next.name());
      return new Reconciling(
          second,
          List.of(log.reader()),
          journal,
          jobs,
          witnessing,
          this,
          () -> List.of(partner),
          ReconcilingTest.this::identity);
    }

    /** Its half of a job that both have ended with each other's receipt. */
    void ended(String id, Side partner, Jobs.Receipt own, Jobs.Receipt theirs) {
      Instant now = Instant.now();
      jobs.insert(
          new Job(
              id,
              SPEC,
              SPEC.digest(),
              BANK,
              JobState.APPROVED,
              0,
              Optional.empty(),
              now,
              now,
              Collections.emptySortedMap()));
      jobs.begin(id, 1);
      jobs.receipt(id, 1, self, own);
      jobs.receipt(id, 1, partner.self, theirs);
      String spec = EventBuilder.sha256Text(SPEC.digest());
      try (Intent run = log.intent(EventType.JOB_STARTED, e -> e.job(id, 1, spec))) {
        log.intent(EventType.PHASE_STARTED, e -> e.job(id, 1, spec).step("train"))
            .ok(e -> e.transcripts(Map.of(partner.self.name(), "sha256:" + HASH)).traffic(1, 1));
        tookUp(id, partner, theirs, null);
        run.ok();
      }
    }

    void tookUp(String id, Side partner, Jobs.Receipt theirs, Map<String, String> padding) {
      String key = EventBuilder.sha256(partner.identity.getPublic().getEncoded());
      log.fact(
          EventType.RECEIPT,
          e -> {
            e.job(id, 1, EventBuilder.sha256Text(SPEC.digest()))
                .partner(partner.self.name(), key, null)
                .receipt(EventBuilder.sha256(theirs.statement()));
            if (padding != null) {
              e.transcripts(padding);
            }
          });
    }

    void job(String id, Party partner, boolean training) {
      String spec = EventBuilder.sha256(id.getBytes(StandardCharsets.UTF_8));
      log.fact(
          EventType.JOB_APPROVED,
          e -> e.job(id, 0, spec).approval(CLINIC.name(), "approve", "c2ln"));
      try (Intent run = log.intent(EventType.JOB_STARTED, e -> e.job(id, 1, spec))) {
        for (String step : List.of("align", "train")) {
          if (training || step.equals("align")) {
            log.intent(EventType.PHASE_STARTED, e -> e.job(id, 1, spec).step(step))
                .ok(
                    e ->
                        e.transcripts(Map.of(partner.name(), spec, "third.example", spec))
                            .traffic(1, 1));
          }
        }
        log.fact(
            EventType.RECEIPT,
            e -> e.job(id, 1, spec).partner(partner.name(), null, null).receipt(spec));
        run.ok();
      }
    }

    JsonNode reconcile(String... args) {
      return reconciling.reconcile(new Args(TestSilo.args(args))).path("results").path(0);
    }

    @Override
    public Party self() {
      return self;
    }

    @Override
    public byte[] sign(byte[] statement) {
      throw new UnsupportedOperationException();
    }

    @Override
    public boolean verify(Party signed, byte[] statement, byte[] signature) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void requirePartner(Party party) {}

    @Override
    public JsonNode request(Party partner, String method, JsonNode body, Duration timeout) {
      return manInTheMiddle.apply(
          (ObjectNode) clinic.reconciling.partnerMethods().get(method).answer(self, body));
    }

    @Override
    public Duplex open(Party partner, String stream, Duration patience) {
      throw new UnsupportedOperationException();
    }
  }

  private static KeyPair keys() {
    try {
      return KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private Optional<IdentityKey> identity(Party party) {
    Side side = party.equals(BANK) ? bank : clinic;
    return Optional.of(new IdentityKey(side.identity.getPublic().getEncoded()));
  }

  private static Jobs.Receipt receipt(
      String id, Side of, Party partner, Consumer<ObjectNode> change) {
    ObjectNode content = Json.object().put("job", id).put("attempt", 1);
    content.put("party", of.self.name());
    content.put("spec", HexFormat.of().formatHex(SPEC.digest()));
    content.putObject("transcripts").putObject("train").put(partner.name(), HASH);
    change.accept(content);
    byte[] statement = new Jobs.Receipt(content, new byte[0]).statement();
    try {
      Signature signature = Signature.getInstance("Ed25519");
      signature.initSign(of.identity.getPrivate());
      signature.update(
          new Encoder().putString("espalier/statement/1").putBytes(statement).toByteArray());
      return new Jobs.Receipt(content, signature.sign());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A job that both ended, of which the clinic's receipt says something more. */
  private void ended(Consumer<ObjectNode> change) {
    witnessed();
    Jobs.Receipt banks = receipt(JOB, bank, CLINIC, content -> {});
    Jobs.Receipt clinics = receipt(JOB, clinic, BANK, change);
    bank.ended(JOB, clinic, banks, clinics);
    clinic.ended(JOB, bank, clinics, banks);
  }

  private Verification export(
      AuditLog log, NoteSigner signer, JobExport.Partners said, boolean asked) throws IOException {
    Path file = root.resolve("export.zip");
    Files.deleteIfExists(file);
    JobExport.write(log, JOB, file, Event.NOTHING_MORE, UnaryOperator.identity(), c -> null, said);
    Verifier verifier = Verifier.trusting(TrustedKey.parse(signer.vkey()));
    return asked
        ? verifier.withPartners(List.of(TrustedKey.parse(clinic.signer.vkey()))).verify(file)
        : verifier.verify(file);
  }

  @Test
  void anExportHoldsWhatBothSaidAndNothingElseThatAPartnerWrote() throws IOException {
    ended(content -> {});
    manInTheMiddle =
        answer -> {
          JsonNode nested = Json.object();
          for (int i = 0; i < 20; i++) {
            nested = Json.object().set("evil", nested);
          }
          for (JsonNode claim : answer.withArray("claims")) {
            ((ObjectNode) claim).set("evil", nested);
            ((ObjectNode) claim).put("more", "9".repeat(10_000));
          }
          return answer;
        };
    JobExport.Partners said = bank.reconciling.said(JOB);
    assertThat(said.leftOut()).isEmpty();
    assertThat(said.receipts()).hasSize(2);
    assertThat(said.logs()).containsOnlyKeys(CLINIC.name());
    assertThat(said.logs().toString()).doesNotContain("evil", "9".repeat(100));
    Verification result = export(bank.log, bank.signer, said, true);
    assertThat(result.lines().toString())
        .startsWith("[OK")
        .contains("the log of clinic.example, under its own key, holds the same hashes");
  }

  /** As a log could take them up before receipts had one form. */
  @Test
  void aReceiptThatWouldCondemnTheExportIsLeftOut() throws IOException {
    ended(content -> content.withObject("/transcripts/zz").put(BANK.name(), HASH));
    JobExport.Partners said = bank.reconciling.said(JOB);
    assertThat(said.receipts())
        .extracting(JobExport.Receipt::party)
        .containsExactly("bank.example");
    assertThat(said.leftOut())
        .singleElement()
        .asString()
        .contains("the receipt of clinic.example for attempt 1: ", "in phase \"zz\"");
    assertThat(export(bank.log, bank.signer, said, true).ok()).isTrue();
  }

  @Test
  void aPartnersLogThatHoldsAnotherReceiptIsLeftOut() throws IOException {
    witnessed();
    Jobs.Receipt banks = receipt(JOB, bank, CLINIC, content -> {});
    Jobs.Receipt clinics = receipt(JOB, clinic, BANK, content -> {});
    bank.ended(JOB, clinic, banks, clinics);
    clinic.ended(JOB, bank, clinics, clinics);
    JobExport.Partners said = bank.reconciling.said(JOB);
    assertThat(said.logs()).isEmpty();
    assertThat(said.leftOut().toString())
        .contains("the log of clinic.example: ", "holds another receipt of bank.example");
    assertThat(export(bank.log, bank.signer, said, false).ok()).isTrue();
    assertThat(export(bank.log, bank.signer, said, true).exitCode()).isEqualTo(12);
  }

  /** Receipts in the log before are of no use to the export of the one that continues it. */
  @Test
  void afterTheKeyWasChangedTheExportOfAnEndedJobVerifies() throws IOException {
    ended(content -> {});
    NoteSigner next =
        NoteSigner.of(BANK + "/silo/audit/2", NoteSigner.Use.LOG, NoteSigner.generateKeys());
    AuditLog second = AuditLog.open(root.resolve("bank-2"), next);
    Reconciling continued = bank.continued(CLINIC, next, second);
    second.fact(EventType.RESULT_SHOWN, e -> e.job(JOB, 1, EventBuilder.sha256Text(SPEC.digest())));
    JobExport.Partners said = continued.said(JOB);
    assertThat(export(second, next, said, false).lines().toString()).startsWith("[OK");
    assertThat(said.receipts()).isEmpty();
    assertThat(said.logs()).isEmpty();
    // As it was: what the logs before had taken up.
    JobExport.Partners old = bank.reconciling.said(JOB);
    assertThat(export(second, next, old, false).ok()).isFalse();
  }

  @Test
  void aPartnersLogThatSaysMoreThanAnExportHoldsIsLeftOut() throws IOException {
    ended(content -> {});
    Map<String, String> padding = new TreeMap<>();
    for (int i = 0; i < 140; i++) {
      padding.put("somebody-%03d.example".formatted(i), "sha256:" + HASH);
    }
    Jobs.Receipt banks = bank.jobs.receipts(JOB, 1).get(BANK);
    for (int i = 0; i < 270; i++) {
      clinic.tookUp(JOB, bank, banks, padding);
    }
    JobExport.Partners said = bank.reconciling.said(JOB);
    assertThat(said.leftOut()).isEmpty();
    int length = JobExport.Partners.file(said.logs().get(CLINIC.name())).length;
    assertThat(length).isBetween(3 << 20, ExportRehearsal.MAX_LOG);
    int next = 270 * (ExportRehearsal.MAX_LOG - length) / length + 2;
    for (int i = 0; i < next; i++) {
      clinic.tookUp(JOB, bank, banks, padding);
    }
    said = bank.reconciling.said(JOB);
    assertThat(said.logs()).isEmpty();
    assertThat(said.leftOut().toString()).contains("says more than an export can hold");
    assertThat(said.receipts()).hasSize(2);
  }

  /** One claim a page, each in its own time. */
  @Test
  void aPartnerThatTakesTooLongIsLeftOut() {
    ended(content -> {});
    Jobs.Receipt banks = bank.jobs.receipts(JOB, 1).get(BANK);
    for (int i = 0; i < 20; i++) {
      clinic.tookUp(JOB, bank, banks, null);
    }
    AtomicInteger asked = new AtomicInteger();
    manInTheMiddle =
        answer -> {
          asked.incrementAndGet();
          try {
            Thread.sleep(100);
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
          ArrayNode claims = answer.withArray("claims");
          while (claims.size() > 1) {
            claims.remove(1);
          }
          return answer.put("more", true);
        };
    JobExport.Partners said = bank.reconciling.said(JOB, Duration.ofMillis(500));
    assertThat(said.logs()).isEmpty();
    assertThat(said.leftOut().toString()).contains("clinic.example takes too long");
    assertThat(asked.get()).isBetween(1, 5);
    assertThat(bank.reconciling.said(JOB).logs()).containsOnlyKeys(CLINIC.name());
    assertThat(asked.get()).isGreaterThan(20);
  }

  @BeforeEach
  void twoParties() throws IOException {
    bank = new Side(BANK, CLINIC);
    clinic = new Side(CLINIC, BANK);
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : open) {
      each.close();
    }
  }

  /** The bank's node signs how far the clinic's log has come. */
  private void witnessed() {
    String note = clinic.log.checkpoint().note();
    ObjectNode body = TestSilo.args("log", clinic.signer.vkey(), "request", "old 0\n\n" + note);
    JsonNode answer =
        bank.witnessing.partnerMethods().get(WitnessRequests.ADD).answer(CLINIC, body);
    assertThat(answer.path("status").asInt()).isEqualTo(200);
  }

  private void assertExit(int code, String text) {
    JsonNode result = bank.reconcile("partner", CLINIC.name());
    assertThat(result.path("exit_code").asInt(-1)).as(result.toPrettyString()).isEqualTo(code);
    assertThat(result.toString()).contains(text);
  }

  @Test
  void honestLogsOfManyJobsAgreePageByPage() {
    assertThatThrownBy(() -> bank.reconcile("partner", CLINIC.name()))
        .isInstanceOfSatisfying(
            Problem.class, e -> assertThat(e.kind()).isEqualTo(Problem.Kind.WRONG_STATE));
    witnessed();
    for (int i = 0; i < 61; i++) {
      String id = "J-%08x".formatted(i);
      bank.job(id, CLINIC, true);
      clinic.job(id, BANK, true);
    }
    clinic.job("J-99999999", new Party("other.example"), true);
    JsonNode result = bank.reconcile();
    assertThat(result.path("exit_code").asInt(-1)).as(result.toPrettyString()).isZero();
    assertThat(result.path("jobs").asInt()).isEqualTo(61);
    assertThat(result.path("compared").asInt()).isEqualTo(61 * 5);
    assertThat(result.path("notes")).isEmpty();
    assertThat(bank.reconcile("job", "J-00000007").path("jobs").asInt()).isEqualTo(1);
  }

  @Test
  void aPartnerIsToldOfItsOwnJobsAndConversationsOnly() {
    clinic.job("J-00000001", BANK, true);
    clinic.job("J-99999999", new Party("other.example"), true);
    JsonNode answer =
        clinic.reconciling.partnerMethods().get(Reconciling.CLAIMS).answer(BANK, Json.object());
    assertThat(answer.path("claims")).hasSize(5);
    assertThat(answer.toString())
        .contains("J-00000001")
        .doesNotContain("J-99999999", "other.example", "third.example", "traffic");
  }

  @Test
  void aPartnersMissingHalfIsNamed() {
    witnessed();
    bank.job("J-00000001", CLINIC, true);
    clinic.job("J-00000001", BANK, false);
    assertExit(11, "the phase train of attempt 1");
    // A whole job.
    bank.job("J-00000002", CLINIC, true);
    JsonNode result = bank.reconcile("job", "J-00000002");
    assertThat(result.path("exit_code").asInt()).isEqualTo(11);
    assertThat(result.path("differences").findValuesAsText("party")).containsOnly("clinic.example");
    // And what only the partner has.
    clinic.job("J-00000003", BANK, true);
    assertThat(bank.reconcile("job", "J-00000003").path("differences").findValuesAsText("party"))
        .containsOnly("bank.example");
  }

  /** What a partner has pruned is not missing, as long as its log says so. */
  @Test
  void aPartnersPrunedHalfIsNoAlarm() throws IOException {
    ago = Duration.ofDays(200);
    witnessed();
    bank.job("J-00000001", CLINIC, true);
    clinic.job("J-00000001", BANK, true);
    RetentionTest.fill(clinic.log, 256);
    clinic.log.checkpoint(); // written after the full bundle was moved out
    ago = Duration.ZERO;
    clinic.log.prune(256, event -> false, e -> e.reason("retention.expired"));
    clinic.log.checkpoint();
    assertExit(0, "job J-00000001 is not compared: clinic.example has pruned its log up to");
    assertThat(bank.reconcile().path("compared").asInt()).isZero();
    // The claim alone is not believed, nor is another event, and without it the half is missing.
    manInTheMiddle =
        answer -> {
          ObjectNode pruned = (ObjectNode) answer.path("pruned");
          pruned.put("event", pruned.path("event").asText().replace("expired", "elapsed"));
          return answer;
        };
    assertExit(10, "is not in the tree that its log signed");
    manInTheMiddle =
        answer -> {
          answer.remove("pruned");
          return answer;
        };
    assertExit(11, "is not in the log of clinic.example");
    manInTheMiddle = UnaryOperator.identity();
    // A job of later is compared as ever.
    bank.job("J-00000002", CLINIC, true);
    clinic.job("J-00000002", BANK, true);
    assertExit(0, "\"compared\":5");
    // Nor can what is young have been pruned, or anything be pruned in days to come.
    String none = EventBuilder.sha256(new byte[0]);
    long now = System.currentTimeMillis();
    clinic.log.fact(
        EventType.LOG_PRUNED, e -> e.reason("retention.expired").pruned(256, now, 0, none));
    assertExit(10, "declares what cannot have been pruned then");
    ago = Duration.ofDays(-101);
    clinic.log.fact(
        EventType.LOG_PRUNED, e -> e.reason("retention.expired").pruned(256, now, 0, none));
    assertExit(10, "declares what cannot have been pruned then");
  }

  /** What this party has pruned is not missing, also after its log was continued by another. */
  @Test
  void theOwnPrunedHalfIsNoAlarmAfterTheKeyWasChanged() throws IOException {
    ago = Duration.ofDays(200);
    witnessed();
    bank.job("J-00000001", CLINIC, true);
    clinic.job("J-00000001", BANK, true);
    RetentionTest.fill(bank.log, 256);
    bank.log.checkpoint();
    ago = Duration.ZERO;
    bank.log.prune(256, event -> false, e -> e.reason("retention.expired"));
    JsonNode result =
        bank.continued(CLINIC)
            .reconcile(new Args(TestSilo.args("partner", CLINIC.name())))
            .path("results")
            .path(0);
    assertThat(result.path("exit_code").asInt(-1)).as(result.toPrettyString()).isZero();
    assertThat(result.toString()).contains("bank.example has pruned its log up to");
  }

  /** Each name would be looked up on disk. */
  @Test
  void logsThatNoPartnerCanHaveAreNotLookedUp() {
    witnessed();
    bank.job("J-00000001", CLINIC, true);
    clinic.job("J-00000001", BANK, true);
    manInTheMiddle = answer -> naming(answer, 1000, "clinic.example/silo/audit/");
    assertExit(0, "\"compared\":5");
    manInTheMiddle = answer -> naming(answer, 1001, "clinic.example/silo/audit/");
    assertExit(10, "it names more than 1000 logs of its own");
    for (String name :
        List.of(
            "bank.example/silo/audit/",
            "clinic.example/silo/witness",
            "../../",
            "clinic.example/silo/audit/" + "9".repeat(200))) {
      manInTheMiddle = answer -> naming(answer, 1, name);
      assertExit(10, "it names a log that cannot be one of its own");
    }
    manInTheMiddle =
        answer -> {
          answer.putArray("logs").addObject().put("clinic.example/silo/audit/", 1);
          return answer;
        };
    assertExit(10, "it names a log that cannot be one of its own");
  }

  private static ObjectNode naming(ObjectNode answer, int count, String prefix) {
    ArrayNode logs = answer.putArray("logs");
    for (int i = 1; i <= count; i++) {
      logs.add(prefix + i);
    }
    return answer;
  }

  @Test
  void answersThatAreNotProvenAreNotTaken() {
    witnessed();
    bank.job("J-00000001", CLINIC, true);
    clinic.job("J-00000001", BANK, true);
    assertExit(0, "\"compared\":5");

    manInTheMiddle =
        answer -> {
          ((ArrayNode) answer.get("claims")).remove(2);
          return answer;
        };
    assertExit(11, "is not in the log of clinic.example");
    manInTheMiddle =
        answer -> {
          JsonNode claims = answer.get("claims");
          ((ObjectNode) claims.get(4)).put("attempt", 2);
          return answer;
        };
    assertExit(10, "is not what that event says");
    manInTheMiddle =
        answer -> {
          ((ObjectNode) answer.at("/claims/1")).put("seq", 5);
          return answer;
        };
    assertExit(10, "is not in the tree that its log signed");
    ObjectNode first =
        (ObjectNode)
            clinic
                .reconciling
                .partnerMethods()
                .get(Reconciling.CLAIMS)
                .answer(BANK, Json.object().put("seen", 1));
    manInTheMiddle = answer -> first.deepCopy().put("more", true);
    assertExit(10, "it answers what was not asked");
    NoteSigner stranger =
        NoteSigner.of(clinic.signer.name(), NoteSigner.Use.LOG, NoteSigner.generateKeys());
    manInTheMiddle =
        answer -> {
          String note = answer.path("checkpoint").asText();
          return answer.put(
              "checkpoint", stranger.note(note.substring(0, note.indexOf("\n\n") + 1)));
        };
    assertExit(14, "not signed by the key");
    manInTheMiddle = answer -> answer.put("checkpoint", "nonsense");
    assertExit(14, "not signed by the key");
    // The true key, another history: not what this node has signed.
    manInTheMiddle =
        answer -> {
          answer.remove("consistency");
          return answer;
        };
    assertExit(13, "no continuation");
    assertThat(root.resolve("bank.example/witness/forks/clinic.example.json")).exists();
    manInTheMiddle =
        answer ->
            answer.put(
                "checkpoint",
                clinic.signer.note(
                    clinic.signer.name() + "\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"));
    assertExit(11, "this node has signed that it had");
    assertThat(TrustedKey.parse(clinic.signer.vkey()).name()).startsWith("clinic.example");
  }
}
