package org.espalier.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeoutException;

/** How seconds and bytes grow with rows, with features and with parties, at both levels. */
final class Scaling {
  private static final int HOLDOUT = 1000;
  private static final long SEED = 7;

  /**
   * One size.
   *
   * @param curve what grows along it: rows, features or parties
   * @param features of all feature parties together
   */
  record Size(String curve, int rows, int label, int features, int parties) {
    /** What grows. */
    int value() {
      return switch (curve) {
        case "rows" -> rows;
        case "features" -> label + features;
        default -> parties;
      };
    }
  }

  /**
   * One training.
   *
   * @param megabytes that all parties send
   * @param peakMegabytes of the party that takes most
   * @param gap of the log-loss
   */
  record Point(
      String level,
      Size size,
      int value,
      double seconds,
      double cpuSeconds,
      double megabytes,
      double peakMegabytes,
      int passes,
      double gap) {}

  private Scaling() {}

  /** The curves that are drawn; features are halved between the two parties. */
  static List<Size> sizes(
      List<String> curves, List<Integer> rows, List<Integer> features, List<Integer> parties) {
    List<Size> sizes = new ArrayList<>();
    if (curves.contains("rows")) {
      rows.forEach(n -> sizes.add(new Size("rows", n, 10, 10, 2)));
    }
    if (curves.contains("features")) {
      features.forEach(d -> sizes.add(new Size("features", 20_000, d / 2, d - d / 2, 2)));
    }
    if (curves.contains("parties")) {
      parties.forEach(p -> sizes.add(new Size("parties", 20_000, 12, 60, p)));
    }
    return sizes;
  }

  static void run(
      List<Size> sizes,
      List<JointLr.Aim> aims,
      PartyProcesses.Settings base,
      Path folder,
      boolean asJson,
      PrintStream out)
      throws IOException, TimeoutException {
    Machine machine = Machine.now();
    if (!asJson) {
      out.println(machine);
      out.printf(
          "%-10s %9s %9s %8s %8s | %9s %9s %9s %9s %7s %9s%n",
          "level",
          "curve",
          "rows",
          "features",
          "parties",
          "seconds",
          "cpu s",
          "MB",
          "peak MB",
          "passes",
          "gap");
    }
    List<Point> points = new ArrayList<>();
    for (Size size : sizes) {
      DataFiles data =
          DataFiles.ensure(
              folder.resolve("data"),
              new DataFiles.Shape(size.rows(), HOLDOUT, size.label(), size.features(), SEED));
      Reference reference = new Reference(data, base.l2());
      for (JointLr.Aim aim : aims) {
        PartyProcesses.Settings settings =
            base.at(aim.level(), aim.tolerance()).with(size.parties());
        PartyProcesses.Outcome outcome =
            PartyProcesses.run(data, settings, folder.resolve("parties"));
        Point point = point(aim.level(), size, outcome, reference);
        points.add(point);
        if (!asJson) {
          print(point, out);
        }
      }
    }
    if (asJson) {
      ObjectMapper mapper = new ObjectMapper();
      ObjectNode json = mapper.createObjectNode().put("benchmark", "scaling");
      json.set("machine", mapper.valueToTree(machine));
      json.put("pinned", base.pin()).put("l2", base.l2());
      json.set("points", mapper.valueToTree(points));
      out.println(json.toPrettyString());
    }
  }

  private static Point point(
      String level, Size size, PartyProcesses.Outcome outcome, Reference reference) {
    return new Point(
        level,
        size,
        size.value(),
        outcome.seconds(),
        outcome.cpuSeconds(),
        outcome.bytes() / 1e6,
        Math.max(outcome.label().peakBytes(), outcome.peakBytesFeature()) / 1e6,
        outcome.label().passes(),
        reference.quality(outcome.weights(), outcome.label().intercept()).gap());
  }

  private static void print(Point p, PrintStream out) {
    out.printf(
        Locale.ROOT,
        "%-10s %9s %9d %8d %8d | %9.2f %9.2f %9.1f %9.0f %7d %9.1e%n",
        p.level(),
        p.size().curve(),
        p.size().rows(),
        p.size().label() + p.size().features(),
        p.size().parties(),
        p.seconds(),
        p.cpuSeconds(),
        p.megabytes(),
        p.peakMegabytes(),
        p.passes(),
        p.gap());
    out.flush();
  }
}
