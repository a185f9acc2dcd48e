package org.espalier.protocols.glm;

import java.util.Map;
import java.util.function.IntConsumer;
import org.espalier.protocols.glm.SealedPlan.Decision;
import org.espalier.protocols.predict.SharedWeights;
import org.espalier.protocols.shares.Residues;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.WireException;

/** What feature parties have and do alike. */
abstract class SealedFeature extends SealedRole {
  final Channel label;
  final Map<Party, Channel> others;
  final Progress progress;
  final IntConsumer beforePass;

  SealedFeature(
      SealedPast past,
      Channel label,
      Map<Party, Channel> others,
      SealedSlice slice,
      SealedRange first,
      Progress progress,
      IntConsumer beforePass) {
    super(past, slice, first);
    this.label = label;
    this.others = others;
    this.progress = progress;
    this.beforePass = beforePass;
  }

  abstract void finish();

  /** A seed for a key of its own, where this party shares another one's weights. */
  byte[] keySeed() {
    return new byte[0];
  }

  /** Gives its share of another one's weights to it. */
  void share(byte[] keySeed) {}

  FeatureOutcome run() {
    agree();
    try {
      train();
      if (job.spec().sharedWeights()) {
        SharedWeights shared = shared(label, slice.columns(), keySeed(), 1, 0);
        share(shared.keySeed());
        return new FeatureOutcome(new double[0], passes, parametersRun(), shared);
      }
      double spread =
          job.spec().family() == Family.LINEAR
              ? label.receive(SealedMessages.Unit.TYPE, SealedMessages.SLACK).spread()
              : 1;
      if (!(spread > 0 && spread < Double.POSITIVE_INFINITY)) {
        throw new WireException.ProtocolViolation(label.peer(), "a spread of " + spread);
      }
      long[] mine = combine(finalCoefficients, own, slice.columns());
      double[] w = open(mine, Residues.receive(label, field, slice.columns()));
      finish();
      return new FeatureOutcome(prepared(w, spread), passes, parametersRun(), null);
    } finally {
      close();
    }
  }

  private void agree() {
    int parties = job.featureParties().size() + 1;
    int index = 1 + job.featureParties().indexOf(label.self());
    label.send(new SealedMessages.SliceFacts(new long[] {job.rows(), slice.columns()}));
    long[] counts = facts(parties);
    for (long count : counts) {
      if (count < 1 || count > job.rows() + SealedSlice.LABEL_EXTRA) {
        throw new WireException.ProtocolViolation(label.peer(), "a slice of " + count + " columns");
      }
    }
    if (counts[0] < SealedSlice.LABEL_EXTRA || counts[index] != slice.columns()) {
      throw new WireException.ProtocolViolation(
          label.peer(), "told other numbers of columns than there are");
    }
    makeMatrix(counts, sum(counts, index) - SealedSlice.LABEL_EXTRA);
    label.send(new SealedMessages.SliceFacts(slice.bounds(matrix)));
    set(shapes(counts, facts(2 * parties)));
  }

  private long[] facts(int length) {
    long[] values =
        label.receive(SealedMessages.SliceFacts.TYPE, SealedMessages.SliceFacts.LIMIT).values();
    if (values.length != length) {
      throw new WireException.ProtocolViolation(
          label.peer(), values.length + " slice facts where " + length + " were due");
    }
    return values;
  }

  @Override
  void begins(int pass) {
    beforePass.accept(pass);
    progress.update("pass", pass - 1L, Math.max(pass, plan.totalPasses()));
  }

  Decision turn() {
    return Decision.of(label.receive(SealedMessages.Turn.TYPE, SealedMessages.SLACK).decision());
  }
}
