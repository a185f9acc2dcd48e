package org.espalier.he;

import org.espalier.he.nativelib.Native;

/**
 * A party's integer matrix as transformed polynomials outside the Java heap, made once and used in
 * every pass. A tile holds N/c rows of c columns: Σ X[i,j]·x^(ic+(c−1−j)). Filling and using it
 * takes time independent of the values.
 */
public final class TileStore extends NativeObject {
  private final HeContext context;
  private final int rows;
  private final int columns;
  private final int width;
  private final byte[] nonce = MaskSeed.nonce();

  private TileStore(HeContext context, int rows, int columns, int width) {
    super(context.with(handle -> Native.tiles(handle, rows, columns, width)));
    this.context = context;
    this.rows = rows;
    this.columns = columns;
    this.width = width;
  }

  /** Native memory that a store takes, in bytes: about n·d·limbs·8. */
  public static long bytes(Parameters p, int rows, int columns, int width) {
    long blocks = (rows + p.degree() / width - 1L) / (p.degree() / width);
    long groups = (columns + width - 1L) / width;
    return blocks * groups * p.degree() * p.limbs() * 8;
  }

  /**
   * Transforms a whole matrix.
   *
   * @param matrix row-major, rows × columns
   * @param width c, a power of two up to 64
   * @throws OutOfMemoryError if {@link #bytes} cannot be allocated
   */
  public static TileStore of(HeContext context, int[] matrix, int rows, int columns, int width) {
    if (rows < 1 || columns < 1 || (long) rows * columns != matrix.length) {
      throw new IllegalArgumentException(
          rows + " x " + columns + " does not describe " + matrix.length + " values");
    }
    TileStore store = new TileStore(context, rows, columns, width);
    int perBlock = context.parameters().degree() / width;
    for (int block = 0, from = 0; from < rows; block++, from += perBlock) {
      Native.put(store.handle(), block, matrix, from, Math.min(perBlock, rows - from));
    }
    return store;
  }

  public int blocks() {
    int perBlock = context.parameters().degree() / width;
    return (rows + perBlock - 1) / perBlock;
  }

  public int columns() {
    return columns;
  }

  int width() {
    return width;
  }

  /** Random and secret: sets this store's masks apart from those of every other. */
  byte[] nonce() {
    return nonce;
  }

  HeContext context() {
    return context;
  }

  /** A fresh accumulator for one pass. */
  public BackwardAccumulator backward() {
    return new BackwardAccumulator(this);
  }
}
