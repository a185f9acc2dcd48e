package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.espalier.node.config.Json;
import org.espalier.psi.keys.MatchReport;
import org.espalier.wire.Party;
import org.espalier.wire.Printable;

/**
 * How the values of a match key look at one party, coarse enough for a partner that the policy
 * names: shapes that many rows have, and shares in whole per cent.
 *
 * @param rules of the match key, in order
 */
record KeyShapes(List<Rule> rules) {
  /** A shape of fewer rows could be that of a person. */
  private static final int FEWEST_ROWS = 20;

  private static final int MOST_SHAPES = 5;
  private static final int MAX_RULES = 8;
  private static final int MAX_COLUMNS = 16;
  private static final int MAX_SHAPE = 120;

  KeyShapes {
    rules = bounded("rules", rules, MAX_RULES);
  }

  /**
   * @param columns in the order of the rule
   */
  record Rule(List<Column> columns) {
    Rule {
      columns = bounded("columns", columns, MAX_COLUMNS);
    }
  }

  /**
   * One column, after the normalisers.
   *
   * @param unusable rows without a value or of whose value nothing is left, in per cent
   * @param shapes most frequent first, of the usable rows
   */
  record Column(int unusable, List<Share> shapes) {
    Column {
      requirePercent(unusable);
      shapes = bounded("shapes", shapes, MOST_SHAPES);
    }

    private String most() {
      return shapes.isEmpty() ? null : shapes.get(0).shape;
    }

    private String text() {
      return shapes.isEmpty()
          ? "no shape that many rows have"
          : "%d %% \"%s\"".formatted(shapes.get(0).percent, shapes.get(0).shape);
    }
  }

  /**
   * @param shape as {@link MatchReport.Shape} writes it
   * @param percent of the usable rows
   */
  record Share(String shape, int percent) {
    Share {
      requirePercent(percent);
      if (shape == null) {
        throw new IllegalArgumentException("a shape is missing");
      }
      String printable = Printable.of(shape);
      shape = printable.substring(0, Math.min(printable.length(), MAX_SHAPE));
    }
  }

  private static <T> List<T> bounded(String what, List<T> list, int most) {
    if (list == null || list.size() > most) {
      throw new IllegalArgumentException(what + " are missing or more than " + most);
    }
    return List.copyOf(list);
  }

  private static void requirePercent(int percent) {
    if (percent < 0 || percent > 100) {
      throw new IllegalArgumentException(percent + " is no share in per cent");
    }
  }

  static KeyShapes of(MatchReport report) {
    List<Rule> rules = new ArrayList<>();
    for (MatchReport.RuleReport rule : report.rules()) {
      List<Column> columns = new ArrayList<>();
      for (MatchReport.ColumnReport column : rule.columns()) {
        List<Share> shapes =
            column.shapes().stream()
                .filter(s -> !s.shape().equals(MatchReport.OTHER))
                .filter(s -> s.rows() >= FEWEST_ROWS && percent(s.share()) > 0)
                .limit(MOST_SHAPES)
                .map(s -> new Share(s.shape(), percent(s.share())))
                .toList();
        int rows = Math.max(1, report.rows());
        double unusable = (double) (column.missing() + column.unusable()) / rows;
        columns.add(new Column(percent(unusable), shapes));
      }
      rules.add(new Rule(columns));
    }
    return new KeyShapes(rules);
  }

  private static int percent(double share) {
    return (int) Math.round(100 * share);
  }

  /** Reads what a partner sent. */
  static KeyShapes read(Party from, JsonNode json) {
    return Json.convert("the key shapes of " + from, json, KeyShapes.class);
  }

  /** How many numbers it tells. */
  int scalars() {
    return rules.stream()
        .flatMap(rule -> rule.columns.stream())
        .mapToInt(column -> 1 + column.shapes.size())
        .sum();
  }

  /**
   * What in one rule may keep people from being found.
   *
   * @param number of the rule, from 0
   * @param columns this party's names of the rule's columns
   */
  List<String> findings(int number, List<String> columns, Party partner, KeyShapes theirs) {
    List<String> findings = new ArrayList<>();
    if (number >= theirs.rules.size()
        || theirs.rules.get(number).columns.size() != columns.size()) {
      return List.of();
    }
    for (int i = 0; i < columns.size(); i++) {
      Column mine = rules.get(number).columns.get(i);
      Column other = theirs.rules.get(number).columns.get(i);
      String where = "rule %d, %s: ".formatted(number + 1, columns.get(i));
      if (mine.most() != null && other.most() != null && !mine.most().equals(other.most())) {
        findings.add(
            where
                + "yours has %s, that of %s has %s".formatted(mine.text(), partner, other.text()));
      }
      unusable(findings, where, "of your rows", mine);
      unusable(findings, where, "of the rows of " + partner, other);
    }
    return findings;
  }

  private static void unusable(List<String> findings, String where, String whose, Column column) {
    if (column.unusable >= 20) {
      findings.add(where + "%d %% %s have no usable value".formatted(column.unusable, whose));
    }
  }
}
