package org.espalier.node.link;

import java.util.regex.Pattern;

/** The closed alphabets of what crosses a link by name. */
final class Names {
  static final int MAX = 128;

  /** Streams and methods of the link itself. */
  static final String RESERVED = "link/";

  private static final Pattern STREAM = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._/-]{0,127}");
  private static final Pattern METHOD = Pattern.compile("[a-z][a-z0-9._/-]{0,127}");

  private Names() {}

  static boolean isStream(String name) {
    return STREAM.matcher(name).matches();
  }

  static boolean isMethod(String name) {
    return METHOD.matcher(name).matches();
  }

  static String requireStream(String name) {
    if (!isStream(name)) {
      throw new IllegalArgumentException("a stream's name must match " + STREAM);
    }
    return name;
  }

  static String requireMethod(String name) {
    if (!isMethod(name)) {
      throw new IllegalArgumentException("a method's name must match " + METHOD);
    }
    return name;
  }
}
