package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;

/** Weights beside what their standard errors say of them, for a terminal. */
final class CoefficientTable {
  private CoefficientTable() {}

  /** Without rows yet. */
  static Table empty() {
    return new Table("FEATURE", "WEIGHT", "STD ERROR", "Z", "P", "95% FROM", "TO", "VIF");
  }

  /** Adds one of a report's {@code coefficients}. */
  static void row(Table table, JsonNode weight) {
    boolean told = weight.hasNonNull("p");
    table.row(
        weight.path("feature").asText(),
        signed(weight, "weight"),
        "%.6f".formatted(weight.path("standard_error").asDouble()),
        told ? "%+.3f".formatted(weight.path("z").asDouble()) : "-",
        told ? "%.3g".formatted(weight.path("p").asDouble()) : "-",
        signed(weight, "low"),
        signed(weight, "high"),
        weight.hasNonNull("vif") ? "%.2f".formatted(weight.path("vif").asDouble()) : "-");
  }

  private static String signed(JsonNode weight, String key) {
    return "%+.6f".formatted(weight.path(key).asDouble());
  }
}
