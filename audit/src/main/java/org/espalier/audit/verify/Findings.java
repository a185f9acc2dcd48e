package org.espalier.audit.verify;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Collects what is wrong and what is unusual; the worst of it is the verdict. */
final class Findings {
  private static final int MAX = 20;

  /** Gravest first. Without a trusted signature nothing else can be said about a log. */
  static final List<Verdict> GRAVITY =
      List.of(
          Verdict.KEY_NOT_TRUSTED,
          Verdict.FORK,
          Verdict.ALTERED,
          Verdict.TRUNCATED,
          Verdict.TIME,
          Verdict.WITNESSES,
          Verdict.OK);

  private final List<Finding> findings = new ArrayList<>();
  private final List<String> remarks = new ArrayList<>();
  private long unlisted;
  private long unlistedRemarks;

  void add(Verdict verdict, long seq, String text) {
    long alike = findings.stream().filter(f -> f.verdict() == verdict).count();
    if (alike < MAX) {
      findings.add(new Finding(verdict, seq, text));
    } else {
      unlisted++;
    }
  }

  void altered(long seq, String text) {
    add(Verdict.ALTERED, seq, text);
  }

  void missing(long seq, String text) {
    add(Verdict.TRUNCATED, seq, text);
  }

  void remark(String text) {
    if (remarks.size() < MAX) {
      remarks.add(text);
    } else {
      unlistedRemarks++;
    }
  }

  boolean isEmpty() {
    return findings.isEmpty();
  }

  /** Whether an event from {@code from} on, before {@code to}, is known to be altered. */
  boolean alteredWithin(long from, long to) {
    return findings.stream()
        .anyMatch(f -> f.verdict() == Verdict.ALTERED && f.seq() >= from && f.seq() < to);
  }

  Verdict verdict() {
    return findings.stream()
        .map(Finding::verdict)
        .min(Comparator.comparingInt(GRAVITY::indexOf))
        .orElse(Verdict.OK);
  }

  List<Finding> sorted() {
    List<Finding> sorted = new ArrayList<>(findings);
    sorted.sort(
        Comparator.comparingInt((Finding f) -> GRAVITY.indexOf(f.verdict()))
            .thenComparingLong(f -> f.seq() < 0 ? Long.MAX_VALUE : f.seq()));
    if (unlisted > 0) {
      Verdict last = sorted.get(sorted.size() - 1).verdict();
      sorted.add(new Finding(last, -1, "and " + unlisted + " more findings"));
    }
    return sorted;
  }

  List<String> remarks() {
    List<String> all = new ArrayList<>(remarks);
    if (unlistedRemarks > 0) {
      all.add("and " + unlistedRemarks + " more");
    }
    return all;
  }
}
