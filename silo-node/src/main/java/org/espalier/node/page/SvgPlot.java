package org.espalier.node.page;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A plot of lines as inline SVG, with a title and a description for who cannot see it. Lines differ
 * by dashes, not by colour alone, and are named below the plot.
 */
public final class SvgPlot {
  private static final int WIDTH = 460;
  private static final int HEIGHT = 320;
  private static final int LEFT = 62;
  private static final int RIGHT = 446;
  private static final int TOP = 14;
  private static final int BOTTOM = 274;
  private static final int MOST_STEPS = 6;

  /** Finer steps than this and larger numbers than that are written with an exponent. */
  private static final double FINE = 1e-4;

  private static final double LONG = 1e6;
  private static final int MOST_MARKED = 30;

  /** A point; one of which a coordinate is missing is left out. */
  public record Point(Double x, Double y) {}

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
  private Axis xShares;
  private Axis yShares;
  private int drawn;

  /**
   * @param id unique in the document, a word of the program's own
   */
  public SvgPlot(String id, String title, String xName, String yName) {
    this.id = id;
    this.title = title;
    this.xName = xName;
    this.yName = yName;
  }

  /** Both axes from 0 to 1, instead of as far as the points go. */
  public SvgPlot shares() {
    xShares = new Axis(0, 0.2, 5);
    yShares = xShares;
    return this;
  }

  /** Adds a line through points in their order. */
  public SvgPlot line(String name, List<Point> points) {
    List<Point> known =
        points.stream()
            .filter(p -> p.x() != null && p.y() != null)
            .filter(p -> Double.isFinite(p.x()) && Double.isFinite(p.y()))
            .toList();
    lines.add(new Line(name, known, "line" + drawn++));
    return this;
  }

  /** Adds a straight line to compare with. */
  public SvgPlot reference(String name, Point from, Point to) {
    lines.add(new Line(name, List.of(from, to), "reference"));
    return this;
  }

  /** Whether there is more to be seen than a line to compare with. */
  public boolean shows() {
    return lines.stream().anyMatch(line -> !line.style.equals("reference") && line.drawn());
  }

  public void write(Html html) {
    Axis x = xShares != null ? xShares : axis(true);
    Axis y = yShares != null ? yShares : axis(false);
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
    ticks(html, x, y);
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

  private String description(Axis x, Axis y) {
    StringBuilder text = new StringBuilder();
    text.append(
        "%s from %s to %s against %s from %s to %s."
            .formatted(
                yName, number(y.low), number(y.high()), xName, number(x.low), number(x.high())));
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

  /** An axis from a round number to another in round steps. */
  private record Axis(double low, double step, int steps) {
    double at(int tick) {
      return low + tick * step;
    }

    double high() {
      return at(steps);
    }

    double share(double value) {
      return Math.min(1, Math.max(0, (value - low) / (steps * step)));
    }
  }

  /** As far as the points go. */
  private Axis axis(boolean ofX) {
    double[] all =
        lines.stream()
            .flatMap(line -> line.points.stream())
            .mapToDouble(p -> ofX ? p.x() : p.y())
            .sorted()
            .toArray();
    double low = all.length == 0 ? 0 : all[0];
    double high = all.length == 0 ? 1 : all[all.length - 1];
    double span = high > low ? high - low : Math.max(1e-9, Math.abs(low));
    double step = Math.pow(10, Math.floor(Math.log10(span)));
    // Of steps of 1, 2 and 5 times a power of ten the finest that is not too fine.
    for (int part : new int[] {5, 2, 1}) {
      double finer = step / part;
      if (steps(low, high, finer) <= MOST_STEPS) {
        return rounded(low, high, finer);
      }
    }
    return rounded(low, high, 2 * step);
  }

  private static int steps(double low, double high, double step) {
    return (int) (Math.ceil(high / step) - Math.floor(low / step));
  }

  private static Axis rounded(double low, double high, double step) {
    return new Axis(Math.floor(low / step) * step, step, Math.max(1, steps(low, high, step)));
  }

  private static void ticks(Html html, Axis x, Axis y) {
    for (int i = 0; i <= x.steps; i++) {
      String across = at(LEFT + (RIGHT - LEFT) * i / (double) x.steps);
      grid(html, across, at(TOP), across, at(BOTTOM));
      html.element("text", tick(x, i), "x", across, "y", at(BOTTOM + 18.0), "class", "middle");
    }
    for (int i = 0; i <= y.steps; i++) {
      double down = BOTTOM - (BOTTOM - TOP) * i / (double) y.steps;
      grid(html, at(LEFT), at(down), at(RIGHT), at(down));
      html.element("text", tick(y, i), "x", at(LEFT - 6.0), "y", at(down + 4), "class", "end");
    }
  }

  /** With as many decimals as its step has; zero is zero, whatever rounding made of it. */
  private static String tick(Axis axis, int i) {
    double value = axis.at(i);
    if (axis.step < FINE || Math.abs(value) >= LONG) {
      return number(Math.abs(value) < axis.step / 2 ? 0 : value);
    }
    int decimals = (int) Math.max(0, -Math.floor(Math.log10(axis.step) + 1e-9));
    BigDecimal rounded = new BigDecimal(value).setScale(decimals, RoundingMode.HALF_EVEN);
    return rounded.signum() == 0 ? "0" : rounded.stripTrailingZeros().toPlainString();
  }

  private static void grid(Html html, String x1, String y1, String x2, String y2) {
    html.empty("line", "x1", x1, "y1", y1, "x2", x2, "y2", y2, "class", "grid");
  }

  private static void draw(Html html, Line line, Axis x, Axis y) {
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

  private static String place(Point point, Axis x, Axis y) {
    return at(LEFT + (RIGHT - LEFT) * x.share(point.x()))
        + ","
        + at(BOTTOM - (BOTTOM - TOP) * y.share(point.y()));
  }

  private static String at(double pixels) {
    return String.format(Locale.ROOT, "%.1f", pixels);
  }

  /** Three digits, in the form that is shorter. */
  public static String number(double value) {
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
