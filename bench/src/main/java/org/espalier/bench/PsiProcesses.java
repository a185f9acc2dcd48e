package org.espalier.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeoutException;

/**
 * Two processes that find the people whom two files have in common, receiver (0) and sender (1),
 * Espalier's or the peer's, connected on the loopback interface or through a slow line.
 */
final class PsiProcesses {
  /** What a party says when it is connected, and before what it measured. */
  static final String READY = "BENCH ready";

  static final String DONE = "BENCH done ";
  private static final int CHECK_BYTES = 4 << 20;

  /**
   * @param line the slow one; empty for the loopback interface
   * @param pin the receiver to core 0, the sender to core 1
   * @param heapMegabytes most heap of a Java process
   * @param python of the peer; null if no peer is run
   */
  record Settings(
      Optional<ShapedRelay.Shape> line,
      boolean pin,
      int heapMegabytes,
      Python python,
      Duration limit) {}

  /**
   * @param seconds from the word to begin until both had written their results
   * @param processSeconds from the start of both processes to the end of both
   * @param cpuSeconds of each party, from the word to begin
   * @param cpuSecondsInAll of each party, with starting
   * @param peakBytes largest resident memory of each party
   * @param sent bytes by each party; of a peer on loopback not known
   * @param bytes of both ways together
   * @param link what the slow line was measured as; null without one
   */
  record Outcome(
      double seconds,
      double processSeconds,
      double[] cpuSeconds,
      double[] cpuSecondsInAll,
      long[] peakBytes,
      long[] sent,
      long bytes,
      LinkCheck link) {}

  private final PsiData data;
  private final Settings settings;
  private final Path scratch;
  private final ObjectMapper json = new ObjectMapper();

  private PsiProcesses(PsiData data, Settings settings, Path scratch) {
    this.data = data;
    this.settings = settings;
    this.scratch = scratch;
  }

  /**
   * @param protocol {@code oprf}, {@code oprf-malicious}, {@code ecdh}, {@code unbalanced}, {@code
   *     unbalanced-again} with the list of the one before or, with {@code spu-} before it, one of
   *     the peer's
   * @param scratch for configurations, logs and results
   * @throws Workers.Failed if a party fails, the limit passes or a result is wrong
   */
  static Outcome run(PsiData data, String protocol, Settings settings, Path scratch)
      throws IOException, TimeoutException {
    Files.createDirectories(scratch);
    PsiProcesses processes = new PsiProcesses(data, settings, scratch.toAbsolutePath());
    boolean peer = protocol.startsWith(PsiBenchmark.PEER);
    try (ShapedRelay relay = settings.line.map(ShapedRelay::new).orElse(null);
        Workers workers = new Workers(settings.limit)) {
      LinkCheck link = relay == null ? null : LinkCheck.of(relay, CHECK_BYTES);
      long began = System.nanoTime();
      if (peer) {
        processes.startPeers(workers, relay, protocol.substring(PsiBenchmark.PEER.length()));
      } else {
        processes.startOwn(workers, relay, protocol);
      }
      for (int party = 0; party < 2; party++) {
        workers.await(party, READY);
      }
      ShapedRelay.Carried before = relay == null ? null : relay.carried();
      long loopback = peer && relay == null ? Loopback.bytes() : 0;
      workers.tell(0, "go");
      workers.tell(1, "go");
      JsonNode[] result = new JsonNode[2];
      for (int party = 0; party < 2; party++) {
        result[party] = processes.json.readTree(workers.await(party, DONE));
      }
      loopback = peer && relay == null ? Loopback.bytes() - loopback : 0;
      workers.join();
      double processSeconds = (System.nanoTime() - began) / 1e9;
      processes.check(peer, result);
      long[] sent = {-1, -1};
      if (relay != null) {
        ShapedRelay.Carried carried = relay.carried().minus(before);
        sent = new long[] {carried.forward(), carried.back()};
      } else if (!peer) {
        sent =
            new long[] {
              result[0].get("bytesSent").longValue(), result[1].get("bytesSent").longValue()
            };
      }
      return new Outcome(
          Math.max(result[0].get("seconds").doubleValue(), result[1].get("seconds").doubleValue()),
          processSeconds,
          doubles(result, "cpuSeconds"),
          doubles(result, "cpuSecondsInAll"),
          new long[] {
            result[0].get("peakBytes").longValue(), result[1].get("peakBytes").longValue()
          },
          sent,
          sent[0] < 0 ? loopback : sent[0] + sent[1],
          link);
    }
  }

  private static double[] doubles(JsonNode[] result, String field) {
    return new double[] {result[0].get(field).doubleValue(), result[1].get(field).doubleValue()};
  }

  private Path rows(int party) {
    return scratch.resolve("rows" + party + ".csv");
  }

  private void start(Workers workers, int party, List<String> command) throws IOException {
    Files.deleteIfExists(rows(party));
    workers.start(
        party == 0 ? "the receiver" : "the sender",
        Workers.pinned(settings.pin, party, command),
        scratch.resolve("party" + party + ".log"),
        scratch);
  }

  private void startOwn(Workers workers, ShapedRelay relay, String protocol) throws IOException {
    for (int party = 0; party < 2; party++) {
      Path task = scratch.resolve("party" + party + ".json");
      json.writeValue(
          task.toFile(),
          new PsiParty.Task(
              party,
              protocol,
              data.file(party).toAbsolutePath().toString(),
              rows(party).toString()));
      List<String> java = new ArrayList<>();
      java.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      java.add("-Xmx" + settings.heapMegabytes + "m");
      // For profilers, and to try the machine's settings.
      String more = System.getenv("BENCH_JAVA_OPTS");
      if (more != null && !more.isBlank()) {
        java.addAll(List.of(more.trim().split(" +")));
      }
      java.addAll(
          List.of(
              "-cp",
              System.getProperty("java.class.path"),
              PsiParty.class.getName(),
              task.toString()));
      start(workers, party, java);
    }
    String[] ports = {workers.await(0, Mesh.LISTENING), workers.await(1, Mesh.LISTENING)};
    workers.tell(1, String.join(" ", ports));
    if (relay != null) {
      ports[1] = String.valueOf(relay.link(Integer.parseInt(ports[1]), false));
    }
    workers.tell(0, String.join(" ", ports));
  }

  private void startPeers(Workers workers, ShapedRelay relay, String protocol) throws IOException {
    int[] ports = Loopback.freePorts(2);
    for (int party = 0; party < 2; party++) {
      int[] reach = ports.clone();
      if (relay != null) {
        reach[1 - party] = relay.link(ports[1 - party], party == 1);
      }
      ObjectNode config =
          json.createObjectNode()
              .put("party", party)
              .put("protocol", protocol)
              .put("ids", data.file(party).toAbsolutePath().toString())
              .put("rows", rows(party).toString());
      config.set("ports", json.valueToTree(reach));
      Path file = scratch.resolve("party" + party + ".json");
      json.writeValue(file.toFile(), config);
      start(workers, party, settings.python.command("spu_psi.py", file));
    }
  }

  /** Both have what they should: the peer by its count, Espalier by every row. */
  private void check(boolean peer, JsonNode[] result) throws IOException {
    for (JsonNode party : result) {
      if (party.get("found").intValue() != data.common()) {
        throw new Workers.Failed(
            "%,d people found where %,d are in both files"
                .formatted(party.get("found").intValue(), data.common()));
      }
    }
    if (!peer) {
      String wrong = data.check(read(rows(0)), read(rows(1)));
      if (!wrong.isEmpty()) {
        throw new Workers.Failed(wrong);
      }
    }
  }

  private int[] read(Path file) throws IOException {
    int[] rows = new int[data.common()];
    try (BufferedReader in = Files.newBufferedReader(file)) {
      for (int i = 0; i < rows.length; i++) {
        String line = in.readLine();
        if (line == null) {
          throw new Workers.Failed(file + " has %,d rows".formatted(i));
        }
        rows[i] = Integer.parseInt(line);
      }
    }
    return rows;
  }
}
