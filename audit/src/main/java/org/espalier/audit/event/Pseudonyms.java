package org.espalier.audit.event;

import java.util.regex.Pattern;

/** The form of what stands in the log for a personal value. */
final class Pseudonyms {
  private static final Pattern FORM = Pattern.compile("hmac-sha256:[0-9a-f]{64}");

  private Pseudonyms() {}

  static boolean is(String text) {
    return FORM.matcher(text).matches();
  }

  /** Returns {@code text}, which may be null, if it is one. */
  static String require(String text) {
    if (text != null && !is(text)) {
      // Not repeated here: it may be a name, and texts of exceptions end up in other logs.
      throw new IllegalArgumentException(
          "of a person the log holds what a PersonStore made of it, never the value itself");
    }
    return text;
  }
}
