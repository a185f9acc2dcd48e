package org.espalier.audit.verify;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiConsumer;

/**
 * What others say of a log: signatures of witnesses that lie beside it, and checkpoints that the
 * caller has from elsewhere.
 *
 * <p>A witness says: at this time the log was so far, with this root, and no further. So the log
 * may not end before, its beginning has that root, no event before is dated later, and none after
 * is dated earlier.
 */
final class Witnessing {
  private static final String FOLDER = "cosigned/";
  private static final int MAX_FILE = 64 * 1024;
  private static final int MAX_FILES = 100_000;

  /** How far the clocks of a log and its witnesses may be apart, and a request may take. */
  private static final Duration TOLERANCE = Duration.ofMinutes(10);

  /**
   * A head that was seen.
   *
   * @param witness who saw it; null: the caller has it from elsewhere
   * @param who in words
   * @param time null without a witness
   */
  private record Head(TreeHead tree, TrustedKey witness, String who, Instant time) {}

  private final WitnessPolicy policy;
  private final Duration grace;
  private final List<byte[]> elsewhere;

  private final List<Head> heads = new ArrayList<>();
  private final Map<Long, byte[]> roots = new HashMap<>();
  private final TreeSet<Long> wanted = new TreeSet<>();

  /** Heads with a time, by size. */
  private List<Head> timed = List.of();

  /** The latest time of the heads up to each, and the earliest of those from each. */
  private Instant[] latestUpTo = {};

  private Instant[] earliestFrom = {};
  private int next;

  /** Witnesses that are enough have seen so many events. */
  private long seen;

  /** The earliest date of an event that they have not seen. */
  private long oldestUnseen = Long.MAX_VALUE;

  private boolean contradicted;

  /**
   * @param policy null: witnesses are not asked for
   * @param grace events that are younger need not have been seen
   * @param elsewhere checkpoints that the caller has from elsewhere
   */
  Witnessing(WitnessPolicy policy, Duration grace, List<byte[]> elsewhere) {
    this.policy = policy;
    this.grace = grace;
    this.elsewhere = List.copyOf(elsewhere);
  }

  /** Reads what there is about the log of a key. */
  void open(StoredFiles files, TrustedKey log, Findings findings) throws IOException {
    for (byte[] note : elsewhere) {
      TreeHead head = TreeHead.checkpoint(note);
      if (head == null || head.note().by(log) != SignedNote.Check.GOOD) {
        findings.remark(
            "a checkpoint from elsewhere is not one of this log, signed by its key: it says nothing");
      } else {
        heads.add(new Head(head, null, "a checkpoint from elsewhere", null));
      }
    }
    if (policy != null) {
      for (Map.Entry<String, TrustedKey> witness : policy.witnesses().entrySet()) {
        beside(files, log, witness.getKey(), witness.getValue(), findings);
      }
    }
    heads.forEach(head -> wanted.add(head.tree().size()));
    timed =
        heads.stream()
            .filter(head -> head.time() != null)
            .sorted(Comparator.comparingLong(head -> head.tree().size()))
            .toList();
    latestUpTo = new Instant[timed.size()];
    earliestFrom = new Instant[timed.size()];
    for (int i = 0; i < timed.size(); i++) {
      Instant time = timed.get(i).time();
      latestUpTo[i] = i > 0 && latestUpTo[i - 1].isAfter(time) ? latestUpTo[i - 1] : time;
    }
    for (int i = timed.size() - 1; i >= 0; i--) {
      Instant time = timed.get(i).time();
      boolean later = i + 1 < timed.size() && earliestFrom[i + 1].isBefore(time);
      earliestFrom[i] = later ? earliestFrom[i + 1] : time;
    }
    seen = covered();
  }

  private void beside(
      StoredFiles files, TrustedKey log, String name, TrustedKey witness, Findings findings)
      throws IOException {
    String folder = FOLDER + witness.idText() + "/";
    String who = "witness " + Texts.shown(name);
    for (String file : files.names(folder, "[0-9]{15}", MAX_FILES)) {
      byte[] bytes = files.read(folder + file, MAX_FILE);
      TreeHead head = bytes == null ? null : TreeHead.checkpoint(bytes);
      Instant time = head == null ? null : head.note().cosignedBy(witness).orElse(null);
      if (time == null || head.note().by(log) != SignedNote.Check.GOOD) {
        findings.altered(
            -1, "the file " + folder + file + " is not signed by both the log and " + who);
      } else {
        heads.add(new Head(head, witness, who, time));
      }
    }
  }

  /** How many events witnesses that are enough have seen. */
  private long covered() {
    if (policy == null) {
      return 0;
    }
    Set<TrustedKey> by = new HashSet<>();
    for (int i = timed.size() - 1; i >= 0; i--) {
      by.add(timed.get(i).witness());
      if (policy.met(by)) {
        return timed.get(i).tree().size();
      }
    }
    return 0;
  }

  /** Keeps the root where one is needed. */
  void mark(Tree tree) {
    if (wanted.contains(tree.size())) {
      roots.put(tree.size(), tree.root());
    }
  }

  /** Holds an event's date against what witnesses say; in order of the events. */
  void dated(long seq, Instant time, Findings findings) {
    while (next < timed.size() && timed.get(next).tree().size() <= seq) {
      next++;
    }
    if (next > 0 && time.isBefore(latestUpTo[next - 1].minus(TOLERANCE))) {
      findings.add(
          Verdict.TIME,
          seq,
          "event %d is dated %s, but at %s it was not in the log yet, by a witness"
              .formatted(seq, time, latestUpTo[next - 1]));
    }
    if (next < timed.size() && time.isAfter(earliestFrom[next].plus(TOLERANCE))) {
      findings.add(
          Verdict.TIME,
          seq,
          "event %d is dated %s, but was in the log at %s, by a witness"
              .formatted(seq, time, earliestFrom[next]));
    }
    if (seq >= seen) {
      oldestUnseen = Math.min(oldestUnseen, time.toEpochMilli());
    }
  }

  /**
   * What the heads say of the whole log.
   *
   * @param fork takes a signed head that the log does not continue
   */
  void close(long size, Instant now, Findings findings, BiConsumer<TreeHead, String> fork) {
    for (Head head : heads) {
      TreeHead tree = head.tree();
      if (tree.size() > size) {
        findings.missing(
            size,
            "%s has %d events of the log%s, which ends after %d: the last %d are gone"
                .formatted(head.who(), tree.size(), at(head), size, tree.size() - size));
      } else if (!Arrays.equals(roots.get(tree.size()), tree.root()) && !contradicted) {
        contradicted = true;
        fork.accept(
            tree,
            "%s has another history of the first %d events%s"
                .formatted(head.who(), tree.size(), at(head)));
      }
    }
    if (policy == null || policy.asksForNone()) {
      return;
    }
    if (seen == 0) {
      findings.add(
          Verdict.WITNESSES,
          -1,
          "no part of the log is signed by as many witnesses as the policy asks for");
    } else if (seen < size && oldestUnseen < now.minus(grace).toEpochMilli()) {
      findings.add(
          Verdict.WITNESSES,
          seen,
          ("as many witnesses as the policy asks for have seen the first %d events only; event %d is"
                  + " older than %d hours")
              .formatted(seen, seen, grace.toHours()));
    } else {
      findings.remark(
          "witnesses that are enough for the policy have seen the first %d of %d events"
              .formatted(seen, size));
    }
  }

  /** What witnesses say of the checkpoint of an export: enough of them have to have signed it. */
  static void exported(WitnessPolicy policy, TreeHead checkpoint, Findings findings) {
    Map<String, Instant> by = new TreeMap<>();
    Set<TrustedKey> signed = new HashSet<>();
    policy
        .witnesses()
        .forEach(
            (name, witness) ->
                checkpoint
                    .note()
                    .cosignedBy(witness)
                    .ifPresent(
                        time -> {
                          by.put(name, time);
                          signed.add(witness);
                        }));
    if (!policy.met(signed)) {
      findings.add(
          Verdict.WITNESSES,
          -1,
          "the checkpoint is signed by %d witnesses of the policy, which asks for more"
              .formatted(by.size()));
    }
    by.forEach(
        (name, time) ->
            findings.remark(
                "witness %s signed the checkpoint at %s".formatted(Texts.shown(name), time)));
  }

  private static String at(Head head) {
    return head.time() == null ? "" : " at " + head.time();
  }
}
