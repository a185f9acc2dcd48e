package org.espalier.audit.verify;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.espalier.audit.verify.Reconciliation.Difference;

/**
 * Holds two parties' logs against each other: what both took part in must be in both. It shows what
 * no log shows by itself, an act that was never logged, as long as the other party is honest.
 *
 * <p>An event on one side only is a difference where that side could not have written it alone: a
 * phase with a conversation, a signed decision of the other, a receipt. Where one side can honestly
 * be ahead, after a lost line or a crash, it is a remark.
 */
public final class Reconciler {
  private static final String SILO = "/silo/audit/";
  private static final String OK = "ok";

  /** How long a party may take to write down what the other has finished. */
  private static final Duration PATIENCE = Duration.ofMinutes(10);

  /** Of each list. */
  private static final int MAX_LISTED = 1000;

  private final String mine;
  private final String theirs;
  private final long due;
  private final List<Difference> differences = new ArrayList<>();
  private final List<String> remarks = new ArrayList<>();
  private long pruned = -1;
  private long othersPruned = -1;
  private int compared;

  private Reconciler(String mine, String theirs, Instant now) {
    this.mine = mine;
    this.theirs = theirs;
    this.due = now.minus(PATIENCE).toEpochMilli();
  }

  /** The party whose log has this name. */
  public static String party(String origin) {
    int end = origin.indexOf(SILO);
    return end > 0 ? origin.substring(0, end) : origin;
  }

  /**
   * Compares two exports of one job, each verified against its own key first.
   *
   * @throws IOException if a file cannot be read; that is no verdict
   */
  public static Reconciliation bundles(
      Path mine, TrustedKey mineKey, Path theirs, TrustedKey theirsKey, Clock clock)
      throws IOException {
    Reconciler both =
        new Reconciler(party(mineKey.name()), party(theirsKey.name()), clock.instant());
    ExportCheck one = new ExportCheck(mine, mineKey, clock.instant(), null, null, null, List.of());
    ExportCheck other =
        new ExportCheck(theirs, theirsKey, clock.instant(), null, null, null, List.of());
    Verification first = both.verified(one, both.mine);
    Verification second = both.verified(other, both.theirs);
    if (!first.ok() || !second.ok()) {
      return new Reconciliation(both.mine, both.theirs, 0, 0, both.differences, both.remarks);
    }
    if (both.mine.equals(both.theirs)) {
      throw new IllegalArgumentException("both exports are from logs of " + both.mine);
    }
    if (!first.job().equals(second.job())) {
      throw new IllegalArgumentException(
          "the exports are of different jobs: %s and %s"
              .formatted(Texts.shown(first.job()), Texts.shown(second.job())));
    }
    List<Claim> here = claims(one, both.theirs);
    List<Claim> there = claims(other, both.mine);
    both.stated(here, other.head(), both.mine, both.theirs);
    both.stated(there, one.head(), both.theirs, both.mine);
    return both.compare(here, here, there);
  }

  /**
   * Compares what two live logs say.
   *
   * @param before what this party's log said before the other was asked
   * @param after the same log afterwards
   * @param answer what the other's log said in between
   * @param heads how far the other's logs had come, under their signatures
   * @param pruned up to when this party's log is pruned, milliseconds since 1970; -1: it is not
   * @param othersPruned the same of the other's
   * @param now of this party's clock
   */
  public static Reconciliation live(
      String mine,
      String theirs,
      List<Claim> before,
      List<Claim> after,
      List<Claim> answer,
      List<TreeHead> heads,
      long pruned,
      long othersPruned,
      Instant now) {
    Reconciler both = new Reconciler(mine, theirs, now);
    both.pruned = pruned;
    both.othersPruned = othersPruned;
    heads.forEach(head -> both.stated(before, head, mine, theirs));
    return both.compare(before, after, answer);
  }

  private Verification verified(ExportCheck check, String party) throws IOException {
    Verification result = check.run();
    for (Finding finding : result.findings()) {
      add(
          finding.verdict(),
          result.job(),
          party,
          finding.seq(),
          party,
          "the export of %s: %s".formatted(party, finding.text()));
    }
    return result;
  }

  private static List<Claim> claims(ExportCheck check, String partner) {
    Claims claims = new Claims(partner);
    check.events().forEach(event -> claims.add(event.seq(), event.json()));
    return claims.all();
  }

  /** A log is no shorter than its owner said to the other. */
  private void stated(List<Claim> claims, TreeHead log, String by, String of) {
    for (Claim claim : claims) {
      Claim.Stated stated = claim.stated();
      if (stated == null || !stated.origin().equals(log.origin())) {
        continue;
      }
      if (stated.size() > log.size()) {
        add(
            Verdict.TRUNCATED,
            claim.job(),
            of,
            claim.seq(),
            by,
            "%s said that its log had %d events (event %d of %s), and shows one of %d"
                .formatted(of, stated.size(), claim.seq(), by, log.size()));
      } else if (stated.size() == log.size()
          && !stated.root().equals(Base64.getEncoder().encodeToString(log.root()))) {
        add(
            Verdict.FORK,
            claim.job(),
            of,
            claim.seq(),
            by,
            "%s stated another root of %d events (event %d of %s) than it shows"
                .formatted(of, stated.size(), claim.seq(), by));
      }
    }
  }

  private Reconciliation compare(List<Claim> before, List<Claim> after, List<Claim> answer) {
    Map<String, List<Claim>> first = Claims.byJob(before);
    Map<String, List<Claim>> last = Claims.byJob(after);
    Map<String, List<Claim>> there = Claims.byJob(answer);
    Set<String> jobs = new LinkedHashSet<>(first.keySet());
    jobs.addAll(there.keySet());
    for (String job : jobs) {
      List<Claim> earlier = first.getOrDefault(job, List.of());
      List<Claim> here = last.getOrDefault(job, List.of());
      List<Claim> other = there.getOrDefault(job, List.of());
      if (isPruned(job, here, mine, pruned, other)
          || isPruned(job, other, theirs, othersPruned, here)) {
        continue;
      }
      specs(job, here, other);
      same(job, here, other);
      oneSided(job, earlier, mine, other, theirs);
      oneSided(job, other, theirs, here, mine);
    }
    return new Reconciliation(mine, theirs, jobs.size(), compared, differences, remarks);
  }

  /** Whether one log holds nothing of a job because the time of its events is over there. */
  private boolean isPruned(
      String job, List<Claim> lacks, String lacker, long until, List<Claim> has) {
    boolean over =
        lacks.isEmpty()
            && until >= 0
            && has.stream().allMatch(claim -> claim.time() <= until + PATIENCE.toMillis());
    if (over) {
      remark(
          "job %s is not compared: %s has pruned its log up to %s, which the log declares"
              .formatted(job, lacker, Instant.ofEpochMilli(until)));
    }
    return over;
  }

  private void specs(String job, List<Claim> here, List<Claim> other) {
    Set<String> ours = specs(here);
    Set<String> others = specs(other);
    if (ours.isEmpty() || others.isEmpty() || ours.equals(others)) {
      return;
    }
    Claim one = strange(here, others);
    Claim two = strange(other, ours);
    Claim shown = two == null ? one : two;
    add(
        Verdict.ALTERED,
        job,
        theirs,
        shown.seq(),
        two == null ? mine : theirs,
        "its specification is not the same: %s at %s, %s at %s"
            .formatted(
                one == null ? ours.iterator().next() : one.spec() + " in event " + one.seq(),
                mine,
                two == null ? others.iterator().next() : two.spec() + " in event " + two.seq(),
                theirs));
  }

  private static Set<String> specs(List<Claim> claims) {
    Set<String> specs = new TreeSet<>();
    claims.forEach(claim -> specs.add(claim.spec()));
    specs.remove("");
    return specs;
  }

  private static Claim strange(List<Claim> claims, Set<String> known) {
    return claims.stream()
        .filter(claim -> !claim.spec().isEmpty() && !known.contains(claim.spec()))
        .findFirst()
        .orElse(null);
  }

  /** Events that both have. */
  private void same(String job, List<Claim> here, List<Claim> other) {
    Map<Claim.Key, List<Claim>> others = Claim.byKey(other);
    Claim.byKey(here)
        .forEach(
            (key, ours) -> {
              List<Claim> against = others.get(key);
              if (against == null || key.kind() == Claim.Kind.RECEIPT) {
                return;
              }
              compared++;
              Claim one = ended(ours);
              Claim two = ended(against);
              if (!one.outcome().equals(two.outcome())) {
                unended(job, one, mine, two, theirs);
                unended(job, two, theirs, one, mine);
                remark(
                    "job %s: the %s ended as %s at %s (event %d) and as %s at %s (event %d)"
                        .formatted(
                            job,
                            one.words(),
                            how(one),
                            mine,
                            one.seq(),
                            how(two),
                            theirs,
                            two.seq()));
              } else if (one.outcome().equals(OK)
                  && Collections.disjoint(values(ours), values(against))) {
                add(
                    Verdict.ALTERED,
                    job,
                    theirs,
                    two.seq(),
                    theirs,
                    "the %s is not the same: %s in event %d of %s, %s in event %d of %s"
                        .formatted(
                            one.words(),
                            shown(one),
                            one.seq(),
                            mine,
                            shown(two),
                            two.seq(),
                            theirs));
              }
            });
  }

  private static Set<String> values(List<Claim> claims) {
    return claims.stream().map(Claim::value).collect(Collectors.toSet());
  }

  /** An act that one side has finished may not stay under way at the other. */
  private void unended(String job, Claim one, String at, Claim two, String lacker) {
    if (two.outcome().isEmpty() && one.time() < due) {
      add(
          Verdict.TRUNCATED,
          job,
          lacker,
          one.seq(),
          at,
          "the end of the %s (event %d of %s, %s) is not in the log of %s"
              .formatted(one.words(), one.seq(), at, how(one), lacker));
    }
  }

  /** The one that ended well, if one did. */
  private static Claim ended(List<Claim> claims) {
    return claims.stream()
        .filter(claim -> claim.outcome().equals(OK))
        .findFirst()
        .orElse(claims.get(claims.size() - 1));
  }

  private static String how(Claim claim) {
    return claim.outcome().isEmpty() ? "still under way" : claim.outcome();
  }

  private static String shown(Claim claim) {
    return claim.value().isEmpty() ? "nothing" : Texts.shown(claim.value());
  }

  /** What {@code haver}'s log says and {@code lacker}'s does not. */
  private void oneSided(
      String job, List<Claim> has, String haver, List<Claim> lacks, String lacker) {
    // By what a claim is looked up for, so that long answers cost no more than their length.
    Set<Long> proposals = new HashSet<>();
    Set<Long> receipts = new HashSet<>();
    Map<Long, Claim> ends = new LinkedHashMap<>();
    for (Claim claim : has) {
      switch (claim.kind()) {
        case PROPOSED -> proposals.add(claim.seq());
        case RECEIPT -> receipts.add(claim.attempt());
        case STARTED -> ends.put(claim.attempt(), claim);
        default -> {}
      }
    }
    Map<Long, String> begun = Claims.attempts(lacks);
    Map<Claim.Key, List<Claim>> known = Claim.byKey(lacks);
    for (Claim claim : has) {
      boolean mutual =
          claim.kind() != Claim.Kind.RECEIPT
              ? known.containsKey(claim.key())
              : known.containsKey(new Claim.Key(Claim.Kind.RECEIPT, claim.attempt(), haver));
      if (mutual) {
        compared += claim.kind() == Claim.Kind.RECEIPT && haver.equals(mine) ? 1 : 0;
        continue;
      }
      if (claim.kind() == Claim.Kind.DECIDED && proposals.contains(claim.seq())) {
        continue; // came with the proposal, and need be no event of its own at the proposer
      }
      String there = begun.get(claim.attempt());
      boolean must =
          switch (claim.kind()) {
            // The other side decides, runs or signs only what it knows.
            case PROPOSED -> false;
            case DECIDED -> claim.subject().equals(lacker) || !begun.isEmpty();
            case STARTED -> claim.outcome().equals(OK);
            case PHASE -> !claim.value().isEmpty();
            // Both keep the other's before they end well.
            case RECEIPT ->
                there == null || there.equals(OK) || (there.isEmpty() && claim.time() < due);
          };
      String what =
          "the %s (event %d of %s, %s) is not in the log of %s"
              .formatted(claim.words(), claim.seq(), haver, how(claim), lacker);
      if (must) {
        add(Verdict.TRUNCATED, job, lacker, claim.seq(), haver, what);
      } else {
        remark("job %s: %s".formatted(job, what));
      }
    }
    // Who ended well holds the other's receipt.
    ends.forEach(
        (attempt, end) -> {
          if (end.outcome().equals(OK)
              && !receipts.contains(attempt)
              && begun.containsKey(attempt)) {
            add(
                Verdict.TRUNCATED,
                job,
                haver,
                end.seq(),
                haver,
                "attempt %d ended well (event %d of %s) without a receipt of %s in the log of %s"
                    .formatted(attempt, end.seq(), haver, lacker, haver));
          }
        });
  }

  private void add(
      Verdict verdict, String job, String party, long seq, String witness, String text) {
    if (differences.size() < MAX_LISTED) {
      differences.add(new Difference(verdict, job, party, seq, witness, text));
    }
  }

  private void remark(String text) {
    if (remarks.size() < MAX_LISTED) {
      remarks.add(text);
    }
  }
}
