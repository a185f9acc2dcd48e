package org.espalier.protocols.prepare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class FoldsTest {
  private static int[] all(int people, int count, int seed) {
    Folds folds = Folds.of(people, count, new byte[] {(byte) seed});
    return IntStream.range(0, people).map(folds::of).toArray();
  }

  @Test
  void everybodyIsInOneFoldAndSizesDifferByOneAtMost() {
    Folds folds = Folds.of(1003, 5, new byte[] {1});
    int[] counts = new int[5];
    for (int person = 0; person < 1003; person++) {
      counts[folds.of(person)]++;
    }
    assertThat(counts).containsExactly(201, 201, 201, 200, 200);
    for (int fold = 0; fold < 5; fold++) {
      assertThat(folds.size(fold)).isEqualTo(counts[fold]);
      assertThat(folds.in(fold)).hasSize(counts[fold]).isSorted();
      assertThat(folds.without(fold))
          .hasSize(1003 - counts[fold])
          .isSorted()
          .doesNotContain(folds.in(fold));
    }
  }

  @Test
  void dependsOnTheSeedAndIsNoneOfTheOrder() {
    assertThat(all(200, 4, 1)).isEqualTo(all(200, 4, 1)).isNotEqualTo(all(200, 4, 2));
    // Whether neighbours share a fold is a coin with probability of about a quarter.
    int[] folds = all(20_000, 4, 3);
    long same = IntStream.range(1, folds.length).filter(i -> folds[i] == folds[i - 1]).count();
    assertThat(same).isBetween(4_700L, 5_300L);
  }

  /**
   * Frozen: two releases on two sides of a job must cut the same folds. An independent program on
   * OpenSSL's key stream gives the same.
   */
  @Test
  void theFoldsOfASeedNeverChange() {
    assertThat(all(12, 3, 7)).containsExactly(2, 2, 1, 1, 0, 0, 2, 1, 0, 2, 0, 1);
  }

  @Test
  void fewerPeopleThanFoldsAreRefused() {
    assertThatThrownBy(() -> Folds.of(3, 4, new byte[0])).hasMessageContaining("3 people in 4");
  }
}
