package org.espalier.psi.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.espalier.psi.AlignmentException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoreTest {
  @TempDir Path folder;

  @Test
  void recordsComeBackAndTheFileGoes() throws Exception {
    byte[] bytes = new byte[7 * 50];
    new Random(1).nextBytes(bytes);
    try (RecordFile file = RecordFile.inOrder(folder, 61, 7)) {
      file.put(10, bytes);
      byte[] last = {1, 2, 3, 4, 5, 6, 7, 8};
      assertThat(file.get(10, 50)).isEqualTo(bytes);
      assertThatThrownBy(() -> file.put(9, last, 1)).isInstanceOf(IllegalStateException.class);
      assertThat(file.records()).isEqualTo(61);
      assertThat(file.width()).isEqualTo(7);
      assertThatThrownBy(() -> file.put(12, bytes)).isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> file.put(0, last)).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> file.get(61, 1)).isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> file.get(60, 1))
          .isInstanceOf(AlignmentException.Storage.class)
          .hasMessageContaining("never written");
    }
    try (var left = Files.list(folder)) {
      assertThat(left).isEmpty();
    }
  }

  /** More than is mapped at once. */
  @Test
  void singleRecordsComeBackInAnyOrder() throws Exception {
    int width = 3 << 18;
    int records = 23;
    byte[] bytes = new byte[width * records];
    new Random(1).nextBytes(bytes);
    try (RecordFile file = RecordFile.inAnyOrder(folder, records, width)) {
      for (int i = 0; i < records; i++) {
        int record = i * 7 % records;
        file.put(record, bytes, record * width);
      }
      assertThat(Arrays.equals(file.get(0, records), bytes)).isTrue();
      assertThat(Arrays.equals(file.get(19, 4), Arrays.copyOfRange(bytes, 19 * width, 23 * width)))
          .isTrue();
      assertThatThrownBy(() -> file.put(records, bytes, 0))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> file.get(20, 4)).isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> file.put(0, bytes)).isInstanceOf(IllegalStateException.class);
    }
    try (var left = Files.list(folder)) {
      assertThat(left).isEmpty();
    }
  }

  @Test
  void aMissingFolderIsNamed() {
    assertThatThrownBy(() -> RecordFile.inOrder(folder.resolve("none"), 1, 1))
        .isInstanceOf(AlignmentException.Storage.class)
        .hasMessageContaining("none");
  }

  @Test
  void tableFindsWhatAMapFinds() {
    Random random = new Random(2);
    TagTable table = new TagTable(5000);
    Map<List<Long>, Integer> map = new HashMap<>();
    for (int i = 0; i < 8000 && map.size() < 5000; i++) {
      // Few different halves, so that both decide.
      long high = random.nextInt(90) - 45L;
      long low = (random.nextInt(90) - 45L) << 40;
      Integer earlier = map.putIfAbsent(List.of(high, low), map.size());
      assertThat(table.add(high, low)).isEqualTo(earlier == null ? -1 : earlier);
    }
    assertThat(table.size()).isEqualTo(map.size());
    map.forEach((tag, at) -> assertThat(table.find(tag.get(0), tag.get(1))).isEqualTo(at));
    assertThat(table.find(1000, 0)).isEqualTo(-1);

    List<Integer> expected = new ArrayList<>(map.values());
    expected.sort(
        Comparator.<Integer, Long>comparing(table::highAt, Long::compareUnsigned)
            .thenComparing(table::lowAt, Long::compareUnsigned));
    int[] positions = IntStream.range(0, table.size()).toArray();
    assertThat(table.sorted(positions)).containsExactly(expected.toArray(Integer[]::new));
    assertThat(table.sorted(new int[0])).isEmpty();
  }

  @Test
  void tableRefusesAnImpossibleSize() {
    assertThatThrownBy(() -> new TagTable(-1)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new TagTable((1 << 28) + 1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(new TagTable(0).find(1, 2)).isEqualTo(-1);
  }

  @Test
  void everyOrderIsEquallyLikely() {
    SecureRandom random = new SecureRandom();
    Map<List<Integer>, Integer> seen = new HashMap<>();
    int draws = 24_000;
    for (int i = 0; i < draws; i++) {
      Permutation p = Permutation.random(4, random);
      seen.merge(List.of(p.to(0), p.to(1), p.to(2), p.to(3)), 1, Integer::sum);
    }
    assertThat(seen).hasSize(24);
    double expected = draws / 24.0;
    double chi =
        seen.values().stream().mapToDouble(n -> (n - expected) * (n - expected) / expected).sum();
    // 23 degrees of freedom: above 90 with probability below 1e-9.
    assertThat(chi).isLessThan(90);
  }

  @Test
  void inverseIsTheWayBack() {
    Permutation p = Permutation.random(5000, new SecureRandom());
    Permutation back = p.inverse();
    assertThat(p.size()).isEqualTo(5000);
    assertThat(IntStream.range(0, 5000).filter(i -> back.to(p.to(i)) != i)).isEmpty();
    assertThat(IntStream.range(0, 5000).filter(i -> p.to(i) == i).count()).isLessThan(40);
  }
}
