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
 * Espalier's training by two Java processes, one a party, over one TCP connection of the loopback
 * interface or through a {@link ShapedRelay}.
 */
final class TwoProcesses {
  private static final int CHECK_BYTES = 4 << 20;

  /**
   * @param wan through a relay of {@link ShapedRelay.Shape#WIDE_AREA}
   * @param pin the label party to core 0, the feature party to core 1
   * @param heapMegabytes most heap of each process
   */
  record Settings(
      String level,
      double l2,
      int maxPasses,
      double tolerance,
      boolean wan,
      boolean pin,
      int heapMegabytes,
      Duration limit) {
    Settings over(boolean throughRelay) {
      return new Settings(level, l2, maxPasses, tolerance, throughRelay, pin, heapMegabytes, limit);
    }
  }

  /**
   * @param link what the relay measured as; null without one
   * @param relayBytes payload of both directions by the relay's count; 0 without one
   */
  record Outcome(
      PartyProcess.Result label,
      PartyProcess.Result feature,
      String network,
      LinkCheck link,
      long relayBytes) {
    double seconds() {
      return Math.max(label.seconds(), feature.seconds());
    }

    double cpuSeconds() {
      return label.cpuSeconds() + feature.cpuSeconds();
    }

    /** Both ways, as the label party's channel counts them. */
    long bytes() {
      return label.bytesSent() + label.bytesReceived();
    }

    double[] weights() {
      return Reference.join(label.weights(), feature.weights());
    }
  }

  private TwoProcesses() {}

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
            s.level(),
            s.l2(),
            s.maxPasses(),
            s.tolerance()));
    Path labelResult = scratch.resolve("label.json");
    Path featureResult = scratch.resolve("feature.json");
    Files.deleteIfExists(labelResult);
    Files.deleteIfExists(featureResult);
    ShapedRelay.Shape shape = ShapedRelay.Shape.WIDE_AREA;
    try (Workers workers = new Workers(s.limit());
        ShapedRelay relay = new ShapedRelay(shape)) {
      LinkCheck link = s.wan() ? LinkCheck.of(relay, CHECK_BYTES) : null;
      int feature =
          workers.start(
              "the feature party", command(s, 1, "feature", task, featureResult, 0), null);
      int port = Integer.parseInt(workers.await(feature, PartyProcess.LISTENING));
      ShapedRelay.Carried before = relay.carried();
      int reach = s.wan() ? relay.link(port, false) : port;
      workers.start("the label party", command(s, 0, "label", task, labelResult, reach), null);
      workers.join();
      return new Outcome(
          json.readValue(labelResult.toFile(), PartyProcess.Result.class),
          json.readValue(featureResult.toFile(), PartyProcess.Result.class),
          s.wan() ? shape.toString() : "loopback",
          link,
          relay.carried().minus(before).total());
    }
  }

  private static List<String> command(
      Settings s, int core, String role, Path task, Path result, int port) {
    List<String> java = new ArrayList<>();
    java.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    java.add("-Xmx" + s.heapMegabytes() + "m");
    if (Boolean.getBoolean("espalier.bench.trace")) {
      java.add("-Despalier.bench.trace=true");
    }
    java.add("-cp");
    java.add(System.getProperty("java.class.path"));
    java.add(PartyProcess.class.getName());
    java.add(role);
    java.add(task.toAbsolutePath().toString());
    java.add(result.toAbsolutePath().toString());
    java.add(String.valueOf(port));
    return Workers.pinned(s.pin(), core, java);
  }
}
