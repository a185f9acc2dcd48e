package org.espalier.psi.run;

import java.security.MessageDigest;
import java.util.BitSet;
import java.util.function.BiConsumer;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.keys.KeyIndex;
import org.espalier.psi.keys.KeySource;
import org.espalier.wire.Progress;

/** What every alignment protocol begins and ends with. */
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
    int rules = job.key().rules().size();
    for (int number = 0; number < rules; number++) {
      progress.update("read keys", number, rules);
      KeyIndex index = KeyIndex.of(source, job.key().rules().get(number));
      index.check(number + 1, job.policy().duplicates());
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
