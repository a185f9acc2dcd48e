package org.espalier.psi;

import java.util.List;

/**
 * About how many people all parties have in common, as every party may know it.
 *
 * @param rules of the match key, in order; each by itself, as if no other rule had matched anybody
 */
public record JointSizes(List<RuleSize> rules) {
  public JointSizes {
    rules = List.copyOf(rules);
  }

  /**
   * @param people whom all parties know by this rule
   * @param keys how many different keys each party has in it, in the order of the parties
   */
  public record RuleSize(SizeBucket people, List<Integer> keys) {
    public RuleSize {
      keys = List.copyOf(keys);
    }
  }
}
