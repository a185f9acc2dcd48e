package org.espalier.psi.keys;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The columns on which people are matched: rules tried in order, the first rule that matches wins.
 *
 * @param rules 1 to 8
 */
public record MatchKey(List<Rule> rules) {
  private static final int MAX_RULES = 8;
  private static final int MAX_PARTS = 16;
  private static final byte[] NOTHING = {};

  /** Of a value, big-endian. */
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

  private static final int LENGTH = Integer.BYTES;

  public MatchKey {
    rules = List.copyOf(rules);
    if (rules.isEmpty() || rules.size() > MAX_RULES) {
      throw new IllegalArgumentException("a match key has 1 to " + MAX_RULES + " rules");
    }
  }

  /** A key of one rule. */
  public static MatchKey of(Part... parts) {
    return new MatchKey(List.of(new Rule(List.of(parts))));
  }

  /** What must be the same at all parties: the normalisers in order, without column names. */
  public String signature() {
    StringBuilder text = new StringBuilder();
    for (Rule rule : rules) {
      text.append('[');
      for (Part part : rule.parts) {
        text.append('(');
        part.normalisers.forEach(n -> text.append(n.spec()).append(';'));
        text.append(')');
      }
      text.append(']');
    }
    return text.toString();
  }

  /** Whether a rule compares how values sound, so that different ones match. */
  public boolean isPhonetic() {
    return rules.stream()
        .flatMap(rule -> rule.parts.stream())
        .flatMap(part -> part.normalisers.stream())
        .anyMatch(normaliser -> normaliser instanceof Normaliser.Phonetic);
  }

  /** One composite key: rows match if all parts are equal after normalisation. */
  public record Rule(List<Part> parts) {
    public Rule {
      parts = List.copyOf(parts);
      if (parts.isEmpty() || parts.size() > MAX_PARTS) {
        throw new IllegalArgumentException("a rule names 1 to " + MAX_PARTS + " columns");
      }
    }

    public List<String> columns() {
      List<String> columns = new ArrayList<>();
      parts.forEach(part -> columns.add(part.column));
      return columns;
    }

    /**
     * The bytes on which two rows match: each normalised value as UTF-8 behind its length, so that
     * ("ab", "c") differs from ("a", "bc").
     *
     * @param values one per part
     * @return null if any part is missing, empty or unusable: such a row never matches
     */
    public byte[] encode(String[] values) {
      byte[] key = NOTHING;
      for (int i = 0; i < parts.size(); i++) {
        String value = parts.get(i).normalise(values[i]);
        if (value == null) {
          return null;
        }
        byte[] text = value.getBytes(StandardCharsets.UTF_8);
        int at = key.length + LENGTH;
        key = Arrays.copyOf(key, at + text.length);
        INT.set(key, at - LENGTH, text.length);
        System.arraycopy(text, 0, key, at, text.length);
      }
      return key;
    }
  }

  /**
   * One column of a rule.
   *
   * @param normalisers applied in order
   */
  public record Part(String column, List<Normaliser> normalisers) {
    public Part {
      normalisers = List.copyOf(normalisers);
    }

    /** Parses the normalisers, see {@link Normaliser#parse}. */
    public static Part of(String column, String... normalisers) {
      List<Normaliser> parsed = new ArrayList<>();
      for (String spec : normalisers) {
        parsed.add(Normaliser.parse(spec));
      }
      return new Part(column, parsed);
    }

    /** The value to compare, or null where there is none. */
    public String normalise(String value) {
      String result = value;
      for (Normaliser normaliser : normalisers) {
        if (result == null || result.isEmpty()) {
          return null;
        }
        result = normaliser.apply(result);
      }
      return result == null || result.isEmpty() ? null : result;
    }
  }
}
