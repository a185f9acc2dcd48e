package org.espalier.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.espalier.node.cli.NodeProcess;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloConfig;
import org.espalier.node.config.SiloHome;
import org.espalier.node.control.ControlClient;
import org.espalier.node.daemon.NodeHome;
import org.espalier.wire.Party;

/**
 * Nodes as processes of their own on this machine, from enrolment to a model that they serve: a
 * label party and feature parties, linked by mutual TLS over loopback.
 */
final class ScoringNodes implements AutoCloseable {
  private static final Duration STARTING = Duration.ofSeconds(60);
  private static final int TRAINING_SECONDS = 1800;
  private static final int QUOTA = 10_000_000;

  /** Everything that the benchmark does, and what is asked of feature parties. */
  private static final String POLICY =
      """
      partners: {"*": {roles: [label, feature]}%s}
      purposes: {"*": {}}
      datasets: {"*": {purposes: ["*"], columns: {allow: ["*"]}, keys: ["*"]}}
      training: {models: ["*"], levels: ["*"]}
      outputs: {predictions: {}}
      """;

  private static final long MASK = 0x5DEECE66DL;

  private final List<Node> nodes = new ArrayList<>();
  private String serving;
  private String token;

  private record Node(Party party, SiloHome home, Process process, ControlClient client) {
    JsonNode call(String command, ObjectNode args) {
      return client.call(command, args, event -> {});
    }

    JsonNode call(String command, String... keysAndValues) {
      ObjectNode args = Json.object();
      for (int i = 0; i < keysAndValues.length; i += 2) {
        args.put(keysAndValues[i], keysAndValues[i + 1]);
      }
      return call(command, args);
    }
  }

  /**
   * @param heap of a node, megabytes
   */
  static ScoringNodes start(Path folder, int parties, int people, int columns, int heap)
      throws IOException {
    delete(folder);
    Files.createDirectories(folder);
    ScoringNodes all = new ScoringNodes();
    try {
      all.begin(folder, parties, heap);
      all.data(folder, people, columns);
      all.serve(all.train(parties, columns));
      return all;
    } catch (IOException | RuntimeException e) {
      all.close();
      throw e;
    }
  }

  private static void delete(Path folder) throws IOException {
    if (Files.exists(folder)) {
      try (Stream<Path> old = Files.walk(folder)) {
        for (Path path : old.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private void begin(Path folder, int parties, int heap) throws IOException {
    for (int p = 0; p < parties; p++) {
      Party party = new Party(p == 0 ? "label.example" : "feature-" + p + ".example");
      SiloHome home = new SiloHome(folder.resolve(party.name()));
      NodeHome.create(
          home, new SiloConfig(party, "127.0.0.1:" + freePort(), null, null, null, null));
      String asked =
          p == 0
              ? ""
              : ", label.example: {online_scoring: {scores_per_day: %d, until: %s}}"
                  .formatted(QUOTA, tomorrow());
      Files.writeString(home.policy(), POLICY.formatted(asked));
      if (p == 0) {
        String config = Files.readString(home.config()).replaceAll("(?m)^scoring:.*\n", "");
        Files.writeString(home.config(), config + "scoring: {listen: \"127.0.0.1:0\"}\n");
      }
      Process process = NodeProcess.spawn(home, options(heap));
      nodes.add(new Node(party, home, process, new ControlClient(home)));
      NodeProcess.await(process, home, STARTING);
    }
    for (int a = 0; a < parties; a++) {
      for (int b = a + 1; b < parties; b++) {
        partners(nodes.get(a), nodes.get(b));
      }
    }
  }

  private static Map<String, String> options(int heap) {
    String more = System.getenv().getOrDefault("SILO_JAVA_OPTS", "");
    return Map.of("SILO_HEAP", heap + "m", "SILO_JAVA_OPTS", more);
  }

  private static LocalDate tomorrow() {
    return LocalDate.now(ZoneOffset.UTC).plusDays(1);
  }

  private static void partners(Node host, Node guest) {
    String line = host.call("partner.invite", "name", guest.party.name()).path("line").asText();
    guest.call("partner.accept", "line", line);
    String hosts = host.call("status").path("fingerprint").asText();
    String guests = guest.call("status").path("fingerprint").asText();
    guest.call("partner.confirm", "name", host.party.name(), "fingerprint", hosts);
    host.call("partner.confirm", "name", guest.party.name(), "fingerprint", guests);
  }

  private void data(Path folder, int people, int columns) throws IOException {
    for (int p = 0; p < nodes.size(); p++) {
      Node node = nodes.get(p);
      ObjectNode args = Json.object().put("name", "people");
      ArrayNode schema = args.putObject("schema").putArray("columns");
      schema.addObject().put("name", "person").put("type", "id");
      StringBuilder csv = new StringBuilder("person");
      if (p == 0) {
        schema.addObject().put("name", "bad").put("type", "label");
        csv.append(",bad");
      }
      for (int j = 0; j < columns; j++) {
        schema.addObject().put("name", "x" + j).put("type", "number");
        csv.append(",x").append(j);
      }
      csv.append('\n');
      for (int id = 0; id < people; id++) {
        csv.append(String.format(Locale.ROOT, "P%07d", id));
        Random random = new Random(id * MASK + p);
        if (p == 0) {
          csv.append(',').append(outcome(id, nodes.size()));
        }
        for (int j = 0; j < columns; j++) {
          csv.append(String.format(Locale.ROOT, ",%.4f", random.nextGaussian()));
        }
        csv.append('\n');
      }
      Path file = folder.resolve(node.party.name() + ".csv");
      Files.writeString(file, csv, StandardCharsets.US_ASCII);
      node.call("dataset.add", args.put("file", file.toString()));
    }
  }

  /** Follows from the first column of each party. */
  private static int outcome(int id, int parties) {
    double logit = 0;
    for (int p = 0; p < parties; p++) {
      logit += new Random(id * MASK + p).nextGaussian();
    }
    return new Random(id * MASK - 1).nextDouble() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
  }

  private ObjectNode job(String kind, String name) {
    ObjectNode spec = Json.object().put("kind", kind).put("name", name).put("purpose", "benchmark");
    ObjectNode parties = spec.putObject("parties");
    nodes.forEach(node -> parties.putObject(node.party.name()).put("dataset", "people"));
    spec.putArray("match").addArray().addObject().put("column", "person");
    return spec;
  }

  private String train(int parties, int columns) {
    ObjectNode spec = job("train", "model");
    spec.putObject("label").put("party", "label.example").put("column", "bad");
    ObjectNode training = spec.putObject("training").put("level", "gradients");
    training.put("max_passes", 5).put("min_features_per_party", Math.min(3, columns));
    training.putArray("accept").add("span");
    String job = agreed(spec);
    Node label = nodes.get(0);
    label.call("job.run", "job", job);
    JsonNode end =
        label.call(
            "job.wait", Json.object().put("job", job).put("timeout_seconds", TRAINING_SECONDS));
    if (!end.at("/job/state").asText().equals("DONE")) {
      throw new Workers.Failed("the training of " + parties + " parties failed: " + end);
    }
    // The others may take a moment longer to be done.
    nodes.forEach(
        node -> node.call("job.wait", Json.object().put("job", job).put("timeout_seconds", 60)));
    return job;
  }

  private String agreed(ObjectNode spec) {
    ObjectNode args = Json.object();
    args.set("spec", spec);
    String job = nodes.get(0).call("job.propose", args).path("id").asText();
    nodes.stream().skip(1).forEach(node -> node.call("job.approve", "job", job));
    return job;
  }

  private void serve(String model) {
    ObjectNode spec = job("serve", "online").put("model", model);
    spec.put("label_party", "label.example").put("scores_per_day", QUOTA);
    spec.put("until", tomorrow().toString());
    serving = agreed(spec);
    nodes.forEach(node -> node.call("serve.start", "job", serving));
    token = nodes.get(0).call("serve.client.add", "name", "load").path("token").asText();
  }

  /** Load on the label party's endpoint. */
  ScoreLoad load(int people) {
    String url = nodes.get(0).call("status").at("/scoring/url").asText();
    return new ScoreLoad(url, serving, token, people);
  }

  /** Round trip of the slowest link, milliseconds, as the label party's node measures it. */
  double roundTripMillis() {
    double slowest = 0;
    for (JsonNode partner : nodes.get(0).call("status").path("partners")) {
      slowest = Math.max(slowest, partner.path("rtt_ms").asDouble());
    }
    return slowest;
  }

  /** Processor seconds of each node so far, the label party's first. */
  double[] cpuSeconds() {
    return nodes.stream()
        .mapToDouble(
            node ->
                node.process
                    .toHandle()
                    .info()
                    .totalCpuDuration()
                    .map(used -> used.toNanos() / 1e9)
                    .orElse(Double.NaN))
        .toArray();
  }

  /** Stops the nodes in order, by force where they do not. */
  @Override
  public void close() {
    nodes.forEach(node -> node.process.destroy());
    for (Node node : nodes) {
      try {
        if (!node.process.waitFor(20, TimeUnit.SECONDS)) {
          node.process.destroyForcibly();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        node.process.destroyForcibly();
      }
    }
  }

  static double[] difference(double[] after, double[] before) {
    return IntStream.range(0, after.length).mapToDouble(i -> after[i] - before[i]).toArray();
  }
}
