package org.espalier.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeoutException;

/**
 * Espalier's training by Java processes, one a party, over TCP connections of the loopback
 * interface or through a {@link ShapedRelay} for each pair of parties.
 */
final class PartyProcesses {
  private static final int CHECK_BYTES = 4 << 20;

  /**
   * @param parties of which the first has the outcome and the others share the feature columns
   * @param wan through relays of {@link ShapedRelay.Shape#WIDE_AREA}
   * @param pin the label party to core 0, all feature parties to core 1
   * @param heapMegabytes most heap of each process
   * @param network to train at level {@code activations}; null at others
   */
  record Settings(
      int parties,
      String level,
      double l2,
      int maxPasses,
      double tolerance,
      boolean wan,
      boolean pin,
      int heapMegabytes,
      Duration limit,
      JointNetwork.Network network) {
    Settings over(boolean throughRelay) {
      return new Settings(
          parties,
          level,
          l2,
          maxPasses,
          tolerance,
          throughRelay,
          pin,
          heapMegabytes,
          limit,
          network);
    }

    Settings at(String otherLevel, double otherTolerance) {
      return new Settings(
          parties,
          otherLevel,
          l2,
          maxPasses,
          otherTolerance,
          wan,
          pin,
          heapMegabytes,
          limit,
          network);
    }

    Settings with(int otherParties) {
      return new Settings(
          otherParties, level, l2, maxPasses, tolerance, wan, pin, heapMegabytes, limit, network);
    }
  }

  /**
   * @param link what a relay measured as; null without one
   * @param relayBytes payload of both directions by the relays' count; 0 without
   */
  record Outcome(
      PartyProcess.Result label,
      List<PartyProcess.Result> features,
      String network,
      LinkCheck link,
      long relayBytes) {
    /** The first feature party. */
    PartyProcess.Result feature() {
      return features.get(0);
    }

    double seconds() {
      return features.stream()
          .mapToDouble(PartyProcess.Result::seconds)
          .reduce(label.seconds(), Math::max);
    }

    double cpuSeconds() {
      return features.stream()
          .mapToDouble(PartyProcess.Result::cpuSeconds)
          .reduce(label.cpuSeconds(), Double::sum);
    }

    /** Of all parties together, as the channels count what they send. */
    long bytes() {
      return features.stream()
          .mapToLong(PartyProcess.Result::bytesSent)
          .reduce(label.bytesSent(), Long::sum);
    }

    /** The largest of a feature party. */
    long peakBytesFeature() {
      return features.stream().mapToLong(PartyProcess.Result::peakBytes).max().orElseThrow();
    }

    double[] weights() {
      double[] all = label.weights();
      for (PartyProcess.Result feature : features) {
        all = Reference.join(all, feature.weights());
      }
      return all;
    }
  }

  private PartyProcesses() {}

  /**
   * @param scratch where the processes leave their results; made if missing
   * @throws Workers.Failed if a party fails or the limit passes
   */
  static Outcome run(DataFiles data, Settings s, Path scratch)
      throws IOException, TimeoutException {
    Files.createDirectories(scratch);
    ObjectMapper json = new ObjectMapper();
    Path task = scratch.resolve("task.json");
    json.writeValue(
        task.toFile(),
        new PartyProcess.Task(
            data.folder().toAbsolutePath().toString(),
            s.parties(),
            s.level(),
            s.l2(),
            s.maxPasses(),
            s.tolerance(),
            s.network()));
    ShapedRelay.Shape shape = ShapedRelay.Shape.WIDE_AREA;
    List<ShapedRelay> relays = new ArrayList<>();
    try (Workers workers = new Workers(s.limit())) {
      LinkCheck link = s.wan() ? check(shape) : null;
      List<Path> results = new ArrayList<>();
      for (int p = 0; p < s.parties(); p++) {
        Path result = scratch.resolve("party" + p + ".json");
        Files.deleteIfExists(result);
        results.add(result);
        workers.start(name(p), command(s, p, task, result), null);
      }
      String[] ports = new String[s.parties()];
      for (int p = 0; p < s.parties(); p++) {
        ports[p] = workers.await(p, Mesh.LISTENING);
      }
      for (int p = 0; p < s.parties(); p++) {
        workers.tell(p, String.join(" ", s.wan() ? relayed(shape, p, ports, relays) : ports));
      }
      workers.join();
      List<PartyProcess.Result> parties = new ArrayList<>();
      for (Path result : results) {
        parties.add(json.readValue(result.toFile(), PartyProcess.Result.class));
      }
      return new Outcome(
          parties.get(0),
          List.copyOf(parties.subList(1, parties.size())),
          s.wan() ? shape.toString() : "loopback",
          link,
          relays.stream().mapToLong(relay -> relay.carried().total()).sum());
    } finally {
      relays.forEach(ShapedRelay::close);
    }
  }

  private static String name(int party) {
    return "the " + PartyProcess.Task.party(party).name() + " party";
  }

  private static LinkCheck check(ShapedRelay.Shape shape) throws IOException, TimeoutException {
    try (ShapedRelay relay = new ShapedRelay(shape)) {
      return LinkCheck.of(relay, CHECK_BYTES);
    }
  }

  /** The ports of those to whom {@code party} connects, each behind a relay of that pair. */
  private static String[] relayed(
      ShapedRelay.Shape shape, int party, String[] ports, List<ShapedRelay> relays)
      throws IOException {
    String[] reach = ports.clone();
    for (int p = party + 1; p < ports.length; p++) {
      ShapedRelay relay = new ShapedRelay(shape);
      relays.add(relay);
      reach[p] = String.valueOf(relay.link(Integer.parseInt(ports[p]), false));
    }
    return reach;
  }

  private static List<String> command(Settings s, int party, Path task, Path result) {
    List<String> java = new ArrayList<>();
    java.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    java.add("-Xmx" + s.heapMegabytes() + "m");
    if (Boolean.getBoolean("espalier.bench.trace")) {
      java.add("-Despalier.bench.trace=true");
    }
    java.add("-cp");
    java.add(System.getProperty("java.class.path"));
    java.add(PartyProcess.class.getName());
    java.add(String.valueOf(party));
    java.add(task.toAbsolutePath().toString());
    java.add(result.toAbsolutePath().toString());
    return Workers.pinned(s.pin(), Math.min(party, 1), java);
  }
}
