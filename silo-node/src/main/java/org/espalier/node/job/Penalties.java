package org.espalier.node.job;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import org.espalier.protocols.glm.PenaltyPath;

/**
 * {@code model.l2}: a number, or several of which cross-validation chooses one.
 *
 * @param values ascending, all different
 * @param several whether it was written as a list
 */
public record Penalties(List<BigDecimal> values, boolean several) {
  private static final String KEY = "model.l2";

  public Penalties {
    values = values.stream().sorted().toList();
    if (values.isEmpty() || values.size() > PenaltyPath.MOST_VALUES) {
      throw new IllegalArgumentException(
          "%s is a number or a list of 1 to %d, not of %d"
              .formatted(KEY, PenaltyPath.MOST_VALUES, values.size()));
    }
    for (int v = 1; v < values.size(); v++) {
      if (values.get(v).compareTo(values.get(v - 1)) == 0) {
        throw new IllegalArgumentException("%s has %s twice".formatted(KEY, values.get(v)));
      }
    }
  }

  static Penalties of(String value) {
    return new Penalties(List.of(new BigDecimal(value)), false);
  }

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static Penalties of(JsonNode json) {
    List<BigDecimal> values = new ArrayList<>();
    for (JsonNode value : json.isArray() ? json : List.of(json)) {
      if (!value.isNumber()) {
        throw new IllegalArgumentException(
            KEY + " is a number, or a list of numbers such as [0.001, 0.01, 0.1]");
      }
      values.add(value.decimalValue());
    }
    return new Penalties(values, json.isArray());
  }

  @JsonValue
  Object json() {
    return several ? values : values.get(0);
  }

  BigDecimal weakest() {
    return values.get(0);
  }

  /** The only one. */
  public double single() {
    if (several) {
      throw new IllegalStateException(KEY + " is a list");
    }
    return weakest().doubleValue();
  }

  /** Strongest first, as they are fitted. */
  List<Double> path() {
    List<Double> path = new ArrayList<>();
    values.stream()
        .sorted(Comparator.reverseOrder())
        .forEach(value -> path.add(value.doubleValue()));
    return Collections.unmodifiableList(path);
  }

  /** As in a job's file. */
  @Override
  public String toString() {
    List<String> texts = values.stream().map(BigDecimal::toPlainString).toList();
    return several ? "[" + String.join(", ", texts) + "]" : texts.get(0);
  }
}
