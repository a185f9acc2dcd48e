package org.espalier.psi.store;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.security.SecureRandom;
import java.util.Arrays;

/**
 * Finds the position of a 128-bit tag among up to 2^28 others: 24 to 32 bytes of heap each.
 *
 * <p>Open addressing with linear probing. The slot is a secret multiplicative hash of the tag, so a
 * peer who chooses the tags cannot make them collide.
 */
public final class TagTable {
  private static final int EMPTY = 0;
  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  private final long[] high;
  private final long[] low;
  private final int[] slots;
  private final int shift;
  private final long multiplierHigh;
  private final long multiplierLow;
  private int size;

  /**
   * @param capacity tags that will be added at most, 0 to 2^28
   */
  public TagTable(int capacity) {
    if (capacity < 0 || capacity > 1 << 28) {
      throw new IllegalArgumentException("capacity " + capacity + " is not in 0..2^28");
    }
    int bits = Math.max(4, 33 - Integer.numberOfLeadingZeros(Math.max(1, capacity - 1)));
    high = new long[capacity];
    low = new long[capacity];
    slots = new int[1 << bits];
    shift = 64 - bits;
    SecureRandom random = new SecureRandom();
    multiplierHigh = random.nextLong() | 1;
    multiplierLow = random.nextLong() | 1;
  }

  /** The first 8 bytes of a tag, big-endian. */
  public static long high(byte[] bytes, int offset) {
    return (long) LONGS.get(bytes, offset);
  }

  /** The last 8 bytes of a tag, big-endian. */
  public static long low(byte[] bytes, int offset) {
    return (long) LONGS.get(bytes, offset + 8);
  }

  /**
   * Adds a tag at position {@link #size}.
   *
   * @return -1, or the position of the equal tag that is there already; nothing is added then
   */
  public int add(long tagHigh, long tagLow) {
    int slot = slot(tagHigh, tagLow);
    if (slots[slot] != EMPTY) {
      return slots[slot] - 1;
    }
    high[size] = tagHigh;
    low[size] = tagLow;
    slots[slot] = ++size;
    return -1;
  }

  /** The position of a tag, or -1. */
  public int find(long tagHigh, long tagLow) {
    return slots[slot(tagHigh, tagLow)] - 1;
  }

  /** The slot that holds the tag, or the empty one where it belongs. */
  private int slot(long tagHigh, long tagLow) {
    long mixed = tagHigh * multiplierHigh + (tagLow ^ tagLow >>> 32) * multiplierLow;
    mixed = (mixed ^ mixed >>> 32) * multiplierHigh;
    int slot = (int) (mixed >>> shift);
    while (slots[slot] != EMPTY) {
      int at = slots[slot] - 1;
      if (high[at] == tagHigh && low[at] == tagLow) {
        break;
      }
      slot = (slot + 1) & (slots.length - 1);
    }
    return slot;
  }

  public int size() {
    return size;
  }

  /** First half of the tag at a position. */
  public long highAt(int position) {
    return high[position];
  }

  /** Second half of the tag at a position. */
  public long lowAt(int position) {
    return low[position];
  }

  /** The given positions in ascending order of their tags, as unsigned big-endian numbers. */
  public int[] sorted(int[] positions) {
    int[] from = positions.clone();
    int[] to = new int[from.length];
    for (int width = 1; width < from.length && width > 0; width <<= 1) {
      for (int start = 0; start < from.length; start += 2 * width) {
        int middle = Math.min(start + width, from.length);
        int end = (int) Math.min(start + 2L * width, from.length);
        merge(from, start, middle, end, to);
        if (end == from.length) {
          break;
        }
      }
      int[] swap = from;
      from = to;
      to = swap;
    }
    Arrays.fill(to, 0);
    return from;
  }

  private void merge(int[] from, int start, int middle, int end, int[] to) {
    int left = start;
    int right = middle;
    for (int i = start; i < end; i++) {
      boolean takeLeft = right == end || (left < middle && compare(from[left], from[right]) <= 0);
      to[i] = takeLeft ? from[left++] : from[right++];
    }
  }

  private int compare(int a, int b) {
    int order = Long.compareUnsigned(high[a], high[b]);
    return order != 0 ? order : Long.compareUnsigned(low[a], low[b]);
  }
}
