package org.espalier.audit.event;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * Writes the JSON of events. Numbers are integers only. In strings everything that could end a
 * line, move a cursor, reverse the reading direction or not be seen at all is escaped, so the text
 * can be printed as it is.
 */
final class JsonWriter {
  /** Deepest nesting of objects and arrays that a caller may give. */
  static final int MAX_DEPTH = 8;

  private final StringBuilder out = new StringBuilder(512);

  static String write(Map<String, ?> object) {
    JsonWriter writer = new JsonWriter();
    writer.object(object, 0);
    return writer.out.toString();
  }

  /** {@code text} as a JSON string, in quotes. */
  static String quote(String text) {
    JsonWriter writer = new JsonWriter();
    writer.string(text);
    return writer.out.toString();
  }

  private void value(Object value, int depth) {
    if (depth > MAX_DEPTH) {
      throw new IllegalArgumentException(
          "an event nests at most " + MAX_DEPTH + " objects or lists");
    }
    if (value instanceof String s) {
      string(s);
    } else if (value instanceof Boolean
        || value instanceof Integer
        || value instanceof Long
        || value instanceof Short
        || value instanceof Byte
        || value instanceof BigInteger) {
      out.append(value);
    } else if (value instanceof Double || value instanceof Float) {
      // Readers disagree about floats; the decimal text is the same for all of them.
      string(value.toString());
    } else if (value instanceof BigDecimal d) {
      string(d.toString());
    } else if (value instanceof Map<?, ?> map) {
      object(map, depth);
    } else if (value instanceof List<?> list) {
      list(list, depth);
    } else {
      throw new IllegalArgumentException(
          "an event holds strings, integers, booleans, lists and maps, not "
              + (value == null ? "null" : value.getClass().getName()));
    }
  }

  private void object(Map<?, ?> map, int depth) {
    out.append('{');
    for (Iterator<? extends Map.Entry<?, ?>> i = map.entrySet().iterator(); i.hasNext(); ) {
      Map.Entry<?, ?> entry = i.next();
      if (!(entry.getKey() instanceof String name)) {
        throw new IllegalArgumentException("names in an event are strings");
      }
      string(name);
      out.append(':');
      value(entry.getValue(), depth + 1);
      if (i.hasNext()) {
        out.append(',');
      }
    }
    out.append('}');
  }

  private void list(List<?> list, int depth) {
    out.append('[');
    for (int i = 0; i < list.size(); i++) {
      if (i > 0) {
        out.append(',');
      }
      value(list.get(i), depth + 1);
    }
    out.append(']');
  }

  private void string(String text) {
    out.append('"');
    for (int i = 0; i < text.length(); ) {
      int c = text.codePointAt(i);
      i += Character.charCount(c);
      if (c == '"' || c == '\\') {
        out.append('\\').append((char) c);
      } else if (plain(c)) {
        out.appendCodePoint(c);
      } else {
        for (char unit : Character.toChars(c)) {
          out.append(String.format("\\u%04x", (int) unit));
        }
      }
    }
    out.append('"');
  }

  /** Whether a character may stand unescaped: it is visible and stays where it is put. */
  private static boolean plain(int c) {
    if (c < 0x80) {
      return c >= 0x20 && c != 0x7f;
    }
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SPACE_SEPARATOR,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED ->
          false;
      default -> true;
    };
  }
}
