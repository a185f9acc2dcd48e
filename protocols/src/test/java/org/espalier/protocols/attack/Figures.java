package org.espalier.protocols.attack;

import java.util.Locale;
import java.util.stream.LongStream;

/**
 * Sizes of attacks on random populations: one each in a build; {@code -Despalier.attacks=20} takes
 * the means over so many and prints the figures that docs/security.md records.
 */
public final class Figures {
  private static final Integer ASKED = Integer.getInteger("espalier.attacks");

  private Figures() {}

  /** Seeds of the populations. */
  public static LongStream seeds() {
    return LongStream.rangeClosed(1, ASKED == null ? 1 : ASKED);
  }

  /** Prints, if figures were asked for. */
  public static void print(String format, Object... values) {
    if (ASKED != null) {
      System.out.printf(Locale.ROOT, format + "%n", values);
    }
  }
}
