package org.espalier.protocols.neural;

import java.util.Arrays;
import java.util.Map;
import java.util.function.IntConsumer;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.disclosure.NoPassLeft;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.mask.ZeroSumMasks;
import org.espalier.protocols.shares.Correlations;
import org.espalier.protocols.shares.IntegerMatrix;
import org.espalier.protocols.shares.Opened;
import org.espalier.protocols.shares.Residues;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.WireException;

/** A feature party: owns its slice, holds one of the two shares of its weights. */
final class SourceFeature implements AutoCloseable {
  private final SourceJob job;
  private final Channel label;
  private final Batches batches;
  private final IntegerMatrix matrix;
  private final int columns;
  private final int totalColumns;
  private final ZeroSumMasks masks;
  private final SourcePlan plan;
  private final int hidden;
  private final Correlations.Owned[] supply;
  private final int[] suppliedFrom;
  private final BatchProducts products;
  private final Prg noise = Prg.fresh();

  /** Masks depend on it. */
  private final Binding binding = new Binding();

  private Recency.Shares share;
  private long[] kept;

  /**
   * Agrees with all parties on what is trained.
   *
   * @param matrix in the order of the batches
   * @throws NoPassLeft if a party's count leaves no epoch
   */
  SourceFeature(
      SourceJob job,
      Channel label,
      Map<Party, Channel> others,
      Batches batches,
      IntegerMatrix matrix) {
    this.job = job;
    this.label = label;
    this.batches = batches;
    this.matrix = matrix;
    this.columns = matrix.columns();
    this.hidden = job.spec().hidden();
    this.totalColumns = totalColumns(columns, others);
    Disclosure.requireRows(job.rows(), totalColumns);
    this.masks = ZeroSumMasks.agree(job.session(), label.self(), others);
    SliceFacts facts = SliceFacts.of(matrix, batches, SourceScale.FEATURE_BITS);
    label.send(new SourceMessages.Facts(job.rows(), facts));
    SourcePlan.Size size = label.receive(SourceMessages.Setup.TYPE, SourceMessages.SLACK).size();
    require(size, facts, others.isEmpty());
    this.plan = plan(size);
    this.supply = new Correlations.Owned[batches.count()];
    this.suppliedFrom = new int[batches.count()];
    this.products = new BatchProducts(plan.field, columns, hidden, plan.halfBits());
  }

  private static int totalColumns(int own, Map<Party, Channel> others) {
    others.values().forEach(channel -> channel.send(new SourceMessages.PartyColumns(own)));
    int total = own;
    for (Channel channel : others.values()) {
      total += channel.receive(SourceMessages.PartyColumns.TYPE, SourceMessages.SLACK).count();
    }
    return total;
  }

  private void require(SourcePlan.Size size, SliceFacts facts, boolean alone) {
    double length = SourcePlan.initialLength(columns, size.labelColumns() + totalColumns);
    boolean covered =
        size.valid()
            && size.featureColumns() == totalColumns
            && size.mostColumns() >= columns
            && size.rowL1() >= facts.rowL1()
            && size.columnL1() >= facts.columnL1()
            && size.reach() >= facts.reach()
            && size.rowNorms() >= facts.rowNorm() * length;
    boolean exact = !alone || (size.mostColumns() == columns && size.reach() == facts.reach());
    if (!covered || !exact) {
      throw violation("announced sizes that do not fit the parties' slices");
    }
  }

  private SourcePlan plan(SourcePlan.Size size) {
    try {
      return new SourcePlan(job, batches, size);
    } catch (IllegalArgumentException e) {
      throw violation("announced sizes: " + e.getMessage());
    }
  }

  SourcePlan plan() {
    return plan;
  }

  /** Columns of all parties. */
  int allColumns() {
    return plan.size.labelColumns() + totalColumns;
  }

  /**
   * Trains.
   *
   * @param first weights on the slice's columns, columns × hidden, in real units
   * @param beforeEpoch see {@link SourceProtocol#feature}
   * @return epochs that ran; see {@link #open}
   */
  int train(double[] first, Progress progress, IntConsumer beforeEpoch) {
    int allowed = ActivationsTraining.allowedEpochs(job, totalColumns);
    label.send(new SourceMessages.Allowed(allowed));
    int epochs = label.receive(SourceMessages.Begin.TYPE, SourceMessages.SLACK).epochs();
    if (epochs == 0) {
      throw allowed == 0
          ? NoPassLeft.here(Level.ACTIVATIONS, totalColumns, job.earlierPasses())
          : NoPassLeft.at(Level.ACTIVATIONS, totalColumns, "another party");
    }
    if (epochs > allowed) {
      throw violation("wants more than the " + allowed + " epochs that were agreed");
    }
    long[] start = new long[first.length];
    for (int i = 0; i < start.length; i++) {
      start[i] = plan.field.residue(Math.round(Math.scalb(first[i], plan.scale.weightBits())));
    }
    share = plan.recency.new Shares(plan.field, start);
    return new Epochs.AtFeature(batches.count(), label, binding, progress, beforeEpoch) {
      @Override
      void step(int epoch, int batch) {
        prepare(batch, epoch, epochs);
        SourceFeature.this.step(batch, epoch);
      }

      @Override
      void keep() {
        kept = share.weights().clone();
      }

      @Override
      void restore() {
        share.restore(kept == null ? share.weights() : kept);
      }
    }.run(epochs);
  }

  private void prepare(int batch, int epoch, int epochs) {
    if (supply[batch] != null && suppliedFrom[batch] + supplied(supply[batch]) > epoch) {
      return;
    }
    supply[batch] = null;
    IntegerMatrix rows = matrix.rows(batches.from(batch), batches.rows(batch));
    int ahead = plan.epochsAtOnce(epochs - epoch + 1);
    supply[batch] =
        Correlations.own(plan.context, plan.shape(batches.rows(batch), ahead), label, rows, true);
    suppliedFrom[batch] = epoch;
    binding.add(supply[batch].request());
  }

  private int supplied(Correlations.Owned owned) {
    return owned.delta().length / hidden;
  }

  private void step(int batch, int epoch) {
    int rows = batches.rows(batch);
    int first = (epoch - suppliedFrom[batch]) * hidden;
    Correlations.Owned prepared = supply[batch];
    products.load(matrix, batches.from(batch), rows);

    long[] w = Residues.receive(label, plan.field, columns * hidden);
    plan.field.addTo(w, share.weights());
    long[] z = new long[rows * hidden];
    products.forward(w, z);
    addTransposed(z, prepared.tau(), first, rows);
    send(z, (long) epoch * batches.count() + batch);

    long[] slopes = Residues.receive(label, plan.field, rows * hidden);
    binding.add(slopes);
    long[] gradient = new long[columns * hidden];
    products.backward(slopes, gradient);
    addTransposed(gradient, prepared.delta(), first, columns);
    share.step(gradient);
    clear(prepared.tau(), first);
    clear(prepared.delta(), first);
  }

  /** Adds vectors first.. to what lies beside each other row by row. */
  private void addTransposed(long[] sum, long[][] vectors, int first, int count) {
    for (int m = 0; m < hidden; m++) {
      long[] vector = vectors[first + m];
      for (int i = 0; i < count; i++) {
        int at = i * hidden + m;
        sum[at] = plan.field.add(sum[at], vector[i]);
      }
    }
  }

  /** Each is used once. */
  private void clear(long[][] vectors, int first) {
    for (int m = 0; m < hidden; m++) {
      vectors[first + m] = null;
    }
  }

  /** Under noise and masks, and only the bits that count. */
  private void send(long[] z, long number) {
    int noiseBits = plan.scale.activationBits() - Disclosure.ACTIVATION_NOISE_BITS + 1;
    double cut = Math.scalb(1.0, SourceMessages.Activations.BITS) / plan.field.modulus();
    for (int i = 0; i < z.length; i++) {
      long noisy =
          plan.field.add(z[i], plan.field.residue(Prg.centred(noise.nextLong(), noiseBits)));
      z[i] = (long) Math.rint(noisy * cut);
    }
    masks.apply(z, SourceMessages.Activations.BITS, "activations", number, binding.value());
    for (int from = 0; from < z.length; from += SourceMessages.Activations.CHUNK) {
      int to = Math.min(z.length, from + SourceMessages.Activations.CHUNK);
      label.send(new SourceMessages.Activations(from, Arrays.copyOfRange(z, from, to)));
    }
  }

  /** The end: the label party's share, and with it the weights, in real units. */
  double[] open() {
    long[] theirs = Residues.receive(label, plan.field, columns * hidden);
    return Opened.real(plan.field, share.weights(), theirs, plan.scale.weightBits());
  }

  private WireException.ProtocolViolation violation(String what) {
    return new WireException.ProtocolViolation(label.peer(), what);
  }

  @Override
  public void close() {
    plan.close();
  }
}
