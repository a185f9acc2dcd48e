package org.espalier.node.config;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Collection;
import java.util.Collections;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.espalier.wire.Party;

/**
 * The file {@code policy.yaml} of a node: what its own operator allows whatever a job asks for.
 *
 * @param alignment for every partner
 * @param partners what is different for single partners
 */
public record Policy(Alignments alignment, SortedMap<Party, ForPartner> partners) {
  /** What holds without a file: alignments are not limited, what must be allowed is not. */
  public static final Policy NONE = new Policy(null, null);

  /** Rules of dry runs with a partner that may have them, where nothing else is set. */
  public static final int DRY_RUNS = 5;

  private static final int MOST = 1_000_000;
  private static final int MOST_SCORES = 10_000_000;

  /**
   * What one partner may have.
   *
   * @param alignment a limit that is not set is that for every partner
   * @param matchDryRun may learn in a dry run about how many people are in both tables; null: no
   * @param matchDryRunsPer90d of how many rules altogether in 90 days, whoever asks; null: {@link
   *     #DRY_RUNS}
   * @param shareKeyShapes may in a dry run learn how values of the match key look here; null: no
   * @param phoneticKeys people may be matched by how their names sound, so that others are taken
   *     for them; null: no
   * @param onlineScoring may ask for scores of single people; null: no
   */
  public record ForPartner(
      Alignments alignment,
      Boolean matchDryRun,
      @JsonProperty("match_dry_runs_per_90d") Integer matchDryRunsPer90d,
      Boolean shareKeyShapes,
      Boolean phoneticKeys,
      OnlineScoring onlineScoring) {
    private static final ForPartner NOTHING = new ForPartner(null, null, null, null, null, null);

    public ForPartner {
      alignment = alignment == null ? new Alignments(null, null) : alignment;
      require("match_dry_runs_per_90d", matchDryRunsPer90d);
    }
  }

  /**
   * How a partner may ask for this node's part of the scores of single people.
   *
   * @param scoresPerDay most that a job may agree on
   * @param until last day (UTC)
   * @param tellUnknown whether it may learn that a person is not in the data set, apart from other
   *     reasons why it gives no score; null: yes
   */
  public record OnlineScoring(Integer scoresPerDay, LocalDate until, Boolean tellUnknown) {
    public OnlineScoring {
      if (scoresPerDay == null || until == null) {
        throw new IllegalArgumentException("online_scoring needs scores_per_day and until");
      }
      require("scores_per_day", scoresPerDay, MOST_SCORES);
      tellUnknown = tellUnknown == null || tellUnknown;
    }
  }

  /**
   * @param newAlignmentsPer90d alignments of a data set with a partner in 90 days; frozen cohorts
   *     that are used again are none. Null: any number
   * @param minSetDifference how many keys the own set of a new alignment must differ by from that
   *     of each earlier one with the same parties, unless it is the same set; null or 0: not
   *     compared
   */
  public record Alignments(
      @JsonProperty("new_alignments_per_90d") Integer newAlignmentsPer90d,
      Integer minSetDifference) {
    public Alignments {
      require("new_alignments_per_90d", newAlignmentsPer90d);
      require("min_set_difference", minSetDifference);
    }
  }

  private static void require(String key, Integer value) {
    require(key, value, MOST);
  }

  private static void require(String key, Integer value, int most) {
    if (value != null && (value < 0 || value > most)) {
      throw new IllegalArgumentException("%s is 0 to %,d, not %d".formatted(key, most, value));
    }
  }

  public Policy {
    alignment = alignment == null ? new Alignments(null, null) : alignment;
    partners =
        Collections.unmodifiableSortedMap(
            partners == null ? new TreeMap<>() : new TreeMap<>(partners));
  }

  /** Reads the file of a node, which need not be there. */
  public static Policy load(SiloHome home) {
    Path file = home.policy();
    return Files.isRegularFile(file) ? Json.yaml(file, Policy.class) : NONE;
  }

  /** Most new alignments of a data set with a partner in 90 days, or null. */
  public Integer newAlignments(Party partner) {
    Alignments own = of(partner);
    return own.newAlignmentsPer90d != null
        ? own.newAlignmentsPer90d
        : alignment.newAlignmentsPer90d;
  }

  /** The strictest difference that an alignment with these partners must keep; 0 if none. */
  public int setDifference(Collection<Party> others) {
    int most = 0;
    for (Party partner : others) {
      Integer own = of(partner).minSetDifference;
      Integer set = own != null ? own : alignment.minSetDifference;
      most = Math.max(most, set == null ? 0 : set);
    }
    return most;
  }

  /** Most rules of dry runs with a partner in 90 days; 0 if it may have none. */
  public int dryRuns(Party partner) {
    ForPartner own = forPartner(partner);
    if (!Boolean.TRUE.equals(own.matchDryRun)) {
      return 0;
    }
    return own.matchDryRunsPer90d == null ? DRY_RUNS : own.matchDryRunsPer90d;
  }

  /** Whether a partner may learn how values of the match key look here. */
  public boolean sharesKeyShapes(Party partner) {
    return Boolean.TRUE.equals(forPartner(partner).shareKeyShapes);
  }

  /** Whether keys may be compared with a partner's by how they sound. */
  public boolean allowsPhoneticKeys(Party partner) {
    return Boolean.TRUE.equals(forPartner(partner).phoneticKeys);
  }

  /** What a partner may have of online scoring; empty if nothing. */
  public Optional<OnlineScoring> onlineScoring(Party partner) {
    return Optional.ofNullable(forPartner(partner).onlineScoring);
  }

  private ForPartner forPartner(Party partner) {
    return partners.getOrDefault(partner, ForPartner.NOTHING);
  }

  private Alignments of(Party partner) {
    return forPartner(partner).alignment;
  }
}
