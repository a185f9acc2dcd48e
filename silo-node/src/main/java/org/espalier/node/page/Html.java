package org.espalier.node.page;

import org.espalier.wire.Printable;

/**
 * Writes HTML and SVG so that every text is escaped: elements, their attributes and what stands in
 * them are given separately, and there is no way to put markup in as text.
 */
public final class Html {
  private final StringBuilder out = new StringBuilder();

  /**
   * Opens an element.
   *
   * @param attributes names and values in turn; names are the program's own
   */
  public Html open(String element, String... attributes) {
    begin(element, attributes);
    out.append('>');
    return this;
  }

  /** An element that holds nothing. */
  public Html empty(String element, String... attributes) {
    begin(element, attributes);
    out.append("/>\n");
    return this;
  }

  private void begin(String element, String... attributes) {
    out.append('<').append(element);
    for (int i = 0; i < attributes.length; i += 2) {
      out.append(' ').append(attributes[i]).append("=\"").append(escaped(attributes[i + 1]));
      out.append('"');
    }
  }

  public Html close(String element) {
    out.append("</").append(element).append(">\n");
    return this;
  }

  /** Text of anybody. */
  public Html text(String text) {
    out.append(escaped(text));
    return this;
  }

  /** A whole element with text only. */
  public Html element(String element, String text, String... attributes) {
    return open(element, attributes).text(text).close(element);
  }

  /** The document so far. */
  @Override
  public String toString() {
    return out.toString();
  }

  /** What another writer has made. */
  public Html fragment(Html made) {
    out.append(made.out);
    return this;
  }

  /** Where white space counts. */
  public Html lineEnd() {
    out.append('\n');
    return this;
  }

  /** A style sheet of the program's own. */
  public Html style(String css) {
    out.append("<style>").append(css).append("</style>\n");
    return this;
  }

  public Html doctype() {
    out.append("<!DOCTYPE html>\n");
    return this;
  }

  /** What control and direction marks there are is made visible, and no markup is left. */
  public static String escaped(String text) {
    String printable = Printable.of(text);
    StringBuilder safe = new StringBuilder(printable.length() + 16);
    for (int i = 0; i < printable.length(); i++) {
      char c = printable.charAt(i);
      switch (c) {
        case '&' -> safe.append("&amp;");
        case '<' -> safe.append("&lt;");
        case '>' -> safe.append("&gt;");
        case '"' -> safe.append("&quot;");
        case '\'' -> safe.append("&#39;");
        default -> safe.append(c);
      }
    }
    return safe.toString();
  }
}
