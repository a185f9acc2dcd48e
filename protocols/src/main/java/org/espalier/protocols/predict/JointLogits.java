package org.espalier.protocols.predict;

import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Map;
import org.espalier.protocols.fixedpoint.Ring;
import org.espalier.protocols.mask.ZeroSumMasks;
import org.espalier.wire.Channel;
import org.espalier.wire.Encoder;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;
import org.espalier.wire.Party;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;

/**
 * Scores people jointly: every feature party sends its part of the logits under {@linkplain
 * ZeroSumMasks zero-sum masks}, and the label party learns the sum of them, row by row, and nothing
 * else; feature parties learn nothing.
 *
 * <p>With two or more honest feature parties each transmitted vector is uniformly random to the
 * label party, which sees only their sum. With <em>one</em> feature party the sum is that party's
 * own part: the label party then learns it for every row scored (the disclosure statement says so).
 * A dishonest feature party can spoil the scores and learns nothing; a dishonest label party has no
 * message with which to ask for more.
 *
 * <p>Logits travel as 48-bit residues with 30 bits after the point, 6 bytes a row: the result is
 * within 2^-31 per feature party of the real sum, and never overflows silently.
 */
public final class JointLogits {
  /** Rows a message, which bounds the memory of a run beside its input and output. */
  static final int BLOCK_ROWS = 1 << 16;

  private static final int MAX_ROWS = 1 << 28;

  private JointLogits() {}

  /** Label party, once: binds the conversation to the job and the number of rows. */
  record LogitRequest(byte[] session, int rows) implements Message {
    static final int BYTES = 36;
    static final MessageType<LogitRequest> TYPE =
        new MessageType<>(
            70,
            "logit request",
            in -> new LogitRequest(in.getRaw("session", 32), in.getInt("rows", 0, MAX_ROWS)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putRaw(session, 0, 32).putInt(rows);
    }
  }

  /** Feature party, blocks in order: masked residues of {@link Ring#LOGITS}. */
  record MaskedBlock(int index, long[] logits) implements Message {
    static final MessageType<MaskedBlock> TYPE =
        new MessageType<>(
            71,
            "masked logits of a block",
            in ->
                new MaskedBlock(
                    in.getInt("block", 0, MAX_ROWS / BLOCK_ROWS),
                    in.getPacked("logits", Ring.LOGITS.bits(), BLOCK_ROWS)));

    static long limit(int rows) {
      return 16 + (long) rows * Ring.LOGITS.bits() / 8;
    }

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(index).putPacked(logits, Ring.LOGITS.bits());
    }
  }

  /**
   * The label party's side.
   *
   * @param featureParties a channel to each, at least one
   * @param ownLogits this party's part, one per row, intercept included; finite
   * @return the logits of all parties together, one per row
   * @throws WireException.ProtocolViolation if a feature party sends another number of rows
   */
  public static double[] label(
      Session session, Map<Party, Channel> featureParties, double[] ownLogits) {
    if (featureParties.isEmpty()) {
      throw new IllegalArgumentException("no feature party to predict with");
    }
    requireRows(ownLogits);
    LogitRequest request = new LogitRequest(binding(session), ownLogits.length);
    featureParties.values().forEach(channel -> channel.send(request));
    double[] logits = new double[ownLogits.length];
    for (int from = 0, index = 0; from < logits.length; from += BLOCK_ROWS, index++) {
      int rows = Math.min(BLOCK_ROWS, logits.length - from);
      long[] sum = new long[rows];
      for (Channel channel : featureParties.values()) {
        addBlock(channel, index, sum);
      }
      for (int i = 0; i < rows; i++) {
        logits[from + i] = ownLogits[from + i] + Ring.LOGITS.decode(sum[i]);
      }
    }
    return logits;
  }

  private static void addBlock(Channel channel, int index, long[] sum) {
    MaskedBlock block = channel.receive(MaskedBlock.TYPE, MaskedBlock.limit(sum.length));
    if (block.index() != index || block.logits().length != sum.length) {
      throw new WireException.ProtocolViolation(
          channel.peer(),
          "sent block %d with %d rows where block %d with %d was due"
              .formatted(block.index(), block.logits().length, index, sum.length));
    }
    for (int i = 0; i < sum.length; i++) {
      sum[i] = Ring.LOGITS.add(sum[i], block.logits()[i]);
    }
  }

  /**
   * A feature party's side. Masks are agreed afresh in every run, so that no two vectors are ever
   * sent under the same ones.
   *
   * @param others a channel to each other feature party; may be empty
   * @param ownLogits this party's part, one per row; finite
   * @throws Ring.RangeError if the sum over all feature parties might leave the range of ±2^17
   * @throws WireException.ProtocolViolation if the label party is in another job, attempt or number
   *     of rows
   */
  public static void feature(
      Session session, Channel label, Map<Party, Channel> others, double[] ownLogits) {
    requireRows(ownLogits);
    byte[] binding = binding(session);
    requireRequest(session, label, binding, ownLogits.length);
    ZeroSumMasks masks = ZeroSumMasks.agree(session, label.self(), others);
    for (int from = 0, index = 0; from < ownLogits.length; from += BLOCK_ROWS, index++) {
      double[] block =
          Arrays.copyOfRange(ownLogits, from, Math.min(ownLogits.length, from + BLOCK_ROWS));
      long[] residues = new long[block.length];
      for (int i = 0; i < block.length; i++) {
        residues[i] = Ring.LOGITS.encode(block[i], others.size() + 1, "a logit");
      }
      masks.apply(residues, Ring.LOGITS.bits(), "joint logits", index, binding);
      label.send(new MaskedBlock(index, residues));
    }
  }

  /** Receives the label party's request, which must be for this job, attempt and number of rows. */
  static void requireRequest(Session session, Channel label, byte[] binding, int rows) {
    LogitRequest request = label.receive(LogitRequest.TYPE, LogitRequest.BYTES);
    if (!MessageDigest.isEqual(binding, request.session())) {
      throw new WireException.ProtocolViolation(
          label.peer(), "its request belongs to another job or attempt than " + session);
    }
    if (request.rows() != rows) {
      throw new WireException.ProtocolViolation(
          label.peer(), "it asks for " + request.rows() + " rows where " + rows + " are agreed");
    }
  }

  static byte[] binding(Session session) {
    return session.bind("joint logits");
  }

  private static void requireRows(double[] logits) {
    if (logits.length > MAX_ROWS) {
      throw new IllegalArgumentException(logits.length + " rows, at most " + MAX_ROWS);
    }
    for (double logit : logits) {
      if (!Double.isFinite(logit)) {
        throw new IllegalArgumentException("a logit is not a finite number");
      }
    }
  }
}
