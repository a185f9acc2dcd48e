package org.espalier.protocols.attack;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.espalier.protocols.mask.ZeroSumMasks;
import org.espalier.wire.Party;
import org.espalier.wire.Session;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;

/**
 * Two messages under one mask are a two-time pad. A holder that gets a party to answer another
 * request under the mask of an earlier one, as after a crash, reads Xᵀ(r − r′).
 */
class RepeatedMaskAttackTest {
  private static final int ROWS = 64;
  private static final int COLUMNS = 400;

  private final int[] x = new Random(17).ints(ROWS * COLUMNS, -1000, 1000).toArray();

  /** Columns of a person that the difference of two opened replies gives, to a unit. */
  private int columnsRead(long[] first, long[] second, int row, long t) {
    int right = 0;
    for (int j = 0; j < COLUMNS; j++) {
      long difference = Math.floorMod(first[j] - second[j], t);
      long centred = difference > t / 2 ? difference - t : difference;
      right += Math.abs(centred - x[row * COLUMNS + j]) <= 1 ? 1 : 0;
    }
    return right;
  }

  @Test
  void repliesToTwoRequestsDoNotShareAMaskWhateverTheCallerDoes() {
    try (Product product = new Product(x, ROWS, COLUMNS, 1)) {
      long[] person = new long[ROWS];
      person[9] = 1;
      Product.Sides one = product.answer(person);
      Product.Sides none = product.answer(new long[ROWS]);
      // The weak variant: the second answer under the first one's mask.
      long[] weak = new long[COLUMNS];
      for (int j = 0; j < COLUMNS; j++) {
        weak[j] = Math.floorMod(none.result()[j] - one.shares()[j], product.modulus());
      }
      long t = product.modulus();
      assertThat(columnsRead(one.opened(), weak, 9, t)).isEqualTo(COLUMNS);
      assertThat(columnsRead(one.opened(), none.opened(), 9, t)).isLessThan(6);
    }
  }

  /** The masks of opened logits, between feature parties. */
  @Test
  void zeroSumMasksFollowTheRequest() {
    MemoryNetwork network = new MemoryNetwork();
    Party f1 = new Party("f1");
    Party f2 = new Party("f2");
    Session session = new Session("J-1", new byte[32], 1);
    CompletableFuture<ZeroSumMasks> other =
        CompletableFuture.supplyAsync(
            () -> ZeroSumMasks.agree(session, f2, Map.of(f1, network.channel(f2, f1))));
    ZeroSumMasks masks = ZeroSumMasks.agree(session, f1, Map.of(f2, network.channel(f1, f2)));
    assertThat(other.join()).isNotNull();
    long[] secret = IntStream.range(0, 2000).mapToLong(i -> 1000L + i % 7).toArray();
    List<long[]> sent = new ArrayList<>();
    for (byte[] request : List.of(new byte[] {1}, new byte[] {1}, new byte[] {2})) {
      long[] values = sent.size() == 0 ? new long[secret.length] : secret.clone();
      masks.apply(values, 48, "logits", 1, request);
      sent.add(values);
    }
    long t = 1L << 48;
    assertThat(differences(sent.get(1), sent.get(0), t)).isEqualTo(secret);
    long[] bound = differences(sent.get(2), sent.get(0), t);
    assertThat(Uniformity.of(bound, t)).isGreaterThan(Uniformity.SURELY_NOT);
  }

  private static long[] differences(long[] a, long[] b, long t) {
    return IntStream.range(0, a.length).mapToLong(i -> Math.floorMod(a[i] - b[i], t)).toArray();
  }
}
