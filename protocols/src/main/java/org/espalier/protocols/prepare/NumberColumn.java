package org.espalier.protocols.prepare;

import java.util.Objects;

/**
 * Numbers in the column's own unit.
 *
 * @param values one per row; NaN marks a missing value
 */
public record NumberColumn(String name, double[] values) implements Column {
  /**
   * @throws DataException if a value is infinite
   */
  public NumberColumn {
    Objects.requireNonNull(name);
    for (int row = 0; row < values.length; row++) {
      if (Double.isInfinite(values[row])) {
        throw DataException.at(name, row, "an infinite value");
      }
    }
  }

  @Override
  public int size() {
    return values.length;
  }
}
