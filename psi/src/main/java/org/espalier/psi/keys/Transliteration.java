package org.espalier.psi.keys;

import java.text.Normalizer;
import java.util.HashMap;
import java.util.Map;

/**
 * Letters of the Latin, Greek and Cyrillic alphabets as ASCII, letter by letter: Latin ones lose
 * their marks, Cyrillic ones are written as in machine-readable passports (ICAO Doc 9303-3, section
 * 6), Greek ones as in ELOT 743 without its rules for pairs of letters. A capital becomes a capital
 * and small letters. What is of no such alphabet stays as it is.
 */
final class Transliteration {
  private static final String LATIN = "ß=ss æ=ae œ=oe ø=o ł=l đ=d ð=d þ=th ħ=h ŋ=n ŧ=t ı=i ĸ=k";
  private static final String GREEK =
      "α=a β=v γ=g δ=d ε=e ζ=z η=i θ=th ι=i κ=k λ=l μ=m ν=n ξ=x ο=o π=p ρ=r σ=s ς=s τ=t υ=y φ=f"
          + " χ=ch ψ=ps ω=o";
  private static final String CYRILLIC =
      "а=a б=b в=v г=g д=d е=e ж=zh з=z и=i к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f х=kh ц=ts"
          + " ч=ch ш=sh щ=shch ъ=ie ы=y ь= э=e ю=iu я=ia є=ie і=i ґ=g ђ=d ј=j љ=lj њ=nj ћ=c џ=dz"
          + " ѕ=dz";
  private static final Map<Integer, String> LETTERS = letters();

  private Transliteration() {}

  private static Map<Integer, String> letters() {
    Map<Integer, String> letters = new HashMap<>();
    for (String alphabet : new String[] {LATIN, GREEK, CYRILLIC}) {
      for (String pair : alphabet.split(" ", -1)) {
        int letter = pair.codePointAt(0);
        String ascii = pair.substring(2);
        letters.put(letter, ascii);
        int capital = Character.toUpperCase(letter);
        if (capital != letter) {
          letters.putIfAbsent(
              capital,
              ascii.isEmpty() ? "" : Character.toUpperCase(ascii.charAt(0)) + ascii.substring(1));
        }
      }
    }
    letters.put(0x1e9e, "Ss"); // capital ß, whose small letter has another capital
    return Map.copyOf(letters);
  }

  /** Marks are left out: ü becomes u. */
  static String of(String value) {
    String parts = Normalizer.normalize(value, Normalizer.Form.NFKD);
    StringBuilder out = new StringBuilder(parts.length());
    parts
        .codePoints()
        .filter(c -> Character.getType(c) != Character.NON_SPACING_MARK)
        .forEach(
            c -> {
              String ascii = c < 0x80 ? null : LETTERS.get(c);
              if (ascii == null) {
                out.appendCodePoint(c);
              } else {
                out.append(ascii);
              }
            });
    // What stays may have been taken apart, such as Hangul.
    return Normalizer.normalize(out, Normalizer.Form.NFC);
  }

  /** As in German documents: ü becomes ue. */
  static String german(String value) {
    String whole = Normalizer.normalize(value, Normalizer.Form.NFKC);
    StringBuilder out = new StringBuilder(whole.length() + 8);
    for (int i = 0; i < whole.length(); i++) {
      char c = whole.charAt(i);
      switch (c) {
        case 'ä' -> out.append("ae");
        case 'ö' -> out.append("oe");
        case 'ü' -> out.append("ue");
        case 'Ä' -> out.append("Ae");
        case 'Ö' -> out.append("Oe");
        case 'Ü' -> out.append("Ue");
        default -> out.append(c);
      }
    }
    return of(out.toString());
  }
}
