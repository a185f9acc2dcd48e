package org.espalier.protocols.neural;

import java.util.Arrays;
import java.util.Map;
import org.espalier.protocols.fixedpoint.Ring;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.neural.top.Bottom;
import org.espalier.protocols.neural.top.BottomTraining;
import org.espalier.protocols.neural.top.TopLayers;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.WireException;

/** The label party of level {@code split}: its columns and own layers, and the top. */
final class SplitLabel {
  private final SourceJob job;
  private final Map<Party, Channel> features;
  private final Batches batches;
  private final TopLayers top;
  private final BottomTraining bottom;
  private final RowNoise noise;

  /** Of the largest batch: own numbers at the cut, then slopes. */
  private final double[] own;

  /**
   * Agrees with all parties on the size of the cut.
   *
   * @param columns n × d prepared columns; d may be 0
   * @param first draws the first weights
   */
  SplitLabel(
      SourceJob job, Map<Party, Channel> features, Matrix columns, TopLayers top, Prg first) {
    this.job = job;
    this.features = features;
    this.batches = new Batches(job);
    this.top = top;
    SourceSpec spec = job.spec();
    int inputs = agree(Bottom.cutInputs(columns.columns(), spec.split().hidden()));
    this.bottom = SplitTraining.begin(spec, batches, columns, inputs, first, true);
    this.noise = new RowNoise(spec.split().gradientNoise(), Prg.fresh());
    this.own = new double[Math.multiplyExact(batches.mostRows(), spec.hidden())];
  }

  private int agree(int inputs) {
    int total = inputs;
    for (Map.Entry<Party, Channel> feature : features.entrySet()) {
      SourceMessages.CutSize theirs =
          feature.getValue().receive(SourceMessages.CutSize.TYPE, SourceMessages.SLACK);
      if (theirs.rows() != job.rows()) {
        throw new WireException.ProtocolViolation(
            feature.getKey(),
            "its slice has " + theirs.rows() + " rows, the cohort has " + job.rows());
      }
      total = Math.addExact(total, theirs.inputs());
    }
    SourceMessages.CutSize size = new SourceMessages.CutSize(job.rows(), total);
    features.values().forEach(channel -> channel.send(size));
    return total;
  }

  /**
   * Trains.
   *
   * @return epochs that ran
   */
  int train(EpochListener listener) {
    return new Epochs.AtLabel(batches.count(), features, top, listener) {
      @Override
      void step(int epoch, int batch) {
        SplitLabel.this.step(epoch, batch);
      }

      @Override
      void keep() {
        bottom.keep();
      }

      @Override
      void restore() {
        bottom.restore();
      }
    }.run(job.spec().epochs());
  }

  private void step(int epoch, int batch) {
    int[] rows = batches.cohort(batch);
    int width = job.spec().hidden();
    bottom.forward(rows, own);
    double[] z = Arrays.copyOf(own, rows.length * width);
    receive(z);
    double[] slope = new double[z.length];
    top.step(epoch, rows, z, slope);
    double[] noisy = slope.clone();
    double length = noise.isNone() ? 0 : RowNoise.usualLength(slope, width);
    noise.add(noisy, rows.length, width, length, length);
    long[] sent = Cut.integers(noisy, noisy.length, "a slope");
    features.values().forEach(channel -> Cut.send(channel, sent));
    System.arraycopy(slope, 0, own, 0, slope.length);
    bottom.backward(own, rows.length);
  }

  /** Adds the feature parties' numbers. */
  private void receive(double[] z) {
    long[] sum = new long[z.length];
    features
        .values()
        .forEach(
            channel -> {
              long[] theirs = Cut.receive(channel, z.length);
              Arrays.setAll(sum, i -> sum[i] + theirs[i]);
            });
    double most = (double) Cut.LIMIT * features.size();
    for (int i = 0; i < z.length; i++) {
      double value = Cut.real(sum[i]);
      if (Math.abs(value) > most) {
        // Of several parties nobody can tell whose part it was.
        String what = "a number at the cut exceeds ±" + Cut.LIMIT;
        if (features.size() == 1) {
          throw new WireException.ProtocolViolation(features.keySet().iterator().next(), what);
        }
        throw new Ring.RangeError(what + " of each feature party");
      }
      z[i] += value;
    }
  }

  /** As it is in the end. */
  Bottom bottom() {
    return bottom.bottom();
  }
}
