package org.espalier.protocols.predict;

import java.util.Map;
import java.util.TreeMap;
import org.espalier.he.HeContext;
import org.espalier.he.KeyPair;
import org.espalier.he.LaneLayout;
import org.espalier.protocols.mask.ZeroSumMasks;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.shares.IntegerMatrix;
import org.espalier.protocols.shares.Pinned;
import org.espalier.protocols.shares.PrimeField;
import org.espalier.protocols.shares.Residues;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;

/**
 * Scores people with a model whose weights nobody has ({@link SharedWeights}): the label party
 * learns each person's logit, rounded by noise, and nothing else; feature parties learn nothing.
 *
 * <p>Every owner of columns multiplies its rows with the pinned ciphertexts of the other share. The
 * halves of all products, what every owner adds by its own share, and zero-sum masks among the
 * feature parties add up to the logits at the label party.
 *
 * <p>Adversary: a label party that deviates can have chosen its share at the end of training, hence
 * one combination of each person's values that it reads instead of the score; the feature parties'
 * noise, the same whenever a person is scored, leaves {@value #RESOLUTION} bits after the point of
 * it. It can learn the weights of its own columns: by scoring the same people with other values of
 * its own, or by a reply that makes the first feature party decrypt something else. The first
 * feature party and the label party together could read everything, as in training.
 */
public final class SharedLogits {
  /** Bits after the point of a logit that the noise leaves. */
  static final int RESOLUTION = 10;

  private SharedLogits() {}

  /** What the parties' ends have in common. */
  private abstract static class End implements AutoCloseable {
    final SharedWeights own;
    final Matrix prepared;
    final HeContext context;
    final LaneLayout layout;
    final PrimeField field;
    private final KeyPair key;
    private Pinned.Owner owner;

    End(SharedWeights own, Matrix prepared) {
      if (prepared.columns() != own.whitening().rows()) {
        throw new IllegalArgumentException(
            prepared.columns() + " columns for a model of " + own.whitening().rows());
      }
      this.own = own;
      this.prepared = prepared;
      this.context = HeContext.of(own.parameters());
      this.layout = Pinned.layout(context, own.width());
      this.field = new PrimeField(own.parameters().plain());
      this.key = own.keySeed().length == 0 ? null : context.keyOf(own.keySeed());
    }

    /**
     * @param holder of the other share of the own weights
     */
    void pinned(Channel holder) {
      owner = new Pinned.Owner(context, layout, holder, own.pinned(), own.share().length);
    }

    Pinned.Holder holder(Channel other) {
      if (key == null) {
        throw new IllegalArgumentException("this party's part of the model has no key");
      }
      return new Pinned.Holder(context, layout, key, other);
    }

    void run() {
      int atOnce = Pinned.rowsAtOnce(layout);
      for (int from = 0, batch = 0; from < prepared.rows(); from += atOnce, batch++) {
        batch(batch, from, Math.min(atOnce, prepared.rows() - from));
      }
    }

    abstract void batch(int batch, int from, int count);

    /**
     * What this party adds itself: its share's product, its half of the other one's, and at a
     * feature party noise.
     */
    long[] part(int from, int count) {
      IntegerMatrix rows = own.rows(prepared, from, count);
      int[] values = rows.values(0, count);
      long[] z = rows.times(field, own.share());
      field.addTo(z, owner.times(values, count));
      if (!own.intercept()) {
        own.addNoise(values, z, RESOLUTION);
      }
      return z;
    }

    @Override
    public void close() {
      if (owner != null) {
        owner.close();
      }
      if (key != null) {
        key.close();
      }
      context.close();
    }
  }

  /**
   * The label party's side.
   *
   * @param features a channel to each feature party
   * @param prepared rows × own prepared features
   * @return one logit a row, for a linear model the outcome itself
   * @throws WireException.ProtocolViolation if a feature party deviates in form
   */
  public static double[] label(
      Session session, SharedWeights own, Map<Party, Channel> features, Matrix prepared) {
    Map<Party, Channel> channels = new TreeMap<>(features);
    JointLogits.LogitRequest request =
        new JointLogits.LogitRequest(JointLogits.binding(session), prepared.rows());
    channels.values().forEach(channel -> channel.send(request));
    double[] logits = new double[prepared.rows()];
    try (End end =
        new End(own, prepared) {
          private final Map<Party, Pinned.Holder> holders = new TreeMap<>();

          @Override
          void batch(int batch, int from, int count) {
            long[] z = part(from, count);
            channels.forEach(
                (party, channel) -> {
                  Pinned.Holder holder = holders.computeIfAbsent(party, p -> holder(channel));
                  field.addTo(z, holder.open(count));
                  field.addTo(z, Residues.receive(channel, field, count));
                });
            for (int i = 0; i < count; i++) {
              double logit = Math.scalb((double) field.centre(z[i]), -own.logitBits());
              logits[from + i] = logit * own.unit() + own.mean();
            }
          }
        }) {
      end.pinned(channels.values().iterator().next());
      end.run();
    }
    return logits;
  }

  /**
   * A feature party's side.
   *
   * @param others a channel to each other feature party
   * @param prepared rows × own prepared features
   * @throws WireException.ProtocolViolation if the label party is in another job, attempt or number
   *     of rows, or deviates in form
   */
  public static void feature(
      Session session,
      SharedWeights own,
      Channel label,
      Map<Party, Channel> others,
      Matrix prepared) {
    byte[] binding = JointLogits.binding(session);
    JointLogits.requireRequest(session, label, binding, prepared.rows());
    ZeroSumMasks masks = ZeroSumMasks.agree(session, label.self(), others);
    boolean first = others.keySet().stream().allMatch(other -> label.self().compareTo(other) < 0);
    try (End end =
        new End(own, prepared) {
          private final Pinned.Holder ofLabel = first ? holder(label) : null;

          @Override
          void batch(int batch, int from, int count) {
            long[] half = first ? ofLabel.open(count) : new long[count];
            long[] z = part(from, count);
            field.addTo(z, half);
            masks.applyModulo(z, field.modulus(), "shared logits", batch, binding);
            Residues.send(label, field, z);
          }
        }) {
      end.pinned(label);
      end.run();
    }
  }
}
