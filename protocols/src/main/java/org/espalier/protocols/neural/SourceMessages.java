package org.espalier.protocols.neural;

import org.espalier.protocols.neural.top.TopLayers;
import org.espalier.wire.Encoder;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;

/** The messages of levels {@code activations} and {@code split}, but for shared algebra. */
final class SourceMessages {
  static final int SLACK = 64;
  private static final int MAX_COLUMNS = 1 << 20;

  private SourceMessages() {}

  /** Between feature parties, once: how many columns the sender has. */
  record PartyColumns(int count) implements Message {
    static final MessageType<PartyColumns> TYPE =
        new MessageType<>(
            100, "number of columns", in -> new PartyColumns(in.getInt("columns", 1, MAX_COLUMNS)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(count);
    }
  }

  /** Feature party, once: what bounds its products. */
  record Facts(int rows, SliceFacts slice) implements Message {
    static final MessageType<Facts> TYPE =
        new MessageType<>(
            101,
            "slice facts",
            in ->
                new Facts(
                    in.getInt("rows", 1, Integer.MAX_VALUE),
                    new SliceFacts(
                        in.getInt("columns", 1, MAX_COLUMNS),
                        in.getLong("row L1"),
                        in.getLong("column L1"),
                        in.getDouble("row norm"),
                        in.getDouble("batch norm"))));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(rows)
          .putInt(slice.columns())
          .putLong(slice.rowL1())
          .putLong(slice.columnL1())
          .putDouble(slice.rowNorm())
          .putDouble(slice.batchNorm());
    }
  }

  /** Label party, once: what all parties compute the parameters from. */
  record Setup(SourcePlan.Size size) implements Message {
    static final MessageType<Setup> TYPE =
        new MessageType<>(
            102,
            "sizes of all slices",
            in ->
                new Setup(
                    new SourcePlan.Size(
                        in.getInt("label party's columns", 0, MAX_COLUMNS),
                        in.getInt("feature parties' columns", 1, MAX_COLUMNS),
                        in.getInt("most columns", 1, MAX_COLUMNS),
                        in.getLong("row L1"),
                        in.getLong("column L1"),
                        in.getDouble("reach"),
                        in.getDouble("row norms"))));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(size.labelColumns())
          .putInt(size.featureColumns())
          .putInt(size.mostColumns())
          .putLong(size.rowL1())
          .putLong(size.columnL1())
          .putDouble(size.reach())
          .putDouble(size.rowNorms());
    }
  }

  /** Feature party, once: how many epochs its own count leaves. */
  record Allowed(int epochs) implements Message {
    static final MessageType<Allowed> TYPE =
        new MessageType<>(
            103, "allowed epochs", in -> new Allowed(in.getInt("epochs", 0, 1 << 16)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(epochs);
    }
  }

  /** Label party, once: how many epochs there are at most; 0 if none is left. */
  record Begin(int epochs) implements Message {
    static final MessageType<Begin> TYPE =
        new MessageType<>(
            104, "begin of training", in -> new Begin(in.getInt("epochs", 0, 1 << 16)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(epochs);
    }
  }

  /** Feature party, in each step: its masked part of pre-activations, by chunks. */
  record Activations(int from, long[] values) implements Message {
    /** Bits of a value: of a share of a residue modulo t, those that count. */
    static final int BITS = 24;

    static final int CHUNK = 1 << 16;

    static final MessageType<Activations> TYPE =
        new MessageType<>(
            105,
            "masked pre-activations",
            in ->
                new Activations(
                    in.getInt("from", 0, Integer.MAX_VALUE), in.getPacked("values", BITS, CHUNK)));

    static long limit(int count) {
      return SLACK + (long) count * BITS / 8;
    }

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(from).putPacked(values, BITS);
    }
  }

  /** Label party, after an epoch: what follows. */
  record EpochEnd(TopLayers.Decision decision) implements Message {
    static final MessageType<EpochEnd> TYPE =
        new MessageType<>(
            106,
            "end of an epoch",
            in -> new EpochEnd(TopLayers.Decision.of(in.getInt("decision", 0, 3))));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(decision.code());
    }
  }

  /**
   * Level {@code split}, once: a feature party tells what its layer at the cut gets, the label
   * party what all parties' layers get together.
   */
  record CutSize(int rows, int inputs) implements Message {
    static final MessageType<CutSize> TYPE =
        new MessageType<>(
            107,
            "size of the cut",
            in ->
                new CutSize(
                    in.getInt("rows", 1, Integer.MAX_VALUE), in.getInt("inputs", 1, MAX_COLUMNS)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(rows).putInt(inputs);
    }
  }

  /** Level {@code split}, in each step in both directions, by chunks: see {@link Cut}. */
  record CutValues(int from, long[] values) implements Message {
    static final int CHUNK = 1 << 15;

    static final MessageType<CutValues> TYPE =
        new MessageType<>(
            108,
            "numbers at the cut",
            in ->
                new CutValues(
                    in.getInt("from", 0, Integer.MAX_VALUE),
                    in.getPacked("values", Cut.BITS, CHUNK)));

    static long limit(int count) {
      return SLACK + (long) count * Cut.BITS / 8;
    }

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(from).putPacked(values, Cut.BITS);
    }
  }
}
