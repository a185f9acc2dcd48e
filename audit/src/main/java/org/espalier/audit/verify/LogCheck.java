package org.espalier.audit.verify;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.espalier.audit.merkle.Hashing;

/** Checks the directory of one log, once. */
final class LogCheck {
  /** A file larger than any that the log writes is not read further. */
  private static final int MAX_BUNDLE = StoredFiles.WIDTH * (2 + EventRules.MAX_BYTES);

  private static final int MAX_NOTE = 64 * 1024;

  /** How far clocks may be apart before it is worth saying. */
  private static final Duration CLOCK_STEP = Duration.ofMinutes(1);

  /** How far an event may be ahead of the clock of the machine that verifies. */
  private static final Duration AHEAD = Duration.ofMinutes(10);

  /** The check cannot go on; what was found so far says why. */
  private static final class StopException extends Exception {
    private static final long serialVersionUID = 1;
  }

  private final StoredFiles files;
  private final TrustedKey key;
  private final Instant now;
  private final Memory.Visit last;
  private final Witnessing witnessing;
  private final Stamping stamping;

  private final Findings findings = new Findings();
  private final EventRules rules = new EventRules();
  private final Tree tree = new Tree();
  private final Pruning pruning;
  private boolean gap;

  /** For each tile level above 0 all its hashes, derived from the entries. */
  private final List<List<byte[]>> levels = new ArrayList<>();

  /** The present chunk of up to 256 entries. */
  private final List<byte[]> chunkHashes = new ArrayList<>();

  private TreeHead checkpoint;
  private SignedNote.Check checkpointBy = SignedNote.Check.ABSENT;
  private byte[] rootAtCheckpoint;
  private byte[] rootAtLastVisit;
  private EventRules.Checked before;

  /** Heads with a good signature whose root is not that of the entries. */
  private final List<TreeHead> contradicted = new ArrayList<>();

  private boolean anythingSigned;
  private long unsigned;

  /** Size up to which a good signature covers the entries. */
  private long good;

  private long firstInJournal;
  private TreeHead newest;
  private String origin = "";
  private long size;
  private long checked;
  private byte[] root = new byte[0];
  private Evidence evidence;

  /**
   * @param last what is remembered of the last visit, or null
   * @param witnessing what others say
   * @param stamping what time-stamping authorities say
   */
  LogCheck(
      StoredFiles files,
      TrustedKey key,
      Instant now,
      Memory.Visit last,
      Witnessing witnessing,
      Stamping stamping) {
    this.files = files;
    this.key = key;
    this.now = now;
    this.last = last;
    this.witnessing = witnessing;
    this.stamping = stamping;
    this.pruning = new Pruning(files, findings, rules, this::continued);
  }

  Verification run() throws IOException {
    try {
      check();
    } catch (StopException e) {
      // The finding that stopped the check is in the result.
      checked = tree.size();
    }
    return new Verification(
        "log",
        findings.verdict(),
        origin,
        size,
        checked,
        root,
        checkpoint == null ? -1 : checkpoint.size(),
        rules.open(),
        "",
        findings.sorted(),
        findings.remarks(),
        evidence,
        pruning.before(),
        pruning.declaredBy());
  }

  /**
   * Whether entries were missing that nothing declared. A running node may have declared and
   * removed them since the journal was read; then another check finds it in order.
   */
  boolean sawGap() {
    return gap || pruning.isUndeclared();
  }

  /** The newest head that the trusted key signed and that the entries lead to; null if none. */
  TreeHead newest() {
    return newest;
  }

  private void check() throws IOException, StopException {
    // In this order a running writer cannot make the files disagree: nothing that is signed is
    // ahead
    // of the journal, and what left the journal is in its bundle.
    witnessing.open(files, key, findings);
    stamping.open(files, key, now, findings);
    byte[] checkpointBytes = files.read("checkpoint", MAX_NOTE);
    files.list();
    byte[] journalBytes = files.read("journal", StoredJournal.MAX_BYTES);
    if (journalBytes == null) {
      findings.missing(-1, "the journal is missing: there is no complete audit log here");
      throw new StopException();
    }
    StoredJournal journal = StoredJournal.parse(journalBytes);
    if (journal == null) {
      findings.altered(-1, "the journal is not one, or its first commit was altered");
      throw new StopException();
    }
    origin = journal.origin();
    if (!origin.equals(key.name())) {
      findings.add(
          Verdict.KEY_NOT_TRUSTED,
          -1,
          "this is the log of "
              + Texts.shown(origin)
              + ", but the trusted key is that of "
              + Texts.shown(key.name()));
      throw new StopException();
    }
    pruning.open();
    openCheckpoint(checkpointBytes);
    mark();
    firstInJournal = journal.first();
    long bundles = firstInJournal / StoredFiles.WIDTH;
    for (long i = 0; i < bundles; i++) {
      bundle(i);
    }
    List<byte[]> entries = new ArrayList<>();
    TreeHead lastCommit = null;
    for (StoredJournal.Frame frame : journal.frames()) {
      if (!frame.commit()) {
        entries.add(frame.content());
        leaf(frame.content());
        if (entries.size() == StoredFiles.WIDTH) {
          chunk(entries, false);
          entries.clear();
        }
        continue;
      }
      lastCommit = commit(frame.content());
    }
    if (!entries.isEmpty()) {
      chunk(entries, false);
    }
    pruning.close();
    size = tree.size();
    checked = size - pruning.before() + pruning.kept();
    root = tree.root();
    boolean rootOk = lastCommit != null && good == size && anythingSigned;
    if (rootOk) {
      newest = lastCommit;
    }
    closeCheckpoint(rootOk);
    contradictions(rootOk);
    signatures();
    upperTiles(rootOk);
    beyondTheEnd();
    compareWithLastVisit(rootOk);
    witnessing.close(size, now, findings, (head, text) -> contradicted(head, text, rootOk));
    stamping.close(size, now, findings, (head, text) -> contradicted(head, text, rootOk));
    tail(journal);
  }

  // Signed heads

  private void openCheckpoint(byte[] bytes) {
    if (bytes == null) {
      if (last != null && last.checkpointSize() >= 0) {
        findings.missing(
            -1, "the signed checkpoint, which was there at the last visit, is missing");
      } else {
        findings.remark("there is no signed checkpoint; the commits of the journal were used");
      }
      return;
    }
    checkpoint = TreeHead.checkpoint(bytes);
    if (checkpoint == null) {
      findings.altered(-1, "the file checkpoint is not a signed checkpoint");
    } else if (!checkpoint.origin().equals(origin)) {
      findings.altered(
          -1, "the checkpoint is that of another log: " + Texts.shown(checkpoint.origin()));
      checkpoint = null;
    } else {
      checkpointBy = signed(checkpoint, "the checkpoint of " + checkpoint.size() + " events");
    }
  }

  private void closeCheckpoint(boolean rootOk) {
    if (checkpoint == null) {
      return;
    }
    if (checkpoint.size() > size) {
      findings.missing(
          size,
          "the signed checkpoint is of "
              + checkpoint.size()
              + " events, but the log ends after "
              + size
              + ": the last "
              + (checkpoint.size() - size)
              + " are gone");
    } else if (!Arrays.equals(rootAtCheckpoint, checkpoint.root())) {
      if (checkpointBy == SignedNote.Check.GOOD) {
        contradicted.add(checkpoint);
      } else {
        findings.altered(-1, "the root in the checkpoint is not that of the events");
      }
    } else if (checkpointBy == SignedNote.Check.GOOD && !rootOk) {
      newest = checkpoint;
      good = Math.max(good, checkpoint.size());
    }
    if (last != null && checkpoint.size() < last.checkpointSize()) {
      findings.missing(
          -1,
          "the checkpoint is an old one, of "
              + checkpoint.size()
              + " events: at the last visit there was one of "
              + last.checkpointSize());
    }
  }

  private SignedNote.Check signed(TreeHead head, String what) {
    SignedNote.Check by = head.note().by(key);
    switch (by) {
      case GOOD -> anythingSigned = true;
      case BAD -> {
        // Someone wrote the trusted key's name there, so it is not merely a stranger's log.
        anythingSigned = true;
        findings.altered(-1, "the signature of " + what + " is wrong");
      }
      case ABSENT -> unsigned++;
    }
    return by;
  }

  private TreeHead commit(byte[] content) {
    TreeHead head = TreeHead.commit(content);
    if (head == null || !head.origin().equals(origin) || head.size() != tree.size()) {
      findings.altered(
          findings.alteredWithin(good, tree.size()) ? -1 : good,
          "the commit after "
              + tree.size()
              + " events was altered, or events before it were removed or inserted");
      return null;
    }
    if (signed(head, "the commit after " + tree.size() + " events") != SignedNote.Check.GOOD) {
      return null;
    }
    if (!Arrays.equals(head.root(), tree.root())) {
      contradicted.add(head);
      return null;
    }
    good = tree.size();
    return head;
  }

  /** Signed heads that the entries do not lead to. */
  private void contradictions(boolean rootOk) {
    if (contradicted.isEmpty()) {
      return;
    }
    TreeHead head = contradicted.get(0);
    for (TreeHead other : contradicted) {
      head = other.size() < head.size() ? other : head;
    }
    if (rootOk) {
      fork(
          head.note().whole(),
          newest.note().whole(),
          "the key signed a root for "
              + head.size()
              + " events that is not that of the first "
              + head.size()
              + " of the "
              + newest.size()
              + " events that it signed, too");
      return;
    }
    if (head.size() == 0) {
      findings.altered(-1, "the commit of the empty log states another root");
      return;
    }
    long from = Math.min(good, head.size() - 1);
    if (!findings.alteredWithin(from, head.size())) {
      findings.altered(
          from,
          head.size() - from == 1
              ? "event " + from + " is not the one that was signed"
              : "among events "
                  + from
                  + " to "
                  + (head.size() - 1)
                  + " is at least one that is not the one that was signed");
    }
  }

  private void signatures() {
    if (unsigned == 0) {
      return;
    }
    if (anythingSigned) {
      findings.altered(-1, unsigned + " signed heads are not signed by the log's key");
    } else {
      findings.add(
          Verdict.KEY_NOT_TRUSTED,
          -1,
          "nothing in this log is signed by the trusted key " + Texts.shown(key.toString()));
    }
  }

  private void fork(String first, String second, String text) {
    findings.add(Verdict.FORK, -1, text);
    if (evidence == null) {
      evidence = new Evidence(origin, key.toString(), first, second, text);
    }
  }

  private void compareWithLastVisit(boolean rootOk) {
    if (last == null) {
      return;
    }
    if (size < last.size()) {
      findings.missing(
          size,
          "at the last visit the log had "
              + last.size()
              + " events, now it ends after "
              + size
              + ": the last "
              + (last.size() - size)
              + " are gone");
    } else if (!Arrays.equals(rootAtLastVisit, last.root()) && rootOk) {
      fork(
          last.note(),
          newest.note().whole(),
          "the first "
              + last.size()
              + " events are not those of the last visit, and the key signed both");
    } else if (!Arrays.equals(rootAtLastVisit, last.root())) {
      findings.altered(-1, "the first " + last.size() + " events are not those of the last visit");
    }
  }

  /** Another head that the key signed is not that of these events. */
  private void contradicted(TreeHead head, String text, boolean rootOk) {
    if (rootOk) {
      fork(head.note().whole(), newest.note().whole(), text);
    } else {
      findings.altered(-1, text);
    }
  }

  // Entries

  private void bundle(long index) throws IOException, StopException {
    long first = index * StoredFiles.WIDTH;
    String name = new StoredFiles.Tile(StoredFiles.ENTRIES, index, StoredFiles.WIDTH).path();
    byte[] bytes = files.read(name, MAX_BUNDLE);
    List<byte[]> hashes = bytes == null && first == pruning.before() ? pruning.next() : null;
    if (hashes != null) {
      hashes.forEach(this::add);
      level0();
      chunkHashes.clear();
      return;
    }
    if (bytes == null) {
      gap = true;
      findings.missing(
          first,
          "the file with events "
              + first
              + " to "
              + (first + StoredFiles.WIDTH - 1)
              + " is missing: "
              + name);
      throw new StopException();
    }
    List<byte[]> entries = new ArrayList<>(StoredFiles.WIDTH);
    ByteBuffer in = ByteBuffer.wrap(bytes);
    while (entries.size() < StoredFiles.WIDTH) {
      int length = in.remaining() < 2 ? Integer.MAX_VALUE : Short.toUnsignedInt(in.getShort());
      if (length > in.remaining()) {
        unreadable(entries, name);
      }
      byte[] entry = new byte[length];
      in.get(entry);
      entries.add(entry);
      leaf(entry);
    }
    if (in.hasRemaining()) {
      unreadable(entries, name);
    }
    chunk(entries, true);
  }

  private void unreadable(List<byte[]> entries, String name) throws IOException, StopException {
    long index = tree.size() / StoredFiles.WIDTH - (entries.size() == StoredFiles.WIDTH ? 1 : 0);
    compareHashes(new StoredFiles.Tile(0, index, StoredFiles.WIDTH));
    long first = index * StoredFiles.WIDTH;
    if (!findings.alteredWithin(first, tree.size() + 1)) {
      findings.altered(tree.size(), "from event " + tree.size() + " on " + name + " was altered");
    }
    throw new StopException();
  }

  private void leaf(byte[] entry) throws IOException {
    long seq = tree.size();
    try {
      EventRules.Checked event = rules.check(seq, entry);
      switch (event.type()) {
        case "checkpoint.signed" -> statedTree(event);
        case "log.continued" -> continued(event);
        case "log.pruned" -> pruning.declared(event);
        case "checkpoint.stamped" -> stamping.named(seq, event.json(), findings);
        default -> {}
      }
      times(event);
      before = event;
    } catch (EventRules.BrokenRuleException e) {
      findings.altered(seq, "event " + seq + " " + e.getMessage());
    }
    add(Hashing.leaf(entry));
  }

  private void add(byte[] hash) {
    tree.add(hash);
    chunkHashes.add(hash);
    mark();
  }

  /** Keeps the root where one is needed later. */
  private void mark() {
    if (checkpoint != null && checkpoint.size() == tree.size()) {
      rootAtCheckpoint = tree.root();
    }
    if (last != null && last.size() == tree.size()) {
      rootAtLastVisit = tree.root();
    }
    witnessing.mark(tree);
    stamping.mark(tree);
  }

  private void statedTree(EventRules.Checked event) {
    String stated = event.json().path("tree").path("root").asText();
    if (event.json().path("tree").path("size").asLong(-1) != event.seq()
        || !stated.equals(Base64.getEncoder().encodeToString(tree.root()))) {
      findings.altered(
          event.seq(), "event " + event.seq() + " states a tree that is not that before it");
    }
  }

  /** What this log says of the one before it, for whoever has that one, too. */
  private void continued(EventRules.Checked event) {
    var tree = event.json().path("tree");
    var seen = event.json().path("peer_checkpoint");
    findings.remark(
        "this log continues %s, which ended here after %d events with root %s (%s); seen were %d"
            .formatted(
                Texts.shown(seen.path("origin").asText()),
                tree.path("size").asLong(),
                Texts.shown(tree.path("root").asText()),
                Texts.shown(event.json().path("reason").asText()),
                seen.path("size").asLong()));
  }

  private void times(EventRules.Checked event) {
    Instant time = Instant.ofEpochMilli(event.time());
    witnessing.dated(event.seq(), time, findings);
    stamping.dated(event.seq(), time, findings);
    if (event.time() > now.plus(AHEAD).toEpochMilli()) {
      findings.add(
          Verdict.TIME,
          event.seq(),
          "event "
              + event.seq()
              + " is dated "
              + Instant.ofEpochMilli(event.time())
              + ", which is still to come");
    }
    if (before == null) {
      return;
    }
    long step = event.time() - before.time();
    if (event.boot().equals(before.boot())) {
      long elapsed = event.mono() - before.mono();
      if (elapsed < 0) {
        findings.add(
            Verdict.TIME,
            event.seq(),
            "event "
                + event.seq()
                + " is earlier than the one before it by the monotonic clock of their process");
        return;
      }
      step -= elapsed / 1_000_000;
    } else {
      step = Math.min(step, 0);
    }
    if (Math.abs(step) > CLOCK_STEP.toMillis()) {
      findings.remark(
          "between events "
              + before.seq()
              + " and "
              + event.seq()
              + " the node's clock was set "
              + (step < 0 ? "back" : "forward")
              + " by "
              + Duration.ofMillis(Math.abs(step)).toSeconds()
              + " s");
    }
  }

  // Tiles

  /** Compares the files about up to 256 entries, which were just read, with these. */
  private void chunk(List<byte[]> entries, boolean complete) throws IOException {
    long index = (tree.size() - entries.size()) / StoredFiles.WIDTH;
    StoredFiles.Tile full = new StoredFiles.Tile(0, index, StoredFiles.WIDTH);
    if (complete) {
      compareHashes(full);
    }
    if (entries.size() == StoredFiles.WIDTH) {
      level0();
    }
    for (int level : new int[] {StoredFiles.ENTRIES, 0}) {
      StoredFiles.Tile from = new StoredFiles.Tile(level, index, 1);
      StoredFiles.Tile to = new StoredFiles.Tile(level, index, entries.size());
      for (StoredFiles.Tile tile : files.tiles().subSet(from, true, to, true)) {
        if (level == 0 && !(complete && tile.equals(full))) {
          compareHashes(tile);
        } else if (level == StoredFiles.ENTRIES && !(complete && tile.width() == full.width())) {
          compareEntries(tile, entries);
        }
      }
    }
    chunkHashes.clear();
  }

  private void level0() {
    if (levels.isEmpty()) {
      levels.add(new ArrayList<>());
    }
    levels.get(0).add(Tree.rootOf256(chunkHashes));
  }

  private void compareHashes(StoredFiles.Tile tile) throws IOException {
    byte[] stored = files.read(tile.path(), StoredFiles.WIDTH * Hashing.BYTES);
    if (stored == null) {
      missingTile(tile);
      return;
    }
    long first = tile.index() * StoredFiles.WIDTH;
    if (stored.length != tile.width() * Hashing.BYTES) {
      findings.altered(-1, "the file " + tile.path() + " has not the length of its hashes");
      return;
    }
    int bad = firstDifference(stored, chunkHashes);
    if (bad >= 0) {
      findings.altered(
          first + bad,
          "event " + (first + bad) + " and its hash in " + tile.path() + " do not agree");
    }
  }

  private void compareEntries(StoredFiles.Tile tile, List<byte[]> entries) throws IOException {
    byte[] stored = files.read(tile.path(), MAX_BUNDLE);
    if (stored == null) {
      missingTile(tile);
      return;
    }
    ByteBuffer in = ByteBuffer.wrap(stored);
    long first = tile.index() * StoredFiles.WIDTH;
    for (int i = 0; i < tile.width(); i++) {
      byte[] entry = entries.get(i);
      if (in.remaining() < 2 + entry.length
          || Short.toUnsignedInt(in.getShort()) != entry.length
          || !in.slice().limit(entry.length).equals(ByteBuffer.wrap(entry))) {
        findings.altered(
            first + i,
            "event " + (first + i) + " and its copy in " + tile.path() + " do not agree");
        return;
      }
      in.position(in.position() + entry.length);
    }
    if (in.hasRemaining()) {
      findings.altered(-1, "the file " + tile.path() + " holds more than its events");
    }
  }

  private void upperTiles(boolean rootOk) throws IOException {
    for (int level = 1; level <= levels.size(); level++) {
      List<byte[]> hashes = levels.get(level - 1);
      for (int from = 0; from < hashes.size(); from += StoredFiles.WIDTH) {
        int to = Math.min(hashes.size(), from + StoredFiles.WIDTH);
        upperTile(level, from / StoredFiles.WIDTH, hashes.subList(from, to), rootOk);
      }
    }
  }

  private void upperTile(int level, long index, List<byte[]> hashes, boolean rootOk)
      throws IOException {
    if (hashes.size() == StoredFiles.WIDTH) {
      if (levels.size() == level) {
        levels.add(new ArrayList<>());
      }
      levels.get(level).add(Tree.rootOf256(hashes));
    }
    StoredFiles.Tile full = new StoredFiles.Tile(level, index, StoredFiles.WIDTH);
    List<StoredFiles.Tile> present =
        new ArrayList<>(
            files
                .tiles()
                .subSet(
                    new StoredFiles.Tile(level, index, 1),
                    true,
                    new StoredFiles.Tile(level, index, hashes.size()),
                    true));
    // The full tile is written before its last bundle leaves the journal.
    if (hashes.size() == StoredFiles.WIDTH && !present.contains(full) && mustExist(level, index)) {
      missingTile(full);
    }
    for (StoredFiles.Tile tile : present) {
      byte[] stored = files.read(tile.path(), StoredFiles.WIDTH * Hashing.BYTES);
      if (stored == null) {
        missingTile(tile);
      } else if (stored.length != tile.width() * Hashing.BYTES) {
        findings.altered(-1, "the file " + tile.path() + " has not the length of its hashes");
      } else if (firstDifference(stored, hashes) >= 0) {
        long span = 1L << (8 * level);
        long first = (index * StoredFiles.WIDTH + firstDifference(stored, hashes)) * span;
        findings.altered(
            rootOk || findings.alteredWithin(first, first + span) ? -1 : first,
            "events "
                + first
                + " to "
                + (first + span - 1)
                + " and their hash in "
                + tile.path()
                + " do not agree");
      }
    }
  }

  /**
   * Whether every bundle below a tile has left the journal, which happens after the tile is
   * written.
   */
  private boolean mustExist(int level, long index) {
    return (index + 1) << (8 * (level + 1)) <= firstInJournal;
  }

  private void missingTile(StoredFiles.Tile tile) {
    // A running writer removes partial files once the full one is there.
    if (tile.width() == StoredFiles.WIDTH) {
      gap |= tile.level() == StoredFiles.ENTRIES; // pruned since the files were listed, perhaps
      findings.missing(-1, "the file " + tile.path() + " is missing");
    }
  }

  /** Index of the first hash that is not the stored one, or -1. */
  private static int firstDifference(byte[] stored, List<byte[]> hashes) {
    int count = Math.min(stored.length / Hashing.BYTES, hashes.size());
    for (int i = 0; i < count; i++) {
      int at = i * Hashing.BYTES;
      if (!Arrays.equals(stored, at, at + Hashing.BYTES, hashes.get(i), 0, Hashing.BYTES)) {
        return i;
      }
    }
    return -1;
  }

  private void beyondTheEnd() {
    for (StoredFiles.Tile tile : files.tiles()) {
      long count = size >>> (8 * Math.max(0, tile.level()));
      if (tile.index() * StoredFiles.WIDTH + tile.width() > count) {
        findings.missing(
            size,
            "the log ends after " + size + " events, but " + tile.path() + " is of later ones");
      }
    }
    files
        .strange()
        .forEach((name, what) -> findings.remark("tile/" + Texts.shown(name) + " is " + what));
  }

  private void tail(StoredJournal journal) {
    if (journal.tail().length == 0) {
      return;
    }
    if (journal.tailIsTorn(tree, key)) {
      findings.remark(
          "the last "
              + journal.tail().length
              + " bytes of the journal are of a write that was cut short and never acknowledged");
    } else {
      findings.altered(
          size,
          "what follows the "
              + size
              + " committed events in the journal is not what the log wrote");
    }
  }
}
