package org.espalier.protocols.neural;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.disclosure.NoPassLeft;
import org.espalier.protocols.fixedpoint.Ring;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.neural.top.TopLayers;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.shares.Correlations;
import org.espalier.protocols.shares.Opened;
import org.espalier.protocols.shares.Residues;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.WireException;

/** The label party: holds the other shares of all weights, its own columns, and the top. */
final class SourceLabel implements AutoCloseable {
  private final SourceJob job;
  private final Map<Party, Channel> features;
  private final Batches batches;
  private final TopLayers top;
  private final SourcePlan plan;
  private final int hidden;
  private final Map<Party, Integer> columns = new TreeMap<>();
  private final Map<Party, Recency.Shares> shares = new TreeMap<>();
  private final Map<Party, long[]> kept = new TreeMap<>();
  private final OwnColumns own;
  private final Supply[] supply;
  private final Prg coins = Prg.fresh();
  private double[] ownKept;
  private int epochs;
  private int clipped;

  /**
   * What is left of prepared products with a batch.
   *
   * @param first epoch that it is for
   * @param sigma summed over the feature parties
   */
  private record Supply(
      int first, Map<Party, Correlations.Held> held, long[][] sigma, long[][] rho) {
    int epochs(int hidden) {
      return rho.length / hidden;
    }
  }

  /**
   * Agrees with all parties on what is trained.
   *
   * @param own its columns in the order of the batches, whitened
   */
  SourceLabel(
      SourceJob job, Map<Party, Channel> features, Batches batches, Matrix own, TopLayers top) {
    this.job = job;
    this.features = features;
    this.batches = batches;
    this.top = top;
    this.hidden = job.spec().hidden();
    this.plan = new SourcePlan(job, batches, agree(own.columns()));
    this.own = new OwnColumns(own, batches, plan.recency, hidden, job.spec().rate());
    this.supply = new Supply[batches.count()];
  }

  private SourcePlan.Size agree(int ownColumns) {
    Map<Party, SliceFacts> facts = new TreeMap<>();
    int total = 0;
    int most = 0;
    long rowL1 = 1;
    long columnL1 = 1;
    double reach = 0;
    for (Map.Entry<Party, Channel> feature : features.entrySet()) {
      SourceMessages.Facts message =
          feature.getValue().receive(SourceMessages.Facts.TYPE, SourceMessages.SLACK);
      SliceFacts slice = message.slice();
      if (message.rows() != job.rows()) {
        throw new WireException.ProtocolViolation(
            feature.getKey(),
            "its slice has " + message.rows() + " rows, the cohort has " + job.rows());
      }
      if (slice.rowL1() < 1
          || slice.columnL1() < 1
          || !(slice.rowNorm() > 0 && slice.rowNorm() < 1e6)
          || !(slice.batchNorm() > 0 && slice.batchNorm() < 1e6)) {
        throw new WireException.ProtocolViolation(feature.getKey(), "bounds of no slice");
      }
      facts.put(feature.getKey(), slice);
      columns.put(feature.getKey(), slice.columns());
      total = Math.addExact(total, slice.columns());
      most = Math.max(most, slice.columns());
      rowL1 = Math.max(rowL1, slice.rowL1());
      columnL1 = Math.max(columnL1, slice.columnL1());
      reach += slice.reach();
    }
    double norms = 0;
    for (SliceFacts slice : facts.values()) {
      norms += slice.rowNorm() * SourcePlan.initialLength(slice.columns(), total + ownColumns);
    }
    SourcePlan.Size size =
        new SourcePlan.Size(ownColumns, total, most, rowL1, columnL1, reach, norms);
    SourceMessages.Setup setup = new SourceMessages.Setup(size);
    features.values().forEach(channel -> channel.send(setup));
    return size;
  }

  SourcePlan plan() {
    return plan;
  }

  /**
   * Trains.
   *
   * @param first weights on the own columns, columns × hidden
   * @return epochs that ran
   */
  int train(double[] first, EpochListener listener) {
    own.begin(first);
    columns.forEach(
        (party, d) -> shares.put(party, plan.recency.new Shares(plan.field, new long[d * hidden])));
    epochs = begin();
    return new Epochs.AtLabel(batches.count(), features, top, listener) {
      @Override
      void step(int epoch, int batch) {
        prepare(batch, epoch);
        SourceLabel.this.step(batch, epoch);
      }

      @Override
      void keep() {
        shares.forEach((party, share) -> kept.put(party, share.weights().clone()));
        ownKept = own.weights().clone();
      }

      @Override
      void restore() {
        kept.forEach((party, weights) -> shares.get(party).restore(weights));
        own.restore(ownKept == null ? own.weights() : ownKept);
      }
    }.run(epochs);
  }

  /** The strictest of all parties' limits; if that is 0, everybody is told and nothing else. */
  private int begin() {
    int total = plan.size.featureColumns();
    int allowed = ActivationsTraining.allowedEpochs(job, total);
    NoPassLeft none =
        allowed > 0 ? null : NoPassLeft.here(Level.ACTIVATIONS, total, job.earlierPasses());
    for (Map.Entry<Party, Channel> feature : features.entrySet()) {
      int theirs =
          feature.getValue().receive(SourceMessages.Allowed.TYPE, SourceMessages.SLACK).epochs();
      if (theirs == 0 && none == null) {
        none = NoPassLeft.at(Level.ACTIVATIONS, total, feature.getKey().name());
      }
      allowed = Math.min(allowed, theirs);
    }
    SourceMessages.Begin begin = new SourceMessages.Begin(none == null ? allowed : 0);
    features.values().forEach(channel -> channel.send(begin));
    if (none != null) {
      throw none;
    }
    return allowed;
  }

  private void prepare(int batch, int epoch) {
    Supply present = supply[batch];
    if (present != null && present.first() + present.epochs(hidden) > epoch) {
      return;
    }
    supply[batch] = null;
    Map<Party, Correlations.Owner> owners = new TreeMap<>();
    features.forEach(
        (party, channel) ->
            owners.put(party, new Correlations.Owner(channel, columns.get(party), true)));
    int ahead = plan.epochsAtOnce(epochs - epoch + 1);
    Map<Party, Correlations.Held> held =
        Correlations.hold(plan.context, plan.field, plan.shape(batches.rows(batch), ahead), owners);
    long[][] sigma = null;
    long[][] rho = null;
    for (Map.Entry<Party, Correlations.Held> entry : held.entrySet()) {
      Correlations.Held one = entry.getValue();
      if (sigma == null) {
        sigma = one.sigma();
        rho = one.rho();
      } else {
        for (int s = 0; s < sigma.length; s++) {
          plan.field.addTo(sigma[s], one.sigma()[s]);
        }
      }
      entry.setValue(new Correlations.Held(one.b(), new long[0][], new long[0][], one.gamma()));
    }
    supply[batch] = new Supply(epoch, held, sigma, rho);
  }

  private void step(int batch, int epoch) {
    int rows = batches.rows(batch);
    Supply prepared = supply[batch];
    int first = (epoch - prepared.first()) * hidden;
    features.forEach(
        (party, channel) -> {
          long[] masked = shares.get(party).weights().clone();
          subtractTransposed(masked, prepared.held().get(party).b(), first, columns.get(party));
          Residues.send(channel, plan.field, masked);
        });
    double[] z = own.forward(batch);
    receive(z, prepared.sigma(), first, rows);
    double[] slope = new double[z.length];
    top.step(epoch, batches.cohort(batch), z, slope);
    clip(slope, rows);
    long[] masked = integers(slope, rows);
    subtractTransposed(masked, prepared.rho(), first, rows);
    features.values().forEach(channel -> Residues.send(channel, plan.field, masked));
    own.step(batch, slope);
    features
        .keySet()
        .forEach(
            party -> {
              long[][] gamma = prepared.held().get(party).gamma();
              shares.get(party).step(transposed(gamma, first, columns.get(party)));
              clear(gamma, first);
              clear(prepared.held().get(party).b(), first);
            });
    clear(prepared.sigma(), first);
    clear(prepared.rho(), first);
  }

  private void clear(long[][] vectors, int first) {
    for (int m = 0; m < hidden; m++) {
      vectors[first + m] = null;
    }
  }

  private void subtractTransposed(long[] from, long[][] vectors, int first, int count) {
    for (int m = 0; m < hidden; m++) {
      long[] vector = vectors[first + m];
      for (int i = 0; i < count; i++) {
        int at = i * hidden + m;
        from[at] = plan.field.subtract(from[at], vector[i]);
      }
    }
  }

  private long[] transposed(long[][] vectors, int first, int count) {
    long[] out = new long[count * hidden];
    for (int m = 0; m < hidden; m++) {
      long[] vector = vectors[first + m];
      for (int i = 0; i < count; i++) {
        out[i * hidden + m] = vector[i];
      }
    }
    return out;
  }

  /** Adds the feature parties' parts of the pre-activations. */
  private void receive(double[] z, long[][] sigma, int first, int rows) {
    long[] sum = new long[z.length];
    features.forEach(
        (party, channel) -> {
          for (int from = 0; from < sum.length; from += SourceMessages.Activations.CHUNK) {
            int count = Math.min(SourceMessages.Activations.CHUNK, sum.length - from);
            SourceMessages.Activations chunk =
                channel.receive(
                    SourceMessages.Activations.TYPE, SourceMessages.Activations.limit(count));
            if (chunk.from() != from || chunk.values().length != count) {
              throw new WireException.ProtocolViolation(
                  party,
                  "sent %d pre-activations from %d where %d from %d were due"
                      .formatted(chunk.values().length, chunk.from(), count, from));
            }
            for (int i = 0; i < count; i++) {
              sum[from + i] += chunk.values()[i];
            }
          }
        });
    long mask = (1L << SourceMessages.Activations.BITS) - 1;
    double back = Math.scalb((double) plan.field.modulus(), -SourceMessages.Activations.BITS);
    double largest = 0;
    for (int m = 0; m < hidden; m++) {
      long[] mine = sigma[first + m];
      for (int i = 0; i < rows; i++) {
        int at = i * hidden + m;
        long theirs = plan.field.residue(Math.round((sum[at] & mask) * back));
        double value =
            Math.scalb(
                (double) plan.field.centre(plan.field.add(theirs, mine[i])),
                -plan.scale.activationBits());
        largest = Math.max(largest, Math.abs(value));
        z[at] += value;
      }
    }
    if (largest > plan.scale.quarter()) {
      throw new Ring.RangeError(
          "a pre-activation of %.0f exceeds ±%.0f, within which the source layer is exact: use a smaller rate"
              .formatted(largest, plan.scale.quarter()));
    }
  }

  /** Shortens the slopes of units that could move a pre-activation out of the range. */
  private void clip(double[] slope, int rows) {
    double most = plan.slopeNorm() / plan.slopeUnit(rows);
    for (int m = 0; m < hidden; m++) {
      double squares = 0;
      for (int at = m; at < slope.length; at += hidden) {
        squares += slope[at] * slope[at];
      }
      // Rounding makes each at most one unit longer.
      double length = Math.sqrt(squares) + Math.sqrt(rows) / plan.slopeUnit(rows);
      if (!(length <= most)) {
        if (!(length < Double.POSITIVE_INFINITY)) {
          throw new IllegalArgumentException("the top of the network has slopes without bounds");
        }
        clipped++;
        double factor = most / length;
        for (int at = m; at < slope.length; at += hidden) {
          slope[at] *= factor;
        }
      }
    }
  }

  private long[] integers(double[] slope, int rows) {
    double unit = plan.slopeUnit(rows);
    long[] out = new long[slope.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = plan.field.residue(coins.roundStochastically(slope[i] * unit));
    }
    return out;
  }

  /** The end: every feature party gets the share of its weights, but for its low bits. */
  void open() {
    int bits = plan.scale.weightBits() - SourcePlan.OPENED_BITS;
    shares.forEach(
        (party, share) -> {
          long[] rounded = Opened.rounded(plan.field, coins, share.weights(), bits);
          Residues.send(features.get(party), plan.field, rounded);
        });
  }

  /** Own weights on the whitened columns, columns × hidden, then the bias. */
  double[] weights() {
    return own.weights();
  }

  List<String> findings(int ran) {
    List<String> all = new ArrayList<>();
    if (epochs < job.spec().epochs() && ran == epochs) {
      all.add(
          "training ended after %d of %d epochs: the numbers opened of each person reached the limit of a"
                  .formatted(epochs, job.spec().epochs())
              + " quarter of the columns");
    }
    long steps = (long) ran * batches.count() * hidden;
    if (clipped > steps / 100) {
      all.add(
          "%.0f %% of the gradients were shortened so that pre-activations stay within their range"
              .formatted(100.0 * clipped / steps));
    }
    return all;
  }

  @Override
  public void close() {
    plan.close();
  }
}
