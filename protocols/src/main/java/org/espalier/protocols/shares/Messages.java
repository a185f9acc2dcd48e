package org.espalier.protocols.shares;

import java.util.function.Supplier;
import org.espalier.he.HeContext;
import org.espalier.he.PublicKey;
import org.espalier.he.SeedRegistry;
import org.espalier.wire.Channel;
import org.espalier.wire.Encoder;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;
import org.espalier.wire.WireException;

/** The messages of shared linear algebra; their order is the protocols' that use them. */
final class Messages {
  private static final int MAX_BLOCKS = 1 << 24;
  private static final int MAX_CIPHERTEXT = 1 << 22;
  private static final int MAX_REPLY = 1 << 30;

  /** Room for the fields beside the one large field of a message. */
  static final int SLACK = 64;

  private Messages() {}

  private static long limit(HeContext context) {
    return (long) context.ciphertextBytes() + SLACK;
  }

  /** Uses what a peer sent: whatever is wrong with it is the peer's doing. */
  static <T> T checked(Channel peer, Supplier<T> use) {
    try {
      return use.get();
    } catch (IllegalArgumentException e) {
      throw new WireException.ProtocolViolation(peer.peer(), e.getMessage(), e);
    }
  }

  /** Key holder, once a stage: its public key for this stage only. */
  record StageKey(byte[] publicKey) implements Message {
    static final MessageType<StageKey> TYPE =
        new MessageType<>(
            80, "public key", in -> new StageKey(in.getBytes("public key", MAX_CIPHERTEXT)));

    /** Receives and reads the holder's key. */
    static PublicKey receive(Channel holder, HeContext context, SeedRegistry seeds) {
      byte[] bytes = bytes(holder, context);
      return checked(holder, () -> context.readPublicKey(bytes, seeds));
    }

    /** Receives it unread. */
    static byte[] bytes(Channel holder, HeContext context) {
      return holder.receive(TYPE, limit(context)).publicKey();
    }

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putBytes(publicKey);
    }
  }

  /** Key holder: one ciphertext of a numbered series of them. */
  record Operand(int index, byte[] ciphertext) implements Message {
    static final MessageType<Operand> TYPE =
        new MessageType<>(
            81,
            "ciphertext",
            in ->
                new Operand(
                    in.getInt("index", 0, MAX_BLOCKS), in.getBytes("ciphertext", MAX_CIPHERTEXT)));

    /** Receives the ciphertext that is due. */
    static byte[] receive(Channel holder, HeContext context, int index) {
      Operand operand = holder.receive(TYPE, limit(context));
      if (operand.index() != index) {
        throw new WireException.ProtocolViolation(
            holder.peer(), "sent ciphertext " + operand.index() + " where " + index + " was due");
      }
      return operand.ciphertext();
    }

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(index).putBytes(ciphertext);
    }
  }

  /** The other side: one masked reply of a numbered series of them. */
  record Reply(int index, byte[] reply) implements Message {
    static final MessageType<Reply> TYPE =
        new MessageType<>(
            82,
            "masked reply",
            in -> new Reply(in.getInt("index", 0, MAX_BLOCKS), in.getBytes("reply", MAX_REPLY)));

    /**
     * Receives the reply that is due.
     *
     * @param bytes its length
     */
    static byte[] receive(Channel other, int index, long bytes) {
      Reply reply = other.receive(TYPE, bytes + SLACK);
      if (reply.index() != index) {
        throw new WireException.ProtocolViolation(
            other.peer(), "sent reply " + reply.index() + " where " + index + " was due");
      }
      return reply.reply();
    }

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(index).putBytes(reply);
    }
  }

  /** Residues modulo t, packed: shares and differences of shares, uniform to whoever reads them. */
  record Residues(int from, int bits, long[] values) implements Message {
    static final int CHUNK = 1 << 16;

    static MessageType<Residues> type(int bits) {
      return new MessageType<>(
          83,
          "residues",
          in ->
              new Residues(
                  in.getInt("from", 0, Integer.MAX_VALUE),
                  bits,
                  in.getPacked("residues", bits, CHUNK)));
    }

    static long limit(int bits, int count) {
      return SLACK + (long) count * bits / 8;
    }

    @Override
    public MessageType<?> type() {
      return type(bits);
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(from).putPacked(values, bits);
    }
  }
}
