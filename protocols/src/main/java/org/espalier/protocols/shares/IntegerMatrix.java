package org.espalier.protocols.shares;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A party's slice as integers of 16 bits, times vectors of residues: exact arithmetic modulo t,
 * both cores. It lies in chunks of rows, in memory or in a mapped file ({@link Workspace}).
 *
 * <p>A residue is cut at bit 29, so that a product with an entry and the sum of a whole row or
 * column stay below 2^63: {@link #requireBounds} is that inequality.
 */
public final class IntegerMatrix {
  /** Rows of a chunk, which {@link Filler} fills at once. */
  public static final int CHUNK_ROWS = 2048;

  private static final int CUT = 29;
  private static final long LOW = (1L << CUT) - 1;

  private final int first;
  private final int rows;
  private final int columns;
  private final Storage storage;
  private final long rowL1;
  private final long columnL1;

  /** Computes the entries of some rows. */
  @FunctionalInterface
  public interface Filler {
    /**
     * @param firstRow of the chunk
     * @param count rows
     * @param values to fill, row-major
     */
    void fill(int firstRow, int count, short[] values);
  }

  /** Chunks of rows. */
  private sealed interface Storage {
    void put(int chunk, short[] values);

    /** May be the chunk itself: not to be changed. */
    short[] get(int chunk);
  }

  private record Heap(short[][] chunks) implements Storage {
    @Override
    public void put(int chunk, short[] values) {
      chunks[chunk] = values;
    }

    @Override
    public short[] get(int chunk) {
      return chunks[chunk];
    }
  }

  private record Mapped(List<ByteBuffer> mappings, int chunkValues) implements Storage {
    private int position(int chunk) {
      return chunk % perMapping() * chunkValues;
    }

    private int perMapping() {
      return Math.max(1, mappings.get(0).capacity() / Short.BYTES / chunkValues);
    }

    private ByteBuffer mapping(int chunk) {
      ByteBuffer whole = mappings.get(chunk / perMapping());
      return whole.duplicate().order(whole.order());
    }

    @Override
    public void put(int chunk, short[] values) {
      mapping(chunk).asShortBuffer().put(position(chunk), values);
    }

    @Override
    public short[] get(int chunk) {
      short[] values = new short[chunkValues];
      mapping(chunk).asShortBuffer().get(position(chunk), values);
      return values;
    }
  }

  private static int chunks(int rows) {
    return (rows + CHUNK_ROWS - 1) / CHUNK_ROWS;
  }

  /** What a matrix takes, in memory or in a file. */
  public static long bytes(int rows, int columns) {
    return (long) chunks(rows) * CHUNK_ROWS * columns * Short.BYTES;
  }

  /**
   * Fills a matrix chunk by chunk, both cores.
   *
   * @throws Workspace.WorkspaceException if there is room for it neither in memory nor in a file
   */
  public IntegerMatrix(int rows, int columns, Workspace workspace, Filler filler) {
    this(rows, columns, columns, workspace, filler);
  }

  /**
   * One whose last columns {@link #rowL1} and {@link #columnL1} leave out, so that these can be
   * told.
   *
   * @param told columns that they count
   */
  public IntegerMatrix(int rows, int columns, int told, Workspace workspace, Filler filler) {
    if (rows < 1 || columns < 1 || told < 0 || told > columns) {
      throw new IllegalArgumentException(
          "a matrix of %d x %d, %d of them told".formatted(rows, columns, told));
    }
    this.first = 0;
    this.rows = rows;
    this.columns = columns;
    int chunks = chunks(rows);
    int chunkValues = Math.multiplyExact(CHUNK_ROWS, columns);
    this.storage =
        bytes(rows, columns) <= workspace.memory()
            ? new Heap(new short[chunks][])
            : new Mapped(workspace.map(chunks, (long) chunkValues * Short.BYTES), chunkValues);
    long[] sums = new long[columns];
    long[] largest =
        IntStream.range(0, chunks)
            .parallel()
            .mapToObj(
                chunk -> {
                  int from = chunk * CHUNK_ROWS;
                  int count = Math.min(CHUNK_ROWS, rows - from);
                  short[] values = new short[chunkValues];
                  filler.fill(from, count, values);
                  storage.put(chunk, values);
                  return addSums(values, count, columns, told, sums);
                })
            .reduce((a, b) -> new long[] {Math.max(a[0], b[0]), Math.max(a[1], b[1])})
            .orElseThrow();
    this.rowL1 = largest[0];
    this.columnL1 = Arrays.stream(sums, 0, told).max().orElse(0);
    requireBounds(Math.max(largest[1], Arrays.stream(sums).max().orElseThrow()));
  }

  private IntegerMatrix(IntegerMatrix whole, int first, int rows) {
    this.first = first;
    this.rows = rows;
    this.columns = whole.columns;
    this.storage = whole.storage;
    this.rowL1 = whole.rowL1;
    this.columnL1 = whole.columnL1;
  }

  /** Adds absolute values to the columns' sums; the largest of the rows' told and whole sums. */
  private static long[] addSums(short[] values, int rows, int columns, int told, long[] sums) {
    long[] own = new long[columns];
    long[] largest = new long[2];
    for (int i = 0, at = 0; i < rows; i++) {
      long row = 0;
      for (int j = 0; j < columns; j++) {
        if (j == told) {
          largest[0] = Math.max(largest[0], row);
        }
        int size = Math.abs(values[at++]);
        row += size;
        own[j] += size;
      }
      if (told == columns) {
        largest[0] = Math.max(largest[0], row);
      }
      largest[1] = Math.max(largest[1], row);
    }
    synchronized (sums) {
      for (int j = 0; j < columns; j++) {
        sums[j] += own[j];
      }
    }
    return largest;
  }

  /** l1·2^29 below 2^62 for the largest absolute sum of a row or column. */
  static void requireBounds(long l1) {
    if (l1 >= 1L << (62 - CUT)) {
      throw new IllegalArgumentException("a row or column of absolute sum " + l1 + " is too large");
    }
  }

  /** Some consecutive rows, not copied; the bounds stay those of the whole. */
  public IntegerMatrix rows(int from, int count) {
    if (from < 0 || count < 1 || count > rows - from) {
      throw new IllegalArgumentException(count + " rows from " + from + " of " + rows);
    }
    return new IntegerMatrix(this, first + from, count);
  }

  public int rows() {
    return rows;
  }

  public int columns() {
    return columns;
  }

  /** Whether the entries lie in a file. */
  public boolean inFile() {
    return storage instanceof Mapped;
  }

  /** Largest Σ_j |x_ij| over the rows i, of the told columns j. */
  public long rowL1() {
    return rowL1;
  }

  /** Largest Σ_i |x_ij| over the told columns j. */
  public long columnL1() {
    return columnL1;
  }

  /** A copy of some rows, row-major. */
  public int[] values(int from, int count) {
    int[] out = new int[Math.multiplyExact(count, columns)];
    for (int i = from, at = 0; i < from + count; ) {
      int row = first + i;
      int inChunk = row % CHUNK_ROWS;
      int run = Math.min(CHUNK_ROWS - inChunk, from + count - i);
      short[] chunk = storage.get(row / CHUNK_ROWS);
      for (int k = inChunk * columns; k < (inChunk + run) * columns; k++) {
        out[at++] = chunk[k];
      }
      i += run;
    }
    return out;
  }

  /** A chunk's part of this matrix. */
  private record Run(short[] values, int inChunk, int from, int count) {}

  private IntStream chunks() {
    return IntStream.rangeClosed(first / CHUNK_ROWS, (first + rows - 1) / CHUNK_ROWS).parallel();
  }

  private Run run(int chunk) {
    int start = Math.max(first, chunk * CHUNK_ROWS);
    int end = Math.min(first + rows, (chunk + 1) * CHUNK_ROWS);
    return new Run(storage.get(chunk), start - chunk * CHUNK_ROWS, start - first, end - start);
  }

  /**
   * X·w.
   *
   * @param w one residue a column
   */
  public long[] times(PrimeField field, long[] w) {
    if (w.length != columns) {
      throw new IllegalArgumentException(w.length + " residues for " + columns + " columns");
    }
    long[] low = new long[columns];
    long[] high = new long[columns];
    split(w, columns, low, high);
    long[] out = new long[rows];
    chunks()
        .mapToObj(this::run)
        .forEach(
            run -> {
              short[] values = run.values();
              int at = run.inChunk() * columns;
              for (int i = 0; i < run.count(); i++) {
                long sumLow = 0;
                long sumHigh = 0;
                for (int j = 0; j < columns; j++, at++) {
                  sumLow += values[at] * low[j];
                  sumHigh += values[at] * high[j];
                }
                out[run.from() + i] = join(field, sumLow, sumHigh);
              }
            });
    return out;
  }

  /**
   * Xᵀ·r.
   *
   * @param r one residue a row
   */
  public long[] transposeTimes(PrimeField field, long[] r) {
    if (r.length != rows) {
      throw new IllegalArgumentException("a vector of " + r.length + " for " + rows + " rows");
    }
    long[] total =
        chunks()
            .mapToObj(this::run)
            .map(
                run -> {
                  short[] values = run.values();
                  long[] sum = new long[2 * columns];
                  int at = run.inChunk() * columns;
                  for (int i = run.from(); i < run.from() + run.count(); i++) {
                    long low = r[i] & LOW;
                    long high = r[i] >>> CUT;
                    for (int j = 0; j < columns; j++, at++) {
                      sum[j] += values[at] * low;
                      sum[columns + j] += values[at] * high;
                    }
                  }
                  return sum;
                })
            .reduce(IntegerMatrix::added)
            .orElseThrow();
    long[] out = new long[columns];
    for (int j = 0; j < columns; j++) {
      out[j] = join(field, total[j], total[columns + j]);
    }
    return out;
  }

  private static long[] added(long[] a, long[] b) {
    long[] sum = a.clone();
    for (int j = 0; j < sum.length; j++) {
      sum[j] += b[j];
    }
    return sum;
  }

  private static void split(long[] vector, int count, long[] low, long[] high) {
    for (int i = 0; i < count; i++) {
      low[i] = vector[i] & LOW;
      high[i] = vector[i] >>> CUT;
    }
  }

  private static long join(PrimeField field, long low, long high) {
    return field.add(
        field.residue(low), field.multiply(field.residue(high), (1L << CUT) % field.modulus()));
  }
}
