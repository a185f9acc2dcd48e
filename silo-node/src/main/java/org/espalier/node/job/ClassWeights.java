package org.espalier.node.job;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.espalier.node.config.Json;
import org.espalier.node.data.CsvFile;
import org.espalier.protocols.glm.Outcomes;

/**
 * {@code model.class_weights}: how much people of each outcome count in training.
 *
 * @param factors by outcome, above 0; empty: all classes are to count the same
 */
public record ClassWeights(SortedMap<BigDecimal, BigDecimal> factors) {
  private static final String KEY = "model.class_weights";
  private static final String BALANCED = "balanced";
  private static final int MOST_DIGITS = 400;
  private static final BigDecimal MOST = new BigDecimal("1000000");

  private static final List<BigDecimal> LABELS = List.of(BigDecimal.ZERO, BigDecimal.ONE);

  public ClassWeights {
    SortedMap<BigDecimal, BigDecimal> sorted = new TreeMap<>();
    factors.forEach((outcome, weight) -> sorted.put(plain(outcome), weight));
    factors = Collections.unmodifiableSortedMap(sorted);
    BigDecimal least = BigDecimal.ONE.movePointLeft(6);
    require(
        factors.values().stream()
            .allMatch(weight -> weight.compareTo(least) >= 0 && weight.compareTo(MOST) <= 0));
  }

  private static void require(boolean condition) {
    if (!condition) {
      throw new IllegalArgumentException(
          KEY
              + " are balanced or {0: W, 1: W} with numbers from 1e-6 to 1e6; for model.type: softmax a"
              + " number for each outcome that is a class");
    }
  }

  /**
   * Checks what they are of.
   *
   * @param classes of a softmax regression; null: the outcomes are 0 and 1
   */
  void requireClasses(Integer classes) {
    require(
        balanced()
            || (classes == null
                ? List.copyOf(factors.keySet()).equals(LABELS)
                : factors.size() == classes));
  }

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static ClassWeights of(JsonNode json) {
    if (json.isTextual() && json.asText().equals(BALANCED)) {
      return new ClassWeights(Collections.emptySortedMap());
    }
    require(json.isObject() && json.size() >= LABELS.size());
    SortedMap<BigDecimal, BigDecimal> factors = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : json.properties()) {
      require(CsvFile.isNumber(entry.getKey()) && entry.getValue().isNumber());
      BigDecimal outcome = new BigDecimal(entry.getKey());
      // Written out it is no longer than this: 1e-999999999 would fill the memory.
      require(Math.abs((long) outcome.scale()) <= MOST_DIGITS);
      factors.put(outcome, entry.getValue().decimalValue());
    }
    return new ClassWeights(factors);
  }

  @JsonValue
  Object json() {
    if (balanced()) {
      return BALANCED;
    }
    ObjectNode json = Json.object();
    factors.forEach((outcome, weight) -> json.put(outcome.toPlainString(), weight));
    return json;
  }

  boolean balanced() {
    return factors.isEmpty();
  }

  /**
   * What training is to know of its people with these weights.
   *
   * @param outcomes classes, numbered from 0
   * @param classes what these are; empty: 0 and 1
   * @throws IllegalArgumentException if a class has no weight
   */
  Outcomes apply(Outcomes outcomes, List<Double> classes) {
    if (balanced()) {
      return outcomes.balanced();
    }
    double[] weights = new double[factors.size()];
    for (int k = 0; k < weights.length; k++) {
      BigDecimal outcome =
          classes.isEmpty() ? LABELS.get(k) : plain(BigDecimal.valueOf(classes.get(k)));
      if (!factors.containsKey(outcome)) {
        throw new IllegalArgumentException(
            "%s have no number for people of class %s".formatted(KEY, outcome.toPlainString()));
      }
      weights[k] = factors.get(outcome).doubleValue();
    }
    return outcomes.withClassWeights(weights);
  }

  @Override
  public String toString() {
    return balanced()
        ? BALANCED
        : factors.entrySet().stream()
            .map(e -> e.getKey().toPlainString() + ": " + e.getValue().toPlainString())
            .collect(Collectors.joining(", ", "{", "}"));
  }

  /** Numbers of equal value are equal, however they were written. */
  @Override
  public boolean equals(Object o) {
    return o instanceof ClassWeights other && values().equals(other.values());
  }

  @Override
  public int hashCode() {
    return values().hashCode();
  }

  private Map<BigDecimal, BigDecimal> values() {
    Map<BigDecimal, BigDecimal> values = new TreeMap<>(factors);
    values.replaceAll((outcome, weight) -> plain(weight));
    return values;
  }

  private static BigDecimal plain(BigDecimal x) {
    return x.signum() == 0 ? BigDecimal.ZERO : x.stripTrailingZeros();
  }
}
