package org.espalier.psi.oprf;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class OkvsTest {
  private static Keys keys(OkvsShape shape, int count, long seed) {
    Random random = new Random(seed);
    byte[] bytes = new byte[16];
    random.nextBytes(bytes);
    return new Keys(
        new byte[32],
        bytes,
        shape,
        random.longs(2L * count).toArray(),
        IntStream.range(0, count).map(i -> 3 * i).toArray());
  }

  /** Decodes with both the wide decoder and the definition. */
  private static void assertDecodes(OkvsShape shape, Keys keys, int attempt) {
    Okvs okvs = new Okvs(shape);
    Keys.Hashes hashes = keys.new Hashes(keys.fullest());
    long[] table = new long[shape.width()];
    for (int bin = 0; bin < shape.bins(); bin++) {
      int first = keys.first(bin);
      int count = keys.first(bin + 1) - first;
      hashes.load(first, count, attempt);
      assertThat(okvs.encode(hashes, count, table)).isTrue();
      assertThat(count).isLessThanOrEqualTo(shape.capacity());
      long[] pairs = new long[2 * shape.width() + 2];
      for (int i = 0; i < table.length; i++) {
        pairs[2 * i + 2] = table[i];
        pairs[2 * i + 3] = Field.multiply(table[i], 3);
      }
      long[] decoded = new long[2 * count + 2];
      Okvs.decode(shape, hashes, count, Okvs.subsetSums(shape, pairs, 1), pairs, 1, decoded, 2);
      for (int i = 0; i < count; i++) {
        long value = 0;
        Set<Integer> positions = new HashSet<>();
        for (int j = 0; j < 3; j++) {
          int position = hashes.positions[3 * i + j];
          assertThat(position).isBetween(0, shape.sparse() - 1);
          positions.add(position);
          value ^= table[position];
        }
        assertThat(positions).hasSize(3);
        for (int j = 0; j < shape.dense(); j++) {
          value ^= (hashes.subsets[i] >>> j & 1) * table[shape.sparse() + j];
        }
        assertThat(value).isEqualTo(hashes.values[i]);
        assertThat(decoded[2 * i + 2]).isEqualTo(value);
        assertThat(decoded[2 * i + 3]).isEqualTo(Field.multiply(value, 3));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 100, 20_000, 70_000})
  void everyKeyDecodesToItsValue(int count) {
    OkvsShape shape = OkvsShape.of(count);
    assertDecodes(shape, keys(shape, count, count), 0);
    assertDecodes(shape, keys(shape, count, count), 3);
    // The same keys beside a longer list: more bins than they need.
    OkvsShape divided = OkvsShape.of(count, shape.bins() + 2);
    assertDecodes(divided, keys(divided, count, count), 0);
  }

  /**
   * A table with fewer positions than peeling needs: the dense part and elimination solve it where
   * they can, and say so where they cannot.
   */
  @Test
  void whatPeelingLeavesIsEliminated() {
    int eliminated = 0;
    int refused = 0;
    for (int seed = 0; seed < 60; seed++) {
      int count = 40;
      OkvsShape shape = new OkvsShape(count, 1, count, 36, 48);
      Keys keys = keys(shape, count, seed);
      Keys.Hashes hashes = keys.new Hashes(count);
      hashes.load(0, count, 0);
      long[] hidden = new long[shape.width()];
      if (new Okvs(shape).encode(hashes, count, new long[shape.width()])) {
        eliminated++;
        assertDecodes(shape, keys, 0);
        Blocks random = Blocks.stream(new byte[16], seed);
        assertThat(new Okvs(shape).encodeHidden(hashes, count, hidden, random)).isTrue();
        long[] sums = hashes.values.clone();
        Okvs.addDecoded(shape, hashes, count, hidden, sums, 0);
        assertThat(sums).containsOnly(0);
      }
      OkvsShape tight = new OkvsShape(count, 1, count, 28, 8);
      hashes = keys(tight, count, seed).new Hashes(count);
      hashes.load(0, count, 0);
      refused += new Okvs(tight).encode(hashes, count, new long[tight.width()]) ? 0 : 1;
    }
    // 40 keys never have 36 sparse positions to themselves: each success used the dense part.
    assertThat(eliminated).isEqualTo(60);
    // 40 equations for 36 unknowns.
    assertThat(refused).isEqualTo(60);
  }

  /**
   * RR22's fitted bound, at a probability that can be counted: at lambda = 7, fewer than 2^-7 of
   * all tables leave more keys to the dense part than it has columns beyond lambda.
   */
  @ParameterizedTest
  @CsvSource({"1024, 4000", "4096, 1500"})
  void peelingFailsAsRarelyAsTheBoundSays(int count, int tables) {
    double lambda = 7;
    double expansion = OkvsShape.expansion(count, lambda);
    int beyond = (int) (lambda / (Math.log(expansion * count) / Math.log(2)));
    OkvsShape shape = new OkvsShape(count, 1, count, (int) Math.ceil(expansion * count), 8);
    int failures = 0;
    for (int seed = 0; seed < tables; seed++) {
      Keys.Hashes hashes = keys(shape, count, seed).new Hashes(count);
      hashes.load(0, count, 0);
      failures += excess(hashes, count, shape.sparse()) > beyond ? 1 : 0;
    }
    double expected = tables / Math.pow(2, lambda);
    assertThat((double) failures).isLessThan(expected + 4 * Math.sqrt(expected));
  }

  /**
   * Keys that peeling leaves beyond the positions that they leave: rows that need dense columns.
   */
  private static int excess(Keys.Hashes hashes, int count, int sparse) {
    int[] degree = new int[sparse];
    boolean[] gone = new boolean[count];
    for (int j = 0; j < 3 * count; j++) {
      degree[hashes.positions[j]]++;
    }
    int left = count;
    for (boolean changed = true; changed; ) {
      changed = false;
      for (int key = 0; key < count; key++) {
        int k = 3 * key;
        if (!gone[key]
            && (degree[hashes.positions[k]] == 1
                || degree[hashes.positions[k + 1]] == 1
                || degree[hashes.positions[k + 2]] == 1)) {
          gone[key] = true;
          changed = true;
          left--;
          for (int j = k; j < k + 3; j++) {
            degree[hashes.positions[j]]--;
          }
        }
      }
    }
    return left - rank(hashes, gone, left, sparse);
  }

  private static int rank(Keys.Hashes hashes, boolean[] gone, int left, int sparse) {
    java.util.BitSet[] rows = new java.util.BitSet[left];
    for (int key = 0, row = 0; key < gone.length; key++) {
      if (!gone[key]) {
        rows[row] = new java.util.BitSet(sparse);
        for (int j = 3 * key; j < 3 * key + 3; j++) {
          rows[row].flip(hashes.positions[j]);
        }
        row++;
      }
    }
    int rank = 0;
    for (int row = 0; row < left; row++) {
      int pivot = rows[row].nextSetBit(0);
      if (pivot < 0) {
        continue;
      }
      rank++;
      for (int other = row + 1; other < left; other++) {
        if (rows[other].get(pivot)) {
          rows[other].xor(rows[row]);
        }
      }
    }
    return rank;
  }

  @Test
  void sizes() {
    OkvsShape one = OkvsShape.of(1);
    assertThat(one.bins()).isEqualTo(1);
    assertThat(one.capacity()).isEqualTo(1);
    OkvsShape million = OkvsShape.of(1 << 20);
    assertThat(million.bins()).isEqualTo(16);
    // 8.5 standard deviations of 248 above the mean; an exact tail sum would save a little.
    assertThat(million.capacity()).isBetween(65_536 + 1800, 65_536 + 2300);
    assertThat((double) million.size() / (1 << 20)).isBetween(1.27, 1.30);
    OkvsShape largest = OkvsShape.of(1 << 26);
    assertThat(largest.dense()).isLessThanOrEqualTo(56);
    assertThat((double) largest.size() / (1 << 26)).isBetween(1.27, 1.31);
    assertThat(OkvsShape.expansion(1 << 16, 40)).isBetween(1.24, 1.25);
  }

  /**
   * Loads of bins, counted: the capacity that the bound gives at 2^-41 is far above all of them.
   */
  @Test
  void binsFillEvenly() {
    OkvsShape shape = OkvsShape.of(200_000);
    Keys keys = keys(shape, 200_000, 9);
    assertThat(shape.bins()).isEqualTo(4);
    int[] seen = new int[200_000];
    for (int bin = 0; bin < 4; bin++) {
      int load = keys.first(bin + 1) - keys.first(bin);
      // 50,000 ± 6 · 194.
      assertThat(load).isBetween(48_800, 51_200).isLessThanOrEqualTo(shape.capacity());
    }
    for (int place = 0; place < keys.size(); place++) {
      seen[keys.row(place) / 3]++;
    }
    assertThat(Arrays.stream(seen).allMatch(n -> n == 1)).isTrue();
  }
}
