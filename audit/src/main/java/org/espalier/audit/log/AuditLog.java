package org.espalier.audit.log;

import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.LongUnaryOperator;
import java.util.function.Predicate;
import org.espalier.audit.checkpoint.Checkpoint;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.event.Event;
import org.espalier.audit.event.EventBuilder;
import org.espalier.audit.event.EventType;
import org.espalier.audit.merkle.Frontier;
import org.espalier.audit.merkle.Hashing;

/**
 * The writer of a log. An append returns when the event, and a signature over the tree that
 * includes it, are on stable storage; appends of many threads share one {@code fsync}. If that
 * cannot be had, the append throws {@link AuditUnavailableException} and what the event announces
 * must not be done. Thread-safe.
 */
public final class AuditLog implements AutoCloseable {
  private static final HexFormat HEX = HexFormat.of();

  private final LogSettings settings;
  private final LogWriter writer;
  private final Object pruning = new Object();
  private final SecureRandom random = new SecureRandom();
  private final String boot = randomHex(8);
  private final long startNanos = System.nanoTime();

  private AuditLog(LogSettings settings, LogWriter writer) {
    this.settings = settings;
    this.writer = writer;
  }

  /**
   * Opens the log in a directory, or begins one there, with the default settings.
   *
   * @param signer the log's key under the log's name
   * @throws AuditUnavailableException if another writer has it, it was damaged, its name or key is
   *     another, or the disk fails
   */
  public static AuditLog open(Path directory, NoteSigner signer) {
    return open(LogSettings.at(directory), signer);
  }

  /** As {@link #open(Path, NoteSigner)} with settings. */
  public static AuditLog open(LogSettings settings, NoteSigner signer) {
    return open(settings, signer, Disk.Gate.OPEN);
  }

  static AuditLog open(LogSettings settings, NoteSigner signer, Disk.Gate gate) {
    return new AuditLog(settings, LogWriter.open(settings, signer, new Disk(gate)));
  }

  /**
   * Logs something that happened.
   *
   * @throws IllegalArgumentException if the type is not a fact, a required field is missing or the
   *     event is too long
   */
  public Place fact(EventType type, Consumer<EventBuilder> content) {
    return append(Event.fact(type, content));
  }

  /**
   * Announces an act. When this returns, the announcement is durable and the act may begin.
   *
   * @throws IllegalArgumentException if the type is not an act, a required field is missing or the
   *     event is too long
   */
  public Intent intent(EventType type, Consumer<EventBuilder> content) {
    Event event = Event.intent(type, content);
    return new Intent(this, event, append(event));
  }

  /** Appends {@code checkpoint.signed} and publishes a signed checkpoint that includes it. */
  public Checkpoint checkpoint() {
    LogWriter.Ticket ticket =
        writer.submit(
            tree ->
                stamped(
                    tree,
                    Event.fact(
                        EventType.CHECKPOINT_SIGNED,
                        e -> e.tree(tree.size(), Checkpoint.rootBase64(tree.root())))),
            false,
            true);
    await(ticket.committed());
    return await(ticket.published());
  }

  /**
   * Logs the outcome {@code aborted}, reason {@code node.interrupted}, for each intent that an
   * earlier run of the process left without one. To be called once, before the node does anything
   * else.
   *
   * @return the places of these intents
   */
  public List<Long> concludeInterrupted() throws IOException {
    LogReader reader = reader();
    Set<Long> concluded = new HashSet<>();
    List<Long> orphans = new ArrayList<>();
    String lastRun = null;
    for (long seq = reader.size() - 1; seq >= reader.first(); seq--) {
      LoggedEvent event = reader.event(seq);
      String run = event.json().path("boot").asText();
      if (run.equals(boot)) {
        if (event.phase().equals("outcome")) {
          concluded.add(event.json().path("ref").asLong());
        }
        continue;
      }
      lastRun = lastRun == null ? run : lastRun;
      // What was open when an earlier run stopped in order was concluded when the next one began.
      if (!run.equals(lastRun) && event.type().equals(EventType.NODE_STOPPED.wireName())) {
        break;
      }
      if (event.phase().equals("outcome")) {
        concluded.add(event.json().path("ref").asLong());
      } else if (event.phase().equals("intent") && !concluded.contains(seq)) {
        EventType type =
            EventType.ofWireName(event.type())
                .orElseThrow(() -> new IOException("event of unknown type: " + event.line()));
        append(
            Event.interrupted(
                type,
                seq,
                event.job().isEmpty() ? null : event.job(),
                event.json().path("job").path("attempt").asLong()));
        orphans.add(seq);
      }
    }
    return orphans;
  }

  /**
   * What was pruned.
   *
   * @param first index from which on all events are there
   * @param removed events that are not there any more and were before
   * @param kept events before {@code first} that stay, word by word
   */
  public record Pruned(long first, long removed, int kept) {}

  /**
   * How much {@link #prune} would remove, by the index before which it may. The log is read once.
   *
   * @return gives the first index that would stay, a multiple of 256; {@link LogReader#first} if
   *     nothing would be removed
   * @throws IOException if the log cannot be read
   */
  public static LongUnaryOperator prunable(LogReader reader) throws IOException {
    // An act goes as a whole, and not at all while it is under way.
    Map<Long, Long> ends = new HashMap<>();
    for (long seq = reader.first(); seq < reader.size(); seq++) {
      LoggedEvent event = reader.event(seq);
      if (event.phase().equals("intent")) {
        ends.put(seq, Long.MAX_VALUE);
      } else if (event.phase().equals("outcome")) {
        ends.put(event.json().path("ref").asLong(), seq);
      }
    }
    return before -> prunable(reader, ends, before);
  }

  private static long prunable(LogReader reader, Map<Long, Long> ends, long before) {
    long first = Math.min(before, reader.journal().first()) / TilePaths.WIDTH * TilePaths.WIDTH;
    for (boolean settled = false; !settled; ) {
      settled = true;
      for (Map.Entry<Long, Long> act : ends.entrySet()) {
        if (act.getKey() < first && act.getValue() >= first) {
          first = act.getKey() / TilePaths.WIDTH * TilePaths.WIDTH;
          settled = false;
        }
      }
    }
    return Math.max(first, reader.first());
  }

  /**
   * Removes events from the beginning of the log, in whole bundles of 256. Their hashes stay, so
   * that the root and every proof are what they were. The event {@code log.pruned} is durable
   * before anything is removed; a removal that is cut short is finished when the log is opened
   * again.
   *
   * @param before no event from this index on is removed; more may stay: what has not left the
   *     journal yet, and acts that are under way or not removed as a whole
   * @param stays which of the events are kept all the same, word by word and for good
   * @param content reason and whatever else is to be said in {@code log.pruned}
   * @return what was removed; nothing is logged if that is nothing
   * @throws IOException if the log cannot be read, or an event is not that of its hash: evidence is
   *     not removed
   * @throws AuditUnavailableException if it cannot be written
   */
  public Pruned prune(
      long before, Predicate<? super LoggedEvent> stays, Consumer<EventBuilder> content)
      throws IOException {
    synchronized (pruning) {
      // Otherwise a lower index now would be declared after a higher one.
      writer.files().finishRemoval();
      LogReader reader = reader();
      long first = prunable(reader).applyAsLong(before);
      if (first == reader.first()) {
        return new Pruned(first, 0, reader.kept().before(first).entries().size());
      }
      SortedMap<Long, byte[]> kept = new TreeMap<>();
      long until = 0;
      for (long seq = reader.next(0); seq < first; seq = reader.next(seq + 1)) {
        LoggedEvent event = reader.event(seq);
        if (!Arrays.equals(Hashing.leaf(event.bytes()), reader.node(0, seq))) {
          throw new IOException("event " + seq + " was altered; verify the log");
        }
        until = Math.max(until, event.time().toEpochMilli());
        // Never fewer than before: this is on disk before the event that says so is.
        if (seq < reader.first() || stays.test(event)) {
          kept.put(seq, event.bytes());
        }
      }
      Kept all = new Kept(first, kept);
      long newest = until;
      writer.files().keep(all);
      append(
          Event.fact(
              EventType.LOG_PRUNED,
              content.andThen(e -> e.pruned(first, newest, kept.size(), all.digest()))));
      writer.files().removeBefore(first);
      return new Pruned(first, first - reader.first(), kept.size());
    }
  }

  /** The log as it is now; sees every event whose append has returned. */
  public LogReader reader() throws IOException {
    return LogReader.open(settings.directory());
  }

  /** Name of the log. */
  public String origin() {
    return writer.origin();
  }

  /** Number of durable events. */
  public long size() {
    return writer.size();
  }

  /** Waits for the appends under way and gives the log free. Signs nothing. */
  @Override
  public void close() {
    writer.close();
  }

  Place append(Event event) {
    LogWriter.Ticket ticket = writer.submit(tree -> stamped(tree, event), event.isIntent(), false);
    await(ticket.committed());
    return ticket.place();
  }

  private LogWriter.Entry stamped(Frontier tree, Event event) {
    String id = randomHex(16);
    Event.Stamp stamp =
        new Event.Stamp(
            tree.size(), id, settings.clock().millis(), boot, System.nanoTime() - startNanos);
    return new LogWriter.Entry(new Place(tree.size(), id), event.encode(stamp));
  }

  private <T> T await(Future<T> future) {
    long deadline = System.nanoTime() + settings.patience().toNanos();
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return future.get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
          // Whether the event is durable must be known before the caller goes on.
          interrupted = true;
        }
      }
    } catch (ExecutionException e) {
      if (e.getCause() instanceof AuditUnavailableException unavailable) {
        throw new AuditUnavailableException(
            unavailable.problem(), unavailable.getMessage(), unavailable);
      }
      throw new AuditUnavailableException(
          AuditUnavailableException.Problem.IO, "the audit log failed", e.getCause());
    } catch (TimeoutException e) {
      throw new AuditUnavailableException(
          AuditUnavailableException.Problem.TIMEOUT,
          "the disk of the audit log did not answer within "
              + settings.patience().toSeconds()
              + " s",
          e);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private String randomHex(int bytes) {
    byte[] value = new byte[bytes];
    random.nextBytes(value);
    return HEX.formatHex(value);
  }
}
