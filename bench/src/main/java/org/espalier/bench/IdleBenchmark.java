package org.espalier.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/**
 * What strangers' idle connections do to partners: scores on request, for which the label party's
 * node asks the others, at one rate, in alternating turns without and with the connections.
 */
final class IdleBenchmark {
  private static final int WARM_UP_RATE = 2000;
  private static final long SEED = 12;

  /** p99 may be so much longer. */
  private static final double LONGER = 1.10;

  /**
   * @param idle connections to each node
   * @param rate of requests a second
   * @param turns with as many and without
   */
  record Settings(
      int parties,
      int people,
      int columns,
      int idle,
      int rate,
      int connections,
      int turns,
      int seconds,
      int warmUp,
      int heap) {}

  /**
   * @param open connections at the end of the turn
   * @param closed by the nodes during the turn
   */
  record Turn(int idle, int open, long closed, ScoreLoad.Result load) {}

  private IdleBenchmark() {}

  /**
   * @return whether the median of the turns' p99 is at most a tenth longer with the connections
   */
  static boolean run(Settings settings, Path folder, boolean asJson, PrintStream out)
      throws IOException {
    Machine machine = Machine.now();
    PrintStream shown = asJson ? System.err : out;
    shown.println(machine);
    List<Turn> turns = new ArrayList<>();
    try (ScoringNodes nodes =
        ScoringNodes.start(
            folder, settings.parties(), settings.people(), settings.columns(), settings.heap())) {
      ScoreLoad load = nodes.load(settings.people());
      load.run(WARM_UP_RATE / 10, settings.connections(), 2, SEED - 1);
      load.run(WARM_UP_RATE, settings.connections(), settings.warmUp(), SEED - 2);
      for (int turn = 0; turn < 2 * settings.turns(); turn++) {
        // Which of two neighbours comes first changes, so that a drift favours neither.
        boolean with = (turn + 1) / 2 % 2 == 1;
        turns.add(turn(nodes, load, with ? settings.idle() : 0, settings, SEED + turn));
        shown.println(text(turns.get(turn)));
      }
    }
    Limit limit =
        new Limit(
            "p99 with %d idle connections to each node, ms".formatted(settings.idle()),
            LONGER * median(turns, false, ScoreLoad.Result::p99),
            median(turns, true, ScoreLoad.Result::p99));
    boolean answered = turns.stream().allMatch(turn -> turn.load().errors() == 0);
    if (asJson) {
      ObjectMapper mapper = new ObjectMapper();
      ObjectNode json = mapper.createObjectNode().put("benchmark", "idle");
      json.set("machine", mapper.valueToTree(machine));
      json.set("settings", mapper.valueToTree(settings));
      json.set("turns", mapper.valueToTree(turns));
      json.set("limit", mapper.valueToTree(limit));
      out.println(json.toPrettyString());
    } else {
      out.printf(
          Locale.ROOT,
          "medians without and with: p50 %.2f and %.2f ms, p99 %.2f and %.2f ms%n",
          median(turns, false, ScoreLoad.Result::p50),
          median(turns, true, ScoreLoad.Result::p50),
          median(turns, false, ScoreLoad.Result::p99),
          median(turns, true, ScoreLoad.Result::p99));
    }
    return answered && limit.met();
  }

  private static Turn turn(
      ScoringNodes nodes, ScoreLoad load, int idle, Settings settings, long seed)
      throws IOException {
    if (idle == 0) {
      return new Turn(
          0, 0, 0, load.run(settings.rate(), settings.connections(), settings.seconds(), seed));
    }
    List<Integer> ports = nodes.linkPorts();
    try (IdleConnections held = new IdleConnections(ports, idle * ports.size())) {
      ScoreLoad.Result result =
          load.run(settings.rate(), settings.connections(), settings.seconds(), seed);
      return new Turn(idle, held.open(), held.closed(), result);
    }
  }

  private static String text(Turn turn) {
    return String.format(
        Locale.ROOT,
        "%5d idle (%d open at the end, %d closed by the nodes) | %.1f a second, %d errors | p50 %.2f"
            + " p90 %.2f p99 %.2f p99.9 %.2f max %.2f ms",
        turn.idle(),
        turn.open(),
        turn.closed(),
        turn.load().reached(),
        turn.load().errors(),
        turn.load().p50(),
        turn.load().p90(),
        turn.load().p99(),
        turn.load().p999(),
        turn.load().max());
  }

  private static double median(
      List<Turn> turns, boolean idle, ToDoubleFunction<ScoreLoad.Result> figure) {
    List<Double> sorted =
        turns.stream()
            .filter(turn -> turn.idle() > 0 == idle)
            .map(turn -> figure.applyAsDouble(turn.load()))
            .sorted(Comparator.naturalOrder())
            .toList();
    int half = sorted.size() / 2;
    return sorted.size() % 2 == 1
        ? sorted.get(half)
        : (sorted.get(half - 1) + sorted.get(half)) / 2;
  }
}
