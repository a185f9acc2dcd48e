package org.espalier.psi.keys;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What a match key makes of one table, before anything is sent: the usual reason for an empty
 * intersection is that the same identifier is written in two ways. Contains counts and shapes, no
 * values; still it describes this party's table and stays here.
 *
 * @param rows in the table
 */
public record MatchReport(int rows, List<RuleReport> rules) {
  /** Shapes listed for a column; the rest is counted together. */
  private static final int LISTED = 8;

  /** Different shapes that are counted apart while reading. */
  private static final int COUNTED = 10_000;

  /** The shape under which the rest is listed. */
  public static final String OTHER = "other";

  public MatchReport {
    rules = List.copyOf(rules);
  }

  /**
   * One rule by itself, as if no earlier rule had matched any row.
   *
   * @param number from 1
   * @param usable rows with a key
   * @param distinct different keys, which is what takes part in an alignment
   * @param nulls rows without a usable key in at least one column: they never match
   * @param duplicates rows that repeat the key of an earlier row
   * @param nullRate nulls / rows, 0 for an empty table
   * @param duplicateRate duplicates / usable, 0 where none is usable
   */
  public record RuleReport(
      int number,
      int usable,
      int distinct,
      int nulls,
      long duplicates,
      double nullRate,
      double duplicateRate,
      List<ColumnReport> columns) {
    public RuleReport {
      columns = List.copyOf(columns);
    }
  }

  /**
   * One column of a rule.
   *
   * @param normalisers in order, as in the job file
   * @param missing rows without a value
   * @param unusable rows whose value the normalisers leave nothing of
   * @param shapes of the values after the normalisers, most frequent first
   */
  public record ColumnReport(
      String column, List<String> normalisers, int missing, int unusable, List<Shape> shapes) {
    public ColumnReport {
      normalisers = List.copyOf(normalisers);
      shapes = List.copyOf(shapes);
    }
  }

  /**
   * How values look.
   *
   * @param shape for example {@code 9 digits} or {@code 4 digits '-' 2 digits '-' 2 digits}
   * @param share of the column's usable values, 0 to 1
   */
  public record Shape(String shape, int rows, double share) {}

  /** Reads the table twice per rule. */
  public static MatchReport of(KeySource source, MatchKey key) {
    List<RuleReport> rules = new ArrayList<>();
    for (MatchKey.Rule rule : key.rules()) {
      KeyIndex index = KeyIndex.of(source, rule);
      List<Counter> counters = rule.parts().stream().map(Counter::new).toList();
      source.scan(
          rule.columns(),
          (row, values) -> {
            for (int i = 0; i < values.length; i++) {
              counters.get(i).add(values[i]);
            }
          });
      int usable = index.rows() - index.nulls();
      rules.add(
          new RuleReport(
              rules.size() + 1,
              usable,
              index.distinct(),
              index.nulls(),
              index.duplicates(),
              ratio(index.nulls(), index.rows()),
              ratio(index.duplicates(), usable),
              counters.stream().map(Counter::report).toList()));
    }
    return new MatchReport(source.rows(), rules);
  }

  private static double ratio(long part, long whole) {
    return whole == 0 ? 0 : (double) part / whole;
  }

  /** For people. */
  @Override
  public String toString() {
    StringBuilder out = new StringBuilder();
    line(out, "%,d rows", rows);
    for (RuleReport rule : rules) {
      line(
          out,
          "rule %d: %,d different keys; %,d rows (%.1f %%) without a usable key,"
              + " %,d (%.1f %%) repeat an earlier one",
          rule.number,
          rule.distinct,
          rule.nulls,
          100 * rule.nullRate,
          rule.duplicates,
          100 * rule.duplicateRate);
      for (ColumnReport column : rule.columns) {
        line(
            out,
            "  %s [%s]: %,d missing, %,d unusable",
            column.column,
            String.join(", ", column.normalisers),
            column.missing,
            column.unusable);
        for (Shape shape : column.shapes) {
          line(out, "    %5.1f %%  %s", 100 * shape.share, shape.shape);
        }
      }
    }
    return out.toString();
  }

  private static void line(StringBuilder out, String format, Object... values) {
    out.append(String.format(Locale.ROOT, format, values)).append('\n');
  }

  /** Counts the shapes of one column. */
  private static final class Counter {
    private final MatchKey.Part part;
    private final Map<String, Integer> shapes = new HashMap<>();
    private int missing;
    private int unusable;
    private int usable;

    Counter(MatchKey.Part part) {
      this.part = part;
    }

    void add(String value) {
      if (value == null || value.isEmpty()) {
        missing++;
        return;
      }
      String normal = part.normalise(value);
      if (normal == null) {
        unusable++;
        return;
      }
      usable++;
      String shape = shape(normal);
      if (shapes.size() < COUNTED || shapes.containsKey(shape)) {
        shapes.merge(shape, 1, Integer::sum);
      }
    }

    ColumnReport report() {
      List<Shape> listed = new ArrayList<>();
      shapes.entrySet().stream()
          .sorted(
              Map.Entry.<String, Integer>comparingByValue(Comparator.reverseOrder())
                  .thenComparing(Map.Entry.comparingByKey()))
          .limit(LISTED)
          .forEach(
              e -> listed.add(new Shape(e.getKey(), e.getValue(), ratio(e.getValue(), usable))));
      int rest = usable - listed.stream().mapToInt(Shape::rows).sum();
      if (rest > 0) {
        listed.add(new Shape(OTHER, rest, ratio(rest, usable)));
      }
      List<String> specs = part.normalisers().stream().map(Normaliser::spec).toList();
      return new ColumnReport(part.column(), specs, missing, unusable, listed);
    }
  }

  /** Runs of digits and letters with their lengths, other characters as they are. */
  static String shape(String value) {
    int most = 9;
    List<String> runs = new ArrayList<>();
    for (int at = 0; at < value.length(); ) {
      int c = value.codePointAt(at);
      String kind = kind(c);
      int length = 0;
      while (at < value.length() && kind(value.codePointAt(at)).equals(kind)) {
        at += Character.charCount(value.codePointAt(at));
        length++;
      }
      if (runs.size() == most) {
        return value.codePointCount(0, value.length()) + " mixed characters";
      }
      runs.add(
          switch (kind) {
            case "digit", "letter" -> length + " " + kind + (length == 1 ? "" : "s");
            default -> length == 1 ? kind : length + " " + kind;
          });
    }
    return String.join(" ", runs);
  }

  private static String kind(int c) {
    if (Character.isDigit(c)) {
      return "digit";
    }
    if (Character.isLetter(c) || Character.getType(c) == Character.NON_SPACING_MARK) {
      return "letter";
    }
    if (c == ' ') {
      return "space";
    }
    return c > ' ' && c < 0x7f ? "'" + (char) c + "'" : "U+%04X".formatted(c);
  }
}
