package org.espalier.bench;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import org.espalier.protocols.cost.Forecast;
import org.espalier.protocols.cost.Line;
import org.espalier.protocols.cost.Rates;
import org.espalier.protocols.cost.Work;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.glm.TrainingCost;
import org.espalier.protocols.glm.TrainingSpec;
import org.espalier.protocols.shares.Workspace;

/**
 * How well a training's cost is predicted. As a node does, a process measures each of two cores
 * once; then for each size, number of parties and network the parties measure their lines, the cost
 * is computed from that, and they train. Parties are processes on the two cores; those of feature
 * parties share the second one, which the prediction knows.
 */
final class PlanAccuracy {
  private static final double TOLERATED = 0.25;
  private static final int LOOPBACK_BYTES = 16 << 20;
  private static final int WIDE_BYTES = 2 << 20;

  /** Cases of more values, and those over the slow line, which decides itself, have one turn. */
  private static final long FEW_VALUES = 10_000_000;

  /**
   * @param rows trained on
   * @param features of all parties together
   */
  record Case(String level, int rows, int features, int parties, boolean wide) {
    /** As even as can be, the label party's the smaller. */
    int[] columns() {
      int[] columns = new int[parties];
      for (int p = 0; p < parties; p++) {
        columns[p] = features * (p + 1) / parties - features * p / parties;
      }
      return columns;
    }

    String network() {
      return wide ? "wan" : "loopback";
    }

    int turns(int most) {
      return wide || (long) rows * features > FEW_VALUES ? 1 : most;
    }

    /** Of a party's Java runtime: a slice, what becomes of it, and room. */
    long heapBytes() {
      int largest = Arrays.stream(columns()).max().orElseThrow();
      return (1L << 30) + 4L * rows * largest * Double.BYTES;
    }
  }

  /**
   * @param seconds until the last party is done
   * @param bytes of all parties together
   * @param cpuSeconds of all parties together
   * @param memory peak of each party
   */
  record Figures(double seconds, double bytes, int passes, double cpuSeconds, long[] memory) {}

  /**
   * One turn of a case, predicted and measured.
   *
   * @param predicted with as many passes as there were: the data decide at level {@code gradients}
   * @param fewest passes that were expected
   * @param most the same
   */
  record Outcome(Case what, Figures predicted, int fewest, int most, Figures measured) {
    double seconds() {
      return predicted.seconds() / measured.seconds();
    }

    double bytes() {
      return predicted.bytes() / measured.bytes();
    }

    /** Of the party that is worst predicted. */
    double memory() {
      double worst = 1;
      for (int p = 0; p < predicted.memory().length; p++) {
        double ratio = (double) predicted.memory()[p] / measured.memory()[p];
        worst = Math.abs(Math.log(ratio)) > Math.abs(Math.log(worst)) ? ratio : worst;
      }
      return worst;
    }

    /** Seconds and bytes within a quarter, and as many passes as were expected. */
    boolean good() {
      return within(seconds()) && within(bytes()) && expected();
    }

    private boolean expected() {
      return measured.passes() >= fewest && measured.passes() <= most;
    }

    boolean memoryGood() {
      return within(memory());
    }

    private static boolean within(double ratio) {
      return Math.abs(ratio - 1) <= TOLERATED;
    }
  }

  /**
   * @param passes at most
   * @param turns of each small case on the loopback interface; the one of median seconds counts
   */
  record Settings(
      List<Case> cases, double tolerance, int passes, int turns, boolean pin, Duration limit) {}

  private PlanAccuracy() {}

  /** From 10,000 to a million rows, 10 to 1,000 features, two to five parties. */
  static List<Case> grid() {
    List<Case> grid = new ArrayList<>();
    add(grid, "sealed", false, "2x10000x10 2x10000x100 2x100000x100 2x1000000x10 4x100000x1000");
    add(grid, "sealed", false, "3x30000x300 3x1000000x100 4x100000x30 5x10000x50 5x100000x100");
    add(grid, "sealed", true, "2x10000x10 2x100000x100 3x10000x100 5x10000x10 2x1000000x10");
    add(grid, "gradients", false, "2x10000x10 2x100000x100 3x100000x30 5x10000x100 2x1000000x10");
    add(grid, "gradients", false, "2x100000x1000 4x30000x300");
    add(grid, "gradients", true, "2x10000x100 3x100000x30 5x10000x50 2x1000000x10");
    return grid;
  }

  private static void add(List<Case> to, String level, boolean wide, String sizes) {
    for (String size : sizes.split(" ", -1)) {
      int[] of = Arrays.stream(size.split("x", -1)).mapToInt(Integer::parseInt).toArray();
      to.add(new Case(level, of[1], of[2], of[0], wide));
    }
  }

  /** All combinations. */
  static List<Case> cases(
      List<String> levels,
      List<Integer> parties,
      List<Integer> rows,
      List<Integer> features,
      List<String> networks) {
    List<Case> cases = new ArrayList<>();
    for (String level : levels) {
      for (String network : networks) {
        for (int p : parties) {
          for (int n : rows) {
            features.forEach(d -> cases.add(new Case(level, n, d, p, network.equals("wan"))));
          }
        }
      }
    }
    return cases;
  }

  /** Whether all cases are predicted within the tolerance. */
  static boolean run(Settings settings, boolean json, PrintStream out)
      throws IOException, TimeoutException {
    if (!json) {
      out.printf(
          "%-9s %-8s %7s %9s %8s | %8s %8s %6s | %9s %9s %6s | %13s %6s | %s%n",
          "level",
          "network",
          "parties",
          "rows",
          "features",
          "s pred.",
          "s meas.",
          "ratio",
          "MB pred.",
          "MB meas.",
          "ratio",
          "memory MB",
          "ratio",
          "load, passes, processor time");
    }
    List<Rates> cores = List.of(calibrated(settings, 0), calibrated(settings, 1));
    List<List<Outcome>> outcomes = new ArrayList<>();
    for (Case c : settings.cases()) {
      List<Outcome> turns = new ArrayList<>();
      for (int turn = 0; turn < c.turns(settings.turns()); turn++) {
        turns.add(once(c, settings, cores));
        if (!json) {
          print(turns.get(turn), out);
        }
      }
      turns.sort(Comparator.comparingDouble(turn -> turn.measured().seconds()));
      outcomes.add(turns);
    }
    List<Outcome> counted = outcomes.stream().map(PlanAccuracy::median).toList();
    boolean good = counted.stream().allMatch(Outcome::good);
    if (json) {
      out.println(toJson(outcomes, good));
    } else {
      out.printf(
          Locale.ROOT,
          "the median of a case's turns counts: %d of %d cases within %.0f %% (seconds and bytes),"
              + " memory in %d of %d%n",
          counted.stream().filter(Outcome::good).count(),
          counted.size(),
          100 * TOLERATED,
          counted.stream().filter(Outcome::memoryGood).count(),
          counted.size());
    }
    return good;
  }

  private static Outcome median(List<Outcome> turns) {
    return turns.get(middle(turns));
  }

  private static int middle(List<Outcome> turns) {
    return turns.size() / 2;
  }

  /** What a process measures of its core. */
  private static Rates calibrated(Settings s, int core) throws IOException {
    try (Workers workers = new Workers(s.limit())) {
      workers.start("calibration", java(s, core, 1L << 30, PlanParty.CALIBRATE), null);
      String seconds = workers.await(0, PlanParty.MEASURED);
      return new Rates(
          new ObjectMapper().readValue(seconds, new TypeReference<Map<Work, Double>>() {}));
    }
  }

  private static Outcome once(Case c, Settings s, List<Rates> cores)
      throws IOException, TimeoutException {
    ObjectMapper json = new ObjectMapper();
    List<ShapedRelay> relays = new ArrayList<>();
    try (Workers workers = new Workers(s.limit())) {
      int[] columns = c.columns();
      int[] ports = new int[c.parties()];
      for (int p = 0; p < c.parties(); p++) {
        PlanParty.Task task =
            new PlanParty.Task(
                p,
                c.rows(),
                columns,
                c.level(),
                s.tolerance(),
                s.passes(),
                c.wide() ? WIDE_BYTES : LOOPBACK_BYTES);
        workers.start(
            "party " + p,
            java(s, Math.min(p, 1), c.heapBytes(), json.writeValueAsString(task)),
            null);
      }
      for (int p = 0; p < c.parties(); p++) {
        ports[p] = Integer.parseInt(workers.await(p, Mesh.LISTENING));
      }
      for (int p = 0; p < c.parties(); p++) {
        workers.tell(p, String.join(" ", reach(c, ports, relays)));
      }
      PlanParty.Measured[] measured = new PlanParty.Measured[c.parties()];
      for (int p = 0; p < c.parties(); p++) {
        measured[p] =
            json.readValue(workers.await(p, PlanParty.MEASURED), PlanParty.Measured.class);
      }
      for (int p = 0; p < c.parties(); p++) {
        workers.tell(p, PlanParty.GO);
      }
      double seconds = 0;
      double bytes = 0;
      double cpu = 0;
      int passes = 0;
      long[] peaks = new long[c.parties()];
      for (int p = 0; p < c.parties(); p++) {
        PlanParty.Result result =
            json.readValue(workers.await(p, PlanParty.RESULT), PlanParty.Result.class);
        seconds = Math.max(seconds, result.seconds());
        bytes += Arrays.stream(result.sent()).sum();
        cpu += result.cpuSeconds();
        passes = result.passes();
        peaks[p] = result.peakBytes();
      }
      workers.join();
      Figures figures = new Figures(seconds, bytes, passes, cpu, peaks);
      return predicted(c, s, new Machines(cores, measured), figures);
    } finally {
      relays.forEach(ShapedRelay::close);
    }
  }

  private static Outcome predicted(Case c, Settings s, Machines machines, Figures measured) {
    TrainingSpec spec =
        new PlanParty.Task(0, c.rows(), c.columns(), c.level(), s.tolerance(), s.passes(), 0)
            .spec();
    TrainingCost.Size size = new TrainingCost.Size(c.rows(), 0, c.columns(), Workspace.inMemory());
    TrainingCost.Range range = TrainingCost.range(spec, size);
    boolean open = spec.level() == Level.GRADIENTS;
    TrainingCost cost = open ? TrainingCost.of(spec, size, measured.passes()) : range.expected();
    Forecast forecast = Forecast.of(cost.script(), machines);
    long[] memory = new long[c.parties()];
    Arrays.setAll(memory, p -> cost.footprint(p).resident(c.heapBytes()));
    Figures predicted =
        new Figures(
            forecast.seconds(),
            Arrays.stream(cost.script().bytes()).flatMapToLong(Arrays::stream).sum(),
            cost.passes(),
            Arrays.stream(forecast.busy()).sum(),
            memory);
    int most = open ? range.most().passes() : cost.passes();
    return new Outcome(c, predicted, range.least().passes(), most, measured);
  }

  /** Ports by which a party reaches each other: its own relay for each pair on the slow line. */
  private static List<String> reach(Case c, int[] ports, List<ShapedRelay> relays)
      throws IOException {
    List<String> reach = new ArrayList<>();
    for (int port : ports) {
      if (c.wide()) {
        ShapedRelay relay = new ShapedRelay(ShapedRelay.Shape.WIDE_AREA);
        relays.add(relay);
        reach.add(String.valueOf(relay.link(port, false)));
      } else {
        reach.add(String.valueOf(port));
      }
    }
    return reach;
  }

  private static List<String> java(Settings s, int core, long heap, String argument) {
    List<String> java =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx" + (heap >> 20) + "m",
            "-cp",
            System.getProperty("java.class.path"),
            PlanParty.class.getName(),
            argument);
    return Workers.pinned(s.pin(), core, java);
  }

  /** The two cores, and the lines as the parties measured them. */
  private record Machines(List<Rates> cores, PlanParty.Measured[] measured)
      implements Forecast.Setting {
    @Override
    public Rates rates(int party) {
      return cores.get(machine(party));
    }

    @Override
    public int machine(int party) {
      return Math.min(party, 1);
    }

    @Override
    public Line line(int from, int to) {
      PlanParty.Measured low = measured[Math.min(from, to)];
      int high = Math.max(from, to);
      return new Line(low.bytesPerSecond()[high], low.roundTrips()[high] / 2);
    }
  }

  private static double load() {
    return java.lang.management.ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
  }

  private static void print(Outcome o, PrintStream out) {
    out.printf(
        Locale.ROOT,
        "%-9s %-8s %7d %9d %8d | %8.2f %8.2f %6.2f | %9.1f %9.1f %6.2f | %6.0f %6.0f %6.2f | %4.1f "
            + " %d (%d to %d), cpu %.2f %.2f%s%n",
        o.what().level(),
        o.what().network(),
        o.what().parties(),
        o.what().rows(),
        o.what().features(),
        o.predicted().seconds(),
        o.measured().seconds(),
        o.seconds(),
        o.predicted().bytes() / 1e6,
        o.measured().bytes() / 1e6,
        o.bytes(),
        Arrays.stream(o.predicted().memory()).max().orElse(0) / 1e6,
        Arrays.stream(o.measured().memory()).max().orElse(0) / 1e6,
        o.memory(),
        load(),
        o.measured().passes(),
        o.fewest(),
        o.most(),
        o.predicted().cpuSeconds(),
        o.measured().cpuSeconds(),
        o.good() ? "" : "  OUTSIDE");
    out.flush();
  }

  private static ObjectNode toJson(List<List<Outcome>> outcomes, boolean good) {
    ObjectNode all = new ObjectMapper().createObjectNode();
    all.put("benchmark", "plan-accuracy").put("within", TOLERATED).put("passed", good);
    all.put("load", load()).put("cores", Runtime.getRuntime().availableProcessors());
    ArrayNode cases = all.putArray("cases");
    for (List<Outcome> turns : outcomes) {
      Outcome o = median(turns);
      ObjectNode one = cases.addObject();
      one.put("level", o.what().level())
          .put("network", o.what().network())
          .put("parties", o.what().parties());
      one.put("rows", o.what().rows()).put("features", o.what().features());
      one.put("within", o.good()).put("memory_within", o.memoryGood());
      ArrayNode each = one.putArray("turns");
      for (int i = 0; i < turns.size(); i++) {
        Outcome turn = turns.get(i);
        ObjectNode figures = each.addObject();
        figures.set("predicted", figures(turn.predicted()));
        figures.put("fewest_passes", turn.fewest()).put("most_passes", turn.most());
        figures.set("measured", figures(turn.measured()));
        figures
            .put("seconds_ratio", turn.seconds())
            .put("bytes_ratio", turn.bytes())
            .put("memory_ratio", turn.memory())
            .put("counts", i == middle(turns));
      }
    }
    return all;
  }

  private static ObjectNode figures(Figures f) {
    ObjectNode figures =
        new ObjectMapper()
            .createObjectNode()
            .put("seconds", f.seconds())
            .put("bytes", f.bytes())
            .put("passes", f.passes())
            .put("cpu_seconds", f.cpuSeconds());
    ArrayNode memory = figures.putArray("peak_bytes");
    Arrays.stream(f.memory()).forEach(memory::add);
    return figures;
  }
}
