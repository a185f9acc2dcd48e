package org.espalier.psi.oprf;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Values of the pseudorandom function in ascending order, each with the place where its key was:
 * the order tells nothing about the keys.
 *
 * <p>A value has 64 to 128 bits: the first 64 and {@code low} more. Over the wire, sorted values
 * are coded after Elias and Fano (P. Elias, 1974): about log2 n bits fewer than their length.
 */
final class Outputs {
  /** Buckets that one message carries. */
  static final int CHUNK = 1 << 16;

  private static final double STATISTICAL = 40;

  /** Bits after the first 64. */
  private final int low;

  private final int bucketBits;
  private final int[] firsts;
  private final long[] high;
  private final long[] rest;
  private final int[] places;

  /**
   * Sorts.
   *
   * @param low bits after the first 64, from {@link #lowBits}
   * @param values two longs each, of which the first 64 + {@code low} bits count; spoilt
   */
  Outputs(long[] values, int low) {
    this.low = low;
    int count = values.length / 2;
    bucketBits = bucketBits(count);
    firsts = new int[(1 << bucketBits) + 1];
    for (int i = 0; i < count; i += Field.STEP) {
      count(values, i, Math.min(count, i + Field.STEP));
    }
    for (int bucket = 0; bucket < firsts.length - 1; bucket++) {
      firsts[bucket + 1] += firsts[bucket];
    }
    high = new long[count];
    rest = new long[low == 0 ? 0 : count];
    places = new int[count];
    for (int i = 0; i < count; i += Field.STEP) {
      place(values, i, Math.min(count, i + Field.STEP));
    }
    System.arraycopy(firsts, 0, firsts, 1, firsts.length - 1);
    firsts[0] = 0;
    int buckets = firsts.length - 1;
    IntStream.range(0, (buckets + CHUNK - 1) / CHUNK)
        .parallel()
        .forEach(
            chunk -> {
              for (int b = chunk * CHUNK; b < Math.min(buckets, (chunk + 1) * CHUNK); b++) {
                sort(firsts[b], firsts[b + 1]);
              }
            });
  }

  private void count(long[] values, int from, int end) {
    for (int i = from; i < end; i++) {
      firsts[bucket(values[2 * i]) + 1]++;
    }
  }

  private void place(long[] values, int from, int end) {
    for (int i = from; i < end; i++) {
      int to = firsts[bucket(values[2 * i])]++;
      high[to] = values[2 * i];
      if (low > 0) {
        rest[to] = values[2 * i + 1] >>> (64 - low);
      }
      places[to] = i;
    }
  }

  /**
   * How many bits after the first 64 make a wrong match, or two equal values of one party,
   * unlikely: below 2^-40 each.
   *
   * @param receiver keys
   * @param sender keys
   */
  static int lowBits(int receiver, int sender) {
    return lowBits((double) sender * Math.max(receiver, sender));
  }

  /**
   * @param pairs of values, any of which may be equal by accident
   */
  static int lowBits(double pairs) {
    return Math.max(0, (int) Math.ceil(STATISTICAL + Math.log(pairs) / Math.log(2)) - 64);
  }

  /** Leading bits that a list of {@code count} values is divided by. */
  static int bucketBits(int count) {
    return 31 - Integer.numberOfLeadingZeros(Math.max(1, count));
  }

  private int bucket(long value) {
    return bucketBits == 0 ? 0 : (int) (value >>> (64 - bucketBits));
  }

  private void sort(int from, int to) {
    for (int i = from + 1; i < to; i++) {
      long h = high[i];
      long r = rest(i);
      int p = places[i];
      int at = i;
      while (at > from && compare(h, r, high[at - 1], rest(at - 1)) < 0) {
        move(at - 1, at);
        at--;
      }
      high[at] = h;
      if (low > 0) {
        rest[at] = r;
      }
      places[at] = p;
    }
  }

  private void move(int from, int to) {
    high[to] = high[from];
    if (low > 0) {
      rest[to] = rest[from];
    }
    places[to] = places[from];
  }

  /** Compares two values by their first 64 bits and the others, unsigned. */
  static int compare(long high, long rest, long otherHigh, long otherRest) {
    int first = Long.compareUnsigned(high, otherHigh);
    return first != 0 ? first : Long.compareUnsigned(rest, otherRest);
  }

  int size() {
    return high.length;
  }

  /** Where the key of the i-th smallest value was. */
  int place(int i) {
    return places[i];
  }

  /** The first 64 bits of the i-th smallest value. */
  long high(int i) {
    return high[i];
  }

  /** The other bits. */
  long rest(int i) {
    return low == 0 ? 0 : rest[i];
  }

  /** How the values of one list are coded. */
  record Code(int count, int low) {
    /**
     * The values of the sender, of two parties.
     *
     * @param checked whole: nobody may find two keys with the same value, even before the run
     */
    static Code of(int receiver, int sender, boolean checked) {
      return new Code(sender, checked ? Long.SIZE : lowBits(receiver, sender));
    }

    int bucketBits() {
      return Outputs.bucketBits(count);
    }

    /** Buckets in all. */
    int buckets() {
      return 1 << bucketBits();
    }

    /** Buckets of the message that starts with bucket {@code first}. */
    int bucketsFrom(int first) {
      return Math.min(CHUNK, buckets() - first);
    }
  }

  /** Consecutive buckets as a message. */
  Messages.Values chunk(Code code, int first) {
    int buckets = code.bucketsFrom(first);
    int from = firsts[first];
    int to = firsts[first + buckets];
    long[] unary = new long[(to - from + buckets + 63) / 64];
    int bit = 0;
    for (int bucket = first; bucket < first + buckets; bucket++) {
      for (int i = firsts[bucket]; i < firsts[bucket + 1]; i++) {
        unary[bit >>> 6] |= 1L << bit;
        bit++;
      }
      bit++;
    }
    long[] lows = low == 0 ? rest : Arrays.copyOfRange(rest, from, to);
    return new Messages.Values(code, first, unary, Arrays.copyOfRange(high, from, to), lows);
  }

  /** Finds those of another party's values that are here, as they arrive in ascending order. */
  final class Matcher {
    private int own;
    private int theirs;
    private int found;
    private int[] matches = new int[16];
    private final long[] members;

    Matcher(int count) {
      members = new long[(count + 63) / 64];
    }

    void next(long theirHigh, long theirRest) {
      while (own < high.length && compare(high[own], rest(own), theirHigh, theirRest) < 0) {
        own++;
      }
      if (own < high.length && high[own] == theirHigh && rest(own) == theirRest) {
        if (found == matches.length) {
          matches = Arrays.copyOf(matches, (int) Math.min(high.length, 2L * found));
        }
        matches[found++] = own++;
        members[theirs >>> 6] |= 1L << theirs;
      }
      theirs++;
    }

    /** Which of their values are here, bit i for the i-th. */
    long[] members() {
      return members;
    }

    /** Which of these values are theirs, ascending. */
    int[] matches() {
      return Arrays.copyOf(matches, found);
    }
  }
}
