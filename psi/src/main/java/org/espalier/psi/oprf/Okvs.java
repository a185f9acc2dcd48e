package org.espalier.psi.oprf;

import java.util.Arrays;

/**
 * Encodes and decodes one bin of an oblivious key-value store over GF(2^64): positions P such that
 * for each key the sum of its three sparse positions and its subset of the dense ones is its value.
 * Scratch space is kept between bins. Not thread-safe.
 */
final class Okvs {
  /**
   * Keys that peeling may leave for elimination. RR22's bound allows a few; more than this means
   * that the whole table is stuck.
   */
  private static final int CORE = 512;

  private final OkvsShape shape;
  private final int[] degree;
  private final int[] sum;
  private final int[] stack;
  private final int[] order;
  private final int[] pivot;

  /** Of the stack. */
  private int height;

  Okvs(OkvsShape shape) {
    this.shape = shape;
    degree = new int[shape.sparse()];
    sum = new int[shape.sparse()];
    stack = new int[shape.sparse()];
    order = new int[shape.capacity()];
    pivot = new int[shape.capacity()];
  }

  /**
   * Solves for a bin.
   *
   * @param count keys, at most the capacity
   * @param table takes the bin's {@link OkvsShape#width} positions; unused ones become 0
   * @return false if these hashes have no solution
   */
  boolean encode(Keys.Hashes hashes, int count, long[] table) {
    Arrays.fill(table, 0);
    return solve(hashes, count, table, false);
  }

  /**
   * Solves for a bin that others will see as it is: of all solutions a random one, so that the
   * table of uniform values is uniform whatever the keys are.
   *
   * @param random what positions hold that no key decides
   */
  boolean encodeHidden(Keys.Hashes hashes, int count, long[] table, Blocks random) {
    random.fill(table, 0, table.length);
    return solve(hashes, count, table, true);
  }

  /** Changes the pivots of a table such that all keys decode to their values. */
  private boolean solve(Keys.Hashes hashes, int count, long[] table, boolean filled) {
    int peeled = peel(hashes, count);
    if (peeled < count && !solveCore(hashes, count, peeled, table)) {
      return false;
    }
    boolean dense = filled || peeled < count;
    for (int end = peeled; end > 0; end -= Field.STEP) {
      fill(hashes, Math.max(0, end - Field.STEP), end, dense, table);
    }
    return true;
  }

  /** The positions of the keys that were peeled from {@code from} to {@code end}, last first. */
  private void fill(Keys.Hashes hashes, int from, int end, boolean dense, long[] table) {
    for (int k = end - 1; k >= from; k--) {
      int key = order[k];
      long missing = hashes.values[key] ^ sparseSum(hashes.positions, key, table);
      if (dense) {
        missing ^= denseSum(hashes.subsets[key], table);
      }
      table[pivot[k]] ^= missing;
    }
  }

  private static long sparseSum(int[] positions, int key, long[] table) {
    return table[positions[3 * key]]
        ^ table[positions[3 * key + 1]]
        ^ table[positions[3 * key + 2]];
  }

  private long denseSum(long subset, long[] table) {
    long value = 0;
    for (long left = subset; left != 0; left &= left - 1) {
      value ^= table[shape.sparse() + Long.numberOfTrailingZeros(left)];
    }
    return value;
  }

  /** Takes off keys that have a position to themselves, as long as there are any. */
  private int peel(Keys.Hashes hashes, int count) {
    Arrays.fill(degree, 0);
    Arrays.fill(sum, 0);
    for (int key = 0; key < count; key += Field.STEP) {
      add(hashes.positions, key, Math.min(count, key + Field.STEP));
    }
    height = 0;
    for (int position = 0; position < degree.length; position += Field.STEP) {
      findSingle(position, Math.min(degree.length, position + Field.STEP));
    }
    int peeled = 0;
    while (height > 0) {
      peeled = peel(hashes.positions, peeled);
    }
    return peeled;
  }

  private void add(int[] positions, int from, int to) {
    for (int key = from; key < to; key++) {
      for (int j = 3 * key; j < 3 * key + 3; j++) {
        degree[positions[j]]++;
        sum[positions[j]] ^= key;
      }
    }
  }

  private void findSingle(int from, int to) {
    for (int position = from; position < to; position++) {
      if (degree[position] == 1) {
        stack[height++] = position;
      }
    }
  }

  /** Goes on peeling for some positions of the stack; returns how many keys are peeled then. */
  private int peel(int[] positions, int before) {
    int peeled = before;
    int top = height;
    for (int steps = 0; steps < Field.STEP && top > 0; steps++) {
      int position = stack[--top];
      if (degree[position] != 1) {
        continue;
      }
      int key = sum[position];
      order[peeled] = key;
      pivot[peeled++] = position;
      for (int j = 3 * key; j < 3 * key + 3; j++) {
        int other = positions[j];
        sum[other] ^= key;
        if (--degree[other] == 1) {
          stack[top++] = other;
        }
      }
    }
    height = top;
    return peeled;
  }

  /** Gaussian elimination on the keys that peeling left, sparse positions first. */
  private boolean solveCore(Keys.Hashes hashes, int count, int peeled, long[] table) {
    int size = count - peeled;
    if (size > CORE) {
      return false;
    }
    boolean[] gone = new boolean[count];
    for (int k = 0; k < peeled; k++) {
      gone[order[k]] = true;
    }
    int[] columns = new int[3 * size + shape.dense()];
    int[] columnOf = new int[shape.sparse()];
    int used = 0;
    long[][] matrix = new long[size][];
    long[] values = new long[size];
    int[] keys = new int[size];
    for (int key = 0, row = 0; key < count; key++) {
      if (gone[key]) {
        continue;
      }
      keys[row++] = key;
      for (int j = 3 * key; j < 3 * key + 3; j++) {
        int position = hashes.positions[j];
        if (columnOf[position] == 0) {
          columns[used] = position;
          columnOf[position] = ++used;
        }
      }
    }
    for (int i = 0; i < shape.dense(); i++) {
      columns[used + i] = shape.sparse() + i;
    }
    int width = used + shape.dense();
    for (int row = 0; row < size; row++) {
      int key = keys[row];
      long[] bits = new long[(width + 63) / 64];
      for (int j = 3 * key; j < 3 * key + 3; j++) {
        int column = columnOf[hashes.positions[j]] - 1;
        bits[column >>> 6] ^= 1L << column;
      }
      for (int i = 0; i < shape.dense(); i++) {
        bits[(used + i) >>> 6] ^= (hashes.subsets[key] >>> i & 1) << (used + i);
      }
      matrix[row] = bits;
      // What is missing from the value; columns without a pivot keep what they hold.
      values[row] =
          hashes.values[key]
              ^ sparseSum(hashes.positions, key, table)
              ^ denseSum(hashes.subsets[key], table);
    }
    int solved = 0;
    int[] columnOfRow = new int[size];
    for (int column = 0; column < width && solved < size; column++) {
      int word = column >>> 6;
      int found = solved;
      while (found < size && (matrix[found][word] >>> column & 1) == 0) {
        found++;
      }
      if (found == size) {
        continue;
      }
      long[] row = matrix[found];
      long value = values[found];
      matrix[found] = matrix[solved];
      values[found] = values[solved];
      matrix[solved] = row;
      values[solved] = value;
      columnOfRow[solved] = columns[column];
      for (int other = 0; other < size; other++) {
        if (other != solved && (matrix[other][word] >>> column & 1) != 0) {
          for (int w = word; w < row.length; w++) {
            matrix[other][w] ^= row[w];
          }
          values[other] ^= value;
        }
      }
      solved++;
    }
    for (int row = solved; row < size; row++) {
      if (values[row] != 0) {
        return false;
      }
    }
    for (int row = 0; row < solved; row++) {
      table[columnOfRow[row]] ^= values[row];
    }
    return true;
  }

  /**
   * What keys decode to in a bin of pairs.
   *
   * @param subsetSums of the bin, from {@link #subsetSums}
   * @param pairs two longs each
   * @param at the bin's first position
   * @param result takes a pair for each key
   * @param to index of the first result
   */
  static void decode(
      OkvsShape shape,
      Keys.Hashes hashes,
      int count,
      long[] subsetSums,
      long[] pairs,
      int at,
      long[] result,
      int to) {
    for (int from = 0; from < count; from += Field.STEP) {
      int step = Math.min(Field.STEP, count - from);
      decode(shape.dense() / 8, hashes, from, step, subsetSums, pairs, at, result, to);
    }
  }

  private static void decode(
      int digits,
      Keys.Hashes hashes,
      int from,
      int count,
      long[] subsetSums,
      long[] pairs,
      int at,
      long[] result,
      int to) {
    for (int i = from; i < from + count; i++) {
      int p = 2 * (at + hashes.positions[3 * i]);
      int q = 2 * (at + hashes.positions[3 * i + 1]);
      int r = 2 * (at + hashes.positions[3 * i + 2]);
      long a = pairs[p] ^ pairs[q] ^ pairs[r];
      long b = pairs[p + 1] ^ pairs[q + 1] ^ pairs[r + 1];
      long subset = hashes.subsets[i];
      for (int digit = 0; digit < digits; digit++) {
        int entry = (digit << 9) | ((int) (subset & 0xff) << 1);
        a ^= subsetSums[entry];
        b ^= subsetSums[entry + 1];
        subset >>>= 8;
      }
      result[to + 2 * i] = a;
      result[to + 2 * i + 1] = b;
    }
  }

  /**
   * Adds what keys decode to in a bin of single elements.
   *
   * @param to index of the first key's sum
   */
  static void addDecoded(
      OkvsShape shape, Keys.Hashes hashes, int count, long[] table, long[] sums, int to) {
    int digits = shape.dense() / 8;
    long[] subsets = new long[digits << 8];
    for (int i = 0; i < shape.dense(); i++) {
      int base = (i / 8) << 8;
      int bit = 1 << (i % 8);
      for (int low = 0; low < bit; low++) {
        subsets[base + bit + low] = subsets[base + low] ^ table[shape.sparse() + i];
      }
    }
    for (int i = 0; i < count; i++) {
      long sum = sparseSum(hashes.positions, i, table);
      long subset = hashes.subsets[i];
      for (int digit = 0; digit < digits; digit++) {
        sum ^= subsets[(digit << 8) | ((int) subset & 0xff)];
        subset >>>= 8;
      }
      sums[to + i] ^= sum;
    }
  }

  /** Sums of all subsets of each eight dense positions of a bin of pairs. */
  static long[] subsetSums(OkvsShape shape, long[] pairs, int at) {
    long[] sums = new long[shape.dense() / 8 * 512];
    for (int i = 0; i < shape.dense(); i++) {
      int from = 2 * (at + shape.sparse() + i);
      int base = (i / 8) << 9;
      int bit = 1 << (i % 8);
      for (int low = 0; low < bit; low++) {
        sums[base + 2 * (bit + low)] = sums[base + 2 * low] ^ pairs[from];
        sums[base + 2 * (bit + low) + 1] = sums[base + 2 * low + 1] ^ pairs[from + 1];
      }
    }
    return sums;
  }
}
