package org.espalier.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.glm.FeatureOutcome;
import org.espalier.protocols.glm.JointTraining;
import org.espalier.protocols.glm.LabelOutcome;
import org.espalier.protocols.glm.Outcomes;
import org.espalier.protocols.glm.TrainingJob;
import org.espalier.protocols.glm.TrainingSpec;
import org.espalier.protocols.neural.top.Dense;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Channel;
import org.espalier.wire.MessageChannel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.Session;

/**
 * One party of a training by several processes: reads its own slice, connects to all others,
 * trains, and leaves a {@link Result} behind. Started by {@link PartyProcesses} only.
 */
final class PartyProcess {
  private static final Duration PATIENCE = Duration.ofMinutes(30);

  /**
   * What all processes are told.
   *
   * @param parties 2 or more; the feature parties share the feature columns, as even as can be
   * @param network what is trained at level {@code activations}; null at others
   */
  record Task(
      String dataFolder,
      int parties,
      String level,
      double l2,
      int maxPasses,
      double tolerance,
      JointNetwork.Network network) {
    /** Party 0 has the outcome. */
    static Party party(int index) {
      return new Party(index == 0 ? "label" : "feature" + index);
    }

    List<Party> featureParties() {
      return IntStream.range(1, parties).mapToObj(Task::party).toList();
    }

    static Session session() {
      return new Session("J-bench", new byte[32], 1);
    }

    TrainingJob job(int rows) {
      TrainingSpec spec = new TrainingSpec(Level.parse(level), l2, maxPasses, tolerance, true);
      return new TrainingJob(session(), party(0), featureParties(), rows, spec, 0);
    }

    /** The first of the feature columns that belongs to party 1, 2, …, or to none any more. */
    static int firstColumn(int featureColumns, int parties, int party) {
      return (int) ((long) featureColumns * (party - 1) / (parties - 1));
    }
  }

  /** One kind of message, and the wall time that ended with one. */
  record Phase(String message, double seconds, long messages, long bytes) {}

  /**
   * What one party holds and has used.
   *
   * @param seconds wall time from "all have their data" to the end of training
   * @param cpuSeconds processor time of that
   * @param readyBytes peak memory when the data were read
   * @param peakBytes peak memory at the end
   * @param passes that ran; at the label party also how each went
   * @param end why training stopped; empty at a feature party
   * @param phases of the line to the label party; at the label party, of the line to the first
   *     feature party
   * @param above of a network the label party's layers above the first one; else empty
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
      List<Phase> phases,
      List<Dense> above) {}

  /** See {@link org.espalier.protocols.glm.PassReport}. */
  record Pass(int pass, double objective, double estimatedGap, double seconds) {}

  /** What training gave this party; for the parts see {@link Result}. */
  record Model(
      double[] weights,
      double intercept,
      int passes,
      List<Pass> pass,
      String end,
      Map<String, Object> parameters,
      List<Dense> above) {}

  private final int self;
  private final Task task;

  private PartyProcess(int self, Task task) {
    this.self = self;
    this.task = task;
  }

  /** {@code PARTY TASK-FILE RESULT-FILE}; ports of the others are read from standard input. */
  public static void main(String[] args) {
    try {
      int self = Integer.parseInt(args[0]);
      ObjectMapper json = new ObjectMapper();
      Task task = json.readValue(new File(args[1]), Task.class);
      json.writeValue(new File(args[2]), new PartyProcess(self, task).run());
    } catch (IOException | TimeoutException | RuntimeException e) {
      System.err.println("party " + args[0] + ": " + e);
      if (Boolean.getBoolean("espalier.bench.trace")) {
        e.printStackTrace();
      }
      System.exit(1);
    }
  }

  private Result run() throws IOException, TimeoutException {
    DataFiles data = DataFiles.open(Path.of(task.dataFolder()));
    Matrix own = own(data);
    double[] labels = self == 0 ? data.labels(DataFiles.Part.TRAIN) : new double[0];
    long ready = ProcessUse.peakBytes();
    BufferedReader orders =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    try (Mesh mesh = Mesh.open(self, task.parties(), orders::readLine)) {
      mesh.meet(PATIENCE);
      Map<Party, TimedChannel> channels = new TreeMap<>();
      for (int p = 0; p < task.parties(); p++) {
        if (p != self) {
          Party peer = Task.party(p);
          channels.put(
              peer,
              new TimedChannel(new MessageChannel(Task.party(self), peer, mesh.line(p), PATIENCE)));
        }
      }
      double cpuBefore = ProcessUse.cpuSeconds();
      long began = System.nanoTime();
      try {
        Model model = train(channels, own, labels);
        double seconds = (System.nanoTime() - began) / 1e9;
        return result(model, channels, seconds, ProcessUse.cpuSeconds() - cpuBefore, ready);
      } catch (RuntimeException e) {
        channels.values().forEach(channel -> channel.abort(String.valueOf(e.getMessage())));
        throw e;
      }
    }
  }

  private Matrix own(DataFiles data) {
    if (self == 0) {
      return data.label(DataFiles.Part.TRAIN);
    }
    int all = data.shape().featureColumns();
    return data.feature(
        DataFiles.Part.TRAIN,
        Task.firstColumn(all, task.parties(), self),
        Task.firstColumn(all, task.parties(), self + 1));
  }

  private Model train(Map<Party, TimedChannel> channels, Matrix own, double[] labels) {
    if (task.network() != null) {
      return task.network().train(task, self, channels, own, labels);
    }
    TrainingJob job = task.job(own.rows());
    return self == 0 ? label(job, channels, own, labels) : feature(job, channels, own);
  }

  private static Model label(
      TrainingJob job, Map<Party, TimedChannel> channels, Matrix own, double[] labels) {
    List<Pass> passes = new ArrayList<>();
    LabelOutcome out =
        JointTraining.label(
            job,
            new TreeMap<>(channels),
            own,
            Outcomes.of(labels),
            r -> passes.add(new Pass(r.pass(), r.objective(), r.estimatedGap(), r.seconds())));
    return new Model(
        out.weights(),
        out.intercept(),
        passes.size(),
        passes,
        out.end().name().toLowerCase(Locale.ROOT),
        out.parametersRun(),
        List.of());
  }

  private static Model feature(TrainingJob job, Map<Party, TimedChannel> channels, Matrix own) {
    Map<Party, Channel> others = new TreeMap<>(channels);
    Channel label = others.remove(Task.party(0));
    FeatureOutcome out = JointTraining.feature(job, label, others, own, Progress.NONE, pass -> {});
    return new Model(out.weights(), 0, out.passes(), List.of(), "", out.parametersRun(), List.of());
  }

  private Result result(
      Model model,
      Map<Party, TimedChannel> channels,
      double seconds,
      double cpuSeconds,
      long ready) {
    Channel.Traffic traffic =
        channels.values().stream()
            .map(TimedChannel::traffic)
            .reduce(Channel.Traffic.NONE, Channel.Traffic::plus);
    List<Phase> phases =
        channels.get(Task.party(self == 0 ? 1 : 0)).uses().entrySet().stream()
            .map(
                e ->
                    new Phase(
                        e.getKey(),
                        e.getValue().seconds(),
                        e.getValue().messages,
                        e.getValue().bytes))
            .toList();
    return new Result(
        model.weights(),
        model.intercept(),
        seconds,
        cpuSeconds,
        ready,
        ProcessUse.peakBytes(),
        traffic.bytesSent(),
        traffic.bytesReceived(),
        traffic.messagesSent(),
        traffic.messagesReceived(),
        model.passes(),
        model.pass(),
        model.end(),
        new TreeMap<>(model.parameters()),
        phases,
        model.above());
  }
}
