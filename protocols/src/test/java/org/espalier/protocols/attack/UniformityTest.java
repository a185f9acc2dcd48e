package org.espalier.protocols.attack;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.mask.ZeroSumMasks;
import org.espalier.protocols.shares.IntegerMatrix;
import org.espalier.wire.Party;
import org.espalier.wire.Session;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;

/** Whatever is hidden, a party sees uniform residues: for data at the extremes, too. */
class UniformityTest {
  private static void assertUniform(String what, long[] residues, long modulus) {
    assertThat(Uniformity.of(residues, modulus)).as(what).isGreaterThan(Uniformity.SURELY_NOT);
  }

  @Test
  void theTestTellsNarrowMasksFromWholeOnes() {
    long t = Sealed.FIELD.modulus();
    Prg coins = Sealed.coins(1);
    long[] narrow = IntStream.range(0, 4000).mapToLong(i -> coins.nextLong() >>> 15).toArray();
    assertThat(Uniformity.of(narrow, t)).isLessThan(Uniformity.SURELY_NOT);
    long[] even = IntStream.range(0, 4000).mapToLong(i -> (coins.nextLong() >>> 14) << 1).toArray();
    assertThat(Uniformity.of(even, 1L << 51)).isLessThan(Uniformity.SURELY_NOT);
    assertUniform("field", Sealed.FIELD.uniform(coins, 4000), t);
  }

  @Test
  void repliesAndSharesOfTheEncryptedProduct() {
    int rows = 40;
    int columns = 400;
    int answers = 5;
    for (int entry : new int[] {0, 1, 4000}) {
      int[] x = new int[rows * columns];
      Arrays.fill(x, entry);
      long[] r = new long[rows];
      Arrays.fill(r, entry == 1 ? 0 : 4096);
      try (Product product = new Product(x, rows, columns, 4096)) {
        long[] opened = new long[answers * columns];
        long[] shares = new long[answers * columns];
        for (int k = 0; k < answers; k++) {
          Product.Sides sides = product.answer(r);
          System.arraycopy(sides.opened(), 0, opened, k * columns, columns);
          System.arraycopy(sides.shares(), 0, shares, k * columns, columns);
          for (long v : sides.result()) {
            assertThat(v).isBetween(entry * r[0] * rows - 1, entry * r[0] * rows + 1);
          }
        }
        assertUniform("opened for " + entry, opened, product.modulus());
        assertUniform("shares for " + entry, shares, product.modulus());
      }
    }
  }

  @Test
  void logitsUnderZeroSumMasks() {
    MemoryNetwork network = new MemoryNetwork();
    Party f1 = new Party("f1");
    Party f2 = new Party("f2");
    Session session = new Session("J-1", new byte[32], 1);
    CompletableFuture<ZeroSumMasks> other =
        CompletableFuture.supplyAsync(
            () -> ZeroSumMasks.agree(session, f2, Map.of(f1, network.channel(f2, f1))));
    ZeroSumMasks masks = ZeroSumMasks.agree(session, f1, Map.of(f2, network.channel(f1, f2)));
    long[] mine = new long[5000];
    Arrays.fill(mine, 7);
    long[] theirs = new long[5000];
    masks.apply(mine, 48, "logits", 1, new byte[] {1});
    other.join().apply(theirs, 48, "logits", 1, new byte[] {1});
    assertUniform("one party's", mine, 1L << 48);
    assertUniform("the other's", theirs, 1L << 48);
    for (int i = 0; i < mine.length; i++) {
      assertThat((mine[i] + theirs[i]) & ((1L << 48) - 1)).isEqualTo(7);
    }
  }

  /** σ, γ and what goes over in clear: v − b. */
  @Test
  void everythingThatIsReceivedAtSealed() {
    int rows = 3000;
    int columns = 2000;
    int[] x = new int[rows * columns];
    for (int i = 0; i < x.length; i++) {
      x[i] = i % 3 == 0 ? 0 : 100;
    }
    IntegerMatrix matrix = Sealed.matrix(rows, columns, x);
    long t = Sealed.FIELD.modulus();
    long[] zero = new long[columns];
    long[] chosen = new long[rows];
    Arrays.fill(chosen, 1);
    // A holder that sends zeros or ones instead of uniform vectors learns as little.
    assertUniform("forward", Sealed.forward(matrix, zero, Sealed.coins(3)), t);
    assertUniform("backward", Sealed.backward(matrix, chosen, Sealed.coins(4)), t);
    assertThat(Uniformity.of(matrix.transposeTimes(Sealed.FIELD, chosen), t))
        .isLessThan(Uniformity.SURELY_NOT);
    long[] b = Sealed.FIELD.uniform(Sealed.coins(5), columns);
    assertUniform("online", Sealed.FIELD.difference(zero, b), t);
  }
}
