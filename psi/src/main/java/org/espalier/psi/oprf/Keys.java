package org.espalier.psi.oprf;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import org.espalier.wire.Digests;

/**
 * One party's match keys of a rule, in the order of the bins into which they fall, and what the
 * protocol takes from a key: all of it hashes under keys of this run.
 */
final class Keys {
  /** Keys that are hashed together. */
  static final int SLICE = 1 << 13;

  private final byte[] permutation;
  private final OkvsShape shape;
  private final long[] tags;
  private final int[] rows;
  private final int[] firsts;

  /**
   * @param binding of the run and rule
   * @param seed 16 bytes, drawn by the receiver
   * @param tags 128 bits of each key, two longs; different
   * @param rows of this party's table, one for each tag
   */
  Keys(byte[] binding, byte[] seed, OkvsShape shape, long[] tags, int[] rows) {
    MessageDigest sha256 = Digests.sha256();
    sha256.update("psi-oprf/keys".getBytes(StandardCharsets.US_ASCII));
    sha256.update(binding);
    permutation = sha256.digest(seed);
    this.shape = shape;
    int count = rows.length;
    this.tags = new long[2 * count];
    this.rows = new int[count];
    firsts = new int[shape.bins() + 1];
    int[] bins = new int[count];
    Blocks blocks = Blocks.permutation(permutation);
    long[] hashed = new long[2 * SLICE];
    for (int first = 0; first < count; first += SLICE) {
      int size = Math.min(SLICE, count - first);
      blocks.hash(tags, 2 * first, size, hashed, 0);
      for (int from = 0; from < size; from += Field.STEP) {
        assign(hashed, from, Math.min(size, from + Field.STEP), bins, first);
      }
    }
    for (int bin = 0; bin < shape.bins(); bin++) {
      firsts[bin + 1] += firsts[bin];
    }
    int[] next = Arrays.copyOf(firsts, shape.bins());
    for (int from = 0; from < count; from += Field.STEP) {
      move(tags, rows, bins, from, Math.min(count, from + Field.STEP), next);
    }
  }

  private void assign(long[] hashed, int from, int to, int[] bins, int first) {
    for (int i = from; i < to; i++) {
      int bin = (int) (((hashed[2 * i + 1] >>> 32) * shape.bins()) >>> 32);
      bins[first + i] = bin;
      firsts[bin + 1]++;
    }
  }

  private void move(long[] from, int[] fromRows, int[] bins, int first, int end, int[] next) {
    for (int i = first; i < end; i++) {
      int to = next[bins[i]]++;
      tags[2 * to] = from[2 * i];
      tags[2 * to + 1] = from[2 * i + 1];
      rows[to] = fromRows[i];
    }
  }

  int size() {
    return rows.length;
  }

  /** The table's row of the key at a place. */
  int row(int place) {
    return rows[place];
  }

  /** 128 bits of the keys at some places. */
  long[] tags(int[] places) {
    long[] result = new long[2 * places.length];
    for (int i = 0; i < places.length; i++) {
      result[2 * i] = tags[2 * places[i]];
      result[2 * i + 1] = tags[2 * places[i] + 1];
    }
    return result;
  }

  /** The first or second 64 of a key's 128 bits. */
  long tag(int place, int half) {
    return tags[2 * place + half];
  }

  /** Hashes the 128 bits of consecutive keys with another permutation, a pair for each key. */
  void hash(Blocks permutation, int from, int count, long[] result, int to) {
    permutation.hash(tags, 2 * from, count, result, to);
  }

  /** The place of a bin's first key; for the number of bins, the number of keys. */
  int first(int bin) {
    return firsts[bin];
  }

  /** Keys in the fullest bin. */
  int fullest() {
    int fullest = 0;
    for (int bin = 0; bin < shape.bins(); bin++) {
      fullest = Math.max(fullest, firsts[bin + 1] - firsts[bin]);
    }
    return fullest;
  }

  /** Hashes of consecutive keys. Not thread-safe. */
  final class Hashes {
    private final Blocks blocks = Blocks.permutation(permutation);
    private final long[] first;
    private final long[] second;
    private final int sparse;
    private final long denseMask;

    /** The key's element of GF(2^64). */
    final long[] values;

    /** Three different positions in a bin's sparse part. */
    final int[] positions;

    /** A subset of its dense part, bit i for position i. */
    final long[] subsets;

    /**
     * @param capacity keys at most
     */
    Hashes(int capacity) {
      this(shape, capacity);
    }

    /**
     * @param shape of a store that has as many bins as these keys fall into
     * @param capacity keys at most
     */
    Hashes(OkvsShape shape, int capacity) {
      sparse = shape.sparse();
      denseMask = (1L << shape.dense()) - 1;
      first = new long[2 * Math.min(SLICE, capacity)];
      second = new long[first.length];
      values = new long[capacity];
      positions = new int[3 * capacity];
      subsets = new long[capacity];
    }

    /**
     * Hashes keys.
     *
     * @param attempt changes positions and subsets, not values
     */
    void load(int from, int count, int attempt) {
      for (int done = 0; done < count; done += SLICE) {
        load(from + done, Math.min(SLICE, count - done), attempt, done);
      }
    }

    private void load(int from, int count, int attempt, int to) {
      blocks.hash(tags, 2 * from, count, first, 0);
      System.arraycopy(tags, 2 * from, second, 0, 2 * count);
      for (int i = 0; i < count; i++) {
        second[2 * i + 1] ^= attempt + 1;
      }
      blocks.hash(second, 0, count, second, 0);
      for (int done = 0; done < count; done += Field.STEP) {
        take(done, Math.min(count, done + Field.STEP), to);
      }
    }

    private void take(int from, int end, int to) {
      for (int i = from; i < end; i++) {
        long a = first[2 * i + 1];
        long b = second[2 * i];
        long c = second[2 * i + 1];
        values[to + i] = first[2 * i];
        subsets[to + i] = ((c & 0xffffffffL) | (a << 32)) & denseMask;
        int p = (int) (((b >>> 32) * sparse) >>> 32);
        int q = (int) (((b & 0xffffffffL) * (sparse - 1)) >>> 32);
        int r = (int) (((c >>> 32) * (sparse - 2)) >>> 32);
        // Skipping what is taken makes the three different and equally likely.
        q += q >= p ? 1 : 0;
        int low = Math.min(p, q);
        int high = Math.max(p, q);
        r += r >= low ? 1 : 0;
        r += r >= high ? 1 : 0;
        positions[3 * (to + i)] = p;
        positions[3 * (to + i) + 1] = q;
        positions[3 * (to + i) + 2] = r;
      }
    }
  }
}
