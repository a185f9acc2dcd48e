package org.espalier.bench;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import org.espalier.protocols.cost.Forecast;
import org.espalier.protocols.cost.Line;
import org.espalier.protocols.cost.Rates;
import org.espalier.protocols.cost.Work;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.glm.Calibration;
import org.espalier.protocols.glm.TrainingCost;
import org.espalier.protocols.glm.TrainingSpec;

/**
 * Predicted against measured: trainings of two pinned processes over a grid of sizes, each
 * predicted from a calibration of one pinned process and the line's nominal figures.
 */
final class PlanAccuracy {
  /** Within a quarter. */
  private static final double TOLERANCE = 0.25;

  private static final Line LOOPBACK = new Line(1e9, 5e-5);
  private static final Line SLOW = new Line(12.5e6, 0.025);

  /** One point of the grid. */
  record Point(DataFiles.Shape shape, String level, boolean wan) {}

  private record Result(Point point, double predicted, double measured, double bytes, double sent) {
    double ratio() {
      return measured / predicted;
    }

    boolean within() {
      return Math.abs(Math.log(ratio())) <= Math.log(1 + TOLERANCE);
    }
  }

  private PlanAccuracy() {}

  /** Prints the rates of this process, for the one that asks. */
  public static void main(String[] arguments) throws IOException {
    System.out.println(new ObjectMapper().writeValueAsString(Calibration.measure().seconds()));
  }

  private static Rates calibrate(boolean pin) throws IOException {
    List<String> java =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx1g",
            "-cp",
            System.getProperty("java.class.path"),
            PlanAccuracy.class.getName());
    Process process =
        new ProcessBuilder(Workers.pinned(pin, 1, java))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    byte[] out = process.getInputStream().readAllBytes();
    Map<String, Double> read =
        new ObjectMapper()
            .readValue(new String(out, StandardCharsets.UTF_8), new TypeReference<>() {});
    Map<Work, Double> rates = new EnumMap<>(Work.class);
    read.forEach((work, seconds) -> rates.put(Work.valueOf(work), seconds));
    return new Rates(rates);
  }

  /**
   * @return whether all are within a quarter
   */
  static boolean run(
      List<Point> grid, TwoProcesses.Settings settings, Path folder, boolean json, PrintStream out)
      throws IOException, TimeoutException {
    List<Result> lines = new ArrayList<>();
    Rates rates = calibrate(settings.pin());
    for (Point point : grid) {
      System.err.printf("bench: %s, %s, %s ...%n", point.shape(), point.level(), network(point));
      DataFiles data = DataFiles.ensure(folder.resolve("data"), point.shape());
      TwoProcesses.Settings s =
          new TwoProcesses.Settings(
              point.level(),
              settings.l2(),
              settings.maxPasses(),
              settings.tolerance(),
              point.wan(),
              settings.pin(),
              settings.heapMegabytes(),
              settings.limit());
      TwoProcesses.Outcome outcome = TwoProcesses.run(data, s, folder.resolve("parties"));
      TrainingCost cost =
          TrainingCost.of(
              new TrainingSpec(Level.parse(s.level()), s.l2(), s.maxPasses(), s.tolerance(), true),
              point.shape().rows(),
              new int[] {point.shape().labelColumns(), point.shape().featureColumns()});
      Line line = point.wan() ? SLOW : LOOPBACK;
      double seconds = Forecast.of(cost.script(), setting(rates, line)).seconds();
      long[][] bytes = cost.script().bytes();
      lines.add(
          new Result(
              point, seconds, outcome.seconds(), bytes[0][1] + bytes[1][0], outcome.bytes()));
    }
    print(lines, json, out);
    return lines.stream().allMatch(Result::within);
  }

  private static Forecast.Setting setting(Rates rates, Line line) {
    return new Forecast.Setting() {
      @Override
      public Rates rates(int party) {
        return rates;
      }

      @Override
      public int machine(int party) {
        return party;
      }

      @Override
      public Line line(int from, int to) {
        return line;
      }
    };
  }

  private static String network(Point point) {
    return point.wan() ? "slow line" : "loopback";
  }

  private static void print(List<Result> lines, boolean json, PrintStream out) throws IOException {
    if (json) {
      ObjectMapper mapper = new ObjectMapper();
      ObjectNode all = mapper.createObjectNode().put("benchmark", "plan-accuracy");
      all.put("cores", Runtime.getRuntime().availableProcessors());
      ArrayNode points = all.putArray("points");
      for (Result line : lines) {
        points
            .addObject()
            .put("data", line.point().shape().toString())
            .put("level", line.point().level())
            .put("network", network(line.point()))
            .put("predicted_seconds", line.predicted())
            .put("seconds", line.measured())
            .put("ratio", line.ratio())
            .put("predicted_bytes", line.bytes())
            .put("bytes", line.sent());
      }
      out.println(mapper.writeValueAsString(all));
      return;
    }
    out.printf(
        "%-22s %-10s %-10s %10s %10s %7s %13s %10s%n",
        "data", "level", "network", "predicted", "measured", "ratio", "predicted MB", "MB");
    for (Result line : lines) {
      out.printf(
          Locale.ROOT,
          "%-22s %-10s %-10s %8.2f s %8.2f s %7.2f %13.1f %10.1f%s%n",
          line.point().shape(),
          line.point().level(),
          network(line.point()),
          line.predicted(),
          line.measured(),
          line.ratio(),
          line.bytes() / 1e6,
          line.sent() / 1e6,
          line.within() ? "" : "  (outside 25 %)");
    }
  }
}
