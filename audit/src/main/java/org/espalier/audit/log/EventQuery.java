package org.espalier.audit.log;

import java.time.Instant;
import java.util.Locale;
import java.util.function.Predicate;

/**
 * What to look for; a part that is null matches everything.
 *
 * @param type name of a type, or a prefix that ends in a dot, such as {@code job.}
 * @param job identifier of a job
 * @param partner name of a partner
 * @param outcome {@code ok}, {@code denied}, {@code failed} or {@code aborted}
 * @param from earliest time, inclusive
 * @param to latest time, exclusive
 * @param text occurs anywhere in the stored text, in any case
 */
public record EventQuery(
    String type, String job, String partner, String outcome, Instant from, Instant to, String text)
    implements Predicate<LoggedEvent> {

  /** Matches every event. */
  public static final EventQuery ALL = new EventQuery(null, null, null, null, null, null, null);

  /** The events of one job. */
  public static EventQuery ofJob(String job) {
    return new EventQuery(null, job, null, null, null, null, null);
  }

  @Override
  public boolean test(LoggedEvent event) {
    return (type == null
            || event.type().equals(type)
            || (type.endsWith(".") && event.type().startsWith(type)))
        && (job == null || event.job().equals(job))
        && (partner == null || event.partner().equals(partner))
        && (outcome == null || event.outcome().equals(outcome))
        && (from == null || !event.time().isBefore(from))
        && (to == null || event.time().isBefore(to))
        && (text == null
            || event.text().toLowerCase(Locale.ROOT).contains(text.toLowerCase(Locale.ROOT)));
  }
}
