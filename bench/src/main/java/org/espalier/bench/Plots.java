package org.espalier.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Dimension;
import java.awt.Font;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.apache.batik.svggen.SVGGraphics2D;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.style.AxesChartStyler;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

/** Plots of recorded results: what {@code docs/results} holds, drawn into {@code docs/plots}. */
final class Plots {
  private static final int WIDTH = 520;
  private static final int HEIGHT = 380;
  private static final String SVG = "http://www.w3.org/2000/svg";
  private static final String FONT = "SansSerif";

  private final Path results;
  private final Path plots;

  private Plots(Path results, Path plots) {
    this.results = results;
    this.plots = plots;
  }

  /**
   * Draws what there are results for.
   *
   * @return the files written
   */
  static List<Path> draw(Path results, Path plots) throws IOException {
    Files.createDirectories(plots);
    Plots p = new Plots(results, plots);
    List<Path> drawn = new ArrayList<>();
    JsonNode scaling = p.read("scaling");
    if (scaling != null) {
      for (String curve : List.of("rows", "features", "parties")) {
        p.curve(scaling, curve, drawn);
      }
    }
    p.systems(p.read("lr-w1"), p.read("peers-lr"), drawn);
    JsonNode parties = p.read("psi-parties");
    if (parties != null) {
      p.parties(parties, drawn);
    }
    for (String name : List.of("psi-2e16", "psi-2e20", "psi-1e7")) {
      p.alignments(name, p.read(name), drawn);
    }
    return drawn;
  }

  private void alignments(String name, JsonNode psi, List<Path> drawn) throws IOException {
    if (psi == null) {
      return;
    }
    List<JsonNode> runs = new ArrayList<>();
    psi.get("runs").forEach(runs::add);
    String data = "2 x %,d identifiers".formatted(psi.get("rows").asInt());
    save(
        name,
        List.of(bars(runs, data, "seconds", "seconds"), bars(runs, data, "megabytes", "MB")),
        drawn);
  }

  private JsonNode read(String name) throws IOException {
    Path file = results.resolve(name + ".json");
    return Files.exists(file) ? new ObjectMapper().readTree(file.toFile()) : null;
  }

  /** Seconds and MB along one curve, a line a level. */
  private void curve(JsonNode scaling, String curve, List<Path> drawn) throws IOException {
    Map<String, List<JsonNode>> levels = new TreeMap<>();
    for (JsonNode point : scaling.get("points")) {
      if (point.get("size").get("curve").asText().equals(curve)) {
        levels.computeIfAbsent(point.get("level").asText(), level -> new ArrayList<>()).add(point);
      }
    }
    if (!levels.isEmpty()) {
      save(
          "scaling-" + curve,
          List.of(
              lines(levels, curve, "seconds", "seconds"),
              lines(levels, curve, "megabytes", "MB sent by all parties")),
          drawn);
    }
  }

  private static XYChart lines(
      Map<String, List<JsonNode>> levels, String curve, String field, String yTitle) {
    JsonNode size = levels.values().iterator().next().get(0).get("size");
    int columns = size.get("label").asInt() + size.get("features").asInt();
    String fixed =
        switch (curve) {
          case "rows" -> "2 parties, %d features".formatted(columns);
          case "features" -> "2 parties, %,d rows".formatted(size.get("rows").asInt());
          default -> "%,d rows, %d features".formatted(size.get("rows").asInt(), columns);
        };
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(fixed)
            .xAxisTitle(curve.equals("features") ? "features of all parties" : curve)
            .yAxisTitle(yTitle)
            .build();
    style(chart.getStyler());
    boolean log = !curve.equals("parties");
    chart.getStyler().setXAxisLogarithmic(log).setYAxisLogarithmic(true);
    chart.getStyler().setXAxisDecimalPattern("#,###");
    double least = Double.POSITIVE_INFINITY;
    double most = 0;
    for (Map.Entry<String, List<JsonNode>> level : levels.entrySet()) {
      List<JsonNode> points = level.getValue();
      double[] x = points.stream().mapToDouble(p -> p.get("value").asDouble()).toArray();
      double[] y = points.stream().mapToDouble(p -> p.get(field).asDouble()).toArray();
      for (double value : y) {
        least = Math.min(least, value);
        most = Math.max(most, value);
      }
      XYSeries series = chart.addSeries(level.getKey(), x, y);
      series.setMarker(SeriesMarkers.CIRCLE).setLineWidth(2f);
    }
    decades(chart.getStyler(), least, most);
    if (log) {
      List<JsonNode> points = levels.values().iterator().next();
      double[] x = points.stream().mapToDouble(p -> p.get("value").asDouble()).sorted().toArray();
      // A little beyond the ends, so that ticks at powers of ten are not cut off.
      chart.getStyler().setXAxisMin(x[0] / 1.2).setXAxisMax(x[x.length - 1] * 1.2);
    } else {
      chart.getStyler().setXAxisMin(1.8).setXAxisMax(5.2);
      chart.getStyler().setXAxisTickMarkSpacingHint(WIDTH / 4);
    }
    return chart;
  }

  /** Processor seconds and MB by the number of parties, a line a protocol and size. */
  private void parties(JsonNode results, List<Path> drawn) throws IOException {
    Map<String, Map<Integer, List<JsonNode>>> lines = new LinkedHashMap<>();
    for (JsonNode point : results.get("points")) {
      String name =
          "%s, %,d keys".formatted(point.get("protocol").asText(), point.get("keys").asInt());
      lines
          .computeIfAbsent(name, line -> new TreeMap<>())
          .computeIfAbsent(point.get("parties").asInt(), n -> new ArrayList<>())
          .add(point);
    }
    if (!lines.isEmpty()) {
      save(
          "psi-parties",
          List.of(
              parties(lines, "cpuSeconds", "processor seconds of all parties"),
              parties(lines, "megabytes", "MB sent by all parties")),
          drawn);
    }
  }

  /** The best of several runs: what disturbs one only adds. */
  private static XYChart parties(
      Map<String, Map<Integer, List<JsonNode>>> lines, String field, String yTitle) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title("alignment of several parties")
            .xAxisTitle("parties")
            .yAxisTitle(yTitle)
            .build();
    style(chart.getStyler());
    chart.getStyler().setYAxisLogarithmic(true);
    chart.getStyler().setXAxisDecimalPattern("#,###");
    double least = Double.POSITIVE_INFINITY;
    double most = 0;
    int last = 0;
    for (Map.Entry<String, Map<Integer, List<JsonNode>>> line : lines.entrySet()) {
      double[] x = line.getValue().keySet().stream().mapToDouble(Integer::doubleValue).toArray();
      double[] y =
          line.getValue().values().stream()
              .mapToDouble(
                  runs ->
                      runs.stream().mapToDouble(r -> r.get(field).asDouble()).min().orElseThrow())
              .toArray();
      for (int i = 0; i < x.length; i++) {
        least = Math.min(least, y[i]);
        most = Math.max(most, y[i]);
        last = Math.max(last, (int) x[i]);
      }
      chart.addSeries(line.getKey(), x, y).setMarker(SeriesMarkers.CIRCLE).setLineWidth(2f);
    }
    decades(chart.getStyler(), least, most);
    chart.getStyler().setXAxisMin(2.0).setXAxisMax(last + 1.0);
    return chart;
  }

  /** Bars of seconds and MB, a group a system, a colour a network. */
  private void systems(JsonNode own, JsonNode peers, List<Path> drawn) throws IOException {
    List<JsonNode> runs = new ArrayList<>();
    if (own != null) {
      own.get("runs").forEach(runs::add);
    }
    String data = own == null ? "" : own.get("data").asText();
    if (peers != null && (own == null || peers.get("data").asText().equals(data))) {
      data = peers.get("data").asText();
      for (JsonNode run : peers.get("runs")) {
        if (own == null || !run.get("system").asText().startsWith("espalier")) {
          runs.add(run);
        }
      }
    }
    if (!runs.isEmpty()) {
      save(
          "lr-w1",
          List.of(bars(runs, data, "seconds", "seconds"), bars(runs, data, "megabytes", "MB")),
          drawn);
    }
  }

  private static CategoryChart bars(List<JsonNode> runs, String data, String field, String yTitle) {
    List<String> systems = runs.stream().map(r -> r.get("system").asText()).distinct().toList();
    Map<String, List<Double>> networks = new LinkedHashMap<>();
    for (JsonNode run : runs) {
      networks.computeIfAbsent(run.get("network").asText(), network -> new ArrayList<>());
    }
    double least = Double.POSITIVE_INFINITY;
    double most = 0;
    for (Map.Entry<String, List<Double>> network : networks.entrySet()) {
      for (String system : systems) {
        double value = Double.NaN;
        for (JsonNode run : runs) {
          if (run.get("system").asText().equals(system)
              && run.get("network").asText().equals(network.getKey())) {
            value = run.get(field).asDouble();
          }
        }
        // The library leaves out what is null.
        network.getValue().add(Double.isNaN(value) ? null : value);
        if (!Double.isNaN(value)) {
          least = Math.min(least, value);
          most = Math.max(most, value);
        }
      }
    }
    CategoryChart chart =
        new CategoryChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(data.replace(" x ", " × "))
            .yAxisTitle(yTitle)
            .build();
    style(chart.getStyler());
    chart.getStyler().setYAxisLogarithmic(true);
    chart.getStyler().setAvailableSpaceFill(0.8);
    chart.getStyler().setLabelsVisible(true);
    chart.getStyler().setLabelsFont(new Font(FONT, Font.PLAIN, 10));
    chart.getStyler().setLabelsPosition(0.9);
    chart.getStyler().setXAxisLabelRotation(systems.size() > 3 ? 25 : 0);
    chart.getStyler().setDecimalPattern("#,##0");
    decades(chart.getStyler(), least, most);
    networks.forEach((network, values) -> chart.addSeries(network, systems, values));
    return chart;
  }

  /**
   * From the power of ten below the least to the one above the most: both axes' ends have ticks.
   */
  private static void decades(AxesChartStyler styler, double least, double most) {
    styler.setYAxisMin(Math.pow(10, Math.floor(Math.log10(least))));
    styler.setYAxisMax(Math.pow(10, Math.ceil(Math.log10(most * 1.1))));
    styler.setYAxisDecimalPattern(least < 1 ? "#,##0.###" : "#,###");
  }

  private static void style(AxesChartStyler styler) {
    Font text = new Font(FONT, Font.PLAIN, 12);
    styler.setBaseFont(text);
    styler.setLegendFont(text);
    styler.setAxisTickLabelsFont(text);
    styler.setAxisTitleFont(new Font(FONT, Font.PLAIN, 13));
    styler.setChartTitleFont(new Font(FONT, Font.BOLD, 13));
    styler.setChartBackgroundColor(Color.WHITE);
    styler.setPlotBackgroundColor(Color.WHITE);
    styler.setPlotGridLinesColor(new Color(0xdd, 0xdd, 0xdd));
    styler.setPlotGridLinesStroke(new BasicStroke(1f));
    styler.setPlotBorderVisible(false);
    styler.setLegendPosition(Styler.LegendPosition.OutsideS);
    styler.setLegendLayout(Styler.LegendLayout.Horizontal);
    styler.setLegendBorderColor(Color.WHITE);
    styler.setSeriesColors(
        new Color[] {
          new Color(0x00, 0x72, 0xb2),
          new Color(0xd5, 0x5e, 0x00),
          new Color(0x00, 0x9e, 0x73),
          new Color(0xcc, 0x79, 0xa7)
        });
  }

  /** Side by side in one file. Its letters are outlines, so that a title says what it shows. */
  private void save(String name, List<? extends Chart<?, ?>> charts, List<Path> drawn)
      throws IOException {
    Document document = document();
    SVGGraphics2D graphics = new SVGGraphics2D(document);
    StringBuilder text = new StringBuilder();
    for (Chart<?, ?> chart : charts) {
      chart.paint(graphics, WIDTH, HEIGHT);
      graphics.translate(WIDTH, 0);
      text.append(chart.getYAxisTitle()).append(", ").append(chart.getTitle());
      text.append(": ").append(String.join("; ", chart.getSeriesMap().keySet())).append(". ");
    }
    graphics.setSVGCanvasSize(new Dimension(WIDTH * charts.size(), HEIGHT));
    Element root = graphics.getRoot();
    Element title = document.createElementNS(SVG, "title");
    title.setTextContent(text.toString().trim());
    root.insertBefore(title, root.getFirstChild());
    Path file = plots.resolve(name + ".svg");
    try (Writer out = Files.newBufferedWriter(file, StandardCharsets.UTF_8)) {
      graphics.stream(root, out, true, false);
    }
    drawn.add(file);
  }

  private static Document document() {
    try {
      return DocumentBuilderFactory.newInstance()
          .newDocumentBuilder()
          .getDOMImplementation()
          .createDocument(SVG, "svg", null);
    } catch (ParserConfigurationException e) {
      throw new IllegalStateException(e);
    }
  }
}
