package org.espalier.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/**
 * Xᵀ·[[r]] under Espalier's lattice scheme and under heu's Paillier and Okamoto-Uchiyama, turn by
 * turn on one core and the same integers. A peer takes the first rows only; its time for encrypting
 * and multiplying is proportional to rows, which a second measurement with half of them checks, and
 * is extrapolated. All sums are compared with integer arithmetic.
 */
final class PeersKernel {
  /** Marks the lines of the processes among what their libraries print. */
  static final String MARK = "BENCH ";

  /**
   * @param peerRows that a peer takes
   * @param signed the peers take X as it is, not shifted to what is not negative, which is faster
   */
  record Settings(
      int rows,
      int columns,
      int peerRows,
      List<AdditiveScheme> schemes,
      int turns,
      boolean signed,
      long seed,
      Python python,
      Duration limit) {
    Settings {
      if (rows < 1 || columns < 1 || turns < 1 || peerRows < 2 || peerRows > rows) {
        throw new Options.Misuse(
            "peers-kernel needs rows, columns and turns, and between 2 and as many peer rows");
      }
    }
  }

  /** Wall seconds (0) and processor seconds (1) of each phase of one product. */
  record Phases(double[] encrypt, double[] read, double[] multiply, double[] decrypt) {
    static Phases of(JsonNode turn) {
      return new Phases(
          pair(turn, "encrypt"), pair(turn, "read"), pair(turn, "multiply"), pair(turn, "decrypt"));
    }

    private static double[] pair(JsonNode turn, String name) {
      JsonNode values = turn.get(name);
      return values == null
          ? new double[2]
          : new double[] {values.get(0).asDouble(), values.get(1).asDouble()};
    }

    /** From what was received to what is sent back. */
    double product(int clock) {
      return read[clock] + multiply[clock];
    }

    double total(int clock) {
      return encrypt[clock] + product(clock) + decrypt[clock];
    }

    /** Of {@code times} as many rows; decrypting depends on columns alone. */
    Phases ofMoreRows(double times) {
      return new Phases(
          scaled(encrypt, times), scaled(read, times), scaled(multiply, times), decrypt);
    }

    private static double[] scaled(double[] values, double times) {
      return Arrays.stream(values).map(v -> v * times).toArray();
    }
  }

  /**
   * One system.
   *
   * @param isPeer or Espalier
   * @param rowsMeasured of which the turns are extrapolated to all rows
   * @param halfRatio time of a product of the measured rows over that of half of them, 2 if it is
   *     proportional; NaN if all rows were measured
   */
  record Measured(
      String name,
      boolean isPeer,
      int securityBits,
      int rowsMeasured,
      double halfRatio,
      double megabytes,
      long peakBytes,
      List<Phases> turns) {
    /** Milliseconds: the median over the turns. */
    double milliseconds(ToDoubleFunction<Phases> what) {
      return 1e3 * median(turns.stream().mapToDouble(what).toArray());
    }

    /** How many times another's time, the median over the turns. */
    double ratio(Measured other, ToDoubleFunction<Phases> what) {
      double[] paired = new double[turns.size()];
      for (int i = 0; i < paired.length; i++) {
        paired[i] = what.applyAsDouble(turns.get(i)) / what.applyAsDouble(other.turns.get(i));
      }
      return median(paired);
    }
  }

  private PeersKernel() {}

  static void run(Settings s, Path folder, boolean asJson, PrintStream out) throws IOException {
    if (!Workers.canPin()) {
      throw new Workers.Failed("peers-kernel pins its processes: it needs taskset and two cores");
    }
    Machine machine = Machine.now();
    KernelData data =
        KernelData.of(
            DataFiles.ensure(
                folder.resolve("data"),
                new DataFiles.Shape(s.rows(), 1, 1, s.columns(), s.seed())));
    Path scratch = Files.createDirectories(folder.resolve("peers").resolve("kernel"));
    data.write(scratch);
    List<Measured> systems = measure(s, data, scratch);
    double load = Machine.loadNow();
    if (asJson) {
      out.println(json(machine, load, s, systems));
    } else {
      print(machine, load, s, systems, out);
    }
  }

  private static List<Measured> measure(Settings s, KernelData data, Path scratch)
      throws IOException {
    int count = 1 + s.schemes().size();
    try (Workers workers = new Workers(s.limit())) {
      JsonNode[] ready = new JsonNode[count];
      for (int w = 0; w < count; w++) {
        start(workers, w, s, scratch);
        ready[w] = await(workers, w, "ready");
      }
      List<List<JsonNode>> turns = new ArrayList<>();
      for (int w = 0; w < count; w++) {
        turns.add(new ArrayList<>());
      }
      for (int turn = 0; turn < s.turns(); turn++) {
        for (int w = 0; w < count; w++) {
          workers.tell(w, "go");
          JsonNode report = await(workers, w, "turn");
          check(report.get("sums"), data.sums(w == 0 ? s.rows() : s.peerRows()), w == 0 ? 1 : 0);
          turns.get(w).add(report);
        }
        System.err.printf("bench: turn %d of %d done%n", turn + 1, s.turns());
      }
      List<Measured> systems = new ArrayList<>();
      for (int w = 0; w < count; w++) {
        workers.tell(w, "stop");
        systems.add(
            w == 0
                ? espalier(s, ready[w], turns.get(w))
                : peer(s, s.schemes().get(w - 1), ready[w], turns.get(w)));
      }
      workers.join();
      return systems;
    }
  }

  private static void start(Workers workers, int w, Settings s, Path scratch) throws IOException {
    String name = w == 0 ? "espalier" : s.schemes().get(w - 1).toString();
    ObjectNode config = new ObjectMapper().createObjectNode();
    config
        .put("data", scratch.toAbsolutePath().toString())
        .put("rows", s.peerRows())
        .put("columns", s.columns())
        .put("signed", s.signed());
    if (w > 0) {
      AdditiveScheme scheme = s.schemes().get(w - 1);
      config.put("schema", scheme.name()).put("key_bits", scheme.keyBits());
    }
    Path file = scratch.resolve(name + ".json");
    new ObjectMapper().writeValue(file.toFile(), config);
    List<String> command = w == 0 ? java(file) : s.python().command("heu_kernel.py", file);
    workers.start(
        name,
        Workers.pinned(true, 0, command),
        scratch.resolve(name + ".log"),
        w == 0 ? null : scratch);
  }

  private static List<String> java(Path config) {
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-cp",
        System.getProperty("java.class.path"),
        KernelParty.class.getName(),
        config.toAbsolutePath().toString());
  }

  private static JsonNode await(Workers workers, int w, String kind) throws IOException {
    return new ObjectMapper().readTree(workers.await(w, MARK + kind + " "));
  }

  /** Espalier's masks may make a sum off by a unit, see {@link org.espalier.he.KeyPair#open}. */
  static void check(JsonNode sums, long[] expected, long tolerance) {
    if (sums.size() != expected.length) {
      throw new Workers.Failed(sums.size() + " sums instead of " + expected.length);
    }
    for (int j = 0; j < expected.length; j++) {
      if (Math.abs(sums.get(j).asLong() - expected[j]) > tolerance) {
        throw new Workers.Failed(
            "sum %d is %d instead of %d".formatted(j, sums.get(j).asLong(), expected[j]));
      }
    }
  }

  private static Measured espalier(Settings s, JsonNode ready, List<JsonNode> turns) {
    JsonNode last = turns.get(turns.size() - 1);
    return new Measured(
        "espalier, " + ready.get("parameters").asText(),
        false,
        ready.get("security_bits").asInt(),
        s.rows(),
        Double.NaN,
        (last.get("request_bytes").asLong() + last.get("reply_bytes").asLong()) / 1e6,
        last.get("peak_bytes").asLong(),
        turns.stream().map(Phases::of).toList());
  }

  private static Measured peer(
      Settings s, AdditiveScheme scheme, JsonNode ready, List<JsonNode> turns) {
    JsonNode last = turns.get(turns.size() - 1);
    double times = s.rows() / (double) s.peerRows();
    double half = ready.get("multiply_half").get(1).asDouble();
    double whole = median(turns.stream().mapToDouble(t -> Phases.of(t).multiply()[1]).toArray());
    return new Measured(
        "heu " + scheme,
        true,
        scheme.securityBits(),
        s.peerRows(),
        whole / half,
        (last.get("request_bytes").asLong() * times + last.get("reply_bytes").asLong()) / 1e6,
        last.get("peak_bytes").asLong(),
        turns.stream().map(t -> Phases.of(t).ofMoreRows(times)).toList());
  }

  static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int half = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }

  static ObjectNode json(Machine machine, double loadAfter, Settings s, List<Measured> systems) {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode json = mapper.createObjectNode();
    json.put("benchmark", "peers-kernel")
        .put("rows", s.rows())
        .put("columns", s.columns())
        .put("turns", s.turns())
        .put("peers_signed", s.signed())
        .put("load_after", loadAfter);
    json.set("machine", mapper.valueToTree(machine));
    var list = json.putArray("systems");
    for (Measured each : systems) {
      ObjectNode one = list.addObject();
      one.put("system", each.name())
          .put("security_bits", each.securityBits())
          .put("rows_measured", each.rowsMeasured())
          .put("extrapolated", each.rowsMeasured() < s.rows())
          .put("encrypt_ms", each.milliseconds(p -> p.encrypt()[1]))
          .put("read_ms", each.milliseconds(p -> p.read()[1]))
          .put("multiply_ms", each.milliseconds(p -> p.multiply()[1]))
          .put("decrypt_ms", each.milliseconds(p -> p.decrypt()[1]))
          .put("total_ms", each.milliseconds(p -> p.total(1)))
          .put("total_wall_ms", each.milliseconds(p -> p.total(0)))
          .put("megabytes", each.megabytes())
          .put("peak_bytes", each.peakBytes());
      if (each.isPeer()) {
        one.put("half_ratio", each.halfRatio());
        ObjectNode ratio = one.putObject("ratio");
        ratio
            .put("multiply", each.ratio(systems.get(0), p -> p.product(1)))
            .put("total", each.ratio(systems.get(0), p -> p.total(1)))
            .put("megabytes", each.megabytes() / systems.get(0).megabytes());
      }
    }
    return json;
  }

  private static void print(
      Machine machine, double loadAfter, Settings s, List<Measured> systems, PrintStream out) {
    out.printf(
        Locale.ROOT,
        "X^T*[[r]], %,d x %d; processor time on one core, medians of %d turns%n%s, %.1f after%n%n",
        s.rows(),
        s.columns(),
        s.turns(),
        machine,
        loadAfter);
    out.printf(
        "%-72s %8s %10s %11s %13s %11s %13s %10s %10s %10s%n",
        "",
        "security",
        "rows",
        "encrypt ms",
        "multiply ms",
        "decrypt ms",
        "total ms",
        "MB",
        "multiply x",
        "total x");
    Measured ours = systems.get(0);
    for (Measured each : systems) {
      out.printf(
          Locale.ROOT,
          "%-72s %8d %10d %11.1f %13.1f %11.1f %13.1f %10.1f %10.0f %10.0f%n",
          each.name(),
          each.securityBits(),
          each.rowsMeasured(),
          each.milliseconds(p -> p.encrypt()[1]),
          each.milliseconds(p -> p.product(1)),
          each.milliseconds(p -> p.decrypt()[1]),
          each.milliseconds(p -> p.total(1)),
          each.megabytes(),
          each.ratio(ours, p -> p.product(1)),
          each.ratio(ours, p -> p.total(1)));
    }
    out.printf(
        Locale.ROOT,
        "%nPeers: the rows given, encrypting and multiplying extrapolated to %,d; X %s. Multiplying all"
            + " of these rows against half of them:",
        s.rows(),
        s.signed() ? "with its signs" : "shifted to what is not negative, which suits them");
    systems.stream()
        .filter(Measured::isPeer)
        .forEach(
            each -> out.printf(Locale.ROOT, " %s %.2f x the time;", each.name(), each.halfRatio()));
    out.printf(
        "%nEspalier's multiplying includes reading what was sent and the masked reply that may be"
            + " sent back; heu's is the product alone.%n");
  }
}
