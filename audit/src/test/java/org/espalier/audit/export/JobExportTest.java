package org.espalier.audit.export;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.espalier.audit.Logs;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.event.Event;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.Bulk;
import org.espalier.audit.verify.Verdict;
import org.espalier.audit.verify.Verification;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JobExportTest {
  @TempDir Path folder;
  private Path log;
  private Path file;

  @BeforeEach
  void logWithTwoJobs() throws IOException {
    log = folder.resolve("log");
    Bulk.append(log, 250);
    file = folder.resolve("J-1.zip");
    try (AuditLog writer = Logs.open(log)) {
      Logs.job(writer, "J-1");
      Logs.job(writer, "J-2");
      writer.checkpoint();
      JobExport.Exported exported =
          JobExport.write(
              writer,
              "J-1",
              file,
              Event.NOTHING_MORE,
              UnaryOperator.identity(),
              checkpoint -> null,
              JobExport.Partners.NONE);
      assertThat(exported.events()).isEqualTo(13);
    }
    assertThat(Logs.verify(log).verdict()).isEqualTo(Verdict.OK);
  }

  @Test
  void anExportVerifiesAloneAndRevealsNoOtherEvent() throws Exception {
    Verification result = Logs.verify(file);
    assertThat(result.verdict()).as("%s", result.findings()).isEqualTo(Verdict.OK);
    assertThat(result.job()).isEqualTo("J-1");
    assertThat(result.events()).isEqualTo(13);
    assertThat(result.remarks()).anyMatch(r -> r.contains("all events of the job"));
    for (Map.Entry<String, byte[]> entry : Logs.unzip(file).entrySet()) {
      assertThat(new String(entry.getValue(), UTF_8)).doesNotContain("J-2");
    }
    assertThatThrownBy(() -> JobExport.write(log, "J-1", file))
        .isInstanceOf(FileAlreadyExistsException.class);
    assertThatThrownBy(() -> JobExport.write(log, "J-3", folder.resolve("none.zip")))
        .hasMessageContaining("no event");
    assertThat(folder.resolve("none.zip")).doesNotExist();
  }

  @Test
  void anExportWithoutTheWriterSaysThatNothingIsStatedAboutItsCompleteness() throws Exception {
    Path other = folder.resolve("J-2.zip");
    assertThat(JobExport.write(log, "J-2", other).events()).isEqualTo(12);
    Verification result = Logs.verify(other);
    assertThat(result.verdict()).isEqualTo(Verdict.OK);
    assertThat(result.remarks()).anyMatch(r -> r.contains("does not state"));
  }

  /** Attack 26. */
  @Test
  void aProofOfAnotherEventIsNoticed() throws Exception {
    Map<String, byte[]> content = Logs.unzip(file);
    List<String> proofs = content.keySet().stream().filter(n -> n.startsWith("proofs/")).toList();
    Map<String, byte[]> swapped = new LinkedHashMap<>(content);
    swapped.put(proofs.get(3), content.get(proofs.get(4)));
    assertVerdict(swapped, Verdict.ALTERED, seq(proofs.get(3)));
    String renumbered =
        new String(content.get(proofs.get(4)), UTF_8)
            .replace("index " + seq(proofs.get(4)), "index " + seq(proofs.get(3)));
    swapped.put(proofs.get(3), renumbered.getBytes(UTF_8));
    assertVerdict(swapped, Verdict.ALTERED, seq(proofs.get(3)));
  }

  @Test
  void alteredMissingAndForeignPartsAreNoticed() throws Exception {
    Map<String, byte[]> content = Logs.unzip(file);
    List<String> events = content.keySet().stream().filter(n -> n.startsWith("events/")).toList();
    String third = events.get(2);
    String proof = third.replace("events", "proofs").replace(".json", ".tlog-proof");

    Map<String, byte[]> altered = new LinkedHashMap<>(content);
    altered.put(
        third,
        new String(content.get(third), UTF_8)
            .replace("bank-b", "bank-c")
            .replace("J-1", "J-9")
            .getBytes(UTF_8));
    assertVerdict(altered, Verdict.ALTERED, seq(third));

    Map<String, byte[]> halved = new LinkedHashMap<>(content);
    halved.remove(proof);
    assertVerdict(halved, Verdict.TRUNCATED, seq(third));
    halved.remove(third);
    Verification cut = verify(halved);
    assertThat(cut.verdict()).as("an event and its proof are left out").isNotEqualTo(Verdict.OK);
    Map<String, byte[]> receiptless = new LinkedHashMap<>(content);
    receiptless.keySet().removeIf(n -> n.contains(events.get(10).substring(7, 17)));
    assertThat(verify(receiptless).verdict()).isEqualTo(Verdict.TRUNCATED);

    Map<String, byte[]> headless = new LinkedHashMap<>(content);
    headless.remove("checkpoint");
    assertVerdict(headless, Verdict.TRUNCATED, -1);
    headless.put("checkpoint", "x\n".getBytes(UTF_8));
    assertVerdict(headless, Verdict.ALTERED, -1);

    NoteSigner stranger = NoteSigner.of(Logs.ORIGIN, NoteSigner.Use.LOG, NoteSigner.generateKeys());
    String note = new String(content.get("checkpoint"), UTF_8);
    String forged = stranger.note(note.substring(0, note.indexOf("\n\n") + 1));
    Map<String, byte[]> resigned = new LinkedHashMap<>(content);
    resigned.replaceAll(
        (name, bytes) ->
            name.startsWith("events")
                ? bytes
                : new String(bytes, UTF_8).replace(note, forged).getBytes(UTF_8));
    assertVerdict(resigned, Verdict.KEY_NOT_TRUSTED, -1);

    Map<String, byte[]> mixed = new LinkedHashMap<>(content);
    Path other = folder.resolve("J-2.zip");
    try (AuditLog writer = Logs.open(log)) {
      JobExport.write(
          writer,
          "J-2",
          other,
          Event.NOTHING_MORE,
          UnaryOperator.identity(),
          checkpoint -> null,
          JobExport.Partners.NONE);
    }
    Logs.unzip(other).forEach(mixed::putIfAbsent);
    assertThat(verify(mixed).verdict()).isEqualTo(Verdict.ALTERED);
  }

  @Test
  void flippedBytesOfWhatIsProvenAreNoticed() throws Exception {
    Random random = new Random(3);
    Map<String, byte[]> content = Logs.unzip(file);
    List<String> names = content.keySet().stream().filter(n -> !n.equals("README.txt")).toList();
    for (int i = 0; i < 150; i++) {
      Map<String, byte[]> altered = new LinkedHashMap<>(content);
      String name = names.get(random.nextInt(names.size()));
      byte[] bytes = content.get(name).clone();
      bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
      altered.put(name, bytes);
      assertThat(verify(altered).verdict()).as(name).isNotEqualTo(Verdict.OK);
    }
  }

  /** Attack 28. */
  @Test
  void archivesThatTryToHarmAreRefused() throws Exception {
    Map<String, byte[]> content = Logs.unzip(file);
    for (String name :
        new String[] {
          "../../etc/cron.d/x",
          "/etc/passwd",
          "events/../../x.json",
          "events\\..\\x",
          "events/0000000001.json/",
          "events/1.json",
          "events/\u001b[2J.json",
          "other"
        }) {
      Map<String, byte[]> more = new LinkedHashMap<>(content);
      more.put(name, new byte[] {1});
      Verification result = verify(more);
      assertThat(result.verdict()).as(name).isEqualTo(Verdict.ALTERED);
      assertThat(String.join("", result.lines()).chars().allMatch(c -> c >= 0x20 && c < 0x7f))
          .isTrue();
    }
    Map<String, byte[]> bomb = new LinkedHashMap<>(content);
    bomb.put("checkpoint", new byte[50 << 20]);
    long before = System.nanoTime();
    assertVerdict(bomb, Verdict.ALTERED, -1);
    Map<String, byte[]> eventBomb = new LinkedHashMap<>(content);
    String event =
        content.keySet().stream().filter(n -> n.startsWith("events/")).findFirst().orElseThrow();
    eventBomb.put(event, new byte[50 << 20]);
    assertVerdict(eventBomb, Verdict.ALTERED, seq(event));
    assertThat(System.nanoTime() - before).isLessThan(60_000_000_000L);
    Path garbage = Files.write(folder.resolve("garbage.zip"), new byte[1000]);
    assertThat(Logs.verify(garbage).verdict()).isEqualTo(Verdict.ALTERED);
    byte[] half = Files.readAllBytes(file);
    Files.write(garbage, java.util.Arrays.copyOf(half, half.length / 2));
    assertThat(Logs.verify(garbage).verdict()).isEqualTo(Verdict.ALTERED);
    // The table of contents states fewer packed bytes of an event than it has.
    ByteBuffer archive = ByteBuffer.wrap(half).order(ByteOrder.LITTLE_ENDIAN);
    int entry = new String(half, ISO_8859_1).lastIndexOf("events/") - 46;
    archive.putInt(entry + 20, archive.getInt(entry + 20) - 9);
    Files.write(garbage, half);
    assertThat(Logs.verify(garbage).verdict()).isEqualTo(Verdict.ALTERED);
  }

  @Test
  void anExportOfAForkedLogContradictsTheVerifiersMemory() throws Exception {
    Path state = folder.resolve("state");
    Path twin = Logs.copy(log, folder.resolve("twin"));
    try (AuditLog writer = Logs.open(log)) {
      Logs.job(writer, "J-5");
      writer.checkpoint();
    }
    assertThat(Logs.verify(log, state).verdict()).isEqualTo(Verdict.OK);
    try (AuditLog writer = Logs.open(twin)) {
      Logs.job(writer, "J-6");
      writer.checkpoint();
    }
    Path forked = folder.resolve("forked.zip");
    JobExport.write(twin, "J-6", forked);
    Verification result = Logs.verify(forked, state);
    assertThat(result.verdict()).isEqualTo(Verdict.FORK);
    assertThat(result.remarks()).anyMatch(r -> r.contains("evidence is kept in"));
    assertThat(Logs.verify(file, state).verdict()).isEqualTo(Verdict.OK);
  }

  private void assertVerdict(Map<String, byte[]> content, Verdict verdict, long firstBad)
      throws IOException {
    Verification result = verify(content);
    assertThat(result.verdict()).as("%s", result.findings()).isEqualTo(verdict);
    if (firstBad >= 0) {
      assertThat(result.firstBad()).contains(firstBad);
    }
  }

  private Verification verify(Map<String, byte[]> content) throws IOException {
    return Logs.verify(Logs.zip(content, folder.resolve("made.zip")));
  }

  private static long seq(String name) {
    return Long.parseLong(name.replaceAll("[^0-9]", ""));
  }
}
