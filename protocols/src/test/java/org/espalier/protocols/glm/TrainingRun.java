package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntConsumer;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.espalier.protocols.evaluate.Evaluation;
import org.espalier.protocols.prepare.Folds;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.shares.Workspace;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.MemoryNetwork;

/** All parties of one training in one process. */
record TrainingRun(
    LabelOutcome label, List<FeatureOutcome> features, MemoryNetwork network, Party labelParty) {
  static final Party LABEL = new Party("bank");

  static Party featureParty(int number) {
    return new Party("f" + number);
  }

  /**
   * What a party brings from earlier attempts: passes that it counts, and those that it kept; and
   * of an earlier model its weights.
   *
   * @param attempt the present one
   */
  record Before(int earlier, PassStore kept, int attempt, double[] start) {
    static final Before NOTHING = new Before(0, PassStore.NONE);

    Before(int earlier, PassStore kept) {
      this(earlier, kept, 1, null);
    }

    Before(int earlier, PassStore kept, int attempt) {
      this(earlier, kept, attempt, null);
    }
  }

  /** What parties bring of an earlier model. */
  Map<Party, Before> asStart() {
    Map<Party, Before> starts = new HashMap<>();
    for (int p = 1; p <= features.size(); p++) {
      double[] weights = features.get(p - 1).weights();
      starts.put(featureParty(p), new Before(0, PassStore.NONE, 1, weights));
    }
    return starts;
  }

  /** Those of a path of penalties. */
  static Folds folds(TrainingSpec spec, int rows) {
    return spec.path() == null ? null : Folds.of(rows, spec.path().folds(), new byte[32]);
  }

  private static TrainingJob job(TestData data, TrainingSpec spec, Before before) {
    List<Party> others = new ArrayList<>();
    for (int p = 1; p < data.parts().size(); p++) {
      others.add(featureParty(p));
    }
    return new TrainingJob(
        new Session("J-test", new byte[32], before.attempt()),
        LABEL,
        others,
        data.rows(),
        spec,
        before.earlier(),
        Workspace.inMemory(),
        before.kept(),
        folds(spec, data.rows()),
        before.start());
  }

  static TrainingRun of(TestData data, TrainingSpec spec, MemoryNetwork network) {
    return of(data, spec, network, channel -> channel);
  }

  static TrainingRun of(
      TestData data, TrainingSpec spec, MemoryNetwork network, UnaryOperator<Channel> wrap) {
    return of(data, spec, network, wrap, Map.of());
  }

  /**
   * @param wrap applied to every party's end of every channel
   * @param earlier passes that parties count as used before; 0 at those that it does not name
   * @throws RuntimeException the first failure that is not the echo of another party's, the others
   *     suppressed in it
   */
  static TrainingRun of(
      TestData data,
      TrainingSpec spec,
      MemoryNetwork network,
      UnaryOperator<Channel> wrap,
      Map<Party, Integer> earlier) {
    Map<Party, Before> before = new HashMap<>();
    earlier.forEach((party, passes) -> before.put(party, new Before(passes, PassStore.NONE)));
    return of(data, Outcomes.of(data.labels()), spec, network, wrap, before, pass -> {});
  }

  /**
   * Another attempt.
   *
   * @param begun hears of each pass that the label party begins
   */
  static TrainingRun again(
      TestData data,
      TrainingSpec spec,
      MemoryNetwork network,
      Map<Party, Before> before,
      IntConsumer begun) {
    return again(data, Outcomes.of(data.labels()), spec, network, before, begun);
  }

  /** The same with other outcomes than the data's. */
  static TrainingRun again(
      TestData data,
      Outcomes outcomes,
      TrainingSpec spec,
      MemoryNetwork network,
      Map<Party, Before> before,
      IntConsumer begun) {
    return of(data, outcomes, spec, network, channel -> channel, before, begun);
  }

  /** With the outcomes of another family than the data's. */
  static TrainingRun of(
      TestData data, Outcomes outcomes, TrainingSpec spec, MemoryNetwork network) {
    return of(data, outcomes, spec, network, channel -> channel, Map.of(), pass -> {});
  }

  static TrainingRun of(
      TestData data,
      Outcomes outcomes,
      TrainingSpec spec,
      MemoryNetwork network,
      UnaryOperator<Channel> wrap,
      Map<Party, Before> before,
      IntConsumer begun) {
    TrainingJob job = job(data, spec, before.getOrDefault(LABEL, Before.NOTHING));
    ExecutorService threads = Executors.newCachedThreadPool();
    try {
      List<Future<?>> running = new ArrayList<>();
      Future<LabelOutcome> label =
          threads.submit(
              () -> {
                Map<Party, Channel> channels =
                    wrapped(network.channels(LABEL, job.featureParties()), wrap);
                return abortingOnFailure(
                    channels.values(),
                    () ->
                        JointTraining.label(
                            job, channels, data.parts().get(0), outcomes, listener(begun)));
              });
      running.add(label);
      List<Future<FeatureOutcome>> features = new ArrayList<>();
      for (int p = 1; p < data.parts().size(); p++) {
        Party self = featureParty(p);
        TrainingJob mine = job(data, spec, before.getOrDefault(self, Before.NOTHING));
        Matrix own = data.parts().get(p);
        List<Party> peers = new ArrayList<>(job.featureParties());
        peers.remove(self);
        features.add(
            threads.submit(
                () -> {
                  Channel up = wrap.apply(network.channel(self, LABEL));
                  Map<Party, Channel> others = wrapped(network.channels(self, peers), wrap);
                  List<Channel> all = new ArrayList<>(others.values());
                  all.add(up);
                  return abortingOnFailure(
                      all,
                      () ->
                          JointTraining.feature(mine, up, others, own, Progress.NONE, pass -> {}));
                }));
      }
      running.addAll(features);
      RuntimeException failure = null;
      List<RuntimeException> failures = new ArrayList<>();
      for (Future<?> role : running) {
        try {
          role.get();
        } catch (ExecutionException e) {
          RuntimeException cause = (RuntimeException) e.getCause();
          failures.add(cause);
          if (failure == null
              || failure instanceof WireException.PeerAborted
              || failure instanceof WireException.PeerUnavailable) {
            failure = cause;
          }
        }
      }
      if (failure != null) {
        failures.remove(failure);
        failures.forEach(failure::addSuppressed);
        throw failure;
      }
      List<FeatureOutcome> slices = new ArrayList<>();
      for (Future<FeatureOutcome> feature : features) {
        slices.add(feature.get());
      }
      return new TrainingRun(label.get(), slices, network, LABEL);
    } catch (ExecutionException | InterruptedException e) {
      throw new IllegalStateException(e);
    } finally {
      threads.shutdownNow();
    }
  }

  private static PassListener listener(IntConsumer begun) {
    return new PassListener() {
      @Override
      public void begins(int number) {
        begun.accept(number);
      }

      @Override
      public void pass(PassReport report) {}
    };
  }

  private static Map<Party, Channel> wrapped(
      Map<Party, Channel> channels, UnaryOperator<Channel> wrap) {
    channels.replaceAll((party, channel) -> wrap.apply(channel));
    return channels;
  }

  /** As a node does: whoever stops tells the others why. */
  private static <T> T abortingOnFailure(Collection<Channel> channels, Supplier<T> role) {
    try {
      return role.get();
    } catch (RuntimeException e) {
      channels.forEach(channel -> channel.abort(String.valueOf(e.getMessage())));
      throw e;
    }
  }

  /** Label party's weights, then the feature parties' in order. */
  double[] weights() {
    List<Double> all = new ArrayList<>();
    for (double w : label.weights()) {
      all.add(w);
    }
    features.forEach(
        f -> {
          for (double w : f.weights()) {
            all.add(w);
          }
        });
    return all.stream().mapToDouble(Double::doubleValue).toArray();
  }

  /** ‖w − reference‖ / ‖reference‖, intercept included. */
  double relativeDistance(CentralisedLogistic reference) {
    double[] w = weights();
    assertThat(w).hasSameSizeAs(reference.weights());
    double difference = Math.pow(label.intercept() - reference.intercept(), 2);
    double size = Math.pow(reference.intercept(), 2);
    for (int j = 0; j < w.length; j++) {
      difference += Math.pow(w[j] - reference.weights()[j], 2);
      size += Math.pow(reference.weights()[j], 2);
    }
    return Math.sqrt(difference / size);
  }

  /** AUC of weights, intercept left out. */
  static double auc(Matrix x, double[] w, double[] y) {
    double[] p = x.times(w);
    for (int i = 0; i < p.length; i++) {
      p[i] = Family.LOGISTIC.mean(p[i]);
    }
    return Evaluation.of(p, y).auc();
  }
}
