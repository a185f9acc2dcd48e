package org.espalier.node.job;

import java.security.DigestException;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.espalier.node.Problem;
import org.espalier.node.cohort.Cohorts;
import org.espalier.node.cohort.KeySet;
import org.espalier.node.data.Dataset;
import org.espalier.psi.keys.MatchKey;
import org.espalier.wire.Digests;
import org.espalier.wire.Party;

/**
 * Compares the own keys of a new alignment with those of earlier ones. Whoever sees two cohorts of
 * the same parties knows of each person who is in only one of them that it was added to a data set
 * or left out, and can compare two models that differ by these people: if they are few, that is
 * about persons. Another set is therefore refused unless it differs by at least as many keys as the
 * policy says; the same set adds nothing.
 */
final class OwnKeys {
  private OwnKeys() {}

  /** Where the policy does not ask for a comparison. */
  static final Compared NOT_COMPARED = new Compared("", Set.of());

  /**
   * @param id names the own key set; empty if it was not kept
   * @param with the earlier ones from which it is far enough
   */
  record Compared(String id, Set<String> with) {
    Compared {
      with = Set.copyOf(with);
    }
  }

  /** Whether a new alignment of a job would read the whole file for it, which takes time. */
  static boolean toRead(JobRun.Context context, JobSpec spec, Dataset dataset) {
    List<Party> others =
        spec.parties().keySet().stream()
            .filter(party -> !party.equals(context.peers().self()))
            .toList();
    return context.alignments().setDifference(others) > 0
        && !context
            .cohorts()
            .hasKeySet(context.cohorts().keySetId(dataset.scan().sha256(), spec.matchDigest()));
  }

  /**
   * Keeps the own keys of a new alignment and compares them, if the policy asks for that; reads the
   * whole file where its keys are not known yet.
   *
   * @throws Problem if the sets are too near to each other or cannot be compared
   */
  static Compared compared(
      Cohorts cohorts,
      Alignments alignments,
      Alignments.Wanted wanted,
      Dataset dataset,
      MatchKey key,
      byte[] match) {
    int least = alignments.setDifference(wanted.others());
    if (least == 0) {
      return NOT_COMPARED;
    }
    String id = cohorts.keySetId(dataset.scan().sha256(), match);
    if (!cohorts.hasKeySet(id)) {
      cohorts.keepKeySet(id, read(dataset, key, cohorts.keySalt()));
    }
    Set<String> earlier = alignments.keySets(wanted);
    earlier.remove(id);
    if (!earlier.isEmpty()) {
      KeySet own = cohorts.keySet(id);
      for (String other : earlier) {
        int difference = own.difference(cohorts.keySet(other), least);
        if (difference > 0 && difference < least) {
          throw tooNear(wanted, difference, least);
        }
      }
    }
    return new Compared(id, earlier);
  }

  private static Problem tooNear(Alignments.Wanted wanted, int difference, int least) {
    return Problem.refused(
            ("the keys of %s differ from those of an earlier alignment with the same parties by fewer"
                    + " than %d, which its policy refuses: the two cohorts together would tell who"
                    + " was added or left out")
                .formatted(wanted.self(), least))
        .at(wanted.self())
        .detail(
            "by %d; min_set_difference in policy.yaml: the same keys, or at least so many others"
                .formatted(difference))
        .next("silo cohort list, and alignment: {cohort: DIGEST} in the job");
  }

  /** One scan for all rules. */
  private static KeySet read(Dataset dataset, MatchKey key, byte[] salt) {
    List<String> columns = new ArrayList<>();
    key.rules().forEach(rule -> columns.addAll(rule.columns()));
    Reader reader = new Reader(key, dataset.scan().rows(), salt);
    new CsvKeys(dataset).scan(columns, (row, values) -> reader.row(values));
    return reader.keys();
  }

  private static final class Reader {
    private final List<MatchKey.Rule> rules;
    private final String[][] values;
    private final long[][] tags;
    private final int[] counts;
    private final byte[] salt;
    private final MessageDigest sha256 = Digests.sha256();
    private final byte[] hash = new byte[sha256.getDigestLength()];

    Reader(MatchKey key, int rows, byte[] salt) {
      this.rules = key.rules();
      this.salt = salt;
      this.values = new String[rules.size()][];
      this.tags = new long[rules.size()][rows];
      this.counts = new int[rules.size()];
      for (int rule = 0; rule < values.length; rule++) {
        values[rule] = new String[rules.get(rule).parts().size()];
      }
    }

    void row(String[] all) {
      int at = 0;
      for (int rule = 0; rule < values.length; rule++) {
        System.arraycopy(all, at, values[rule], 0, values[rule].length);
        at += values[rule].length;
        byte[] key = rules.get(rule).encode(values[rule]);
        if (key != null) {
          tags[rule][counts[rule]++] = tag(key);
        }
      }
    }

    private long tag(byte[] key) {
      sha256.update(salt);
      sha256.update(key);
      try {
        sha256.digest(hash, 0, hash.length);
      } catch (DigestException e) {
        throw new IllegalStateException(e);
      }
      long tag = 0;
      for (int i = 0; i < Long.BYTES; i++) {
        tag = tag << 8 | (hash[i] & 0xff);
      }
      return tag;
    }

    KeySet keys() {
      long[][] read = new long[tags.length][];
      for (int rule = 0; rule < read.length; rule++) {
        read[rule] = Arrays.copyOf(tags[rule], counts[rule]);
      }
      return KeySet.of(read);
    }
  }
}
