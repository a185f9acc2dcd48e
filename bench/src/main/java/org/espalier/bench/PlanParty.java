package org.espalier.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.TimeoutException;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.glm.Calibration;
import org.espalier.protocols.glm.JointTraining;
import org.espalier.protocols.glm.Outcomes;
import org.espalier.protocols.glm.TrainingJob;
import org.espalier.protocols.glm.TrainingSpec;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Channel;
import org.espalier.wire.MessageChannel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.Session;

/**
 * One party of a training whose cost is predicted: connects to all others, measures its lines,
 * tells what it found, and trains when it is told to. Started by {@link PlanAccuracy} only, which
 * speaks to it by lines.
 */
final class PlanParty {
  static final String MEASURED = "measured ";
  static final String RESULT = "result ";
  static final String GO = "go";
  static final String CALIBRATE = "calibrate";

  private static final Duration PATIENCE = Duration.ofMinutes(30);

  /**
   * What all parties are told.
   *
   * @param columns of each party, label party first
   * @param bytes that are sent over a line to find its rate
   */
  record Task(
      int self, int rows, int[] columns, String level, double tolerance, int passes, int bytes) {
    static Party party(int index) {
      return new Party(index == 0 ? "label" : "feature" + index);
    }

    TrainingSpec spec() {
      return new TrainingSpec(Level.parse(level), 1e-3, passes, tolerance, true);
    }

    TrainingJob job() {
      List<Party> features = new ArrayList<>();
      for (int p = 1; p < columns.length; p++) {
        features.add(party(p));
      }
      return new TrainingJob(
          new Session("J-bench", new byte[32], 1), party(0), features, rows, spec(), 0);
    }
  }

  /**
   * What a party has measured.
   *
   * @param roundTrips to parties of higher number, seconds
   * @param bytesPerSecond to them and from them, the slower
   */
  record Measured(double[] roundTrips, double[] bytesPerSecond) {}

  /**
   * @param sent to each party
   * @param passes that ran
   * @param peakBytes largest resident memory while it trained
   */
  record Result(double seconds, double cpuSeconds, long[] sent, int passes, long peakBytes) {}

  /**
   * Independent normal columns, of each party its own random numbers; the outcomes' variation is
   * about a third of it theirs.
   */
  private record Slice(Matrix own, double[] labels) {
    private static final long SEED = 20_260_101;

    static Slice of(Task task) {
      Matrix own = null;
      double[] logits = new double[task.rows()];
      for (int party = 0; party < task.columns().length; party++) {
        if (party == task.self() || task.self() == 0) {
          Matrix part = columns(task, party, logits);
          own = party == task.self() ? part : own;
        }
      }
      SplittableRandom random = new SplittableRandom(SEED - 1);
      double[] labels = new double[task.self() == 0 ? task.rows() : 0];
      for (int i = 0; i < labels.length; i++) {
        labels[i] = random.nextDouble() < 1 / (1 + Math.exp(-logits[i])) ? 1 : 0;
      }
      return new Slice(own, labels);
    }

    /** One party's; of another's only what they add to the logits is kept. */
    private static Matrix columns(Task task, int party, double[] logits) {
      SplittableRandom random = new SplittableRandom(SEED + party);
      int d = task.columns()[party];
      int all = Arrays.stream(task.columns()).sum();
      double[] w = new double[d];
      Arrays.setAll(w, j -> 1.5 * random.nextGaussian() / Math.sqrt(all));
      boolean own = party == task.self();
      double[] values = new double[own ? Math.multiplyExact(task.rows(), d) : 0];
      for (int i = 0; i < logits.length; i++) {
        for (int j = 0; j < d; j++) {
          double value = random.nextGaussian();
          logits[i] += w[j] * value;
          if (own) {
            values[i * d + j] = value;
          }
        }
      }
      return new Matrix(own ? task.rows() : 0, d, values);
    }
  }

  private final Task task;
  private final int parties;
  private final BufferedReader orders =
      new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

  private PlanParty(Task task) {
    this.task = task;
    this.parties = task.columns().length;
  }

  /** {@code TASK}, as JSON; or {@code CALIBRATE}, for a machine's rates. */
  public static void main(String[] args) {
    try {
      ObjectMapper json = new ObjectMapper();
      if (args[0].equals(CALIBRATE)) {
        say(MEASURED + json.writeValueAsString(Calibration.measure().seconds()));
        return;
      }
      new PlanParty(json.readValue(args[0], Task.class)).run(json);
    } catch (IOException | TimeoutException | RuntimeException e) {
      System.err.println("a party: " + e);
      System.exit(1);
    }
  }

  private void run(ObjectMapper json) throws IOException, TimeoutException {
    Slice data = Slice.of(task);
    try (Mesh mesh = Mesh.open(task.self(), parties, orders::readLine)) {
      run(json, data, mesh);
    }
  }

  private void run(ObjectMapper json, Slice data, Mesh mesh) throws IOException, TimeoutException {
    double[] roundTrips = new double[parties];
    double[] rates = new double[parties];
    for (int low = 0; low < parties; low++) {
      for (int high = low + 1; high < parties; high++) {
        if (task.self() == low) {
          LinkCheck line = LinkCheck.of(mesh.line(high), task.bytes());
          roundTrips[high] = line.roundTripMillis() / 1e3;
          rates[high] = Math.min(line.megabitsThere(), line.megabitsBack()) * 1e6 / 8;
        } else if (task.self() == high) {
          LinkCheck.answer(mesh.line(low), task.bytes());
        }
        mesh.meet(PATIENCE);
      }
    }
    say(MEASURED + json.writeValueAsString(new Measured(roundTrips, rates)));
    if (!GO.equals(orders.readLine())) {
      throw new IOException("the benchmark has ended");
    }
    System.gc();
    ProcessUse.resetPeak();
    mesh.meet(PATIENCE);
    say(RESULT + json.writeValueAsString(train(data, mesh)));
  }

  private static void say(String line) {
    System.out.println(line);
    System.out.flush();
  }

  private Result train(Slice data, Mesh mesh) {
    Party self = Task.party(task.self());
    Map<Party, Channel> channels = new TreeMap<>();
    for (int p = 0; p < parties; p++) {
      if (p != task.self()) {
        Party peer = Task.party(p);
        channels.put(peer, new MessageChannel(self, peer, mesh.line(p), PATIENCE));
      }
    }
    double cpuBefore = ProcessUse.cpuSeconds();
    long began = System.nanoTime();
    int passes;
    try {
      passes = passes(data, new TreeMap<>(channels));
    } catch (RuntimeException e) {
      channels.values().forEach(channel -> channel.abort(String.valueOf(e.getMessage())));
      throw e;
    }
    double seconds = (System.nanoTime() - began) / 1e9;
    long[] sent = new long[parties];
    for (int p = 0; p < parties; p++) {
      Channel channel = channels.get(Task.party(p));
      sent[p] = channel == null ? 0 : channel.traffic().bytesSent();
    }
    return new Result(
        seconds, ProcessUse.cpuSeconds() - cpuBefore, sent, passes, ProcessUse.peakBytes());
  }

  private int passes(Slice data, Map<Party, Channel> others) {
    if (task.self() == 0) {
      return JointTraining.label(
              task.job(), others, data.own(), Outcomes.of(data.labels()), report -> {})
          .passes()
          .size();
    }
    Channel label = others.remove(Task.party(0));
    return JointTraining.feature(task.job(), label, others, data.own(), Progress.NONE, pass -> {})
        .passes();
  }
}
