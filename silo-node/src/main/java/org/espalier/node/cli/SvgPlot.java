package org.espalier.node.cli;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A plot of lines as inline SVG, with a title and a description for who cannot see it. Lines differ
 * by dashes, not by colour alone, and are named below the plot.
 */
final class SvgPlot {
  private static final int WIDTH = 460;
  private static final int HEIGHT = 320;
  private static final int LEFT = 62;
  private static final int RIGHT = 446;
  private static final int TOP = 14;
  private static final int BOTTOM = 274;
  private static final int TICKS = 5;
  private static final int MOST_MARKED = 30;

  /** A point; one of which a coordinate is missing is left out. */
  record Point(Double x, Double y) {}

  private record Line(String name, List<Point> points, String style) {
    boolean drawn() {
      return points.size() > 1;
    }
  }

  private final String id;
  private final String title;
  private final String xName;
  private final String yName;
  private final List<Line> lines = new ArrayList<>();
  private double[] xRange;
  private double[] yRange;
  private int drawn;

  /**
   * @param id unique in the document, a word of the program's own
   */
  SvgPlot(String id, String title, String xName, String yName) {
    this.id = id;
    this.title = title;
    this.xName = xName;
    this.yName = yName;
  }

  /** Both axes from 0 to 1, instead of as far as the points go. */
  SvgPlot shares() {
    xRange = new double[] {0, 1};
    yRange = new double[] {0, 1};
    return this;
  }

  /** Adds a line through points in their order. */
  SvgPlot line(String name, List<Point> points) {
    List<Point> known =
        points.stream()
            .filter(p -> p.x() != null && p.y() != null)
            .filter(p -> Double.isFinite(p.x()) && Double.isFinite(p.y()))
            .toList();
    lines.add(new Line(name, known, "line" + drawn++));
    return this;
  }

  /** Adds a straight line to compare with. */
  SvgPlot reference(String name, Point from, Point to) {
    lines.add(new Line(name, List.of(from, to), "reference"));
    return this;
  }

  /** Whether there is more to be seen than a line to compare with. */
  boolean shows() {
    return lines.stream().anyMatch(line -> !line.style.equals("reference") && line.drawn());
  }

  void write(Html html) {
    double[] x = xRange != null ? xRange : range(true);
    double[] y = yRange != null ? yRange : range(false);
    html.open("figure")
        .open(
            "svg",
            "viewBox",
            "0 0 " + WIDTH + " " + HEIGHT,
            "role",
            "img",
            "aria-labelledby",
            id + "-title " + id + "-desc")
        .element("title", title, "id", id + "-title")
        .element("desc", description(x, y), "id", id + "-desc");
    for (int i = 0; i <= TICKS; i++) {
      tick(html, x, y, i);
    }
    html.element("text", xName, "x", at((LEFT + RIGHT) / 2.0), "y", "312", "class", "middle");
    String middle = at((TOP + BOTTOM) / 2.0);
    html.element(
        "text",
        yName,
        "x",
        "14",
        "y",
        middle,
        "class",
        "middle",
        "transform",
        "rotate(-90 14 " + middle + ")");
    lines.stream().filter(Line::drawn).forEach(line -> draw(html, line, x, y));
    html.close("svg").open("figcaption").element("strong", title);
    for (Line line : lines) {
      if (line.drawn()) {
        html.open("span", "class", "key")
            .open("svg", "viewBox", "0 0 30 8", "class", "sample", "aria-hidden", "true")
            .empty("line", "x1", "0", "y1", "4", "x2", "30", "y2", "4", "class", line.style)
            .close("svg")
            .text(line.name)
            .close("span");
      }
    }
    html.close("figcaption").close("figure");
  }

  private String description(double[] x, double[] y) {
    StringBuilder text = new StringBuilder();
    text.append(
        "%s from %s to %s against %s from %s to %s."
            .formatted(yName, number(y[0]), number(y[1]), xName, number(x[0]), number(x[1])));
    for (Line line : lines) {
      if (line.drawn()) {
        Point first = line.points.get(0);
        Point last = line.points.get(line.points.size() - 1);
        text.append(
            " %s: %d points, from (%s, %s) to (%s, %s)."
                .formatted(
                    line.name,
                    line.points.size(),
                    number(first.x()),
                    number(first.y()),
                    number(last.x()),
                    number(last.y())));
      }
    }
    return text.toString();
  }

  private double[] range(boolean ofX) {
    double[] all =
        lines.stream()
            .flatMap(line -> line.points.stream())
            .mapToDouble(p -> ofX ? p.x() : p.y())
            .sorted()
            .toArray();
    double low = all.length == 0 ? 0 : all[0];
    double high = all.length == 0 ? 1 : all[all.length - 1];
    double margin = high > low ? 0 : Math.max(1e-9, Math.abs(low) / 2);
    return new double[] {low - margin, high + margin};
  }

  private static void tick(Html html, double[] x, double[] y, int i) {
    double share = i / (double) TICKS;
    String across = at(LEFT + share * (RIGHT - LEFT));
    String down = at(BOTTOM - share * (BOTTOM - TOP));
    grid(html, across, at(TOP), across, at(BOTTOM));
    grid(html, at(LEFT), down, at(RIGHT), down);
    html.element(
        "text",
        number(x[0] + share * (x[1] - x[0])),
        "x",
        across,
        "y",
        at(BOTTOM + 18.0),
        "class",
        "middle");
    html.element(
        "text",
        number(y[0] + share * (y[1] - y[0])),
        "x",
        at(LEFT - 6.0),
        "y",
        at(BOTTOM - share * (BOTTOM - TOP) + 4),
        "class",
        "end");
  }

  private static void grid(Html html, String x1, String y1, String x2, String y2) {
    html.empty("line", "x1", x1, "y1", y1, "x2", x2, "y2", y2, "class", "grid");
  }

  private static void draw(Html html, Line line, double[] x, double[] y) {
    StringBuilder points = new StringBuilder();
    for (Point point : line.points) {
      points.append(points.length() == 0 ? "" : " ").append(place(point, x, y));
    }
    html.empty("polyline", "points", points.toString(), "class", line.style);
    if (line.points.size() <= MOST_MARKED && !line.style.equals("reference")) {
      for (Point point : line.points) {
        String[] at = place(point, x, y).split(",", -1);
        html.empty("circle", "cx", at[0], "cy", at[1], "r", "2.5", "class", line.style + " mark");
      }
    }
  }

  private static String place(Point point, double[] x, double[] y) {
    return at(LEFT + (RIGHT - LEFT) * clip((point.x() - x[0]) / (x[1] - x[0])))
        + ","
        + at(BOTTOM - (BOTTOM - TOP) * clip((point.y() - y[0]) / (y[1] - y[0])));
  }

  private static double clip(double share) {
    return Math.min(1, Math.max(0, share));
  }

  private static String at(double pixels) {
    return String.format(Locale.ROOT, "%.1f", pixels);
  }

  /** Three digits, in the form that is shorter. */
  static String number(double value) {
    double size = Math.abs(value);
    if (size >= 1e5 || (size > 0 && size < 1e-3)) {
      return String.format(Locale.ROOT, "%.1e", value);
    }
    if (size >= 100) {
      return String.format(Locale.ROOT, "%.0f", value);
    }
    return new BigDecimal(value).round(new MathContext(3)).stripTrailingZeros().toPlainString();
  }
}
