package org.espalier.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeoutException;

/**
 * Espalier's alignment of two parties beside spu's private set intersection: the same files, turn
 * by turn, a process a party on a core of its own, loopback and a slow line.
 */
final class PsiBenchmark {
  /** Before the name of one of the peer's protocols. */
  static final String PEER = "spu-";

  /** A system's name. */
  static final String PATTERN =
      "(oprf|oprf-malicious|ecdh|unbalanced|unbalanced-again"
          + "|spu-rr22|spu-rr22-low|spu-kkrt|spu-ecdh)";

  private static final double HEAP_LIMIT_MB = 2048 * 1.048576;

  /**
   * @param name of the benchmark
   * @param turns of each system on each network; the median counts
   * @param limits whether Espalier has to be ahead of the peer
   */
  record Settings(
      String name,
      List<String> systems,
      List<String> networks,
      int turns,
      boolean pin,
      int heapMegabytes,
      boolean limits,
      Python python,
      Duration limit) {
    PsiProcesses.Settings processes(String network) {
      return new PsiProcesses.Settings(
          network.equals("loopback")
              ? Optional.empty()
              : Optional.of(ShapedRelay.Shape.METROPOLITAN),
          pin,
          heapMegabytes,
          python,
          limit);
    }
  }

  /**
   * One system on one network: the turn of median seconds.
   *
   * @param seconds from "both are connected" to "both have written their results", in processes
   *     that had just started
   * @param turns the seconds of all turns
   * @param processSeconds with the start and the end of the processes
   * @param cpuSeconds processor time of receiver and sender in {@code seconds}
   * @param cpuSecondsInAll with the start of the processes
   * @param megabytes both ways
   * @param megabytesSent by receiver and sender; empty where the system does not count them apart
   * @param peakMegabytes largest resident memory of receiver and sender
   * @param notes load and line
   */
  record Run(
      String system,
      String network,
      double seconds,
      List<Double> turns,
      double processSeconds,
      double[] cpuSeconds,
      double[] cpuSecondsInAll,
      double megabytes,
      double[] megabytesSent,
      double[] peakMegabytes,
      List<String> notes) {
    boolean own() {
      return !system.startsWith(PEER);
    }

    double peak() {
      return Math.max(peakMegabytes[0], peakMegabytes[1]);
    }
  }

  /** A protocol of the peer against one of Espalier's, as multiples of Espalier's. */
  record Ratio(
      String network,
      String espalier,
      String peer,
      double seconds,
      double cpuSeconds,
      double megabytes,
      double peakMegabytes) {}

  private PsiBenchmark() {}

  /**
   * @return whether all limits are kept
   */
  static boolean run(PsiData data, Settings s, Path folder, boolean asJson, PrintStream out)
      throws IOException, TimeoutException {
    Machine machine = Machine.now();
    List<Run> runs = new ArrayList<>();
    for (String network : s.networks()) {
      Map<String, List<PsiProcesses.Outcome>> turns = new LinkedHashMap<>();
      Map<String, List<String>> notes = new LinkedHashMap<>();
      for (int turn = 0; turn < s.turns(); turn++) {
        for (String system : s.systems()) {
          System.err.printf("bench: %s, %s, turn %d ...%n", system, network, turn + 1);
          Path scratch = folder.resolve("psi").resolve(system + "-" + network);
          double load = Machine.loadNow();
          PsiProcesses.Outcome outcome;
          try {
            outcome = PsiProcesses.run(data, system, s.processes(network), scratch);
          } catch (Workers.Failed e) {
            throw new Workers.Failed(
                "%s, %s: %s (see %s)".formatted(system, network, e.getMessage(), scratch));
          }
          turns.computeIfAbsent(system, name -> new ArrayList<>()).add(outcome);
          String line = outcome.link() == null ? "" : "; " + outcome.link();
          notes
              .computeIfAbsent(system, name -> new ArrayList<>())
              .add("load %.1f before".formatted(load) + line);
        }
      }
      turns.forEach(
          (system, outcomes) -> runs.add(median(system, network, outcomes, notes.get(system))));
    }
    List<Limit> limits = s.limits() ? limits(runs) : List.of();
    if (asJson) {
      out.println(json(machine, data, s, runs, limits));
    } else {
      print(machine, data, s, runs, limits, out);
    }
    return limits.stream().allMatch(Limit::met);
  }

  /** Of turns on the same network. */
  static Run median(
      String system, String network, List<PsiProcesses.Outcome> outcomes, List<String> notes) {
    List<PsiProcesses.Outcome> sorted = new ArrayList<>(outcomes);
    sorted.sort((a, b) -> Double.compare(a.seconds(), b.seconds()));
    PsiProcesses.Outcome middle = sorted.get((sorted.size() - 1) / 2);
    return new Run(
        system,
        network.equals("loopback") ? network : ShapedRelay.Shape.METROPOLITAN.toString(),
        middle.seconds(),
        outcomes.stream().map(PsiProcesses.Outcome::seconds).toList(),
        middle.processSeconds(),
        middle.cpuSeconds(),
        middle.cpuSecondsInAll(),
        middle.bytes() / 1e6,
        Arrays.stream(middle.sent())
            .filter(bytes -> bytes >= 0)
            .mapToDouble(b -> b / 1e6)
            .toArray(),
        Arrays.stream(middle.peakBytes()).mapToDouble(bytes -> bytes / 1e6).toArray(),
        notes);
  }

  static List<Ratio> ratios(List<Run> runs) {
    List<Ratio> ratios = new ArrayList<>();
    for (Run own : runs) {
      for (Run peer : runs) {
        if (own.own() && !peer.own() && own.network().equals(peer.network())) {
          ratios.add(
              new Ratio(
                  own.network(),
                  own.system(),
                  peer.system(),
                  peer.seconds() / own.seconds(),
                  Arrays.stream(peer.cpuSeconds()).sum() / Arrays.stream(own.cpuSeconds()).sum(),
                  peer.megabytes() / own.megabytes(),
                  peer.peak() / own.peak()));
        }
      }
    }
    return ratios;
  }

  /** Protocol oprf: not slower and not more bytes than any of the peer's, and within 2 GiB. */
  static List<Limit> limits(List<Run> runs) {
    List<Limit> limits = new ArrayList<>();
    for (Run own : runs) {
      if (!own.system().equals("oprf")) {
        continue;
      }
      String of = own.system() + ", " + own.network() + ": ";
      List<Run> peers =
          runs.stream().filter(r -> !r.own() && r.network().equals(own.network())).toList();
      peers.stream()
          .mapToDouble(Run::seconds)
          .min()
          .ifPresent(
              least ->
                  limits.add(new Limit(of + "seconds of the fastest peer", least, own.seconds())));
      peers.stream()
          .mapToDouble(Run::megabytes)
          .min()
          .ifPresent(
              least ->
                  limits.add(new Limit(of + "MB of the shortest peer", least, own.megabytes())));
      limits.add(new Limit(of + "peak MB of a party", HEAP_LIMIT_MB, own.peak()));
    }
    return limits;
  }

  static ObjectNode json(
      Machine machine, PsiData data, Settings s, List<Run> runs, List<Limit> limits) {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode json = mapper.createObjectNode();
    json.put("benchmark", s.name())
        .put("rows", data.receiver())
        .put("rows_sender", data.sender())
        .put("common", data.common())
        .put("pinned", s.pin())
        .put("heap_megabytes", s.heapMegabytes());
    json.set("machine", mapper.valueToTree(machine));
    json.set("runs", mapper.valueToTree(runs));
    json.set("ratio", mapper.valueToTree(ratios(runs)));
    json.set("limits", mapper.valueToTree(limits));
    return json;
  }

  static void print(
      Machine machine,
      PsiData data,
      Settings s,
      List<Run> runs,
      List<Limit> limits,
      PrintStream out) {
    out.println(machine);
    out.printf(
        Locale.ROOT,
        "two files of %,d and %,d identifiers, %,d in both; two processes%s; median of %d turns%n%n",
        data.receiver(),
        data.sender(),
        data.common(),
        s.pin() ? ", each pinned to one core" : ", NOT pinned",
        s.turns());
    out.printf(
        "%-28s %-13s %8s %8s %13s %15s %8s %15s %15s%n",
        "network",
        "system",
        "seconds",
        "process",
        "processor s",
        "with start",
        "MB",
        "each way",
        "peak MB");
    for (Run r : runs) {
      out.printf(
          Locale.ROOT,
          "%-28s %-13s %8.2f %8.2f %13s %15s %8.1f %15s %15s%n",
          r.network(),
          r.system(),
          r.seconds(),
          r.processSeconds(),
          both("%.2f", r.cpuSeconds()),
          both("%.2f", r.cpuSecondsInAll()),
          r.megabytes(),
          r.megabytesSent().length == 0 ? "" : both("%.1f", r.megabytesSent()),
          both("%.0f", r.peakMegabytes()));
    }
    out.println();
    for (Ratio r : ratios(runs)) {
      out.printf(
          Locale.ROOT,
          "%s against %s, %s: %.2f x less wall time, %.2f x less processor time, %.2f x fewer"
              + " bytes, %.2f x less memory%n",
          r.espalier(),
          r.peer(),
          r.network(),
          r.seconds(),
          r.cpuSeconds(),
          r.megabytes(),
          r.peakMegabytes());
    }
    out.println();
    for (Run r : runs) {
      out.printf("%s, %s: seconds %s; %s%n", r.system(), r.network(), r.turns(), r.notes());
    }
    for (Limit limit : limits) {
      out.printf(
          Locale.ROOT,
          "%s: %.2f of %.2f%s%n",
          limit.what(),
          limit.measured(),
          limit.limit(),
          limit.met() ? "" : ", MISSED");
    }
  }

  private static String both(String format, double[] values) {
    return String.format(Locale.ROOT, format + ", " + format, values[0], values[1]);
  }
}
