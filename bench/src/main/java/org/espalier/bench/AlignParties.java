package org.espalier.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Alignments of several parties, a process each, over TCP connections of the loopback interface:
 * {@code oprf}, which tells nobody an intersection of fewer than all, and the ring of {@code ecdh}.
 */
final class AlignParties {
  /**
   * @param ecdhKeys largest size at which ecdh runs: its processor time grows with keys and with
   *     the square of parties
   * @param turns of each protocol, one after the other
   * @param times that the processes of a turn align, the first with cold code
   * @param heapMegabytes most heap of each process
   * @param limit of a turn
   */
  record Settings(
      List<Integer> parties,
      List<Integer> keys,
      List<String> protocols,
      int ecdhKeys,
      int turns,
      int times,
      int heapMegabytes,
      Duration limit) {}

  /**
   * One alignment; the receiver is the first party, which {@code ecdh} calls the comparer.
   *
   * @param time from 1; that of processes that have just started
   * @param seconds until all had ended
   * @param cpuSeconds of all parties together
   * @param megabytes that all parties sent
   * @param load of the machine before
   */
  record Point(
      String protocol,
      int parties,
      int keys,
      int turn,
      int time,
      double seconds,
      double cpuSeconds,
      double cpuSecondsReceiver,
      double cpuSecondsSender,
      double megabytes,
      double megabytesReceiver,
      double megabytesSender,
      double peakMegabytesReceiver,
      double peakMegabytesSender,
      double load) {}

  private AlignParties() {}

  static void run(Settings settings, Path folder, boolean asJson, PrintStream out)
      throws IOException {
    Machine machine = Machine.now();
    if (!asJson) {
      out.println(machine);
      out.printf(
          "%-6s %7s %9s %5s %5s | %8s %8s %8s %8s | %8s %8s %8s | %8s %8s %5s%n",
          "",
          "parties",
          "keys",
          "turn",
          "time",
          "seconds",
          "cpu s",
          "receiver",
          "sender",
          "MB",
          "receiver",
          "sender",
          "peak MB",
          "sender",
          "load");
    }
    List<Point> points = new ArrayList<>();
    for (int keys : settings.keys()) {
      for (int parties : settings.parties()) {
        for (int turn = 1; turn <= settings.turns(); turn++) {
          for (String protocol : settings.protocols()) {
            if (protocol.equals("oprf") || keys <= settings.ecdhKeys()) {
              List<Point> here = one(settings, protocol, parties, keys, turn, folder);
              points.addAll(here);
              if (!asJson) {
                here.forEach(point -> print(point, out));
              }
            }
          }
        }
      }
    }
    if (asJson) {
      ObjectMapper mapper = new ObjectMapper();
      ObjectNode json = mapper.createObjectNode().put("benchmark", "psi-parties");
      json.set("machine", mapper.valueToTree(machine));
      json.set("points", mapper.valueToTree(points));
      out.println(json.toPrettyString());
    }
  }

  private static List<Point> one(
      Settings settings, String protocol, int parties, int keys, int turn, Path folder)
      throws IOException {
    Files.createDirectories(folder);
    double load = Machine.loadNow();
    try (Workers workers = new Workers(settings.limit())) {
      for (int p = 0; p < parties; p++) {
        workers.start("party " + p, command(settings, protocol, p, parties, keys, folder), null);
      }
      String[] ports = new String[parties];
      for (int p = 0; p < parties; p++) {
        ports[p] = workers.await(p, Mesh.LISTENING);
      }
      for (int p = 0; p < parties; p++) {
        workers.tell(p, String.join(" ", ports));
      }
      ObjectMapper json = new ObjectMapper();
      List<Point> points = new ArrayList<>();
      for (int time = 1; time <= settings.times(); time++) {
        List<AlignParty.Result> results = new ArrayList<>();
        for (int p = 0; p < parties; p++) {
          results.add(json.readValue(workers.await(p, AlignParty.DONE), AlignParty.Result.class));
        }
        points.add(point(protocol, keys, turn, time, results, load));
      }
      workers.join();
      return points;
    }
  }

  private static List<String> command(
      Settings settings, String protocol, int party, int parties, int keys, Path folder) {
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-Xmx" + settings.heapMegabytes() + "m",
        "-cp",
        System.getProperty("java.class.path"),
        AlignParty.class.getName(),
        String.valueOf(party),
        String.valueOf(parties),
        protocol,
        String.valueOf(keys),
        String.valueOf(settings.times()),
        folder.resolve("party" + party).toAbsolutePath().toString());
  }

  private static Point point(
      String protocol, int keys, int turn, int time, List<AlignParty.Result> results, double load) {
    if (results.stream().map(AlignParty.Result::digest).distinct().count() != 1) {
      throw new Workers.Failed("the parties have different cohorts");
    }
    AlignParty.Result receiver = results.get(0);
    List<AlignParty.Result> senders = results.subList(1, results.size());
    return new Point(
        protocol,
        results.size(),
        keys,
        turn,
        time,
        results.stream().mapToDouble(AlignParty.Result::seconds).max().orElseThrow(),
        results.stream().mapToDouble(AlignParty.Result::cpuSeconds).sum(),
        receiver.cpuSeconds(),
        senders.stream().mapToDouble(AlignParty.Result::cpuSeconds).max().orElseThrow(),
        results.stream().mapToLong(AlignParty.Result::bytesSent).sum() / 1e6,
        receiver.bytesSent() / 1e6,
        senders.stream().mapToLong(AlignParty.Result::bytesSent).max().orElseThrow() / 1e6,
        receiver.peakBytes() / 1e6,
        senders.stream().mapToLong(AlignParty.Result::peakBytes).max().orElseThrow() / 1e6,
        load);
  }

  private static void print(Point p, PrintStream out) {
    out.printf(
        Locale.ROOT,
        "%-6s %7d %9d %5d %5d | %8.2f %8.2f %8.2f %8.2f | %8.1f %8.1f %8.1f | %8.0f %8.0f %5.1f%n",
        p.protocol(),
        p.parties(),
        p.keys(),
        p.turn(),
        p.time(),
        p.seconds(),
        p.cpuSeconds(),
        p.cpuSecondsReceiver(),
        p.cpuSecondsSender(),
        p.megabytes(),
        p.megabytesReceiver(),
        p.megabytesSender(),
        p.peakMegabytesReceiver(),
        p.peakMegabytesSender(),
        p.load());
    out.flush();
  }
}
