package org.espalier.protocols.shares;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.espalier.he.EncryptedBlock;
import org.espalier.he.HeContext;
import org.espalier.he.KeyPair;
import org.espalier.he.LaneLayout;
import org.espalier.he.MaskedReply;
import org.espalier.he.MatrixEvaluator;
import org.espalier.he.PublicKey;
import org.espalier.he.SeedRegistry;
import org.espalier.protocols.mask.Prg;
import org.espalier.wire.Channel;
import org.espalier.wire.WireException;

/**
 * Products X·v with a vector that its holder has encrypted once and for all: the owner of X keeps
 * the ciphertexts and uses no others, so that a holder that deviates cannot choose a new v for
 * every product and read X column by column.
 *
 * <p>Adversary: replies are masked over their full width, so that the holder learns nothing but its
 * uniform half; the owner sees ciphertexts only.
 */
public final class Pinned {
  private static final int MOST_BLOCKS = 16;
  private static final int MOST_ROWS = 4096;
  private static final int MOST_WIDTH = 64;

  /** Few enough to keep; narrower tiles leave more rows to a reply. */
  private static final int CIPHERTEXTS = 16;

  private Pinned() {}

  /**
   * What an owner keeps.
   *
   * @param publicKey the holder's
   * @param ciphertexts of v, one for each group of columns
   */
  public record Vector(byte[] publicKey, List<byte[]> ciphertexts) {
    public Vector {
      ciphertexts = List.copyOf(ciphertexts);
    }
  }

  /** One vector a ciphertext. */
  public static LaneLayout layout(HeContext context, int width) {
    return new LaneLayout(context.parameters().degree(), 1, width);
  }

  /**
   * Columns of a tile for owners of at most so many columns: a reply carries N/width rows, and a
   * product takes about {@value #CIPHERTEXTS} ciphertexts.
   */
  public static int width(HeContext context, int columns) {
    int width = Math.max(1, context.parameters().degree() / MOST_ROWS);
    while (width < MOST_WIDTH && width * CIPHERTEXTS < columns) {
      width *= 2;
    }
    return width;
  }

  /** Most rows of a product: whole blocks. */
  public static int rowsAtOnce(LaneLayout layout) {
    int blocks = Math.max(1, Math.min(MOST_BLOCKS, MOST_ROWS / layout.rowsPerBlock()));
    return blocks * layout.rowsPerBlock();
  }

  /** The holder's side, once: encrypts its vector for the owner. */
  public static void give(KeyPair key, LaneLayout layout, Channel owner, long[] v) {
    owner.send(new Messages.StageKey(key.publicKey()));
    long[][] vectors = {v};
    for (int group = 0; group < layout.groups(v.length); group++) {
      owner.send(new Messages.Operand(group, key.encryptColumns(layout, vectors, group)));
    }
  }

  /**
   * The owner's side of it.
   *
   * @param columns of its matrix
   */
  public static Vector take(HeContext context, LaneLayout layout, Channel holder, int columns) {
    SeedRegistry seeds = new SeedRegistry();
    byte[] publicKey = Messages.StageKey.bytes(holder, context);
    List<byte[]> ciphertexts = new ArrayList<>();
    for (int group = 0; group < layout.groups(columns); group++) {
      ciphertexts.add(Messages.Operand.receive(holder, context, group));
    }
    Vector vector = new Vector(publicKey, ciphertexts);
    Messages.checked(
        holder,
        () -> {
          context.readPublicKey(publicKey, seeds).close();
          ciphertexts.forEach(ciphertext -> context.readBlock(ciphertext, seeds).close());
          return vector;
        });
    return vector;
  }

  /** The owner's end of a run of products. */
  public static final class Owner implements AutoCloseable {
    private final Channel holder;
    private final PublicKey key;
    private final List<EncryptedBlock> operands = new ArrayList<>();
    private final MatrixEvaluator evaluator;
    private final byte[] maskKey = Prg.freshSeed();
    private int replies;

    /**
     * @param vector as it was taken
     */
    public Owner(HeContext context, LaneLayout layout, Channel holder, Vector vector, int columns) {
      this.holder = holder;
      SeedRegistry seeds = new SeedRegistry();
      this.key = context.readPublicKey(vector.publicKey(), seeds);
      vector
          .ciphertexts()
          .forEach(ciphertext -> operands.add(context.readBlock(ciphertext, seeds)));
      this.evaluator = context.matrix(layout, columns, 1, operands);
    }

    /**
     * The owner's half of X·v; the other goes to the holder.
     *
     * @param x the next rows, row-major, at most {@link #rowsAtOnce}; all but the last time exactly
     *     so many
     */
    public long[] times(int[] x, int rows) {
      long[] half = new long[rows];
      int at = 0;
      for (MaskedReply reply : evaluator.rows(x, 0, rows, List.of(), key, maskKey, 1)) {
        holder.send(new Messages.Reply(replies++, reply.wire()));
        System.arraycopy(reply.shares(), 0, half, at, reply.shares().length);
        at += reply.shares().length;
      }
      return half;
    }

    @Override
    public void close() {
      evaluator.close();
      operands.forEach(EncryptedBlock::close);
      key.close();
      Arrays.fill(maskKey, (byte) 0);
    }
  }

  /** The holder's end of a run of products with one owner. */
  public static final class Holder {
    private final HeContext context;
    private final LaneLayout layout;
    private final KeyPair key;
    private final Channel owner;
    private int replies;

    public Holder(HeContext context, LaneLayout layout, KeyPair key, Channel owner) {
      this.context = context;
      this.layout = layout;
      this.key = key;
      this.owner = owner;
    }

    /**
     * The holder's half of the product with the owner's next rows.
     *
     * @throws WireException.ProtocolViolation if a reply is not what is due
     */
    public long[] open(int rows) {
      long[] half = new long[rows];
      for (int from = 0; from < rows; from += layout.rowsPerBlock()) {
        int count = Math.min(layout.rowsPerBlock(), rows - from);
        byte[] reply =
            Messages.Reply.receive(owner, replies++, context.rowReplyBytes(layout, 1, count, 1));
        long[] opened = Messages.checked(owner, () -> key.openRows(layout, reply, 1, count, 1)[0]);
        System.arraycopy(opened, 0, half, from, count);
      }
      return half;
    }
  }
}
