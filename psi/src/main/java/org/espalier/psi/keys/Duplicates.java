package org.espalier.psi.keys;

/** What to do with a key that several rows of one table share. */
public enum Duplicates {
  /** Stop with an error that names the first rows. */
  REJECT,
  /** Keep the first row, ignore the others. */
  FIRST,
  /**
   * At the first party, which the job lets have several rows of a person: people are found as with
   * {@link #FIRST}, and then {@link RowsOfPeople} has all of their rows. At the others stop with an
   * error.
   */
  ALL;

  /** What a party does with its own table. */
  public Duplicates at(boolean firstParty) {
    return this == ALL ? firstParty ? FIRST : REJECT : this;
  }

  /**
   * Reads {@code reject}, {@code first} or {@code all}.
   *
   * @throws IllegalArgumentException otherwise
   */
  public static Duplicates parse(String name) {
    return switch (name) {
      case "reject" -> REJECT;
      case "first" -> FIRST;
      case "all" -> ALL;
      default ->
          throw new IllegalArgumentException(
              "duplicates is reject, first or all, not '" + name + "'");
    };
  }
}
