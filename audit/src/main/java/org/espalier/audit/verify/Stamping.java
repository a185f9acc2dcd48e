package org.espalier.audit.verify;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.BiConsumer;

/**
 * What time-stamping authorities say of a log, by the tokens that lie beside it.
 *
 * <p>A token says that a tree was there at a time: no event of it is dated later. That the token
 * came is an event itself ({@code checkpoint.stamped}, with the token's digest), so this and all
 * later events were written after that time: none is dated earlier. And as later trees hold the
 * digests of earlier tokens, a later token renews the earlier ones before their certificates end.
 */
final class Stamping {
  private static final String FOLDER = "stamped/";
  private static final int MAX_NOTE = 64 * 1024;
  private static final int MAX_FILES = 100_000;

  /** How far the clocks of a node and an authority may be apart, and a request may take. */
  private static final Duration TOLERANCE = Duration.ofMinutes(10);

  /**
   * A token.
   *
   * @param stamp null: not checked, because no authority is trusted
   */
  private record Token(TreeHead tree, String digest, TimeStamp stamp) {}

  private final TimeStampTrust trust;
  private final Duration grace;
  private StoredFiles files;
  private TrustedKey log;
  private Instant now;
  private final Map<String, Token> tokens = new HashMap<>();
  private final Map<Long, byte[]> roots = new HashMap<>();
  private final TreeSet<Long> wanted = new TreeSet<>();

  /** Places of the events that name a token. */
  private final Map<String, Long> places = new HashMap<>();

  /** Valid ones by size, and the earliest time of those from each. */
  private List<Token> timed = List.of();

  private Instant[] earliestFrom = {};
  private int next;
  private Instant after = Instant.MIN;
  private long covered;
  private long oldestUnstamped = Long.MAX_VALUE;
  private boolean contradicted;

  /**
   * @param trust null: tokens are not checked
   * @param grace events that are younger need not be stamped
   */
  Stamping(TimeStampTrust trust, Duration grace) {
    this.trust = trust;
    this.grace = grace;
  }

  /** Reads what lies beside the log of a key. */
  void open(StoredFiles stored, TrustedKey key, Instant at, Findings findings) throws IOException {
    files = stored;
    log = key;
    now = at;
    for (String name : files.names(FOLDER, "[0-9]{15}\\.checkpoint", MAX_FILES)) {
      read(FOLDER + name.substring(0, name.indexOf('.')), findings);
    }
    tokens.values().forEach(token -> wanted.add(token.tree().size()));
    timed =
        tokens.values().stream()
            .filter(token -> token.stamp() != null)
            .sorted(Comparator.comparingLong(token -> token.tree().size()))
            .toList();
    earliestFrom = new Instant[timed.size()];
    for (int i = timed.size() - 1; i >= 0; i--) {
      Instant time = timed.get(i).stamp().time();
      boolean later = i + 1 < timed.size() && earliestFrom[i + 1].isBefore(time);
      earliestFrom[i] = later ? earliestFrom[i + 1] : time;
    }
    covered = timed.isEmpty() ? 0 : timed.get(timed.size() - 1).tree().size();
  }

  private void read(String path, Findings findings) throws IOException {
    byte[] note = files.read(path + ".checkpoint", MAX_NOTE);
    byte[] token = files.read(path + ".tst", TimeStamp.MAX_BYTES);
    TreeHead head = note == null ? null : TreeHead.checkpoint(note);
    if (!ProvenClaims.isSigned(head, log)) {
      findings.altered(-1, "the file " + path + ".checkpoint is not signed by the log");
    } else if (token == null) {
      findings.missing(-1, "the time stamp " + path + ".tst is missing");
    } else {
      add(path, head, token, findings);
    }
  }

  private void add(String path, TreeHead head, byte[] token, Findings findings) {
    String digest = TimeStamp.digest(token);
    if (trust == null) {
      tokens.put(digest, new Token(head, digest, null));
      return;
    }
    try {
      TimeStamp stamp = TimeStamp.check(token, head.note().text().getBytes(UTF_8), trust);
      if (stamp.time().isAfter(now.plus(TOLERANCE))) {
        findings.add(
            Verdict.TIME,
            -1,
            "the time stamp %s.tst is of %s, still to come".formatted(path, stamp.time()));
      } else {
        tokens.put(digest, new Token(head, digest, stamp));
      }
    } catch (TimeStamp.InvalidException e) {
      findings.altered(-1, "the time stamp " + path + ".tst " + e.getMessage());
    }
  }

  /** Keeps the root where one is needed. */
  void mark(Tree tree) {
    if (wanted.contains(tree.size())) {
      roots.put(tree.size(), tree.root());
    }
  }

  /** An event that says that a token came. */
  void named(long seq, JsonNode event, Findings findings) throws IOException {
    String digest = event.path("stamp").path("digest").asText();
    Token token = tokens.get(digest);
    String path = FOLDER + "%015d".formatted(event.path("tree").path("size").asLong(-1));
    if (token == null && files.read(path + ".checkpoint", MAX_NOTE) != null) {
      // A running node has got it since the list was made. It says nothing of dates yet: the list
      // is in order already.
      Map<String, Token> listed = new HashMap<>(tokens);
      read(path, new Findings());
      token = tokens.get(digest);
      tokens.clear();
      tokens.putAll(listed);
    }
    if (token == null) {
      if (findings.isEmpty()) {
        // Otherwise the token itself was found wanting.
        findings.missing(seq, "the time stamp that event " + seq + " names is missing");
      }
      return;
    }
    long size = event.path("tree").path("size").asLong(-1);
    if (size != token.tree().size() || size > seq) {
      findings.altered(seq, "event " + seq + " names a time stamp of another tree");
      return;
    }
    places.putIfAbsent(digest, seq);
    if (token.stamp() != null && token.stamp().time().isAfter(after)) {
      after = token.stamp().time();
    }
  }

  /** Holds an event's date against the tokens; in order of the events, after {@link #named}. */
  void dated(long seq, Instant time, Findings findings) {
    while (next < timed.size() && timed.get(next).tree().size() <= seq) {
      next++;
    }
    if (!after.equals(Instant.MIN) && time.isBefore(after.minus(TOLERANCE))) {
      findings.add(
          Verdict.TIME,
          seq,
          "event %d is dated %s, but was written after the time stamp of %s came"
              .formatted(seq, time, after));
    }
    if (next < timed.size() && time.isAfter(earliestFrom[next].plus(TOLERANCE))) {
      findings.add(
          Verdict.TIME,
          seq,
          "event %d is dated %s, but was in the log at %s, by a time stamp"
              .formatted(seq, time, earliestFrom[next]));
    }
    if (seq >= covered) {
      oldestUnstamped = Math.min(oldestUnstamped, time.toEpochMilli());
    }
  }

  /**
   * What the tokens say of the whole log.
   *
   * @param fork takes a signed head that the log does not continue
   */
  void close(long size, Instant now, Findings findings, BiConsumer<TreeHead, String> fork) {
    for (Token token : tokens.values()) {
      TreeHead tree = token.tree();
      if (tree.size() > size) {
        findings.missing(
            size,
            "a time stamp is of %d events of the log, which ends after %d"
                .formatted(tree.size(), size));
      } else if (!Arrays.equals(roots.get(tree.size()), tree.root()) && !contradicted) {
        contradicted = true;
        fork.accept(
            tree,
            "a time stamp is of another history of the first %d events".formatted(tree.size()));
      }
    }
    if (trust == null) {
      if (!tokens.isEmpty()) {
        findings.remark(tokens.size() + " time stamps were not checked: no authority is named");
      }
      return;
    }
    if (timed.isEmpty()) {
      findings.add(
          Verdict.WITNESSES, -1, "no part of the log has a valid time stamp, which is asked for");
      return;
    }
    if (covered < size && oldestUnstamped < now.minus(grace).toEpochMilli()) {
      findings.add(
          Verdict.WITNESSES,
          covered,
          "the first %d events have time stamps only; event %d is older than %d hours"
              .formatted(covered, covered, grace.toHours()));
    } else {
      findings.remark(
          "%d time stamps are of the first %d of %d events, the newest of %s by %s"
              .formatted(
                  timed.size(),
                  covered,
                  size,
                  timed.get(timed.size() - 1).stamp().time(),
                  Texts.shown(timed.get(timed.size() - 1).stamp().by())));
    }
    long expired = unrenewed(now);
    if (expired > 0) {
      findings.remark(
          ("%d time stamps are by certificates that have ended, and no later one renewed them in"
                  + " time: they count as long as those keys were not stolen")
              .formatted(expired));
    }
  }

  /** Tokens whose certificate has ended and that no good later token was put over before. */
  private long unrenewed(Instant now) {
    List<Token> good = new ArrayList<>();
    List<Token> latestFirst = new ArrayList<>(timed);
    latestFirst.sort(Comparator.comparing((Token token) -> token.stamp().time()).reversed());
    long count = 0;
    for (Token token : latestFirst) {
      Long place = places.get(token.digest());
      Instant ends = token.stamp().ends();
      boolean renewed =
          place != null
              && good.stream()
                  .anyMatch(
                      later -> later.tree().size() > place && !later.stamp().time().isAfter(ends));
      if (!ends.isBefore(now) || renewed) {
        good.add(token);
      } else {
        count++;
      }
    }
    return count;
  }
}
