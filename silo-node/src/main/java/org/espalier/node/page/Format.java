package org.espalier.node.page;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.Locale;

/** Figures for people. */
public final class Format {
  private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB"};
  private static final int ID_CHARACTERS = 16;

  private Format() {}

  public static String bytes(long bytes) {
    double value = bytes;
    int unit = 0;
    while (value >= 1024 && unit < UNITS.length - 1) {
      value /= 1024;
      unit++;
    }
    return unit == 0
        ? bytes + " B"
        : String.format(Locale.ROOT, value < 10 ? "%.1f %s" : "%.0f %s", value, UNITS[unit]);
  }

  public static String seconds(double seconds) {
    if (seconds < 60) {
      return String.format(Locale.ROOT, "%.1f s", seconds);
    }
    long whole = Math.round(seconds);
    return whole < 3600
        ? String.format(Locale.ROOT, "%d:%02d min", whole / 60, whole % 60)
        : String.format(Locale.ROOT, "%d:%02d h", whole / 3600, whole / 60 % 60);
  }

  /** Days, hours or less, whichever says most in one figure. */
  public static String span(double seconds) {
    if (seconds >= 2 * 86_400) {
      return Math.round(seconds / 86_400) + " d";
    }
    return seconds >= 2 * 3_600 ? Math.round(seconds / 3_600) + " h" : seconds(seconds);
  }

  /** A span in whole seconds where it is less than a minute. */
  public static String age(double seconds) {
    return seconds < 60 ? Math.round(seconds) + " s" : span(seconds);
  }

  public static String count(long n) {
    return String.format(Locale.ROOT, "%,d", n);
  }

  public static String number(double value) {
    return String.format(Locale.ROOT, "%.4f", value);
  }

  public static String percent(double share) {
    return String.format(Locale.ROOT, "%.0f %%", 100 * share);
  }

  public static String bar(double share, int width) {
    int full = (int) Math.round(Math.min(1, Math.max(0, share)) * width);
    return "#".repeat(full) + ".".repeat(width - full);
  }

  /** An instant to the second, as it came if it is none. */
  public static String time(JsonNode node) {
    String text = node.asText();
    try {
      return Instant.parse(text)
          .truncatedTo(ChronoUnit.SECONDS)
          .toString()
          .replace('T', ' ')
          .replace("Z", "");
    } catch (DateTimeParseException e) {
      return text;
    }
  }

  /** How far away an instant is, such as {@code 29 d}; empty if it is none. */
  public static String until(JsonNode node) {
    try {
      return span(
          (double) Duration.between(Instant.now(), Instant.parse(node.asText())).toSeconds());
    } catch (DateTimeParseException e) {
      return "";
    }
  }

  /** The beginning of a digest. */
  public static String shortened(String digest) {
    return digest.length() <= ID_CHARACTERS ? digest : digest.substring(0, ID_CHARACTERS);
  }
}
