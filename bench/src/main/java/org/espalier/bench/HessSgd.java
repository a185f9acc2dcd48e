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
 * A run of SecretFlow's HESS-SGD (two keys of an additively homomorphic scheme, the sigmoid on
 * SPU's secret shares). An epoch takes hours, so some batches are measured: all batches cost the
 * same, because the size of neither ciphertexts nor messages depends on values. How many epochs
 * there would be is computed in the clear, and the weights after the measured batches must be those
 * of the same steps in the clear.
 */
final class HessSgd {
  /** Its encoding cuts off what is below 2^-26, and the rate is part of what is encoded. */
  private static final double WEIGHT_TOLERANCE = 1e-2;

  /**
   * @param batches to measure, at least 3: the first is left out, because later ones begin while
   *     the weights of the one before are still being updated
   */
  record Settings(AdditiveScheme scheme, int batch, double rate, int batches) {
    static final String PATTERN = AdditiveScheme.PATTERN + ",[0-9]{1,6},[0-9.]{1,8},[0-9]{1,3}";

    /** Within 1e-2 of the optimum after 8 epochs in the clear, as few as any that was tried. */
    static final Settings LARGE = new Settings(new AdditiveScheme("ou", 2048), 256, 0.04, 3);

    /** Nothing tried comes within 1e-2; this is within 2.1e-2 after one epoch. */
    static final Settings SMALL = new Settings(new AdditiveScheme("ou", 2048), 512, 0.3, 3);

    Settings {
      if (batch < 1 || batches < 3 || !(rate > 0)) {
        throw new Options.Misuse(
            "HESS-SGD needs a batch, a rate, and 3 batches or more to measure");
      }
    }

    static Settings parse(String text) {
      String[] part = text.split(",", -1);
      return new Settings(
          AdditiveScheme.parse(part[0]),
          Integer.parseInt(part[1]),
          Double.parseDouble(part[2]),
          Integer.parseInt(part[3]));
    }

    @Override
    public String toString() {
      return scheme + "," + batch + "," + rate + "," + batches;
    }
  }

  /**
   * What it would reach.
   *
   * @param epochs to the wanted gap, or to the smallest one if it does not get there
   */
  record Aim(int epochs, Run.Quality quality) {
    static Aim of(Reference reference, Settings h, int mostEpochs, double gap) {
      LinearSigmoid clear =
          new LinearSigmoid(reference.train(), reference.trainLabels(), h.batch(), h.rate());
      Aim best = null;
      for (int epoch = 1;
          epoch <= mostEpochs && (best == null || best.quality.gap() > gap);
          epoch++) {
        clear.steps(reference.train().rows());
        Run.Quality now = reference.quality(clear.weights(), clear.intercept());
        if (best == null || now.gap() < best.quality.gap()) {
          best = new Aim(epoch, now);
        }
      }
      return best;
    }
  }

  /** Where a batch begins: seconds and processor seconds of both parties, bytes of the line. */
  private record Mark(double seconds, double cpuSeconds, long bytes) {}

  private HessSgd() {}

  static Run run(
      DataFiles data, PeersBenchmark.Settings s, boolean wan, Path scratch, Reference reference)
      throws IOException, TimeoutException {
    Settings h = s.hess();
    int rows = Math.multiplyExact(h.batch(), h.batches());
    if (rows > data.shape().rows()) {
      throw new Options.Misuse(
          h.batches() + " batches of " + h.batch() + " rows are more than there are");
    }
    ObjectNode config = new ObjectMapper().createObjectNode();
    config
        .put("protocol", "SEMI2K")
        .put("schema", h.scheme().name())
        .put("key_bits", h.scheme().keyBits())
        .put("batch", h.batch())
        .put("rate", h.rate());
    try (PeerProcesses peer =
        PeerProcesses.start("hess_sgd.py", config, rows, data, s, wan, scratch)) {
      return batches(peer, data.shape(), s, reference);
    }
  }

  private static Run batches(
      PeerProcesses peer, DataFiles.Shape shape, PeersBenchmark.Settings s, Reference reference)
      throws IOException {
    Settings h = s.hess();
    peer.tellBoth("go");
    List<Mark> marks = new ArrayList<>();
    List<String> notes = new ArrayList<>(peer.linkNotes());
    for (int b = 0; b < h.batches(); b++) {
      JsonNode[] report = peer.both("batch");
      if (report[0].get("number").asInt() != b || report[1].get("number").asInt() != b) {
        throw new Workers.Failed("the peer's batches are not counted alike");
      }
      Mark mark =
          new Mark(
              Math.max(report[0].get("seconds").asDouble(), report[1].get("seconds").asDouble()),
              report[0].get("cpu_seconds").asDouble() + report[1].get("cpu_seconds").asDouble(),
              peer.bytes());
      marks.add(mark);
      notes.add(
          String.format(
              Locale.ROOT,
              "batch %d began at %.2f s, %.1f MB",
              b,
              mark.seconds(),
              (mark.bytes() - marks.get(0).bytes()) / 1e6));
      System.err.println("bench:   " + notes.get(notes.size() - 1));
    }
    JsonNode[] fit = peer.both("fit");
    notes.add(
        String.format(
            Locale.ROOT, "all %d done at %.2f s", h.batches(), fit[1].get("seconds").asDouble()));
    double off = distance(PeerWeights.of(fit[1], shape), h, reference);
    if (!(off <= WEIGHT_TOLERANCE)) {
      throw new Workers.Failed(
          "its weights after " + h.batches() + " batches are " + off + " from those in the clear");
    }
    notes.add(
        String.format(
            Locale.ROOT, "weights after these batches are within %.1e of those in the clear", off));
    JsonNode[] done = peer.done();

    Aim aim = Aim.of(reference, h, s.epochs(), s.gap());
    Mark from = marks.get(1);
    Mark to = marks.get(marks.size() - 1);
    int measured = marks.size() - 2;
    double times = aim.epochs() * (double) shape.rows() / h.batch() / measured;
    return new Run(
        "hess-sgd " + h.scheme(),
        peer.network(),
        (to.seconds() - from.seconds()) * times,
        (to.cpuSeconds() - from.cpuSeconds()) * times,
        (to.bytes() - from.bytes()) / 1e6 * times,
        peer.bytesCounted(),
        done[1].get("peak_bytes").asLong(),
        done[0].get("peak_bytes").asLong(),
        aim.epochs() + " epochs",
        aim.quality(),
        aim.quality().gap() <= s.gap(),
        String.format(
            Locale.ROOT,
            "seconds and bytes: %.2f s (processor time of both parties %.2f s) and %.2f MB of %d"
                + " batches of %d rows, times %.1f; epochs and model: the same steps in the clear;"
                + " memory: of these batches",
            to.seconds() - from.seconds(),
            to.cpuSeconds() - from.cpuSeconds(),
            (to.bytes() - from.bytes()) / 1e6,
            measured,
            h.batch(),
            times),
        "%d bits (factoring %d bits, NIST SP 800-57); shares modulo 2^128"
            .formatted(h.scheme().securityBits(), h.scheme().keyBits()),
        "for the sigmoid a dealer of correlated randomness; here, as SPU presets it, the first"
            + " party",
        List.of("every party: nothing"),
        notes);
  }

  /** Of the weights after the measured batches, relative to the largest of them. */
  private static double distance(PeerWeights theirs, Settings h, Reference reference) {
    LinearSigmoid clear =
        new LinearSigmoid(reference.train(), reference.trainLabels(), h.batch(), h.rate());
    clear.steps(h.batch() * h.batches());
    double[] weights = clear.weights();
    double largest = Math.abs(clear.intercept());
    double off = Math.abs(clear.intercept() - theirs.intercept());
    for (int j = 0; j < weights.length; j++) {
      largest = Math.max(largest, Math.abs(weights[j]));
      off = Math.max(off, Math.abs(weights[j] - theirs.weights()[j]));
    }
    return off / largest;
  }
}
