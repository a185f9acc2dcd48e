package org.espalier.protocols.neural;

import java.util.Map;
import java.util.function.IntConsumer;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.mask.ZeroSumMasks;
import org.espalier.protocols.neural.top.Bottom;
import org.espalier.protocols.neural.top.BottomTraining;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.WireException;

/** A feature party of level {@code split}: its columns, its own layers. */
final class SplitFeature {
  private final SourceJob job;
  private final Channel label;
  private final Batches batches;
  private final ZeroSumMasks masks;
  private final BottomTraining bottom;
  private final RowNoise noise;
  private final Binding binding = new Binding();
  private final double[] z;
  private final double[] slope;

  /**
   * Agrees with all parties on the size of the cut.
   *
   * @param first draws the first weights
   */
  SplitFeature(SourceJob job, Channel label, Map<Party, Channel> others, Matrix own, Prg first) {
    this.job = job;
    this.label = label;
    this.batches = new Batches(job);
    SourceSpec spec = job.spec();
    this.masks = ZeroSumMasks.agree(job.session(), label.self(), others);
    int inputs = Bottom.cutInputs(own.columns(), spec.split().hidden());
    label.send(new SourceMessages.CutSize(job.rows(), inputs));
    SourceMessages.CutSize size = label.receive(SourceMessages.CutSize.TYPE, SourceMessages.SLACK);
    if (size.rows() != job.rows() || size.inputs() < inputs) {
      throw new WireException.ProtocolViolation(
          label.peer(), "announced a size of the cut that does not fit the parties' layers");
    }
    this.bottom = SplitTraining.begin(spec, batches, own, size.inputs(), first, false);
    this.noise = new RowNoise(spec.split().activationNoise(), Prg.fresh());
    this.z = new double[Math.multiplyExact(batches.mostRows(), spec.hidden())];
    this.slope = new double[z.length];
  }

  /**
   * Trains.
   *
   * @param beforeEpoch see {@link SourceProtocol#feature}
   * @return epochs that ran
   */
  int train(Progress progress, IntConsumer beforeEpoch) {
    return new Epochs.AtFeature(batches.count(), label, binding, progress, beforeEpoch) {
      @Override
      void step(int epoch, int batch) {
        SplitFeature.this.step(epoch, batch);
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
    int count = rows.length * width;
    bottom.forward(rows, z);
    noise.add(z, rows.length, width, Math.sqrt(width), 1);
    long[] sent = Cut.integers(z, count, "a number at the cut");
    long number = (long) epoch * batches.count() + batch;
    masks.apply(sent, Cut.BITS, "split", number, binding.value());
    Cut.send(label, sent);

    long[] slopes = Cut.receive(label, count);
    binding.add(slopes);
    for (int i = 0; i < count; i++) {
      slope[i] = Cut.real(slopes[i]);
      if (Math.abs(slope[i]) > Cut.LIMIT) {
        throw new WireException.ProtocolViolation(
            label.peer(), "sent a slope that exceeds ±" + Cut.LIMIT);
      }
    }
    noise.backward(slope, rows.length, width);
    bottom.backward(slope, rows.length);
  }

  /** As it is in the end. */
  Bottom bottom() {
    return bottom.bottom();
  }
}
