package org.espalier.audit.log;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.function.Predicate;
import org.espalier.audit.event.EventType;
import org.espalier.audit.merkle.Hashing;
import org.espalier.audit.merkle.Nodes;

/**
 * The log as it was at one moment, read from its files; works beside a running writer and without
 * one. Shows what is stored; whether that was altered is the question of the verifier. Thread-safe.
 */
public final class LogReader implements Nodes {
  /** Bytes of the journal, and of what is kept. */
  static final long MAX_FILE = 256L << 20;

  private static final long MAX_BUNDLE = 256L * (2 + 0xffff);
  private static final int CACHED_FILES = 64;

  private final Path directory;
  private final TilePaths paths;
  private final Journal journal;
  private final boolean trustTiles;

  /** Index of the first event from which on all are there; the bundles before are pruned. */
  private final long first;

  /** Read when it is needed first: a later one holds no less of what this state has. */
  private Kept kept;

  private final Map<Path, List<byte[]>> cache = new Cache();

  /** The bundle read last, so that reading in order looks nothing up. */
  private List<byte[]> bundle = List.of();

  private long bundleIndex = -1;

  /** One hash for 256 events at most, and only for those of upper tiles that are not full. */
  private final Map<Node, byte[]> derived = new HashMap<>();

  private LogReader(Path directory, Journal journal, boolean trustTiles) {
    this.directory = directory;
    this.paths = new TilePaths(directory);
    this.journal = journal;
    this.trustTiles = trustTiles;
    this.first = firstBundle() * TilePaths.WIDTH;
  }

  /** Bundles are pruned from the first on, without gaps; so the border is found by halving. */
  private long firstBundle() {
    long from = 0;
    long to = journal.first() / TilePaths.WIDTH;
    if (to == 0 || isBundle(0)) {
      return 0;
    }
    while (from < to) {
      long middle = (from + to) / 2;
      if (isBundle(middle)) {
        to = middle;
      } else {
        from = middle + 1;
      }
    }
    return to;
  }

  private boolean isBundle(long index) {
    return Files.isRegularFile(paths.entries(index), LinkOption.NOFOLLOW_LINKS);
  }

  /**
   * Reads the present state of a log.
   *
   * @throws IOException if there is no readable log in the directory
   */
  public static LogReader open(Path directory) throws IOException {
    Path file = directory.resolve("journal");
    try {
      return new LogReader(directory, Journal.parse(readBounded(file, MAX_FILE)), true);
    } catch (NoSuchFileException e) {
      throw new IOException("there is no audit log in " + directory, e);
    }
  }

  /** The same state, but hashes are derived from the entries even where tiles hold them. */
  LogReader withoutTiles() {
    return new LogReader(directory, journal, false);
  }

  /** Name of the log. */
  public String origin() {
    return journal.origin();
  }

  /** Number of events, pruned ones included. */
  public long size() {
    return journal.size();
  }

  /** Index from which on all events are there; 0 if none was pruned. */
  public long first() {
    return first;
  }

  /**
   * Index of the first event from {@code seq} on that is there; {@link #size} if there is none.
   * Before {@link #first} there are single ones that were kept.
   */
  public long next(long seq) throws IOException {
    if (seq >= first) {
      return Math.min(seq, size());
    }
    SortedMap<Long, byte[]> later = kept().entries().subMap(Math.max(0, seq), first);
    return later.isEmpty() ? first : later.firstKey();
  }

  /** Index of the last event up to {@code seq} that is there; -1 if there is none. */
  private long previous(long seq) throws IOException {
    if (seq >= first || seq < 0) {
      return seq;
    }
    SortedMap<Long, byte[]> earlier = kept().entries().headMap(seq + 1);
    return earlier.isEmpty() ? -1 : earlier.lastKey();
  }

  synchronized Kept kept() throws IOException {
    if (kept == null) {
      Path file = directory.resolve(Kept.FILE);
      kept =
          Files.exists(file, LinkOption.NOFOLLOW_LINKS)
              ? Kept.parse(readBounded(file, MAX_FILE))
              : Kept.NONE;
    }
    return kept;
  }

  /**
   * What the newest {@code log.pruned} declares.
   *
   * @param first index that stays
   * @param kept number of events before it that stay all the same
   * @param digest SHA-256 over their leaf hashes in order
   */
  record Declared(long first, long kept, String digest) {}

  /**
   * The newest declaration; of nothing if there is none.
   *
   * @throws IOException if it is not in the tree
   */
  Declared declared() throws IOException {
    Optional<LoggedEvent> event = newest(EventType.LOG_PRUNED);
    if (event.isEmpty()) {
      return new Declared(0, 0, "");
    }
    requireInTree(event.get().seq(), event.get().bytes(), "which declares what was pruned,");
    JsonNode said = event.get().json().path("pruned");
    return new Declared(
        said.path("first").asLong(), said.path("kept").asLong(), said.path("digest").asText());
  }

  /**
   * Checks that what is missing at the beginning was declared, and that what was to be kept of it
   * is there: limits count it.
   *
   * @throws IOException if not; says what is wrong
   */
  public void requireWhole() throws IOException {
    if (first == 0) {
      return;
    }
    Declared declared = declared();
    if (declared.first() < first) {
      throw new IOException(
          "entries 0 to %d are missing, and no event says that they were pruned"
              .formatted(first - 1));
    }
    Kept counted = kept().before(declared.first());
    if (counted.entries().size() != declared.kept()
        || !counted.digest().equals(declared.digest())) {
      throw new IOException("what was kept of the pruned entries is missing or was altered");
    }
    for (Map.Entry<Long, byte[]> entry : counted.entries().entrySet()) {
      requireInTree(entry.getKey(), entry.getValue(), "which was kept,");
    }
  }

  private void requireInTree(long seq, byte[] entry, String what) throws IOException {
    if (!Arrays.equals(Hashing.leaf(entry), node(0, seq))) {
      throw new IOException("entry %d, %s is not that of the tree".formatted(seq, what));
    }
  }

  /** The newest signed checkpoint, if one was ever made. */
  public Optional<String> checkpoint() throws IOException {
    Path file = directory.resolve("checkpoint");
    return Files.exists(file, LinkOption.NOFOLLOW_LINKS)
        ? Optional.of(new String(readBounded(file, 1 << 20), UTF_8))
        : Optional.empty();
  }

  /**
   * One event.
   *
   * @throws IndexOutOfBoundsException if the log has no such event
   * @throws IOException if it was pruned or cannot be read
   */
  public LoggedEvent event(long seq) throws IOException {
    return LoggedEvent.parse(seq, entry(seq));
  }

  /** The last {@code count} events that match, oldest first. */
  public List<LoggedEvent> tail(int count, Predicate<? super LoggedEvent> query)
      throws IOException {
    Deque<LoggedEvent> found = new ArrayDeque<>();
    for (long seq = previous(size() - 1);
        seq >= 0 && found.size() < count;
        seq = previous(seq - 1)) {
      LoggedEvent event = event(seq);
      if (query.test(event)) {
        found.addFirst(event);
      }
    }
    return List.copyOf(found);
  }

  /** The first {@code limit} events from {@code from} on that match, oldest first. */
  public List<LoggedEvent> search(long from, int limit, Predicate<? super LoggedEvent> query)
      throws IOException {
    List<LoggedEvent> found = new ArrayList<>();
    for (long seq = next(from); seq < size() && found.size() < limit; seq = next(seq + 1)) {
      LoggedEvent event = event(seq);
      if (query.test(event)) {
        found.add(event);
      }
    }
    return found;
  }

  /** Takes an event that was read. */
  @FunctionalInterface
  public interface Visitor {
    void visit(LoggedEvent event) throws IOException;
  }

  /**
   * The events of one type from an index on, oldest first, kept ones included. Only these are
   * parsed, so that a long log is read in little time.
   */
  public void ofType(long from, EventType type, Visitor visitor) throws IOException {
    byte[] mark = mark(type);
    for (long seq = next(from); seq < size(); seq = next(seq + 1)) {
      Optional<LoggedEvent> event = ofType(seq, type, mark);
      if (event.isPresent()) {
        visitor.visit(event.get());
      }
    }
  }

  private Optional<LoggedEvent> ofType(long seq, EventType type, byte[] mark) throws IOException {
    byte[] bytes = entry(seq);
    return contains(bytes, mark)
        ? Optional.of(LoggedEvent.parse(seq, bytes)).filter(e -> e.type().equals(type.wireName()))
        : Optional.empty();
  }

  /** The newest event of a type of those that were not pruned. */
  public Optional<LoggedEvent> newest(EventType type) throws IOException {
    byte[] mark = mark(type);
    for (long seq = size() - 1; seq >= first; seq--) {
      Optional<LoggedEvent> event = ofType(seq, type, mark);
      if (event.isPresent()) {
        return event;
      }
    }
    return Optional.empty();
  }

  /** How the type stands in an event, as the writer writes it. */
  private static byte[] mark(EventType type) {
    return ("\"type\":\"" + type.wireName() + "\"").getBytes(UTF_8);
  }

  private static boolean contains(byte[] bytes, byte[] part) {
    for (int at = 0; at + part.length <= bytes.length; at++) {
      if (bytes[at] == part[0]
          && Arrays.equals(bytes, at, at + part.length, part, 0, part.length)) {
        return true;
      }
    }
    return false;
  }

  @Override
  public synchronized byte[] node(int level, long index) throws IOException {
    int tileLevel = level / 8;
    int within = level % 8;
    long firstHash = index << within;
    int count = 1 << within;
    long tile = firstHash / TilePaths.WIDTH;
    int offset = (int) (firstHash % TilePaths.WIDTH);
    Path file = paths.hashes(tileLevel, tile);
    // Of pruned entries the lowest tiles are all that there is.
    boolean given = trustTiles || (tileLevel == 0 && firstHash < first);
    if (given && (cache.containsKey(file) || Files.isRegularFile(file))) {
      List<byte[]> hashes = cached(file, Bundles::hashes, TilePaths.WIDTH * Hashing.BYTES);
      if (hashes.size() == TilePaths.WIDTH) {
        return Bundles.rootOf(hashes.subList(offset, offset + count));
      }
    }
    if (tileLevel == 0 && firstHash < first) {
      throw new IOException("the hashes of pruned entries, " + file + ", are missing");
    }
    List<byte[]> hashes = new ArrayList<>(count);
    for (long i = firstHash; i < firstHash + count; i++) {
      hashes.add(tileLevel == 0 ? Hashing.leaf(entry(i)) : derived(tileLevel, i));
    }
    return Bundles.rootOf(hashes);
  }

  /** Hash {@code index} of a tile level above 0, derived from the full tile below. */
  private byte[] derived(int tileLevel, long index) throws IOException {
    Node node = new Node(tileLevel, index);
    byte[] known = derived.get(node);
    if (known == null) {
      known = derive(tileLevel, index);
      derived.put(node, known);
    }
    return known;
  }

  private byte[] derive(int tileLevel, long index) throws IOException {
    List<byte[]> below = new ArrayList<>(TilePaths.WIDTH);
    for (long i = index * TilePaths.WIDTH; i < (index + 1) * TilePaths.WIDTH; i++) {
      below.add(node(8 * (tileLevel - 1), i));
    }
    return Bundles.rootOf(below);
  }

  Journal journal() {
    return journal;
  }

  synchronized byte[] entry(long seq) throws IOException {
    if (seq < 0 || seq >= size()) {
      throw new IndexOutOfBoundsException(
          "the log has no event " + seq + ", it has " + size() + " events");
    }
    if (seq >= journal.first()) {
      return journal.entries().get((int) (seq - journal.first()));
    }
    if (seq < first) {
      byte[] entry = kept().entries().get(seq);
      if (entry == null) {
        throw new IOException("event " + seq + " was pruned");
      }
      return entry;
    }
    if (seq / TilePaths.WIDTH != bundleIndex) {
      Path file = paths.entries(seq / TilePaths.WIDTH);
      List<byte[]> entries = cached(file, Bundles::entries, MAX_BUNDLE);
      if (entries.size() != TilePaths.WIDTH) {
        throw new IOException("entry bundle " + file + " has not 256 entries");
      }
      bundle = entries;
      bundleIndex = seq / TilePaths.WIDTH;
    }
    return bundle.get((int) (seq % TilePaths.WIDTH));
  }

  private List<byte[]> cached(Path file, Parser parser, long limit) throws IOException {
    List<byte[]> content = cache.get(file);
    if (content == null) {
      content = parser.parse(readBounded(file, limit));
      cache.put(file, content);
    }
    return content;
  }

  private static byte[] readBounded(Path file, long limit) throws IOException {
    try (var in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
      byte[] bytes = in.readNBytes((int) limit + 1);
      if (bytes.length > limit) {
        throw new IOException(file + " is longer than " + limit + " bytes");
      }
      return bytes;
    }
  }

  private record Node(int tileLevel, long index) {}

  private interface Parser {
    List<byte[]> parse(byte[] bytes) throws IOException;
  }

  /** The files read last. */
  private static final class Cache extends LinkedHashMap<Path, List<byte[]>> {
    private static final long serialVersionUID = 1;

    private Cache() {
      super(16, 0.75f, true);
    }

    @Override
    protected boolean removeEldestEntry(Map.Entry<Path, List<byte[]>> eldest) {
      return size() > CACHED_FILES;
    }
  }
}
