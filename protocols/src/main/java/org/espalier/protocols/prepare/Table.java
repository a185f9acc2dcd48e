package org.espalier.protocols.prepare;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A party's raw columns, all of the same length and with distinct names. A table without columns
 * has no rows: that is a label party that brings no features.
 */
public record Table(List<Column> columns) {
  /**
   * @throws DataException if lengths differ or a name occurs twice
   */
  public Table {
    columns = List.copyOf(columns);
    Map<String, Integer> sizes = new HashMap<>();
    for (Column column : columns) {
      if (sizes.put(column.name(), column.size()) != null) {
        throw new DataException("column '" + column.name() + "' occurs twice");
      }
      if (column.size() != columns.get(0).size()) {
        throw new DataException(
            "column '%s' has %d rows where '%s' has %d"
                .formatted(
                    column.name(), column.size(), columns.get(0).name(), columns.get(0).size()));
      }
    }
  }

  public int rows() {
    return columns.isEmpty() ? 0 : columns.get(0).size();
  }

  /**
   * @throws DataException if there is no such column
   */
  public Column column(String name) {
    for (Column column : columns) {
      if (column.name().equals(name)) {
        return column;
      }
    }
    throw new DataException("there is no column '" + name + "'");
  }
}
