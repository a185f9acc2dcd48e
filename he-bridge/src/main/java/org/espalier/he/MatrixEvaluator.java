package org.espalier.he;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.espalier.he.nativelib.Native;

/**
 * Products of a plaintext integer matrix with encrypted vectors of a {@link LaneLayout}: X·b for
 * each block of rows as it passes by, Xᵀ·r at the end. The matrix is taken block by block, each of
 * them once, and transformed on the fly. Not thread-safe by itself; the work inside uses all cores.
 */
public final class MatrixEvaluator extends NativeObject {
  private static final int MOST_BLOCKS = 16;

  private final HeContext context;
  private final LaneLayout layout;
  private final int columns;
  private final int vectors;
  private final byte[] nonce = MaskSeed.nonce();
  private final List<byte[]> received = new ArrayList<>();
  private final boolean forward;
  private int nextBlock;

  MatrixEvaluator(
      HeContext context,
      LaneLayout layout,
      int columns,
      int vectors,
      List<EncryptedBlock> columnOperands) {
    super(
        context.with(
            handle ->
                Native.matrix(
                    handle,
                    context.fitting(layout).lanes(),
                    layout.width(),
                    columns,
                    vectors,
                    handles(columnOperands))));
    this.context = context;
    this.layout = layout;
    this.columns = columns;
    this.vectors = vectors;
    this.forward = !columnOperands.isEmpty();
    columnOperands.forEach(operand -> received.add(operand.digest()));
  }

  static long[] handles(List<EncryptedBlock> blocks) {
    return blocks.stream().mapToLong(NativeObject::handle).toArray();
  }

  /**
   * Takes the next rows: whole blocks, except that the last of all may be short, at most 16.
   *
   * @param matrix row-major, {@code columns} values a row
   * @param fromRow first row
   * @param rows how many
   * @param rowOperands encrypted vectors for these rows, one a block, or none if only X·b is
   *     wanted; not closed here
   * @param maskKey 32 secret bytes
   * @return one reply a block, shares vector after vector; empty without column operands
   */
  public List<MaskedReply> rows(
      int[] matrix,
      int fromRow,
      int rows,
      List<EncryptedBlock> rowOperands,
      PublicKey key,
      byte[] maskKey,
      int replyLimbs) {
    int blocks = rows < 1 ? 0 : layout.blocks(rows);
    if (blocks < 1 || blocks > MOST_BLOCKS) {
      throw new IllegalArgumentException(rows + " rows are not 1 to 16 blocks");
    }
    if (rowOperands.size() != blocks && !(forward && rowOperands.isEmpty())) {
      throw new IllegalArgumentException(
          rowOperands.size() + " operands for " + blocks + " blocks of rows");
    }
    byte[] seeds = new byte[forward ? MaskSeed.KEY_BYTES * blocks : 0];
    for (int b = 0; b < blocks; b++) {
      if (!rowOperands.isEmpty()) {
        received.add(rowOperands.get(b).digest());
      }
      if (forward) {
        byte[] seed = seed(key, maskKey, replyLimbs, nextBlock + b);
        System.arraycopy(seed, 0, seeds, b * MaskSeed.KEY_BYTES, MaskSeed.KEY_BYTES);
      }
    }
    nextBlock += blocks;
    long[] shares = new long[forward ? Math.multiplyExact(rows, vectors) : 0];
    byte[][] payloads;
    try {
      payloads =
          with(
              handle ->
                  key.with(
                      pk ->
                          Native.rows(
                              handle,
                              matrix,
                              fromRow,
                              rows,
                              handles(rowOperands),
                              pk,
                              seeds,
                              replyLimbs,
                              shares)));
    } finally {
      Arrays.fill(seeds, (byte) 0);
    }
    List<MaskedReply> replies = new ArrayList<>();
    for (int b = 0, at = 0; b < payloads.length; b++) {
      int count = vectors * Math.min(layout.rowsPerBlock(), rows - b * layout.rowsPerBlock());
      replies.add(
          new MaskedReply(
              Header.with(Header.ROW_REPLY, context.digest(), payloads[b]),
              Arrays.copyOfRange(shares, at, at + count)));
      at += count;
    }
    return replies;
  }

  /**
   * The products Xᵀ·r over all rows that were taken.
   *
   * @return shares vector after vector
   */
  public MaskedReply finish(PublicKey key, byte[] maskKey, int replyLimbs) {
    long[] shares = new long[Math.multiplyExact(columns, vectors)];
    byte[] seed = seed(key, maskKey, replyLimbs, -1);
    try {
      byte[] payload =
          with(handle -> key.with(pk -> Native.finishMatrix(handle, pk, seed, replyLimbs, shares)));
      return new MaskedReply(Header.with(Header.COLUMN_REPLY, context.digest(), payload), shares);
    } finally {
      Arrays.fill(seed, (byte) 0);
    }
  }

  private byte[] seed(PublicKey key, byte[] maskKey, int replyLimbs, int block) {
    MaskSeed seed =
        new MaskSeed(
            maskKey,
            nonce,
            context,
            key,
            columns,
            vectors,
            layout.lanes(),
            layout.width(),
            replyLimbs,
            block);
    received.forEach(seed::with);
    return seed.draw();
  }
}
