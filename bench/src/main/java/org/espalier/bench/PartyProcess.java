package org.espalier.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeoutException;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.glm.FeatureOutcome;
import org.espalier.protocols.glm.JointTraining;
import org.espalier.protocols.glm.LabelOutcome;
import org.espalier.protocols.glm.TrainingJob;
import org.espalier.protocols.glm.TrainingSpec;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Channel;
import org.espalier.wire.MessageChannel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.Session;

/**
 * One party of a two-process training: reads its own slice, connects, trains, and leaves a {@link
 * Result} behind. Started by {@link TwoProcesses} only.
 */
final class PartyProcess {
  static final Party LABEL = new Party("label");
  static final Party FEATURE = new Party("feature");

  /** What the feature party prints before the number of the port on which it listens. */
  static final String LISTENING = "listening ";

  private static final Duration PATIENCE = Duration.ofMinutes(30);

  /** What both processes are told. */
  record Task(String dataFolder, String level, double l2, int maxPasses, double tolerance) {
    TrainingJob job(int rows) {
      TrainingSpec spec = new TrainingSpec(Level.parse(level), l2, maxPasses, tolerance, true);
      return new TrainingJob(
          new Session("J-bench", new byte[32], 1), LABEL, List.of(FEATURE), rows, spec, 0);
    }
  }

  /** One kind of message, and the wall time that ended with one. */
  record Phase(String message, double seconds, long messages, long bytes) {}

  /**
   * What one party holds and has used.
   *
   * @param seconds wall time from "both have their data" to the end of training
   * @param cpuSeconds processor time of that
   * @param readyBytes peak memory when the data were read
   * @param peakBytes peak memory at the end
   * @param passes that ran; at the label party also how each went
   * @param end why training stopped; empty at the feature party
   */
  record Result(
      double[] weights,
      double intercept,
      double seconds,
      double cpuSeconds,
      long readyBytes,
      long peakBytes,
      long bytesSent,
      long bytesReceived,
      long messagesSent,
      long messagesReceived,
      int passes,
      List<Pass> pass,
      String end,
      Map<String, Object> parameters,
      List<Phase> phases) {}

  /** See {@link org.espalier.protocols.glm.PassReport}. */
  record Pass(int pass, double objective, double estimatedGap, double seconds) {}

  private PartyProcess() {}

  /** {@code label|feature TASK-FILE RESULT-FILE PORT}, PORT 0 for the feature party. */
  public static void main(String[] args) {
    try {
      Party self = new Party(args[0]);
      ObjectMapper json = new ObjectMapper();
      Task task = json.readValue(new File(args[1]), Task.class);
      json.writeValue(new File(args[2]), run(self, task, Integer.parseInt(args[3])));
    } catch (IOException | TimeoutException | RuntimeException e) {
      System.err.println(args[0] + " party: " + e);
      if (Boolean.getBoolean("espalier.bench.trace")) {
        e.printStackTrace();
      }
      System.exit(1);
    }
  }

  private static Result run(Party self, Task task, int port) throws IOException, TimeoutException {
    DataFiles data = DataFiles.open(Path.of(task.dataFolder()));
    boolean label = self.equals(LABEL);
    Matrix own = label ? data.label(DataFiles.Part.TRAIN) : data.feature(DataFiles.Part.TRAIN);
    double[] labels = label ? data.labels(DataFiles.Part.TRAIN) : new double[0];
    TrainingJob job = task.job(own.rows());
    long ready = ProcessUse.peakBytes();
    try (SocketDuplex duplex = new SocketDuplex(label ? connect(port) : listen())) {
      meet(duplex);
      TimedChannel channel =
          new TimedChannel(new MessageChannel(self, label ? FEATURE : LABEL, duplex, PATIENCE));
      double cpuBefore = ProcessUse.cpuSeconds();
      long began = System.nanoTime();
      try {
        return label
            ? trainLabel(job, channel, own, labels, began, cpuBefore, ready)
            : trainFeature(job, channel, own, began, cpuBefore, ready);
      } catch (RuntimeException e) {
        channel.abort(String.valueOf(e.getMessage()));
        throw e;
      }
    }
  }

  private static Result trainLabel(
      TrainingJob job,
      TimedChannel channel,
      Matrix own,
      double[] labels,
      long began,
      double cpuBefore,
      long ready) {
    List<Pass> passes = new java.util.ArrayList<>();
    LabelOutcome out =
        JointTraining.label(
            job,
            Map.of(FEATURE, channel),
            own,
            labels,
            r -> passes.add(new Pass(r.pass(), r.objective(), r.estimatedGap(), r.seconds())));
    return result(
        channel,
        began,
        cpuBefore,
        ready,
        out.weights(),
        out.intercept(),
        passes.size(),
        passes,
        out.end().name().toLowerCase(Locale.ROOT),
        out.parametersRun());
  }

  private static Result trainFeature(
      TrainingJob job, TimedChannel channel, Matrix own, long began, double cpuBefore, long ready) {
    FeatureOutcome out =
        JointTraining.feature(job, channel, Map.of(), own, Progress.NONE, pass -> {});
    return result(
        channel,
        began,
        cpuBefore,
        ready,
        out.weights(),
        0,
        out.passes(),
        List.of(),
        "",
        out.parametersRun());
  }

  private static Result result(
      TimedChannel channel,
      long began,
      double cpuBefore,
      long ready,
      double[] weights,
      double intercept,
      int passes,
      List<Pass> pass,
      String end,
      Map<String, Object> parameters) {
    double seconds = (System.nanoTime() - began) / 1e9;
    Channel.Traffic traffic = channel.traffic();
    List<Phase> phases =
        channel.uses().entrySet().stream()
            .map(
                e ->
                    new Phase(
                        e.getKey(),
                        e.getValue().seconds(),
                        e.getValue().messages,
                        e.getValue().bytes))
            .toList();
    return new Result(
        weights,
        intercept,
        seconds,
        ProcessUse.cpuSeconds() - cpuBefore,
        ready,
        ProcessUse.peakBytes(),
        traffic.bytesSent(),
        traffic.bytesReceived(),
        traffic.messagesSent(),
        traffic.messagesReceived(),
        passes,
        pass,
        end,
        new TreeMap<>(parameters),
        phases);
  }

  private static Socket connect(int port) throws IOException {
    return new Socket(InetAddress.getLoopbackAddress(), port);
  }

  private static Socket listen() throws IOException {
    try (ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      System.out.println(LISTENING + listener.getLocalPort());
      listener.setSoTimeout((int) PATIENCE.toMillis());
      return listener.accept();
    }
  }

  /** Both say that they have their data, so that reading them counts for nobody. */
  private static void meet(SocketDuplex duplex) throws IOException, TimeoutException {
    byte[] ready = {1};
    duplex.write(ready, 0, 1);
    duplex.read(ready, 0, 1, PATIENCE);
  }
}
