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
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.espalier.node.cli.NodeProcess;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;
import org.espalier.node.control.ControlClient;
import org.espalier.wire.Party;

/**
 * Nodes as processes of their own on this machine, linked by mutual TLS over loopback, with data
 * that each party has of the same people.
 */
final class SiloProcesses implements AutoCloseable {
  private static final Duration STARTING = Duration.ofSeconds(60);
  private static final long MASK = 0x5DEECE66DL;

  /** Everything that benchmarks do. */
  private static final String POLICY =
      """
      partners: {"*": {roles: [label, feature]}%s}
      purposes: {"*": {}}
      datasets: {"*": {purposes: ["*"], columns: {allow: ["*"]}, keys: ["*"]}}
      training: {models: ["*"], levels: ["*"], accept_span: true}
      outputs: {predictions: {}}
      """;

  private final List<Silo> all = new ArrayList<>();

  /** One node. */
  static final class Silo {
    final Party party;
    final SiloHome home;
    private final int heap;
    private final ControlClient client;
    private Process process;

    Silo(Party party, SiloHome home, int heap) {
      this.party = party;
      this.home = home;
      this.heap = heap;
      this.client = new ControlClient(home);
    }

    /** Starts it and waits until it answers. */
    void start() throws IOException {
      String more = System.getenv().getOrDefault("SILO_JAVA_OPTS", "");
      process = NodeProcess.spawn(home, Map.of("SILO_HEAP", heap + "m", "SILO_JAVA_OPTS", more));
      NodeProcess.await(process, home, STARTING);
    }

    /** Ends it as a power cut does. */
    void kill() throws InterruptedException {
      process.destroyForcibly().waitFor();
    }

    Process process() {
      return process;
    }

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
   * The policy of a node that takes part in benchmarks.
   *
   * @param more entries for partners, each behind a comma
   */
  static String policy(String more) {
    return POLICY.formatted(more);
  }

  /** An empty folder in place of what was there. */
  static void fresh(Path folder) throws IOException {
    SiloHome.delete(folder);
    Files.createDirectories(folder);
  }

  static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  /**
   * Starts a node whose home has been made.
   *
   * @param heap megabytes
   */
  Silo start(Party party, SiloHome home, int heap) throws IOException {
    Silo silo = new Silo(party, home, heap);
    all.add(silo);
    silo.start();
    return silo;
  }

  List<Silo> all() {
    return all;
  }

  /** Every two enrol each other, fingerprints compared. */
  void enrol() {
    for (int a = 0; a < all.size(); a++) {
      for (int b = a + 1; b < all.size(); b++) {
        partners(all.get(a), all.get(b));
      }
    }
  }

  private static void partners(Silo host, Silo guest) {
    String line = host.call("partner.invite", "name", guest.party.name()).path("line").asText();
    guest.call("partner.accept", "line", line);
    String hosts = host.call("status").path("fingerprint").asText();
    String guests = guest.call("status").path("fingerprint").asText();
    guest.call("partner.confirm", "name", host.party.name(), "fingerprint", hosts);
    host.call("partner.confirm", "name", guest.party.name(), "fingerprint", guests);
  }

  /** Registers {@code people} at every node; the first has the outcome, {@code bad}. */
  void data(Path folder, int people, int columns) throws IOException {
    for (int p = 0; p < all.size(); p++) {
      Silo silo = all.get(p);
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
          csv.append(',').append(outcome(id, all.size()));
        }
        for (int j = 0; j < columns; j++) {
          csv.append(String.format(Locale.ROOT, ",%.4f", random.nextGaussian()));
        }
        csv.append('\n');
      }
      Path file = folder.resolve(silo.party.name() + ".csv");
      Files.writeString(file, csv, StandardCharsets.US_ASCII);
      silo.call("dataset.add", args.put("file", file.toString()));
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

  /** A job of these nodes on that data; what its kind needs beside is missing. */
  static ObjectNode job(String kind, String name, List<Silo> parties) {
    ObjectNode spec = Json.object().put("kind", kind).put("name", name).put("purpose", "benchmark");
    ObjectNode sources = spec.putObject("parties");
    parties.forEach(silo -> sources.putObject(silo.party.name()).put("dataset", "people"));
    spec.putArray("match").addArray().addObject().put("column", "person");
    return spec;
  }

  /** Proposed by the first of the parties, approved by the others; its id. */
  static String agreed(ObjectNode spec, List<Silo> parties) {
    ObjectNode args = Json.object();
    args.set("spec", spec);
    String job = parties.get(0).call("job.propose", args).path("id").asText();
    parties.stream().skip(1).forEach(silo -> silo.call("job.approve", "job", job));
    return job;
  }

  /** Stops the nodes in order, by force where they do not. */
  @Override
  public void close() {
    all.stream().map(Silo::process).filter(Process::isAlive).forEach(Process::destroy);
    for (Silo silo : all) {
      try {
        if (!silo.process().waitFor(20, TimeUnit.SECONDS)) {
          silo.process().destroyForcibly();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        silo.process().destroyForcibly();
      }
    }
  }
}
