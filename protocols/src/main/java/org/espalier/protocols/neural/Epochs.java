package org.espalier.protocols.neural;

import java.util.Map;
import java.util.function.IntConsumer;
import org.espalier.protocols.neural.top.TopLayers;
import org.espalier.protocols.neural.top.TopLayers.Decision;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;

/** The epochs of a training, which the label party decides on and all parties run alike. */
abstract class Epochs {
  private final int batches;

  private Epochs(int batches) {
    this.batches = batches;
  }

  /**
   * Runs them.
   *
   * @param most of them
   * @return how many ran
   */
  int run(int most) {
    for (int epoch = 1; ; epoch++) {
      begins(epoch);
      for (int batch = 0; batch < batches; batch++) {
        stepBegins((epoch - 1L) * batches + batch, (long) most * batches);
        step(epoch, batch);
      }
      switch (ended(epoch)) {
        case GO_ON -> {}
        case KEEP -> keep();
        case STOP -> {
          return epoch;
        }
        case STOP_AT_KEPT -> {
          restore();
          return epoch;
        }
      }
      if (epoch == most) {
        return epoch;
      }
    }
  }

  abstract void begins(int epoch);

  abstract void stepBegins(long step, long of);

  abstract void step(int epoch, int batch);

  abstract Decision ended(int epoch);

  /** Keeps the weights as they are now. */
  abstract void keep();

  /** Goes back to the weights that were kept last, if any were. */
  abstract void restore();

  /** Those of the label party. */
  abstract static class AtLabel extends Epochs {
    private final Map<Party, Channel> features;
    private final TopLayers top;
    private final EpochListener listener;
    private long began;

    AtLabel(int batches, Map<Party, Channel> features, TopLayers top, EpochListener listener) {
      super(batches);
      this.features = features;
      this.top = top;
      this.listener = listener;
    }

    @Override
    final void begins(int epoch) {
      began = System.nanoTime();
      listener.begins(epoch);
    }

    @Override
    final void stepBegins(long step, long of) {}

    @Override
    final Decision ended(int epoch) {
      Decision decision = top.epochEnds(epoch);
      SourceMessages.EpochEnd end = new SourceMessages.EpochEnd(decision);
      features.values().forEach(channel -> channel.send(end));
      listener.ended(epoch, (System.nanoTime() - began) / 1e9);
      return decision;
    }
  }

  /** Those of a feature party. */
  abstract static class AtFeature extends Epochs {
    private final Channel label;
    private final Binding binding;
    private final Progress progress;
    private final IntConsumer before;

    /**
     * @param binding learns the decisions
     * @param before see {@link SourceProtocol#feature}
     */
    AtFeature(int batches, Channel label, Binding binding, Progress progress, IntConsumer before) {
      super(batches);
      this.label = label;
      this.binding = binding;
      this.progress = progress;
      this.before = before;
    }

    @Override
    final void begins(int epoch) {
      before.accept(epoch);
    }

    @Override
    final void stepBegins(long step, long of) {
      progress.update("step", step, of);
    }

    @Override
    final Decision ended(int epoch) {
      Decision decision =
          label.receive(SourceMessages.EpochEnd.TYPE, SourceMessages.SLACK).decision();
      binding.add(new byte[] {(byte) decision.code()});
      return decision;
    }
  }
}
