package org.espalier.audit.event;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.espalier.audit.merkle.Hashing;

/**
 * Collects the fields of one event. Parts that may be unknown may be null and are left out.
 *
 * <p>Never put record identifiers, feature values, residuals, keys, tokens or raw exception text
 * into an event. Digests of small or guessable data are reversed by trying all values, so they are
 * {@code hmac-sha256:} under a per-data-set key; digests of large public data are {@code sha256:}.
 *
 * <p>Every method throws {@link IllegalArgumentException} for a text longer than 2,000 characters,
 * a digest or a code that is not written as one, or a negative number.
 */
public final class EventBuilder {
  /** Longest text in one field, in characters. */
  public static final int MAX_TEXT = 2_000;

  private static final Pattern DIGEST = Pattern.compile("(sha256|hmac-sha256):[0-9a-f]{64}");
  private static final Pattern CODE = Pattern.compile("[a-z0-9][a-z0-9._-]{0,127}");

  private final Map<String, Object> fields = new LinkedHashMap<>();

  EventBuilder() {}

  // What

  /** Name of the phase of a job, such as {@code align} or {@code train}. */
  public EventBuilder step(String name) {
    return put("step", code(name));
  }

  /** Code of the reason of an outcome, such as {@code partner.unreachable}. */
  public EventBuilder reason(String code) {
    return put("reason", code(code));
  }

  /** Identifier of the policy rule that decided. */
  public EventBuilder rule(String id) {
    return put("rule", code(id));
  }

  /** Digest of the value before a change. */
  public EventBuilder before(String digest) {
    return put("before", digest(digest));
  }

  /** Digest of the value after a change. */
  public EventBuilder after(String digest) {
    return put("after", digest(digest));
  }

  /** The command, such as {@code job approve}, and its arguments without secrets. */
  public EventBuilder command(String name, Map<String, ?> arguments) {
    return put("command", group().with("name", text(name)).with("arguments", copy(arguments)));
  }

  /** Number of like requests within a window of milliseconds. */
  public EventBuilder requests(long count, long windowMillis) {
    return put(
        "requests", group().with("count", natural(count)).with("window_ms", natural(windowMillis)));
  }

  // When

  /** State of the clock: its source, offset to that source in milliseconds, and if it is synced. */
  public EventBuilder clock(String source, long offsetMillis, boolean synced) {
    return put(
        "clock",
        group()
            .with("source", text(source))
            .with("offset_ms", offsetMillis)
            .with("synced", synced));
  }

  // Who

  /** Who acts. */
  public EventBuilder actor(Actor actor) {
    return put(
        "actor",
        group()
            .with("kind", actor.kind().wireName())
            .with("pseudonym", text(actor.pseudonym()))
            .with("auth", text(actor.auth()))
            .with("key", digest(actor.keyFingerprint()))
            .with("session", text(actor.session()))
            .with("address", text(actor.address())));
  }

  /**
   * One approval by a party: what the signature means, such as {@code approve}, and the signature
   * itself in Base64. Repeatable.
   */
  public EventBuilder approval(String party, String meaning, String signature) {
    return add(
        "approvals",
        group()
            .with("pseudonym", text(party))
            .with("meaning", text(meaning))
            .with("signature", text(signature)));
  }

  /**
   * One approval by a person. Repeatable, also beside those of parties.
   *
   * @param pseudonym of a {@code PersonStore}
   */
  public EventBuilder personApproval(String pseudonym, String meaning, String signature) {
    return approval(Pseudonyms.require(pseudonym), meaning, signature);
  }

  /** The node: its name and the digests of build, configuration and policy. */
  public EventBuilder node(String id, String build, String config, String policy) {
    return put(
        "node",
        group()
            .with("id", text(id))
            .with("build", digest(build))
            .with("config", digest(config))
            .with("policy", digest(policy)));
  }

  // Why

  /** Code of the purpose of processing. */
  public EventBuilder purpose(String code) {
    return put("purpose", code(code));
  }

  /** Legal basis, such as {@code gdpr-6-1-f}. */
  public EventBuilder legalBasis(String code) {
    return put("legal_basis", code(code));
  }

  /** The agreement with the partners. */
  public EventBuilder agreement(String id, String digest) {
    return put("agreement", group().with("id", text(id)).with("digest", digest(digest)));
  }

  /** Reference of the data protection impact assessment. */
  public EventBuilder dpia(String reference) {
    return put("dpia", text(reference));
  }

  /** Categories of people concerned. */
  public EventBuilder dataSubjects(List<String> categories) {
    return put("data_subjects", texts(categories));
  }

  /** Categories of personal data. */
  public EventBuilder dataCategories(List<String> categories) {
    return put("data_categories", texts(categories));
  }

  /** Transfer to another country and its safeguard. */
  public EventBuilder transfer(String country, String safeguard) {
    return put(
        "transfer", group().with("country", text(country)).with("safeguard", text(safeguard)));
  }

  /** Class that says how long the event is kept. */
  public EventBuilder retention(String code) {
    return put("retention", code(code));
  }

  // With whom

  /** The partner: its name, fingerprint of its identity key, country. */
  public EventBuilder partner(String id, String keyFingerprint, String country) {
    return put(
        "partner",
        group()
            .with("id", text(id))
            .with("key", digest(keyFingerprint))
            .with("country", text(country)));
  }

  /** Who receives what is revealed. */
  public EventBuilder recipients(List<String> parties) {
    return put("recipients", texts(parties));
  }

  /** Identifier of the partner's event about the same act. */
  public EventBuilder peerEvent(String id) {
    return put("peer_event", text(id));
  }

  /** For each partner the hash of the conversation with it; empty if none was needed. */
  public EventBuilder transcripts(Map<String, String> digests) {
    digests.values().forEach(EventBuilder::digest);
    return put("transcripts", copy(digests));
  }

  /** Digest of the statement that the partner signed about the job. */
  public EventBuilder receipt(String digest) {
    return put("receipt", digest(digest));
  }

  /** The partner's newest signed tree head. */
  public EventBuilder peerCheckpoint(String origin, long size, String rootBase64) {
    return put(
        "peer_checkpoint",
        group()
            .with("origin", text(origin))
            .with("size", natural(size))
            .with("root", text(rootBase64)));
  }

  /** Bytes sent to and received from the partners. */
  public EventBuilder traffic(long sentBytes, long receivedBytes) {
    return put(
        "traffic",
        group().with("sent", natural(sentBytes)).with("received", natural(receivedBytes)));
  }

  // On what

  /** The job: its name, the attempt (0 if it is of none) and the digest of its specification. */
  public EventBuilder job(String id, long attempt, String specDigest) {
    return put(
        "job",
        group()
            .with("id", text(id))
            .with("attempt", natural(attempt) == 0 ? null : attempt)
            .with("spec", digest(specDigest)));
  }

  /**
   * The protocol, its version, and the algorithm and parameters actually run. Parameters are
   * strings, integers, booleans, lists and maps of these; a double or BigDecimal is stored as its
   * decimal text.
   */
  public EventBuilder protocol(
      String name, String version, String algorithm, Map<String, ?> parameters) {
    return put(
        "protocol",
        group()
            .with("name", text(name))
            .with("version", text(version))
            .with("algorithm", text(algorithm))
            .with("parameters", copy(parameters)));
  }

  /**
   * A data set that is read. Repeatable.
   *
   * @param rowsBucket number of rows as a bucket, such as {@code 10k-20k}
   * @param commitment keyed digest of the content
   */
  public EventBuilder input(
      String dataset,
      String version,
      String schemaDigest,
      List<String> columns,
      String rowsBucket,
      String commitment) {
    return add(
        "inputs",
        group()
            .with("dataset", text(dataset))
            .with("version", text(version))
            .with("schema", digest(schemaDigest))
            .with("columns", texts(columns))
            .with("rows", text(rowsBucket))
            .with("commitment", digest(commitment)));
  }

  /**
   * Something produced or revealed. Repeatable.
   *
   * @param kind such as {@code model_slice}, {@code metrics}, {@code predictions}
   * @param scalarsRevealed how many numbers the recipients learn
   */
  public EventBuilder output(
      String kind,
      String digest,
      String rowsBucket,
      long scalarsRevealed,
      List<String> recipients) {
    return add(
        "outputs",
        group()
            .with("kind", code(kind))
            .with("digest", digest(digest))
            .with("rows", text(rowsBucket))
            .with("scalars", natural(scalarsRevealed))
            .with("recipients", texts(recipients)));
  }

  /** Rows touched, as a bucket such as {@code 10k-20k}. */
  public EventBuilder rows(String bucket) {
    return put("rows", text(bucket));
  }

  /** Differential privacy spent here and in sum, as decimal text. */
  public EventBuilder privacy(String epsilon, String delta, String cumulativeEpsilon) {
    return put(
        "privacy",
        group()
            .with("eps", text(epsilon))
            .with("delta", text(delta))
            .with("cumulative", text(cumulativeEpsilon)));
  }

  // The log itself

  /** Size and root of the tree before this event. */
  public EventBuilder tree(long size, String rootBase64) {
    return put("tree", group().with("size", natural(size)).with("root", text(rootBase64)));
  }

  /** Digest of a time-stamping authority's token, and the time in it. */
  public EventBuilder stamp(String digest, long timeMillis) {
    return put("stamp", group().with("digest", digest(digest)).with("time", natural(timeMillis)));
  }

  /**
   * What is exported: of the first {@code through} events of the log those of one job, their number
   * and SHA-256 over their leaf hashes in order.
   */
  public EventBuilder export(long through, long count, String digest) {
    return put(
        "export",
        group()
            .with("through", natural(through))
            .with("count", natural(count))
            .with("digest", digest(digest)));
  }

  /**
   * What is removed from the files of the log: all entries before {@code first}, the newest of
   * which is of {@code untilMillis}, but {@code kept} of them that stay word by word, with SHA-256
   * over their leaf hashes in order.
   */
  public EventBuilder pruned(long first, long untilMillis, long kept, String digest) {
    return put(
        "pruned",
        group()
            .with("first", natural(first))
            .with("until", natural(untilMillis))
            .with("kept", natural(kept))
            .with("digest", digest(digest)));
  }

  /** Whose pseudonym loses its key, and how many events hold it. */
  public EventBuilder erasure(String pseudonym, long events) {
    return put(
        "erasure",
        group().with("pseudonym", Pseudonyms.require(pseudonym)).with("events", natural(events)));
  }

  /** {@code sha256:} and the hash of {@code data} in hex. Not for guessable data. */
  public static String sha256(byte[] data) {
    return sha256Text(Hashing.sha256(data));
  }

  /** {@code sha256:} and an existing hash of 32 bytes in hex. */
  public static String sha256Text(byte[] hash) {
    return digest("sha256:" + HexFormat.of().formatHex(hash));
  }

  /** {@code hmac-sha256:} and an existing keyed hash of 32 bytes in hex. */
  public static String hmacText(byte[] keyedHash) {
    return digest("hmac-sha256:" + HexFormat.of().formatHex(keyedHash));
  }

  /**
   * A number of rows as a bucket: {@code 0} to {@code 9} as they are, then steps of 1, 2 and 5,
   * such as {@code 10-19}, {@code 20-49}, {@code 50-99}, {@code 100-199}. At most 10^15 rows.
   */
  public static String bucket(long rows) {
    if (rows > 1_000_000_000_000_000L) {
      throw new IllegalArgumentException("no data set has " + rows + " rows");
    }
    if (natural(rows) < 10) {
      return Long.toString(rows);
    }
    long unit = 1;
    while (rows / unit >= 10) {
      unit *= 10;
    }
    long digit = rows / unit;
    if (digit >= 5) {
      return 5 * unit + "-" + (10 * unit - 1);
    }
    return digit >= 2 ? 2 * unit + "-" + (5 * unit - 1) : unit + "-" + (2 * unit - 1);
  }

  /**
   * {@code text} cut to {@code max} characters with an ellipsis: for values that a stranger chose
   * and that may not make the record of its own denial impossible.
   */
  public static String clip(String text, int max) {
    return text.length() <= max ? text : text.substring(0, max - 1) + "\u2026";
  }

  Map<String, Object> fields() {
    return fields;
  }

  private EventBuilder put(String name, Object value) {
    if (value != null) {
      fields.put(name, value);
    }
    return this;
  }

  private EventBuilder add(String name, Group element) {
    List<Object> list = new ArrayList<>();
    if (fields.get(name) instanceof List<?> earlier) {
      list.addAll(earlier);
    }
    list.add(element);
    fields.put(name, list);
    return this;
  }

  private static Group group() {
    return new Group();
  }

  private static String text(String text) {
    if (text != null && text.length() > MAX_TEXT) {
      throw new IllegalArgumentException(
          "a text in an event has at most "
              + MAX_TEXT
              + " characters, this one has "
              + text.length());
    }
    return text;
  }

  private static List<String> texts(List<String> texts) {
    if (texts != null) {
      texts.forEach(EventBuilder::text);
    }
    return texts == null ? null : List.copyOf(texts);
  }

  private static String code(String code) {
    if (code != null && !CODE.matcher(code).matches()) {
      throw new IllegalArgumentException(
          "a code matches " + CODE.pattern() + ": " + JsonWriter.quote(clip(code, 40)));
    }
    return code;
  }

  private static String digest(String digest) {
    if (digest != null && !DIGEST.matcher(digest).matches()) {
      throw new IllegalArgumentException(
          "a digest matches " + DIGEST.pattern() + ": " + JsonWriter.quote(clip(digest, 80)));
    }
    return digest;
  }

  private static Long natural(long number) {
    if (number < 0) {
      throw new IllegalArgumentException("a count in an event is negative: " + number);
    }
    return number;
  }

  private static Map<String, ?> copy(Map<String, ?> map) {
    return map == null ? null : copy(map, 0);
  }

  private static Map<String, Object> copy(Map<?, ?> map, int depth) {
    Map<String, Object> copy = new LinkedHashMap<>();
    map.forEach(
        (name, value) -> {
          if (value != null) {
            copy.put(text(String.valueOf(name)), copy(value, depth + 1));
          }
        });
    return Collections.unmodifiableMap(copy);
  }

  private static Object copy(Object value, int depth) {
    if (depth > JsonWriter.MAX_DEPTH) {
      throw new IllegalArgumentException(
          "an event nests at most " + JsonWriter.MAX_DEPTH + " objects or lists");
    }
    if (value instanceof Map<?, ?> map) {
      return copy(map, depth);
    }
    if (value instanceof List<?> list) {
      List<Object> copy = new ArrayList<>();
      for (Object element : list) {
        if (element != null) {
          copy.add(copy(element, depth + 1));
        }
      }
      return Collections.unmodifiableList(copy);
    }
    return value instanceof String string ? text(string) : value;
  }

  /** A JSON object that leaves out what is null. */
  private static final class Group extends LinkedHashMap<String, Object> {
    private Group with(String name, Object value) {
      if (value != null) {
        put(name, value);
      }
      return this;
    }
  }
}
