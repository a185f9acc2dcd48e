package org.espalier.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

/**
 * Two processes of SecretFlow, feature party (0) and label party (1), each on a core of its own if
 * pinned, connected on the loopback interface or through the slow line. They work in a temporary
 * folder, because SecretFlow leaves files where it runs.
 */
final class PeerProcesses implements AutoCloseable {
  private static final int CHECK_BYTES = 4 << 20;

  /** Marks the lines of the scripts among what their libraries print. */
  private static final String MARK = "BENCH ";

  private final Workers workers;
  private final ShapedRelay relay;
  private final LinkCheck link;
  private final Path litter;

  private PeerProcesses(Workers workers, ShapedRelay relay, LinkCheck link, Path litter) {
    this.workers = workers;
    this.relay = relay;
    this.link = link;
    this.litter = litter;
  }

  /**
   * Starts both and waits until they have their data.
   *
   * @param script its name
   * @param config of both parties; party, data, shape and lines are added
   * @param rows that they read
   * @param scratch where configurations and what they complain about are kept
   */
  static PeerProcesses start(
      String script,
      ObjectNode config,
      int rows,
      DataFiles data,
      PeersBenchmark.Settings s,
      boolean wan,
      Path scratch)
      throws IOException, TimeoutException {
    ShapedRelay relay = wan ? new ShapedRelay(ShapedRelay.Shape.WIDE_AREA) : null;
    PeerProcesses started =
        new PeerProcesses(
            new Workers(s.espalier().limit()),
            relay,
            wan ? LinkCheck.of(relay, CHECK_BYTES) : null,
            Files.createTempDirectory("espalier-peers"));
    try {
      started.startBoth(script, config, rows, data, s, scratch);
      return started;
    } catch (IOException | RuntimeException e) {
      started.close();
      throw e;
    }
  }

  private void startBoth(
      String script,
      ObjectNode common,
      int rows,
      DataFiles data,
      PeersBenchmark.Settings s,
      Path scratch)
      throws IOException {
    ObjectMapper mapper = new ObjectMapper();
    // Two listeners of the parties' coordination, then two of their secure computation.
    int[] listen = Loopback.freePorts(4);
    int[] reach = listen.clone();
    for (int i = 0; relay != null && i < 4; i++) {
      reach[i] = relay.link(listen[i], i % 2 == 1);
    }
    for (String party : List.of("feature", "label")) {
      ObjectNode config = common.deepCopy();
      config
          .put("party", party)
          .put("data", data.folder().toAbsolutePath().toString())
          .put("rows", rows)
          .put("label_columns", data.shape().labelColumns())
          .put("feature_columns", data.shape().featureColumns());
      config.set("listen", mapper.valueToTree(listen));
      config.set("reach", mapper.valueToTree(reach));
      Path file = scratch.resolve(party + ".json");
      mapper.writeValue(file.toFile(), config);
      workers.start(
          "the peer's " + party + " party",
          Workers.pinned(
              s.espalier().pin(), party.equals("label") ? 0 : 1, s.python().command(script, file)),
          scratch.resolve(party + ".log"),
          litter);
    }
    for (int w = 0; w < 2; w++) {
      workers.await(w, MARK + "ready");
    }
  }

  void tellBoth(String line) {
    workers.tell(0, line);
    workers.tell(1, line);
  }

  /** The next report of this kind from both, feature party first. */
  JsonNode[] both(String kind) throws IOException {
    JsonNode[] report = new JsonNode[2];
    for (int w = 0; w < 2; w++) {
      report[w] = new ObjectMapper().readTree(workers.await(w, MARK + kind + " "));
    }
    return report;
  }

  /** The last reports, feature party first; afterwards both have ended well. */
  JsonNode[] done() throws IOException {
    JsonNode[] report = both("done");
    workers.join();
    return report;
  }

  String network() {
    return relay == null ? "loopback" : ShapedRelay.Shape.WIDE_AREA.toString();
  }

  /** What the slow line was measured as; nothing without one. */
  List<String> linkNotes() {
    return link == null ? List.of() : List.of(link.toString());
  }

  String bytesCounted() {
    return relay == null
        ? "all packets of the loopback interface, headers included"
        : "payload, by the relay";
  }

  /** Bytes so far: the relay's count, or that of the loopback interface. */
  long bytes() throws IOException {
    if (relay != null) {
      return relay.carried().total();
    }
    return Loopback.bytes();
  }

  @Override
  public void close() throws IOException {
    workers.close();
    if (relay != null) {
      relay.close();
    }
    if (!Files.exists(litter)) {
      return;
    }
    try (Stream<Path> files = Files.walk(litter)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
