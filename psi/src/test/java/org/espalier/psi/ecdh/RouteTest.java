package org.espalier.psi.ecdh;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RouteTest {
  @Test
  void twoParties() {
    Route route = new Route(2);
    assertThat(route.path(0)).containsExactly(0, 1, 0);
    assertThat(route.path(1)).containsExactly(1, 0);
    assertThat(route.lists(0, 1)).containsExactly(0);
    assertThat(route.lists(1, 0)).containsExactly(1, 0);
  }

  @Test
  void fourParties() {
    Route route = new Route(4);
    assertThat(route.path(0)).containsExactly(0, 1, 2, 3, 0);
    assertThat(route.path(2)).containsExactly(2, 3, 1, 0);
    assertThat(route.shuffler()).isEqualTo(3);
    assertThat(route.lists(1, 2)).containsExactly(1, 0, 3);
    assertThat(route.lists(2, 1)).isEmpty();
    assertThat(route.lists(3, 0)).containsExactly(1, 0);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 5, 8, 100})
  void everyListMeetsEveryMaskAndOnlyTheComparerSeesAllMasks(int parties) {
    Route route = new Route(parties);
    for (int owner = 0; owner < parties; owner++) {
      List<Integer> path = route.path(owner);
      assertThat(path).startsWith(owner).endsWith(Route.COMPARER);
      // The comparer masks last; its own list has all masks when it comes back.
      List<Integer> masks = owner == 0 ? path.subList(0, parties) : path;
      assertThat(masks).doesNotHaveDuplicates().hasSize(parties);
    }
  }

  /** Simulates senders that may only send in order and only what has arrived. */
  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4, 5, 9, 40})
  void neverWaitsInACircle(int parties) {
    Route route = new Route(parties);
    record Leg(int from, int to) {}
    Map<Leg, List<Integer>> legs = new HashMap<>();
    for (int from = 0; from < parties; from++) {
      for (int to = 0; to < parties; to++) {
        legs.put(new Leg(from, to), route.lists(from, to));
      }
    }
    boolean[][] has = new boolean[parties][parties];
    Map<Leg, Integer> sent = new HashMap<>();
    for (int i = 0; i < parties; i++) {
      has[i][i] = true;
    }
    int moves = 0;
    boolean moved = true;
    while (moved) {
      moved = false;
      for (int from = 0; from < parties; from++) {
        for (int to = 0; to < parties; to++) {
          List<Integer> lists = legs.get(new Leg(from, to));
          int next = sent.getOrDefault(new Leg(from, to), 0);
          if (next < lists.size() && has[from][lists.get(next)]) {
            has[to][lists.get(next)] = true;
            sent.put(new Leg(from, to), next + 1);
            moves++;
            moved = true;
          }
        }
      }
    }
    assertThat(moves).isEqualTo((parties - 1) * (parties - 1) + parties);
  }
}
