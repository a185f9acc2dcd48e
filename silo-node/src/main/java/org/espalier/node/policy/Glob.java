package org.espalier.node.policy;

import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Names in a policy, in which {@code *} stands for any text. */
final class Glob {
  private Glob() {}

  static boolean matches(String pattern, String name) {
    if (!pattern.contains("*")) {
      return pattern.equals(name);
    }
    String regex =
        Pattern.compile("\\*+")
            .splitAsStream(pattern)
            .map(Pattern::quote)
            .collect(Collectors.joining(".*"));
    return Pattern.compile(regex + (pattern.endsWith("*") ? ".*" : ""), Pattern.DOTALL)
        .matcher(name)
        .matches();
  }

  static boolean any(Collection<String> patterns, String name) {
    return patterns.stream().anyMatch(pattern -> matches(pattern, name));
  }

  /** The entry of exactly this name, or of the longest pattern that fits it. */
  static <T> Optional<Map.Entry<String, T>> find(Map<String, T> entries, String name) {
    if (entries.containsKey(name)) {
      return Optional.of(Map.entry(name, entries.get(name)));
    }
    return entries.entrySet().stream()
        .filter(entry -> matches(entry.getKey(), name))
        .max(
            Map.Entry.comparingByKey(
                java.util.Comparator.comparingInt(String::length)
                    .thenComparing(java.util.Comparator.naturalOrder())));
  }
}
