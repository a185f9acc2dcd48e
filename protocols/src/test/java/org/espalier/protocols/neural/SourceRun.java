package org.espalier.protocols.neural;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.espalier.protocols.neural.top.TopLayers;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.MemoryNetwork;

/** All parties of one training of a source layer, or of another protocol, in one process. */
public record SourceRun<L, F>(L label, List<F> features) {
  public static final Party LABEL = new Party("bank");

  public static Party featureParty(int number) {
    return new Party("f" + number);
  }

  static SourceJob job(int rows, int featureParties, SourceSpec spec, int earlier) {
    return new SourceJob(
        new Session("J-test", new byte[32], 1),
        LABEL,
        featureParties(featureParties),
        rows,
        spec,
        earlier);
  }

  /** Columns of normal numbers. */
  static List<Matrix> parts(int rows, int... columns) {
    Random random = new Random(2);
    return Arrays.stream(columns)
        .mapToObj(
            d ->
                new Matrix(
                    rows,
                    d,
                    random.doubles((long) rows * d).map(u -> random.nextGaussian()).toArray()))
        .toList();
  }

  /** Feature parties from the first on. */
  public static List<Party> featureParties(int count) {
    return IntStream.rangeClosed(1, count).mapToObj(SourceRun::featureParty).toList();
  }

  /** What the label party does. */
  public interface LabelRole<L> {
    L run(Map<Party, Channel> features);
  }

  /** What a feature party does. */
  public interface FeatureRole<F> {
    F run(int number, Channel label, Map<Party, Channel> others);
  }

  static <L, F> SourceRun<L, F> of(
      SourceJob job,
      MemoryNetwork network,
      UnaryOperator<Channel> wrap,
      LabelRole<L> labelRole,
      FeatureRole<F> featureRole) {
    return of(job.featureParties(), network, wrap, labelRole, featureRole);
  }

  /**
   * @param wrap applied to every party's end of every channel
   * @throws RuntimeException the first failure that is not the echo of another party's, the others
   *     suppressed in it
   */
  public static <L, F> SourceRun<L, F> of(
      List<Party> featureParties,
      MemoryNetwork network,
      UnaryOperator<Channel> wrap,
      LabelRole<L> labelRole,
      FeatureRole<F> featureRole) {
    ExecutorService threads = Executors.newCachedThreadPool();
    try {
      Future<L> label =
          threads.submit(
              () -> {
                Map<Party, Channel> channels = network.channels(LABEL, featureParties);
                channels.replaceAll((party, channel) -> wrap.apply(channel));
                return telling(channels.values(), () -> labelRole.run(channels));
              });
      List<Future<F>> features = new ArrayList<>();
      for (int p = 1; p <= featureParties.size(); p++) {
        int number = p;
        Party self = featureParty(p);
        List<Party> peers = new ArrayList<>(featureParties);
        peers.remove(self);
        features.add(
            threads.submit(
                () -> {
                  Channel up = wrap.apply(network.channel(self, LABEL));
                  Map<Party, Channel> others = network.channels(self, peers);
                  others.replaceAll((party, channel) -> wrap.apply(channel));
                  List<Channel> all = new ArrayList<>(others.values());
                  all.add(up);
                  return telling(all, () -> featureRole.run(number, up, others));
                }));
      }
      RuntimeException failure = null;
      List<RuntimeException> failures = new ArrayList<>();
      List<Future<?>> running = new ArrayList<>(features);
      running.add(0, label);
      for (Future<?> role : running) {
        try {
          role.get();
        } catch (ExecutionException e) {
          if (e.getCause() instanceof Error error) {
            throw error;
          }
          failures.add((RuntimeException) e.getCause());
          if (failure == null
              || failure instanceof WireException.PeerAborted
              || failure instanceof WireException.PeerUnavailable) {
            failure = (RuntimeException) e.getCause();
          }
        }
      }
      if (failure != null) {
        failures.remove(failure);
        failures.forEach(failure::addSuppressed);
        throw failure;
      }
      List<F> ends = new ArrayList<>();
      for (Future<F> feature : features) {
        ends.add(feature.get());
      }
      return new SourceRun<>(label.get(), ends);
    } catch (ExecutionException | InterruptedException e) {
      throw new IllegalStateException(e);
    } finally {
      threads.shutdownNow();
    }
  }

  /** Whoever stops tells the others why. */
  private static <T> T telling(Collection<Channel> channels, Supplier<T> role) {
    try {
      return role.get();
    } catch (RuntimeException | Error e) {
      channels.forEach(channel -> channel.abort(String.valueOf(e.getMessage())));
      throw e;
    }
  }

  /** A whole training, the label party's columns first. */
  static SourceRun<LabelSource, FeatureSource> train(
      List<Matrix> parts, SourceSpec spec, TopLayers top, MemoryNetwork network) {
    SourceJob job = job(parts.get(0).rows(), parts.size() - 1, spec, 0);
    return of(
        job,
        network,
        channel -> channel,
        features ->
            SourceProtocol.of(job.spec())
                .label(job, features, parts.get(0), top, EpochListener.NONE),
        (number, label, others) ->
            SourceProtocol.of(job.spec())
                .feature(job, label, others, parts.get(number), Progress.NONE, epoch -> {}));
  }
}
