package org.espalier.audit.fuzz;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.espalier.audit.Logs;
import org.espalier.audit.checkpoint.AuditKey;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.event.Event;
import org.espalier.audit.export.JobExport;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.LogReader;
import org.espalier.audit.log.LoggedEvent;
import org.espalier.audit.merkle.ProofBuilder;
import org.espalier.audit.timestamp.TestTsa;
import org.espalier.audit.verify.Claim;
import org.espalier.audit.verify.Claims;
import org.espalier.audit.verify.ProvenClaims;
import org.espalier.audit.verify.TimeStamp;
import org.espalier.audit.verify.TimeStampTrust;
import org.espalier.audit.verify.TreeHead;
import org.espalier.audit.verify.TrustedKey;
import org.espalier.audit.verify.Verdict;
import org.espalier.audit.verify.Verification;
import org.espalier.audit.verify.Verifier;
import org.espalier.audit.verify.WitnessPolicy;
import org.espalier.audit.witness.Cosigning;
import org.espalier.audit.witness.Witness;
import org.espalier.wire.fuzz.Fuzz;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a verifier, a witness and a node read of logs, their own and foreign ones, with changes: no
 * change that matters is verified, and nothing fails but with a finding or a refusal. With {@code
 * -Despalier.fuzz=N} N times as many.
 */
class FuzzTest {
  /** Changed files of a log, exports and notes that are verified. */
  private static final int VERIFIED = 20;

  /** Changed texts that are only read. */
  private static final int READ = 100;

  /** A log of two jobs is read as a whole for each input. */
  private static final long ALLOCATED = 32 << 20;

  private static final NoteSigner WITNESS =
      NoteSigner.of(
          "bank-b.example/silo/witness", NoteSigner.Use.WITNESS, NoteSigner.generateKeys());
  private static final byte[] POLICY =
      "log %s\nwitness bank %s\nquorum bank\n"
          .formatted(Logs.SIGNER.vkey(), WITNESS.vkey())
          .getBytes(UTF_8);
  private static final ObjectMapper MAPPER = new ObjectMapper();

  @TempDir static Path folder;
  private static Path log;
  private static byte[] export;
  private static Verification honest;
  private static TestTsa authority;
  private static byte[] token;
  private static byte[] checkpoint;

  @BeforeAll
  static void aLogOfTwoJobs() throws Exception {
    log = folder.resolve("log");
    authority = TestTsa.create();
    Path file = folder.resolve("J-1.zip");
    try (AuditLog writer = Logs.open(log)) {
      Logs.fill(writer, 20);
      Logs.job(writer, "J-1");
      Logs.job(writer, "J-2");
      writer.checkpoint();
      JobExport.write(
          writer,
          "J-1",
          file,
          Event.NOTHING_MORE,
          UnaryOperator.identity(),
          made -> stamp(made.note().substring(0, made.note().indexOf("\n\n") + 1).getBytes(UTF_8)),
          JobExport.Partners.NONE);
      writer.checkpoint();
    }
    Witness witness = new Witness(folder.resolve("witness"), WITNESS, Clock.systemUTC());
    assertThat(witness.accept(Logs.KEY)).isTrue();
    new Cosigning(log, Clock.systemUTC())
        .ask(TrustedKey.parseWitness(WITNESS.vkey()), witness::add);
    export = Files.readAllBytes(file);
    checkpoint = Files.readAllBytes(log.resolve("checkpoint"));
    token = authority.token("stamped".getBytes(UTF_8), Instant.now());
    honest = verifier().verify(log);
    assertThat(honest.verdict()).as("%s", honest.findings()).isEqualTo(Verdict.OK);
  }

  private static byte[] stamp(byte[] note) {
    try {
      return authority.token(note, Instant.now());
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static Verifier verifier() throws IOException {
    return Verifier.trusting(Logs.KEY).witnessed(WitnessPolicy.parse(POLICY), Duration.ofHours(24));
  }

  /** What is in order all the same tells of the same tree. */
  private static void requireTheSame(Verification result, Verification of) {
    if (result.ok()) {
      assertThat(result.size()).isEqualTo(of.size());
      assertThat(result.root()).isEqualTo(of.root());
      assertThat(result.events()).isEqualTo(of.events());
      assertThat(result.job()).isEqualTo(of.job());
    }
    assertThat(result.lines()).isNotEmpty().allMatch(line -> !line.isBlank());
  }

  @Test
  void aLogWithAChangedFileIsNotVerified() throws Exception {
    Map<Path, byte[]> files = new TreeMap<>();
    for (Path file : Logs.files(log)) {
      String name = file.getFileName().toString();
      if (!name.equals("reserve") && !name.equals("lock")) {
        files.put(file, Files.readAllBytes(file));
      }
    }
    assertThat(files).hasSizeGreaterThan(5);
    for (Map.Entry<Path, byte[]> file : files.entrySet()) {
      try {
        Fuzz.of("log " + log.relativize(file.getKey()))
            .allocating(ALLOCATED, 64)
            .refused(
                VERIFIED / files.size(),
                List.of(file.getValue()),
                changed -> {
                  Files.write(file.getKey(), changed);
                  requireTheSame(verifier().verify(log), honest);
                });
        Fuzz.of("log read, " + log.relativize(file.getKey()), IOException.class)
            .allocating(ALLOCATED, 64)
            .refused(
                VERIFIED / files.size(),
                List.of(file.getValue()),
                changed -> {
                  Files.write(file.getKey(), changed);
                  LogReader reader = LogReader.open(log);
                  for (LoggedEvent event : reader.tail(50, e -> true)) {
                    assertThat(event.line()).isNotBlank();
                  }
                  if (reader.size() > 1) { // a changed journal may end before that
                    new ProofBuilder(reader).inclusion(1, reader.size());
                  }
                });
      } finally {
        Files.write(file.getKey(), file.getValue());
      }
    }
    assertThat(verifier().verify(log).ok()).isTrue();
  }

  @Test
  void aChangedExportIsNotVerified() throws Exception {
    Path file = folder.resolve("changed.zip");
    Verifier verifier = Verifier.trusting(Logs.KEY).stamped(authority.trust());
    Files.write(file, export);
    Verification whole = verifier.verify(file);
    assertThat(whole.verdict()).as("%s", whole.findings()).isEqualTo(Verdict.OK);
    Fuzz.of("export")
        .allocating(ALLOCATED, 64)
        .refused(
            VERIFIED,
            List.of(export),
            changed -> {
              Files.write(file, changed);
              requireTheSame(verifier.verify(file), whole);
            });
    Map<String, byte[]> parts = unpacked();
    List<String> names = List.copyOf(parts.keySet());
    for (String name : names) {
      Fuzz.of("export, " + name)
          .text()
          .allocating(ALLOCATED, 64)
          .refused(
              Math.max(1, VERIFIED / names.size()),
              List.of(parts.get(name)),
              changed -> {
                Map<String, byte[]> other = new LinkedHashMap<>(parts);
                other.put(name, changed);
                Files.write(file, packed(other));
                Verification result = verifier.verify(file);
                requireTheSame(result, whole);
                if (!name.equals("README.txt")
                    && !name.equals("timestamp.tst")
                    && !Arrays.equals(changed, parts.get(name))) {
                  assertThat(result.ok()).isFalse();
                }
              });
    }
  }

  private static Map<String, byte[]> unpacked() throws IOException {
    Map<String, byte[]> parts = new LinkedHashMap<>();
    try (var zip = new java.util.zip.ZipInputStream(new java.io.ByteArrayInputStream(export))) {
      for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        parts.put(entry.getName(), zip.readAllBytes());
      }
    }
    return parts;
  }

  private static byte[] packed(Map<String, byte[]> parts) throws IOException {
    var bytes = new java.io.ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      for (Map.Entry<String, byte[]> part : parts.entrySet()) {
        zip.putNextEntry(new ZipEntry(part.getKey()));
        zip.write(part.getValue());
      }
    }
    return bytes.toByteArray();
  }

  @Test
  void changedNotesKeysAndPoliciesAreRefused() throws Exception {
    Fuzz.of("checkpoint")
        .text()
        .allocating(1 << 20, 64)
        .refused(
            READ,
            List.of(checkpoint),
            changed -> {
              TreeHead head = TreeHead.checkpoint(changed);
              if (head != null && ProvenClaims.isSigned(head, Logs.KEY)) {
                TreeHead whole = TreeHead.checkpoint(checkpoint);
                assertThat(head.size()).isEqualTo(whole.size());
                assertThat(head.root()).isEqualTo(whole.root());
              }
            });
    byte[] key = Logs.SIGNER.vkey().getBytes(UTF_8);
    Fuzz.of("key", IllegalArgumentException.class)
        .text()
        .refused(READ, List.of(key), changed -> TrustedKey.parse(new String(changed, UTF_8)));
    Fuzz.of("policy of witnesses", IllegalArgumentException.class)
        .text()
        .refused(READ, List.of(POLICY), WitnessPolicy::parse);
    Path file = folder.resolve("key");
    char[] passphrase = "a long passphrase".toCharArray();
    AuditKey.create(file, "a.example/silo/audit/1", NoteSigner.Use.LOG, passphrase);
    byte[] stored = Files.readAllBytes(file);
    // Deriving a key from a passphrase takes its time, on purpose.
    Fuzz.of("key file", IOException.class)
        .text()
        .allocating(ALLOCATED, 64)
        .refused(
            2,
            List.of(stored),
            changed -> {
              Files.write(file, changed);
              AuditKey.vkey(file);
              AuditKey.open(file, passphrase.clone());
            });
  }

  /** Requests come from partners. */
  @Test
  void aWitnessAnswersChangedRequests() throws Exception {
    List<byte[]> requests = new ArrayList<>();
    Path fresh = folder.resolve("asked");
    Witness asked = new Witness(fresh, WITNESS, Clock.systemUTC());
    assertThat(asked.accept(Logs.KEY)).isTrue();
    new Cosigning(Logs.copy(log, folder.resolve("shown")), Clock.systemUTC())
        .ask(
            TrustedKey.parseWitness(WITNESS.vkey()),
            request -> {
              requests.add(request);
              return Witness.Answer.of(409, "20\n");
            });
    assertThat(requests).isNotEmpty();
    Fuzz.of("request to a witness")
        .text()
        .allocating(1 << 20, 64)
        .refused(
            READ,
            requests,
            changed -> {
              Witness.Answer answer = asked.add(changed);
              assertThat(answer.status()).isIn(200, 400, 403, 404, 409, 422);
            });
  }

  /** Answers of partners' nodes. */
  @Test
  void changedClaimsAreRefused() throws Exception {
    LogReader reader = LogReader.open(log);
    TreeHead head = TreeHead.checkpoint(checkpoint);
    Claims claims = new Claims("bank-b");
    for (LoggedEvent event : reader.search(0, 1000, e -> true)) {
      claims.add(event.seq(), event.json());
    }
    ArrayNode told = MAPPER.createArrayNode();
    for (Claim claim : claims.all()) {
      told.add(
          ProvenClaims.toJson(
              claim,
              reader.event(claim.seq()).bytes(),
              new ProofBuilder(reader).inclusion(claim.seq(), head.size())));
    }
    assertThat(ProvenClaims.read(told, head)).hasSize(told.size());
    double refused =
        Fuzz.of("claims", IllegalArgumentException.class, IOException.class)
            .text()
            .allocating(1 << 20, 64)
            .refused(
                READ,
                List.of(MAPPER.writeValueAsBytes(told)),
                changed -> {
                  JsonNode json = MAPPER.readTree(changed);
                  ProvenClaims.read(json, head);
                });
    assertThat(refused).isGreaterThan(0.5);
  }

  @Test
  void changedTimeStampsAreRefusedOrOfTheSameTime() throws Exception {
    TimeStampTrust trust = authority.trust();
    byte[] stamped = "stamped".getBytes(UTF_8);
    Instant time = TimeStamp.check(token, stamped, trust).time();
    double refused =
        Fuzz.of("time stamp", TimeStamp.InvalidException.class)
            .allocating(4 << 20, 64)
            .refused(
                READ,
                List.of(token),
                changed ->
                    assertThat(TimeStamp.check(changed, stamped, trust).time()).isEqualTo(time));
    assertThat(refused).isGreaterThan(0.8);
    Fuzz.of("certificates", IllegalArgumentException.class)
        .text()
        .allocating(4 << 20, 64)
        .refused(READ, List.of(authority.rootPem()), TimeStampTrust::parse);
  }

  /** What a verifier remembers lies in a file that others may have changed. */
  @Test
  void aChangedMemoryIsNotTaken() throws Exception {
    Path state = folder.resolve("state");
    assertThat(verifier().remembering(state).verify(log).ok()).isTrue();
    Path file;
    try (var files = Files.list(state)) {
      file = files.filter(f -> f.toString().endsWith(".json")).findFirst().orElseThrow();
    }
    byte[] remembered = Files.readAllBytes(file);
    Fuzz.of("memory", IOException.class)
        .text()
        .allocating(ALLOCATED, 64)
        .refused(
            VERIFIED / 4,
            List.of(remembered),
            changed -> {
              Files.write(file, changed);
              requireTheSame(verifier().remembering(state).verify(log), honest);
            });
  }
}
