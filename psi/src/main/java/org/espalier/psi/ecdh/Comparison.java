package org.espalier.psi.ecdh;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.BitSet;
import java.util.List;
import java.util.function.IntConsumer;
import org.espalier.psi.run.Links;
import org.espalier.psi.store.TagTable;

/**
 * What the comparer sees in the fully masked lists of one rule: who of every list is in all others.
 * Elements are compared by their first 128 bits; two different ones among 2^26 look alike with
 * probability below 2^-76. Holds one table of tags at a time, whatever the number of parties.
 */
final class Comparison {
  /** Bytes of an element that are compared. */
  static final int TAG = 16;

  private final Links links;
  private final List<MaskedList> lists;

  /** The elements that are in all lists. */
  private final TagTable cohort;

  /** Place in the cohort order of each entry of {@link #cohort}. */
  private final int[] rank;

  /** Entry of {@link #cohort} at each place. */
  private final int[] order;

  /**
   * @param lists tags in each party's order of sending, by number
   * @throws org.espalier.wire.WireException.ProtocolViolation if a list repeats an element
   */
  Comparison(Links links, Route route, List<MaskedList> lists) {
    this.links = links;
    this.lists = lists;
    table(Route.COMPARER, route);
    MaskedList own = lists.get(Route.COMPARER);
    BitSet common = new BitSet(own.size());
    common.set(0, own.size());
    for (int owner = 1; owner < lists.size(); owner++) {
      TagTable theirs = table(owner, route);
      scan(
          own,
          (position, high, low) -> {
            if (theirs.find(high, low) < 0) {
              common.clear(position);
            }
          });
    }
    cohort = new TagTable(common.cardinality());
    scan(
        own,
        (position, high, low) -> {
          if (common.get(position)) {
            cohort.add(high, low);
          }
        });
    int[] entries = new int[cohort.size()];
    for (int i = 0; i < entries.length; i++) {
      entries[i] = i;
    }
    order = cohort.sorted(entries);
    rank = new int[order.length];
    for (int i = 0; i < order.length; i++) {
      rank[order[i]] = i;
    }
  }

  private TagTable table(int owner, Route route) {
    MaskedList list = lists.get(owner);
    TagTable table = new TagTable(list.size());
    scan(
        list,
        (position, high, low) -> {
          int earlier = table.add(high, low);
          if (earlier >= 0) {
            List<Integer> path = route.path(owner);
            throw links.violation(
                path.get(path.size() - 2),
                RuleRun.element(links, owner, position) + " repeats element " + earlier);
          }
        });
    return table;
  }

  private interface TagVisitor {
    void tag(int position, long high, long low);
  }

  private void scan(MaskedList list, TagVisitor visitor) {
    for (int first = 0; first < list.size(); ) {
      links.check();
      int count = Math.min(Messages.CHUNK, list.size() - first);
      byte[] tags = list.get(first, count);
      for (int i = 0; i < count; i++) {
        visitor.tag(first + i, TagTable.high(tags, i * TAG), TagTable.low(tags, i * TAG));
      }
      first += count;
    }
  }

  /** People in all lists. */
  int size() {
    return order.length;
  }

  /** Where the members of the cohort are in one list, in the order of the cohort. */
  int[] positions(int owner) {
    int[] positions = new int[order.length];
    scan(
        lists.get(owner),
        (position, high, low) -> {
          int entry = cohort.find(high, low);
          if (entry >= 0) {
            positions[rank[entry]] = position;
          }
        });
    return positions;
  }

  /** Adds the cohort to a digest. */
  void digest(MessageDigest digest) {
    digest.update(ByteBuffer.allocate(4).putInt(order.length).flip());
    ByteBuffer tag = ByteBuffer.allocate(TAG);
    IntConsumer add =
        entry ->
            digest.update(
                tag.clear().putLong(cohort.highAt(entry)).putLong(cohort.lowAt(entry)).flip());
    for (int entry : order) {
      add.accept(entry);
    }
  }
}
