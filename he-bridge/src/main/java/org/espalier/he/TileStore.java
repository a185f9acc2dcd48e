package org.espalier.he;

import org.espalier.he.nativelib.Native;

/**
 * A party's integer matrix as polynomials outside the Java heap, made once and used in every pass.
 * A tile holds N/c rows of c columns: Σ X[i,j]·x^(ic+(c−1−j)). Of a small matrix the transformed
 * tiles are kept; those of a large one are made whenever they are used. Filling and using it takes
 * time independent of the values.
 */
public final class TileStore extends NativeObject {
  private final HeContext context;
  private final int rows;
  private final int columns;
  private final int width;
  private final byte[] nonce = MaskSeed.nonce();

  /** Copies some rows of a matrix. */
  @FunctionalInterface
  public interface Rows {
    /**
     * Copies the rows.
     *
     * @param from first row
     * @param count how many
     * @param out row-major, {@code count} × columns, and may be longer
     */
    void copy(int from, int count, int[] out);
  }

  private TileStore(HeContext context, Shape shape) {
    super(
        context.with(
            handle ->
                Native.tiles(
                    handle,
                    shape.rows(),
                    shape.columns(),
                    shape.width(),
                    shape.largest(),
                    shape.keptGroups())));
    this.context = context;
    this.rows = shape.rows();
    this.columns = shape.columns();
    this.width = shape.width();
  }

  /**
   * What a store is made for.
   *
   * @param width c, columns a tile, a power of two up to 64
   * @param largest that no entry's absolute value exceeds; whether it is below 2^15 decides the
   *     room that entries take, so that it should be a public bound
   * @param keptGroups of how many groups of c columns transformed tiles are kept
   */
  public record Shape(int rows, int columns, int width, int largest, int keptGroups) {
    public Shape {
      if (rows < 1 || columns < 1 || width < 1 || largest < 0 || keptGroups < 0) {
        throw new IllegalArgumentException("no matrix has " + rows + " x " + columns + " entries");
      }
      keptGroups = Math.min(keptGroups, (columns - 1) / width + 1);
    }

    /** Room for transformed tiles: a product with them takes a third of the time. */
    private static final long MOST_KEPT = 128L << 20;

    /** Keeps transformed tiles as far as there is room. */
    public static Shape of(Parameters p, int rows, int columns, int width, int largest) {
      Shape none = new Shape(rows, columns, width, largest, 0);
      return new Shape(rows, columns, width, largest, (int) (MOST_KEPT / none.groupBytes(p)));
    }

    /** What an entry takes, 2 or 4 bytes. */
    public int entryBytes() {
      return largest <= Short.MAX_VALUE ? Short.BYTES : Integer.BYTES;
    }

    /** Of c columns transformed. */
    private long groupBytes(Parameters p) {
      return coefficients(p) * p.limbs() * Long.BYTES;
    }

    /** Of c columns. */
    private long coefficients(Parameters p) {
      long perBlock = p.degree() / width;
      return (rows + perBlock - 1) / perBlock * p.degree();
    }

    /** Native memory that a store takes: 2 or 4 bytes for each entry, and what is kept. */
    public long bytes(Parameters p) {
      long groups = (columns + width - 1L) / width;
      return coefficients(p) * groups * entryBytes() + keptGroups * groupBytes(p);
    }
  }

  /**
   * A whole matrix, all transformed tiles kept.
   *
   * @param matrix row-major, rows × columns
   * @param width c, a power of two up to 64
   * @throws OutOfMemoryError if {@link Shape#bytes} cannot be allocated
   */
  public static TileStore of(HeContext context, int[] matrix, int rows, int columns, int width) {
    if (rows < 1 || columns < 1 || (long) rows * columns != matrix.length) {
      throw new IllegalArgumentException(
          rows + " x " + columns + " does not describe " + matrix.length + " values");
    }
    int largest = 0;
    for (int value : matrix) {
      largest = Math.max(largest, value == Integer.MIN_VALUE ? Integer.MAX_VALUE : Math.abs(value));
    }
    return of(
        context,
        new Shape(rows, columns, width, largest, columns),
        (from, count, out) ->
            System.arraycopy(matrix, from * columns, out, 0, Math.multiplyExact(count, columns)));
  }

  /**
   * A matrix, some rows at a time.
   *
   * @param matrix is asked for consecutive rows, N/c at a time
   * @throws IllegalArgumentException if an entry exceeds its bound
   * @throws OutOfMemoryError if {@link Shape#bytes} cannot be allocated
   */
  public static TileStore of(HeContext context, Shape shape, Rows matrix) {
    TileStore store = new TileStore(context, shape);
    try {
      int perBlock = context.parameters().degree() / shape.width();
      int rows = shape.rows();
      int[] values = new int[Math.multiplyExact(Math.min(perBlock, rows), shape.columns())];
      for (int block = 0, from = 0; from < rows; block++, from += perBlock) {
        int count = Math.min(perBlock, rows - from);
        matrix.copy(from, count, values);
        Native.put(store.handle(), block, values, 0, count);
      }
      return store;
    } catch (RuntimeException | Error e) {
      store.close();
      throw e;
    }
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
