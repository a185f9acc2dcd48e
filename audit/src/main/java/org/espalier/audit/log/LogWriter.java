package org.espalier.audit.log;

import static org.espalier.audit.log.AuditUnavailableException.Problem.CLOSED;
import static org.espalier.audit.log.AuditUnavailableException.Problem.DISK_FULL;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import org.espalier.audit.checkpoint.Checkpoint;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.merkle.Frontier;
import org.espalier.audit.merkle.Hashing;

/**
 * Puts entries in order and writes them in groups: while one group is on its way to the disk, the
 * entries that arrive form the next. Only the one thread started here touches {@link LogFiles}, and
 * nobody else can interrupt it, which would close the file.
 */
final class LogWriter {
  private static final long RETRY_RESERVE_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** An entry at its place. */
  record Entry(Place place, byte[] bytes) {}

  /** A submitted entry and when it is durable and, if asked for, its checkpoint. */
  record Ticket(
      Place place, CompletableFuture<Void> committed, CompletableFuture<Checkpoint> published) {}

  /** Entries to be written together. */
  private static final class Group {
    private final List<byte[]> entries = new ArrayList<>();
    private final CompletableFuture<Void> committed = new CompletableFuture<>();
    private final CompletableFuture<Checkpoint> published = new CompletableFuture<>();
    private Frontier tree;
    private boolean publish;

    private Group(Frontier before) {
      this.tree = before;
    }

    private void fail(AuditUnavailableException why) {
      committed.completeExceptionally(why);
      published.completeExceptionally(why);
    }
  }

  private final LogFiles files;
  private final String origin;
  private final Thread thread;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition work = lock.newCondition();
  private Frontier durable;
  private Group open;
  private boolean closing;

  private LogWriter(LogFiles files, String origin) {
    this.files = files;
    this.origin = origin;
    this.durable = files.tree();
    this.open = new Group(durable);
    this.thread = new Thread(this::run, "audit-writer");
    thread.setDaemon(true);
  }

  static LogWriter open(LogSettings settings, NoteSigner signer, Disk disk) {
    LogWriter writer = new LogWriter(LogFiles.open(settings, signer, disk), signer.name());
    writer.thread.start();
    return writer;
  }

  String origin() {
    return origin;
  }

  long size() {
    lock.lock();
    try {
      return durable.size();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Puts an entry into the next group.
   *
   * @param make gets the tree before the entry, which says what place it has
   * @param intent whether it is refused when only the reserve of disk space is left
   * @param publish whether a checkpoint is to be published with the group
   */
  Ticket submit(Function<Frontier, Entry> make, boolean intent, boolean publish) {
    lock.lock();
    try {
      if (closing) {
        throw new AuditUnavailableException(CLOSED, "the audit log is closed");
      }
      if (intent && !files.hasReserve()) {
        throw new AuditUnavailableException(
            DISK_FULL,
            "the disk of the audit log "
                + files.directory()
                + " is full; nothing new is begun until there is space");
      }
      Entry entry = make.apply(open.tree);
      open.entries.add(entry.bytes());
      open.tree = open.tree.append(Hashing.leaf(entry.bytes()));
      open.publish |= publish;
      work.signal();
      return new Ticket(entry.place(), open.committed, open.published);
    } finally {
      lock.unlock();
    }
  }

  /** The files, of which others than this may only call what is said to be for them. */
  LogFiles files() {
    return files;
  }

  void close() {
    lock.lock();
    try {
      closing = true;
      work.signal();
    } finally {
      lock.unlock();
    }
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    try {
      for (Group group = next(); group != null; group = next()) {
        write(group);
      }
    } finally {
      files.close();
    }
  }

  /** The next group that has entries; null when closing and all is written. */
  private Group next() {
    while (true) {
      lock.lock();
      try {
        if (!open.entries.isEmpty()) {
          Group group = open;
          open = new Group(group.tree);
          return group;
        }
        if (closing) {
          return null;
        }
        if (idle()) {
          continue;
        }
      } finally {
        lock.unlock();
      }
      files.restoreReserve();
    }
  }

  /** Waits for work; false when none came and it is time to ask for disk space again. */
  private boolean idle() {
    long left = RETRY_RESERVE_NANOS;
    while (open.entries.isEmpty() && !closing) {
      if (files.hasReserve()) {
        work.awaitUninterruptibly();
        continue;
      }
      try {
        left = work.awaitNanos(left);
      } catch (InterruptedException e) {
        // Nobody has this thread but the log; an interruption means nothing here.
        left = 0;
      }
      if (left <= 0) {
        return false;
      }
    }
    return true;
  }

  private void write(Group group) {
    try {
      files.commit(group.entries, group.tree);
    } catch (AuditUnavailableException e) {
      undo(group, e);
      return;
    } catch (RuntimeException | Error e) {
      undo(group, LogFiles.unavailable("the audit log failed", e));
      return;
    }
    lock.lock();
    try {
      durable = group.tree;
    } finally {
      lock.unlock();
    }
    group.committed.complete(null);
    try {
      // Full bundles are moved out after the callers were told: the journal has the entries.
      files.roll();
      group.published.complete(group.publish ? files.publish() : null);
    } catch (AuditUnavailableException e) {
      group.published.completeExceptionally(e);
    } catch (RuntimeException | Error e) {
      group.published.completeExceptionally(LogFiles.unavailable("the audit log failed", e));
    }
  }

  /** The group is not in the log, so those who came after it have no place either. */
  private void undo(Group group, AuditUnavailableException why) {
    Group later;
    lock.lock();
    try {
      later = open;
      open = new Group(durable);
    } finally {
      lock.unlock();
    }
    group.fail(why);
    later.fail(why);
  }
}
