package org.espalier.wire;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Writes message payloads: big-endian integers, length-prefixed strings, bit-packed values. */
public final class Encoder {
  private byte[] buffer;
  private int size;

  public Encoder() {
    this(0);
  }

  Encoder(int reserved) {
    buffer = new byte[Math.max(256, reserved)];
    size = reserved;
  }

  public Encoder putByte(int value) {
    ensure(1);
    buffer[size++] = (byte) value;
    return this;
  }

  public Encoder putInt(int value) {
    ensure(4);
    for (int shift = 24; shift >= 0; shift -= 8) {
      buffer[size++] = (byte) (value >>> shift);
    }
    return this;
  }

  public Encoder putLong(long value) {
    ensure(8);
    for (int shift = 56; shift >= 0; shift -= 8) {
      buffer[size++] = (byte) (value >>> shift);
    }
    return this;
  }

  public Encoder putDouble(double value) {
    return putLong(Double.doubleToLongBits(value));
  }

  /** Count (u32) and values. */
  public Encoder putDoubles(double[] values) {
    putInt(values.length);
    ensure(Math.multiplyExact(8, values.length));
    for (double value : values) {
      putDouble(value);
    }
    return this;
  }

  /** Count (u32) and values of 8 bytes each. */
  public Encoder putLongs(long[] values) {
    putInt(values.length);
    ensure(Math.multiplyExact(8, values.length));
    for (long value : values) {
      putLong(value);
    }
    return this;
  }

  /** Length (u32) and bytes. */
  public Encoder putBytes(byte[] bytes) {
    putInt(bytes.length);
    return putRaw(bytes, 0, bytes.length);
  }

  /** Length (u32) and UTF-8 bytes. */
  public Encoder putString(String s) {
    return putBytes(s.getBytes(StandardCharsets.UTF_8));
  }

  /** Bytes without a length: the reader knows how many. */
  public Encoder putRaw(byte[] bytes, int offset, int length) {
    ensure(length);
    System.arraycopy(bytes, offset, buffer, size, length);
    size += length;
    return this;
  }

  /**
   * Count (u32) and the low {@code bits} bits of each value, packed without gaps, least significant
   * bit first, padded with zero bits to a whole byte.
   *
   * @param bits 1 to 64
   */
  public Encoder putPacked(long[] values, int bits) {
    putInt(values.length);
    int bytes = Decoder.packedBytes(values.length, bits);
    ensure(bytes);
    BitPacking.pack(values, bits, buffer, size);
    size += bytes;
    return this;
  }

  public int size() {
    return size;
  }

  /** The payload written so far, copied. */
  public byte[] toByteArray() {
    return Arrays.copyOf(buffer, size);
  }

  byte[] array() {
    return buffer;
  }

  void putHeader(int code, int length) {
    buffer[0] = (byte) (code >>> 8);
    buffer[1] = (byte) code;
    for (int i = 0; i < 4; i++) {
      buffer[2 + i] = (byte) (length >>> (24 - 8 * i));
    }
  }

  private void ensure(int more) {
    int needed = Math.addExact(size, more);
    if (needed > buffer.length) {
      int doubled = (int) Math.min(Integer.MAX_VALUE - 16, 2L * buffer.length);
      buffer = Arrays.copyOf(buffer, Math.max(needed, doubled));
    }
  }
}
