package org.espalier.node.config;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
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
  /** What holds without a file: nothing is limited. */
  public static final Policy NONE = new Policy(null, null);

  private static final int MOST = 1_000_000;

  /**
   * What one partner may have.
   *
   * @param alignment a limit that is not set is that for every partner
   */
  public record ForPartner(Alignments alignment) {}

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

    private static void require(String key, Integer value) {
      if (value != null && (value < 0 || value > MOST)) {
        throw new IllegalArgumentException("%s is 0 to %,d, not %d".formatted(key, MOST, value));
      }
    }
  }

  public Policy {
    alignment = alignment == null ? new Alignments(null, null) : alignment;
    partners =
        Collections.unmodifiableSortedMap(
            partners == null ? new TreeMap<>() : new TreeMap<>(partners));
  }

  /** Reads the file of a node; without one nothing is limited. */
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

  private Alignments of(Party partner) {
    ForPartner own = partners.get(partner);
    return own == null || own.alignment == null ? new Alignments(null, null) : own.alignment;
  }
}
