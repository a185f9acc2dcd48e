package org.espalier.he;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import java.util.stream.IntStream;
import org.espalier.he.nativelib.Native;
import org.junit.jupiter.api.Test;

/**
 * The whole way of a pass: choose, encrypt, accumulate, reply, open; against integer arithmetic.
 */
class BackwardKernelTest {
  record Case(int[] x, long[] r, int rows, int columns) {
    static Case random(int rows, int columns, int xMax, int rMax, long seed) {
      Random random = new Random(seed);
      return new Case(
          random.ints((long) rows * columns, -xMax, xMax + 1).toArray(),
          random.longs(rows, -rMax, rMax + 1).toArray(),
          rows,
          columns);
    }

    long[] product() {
      long[] g = new long[columns];
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
          g[j] += x[i * columns + j] * r[i];
        }
      }
      return g;
    }

    Workload workload(int rMax) {
      long[] l1 = new long[columns];
      for (int i = 0; i < x.length; i++) {
        l1[i % columns] += Math.abs((long) x[i]);
      }
      long max = Math.max(1, IntStream.range(0, columns).mapToLong(j -> l1[j]).max().orElse(1));
      return new Workload(rows, new int[] {columns}, max * rMax, max);
    }
  }

  static long[] run(Case c, ParameterChooser.Choice choice) {
    Parameters p = choice.parameters();
    try (HeContext holder = HeContext.of(p);
        KeyPair key = holder.generateKey();
        HeContext evaluator = HeContext.of(Parameters.decode(p.encode()));
        TileStore tiles = TileStore.of(evaluator, c.x(), c.rows(), c.columns(), choice.width());
        BackwardAccumulator pass = tiles.backward()) {
      SeedRegistry seeds = new SeedRegistry();
      for (int b = 0; b < tiles.blocks(); b++) {
        int from = b * choice.rowsPerBlock();
        int count = Math.min(choice.rowsPerBlock(), c.rows() - from);
        byte[] wire = key.encryptBlock(c.r(), from, count, choice.width());
        assertThat(wire).hasSize(evaluator.ciphertextBytes());
        pass.add(b, evaluator.readBlock(wire, seeds));
      }
      MaskedReply reply;
      try (PublicKey pk = evaluator.readPublicKey(key.publicKey(), seeds)) {
        reply = pass.finish(pk, new byte[32], choice.replyLimbs());
      }
      assertThat(reply.wire())
          .hasSize((int) holder.replyBytes(c.columns(), choice.width(), choice.replyLimbs()));
      long[] opened = key.open(reply.wire(), c.columns(), choice.width(), choice.replyLimbs());
      long[] g = new long[c.columns()];
      for (int j = 0; j < g.length; j++) {
        g[j] = p.centre(p.addPlain(opened[j], reply.shares()[j]));
      }
      return g;
    }
  }

  /** What the chooser promises: masks make a share off by one unit now and then, never by more. */
  private static void assertWithinOneUnit(long[] g, long[] expected) {
    assertThat(g).hasSameSizeAs(expected);
    for (int j = 0; j < g.length; j++) {
      assertThat(g[j]).as("column %d", j).isBetween(expected[j] - 1, expected[j] + 1);
    }
  }

  @Test
  void chosenParametersCarryTheProduct() {
    for (int[] shape :
        new int[][] {
          {1, 1, 10, 10}, {569, 10, 4096, 4096}, {5000, 33, 1024, 1024}, {9000, 3, 255, 4}
        }) {
      Case c = Case.random(shape[0], shape[1], shape[2], shape[3], 7);
      ParameterChooser.Choice choice = ParameterChooser.choose(c.workload(shape[3]));
      assertThat(choice.parameters().securityBits()).isGreaterThanOrEqualTo(128);
      assertWithinOneUnit(run(c, choice), c.product());
    }
  }

  @Test
  void everyTileWidthAndReplyFormIsRight() {
    Case c = Case.random(3000, 11, 1000, 1000, 3);
    Parameters p =
        new Parameters(
            4096,
            new long[] {Native.primeBelow(4096, 50, 0), Native.primeBelow(4096, 50, 1)},
            Native.primeBelow(4096, 36, 0));
    for (int width = 1; width <= 64; width *= 2) {
      for (int limbs = 1; limbs <= 2; limbs++) {
        long[] g = run(c, new ParameterChooser.Choice(p, width, limbs));
        if (limbs == 2) {
          assertThat(g).isEqualTo(c.product());
        } else {
          assertWithinOneUnit(g, c.product());
        }
      }
    }
  }

  @Test
  void zeroAndOneHotColumnsAreOrdinary() {
    int rows = 4200;
    int[] x = new int[rows * 3];
    x[3 * 17] = 1;
    long[] r = new Random(5).longs(rows, -9, 10).toArray();
    Case c = new Case(x, r, rows, 3);
    assertWithinOneUnit(run(c, ParameterChooser.choose(c.workload(9))), new long[] {r[17], 0, 0});
  }

  @Test
  void extremeValuesReachTheBound() {
    int rows = 4096;
    int[] x = new int[rows];
    long[] r = new long[rows];
    java.util.Arrays.fill(x, -(1 << 12));
    java.util.Arrays.fill(r, 1 << 12);
    Case c = new Case(x, r, rows, 1);
    assertWithinOneUnit(
        run(c, ParameterChooser.choose(c.workload(1 << 12))), new long[] {-(1L << 36)});
  }

  @Test
  void objectsAreFreedAndUseAfterCloseIsAnException() {
    int before = Native.objects();
    Parameters p =
        ParameterChooser.choose(new Workload(100, new int[] {2}, 1 << 20, 1 << 10)).parameters();
    HeContext context = HeContext.of(p);
    KeyPair key = context.generateKey();
    TileStore tiles = TileStore.of(context, new int[200], 100, 2, 1);
    BackwardAccumulator pass = tiles.backward();
    byte[] block = key.encryptBlock(new long[100], 0, 100, 1);
    byte[] publicKey = key.publicKey();
    key.close();
    key.close();
    assertThatThrownBy(() -> key.encryptBlock(new long[100], 0, 100, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("closed");
    EncryptedBlock closed = context.readBlock(block, new SeedRegistry());
    PublicKey pk = context.readPublicKey(publicKey, new SeedRegistry());
    closed.close();
    pass.add(0, closed);
    assertThatThrownBy(() -> pass.finish(pk, new byte[32], 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("closed");
    pk.close();
    tiles.close();
    pass.close();
    context.close();
    assertThat(Native.objects()).isEqualTo(before);
  }

  @Test
  void wrongArgumentsAreExceptionsNotCrashes() {
    Parameters p =
        ParameterChooser.choose(new Workload(100, new int[] {2}, 1 << 20, 1 << 10)).parameters();
    try (HeContext context = HeContext.of(p);
        HeContext other = HeContext.of(p);
        KeyPair key = context.generateKey()) {
      assertThatThrownBy(() -> key.encryptBlock(null, 0, 1, 1))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> key.encryptBlock(new long[5], 3, 3, 1))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> key.encryptBlock(new long[5], -1, 3, 1))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> key.encryptBlock(new long[5], 0, 5, 3))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> key.encryptBlock(new long[] {Long.MAX_VALUE}, 0, 1, 1))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> TileStore.of(context, new int[3], 2, 2, 1))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> TileStore.of(context, new int[4], 2, 2, 5))
          .isInstanceOf(IllegalArgumentException.class);
      try (TileStore tiles = TileStore.of(context, new int[4], 2, 2, 1);
          BackwardAccumulator pass = tiles.backward();
          PublicKey pk = context.readPublicKey(key.publicKey(), new SeedRegistry())) {
        assertThatThrownBy(() -> pass.finish(pk, new byte[32], 1)).hasMessageContaining("missing");
        try (BackwardAccumulator full = tiles.backward()) {
          byte[] block = key.encryptBlock(new long[2], 0, 2, 1);
          full.add(0, context.readBlock(block, new SeedRegistry()));
          assertThatThrownBy(() -> full.finish(pk, new byte[31], 1))
              .hasMessageContaining("32 bytes");
        }
        EncryptedBlock foreign =
            other.readBlock(key.encryptBlock(new long[2], 0, 2, 1), new SeedRegistry());
        assertThatThrownBy(() -> pass.add(0, foreign)).hasMessageContaining("another context");
        foreign.close();
      }
      try (TileStore tiles = TileStore.of(context, new int[4], 2, 2, 1);
          BackwardAccumulator pass = tiles.backward()) {
        pass.add(0, context.readBlock(key.encryptBlock(new long[2], 0, 2, 1), new SeedRegistry()));
        EncryptedBlock again =
            context.readBlock(key.encryptBlock(new long[2], 0, 2, 1), new SeedRegistry());
        assertThatThrownBy(() -> pass.add(0, again)).hasMessageContaining("added before");
        assertThatThrownBy(() -> pass.add(1, again)).hasMessageContaining("does not exist");
        assertThatThrownBy(() -> pass.add(-1, again)).hasMessageContaining("does not exist");
        again.close();
      }
      assertThatThrownBy(() -> TileStore.of(context, new int[0], 0, 1, 1))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> TileStore.of(context, new int[0], -1, 0, 1))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> Native.context(4096, new long[] {3, 5}, 7))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> Native.secretKey(-77)).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> Native.context(4096, null, 7))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void oneContextServesManyThreads() {
    Case c = Case.random(2000, 4, 100, 100, 11);
    ParameterChooser.Choice choice = ParameterChooser.choose(c.workload(100));
    long[] expected = c.product();
    assertThat(IntStream.range(0, 8).parallel().mapToObj(i -> run(c, choice)).toList())
        .allSatisfy(g -> assertWithinOneUnit(g, expected));
  }
}
