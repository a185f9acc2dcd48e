package org.espalier.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeoutException;

/**
 * Joint logistic regression of a cohort that is too large to be measured every day: at four sizes
 * below it, rows and columns scaled apart, and what follows for the whole.
 */
final class LargeLr {
  /** What the whole is: 800,000 rows, 1,500 columns a party. */
  static final DataFiles.Shape WHOLE = new DataFiles.Shape(800_000, 10_000, 1500, 1500, 7);

  /**
   * What one training took.
   *
   * @param preparing seconds until the first message of the feature party: its whitening
   * @param columns of each party
   * @param peakMegabytes of the party that takes more
   */
  record Point(
      String level,
      int rows,
      int columns,
      double seconds,
      double preparing,
      double cpuSeconds,
      double megabytes,
      double peakMegabytes,
      int passes,
      Run.Quality model) {}

  /**
   * What four points say of a size beyond them. With n rows and d columns a party:
   *
   * <ul>
   *   <li>MB = a + b·n + c·d + e·n·d, exactly through the four points (bytes have no other terms
   *       but where a training takes more passes);
   *   <li>seconds = P·(n/n₁)·(d/d₁)² + (S − P)·(n/n₁)·(d/d₁), from the largest point (n₁, d₁) with
   *       its S seconds in all and its P seconds of preparing, which is an n·d² product: what does
   *       not grow so is taken to grow so, and so this is more than the truth while memory
   *       suffices;
   *   <li>peak MB = a + b·n·d through the smallest and the largest point.
   * </ul>
   */
  record Extrapolated(double seconds, double megabytes, double peakMegabytes) {
    static final String FORMULA =
        "MB = a + b n + c d + e n d through the four points; seconds = P (n/n1)(d/d1)^2 +"
            + " (S - P)(n/n1)(d/d1) from the largest, P its preparing; peak MB = a + b n d through the"
            + " smallest and the largest";

    /**
     * @param p sizes (n, d), (k·n, d), (n, k·d), (k·n, k·d)
     */
    static Extrapolated of(List<Point> p, int rows, int columns) {
      Point small = p.get(0);
      Point large = p.get(3);
      double u = (double) (rows - small.rows()) / (large.rows() - small.rows());
      double v = (double) (columns - small.columns()) / (large.columns() - small.columns());
      double n = (double) rows / large.rows();
      double d = (double) columns / large.columns();
      double least = (double) small.rows() * small.columns();
      double most = (double) large.rows() * large.columns();
      double w = ((double) rows * columns - least) / (most - least);
      return new Extrapolated(
          large.preparing() * n * d * d + (large.seconds() - large.preparing()) * n * d,
          (1 - u) * (1 - v) * small.megabytes()
              + u * (1 - v) * p.get(1).megabytes()
              + (1 - u) * v * p.get(2).megabytes()
              + u * v * large.megabytes(),
          small.peakMegabytes() + w * (large.peakMegabytes() - small.peakMegabytes()));
    }
  }

  /**
   * @param rows of the smallest size
   * @param columns of each party in the smallest size
   * @param factor by which rows and columns grow
   */
  record Sizes(int rows, int columns, int factor) {
    List<DataFiles.Shape> shapes() {
      List<DataFiles.Shape> shapes = new ArrayList<>();
      for (int d : new int[] {columns, factor * columns}) {
        for (int n : new int[] {rows, factor * rows}) {
          shapes.add(new DataFiles.Shape(n, WHOLE.holdout(), d, d, WHOLE.seed()));
        }
      }
      return shapes;
    }
  }

  /** Of a value while it is trained on: as it was read, 8, and rounded, 2. */
  private static final double LEAST_BYTES = 10;

  private LargeLr() {}

  /** Scaled. */
  static void run(
      Sizes sizes,
      List<JointLr.Aim> aims,
      PartyProcesses.Settings base,
      Path folder,
      boolean asJson,
      PrintStream out)
      throws IOException, TimeoutException {
    Machine machine = Machine.now();
    List<List<Point>> points = new ArrayList<>();
    aims.forEach(aim -> points.add(new ArrayList<>()));
    for (DataFiles.Shape shape : sizes.shapes()) {
      System.err.printf("bench: data of %s ...%n", shape);
      DataFiles data = DataFiles.ensure(folder.resolve("data"), shape);
      Reference reference = new Reference(data, base.l2());
      for (int a = 0; a < aims.size(); a++) {
        points.get(a).add(measure(data, aims.get(a), base, folder, reference));
      }
    }
    List<Extrapolated> whole =
        points.stream().map(p -> Extrapolated.of(p, WHOLE.rows(), WHOLE.featureColumns())).toList();
    if (asJson) {
      out.println(json(machine, points, whole).toPrettyString());
    } else {
      print(machine, points, whole, out);
    }
  }

  /**
   * The whole, at one level. Its optimum is not computed, because all columns in one place do not
   * fit the memory: quality is that on held-out rows.
   *
   * @throws Workers.Failed if the machine has too little memory or disk
   */
  static void whole(
      JointLr.Aim aim, PartyProcesses.Settings base, Path folder, boolean asJson, PrintStream out)
      throws IOException, TimeoutException {
    double least = LEAST_BYTES * WHOLE.rows() * WHOLE.featureColumns();
    double available = availableBytes();
    if (available > 0 && 2 * least > available) {
      throw new Workers.Failed(
          String.format(
              Locale.ROOT,
              "the columns alone take %.1f GB of memory a party, %.0f bytes a value, and %.1f GB are"
                  + " free for two; the scaled run extrapolates the peak",
              least / 1e9,
              LEAST_BYTES,
              available / 1e9));
    }
    if (base.heapMegabytes() * 1e6 < least) {
      throw new Workers.Failed(
          String.format(Locale.ROOT, "a party needs --heap %.0f or more", least / 1e6));
    }
    Machine machine = Machine.now();
    DataFiles data = DataFiles.ensure(folder.resolve("data"), WHOLE);
    Point point = measure(data, aim, base, folder, null);
    if (asJson) {
      ObjectNode json = new ObjectMapper().createObjectNode().put("benchmark", "lr-w2");
      json.set("machine", new ObjectMapper().valueToTree(machine));
      json.set("whole", new ObjectMapper().valueToTree(point));
      out.println(json.toPrettyString());
    } else {
      out.println(machine);
      print(point, out);
    }
  }

  private static Point measure(
      DataFiles data,
      JointLr.Aim aim,
      PartyProcesses.Settings base,
      Path folder,
      Reference reference)
      throws IOException, TimeoutException {
    System.err.printf("bench: %s, %s ...%n", aim.level(), data.shape());
    PartyProcesses.Outcome outcome =
        PartyProcesses.run(data, base.at(aim.level(), aim.tolerance()), folder.resolve("parties"));
    double intercept = outcome.label().intercept();
    return new Point(
        aim.level(),
        data.shape().rows(),
        data.shape().featureColumns(),
        outcome.seconds(),
        outcome.feature().phases().get(0).seconds(),
        outcome.cpuSeconds(),
        outcome.bytes() / 1e6,
        Math.max(outcome.label().peakBytes(), outcome.peakBytesFeature()) / 1e6,
        outcome.label().passes(),
        reference == null
            ? Reference.heldOut(data, outcome.weights(), intercept)
            : reference.quality(outcome.weights(), intercept));
  }

  private static double availableBytes() throws IOException {
    Path file = Path.of("/proc/meminfo");
    if (Files.isReadable(file)) {
      for (String line : Files.readAllLines(file)) {
        if (line.startsWith("MemAvailable:")) {
          return 1024.0 * Long.parseLong(line.replaceAll("[^0-9]", ""));
        }
      }
    }
    return 0;
  }

  private static ObjectNode json(
      Machine machine, List<List<Point>> points, List<Extrapolated> whole) {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode json = mapper.createObjectNode().put("benchmark", "lr-w2");
    json.set("machine", mapper.valueToTree(machine));
    json.put("whole", WHOLE.toString()).put("formula", Extrapolated.FORMULA);
    ArrayNode levels = json.putArray("levels");
    for (int a = 0; a < points.size(); a++) {
      ObjectNode level = levels.addObject();
      level.put("level", points.get(a).get(0).level());
      level.set("measured", mapper.valueToTree(points.get(a)));
      level.set("extrapolated", mapper.valueToTree(whole.get(a)));
      // Of an hour, which the whole may take.
      level.put("ratio", whole.get(a).seconds() / 3600);
    }
    return json;
  }

  private static void print(
      Machine machine, List<List<Point>> points, List<Extrapolated> whole, PrintStream out) {
    out.println(machine);
    out.printf(
        "%-10s %9s %9s | %9s %10s %9s %10s %9s %7s %9s %9s%n",
        "level",
        "rows",
        "columns",
        "seconds",
        "preparing",
        "cpu s",
        "MB",
        "peak MB",
        "passes",
        "gap",
        "AUC");
    for (int a = 0; a < points.size(); a++) {
      points.get(a).forEach(point -> print(point, out));
      out.printf(
          Locale.ROOT,
          "%-10s %9d %4d+%4d | %9.0f %10s %9s %10.0f %9.0f extrapolated%n",
          points.get(a).get(0).level(),
          WHOLE.rows(),
          WHOLE.labelColumns(),
          WHOLE.featureColumns(),
          whole.get(a).seconds(),
          "",
          "",
          whole.get(a).megabytes(),
          whole.get(a).peakMegabytes());
    }
    out.println("extrapolated: " + Extrapolated.FORMULA);
    out.println("columns: of each party; gap: of the log-loss; AUC: on held-out rows");
  }

  private static void print(Point p, PrintStream out) {
    out.printf(
        Locale.ROOT,
        "%-10s %9d %4d+%4d | %9.2f %10.2f %9.2f %10.1f %9.0f %7d %9.1e %9.5f%n",
        p.level(),
        p.rows(),
        p.columns(),
        p.columns(),
        p.seconds(),
        p.preparing(),
        p.cpuSeconds(),
        p.megabytes(),
        p.peakMegabytes(),
        p.passes(),
        p.model().gap(),
        p.model().auc());
  }
}
