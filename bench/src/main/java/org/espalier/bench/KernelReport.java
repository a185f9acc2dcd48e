package org.espalier.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * {@link KernelBenchmark} beside the native programs' figures: what the way through Java costs, and
 * how far the kernel is from reading memory and from SEAL's own API.
 */
final class KernelReport {
  private static final double GOAL_MILLISECONDS = 10;

  /** What the native programs call what a method of the benchmark measures. */
  private static final Map<String, String> NATIVE = new LinkedHashMap<>();

  static {
    NATIVE.put("encryptBlock", "encrypt_block_ms");
    NATIVE.put("readBlock", "read_block_ms");
    NATIVE.put("kernel", "kernel_ms");
    NATIVE.put("reply", "reply_ms");
    NATIVE.put("open", "open_ms");
    NATIVE.put("encryptSlots", "encrypt_slots_ms");
    NATIVE.put("readSlots", "read_slots_ms");
    NATIVE.put("slotProducts", "slot_products_ms");
    NATIVE.put("slotProductsAndReply", "slot_products_and_reply_ms");
    NATIVE.put("openSlots", "open_slots_ms");
    NATIVE.put("prepareProducts", "lanes_32_width_4_ms");
  }

  /**
   * @param milliseconds through Java, mean of a call
   * @param error half of the 99.9 % interval of that
   * @param nativeMilliseconds the same in a C++ program, median
   * @param ratio of the two
   */
  record Figure(
      String what, double milliseconds, double error, double nativeMilliseconds, double ratio) {}

  private KernelReport() {}

  /**
   * @param kernel output of {@code he_kernel --json}; its first set of parameters counts
   * @param sealed output of {@code he_sealed --json}
   * @param log where JMH says what it does
   * @return whether the kernel's goal is met
   */
  static boolean run(
      Path kernel, Path sealed, Path log, int seconds, boolean asJson, PrintStream out)
      throws IOException {
    ObjectMapper mapper = new ObjectMapper();
    JsonNode backward = mapper.readTree(kernel.toFile());
    JsonNode setup = backward.get("parameters").get(0);
    JsonNode lanes = mapper.readTree(sealed.toFile());
    Machine machine = Machine.now();
    System.err.println("bench: JMH, about two minutes ...");
    Map<String, Figure> figures = new LinkedHashMap<>();
    double memory = Double.NaN;
    for (RunResult result : measure(backward, log, seconds)) {
      String what = result.getPrimaryResult().getLabel();
      double score = result.getPrimaryResult().getScore();
      if (what.equals("memoryRead")) {
        memory = score;
      } else {
        double itself = milliseconds(NATIVE.get(what), setup, lanes);
        figures.put(
            what,
            new Figure(
                what, score, result.getPrimaryResult().getScoreError(), itself, score / itself));
      }
    }
    double api = setup.get("one_core").get("seal_api_ms").asDouble();
    double ours = figures.get("kernel").milliseconds();
    Limit goal = new Limit("ms, kernel", GOAL_MILLISECONDS, ours);
    List<Figure> ordered = new ArrayList<>();
    NATIVE.keySet().forEach(what -> ordered.add(figures.get(what)));
    if (asJson) {
      ObjectNode json = mapper.createObjectNode().put("benchmark", "kernel");
      json.set("machine", mapper.valueToTree(machine));
      json.set("parameters", setup);
      json.set("figures", mapper.valueToTree(ordered));
      json.put("memory_read_ms", memory).put("kernel_to_memory_read", ours / memory);
      json.put("seal_api_ms", api).put("seal_api_to_kernel", api / ours);
      json.set("goal", mapper.valueToTree(goal));
      json.put("ratio", goal.ratio()).put("passed", goal.met());
      out.println(json.toPrettyString());
    } else {
      print(machine, backward, setup, ordered, memory, api, goal, out);
    }
    return goal.met();
  }

  private static Collection<RunResult> measure(JsonNode backward, Path log, int seconds) {
    try {
      return new Runner(
              new OptionsBuilder()
                  .include("^" + KernelBenchmark.class.getName().replace(".", "\\.") + "\\.")
                  .param("rows", backward.get("rows").asText())
                  .param("columns", backward.get("columns").asText())
                  .forks(1)
                  .warmupIterations(2)
                  .warmupTime(TimeValue.seconds(seconds))
                  .measurementIterations(5)
                  .measurementTime(TimeValue.seconds(seconds))
                  .shouldFailOnError(true)
                  .output(log.toString())
                  .build())
          .run();
    } catch (RunnerException e) {
      throw new Workers.Failed("JMH: " + e.getMessage() + "; see " + log);
    }
  }

  private static double milliseconds(String name, JsonNode setup, JsonNode sealed) {
    for (JsonNode node : List.of(setup.get("one_core"), setup, sealed.get("figures"))) {
      if (node.has(name)) {
        return node.get(name).asDouble();
      }
    }
    throw new Workers.Failed("the native programs do not measure " + name);
  }

  private static void print(
      Machine machine,
      JsonNode backward,
      JsonNode setup,
      List<Figure> figures,
      double memory,
      double api,
      Limit goal,
      PrintStream out) {
    out.println(machine);
    out.printf(
        Locale.ROOT,
        "X^T*[[r]] of %,d x %d: N = %d, primes of %d bits, t of %d bits, width %d; one core%n",
        backward.get("rows").asInt(),
        backward.get("columns").asInt(),
        setup.get("ring_degree").asInt(),
        setup.get("prime_bits").get(0).asInt(),
        setup.get("plain_bits").asInt(),
        setup.get("width").asInt());
    out.printf("%-22s %12s %10s %12s %8s%n", "ms a call", "through Java", "+-", "C++", "ratio");
    for (Figure f : figures) {
      out.printf(
          Locale.ROOT,
          "%-22s %12.3f %10.3f %12.3f %8.2f%n",
          f.what(),
          f.milliseconds(),
          f.error(),
          f.nativeMilliseconds(),
          f.ratio());
    }
    out.printf(
        Locale.ROOT,
        "a read of as many bytes %.2f ms: the kernel takes %.1f times that; SEAL's API %.1f ms, %.1f"
            + " times the kernel%ngoal: %.0f ms, %s%n",
        memory,
        goal.measured() / memory,
        api,
        api / goal.measured(),
        goal.limit(),
        goal.met() ? "met" : "MISSED");
  }
}
