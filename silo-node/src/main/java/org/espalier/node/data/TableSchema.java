package org.espalier.node.data;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What the owner declares about a file: every column, in any order.
 *
 * @param columns 1 to 10,000
 * @param missing texts that stand for a missing value; the empty text by default
 */
public record TableSchema(List<Column> columns, List<String> missing) {
  private static final Pattern NAME =
      Pattern.compile("[\\p{L}\\p{N}_][\\p{L}\\p{N}_ .()%/+-]{0,99}");

  /** One column. */
  public record Column(String name, ColumnType type) {
    public Column {
      if (name == null || !NAME.matcher(name).matches()) {
        throw new IllegalArgumentException(
            "a column name has 1 to 100 letters, digits and _ . - ( ) % / + or spaces");
      }
      if (type == null) {
        throw new IllegalArgumentException("column " + name + " has no type");
      }
    }
  }

  public TableSchema {
    if (columns == null || columns.isEmpty() || columns.size() > 10_000) {
      throw new IllegalArgumentException("a schema declares 1 to 10,000 columns");
    }
    Set<String> names = new HashSet<>();
    int labels = 0;
    int targets = 0;
    for (Column column : columns) {
      if (!names.add(column.name())) {
        throw new IllegalArgumentException("column " + column.name() + " is declared twice");
      }
      labels += column.type() == ColumnType.LABEL ? 1 : 0;
      targets += column.type() == ColumnType.TARGET ? 1 : 0;
    }
    if (labels > 1 || targets > 1) {
      throw new IllegalArgumentException(
          "at most one column may have type label, and at most one type target");
    }
    columns = List.copyOf(columns);
    missing = missing == null ? List.of("") : List.copyOf(missing);
  }

  /** The position of a column, or -1. */
  public int indexOf(String name) {
    for (int i = 0; i < columns.size(); i++) {
      if (columns.get(i).name().equals(name)) {
        return i;
      }
    }
    return -1;
  }

  /** Names of the columns of one type, in order of declaration. */
  public List<String> names(ColumnType type) {
    return columns.stream().filter(c -> c.type() == type).map(Column::name).toList();
  }

  /** Names of all number and category columns, in order of declaration. */
  public List<String> features() {
    return columns.stream()
        .filter(c -> c.type() == ColumnType.NUMBER || c.type() == ColumnType.CATEGORY)
        .map(Column::name)
        .toList();
  }
}
