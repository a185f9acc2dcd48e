package org.espalier.node;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Locale;
import java.util.Optional;
import org.espalier.wire.Party;
import org.espalier.wire.Printable;

/**
 * Something that a person must act on: what happened, at which party, why, and the next command.
 *
 * <p>{@link #what()} may be told to partners. {@link #detail()} may quote the own data or paths and
 * stays on this node.
 */
public final class Problem extends RuntimeException {
  /** The kinds are the exit codes of the command line, documented in {@code docs/cli.md}. */
  public enum Kind {
    INTERNAL(1),
    USAGE(2),
    NODE_DOWN(3),
    REFUSED(4),
    NOT_FOUND(5),
    WRONG_STATE(6),
    PARTNER(7),
    JOB_FAILED(8);

    private final int exitCode;

    Kind(int exitCode) {
      this.exitCode = exitCode;
    }

    public int exitCode() {
      return exitCode;
    }

    /** For logs and partners' programs, such as {@code wrong-state}. */
    public String code() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  private final Kind kind;
  private final transient Party party;
  private final String detail;
  private final String next;

  private Problem(
      Kind kind, String what, Party party, String detail, String next, Throwable cause) {
    super(what, cause);
    this.kind = kind;
    this.party = party;
    this.detail = detail;
    this.next = next;
  }

  public static Problem of(Kind kind, String what) {
    return new Problem(kind, what, null, null, null, null);
  }

  /** A file, value or job that cannot be accepted as it is. */
  public static Problem refused(String what) {
    return of(Kind.REFUSED, what);
  }

  public static Problem notFound(String what) {
    return of(Kind.NOT_FOUND, what);
  }

  public static Problem wrongState(String what) {
    return of(Kind.WRONG_STATE, what);
  }

  /** The party where it arose and whose operator can act. */
  public Problem at(Party where) {
    return new Problem(kind, what(), where, detail, next, getCause());
  }

  /** More for the local operator only. */
  public Problem detail(String local) {
    return new Problem(kind, what(), party, local, next, getCause());
  }

  /** The command that helps. */
  public Problem next(String command) {
    return new Problem(kind, what(), party, detail, command, getCause());
  }

  public Problem because(Throwable cause) {
    return new Problem(kind, what(), party, detail, next, cause);
  }

  public Kind kind() {
    return kind;
  }

  public String what() {
    return getMessage();
  }

  public Optional<Party> party() {
    return Optional.ofNullable(party);
  }

  public Optional<String> detail() {
    return Optional.ofNullable(detail);
  }

  public Optional<String> next() {
    return Optional.ofNullable(next);
  }

  /**
   * Keys {@code kind}, {@code what} and, where known, {@code party}, {@code detail}, {@code next}.
   */
  public ObjectNode toJson() {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("kind", kind.name().toLowerCase(Locale.ROOT));
    json.put("what", what());
    if (party != null) {
      json.put("party", party.name());
    }
    if (detail != null) {
      json.put("detail", detail);
    }
    if (next != null) {
      json.put("next", next);
    }
    return json;
  }

  /** What a partner may read: without {@link #detail()} and {@link #next()}. */
  public ObjectNode toPublicJson() {
    ObjectNode json = toJson();
    json.remove("detail");
    json.remove("next");
    return json;
  }

  /** Reads {@link #toJson}, also from a partner: strings are made printable and bounded. */
  public static Problem fromJson(JsonNode json) {
    Kind kind = Kind.INTERNAL;
    for (Kind candidate : Kind.values()) {
      if (candidate.name().equalsIgnoreCase(json.path("kind").asText())) {
        kind = candidate;
      }
    }
    Party party = null;
    try {
      party = json.hasNonNull("party") ? new Party(json.get("party").asText()) : null;
    } catch (IllegalArgumentException notAName) {
      // A partner wrote nonsense where its name belongs: the rest is still worth showing.
    }
    return new Problem(
        kind,
        text(json, "what", "unknown"),
        party,
        text(json, "detail", null),
        text(json, "next", null),
        null);
  }

  private static String text(JsonNode json, String key, String otherwise) {
    if (!json.hasNonNull(key)) {
      return otherwise;
    }
    String s = Printable.of(json.get(key).asText());
    return s.length() > 2000 ? s.substring(0, 2000) : s;
  }
}
