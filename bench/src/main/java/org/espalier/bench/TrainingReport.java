package org.espalier.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.disclosure.Level;
import org.espalier.wire.Party;

/** What a training by several processes took and reached, for people and for programs. */
final class TrainingReport {
  private final String name;
  private final DataFiles.Shape shape;
  private final PartyProcesses.Settings settings;
  private final PartyProcesses.Outcome outcome;
  private final Reference reference;

  TrainingReport(
      String name,
      DataFiles.Shape shape,
      PartyProcesses.Settings settings,
      PartyProcesses.Outcome outcome,
      Reference reference) {
    this.name = name;
    this.shape = shape;
    this.settings = settings;
    this.outcome = outcome;
    this.reference = reference;
  }

  private Run.Quality quality() {
    return reference.quality(outcome.weights(), outcome.label().intercept());
  }

  private String securityBits() {
    return String.valueOf(outcome.label().parameters().get("security_bits"));
  }

  private List<String> learned() {
    Map<Party, Integer> columns = new TreeMap<>();
    for (int p = 1; p < settings.parties(); p++) {
      columns.put(PartyProcess.Task.party(p), outcome.features().get(p - 1).weights().length);
    }
    return Disclosure.statements(
            Level.parse(settings.level()),
            new Disclosure.Facts(
                PartyProcess.Task.party(0),
                columns,
                settings.maxPasses(),
                shape.rows(),
                true,
                0,
                false))
        .stream()
        .map(s -> (s.learner() == null ? "every party" : s.learner() + " party") + ": " + s.text())
        .toList();
  }

  /** The figures in the form that is compared with other systems. */
  Run toRun() {
    return new Run(
        "espalier " + settings.level(),
        outcome.network(),
        outcome.seconds(),
        outcome.cpuSeconds(),
        outcome.bytes() / 1e6,
        "payload and framing, by the channel",
        outcome.label().peakBytes(),
        outcome.peakBytesFeature(),
        outcome.label().passes() + " passes",
        quality(),
        !outcome.label().end().equals("max_passes"),
        "",
        securityBits() + " bits",
        "no third party",
        learned(),
        outcome.link() == null ? List.of() : List.of(outcome.link().toString()));
  }

  ObjectNode toJson() {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode json = mapper.createObjectNode();
    json.put("benchmark", name)
        .put("level", settings.level())
        .put("objective_optimum", reference.objective())
        .put(
            "objective_gap",
            reference.objectiveGap(outcome.weights(), outcome.label().intercept()));
    json.set("settings", mapper.valueToTree(settingsMap()));
    json.set("run", mapper.valueToTree(toRun()));
    json.set("optimum", mapper.valueToTree(reference.optimum()));
    json.set("label", party(mapper, outcome.label()));
    json.set("feature", party(mapper, outcome.feature()));
    if (outcome.link() != null) {
      json.set("link", mapper.valueToTree(outcome.link()));
      json.put("relay_bytes", outcome.relayBytes());
    }
    return json;
  }

  private Map<String, Object> settingsMap() {
    return Map.of(
        "parties", settings.parties(),
        "rows", shape.rows(),
        "label_columns", shape.labelColumns(),
        "feature_columns", shape.featureColumns(),
        "l2", settings.l2(),
        "max_passes", settings.maxPasses(),
        "tolerance", settings.tolerance(),
        "pinned", settings.pin(),
        "heap_megabytes", settings.heapMegabytes());
  }

  private static ObjectNode party(ObjectMapper mapper, PartyProcess.Result result) {
    ObjectNode node = mapper.valueToTree(result);
    node.remove("weights"); // long, and of no interest: the data are synthetic
    return node;
  }

  void print(PrintStream out) {
    Run run = toRun();
    Run.Quality best = reference.optimum();
    out.printf(
        Locale.ROOT,
        "logistic regression at level %s, %s, l2 %s; a process a party%s, %s%n",
        settings.level(),
        shape,
        settings.l2(),
        settings.pin() ? ", each pinned to one core" : ", NOT pinned",
        outcome.network());
    if (outcome.link() != null) {
      out.printf("relay %s%n", outcome.link());
    }
    out.printf("parameters %s%n%n", outcome.label().parameters());
    printPhases(out, "label party", outcome.label());
    printPhases(out, "feature party", outcome.feature());
    out.printf(
        Locale.ROOT,
        "total %.2f s (processor time: label party %.2f s, feature party %.2f s), %s (%s)%n",
        run.seconds(),
        outcome.label().cpuSeconds(),
        outcome.feature().cpuSeconds(),
        run.rounds(),
        outcome.label().end());
    out.printf(
        Locale.ROOT,
        "label party sent %.1f MB and received %.1f MB: %.1f MB both ways, %d messages%n",
        outcome.label().bytesSent() / 1e6,
        outcome.label().bytesReceived() / 1e6,
        run.megabytes(),
        outcome.label().messagesSent() + outcome.label().messagesReceived());
    out.printf(
        Locale.ROOT,
        "peak memory: label party %.0f MB (%.0f when its data were read), feature party %.0f MB"
            + " (%.0f)%n",
        outcome.label().peakBytes() / 1e6,
        outcome.label().readyBytes() / 1e6,
        outcome.feature().peakBytes() / 1e6,
        outcome.feature().readyBytes() / 1e6);
    out.printf(
        Locale.ROOT,
        "objective %.2e above its minimum %.6f%n",
        reference.objectiveGap(outcome.weights(), outcome.label().intercept()),
        reference.objective());
    out.printf("%12s %12s %10s %18s %14s%n", "", "log-loss", "gap", "held-out log-loss", "AUC");
    printQuality(out, "trained", run.model());
    printQuality(out, "optimum", best);
    out.printf(
        "security: %s; trusted: %s%nlearned beyond the model:%n", run.security(), run.trusts());
    learned().forEach(line -> out.printf("  %s%n", line));
  }

  private static void printQuality(PrintStream out, String name, Run.Quality q) {
    out.printf(
        Locale.ROOT,
        "%12s %12.6f %10.2e %18.6f %14.5f%n",
        name,
        q.logLoss(),
        q.gap(),
        q.holdoutLogLoss(),
        q.auc());
  }

  private static void printPhases(PrintStream out, String who, PartyProcess.Result result) {
    out.printf("wall time at the %s, by the message that ends it:%n", who);
    for (PartyProcess.Phase phase : result.phases()) {
      out.printf(
          Locale.ROOT,
          "  %-36s %9.3f s %6d messages %12.3f MB%n",
          phase.message(),
          phase.seconds(),
          phase.messages(),
          phase.bytes() / 1e6);
    }
    out.println();
  }
}
