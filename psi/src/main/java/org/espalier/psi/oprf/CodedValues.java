package org.espalier.psi.oprf;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Looks values up in the encoded messages of another party's sorted ones, without decoding those in
 * between.
 */
final class CodedValues {
  private static final VarHandle BIG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle LITTLE =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INTS =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

  /** First bucket and count. */
  private static final int HEADER = 8;

  private final Outputs own;
  private final Outputs.Code code;
  private int next;
  private int passed;
  private int found;
  private int[] matches = new int[16];
  private int[] places = new int[16];

  /**
   * @param own with as many bits as those of the code
   * @param code of the other party's
   */
  CodedValues(Outputs own, Outputs.Code code) {
    this.own = own;
    this.code = code;
  }

  /**
   * Looks up all own values that belong to one message's buckets.
   *
   * @param payload of the next message, as {@link Messages.Values} encodes it
   */
  void next(byte[] payload) {
    int first = (int) INTS.get(payload, 0);
    int count = (int) INTS.get(payload, 4);
    int buckets = code.bucketsFrom(first);
    int bits = 64 - code.bucketBits();
    // Each number packed without gaps has its count before it; it ends with 8 bytes that may be
    // read and do not count.
    byte[] bytes = Arrays.copyOf(payload, payload.length + Long.BYTES);
    int high = HEADER + 8 * ((count + buckets + 63) / 64) + 4;
    int low = high + (int) (((long) count * bits + 7) / 8) + 4;
    int word = 0;
    int zeros = 0;
    for (; next < own.size(); next++) {
      long value = own.high(next);
      int bucket = (bits == 64 ? 0 : (int) (value >>> bits)) - first;
      if (bucket >= buckets) {
        break;
      }
      int here = zeros(bytes, word);
      while (zeros + here < bucket) {
        zeros += here;
        here = zeros(bytes, ++word);
      }
      // Behind the zero bit that ends the bucket before.
      int at = bucket == 0 ? 0 : 64 * word + place(~word(bytes, word), bucket - zeros) + 1;
      for (int j = at - bucket; isOne(bytes, at); j++, at++) {
        long theirs = unpack(bytes, high, j, bits) | (bits == 64 ? 0 : value >>> bits << bits);
        long rest = code.low() == 0 ? 0 : unpack(bytes, low, j, code.low());
        if (theirs == value && rest == own.rest(next)) {
          add(next, passed + j);
        }
      }
    }
    passed += count;
  }

  private static long word(byte[] bytes, int word) {
    return (long) BIG.get(bytes, HEADER + 8 * word);
  }

  private static int zeros(byte[] bytes, int word) {
    return 64 - Long.bitCount(word(bytes, word));
  }

  private static boolean isOne(byte[] bytes, int at) {
    return (word(bytes, at >>> 6) >>> at & 1) != 0;
  }

  /** Where the k-th one bit is, from 1. */
  private static int place(long word, int k) {
    long left = word;
    for (int i = 1; i < k; i++) {
      left &= left - 1;
    }
    return Long.numberOfTrailingZeros(left);
  }

  private static long unpack(byte[] bytes, int from, int number, int bits) {
    long bit = (long) number * bits;
    int at = from + (int) (bit >>> 3);
    int skip = (int) (bit & 7);
    long value = (long) LITTLE.get(bytes, at) >>> skip;
    if (skip + bits > 64) {
      value |= (bytes[at + 8] & 0xffL) << (64 - skip);
    }
    return bits == 64 ? value : value & ((1L << bits) - 1);
  }

  private void add(int match, int place) {
    if (found == matches.length) {
      matches = Arrays.copyOf(matches, 2 * found);
      places = Arrays.copyOf(places, 2 * found);
    }
    matches[found] = match;
    places[found++] = place;
  }

  /** The other party's values in the messages so far. */
  int passed() {
    return passed;
  }

  /** Which own values were found, ascending. */
  int[] matches() {
    return Arrays.copyOf(matches, found);
  }

  /** Which of the other party's they are, ascending. */
  int[] places() {
    return Arrays.copyOf(places, found);
  }
}
