package org.espalier.psi;

import java.util.List;
import org.espalier.psi.keys.KeySource;

/** Rows in memory; null is a missing value. */
public record Table(List<String> columns, String[][] values) implements KeySource {
  public static Table of(String... ids) {
    String[][] values = new String[ids.length][];
    for (int i = 0; i < ids.length; i++) {
      values[i] = new String[] {ids[i]};
    }
    return new Table(List.of("id"), values);
  }

  @Override
  public int rows() {
    return values.length;
  }

  @Override
  public void scan(List<String> wanted, RowVisitor visitor) {
    String[] row = new String[wanted.size()];
    for (int i = 0; i < values.length; i++) {
      for (int c = 0; c < row.length; c++) {
        row[c] = values[i][columns.indexOf(wanted.get(c))];
      }
      visitor.row(i, row);
    }
  }
}
