package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongUnaryOperator;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;
import org.espalier.audit.event.EventType;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.LogReader;
import org.espalier.audit.log.LoggedEvent;
import org.espalier.audit.verify.Claims;
import org.espalier.node.Problem;
import org.espalier.node.config.AuditConfig;
import org.espalier.node.config.Json;
import org.espalier.node.control.ControlServer;

/**
 * What goes out of the audit log for good: who a person was, and events whose time is over. Both
 * are declared in the log first, and neither is done while a legal hold is set.
 */
final class Retention {
  private static final Pattern REASON = Pattern.compile("[a-z0-9][a-z0-9._-]{0,63}");

  /** Events that go together. */
  private static final int BUNDLE = 256;

  private final AuditConfig config;
  private final AuditLog log;
  private final List<LogReader> frozen;
  private final AuditJournal journal;
  private final People people;
  private final Supplier<Set<String>> needed;
  private final Clock clock;

  /**
   * @param config null: no section {@code audit}
   * @param frozen logs that this one continues
   * @param needed jobs of which nothing may be removed
   */
  Retention(
      AuditConfig config,
      AuditLog log,
      List<LogReader> frozen,
      AuditJournal journal,
      People people,
      Supplier<Set<String>> needed,
      Clock clock) {
    this.config = config == null ? new AuditConfig(null, null, null) : config;
    this.log = log;
    this.frozen = List.copyOf(frozen);
    this.journal = journal;
    this.people = people;
    this.needed = needed;
    this.clock = clock;
  }

  void addTo(Map<String, ControlServer.Command> commands) {
    commands.put("audit.erase", (args, events) -> erase(new Args(args)));
    commands.put("audit.prune", (args, events) -> prune(new Args(args)));
  }

  private void requireNoHold(String what) {
    if (config.hold() != null) {
      throw Problem.refused(what + " while there is a legal hold")
          .detail("audit.hold in silo.yaml: " + config.hold())
          .next("when it is lifted: remove it from silo.yaml and restart the node");
    }
  }

  private static String reason(Args args, String otherwise) {
    String reason = args.optional("reason").orElse(otherwise);
    if (reason == null || !REASON.matcher(reason).matches()) {
      throw Args.usage("the reason is a code, such as request or retention.expired");
    }
    return reason;
  }

  // ---- people ---------------------------------------------------------------------------------

  /**
   * @return {@code events} that hold a pseudonym of the person, {@code clear} that hold the
   *     identifier itself, from before there were pseudonyms; with {@code plan} nothing is done
   */
  JsonNode erase(Args args) {
    String person = args.text("person");
    boolean plan = args.json().path("plan").asBoolean();
    String reason = plan ? "" : reason(args, null);
    requireNoHold("nobody is erased");
    Set<String> commitments = people.store().commitments(person);
    try {
      long events = 0;
      long clear = 0;
      List<LogReader> logs = new ArrayList<>(frozen);
      logs.add(log.reader());
      for (LogReader each : logs) {
        for (long seq = each.next(0); seq < each.size(); seq = each.next(seq + 1)) {
          LoggedEvent event = each.event(seq);
          events += commitments.stream().anyMatch(event.text()::contains) ? 1 : 0;
          clear += isNamed(event.json(), person) ? 1 : 0;
        }
      }
      if (commitments.isEmpty()) {
        throw unknown(clear);
      }
      ObjectNode result = Json.object().put("events", events).put("clear", clear);
      if (plan) {
        return result;
      }
      long touched = events;
      // The name is no argument of the command, nor is anything else that stays.
      return journal.command(
          "audit.erase",
          Map.of(),
          () -> {
            String pseudonym = people.pseudonym(person);
            journal.fact(
                EventType.ERASURE_DONE,
                e -> e.actor(journal.operator()).reason(reason).erasure(pseudonym, touched));
            try {
              boolean unused = people.store().erase(pseudonym);
            } catch (IOException e) {
              throw Problem.refused("the key of the pseudonym cannot be destroyed")
                  .detail(e.getMessage())
                  .next("restart the node, which tries again")
                  .because(e);
            }
            return result;
          });
    } catch (IOException e) {
      throw unreadable(e);
    }
  }

  private static Problem unknown(long clear) {
    Problem unknown = Problem.notFound("nobody of this identifier is known under a pseudonym");
    return clear > 0
        ? unknown
            .detail(clear + " older events hold the identifier itself: only pruning removes them")
            .next("silo audit prune --dry-run")
        : unknown
            .detail("people here by their name or uid-NUMBER, a partner's as NAME@PARTNER")
            .next("silo audit tail");
  }

  private static boolean isNamed(JsonNode event, String person) {
    return event.at("/actor/pseudonym").asText().equals(person)
        || StreamSupport.stream(event.path("approvals").spliterator(), false)
            .anyMatch(approval -> approval.path("pseudonym").asText().equals(person));
  }

  // ---- events ---------------------------------------------------------------------------------

  /**
   * Whether an event stays for good: it is counted by a limit that knows no time, as passes and
   * alignments on the same people and label privacy that was spent on a data set are; or it says
   * who is to be erased again when a copy comes back, or where the log before this one ended. All
   * other limits count over at most 90 days, and so young is nothing that is pruned.
   */
  private static boolean stays(LoggedEvent event) {
    return event.type().equals(EventType.ERASURE_DONE.wireName())
        || event.type().equals(EventType.LOG_CONTINUED.wireName())
        || event.type().equals(EventType.DISCLOSURE_PASS.wireName())
        || event.type().equals(EventType.DISCLOSURE_ALIGNMENT.wireName())
        || (event.type().equals(EventType.PHASE_STARTED.wireName())
            && event.json().at("/protocol/parameters").has("label_epsilon"));
  }

  /**
   * @return {@code first} index that stays, {@code removed} and {@code kept} events; with {@code
   *     plan} nothing is done, and in place of {@code kept} there is {@code blocked}: why it ends
   *     there
   */
  JsonNode prune(Args args) {
    boolean plan = args.json().path("plan").asBoolean();
    Instant before = before(args);
    String reason = reason(args, "retention.expired");
    requireNoHold("nothing is pruned");
    try {
      LogReader reader = log.reader();
      Border border = border(reader, before);
      long first = border.first();
      if (plan || first == reader.first()) {
        return Json.object()
            .put("before", before.toString())
            .put("first", first)
            .put("removed", first - reader.first())
            .put("blocked", border.blocked());
      }
      return journal.command(
          "audit.prune", Map.of("before", before.toString()), () -> prune(first, before, reason));
    } catch (IOException e) {
      throw unreadable(e);
    }
  }

  private JsonNode prune(long first, Instant before, String reason) {
    try {
      AuditLog.Pruned pruned = journal.prune(first, Retention::stays, e -> e.reason(reason));
      // Partners that compare logs are to see it at once.
      JsonNode unused = journal.checkpoint();
      return Json.object()
          .put("before", before.toString())
          .put("first", pruned.first())
          .put("removed", pruned.removed())
          .put("kept", pruned.kept());
    } catch (IOException e) {
      throw unreadable(e);
    }
  }

  private Instant before(Args args) {
    Instant latest = clock.instant().minus(config.kept());
    Instant before = latest;
    try {
      if (args.optional("before").isPresent()) {
        before = LocalDate.parse(args.text("before")).atStartOfDay(ZoneOffset.UTC).toInstant();
      } else if (args.optional("keep").isPresent()) {
        before = clock.instant().minus(AuditConfig.days("--keep", args.text("keep")));
      } else if (config.retention() == null) {
        throw Args.usage(
            "how long events are kept must be said: --keep, --before or audit.retention");
      }
    } catch (DateTimeException e) {
      throw Args.usage("a date is written as 2031-12-24").because(e);
    } catch (IllegalArgumentException e) {
      throw Args.usage(e.getMessage()).because(e);
    }
    if (before.isAfter(latest)) {
      throw Problem.refused("events of the last %d days are kept".formatted(config.kept().toDays()))
          .detail(
              config.retention() == null
                  ? "limits of policies count up to 90 days back"
                  : "audit.retention in silo.yaml: " + config.retention())
          .next("silo audit prune --keep %dd".formatted(config.kept().toDays()));
    }
    return before;
  }

  /**
   * Where pruning ends.
   *
   * @param first index that stays
   * @param blocked why it is no later one
   */
  private record Border(long first, String blocked) {}

  /**
   * The first index that has to stay: of an event that is not old enough, of a job that is needed,
   * or of a job of which a part is not old enough, as a job goes as a whole.
   */
  private Border border(LogReader reader, Instant before) throws IOException {
    Set<String> jobs = needed.get();
    Map<String, Long> begun = new HashMap<>();
    Map<String, Long> ended = new HashMap<>();
    long border = reader.size();
    String blocked = "no whole bundle follows";
    for (long seq = reader.first(); seq < reader.size(); seq++) {
      LoggedEvent event = reader.event(seq);
      String job = event.job();
      boolean young = !event.time().isBefore(before);
      if (border == reader.size() && (young || jobs.contains(job))) {
        border = seq;
        blocked =
            young
                ? "event %d is not old enough".formatted(seq)
                : "event %d is of job %s, which has not ended or gives scores".formatted(seq, job);
      }
      if (!job.isEmpty() && Claims.concerns(event.type())) {
        begun.putIfAbsent(job, seq);
        ended.put(job, seq);
      }
    }
    LongUnaryOperator prunable = AuditLog.prunable(reader);
    while (true) {
      // The log removes whole bundles only, which may cut the next job.
      long whole = prunable.applyAsLong(border);
      if (whole < border / BUNDLE * BUNDLE) {
        blocked = "from event %d on acts end later, or the journal begins".formatted(whole);
      }
      long least = whole;
      for (Map.Entry<String, Long> job : begun.entrySet()) {
        if (job.getValue() < least && ended.get(job.getKey()) >= whole) {
          least = job.getValue();
          blocked =
              "job %s goes as a whole, and has events %d to %d"
                  .formatted(job.getKey(), job.getValue(), ended.get(job.getKey()));
        }
      }
      if (least == whole) {
        return new Border(whole, blocked);
      }
      border = least;
    }
  }

  private static Problem unreadable(IOException e) {
    return Problem.refused("the audit log cannot be read, so nothing is removed")
        .detail(e.getMessage())
        .next("silo audit verify")
        .because(e);
  }
}
