package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;
import java.util.List;
import org.espalier.audit.log.EventQuery;
import org.espalier.audit.log.LogReader;
import org.espalier.audit.log.LoggedEvent;
import org.espalier.node.Problem;

/**
 * Which events of an audit log somebody wants to see; asked of a node or of files, by the same
 * arguments.
 *
 * @param seq the one event with this number; -1: the newest ones that match
 */
public record EventSearch(long seq, int count, EventQuery query) {
  private static final int MAX_EVENTS = 10_000;

  /**
   * @param json {@code seq}, or {@code count, type, job, partner, outcome, since, until, text},
   *     each of which may be left out
   * @throws Problem if something of it is not understood
   */
  public static EventSearch of(JsonNode json) {
    Args args = new Args(json);
    return new EventSearch(
        args.number("seq", -1, 0, Long.MAX_VALUE),
        (int) args.number("count", 20, 1, MAX_EVENTS),
        new EventQuery(
            args.optional("type").orElse(null),
            args.optional("job").orElse(null),
            args.optional("partner").orElse(null),
            args.optional("outcome").orElse(null),
            args.optional("since").map(text -> time("since", text)).orElse(null),
            args.optional("until").map(text -> time("until", text)).orElse(null),
            args.optional("text").orElse(null)));
  }

  /** A time, or the beginning of a day. */
  private static Instant time(String key, String text) {
    try {
      return text.contains("T")
          ? Instant.parse(text)
          : LocalDate.parse(text).atStartOfDay(ZoneOffset.UTC).toInstant();
    } catch (DateTimeParseException e) {
      throw Args.usage(
              key + " is a day such as 2031-01-31, or a time such as 2031-01-31T12:00:00Z (UTC)")
          .because(e);
    }
  }

  /**
   * What is found, oldest first.
   *
   * @throws Problem if the log has no event of that number, or not any more
   */
  public List<LoggedEvent> in(LogReader log) throws IOException {
    if (seq < 0) {
      return log.tail(count, query);
    }
    if (seq >= log.size()) {
      throw Problem.notFound("the log has no event %,d".formatted(seq))
          .detail("it has %,d, counted from 0".formatted(log.size()));
    }
    if (log.next(seq) != seq) {
      throw Problem.notFound("event %,d was pruned".formatted(seq))
          .detail("events are there from %,d on".formatted(log.first()));
    }
    return List.of(log.event(seq));
  }
}
