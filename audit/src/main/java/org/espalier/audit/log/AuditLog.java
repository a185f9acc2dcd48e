package org.espalier.audit.log;

import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.espalier.audit.checkpoint.Checkpoint;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.event.Event;
import org.espalier.audit.event.EventBuilder;
import org.espalier.audit.event.EventType;
import org.espalier.audit.merkle.Frontier;

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
    for (long seq = reader.size() - 1; seq >= 0; seq--) {
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
