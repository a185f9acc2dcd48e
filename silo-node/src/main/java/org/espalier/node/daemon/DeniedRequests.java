package org.espalier.node.daemon;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.espalier.node.Problem;
import org.espalier.node.control.Caller;
import org.espalier.wire.Party;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Denied and malformed requests of partners, strangers and users of this machine, for the audit
 * log: the first of a kind at once, what follows within a minute as one count. Who floods cannot
 * fill the disk.
 */
final class DeniedRequests {
  private static final Logger LOG = LoggerFactory.getLogger(DeniedRequests.class);
  static final Duration WINDOW = Duration.ofMinutes(1);

  private final AuditJournal journal;
  private final Map<Kind, Count> counts = new HashMap<>();

  /**
   * @param from the partner; empty for strangers and users
   * @param user of this machine; null for others
   */
  private record Kind(Optional<Party> from, Caller user, String rule) {
    @Override
    public String toString() {
      return user != null ? "a user" : from.map(Party::name).orElse("a stranger");
    }
  }

  private static final class Count {
    private final long since = System.nanoTime();
    private long more;
  }

  DeniedRequests(AuditJournal journal) {
    this.journal = journal;
  }

  /**
   * @param method that the partner called
   * @param reason why it was denied: a code
   */
  void denied(Party from, String method, String reason) {
    denied(Optional.of(from), method + "." + reason);
  }

  /**
   * @param from the partner, empty for a stranger
   * @param rule what denied it: one of few codes
   */
  void denied(Optional<Party> from, String rule) {
    denied(new Kind(from, null, rule));
  }

  /** A command that a user of this machine may not give. */
  void denied(Caller user, String command) {
    denied(new Kind(Optional.empty(), user, "role." + command));
  }

  private void denied(Kind kind) {
    synchronized (counts) {
      Count running = counts.get(kind);
      if (running != null) {
        running.more++;
        return;
      }
      counts.put(kind, new Count());
    }
    log(kind, 1, 0);
  }

  /**
   * Logs counts whose minute is over.
   *
   * @param all the others as well, because the node stops
   */
  void flush(boolean all) {
    Map<Kind, Long> due = new HashMap<>();
    synchronized (counts) {
      long now = System.nanoTime();
      counts
          .entrySet()
          .removeIf(
              entry -> {
                boolean over = all || now - entry.getValue().since >= WINDOW.toNanos();
                if (over && entry.getValue().more > 0) {
                  due.put(entry.getKey(), entry.getValue().more);
                }
                return over;
              });
    }
    due.forEach((kind, count) -> log(kind, count, WINDOW.toMillis()));
  }

  private void log(Kind kind, long count, long windowMillis) {
    try {
      if (kind.user() == null) {
        journal.denied(kind.from(), kind.rule(), count, windowMillis);
      } else {
        journal.denied(kind.user(), kind.rule(), count, windowMillis);
      }
      LOG.warn("denied {} request(s) of {}: {}", count, kind, kind.rule());
    } catch (Problem e) {
      LOG.error("a denied request of {} could not be logged: {}", kind, kind.rule(), e);
    }
  }
}
