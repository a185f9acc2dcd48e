package org.espalier.protocols.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.espalier.protocols.neural.top.Activation;
import org.espalier.protocols.neural.top.Dense;
import org.espalier.protocols.neural.top.Target;
import org.espalier.protocols.neural.top.Task;
import org.espalier.protocols.neural.top.TopModel;

/**
 * What a slice of a neural model has beside its weights of the first layer.
 *
 * @param units of the first layer, h
 * @param bias of the first layer, one a unit, at the label party; else null
 * @param top all other layers, at the label party; else null
 */
public record NeuralSlice(int units, double[] bias, TopModel top) {
  /**
   * @throws IllegalArgumentException if the parts do not fit each other or a number is not finite
   */
  public NeuralSlice {
    if (units < 1 || units > Dense.MOST_UNITS) {
      throw new IllegalArgumentException("model slice: a first layer of " + units + " units");
    }
    if ((bias == null) != (top == null)) {
      throw new IllegalArgumentException("model slice: the label party has bias and layers");
    }
    if (bias != null
        && (bias.length != units
            || top.width() != units
            || !Arrays.stream(bias).allMatch(Double::isFinite))) {
      throw new IllegalArgumentException("model slice: bias or layers do not fit the first layer");
    }
    bias = bias == null ? null : bias.clone();
  }

  @Override
  public double[] bias() {
    return bias == null ? null : bias.clone();
  }

  /** Adds the bias, where there is one, to people's pre-activations, row-major from the start. */
  void addBias(double[] z) {
    for (int i = 0; bias != null && i < z.length; i++) {
      z[i] += bias[i % units];
    }
  }

  ObjectNode toJson() {
    ObjectNode json = JsonNodeFactory.instance.objectNode().put("units", units);
    if (top == null) {
      return json;
    }
    write(json.putArray("bias"), bias);
    Target target = top.target();
    json.put("activation", top.activation().wireName()).put("task", target.task().wireName());
    write(json.putArray("classes"), target.classes().stream().mapToDouble(c -> c).toArray());
    json.put("mean", target.mean()).put("scale", target.scale());
    ArrayNode layers = json.putArray("layers");
    for (Dense layer : top.layers()) {
      ObjectNode one = layers.addObject().put("inputs", layer.inputs());
      one.put("units", layer.outputs());
      write(one.putArray("weights"), layer.weights());
      write(one.putArray("bias"), layer.bias());
    }
    return json;
  }

  private static void write(ArrayNode array, double[] values) {
    Arrays.stream(values).forEach(array::add);
  }

  static NeuralSlice read(StrictObject json) {
    int units = json.integer("units", 1);
    double[] bias = null;
    TopModel top = null;
    if (json.has("layers")) {
      bias = json.numbers("bias");
      Target target =
          new Target(
              Task.parse(json.text("task")),
              Arrays.stream(json.numbers("classes")).boxed().toList(),
              json.number("mean"),
              json.number("scale"));
      List<Dense> layers = json.list("layers", NeuralSlice::layer);
      top = new TopModel(Activation.parse(json.text("activation")), units, layers, target);
    }
    json.end();
    return new NeuralSlice(units, bias, top);
  }

  private static Dense layer(String path, JsonNode value) {
    StrictObject json = new StrictObject(path, value);
    Dense layer =
        new Dense(
            json.integer("inputs", 1),
            json.integer("units", 1),
            json.numbers("weights"),
            json.numbers("bias"));
    json.end();
    return layer;
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof NeuralSlice other && toJson().equals(other.toJson());
  }

  @Override
  public int hashCode() {
    return Objects.hash(units, Arrays.hashCode(bias), top);
  }

  /** Weights stay out of logs. */
  @Override
  public String toString() {
    return "NeuralSlice[" + units + " units]";
  }
}
