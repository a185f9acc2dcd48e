package org.espalier.psi.curve;

import java.util.Arrays;

/** Some keys, one after the other in one array that is used again. */
public final class KeyBatch {
  private static final int USUAL = 32;

  private final int[] ends;
  private byte[] bytes;
  private int size;

  /**
   * @param capacity keys at most
   */
  public KeyBatch(int capacity) {
    ends = new int[capacity];
    bytes = new byte[capacity * USUAL];
  }

  public void add(byte[] key) {
    int at = size == 0 ? 0 : ends[size - 1];
    int end = Math.addExact(at, key.length);
    if (end > bytes.length) {
      bytes = Arrays.copyOf(bytes, (int) Math.min(Integer.MAX_VALUE - 8, 2L * end));
    }
    System.arraycopy(key, 0, bytes, at, key.length);
    ends[size++] = end;
  }

  public int size() {
    return size;
  }

  public boolean full() {
    return size == ends.length;
  }

  /** The keys, and whatever is left of earlier ones behind them. */
  byte[] bytes() {
    return bytes;
  }

  /** Where each key ends. */
  int[] ends() {
    return ends;
  }

  public void clear() {
    size = 0;
  }
}
