package org.espalier.wire;

/** Makes a string from a partner safe for terminals and logs. */
public final class Printable {
  private Printable() {}

  /**
   * Replaces control, format (bidirectional marks included), line and paragraph separator,
   * surrogate and unassigned characters by {@code \\u{hex}}.
   */
  public static String of(String s) {
    StringBuilder out = null;
    for (int i = 0; i < s.length(); ) {
      int c = s.codePointAt(i);
      int width = Character.charCount(c);
      if (harmless(c)) {
        if (out != null) {
          out.appendCodePoint(c);
        }
      } else {
        if (out == null) {
          out = new StringBuilder(s.length() + 16).append(s, 0, i);
        }
        out.append("\\u{").append(Integer.toHexString(c)).append('}');
      }
      i += width;
    }
    return out == null ? s : out.toString();
  }

  private static boolean harmless(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED ->
          false;
      default -> true;
    };
  }
}
