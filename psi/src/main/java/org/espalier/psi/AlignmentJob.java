package org.espalier.psi;

import java.util.HashSet;
import java.util.List;
import org.espalier.psi.keys.MatchKey;
import org.espalier.wire.Party;
import org.espalier.wire.Session;

/**
 * One party's view of an alignment that all parties approved.
 *
 * @param parties everyone in the order that all share; the first is the comparer (usually the label
 *     party), see {@link AlignmentProtocol#leaks}
 * @param key the rules, with this party's own column names; the normalisers are the same everywhere
 */
public record AlignmentJob(
    Session session, Party self, List<Party> parties, MatchKey key, AlignmentPolicy policy) {
  /** The more parties, the more hops every set makes. */
  public static final int MAX_PARTIES = 100;

  public AlignmentJob {
    parties = List.copyOf(parties);
    if (parties.size() < 2 || parties.size() > MAX_PARTIES) {
      throw new IllegalArgumentException(
          "an alignment has 2 to " + MAX_PARTIES + " parties, not " + parties.size());
    }
    if (new HashSet<>(parties).size() != parties.size()) {
      throw new IllegalArgumentException("a party is named twice in " + parties);
    }
    if (!parties.contains(self)) {
      throw new IllegalArgumentException(self + " is not among " + parties);
    }
  }
}
