package org.espalier.protocols.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.espalier.protocols.neural.top.Activation;
import org.espalier.protocols.neural.top.Bottom;
import org.espalier.protocols.neural.top.Dense;
import org.espalier.protocols.neural.top.Target;
import org.espalier.protocols.neural.top.Task;
import org.espalier.protocols.neural.top.TopModel;
import org.espalier.protocols.prepare.Matrix;

/**
 * What a slice of a neural model has beside its weights of the first layer.
 *
 * @param units of the first layer, h
 * @param bias of the first layer, one a unit, at the label party; else null
 * @param top all other layers, at the label party; else null
 * @param under the party's own hidden layers, each followed by the activation, under the layer
 *     whose weights the slice has; null where these are on the prepared features
 * @param reach length that a person's numbers are shortened to, as they were when noise was added
 *     to them in training; 0: they are not
 */
public record NeuralSlice(int units, double[] bias, TopModel top, Bottom under, double reach) {
  /** Without layers of its own. */
  public NeuralSlice(int units, double[] bias, TopModel top) {
    this(units, bias, top, null, 0);
  }

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
    if (under != null && under.layers().size() > Bottom.MOST_HIDDEN) {
      throw new IllegalArgumentException("model slice: too many layers of its own");
    }
    if (!(reach >= 0 && Double.isFinite(reach)) || (reach > 0 && bias != null)) {
      throw new IllegalArgumentException("model slice: people's numbers are shortened to " + reach);
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

  /** Whether the lowest layer is on so many features. */
  boolean startsAt(int features) {
    return under == null || under.layers().get(0).inputs() == features;
  }

  /** What the slice's weights are on: so many features, or the units of the last own layer. */
  int inputs(int features) {
    return under == null ? features : under.last().outputs();
  }

  /**
   * This party's part of people's pre-activations, bias included where there is one, row-major.
   *
   * @param weights of the slice
   */
  double[] part(Matrix prepared, double[] weights) {
    int inputs = inputs(prepared.columns());
    Dense last = new Dense(inputs, units, weights, bias == null ? new double[units] : bias);
    List<Dense> layers = new ArrayList<>(under == null ? List.of() : under.layers());
    layers.add(last);
    // Where there is one layer only its activation does not matter.
    Activation activation = under == null ? Activation.RELU : under.activation();
    double[] part = new Bottom(activation, layers).apply(prepared);
    for (int at = 0; reach > 0 && at < part.length; at += units) {
      double unused = Bottom.shorten(part, at, units, reach);
    }
    return part;
  }

  ObjectNode toJson() {
    ObjectNode json = JsonNodeFactory.instance.objectNode().put("units", units);
    if (under != null) {
      json.putObject("under").put("activation", under.activation().wireName());
      write((ObjectNode) json.get("under"), under.layers());
    }
    if (reach > 0) {
      json.put("reach", reach);
    }
    if (top == null) {
      return json;
    }
    write(json.putArray("bias"), bias);
    Target target = top.target();
    json.put("activation", top.activation().wireName()).put("task", target.task().wireName());
    write(json.putArray("classes"), target.classes().stream().mapToDouble(c -> c).toArray());
    json.put("mean", target.mean()).put("scale", target.scale());
    write(json, top.layers());
    return json;
  }

  private static void write(ObjectNode json, List<Dense> layers) {
    ArrayNode all = json.putArray("layers");
    for (Dense layer : layers) {
      ObjectNode one = all.addObject().put("inputs", layer.inputs());
      one.put("units", layer.outputs());
      write(one.putArray("weights"), layer.weights());
      write(one.putArray("bias"), layer.bias());
    }
  }

  private static void write(ArrayNode array, double[] values) {
    Arrays.stream(values).forEach(array::add);
  }

  static NeuralSlice read(StrictObject json) {
    int units = json.integer("units", 1);
    double[] bias = null;
    TopModel top = null;
    Bottom under = json.has("under") ? under(json.object("under")) : null;
    double reach = json.has("reach") ? json.number("reach") : 0;
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
    return new NeuralSlice(units, bias, top, under, reach);
  }

  private static Bottom under(StrictObject json) {
    Bottom under =
        new Bottom(
            Activation.parse(json.text("activation")), json.list("layers", NeuralSlice::layer));
    json.end();
    return under;
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
    return Objects.hash(units, Arrays.hashCode(bias), top, under, reach);
  }

  /** Weights stay out of logs. */
  @Override
  public String toString() {
    return "NeuralSlice[" + units + " units]";
  }
}
