package org.espalier.audit.log;

import java.util.function.Consumer;
import org.espalier.audit.event.Event;
import org.espalier.audit.event.EventBuilder;
import org.espalier.audit.event.Outcome;

/**
 * An announced act, already durable. It is concluded exactly once; one that is closed without
 * having been concluded is logged as {@code aborted} with reason {@code not.concluded}.
 *
 * <pre>{@code
 * try (Intent run = log.intent(EventType.JOB_STARTED, e -> e.job(id, attempt, spec))) {
 *   train();
 *   run.ok();
 * }
 * }</pre>
 *
 * <p>Every method that concludes throws {@link AuditUnavailableException} if the outcome could not
 * be made durable, and {@link IllegalStateException} if the act was concluded before. After the
 * former the act counts as concluded: the log then shows an intent without outcome, never a wrong
 * outcome.
 */
public final class Intent implements AutoCloseable {
  private final AuditLog log;
  private final Event event;
  private final Place place;
  private boolean concluded;

  Intent(AuditLog log, Event event, Place place) {
    this.log = log;
    this.event = event;
    this.place = place;
  }

  /** Where the intent stands in the log. */
  public Place place() {
    return place;
  }

  /** Index of the intent. */
  public long seq() {
    return place.seq();
  }

  /** The act was done. */
  public Place ok() {
    return ok(Event.NOTHING_MORE);
  }

  /** The act was done; {@code more} adds what is known now. */
  public Place ok(Consumer<EventBuilder> more) {
    return conclude(Outcome.OK, more);
  }

  /** The act failed for a reason given as a code, such as {@code partner.unreachable}. */
  public Place failed(String reason) {
    return failed(reason, Event.NOTHING_MORE);
  }

  /** The act failed; {@code more} adds what is known now. */
  public Place failed(String reason, Consumer<EventBuilder> more) {
    return conclude(Outcome.FAILED, more.andThen(e -> e.reason(reason)));
  }

  /** A policy rule forbade the act. */
  public Place denied(String rule) {
    return denied(rule, Event.NOTHING_MORE);
  }

  /** A policy rule forbade the act; {@code more} adds what is known now. */
  public Place denied(String rule, Consumer<EventBuilder> more) {
    return conclude(Outcome.DENIED, more.andThen(e -> e.rule(rule)));
  }

  /** Someone stopped the act, for a reason given as a code. */
  public Place aborted(String reason) {
    return aborted(reason, Event.NOTHING_MORE);
  }

  /** Someone stopped the act; {@code more} adds what is known now. */
  public Place aborted(String reason, Consumer<EventBuilder> more) {
    return conclude(Outcome.ABORTED, more.andThen(e -> e.reason(reason)));
  }

  /** Logs {@code aborted} unless the act was concluded. */
  @Override
  public void close() {
    synchronized (this) {
      if (concluded) {
        return;
      }
    }
    aborted("not.concluded");
  }

  private Place conclude(Outcome outcome, Consumer<EventBuilder> more) {
    Event closing = event.closedBy(place.seq(), outcome, more);
    synchronized (this) {
      if (concluded) {
        throw new IllegalStateException("intent " + place.seq() + " was concluded before");
      }
      concluded = true;
    }
    return log.append(closing);
  }
}
