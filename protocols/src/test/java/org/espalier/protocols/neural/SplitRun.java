package org.espalier.protocols.neural;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.neural.top.Bottom;
import org.espalier.protocols.neural.top.Dense;
import org.espalier.protocols.neural.top.TopLayers;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.memory.MemoryNetwork;

/** Trainings at level split in one process, with first weights that the test knows. */
public final class SplitRun {
  /** Their names. */
  public static final Party LABEL = SourceRun.LABEL;

  public static final Party FEATURE = SourceRun.featureParty(1);

  private SplitRun() {}

  /** What draws a party's first weights, 0 the label party's. */
  public static Prg coins(int party) {
    byte[] seed = new byte[32];
    seed[0] = (byte) (party + 1);
    return new Prg(seed);
  }

  /** The rows of each batch of such a job. */
  public static List<int[]> batches(int rows, int featureParties, SourceSpec spec) {
    Batches batches = new Batches(SourceRun.job(rows, featureParties, spec, 0));
    List<int[]> all = new ArrayList<>();
    for (int batch = 0; batch < batches.count(); batch++) {
      all.add(batches.cohort(batch));
    }
    return all;
  }

  /** All parties' layers in the end, the label party's first, as its columns are. */
  public static List<Bottom> train(
      List<Matrix> parts, SourceSpec spec, TopLayers top, MemoryNetwork network) {
    SourceRun<LabelSource, FeatureSource> run =
        train(parts, spec, top, network, channel -> channel);
    List<Bottom> all = new ArrayList<>();
    LabelSource label = run.label();
    all.add(bottom(spec, label.bottom(), label.weights(), label.bias()));
    for (FeatureSource end : run.features()) {
      all.add(bottom(spec, end.bottom(), end.weights(), new double[spec.hidden()]));
    }
    return all;
  }

  private static Bottom bottom(
      SourceSpec spec, List<Dense> hidden, double[] weights, double[] bias) {
    List<Dense> layers = new ArrayList<>(hidden);
    layers.add(new Dense(weights.length / spec.hidden(), spec.hidden(), weights, bias));
    return new Bottom(spec.split().activation(), layers);
  }

  static SourceRun<LabelSource, FeatureSource> train(
      List<Matrix> parts,
      SourceSpec spec,
      TopLayers top,
      MemoryNetwork network,
      UnaryOperator<Channel> wrap) {
    SourceJob job = SourceRun.job(parts.get(0).rows(), parts.size() - 1, spec, 0);
    return SourceRun.of(
        job,
        network,
        wrap,
        features ->
            new SplitTraining(coins(0)).label(job, features, parts.get(0), top, EpochListener.NONE),
        (number, label, others) ->
            new SplitTraining(coins(number))
                .feature(job, label, others, parts.get(number), Progress.NONE, epoch -> {}));
  }
}
