package org.espalier.audit.event;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;

/**
 * An event that is ready to be logged: everything but its place in the log and its time. Immutable.
 */
public final class Event {
  /** Longest event, in bytes of its JSON. */
  public static final int MAX_BYTES = 16 * 1024;

  /** Version of the JSON form. */
  public static final int VERSION = 1;

  /** No fields beyond those that the event must have. */
  public static final Consumer<EventBuilder> NOTHING_MORE = builder -> {};

  private final EventType type;
  private final String phase;
  private final long ref;
  private final Outcome outcome;
  private final Map<String, Object> fields;

  private Event(
      EventType type, String phase, long ref, Outcome outcome, Map<String, Object> fields) {
    this.type = type;
    this.phase = phase;
    this.ref = ref;
    this.outcome = outcome;
    this.fields = Collections.unmodifiableMap(fields);
    // Refused here, where the caller can still do something about it, and not when it is written.
    encode(
        new Stamp(Long.MAX_VALUE, "0".repeat(32), Long.MAX_VALUE, "0".repeat(16), Long.MAX_VALUE));
  }

  /**
   * Something that happened.
   *
   * @throws IllegalArgumentException if the type is not a fact, a required field is missing or the
   *     event is too long
   */
  public static Event fact(EventType type, Consumer<EventBuilder> content) {
    if (!type.isFact()) {
      throw new IllegalArgumentException(type.wireName() + " is logged as an intent");
    }
    Outcome outcome = type == EventType.REQUEST_DENIED ? Outcome.DENIED : null;
    return new Event(type, "fact", -1, outcome, complete(type, content, Map.of(), true));
  }

  /**
   * Something about to be done.
   *
   * @throws IllegalArgumentException if the type is not an act, a required field is missing or the
   *     event is too long
   */
  public static Event intent(EventType type, Consumer<EventBuilder> content) {
    if (!type.isAct()) {
      throw new IllegalArgumentException(type.wireName() + " cannot be an intent");
    }
    return new Event(type, "intent", -1, null, complete(type, content, Map.of(), true));
  }

  /**
   * How the act announced by this intent ended. Takes over the job, the phase, the protocol and the
   * partner of the intent.
   *
   * @param intentSeq place of the intent in the log
   */
  public Event closedBy(long intentSeq, Outcome how, Consumer<EventBuilder> content) {
    if (!phase.equals("intent")) {
      throw new IllegalStateException("only an intent has an outcome");
    }
    Map<String, Object> inherited = new LinkedHashMap<>();
    for (String name : new String[] {"job", "step", "protocol", "partner"}) {
      if (fields.containsKey(name)) {
        inherited.put(name, fields.get(name));
      }
    }
    EventType closing = type.closedBy(how);
    boolean result = closing != type && how == Outcome.OK;
    return new Event(
        closing, "outcome", intentSeq, how, complete(closing, content, inherited, result));
  }

  /**
   * The outcome of an intent that is known from the log only, for a node that comes up after a
   * crash.
   *
   * @param jobId job of the intent, or null
   * @param attempt attempt at that job
   */
  public static Event interrupted(
      EventType intentType, long intentSeq, String jobId, long attempt) {
    EventBuilder builder = new EventBuilder().reason("node.interrupted");
    if (jobId != null) {
      builder.job(jobId, attempt, null);
    }
    return new Event(
        intentType.closedBy(Outcome.ABORTED),
        "outcome",
        intentSeq,
        Outcome.ABORTED,
        builder.fields());
  }

  /** Type of this event. */
  public EventType type() {
    return type;
  }

  /** Whether this announces an act. */
  public boolean isIntent() {
    return phase.equals("intent");
  }

  /** The bytes of the event at one place in the log: these are the leaf and are never rewritten. */
  public byte[] encode(Stamp stamp) {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("v", VERSION);
    all.put("seq", stamp.seq());
    all.put("id", stamp.id());
    all.put("type", type.wireName());
    all.put("phase", phase);
    if (ref >= 0) {
      all.put("ref", ref);
    }
    if (outcome != null) {
      all.put("outcome", outcome.wireName());
    }
    all.put("time", stamp.timeMillis());
    all.put("boot", stamp.boot());
    all.put("mono", stamp.monotonicNanos());
    all.putAll(fields);
    byte[] bytes = JsonWriter.write(all).getBytes(UTF_8);
    if (bytes.length > MAX_BYTES) {
      throw new IllegalArgumentException(
          "an event has at most " + MAX_BYTES + " bytes, this one has " + bytes.length);
    }
    return bytes;
  }

  /** {@code text} as a JSON string in quotes, escaped as in events: safe to print. */
  public static String quote(String text) {
    return JsonWriter.quote(text);
  }

  private static Map<String, Object> complete(
      EventType type,
      Consumer<EventBuilder> content,
      Map<String, Object> inherited,
      boolean checkRequired) {
    EventBuilder builder = new EventBuilder();
    builder.fields().putAll(inherited);
    content.accept(builder);
    if (checkRequired) {
      for (String name : type.required()) {
        if (!builder.fields().containsKey(name)) {
          throw new IllegalArgumentException("an event " + type.wireName() + " needs " + name);
        }
      }
    }
    return new LinkedHashMap<>(builder.fields());
  }

  /**
   * Place and time of an event.
   *
   * @param seq index of the leaf
   * @param id 32 hex digits
   * @param timeMillis UTC, milliseconds since 1970
   * @param boot identifies the run of the process, 16 hex digits
   * @param monotonicNanos nanoseconds since the start of that run
   */
  public record Stamp(long seq, String id, long timeMillis, String boot, long monotonicNanos) {}
}
