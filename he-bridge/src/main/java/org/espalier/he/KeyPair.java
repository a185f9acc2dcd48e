package org.espalier.he;

import java.util.Arrays;
import java.util.function.LongFunction;
import org.espalier.he.nativelib.Native;

/**
 * A secret key and what its holder does with it. Ternary secret, seeded symmetric encryption
 * (centred binomial errors). Overwritten when closed. Thread-safe.
 */
public final class KeyPair extends NativeObject {
  /** Bytes of the seed that a key can be kept as. */
  public static final int SEED_BYTES = 32;

  private final HeContext context;
  private final byte[] publicKey;

  KeyPair(HeContext context, long handle) {
    super(handle);
    this.context = context;
    this.publicKey = Header.with(Header.PUBLIC_KEY, context.digest(), Native.publicKey(handle));
  }

  /** The public key on the wire: an encryption of zero in seeded form. */
  public byte[] publicKey() {
    return publicKey.clone();
  }

  /**
   * Encrypts a run of residuals, packed for the backward kernel with tiles of width {@code width}.
   *
   * @param residuals integers with |r| < t
   * @param from first residual
   * @param count 1 to N/width
   * @return wire bytes
   */
  public byte[] encryptBlock(long[] residuals, int from, int count, int width) {
    return Header.with(
        Header.BLOCK,
        context.digest(),
        with(handle -> Native.encrypt(handle, residuals, from, count, width)));
  }

  /**
   * Decrypts a reply: residues modulo t that, added to the replier's shares, are the true results,
   * off by at most one unit with the probability that {@link ParameterChooser} bounds.
   *
   * @throws MalformedCiphertextException if the bytes are not such a reply
   */
  public long[] open(byte[] reply, int columns, int width, int replyLimbs) {
    return open(
        Header.REPLY,
        reply,
        context.replyBytes(columns, width, replyLimbs),
        handle -> Native.open(handle, reply, Header.SIZE, columns, width, replyLimbs));
  }

  private long[] open(int kind, byte[] reply, long bytes, LongFunction<long[]> decrypt) {
    Header.check(kind, context.digest(), reply, bytes - Header.SIZE);
    return with(decrypt);
  }

  /**
   * Encrypts one group of columns of several vectors, for {@link MatrixEvaluator}.
   *
   * @param vectors at most {@code lanes}, one residue modulo t a column each
   * @param group columns [group·c, group·c + c)
   */
  public byte[] encryptColumns(LaneLayout layout, long[][] vectors, int group) {
    context.fitting(layout);
    int from = Math.multiplyExact(group, layout.width());
    long[] flat = flat(vectors, from, Math.min(layout.width(), vectors[0].length - from));
    return Header.with(
        Header.BLOCK,
        context.digest(),
        with(
            handle ->
                Native.encryptColumns(
                    handle,
                    layout.lanes(),
                    layout.width(),
                    flat,
                    vectors.length,
                    flat.length / vectors.length)));
  }

  /**
   * Encrypts one block of rows of several vectors, for {@link MatrixEvaluator}.
   *
   * @param vectors at most {@code lanes}, one residue modulo t a row each
   * @param block begins at row block·R
   * @param rows in the block
   */
  public byte[] encryptRows(LaneLayout layout, long[][] vectors, int block, int rows) {
    context.fitting(layout);
    long[] flat = flat(vectors, Math.multiplyExact(block, layout.rowsPerBlock()), rows);
    return Header.with(
        Header.BLOCK,
        context.digest(),
        with(
            handle ->
                Native.encryptRows(
                    handle, layout.lanes(), layout.width(), flat, vectors.length, rows)));
  }

  private static long[] flat(long[][] vectors, int from, int count) {
    for (long[] vector : vectors) {
      if (from < 0 || count < 1 || count > vector.length - from) {
        throw new IllegalArgumentException(
            count + " values from " + from + " of a vector of " + vector.length);
      }
    }
    long[] flat = new long[Math.multiplyExact(vectors.length, count)];
    for (int s = 0; s < vectors.length; s++) {
      System.arraycopy(vectors[s], from, flat, s * count, count);
    }
    return flat;
  }

  /**
   * Decrypts the reply of a block of rows.
   *
   * @return vectors × rows
   * @throws MalformedCiphertextException if the bytes are not such a reply
   */
  public long[][] openRows(LaneLayout layout, byte[] reply, int vectors, int rows, int replyLimbs) {
    return split(
        open(
            Header.ROW_REPLY,
            reply,
            context.rowReplyBytes(layout, vectors, rows, replyLimbs),
            handle ->
                Native.openRows(
                    handle,
                    layout.lanes(),
                    layout.width(),
                    reply,
                    Header.SIZE,
                    vectors,
                    rows,
                    replyLimbs)),
        vectors);
  }

  /**
   * Decrypts the reply of all columns.
   *
   * @return vectors × columns
   * @throws MalformedCiphertextException if the bytes are not such a reply
   */
  public long[][] openColumns(
      LaneLayout layout, byte[] reply, int vectors, int columns, int replyLimbs) {
    return split(
        open(
            Header.COLUMN_REPLY,
            reply,
            context.columnReplyBytes(layout, vectors, columns, replyLimbs),
            handle ->
                Native.openColumns(
                    handle,
                    layout.lanes(),
                    layout.width(),
                    reply,
                    Header.SIZE,
                    vectors,
                    columns,
                    replyLimbs)),
        vectors);
  }

  private static long[][] split(long[] flat, int vectors) {
    int length = flat.length / vectors;
    long[][] out = new long[vectors][];
    for (int s = 0; s < vectors; s++) {
      out[s] = Arrays.copyOfRange(flat, s * length, (s + 1) * length);
    }
    return out;
  }

  /**
   * Encrypts small integers in slots, for {@link SlotAccumulator}.
   *
   * @param count at most N; the other slots are 0
   */
  public byte[] encryptSlots(int[] values, int from, int count) {
    return Header.with(
        Header.SLOTS,
        context.digest(),
        with(handle -> Native.encryptSlots(handle, values, from, count)));
  }

  /**
   * Decrypts a reply of slots.
   *
   * @return N residues, in the order of {@link #encryptSlots}
   * @throws MalformedCiphertextException if the bytes are not such a reply
   */
  public long[] openSlots(byte[] reply, int replyLimbs) {
    return open(
        Header.SLOT_REPLY,
        reply,
        context.slotReplyBytes(replyLimbs),
        handle -> Native.openSlots(handle, reply, Header.SIZE, replyLimbs));
  }
}
