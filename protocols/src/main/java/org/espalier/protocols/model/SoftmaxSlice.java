package org.espalier.protocols.model;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.espalier.protocols.glm.TrainingSpec;
import org.espalier.protocols.neural.top.Target;
import org.espalier.protocols.neural.top.Task;
import org.espalier.protocols.prepare.Matrix;

/**
 * What a slice of a softmax regression has beside its weights.
 *
 * @param classes how many there are, 3 to 20
 * @param outcomes that they are, ascending, at the label party; else empty
 * @param intercepts one for each class, at the label party; else null
 */
public record SoftmaxSlice(int classes, List<Double> outcomes, double[] intercepts) {
  /**
   * @throws IllegalArgumentException if the parts do not fit each other or a number is not finite
   */
  public SoftmaxSlice {
    outcomes = List.copyOf(outcomes);
    if (classes < TrainingSpec.FEWEST_CLASSES || classes > TrainingSpec.MOST_CLASSES) {
      throw new IllegalArgumentException("model slice: a softmax of " + classes + " classes");
    }
    if (outcomes.isEmpty() != (intercepts == null)) {
      throw new IllegalArgumentException("model slice: the label party has the intercepts");
    }
    if (intercepts != null
        && (intercepts.length != classes
            || outcomes.size() != classes
            || !Arrays.stream(intercepts).allMatch(Double::isFinite))) {
      throw new IllegalArgumentException("model slice: intercepts do not fit the classes");
    }
    if (!outcomes.isEmpty()) {
      target(outcomes);
    }
    intercepts = intercepts == null ? null : intercepts.clone();
  }

  /**
   * This party's part of people's linear predictors, intercepts included at the label party, person
   * by person.
   *
   * @param weights of the slice
   */
  double[] part(Matrix prepared, double[] weights) {
    double[] z = prepared.times(new Matrix(prepared.columns(), classes, weights)).values();
    for (int i = 0; intercepts != null && i < z.length; i++) {
      z[i] += intercepts[i % classes];
    }
    return z;
  }

  private static Target target(List<Double> outcomes) {
    return new Target(Task.MULTICLASS, outcomes, 0, 1);
  }

  @Override
  public double[] intercepts() {
    return intercepts == null ? null : intercepts.clone();
  }

  /**
   * The probability of each class, person by person, at the label party.
   *
   * @param logits all parties' together, in the same order
   */
  public double[] predict(double[] logits) {
    double[] probabilities = logits.clone();
    Target target = target(outcomes);
    for (int at = 0; at < probabilities.length; at += classes) {
      target.predict(probabilities, at);
    }
    return probabilities;
  }

  ObjectNode toJson() {
    ObjectNode json = JsonNodeFactory.instance.objectNode().put("classes", classes);
    if (intercepts != null) {
      ArrayNode names = json.putArray("outcomes");
      outcomes.forEach(names::add);
      ArrayNode values = json.putArray("intercepts");
      Arrays.stream(intercepts).forEach(values::add);
    }
    return json;
  }

  static SoftmaxSlice read(StrictObject json) {
    int classes = json.integer("classes", TrainingSpec.FEWEST_CLASSES);
    boolean label = json.has("intercepts");
    SoftmaxSlice slice =
        new SoftmaxSlice(
            classes,
            label ? Arrays.stream(json.numbers("outcomes")).boxed().toList() : List.of(),
            label ? json.numbers("intercepts") : null);
    json.end();
    return slice;
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof SoftmaxSlice other && toJson().equals(other.toJson());
  }

  @Override
  public int hashCode() {
    return Objects.hash(classes, outcomes, Arrays.hashCode(intercepts));
  }

  /** Intercepts stay out of logs. */
  @Override
  public String toString() {
    return "SoftmaxSlice[" + classes + " classes]";
  }
}
