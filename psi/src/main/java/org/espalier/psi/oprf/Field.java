package org.espalier.psi.oprf;

/**
 * GF(2^64) = GF(2)[x] / (x^64 + x^4 + x^3 + x + 1), bit i of a long standing for x^i. Addition is
 * exclusive or.
 *
 * <p>The protocol's Δ and the results of multiplying by it are pairs of such elements. Read as
 * coordinates over any basis of GF(2^128) as an extension of GF(2^64), a pair is an element of
 * GF(2^128), and multiplying it by an element of the subfield multiplies both coordinates. As
 * nothing else is ever multiplied, no product in GF(2^128) itself is needed.
 */
final class Field {
  private static final long REDUCTION = 0x1b;

  /**
   * Products in one call. Here and in the other loops over millions of elements, small ones in
   * methods of their own are compiled once and early; a long one is compiled while it runs, and
   * again when it is called the next time.
   */
  static final int STEP = 64;

  private Field() {}

  /** x times an element. */
  static long timesX(long a) {
    return (a << 1) ^ ((a >> 63) & REDUCTION);
  }

  /** The product of two elements, in constant time. */
  static long multiply(long a, long b) {
    long product = 0;
    for (int bit = 63; bit >= 0; bit--) {
      product = timesX(product) ^ (-((b >>> bit) & 1) & a);
    }
    return product;
  }

  /**
   * Multiplication of public elements by a secret pair, by tables of 32 KiB in all.
   *
   * <p>Which entries are read depends on the other factor, never on the secret pair: a process that
   * watches the cache learns nothing of Δ. At the sender the other factors are what came over the
   * wire and hashes of its own keys, which choose other places in memory as well.
   */
  static final class Multiplier {
    private final long[] table = new long[8 * 256 * 2];

    Multiplier(long first, long second) {
      long a = first;
      long b = second;
      for (int digit = 0; digit < 8; digit++) {
        int base = digit << 9;
        for (int bit = 1; bit < 256; bit <<= 1) {
          for (int low = 0; low < bit; low++) {
            table[base + 2 * (bit + low)] = table[base + 2 * low] ^ a;
            table[base + 2 * (bit + low) + 1] = table[base + 2 * low + 1] ^ b;
          }
          a = timesX(a);
          b = timesX(b);
        }
      }
    }

    /**
     * Adds the secret pair times {@code factor} to the pair at {@code at}.
     *
     * @param pairs two longs each
     * @param at index of the first long of the pair
     */
    void addProduct(long factor, long[] pairs, int at) {
      long a = pairs[at];
      long b = pairs[at + 1];
      for (int digit = 0; digit < 8; digit++) {
        int entry = (digit << 9) | ((int) ((factor >>> (digit << 3)) & 0xff) << 1);
        a ^= table[entry];
        b ^= table[entry + 1];
      }
      pairs[at] = a;
      pairs[at + 1] = b;
    }

    /**
     * Adds the secret pair times each factor to the pairs from {@code to} on.
     *
     * @param to number of the first pair
     */
    void addProducts(long[] factors, int from, long[] pairs, int to, int count) {
      for (int done = 0; done < count; done += STEP) {
        step(factors, from + done, pairs, to + done, Math.min(STEP, count - done));
      }
    }

    private void step(long[] factors, int from, long[] pairs, int to, int count) {
      for (int i = 0; i < count; i++) {
        addProduct(factors[from + i], pairs, 2 * (to + i));
      }
    }

    void wipe() {
      java.util.Arrays.fill(table, 0);
    }
  }
}
