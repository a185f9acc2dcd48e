package org.espalier.node.cohort;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class KeySetTest {
  private static final int ENOUGH = 10;

  private static KeySet keys(long[]... rules) {
    return KeySet.of(rules);
  }

  private static long[] range(long from, long to) {
    return LongStream.range(from, to).map(i -> i * 0x9E3779B97F4A7C15L).toArray();
  }

  private static int difference(KeySet a, KeySet b) {
    int difference = a.difference(b, ENOUGH);
    assertThat(b.difference(a, ENOUGH)).isEqualTo(difference);
    return difference;
  }

  @Test
  void countsWhoWasAddedOrLeftOutWhicheverAreMore() {
    KeySet hundred = keys(range(0, 100));
    assertThat(difference(hundred, keys(range(0, 100)))).isZero();
    assertThat(difference(hundred, keys(range(0, 99)))).isEqualTo(1);
    assertThat(difference(hundred, keys(range(1, 101)))).isEqualTo(1);
    assertThat(difference(hundred, keys(range(3, 102)))).isEqualTo(3);
    assertThat(difference(hundred, keys(range(9, 109)))).isEqualTo(9);
    assertThat(difference(hundred, keys(range(10, 110)))).isEqualTo(ENOUGH);
    assertThat(difference(hundred, keys(range(0, 10_000)))).isEqualTo(ENOUGH);
    assertThat(difference(hundred, keys(range(500, 600)))).isEqualTo(ENOUGH);
  }

  @Test
  void orderAndRepeatsAreNoDifference() {
    long[] twice =
        LongStream.concat(LongStream.of(range(0, 50)), LongStream.of(range(0, 50))).toArray();
    Random random = new Random(1);
    for (int i = twice.length - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      long swap = twice[i];
      twice[i] = twice[j];
      twice[j] = swap;
    }
    assertThat(difference(keys(range(0, 50)), keys(twice))).isZero();
  }

  @Test
  void anyRuleThatIsNearCounts() {
    KeySet two = keys(range(0, 100), range(1000, 1100));
    assertThat(difference(two, keys(range(0, 100), range(1000, 1099)))).isEqualTo(1);
    assertThat(difference(two, keys(range(200, 300), range(1000, 1098)))).isEqualTo(2);
    // The same two rules in the other order, with one person less in one of them.
    assertThat(difference(two, keys(range(1000, 1099), range(0, 100)))).isEqualTo(1);
    assertThat(difference(two, keys(range(1000, 1099)))).isEqualTo(1);
    assertThat(difference(two, keys(range(2000, 2100), range(3000, 3100)))).isEqualTo(ENOUGH);
  }

  @Test
  void agreesWithSetsOnRandomCases() {
    Random random = new Random(4);
    for (int round = 0; round < 300; round++) {
      long[] a = LongStream.range(0, 40).filter(i -> random.nextInt(8) > 0).toArray();
      long[] b = LongStream.range(0, 40).filter(i -> random.nextInt(8) > 0).toArray();
      int added = (int) Arrays.stream(b).filter(x -> Arrays.binarySearch(a, x) < 0).count();
      int left = (int) Arrays.stream(a).filter(x -> Arrays.binarySearch(b, x) < 0).count();
      assertThat(difference(keys(a), keys(b))).isEqualTo(Math.min(ENOUGH, Math.max(added, left)));
    }
  }
}
