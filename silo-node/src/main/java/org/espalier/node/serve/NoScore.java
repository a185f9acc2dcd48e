package org.espalier.node.serve;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Locale;
import java.util.Optional;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.wire.Party;

/** Why there is no score: what happened, where, and what helps. */
final class NoScore extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** The kinds and their HTTP statuses, documented in {@code docs/serving.md}. */
  enum Kind {
    MALFORMED(400),
    TOKEN(401),
    REFUSED(403),
    UNKNOWN_SERVING(404),
    UNKNOWN_PERSON(404),
    NO_SUCH_PATH(404),
    AMBIGUOUS_PERSON(409),
    REQUEST_ID(409),
    TOO_LARGE(413),
    QUOTA(429),
    UNAVAILABLE(503),
    INTERNAL(500);

    private final int status;

    Kind(int status) {
      this.status = status;
    }

    int status() {
      return status;
    }

    String code() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final Kind kind;
  private final transient Party party;
  private final String next;

  NoScore(Kind kind, Party party, String what, String next) {
    super(what, null, false, false);
    this.kind = kind;
    this.party = party;
    this.next = next;
  }

  static NoScore malformed(String what) {
    return new NoScore(Kind.MALFORMED, null, what, "docs/serving.md has an example");
  }

  /** What a partner refused, or that it cannot be reached. */
  static NoScore of(Party partner, String serving, Problem problem) {
    return switch (problem.kind()) {
      case REFUSED ->
          new NoScore(Kind.REFUSED, partner, problem.what(), "talk to the operator of " + partner);
      case NOT_FOUND, WRONG_STATE ->
          new NoScore(
              Kind.UNAVAILABLE,
              partner,
              problem.what(),
              "silo serve start " + serving + " at " + partner);
      default ->
          new NoScore(
              Kind.UNAVAILABLE,
              partner,
              problem.what(),
              "try again; if it stays so, silo doctor " + partner);
    };
  }

  Kind kind() {
    return kind;
  }

  Optional<Party> party() {
    return Optional.ofNullable(party);
  }

  /** Keys {@code kind}, {@code what} and, where known, {@code party} and {@code next}. */
  ObjectNode toJson() {
    ObjectNode json = Json.object().put("kind", kind.code());
    json.put("what", getMessage());
    if (party != null) {
      json.put("party", party.name());
    }
    if (next != null) {
      json.put("next", next);
    }
    return json;
  }
}
