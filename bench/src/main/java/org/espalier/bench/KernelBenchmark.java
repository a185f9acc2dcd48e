package org.espalier.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.espalier.he.BackwardAccumulator;
import org.espalier.he.EncryptedBlock;
import org.espalier.he.HeContext;
import org.espalier.he.KeyPair;
import org.espalier.he.LaneLayout;
import org.espalier.he.MaskedReply;
import org.espalier.he.MatrixEvaluator;
import org.espalier.he.ParameterChooser;
import org.espalier.he.PublicKey;
import org.espalier.he.SealedParameters;
import org.espalier.he.SealedWorkload;
import org.espalier.he.SeedRegistry;
import org.espalier.he.SlotAccumulator;
import org.espalier.he.TileStore;
import org.espalier.he.Workload;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * The kernels as Java calls them, wire bytes in and wire bytes out; run by {@link KernelReport}.
 * The data are those of the native programs {@code he_kernel} and {@code he_sealed}, in size and
 * range.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class KernelBenchmark {
  private static final byte[] MASK_KEY = new byte[32];

  /** X of rows × columns and its tiles, a key and all blocks of residuals, for one reply. */
  @State(Scope.Benchmark)
  public static class Backward {
    @Param("100000")
    public int rows;

    @Param("50")
    public int columns;

    ParameterChooser.Choice choice;
    HeContext context;
    KeyPair key;
    PublicKey publicKey;
    TileStore tiles;
    long[] residuals;
    List<byte[]> wire;
    byte[] reply;

    /** Once. */
    @Setup
    public void make() {
      Random random = new Random(1);
      int[] x = new int[Math.multiplyExact(rows, columns)];
      long[] l1 = new long[columns];
      for (int at = 0; at < x.length; at++) {
        x[at] = random.nextInt(2049) - 1024;
        l1[at % columns] += Math.abs(x[at]);
      }
      residuals = new long[rows];
      for (int i = 0; i < rows; i++) {
        residuals[i] = random.nextInt(1025) - 512L;
      }
      long columnL1 = java.util.Arrays.stream(l1).max().orElseThrow();
      choice =
          ParameterChooser.choose(
              new Workload(rows, new int[] {columns}, columnL1 * 512, columnL1));
      context = HeContext.of(choice.parameters());
      key = context.generateKey();
      publicKey = context.readPublicKey(key.publicKey(), new SeedRegistry());
      tiles = TileStore.of(context, x, rows, columns, choice.width());
      wire = new ArrayList<>();
      for (int block = 0; block < tiles.blocks(); block++) {
        wire.add(encrypt(block));
      }
      try (BackwardAccumulator sum = tiles.backward()) {
        addAll(sum, read());
        reply = sum.finish(publicKey, MASK_KEY, choice.replyLimbs()).wire();
      }
    }

    byte[] encrypt(int block) {
      int from = block * choice.rowsPerBlock();
      return key.encryptBlock(
          residuals, from, Math.min(choice.rowsPerBlock(), rows - from), choice.width());
    }

    List<EncryptedBlock> read() {
      SeedRegistry seeds = new SeedRegistry();
      return wire.stream().map(bytes -> context.readBlock(bytes, seeds)).toList();
    }

    static void addAll(BackwardAccumulator sum, List<EncryptedBlock> blocks) {
      for (int b = 0; b < blocks.size(); b++) {
        sum.add(b, blocks.get(b));
      }
    }

    /** Native memory is given back. */
    @TearDown
    public void close() {
      tiles.close();
      publicKey.close();
      key.close();
      context.close();
    }
  }

  /** Blocks are used up by a sum, so that each call gets its own. */
  @State(Scope.Thread)
  public static class Blocks {
    List<EncryptedBlock> blocks;
    BackwardAccumulator sum;

    /** Before each call. */
    @Setup(Level.Invocation)
    public void read(Backward b) {
      blocks = b.read();
      sum = b.tiles.backward();
    }

    /** After each call. */
    @TearDown(Level.Invocation)
    public void close() {
      sum.close();
    }
  }

  /** A sum over all blocks, for one call that makes the reply. */
  @State(Scope.Thread)
  public static class Summed {
    BackwardAccumulator sum;

    /** Before each call. */
    @Setup(Level.Invocation)
    public void add(Backward b) {
      sum = b.tiles.backward();
      Backward.addAll(sum, b.read());
    }

    /** After each call. */
    @TearDown(Level.Invocation)
    public void close() {
      sum.close();
    }
  }

  /** As many bytes as the tiles of {@link Backward} take. */
  @State(Scope.Benchmark)
  public static class Memory {
    long[] words;

    /** Once. */
    @Setup
    public void fill(Backward b) {
      TileStore.Shape all =
          new TileStore.Shape(b.rows, b.columns, b.choice.width(), 1024, b.columns);
      long bytes = all.bytes(b.choice.parameters());
      words = new Random(2).longs(bytes / 8).toArray();
    }
  }

  /** Level sealed: sums of products in slots, and products with a matrix in lanes. */
  @State(Scope.Benchmark)
  public static class Sealed {
    /** Products added up in a slot. */
    static final int FACTORS = 16;

    /** Rows that one call multiplies, their columns, and vectors at once. */
    static final int ROWS = 8192;

    static final int COLUMNS = 300;
    static final int LANES = 32;
    static final int WIDTH = 4;

    HeContext slots;
    KeyPair slotKey;
    PublicKey slotPublic;
    List<EncryptedBlock> factors;
    int[] plain;
    byte[] slotWire;
    byte[] slotReply;
    HeContext matrix;
    KeyPair key;
    PublicKey publicKey;
    LaneLayout layout;
    List<EncryptedBlock> columnOperands;
    List<EncryptedBlock> rowOperands;
    int[] x;

    /** Once. */
    @Setup
    public void make() {
      Random random = new Random(3);
      long l1 = 2000L * ROWS;
      SealedParameters parameters =
          SealedParameters.choose(new SealedWorkload(51, l1, l1, FACTORS, 51 * 64));
      slots = HeContext.of(parameters.slots().parameters());
      int degree = slots.parameters().degree();
      slotKey = slots.generateKey();
      SeedRegistry seeds = new SeedRegistry();
      slotPublic = slots.readPublicKey(slotKey.publicKey(), seeds);
      plain = random.ints((long) FACTORS * degree, -32768, 32768).toArray();
      factors = new ArrayList<>();
      for (int j = 0; j < FACTORS; j++) {
        factors.add(slots.readSlots(slotKey.encryptSlots(plain, j * degree, degree), seeds));
      }
      slotWire = slotKey.encryptSlots(plain, 0, degree);
      try (SlotAccumulator sum = slots.slots()) {
        sum.add(factors, plain);
        slotReply = sum.finish(slotPublic, MASK_KEY, 2).wire();
      }
      matrix = HeContext.of(parameters.matrix().parameters());
      key = matrix.generateKey();
      publicKey = matrix.readPublicKey(key.publicKey(), seeds);
      layout = new LaneLayout(matrix.parameters().degree(), LANES, WIDTH);
      x = random.ints((long) ROWS * COLUMNS, -2000, 2001).toArray();
      long[][] columnVectors = vectors(random, COLUMNS);
      columnOperands = new ArrayList<>();
      for (int g = 0; g < layout.groups(COLUMNS); g++) {
        columnOperands.add(matrix.readBlock(key.encryptColumns(layout, columnVectors, g), seeds));
      }
      long[][] rowVectors = vectors(random, ROWS);
      rowOperands = new ArrayList<>();
      for (int b = 0; b < layout.blocks(ROWS); b++) {
        int rows = Math.min(layout.rowsPerBlock(), ROWS - b * layout.rowsPerBlock());
        rowOperands.add(matrix.readBlock(key.encryptRows(layout, rowVectors, b, rows), seeds));
      }
    }

    private long[][] vectors(Random random, int length) {
      long[][] vectors = new long[LANES][];
      for (int s = 0; s < LANES; s++) {
        vectors[s] = random.longs(length, 0, matrix.parameters().plain()).toArray();
      }
      return vectors;
    }

    /** Native memory is given back. */
    @TearDown
    public void close() {
      columnOperands.forEach(EncryptedBlock::close);
      rowOperands.forEach(EncryptedBlock::close);
      factors.forEach(EncryptedBlock::close);
      publicKey.close();
      key.close();
      matrix.close();
      slotPublic.close();
      slotKey.close();
      slots.close();
    }
  }

  /** One block of residuals, to wire bytes. */
  @Benchmark
  public byte[] encryptBlock(Backward b) {
    return b.encrypt(0);
  }

  /** One block from wire bytes, its uniform half expanded. */
  @Benchmark
  public int readBlock(Backward b) {
    EncryptedBlock block = b.context.readBlock(b.wire.get(0), new SeedRegistry());
    block.close();
    return b.wire.size();
  }

  /** Xᵀ·[[r]] of all blocks; up to 16 of them are only added when the reply is made. */
  @Benchmark
  public BackwardAccumulator kernel(Backward b, Blocks blocks) {
    Backward.addAll(blocks.sum, blocks.blocks);
    return blocks.sum;
  }

  /** What is left of the kernel, the protection and the wire bytes of all columns. */
  @Benchmark
  public MaskedReply reply(Backward b, Summed summed) {
    return summed.sum.finish(b.publicKey, MASK_KEY, b.choice.replyLimbs());
  }

  /** The key holder's decryption of all columns. */
  @Benchmark
  public long[] open(Backward b) {
    return b.key.open(b.reply, b.columns, b.choice.width(), b.choice.replyLimbs());
  }

  /** A plain read of as many bytes as the kernel's tiles take. */
  @Benchmark
  public long memoryRead(Memory m) {
    long sum = 0;
    for (long word : m.words) {
      sum += word;
    }
    return sum;
  }

  /** One vector of slots, to wire bytes. */
  @Benchmark
  public byte[] encryptSlots(Sealed s) {
    return s.slotKey.encryptSlots(s.plain, 0, s.slots.parameters().degree());
  }

  /** One vector of slots from wire bytes. */
  @Benchmark
  public int readSlots(Sealed s) {
    EncryptedBlock block = s.slots.readSlots(s.slotWire, new SeedRegistry());
    block.close();
    return s.plain.length;
  }

  /** {@value Sealed#FACTORS} products, added up. */
  @Benchmark
  public int slotProducts(Sealed s) {
    try (SlotAccumulator sum = s.slots.slots()) {
      sum.add(s.factors, s.plain);
    }
    return s.plain.length;
  }

  /** The products and their reply. */
  @Benchmark
  public MaskedReply slotProductsAndReply(Sealed s) {
    try (SlotAccumulator sum = s.slots.slots()) {
      sum.add(s.factors, s.plain);
      return sum.finish(s.slotPublic, MASK_KEY, 2);
    }
  }

  /** The key holder's decryption of a reply of slots. */
  @Benchmark
  public long[] openSlots(Sealed s) {
    return s.slotKey.openSlots(s.slotReply, 2);
  }

  /** Products prepared for {@value Sealed#LANES} passes at once: both ways, with all replies. */
  @Benchmark
  public MaskedReply prepareProducts(Sealed s) {
    try (MatrixEvaluator m =
        s.matrix.matrix(s.layout, Sealed.COLUMNS, Sealed.LANES, s.columnOperands)) {
      int perCall = 16 * s.layout.rowsPerBlock();
      for (int from = 0, block = 0; from < Sealed.ROWS; from += perCall, block += 16) {
        int rows = Math.min(perCall, Sealed.ROWS - from);
        m.rows(
            s.x,
            from,
            rows,
            s.rowOperands.subList(block, block + s.layout.blocks(rows)),
            s.publicKey,
            MASK_KEY,
            1);
      }
      return m.finish(s.publicKey, MASK_KEY, 1);
    }
  }
}
