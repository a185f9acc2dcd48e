package org.espalier.he;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.espalier.he.nativelib.Native;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Products in lanes and in slots over the whole path of a message, against the naive ones. */
class SealedProductsTest {
  private static final int DEGREE = 8192;

  private final Parameters p = parameters(60, 2);
  private final HeContext context = HeContext.of(p);
  private final KeyPair key = context.generateKey();
  private final PublicKey pk = context.readPublicKey(key.publicKey(), new SeedRegistry());
  private final SeedRegistry seeds = new SeedRegistry();
  private final byte[] maskKey = new byte[32];
  private final Random random = new Random(51);

  private static Parameters parameters(int bits, int limbs) {
    return new Parameters(
        DEGREE,
        IntStream.range(0, limbs).mapToLong(k -> Native.primeBelow(DEGREE, bits, k)).toArray(),
        Native.primeBelow(DEGREE, 51, 0));
  }

  @AfterEach
  void close() {
    pk.close();
    key.close();
    context.close();
  }

  @Test
  void aKeyIsTheSameForTheSameSeedOnly() {
    byte[] seed = new byte[KeyPair.SEED_BYTES];
    random.nextBytes(seed);
    LaneLayout layout = new LaneLayout(DEGREE, 1, 64);
    long[][] b = uniform(1, 40);
    int[] x = ints(7 * 40, 1000);
    byte[] operand;
    byte[] firstPublic;
    try (KeyPair first = context.keyOf(seed)) {
      firstPublic = first.publicKey();
      operand = first.encryptColumns(layout, b, 0);
    }
    MaskedReply reply;
    try (PublicKey firstKey = context.readPublicKey(firstPublic, seeds);
        EncryptedBlock block = context.readBlock(operand, seeds);
        MatrixEvaluator evaluator = context.matrix(layout, 40, 1, List.of(block))) {
      reply = evaluator.rows(x, 0, 7, List.of(), firstKey, maskKey, 1).get(0);
    }
    byte[] otherSeed = seed.clone();
    otherSeed[31] ^= 1;
    try (KeyPair again = context.keyOf(seed);
        KeyPair other = context.keyOf(otherSeed)) {
      assertThat(again.publicKey()).as("fresh randomness").isNotEqualTo(firstPublic);
      assertThat(largestError(x, b[0], reply, again, layout)).isLessThan(2);
      assertThat(largestError(x, b[0], reply, other, layout)).isGreaterThan(1L << 40);
    }
    assertThatThrownBy(() -> context.keyOf(new byte[31])).hasMessageContaining("32 bytes");
  }

  /** Of seven rows of 40 columns. */
  private long largestError(
      int[] x, long[] b, MaskedReply reply, KeyPair opening, LaneLayout layout) {
    long[] opened = opening.openRows(layout, reply.wire(), 1, 7, 1)[0];
    long worst = 0;
    for (int i = 0; i < 7; i++) {
      BigInteger exact = BigInteger.ZERO;
      for (int j = 0; j < 40; j++) {
        exact = exact.add(BigInteger.valueOf(x[i * 40 + j]).multiply(BigInteger.valueOf(b[j])));
      }
      long product = exact.mod(BigInteger.valueOf(p.plain())).longValueExact();
      long got = p.addPlain(opened[i], reply.shares()[i]);
      worst = Math.max(worst, Math.abs(p.centre(Math.floorMod(got - product, p.plain()))));
    }
    return worst;
  }

  private long[][] uniform(int vectors, int length) {
    long[][] out = new long[vectors][];
    for (int s = 0; s < vectors; s++) {
      out[s] = random.longs(length, 0, p.plain()).toArray();
    }
    return out;
  }

  private int[] ints(int count, int bound) {
    return random.ints(count, -bound, bound + 1).toArray();
  }

  private List<EncryptedBlock> columnOperands(LaneLayout layout, long[][] vectors) {
    return IntStream.range(0, layout.groups(vectors[0].length))
        .mapToObj(g -> context.readBlock(key.encryptColumns(layout, vectors, g), seeds))
        .toList();
  }

  private EncryptedBlock rowOperand(LaneLayout layout, long[][] vectors, int block) {
    int rows = Math.min(layout.rowsPerBlock(), vectors[0].length - block * layout.rowsPerBlock());
    return context.readBlock(key.encryptRows(layout, vectors, block, rows), seeds);
  }

  /** Units between a sum and the true result of a product, modulo t. */
  private long distance(long opened, long share, BigInteger expected) {
    long t = p.plain();
    long truth = expected.mod(BigInteger.valueOf(t)).longValueExact();
    return Math.abs(p.centre(Math.floorMod(p.addPlain(opened, share) - truth, t)));
  }

  private static BigInteger inner(int length, IntUnaryOperator x, long[] v) {
    BigInteger sum = BigInteger.ZERO;
    for (int i = 0; i < length; i++) {
      sum = sum.add(BigInteger.valueOf(x.applyAsInt(i)).multiply(BigInteger.valueOf(v[i])));
    }
    return sum;
  }

  @ParameterizedTest
  @CsvSource({
    // lanes, width, vectors, rows, columns, blocks a call, X·b, Xᵀ·r
    "16, 1, 15, 600, 5, 16, true, true",
    "32, 4, 25, 130, 9, 2, true, true",
    "8, 2, 8, 700, 3, 1, false, true",
    "8, 2, 3, 700, 3, 2, true, false",
    "1, 1, 1, 9000, 2, 16, true, true",
    "64, 16, 64, 20, 33, 16, true, true"
  })
  void matrix(
      int lanes,
      int width,
      int vectors,
      int rows,
      int columns,
      int batch,
      boolean forward,
      boolean backward) {
    LaneLayout layout = new LaneLayout(DEGREE, lanes, width);
    int perBlock = layout.rowsPerBlock();
    int[] x = ints(rows * columns, 4000);
    long[][] b = uniform(vectors, columns);
    long[][] r = uniform(vectors, rows);
    List<EncryptedBlock> operands = forward ? columnOperands(layout, b) : List.of();
    long worst = 0;
    try (MatrixEvaluator evaluator = context.matrix(layout, columns, vectors, operands)) {
      operands.forEach(NativeObject::close); // the evaluator keeps what it needs
      for (int block = 0; block < layout.blocks(rows); block += batch) {
        int from = block * perBlock;
        int count = Math.min(rows - from, batch * perBlock);
        List<EncryptedBlock> received = new ArrayList<>();
        for (int k = block; backward && k < block + layout.blocks(count); k++) {
          received.add(rowOperand(layout, r, k));
        }
        List<MaskedReply> replies = evaluator.rows(x, from, count, received, pk, maskKey, 1);
        received.forEach(NativeObject::close);
        assertThat(replies).hasSize(forward ? layout.blocks(count) : 0);
        for (MaskedReply reply : replies) {
          int here = Math.min(perBlock, rows - from);
          assertThat(reply.wire()).hasSize((int) context.rowReplyBytes(layout, vectors, here, 1));
          long[][] opened = key.openRows(layout, reply.wire(), vectors, here, 1);
          for (int s = 0; s < vectors; s++) {
            for (int i = 0; i < here; i++) {
              int row = (from + i) * columns;
              BigInteger truth = inner(columns, j -> x[row + j], b[s]);
              worst = Math.max(worst, distance(opened[s][i], reply.shares()[s * here + i], truth));
            }
          }
          from += perBlock;
        }
      }
      if (backward) {
        MaskedReply reply = evaluator.finish(pk, maskKey, 1);
        assertThat(reply.wire())
            .hasSize((int) context.columnReplyBytes(layout, vectors, columns, 1));
        long[][] opened = key.openColumns(layout, reply.wire(), vectors, columns, 1);
        for (int s = 0; s < vectors; s++) {
          for (int j = 0; j < columns; j++) {
            int column = j;
            BigInteger truth = inner(rows, i -> x[i * columns + column], r[s]);
            worst = Math.max(worst, distance(opened[s][j], reply.shares()[s * columns + j], truth));
          }
        }
      }
    }
    assertThat(worst).isLessThanOrEqualTo(1);
  }

  @Test
  void slotsAreExactOverSeveralBlocks() {
    Parameters three = parameters(52, 3);
    int factors = 12;
    try (HeContext ring = HeContext.of(three);
        KeyPair holder = ring.generateKey();
        PublicKey holderKey = ring.readPublicKey(holder.publicKey(), new SeedRegistry());
        SlotAccumulator sum = ring.slots()) {
      long t = three.plain();
      long[] expected = new long[DEGREE];
      for (int block = 0; block < 3; block++) {
        // Encrypted and read by several threads at once, as the callers do. The last block is
        // short.
        int count = block == 2 ? 100 : DEGREE;
        int[][] a = new int[factors][];
        Arrays.setAll(a, j -> ints(count + 7, 1 << 20));
        int[] plain = ints(factors * DEGREE, 1 << 24);
        List<EncryptedBlock> read =
            IntStream.range(0, factors)
                .parallel()
                .mapToObj(j -> ring.readSlots(holder.encryptSlots(a[j], 7, count), seeds))
                .toList();
        sum.add(read, plain);
        read.forEach(NativeObject::close);
        for (int j = 0; j < factors; j++) {
          for (int i = 0; i < count; i++) {
            expected[i] =
                Math.floorMod(expected[i] + (long) a[j][7 + i] * plain[j * DEGREE + i], t);
          }
        }
      }
      MaskedReply reply = sum.finish(holderKey, maskKey, 2);
      assertThat(reply.wire()).hasSize((int) ring.slotReplyBytes(2));
      long[] opened = holder.openSlots(reply.wire(), 2);
      Arrays.setAll(opened, i -> three.addPlain(opened[i], reply.shares()[i]));
      assertThat(opened).isEqualTo(expected);
    }
  }

  private static long agreeing(long[] a, long[] b) {
    return IntStream.range(0, Math.min(a.length, b.length)).filter(i -> a[i] == b[i]).count();
  }

  /** The same request twice, in every way in which it can come twice: never one mask for both. */
  @Test
  void noMaskIsUsedTwice() {
    LaneLayout layout = new LaneLayout(DEGREE, 16, 8);
    int rows = layout.rowsPerBlock();
    int columns = 40;
    int[] x = ints(rows * columns, 100);
    long[][] b = uniform(16, columns);
    List<EncryptedBlock> operands = columnOperands(layout, b);
    List<long[]> shares = new ArrayList<>();
    try (EncryptedBlock r = rowOperand(layout, uniform(16, rows), 0)) {
      for (int again = 0; again < 2; again++) {
        try (MatrixEvaluator evaluator = context.matrix(layout, columns, 16, operands)) {
          for (int block = 0; block < 2; block++) {
            shares.add(evaluator.rows(x, 0, rows, List.of(r), pk, maskKey, 1).get(0).shares());
          }
          int[] twice = Arrays.copyOf(x, 2 * x.length);
          System.arraycopy(x, 0, twice, x.length, x.length);
          evaluator
              .rows(twice, 0, 2 * rows, List.of(r, r), pk, maskKey, 1)
              .forEach(reply -> shares.add(reply.shares()));
          shares.add(evaluator.finish(pk, maskKey, 1).shares());
        }
        try (MatrixEvaluator evaluator = context.matrix(layout, columns, 16, operands)) {
          shares.add(evaluator.rows(x, 0, rows, List.of(), pk, maskKey, 1).get(0).shares());
        }
        try (SlotAccumulator sum = context.slots()) {
          sum.add(List.of(r), new int[DEGREE]);
          shares.add(sum.finish(pk, maskKey, 2).shares());
        }
      }
    }
    operands.forEach(NativeObject::close);
    for (int i = 0; i < shares.size(); i++) {
      for (int j = 0; j < i; j++) {
        assertThat(agreeing(shares.get(i), shares.get(j))).as(i + " and " + j).isLessThan(3);
      }
    }
    assertThat(maskKey).as("the caller's key is left alone").isEqualTo(new byte[32]);
  }

  @Test
  void misuseIsRefusedAndChangesNothing() {
    LaneLayout layout = new LaneLayout(DEGREE, 16, 8);
    LaneLayout smaller = new LaneLayout(4096, 16, 8);
    int rows = layout.rowsPerBlock();
    int[] x = new int[17 * rows * 9];
    long[][] b = uniform(2, 9);
    long[][] r = uniform(2, rows);
    refused(() -> new LaneLayout(DEGREE, 12, 1));
    refused(() -> new LaneLayout(DEGREE, 1, 3));
    refused(() -> new LaneLayout(DEGREE, 0, 1));
    refused(() -> new LaneLayout(DEGREE, 512, 4));
    assertThat(new LaneLayout(DEGREE, 512, 2).rowsPerBlock()).isEqualTo(8);
    refused(() -> key.encryptColumns(smaller, b, 0));
    refused(() -> key.encryptRows(smaller, r, 0, 1));
    refused(() -> key.encryptColumns(layout, b, 2));
    refused(() -> key.encryptColumns(layout, b, -1));
    refused(() -> key.encryptRows(layout, r, 0, rows + 1));
    refused(() -> key.encryptRows(layout, r, -1, 1));
    refused(() -> key.encryptColumns(layout, uniform(17, 9), 0));
    refused(() -> key.encryptColumns(layout, new long[][] {{p.plain()}}, 0));
    refused(() -> key.encryptColumns(layout, new long[][] {{-1}}, 0));
    refused(() -> key.encryptSlots(new int[9], 5, 5));
    refused(() -> key.encryptSlots(new int[9], -1, 5));
    refused(() -> key.encryptSlots(new int[DEGREE + 1], 0, DEGREE + 1));
    refused(() -> context.matrix(smaller, 9, 2, List.of()));
    refused(() -> context.rowReplyBytes(smaller, 2, 1, 1));
    refused(() -> context.columnReplyBytes(smaller, 2, 1, 1));
    List<EncryptedBlock> operands = columnOperands(layout, b);
    refused(() -> context.matrix(layout, 9, 2, operands.subList(0, 1)));
    refused(() -> context.matrix(layout, 9, 17, operands));
    try (MatrixEvaluator evaluator = context.matrix(layout, 9, 2, operands);
        MatrixEvaluator backward = context.matrix(layout, 9, 2, List.of());
        EncryptedBlock operand = rowOperand(layout, r, 0);
        HeContext other = HeContext.of(parameters(59, 2));
        KeyPair otherPair = other.generateKey();
        PublicKey otherKey = other.readPublicKey(otherPair.publicKey(), seeds)) {
      refused(() -> evaluator.rows(x, 0, 0, List.of(), pk, maskKey, 1));
      refused(() -> evaluator.rows(x, 0, -5, List.of(), pk, maskKey, 1));
      refused(() -> evaluator.rows(x, 0, 17 * rows, List.of(), pk, maskKey, 1));
      refused(() -> evaluator.rows(x, -1, rows, List.of(), pk, maskKey, 1));
      refused(() -> evaluator.rows(x, 16 * rows + 1, rows, List.of(), pk, maskKey, 1));
      refused(() -> evaluator.rows(x, 0, rows + 1, List.of(operand), pk, maskKey, 1));
      refused(() -> evaluator.rows(x, 0, rows, List.of(operand), otherKey, maskKey, 1));
      refused(() -> evaluator.rows(x, 0, rows, List.of(operand), pk, new byte[31], 1));
      refused(() -> evaluator.rows(x, 0, rows, List.of(operand), pk, maskKey, 0));
      refused(() -> evaluator.rows(x, 0, rows, List.of(operand), pk, maskKey, 3));
      refused(() -> backward.rows(x, 0, rows, List.of(), pk, maskKey, 1));
      assertThat(evaluator.rows(x, 0, rows, List.of(operand), pk, maskKey, 1)).hasSize(1);
      evaluator.finish(pk, maskKey, 1);
      refused(() -> evaluator.rows(x, 0, rows, List.of(operand), pk, maskKey, 1));
      refused(() -> evaluator.finish(pk, maskKey, 1));
      try (SlotAccumulator sum = context.slots()) {
        refused(() -> sum.add(List.of(), new int[0]));
        refused(() -> sum.add(List.of(operand), new int[DEGREE - 1]));
        refused(() -> sum.finish(otherKey, maskKey, 1));
        sum.finish(pk, maskKey, 1);
        refused(() -> sum.add(List.of(operand), new int[DEGREE]));
      }
    }
    operands.forEach(NativeObject::close);
  }

  private static void refused(ThrowingCallable call) {
    assertThatThrownBy(call).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void kindsAreKeptApart() {
    LaneLayout layout = new LaneLayout(DEGREE, 16, 8);
    byte[] rowsSent = key.encryptRows(layout, uniform(2, 4), 0, 4);
    byte[] slotsSent = key.encryptSlots(new int[] {1, -1}, 0, 2);
    malformed(() -> context.readSlots(rowsSent, seeds), "ciphertext");
    malformed(() -> context.readBlock(slotsSent, seeds), "ciphertext");
    malformed(() -> context.readPublicKey(slotsSent, seeds), "public key");
    context.readSlots(slotsSent, seeds).close();
    malformed(() -> context.readSlots(slotsSent, seeds), "seed was used twice");
    try (SlotAccumulator sum = context.slots();
        MatrixEvaluator evaluator = context.matrix(layout, 1, 2, List.of())) {
      byte[] slots = sum.finish(pk, maskKey, 1).wire();
      byte[] columns = evaluator.finish(pk, maskKey, 1).wire();
      malformed(() -> key.openColumns(layout, columns, 2, 2, 1), "bytes");
      malformed(() -> key.openColumns(layout, columns, 1, 1, 1), "bytes");
      malformed(() -> key.openRows(layout, columns, 2, 1, 1), "not a reply");
      malformed(() -> key.openSlots(slots, 2), "bytes");
      byte[] damaged = slots.clone();
      Arrays.fill(damaged, 1000, 1016, (byte) 0xff);
      malformed(() -> key.openSlots(damaged, 1), "not below its modulus");
    }
  }

  private static void malformed(ThrowingCallable call, String why) {
    assertThatThrownBy(call)
        .isInstanceOf(MalformedCiphertextException.class)
        .hasMessageContaining(why);
  }
}
