package org.espalier.audit.log;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import org.espalier.audit.merkle.Hashing;
import org.espalier.audit.merkle.Nodes;

/**
 * The log as it was at one moment, read from its files; works beside a running writer and without
 * one. Shows what is stored; whether that was altered is the question of the verifier. Not
 * thread-safe.
 */
public final class LogReader implements Nodes {
  private static final long MAX_JOURNAL = 256L << 20;
  private static final long MAX_BUNDLE = 256L * (2 + 0xffff);
  private static final int CACHED_FILES = 64;

  private final Path directory;
  private final TilePaths paths;
  private final Journal journal;
  private final boolean trustTiles;
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
  }

  /**
   * Reads the present state of a log.
   *
   * @throws IOException if there is no readable log in the directory
   */
  public static LogReader open(Path directory) throws IOException {
    Path file = directory.resolve("journal");
    try {
      return new LogReader(directory, Journal.parse(readBounded(file, MAX_JOURNAL)), true);
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

  /** Number of events. */
  public long size() {
    return journal.size();
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
   */
  public LoggedEvent event(long seq) throws IOException {
    return LoggedEvent.parse(seq, entry(seq));
  }

  /** The last {@code count} events that match, oldest first. */
  public List<LoggedEvent> tail(int count, Predicate<? super LoggedEvent> query)
      throws IOException {
    Deque<LoggedEvent> found = new ArrayDeque<>();
    for (long seq = size() - 1; seq >= 0 && found.size() < count; seq--) {
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
    for (long seq = Math.max(0, from); seq < size() && found.size() < limit; seq++) {
      LoggedEvent event = event(seq);
      if (query.test(event)) {
        found.add(event);
      }
    }
    return found;
  }

  @Override
  public byte[] node(int level, long index) throws IOException {
    int tileLevel = level / 8;
    int within = level % 8;
    long firstHash = index << within;
    int count = 1 << within;
    long tile = firstHash / TilePaths.WIDTH;
    int offset = (int) (firstHash % TilePaths.WIDTH);
    Path file = paths.hashes(tileLevel, tile);
    if (trustTiles && (cache.containsKey(file) || Files.isRegularFile(file))) {
      List<byte[]> hashes = cached(file, Bundles::hashes, TilePaths.WIDTH * Hashing.BYTES);
      if (hashes.size() == TilePaths.WIDTH) {
        return Bundles.rootOf(hashes.subList(offset, offset + count));
      }
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

  byte[] entry(long seq) throws IOException {
    if (seq < 0 || seq >= size()) {
      throw new IndexOutOfBoundsException(
          "the log has no event " + seq + ", it has " + size() + " events");
    }
    if (seq >= journal.first()) {
      return journal.entries().get((int) (seq - journal.first()));
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
