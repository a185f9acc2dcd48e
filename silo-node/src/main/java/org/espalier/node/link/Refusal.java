package org.espalier.node.link;

import java.util.regex.Pattern;
import org.espalier.wire.Printable;

/** The partner understood a request and said no. */
public final class Refusal extends Exception {
  /** More requests under way than the partner takes. */
  public static final String BUSY = "busy";

  /** The partner serves no such method; it may run another version. */
  public static final String UNKNOWN_METHOD = "unknown-method";

  /** The partner failed; its log says how. */
  public static final String INTERNAL = "internal";

  private static final Pattern CODE = Pattern.compile("[a-z][a-z0-9-]{0,47}");
  private static final int MAX_MESSAGE = 2000;

  private final String code;

  /**
   * @param code for programs, {@code [a-z][a-z0-9-]{0,47}}
   * @param message for people, cut after 2000 characters
   */
  public Refusal(String code, String message) {
    super(bounded(message));
    if (!CODE.matcher(code).matches()) {
      throw new IllegalArgumentException("a refusal's code must match " + CODE);
    }
    this.code = code;
  }

  private static String bounded(String message) {
    String shown = Printable.of(message);
    return shown.length() > MAX_MESSAGE ? shown.substring(0, MAX_MESSAGE) : shown;
  }

  public String code() {
    return code;
  }
}
