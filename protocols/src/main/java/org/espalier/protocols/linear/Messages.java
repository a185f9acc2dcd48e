package org.espalier.protocols.linear;

import org.espalier.wire.Encoder;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;

/** The messages of one encrypted product, in order. */
final class Messages {
  private static final int MAX_ROWS = 1 << 28;
  private static final int MAX_COLUMNS = 1 << 20;

  /** Room for the fields beside the one large field of a message. */
  static final int SLACK = 64;

  private Messages() {}

  /** Evaluator, once: the shape and the bound from which parameters are computed. */
  record SliceSummary(int rows, int columns, long columnL1) implements Message {
    static final MessageType<SliceSummary> TYPE =
        new MessageType<>(
            50,
            "slice summary",
            in ->
                new SliceSummary(
                    in.getInt("rows", 1, MAX_ROWS),
                    in.getInt("columns", 1, MAX_COLUMNS),
                    in.getLong("column L1")));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(rows).putInt(columns).putLong(columnL1);
    }
  }

  /** Holder, once: the parameters that will run. */
  record Setup(byte[] parameters, int width, int replyLimbs) implements Message {
    static final int LIMIT = 128;
    static final MessageType<Setup> TYPE =
        new MessageType<>(
            51,
            "parameters",
            in ->
                new Setup(
                    in.getBytes("parameters", 64),
                    in.getInt("tile width", 1, 64),
                    in.getInt("reply limbs", 1, 2)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putBytes(parameters).putInt(width).putInt(replyLimbs);
    }
  }

  /** Holder, at the start of a product: its public key for this product only. */
  record ProductKey(byte[] publicKey) implements Message {
    static final MessageType<ProductKey> TYPE =
        new MessageType<>(
            52, "public key", in -> new ProductKey(in.getBytes("public key", 1 << 20)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putBytes(publicKey);
    }
  }

  /** Holder, blocks in order: encrypted residuals. */
  record EncryptedResiduals(int index, byte[] ciphertext) implements Message {
    static final MessageType<EncryptedResiduals> TYPE =
        new MessageType<>(
            53,
            "encrypted residuals",
            in ->
                new EncryptedResiduals(
                    in.getInt("block", 0, MAX_ROWS), in.getBytes("ciphertext", 1 << 22)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(index).putBytes(ciphertext);
    }
  }

  /** Evaluator: the masked product. */
  record ProductReply(byte[] reply) implements Message {
    static final MessageType<ProductReply> TYPE =
        new MessageType<>(54, "reply", in -> new ProductReply(in.getBytes("reply", 1 << 30)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putBytes(reply);
    }
  }

  /** Holder: the decrypted, still masked product, residues modulo t. */
  record MaskedProduct(long[] values) implements Message {
    static final MessageType<MaskedProduct> TYPE =
        new MessageType<>(
            55, "masked product", in -> new MaskedProduct(in.getLongs("values", MAX_COLUMNS)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putLongs(values);
    }
  }
}
