package org.espalier.node.demo;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.espalier.node.data.ColumnType;
import org.espalier.protocols.prepare.CategoryColumn;
import org.espalier.protocols.prepare.Column;
import org.espalier.protocols.prepare.NumberColumn;
import org.espalier.protocols.prepare.Table;

/**
 * One party's whole file.
 *
 * @param table all number and category columns, a row of the table for each of the file
 * @param labels 0 or 1 of each row; empty if the file has no label
 */
record PlainTable(Table table, double[] labels) {
  static PlainTable read(Scenario.Source source) {
    List<String[]> rows = new ArrayList<>();
    source.csv().read((row, values) -> rows.add(values.clone()));
    List<Column> columns = new ArrayList<>();
    double[] labels = new double[0];
    for (int i = 0; i < source.schema().columns().size(); i++) {
      String name = source.schema().columns().get(i).name();
      ColumnType type = source.schema().columns().get(i).type();
      int at = i;
      String[] values = rows.stream().map(row -> row[at]).toArray(String[]::new);
      switch (type) {
        case NUMBER -> columns.add(new NumberColumn(name, numbers(values)));
        case CATEGORY -> columns.add(categories(name, values));
        case LABEL -> labels = numbers(values);
        case ID, TARGET, WEIGHT, EXPOSURE -> {}
      }
    }
    return new PlainTable(new Table(columns), labels);
  }

  private static double[] numbers(String[] values) {
    return Arrays.stream(values)
        .mapToDouble(value -> value == null ? Double.NaN : Double.parseDouble(value))
        .toArray();
  }

  private static CategoryColumn categories(String name, String[] values) {
    Map<String, Integer> codes = new HashMap<>();
    List<String> levels = new ArrayList<>();
    int[] coded = new int[values.length];
    for (int row = 0; row < values.length; row++) {
      String value = values[row];
      if (value == null) {
        coded[row] = CategoryColumn.MISSING;
        continue;
      }
      coded[row] =
          codes.computeIfAbsent(
              value,
              v -> {
                levels.add(v);
                return levels.size() - 1;
              });
    }
    return new CategoryColumn(name, coded, levels);
  }
}
