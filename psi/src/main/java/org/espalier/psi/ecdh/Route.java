package org.espalier.psi.ecdh;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Which way every list takes. Parties are numbered in the job's order; 0 is the comparer.
 *
 * <p>The list of party i &gt; 0 goes once around the ring 1, 2, ..., n-1, starting at its owner,
 * and then to the comparer, who masks it last: nobody else ever sees it with all masks. The
 * comparer's own list goes 0, 1, ..., n-1 and comes back; the last of these shuffles it, so that
 * the comparer cannot tell which of its rows a masked element is.
 */
record Route(int parties) {
  static final int COMPARER = 0;

  /** The one who shuffles the comparer's list. */
  int shuffler() {
    return parties - 1;
  }

  /** Everyone whom a list visits, from its owner to the comparer. */
  List<Integer> path(int owner) {
    List<Integer> path = new ArrayList<>();
    if (owner == COMPARER) {
      path.add(COMPARER);
    }
    int start = owner == COMPARER ? 1 : owner;
    for (int hop = 0; hop < parties - 1; hop++) {
      path.add((start - 1 + hop) % (parties - 1) + 1);
    }
    path.add(COMPARER);
    return path;
  }

  /**
   * The owners of the lists that one party passes to another, in the order of their messages.
   *
   * <p>Lists that have made fewer hops come first. A list waits in its holder's queue only behind
   * lists of at most as many hops, and every holder takes lists in without waiting for its own
   * sending, so no circle of waiting parties can arise.
   */
  List<Integer> lists(int from, int to) {
    record Leg(int hop, int owner) {}
    List<Leg> legs = new ArrayList<>();
    for (int owner = 0; owner < parties; owner++) {
      List<Integer> path = path(owner);
      for (int hop = 0; hop + 1 < path.size(); hop++) {
        if (path.get(hop) == from && path.get(hop + 1) == to) {
          legs.add(new Leg(hop, owner));
        }
      }
    }
    legs.sort(Comparator.comparingInt(Leg::hop).thenComparingInt(Leg::owner));
    return legs.stream().map(Leg::owner).toList();
  }
}
