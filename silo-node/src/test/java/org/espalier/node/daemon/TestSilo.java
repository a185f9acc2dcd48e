package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloConfig;
import org.espalier.node.config.SiloHome;
import org.espalier.node.control.ControlClient;
import org.espalier.node.link.LinkSettings;
import org.espalier.wire.Party;

/** A node in this process with a home of its own, used as operators use it: by its socket. */
final class TestSilo implements AutoCloseable {
  static final LinkSettings LINKS =
      LinkSettings.defaults("test")
          .withLiveness(Duration.ofMillis(500), Duration.ofSeconds(4))
          .withBackoff(Duration.ofMillis(50), Duration.ofMillis(300));

  final Party party;
  final SiloHome home;
  private final Path files;
  private final ControlClient client;
  private SiloNode node;

  private TestSilo(Party party, Path root) {
    this.party = party;
    this.home = new SiloHome(root.resolve(party.name()));
    this.files = root;
    this.client = new ControlClient(home);
  }

  /** A new node that does not run yet. */
  static TestSilo create(String name, Path root) {
    TestSilo silo = new TestSilo(new Party(name), root);
    NodeHome.create(
        silo.home,
        new SiloConfig(
            silo.party,
            "127.0.0.1:" + freePort(),
            null,
            Duration.ofSeconds(30),
            Duration.ofSeconds(15),
            null));
    return silo.policy("");
  }

  /** What tests that are not about the policy allow: everything that can be allowed for all. */
  static final String OPEN =
      """
      partners: {"*": {roles: [label, feature]}}
      purposes: {"*": {}}
      datasets: {"*": {purposes: ["*"], columns: {allow: ["*"]}, keys: ["*"]}}
      training:
        {models: ["*"], levels: ["*"], accept_span: true, cross_validation: true, warm_start: true}
      outputs: {scores: true, inference: true, predictions: {}}
      """;

  /** The node's policy from its next start on: all is allowed but for what these sections say. */
  TestSilo policy(String yaml) {
    ObjectNode policy = Json.yaml("open", OPEN, ObjectNode.class);
    if (!yaml.isBlank()) {
      ObjectNode more = Json.yaml("policy", yaml, ObjectNode.class);
      policy.withObject("/partners").setAll(more.withObject("/partners").deepCopy());
      more.remove("partners");
      policy.setAll(more);
    }
    return exactPolicy(Json.toYaml(policy));
  }

  /** The node's policy from its next start on, or when it is applied. */
  TestSilo exactPolicy(String yaml) {
    try {
      Files.writeString(home.policy(), yaml);
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static int freePort() {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  TestSilo start() {
    node = SiloNode.start(home, LINKS);
    return this;
  }

  boolean isRunning() {
    return client.isRunning();
  }

  static ObjectNode args(String... keysAndValues) {
    ObjectNode args = Json.object();
    for (int i = 0; i < keysAndValues.length; i += 2) {
      args.put(keysAndValues[i], keysAndValues[i + 1]);
    }
    return args;
  }

  JsonNode call(String command, ObjectNode args) {
    return client.call(command, args, event -> {});
  }

  JsonNode call(String command, String... keysAndValues) {
    return call(command, args(keysAndValues));
  }

  /** What the node writes into a file of a job's events. */
  Path export(String job, Path file) {
    try (OutputStream out = Files.newOutputStream(file)) {
      client.call(
          "audit.export",
          args("job", job),
          piece -> {
            try {
              out.write(piece.path("content").binaryValue());
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          });
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The problem that a command must end with. */
  Problem refusal(String command, ObjectNode args) {
    try {
      throw new AssertionError(command + " gave " + call(command, args));
    } catch (Problem expected) {
      return expected;
    }
  }

  /** Both operators enrol each other, fingerprints compared. */
  void partnerWith(TestSilo guest) {
    String line = call("partner.invite", "name", guest.party.name()).path("line").asText();
    guest.call("partner.accept", "line", line);
    String hosts = call("status").path("fingerprint").asText();
    String guests = guest.call("status").path("fingerprint").asText();
    guest.call("partner.confirm", "name", party.name(), "fingerprint", hosts);
    call("partner.confirm", "name", guest.party.name(), "fingerprint", guests);
  }

  Path file(String name, List<String> lines) {
    try {
      return Files.write(files.resolve(party + "-" + name + ".csv"), lines);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Registers a data set; the first line names the columns as {@code name:type}. */
  Path dataset(String name, List<String> typed) {
    ArrayNode columns = Json.object().putArray("columns");
    List<String> header = new ArrayList<>();
    for (String column : typed.get(0).split(",", -1)) {
      String[] parts = column.split(":", 2);
      columns.addObject().put("name", parts[0]).put("type", parts[1]);
      header.add(parts[0]);
    }
    List<String> lines = new ArrayList<>(typed);
    lines.set(0, String.join(",", header));
    Path file = file(name, lines);
    ObjectNode args = args("name", name, "file", file.toString());
    args.putObject("schema").set("columns", columns);
    call("dataset.add", args);
    return file;
  }

  String propose(JsonNode spec) {
    ObjectNode args = Json.object();
    args.set("spec", spec);
    return call("job.propose", args).path("id").asText();
  }

  /** The job's status when it is over or the time is. */
  JsonNode await(String job, int seconds) {
    return call("job.wait", args("job", job).put("timeout_seconds", seconds));
  }

  /** Types of the audit log's newest events, each once. */
  Set<String> loggedTypes() {
    Set<String> types = new TreeSet<>();
    for (JsonNode event : call("audit.tail", Json.object().put("count", 10_000)).path("events")) {
      types.add(event.path("type").asText());
    }
    return types;
  }

  void stop() {
    node.close();
    node = null;
  }

  @Override
  public void close() {
    if (node != null) {
      node.close();
    }
  }
}
