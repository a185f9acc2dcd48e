package org.espalier.protocols.neural;

import java.util.Arrays;
import org.espalier.protocols.fixedpoint.Ring;
import org.espalier.wire.Channel;
import org.espalier.wire.WireException;

/**
 * Real numbers at the cut of a network as they travel: integers modulo 2^{@value #BITS}, {@value
 * #FRACTION} bits after the point. Whatever arrives is finite and bounded by its form.
 */
final class Cut {
  static final int BITS = 48;
  static final int FRACTION = 30;

  /** Numbers of a party stay within ± this. */
  static final int LIMIT = 1 << 12;

  private Cut() {}

  /**
   * The first numbers, rounded.
   *
   * @throws Ring.RangeError if one is not within {@link #LIMIT}
   */
  static long[] integers(double[] values, int count, String what) {
    long[] integers = new long[count];
    for (int i = 0; i < count; i++) {
      if (!(Math.abs(values[i]) <= LIMIT)) {
        throw new Ring.RangeError(
            "%s of %.0f exceeds ±%d: lower training.learning_rate, or weights of people"
                .formatted(what, values[i], LIMIT));
      }
      integers[i] = Math.round(Math.scalb(values[i], FRACTION)) & (1L << BITS) - 1;
    }
    return integers;
  }

  /** What an integer means. */
  static double real(long integer) {
    return Math.scalb((double) (integer << (Long.SIZE - BITS) >> (Long.SIZE - BITS)), -FRACTION);
  }

  static void send(Channel channel, long[] integers) {
    for (int from = 0; from < integers.length; from += SourceMessages.CutValues.CHUNK) {
      int to = Math.min(integers.length, from + SourceMessages.CutValues.CHUNK);
      channel.send(new SourceMessages.CutValues(from, Arrays.copyOfRange(integers, from, to)));
    }
  }

  /**
   * @throws WireException.ProtocolViolation if they are not so many
   */
  static long[] receive(Channel channel, int length) {
    long[] integers = new long[length];
    for (int from = 0; from < length; from += SourceMessages.CutValues.CHUNK) {
      int count = Math.min(SourceMessages.CutValues.CHUNK, length - from);
      SourceMessages.CutValues chunk =
          channel.receive(SourceMessages.CutValues.TYPE, SourceMessages.CutValues.limit(count));
      if (chunk.from() != from || chunk.values().length != count) {
        throw new WireException.ProtocolViolation(
            channel.peer(),
            "sent %d numbers at the cut from %d where %d from %d were due"
                .formatted(chunk.values().length, chunk.from(), count, from));
      }
      System.arraycopy(chunk.values(), 0, integers, from, count);
    }
    return integers;
  }
}
