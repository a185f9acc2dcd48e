package org.espalier.wire;

import java.util.regex.Pattern;

/**
 * The name of a party: an institution that runs one silo node.
 *
 * <p>Names reach logs, file names and terminals of other institutions, so the alphabet is closed:
 * {@code [a-z0-9]} with inner {@code .} and {@code -}, at most 63 characters.
 *
 * @param name for example {@code hospital-a.example}
 */
public record Party(String name) implements Comparable<Party> {
  private static final Pattern NAME = Pattern.compile("[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?");

  public Party {
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException(
          "party name must match [a-z0-9.-]{1,63} and start and end with a letter or digit");
    }
  }

  @Override
  public int compareTo(Party other) {
    return name.compareTo(other.name);
  }

  @Override
  public String toString() {
    return name;
  }
}
