package org.espalier.protocols.prepare;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Assumptions;

/** Public data sets as raw tables with labels; empty fields are missing. */
public record PublicData(Table table, double[] labels) {
  /** Skips the calling test where the file is absent. */
  public static PublicData read(String file, String label) throws IOException {
    Path path = Path.of("..", "..", "shared", "data", file);
    Assumptions.assumeTrue(Files.exists(path), "skipped: no public data set " + file);
    List<List<String>> lines = Files.readAllLines(path).stream().map(PublicData::fields).toList();
    List<List<String>> rows = lines.subList(1, lines.size());
    double[] labels = null;
    List<Column> columns = new ArrayList<>();
    for (int j = 0; j < lines.get(0).size(); j++) {
      String name = lines.get(0).get(j);
      int at = j;
      List<String> values = rows.stream().map(row -> row.get(at)).toList();
      if (name.equals(label)) {
        labels = values.stream().mapToDouble(Double::parseDouble).toArray();
      } else {
        columns.add(column(name, values));
      }
    }
    return new PublicData(new Table(columns), labels);
  }

  private static Column column(String name, List<String> values) {
    if (values.stream().allMatch(v -> v.matches("(-?[0-9.]+(e-?[0-9]+)?)?"))) {
      return new NumberColumn(
          name,
          values.stream()
              .mapToDouble(v -> v.isEmpty() ? Double.NaN : Double.parseDouble(v))
              .toArray());
    }
    TreeSet<String> distinct = new TreeSet<>(values);
    distinct.remove("");
    List<String> levels = List.copyOf(distinct);
    return new CategoryColumn(name, values.stream().mapToInt(levels::indexOf).toArray(), levels);
  }

  private static List<String> fields(String line) {
    List<String> out = new ArrayList<>();
    StringBuilder field = new StringBuilder();
    boolean quoted = false;
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      if (c == '"') {
        quoted = !quoted;
      } else if (c == ',' && !quoted) {
        out.add(field.toString());
        field.setLength(0);
      } else {
        field.append(c);
      }
    }
    out.add(field.toString());
    return out;
  }

  public int[] allRows() {
    return IntStream.range(0, table.rows()).toArray();
  }
}
