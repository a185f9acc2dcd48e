package org.espalier.protocols.prepare;

import java.util.HashSet;
import java.util.List;
import java.util.Objects;

/**
 * Unordered categories.
 *
 * @param codes one per row: an index into {@code levels}, or {@link #MISSING}
 * @param levels distinct texts, in any order; they need not all occur
 */
public record CategoryColumn(String name, int[] codes, List<String> levels) implements Column {
  public static final int MISSING = -1;

  /**
   * @throws DataException if a code has no level or a level is listed twice
   */
  public CategoryColumn {
    Objects.requireNonNull(name);
    levels = List.copyOf(levels);
    if (new HashSet<>(levels).size() != levels.size()) {
      throw new DataException("column '" + name + "': a category is listed twice");
    }
    for (int row = 0; row < codes.length; row++) {
      if (codes[row] < MISSING || codes[row] >= levels.size()) {
        throw DataException.at(name, row, "code " + codes[row] + " has no category");
      }
    }
  }

  @Override
  public int size() {
    return codes.length;
  }
}
