package org.espalier.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.glm.CentralisedLogistic;
import org.espalier.protocols.glm.FeatureOutcome;
import org.espalier.protocols.glm.JointTraining;
import org.espalier.protocols.glm.LabelOutcome;
import org.espalier.protocols.glm.PassReport;
import org.espalier.protocols.glm.TrainingJob;
import org.espalier.protocols.glm.TrainingSpec;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.Session;
import org.espalier.wire.memory.MemoryNetwork;

/**
 * Joint logistic regression of two parties in one process, each on its own thread, over the
 * in-memory network: passes, seconds, bytes, memory and the distance from the centralised optimum.
 */
final class LogisticBenchmark {
  private static final Party LABEL = new Party("label");
  private static final Party FEATURES = new Party("features");

  /** The distance from the optimum that the run has to reach. */
  private static final double TARGET = 1e-4;

  /**
   * @param labelColumns columns of the label party
   * @param featureColumns columns of the feature party
   */
  record Settings(
      int rows, int labelColumns, int featureColumns, double l2, double tolerance, int maxPasses) {
    static final Settings LR_100K = new Settings(100_000, 30, 30, 1e-4, 1e-5, 15);
  }

  /**
   * @param cpuSeconds of all threads during training; the wall time on idle cores is at least this
   *     over their number
   * @param gaps distance of the objective from the optimum after 0, 1, … passes
   * @param peakBytes of the process: both parties, their data and the Java runtime; -1 unknown
   */
  record Result(
      Settings settings,
      LabelOutcome label,
      double seconds,
      double cpuSeconds,
      double optimum,
      List<Double> gaps,
      long labelSent,
      long labelReceived,
      long peakBytes,
      Map<String, TimedChannel.Use> uses) {
    /** Passes after which the objective is within {@code target} of the optimum; -1 never. */
    int passesTo(double target) {
      for (int pass = 0; pass < gaps.size(); pass++) {
        if (gaps.get(pass) <= target) {
          return pass;
        }
      }
      return -1;
    }

    double finalGap() {
      return gaps.get(gaps.size() - 1);
    }
  }

  private LogisticBenchmark() {}

  static Result run(Settings s) {
    SyntheticData data =
        SyntheticData.of(s.rows(), 20_260_101, s.labelColumns(), s.featureColumns());
    Matrix own = data.parts().get(0);
    Matrix others = data.parts().get(1);
    TrainingSpec spec =
        new TrainingSpec(Level.GRADIENTS, s.l2(), s.maxPasses(), s.tolerance(), true);
    TrainingJob job =
        new TrainingJob(
            new Session("J-bench", new byte[32], 1), LABEL, List.of(FEATURES), s.rows(), spec, 0);
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try (MemoryNetwork network = new MemoryNetwork()) {
      Channel featureEnd = network.channel(FEATURES, LABEL);
      TimedChannel labelEnd = new TimedChannel(network.channel(LABEL, FEATURES));
      double cpuBefore = ProcessUse.cpuSeconds();
      long began = System.nanoTime();
      Future<FeatureOutcome> feature =
          threads.submit(
              () ->
                  aborting(
                      featureEnd,
                      () ->
                          JointTraining.feature(
                              job, featureEnd, Map.of(), others, Progress.NONE, pass -> {})));
      Future<LabelOutcome> label =
          threads.submit(
              () ->
                  aborting(
                      labelEnd,
                      () ->
                          JointTraining.label(
                              job, Map.of(FEATURES, labelEnd), own, data.labels(), report -> {})));
      LabelOutcome labelOutcome = label.get();
      FeatureOutcome featureOutcome = feature.get();
      double seconds = (System.nanoTime() - began) / 1e9;
      double cpu = ProcessUse.cpuSeconds() - cpuBefore;
      long peak = ProcessUse.peakBytes();
      Matrix all = Matrix.beside(data.parts());
      CentralisedLogistic reference = CentralisedLogistic.fit(all, data.labels(), s.l2());
      List<Double> gaps = new ArrayList<>();
      for (PassReport report : labelOutcome.passes()) {
        gaps.add(report.objective() - reference.objective());
      }
      double[] weights = new double[all.columns()];
      System.arraycopy(labelOutcome.weights(), 0, weights, 0, s.labelColumns());
      System.arraycopy(featureOutcome.weights(), 0, weights, s.labelColumns(), s.featureColumns());
      gaps.add(
          Scores.logLoss(Scores.logits(all, weights, labelOutcome.intercept()), data.labels())
              + s.l2() / 2 * Scores.squaredNorm(weights)
              - reference.objective());
      Channel.Traffic traffic = labelEnd.traffic();
      return new Result(
          s,
          labelOutcome,
          seconds,
          cpu,
          reference.objective(),
          gaps,
          traffic.bytesSent(),
          traffic.bytesReceived(),
          peak,
          labelEnd.uses());
    } catch (ExecutionException e) {
      throw new IllegalStateException("a party failed: " + e.getCause(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    } finally {
      threads.shutdownNow();
    }
  }

  /** As a node does: whoever stops tells the other, which then does not wait for nothing. */
  private static <T> T aborting(Channel channel, Supplier<T> role) {
    try {
      return role.get();
    } catch (RuntimeException e) {
      channel.abort(String.valueOf(e.getMessage()));
      throw e;
    }
  }

  static ObjectNode toJson(Result r) {
    ObjectNode json = new ObjectMapper().createObjectNode();
    Settings s = r.settings();
    json.put("benchmark", "lr-100k")
        .put("network", "memory")
        .put("rows", s.rows())
        .put("label_columns", s.labelColumns())
        .put("feature_columns", s.featureColumns())
        .put("l2", s.l2())
        .put("cores", Runtime.getRuntime().availableProcessors())
        .put("java", System.getProperty("java.version"))
        .put("passes", r.label().passes().size())
        .put("passes_to_1e-4", r.passesTo(TARGET))
        .put("end", r.label().end().name().toLowerCase(Locale.ROOT))
        .put("seconds", r.seconds())
        .put("cpu_seconds", r.cpuSeconds())
        .put("optimum", r.optimum())
        .put("objective_gap", r.finalGap())
        .put("label_bytes_sent", r.labelSent())
        .put("label_bytes_received", r.labelReceived())
        .put("peak_bytes", r.peakBytes());
    ArrayNode passes = json.putArray("pass");
    for (PassReport report : r.label().passes()) {
      passes
          .addObject()
          .put("pass", report.pass())
          .put("seconds", report.seconds())
          .put("gap_after", r.gaps().get(report.pass()));
    }
    ArrayNode phases = json.putArray("phase");
    r.uses()
        .forEach(
            (name, use) ->
                phases
                    .addObject()
                    .put("phase", name)
                    .put("seconds", use.seconds())
                    .put("messages", use.messages)
                    .put("bytes", use.bytes));
    json.set("parameters", new ObjectMapper().valueToTree(r.label().parametersRun()));
    return json;
  }

  static void print(Result r, PrintStream out) {
    Settings s = r.settings();
    out.printf(
        Locale.ROOT,
        "logistic regression, %,d x (%d + %d), l2 %s, two parties in one process on %d cores%n",
        s.rows(),
        s.labelColumns(),
        s.featureColumns(),
        s.l2(),
        Runtime.getRuntime().availableProcessors());
    out.printf(Locale.ROOT, "%s%n%n", r.label().parametersRun().get("cipher"));
    out.printf("%6s %10s %14s%n", "pass", "seconds", "gap after");
    for (PassReport report : r.label().passes()) {
      out.printf(
          Locale.ROOT,
          "%6d %10.3f %14.2e%n",
          report.pass(),
          report.seconds(),
          r.gaps().get(report.pass()));
    }
    out.printf("%nwall time at the label party, by the message that ends it:%n");
    r.uses()
        .forEach(
            (name, use) ->
                out.printf(
                    Locale.ROOT,
                    "  %-32s %8.3f s %6d messages %12.3f MB%n",
                    name,
                    use.seconds(),
                    use.messages,
                    use.bytes / 1e6));
    out.printf(
        Locale.ROOT,
        "%ntotal %.2f s (processor time %.2f s), %d passes (%s), 1e-4 after %d, objective gap %.2e%n",
        r.seconds(),
        r.cpuSeconds(),
        r.label().passes().size(),
        r.label().end().name().toLowerCase(Locale.ROOT),
        r.passesTo(TARGET),
        r.finalGap());
    out.printf(
        Locale.ROOT,
        "label party sent %.1f MB, received %.1f MB; peak memory of the process %.0f MB%n",
        r.labelSent() / 1e6,
        r.labelReceived() / 1e6,
        r.peakBytes() / 1e6);
  }
}
