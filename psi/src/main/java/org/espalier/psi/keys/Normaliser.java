package org.espalier.psi.keys;

import java.text.Normalizer;
import java.time.LocalDate;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.time.format.ResolverStyle;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.apache.commons.codec.language.Metaphone;
import org.apache.commons.codec.language.Soundex;

/** One step that makes the same person's values equal at different institutions. */
public sealed interface Normaliser {
  /**
   * @param value not null
   * @return null if nothing usable is left
   */
  String apply(String value);

  /** What {@link #parse} reads. */
  String spec();

  /**
   * Reads {@code nfkc}, {@code casefold}, {@code trim}, {@code collapse-space}, {@code digits},
   * {@code strip-punctuation}, {@code transliterate}, {@code transliterate(de)}, {@code soundex},
   * {@code metaphone}, {@code phone(+49)} or {@code date(dd.MM.yyyy|yyyy-MM-dd)}.
   *
   * @throws IllegalArgumentException otherwise
   */
  static Normaliser parse(String spec) {
    for (Text text : Text.values()) {
      if (text.spec.equals(spec)) {
        return text;
      }
    }
    for (Phonetic phonetic : Phonetic.values()) {
      if (phonetic.spec.equals(spec)) {
        return phonetic;
      }
    }
    if (spec.startsWith("phone(+") && spec.endsWith(")")) {
      return new Phone(spec.substring(7, spec.length() - 1));
    }
    if (spec.startsWith("date(") && spec.endsWith(")")) {
      return new IsoDate(List.of(spec.substring(5, spec.length() - 1).split("\\|", -1)));
    }
    throw new IllegalArgumentException(
        "normaliser '"
            + spec
            + "' is none of nfkc, casefold, trim, collapse-space, digits, strip-punctuation,"
            + " transliterate, transliterate(de), soundex, metaphone, phone(+CODE), date(FORMAT|FORMAT...)");
  }

  /** Steps without parameters. Whether two JDKs know the same new Unicode characters may differ. */
  enum Text implements Normaliser {
    /** Unicode compatibility composition: full-width and ligature forms become plain ones. */
    NFKC("nfkc"),
    /** Upper, then lower case in the root locale, so that ß equals ss and ς equals σ. */
    CASEFOLD("casefold"),
    /** Without white space at both ends, no-break spaces included. */
    TRIM("trim"),
    /** Each run of white space becomes one space. */
    COLLAPSE_SPACE("collapse-space"),
    /** Decimal digits only, of any script, as 0 to 9. */
    DIGITS("digits"),
    /** Without punctuation and symbols (Unicode categories P and S). */
    STRIP_PUNCTUATION("strip-punctuation"),
    /** Latin, Greek and Cyrillic letters as ASCII, see {@link Transliteration}. */
    TRANSLITERATE("transliterate"),
    /** The same, with ä, ö and ü as ae, oe and ue. */
    TRANSLITERATE_DE("transliterate(de)");

    private final String spec;

    Text(String spec) {
      this.spec = spec;
    }

    @Override
    public String apply(String value) {
      return switch (this) {
        case NFKC -> Normalizer.normalize(value, Normalizer.Form.NFKC);
        case CASEFOLD -> value.toUpperCase(Locale.ROOT).toLowerCase(Locale.ROOT);
        case TRIM -> trimmed(value);
        case COLLAPSE_SPACE -> collapsed(value);
        case DIGITS -> digits(value);
        case STRIP_PUNCTUATION -> withoutPunctuation(value);
        case TRANSLITERATE -> Transliteration.of(value);
        case TRANSLITERATE_DE -> Transliteration.german(value);
      };
    }

    @Override
    public String spec() {
      return spec;
    }

    private static boolean space(int c) {
      return Character.isWhitespace(c) || Character.isSpaceChar(c);
    }

    private static String trimmed(String s) {
      int from = 0;
      int to = s.length();
      while (from < to && space(s.charAt(from))) {
        from++;
      }
      while (to > from && space(s.charAt(to - 1))) {
        to--;
      }
      return s.substring(from, to);
    }

    private static String collapsed(String s) {
      StringBuilder out = new StringBuilder(s.length());
      boolean inSpace = false;
      for (int i = 0; i < s.length(); i++) {
        boolean space = space(s.charAt(i));
        if (!space) {
          out.append(s.charAt(i));
        } else if (!inSpace) {
          out.append(' ');
        }
        inSpace = space;
      }
      return out.toString();
    }

    private static String digits(String s) {
      StringBuilder out = new StringBuilder(s.length());
      s.codePoints()
          .filter(Character::isDigit)
          .forEach(c -> out.append((char) ('0' + Character.digit(c, 10))));
      return out.toString();
    }

    private static String withoutPunctuation(String s) {
      StringBuilder out = new StringBuilder(s.length());
      s.codePoints().filter(c -> !punctuation(c)).forEach(out::appendCodePoint);
      return out.toString();
    }

    private static boolean punctuation(int c) {
      return switch (Character.getType(c)) {
        case Character.CONNECTOR_PUNCTUATION,
            Character.DASH_PUNCTUATION,
            Character.START_PUNCTUATION,
            Character.END_PUNCTUATION,
            Character.INITIAL_QUOTE_PUNCTUATION,
            Character.FINAL_QUOTE_PUNCTUATION,
            Character.OTHER_PUNCTUATION,
            Character.MATH_SYMBOL,
            Character.CURRENCY_SYMBOL,
            Character.MODIFIER_SYMBOL,
            Character.OTHER_SYMBOL ->
            true;
        default -> false;
      };
    }
  }

  /**
   * Codes of how a name sounds in English, of its letters after {@link Transliteration}; a value
   * without any letter A to Z is not usable. Different names share a code, so people are matched
   * who are not the same: with such a step a rule needs other columns beside it.
   */
  enum Phonetic implements Normaliser {
    /** American Soundex as the US National Archives define it: a letter and three digits. */
    SOUNDEX("soundex"),
    /** Metaphone (L. Philips, Computer Language 7(12), 1990), at most eight characters. */
    METAPHONE("metaphone");

    private static final int METAPHONE_LENGTH = 8;

    private final String spec;

    Phonetic(String spec) {
      this.spec = spec;
    }

    @Override
    public String apply(String value) {
      StringBuilder letters = new StringBuilder(value.length());
      Transliteration.of(value)
          .toUpperCase(Locale.ROOT)
          .chars()
          .filter(c -> c >= 'A' && c <= 'Z')
          .forEach(c -> letters.append((char) c));
      if (letters.isEmpty()) {
        return null;
      }
      return switch (this) {
        case SOUNDEX -> Soundex.US_ENGLISH.soundex(letters.toString());
        case METAPHONE -> {
          Metaphone metaphone = new Metaphone();
          metaphone.setMaxCodeLen(METAPHONE_LENGTH);
          yield metaphone.metaphone(letters.toString());
        }
      };
    }

    @Override
    public String spec() {
      return spec;
    }
  }

  /**
   * Telephone numbers like E.164: {@code +} or {@code 00} starts an international number, with a
   * bracketed trunk zero dropped; any other number is national, loses one leading zero and gets the
   * country code. Not usable: fewer than 7 or more than 15 digits, letters, extensions.
   *
   * <p>Countries where the leading zero belongs to the number (Italy) need full numbers at all
   * parties.
   *
   * @param countryCode 1 to 3 digits, the first not 0
   */
  record Phone(String countryCode) implements Normaliser {
    private static final Pattern CODE = Pattern.compile("[1-9][0-9]{0,2}");
    private static final Pattern SEPARATORS = Pattern.compile("[\\s\\u00a0\\u202f()./\\-–]+");
    private static final Pattern TRUNK_ZERO = Pattern.compile("\\(\\s*0\\s*\\)");
    private static final Pattern NUMBER = Pattern.compile("[1-9][0-9]{6,14}");

    public Phone {
      if (!CODE.matcher(countryCode).matches()) {
        throw new IllegalArgumentException(
            "phone(+CODE) needs a country code of 1 to 3 digits, not '" + countryCode + "'");
      }
    }

    @Override
    public String apply(String value) {
      String s = TRUNK_ZERO.matcher(value).replaceFirst("|");
      boolean trunk = s.length() != value.length();
      String compact = SEPARATORS.matcher(s).replaceAll("");
      String number;
      if (compact.startsWith("+")) {
        number = compact.substring(1).replace("|", "");
      } else if (compact.startsWith("00")) {
        number = compact.substring(2).replace("|", "");
      } else if (trunk) {
        number = countryCode + compact.replace("|", "");
      } else {
        number = countryCode + (compact.startsWith("0") ? compact.substring(1) : compact);
      }
      return NUMBER.matcher(number).matches() ? "+" + number : null;
    }

    @Override
    public String spec() {
      return "phone(+" + countryCode + ")";
    }
  }

  /**
   * Dates in declared formats become ISO 8601. The first format that fits is used, so put at most
   * one of dd/MM and MM/dd; a date that fits none, or does not exist, is not usable.
   *
   * @param formats patterns of {@link DateTimeFormatter} with four-digit years
   */
  record IsoDate(List<String> formats) implements Normaliser {
    private static final Pattern FORMAT = Pattern.compile("[yuMd ./\\-]{4,16}");

    public IsoDate {
      formats = List.copyOf(formats);
      for (String format : formats) {
        boolean complete =
            (format.contains("yyyy") || format.contains("uuuu"))
                && format.contains("M")
                && format.contains("d");
        if (!complete || !FORMAT.matcher(format).matches()) {
          throw new IllegalArgumentException(
              "date format '" + format + "' must name yyyy, M and d, as in dd.MM.yyyy");
        }
        formatter(format);
      }
    }

    private static DateTimeFormatter formatter(String format) {
      return Cache.FORMATTERS.computeIfAbsent(
          format,
          f ->
              DateTimeFormatter.ofPattern(f.replace('y', 'u'), Locale.ROOT)
                  .withResolverStyle(ResolverStyle.STRICT));
    }

    @Override
    public String apply(String value) {
      for (String format : formats) {
        try {
          return LocalDate.parse(value, formatter(format)).toString();
        } catch (DateTimeParseException unfit) {
          // The next format may fit.
        }
      }
      return null;
    }

    @Override
    public String spec() {
      return "date(" + String.join("|", formats) + ")";
    }

    /** Formatters are immutable; the patterns come from approved jobs and are few. */
    private static final class Cache {
      private static final java.util.Map<String, DateTimeFormatter> FORMATTERS =
          new java.util.concurrent.ConcurrentHashMap<>();
    }
  }

  /** Parses several, see {@link #parse}. */
  static List<Normaliser> parseAll(List<String> specs) {
    List<Normaliser> parsed = new ArrayList<>();
    specs.forEach(spec -> parsed.add(parse(spec)));
    return parsed;
  }
}
