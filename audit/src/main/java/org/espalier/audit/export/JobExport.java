package org.espalier.audit.export;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.espalier.audit.checkpoint.Checkpoint;
import org.espalier.audit.event.EventBuilder;
import org.espalier.audit.event.EventType;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.EventQuery;
import org.espalier.audit.log.Intent;
import org.espalier.audit.log.LogReader;
import org.espalier.audit.log.LoggedEvent;
import org.espalier.audit.merkle.Hashing;
import org.espalier.audit.merkle.ProofBuilder;
import org.espalier.audit.timestamp.StampedCheckpoints;

/**
 * Writes the events of one job into a zip archive that can be verified without the log: each event
 * verbatim, for each a C2SP tlog-proof that it is in the log, the signed checkpoint that the proofs
 * lead to, and a text that says how to check by hand. Proofs consist of hashes, so of other events
 * the archive tells only that they exist.
 */
public final class JobExport {
  private static final String README = "export-readme.txt";
  private static final String FORMAT = "espalier.audit-export/2\n";
  private static final JsonMapper MAPPER = new JsonMapper();

  private JobExport() {}

  /**
   * What the parties signed about an attempt.
   *
   * @param statement the bytes that are signed
   * @param key SubjectPublicKeyInfo of the party's identity
   */
  @SuppressWarnings("ArrayRecordComponent") // written once, not compared
  public record Receipt(
      String party, long attempt, byte[] statement, byte[] signature, byte[] key) {
    /** Its file in the archive. */
    public byte[] file() {
      return json(
          MAPPER
              .createObjectNode()
              .put("schema", "espalier.audit-receipt/1")
              .put("statement", statement)
              .put("signature", signature)
              .put("key", key));
    }
  }

  /**
   * What partners said of a job.
   *
   * @param receipts of all parties, the own included
   * @param logs by name what a partner's log says of the job: objects with its signed {@code
   *     checkpoint} and {@code claims} as {@link org.espalier.audit.verify.ProvenClaims} makes them
   * @param leftOut what the archive does not hold although it was there, and why
   */
  public record Partners(
      List<Receipt> receipts, Map<String, List<ObjectNode>> logs, List<String> leftOut) {
    /** Nobody was asked. */
    public static final Partners NONE = new Partners(List.of(), Map.of());

    /** Copies what is given. */
    public Partners {
      receipts = List.copyOf(receipts);
      logs = Map.copyOf(logs);
      leftOut = List.copyOf(leftOut);
    }

    /** Nothing was left out. */
    public Partners(List<Receipt> receipts, Map<String, List<ObjectNode>> logs) {
      this(receipts, logs, List.of());
    }

    /** The file in the archive of what one log says. */
    public static byte[] file(List<ObjectNode> pages) {
      ObjectNode json = MAPPER.createObjectNode().put("schema", "espalier.audit-partner/1");
      json.putArray("pages").addAll(pages);
      return json(json);
    }
  }

  /**
   * What was exported.
   *
   * @param file the archive
   * @param events number of events in it
   * @param checkpointSize size of the tree that the proofs lead to
   * @param stamped whether it holds a time stamp
   */
  public record Exported(Path file, int events, long checkpointSize, boolean stamped) {}

  /**
   * Exports through the writer of the log: the export itself is logged as {@code audit.exported}
   * with the number and the digest of the job's events, so that a verifier can tell whether the
   * archive is complete, and a new checkpoint is signed.
   *
   * @param more adds fields to the event, such as the actor
   * @param witnessed given the new checkpoint, returns it with the signatures of witnesses
   * @param stamped given the new checkpoint as it was signed, returns a time-stamping authority's
   *     token for its text; null: there is none
   * @param partners what they said of the job
   * @throws IOException if there is no event of the job, some were pruned, the file exists, or it
   *     cannot be written
   * @throws org.espalier.audit.log.AuditUnavailableException if the export cannot be logged; then
   *     nothing was written
   */
  public static Exported write(
      AuditLog log,
      String job,
      Path file,
      Consumer<EventBuilder> more,
      UnaryOperator<String> witnessed,
      Function<Checkpoint, byte[]> stamped,
      Partners partners)
      throws IOException {
    requireNew(file);
    LogReader before = log.reader();
    List<LoggedEvent> known = eventsOf(before, job, before.size());
    ByteArrayOutputStream hashes = new ByteArrayOutputStream();
    known.forEach(event -> hashes.writeBytes(Hashing.leaf(event.bytes())));
    String digest = EventBuilder.sha256(hashes.toByteArray());
    Intent intent =
        log.intent(
            EventType.AUDIT_EXPORTED,
            event -> {
              more.accept(event);
              event.job(job, 0, null).export(before.size(), known.size(), digest);
            });
    try (intent) {
      Exported exported =
          export(log, job, file, known, before.size(), intent.seq(), witnessed, stamped, partners);
      intent.ok();
      return exported;
    }
  }

  /**
   * Exports from the files of a log, without its writer: the events that its newest checkpoint
   * covers. The log then holds no statement on how many events the job has.
   *
   * @throws IOException if there is no log, no checkpoint or no event of the job, some were pruned,
   *     the file exists, or it cannot be written
   */
  public static Exported write(Path logDirectory, String job, Path file) throws IOException {
    requireNew(file);
    LogReader reader = LogReader.open(logDirectory);
    String note =
        reader
            .checkpoint()
            .orElseThrow(
                () -> new IOException("the audit log " + logDirectory + " has no checkpoint yet"));
    long size = size(note, reader);
    byte[] token = new StampedCheckpoints(logDirectory).token(size).orElse(null);
    return write(reader, eventsOf(reader, job, size), size, note, token, Partners.NONE, file);
  }

  private static Exported export(
      AuditLog log,
      String job,
      Path file,
      List<LoggedEvent> known,
      long through,
      long intent,
      UnaryOperator<String> witnessed,
      Function<Checkpoint, byte[]> stamped,
      Partners partners)
      throws IOException {
    Checkpoint checkpoint = log.checkpoint();
    LogReader reader = log.reader();
    List<LoggedEvent> all = new ArrayList<>(known);
    for (long seq = through; seq <= intent; seq++) {
      LoggedEvent event = reader.event(seq);
      if (event.job().equals(job)) {
        all.add(event);
      }
    }
    return write(
        reader,
        all,
        checkpoint.size(),
        witnessed.apply(checkpoint.note()),
        stamped.apply(checkpoint),
        partners,
        file);
  }

  private static List<LoggedEvent> eventsOf(LogReader reader, String job, long size)
      throws IOException {
    List<LoggedEvent> events =
        reader.search(0, Integer.MAX_VALUE, EventQuery.ofJob(job)).stream()
            .filter(event -> event.seq() < size)
            .toList();
    if (events.isEmpty()) {
      throw new IOException("the audit log holds no event of the job");
    }
    if (events.get(0).seq() < reader.first()) {
      throw new IOException(
          "events of the job before event %d were pruned, so that no export of it is complete"
              .formatted(reader.first()));
    }
    return events;
  }

  private static long size(String note, LogReader reader) throws IOException {
    String[] lines = note.split("\n", 4);
    try {
      long size = lines.length < 4 ? -1 : Long.parseLong(lines[1]);
      if (lines[0].equals(reader.origin()) && size > 0 && size <= reader.size()) {
        return size;
      }
    } catch (NumberFormatException e) {
      throw new IOException("the checkpoint of the audit log is damaged; verify the log", e);
    }
    throw new IOException("the checkpoint of the audit log is damaged; verify the log");
  }

  private static Exported write(
      LogReader reader,
      List<LoggedEvent> events,
      long size,
      String checkpoint,
      byte[] token,
      Partners partners,
      Path file)
      throws IOException {
    Path folder = file.toAbsolutePath().getParent();
    Path fresh = Files.createTempFile(folder, file.getFileName().toString(), ".new");
    try {
      try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(fresh));
          ZipOutputStream zip = new ZipOutputStream(out, UTF_8)) {
        put(zip, "README.txt", readme());
        put(zip, "format", FORMAT.getBytes(UTF_8));
        put(zip, "checkpoint", checkpoint.getBytes(UTF_8));
        if (token != null) {
          put(zip, "timestamp.tst", token);
        }
        put(zip, partners);
        ProofBuilder proofs = new ProofBuilder(reader);
        for (LoggedEvent event : events) {
          String number = String.format("%010d", event.seq());
          put(zip, "events/" + number + ".json", event.bytes());
          String proof = proof(event.seq(), proofs.inclusion(event.seq(), size), checkpoint);
          put(zip, "proofs/" + number + ".tlog-proof", proof.getBytes(UTF_8));
        }
      }
      try (FileChannel channel = FileChannel.open(fresh, StandardOpenOption.WRITE)) {
        channel.force(true);
      }
      requireNew(file);
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
      return new Exported(file, events.size(), size, token != null);
    } finally {
      Files.deleteIfExists(fresh);
    }
  }

  private static void put(ZipOutputStream zip, Partners partners) throws IOException {
    for (Receipt receipt : partners.receipts) {
      put(zip, "receipts/%s.%d.json".formatted(receipt.party, receipt.attempt), receipt.file());
    }
    for (Map.Entry<String, List<ObjectNode>> log : new TreeMap<>(partners.logs).entrySet()) {
      put(zip, "partners/" + log.getKey() + ".json", Partners.file(log.getValue()));
    }
  }

  private static byte[] json(ObjectNode node) {
    try {
      return MAPPER.writeValueAsBytes(node);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String proof(long index, List<byte[]> path, String checkpoint) {
    StringBuilder proof = new StringBuilder("c2sp.org/tlog-proof@v1\nindex " + index + "\n");
    for (byte[] hash : path) {
      proof.append(Base64.getEncoder().encodeToString(hash)).append('\n');
    }
    return proof.append('\n').append(checkpoint).toString();
  }

  private static void put(ZipOutputStream zip, String name, byte[] content) throws IOException {
    ZipEntry entry = new ZipEntry(name);
    // No times: the same export is the same file.
    entry.setLastModifiedTime(FileTime.fromMillis(0));
    zip.putNextEntry(entry);
    zip.write(content);
    zip.closeEntry();
  }

  private static byte[] readme() throws IOException {
    try (InputStream in = JobExport.class.getResourceAsStream(README)) {
      return in.readAllBytes();
    }
  }

  private static void requireNew(Path file) throws IOException {
    if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
      throw new FileAlreadyExistsException(file.toString());
    }
  }
}
