package org.espalier.wire;

/** Values of 1 to 64 bits without gaps, least significant bit first. */
final class BitPacking {
  private BitPacking() {}

  static void pack(long[] values, int bits, byte[] out, int offset) {
    long mask = mask(bits);
    long pending = 0;
    int held = 0;
    int at = offset;
    for (long raw : values) {
      long value = raw & mask;
      pending |= value << held;
      int total = held + bits;
      if (total >= 64) {
        for (int i = 0; i < 8; i++) {
          out[at++] = (byte) (pending >>> (8 * i));
        }
        int used = 64 - held;
        pending = used == 64 ? 0 : value >>> used;
        total -= 64;
      }
      held = total;
    }
    for (int left = held; left > 0; left -= 8) {
      out[at++] = (byte) pending;
      pending >>>= 8;
    }
  }

  static void unpack(byte[] in, int offset, int bits, long[] values) {
    long mask = mask(bits);
    long bitAt = 0;
    int limit = in.length;
    for (int i = 0; i < values.length; i++, bitAt += bits) {
      int at = offset + (int) (bitAt >>> 3);
      int skip = (int) (bitAt & 7);
      long word = 0;
      int count = Math.min(8, limit - at);
      for (int k = 0; k < count; k++) {
        word |= (in[at + k] & 0xffL) << (8 * k);
      }
      word >>>= skip;
      if (skip + bits > 64) {
        word |= (in[at + 8] & 0xffL) << (64 - skip);
      }
      values[i] = word & mask;
    }
  }

  private static long mask(int bits) {
    return bits == 64 ? -1L : (1L << bits) - 1;
  }
}
