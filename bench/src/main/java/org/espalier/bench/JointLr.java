package org.espalier.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeoutException;

/**
 * Joint logistic regression of two parties at both levels, on loopback and over a slow line, held
 * against what it may take.
 */
final class JointLr {
  /** A level, and at which estimate of the remaining gap its training may stop. */
  record Aim(String level, double tolerance) {}

  /**
   * @param base for all runs but for level, tolerance and network
   * @param limited whether these are the data that the limits are meant for
   */
  record Settings(
      PartyProcesses.Settings base, List<Aim> aims, List<String> networks, boolean limited) {}

  private record Measured(TrainingReport report, Run run, List<Limit> limits) {}

  private JointLr() {}

  /** Whether all limits are met. */
  static boolean run(DataFiles data, Settings s, Path scratch, boolean asJson, PrintStream out)
      throws IOException, TimeoutException {
    Machine machine = Machine.now();
    Reference reference = new Reference(data, s.base().l2());
    List<Measured> all = new ArrayList<>();
    for (Aim aim : s.aims()) {
      for (String network : s.networks()) {
        System.err.printf("bench: %s, %s ...%n", aim.level(), network);
        PartyProcesses.Settings settings =
            s.base().at(aim.level(), aim.tolerance()).over(network.equals("wan"));
        PartyProcesses.Outcome outcome =
            PartyProcesses.run(data, settings, scratch.resolve(aim.level() + "-" + network));
        TrainingReport report =
            new TrainingReport("lr-w1", data.shape(), settings, outcome, reference);
        Run run = report.toRun().with("load %.1f at its end".formatted(Machine.loadNow()));
        all.add(
            new Measured(report, run, s.limited() ? limits(aim.level(), network, run) : List.of()));
      }
    }
    boolean met = all.stream().flatMap(m -> m.limits().stream()).allMatch(Limit::met);
    if (asJson) {
      out.println(json(machine, data, reference, all, met).toPrettyString());
    } else {
      print(machine, all, out);
    }
    return met;
  }

  /** Time counts where the line does not decide it. */
  static List<Limit> limits(String level, String network, Run run) {
    boolean sealed = level.equals("sealed");
    List<Limit> limits = new ArrayList<>();
    limits.add(new Limit("log-loss gap", 1e-4, run.model().gap()));
    if (network.equals("loopback")) {
      limits.add(new Limit("seconds", sealed ? 15 : 5, run.seconds()));
    }
    limits.add(new Limit("MB", sealed ? 500 : 50, run.megabytes()));
    if (sealed) {
      limits.add(new Limit("peak MB of a party", 1000, run.peakBytes() / 1e6));
    }
    return limits;
  }

  private static ObjectNode json(
      Machine machine, DataFiles data, Reference reference, List<Measured> all, boolean met) {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode json = mapper.createObjectNode();
    json.put("benchmark", "lr-w1").put("data", data.shape().toString()).put("passed", met);
    json.set("machine", mapper.valueToTree(machine));
    json.set("optimum", mapper.valueToTree(reference.optimum()));
    ArrayNode runs = json.putArray("runs");
    ArrayNode details = json.putArray("details");
    for (Measured m : all) {
      ObjectNode run = mapper.valueToTree(m.run());
      run.set("limits", mapper.valueToTree(m.limits()));
      m.limits().stream()
          .mapToDouble(Limit::ratio)
          .max()
          .ifPresent(ratio -> run.put("ratio", ratio));
      runs.add(run);
      details.add(m.report().toJson());
    }
    return json;
  }

  private static void print(Machine machine, List<Measured> all, PrintStream out) {
    out.println(machine);
    for (Measured m : all) {
      out.println();
      m.report().print(out);
    }
    out.printf(
        "%n%-20s %-28s %9s %9s %9s %-10s %9s %8s  %s%n",
        "system",
        "network",
        "seconds",
        "MB",
        "peak MB",
        "rounds",
        "gap",
        "AUC",
        "limits (ratio to each; above 1 is missed)");
    for (Measured m : all) {
      Run r = m.run();
      StringBuilder limits = new StringBuilder();
      for (Limit l : m.limits()) {
        limits.append(
            String.format(
                Locale.ROOT,
                "%s %s %.2f%s",
                limits.length() == 0 ? "" : ",",
                l.what(),
                l.ratio(),
                l.met() ? "" : " MISSED"));
      }
      out.printf(
          Locale.ROOT,
          "%-20s %-28s %9.2f %9.1f %9.0f %-10s %9.1e %8.5f %s%n",
          r.system(),
          r.network(),
          r.seconds(),
          r.megabytes(),
          r.peakBytes() / 1e6,
          r.rounds(),
          r.model().gap(),
          r.model().auc(),
          limits);
    }
  }
}
