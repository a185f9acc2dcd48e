package org.espalier.psi.oprf;

import java.util.stream.IntStream;

/**
 * Compresses a sparse vector into a pseudorandom one: multiplies it by the transposed generator of
 * a systematic expand-convolute code of rate 1/2 (Raghuraman, Rindal, Tanguy: Expand-Convolute
 * Codes for Pseudorandom Correlation Generators from LPN, CRYPTO 2023), in its conservative choice:
 * expander weight 21, convolution over 24 positions, convolved twice.
 *
 * <p>With e = (e0, e1), the result is e0 + B·A2·A1·e1. A1 and A2 add to each position a random
 * subset of the 24 before it and always the 25th before it; A2 starts with the end of A1's result
 * as the positions before the first, so that nothing is near an edge. B adds 21 random positions,
 * one from each 21st part. All are expanded from a public seed that is new in every batch.
 *
 * <p>Linear over GF(2), hence over every field of characteristic 2: the vector's parts over
 * GF(2^64) and over pairs are encoded alike.
 */
final class DualCode {
  /** The relative minimum distance that {@link VoleShape} counts on; RRT23's code has more. */
  static final double DISTANCE = 0.15;

  private static final int WEIGHT = 21;
  private static final int MEMORY = 24;

  /** Results that one task computes. */
  private static final int SLICE = 1 << 12;

  /** Positions whose random bits are drawn together. */
  private static final int DRAWN = 1 << 12;

  /** Positions or results in one call, see {@link Field#STEP}. */
  private static final int STEP = 4 * Field.STEP;

  private final byte[] seed;
  private final int results;
  private final int rest;

  /**
   * @param seed at least 16 bytes, public
   * @param results elements that are wanted
   * @param length elements of the sparse vector, at least twice as many; the difference is a
   *     multiple of 4
   */
  DualCode(byte[] seed, int results, int length) {
    this.seed = seed.clone();
    this.results = results;
    rest = length - results;
    if (rest < results || rest % 4 != 0 || rest < 2 * MEMORY) {
      throw new IllegalArgumentException(length + " elements do not encode to " + results);
    }
  }

  /**
   * Encodes in place: the first {@code results} elements are the result, the others are spoilt.
   *
   * @param width longs of an element, 1 or 2
   */
  void encode(long[] vector, int width) {
    for (int pass = 0; pass < 2; pass++) {
      int number = pass;
      if (width == 2) {
        // The two coordinates do not meet: two cores can take one each.
        IntStream.range(0, 2).parallel().forEach(w -> convolve(vector, w, 2, number));
      } else {
        convolve(vector, 0, 1, number);
      }
    }
    int parts = Runtime.getRuntime().availableProcessors();
    IntStream.range(0, parts)
        .parallel()
        .forEach(part -> expand(vector, width, slice(part, parts), slice(part + 1, parts)));
  }

  /** The first slice of a part. */
  private int slice(int part, int parts) {
    return (int) ((long) ((results + SLICE - 1) / SLICE) * part / parts);
  }

  /**
   * One convolution, element by element. The 16 sums of each four finished elements are kept in a
   * table, so that a random subset of 24 elements costs six or seven look-ups.
   *
   * @param pass 0 or 1
   */
  private void convolve(long[] vector, int word, int width, int pass) {
    Blocks stream = Blocks.stream(seed, -1 - pass);
    long[] drawn = new long[DRAWN / 2];
    // Sums of the last eight groups of four, at 16 times the group's number modulo 8.
    long[] sums = new long[8 * 16];
    int base = results * width + word;
    if (pass == 1) {
      for (int group = rest / 4 - 6; group < rest / 4; group++) {
        sums(vector, base + 4 * group * width, width, sums, (group - rest / 4) & 7);
      }
    }
    for (int first = 0; first < rest; first += DRAWN) {
      int drawnNow = Math.min(DRAWN, rest - first);
      stream.fill(drawn, 0, drawnNow / 2);
      for (int done = 0; done < drawnNow; done += STEP) {
        int end = Math.min(drawnNow, done + STEP);
        convolve(vector, base, width, pass, first, done, end, drawn, sums);
      }
    }
  }

  /** Positions {@code from} to {@code end} of those from {@code first} on, four at a time. */
  private void convolve(
      long[] vector,
      int base,
      int width,
      int pass,
      int first,
      int from,
      int end,
      long[] drawn,
      long[] sums) {
    for (int i = from; i < end; i += 4) {
      int position = first + i;
      int group = position >>> 2;
      int at = base + position * width;
      long bits01 = drawn[i >>> 1];
      long bits23 = drawn[(i >>> 1) + 1];
      long y0 = vector[at] ^ before(vector, base, width, position, pass);
      y0 ^= window(sums, group, (int) bits01 & 0xffffff);
      long y1 = vector[at + width] ^ before(vector, base, width, position + 1, pass);
      int bits = (int) (bits01 >>> 32) & 0xffffff;
      y1 ^= window(sums, group, bits >>> 1) ^ (-(bits & 1L) & y0);
      long y2 = vector[at + 2 * width] ^ before(vector, base, width, position + 2, pass);
      bits = (int) bits23 & 0xffffff;
      y2 ^= window(sums, group, bits >>> 2) ^ (-(bits & 1L) & y1) ^ (-(bits >>> 1 & 1L) & y0);
      long y3 = vector[at + 3 * width] ^ before(vector, base, width, position + 3, pass);
      bits = (int) (bits23 >>> 32) & 0xffffff;
      y3 ^=
          window(sums, group, bits >>> 3)
              ^ (-(bits & 1L) & y2)
              ^ (-(bits >>> 1 & 1L) & y1)
              ^ (-(bits >>> 2 & 1L) & y0);
      vector[at] = y0;
      vector[at + width] = y1;
      vector[at + 2 * width] = y2;
      vector[at + 3 * width] = y3;
      sums(vector, at, width, sums, group & 7);
    }
  }

  /** The element that is always added: 25 places before. */
  private long before(long[] vector, int base, int width, int position, int pass) {
    int at = position - MEMORY - 1;
    if (at >= 0) {
      return vector[base + at * width];
    }
    return pass == 0 ? 0 : vector[base + (at + rest) * width];
  }

  /** A subset of the elements of the six groups before one; bit 0 is the last element. */
  private static long window(long[] sums, int group, int bits) {
    return sums[((group - 1) & 7) * 16 + (bits & 15)]
        ^ sums[((group - 2) & 7) * 16 + (bits >>> 4 & 15)]
        ^ sums[((group - 3) & 7) * 16 + (bits >>> 8 & 15)]
        ^ sums[((group - 4) & 7) * 16 + (bits >>> 12 & 15)]
        ^ sums[((group - 5) & 7) * 16 + (bits >>> 16 & 15)]
        ^ sums[((group - 6) & 7) * 16 + (bits >>> 20 & 15)];
  }

  /** All sums of four consecutive elements; bit 0 stands for the last of them. */
  private static void sums(long[] vector, int at, int width, long[] sums, int slot) {
    int base = slot << 4;
    long a = vector[at + 3 * width];
    long b = vector[at + 2 * width];
    long c = vector[at + width];
    long d = vector[at];
    long ab = a ^ b;
    sums[base] = 0;
    sums[base + 1] = a;
    sums[base + 2] = b;
    sums[base + 3] = ab;
    sums[base + 4] = c;
    sums[base + 5] = a ^ c;
    sums[base + 6] = b ^ c;
    sums[base + 7] = ab ^ c;
    sums[base + 8] = d;
    sums[base + 9] = a ^ d;
    sums[base + 10] = b ^ d;
    sums[base + 11] = ab ^ d;
    long cd = c ^ d;
    sums[base + 12] = cd;
    sums[base + 13] = a ^ cd;
    sums[base + 14] = b ^ cd;
    sums[base + 15] = ab ^ cd;
  }

  /** Adds the random positions, part after part: what is read at random stays in the cache. */
  private void expand(long[] vector, int width, int from, int to) {
    long[] drawn = new long[SLICE / 2];
    Blocks stream = Blocks.stream(seed, 0);
    for (int part = 0; part < WEIGHT; part++) {
      int start = (int) ((long) rest * part / WEIGHT);
      int size = (int) ((long) rest * (part + 1) / WEIGHT) - start;
      for (int slice = from; slice < to; slice++) {
        stream.restart(slice * WEIGHT + part);
        stream.fill(drawn, 0, drawn.length);
        int first = slice * SLICE;
        int count = Math.min(SLICE, results - first);
        add(vector, width, first, count, drawn, results + start, size);
      }
    }
  }

  private static void add(
      long[] vector, int width, int first, int count, long[] drawn, int start, int size) {
    for (int done = 0; done < count; done += STEP) {
      int end = Math.min(count, done + STEP);
      if (width == 2) {
        addPairs(vector, first, done, end, drawn, start, size);
      } else {
        addSingles(vector, first, done, end, drawn, start, size);
      }
    }
  }

  private static void addPairs(
      long[] vector, int first, int from, int end, long[] drawn, int start, int size) {
    for (int i = from; i < end; i++) {
      int at = 2 * (start + position(drawn, i, size));
      vector[2 * (first + i)] ^= vector[at];
      vector[2 * (first + i) + 1] ^= vector[at + 1];
    }
  }

  private static void addSingles(
      long[] vector, int first, int from, int end, long[] drawn, int start, int size) {
    for (int i = from; i < end; i++) {
      vector[first + i] ^= vector[start + position(drawn, i, size)];
    }
  }

  private static int position(long[] drawn, int i, int size) {
    return (int) ((((drawn[i >>> 1] >>> ((i & 1) << 5)) & 0xffffffffL) * size) >>> 32);
  }
}
