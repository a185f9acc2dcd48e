package org.espalier.node.job;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.util.Objects;
import org.espalier.node.config.Json;
import org.espalier.protocols.glm.Outcomes;

/**
 * {@code model.class_weights}: how much people with either outcome count in training.
 *
 * @param zero of those with outcome 0, above 0; null: both classes are to count the same together
 * @param one of those with outcome 1; null where the other is
 */
public record ClassWeights(BigDecimal zero, BigDecimal one) {
  private static final String KEY = "model.class_weights";
  private static final String BALANCED = "balanced";
  private static final BigDecimal MOST = new BigDecimal("1000000");

  public ClassWeights {
    if (zero != null || one != null) {
      require(zero);
      require(one);
    }
  }

  private static void require(BigDecimal weight) {
    if (weight == null
        || weight.compareTo(MOST) > 0
        || weight.compareTo(BigDecimal.ONE.movePointLeft(6)) < 0) {
      throw new IllegalArgumentException(
          KEY + " are balanced or {0: W, 1: W} with numbers from 1e-6 to 1e6");
    }
  }

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static ClassWeights of(JsonNode json) {
    if (json.isTextual() && json.asText().equals(BALANCED)) {
      return new ClassWeights(null, null);
    }
    if (!json.isObject()
        || json.size() != 2
        || !json.path("0").isNumber()
        || !json.path("1").isNumber()) {
      require(null);
    }
    return new ClassWeights(json.get("0").decimalValue(), json.get("1").decimalValue());
  }

  @JsonValue
  Object json() {
    return balanced() ? BALANCED : Json.object().put("0", zero).put("1", one);
  }

  boolean balanced() {
    return zero == null;
  }

  /** What training is to know of its people with these weights. */
  Outcomes apply(Outcomes outcomes) {
    return balanced()
        ? outcomes.balanced()
        : outcomes.withClassWeights(zero.doubleValue(), one.doubleValue());
  }

  @Override
  public String toString() {
    return balanced() ? BALANCED : "{0: %s, 1: %s}".formatted(zero, one);
  }

  /** Numbers of equal value are equal, however they were written. */
  @Override
  public boolean equals(Object o) {
    return o instanceof ClassWeights other
        && Objects.equals(plain(zero), plain(other.zero))
        && Objects.equals(plain(one), plain(other.one));
  }

  @Override
  public int hashCode() {
    return Objects.hash(plain(zero), plain(one));
  }

  private static BigDecimal plain(BigDecimal x) {
    return x == null ? null : x.stripTrailingZeros();
  }
}
