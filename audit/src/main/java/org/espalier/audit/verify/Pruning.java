package org.espalier.audit.verify;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.espalier.audit.merkle.Hashing;

/**
 * What was removed from the beginning of a log: bundles that are missing, hashes that stand for
 * them, entries that were kept of them, and the event that declares all of it.
 */
final class Pruning {
  private static final String FILE = "kept";
  private static final String MAGIC = "espalier-audit-kept/1\n";
  private static final int MAX_HEADER = 100;

  /** What an event {@code log.pruned} says. */
  private record Declared(
      long seq, long time, String reason, long first, long until, long kept, String digest) {}

  private final StoredFiles files;
  private final Findings findings;
  private final EventRules rules;
  private final Consumer<EventRules.Checked> continued;
  private SortedMap<Long, byte[]> kept = new TreeMap<>();
  private boolean readable = true;
  private Declared declared;
  private long bundles;

  /**
   * @param continued takes {@code log.continued}, if it was kept
   */
  Pruning(
      StoredFiles files,
      Findings findings,
      EventRules rules,
      Consumer<EventRules.Checked> continued) {
    this.files = files;
    this.findings = findings;
    this.rules = rules;
    this.continued = continued;
  }

  /** Reads what was kept. After the journal, so that it is never older than what that declares. */
  void open() throws IOException {
    byte[] bytes = files.read(FILE, StoredJournal.MAX_BYTES);
    kept = bytes == null ? new TreeMap<>() : parse(bytes);
    readable = kept != null;
  }

  /** Entries of the file, null if it is not one. */
  private static SortedMap<Long, byte[]> parse(byte[] bytes) {
    String head = new String(bytes, 0, Math.min(bytes.length, MAX_HEADER), ISO_8859_1);
    int end = head.indexOf("\n\n");
    if (end < MAGIC.length() || !head.startsWith(MAGIC)) {
      return null;
    }
    SortedMap<Long, byte[]> entries = new TreeMap<>();
    ByteBuffer in = ByteBuffer.wrap(bytes).position(end + 2);
    while (in.hasRemaining()) {
      long seq = in.remaining() < Long.BYTES + 2 ? -1 : in.getLong();
      int length = seq < 0 ? Integer.MAX_VALUE : Short.toUnsignedInt(in.getShort());
      if (length > in.remaining() || (!entries.isEmpty() && seq <= entries.lastKey())) {
        return null;
      }
      byte[] entry = new byte[length];
      in.get(entry);
      entries.put(seq, entry);
    }
    return entries;
  }

  /** Events before this index are missing. */
  long before() {
    return bundles * StoredFiles.WIDTH;
  }

  /** Events that are there all the same. */
  int kept() {
    return kept == null ? 0 : kept.headMap(before()).size();
  }

  /** Event that declares what is missing; -1 without one. */
  long declaredBy() {
    return declared == null ? -1 : declared.seq;
  }

  /**
   * The hashes of the next bundle, which is missing like all before it; null if they are not there
   * either.
   */
  List<byte[]> next() throws IOException {
    String path = new StoredFiles.Tile(0, bundles, StoredFiles.WIDTH).path();
    byte[] stored = files.read(path, StoredFiles.WIDTH * Hashing.BYTES);
    if (stored == null || stored.length != StoredFiles.WIDTH * Hashing.BYTES) {
      return null;
    }
    List<byte[]> hashes = new ArrayList<>(StoredFiles.WIDTH);
    for (int at = 0; at < stored.length; at += Hashing.BYTES) {
      hashes.add(Arrays.copyOfRange(stored, at, at + Hashing.BYTES));
    }
    long first = before();
    bundles++;
    rules.pruned(before());
    if (kept != null) {
      kept.subMap(first, before())
          .forEach((seq, entry) -> alone(seq, entry, hashes.get((int) (seq - first))));
    }
    return hashes;
  }

  private void alone(long seq, byte[] entry, byte[] hash) {
    EventRules.Checked event;
    try {
      event = rules.checkAlone(seq, entry);
    } catch (EventRules.BrokenRuleException e) {
      findings.altered(seq, "event " + seq + ", which was kept, " + e.getMessage());
      return;
    }
    if (!Arrays.equals(Hashing.leaf(entry), hash)) {
      findings.altered(seq, "event " + seq + ", which was kept, and its hash do not agree");
    } else if (event.type().equals("log.continued")) {
      continued.accept(event);
    }
  }

  /** An event {@code log.pruned}. */
  void declared(EventRules.Checked event) {
    var said = event.json().path("pruned");
    Declared next =
        new Declared(
            event.seq(),
            event.time(),
            event.json().path("reason").asText(),
            said.path("first").asLong(-1),
            said.path("until").asLong(-1),
            said.path("kept").asLong(-1),
            said.path("digest").asText());
    if (next.first < 0
        || next.first > next.seq
        || next.first % StoredFiles.WIDTH != 0
        || next.until < 0
        || next.until > next.time
        || (declared != null && (next.first < declared.first || next.kept < declared.kept))) {
      findings.altered(
          event.seq(), "event " + event.seq() + " declares what cannot have been pruned then");
      return;
    }
    declared = next;
  }

  /** Whether something is missing that nothing declares. */
  boolean isUndeclared() {
    return bundles > 0 && (declared == null || declared.first < before());
  }

  /** What is missing must be declared, and what was to be kept must be there. */
  void close() {
    if (isUndeclared()) {
      long from = declared == null ? 0 : declared.first;
      findings.missing(
          from,
          "events %d to %d are missing, and no event says that they were pruned"
              .formatted(from, before() - 1));
      return;
    }
    if (declared == null) {
      return;
    }
    if (!readable) {
      findings.altered(-1, "the file kept is not what the log wrote");
      return;
    }
    SortedMap<Long, byte[]> counted = kept.headMap(declared.first);
    ByteArrayOutputStream hashes = new ByteArrayOutputStream();
    counted.values().forEach(entry -> hashes.writeBytes(Hashing.leaf(entry)));
    String digest = "sha256:" + HexFormat.of().formatHex(Hashing.sha256(hashes.toByteArray()));
    if (counted.size() < declared.kept) {
      findings.missing(
          -1,
          "event %d says that %d of the pruned events were kept, and %d are here"
              .formatted(declared.seq, declared.kept, counted.size()));
    } else if (counted.size() > declared.kept || !digest.equals(declared.digest)) {
      findings.altered(
          -1,
          "what was kept of the pruned events is not what event %d says".formatted(declared.seq));
    }
    if (bundles == 0) {
      return;
    }
    findings.remark(
        "events 0 to %d were pruned, declared by event %d at %s (%s); %d of them are kept"
            .formatted(
                before() - 1,
                declared.seq,
                Instant.ofEpochMilli(declared.time),
                Texts.shown(declared.reason),
                kept()));
    if (before() < declared.first) {
      findings.remark(
          "events up to %d are declared to be pruned and still there; the node removes them when it"
                  .formatted(declared.first - 1)
              + " starts");
    }
  }
}
