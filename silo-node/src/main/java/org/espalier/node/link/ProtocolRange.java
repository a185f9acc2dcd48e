package org.espalier.node.link;

import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.espalier.wire.Party;

/**
 * Which versions a node speaks of what goes over a link: requests of nodes, and the messages of
 * jobs. Two nodes speak the newest that both know; without one there is no link, and both say why.
 *
 * @param oldest from 1
 * @param newest at least {@code oldest}, at most 999
 */
public record ProtocolRange(int oldest, int newest) {
  /**
   * What this program speaks. The newest grows with every change that an older node would not
   * understand; the oldest with what is given up.
   */
  public static final ProtocolRange SPOKEN = new ProtocolRange(1, 1);

  /** What nodes speak that do not say: those from before versions were agreed. */
  static final ProtocolRange UNSAID = new ProtocolRange(1, 1);

  /** In the request what a node speaks, in the answer what was agreed. */
  static final String HEADER = "Espalier-Protocol";

  private static final int MOST = 999;
  private static final Pattern TEXT = Pattern.compile("([1-9][0-9]{0,2})-([1-9][0-9]{0,2})");

  public ProtocolRange {
    if (oldest < 1 || newest < oldest || newest > MOST) {
      throw new IllegalArgumentException("no range of protocols: " + oldest + "-" + newest);
    }
  }

  /**
   * @param said null where nothing was said
   * @throws IllegalArgumentException if that is no range
   */
  static ProtocolRange parse(String said) {
    if (said == null) {
      return UNSAID;
    }
    Matcher range = TEXT.matcher(said);
    if (!range.matches()) {
      throw new IllegalArgumentException("no range of protocols");
    }
    return new ProtocolRange(Integer.parseInt(range.group(1)), Integer.parseInt(range.group(2)));
  }

  /** The newest that both speak. */
  OptionalInt common(ProtocolRange other) {
    int both = Math.min(newest, other.newest);
    return both >= Math.max(oldest, other.oldest) ? OptionalInt.of(both) : OptionalInt.empty();
  }

  /** Why a node of this range and one of another do not understand each other. */
  String apart(Party self, Party peer, ProtocolRange theirs) {
    Party older = newest < theirs.oldest ? self : peer;
    return "%s speaks protocol %s and %s speaks %s: upgrade the node of %s"
        .formatted(self, this, peer, theirs, older);
  }

  @Override
  public String toString() {
    return oldest + "-" + newest;
  }
}
