package org.espalier.protocols.glm;

import org.espalier.wire.Encoder;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;

/** The messages of level {@code sealed} beside those of shared linear algebra. */
final class SealedMessages {
  static final int SLACK = 64;

  private SealedMessages() {}

  /** Numbers about slices: a feature party's own, or from the label party those of all parties. */
  record SliceFacts(long[] values) implements Message {
    static final int MOST = 2 * 128;
    static final long LIMIT = SLACK + 8L * MOST;
    static final MessageType<SliceFacts> TYPE =
        new MessageType<>(90, "slice facts", in -> new SliceFacts(in.getLongs("facts", MOST)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putLongs(values);
    }
  }

  /**
   * A feature party, in an attempt that is not the first: digests of all passes up to each that it
   * has kept, 32 bytes each.
   */
  record Past(byte[] digests) implements Message {
    private static final int MOST = 32 << 12;
    static final long LIMIT = SLACK + (long) MOST;
    static final MessageType<Past> TYPE =
        new MessageType<>(95, "kept passes", in -> new Past(in.getBytes("digests", MOST)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putBytes(digests);
    }
  }

  /** Label party: how many passes all parties have kept. */
  record GoOn(int passes) implements Message {
    static final MessageType<GoOn> TYPE =
        new MessageType<>(96, "common passes", in -> new GoOn(in.getInt("passes", 0, 1 << 12)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(passes);
    }
  }

  /** Either compute party, in an opened pass: its shares of the two sums with its own noise. */
  record NoisyShares(long spread, long loss) implements Message {
    static final MessageType<NoisyShares> TYPE =
        new MessageType<>(
            92, "noised sums", in -> new NoisyShares(in.getLong("spread"), in.getLong("loss")));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putLong(spread).putLong(loss);
    }
  }

  /** Label party, after an opened pass: what follows from the opened sums. */
  record Turn(int decision) implements Message {
    static final MessageType<Turn> TYPE =
        new MessageType<>(93, "decision", in -> new Turn(in.getInt("decision", 0, 3)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(decision);
    }
  }

  /**
   * Label party of a log link, first: the unit of its loss, and whether to begin with a wide range.
   */
  record Start(int exponent, int far) implements Message {
    static final MessageType<Start> TYPE =
        new MessageType<>(
            97,
            "unit of the loss",
            in ->
                new Start(
                    in.getInt(
                        "exponent", -SealedOutcome.Magnitude.MOST, SealedOutcome.Magnitude.MOST),
                    in.getInt("range", 0, 1)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(exponent).putInt(far);
    }
  }

  /** Label party of a linear regression, at the end: the unit in which the weights are. */
  record Unit(double spread) implements Message {
    static final MessageType<Unit> TYPE =
        new MessageType<>(94, "unit of the outcome", in -> new Unit(in.getDouble("spread")));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putDouble(spread);
    }
  }
}
