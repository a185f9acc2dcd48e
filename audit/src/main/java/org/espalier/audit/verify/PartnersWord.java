package org.espalier.audit.verify;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.espalier.audit.merkle.Hashing;

/**
 * What partners said of the job of an export, held against its events: the receipts that the
 * parties signed, each bound by its digest to the event that took it up, and what a partner's own
 * log holds of it, proven under the key of that log.
 */
final class PartnersWord {
  static final int MAX_RECEIPT = 1 << 20;
  static final int MAX_LOG = 4 << 20;
  static final int MAX_PAGES = 1000;

  /** Bytes of all files of an export that partners had a hand in. */
  static final int MAX_HELD = 64 << 20;

  private static final String RECEIPT = "espalier.audit-receipt/1";
  private static final String LOG = "espalier.audit-partner/1";
  private static final byte[] STATEMENT = "espalier/receipt/1".getBytes(UTF_8);
  private static final byte[] SIGNED = "espalier/statement/1".getBytes(UTF_8);

  /** Files are longer than any event: those of jobs of many parties, and of many receipts. */
  private static final JsonMapper MAPPER = StrictJson.mapper(MAX_LOG, 16, 100);

  /** Whose receipt of which attempt. */
  private record Id(String party, long attempt) implements Comparable<Id> {
    @Override
    public int compareTo(Id other) {
      return Comparator.comparing(Id::party).thenComparingLong(Id::attempt).compare(this, other);
    }

    String words() {
      return "receipt of %s for attempt %d".formatted(party, attempt);
    }
  }

  /** Bytes only: of many, trees would fill the memory. */
  private record Receipt(byte[] statement, byte[] signature, byte[] key) {
    String digest() {
      return digestOf(statement);
    }
  }

  private final String self;
  private final String job;
  private final List<EventRules.Checked> events;
  private final List<TrustedKey> keys;
  private final Findings findings;
  private final TreeMap<Id, Receipt> receipts = new TreeMap<>();
  private final Map<String, byte[]> logs = new HashMap<>();
  private long held;

  /** The events that took up a receipt. */
  private final Map<Id, List<EventRules.Checked>> taken = new TreeMap<>();

  /** With whom the events name a conversation. */
  private final Set<String> heard = new HashSet<>();

  private final Map<String, List<Claim>> claims = new HashMap<>();

  /**
   * @param self whose log the events are from
   * @param events of the job that partners' logs must tell of, too
   * @param keys of partners' logs
   */
  PartnersWord(
      String self,
      String job,
      List<EventRules.Checked> events,
      List<TrustedKey> keys,
      Findings findings) {
    this.self = self;
    this.job = job;
    this.events = events;
    this.keys = keys;
    this.findings = findings;
    for (EventRules.Checked event : events) {
      event.json().path("transcripts").fieldNames().forEachRemaining(heard::add);
      if (isReceipt(event)) {
        taken
            .computeIfAbsent(new Id(partner(event), attempt(event)), id -> new ArrayList<>())
            .add(event);
      }
    }
  }

  /**
   * Takes the file of a receipt.
   *
   * @param file null: longer than any
   */
  void receipt(String party, long attempt, byte[] file) {
    Id id = new Id(party, attempt);
    if (!fits(file)) {
      return;
    }
    JsonNode json = parse(file, RECEIPT);
    byte[] statement = json == null ? null : Texts.base64(json.path("statement").asText());
    byte[] signature = json == null ? null : Texts.base64(json.path("signature").asText());
    byte[] key = json == null ? null : Texts.base64(json.path("key").asText());
    if (statement == null || content(statement) == null || signature == null || key == null) {
      findings.altered(-1, "the " + id.words() + " is none");
    } else {
      receipts.put(id, new Receipt(statement, signature, key));
    }
  }

  /**
   * Takes the file of what a partner's log says.
   *
   * @param file null: longer than any
   */
  void log(String party, byte[] file) {
    if (!fits(file)) {
      return;
    }
    JsonNode json = parse(file, LOG);
    if (json == null || !json.path("pages").isArray() || json.path("pages").size() > MAX_PAGES) {
      findings.altered(-1, "what the log of " + party + " says is not in order");
    } else {
      logs.put(party, file);
    }
  }

  private boolean fits(byte[] file) {
    held += file == null ? 0 : file.length;
    if (held > MAX_HELD) {
      findings.altered(-1, "the archive holds more of what partners said than any export");
    }
    return held <= MAX_HELD;
  }

  /** Holds all of it against the events. */
  void check() {
    receipts.forEach(this::check);
    Set<String> partners = new TreeSet<>(logs.keySet());
    taken.keySet().forEach(id -> partners.add(id.party));
    keys.forEach(key -> partners.add(Reconciler.party(key.name())));
    for (String partner : partners) {
      log(partner);
    }
  }

  // ---- receipts -------------------------------------------------------------------------------

  private void check(Id id, Receipt receipt) {
    JsonNode content = content(receipt.statement);
    if (!content.path("party").asText().equals(id.party)
        || !content.path("job").asText().equals(job)
        || content.path("attempt").asLong(-1) != id.attempt) {
      findings.altered(-1, "the " + id.words() + " is one for something else");
      return;
    }
    if (!isSigned(receipt)) {
      findings.altered(-1, "the signature of the " + id.words() + " is wrong");
      return;
    }
    if (id.party.equals(self)) {
      conversations(id, content);
      return;
    }
    List<EventRules.Checked> all = taken.getOrDefault(id, List.of());
    EventRules.Checked event =
        all.stream()
            .filter(e -> e.json().path("receipt").asText().equals(receipt.digest()))
            .findFirst()
            .orElse(null);
    if (event == null) {
      findings.altered(
          all.isEmpty() ? -1 : all.get(0).seq(),
          "the %s is not the one that the log took up".formatted(id.words()));
      return;
    }
    String pinned = event.json().path("partner").path("key").asText();
    if (pinned.isEmpty()) {
      findings.remark(
          "who signed the %s was not checked: event %d names no key of %s"
              .formatted(id.words(), event.seq(), id.party));
    } else if (!pinned.equals(digestOf(receipt.key))) {
      findings.add(
          Verdict.KEY_NOT_TRUSTED,
          event.seq(),
          "the %s is signed by another key than that of %s in event %d"
              .formatted(id.words(), id.party, event.seq()));
      return;
    }
    if (conversations(id, content) && !pinned.isEmpty()) {
      findings.remark(
          "%s signed the same hashes for attempt %d, by the identity key %s"
              .formatted(id.party, id.attempt, pinned));
    }
  }

  /** Whether a receipt names the conversations that the events name, and no others. */
  private boolean conversations(Id id, JsonNode content) {
    Set<String> partners = new TreeSet<>();
    if (id.party.equals(self)) {
      content
          .path("transcripts")
          .forEach(phase -> phase.fieldNames().forEachRemaining(partners::add));
    } else {
      partners.add(id.party);
    }
    for (String partner : partners) {
      if (!heard.contains(partner)) {
        findings.missing(
            -1,
            "the %s names a conversation of %s and %s, which no event does"
                .formatted(id.words(), self, Texts.shown(partner)));
        return false;
      }
      Map<String, Set<String>> logged = new TreeMap<>();
      for (Claim claim : claims(partner)) {
        if (claim.kind() == Claim.Kind.PHASE
            && claim.attempt() == id.attempt
            && !claim.value().isEmpty()) {
          logged.computeIfAbsent(claim.subject(), step -> new HashSet<>()).add(claim.value());
        }
      }
      Map<String, String> signed = new TreeMap<>();
      content
          .path("transcripts")
          .properties()
          .forEach(
              phase -> {
                JsonNode hash = phase.getValue().path(id.party.equals(self) ? partner : self);
                if (!hash.isMissingNode()) {
                  signed.put(phase.getKey(), "sha256:" + hash.asText());
                }
              });
      for (Map.Entry<String, String> phase : signed.entrySet()) {
        Set<String> hashes = logged.get(phase.getKey());
        if (hashes == null) {
          findings.missing(
              -1,
              "the %s names a conversation of %s and %s in phase %s, which no event does"
                  .formatted(id.words(), self, partner, Texts.shown(phase.getKey())));
          return false;
        }
        if (!hashes.contains(phase.getValue())) {
          findings.altered(
              -1,
              "the %s names another conversation of %s and %s in phase %s than the events"
                  .formatted(id.words(), self, partner, Texts.shown(phase.getKey())));
          return false;
        }
      }
      if (!signed.keySet().containsAll(logged.keySet())) {
        findings.altered(
            -1,
            "the %s names fewer conversations of %s and %s than the events"
                .formatted(id.words(), self, partner));
        return false;
      }
    }
    return true;
  }

  private List<Claim> claims(String partner) {
    return claims.computeIfAbsent(
        partner,
        party -> {
          Claims read = new Claims(party);
          events.forEach(event -> read.add(event.seq(), event.json()));
          return read.all();
        });
  }

  // ---- partners' logs -------------------------------------------------------------------------

  /** What the log of a partner says of this party's receipts. */
  private void log(String partner) {
    Map<String, TrustedKey> trusted = new HashMap<>();
    keys.stream()
        .filter(key -> Reconciler.party(key.name()).equals(partner))
        .forEach(key -> trusted.put(key.name(), key));
    if (trusted.isEmpty()) {
      findings.remark("not checked: what the log of %s says of it (--partner)".formatted(partner));
      return;
    }
    Map<Long, Set<String>> said = new TreeMap<>();
    JsonNode file = logs.containsKey(partner) ? parse(logs.get(partner), LOG) : MAPPER.nullNode();
    for (JsonNode page : file.path("pages")) {
      TreeHead head = TreeHead.checkpoint(page.path("checkpoint").asText().getBytes(UTF_8));
      if (head == null || !Reconciler.party(head.origin()).equals(partner)) {
        findings.altered(-1, "what the log of " + partner + " says has no checkpoint of it");
        return;
      }
      TrustedKey key = trusted.get(head.origin());
      if (key == null) {
        findings.remark("not checked: what the log %s says of it".formatted(head.origin()));
        continue;
      }
      if (!ProvenClaims.isSigned(head, key)) {
        findings.add(
            Verdict.KEY_NOT_TRUSTED,
            -1,
            "what the log of %s says is not signed by the trusted key %s"
                .formatted(partner, Texts.shown(key.toString())));
        return;
      }
      if (!read(partner, page, head, said)) {
        return;
      }
    }
    // What both have concluded: this party took up the partner's receipt of these attempts.
    Set<Long> attempts = new TreeSet<>();
    for (Id id : taken.keySet()) {
      if (id.party.equals(partner)) {
        attempts.add(id.attempt);
      }
    }
    boolean nothing = attempts.isEmpty();
    for (long attempt : attempts) {
      Receipt own = receipts.get(new Id(self, attempt));
      if (own == null || !said.containsKey(attempt)) {
        nothing = true;
      } else if (!said.get(attempt).contains(own.digest())) {
        findings.altered(
            -1,
            "the log of %s holds another receipt of %s for attempt %d than this export"
                .formatted(partner, self, attempt));
      } else {
        findings.remark(
            "the log of %s, under its own key, holds the same hashes for attempt %d, by the digest of"
                    .formatted(partner, attempt)
                + " what this party signed");
      }
    }
    if (nothing) {
      findings.add(
          Verdict.WITNESSES,
          -1,
          "the export does not hold what the log of %s says of every attempt, which is asked for"
              .formatted(partner));
    }
  }

  /** Reads one page; returns whether it is in order. */
  private boolean read(String partner, JsonNode page, TreeHead head, Map<Long, Set<String>> said) {
    List<Claim> proven;
    try {
      proven = ProvenClaims.read(page.path("claims"), head);
    } catch (IllegalArgumentException e) {
      findings.altered(-1, "the log of %s: %s".formatted(partner, e.getMessage()));
      return false;
    }
    for (Claim claim : proven) {
      if (!claim.job().equals(job)) {
        findings.altered(-1, "what the log of " + partner + " says is of another job");
        return false;
      }
      if (claim.kind() == Claim.Kind.RECEIPT && claim.subject().equals(self)) {
        said.computeIfAbsent(claim.attempt(), attempt -> new HashSet<>()).add(claim.value());
      }
    }
    for (Claim claim : claims(partner)) {
      Claim.Stated stated = claim.stated();
      if (stated != null && stated.origin().equals(head.origin()) && stated.size() > head.size()) {
        findings.missing(
            claim.seq(),
            "the log of %s had %d events by its receipt (event %d), and has %d here"
                .formatted(partner, stated.size(), claim.seq(), head.size()));
        return false;
      }
    }
    return true;
  }

  // ---- forms ----------------------------------------------------------------------------------

  private static boolean isReceipt(EventRules.Checked event) {
    return event.type().equals("receipt") && !event.phase().equals("intent");
  }

  private static String partner(EventRules.Checked event) {
    return event.json().path("partner").path("id").asText();
  }

  private static long attempt(EventRules.Checked event) {
    return event.json().path("job").path("attempt").asLong();
  }

  private static JsonNode parse(byte[] file, String schema) {
    try {
      JsonNode json = file == null ? null : MAPPER.readTree(file);
      return json != null && json.path("schema").asText().equals(schema) ? json : null;
    } catch (IOException e) {
      return null;
    }
  }

  /** What a statement of a receipt says; null if it is none. */
  private static JsonNode content(byte[] statement) {
    ByteBuffer rest = ByteBuffer.wrap(statement);
    byte[] domain = next(rest);
    byte[] json = next(rest);
    if (domain == null
        || !Arrays.equals(domain, STATEMENT)
        || json == null
        || rest.hasRemaining()) {
      return null;
    }
    return ReceiptContent.read(json);
  }

  private static byte[] next(ByteBuffer rest) {
    int length = rest.remaining() < Integer.BYTES ? -1 : rest.getInt();
    if (length < 0 || length > rest.remaining()) {
      return null;
    }
    byte[] bytes = new byte[length];
    rest.get(bytes);
    return bytes;
  }

  private static boolean isSigned(Receipt receipt) {
    ByteArrayOutputStream framed = new ByteArrayOutputStream();
    for (byte[] part : List.of(SIGNED, receipt.statement)) {
      framed.writeBytes(ByteBuffer.allocate(Integer.BYTES).putInt(part.length).array());
      framed.writeBytes(part);
    }
    try {
      Signature verifier = Signature.getInstance("Ed25519");
      verifier.initVerify(
          KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(receipt.key)));
      verifier.update(framed.toByteArray());
      return verifier.verify(receipt.signature);
    } catch (GeneralSecurityException e) {
      return false; // no key, or a signature of the wrong form
    }
  }

  private static String digestOf(byte[] bytes) {
    return "sha256:" + HexFormat.of().formatHex(Hashing.sha256(bytes));
  }
}
