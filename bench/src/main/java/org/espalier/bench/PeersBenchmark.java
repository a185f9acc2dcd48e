package org.espalier.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.TimeoutException;

/**
 * SecretFlow's SS-SGD (SPU protocols semi2k and cheetah) and Espalier side by side: same files, a
 * process a party on a core of its own, loopback and a slow line. A peer runs epoch after epoch
 * until its training log-loss is within the wanted gap of the optimum, or to its cap; looking at
 * the model between epochs does not count as its time.
 */
final class PeersBenchmark {
  private static final int CHECK_BYTES = 4 << 20;

  /** Marks the lines of the script among what its libraries print. */
  private static final String MARK = "BENCH ";

  /**
   * Settings of the peers' solver, in its own terms. The presets need the fewest epochs or batches
   * to come within 1e-2 of the optimum among those that {@code bench/peers/tune.py} tries.
   */
  record Sgd(String strategy, String sigmoid, int batch, double rate) {
    static final String PATTERN = "(naive|policy)_sgd,[a-z0-9]+,[0-9]{1,6},[0-9.]{1,8}";
    static final Sgd SMALL = new Sgd("policy_sgd", "t1", 4096, 1);

    /** Each epoch multiplies all of the matrix: fewest epochs where computing counts. */
    static final Sgd LARGE_FEW_EPOCHS = new Sgd("naive_sgd", "t3", 1024, 1);

    /** Each batch takes many round trips: fewest batches where these count. */
    static final Sgd LARGE_FEW_BATCHES = new Sgd("policy_sgd", "t1", 16384, 2);

    static Sgd parse(String text) {
      String[] part = text.split(",", -1);
      return new Sgd(part[0], part[1], Integer.parseInt(part[2]), Double.parseDouble(part[3]));
    }

    @Override
    public String toString() {
      return strategy + "," + sigmoid + "," + batch + "," + rate;
    }
  }

  /**
   * @param espalier how Espalier runs; its limit of time holds for every run
   * @param epochs most epochs of a peer
   * @param gap distance from the optimal log-loss at which a peer may stop
   */
  record Settings(
      TwoProcesses.Settings espalier,
      List<String> systems,
      List<String> networks,
      Path python,
      Path scripts,
      int epochs,
      Sgd sgdLoopback,
      Sgd sgdWan,
      double gap) {
    Sgd sgd(boolean wan) {
      return wan ? sgdWan : sgdLoopback;
    }
  }

  private PeersBenchmark() {}

  static void run(DataFiles data, Settings s, Path folder, boolean asJson, PrintStream out)
      throws IOException, TimeoutException {
    Reference reference = new Reference(data, s.espalier().l2());
    List<Run> runs = new ArrayList<>();
    for (String network : s.networks()) {
      boolean wan = network.equals("wan");
      for (String system : s.systems()) {
        System.err.printf("bench: %s, %s ...%n", system, network);
        Path scratch =
            Files.createDirectories(folder.resolve("peers").resolve(system + "-" + network));
        try {
          runs.add(
              system.equals("espalier")
                  ? espalier(data, s, wan, scratch, reference)
                  : peer(system, data, s, wan, scratch, reference));
        } catch (Workers.Failed e) {
          throw new Workers.Failed(
              "%s, %s: %s (see %s)".formatted(system, network, e.getMessage(), scratch));
        }
      }
    }
    if (asJson) {
      out.println(json(data, s, reference, runs));
    } else {
      print(data, s, reference, runs, out);
    }
  }

  private static Run espalier(
      DataFiles data, Settings s, boolean wan, Path scratch, Reference reference)
      throws IOException, TimeoutException {
    TwoProcesses.Settings settings = s.espalier().over(wan);
    TwoProcesses.Outcome outcome = TwoProcesses.run(data, settings, scratch);
    return new SealedReport("peers-lr", data.shape(), settings, outcome, reference).toRun();
  }

  /** Where the two parties listen, and where each is reached by the other. */
  private record Lines(int[] listen, int[] reach) {}

  private static Run peer(
      String protocol, DataFiles data, Settings s, boolean wan, Path scratch, Reference reference)
      throws IOException, TimeoutException {
    ShapedRelay.Shape shape = ShapedRelay.Shape.WIDE_AREA;
    try (Workers workers = new Workers(s.espalier().limit());
        ShapedRelay relay = new ShapedRelay(shape)) {
      LinkCheck link = wan ? LinkCheck.of(relay, CHECK_BYTES) : null;
      Lines lines = lines(wan ? relay : null);
      for (String party : List.of("feature", "label")) {
        Path config = scratch.resolve(party + ".json");
        new ObjectMapper()
            .writeValue(config.toFile(), config(party, protocol, data, s, s.sgd(wan), lines));
        workers.start(
            protocol + "'s " + party + " party",
            Workers.pinned(
                s.espalier().pin(),
                party.equals("label") ? 0 : 1,
                List.of(
                    s.python().toString(),
                    s.scripts().resolve("ss_sgd.py").toString(),
                    config.toAbsolutePath().toString())),
            scratch.resolve(party + ".log"));
      }
      String network = wan ? shape.toString() : "loopback";
      return epochs(protocol, network, link, workers, wan ? relay : null, data, s, reference);
    }
  }

  /** Four listeners: the two parties' coordination, then their secure computation. */
  private static Lines lines(ShapedRelay relay) throws IOException {
    int[] listen = freePorts(4);
    int[] reach = listen.clone();
    if (relay != null) {
      for (int i = 0; i < 4; i++) {
        reach[i] = relay.link(listen[i], i % 2 == 1);
      }
    }
    return new Lines(listen, reach);
  }

  private static int[] freePorts(int count) throws IOException {
    List<ServerSocket> held = new ArrayList<>();
    try {
      int[] ports = new int[count];
      for (int i = 0; i < count; i++) {
        held.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
        ports[i] = held.get(i).getLocalPort();
      }
      return ports;
    } finally {
      for (ServerSocket socket : held) {
        socket.close();
      }
    }
  }

  private static ObjectNode config(
      String party, String protocol, DataFiles data, Settings s, Sgd sgd, Lines lines) {
    ObjectNode config = new ObjectMapper().createObjectNode();
    config
        .put("party", party)
        .put("protocol", protocol.toUpperCase(Locale.ROOT))
        .put("data", data.folder().toAbsolutePath().toString())
        .put("rows", data.shape().rows())
        .put("label_columns", data.shape().labelColumns())
        .put("feature_columns", data.shape().featureColumns())
        .put("epochs", s.epochs())
        .put("batch", sgd.batch())
        .put("rate", sgd.rate())
        .put("sigmoid", sgd.sigmoid())
        .put("strategy", sgd.strategy());
    config.set("listen", new ObjectMapper().valueToTree(lines.listen()));
    config.set("reach", new ObjectMapper().valueToTree(lines.reach()));
    return config;
  }

  private static Run epochs(
      String protocol,
      String network,
      LinkCheck link,
      Workers workers,
      ShapedRelay relay,
      DataFiles data,
      Settings s,
      Reference reference)
      throws IOException {
    for (int w = 0; w < 2; w++) {
      workers.await(w, MARK + "ready");
    }
    long counted = 0;
    List<String> notes = new ArrayList<>();
    if (link != null) {
      notes.add(link.toString());
    }
    double seconds = 0;
    Run.Quality quality = null;
    int epoch = 0;
    while (epoch < s.epochs() && (quality == null || quality.gap() > s.gap())) {
      long before = bytes(relay);
      tellBoth(workers, "go");
      JsonNode[] report = new JsonNode[2];
      for (int w = 0; w < 2; w++) {
        report[w] = new ObjectMapper().readTree(workers.await(w, MARK + "epoch "));
      }
      seconds += Math.max(report[0].get("seconds").asDouble(), report[1].get("seconds").asDouble());
      epoch++;
      quality = quality(report[1].get("weights"), data.shape(), reference);
      counted += bytes(relay) - before;
      notes.add(
          String.format(
              Locale.ROOT,
              "epoch %d: %.2f s, %.1f MB, log-loss %.5f, held out %.5f, AUC %.4f",
              epoch,
              seconds,
              counted / 1e6,
              quality.logLoss(),
              quality.holdoutLogLoss(),
              quality.auc()));
      System.err.println("bench:   " + notes.get(notes.size() - 1));
    }
    tellBoth(workers, "stop");
    JsonNode feature = new ObjectMapper().readTree(workers.await(0, MARK + "done "));
    JsonNode label = new ObjectMapper().readTree(workers.await(1, MARK + "done "));
    workers.join();
    boolean dealer = protocol.equals("semi2k");
    return new Run(
        "ss-sgd " + protocol,
        network,
        seconds,
        label.get("cpu_seconds").asDouble() + feature.get("cpu_seconds").asDouble(),
        counted / 1e6,
        relay == null
            ? "all packets of the loopback interface, headers included"
            : "payload, by the relay",
        label.get("peak_bytes").asLong(),
        feature.get("peak_bytes").asLong(),
        epoch + " epochs",
        quality,
        quality.gap() <= s.gap(),
        dealer
            ? "shares modulo 2^64, randomness from 128-bit keys"
            : "128 bits as its authors state",
        dealer
            ? "a dealer of correlated randomness; here, as SPU presets it, the first party"
            : "no third party",
        List.of("every party: nothing"),
        notes);
  }

  private static void tellBoth(Workers workers, String line) {
    workers.tell(0, line);
    workers.tell(1, line);
  }

  /** The peers' order is: feature party's columns, label party's columns, intercept. */
  private static Run.Quality quality(JsonNode weights, DataFiles.Shape shape, Reference reference) {
    double[] ours = new double[shape.columns()];
    for (int j = 0; j < ours.length; j++) {
      int at = (j + shape.labelColumns()) % ours.length;
      ours[at] = weights.get(j).asDouble();
    }
    return reference.quality(ours, weights.get(ours.length).asDouble());
  }

  /** Bytes so far: the relay's count, or that of the loopback interface. */
  private static long bytes(ShapedRelay relay) throws IOException {
    if (relay != null) {
      return relay.carried().total();
    }
    for (String line : Files.readAllLines(Path.of("/proc/net/dev"))) {
      if (line.trim().startsWith("lo:")) {
        return Long.parseLong(line.trim().substring(3).trim().split("\\s+", 2)[0]);
      }
    }
    throw new IOException("this system does not count the bytes of its loopback interface");
  }

  private static ObjectNode json(DataFiles data, Settings s, Reference reference, List<Run> runs) {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode json = mapper.createObjectNode();
    json.put("benchmark", "peers-lr")
        .put("data", data.shape().toString())
        .put("pinned", s.espalier().pin())
        .put("cores", Runtime.getRuntime().availableProcessors())
        .put("gap", s.gap());
    json.set("sgd", mapper.valueToTree(s.sgdLoopback()));
    json.set("sgd_wan", mapper.valueToTree(s.sgdWan()));
    json.set("optimum", mapper.valueToTree(reference.optimum()));
    json.set("runs", mapper.valueToTree(runs));
    return json;
  }

  private static void print(
      DataFiles data, Settings s, Reference reference, List<Run> runs, PrintStream out) {
    Run.Quality best = reference.optimum();
    out.printf(
        Locale.ROOT,
        "%s, two processes%s; optimum: log-loss %.5f, held out %.5f, AUC %.5f%n"
            + "peers stop within %.0e of the optimal log-loss or after %d epochs; %s on loopback, %s on"
            + " the slow line%n%n",
        data.shape(),
        s.espalier().pin() ? ", each pinned to one core" : ", NOT pinned",
        best.logLoss(),
        best.holdoutLogLoss(),
        best.auc(),
        s.gap(),
        s.epochs(),
        s.sgdLoopback(),
        s.sgdWan());
    out.printf(
        "%-28s %-18s %9s %9s %8s %-10s %9s %9s %9s %8s%n",
        "network",
        "system",
        "seconds",
        "MB",
        "peak MB",
        "rounds",
        "log-loss",
        "gap",
        "held out",
        "AUC");
    for (Run r : runs) {
      out.printf(
          Locale.ROOT,
          "%-28s %-18s %9.2f %9.1f %8.0f %-10s %9.5f %9.1e %9.5f %8.5f%s%n",
          r.network(),
          r.system(),
          r.seconds(),
          r.megabytes(),
          r.peakBytes() / 1e6,
          r.rounds(),
          r.model().logLoss(),
          r.model().gap(),
          r.model().holdoutLogLoss(),
          r.model().auc(),
          r.reached() ? "" : "  (cap: aim NOT reached)");
    }
    printRatios(runs, out);
    out.println();
    Set<String> described = new HashSet<>();
    for (Run r : runs) {
      if (described.add(r.system())) {
        out.printf(
            "%s%n  security: %s%n  trusts: %s%n  learned beyond the model:%n",
            r.system(), r.security(), r.trusts());
        r.learned().forEach(line -> out.printf("    %s%n", line));
      }
    }
    for (Run r : runs) {
      out.printf("%s, %s; bytes: %s%n", r.system(), r.network(), r.bytesCounted());
      r.notes().forEach(note -> out.printf("  %s%n", note));
    }
  }

  private static void printRatios(List<Run> runs, PrintStream out) {
    for (Run ours : runs) {
      if (!ours.system().startsWith("espalier")) {
        continue;
      }
      for (Run peer : runs) {
        if (peer.system().startsWith("espalier") || !peer.network().equals(ours.network())) {
          continue;
        }
        out.printf(
            Locale.ROOT,
            "%n%s against %s, %s: %.1f x less wall time, %.1f x fewer bytes, %.1f x less memory%s",
            ours.system(),
            peer.system(),
            ours.network(),
            peer.seconds() / ours.seconds(),
            peer.megabytes() / ours.megabytes(),
            peer.peakBytes() / (double) ours.peakBytes(),
            peer.reached() ? "" : " (at least: the peer had not reached its aim)");
      }
    }
    out.println();
  }
}
