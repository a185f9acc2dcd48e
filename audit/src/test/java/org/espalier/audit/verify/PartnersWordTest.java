package org.espalier.audit.verify;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.espalier.audit.Logs;
import org.espalier.audit.MemoryFolder;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.event.Event;
import org.espalier.audit.event.EventBuilder;
import org.espalier.audit.event.EventType;
import org.espalier.audit.export.JobExport;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.LogReader;
import org.espalier.audit.merkle.ProofBuilder;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An auditor has one party's export, and the keys of both parties' logs. */
class PartnersWordTest {
  private static final String JOB = "J-1a2b3c4d";
  private static final String SPEC = "sha256:" + "5".repeat(64);
  private static final String ALIGNED = "a".repeat(64);
  private static final String TRAINED = "b".repeat(64);
  private static final String BANK = "bank.example";
  private static final String CLINIC = "clinic.example";
  private static final NoteSigner BANKS_LOG = signer(BANK, 1);
  private static final NoteSigner CLINICS_LOG = signer(CLINIC, 1);
  private static final TrustedKey BANKS_KEY = TrustedKey.parse(BANKS_LOG.vkey());
  private static final TrustedKey CLINICS_KEY = TrustedKey.parse(CLINICS_LOG.vkey());
  private static final KeyPair BANK_ID = keys();
  private static final KeyPair CLINIC_ID = keys();

  @TempDir(factory = MemoryFolder.class)
  Path folder;

  private Path file;
  private JobExport.Receipt own;
  private JobExport.Receipt theirs;
  private List<ObjectNode> pages;

  private static NoteSigner signer(String party, int number) {
    return NoteSigner.of(
        party + "/silo/audit/" + number, NoteSigner.Use.LOG, NoteSigner.generateKeys());
  }

  private static KeyPair keys() {
    try {
      return KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] framed(String domain, byte[] content) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] part : List.of(domain.getBytes(UTF_8), content)) {
      out.writeBytes(ByteBuffer.allocate(4).putInt(part.length).array());
      out.writeBytes(part);
    }
    return out.toByteArray();
  }

  private static JobExport.Receipt receipt(
      String party, String job, String partner, String aligned, String trained, KeyPair by) {
    String json =
        """
        {"attempt":1,"job":"%s","party":"%s","spec":"%s","transcripts":{"align":{"%s":"%s"},"train":{"%s":"%s"}}}"""
            .formatted(
                job, party, SPEC.substring("sha256:".length()), partner, aligned, partner, trained);
    return signed(party, json, by);
  }

  private static JobExport.Receipt signed(String party, String json, KeyPair by) {
    byte[] statement = framed("espalier/receipt/1", json.getBytes(UTF_8));
    try {
      Signature signature = Signature.getInstance("Ed25519");
      signature.initSign(by.getPrivate());
      signature.update(framed("espalier/statement/1", statement));
      return new JobExport.Receipt(
          party, 1, statement, signature.sign(), by.getPublic().getEncoded());
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static String digest(JobExport.Receipt receipt) {
    return EventBuilder.sha256(receipt.statement());
  }

  /** One party's half of a job. */
  private static void write(
      AuditLog log, String job, String partner, JobExport.Receipt takenUp, boolean training) {
    var run = log.intent(EventType.JOB_STARTED, e -> e.job(job, 1, SPEC));
    for (String step : training ? List.of("align", "train") : List.of("align")) {
      String hash = "sha256:" + (step.equals("align") ? ALIGNED : TRAINED);
      log.intent(EventType.PHASE_STARTED, e -> e.job(job, 1, SPEC).step(step))
          .ok(e -> e.transcripts(Map.of(partner, hash)).traffic(1, 2));
    }
    log.fact(
        EventType.RECEIPT,
        e ->
            e.job(job, 1, SPEC)
                .partner(partner, EventBuilder.sha256(takenUp.key()), null)
                .receipt(digest(takenUp)));
    run.ok();
  }

  /** What a log says of a job to a partner, as its node tells it. */
  private static List<ObjectNode> told(AuditLog log, String partner, String job)
      throws IOException {
    TreeHead head = TreeHead.checkpoint(log.checkpoint().note().getBytes(UTF_8));
    LogReader reader = log.reader();
    Claims all = new Claims(partner);
    for (long seq = 0; seq < head.size(); seq++) {
      all.add(seq, reader.event(seq).json());
    }
    ProofBuilder proofs = new ProofBuilder(reader);
    ObjectNode page = EventRules.MAPPER.createObjectNode().put("checkpoint", head.note().whole());
    var claims = page.putArray("claims");
    for (Claim claim : all.all()) {
      if (claim.job().equals(job)) {
        claims.add(
            ProvenClaims.toJson(
                claim,
                reader.event(claim.seq()).bytes(),
                proofs.inclusion(claim.seq(), head.size())));
      }
    }
    return List.of(page);
  }

  @BeforeEach
  void bothPartiesRunAJob() throws IOException {
    own = receipt(BANK, JOB, CLINIC, ALIGNED, TRAINED, BANK_ID);
    theirs = receipt(CLINIC, JOB, BANK, ALIGNED, TRAINED, CLINIC_ID);
    pages = clinicsLog("clinic", CLINICS_LOG, JOB, own);
    file = export("bank", true, new JobExport.Partners(List.of(own, theirs), logs(pages)));
  }

  private static Map<String, List<ObjectNode>> logs(List<ObjectNode> pages) {
    return Map.of(CLINIC, pages);
  }

  private List<ObjectNode> clinicsLog(
      String name, NoteSigner signer, String job, JobExport.Receipt takenUp) throws IOException {
    try (AuditLog log = AuditLog.open(Logs.settings(folder.resolve(name)), signer)) {
      write(log, job, BANK, takenUp, true);
      return told(log, BANK, job);
    }
  }

  private Path export(String name, boolean training, JobExport.Partners partners)
      throws IOException {
    Path out = folder.resolve(name + ".zip");
    try (AuditLog log = AuditLog.open(Logs.settings(folder.resolve(name)), BANKS_LOG)) {
      write(log, JOB, CLINIC, theirs, training);
      JobExport.write(
          log, JOB, out, Event.NOTHING_MORE, UnaryOperator.identity(), c -> null, partners);
    }
    return out;
  }

  private Verification verify(Path export, TrustedKey... partners) throws IOException {
    return Verifier.trusting(BANKS_KEY).withPartners(List.of(partners)).verify(export);
  }

  /** The export with other receipts or another log of the partner. */
  private Verification with(List<JobExport.Receipt> receipts, List<ObjectNode> said)
      throws IOException {
    Path other = folder.resolve("other.zip");
    Path made = folder.resolve("made");
    Files.deleteIfExists(other);
    Logs.copy(folder.resolve("bank"), made);
    try (AuditLog log = AuditLog.open(Logs.settings(made), BANKS_LOG)) {
      JobExport.write(
          log,
          JOB,
          other,
          Event.NOTHING_MORE,
          UnaryOperator.identity(),
          c -> null,
          new JobExport.Partners(receipts, said.isEmpty() ? Map.of() : logs(said)));
    }
    Verification result = verify(other, CLINICS_KEY);
    Logs.delete(made);
    return result;
  }

  private static void assertFound(Verification result, Verdict verdict, String text) {
    assertThat(result.verdict()).as("%s", result.lines()).isEqualTo(verdict);
    assertThat(result.findings()).anyMatch(finding -> finding.text().contains(text));
  }

  @Test
  void withThePartnersKeyItsOwnLogVouchesForTheSameHashes() throws IOException {
    Verification result = verify(file, CLINICS_KEY);
    assertThat(result.verdict()).as("%s", result.lines()).isEqualTo(Verdict.OK);
    assertThat(result.lines().toString())
        .contains(
            "clinic.example signed the same hashes for attempt 1, by the identity key sha256:")
        .contains(
            "the log of clinic.example, under its own key, holds the same hashes for attempt 1")
        .doesNotContain("not checked");
  }

  @Test
  void withoutAKeyItSaysWhatWasNotChecked() throws IOException {
    Verification result = verify(file);
    assertThat(result.verdict()).isEqualTo(Verdict.OK);
    assertThat(result.lines().toString())
        .contains("not checked: what the log of clinic.example says of it")
        .doesNotContain("under its own key");
    TrustedKey second = TrustedKey.parse(signer(CLINIC, 2).vkey());
    assertFound(verify(file, second), Verdict.WITNESSES, "does not hold what the log of clinic");
    TrustedKey stranger = TrustedKey.parse(signer("third.example", 1).vkey());
    assertFound(
        verify(file, CLINICS_KEY, stranger), Verdict.WITNESSES, "what the log of third.example");
    assertThatThrownBy(() -> verify(folder.resolve("bank"), CLINICS_KEY))
        .isInstanceOf(IllegalArgumentException.class);
  }

  /** Attacks on receipts: the first three need no key of the partner to be noticed. */
  @Test
  void anotherReceiptIsNoticed() throws IOException {
    JobExport.Receipt otherJob = receipt(CLINIC, "J-00000002", BANK, ALIGNED, TRAINED, CLINIC_ID);
    assertFound(with(List.of(own, otherJob), pages), Verdict.ALTERED, "is one for something else");
    JobExport.Receipt otherHash = receipt(CLINIC, JOB, BANK, ALIGNED, "c".repeat(64), CLINIC_ID);
    assertFound(
        with(List.of(own, otherHash), pages),
        Verdict.ALTERED,
        "is not the one that the log took up");
    byte[] changed = theirs.statement().clone();
    int digit = new String(changed, UTF_8).indexOf(TRAINED);
    changed[digit] = 'c';
    JobExport.Receipt edited =
        new JobExport.Receipt(CLINIC, 1, changed, theirs.signature(), theirs.key());
    assertFound(with(List.of(own, edited), pages), Verdict.ALTERED, "signature of the receipt");
    // The very statement, signed by somebody else.
    JobExport.Receipt stranger = receipt(CLINIC, JOB, BANK, ALIGNED, TRAINED, keys());
    assertFound(
        with(List.of(own, stranger), pages), Verdict.KEY_NOT_TRUSTED, "signed by another key");
    // Or only said to be.
    JobExport.Receipt claimed =
        new JobExport.Receipt(CLINIC, 1, stranger.statement(), stranger.signature(), theirs.key());
    assertFound(with(List.of(own, claimed), pages), Verdict.ALTERED, "signature of the receipt");
    // The own one is bound by the partner's log.
    JobExport.Receipt mine = receipt(BANK, JOB, CLINIC, ALIGNED, "c".repeat(64), BANK_ID);
    assertFound(with(List.of(mine, theirs), pages), Verdict.ALTERED, "another conversation");
    JobExport.Receipt fewer = receipt(BANK, JOB, "third.example", ALIGNED, TRAINED, BANK_ID);
    assertThat(with(List.of(fewer, theirs), pages).ok()).isFalse();
    JobExport.Receipt more = receipt(BANK, JOB, "nobody.example", ALIGNED, TRAINED, BANK_ID);
    assertFound(with(List.of(more, theirs), pages), Verdict.ALTERED, "\"nobody.example\", which");
    assertFound(with(List.of(theirs), pages), Verdict.WITNESSES, "does not hold");
  }

  /** The exporter left a phase out of its own log: the partner signed its conversation. */
  @Test
  void aPhaseThatWasNeverLoggedIsNoticedByTheReceipt() throws IOException {
    Path export = export("hiding", false, new JobExport.Partners(List.of(theirs), Map.of()));
    assertFound(verify(export), Verdict.TRUNCATED, "in phase \"train\", which no event does");
  }

  @Test
  void anotherLogOfThePartnerIsNoticed() throws IOException {
    List<JobExport.Receipt> both = List.of(own, theirs);
    NoteSigner imposter = signer(CLINIC, 1);
    assertFound(
        with(both, clinicsLog("imposter", imposter, JOB, own)),
        Verdict.KEY_NOT_TRUSTED,
        "is not signed by the trusted key");
    assertFound(
        with(both, clinicsLog("third", signer("third.example", 1), JOB, own)),
        Verdict.ALTERED,
        "has no checkpoint of it");
    JobExport.Receipt otherHash = receipt(BANK, JOB, CLINIC, ALIGNED, "c".repeat(64), BANK_ID);
    assertFound(
        with(both, clinicsLog("other", CLINICS_LOG, JOB, otherHash)),
        Verdict.ALTERED,
        "holds another receipt of bank.example");
    assertFound(
        with(both, clinicsLog("job", CLINICS_LOG, "J-00000002", own)),
        Verdict.ALTERED,
        "is of another job");
    assertFound(with(both, List.of()), Verdict.WITNESSES, "does not hold");
    List<ObjectNode> unproven = new ArrayList<>();
    pages.forEach(page -> unproven.add(page.deepCopy()));
    unproven.get(0).withArray("claims").forEach(c -> ((ObjectNode) c).putArray("proof"));
    assertFound(with(both, unproven), Verdict.ALTERED, "is not in the tree");
  }

  private static ExportRehearsal rehearsal(Path log) throws IOException {
    LogReader reader = LogReader.open(log);
    TreeMap<Long, JsonNode> events = new TreeMap<>();
    for (long seq = 0; seq < reader.size(); seq++) {
      events.put(seq, reader.event(seq).json());
    }
    return new ExportRehearsal(BANK, JOB, events);
  }

  /** A clinic's receipt, whatever it says, that the bank's log took up. */
  private void condemned(String json, String text) throws IOException {
    theirs = signed(CLINIC, json, CLINIC_ID);
    Path log = folder.resolve("condemned");
    Path export = export("condemned", true, new JobExport.Partners(List.of(own, theirs), Map.of()));
    assertThat(verify(export).ok()).isFalse();
    assertThat(verify(export).lines().toString()).contains(text);
    ExportRehearsal rehearsal = rehearsal(log);
    assertThat(rehearsal.receipt(CLINIC, 1, theirs.file()))
        .hasValueSatisfying(wrong -> assertThat(wrong).contains(text));
    assertThat(rehearsal.receipt(BANK, 1, own.file())).isEmpty();
    Files.delete(export);
    JobExport.Partners left = new JobExport.Partners(List.of(own), Map.of());
    try (AuditLog again = AuditLog.open(Logs.settings(log), BANKS_LOG)) {
      JobExport.write(
          again, JOB, export, Event.NOTHING_MORE, UnaryOperator.identity(), c -> null, left);
    }
    assertThat(verify(export).ok()).as("without it").isTrue();
    Files.delete(export);
    Logs.delete(log);
  }

  /** The attacks that work where a log has taken such a receipt up; its writer leaves it out. */
  @Test
  void whatWouldCondemnAnExportIsNamedBeforeItIsWritten() throws IOException {
    String honest = new String(theirs.statement(), UTF_8);
    honest = honest.substring(honest.indexOf('{'));
    condemned(
        honest.replace("}}", "},\"zz\":{\"bank.example\":\"" + "0".repeat(64) + "\"}}"),
        "in phase \"zz\", which no event does");
    condemned(honest.replace("{\"attempt", "{\"a\":1,\"attempt"), "is none");
    condemned(honest.replace("attempt\":1", "attempt\":4294967297"), "is none");
    condemned(honest.replace("attempt\":1", "attempt\":2"), "is one for something else");
    condemned(honest.replace(JOB, "J-00000002"), "is one for something else");
    theirs = receipt(CLINIC, JOB, BANK, ALIGNED, TRAINED, CLINIC_ID);

    ExportRehearsal rehearsal = rehearsal(folder.resolve("bank"));
    assertThat(rehearsal.receipt(BANK, 1, own.file())).isEmpty();
    assertThat(rehearsal.receipt(CLINIC, 1, theirs.file())).isEmpty();
    List<TrustedKey> keys = List.of(CLINICS_KEY);
    assertThat(rehearsal.log(CLINIC, JobExport.Partners.file(pages), keys)).isEmpty();
    JobExport.Receipt otherHash = receipt(BANK, JOB, CLINIC, ALIGNED, "c".repeat(64), BANK_ID);
    List<ObjectNode> other = clinicsLog("other", CLINICS_LOG, JOB, otherHash);
    assertThat(rehearsal.log(CLINIC, JobExport.Partners.file(other), keys))
        .hasValueSatisfying(wrong -> assertThat(wrong).contains("holds another receipt"));
    assertThat(rehearsal.log(CLINIC, new byte[5 << 20], keys)).isPresent();
  }

  /** Jobs of many parties, and partners' logs with many receipts, are longer than any event. */
  @Test
  void aJobOfThirtyPartiesAndManyAttemptsVerifies() throws IOException {
    StringBuilder others = new StringBuilder();
    for (int i = 0; i < 28; i++) {
      String hash = "%064x".formatted(i);
      others.append(",\"a-hospital-with-a-long-name-%02d.example\":\"%s\"".formatted(i, hash));
    }
    StringBuilder json = new StringBuilder("{\"attempt\":1,\"job\":\"" + JOB + "\"");
    json.append(",\"party\":\"" + CLINIC + "\",\"spec\":\"" + "5".repeat(64));
    json.append("\",\"transcripts\":{\"align\":{\"bank.example\":\"" + ALIGNED + "\"" + others);
    json.append("},\"train\":{\"bank.example\":\"" + TRAINED + "\"" + others + "}");
    for (int i = 0; i < 6; i++) {
      json.append(",\"fold-" + i + "\":{" + others.substring(1) + "}");
    }
    theirs = signed(CLINIC, json.append("}}").toString(), CLINIC_ID);
    assertThat(theirs.statement().length).isGreaterThan(EventRules.MAX_BYTES);
    try (AuditLog log = AuditLog.open(Logs.settings(folder.resolve("clinic")), CLINICS_LOG)) {
      for (int attempt = 2; attempt < 40; attempt++) {
        long number = attempt;
        log.fact(
            EventType.RECEIPT,
            e ->
                e.job(JOB, number, SPEC)
                    .partner(BANK, EventBuilder.sha256(own.key()), null)
                    .receipt(digest(own)));
      }
      pages = told(log, BANK, JOB);
    }
    assertThat(JobExport.Partners.file(pages).length).isGreaterThan(EventRules.MAX_BYTES);
    Path many = export("many", true, new JobExport.Partners(List.of(own, theirs), logs(pages)));
    Verification result = verify(many, CLINICS_KEY);
    assertThat(result.lines().toString())
        .startsWith("[OK")
        .contains("clinic.example signed the same hashes for attempt 1")
        .contains("the log of clinic.example, under its own key, holds the same hashes");
  }

  private static byte[] padded(byte[] file, int length) {
    byte[] padded = Arrays.copyOf(file, length);
    Arrays.fill(padded, file.length, length, (byte) ' ');
    return padded;
  }

  private void padded(String name, int longest, String text) throws IOException {
    Map<String, byte[]> content = Logs.unzip(file);
    byte[] original = content.get(name);
    content.put(name, padded(original, longest));
    assertThat(verify(zip(content), CLINICS_KEY).ok()).isTrue();
    content.put(name, padded(original, longest + 1));
    assertFound(verify(zip(content), CLINICS_KEY), Verdict.ALTERED, text);
  }

  @Test
  void theLargestFilesPassAndTheNextDoNot() throws IOException {
    padded("receipts/clinic.example.1.json", PartnersWord.MAX_RECEIPT, "is none");
    padded("partners/clinic.example.json", PartnersWord.MAX_LOG, "is not in order");
    List<JobExport.Receipt> both = List.of(own, theirs);
    ObjectNode empty = pages.get(0).deepCopy();
    empty.putArray("claims");
    List<ObjectNode> few = new ArrayList<>(Collections.nCopies(PartnersWord.MAX_PAGES, empty));
    few.set(0, pages.get(0));
    assertThat(with(both, few).ok()).isTrue();
    few.add(empty);
    assertFound(with(both, few), Verdict.ALTERED, "is not in order");

    Findings findings = new Findings();
    PartnersWord word = new PartnersWord(BANK, JOB, List.of(), List.of(), findings);
    byte[] log = padded(JobExport.Partners.file(List.of()), PartnersWord.MAX_LOG);
    for (int i = 0; i < PartnersWord.MAX_HELD / PartnersWord.MAX_LOG; i++) {
      word.log("p" + i, log);
    }
    assertThat(findings.isEmpty()).isTrue();
    word.log("next", padded(JobExport.Partners.file(List.of()), 100));
    assertThat(findings.sorted().toString()).contains("holds more of what partners said");
  }

  /** Files of the archive itself: unknown forms, names and sizes. */
  @Test
  void whatIsNoReceiptIsRefusedAndOldExportsVerify() throws IOException {
    byte[] receipt = Logs.unzip(file).get("receipts/clinic.example.1.json");
    rejected(all -> all.remove("format"), Verdict.ALTERED);
    rejected(
        all -> all.put("format", "espalier.audit-export/3\n".getBytes(UTF_8)), Verdict.ALTERED);
    rejected(all -> all.put("receipts/clinic.example.2.json", receipt), Verdict.ALTERED);
    rejected(all -> all.put("receipts/third.example.1.json", receipt), Verdict.ALTERED);
    rejected(all -> all.put("receipts/CLINIC.1.json", receipt), Verdict.ALTERED);
    rejected(all -> all.put("receipts/clinic.example.1.json", new byte[2 << 20]), Verdict.ALTERED);
    rejected(all -> all.put("partners/clinic.example.json", new byte[5 << 20]), Verdict.ALTERED);
    rejected(
        all ->
            all.put(
                "receipts/clinic.example.1.json",
                new String(receipt, UTF_8).replace("receipt/1", "receipt/2").getBytes(UTF_8)),
        Verdict.ALTERED);
    Map<String, byte[]> first = Logs.unzip(file);
    first.keySet().removeIf(name -> name.matches("format|receipts/.*|partners/.*"));
    assertThat(verify(zip(first)).ok()).as("an export from before there were receipts").isTrue();
    assertFound(verify(zip(first), CLINICS_KEY), Verdict.WITNESSES, "does not hold");
  }

  private void rejected(Consumer<Map<String, byte[]>> change, Verdict verdict) throws IOException {
    Map<String, byte[]> content = Logs.unzip(file);
    change.accept(content);
    assertThat(verify(zip(content)).verdict()).isEqualTo(verdict);
  }

  private Path zip(Map<String, byte[]> content) throws IOException {
    return Logs.zip(content, folder.resolve("made.zip"));
  }
}
