package org.espalier.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeoutException;

/**
 * A run of SecretFlow's SS-SGD (SPU protocols semi2k and cheetah): epoch after epoch until its
 * training log-loss is within the wanted gap of the optimum, or to its cap; looking at the model
 * between epochs does not count as its time.
 */
final class SsSgd {
  private SsSgd() {}

  static Run run(
      String protocol,
      DataFiles data,
      PeersBenchmark.Settings s,
      boolean wan,
      Path scratch,
      Reference reference)
      throws IOException, TimeoutException {
    PeersBenchmark.Sgd sgd = s.sgd(wan);
    ObjectNode config = new ObjectMapper().createObjectNode();
    config
        .put("protocol", protocol.toUpperCase(Locale.ROOT))
        .put("epochs", s.epochs())
        .put("batch", sgd.batch())
        .put("rate", sgd.rate())
        .put("sigmoid", sgd.sigmoid())
        .put("strategy", sgd.strategy());
    try (PeerProcesses peer =
        PeerProcesses.start("ss_sgd.py", config, data.shape().rows(), data, s, wan, scratch)) {
      return epochs(protocol, peer, data.shape(), s, reference);
    }
  }

  private static Run epochs(
      String protocol,
      PeerProcesses peer,
      DataFiles.Shape shape,
      PeersBenchmark.Settings s,
      Reference reference)
      throws IOException {
    long counted = 0;
    List<String> notes = new ArrayList<>(peer.linkNotes());
    double seconds = 0;
    Run.Quality quality = null;
    int epoch = 0;
    while (epoch < s.epochs() && (quality == null || quality.gap() > s.gap())) {
      long before = peer.bytes();
      peer.tellBoth("go");
      JsonNode[] report = peer.both("epoch");
      seconds += Math.max(report[0].get("seconds").asDouble(), report[1].get("seconds").asDouble());
      epoch++;
      quality = PeerWeights.of(report[1], shape).quality(reference);
      counted += peer.bytes() - before;
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
    peer.tellBoth("stop");
    JsonNode[] done = peer.done();
    boolean dealer = protocol.equals("semi2k");
    return new Run(
        "ss-sgd " + protocol,
        peer.network(),
        seconds,
        done[1].get("cpu_seconds").asDouble() + done[0].get("cpu_seconds").asDouble(),
        counted / 1e6,
        peer.bytesCounted(),
        done[1].get("peak_bytes").asLong(),
        done[0].get("peak_bytes").asLong(),
        epoch + " epochs",
        quality,
        quality.gap() <= s.gap(),
        "",
        dealer
            ? "shares modulo 2^64, randomness from 128-bit keys"
            : "128 bits as its authors state",
        dealer
            ? "a dealer of correlated randomness; here, as SPU presets it, the first party"
            : "no third party",
        List.of("every party: nothing"),
        notes);
  }
}
