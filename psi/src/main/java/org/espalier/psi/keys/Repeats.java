package org.espalier.psi.keys;

import java.security.SecureRandom;
import java.util.Arrays;

/**
 * Finds tags that were there before, all at once: they are divided among parts by a hash, and each
 * part is looked through with a table that stays in a core's cache. A table of all would miss the
 * cache with every tag.
 *
 * <p>The hash is multiplicative with secret factors, so that whoever chooses tags cannot make them
 * meet. Takes 8 bytes of heap for each tag.
 */
final class Repeats {
  /** Of a place among all tags: 2^28 at most. */
  private static final int PLACE_BITS = 28;

  private static final long PLACE = (1L << PLACE_BITS) - 1;

  /** Of the number of tags in a part, if there may be enough parts. */
  private static final int PART_BITS = 12;

  /** Parts are written to all at once; a core has about two thousand pages of memory at hand. */
  private static final int MOST_PARTS_BITS = 10;

  /** Tags that one call takes: small loops are compiled sooner. */
  private static final int STEP = 64;

  private final long[] tags;
  private final int count;
  private final long factorHigh;
  private final long factorLow;
  private final int partBits;

  /** Of each tag, part by part: 36 bits of its hash behind those of the part, and its place. */
  private final long[] entries;

  private final int[] next;
  private int[] slots = {};

  /** Takes a tag that is there again. */
  @FunctionalInterface
  interface Visitor {
    /**
     * @param first the place of the first equal tag
     */
    void repeat(int place, int first);
  }

  /**
   * @param tags two longs each
   * @param count of tags, at most 2^28
   */
  static void find(long[] tags, int count, Visitor visitor) {
    Repeats repeats = new Repeats(tags, count);
    repeats.divide();
    int from = 0;
    for (int end : repeats.next) {
      repeats.search(from, end, visitor);
      from = end;
    }
  }

  private Repeats(long[] tags, int count) {
    if (count > 1 << PLACE_BITS) {
      throw new IllegalArgumentException(count + " tags are more than 2^" + PLACE_BITS);
    }
    this.tags = tags;
    this.count = count;
    SecureRandom random = new SecureRandom();
    factorHigh = random.nextLong() | 1;
    factorLow = random.nextLong() | 1;
    int bits = 32 - Integer.numberOfLeadingZeros(Math.max(1, count) - 1);
    partBits = Math.max(1, Math.min(MOST_PARTS_BITS, bits - PART_BITS));
    entries = new long[count];
    next = new int[1 << partBits];
  }

  private long hash(int place) {
    long low = tags[2 * place + 1];
    long mixed = tags[2 * place] * factorHigh + (low ^ low >>> 32) * factorLow;
    return (mixed ^ mixed >>> 32) * factorHigh;
  }

  /** Afterwards {@link #next} has the end of each part. */
  private void divide() {
    for (int from = 0; from < count; from += STEP) {
      count(from, Math.min(count, from + STEP));
    }
    int sum = 0;
    for (int part = 0; part < next.length; part++) {
      int size = next[part];
      next[part] = sum;
      sum += size;
    }
    for (int from = 0; from < count; from += STEP) {
      place(from, Math.min(count, from + STEP));
    }
  }

  private void count(int from, int to) {
    for (int i = from; i < to; i++) {
      next[(int) (hash(i) >>> (64 - partBits))]++;
    }
  }

  private void place(int from, int to) {
    for (int i = from; i < to; i++) {
      long hash = hash(i);
      entries[next[(int) (hash >>> (64 - partBits))]++] = (hash << partBits & ~PLACE) | i;
    }
  }

  private void search(int from, int end, Visitor visitor) {
    if (from == end) {
      return;
    }
    int bits = 33 - Integer.numberOfLeadingZeros(end - from);
    if (slots.length < 1 << bits) {
      slots = new int[1 << bits];
    } else {
      Arrays.fill(slots, 0, 1 << bits, 0);
    }
    for (int step = from; step < end; step += STEP) {
      search(from, step, Math.min(end, step + STEP), 64 - bits, visitor);
    }
  }

  /** Looks up entries {@code step} to {@code to} of the part that begins at {@code from}. */
  private void search(int from, int step, int to, int shift, Visitor visitor) {
    int mask = (1 << (64 - shift)) - 1;
    for (int i = step; i < to; i++) {
      long entry = entries[i];
      int slot = (int) (entry >>> shift);
      while (slots[slot] != 0) {
        long earlier = entries[from + slots[slot] - 1];
        if (((earlier ^ entry) & ~PLACE) == 0
            && equal((int) (earlier & PLACE), (int) (entry & PLACE))) {
          visitor.repeat((int) (entry & PLACE), (int) (earlier & PLACE));
          break;
        }
        slot = (slot + 1) & mask;
      }
      if (slots[slot] == 0) {
        slots[slot] = i - from + 1;
      }
    }
  }

  private boolean equal(int a, int b) {
    return tags[2 * a] == tags[2 * b] && tags[2 * a + 1] == tags[2 * b + 1];
  }
}
