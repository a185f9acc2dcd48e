package org.espalier.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Scores of single people on request: real nodes, a process each, asked at fixed rates by a process
 * of its own. The rate at which more is asked than answered is looked for after that.
 */
final class ScoringBenchmark {
  /** p99 at the goal's rate, beside two round trips of the slowest link. */
  private static final double GOAL_MILLIS = 20;

  private static final int GOAL_RATE = 1000;

  /** A rate is held if so much of it is answered and the tail stays below. */
  private static final double HELD = 0.97;

  private static final double HELD_MILLIS = 250;
  private static final int WARM_UP_RATE = 2000;
  private static final long SEED = 11;

  /**
   * @param parties the label party among them
   * @param columns of each party
   * @param rates in requests a second, one after the other
   * @param warmUp seconds that come before the first rate
   * @param most up to which a rate is looked for that is not held; 0: not at all
   */
  record Settings(
      int parties,
      int people,
      int columns,
      List<Integer> rates,
      int most,
      int connections,
      int seconds,
      int warmUp,
      int heap) {}

  /**
   * @param cpuMicros of a request at each node, the label party's first
   */
  record Point(ScoreLoad.Result load, double[] cpuMicros, double machineLoad) {
    boolean held() {
      return load.errors() == 0
          && load.reached() >= HELD * load.rate()
          && load.p99() <= HELD_MILLIS;
    }
  }

  private ScoringBenchmark() {}

  /**
   * @return whether the goal is met, where its rate was run
   */
  static boolean run(Settings settings, Path folder, boolean asJson, PrintStream out)
      throws IOException {
    Machine machine = Machine.now();
    if (!asJson) {
      out.println(machine);
    }
    List<Point> points = new ArrayList<>();
    int held = 0;
    double roundTrip;
    try (ScoringNodes nodes =
        ScoringNodes.start(
            folder, settings.parties(), settings.people(), settings.columns(), settings.heap())) {
      ScoreLoad load = nodes.load(settings.people());
      warmUp(load, settings);
      if (!asJson) {
        out.printf(
            "%8s %9s %7s | %8s %8s %8s %8s %8s ms | µs of each node a request%n",
            "rate", "reached", "errors", "p50", "p90", "p99", "p99.9", "max");
      }
      for (int rate : settings.rates()) {
        points.add(measure(nodes, load, rate, settings, asJson ? null : out));
      }
      held = search(nodes, load, settings, points, asJson ? null : out);
      roundTrip = nodes.roundTripMillis();
    }
    Limit goal = goal(points, roundTrip);
    if (asJson) {
      ObjectMapper mapper = new ObjectMapper();
      ObjectNode json = mapper.createObjectNode().put("benchmark", "scoring");
      json.set("machine", mapper.valueToTree(machine));
      json.set("settings", mapper.valueToTree(settings));
      json.put("round_trip_ms", roundTrip);
      json.set("points", mapper.valueToTree(points));
      json.put("highest_rate_held", held);
      json.set("goal", mapper.valueToTree(goal));
      out.println(json.toPrettyString());
    } else {
      out.printf(Locale.ROOT, "round trip of the links %.2f ms%n", roundTrip);
      out.printf("highest rate that was held: %d requests a second%n", held);
      if (goal != null) {
        out.printf(
            Locale.ROOT, "%s: %.2f of at most %.2f%n", goal.what(), goal.measured(), goal.limit());
      }
    }
    return goal == null || goal.met();
  }

  /** The nodes' code is compiled in the course of some ten thousand requests. */
  private static void warmUp(ScoreLoad load, Settings settings) {
    load.run(WARM_UP_RATE / 10, settings.connections(), 2, SEED - 1);
    load.run(WARM_UP_RATE, settings.connections(), settings.warmUp(), SEED - 2);
  }

  private static Point measure(
      ScoringNodes nodes, ScoreLoad load, int rate, Settings settings, PrintStream out) {
    double[] before = nodes.cpuSeconds();
    ScoreLoad.Result result =
        load.run(rate, settings.connections(), settings.seconds(), SEED + rate);
    double[] used = ScoringNodes.difference(nodes.cpuSeconds(), before);
    double[] micros =
        Arrays.stream(used).map(s -> Math.round(1e7 * s / result.requests()) / 10.0).toArray();
    Point point = new Point(result, micros, Machine.loadNow());
    if (out != null) {
      out.printf(
          Locale.ROOT,
          "%8d %9.1f %7d | %8.2f %8.2f %8.2f %8.2f %8.2f    | %s%n",
          result.rate(),
          result.reached(),
          result.errors(),
          result.p50(),
          result.p90(),
          result.p99(),
          result.p999(),
          result.max(),
          Arrays.toString(micros));
      out.flush();
    }
    return point;
  }

  /** Goes on by quarters from the highest rate that was held until one is not. */
  private static int search(
      ScoringNodes nodes, ScoreLoad load, Settings settings, List<Point> points, PrintStream out) {
    int held = 0;
    for (Point point : points) {
      held = point.held() ? Math.max(held, point.load().rate()) : held;
    }
    boolean all = points.stream().allMatch(Point::held);
    for (int rate = held * 5 / 4; all && rate <= settings.most(); rate = rate * 5 / 4) {
      Point point = measure(nodes, load, rate, settings, out);
      points.add(point);
      if (!point.held()) {
        break;
      }
      held = rate;
    }
    return held;
  }

  private static Limit goal(List<Point> points, double roundTrip) {
    return points.stream()
        .filter(point -> point.load().rate() == GOAL_RATE)
        .findFirst()
        .map(
            point ->
                new Limit(
                    "p99 at %d requests a second, ms".formatted(GOAL_RATE),
                    GOAL_MILLIS + 2 * roundTrip,
                    point.load().errors() == 0 ? point.load().p99() : Double.POSITIVE_INFINITY))
        .orElse(null);
  }
}
