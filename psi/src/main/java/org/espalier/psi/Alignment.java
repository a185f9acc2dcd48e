package org.espalier.psi;

import java.util.Arrays;
import java.util.HexFormat;

/**
 * The cohort as one party sees it.
 *
 * @param rows cohort position to row of this party's table; the people at one position are the same
 *     at every party. The order is pseudorandom and tells nothing about any table
 * @param digest 32 bytes, equal at all parties of the same alignment: SHA-256 over the session and
 *     128 bits of each masked element in order. Freeze it with the rows and compare before each use
 * @param matchedByRule how many people each rule of the match key added; sums to {@link #size}
 */
public record Alignment(int[] rows, byte[] digest, int[] matchedByRule) {
  public Alignment {
    rows = rows.clone();
    digest = digest.clone();
    matchedByRule = matchedByRule.clone();
  }

  @Override
  public int[] rows() {
    return rows.clone();
  }

  @Override
  public byte[] digest() {
    return digest.clone();
  }

  @Override
  public int[] matchedByRule() {
    return matchedByRule.clone();
  }

  /** People in the cohort. */
  public int size() {
    return rows.length;
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof Alignment other
        && Arrays.equals(rows, other.rows)
        && Arrays.equals(digest, other.digest)
        && Arrays.equals(matchedByRule, other.matchedByRule);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(digest);
  }

  /** Size and digest; which rows belong to the cohort is personal data. */
  @Override
  public String toString() {
    return size() + " people, " + HexFormat.of().formatHex(digest, 0, 8);
  }
}
