package org.espalier.node.identity;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.espalier.wire.Printable;

/**
 * A short authentication string that two operators read to each other: 48 bits as six words of the
 * PGP word list (P. Juola and P. Zimmermann, 1995; the rendering "B256" of ZRTP, RFC 6189, uses the
 * same). Its words were chosen to sound different over a telephone. Words of two and of three
 * syllables take turns, so that a word left out and two that were exchanged are noticed.
 *
 * @param bits six bytes, a word each
 */
public record SpokenWords(byte[] bits) {
  /** How many words there are. */
  public static final int COUNT = 6;

  private static final int MAX_TEXT = 256;

  /** For each byte its word at even places and its word at odd places, counted from 0. */
  private static final List<String[]> LIST = list();

  private static final List<Map<String, Integer>> VALUES = List.of(values(0), values(1));

  public SpokenWords {
    if (bits.length != COUNT) {
      throw new IllegalArgumentException("six words are six bytes, not " + bits.length);
    }
    bits = bits.clone();
  }

  /** The words that stand for the first 48 bits of a digest. */
  static SpokenWords of(byte[] digest) {
    return new SpokenWords(Arrays.copyOf(digest, COUNT));
  }

  /**
   * Reads {@link #toString()}; upper case, commas, hyphens and further spaces are accepted, as
   * people type them.
   *
   * @throws IllegalArgumentException if they are not six words of the list, each at a place of its
   *     kind
   */
  public static SpokenWords parse(String text) {
    if (text.length() > MAX_TEXT) {
      throw new IllegalArgumentException("too long for six words");
    }
    String[] words = text.strip().toLowerCase(Locale.ROOT).split("[\\s,-]+", -1);
    if (words.length != COUNT) {
      throw new IllegalArgumentException("there are six words, not " + words.length);
    }
    byte[] bits = new byte[COUNT];
    for (int i = 0; i < COUNT; i++) {
      Integer value = VALUES.get(i % 2).get(words[i]);
      if (value == null) {
        throw new IllegalArgumentException(
            "'%s' cannot be word %d: %s"
                .formatted(
                    Printable.of(words[i]),
                    i + 1,
                    VALUES.get(1 - i % 2).containsKey(words[i])
                        ? "one is missing, or two were exchanged"
                        : "it is not in the list"));
      }
      bits[i] = value.byteValue();
    }
    return new SpokenWords(bits);
  }

  private static List<String[]> list() {
    try (InputStream in =
        Objects.requireNonNull(SpokenWords.class.getResourceAsStream("pgp-words.txt"))) {
      return new String(in.readAllBytes(), StandardCharsets.US_ASCII)
          .lines()
          .map(line -> line.split(" ", 2))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Map<String, Integer> values(int kind) {
    Map<String, Integer> values = new HashMap<>();
    for (int i = 0; i < LIST.size(); i++) {
      values.put(LIST.get(i)[kind], i);
    }
    return values;
  }

  @Override
  public byte[] bits() {
    return bits.clone();
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof SpokenWords other && MessageDigest.isEqual(bits, other.bits);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bits);
  }

  /** The words, a space between two. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < COUNT; i++) {
      text.append(i == 0 ? "" : " ").append(LIST.get(bits[i] & 0xff)[i % 2]);
    }
    return text.toString();
  }
}
