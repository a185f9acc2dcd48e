package org.espalier.node.cohort;

import java.util.Arrays;

/**
 * The keys that a node brought to an alignment, as 64 bits of a keyed hash each, so that a later
 * set can be compared with them. Only ever seen by the node itself.
 *
 * @param rules of each rule the distinct tags in ascending order; not copied, not to be changed
 */
@SuppressWarnings("ArrayRecordComponent") // as large as a data set has rows
public record KeySet(long[][] rules) {
  public KeySet {
    rules = rules.clone();
  }

  /** Sorts the tags of each rule and leaves one of each. */
  public static KeySet of(long[][] tags) {
    long[][] rules = new long[tags.length][];
    for (int rule = 0; rule < tags.length; rule++) {
      long[] sorted = tags[rule].clone();
      Arrays.sort(sorted);
      int distinct = 0;
      for (int i = 0; i < sorted.length; i++) {
        if (i == 0 || sorted[i] != sorted[i - 1]) {
          sorted[distinct++] = sorted[i];
        }
      }
      rules[rule] = Arrays.copyOf(sorted, distinct);
    }
    return new KeySet(rules);
  }

  /**
   * By how many keys this set and another differ, at the rule where they are nearest to each other
   * without being equal: the larger of how many only one and only the other has. Rules are compared
   * with the rule of the same number and with all that have a key in common with them, so that
   * neither reordering nor adding rules hides a difference.
   *
   * @param enough larger differences are all alike
   * @return 1 to {@code enough}; 0 if all that was compared is equal
   */
  public int difference(KeySet other, int enough) {
    int nearest = 0;
    for (int own = 0; own < rules.length; own++) {
      for (int theirs = 0; theirs < other.rules.length; theirs++) {
        int difference = difference(rules[own], other.rules[theirs], own == theirs, enough);
        if (difference > 0 && (nearest == 0 || difference < nearest)) {
          nearest = difference;
        }
      }
    }
    return nearest;
  }

  private static int difference(long[] a, long[] b, boolean always, int enough) {
    if (Math.abs((long) a.length - b.length) >= enough) {
      return enough;
    }
    int i = 0;
    int j = 0;
    int onlyA = 0;
    int onlyB = 0;
    boolean common = always;
    while (i < a.length && j < b.length) {
      if (a[i] == b[j]) {
        common = true;
        i++;
        j++;
      } else if (a[i] < b[j]) {
        onlyA++;
        i++;
      } else {
        onlyB++;
        j++;
      }
      if (onlyA >= enough || onlyB >= enough) {
        return enough;
      }
    }
    onlyA += a.length - i;
    onlyB += b.length - j;
    return common ? Math.min(enough, Math.max(onlyA, onlyB)) : 0;
  }
}
