package org.espalier.wire.fuzz;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;

/** Changes bytes: a few small changes, more often near their beginning. */
public final class Mutator {
  private static final int HEAD = 48;
  private static final int MOST_ADDED = 40;
  private static final int[] EDGES = {
    0, 1, 2, -1, Integer.MAX_VALUE, Integer.MIN_VALUE, 1 << 16, 1 << 24
  };

  /** What may stand where a value of JSON, YAML or CSV stands. */
  private static final String[] WORDS = {
    "null",
    "true",
    "0",
    "-1",
    "1e400",
    "1e999999999",
    "9223372036854775808",
    "0x1F",
    ".nan",
    "~",
    "{}",
    "[]",
    "\"\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "&a [*a]",
    "!!x",
    "<<",
    "2026-02-30",
    "- ",
    ": ",
    "\u202e",
    "=1+1",
    "[".repeat(64),
    "{\"a\":".repeat(40),
    "9".repeat(300),
    "x".repeat(300)
  };

  private final Random random;
  private final boolean text;

  public Mutator(Random random) {
    this(random, false);
  }

  /**
   * @param text whether words and lines are changed, too
   */
  Mutator(Random random, boolean text) {
    this.random = random;
    this.text = text;
  }

  /**
   * @param other an input of the same kind, whose end may take the place of this one's
   */
  public byte[] change(byte[] bytes, byte[] other) {
    byte[] changed = bytes;
    int changes = 1 + random.nextInt(3);
    for (int i = 0; i < changes; i++) {
      changed =
          text && changed.length > 0 && random.nextInt(3) > 0
              ? changeWord(changed)
              : changeOnce(changed, other);
    }
    return changed;
  }

  private static boolean inWord(byte b) {
    return b < 0 || Character.isLetterOrDigit(b) || b == '_' || b == '.' || b == '-' || b == '+';
  }

  /** A word is replaced or exchanged for another of the input, or a line left out or doubled. */
  private byte[] changeWord(byte[] bytes) {
    boolean line = random.nextInt(4) == 0;
    int[] place = piece(bytes, line);
    if (line) {
      byte[] twice = Arrays.copyOfRange(bytes, place[0], place[1]);
      return splice(bytes, place[0], random.nextBoolean() ? place[0] : place[1], twice);
    }
    int[] from = piece(bytes, false);
    byte[] word =
        random.nextInt(3) == 0
            ? Arrays.copyOfRange(bytes, from[0], from[1])
            : WORDS[random.nextInt(WORDS.length)].getBytes(StandardCharsets.UTF_8);
    // A text between quotation marks goes with them, now and then.
    boolean quoted =
        place[0] > 0
            && place[1] < bytes.length
            && bytes[place[0] - 1] == '"'
            && bytes[place[1]] == '"'
            && random.nextBoolean();
    int marks = quoted ? 1 : 0;
    return splice(bytes, place[0] - marks, place[1] + marks, word);
  }

  /** Where a word, or a line with its end, begins and ends. */
  private int[] piece(byte[] bytes, boolean line) {
    int from = random.nextInt(bytes.length);
    int to = from;
    while (from > 0 && (line ? bytes[from - 1] != '\n' : inWord(bytes[from - 1]))) {
      from--;
    }
    while (to < bytes.length && (line ? bytes[to] != '\n' : inWord(bytes[to]))) {
      to++;
    }
    return new int[] {from, line && to < bytes.length ? to + 1 : to};
  }

  private static byte[] splice(byte[] bytes, int from, int to, byte[] middle) {
    byte[] changed = Arrays.copyOf(bytes, from + middle.length + bytes.length - to);
    System.arraycopy(middle, 0, changed, from, middle.length);
    System.arraycopy(bytes, to, changed, from + middle.length, bytes.length - to);
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
        changed = splice(bytes, at, end, new byte[0]);
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
    return splice(bytes, at, at, more);
  }
}
