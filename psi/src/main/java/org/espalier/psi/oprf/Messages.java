package org.espalier.psi.oprf;

import org.espalier.wire.Decoder;
import org.espalier.wire.Encoder;
import org.espalier.wire.MalformedMessageException;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;

/** What the parties send each other, see docs/protocols/psi-oprf.md and psi-many.md. */
final class Messages {
  private Messages() {}

  /** Receiver to sender: public key of the base transfers. */
  record Point(byte[] point) implements Message {
    static final int LIMIT = BaseTransfers.POINT;
    static final MessageType<Point> TYPE =
        new MessageType<>(41, "psi-oprf-point", in -> new Point(in.getRaw("point", LIMIT)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putRaw(point, 0, point.length);
    }
  }

  /** Receiver to sender, first of a rule: what keys are hashed with. */
  record Seed(byte[] seed) implements Message {
    static final int LIMIT = 16;
    static final MessageType<Seed> TYPE =
        new MessageType<>(48, "psi-oprf-seed", in -> new Seed(in.getRaw("seed", LIMIT)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putRaw(seed, 0, seed.length);
    }
  }

  /** With three and more parties, each sender to those of higher number: their common secret. */
  record Share(byte[] secret) implements Message {
    static final int LIMIT = 32;
    static final MessageType<Share> TYPE =
        new MessageType<>(49, "psi-oprf-share", in -> new Share(in.getRaw("secret", LIMIT)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putRaw(secret, 0, secret.length);
    }
  }

  /**
   * Against parties who deviate: in turn the sender's commitment to its part of a coin that both
   * toss, the receiver's part, and the sender's.
   */
  record Coin(byte[] bytes) implements Message {
    static final int LIMIT = 32;
    static final MessageType<Coin> TYPE =
        new MessageType<>(52, "psi-oprf-coin", in -> new Coin(in.getRaw("coin", LIMIT)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putRaw(bytes, 0, bytes.length);
    }
  }

  /** Sender to receiver: {@link BaseTransfers.Receiver#message}. */
  record Choices(byte[] elements) implements Message {
    static final int LIMIT = BaseTransfers.CHOICES;
    static final MessageType<Choices> TYPE =
        new MessageType<>(42, "psi-oprf-choices", in -> new Choices(in.getRaw("elements", LIMIT)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putRaw(elements, 0, elements.length);
    }
  }

  /**
   * Either way: the messages of one batch of correlations, of which both know the length.
   *
   * @param type one of those below
   */
  record Batch(MessageType<Batch> type, int number, byte[] bytes) implements Message {
    /** Receiver to sender. */
    static final MessageType<Batch> CORRECTION =
        new MessageType<>(43, "psi-oprf-correction", in -> decode(in, 0));

    /** Sender to receiver. */
    static final MessageType<Batch> TREES =
        new MessageType<>(44, "psi-oprf-trees", in -> decode(in, 1));

    /** Receiver to sender, against parties who deviate: {@link Vole.Receiver#check}. */
    static final MessageType<Batch> CHALLENGE =
        new MessageType<>(50, "psi-oprf-challenge", in -> decode(in, 2));

    /** The sender's answer: {@link Vole.Sender#prove}. */
    static final MessageType<Batch> PROOF =
        new MessageType<>(51, "psi-oprf-proof", in -> decode(in, 3));

    private static MessageType<Batch> type(int which) {
      return switch (which) {
        case 0 -> CORRECTION;
        case 1 -> TREES;
        case 2 -> CHALLENGE;
        default -> PROOF;
      };
    }

    static int limit(int bytes) {
      return 4 + bytes;
    }

    private static Batch decode(Decoder in, int which) {
      int number = in.getInt("batch");
      return new Batch(type(which), number, in.getRaw("batch bytes", in.remaining()));
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(number).putRaw(bytes, 0, bytes.length);
    }
  }

  /**
   * Receiver to sender: one bin of the masked store. With three and more parties also sender to
   * receiver: one bin of the store of shares.
   *
   * @param attempt which hashes encoded it; almost always 0
   * @param bytes 8 for each position; against parties who deviate, 16
   */
  record Table(int bin, int attempt, byte[] bytes) implements Message {
    /** Encoding fails with probability below 2^-40 once; so often, never. */
    static final int ATTEMPTS = 4;

    static final MessageType<Table> TYPE =
        new MessageType<>(
            45,
            "psi-oprf-table",
            in ->
                new Table(
                    in.getInt("bin"),
                    in.getInt("attempt", 0, ATTEMPTS - 1),
                    in.getRaw("positions", in.remaining())));

    static int limit(OkvsShape shape, boolean checked) {
      return 8 + bytes(shape, checked);
    }

    /** Of a bin. */
    static int bytes(OkvsShape shape, boolean checked) {
      return (checked ? 16 : 8) * shape.width();
    }

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(bin).putInt(attempt).putRaw(bytes, 0, bytes.length);
    }
  }

  /**
   * Sender to receiver: consecutive buckets of its sorted values. With three and more parties
   * receiver to senders: those of the cohort.
   *
   * @param first bucket
   * @param unary for each bucket as many one bits as it has values, and a zero bit
   * @param high the values' first 64 bits, of which the bucket's number is not sent
   * @param rest their other bits; empty if there are none
   */
  record Values(Outputs.Code code, int first, long[] unary, long[] high, long[] rest)
      implements Message {
    /** Values that one message carries at most: on average there are one to two in a bucket. */
    private static final int MOST = 4 * Outputs.CHUNK;

    static final int LIMIT = 64 + MOST * 16 + (MOST + Outputs.CHUNK) / 8;

    static MessageType<Values> type(Outputs.Code code) {
      return new MessageType<>(46, "psi-oprf-values", in -> decode(in, code));
    }

    @Override
    public MessageType<?> type() {
      return type(code);
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(first).putInt(high.length);
      for (long word : unary) {
        out.putLong(word);
      }
      out.putPacked(high, 64 - code.bucketBits());
      if (code.low() > 0) {
        out.putPacked(rest, code.low());
      }
    }

    private static Values decode(Decoder in, Outputs.Code code) {
      int first = in.getInt("first bucket", 0, code.buckets() - 1);
      if (first % Outputs.CHUNK != 0) {
        throw new MalformedMessageException("first bucket " + first + " is in a chunk's middle");
      }
      int count = in.getInt("count", 0, Math.min(MOST, code.count()));
      int buckets = code.bucketsFrom(first);
      int words = (count + buckets + 63) / 64;
      if (8L * words > in.remaining()) {
        throw new MalformedMessageException(
            count + " values announced, " + in.remaining() + " bytes are left");
      }
      long[] unary = new long[words];
      for (int i = 0; i < words; i++) {
        unary[i] = in.getLong("counts");
      }
      long[] high = in.getPacked("values", 64 - code.bucketBits(), count);
      long[] rest = code.low() > 0 ? in.getPacked("values", code.low(), count) : new long[0];
      if (high.length != count || (code.low() > 0 && rest.length != count)) {
        throw new MalformedMessageException(count + " values announced, others came");
      }
      return new Values(code, first, unary, high, rest);
    }

    /** Takes a value: its first 64 bits and the others. */
    interface Visitor {
      void value(long high, long rest);
    }

    /**
     * Visits the values in order.
     *
     * @throws MalformedMessageException if the counts are not those announced
     */
    void visit(Visitor visitor) {
      int buckets = code.bucketsFrom(first);
      int shift = 64 - code.bucketBits();
      int bits = high.length + buckets;
      int next = 0;
      int bucket = first;
      for (int bit = 0; bit < bits; bit++) {
        if ((unary[bit >>> 6] >>> bit & 1) == 0) {
          bucket++;
        } else if (next < high.length && bucket < first + buckets) {
          long top = shift == 64 ? 0 : (long) bucket << shift;
          visitor.value(top | high[next], rest.length == 0 ? 0 : rest[next]);
          next++;
        } else {
          throw new MalformedMessageException("counts do not add up to " + high.length);
        }
      }
      boolean padded = (bits & 63) != 0 && unary[unary.length - 1] >>> bits != 0;
      if (next != high.length || padded) {
        throw new MalformedMessageException("counts do not add up to " + high.length);
      }
    }
  }

  /**
   * Receiver to sender: which of the sorted values are in the cohort.
   *
   * @param first value, a multiple of {@link #CHUNK}
   * @param bits one for each value
   */
  record Members(int first, long[] bits) implements Message {
    /** Values that one message is about. */
    static final int CHUNK = 1 << 20;

    static final int LIMIT = 8 + CHUNK / 8;
    static final MessageType<Members> TYPE =
        new MessageType<>(
            47,
            "psi-oprf-members",
            in -> new Members(in.getInt("first"), in.getLongs("members", CHUNK / 64)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(first).putLongs(bits);
    }
  }
}
