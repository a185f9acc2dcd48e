package org.espalier.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.TimeoutException;
import org.espalier.protocols.cost.Rates;
import org.espalier.protocols.cost.Work;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.glm.Calibration;
import org.espalier.protocols.glm.JointTraining;
import org.espalier.protocols.glm.TrainingJob;
import org.espalier.protocols.glm.TrainingSpec;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Channel;
import org.espalier.wire.MessageChannel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.Session;

/**
 * One party of a training whose cost is predicted: connects to all others, measures its lines and
 * its machine, tells both, and trains when it is told to. Started by {@link PlanAccuracy} only,
 * which speaks to it by lines.
 */
final class PlanParty {
  static final String LISTENING = "listening ";
  static final String MEASURED = "measured ";
  static final String RESULT = "result ";
  static final String GO = "go";

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
  record Measured(Map<Work, Double> rates, double[] roundTrips, double[] bytesPerSecond) {}

  /**
   * @param sent to each party
   * @param passes that ran
   */
  record Result(double seconds, double cpuSeconds, long[] sent, int passes) {}

  /** Independent normal columns; about a third of the outcomes' variation is theirs. */
  private record Slice(Matrix own, double[] labels) {
    static Slice of(Task task) {
      SplittableRandom random = new SplittableRandom(20_260_101);
      int[] columns = task.columns();
      int all = Arrays.stream(columns).sum();
      int from = Arrays.stream(columns).limit(task.self()).sum();
      int own = columns[task.self()];
      double[] w = new double[all];
      Arrays.setAll(w, j -> 1.5 * random.nextGaussian() / Math.sqrt(all));
      double[] values = new double[Math.multiplyExact(task.rows(), own)];
      double[] labels = new double[task.rows()];
      double[] row = new double[all];
      for (int i = 0; i < labels.length; i++) {
        double logit = 0;
        for (int j = 0; j < all; j++) {
          row[j] = random.nextGaussian();
          logit += w[j] * row[j];
        }
        System.arraycopy(row, from, values, i * own, own);
        labels[i] = random.nextDouble() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
      }
      return new Slice(new Matrix(labels.length, own, values), labels);
    }
  }

  private final Task task;
  private final SocketDuplex[] lines;
  private final BufferedReader orders =
      new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

  private PlanParty(Task task) {
    this.task = task;
    this.lines = new SocketDuplex[task.columns().length];
  }

  /** {@code TASK}, as JSON. */
  public static void main(String[] args) {
    try {
      ObjectMapper json = new ObjectMapper();
      new PlanParty(json.readValue(args[0], Task.class)).run(json);
    } catch (IOException | TimeoutException | RuntimeException e) {
      System.err.println("a party: " + e);
      System.exit(1);
    }
  }

  private void run(ObjectMapper json) throws IOException, TimeoutException {
    Slice data = Slice.of(task);
    connect();
    double[] roundTrips = new double[lines.length];
    double[] rates = new double[lines.length];
    for (int low = 0; low < lines.length; low++) {
      for (int high = low + 1; high < lines.length; high++) {
        if (task.self() == low) {
          LinkCheck line = LinkCheck.of(lines[high], task.bytes());
          roundTrips[high] = line.roundTripMillis() / 1e3;
          rates[high] = Math.min(line.megabitsThere(), line.megabitsBack()) * 1e6 / 8;
        } else if (task.self() == high) {
          LinkCheck.answer(lines[low], task.bytes());
        }
        meet();
      }
    }
    // Parties that share a core take turns: the label party has its own.
    Rates machine = task.self() <= 1 ? Calibration.measure() : null;
    meet();
    if (machine == null) {
      machine = Calibration.measure();
    }
    meet();
    say(MEASURED + json.writeValueAsString(new Measured(machine.seconds(), roundTrips, rates)));
    if (!GO.equals(orders.readLine())) {
      throw new IOException("the benchmark has ended");
    }
    meet();
    say(RESULT + json.writeValueAsString(train(data)));
  }

  private static void say(String line) {
    System.out.println(line);
    System.out.flush();
  }

  /** To parties of higher number; those of lower number connect here. */
  private void connect() throws IOException {
    try (ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      say(LISTENING + listener.getLocalPort());
      String[] ports = orders.readLine().split(" ", -1);
      for (int p = task.self() + 1; p < lines.length; p++) {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), Integer.parseInt(ports[p]));
        socket.getOutputStream().write(task.self());
        lines[p] = new SocketDuplex(socket);
      }
      for (int p = 0; p < task.self(); p++) {
        Socket socket = listener.accept();
        lines[socket.getInputStream().read()] = new SocketDuplex(socket);
      }
    }
  }

  /** Nobody goes on before all are here. */
  private void meet() throws IOException, TimeoutException {
    for (SocketDuplex line : lines) {
      if (line != null) {
        line.write(new byte[1], 0, 1);
      }
    }
    for (SocketDuplex line : lines) {
      if (line != null) {
        line.read(new byte[1], 0, 1, PATIENCE);
      }
    }
  }

  private Result train(Slice data) {
    Party self = Task.party(task.self());
    Map<Party, Channel> channels = new TreeMap<>();
    for (int p = 0; p < lines.length; p++) {
      if (lines[p] != null) {
        Party peer = Task.party(p);
        channels.put(peer, new MessageChannel(self, peer, lines[p], PATIENCE));
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
    long[] sent = new long[lines.length];
    for (int p = 0; p < lines.length; p++) {
      Channel channel = channels.get(Task.party(p));
      sent[p] = channel == null ? 0 : channel.traffic().bytesSent();
    }
    return new Result(seconds, ProcessUse.cpuSeconds() - cpuBefore, sent, passes);
  }

  private int passes(Slice data, Map<Party, Channel> others) {
    if (task.self() == 0) {
      return JointTraining.label(task.job(), others, data.own(), data.labels(), report -> {})
          .passes()
          .size();
    }
    Channel label = others.remove(Task.party(0));
    return JointTraining.feature(task.job(), label, others, data.own(), Progress.NONE, pass -> {})
        .passes();
  }
}
