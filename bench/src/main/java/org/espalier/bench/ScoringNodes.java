package org.espalier.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloConfig;
import org.espalier.node.config.SiloHome;
import org.espalier.node.daemon.NodeHome;
import org.espalier.wire.Party;

/**
 * Nodes as processes of their own on this machine, from enrolment to a model that they serve: a
 * label party and feature parties, linked by mutual TLS over loopback.
 */
final class ScoringNodes implements AutoCloseable {
  private static final int TRAINING_SECONDS = 1800;
  private static final int QUOTA = 10_000_000;

  private final SiloProcesses silos = new SiloProcesses();
  private final List<Integer> linkPorts = new ArrayList<>();
  private String serving;
  private String token;

  /**
   * @param heap of a node, megabytes
   */
  static ScoringNodes start(Path folder, int parties, int people, int columns, int heap)
      throws IOException {
    SiloProcesses.fresh(folder);
    ScoringNodes all = new ScoringNodes();
    try {
      all.begin(folder, parties, heap);
      all.silos.enrol();
      all.silos.data(folder, people, columns);
      all.serve(all.train(parties, columns));
      return all;
    } catch (IOException | RuntimeException e) {
      all.close();
      throw e;
    }
  }

  private void begin(Path folder, int parties, int heap) throws IOException {
    for (int p = 0; p < parties; p++) {
      Party party = new Party(p == 0 ? "label.example" : "feature-" + p + ".example");
      SiloHome home = new SiloHome(folder.resolve(party.name()));
      int port = SiloProcesses.freePort();
      linkPorts.add(port);
      String listen = "127.0.0.1:" + port;
      NodeHome.create(home, new SiloConfig(party, listen, null, null, null, null));
      String asked =
          p == 0
              ? ""
              : ", label.example: {online_scoring: {scores_per_day: %d, until: %s}}"
                  .formatted(QUOTA, tomorrow());
      Files.writeString(home.policy(), SiloProcesses.policy(asked));
      if (p == 0) {
        String config = Files.readString(home.config()).replaceAll("(?m)^scoring:.*\n", "");
        Files.writeString(home.config(), config + "scoring: {listen: \"127.0.0.1:0\"}\n");
      }
      silos.start(party, home, heap);
    }
  }

  private static LocalDate tomorrow() {
    return LocalDate.now(ZoneOffset.UTC).plusDays(1);
  }

  private List<SiloProcesses.Silo> nodes() {
    return silos.all();
  }

  private String train(int parties, int columns) {
    ObjectNode spec = SiloProcesses.job("train", "model", nodes());
    spec.putObject("label").put("party", "label.example").put("column", "bad");
    ObjectNode training = spec.putObject("training").put("level", "gradients");
    training.put("max_passes", 5).put("min_features_per_party", Math.min(3, columns));
    training.putArray("accept").add("span");
    String job = SiloProcesses.agreed(spec, nodes());
    SiloProcesses.Silo label = nodes().get(0);
    label.call("job.run", "job", job);
    JsonNode end =
        label.call(
            "job.wait", Json.object().put("job", job).put("timeout_seconds", TRAINING_SECONDS));
    if (!end.at("/job/state").asText().equals("DONE")) {
      throw new Workers.Failed("the training of " + parties + " parties failed: " + end);
    }
    // The others may take a moment longer to be done.
    nodes()
        .forEach(
            node ->
                node.call("job.wait", Json.object().put("job", job).put("timeout_seconds", 60)));
    return job;
  }

  private void serve(String model) {
    ObjectNode spec = SiloProcesses.job("serve", "online", nodes()).put("model", model);
    spec.put("label_party", "label.example").put("scores_per_day", QUOTA);
    spec.put("until", tomorrow().toString());
    serving = SiloProcesses.agreed(spec, nodes());
    nodes().forEach(node -> node.call("serve.start", "job", serving));
    token = nodes().get(0).call("serve.client.add", "name", "load").path("token").asText();
  }

  /** Load on the label party's endpoint. */
  ScoreLoad load(int people) {
    String url = nodes().get(0).call("status").at("/scoring/url").asText();
    return new ScoreLoad(url, serving, token, people);
  }

  /** Where each node listens for partners, on loopback. */
  List<Integer> linkPorts() {
    return List.copyOf(linkPorts);
  }

  /** Round trip of the slowest link, milliseconds, as the label party's node measures it. */
  double roundTripMillis() {
    double slowest = 0;
    for (JsonNode partner : nodes().get(0).call("status").path("partners")) {
      slowest = Math.max(slowest, partner.path("rtt_ms").asDouble());
    }
    return slowest;
  }

  /** Processor seconds of each node so far, the label party's first. */
  double[] cpuSeconds() {
    return nodes().stream()
        .mapToDouble(
            node ->
                node.process()
                    .toHandle()
                    .info()
                    .totalCpuDuration()
                    .map(used -> used.toNanos() / 1e9)
                    .orElse(Double.NaN))
        .toArray();
  }

  @Override
  public void close() {
    silos.close();
  }

  static double[] difference(double[] after, double[] before) {
    return IntStream.range(0, after.length).mapToDouble(i -> after[i] - before[i]).toArray();
  }
}
