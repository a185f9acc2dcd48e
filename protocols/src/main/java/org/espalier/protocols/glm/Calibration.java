package org.espalier.protocols.glm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.espalier.he.BackwardAccumulator;
import org.espalier.he.EncryptedBlock;
import org.espalier.he.HeContext;
import org.espalier.he.KeyPair;
import org.espalier.he.LaneLayout;
import org.espalier.he.MaskedReply;
import org.espalier.he.MatrixEvaluator;
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
 * on as many processors as it uses there: two or three seconds.
 */
public final class Calibration implements AutoCloseable {
  private static final long BATCH_NANOS = 4_000_000;
  private static final int FEWEST_BATCHES = 6;
  private static final long NATIVE_NANOS = 60_000_000;
  private static final long JAVA_NANOS = 160_000_000;
  private static final int AT_ONCE = 16;

  /** A call of the system and a thread that wakes up, seconds. */
  private static final double SYSTEM_MESSAGE = 2e-5;

  private static final int COLUMNS = 64;
  private static final int ROWS = 4096;

  private final SealedParameters parameters =
      SealedParameters.choose(new SealedWorkload(51, 1 << 14, 1 << 24, 40, 2000));
  private final HeContext matrix = HeContext.of(parameters.matrix().parameters());
  private final HeContext slots = HeContext.of(parameters.slots().parameters());
  private final int degree = parameters.matrix().parameters().degree();
  private final double unit = SharesCost.unit(degree);
  private final PrimeField field = new PrimeField(parameters.matrix().parameters().plain());
  private final byte[] maskKey = Prg.freshSeed();
  private final Prg random = Prg.fresh();
  private final Map<Work, Double> rates = new EnumMap<>(Work.class);

  private Calibration() {}

  /** Measures. */
  public static Rates measure() {
    long began = System.nanoTime();
    try (Calibration calibration = new Calibration()) {
      calibration.rates.put(Work.SET_UP, (System.nanoTime() - began) / 1e9);
      calibration.slots();
      calibration.products();
      calibration.keptTiles();
      calibration.residues();
      calibration.reals();
      calibration.messages();
      return new Rates(calibration.rates);
    }
  }

  @Override
  public void close() {
    matrix.close();
    slots.close();
  }

  /**
   * Seconds of one call: of the best batch of calls. The first ones are slow, as the compiler has
   * not come to them; others are because the machine has other work.
   */
  private static double seconds(Runnable call) {
    return seconds(call, NATIVE_NANOS);
  }

  /** The same of code that is slow until it is compiled. */
  private static double compiled(Runnable call) {
    return seconds(call, JAVA_NANOS);
  }

  private static double seconds(Runnable call, long budget) {
    double best = Double.POSITIVE_INFINITY;
    long first = System.nanoTime();
    for (int batch = 0; batch < FEWEST_BATCHES || System.nanoTime() - first < budget; batch++) {
      int calls = 0;
      long began = System.nanoTime();
      long now;
      do {
        call.run();
        calls++;
        now = System.nanoTime();
      } while (now - began < BATCH_NANOS);
      best = Math.min(best, (now - began) / 1e9 / calls);
    }
    return best;
  }

  private void rate(Work work, double unitsACall, Runnable call) {
    rates.put(work, seconds(call) / unitsACall);
  }

  private void slots() {
    int[] values = new int[degree];
    Arrays.setAll(values, i -> (int) (random.nextLong() >>> 58) - 32);
    try (KeyPair key = slots.generateKey();
        PublicKey read = slots.readPublicKey(key.publicKey(), new SeedRegistry())) {
      rate(
          Work.KEY,
          2 * unit,
          () -> {
            try (KeyPair fresh = slots.generateKey()) {
              slots.readPublicKey(fresh.publicKey(), new SeedRegistry()).close();
            }
          });
      byte[][] ciphertexts = new byte[AT_ONCE][];
      rate(
          Work.SLOT_ENCRYPTION,
          AT_ONCE * unit,
          () -> each(c -> ciphertexts[c] = key.encryptSlots(values, 0, degree)));
      rate(
          Work.SLOT_READ,
          AT_ONCE * unit,
          () -> each(c -> slots.readSlots(ciphertexts[c], new SeedRegistry()).close()));
      List<EncryptedBlock> factors = new ArrayList<>();
      SeedRegistry seeds = new SeedRegistry();
      for (byte[] ciphertext : ciphertexts) {
        factors.add(slots.readSlots(ciphertext, seeds));
      }
      int[] plain = new int[AT_ONCE * degree];
      Arrays.setAll(plain, i -> i % 129 - 64);
      MaskedReply[] reply = new MaskedReply[1];
      try (SlotAccumulator sum = slots.slots()) {
        rate(Work.SLOT_PRODUCT, AT_ONCE * unit, () -> sum.add(factors, plain));
      }
      rate(
          Work.SLOT_REPLY,
          unit,
          () -> {
            try (SlotAccumulator sum = slots.slots()) {
              reply[0] = sum.finish(read, maskKey, parameters.slots().replyLimbs());
            }
          });
      rate(
          Work.SLOT_OPENING,
          unit,
          () -> key.openSlots(reply[0].wire(), parameters.slots().replyLimbs()));
      factors.forEach(EncryptedBlock::close);
    }
    double[] angles = new double[degree];
    Arrays.setAll(angles, i -> 2 * Math.PI * random.nextDouble());
    int[] out = new int[degree];
    // On one processor: a call is short enough for the compiler to come to it soon.
    rates.put(Work.WAVE, compiled(() -> wave(angles, out)) / degree / processors());
  }

  private static void wave(double[] angles, int[] out) {
    Prg coins = Prg.fresh();
    for (int i = 0; i < angles.length; i++) {
      out[i] = (int) coins.roundStochastically(Math.scalb(Math.sin(3 * angles[i]), 10));
    }
  }

  private static int processors() {
    return Runtime.getRuntime().availableProcessors();
  }

  private static void each(IntConsumer task) {
    IntStream.range(0, AT_ONCE).parallel().forEach(task);
  }

  /** Blocks of rows, and a vector a lane for them. */
  private record Batch(LaneLayout layout, int rows, int[] x, long[][] vectors) {}

  private Batch batch(int lanes) {
    LaneLayout layout = new LaneLayout(degree, lanes, 4);
    int rows = AT_ONCE * layout.rowsPerBlock();
    long[][] vectors = new long[lanes][];
    for (int s = 0; s < lanes; s++) {
      vectors[s] = field.uniform(random, rows);
    }
    int[] x = new int[rows * COLUMNS];
    Arrays.setAll(x, i -> i % 33 - 16);
    return new Batch(layout, rows, x, vectors);
  }

  private static void encrypt(KeyPair key, Batch batch, byte[][] ciphertexts) {
    LaneLayout layout = batch.layout();
    each(b -> ciphertexts[b] = key.encryptRows(layout, batch.vectors(), b, layout.rowsPerBlock()));
  }

  private List<EncryptedBlock> read(byte[][] ciphertexts) {
    SeedRegistry seeds = new SeedRegistry();
    return Arrays.stream(ciphertexts).map(bytes -> matrix.readBlock(bytes, seeds)).toList();
  }

  /** A batch of blocks times one operand each way, in one lane and in sixteen; then operands. */
  private void products() {
    double one = tileSeconds(batch(1));
    Batch lanes = batch(16);
    double sixteen = tileSeconds(lanes);
    double transform = Math.max(0, (one - sixteen) / (1 - 1.0 / 16));
    rates.put(Work.TILE_TRANSFORM, transform);
    rates.put(Work.TILE, Math.max(0, one - transform));
    operands(lanes);
  }

  private double tileSeconds(Batch batch) {
    try (KeyPair key = matrix.generateKey();
        PublicKey read = matrix.readPublicKey(key.publicKey(), new SeedRegistry());
        MatrixEvaluator evaluator =
            matrix.matrix(batch.layout(), COLUMNS, batch.layout().lanes(), List.of())) {
      byte[][] ciphertexts = new byte[AT_ONCE][];
      encrypt(key, batch, ciphertexts);
      List<EncryptedBlock> operands = read(ciphertexts);
      try {
        double seconds =
            seconds(() -> evaluator.rows(batch.x(), 0, batch.rows(), operands, read, maskKey, 1));
        return seconds / (AT_ONCE * batch.layout().groups(COLUMNS) * unit);
      } finally {
        operands.forEach(EncryptedBlock::close);
      }
    }
  }

  private void operands(Batch batch) {
    LaneLayout layout = batch.layout();
    int groups = layout.groups(COLUMNS);
    try (KeyPair key = matrix.generateKey();
        PublicKey read = matrix.readPublicKey(key.publicKey(), new SeedRegistry());
        MatrixEvaluator evaluator = matrix.matrix(layout, COLUMNS, layout.lanes(), List.of())) {
      byte[][] ciphertexts = new byte[AT_ONCE][];
      rate(Work.OPERAND_ENCRYPTION, AT_ONCE * unit, () -> encrypt(key, batch, ciphertexts));
      rate(
          Work.OPERAND_READ,
          AT_ONCE * unit,
          () -> each(b -> matrix.readBlock(ciphertexts[b], new SeedRegistry()).close()));
      List<EncryptedBlock> operands = read(ciphertexts);
      try {
        evaluator.rows(batch.x(), 0, batch.rows(), operands, read, maskKey, 1);
      } finally {
        operands.forEach(EncryptedBlock::close);
      }
      long began = System.nanoTime();
      MaskedReply reply = evaluator.finish(read, maskKey, 1);
      rates.put(Work.OPERAND_REPLY, (System.nanoTime() - began) / 1e9 / groups / unit);
      rate(
          Work.OPERAND_OPENING,
          groups * unit,
          () -> key.openColumns(layout, reply.wire(), layout.lanes(), COLUMNS, 1));
    }
  }

  /** The kernel of level {@code gradients}. */
  private void keptTiles() {
    int rows = AT_ONCE * degree;
    int columns = 8;
    int[] x = new int[rows * columns];
    Arrays.setAll(x, i -> i % 33 - 16);
    long[] residuals = field.uniform(random, rows);
    try (KeyPair key = matrix.generateKey();
        TileStore tiles = TileStore.of(matrix, x, rows, columns, 1)) {
      byte[][] ciphertexts = new byte[AT_ONCE][];
      each(b -> ciphertexts[b] = key.encryptBlock(residuals, b * degree, degree, 1));
      double all =
          seconds(
              () -> {
                SeedRegistry seeds = new SeedRegistry();
                try (BackwardAccumulator sum = tiles.backward()) {
                  for (int b = 0; b < AT_ONCE; b++) {
                    // The accumulator closes what it has taken.
                    sum.add(b, matrix.readBlock(ciphertexts[b], seeds));
                  }
                }
              });
      double reading = rates.get(Work.OPERAND_READ) * AT_ONCE * unit;
      rates.put(Work.KEPT_TILE, Math.max(0, all - reading) / (AT_ONCE * columns * unit));
    }
  }

  private void residues() {
    int length = 1 << 16;
    long[][] vectors = {field.uniform(random, length), field.uniform(random, length)};
    rate(Work.UNIFORM, length, () -> vectors[1] = field.uniform(random, length));
    rate(Work.ADDITION, length, () -> field.addTo(vectors[0], vectors[1]));
    rate(Work.FIELD_PRODUCT, length, () -> field.addMultiple(vectors[0], 12345, vectors[1]));
    rate(
        Work.PACKED, length, () -> new Encoder().putPacked(vectors[0], field.bits()).toByteArray());
    double[] x = new double[ROWS];
    Arrays.setAll(x, i -> 100 * random.nextGaussian());
    short[] rounded = new short[ROWS];
    rates.put(Work.ROUNDING, compiled(() -> round(x, rounded)) / ROWS / processors());
    int rows = 8 * IntegerMatrix.CHUNK_ROWS;
    double narrow = productSeconds(rows, 1);
    double wide = productSeconds(rows, COLUMNS + 1);
    double entry = Math.max(0, (wide - narrow) / COLUMNS);
    rates.put(Work.INTEGER_PRODUCT, entry);
    rates.put(Work.INTEGER_ROW, Math.max(0, narrow - entry));
  }

  private static void round(double[] from, short[] to) {
    Prg coins = Prg.fresh();
    for (int i = 0; i < from.length; i++) {
      to[i] = (short) coins.roundStochastically(from[i]);
    }
  }

  /** Of a row. */
  private double productSeconds(int rows, int columns) {
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
            })
        / 2
        / rows;
  }

  private void reals() {
    int wide = 96;
    int narrow = 8;
    double[] columns = {wide, narrow};
    double[] spent = new double[2];
    for (int k = 0; k < 2; k++) {
      Matrix x = normal(ROWS, (int) columns[k]);
      Whitening whitening = Whitening.of(x, 1e-3);
      spent[k] =
          seconds(
                  () -> {
                    x.gram();
                    whitening.apply(x);
                  })
              / ROWS;
    }
    double square = (spent[0] / wide - spent[1] / narrow) / (wide - narrow);
    rates.put(Work.WHITENING, Math.max(0, square));
    rates.put(Work.WHITENING_ENTRY, Math.max(0, spent[1] / narrow - square * narrow));
    Matrix few = normal(wide, wide);
    rate(Work.ROTATION, Math.pow(wide, 3), () -> Whitening.of(few, 1));
    Matrix x = normal(ROWS, wide);
    rate(Work.FIT, (double) ROWS * wide * wide, x::gram);
    double[] w = new double[wide];
    Arrays.fill(w, 0.5);
    rate(Work.REAL_PRODUCT, (double) ROWS * wide, () -> x.times(w));
  }

  private Matrix normal(int rows, int columns) {
    double[] values = new double[rows * columns];
    Arrays.setAll(values, i -> random.nextGaussian());
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
    double small = messageSeconds(1);
    double large = messageSeconds(bytes);
    rates.put(Work.MESSAGE_BYTE, Math.max(0, large - small) / 2 / bytes);
    rates.put(Work.MESSAGE, small / 2 + SYSTEM_MESSAGE);
  }

  private static double messageSeconds(int bytes) {
    Party here = new Party("here");
    Party there = new Party("there");
    Bytes message = new Bytes(new byte[bytes]);
    try (MemoryNetwork network = new MemoryNetwork()) {
      Channel sender = network.channel(here, there);
      Channel receiver = network.channel(there, here);
      return compiled(
          () -> {
            sender.send(message);
            receiver.receive(Bytes.TYPE, 1 << 20);
          });
    }
  }
}
