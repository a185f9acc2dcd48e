package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.Session;
import org.espalier.wire.memory.MemoryNetwork;

/** All parties of one training in one process. */
record TrainingRun(
    LabelOutcome label, List<FeatureOutcome> features, MemoryNetwork network, Party labelParty) {
  static final Party LABEL = new Party("bank");

  static Party featureParty(int number) {
    return new Party("f" + number);
  }

  static TrainingJob job(TestData data, TrainingSpec spec) {
    List<Party> others = new ArrayList<>();
    for (int p = 1; p < data.parts().size(); p++) {
      others.add(featureParty(p));
    }
    return new TrainingJob(
        new Session("J-test", new byte[32], 1), LABEL, others, data.rows(), spec);
  }

  static TrainingRun of(TestData data, TrainingSpec spec, MemoryNetwork network) {
    TrainingJob job = job(data, spec);
    ExecutorService threads = Executors.newCachedThreadPool();
    try {
      Future<LabelOutcome> label =
          threads.submit(
              () ->
                  LogisticTraining.label(
                      job,
                      network.channels(LABEL, job.featureParties()),
                      data.parts().get(0),
                      data.labels(),
                      report -> {}));
      List<Future<FeatureOutcome>> features = new ArrayList<>();
      for (int p = 1; p < data.parts().size(); p++) {
        Party self = featureParty(p);
        Matrix own = data.parts().get(p);
        Map<Party, Channel> others = new TreeMap<>();
        for (Party other : job.featureParties()) {
          if (!other.equals(self)) {
            others.put(other, network.channel(self, other));
          }
        }
        features.add(
            threads.submit(
                () ->
                    LogisticTraining.feature(
                        job, network.channel(self, LABEL), others, own, Progress.NONE)));
      }
      List<FeatureOutcome> outcomes = new ArrayList<>();
      LabelOutcome labelOutcome = label.get();
      for (Future<FeatureOutcome> feature : features) {
        outcomes.add(feature.get());
      }
      return new TrainingRun(labelOutcome, outcomes, network, LABEL);
    } catch (ExecutionException e) {
      network.close();
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    } finally {
      threads.shutdownNow();
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
}
