package org.espalier.protocols.disclosure;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.espalier.wire.Party;

/**
 * What each party learns, in plain words: the one table from which plan, review, report and
 * documentation are printed, and the limits that follow from it.
 */
public final class Disclosure {
  /** Most bits after the point that the noise of an opened logit may leave. */
  public static final int MAX_NOISE_BITS = 12;

  private static final int MIN_NOISE_BITS = 6;

  private Disclosure() {}

  /**
   * What is known of a job when it is planned, approved or over.
   *
   * @param columns prepared columns of each feature party; -1 where not known yet
   * @param maxPasses most passes that the job allows
   * @param rows training rows; -1 if not known yet
   * @param acceptSpan all parties accept more passes than a quarter of the columns
   */
  public record Facts(
      Party label, Map<Party, Integer> columns, int maxPasses, int rows, boolean acceptSpan) {
    public Facts {
      columns = new TreeMap<>(columns);
      if (columns.isEmpty() || columns.containsKey(label)) {
        throw new IllegalArgumentException(
            "facts need the feature parties, without the label party");
      }
    }

    /** All feature parties' columns, or -1 if one is not known. */
    int totalColumns() {
      int total = 0;
      for (int c : columns.values()) {
        if (c < 0) {
          return -1;
        }
        total += c;
      }
      return total;
    }
  }

  /**
   * One thing that is learned.
   *
   * @param learner null: every party
   */
  public record Statement(Party learner, String text) {}

  /**
   * Passes that may run: the label party learns at most a quarter as many joint directions as the
   * feature parties have columns, unless all parties have accepted more.
   *
   * @param totalColumns prepared columns of all feature parties
   * @return 0 if not even one pass is allowed
   */
  public static int passLimit(int totalColumns, int maxPasses, boolean acceptSpan) {
    return acceptSpan ? maxPasses : Math.min(maxPasses, totalColumns / 4);
  }

  /**
   * Checks the job against the limits.
   *
   * @throws IllegalArgumentException if no pass at all is allowed; says what would allow it
   */
  public static void require(Level level, Facts facts) {
    int total = facts.totalColumns();
    if (total >= 0 && passLimit(total, facts.maxPasses(), facts.acceptSpan()) < 1) {
      throw new IllegalArgumentException(
          "level "
              + level.wireName()
              + " allows one pass for every four columns of the feature parties; they have "
              + total
              + ". Bring more columns, or agree on accept: [span] after reading what that discloses");
    }
  }

  /**
   * Bits after the point that the noise on an opened logit leaves: every feature party adds uniform
   * noise of ±2^-bits, relative to the length of its direction, to each logit.
   *
   * <p>The noise moves a weight by about its size times √(columns/rows), so it can be larger where
   * there are more rows. This rule keeps the distance from the noise-free weights below 1e-3
   * relative on the public data sets of {@code docs/protocols/gradients.md}; a fixed 2^-6 did so
   * only above 100,000 rows.
   *
   * @return 6 to {@link #MAX_NOISE_BITS}
   */
  public static int noiseBits(int rows, int featureParties) {
    double bits = 15.5 - log2(rows) / 2 + log2(featureParties) / 2;
    return (int) Math.max(MIN_NOISE_BITS, Math.min(MAX_NOISE_BITS, Math.ceil(bits)));
  }

  private static double log2(double x) {
    return Math.log(x) / Math.log(2);
  }

  /** Everything that is learned at a level, label party first. */
  public static List<Statement> statements(Level level, Facts facts) {
    return switch (level) {
      case GRADIENTS -> gradients(facts);
    };
  }

  private static List<Statement> gradients(Facts facts) {
    List<Statement> all = new ArrayList<>();
    int parties = facts.columns().size();
    int total = facts.totalColumns();
    String noise =
        facts.rows() > 0
            ? "noise of ±2^-" + noiseBits(facts.rows(), parties)
            : "noise of ±2^-6 (many rows) to ±2^-12 (few rows)";
    String columns = total < 0 ? "as many passes as they have columns" : total + " passes";
    String quarter = total < 0 ? "a quarter of that" : total / 4 + " passes";
    all.add(
        new Statement(
            facts.label(),
            (parties == 1
                        ? "in each of at most %d passes one number a person: the partner's columns combined"
                        : "in each of at most %d passes one number a person, summed over the feature"
                            + " parties: their columns combined")
                    .formatted(facts.maxPasses())
                + " along that pass's gradient direction, with "
                + noise
                + ". After "
                + columns
                + " these numbers would be the joint column space of the feature parties, from which"
                + " columns of zeros and ones can be found"
                + (facts.acceptSpan()
                    ? "; this job ACCEPTS that (accept: span)"
                    : "; training stops at " + quarter)));
    all.add(
        new Statement(
            facts.label(),
            "the number of prepared columns of each feature party, the largest absolute sum of one of"
                + " its columns, and for each pair of directions their inner products"
                + (parties == 1 ? "" : ", summed over the feature parties")));
    all.add(
        new Statement(
            facts.label(),
            "at the end its own weights, and of each hold-out person the feature parties'"
                + (parties == 1 ? "" : " summed")
                + " part of the final score, from which it computes the metrics"));
    facts
        .columns()
        .forEach(
            (party, count) ->
                all.add(
                    new Statement(
                        party,
                        "in each pass its own gradient: "
                            + (count < 0 ? "one number a column" : count + " numbers")
                            + ", each a sum over all people of its column times the difference between"
                            + " predicted and true outcome; the number of passes, the combination of"
                            + " its gradients that makes up its weights after each pass, and at the"
                            + " end its own weights. It does not learn logits, outcomes of single"
                            + " people, or other parties' columns")));
    all.add(
        new Statement(
            null,
            "this level protects against parties that keep to the protocol. A label party that"
                + " deviates can choose the combinations that it reads, a feature party that deviates"
                + " can choose which sums of outcomes it reads, within the same number of values"));
    return all;
  }
}
