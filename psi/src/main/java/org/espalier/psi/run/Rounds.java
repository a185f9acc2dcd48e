package org.espalier.psi.run;

import java.security.MessageDigest;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.function.BiConsumer;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.keys.Duplicates;
import org.espalier.psi.keys.KeyIndex;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.keys.MatchKey;
import org.espalier.wire.Progress;

/** What every alignment protocol begins and ends with, and how it goes from rule to rule. */
public final class Rounds {
  private Rounds() {}

  /**
   * Holds this party's table against the policy before anything is sent.
   *
   * @param rule takes, for each rule in order, the index of its keys and the rows that may take
   *     part. A row whose key repeats an earlier row's is ignored in that rule and all later ones
   */
  public static void readKeys(
      AlignmentJob job, KeySource source, Progress progress, BiConsumer<KeyIndex, BitSet> rule) {
    BitSet ignored = new BitSet();
    Duplicates duplicates = job.policy().duplicates().at(job.self().equals(job.parties().get(0)));
    int rules = job.key().rules().size();
    for (int number = 0; number < rules; number++) {
      progress.update("read keys", number, rules);
      KeyIndex index = KeyIndex.of(source, job.key().rules().get(number));
      index.check(number + 1, duplicates);
      if (index.distinct() > job.policy().maxRows()) {
        throw new AlignmentException.TooManyRows(index.distinct(), job.policy().maxRows());
      }
      if (number == 0 && index.distinct() == 0) {
        throw new AlignmentException.EmptyKeys(1, source.rows());
      }
      BitSet rows = index.distinctRows();
      rows.andNot(ignored);
      ignored.or(index.repeats());
      rule.accept(index, rows);
    }
    progress.update("read keys", rules, rules);
  }

  /** Takes the key of one of the rows that were asked for. */
  @FunctionalInterface
  public interface KeyVisitor {
    /**
     * @param at place of the row among those asked for
     */
    void key(int at, byte[] key);
  }

  /**
   * Reads the keys of some rows again.
   *
   * @param rows that had a key when the source was read before, ascending
   * @throws AlignmentException.SourceChanged if one of them has none now or does not come
   */
  public static void readAgain(
      KeySource source, MatchKey.Rule rule, int[] rows, KeyVisitor visitor) {
    int[] next = {0};
    source.scan(
        rule.columns(),
        (row, values) -> {
          if (next[0] == rows.length || row != rows[next[0]]) {
            return;
          }
          byte[] key = rule.encode(values);
          if (key == null) {
            throw new AlignmentException.SourceChanged("the key of row %,d".formatted(row + 1L));
          }
          visitor.key(next[0]++, key);
        });
    if (next[0] != rows.length) {
      throw new AlignmentException.SourceChanged(
          "%,d of %,d rows came again".formatted(next[0], rows.length));
    }
  }

  /** One rule of the match key. */
  @FunctionalInterface
  public interface Rule {
    /**
     * @param number from 0
     * @param rows of this party that take part, ascending
     * @return those found, in the order of the cohort
     */
    int[] find(int number, int[] rows);
  }

  /**
   * What the rules found.
   *
   * @param cohort this party's rows, rule after rule
   * @param byRule how many each rule found
   */
  public record Found(int[] cohort, int[] byRule) {}

  /**
   * The rules in turn; who was found takes no part in later ones.
   *
   * @param takingPart rows that may take part, for each rule; those found are removed
   */
  public static Found inTurn(List<BitSet> takingPart, Rule rule) {
    int[] cohort = new int[0];
    int[] byRule = new int[takingPart.size()];
    BitSet matched = new BitSet();
    for (int number = 0; number < byRule.length; number++) {
      BitSet rows = takingPart.get(number);
      rows.andNot(matched);
      int[] found = rule.find(number, rows.stream().toArray());
      for (int row : found) {
        matched.set(row);
      }
      byRule[number] = found.length;
      int size = cohort.length;
      cohort = Arrays.copyOf(cohort, size + found.length);
      System.arraycopy(found, 0, cohort, size, found.length);
    }
    return new Found(cohort, byRule);
  }

  /**
   * Makes sure that everyone runs the same.
   *
   * @param protocol its name in job files
   * @throws AlignmentException.Disagreement naming the first field that differs
   */
  public static void agree(Links links, AlignmentJob job, String protocol) {
    Agreement own = new Agreement(job, protocol);
    links.start(() -> links.others().forEach(o -> links.send(o, own.hello())));
    for (int other : links.others()) {
      own.check(
          links.party(other),
          links.receive(other, RunMessages.Hello.TYPE, RunMessages.Hello.LIMIT));
    }
    links.join();
  }

  /**
   * Tells everyone how many keys this party has in a rule.
   *
   * @param number of the rule, from 0
   * @return the counts of all parties, by number
   */
  public static int[] announce(Links links, AlignmentJob job, int number, int count) {
    int[] counts = new int[links.parties()];
    counts[links.self()] = count;
    links.start(
        () -> links.others().forEach(o -> links.send(o, new RunMessages.Announce(number, count))));
    for (int other : links.others()) {
      RunMessages.Announce theirs =
          links.receive(other, RunMessages.Announce.TYPE, RunMessages.Announce.LIMIT);
      if (theirs.rule() != number) {
        throw links.violation(
            other, "announces rule " + theirs.rule() + " where rule " + number + " is due");
      }
      int least = number == 0 ? 1 : 0;
      if (theirs.count() < least || theirs.count() > job.policy().maxRows()) {
        throw links.violation(
            other,
            "announces %d elements, must be %d to %d"
                .formatted(theirs.count(), least, job.policy().maxRows()));
      }
      counts[other] = theirs.count();
    }
    links.join();
    return counts;
  }

  /**
   * Everyone makes sure that everyone has the same cohort and that no byte changed on the way.
   *
   * @param comparer the number of the party whose digest counts
   * @param digest of the cohort; null at parties that cannot compute it
   * @return the digest that all parties confirmed
   */
  public static byte[] confirm(Links links, int comparer, byte[] digest) {
    byte[] agreed = digest;
    if (links.self() == comparer) {
      links.others().forEach(o -> links.send(o, new RunMessages.Cohort(digest)));
    } else {
      byte[] theirs =
          links.receive(comparer, RunMessages.Cohort.TYPE, RunMessages.Cohort.LIMIT).digest();
      if (digest != null && !MessageDigest.isEqual(digest, theirs)) {
        throw links.violation(comparer, "has another cohort");
      }
      agreed = theirs;
    }
    RunMessages.Confirm[] own = new RunMessages.Confirm[links.parties()];
    for (int other : links.others()) {
      own[other] = new RunMessages.Confirm(agreed, links.transcript(other));
    }
    links.start(() -> links.others().forEach(o -> links.send(o, own[o])));
    for (int other : links.others()) {
      RunMessages.Confirm theirs =
          links.receive(other, RunMessages.Confirm.TYPE, RunMessages.Confirm.LIMIT);
      if (!MessageDigest.isEqual(theirs.transcript(), own[other].transcript())) {
        throw links.violation(other, "the conversation was altered on the way");
      }
      if (!MessageDigest.isEqual(theirs.digest(), agreed)) {
        throw links.violation(other, "has another cohort");
      }
    }
    links.join();
    return agreed;
  }
}
