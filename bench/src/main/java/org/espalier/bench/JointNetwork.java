package org.espalier.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeoutException;
import org.espalier.protocols.glm.Outcomes;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.neural.EpochListener;
import org.espalier.protocols.neural.FeatureSource;
import org.espalier.protocols.neural.LabelSource;
import org.espalier.protocols.neural.SourceJob;
import org.espalier.protocols.neural.SourceProtocol;
import org.espalier.protocols.neural.SourceSpec;
import org.espalier.protocols.neural.top.Activation;
import org.espalier.protocols.neural.top.CentralisedNetwork;
import org.espalier.protocols.neural.top.Dense;
import org.espalier.protocols.neural.top.Descent;
import org.espalier.protocols.neural.top.FitSpec;
import org.espalier.protocols.neural.top.NetworkSpec;
import org.espalier.protocols.neural.top.Target;
import org.espalier.protocols.neural.top.Task;
import org.espalier.protocols.neural.top.TopFit;
import org.espalier.protocols.neural.top.TopModel;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;

/**
 * A network over all parties' columns at level {@code activations}, a process a party, held against
 * the same network on all columns in one place.
 */
final class JointNetwork {
  /** An epoch of FATE 1.11 on data of this shape, as published; no other figure is. */
  private static final double FATE_SECONDS = 347;

  private static final double MOMENTUM = 0.9;

  private JointNetwork() {}

  /**
   * Its shape, and how it is trained: SGD with momentum everywhere.
   *
   * @param hidden units of each layer
   * @param batch rows
   * @param rate of the source layer's steps; the layers above take a tenth of it
   */
  record Network(List<Integer> hidden, int batch, int epochs, double rate) {
    NetworkSpec spec() {
      return new NetworkSpec(Task.BINARY, hidden, Activation.RELU, 0);
    }

    FitSpec fit(double rateHere) {
      Descent descent = new Descent(Descent.Kind.SGD, rateHere, MOMENTUM, 0);
      return new FitSpec(descent, batch * 3 / 2 + 1, epochs, 0, 0.1);
    }

    /** One party's part. */
    PartyProcess.Model train(
        PartyProcess.Task task,
        int self,
        Map<Party, TimedChannel> channels,
        Matrix own,
        double[] labels) {
      SourceSpec source = new SourceSpec(hidden.get(0), batch, epochs, rate, MOMENTUM, true);
      SourceJob job =
          new SourceJob(
              PartyProcess.Task.session(),
              PartyProcess.Task.party(0),
              task.featureParties(),
              own.rows(),
              source,
              0);
      return self == 0 ? label(job, channels, own, labels) : feature(job, channels, own);
    }

    private PartyProcess.Model label(
        SourceJob job, Map<Party, TimedChannel> channels, Matrix own, double[] labels) {
      List<Double> seconds = new ArrayList<>();
      EpochListener clock =
          new EpochListener() {
            @Override
            public void begins(int epoch) {}

            @Override
            public void ended(int epoch, double took) {
              seconds.add(took);
            }
          };
      TopFit top =
          new TopFit(spec(), fit(rate / 10), Outcomes.of(labels), Prg.fresh(), report -> {});
      LabelSource end =
          SourceProtocol.of(job.spec()).label(job, new TreeMap<>(channels), own, top, clock);
      List<PartyProcess.Pass> passes = new ArrayList<>();
      for (int i = 0; i < seconds.size(); i++) {
        double loss = top.epochs().get(i).loss();
        passes.add(new PartyProcess.Pass(i + 1, loss, Double.NaN, seconds.get(i)));
      }
      List<Dense> above = new ArrayList<>();
      above.add(new Dense(0, end.bias().length, new double[0], end.bias()));
      above.addAll(top.model().layers());
      return new PartyProcess.Model(
          end.weights(), 0, end.epochs(), passes, "epochs", end.parametersRun(), above);
    }

    private static PartyProcess.Model feature(
        SourceJob job, Map<Party, TimedChannel> channels, Matrix own) {
      Map<Party, Channel> others = new TreeMap<>(channels);
      Channel label = others.remove(job.label());
      FeatureSource end =
          SourceProtocol.of(job.spec())
              .feature(job, label, others, own, Progress.NONE, epoch -> {});
      return new PartyProcess.Model(
          end.weights(), 0, end.epochs(), List.of(), "", end.parametersRun(), List.of());
    }

    /** Held-out log-loss and AUC of what the parties have together. */
    Quality quality(DataFiles data, PartyProcesses.Outcome outcome) {
      int width = hidden.get(0);
      Matrix x = holdout(data);
      double[] z = new double[x.rows() * width];
      double[] bias = outcome.label().above().get(0).bias();
      double[] weights = outcome.weights();
      for (int i = 0; i < x.rows(); i++) {
        System.arraycopy(bias, 0, z, i * width, width);
        for (int j = 0; j < x.columns(); j++) {
          double value = x.get(i, j);
          for (int k = 0; k < width; k++) {
            z[i * width + k] += value * weights[j * width + k];
          }
        }
      }
      List<Dense> above = outcome.label().above();
      TopModel top =
          new TopModel(
              spec().activation(),
              width,
              above.subList(1, above.size()),
              new Target(Task.BINARY, List.of(), 0, 1));
      return Quality.of(top.predict(z, x.rows()), data);
    }

    /** The same network on all columns in one place. */
    Quality centralised(DataFiles data) {
      DataFiles.Part part = DataFiles.Part.TRAIN;
      CentralisedNetwork network =
          CentralisedNetwork.fit(
              Matrix.beside(List.of(data.label(part), data.feature(part))),
              Outcomes.of(data.labels(part)),
              spec(),
              fit(rate / 10),
              new byte[32]);
      return Quality.of(network.predict(holdout(data)), data);
    }

    private static Matrix holdout(DataFiles data) {
      DataFiles.Part part = DataFiles.Part.HOLDOUT;
      return Matrix.beside(List.of(data.label(part), data.feature(part)));
    }
  }

  /** Of rows that were not trained on; nats. */
  record Quality(double logLoss, double auc) {
    static Quality of(double[] probabilities, DataFiles data) {
      double[] labels = data.labels(DataFiles.Part.HOLDOUT);
      double[] logits = Arrays.stream(probabilities).map(p -> Math.log(p / (1 - p))).toArray();
      return new Quality(Scores.logLoss(logits, labels), Scores.auc(logits, labels));
    }
  }

  private record Measured(PartyProcesses.Outcome outcome, Quality quality, List<Limit> limits) {
    double seconds() {
      return outcome.seconds() / outcome.label().passes();
    }

    double megabytes() {
      return outcome.bytes() / 1e6 / outcome.label().passes();
    }

    double processorSeconds() {
      return outcome.cpuSeconds() / outcome.label().passes();
    }

    double peakMegabytes() {
      return Math.max(outcome.label().peakBytes(), outcome.peakBytesFeature()) / 1e6;
    }
  }

  /**
   * @param limited whether these are the data that the limits are meant for
   * @return whether all limits are met
   */
  static boolean run(
      DataFiles data,
      PartyProcesses.Settings s,
      List<String> networks,
      boolean limited,
      Path scratch,
      boolean asJson,
      PrintStream out)
      throws IOException, TimeoutException {
    Machine machine = Machine.now();
    Quality centralised = s.network().centralised(data);
    Map<String, Measured> all = new TreeMap<>();
    for (String network : networks) {
      System.err.printf("bench: activations, %s ...%n", network);
      PartyProcesses.Outcome outcome =
          PartyProcesses.run(
              data, s.over(network.equals("wan")), scratch.resolve("activations-" + network));
      Quality quality = s.network().quality(data, outcome);
      Measured measured = new Measured(outcome, quality, List.of());
      all.put(
          network,
          new Measured(outcome, quality, limited ? limits(measured, centralised) : List.of()));
    }
    boolean met = all.values().stream().flatMap(m -> m.limits().stream()).allMatch(Limit::met);
    ObjectNode json = json(machine, data, s, centralised, all, met);
    if (asJson) {
      out.println(json.toPrettyString());
    } else {
      print(machine, data, s, centralised, all, out);
    }
    return met;
  }

  private static List<Limit> limits(Measured m, Quality centralised) {
    return List.of(
        new Limit("seconds an epoch", FATE_SECONDS, m.seconds()),
        new Limit(
            "AUC below the centralised network's", 0.005, centralised.auc() - m.quality().auc()),
        new Limit("peak MB of a party", 1500, m.peakMegabytes()));
  }

  private static ObjectNode json(
      Machine machine,
      DataFiles data,
      PartyProcesses.Settings s,
      Quality centralised,
      Map<String, Measured> all,
      boolean met) {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode json = mapper.createObjectNode();
    json.put("benchmark", "nn-w1").put("data", data.shape().toString()).put("passed", met);
    json.set("machine", mapper.valueToTree(machine));
    json.set("network", mapper.valueToTree(s.network()));
    json.put("parties", s.parties()).put("pinned", s.pin());
    json.set("centralised", mapper.valueToTree(centralised));
    ArrayNode runs = json.putArray("runs");
    all.values()
        .forEach(
            m -> {
              ObjectNode run =
                  runs.addObject()
                      .put("system", "espalier activations")
                      .put("network", m.outcome().network())
                      .put("seconds_an_epoch", m.seconds())
                      .put("processor_seconds_an_epoch", m.processorSeconds())
                      .put("megabytes_an_epoch", m.megabytes())
                      .put("peak_megabytes_label", m.outcome().label().peakBytes() / 1e6)
                      .put("peak_megabytes_feature", m.outcome().peakBytesFeature() / 1e6)
                      .put("times_faster_than_fate", FATE_SECONDS / m.seconds());
              run.set("quality", mapper.valueToTree(m.quality()));
              run.set("limits", mapper.valueToTree(m.limits()));
              ArrayNode epochs = run.putArray("epochs");
              m.outcome()
                  .label()
                  .pass()
                  .forEach(
                      pass ->
                          epochs
                              .addObject()
                              .put("epoch", pass.pass())
                              .put("loss", pass.objective())
                              .put("seconds", pass.seconds()));
              run.set("phases", mapper.valueToTree(m.outcome().label().phases()));
              run.set("parameters", mapper.valueToTree(m.outcome().label().parameters()));
              if (m.outcome().link() != null) {
                run.set("link", mapper.valueToTree(m.outcome().link()));
              }
            });
    return json;
  }

  private static void print(
      Machine machine,
      DataFiles data,
      PartyProcesses.Settings s,
      Quality centralised,
      Map<String, Measured> all,
      PrintStream out) {
    out.println(machine);
    out.printf(
        Locale.ROOT,
        "%nnetwork %s on %s, batches of %d, %d epochs, level activations; a process a party%s%n",
        s.network().hidden(),
        data.shape(),
        s.network().batch(),
        s.network().epochs(),
        s.pin() ? ", each pinned to one core" : ", NOT pinned");
    out.printf(
        Locale.ROOT,
        "centralised: held-out log-loss %.5f, AUC %.5f%n%n%-30s %10s %10s %10s %10s %10s %9s %9s%n",
        centralised.logLoss(),
        centralised.auc(),
        "an epoch",
        "seconds",
        "processor",
        "MB",
        "peak MB",
        "log-loss",
        "AUC",
        "FATE/this");
    for (Measured m : all.values()) {
      out.printf(
          Locale.ROOT,
          "%-30s %10.2f %10.2f %10.1f %10.0f %10.5f %9.5f %9.1f%n",
          m.outcome().network(),
          m.seconds(),
          m.processorSeconds(),
          m.megabytes(),
          m.peakMegabytes(),
          m.quality().logLoss(),
          m.quality().auc(),
          FATE_SECONDS / m.seconds());
      m.limits().stream()
          .filter(limit -> !limit.met())
          .forEach(limit -> out.printf("  MISSED: %s%n", limit));
    }
    out.printf(
        "FATE 1.11: 347 s an epoch as published for this shape, on another machine and line.%n");
  }
}
