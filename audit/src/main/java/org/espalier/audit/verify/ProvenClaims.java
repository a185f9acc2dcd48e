package org.espalier.audit.verify;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import org.espalier.audit.merkle.Hashing;

/**
 * What a log says, as a partner's node tells it over a line: each claim with the hash of the event
 * that says so and a proof that it is a leaf of the tree whose head the log signed. Of attempts and
 * receipts the event itself is there and must say the same; other events, which hold more than the
 * partner's business, are bound by their hash, for the day on which an auditor reads them.
 */
public final class ProvenClaims {
  /** Most claims in one answer. */
  public static final int MAX = 300;

  /** Younger events are not pruned: longer than the longest time over which a limit counts. */
  public static final Duration LEAST_PRUNED_AGE = Duration.ofDays(100);

  /** How far another clock may be ahead. */
  private static final Duration AHEAD = Duration.ofMinutes(10);

  private static final int MAX_EVENT = EventRules.MAX_BYTES;
  private static final JsonMapper MAPPER = EventRules.MAPPER;

  private ProvenClaims() {}

  /** Whether the event itself goes with a claim of this kind. */
  public static boolean withEvent(Claim.Kind kind) {
    return kind == Claim.Kind.STARTED || kind == Claim.Kind.RECEIPT;
  }

  /**
   * One claim for an answer.
   *
   * @param event bytes of the event
   * @param proof path from its leaf to the root
   */
  public static ObjectNode toJson(Claim claim, byte[] event, List<byte[]> proof) {
    ObjectNode json = toJson(claim);
    if (withEvent(claim.kind())) {
      json.put("event", new String(event, UTF_8));
    } else {
      json.put("leaf", Base64.getEncoder().encodeToString(Hashing.leaf(event)));
    }
    return proven(json, proof);
  }

  /**
   * A claim of an answer as it is kept: what {@link #read} took from it, without what else somebody
   * wrote there.
   *
   * @param claim as it was read
   * @param json what it was read from
   */
  public static ObjectNode kept(Claim claim, JsonNode json) {
    ObjectNode kept = toJson(claim);
    String bound = withEvent(claim.kind()) ? "event" : "leaf";
    kept.put(bound, json.path(bound).asText());
    var path = kept.putArray("proof");
    json.path("proof").forEach(hash -> path.add(hash.asText()));
    return kept;
  }

  private static ObjectNode toJson(Claim claim) {
    return JsonNodeFactory.instance
        .objectNode()
        .put("seq", claim.seq())
        .put("job", claim.job())
        .put("kind", claim.kind().name().toLowerCase(Locale.ROOT))
        .put("attempt", claim.attempt())
        .put("subject", claim.subject())
        .put("value", claim.value())
        .put("outcome", claim.outcome())
        .put("spec", claim.spec())
        .put("time", claim.time());
  }

  /**
   * That the log was pruned, for an answer.
   *
   * @param event bytes of the newest {@code log.pruned}
   * @param proof path from its leaf to the root
   */
  public static ObjectNode pruned(long seq, byte[] event, List<byte[]> proof) {
    return proven(
        JsonNodeFactory.instance
            .objectNode()
            .put("seq", seq)
            .put("event", new String(event, UTF_8)),
        proof);
  }

  private static ObjectNode proven(ObjectNode json, List<byte[]> proof) {
    var path = json.putArray("proof");
    proof.forEach(hash -> path.add(Base64.getEncoder().encodeToString(hash)));
    return json;
  }

  /**
   * Up to when events of a log may have been pruned, by an answer: milliseconds since 1970.
   *
   * @param json what {@link #pruned(long, byte[], List)} made; missing: none were
   * @param head as in {@link #read}
   * @param now of the clock of whoever asked
   * @throws IllegalArgumentException if that is not in the tree, or declares what cannot have been
   *     pruned then
   */
  public static long prunedUntil(JsonNode json, TreeHead head, Instant now) {
    if (json.isMissingNode() || json.isNull()) {
      return -1;
    }
    byte[] event = json.path("event").asText().getBytes(UTF_8);
    JsonNode said = event.length > MAX_EVENT ? json.path("") : parse(event);
    if (!said.path("type").asText().equals("log.pruned")) {
      throw new IllegalArgumentException("what it says of its pruning is no event");
    }
    long seq = natural(said.path("seq"));
    long first = natural(said.at("/pruned/first"));
    long until = natural(said.at("/pruned/until"));
    long time = natural(said.path("time"));
    requireProven(json, seq, Hashing.leaf(event), head);
    if (first <= 0
        || first % StoredFiles.WIDTH != 0
        || first > seq
        || until < 0
        || until > time - LEAST_PRUNED_AGE.toMillis()
        || time > now.plus(AHEAD).toEpochMilli()) {
      throw new IllegalArgumentException(
          "event %d declares what cannot have been pruned then".formatted(seq));
    }
    return until;
  }

  private static long natural(JsonNode value) {
    return value.isIntegralNumber() && value.canConvertToLong() ? value.asLong() : -1;
  }

  /**
   * Reads the claims of an answer.
   *
   * @param head size and root under the log's own signature, which the caller has checked
   * @throws IllegalArgumentException if one is malformed or not proven; says which
   */
  public static List<Claim> read(JsonNode claims, TreeHead head) {
    if (!claims.isArray() || claims.size() > MAX) {
      throw new IllegalArgumentException("the answer holds no list of at most " + MAX);
    }
    List<Claim> all = new ArrayList<>();
    for (JsonNode json : claims) {
      JsonNode seq = json.path("seq");
      if (!seq.isIntegralNumber() || !seq.canConvertToLong()) {
        throw new IllegalArgumentException("a claim without a place");
      }
      try {
        all.add(read(json, seq.asLong(), head));
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException(
            "what it says of event %d %s".formatted(seq.asLong(), e.getMessage()), e);
      }
    }
    return all;
  }

  private static Claim read(JsonNode json, long seq, TreeHead head) {
    Claim.Kind kind = null;
    for (Claim.Kind each : Claim.Kind.values()) {
      if (each.name().toLowerCase(Locale.ROOT).equals(json.path("kind").asText())) {
        kind = each;
      }
    }
    if (kind == null) {
      throw new IllegalArgumentException("is of no known kind");
    }
    Claim claim =
        new Claim(
            seq,
            json.path("job").asText(),
            kind,
            json.path("attempt").asLong(-1),
            json.path("subject").asText(),
            json.path("value").asText(),
            json.path("outcome").asText(),
            json.path("spec").asText(),
            json.path("time").asLong(-1),
            null);
    byte[] leaf;
    if (withEvent(kind)) {
      byte[] event = json.path("event").asText().getBytes(UTF_8);
      if (event.length > MAX_EVENT || !claim.isSaidBy(parse(event))) {
        throw new IllegalArgumentException("is not what that event says");
      }
      leaf = Hashing.leaf(event);
    } else {
      leaf = Texts.base64(json.path("leaf").asText());
    }
    requireProven(json, seq, leaf, head);
    return claim;
  }

  private static void requireProven(JsonNode json, long seq, byte[] leaf, TreeHead head) {
    List<byte[]> path = new ArrayList<>();
    for (JsonNode hash : json.path("proof")) {
      byte[] bytes = Texts.base64(hash.asText());
      if (bytes == null || path.size() >= Proofs.MAX_HASHES) {
        throw new IllegalArgumentException("has no proof");
      }
      path.add(bytes);
    }
    if (leaf == null
        || leaf.length != Hashing.BYTES
        || !Proofs.included(seq, head.size(), leaf, path, head.root())) {
      throw new IllegalArgumentException("is not in the tree that its log signed");
    }
  }

  private static JsonNode parse(byte[] event) {
    try {
      return MAPPER.readTree(event);
    } catch (IOException e) {
      throw new IllegalArgumentException("is no event", e);
    }
  }

  /** Whether a head is one of this log, signed by its key. */
  public static boolean isSigned(TreeHead head, TrustedKey key) {
    return head != null
        && head.origin().equals(key.name())
        && head.note().by(key) == SignedNote.Check.GOOD;
  }

  /**
   * Whether the log that had an earlier head has this one now; false also where the proof is no
   * proof.
   *
   * @param proof hashes in Base64
   */
  public static boolean continues(TreeHead earlier, TreeHead now, JsonNode proof) {
    if (now.size() == earlier.size()) {
      return Arrays.equals(now.root(), earlier.root());
    }
    List<byte[]> path = new ArrayList<>();
    for (JsonNode hash : proof) {
      byte[] bytes = Texts.base64(hash.asText());
      if (bytes == null || path.size() >= Proofs.MAX_HASHES) {
        return false;
      }
      path.add(bytes);
    }
    return Proofs.consistent(earlier.size(), earlier.root(), now.size(), now.root(), path);
  }
}
