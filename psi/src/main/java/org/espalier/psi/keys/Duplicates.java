package org.espalier.psi.keys;

/** What to do with a key that several rows of one table share. */
public enum Duplicates {
  /** Stop with an error that names the first rows. */
  REJECT,
  /** Keep the first row, ignore the others. */
  FIRST;

  /**
   * Reads {@code reject} or {@code first}.
   *
   * @throws IllegalArgumentException otherwise
   */
  public static Duplicates parse(String name) {
    return switch (name) {
      case "reject" -> REJECT;
      case "first" -> FIRST;
      default ->
          throw new IllegalArgumentException("duplicates is reject or first, not '" + name + "'");
    };
  }
}
