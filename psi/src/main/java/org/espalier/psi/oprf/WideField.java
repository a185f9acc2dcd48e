package org.espalier.psi.oprf;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * GF(2^128) = GF(2)[x] / (x^128 + x^7 + x^2 + x + 1). An element is two consecutive longs; bit i of
 * the first stands for x^i, of the second for x^(64 + i). Addition is exclusive or.
 *
 * <p>As in {@link Field}, no access to memory depends on a secret: where an element is looked up by
 * its bits, those are public.
 */
final class WideField {
  private static final long REDUCTION = 0x87;
  private static final int DIGITS = 16;

  /** Longs of a table with 256 elements for each byte of another. */
  private static final int TABLE = DIGITS * 512;

  /** Elements that one task combines. */
  private static final int SLICE = 1 << 17;

  private WideField() {}

  /** Multiplies an element by x, in place. */
  static void timesX(long[] element, int at) {
    long carry = element[at + 1] >> 63;
    element[at + 1] = element[at + 1] << 1 | element[at] >>> 63;
    element[at] = element[at] << 1 ^ (carry & REDUCTION);
  }

  /** The product of two elements, in constant time. */
  static long[] multiply(long[] a, long[] b) {
    long[] product = new long[2];
    for (int bit = 127; bit >= 0; bit--) {
      timesX(product, 0);
      long chosen = -(b[bit >>> 6] >>> bit & 1);
      product[0] ^= chosen & a[0];
      product[1] ^= chosen & a[1];
    }
    return product;
  }

  /**
   * Σ χ_j · e_j over all elements of a vector but the last, plus the last: a universal hash of the
   * others, masked. Different vectors of others have equal hashes under random χ with probability
   * 2^-128.
   *
   * @param challenge χ, public; as long as the vector
   * @param vector of longs; the last two are the mask. Of an odd number, one half is taken as 0
   */
  static long[] hash(long[] challenge, long[] vector) {
    int length = vector.length - 2;
    long[] sum = new long[2];
    for (int bit = 127; bit >= 0; bit--) {
      timesX(sum, 0);
      addChosen(challenge, bit >>> 6, bit & 63, vector, length, sum);
    }
    sum[0] ^= vector[length];
    sum[1] ^= vector[length + 1];
    return sum;
  }

  private static void addChosen(
      long[] challenge, int half, int bit, long[] vector, int length, long[] sum) {
    long low = 0;
    long high = 0;
    for (int j = 0; j + 1 < length; j += 2) {
      long chosen = -(challenge[j + half] >>> bit & 1);
      low ^= chosen & vector[j];
      high ^= chosen & vector[j + 1];
    }
    if ((length & 1) != 0) {
      low ^= -(challenge[length - 1 + half] >>> bit & 1) & vector[length - 1];
    }
    sum[0] ^= low;
    sum[1] ^= high;
  }

  /**
   * Σ χ_k · e_k.
   *
   * @param seed of χ: 16 bytes, public
   * @param elements two longs each
   * @param count how many of them
   */
  static long[] combine(byte[] seed, long[] elements, int count) {
    long[] table =
        IntStream.range(0, (count + SLICE - 1) / SLICE)
            .parallel()
            .mapToObj(slice -> sort(seed, slice, elements, count))
            .reduce(new long[TABLE], WideField::sum);
    // From sums of what has a byte of χ in common, to sums of what has a bit in common.
    long[] result = new long[2];
    for (int bit = 127; bit >= 0; bit--) {
      timesX(result, 0);
      int base = (bit >>> 3) << 9;
      for (int digit = 0; digit < 256; digit++) {
        if ((digit >>> (bit & 7) & 1) != 0) {
          result[0] ^= table[base + 2 * digit];
          result[1] ^= table[base + 2 * digit + 1];
        }
      }
    }
    return result;
  }

  private static long[] sum(long[] a, long[] b) {
    long[] sum = new long[a.length];
    for (int i = 0; i < a.length; i++) {
      sum[i] = a[i] ^ b[i];
    }
    return sum;
  }

  /** Adds each element of a slice to 16 sums, by the bytes of its χ. */
  private static long[] sort(byte[] seed, int slice, long[] elements, int count) {
    long[] table = new long[TABLE];
    long[] challenge = new long[2 * Field.STEP];
    Blocks stream = Blocks.stream(seed, slice);
    int end = Math.min(count, (slice + 1) * SLICE);
    for (int first = slice * SLICE; first < end; first += Field.STEP) {
      int step = Math.min(Field.STEP, end - first);
      stream.fill(challenge, 0, 2 * step);
      sort(challenge, step, elements, 2 * first, table);
    }
    return table;
  }

  private static void sort(long[] challenge, int count, long[] elements, int from, long[] table) {
    for (int i = 0; i < count; i++) {
      long low = elements[from + 2 * i];
      long high = elements[from + 2 * i + 1];
      for (int digit = 0; digit < DIGITS; digit++) {
        long word = challenge[2 * i + (digit >>> 3)];
        int entry = (digit << 9) | ((int) (word >>> ((digit & 7) << 3) & 0xff) << 1);
        table[entry] ^= low;
        table[entry + 1] ^= high;
      }
    }
  }

  /** Multiplication of public elements by a secret one, by tables of 64 KiB. */
  static final class Multiplier {
    private final long[] table = new long[TABLE];

    Multiplier(long first, long second) {
      long[] power = {first, second};
      for (int digit = 0; digit < DIGITS; digit++) {
        int base = digit << 9;
        for (int bit = 1; bit < 256; bit <<= 1) {
          for (int low = 0; low < bit; low++) {
            table[base + 2 * (bit + low)] = table[base + 2 * low] ^ power[0];
            table[base + 2 * (bit + low) + 1] = table[base + 2 * low + 1] ^ power[1];
          }
          timesX(power, 0);
        }
      }
    }

    /**
     * Adds the secret element times each factor to the elements from {@code to} on.
     *
     * @param factors two longs each
     * @param from number of the first factor
     * @param to number of the first element
     */
    void addProducts(long[] factors, int from, long[] elements, int to, int count) {
      for (int done = 0; done < count; done += Field.STEP) {
        step(factors, from + done, elements, to + done, Math.min(Field.STEP, count - done));
      }
    }

    private void step(long[] factors, int from, long[] elements, int to, int count) {
      for (int i = 0; i < count; i++) {
        long a = elements[2 * (to + i)];
        long b = elements[2 * (to + i) + 1];
        for (int digit = 0; digit < DIGITS; digit++) {
          long word = factors[2 * (from + i) + (digit >>> 3)];
          int entry = (digit << 9) | ((int) (word >>> ((digit & 7) << 3) & 0xff) << 1);
          a ^= table[entry];
          b ^= table[entry + 1];
        }
        elements[2 * (to + i)] = a;
        elements[2 * (to + i) + 1] = b;
      }
    }

    void wipe() {
      Arrays.fill(table, 0);
    }
  }
}
