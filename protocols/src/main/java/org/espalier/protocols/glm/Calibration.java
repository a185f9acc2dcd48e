package org.espalier.protocols.glm;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.espalier.he.BackwardAccumulator;
import org.espalier.he.EncryptedBlock;
import org.espalier.he.HeContext;
import org.espalier.he.KeyPair;
import org.espalier.he.LaneLayout;
import org.espalier.he.MaskedReply;
import org.espalier.he.MatrixEvaluator;
import org.espalier.he.Parameters;
import org.espalier.he.PublicKey;
import org.espalier.he.SealedParameters;
import org.espalier.he.SealedWorkload;
import org.espalier.he.SeedRegistry;
import org.espalier.he.SlotAccumulator;
import org.espalier.he.TileStore;
import org.espalier.protocols.cost.Rates;
import org.espalier.protocols.cost.Work;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Whitening;
import org.espalier.protocols.shares.IntegerMatrix;
import org.espalier.protocols.shares.PrimeField;
import org.espalier.protocols.shares.SharesCost;
import org.espalier.protocols.shares.Workspace;
import org.espalier.wire.Channel;
import org.espalier.wire.Encoder;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;
import org.espalier.wire.Party;
import org.espalier.wire.memory.MemoryNetwork;

/**
 * Measures how fast this machine does each kind of work of a training, with the code that does it,
 * on as many processors as it uses there: less than two seconds, longer only beside other work.
 *
 * <p>All kinds take turns, a few milliseconds each, and of each the best turn counts: what disturbs
 * the machine for a moment spoils a turn and no figure, and the compiler has the whole time for
 * what is slow until it is compiled.
 */
public final class Calibration implements AutoCloseable {
  private static final long ROUNDS_NANOS = 900_000_000;
  private static final long MOST_NANOS = 5 * ROUNDS_NANOS;
  private static final int FEWEST_ROUNDS = 8;
  private static final int NATIVE_EVERY = 3;

  /** Least time of a turn: the clock's own cost is nothing beside it. */
  private static final long TURN_NANOS = 1_000_000;

  /**
   * Classes that are not loaded and code that is not compiled when a training begins, seconds: the
   * first training of a process took 1 to 2.4 s more than the next ones.
   */
  private static final double COLD = 1.7;

  private static final int FRESH_BYTES = 32 << 20;

  /** As level {@code gradients} has them for 100,000 rows and some hundred columns. */
  private static final Parameters GRADIENTS =
      new Parameters(8192, new long[] {137438822401L, 34359410689L}, 268369921L);

  /** A call of the system and a thread that wakes up, seconds. */
  private static final double SYSTEM_MESSAGE = 2e-5;

  /** Columns of matrices: of a wide and of a narrow one, and of one in between. */
  private static final int WIDE = 64;

  private static final int NARROW = 8;
  private static final int COLUMNS = 16;
  private static final int ROWS = 512;
  private static final int MANY_LANES = 16;

  /** Ciphertexts of a product, as many as in a training: a call has a cost of its own. */
  private static final int BLOCKS = 16;

  /** Ciphertexts at once: enough to share among processors, and a batch of a training at most. */
  private final int atOnce = 4 * Math.min(4, processors());

  private final SealedParameters parameters;
  private final HeContext matrix;
  private final HeContext slots;
  private final int degree;
  private final double unit;
  private final PrimeField field;
  private final byte[] maskKey = Prg.freshSeed();
  private final Prg random = Prg.fresh();
  private final Map<Work, Double> rates = new EnumMap<>(Work.class);
  private final List<Turn> ready = new ArrayList<>();
  private final List<Turn> compiled = new ArrayList<>();
  private final List<Runnable> results = new ArrayList<>();
  private final Deque<Runnable> closing = new ArrayDeque<>();

  private Calibration() {
    // Once more, since the first time loads the native code, too.
    choose().close();
    long began = System.nanoTime();
    Contexts contexts = choose();
    rates.put(Work.SET_UP, (System.nanoTime() - began) / 1e9 + COLD);
    parameters = contexts.parameters();
    matrix = contexts.matrix();
    slots = contexts.slots();
    closing.push(contexts::close);
    degree = matrix.parameters().degree();
    unit = SharesCost.unit(degree);
    field = new PrimeField(matrix.parameters().plain());
  }

  private record Contexts(SealedParameters parameters, HeContext matrix, HeContext slots) {
    void close() {
      matrix.close();
      slots.close();
    }
  }

  private static Contexts choose() {
    SealedParameters parameters =
        SealedParameters.choose(new SealedWorkload(51, 1 << 14, 1 << 24, 40, 2000));
    return new Contexts(
        parameters,
        HeContext.of(parameters.matrix().parameters()),
        HeContext.of(parameters.slots().parameters()));
  }

  /** Measures. */
  public static Rates measure() {
    try (Calibration calibration = new Calibration()) {
      calibration.slots();
      calibration.products();
      calibration.tiles();
      calibration.residues();
      calibration.reals();
      calibration.messages();
      calibration.takeTurns();
      calibration.results.forEach(Runnable::run);
      return new Rates(calibration.rates);
    }
  }

  @Override
  public void close() {
    closing.forEach(Runnable::run);
  }

  private <T> T closed(T resource, Consumer<T> close) {
    closing.push(() -> close.accept(resource));
    return resource;
  }

  /** Something that is timed. */
  private static final class Turn {
    private final Runnable call;
    private double best = Double.POSITIVE_INFINITY;

    Turn(Runnable call) {
      this.call = call;
    }

    void take() {
      int calls = 0;
      long began = System.nanoTime();
      long now;
      do {
        call.run();
        calls++;
        now = System.nanoTime();
      } while (now - began < TURN_NANOS);
      best = Math.min(best, (now - began) / 1e9 / calls);
    }

    /** Seconds of a call. */
    double seconds() {
      return best;
    }
  }

  /** Native code, as fast at once as it ever is. */
  private Turn ready(Runnable call) {
    Turn turn = new Turn(call);
    ready.add(turn);
    return turn;
  }

  /** Code that is slow until it is compiled. */
  private Turn compiled(Runnable call) {
    Turn turn = new Turn(call);
    compiled.add(turn);
    return turn;
  }

  private void takeTurns() {
    long first = System.nanoTime();
    long used = processorNanos();
    for (int round = 0; true; round++) {
      long passed = System.nanoTime() - first;
      boolean enough = passed > ROUNDS_NANOS && processorNanos() - used > ROUNDS_NANOS;
      if (round >= FEWEST_ROUNDS && (enough || passed > MOST_NANOS)) {
        return;
      }
      compiled.forEach(Turn::take);
      if (round % NATIVE_EVERY == 0) {
        ready.forEach(Turn::take);
      }
    }
  }

  /** Of this process: a machine that has other work takes longer for as many turns. */
  private static long processorNanos() {
    return ProcessHandle.current().info().totalCpuDuration().map(Duration::toNanos).orElse(0L);
  }

  private void readyRate(Work work, double unitsACall, Runnable call) {
    Turn turn = ready(call);
    rate(work, () -> turn.seconds() / unitsACall);
  }

  private void compiledRate(Work work, double unitsACall, Runnable call) {
    Turn turn = compiled(call);
    rate(work, () -> turn.seconds() / unitsACall);
  }

  /** The system clears memory that it gives, page by page: once, since the next turn has it. */
  private static double freshByte() {
    long began = System.nanoTime();
    ByteBuffer.allocateDirect(FRESH_BYTES);
    return (System.nanoTime() - began) / 1e9 / FRESH_BYTES;
  }

  /** What is computed from several turns; not below 0, as a difference may be. */
  private void rate(Work work, DoubleSupplier seconds) {
    results.add(() -> rates.put(work, Math.max(0, seconds.getAsDouble())));
  }

  private void slots() {
    int[] values = new int[degree];
    Arrays.fill(values, 31);
    KeyPair key = closed(slots.generateKey(), KeyPair::close);
    PublicKey read =
        closed(slots.readPublicKey(key.publicKey(), new SeedRegistry()), PublicKey::close);
    readyRate(
        Work.KEY,
        2 * unit,
        () -> {
          try (KeyPair fresh = slots.generateKey()) {
            slots.readPublicKey(fresh.publicKey(), new SeedRegistry()).close();
          }
        });
    byte[][] ciphertexts = new byte[atOnce][];
    each(c -> ciphertexts[c] = key.encryptSlots(values, 0, degree));
    readyRate(
        Work.SLOT_ENCRYPTION, atOnce * unit, () -> each(c -> key.encryptSlots(values, 0, degree)));
    readyRate(
        Work.SLOT_READ,
        atOnce * unit,
        () -> each(c -> slots.readSlots(ciphertexts[c], new SeedRegistry()).close()));
    List<EncryptedBlock> factors = new ArrayList<>();
    for (int c = 0; c < BLOCKS; c++) {
      factors.add(
          closed(
              slots.readSlots(ciphertexts[c % atOnce], new SeedRegistry()), EncryptedBlock::close));
    }
    int[] plain = new int[BLOCKS * degree];
    Arrays.fill(plain, 63);
    SlotAccumulator sum = closed(slots.slots(), SlotAccumulator::close);
    readyRate(Work.SLOT_PRODUCT, BLOCKS * unit, () -> sum.add(factors, plain));
    int limbs = parameters.slots().replyLimbs();
    MaskedReply reply = slotReply(read, limbs);
    readyRate(Work.SLOT_REPLY, unit, () -> slotReply(read, limbs));
    readyRate(Work.SLOT_OPENING, unit, () -> key.openSlots(reply.wire(), limbs));
    double[] angles = new double[degree];
    Arrays.fill(angles, 1.5);
    int[] out = new int[degree];
    compiledRate(Work.WAVE, (double) degree * processors(), () -> wave(angles, out));
  }

  private MaskedReply slotReply(PublicKey key, int limbs) {
    try (SlotAccumulator sum = slots.slots()) {
      return sum.finish(key, maskKey, limbs);
    }
  }

  /** On one processor: the caller divides by their number. */
  private static void wave(double[] angles, int[] out) {
    Prg coins = Prg.fresh();
    for (int i = 0; i < angles.length; i++) {
      out[i] = (int) coins.roundStochastically(Math.scalb(Math.sin(3 * angles[i]), 10));
    }
  }

  private static int processors() {
    return Runtime.getRuntime().availableProcessors();
  }

  private void each(IntConsumer task) {
    each(atOnce, task);
  }

  private static void each(int count, IntConsumer task) {
    IntStream.range(0, count).parallel().forEach(task);
  }

  /** Blocks of rows and a vector a lane for them, encrypted. */
  private final class Blocks {
    private final LaneLayout layout;
    private final int columns;
    private final int rows;
    private final int[] x;
    private final long[][] vectors;
    private final KeyPair key = closed(matrix.generateKey(), KeyPair::close);
    private final PublicKey read =
        closed(matrix.readPublicKey(key.publicKey(), new SeedRegistry()), PublicKey::close);
    private final byte[][] ciphertexts = new byte[BLOCKS][];
    private final List<EncryptedBlock> operands = new ArrayList<>();
    private final MatrixEvaluator evaluator;

    Blocks(int lanes, int columns) {
      this.columns = columns;
      layout = new LaneLayout(degree, lanes, 4);
      rows = BLOCKS * layout.rowsPerBlock();
      vectors = new long[lanes][];
      Arrays.fill(vectors, field.uniform(random, rows));
      x = new int[rows * columns];
      Arrays.fill(x, 15);
      encrypt(BLOCKS);
      SeedRegistry seeds = new SeedRegistry();
      for (byte[] ciphertext : ciphertexts) {
        operands.add(closed(matrix.readBlock(ciphertext, seeds), EncryptedBlock::close));
      }
      evaluator = closed(evaluator(), MatrixEvaluator::close);
    }

    private MatrixEvaluator evaluator() {
      return matrix.matrix(layout, columns, layout.lanes(), List.of());
    }

    void encrypt(int count) {
      each(count, b -> ciphertexts[b] = key.encryptRows(layout, vectors, b, layout.rowsPerBlock()));
    }

    void read(int count) {
      each(count, b -> matrix.readBlock(ciphertexts[b], new SeedRegistry()).close());
    }

    int groups() {
      return layout.groups(columns);
    }

    void multiply() {
      evaluator.rows(x, 0, rows, operands, read, maskKey, 1);
    }

    /** Of nothing, which takes as long as of anything. */
    MaskedReply reply() {
      try (MatrixEvaluator fresh = evaluator()) {
        return fresh.finish(read, maskKey, 1);
      }
    }

    void open(MaskedReply reply) {
      key.openColumns(layout, reply.wire(), layout.lanes(), columns, 1);
    }
  }

  /**
   * A batch of blocks times one operand, in one lane and in many: the former takes a transform for
   * each tile and lane. Few columns show what a block costs beside its tiles.
   */
  private void products() {
    Blocks single = new Blocks(1, COLUMNS);
    Blocks many = new Blocks(MANY_LANES, WIDE);
    Blocks few = new Blocks(MANY_LANES, NARROW);
    Turn one = ready(single::multiply);
    Turn wide = ready(many::multiply);
    Turn narrow = ready(few::multiply);
    double blocks = BLOCKS * unit;
    DoubleSupplier tile =
        () ->
            Math.max(0, wide.seconds() - narrow.seconds())
                / (many.groups() - few.groups())
                / blocks;
    DoubleSupplier block =
        () -> Math.max(0, narrow.seconds() / blocks - few.groups() * tile.getAsDouble());
    DoubleSupplier transform =
        () ->
            Math.max(
                    0,
                    (one.seconds() / blocks - block.getAsDouble()) / single.groups()
                        - tile.getAsDouble())
                / (1 - 1.0 / MANY_LANES);
    rate(Work.BLOCK, block);
    rate(Work.TILE_TRANSFORM, transform);
    rate(Work.TILE, () -> tile.getAsDouble() - transform.getAsDouble() / MANY_LANES);
    readyRate(Work.OPERAND_ENCRYPTION, atOnce * unit, () -> few.encrypt(atOnce));
    readyRate(Work.OPERAND_READ, atOnce * unit, () -> few.read(atOnce));
    MaskedReply reply = few.reply();
    readyRate(Work.OPERAND_REPLY, few.groups() * unit, few::reply);
    readyRate(Work.OPERAND_OPENING, few.groups() * unit, () -> few.open(reply));
  }

  /** The kernel of level {@code gradients}: its primes are shorter than those of level sealed. */
  private void tiles() {
    HeContext context = closed(HeContext.of(GRADIENTS), HeContext::close);
    int length = GRADIENTS.degree();
    int rows = atOnce * length;
    int[] x = new int[rows * COLUMNS];
    Arrays.fill(x, 15);
    long[] residuals = new long[rows];
    KeyPair key = closed(context.generateKey(), KeyPair::close);
    byte[][] ciphertexts = new byte[atOnce][];
    each(b -> ciphertexts[b] = key.encryptBlock(residuals, b * length, length, 1));
    Turn reading =
        ready(
            () -> {
              SeedRegistry seeds = new SeedRegistry();
              for (byte[] ciphertext : ciphertexts) {
                context.readBlock(ciphertext, seeds).close();
              }
            });
    double tiles = atOnce * COLUMNS * SharesCost.unit(length);
    Turn kept = products(context, TileStore.of(context, x, rows, COLUMNS, 1), ciphertexts);
    rate(Work.KEPT_TILE, () -> (kept.seconds() - reading.seconds()) / tiles);
    TileStore.Shape none = new TileStore.Shape(rows, COLUMNS, 1, 15, 0);
    TileStore unkept = TileStore.of(context, none, (from, count, out) -> Arrays.fill(out, 15));
    Turn made = products(context, unkept, ciphertexts);
    rate(Work.MADE_TILE, () -> (made.seconds() - reading.seconds()) / tiles);
  }

  private Turn products(HeContext context, TileStore store, byte[][] ciphertexts) {
    TileStore tiles = closed(store, TileStore::close);
    return ready(
        () -> {
          SeedRegistry seeds = new SeedRegistry();
          try (BackwardAccumulator sum = tiles.backward()) {
            for (int b = 0; b < ciphertexts.length; b++) {
              // The accumulator closes what it has taken.
              sum.add(b, context.readBlock(ciphertexts[b], seeds));
            }
          }
        });
  }

  private void residues() {
    int length = 1 << 14;
    long[] vector = field.uniform(random, length);
    long[] other = field.uniform(random, length);
    compiledRate(Work.UNIFORM, length, () -> field.uniform(random, length));
    compiledRate(Work.ADDITION, length, () -> field.addTo(vector, other));
    compiledRate(Work.FIELD_PRODUCT, length, () -> field.addMultiple(vector, 12345, other));
    compiledRate(
        Work.PACKED, length, () -> new Encoder().putPacked(vector, field.bits()).toByteArray());
    double[] x = new double[length];
    Arrays.fill(x, 12.3);
    short[] rounded = new short[length];
    compiledRate(Work.ROUNDING, (double) length * processors(), () -> round(x, rounded));
    int rows = processors() * IntegerMatrix.CHUNK_ROWS;
    Turn narrow = integerProducts(rows, 1);
    Turn wide = integerProducts(rows, WIDE + 1);
    DoubleSupplier entry = () -> Math.max(0, wide.seconds() - narrow.seconds()) / WIDE / (2 * rows);
    rate(Work.INTEGER_PRODUCT, entry);
    rate(Work.INTEGER_ROW, () -> narrow.seconds() / (2 * rows) - entry.getAsDouble());
  }

  private static void round(double[] from, short[] to) {
    Prg coins = Prg.fresh();
    for (int i = 0; i < from.length; i++) {
      to[i] = (short) coins.roundStochastically(from[i]);
    }
  }

  /** One each way. */
  private Turn integerProducts(int rows, int columns) {
    IntegerMatrix x =
        new IntegerMatrix(
            rows,
            columns,
            Workspace.inMemory(),
            (from, count, values) -> Arrays.fill(values, (short) 7));
    long[] w = field.uniform(random, columns);
    long[] r = field.uniform(random, rows);
    return compiled(
        () -> {
          x.times(field, w);
          x.transposeTimes(field, r);
        });
  }

  private void reals() {
    Turn wide = whitening(WIDE);
    Turn narrow = whitening(NARROW);
    DoubleSupplier square =
        () ->
            Math.max(0, wide.seconds() / WIDE - narrow.seconds() / NARROW) / (WIDE - NARROW) / ROWS;
    rate(Work.WHITENING, square);
    rate(
        Work.WHITENING_ENTRY,
        () -> narrow.seconds() / NARROW / ROWS - square.getAsDouble() * NARROW);
    Matrix few = constant(WIDE, WIDE);
    compiledRate(Work.ROTATION, Math.pow(WIDE, 3), () -> Whitening.of(few, 1));
    Matrix x = constant(ROWS, WIDE);
    rates.put(Work.FRESH_BYTE, freshByte());
    compiledRate(Work.FIT, (double) ROWS * WIDE * WIDE, x::gram);
    double[] w = new double[WIDE];
    Arrays.fill(w, 0.5);
    compiledRate(Work.REAL_PRODUCT, (double) ROWS * WIDE, () -> x.times(w));
  }

  private Turn whitening(int columns) {
    Matrix x = constant(ROWS, columns);
    Whitening whitening = Whitening.of(x, 1);
    return compiled(
        () -> {
          x.gram();
          whitening.apply(x);
        });
  }

  /** Time does not depend on the values. */
  private static Matrix constant(int rows, int columns) {
    double[] values = new double[rows * columns];
    Arrays.fill(values, 0.5);
    return new Matrix(rows, columns, values);
  }

  private record Bytes(byte[] bytes) implements Message {
    static final MessageType<Bytes> TYPE =
        new MessageType<>(1, "bytes", in -> new Bytes(in.getBytes("bytes", 1 << 20)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putBytes(bytes);
    }
  }

  /** Written, hashed, read, hashed again; the system's part of a message is not in it. */
  private void messages() {
    int bytes = 1 << 18;
    Turn small = message(1);
    Turn large = message(bytes);
    rate(Work.MESSAGE_BYTE, () -> (large.seconds() - small.seconds()) / 2 / bytes);
    rate(Work.MESSAGE, () -> small.seconds() / 2 + SYSTEM_MESSAGE);
  }

  private Turn message(int bytes) {
    Party here = new Party("here");
    Party there = new Party("there");
    Bytes message = new Bytes(new byte[bytes]);
    MemoryNetwork network = closed(new MemoryNetwork(), MemoryNetwork::close);
    Channel sender = network.channel(here, there);
    Channel receiver = network.channel(there, here);
    return compiled(
        () -> {
          sender.send(message);
          receiver.receive(Bytes.TYPE, 1 << 20);
        });
  }
}
