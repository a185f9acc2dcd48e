package org.espalier.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.TimeoutException;

/**
 * SecretFlow's SS-SGD ({@link SsSgd}), its HESS-SGD ({@link HessSgd}) and Espalier side by side:
 * same files, a process a party on a core of its own, loopback and a slow line. A peer is measured
 * to the epoch at which its training log-loss is within the wanted gap of the optimum.
 */
final class PeersBenchmark {
  /**
   * Settings of the peers' solver, in its own terms. The presets need the fewest epochs or batches
   * to come within 1e-2 of the optimum among those that {@code bench/peers/tune.py} tries.
   */
  record Sgd(String strategy, String sigmoid, int batch, double rate) {
    static final String PATTERN = "(naive|policy)_sgd,[a-z0-9]+,[0-9]{1,6},[0-9.]{1,8}";
    static final Sgd SMALL = new Sgd("policy_sgd", "t1", 4096, 1);

    /** Each epoch multiplies all of the matrix: fewest epochs where computing counts. */
    static final Sgd LARGE_FEW_EPOCHS = new Sgd("naive_sgd", "t3", 1024, 1);

    /** Each batch takes many round trips: fewest batches where these count. */
    static final Sgd LARGE_FEW_BATCHES = new Sgd("policy_sgd", "t1", 16384, 2);

    static Sgd parse(String text) {
      String[] part = text.split(",", -1);
      return new Sgd(part[0], part[1], Integer.parseInt(part[2]), Double.parseDouble(part[3]));
    }

    @Override
    public String toString() {
      return strategy + "," + sigmoid + "," + batch + "," + rate;
    }
  }

  /**
   * @param espalier how Espalier runs; its limit of time holds for every run
   * @param epochs most epochs of a peer
   * @param gap distance from the optimal log-loss at which a peer may stop
   */
  record Settings(
      PartyProcesses.Settings espalier,
      List<String> systems,
      List<String> networks,
      Python python,
      int epochs,
      Sgd sgdLoopback,
      Sgd sgdWan,
      HessSgd.Settings hess,
      double gap) {
    Sgd sgd(boolean wan) {
      return wan ? sgdWan : sgdLoopback;
    }
  }

  /**
   * A peer against Espalier on the same network.
   *
   * @param seconds how many times Espalier's
   * @param megabytes how many times Espalier's
   * @param memory peak of a party, how many times Espalier's
   * @param atLeast the peer had not reached its aim
   * @param extrapolated the peer's seconds and bytes are
   */
  record Ratio(
      String network,
      String espalier,
      String peer,
      double seconds,
      double megabytes,
      double memory,
      boolean atLeast,
      boolean extrapolated) {
    static List<Ratio> of(List<Run> runs) {
      List<Ratio> ratios = new ArrayList<>();
      for (Run ours : runs) {
        for (Run peer : runs) {
          if (ours.system().startsWith(ESPALIER)
              && !peer.system().startsWith(ESPALIER)
              && peer.network().equals(ours.network())) {
            ratios.add(
                new Ratio(
                    ours.network(),
                    ours.system(),
                    peer.system(),
                    peer.seconds() / ours.seconds(),
                    peer.megabytes() / ours.megabytes(),
                    peer.peakBytes() / (double) ours.peakBytes(),
                    !peer.reached(),
                    !peer.extrapolated().isEmpty()));
          }
        }
      }
      return ratios;
    }
  }

  private static final String ESPALIER = "espalier";

  private PeersBenchmark() {}

  static void run(DataFiles data, Settings s, Path folder, boolean asJson, PrintStream out)
      throws IOException, TimeoutException {
    Machine machine = Machine.now();
    Reference reference = new Reference(data, s.espalier().l2());
    List<Run> runs = new ArrayList<>();
    for (String network : s.networks()) {
      boolean wan = network.equals("wan");
      for (String system : s.systems()) {
        System.err.printf("bench: %s, %s ...%n", system, network);
        Path scratch =
            Files.createDirectories(folder.resolve("peers").resolve(system + "-" + network));
        double load = Machine.loadNow();
        try {
          Run run =
              switch (system) {
                case ESPALIER -> espalier(data, s, wan, scratch, reference);
                case "hess" -> HessSgd.run(data, s, wan, scratch, reference);
                default -> SsSgd.run(system, data, s, wan, scratch, reference);
              };
          runs.add(run.with("load %.1f before, %.1f after".formatted(load, Machine.loadNow())));
        } catch (Workers.Failed e) {
          throw new Workers.Failed(
              "%s, %s: %s (see %s)".formatted(system, network, e.getMessage(), scratch));
        }
      }
    }
    if (asJson) {
      out.println(json(machine, data, s, reference, runs));
    } else {
      print(machine, data, s, reference, runs, out);
    }
  }

  private static Run espalier(
      DataFiles data, Settings s, boolean wan, Path scratch, Reference reference)
      throws IOException, TimeoutException {
    PartyProcesses.Settings settings = s.espalier().over(wan);
    PartyProcesses.Outcome outcome = PartyProcesses.run(data, settings, scratch);
    return new TrainingReport("peers-lr", data.shape(), settings, outcome, reference).toRun();
  }

  static ObjectNode json(
      Machine machine, DataFiles data, Settings s, Reference reference, List<Run> runs) {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode json = mapper.createObjectNode();
    json.put("benchmark", "peers-lr")
        .put("data", data.shape().toString())
        .put("pinned", s.espalier().pin())
        .put("gap", s.gap());
    json.set("machine", mapper.valueToTree(machine));
    json.set("sgd", mapper.valueToTree(s.sgdLoopback()));
    json.set("sgd_wan", mapper.valueToTree(s.sgdWan()));
    json.put("hess", s.hess().toString());
    json.set("optimum", mapper.valueToTree(reference.optimum()));
    json.set("runs", mapper.valueToTree(runs));
    json.set("ratio", mapper.valueToTree(Ratio.of(runs)));
    return json;
  }

  static void print(
      Machine machine,
      DataFiles data,
      Settings s,
      Reference reference,
      List<Run> runs,
      PrintStream out) {
    out.println(machine);
    Run.Quality best = reference.optimum();
    out.printf(
        Locale.ROOT,
        "%s, two processes%s; optimum: log-loss %.5f, held out %.5f, AUC %.5f%n"
            + "peers stop within %.0e of the optimal log-loss or after %d epochs; SS-SGD: %s on"
            + " loopback, %s on the slow line; HESS-SGD: %s%n%n",
        data.shape(),
        s.espalier().pin() ? ", each pinned to one core" : ", NOT pinned",
        best.logLoss(),
        best.holdoutLogLoss(),
        best.auc(),
        s.gap(),
        s.epochs(),
        s.sgdLoopback(),
        s.sgdWan(),
        s.hess());
    out.printf(
        "%-28s %-18s %11s %11s %8s %-10s %9s %9s %9s %8s%n",
        "network",
        "system",
        "seconds",
        "MB",
        "peak MB",
        "rounds",
        "log-loss",
        "gap",
        "held out",
        "AUC");
    for (Run r : runs) {
      out.printf(
          Locale.ROOT,
          "%-28s %-18s %10.2f%1s %10.1f%1s %8.0f %-10s %9.5f %9.1e %9.5f %8.5f%s%n",
          r.network(),
          r.system(),
          r.seconds(),
          r.extrapolated().isEmpty() ? "" : "*",
          r.megabytes(),
          r.extrapolated().isEmpty() ? "" : "*",
          r.peakBytes() / 1e6,
          r.rounds(),
          r.model().logLoss(),
          r.model().gap(),
          r.model().holdoutLogLoss(),
          r.model().auc(),
          r.reached() ? "" : "  (aim NOT reached)");
    }
    printRatios(runs, out);
    out.println();
    Set<String> described = new HashSet<>();
    for (Run r : runs) {
      if (described.add(r.system())) {
        out.printf(
            "%s%n  security: %s%n  trusts: %s%n  learned beyond the model:%n",
            r.system(), r.security(), r.trusts());
        r.learned().forEach(line -> out.printf("    %s%n", line));
      }
    }
    for (Run r : runs) {
      out.printf("%s, %s; bytes: %s%n", r.system(), r.network(), r.bytesCounted());
      if (!r.extrapolated().isEmpty()) {
        out.printf("  * extrapolated; %s%n", r.extrapolated());
      }
      r.notes().forEach(note -> out.printf("  %s%n", note));
    }
  }

  private static void printRatios(List<Run> runs, PrintStream out) {
    for (Ratio r : Ratio.of(runs)) {
      out.printf(
          Locale.ROOT,
          "%n%s against %s, %s: %.1f x less wall time, %.1f x fewer bytes, %.1f x less memory%s%s",
          r.espalier(),
          r.peer(),
          r.network(),
          r.seconds(),
          r.megabytes(),
          r.memory(),
          r.extrapolated() ? " (extrapolated)" : "",
          r.atLeast() ? " (at least: the peer had not reached its aim)" : "");
    }
    out.println();
  }
}
