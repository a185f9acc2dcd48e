package org.espalier.audit.verify;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Enumeration;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.espalier.audit.merkle.Hashing;

/**
 * Checks the export of one job, once. Nothing is unpacked to disk; names, numbers and sizes of what
 * the archive holds are bounded before anything of it is read.
 */
final class ExportCheck {
  private static final long MAX_ARCHIVE = 1L << 30;
  private static final long MAX_UNPACKED = 2L << 30;
  private static final int MAX_FILES = 500_000;
  private static final int MAX_NOTE = 64 * 1024;
  private static final String PROOF = "c2sp.org/tlog-proof@v1\n";
  private static final Pattern NAME =
      Pattern.compile(
          "README\\.txt|format|checkpoint|timestamp\\.tst|(events)/([0-9]{10,18})\\.json"
              + "|(proofs)/([0-9]{10,18})\\.tlog-proof"
              + "|(receipts)/([a-z0-9][a-z0-9.-]{0,62})\\.([1-9][0-9]{0,6})\\.json"
              + "|(partners)/([a-z0-9][a-z0-9.-]{0,62})\\.json");

  /** The form since there are receipts; an export of the first form has no such file. */
  private static final byte[] FORMAT = "espalier.audit-export/2\n".getBytes(UTF_8);

  private static final int MAX_RECEIPTS = 20_000;
  private static final Duration AHEAD = Duration.ofMinutes(10);

  private final Path file;
  private final TrustedKey key;
  private final Instant now;
  private final WitnessPolicy policy;
  private final TimeStampTrust stamps;
  private final Memory.Visit last;
  private final List<TrustedKey> partners;

  private final Findings findings = new Findings();
  private final EventRules rules = new EventRules();
  private final TreeMap<Long, ZipEntry> events = new TreeMap<>();
  private final TreeMap<Long, ZipEntry> proofs = new TreeMap<>();
  private final ByteArrayOutputStream leafHashes = new ByteArrayOutputStream();
  private final List<Long> order = new ArrayList<>();
  private ZipEntry checkpointEntry;
  private ZipEntry stampEntry;
  private ZipEntry formatEntry;
  private final List<ZipEntry> receipts = new ArrayList<>();
  private final List<ZipEntry> logs = new ArrayList<>();
  private Instant stamped;
  private TreeHead checkpoint;
  private String checkpointText = "";
  private String job = "";
  private long unpacked;
  private EventRules.Checked newest;
  private final List<EventRules.Checked> shared = new ArrayList<>();
  private Evidence evidence;

  /**
   * @param policy null: witnesses are not asked for
   * @param stamps null: time stamps are not asked for
   * @param partners keys of partners' logs, which are asked for
   */
  ExportCheck(
      Path file,
      TrustedKey key,
      Instant now,
      Memory.Visit last,
      WitnessPolicy policy,
      TimeStampTrust stamps,
      List<TrustedKey> partners) {
    this.partners = partners;
    this.policy = policy;
    this.stamps = stamps;
    this.file = file;
    this.key = key;
    this.now = now;
    this.last = last;
  }

  Verification run() throws IOException {
    if (Files.size(file) > MAX_ARCHIVE) {
      findings.altered(-1, "the archive is larger than any export");
    } else {
      try (ZipFile zip = new ZipFile(file.toFile(), UTF_8)) {
        check(zip);
      } catch (ZipException | EOFException | IllegalArgumentException e) {
        findings.altered(-1, "the archive is damaged or is not an export of an audit log");
      }
    }
    return new Verification(
        "export",
        findings.verdict(),
        checkpoint == null ? "" : checkpoint.origin(),
        checkpoint == null ? 0 : checkpoint.size(),
        order.size(),
        checkpoint == null ? new byte[0] : checkpoint.root(),
        checkpoint == null ? -1 : checkpoint.size(),
        rules.open(),
        job,
        findings.sorted(),
        findings.remarks(),
        evidence,
        0,
        -1);
  }

  /** Events that a partner's log must tell of, too; in order. */
  List<EventRules.Checked> events() {
    return shared;
  }

  /** The checkpoint of the export; null if it holds none. */
  TreeHead head() {
    return checkpoint;
  }

  private void check(ZipFile zip) throws IOException {
    if (!list(zip) || !openFormat(zip) || !openCheckpoint(zip)) {
      return;
    }
    stamp(zip);
    for (long seq : proofs.keySet()) {
      if (!events.containsKey(seq)) {
        findings.missing(seq, "event " + seq + " is missing, only its proof is here");
      }
    }
    for (long seq : events.keySet()) {
      event(zip, seq);
    }
    if (events.isEmpty()) {
      findings.missing(-1, "the export holds no event");
    } else if (findings.isEmpty()) {
      completeness();
      partners(zip);
    }
    if (policy != null) {
      Witnessing.exported(policy, checkpoint, findings);
    }
  }

  /** What partners said of the job. */
  private void partners(ZipFile zip) throws IOException {
    PartnersWord word =
        new PartnersWord(Reconciler.party(checkpoint.origin()), job, shared, partners, findings);
    for (ZipEntry entry : receipts) {
      Matcher name = NAME.matcher(entry.getName());
      if (name.matches()) {
        word.receipt(
            name.group(6),
            Long.parseLong(name.group(7)),
            read(zip, entry, PartnersWord.MAX_RECEIPT));
      }
    }
    for (ZipEntry entry : logs) {
      Matcher name = NAME.matcher(entry.getName());
      if (name.matches()) {
        word.log(name.group(9), read(zip, entry, PartnersWord.MAX_LOG));
      }
    }
    if (findings.isEmpty()) {
      word.check();
    }
  }

  private boolean openFormat(ZipFile zip) throws IOException {
    boolean known =
        formatEntry == null
            ? receipts.isEmpty() && logs.isEmpty()
            : Arrays.equals(read(zip, formatEntry, FORMAT.length), FORMAT);
    if (!known) {
      findings.altered(-1, "the archive is of a form that this verifier does not know");
    }
    return known;
  }

  /** Takes stock of the archive; false if it must not be read. */
  private boolean list(ZipFile zip) {
    if (zip.size() > MAX_FILES) {
      findings.altered(-1, "the archive holds more files than any export");
      return false;
    }
    Set<String> names = new HashSet<>();
    int numbered = 0;
    for (Enumeration<? extends ZipEntry> all = zip.entries(); all.hasMoreElements(); ) {
      ZipEntry entry = all.nextElement();
      Matcher name = NAME.matcher(entry.getName());
      if (!name.matches()) {
        findings.altered(
            -1, "the archive holds what no export holds: " + Texts.shown(entry.getName()));
        return false;
      }
      if (!names.add(entry.getName())) {
        findings.altered(-1, "the archive holds " + entry.getName() + " twice");
        return false;
      }
      numbered += name.group(1) != null || name.group(3) != null ? 1 : 0;
      if (name.group(1) != null) {
        events.put(Long.parseLong(name.group(2)), entry);
      } else if (name.group(3) != null) {
        proofs.put(Long.parseLong(name.group(4)), entry);
      } else if (name.group(5) != null) {
        receipts.add(entry);
      } else if (name.group(8) != null) {
        logs.add(entry);
      } else if (entry.getName().equals("format")) {
        formatEntry = entry;
      } else if (entry.getName().equals("checkpoint")) {
        checkpointEntry = entry;
      } else if (entry.getName().equals("timestamp.tst")) {
        stampEntry = entry;
      }
    }
    if (receipts.size() + logs.size() > MAX_RECEIPTS) {
      findings.altered(-1, "the archive holds more receipts than any export");
      return false;
    }
    if (numbered != events.size() + proofs.size()) {
      findings.altered(-1, "the archive holds an event twice");
      return false;
    }
    return true;
  }

  private boolean openCheckpoint(ZipFile zip) throws IOException {
    if (checkpointEntry == null) {
      findings.missing(-1, "the export holds no checkpoint");
      return false;
    }
    byte[] bytes = read(zip, checkpointEntry, MAX_NOTE);
    checkpoint = bytes == null ? null : TreeHead.checkpoint(bytes);
    if (checkpoint == null) {
      findings.altered(-1, "the checkpoint of the export is not a signed checkpoint");
      return false;
    }
    checkpointText = checkpoint.note().whole();
    if (!checkpoint.origin().equals(key.name())) {
      findings.add(
          Verdict.KEY_NOT_TRUSTED,
          -1,
          "this is from the log of "
              + Texts.shown(checkpoint.origin())
              + ", but the trusted key is that of "
              + Texts.shown(key.name()));
      return false;
    }
    switch (checkpoint.note().by(key)) {
      case BAD -> findings.altered(-1, "the signature of the checkpoint is wrong");
      case ABSENT ->
          findings.add(
              Verdict.KEY_NOT_TRUSTED,
              -1,
              "the checkpoint is not signed by the trusted key " + Texts.shown(key.toString()));
      case GOOD -> compareWithLastVisit();
    }
    return findings.isEmpty();
  }

  /** What a time-stamping authority says of the checkpoint. */
  private void stamp(ZipFile zip) throws IOException {
    if (stampEntry == null) {
      if (stamps != null) {
        findings.add(Verdict.WITNESSES, -1, "the export holds no time stamp, which is asked for");
      }
      return;
    }
    byte[] token = read(zip, stampEntry, TimeStamp.MAX_BYTES);
    if (stamps == null) {
      findings.remark("the time stamp of the export was not checked: no authority is named");
      return;
    }
    try {
      TimeStamp stamp =
          TimeStamp.check(
              token == null ? new byte[0] : token,
              checkpoint.note().text().getBytes(UTF_8),
              stamps);
      if (stamp.time().isAfter(now.plus(AHEAD))) {
        findings.add(
            Verdict.TIME,
            -1,
            "the time stamp of the export is of %s, still to come".formatted(stamp.time()));
        return;
      }
      stamped = stamp.time();
      findings.remark(
          "the checkpoint was there at %s, by %s%s"
              .formatted(
                  stamped,
                  Texts.shown(stamp.by()),
                  stamp.ends().isBefore(now)
                      ? ", whose certificate was valid then and has ended at %s: this counts as long"
                              .formatted(stamp.ends())
                          + " as its key was not stolen"
                      : ""));
    } catch (TimeStamp.InvalidException e) {
      findings.altered(-1, "the time stamp of the export " + e.getMessage());
    }
  }

  private void compareWithLastVisit() {
    if (last != null
        && last.size() == checkpoint.size()
        && !Arrays.equals(last.root(), checkpoint.root())) {
      String text =
          "the checkpoint states another root for "
              + checkpoint.size()
              + " events than the log had at the last visit, and the key signed both";
      findings.add(Verdict.FORK, -1, text);
      evidence =
          new Evidence(checkpoint.origin(), key.toString(), last.note(), checkpointText, text);
    }
  }

  private void event(ZipFile zip, long seq) throws IOException {
    byte[] bytes = read(zip, events.get(seq), EventRules.MAX_BYTES);
    if (bytes == null) {
      findings.altered(seq, "event " + seq + " is longer than any");
      return;
    }
    byte[] leaf = Hashing.leaf(bytes);
    if (proofs.containsKey(seq)) {
      String wrong = wrongWithProof(read(zip, proofs.get(seq), MAX_NOTE), seq, leaf);
      if (wrong != null) {
        findings.altered(seq, "the proof of event " + seq + " " + wrong);
      }
    } else {
      findings.missing(seq, "the proof of event " + seq + " is missing");
    }
    try {
      EventRules.Checked event = rules.check(seq, bytes);
      if (job.isEmpty()) {
        job = event.job();
      }
      if (event.job().isEmpty() || !event.job().equals(job)) {
        findings.altered(seq, "event " + seq + " is not of the job of this export");
      }
      if (event.time() > now.plus(AHEAD).toEpochMilli()) {
        findings.add(
            Verdict.TIME,
            seq,
            "event " + seq + " is dated " + Instant.ofEpochMilli(event.time()) + ", still to come");
      }
      if (stamped != null && event.time() > stamped.plus(AHEAD).toEpochMilli()) {
        findings.add(
            Verdict.TIME,
            seq,
            "event %d is dated %s, but was in the log at %s, by a time stamp"
                .formatted(seq, Instant.ofEpochMilli(event.time()), stamped));
      }
      newest = event;
      if (Claims.concerns(event.type())) {
        shared.add(event);
      }
      order.add(seq);
      leafHashes.writeBytes(leaf);
    } catch (EventRules.BrokenRuleException e) {
      findings.altered(seq, "event " + seq + " " + e.getMessage());
    }
  }

  /** What is wrong with a proof, or null. */
  private String wrongWithProof(byte[] bytes, long seq, byte[] leaf) {
    String text = bytes == null ? null : Texts.utf8(bytes);
    if (text == null || !text.startsWith(PROOF)) {
      return "is not a C2SP tlog-proof";
    }
    int gap = text.indexOf("\n\n");
    if (gap < 0) {
      return "holds no checkpoint";
    }
    if (!text.substring(gap + 2).equals(checkpointText)) {
      return "is for another checkpoint than that of the export";
    }
    if (gap < PROOF.length()) {
      return "does not name its event";
    }
    String[] lines = text.substring(PROOF.length(), gap).split("\n", -1);
    if (!lines[0].equals("index " + seq)) {
      return "is that of another event";
    }
    List<byte[]> path = new ArrayList<>();
    for (int i = 1; i < lines.length; i++) {
      byte[] hash = Texts.base64(lines[i]);
      if (hash == null || hash.length != Hashing.BYTES || i > Proofs.MAX_HASHES) {
        return "is not a list of hashes";
      }
      path.add(hash);
    }
    return Proofs.included(seq, checkpoint.size(), leaf, path, checkpoint.root())
        ? null
        : "does not lead to the root of the checkpoint: the event was altered or is of another log";
  }

  /** Compares with what the log itself says about how many events the job has. */
  private void completeness() {
    var export = newest.json().path("export");
    if (!newest.type().equals("audit.exported") || !newest.phase().equals("intent")) {
      findings.remark("the log does not state whether these are all events of the job");
      return;
    }
    long through = export.path("through").asLong(-1);
    int count = 0;
    while (count < order.size() && order.get(count) < through) {
      count++;
    }
    byte[] hashes = Arrays.copyOf(leafHashes.toByteArray(), count * Hashing.BYTES);
    String digest = "sha256:" + HexFormat.of().formatHex(Hashing.sha256(hashes));
    if (through < 0 || through > newest.seq() || export.path("count").asLong(-1) != count) {
      findings.missing(
          -1,
          "the log states that the job had "
              + export.path("count").asLong(-1)
              + " events when it was exported, but "
              + count
              + " of them are here");
    } else if (!export.path("digest").asText().equals(digest)) {
      findings.altered(-1, "these are not the events of the job that the log states");
    } else {
      findings.remark("the log states that these are all events of the job up to the export");
    }
  }

  /** A file of the archive, or null if it is too long. */
  private byte[] read(ZipFile zip, ZipEntry entry, int limit) throws IOException {
    try (InputStream in = zip.getInputStream(entry)) {
      byte[] bytes = in.readNBytes(limit + 1);
      unpacked += bytes.length;
      if (unpacked > MAX_UNPACKED) {
        throw new ZipException("the archive holds more than any export");
      }
      return bytes.length > limit ? null : bytes;
    }
  }
}
