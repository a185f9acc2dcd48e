package org.espalier.psi.fuzz;

import java.util.Arrays;
import java.util.Random;

/** Changes a message's bytes: a few small changes, more often near its beginning. */
final class Mutator {
  private static final int HEAD = 48;
  private static final int MOST_ADDED = 40;
  private static final int[] EDGES = {
    0, 1, 2, -1, Integer.MAX_VALUE, Integer.MIN_VALUE, 1 << 16, 1 << 24
  };

  private final Random random;

  Mutator(Random random) {
    this.random = random;
  }

  /**
   * @param other a message of the same type, whose end may take the place of this one's
   */
  byte[] change(byte[] bytes, byte[] other) {
    byte[] changed = bytes;
    int changes = 1 + random.nextInt(3);
    for (int i = 0; i < changes; i++) {
      changed = changeOnce(changed, other);
    }
    return changed;
  }

  private int place(int length) {
    return random.nextInt(random.nextBoolean() ? Math.min(length, HEAD) : length);
  }

  private byte[] changeOnce(byte[] bytes, byte[] other) {
    int length = bytes.length;
    if (length == 0) {
      return add(bytes, 0);
    }
    int at = place(length);
    byte[] changed = bytes.clone();
    switch (random.nextInt(9)) {
      case 0 -> changed[at] ^= (byte) (1 << random.nextInt(8));
      case 1 -> changed[at] = (byte) random.nextInt();
      case 2 -> {
        int edge = EDGES[random.nextInt(EDGES.length)];
        for (int i = 0; i < 4 && at + i < length; i++) {
          changed[at + i] = (byte) (edge >>> (24 - 8 * i));
        }
      }
      case 3 -> changed = Arrays.copyOf(bytes, at);
      case 4 -> changed = add(bytes, length);
      case 5 -> changed = add(bytes, at);
      case 6 -> {
        int end = Math.min(length, at + 1 + random.nextInt(MOST_ADDED));
        changed = Arrays.copyOf(bytes, length - (end - at));
        System.arraycopy(bytes, end, changed, at, length - end);
      }
      case 7 -> {
        int end = Math.min(length, at + 1 + random.nextInt(MOST_ADDED));
        Arrays.fill(changed, at, end, (byte) (random.nextBoolean() ? 0 : -1));
      }
      default -> {
        int from = Math.min(at, other.length);
        changed = Arrays.copyOf(bytes, at + other.length - from);
        System.arraycopy(other, from, changed, at, other.length - from);
      }
    }
    return changed;
  }

  private byte[] add(byte[] bytes, int at) {
    byte[] more = new byte[1 + random.nextInt(MOST_ADDED)];
    random.nextBytes(more);
    byte[] changed = Arrays.copyOf(bytes, bytes.length + more.length);
    System.arraycopy(more, 0, changed, at, more.length);
    System.arraycopy(bytes, at, changed, at + more.length, bytes.length - at);
    return changed;
  }
}
