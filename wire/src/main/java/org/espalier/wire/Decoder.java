package org.espalier.wire;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Reads a payload that a peer may have made to hurt: every count is compared with what is left
 * before anything is allocated. All methods throw {@link MalformedMessageException}.
 */
public final class Decoder {
  private final byte[] buffer;
  private int position;

  public Decoder(byte[] payload) {
    buffer = payload;
  }

  /** Bytes that {@code count} values of {@code bits} bits take. */
  public static int packedBytes(int count, int bits) {
    if (bits < 1 || bits > 64) {
      throw new IllegalArgumentException("bits " + bits + " is not in 1..64");
    }
    return Math.toIntExact(((long) count * bits + 7) >>> 3);
  }

  public int getByte(String field) {
    need(1, field);
    return buffer[position++] & 0xff;
  }

  public int getInt(String field) {
    need(4, field);
    int value = 0;
    for (int i = 0; i < 4; i++) {
      value = value << 8 | (buffer[position++] & 0xff);
    }
    return value;
  }

  /** An int that must lie in a range, both ends included. */
  public int getInt(String field, int min, int max) {
    int value = getInt(field);
    if (value < min || value > max) {
      throw new MalformedMessageException(
          field + " is " + value + ", must be in " + min + ".." + max);
    }
    return value;
  }

  public long getLong(String field) {
    need(8, field);
    long value = 0;
    for (int i = 0; i < 8; i++) {
      value = value << 8 | (buffer[position++] & 0xff);
    }
    return value;
  }

  /** A finite number. */
  public double getDouble(String field) {
    double value = Double.longBitsToDouble(getLong(field));
    if (!Double.isFinite(value)) {
      throw new MalformedMessageException(field + " is not a finite number");
    }
    return value;
  }

  public double[] getDoubles(String field, int maxCount) {
    double[] values = new double[count(field, maxCount, 64)];
    for (int i = 0; i < values.length; i++) {
      values[i] = getDouble(field);
    }
    return values;
  }

  public long[] getLongs(String field, int maxCount) {
    long[] values = new long[count(field, maxCount, 64)];
    for (int i = 0; i < values.length; i++) {
      values[i] = getLong(field);
    }
    return values;
  }

  public byte[] getBytes(String field, int maxLength) {
    int length = count(field, maxLength, 8);
    byte[] bytes = Arrays.copyOfRange(buffer, position, position + length);
    position += length;
    return bytes;
  }

  /** Exactly {@code length} bytes, which were written without a length. */
  public byte[] getRaw(String field, int length) {
    need(length, field);
    byte[] bytes = Arrays.copyOfRange(buffer, position, position + length);
    position += length;
    return bytes;
  }

  public String getString(String field, int maxBytes) {
    byte[] utf8 = getBytes(field, maxBytes);
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .onUnmappableCharacter(CodingErrorAction.REPORT)
          .decode(ByteBuffer.wrap(utf8))
          .toString();
    } catch (CharacterCodingException e) {
      throw new MalformedMessageException(field + " is not UTF-8");
    }
  }

  /** Reads what {@link Encoder#putPacked} wrote; padding bits must be zero. */
  public long[] getPacked(String field, int bits, int maxCount) {
    int count = count(field, maxCount, bits);
    int bytes = packedBytes(count, bits);
    long[] values = new long[count];
    BitPacking.unpack(buffer, position, bits, values);
    int padding = (int) (8L * bytes - (long) count * bits);
    if (padding > 0 && (buffer[position + bytes - 1] & 0xff) >>> (8 - padding) != 0) {
      throw new MalformedMessageException(field + " has padding bits set");
    }
    position += bytes;
    return values;
  }

  public int remaining() {
    return buffer.length - position;
  }

  /** Refuses bytes after the last field. */
  public void expectEnd() {
    if (remaining() != 0) {
      throw new MalformedMessageException(remaining() + " bytes after the last field");
    }
  }

  private int count(String field, int max, int bitsEach) {
    int count = getInt(field + " count", 0, max);
    if (((long) count * bitsEach + 7) >>> 3 > remaining()) {
      throw new MalformedMessageException(
          field + " announces " + count + " values, " + remaining() + " bytes are left");
    }
    return count;
  }

  private void need(int bytes, String field) {
    if (bytes > remaining()) {
      throw new MalformedMessageException(
          field + " needs " + bytes + " bytes, " + remaining() + " left");
    }
  }
}
