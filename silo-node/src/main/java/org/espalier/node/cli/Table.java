package org.espalier.node.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.espalier.wire.Printable;

/** Columns of text, as wide as they need to be, for people to read; figures to the right. */
final class Table {
  private static final String GAP = "  ";
  private static final Pattern FIGURE =
      Pattern.compile("[-+]?[0-9][0-9,.]*(e[-+]?[0-9]+)?( ?(%|[KMGT]i?B|B|s|ms|min|h|d))?|-?");

  private record Cell(String text, UnaryOperator<String> paint) {}

  private final List<String> header;
  private final List<List<Cell>> rows = new ArrayList<>();

  Table(String... header) {
    this.header = List.of(header);
  }

  /** A coloured cell for {@link #row}. */
  static Object colored(String text, UnaryOperator<String> paint) {
    return new Cell(text, paint);
  }

  Table row(Object... cells) {
    List<Cell> row = new ArrayList<>();
    for (Object cell : cells) {
      Cell given =
          cell instanceof Cell styled
              ? styled
              : new Cell(cell == null ? "" : cell.toString(), UnaryOperator.identity());
      row.add(new Cell(Printable.of(given.text), given.paint));
    }
    rows.add(row);
    return this;
  }

  /** Whether a cell is a number, with its unit perhaps. */
  static boolean isFigure(String text) {
    return FIGURE.matcher(text).matches();
  }

  boolean isEmpty() {
    return rows.isEmpty();
  }

  void print(Console console) {
    print(console, "");
  }

  void print(Console console, String indent) {
    int columns = header.size();
    int[] width = new int[columns];
    boolean[] right = new boolean[columns];
    for (int i = 0; i < columns; i++) {
      int column = i;
      width[i] =
          Math.max(
              header.get(i).length(),
              rows.stream().mapToInt(row -> row.get(column).text.length()).max().orElse(0));
      right[i] = rows.stream().allMatch(row -> isFigure(row.get(column).text));
    }
    if (header.stream().anyMatch(name -> !name.isEmpty())) {
      List<Cell> names = header.stream().map(name -> new Cell(name, console::strong)).toList();
      console.out().println(indent + line(names, width, right));
    }
    for (List<Cell> row : rows) {
      console.out().println(indent + line(row, width, right));
    }
  }

  private static String line(List<Cell> row, int[] width, boolean[] right) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < row.size(); i++) {
      Cell cell = row.get(i);
      String pad = " ".repeat(width[i] - cell.text.length());
      line.append(i == 0 ? "" : GAP);
      line.append(right[i] ? pad : "").append(cell.paint.apply(cell.text));
      line.append(right[i] || i == row.size() - 1 ? "" : pad);
    }
    return line.toString().stripTrailing();
  }
}
