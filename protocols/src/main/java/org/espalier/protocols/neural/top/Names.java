package org.espalier.protocols.neural.top;

import java.util.Locale;

/** How settings are called in files. */
final class Names {
  private Names() {}

  static String of(Enum<?> setting) {
    return setting.name().toLowerCase(Locale.ROOT);
  }

  static <E extends Enum<E>> E parse(Class<E> type, String name, String what) {
    for (E setting : type.getEnumConstants()) {
      if (of(setting).equals(name)) {
        return setting;
      }
    }
    throw new IllegalArgumentException("no " + what + " is called " + name);
  }
}
