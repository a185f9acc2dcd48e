package org.espalier.protocols.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BiFunction;

/**
 * Reads a JSON object whose every member must be asked for, have the right type and be in range;
 * errors name the path.
 */
final class StrictObject {
  private final String path;
  private final JsonNode node;
  private final Set<String> unread = new HashSet<>();

  StrictObject(String path, JsonNode node) {
    if (!node.isObject()) {
      throw refuse(path, "is not an object");
    }
    this.path = path;
    this.node = node;
    node.fieldNames().forEachRemaining(unread::add);
  }

  static IllegalArgumentException refuse(String path, String what) {
    return new IllegalArgumentException(path + " " + what);
  }

  /** Whether the member is there and not null; only then it may be read. */
  boolean has(String name) {
    if (node.path(name).isNull()) {
      unread.remove(name);
      return false;
    }
    return node.has(name);
  }

  JsonNode get(String name) {
    JsonNode value = node.get(name);
    if (value == null) {
      throw refuse(path(name), "is absent");
    }
    unread.remove(name);
    return value;
  }

  String text(String name) {
    return text(path(name), get(name));
  }

  static String text(String path, JsonNode value) {
    if (!value.isTextual()) {
      throw refuse(path, "is not a text");
    }
    return value.textValue();
  }

  int integer(String name, int min) {
    JsonNode value = get(name);
    if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < min) {
      throw refuse(path(name), "is not a whole number of at least " + min);
    }
    return value.intValue();
  }

  boolean bool(String name) {
    JsonNode value = get(name);
    if (!value.isBoolean()) {
      throw refuse(path(name), "is neither true nor false");
    }
    return value.booleanValue();
  }

  double number(String name) {
    return number(path(name), get(name));
  }

  static double number(String path, JsonNode value) {
    if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
      throw refuse(path, "is not a finite number");
    }
    return value.doubleValue();
  }

  StrictObject object(String name) {
    return new StrictObject(path(name), get(name));
  }

  /**
   * @param item from an item's path and value
   */
  <T> List<T> list(String name, BiFunction<String, JsonNode, T> item) {
    JsonNode array = get(name);
    if (!array.isArray()) {
      throw refuse(path(name), "is not a list");
    }
    List<T> items = new ArrayList<>(array.size());
    for (JsonNode value : array) {
      items.add(item.apply(path(name) + "[" + items.size() + "]", value));
    }
    return items;
  }

  double[] numbers(String name) {
    return list(name, StrictObject::number).stream().mapToDouble(Double::doubleValue).toArray();
  }

  /** Refuses members that nobody asked for. */
  void end() {
    if (!unread.isEmpty()) {
      throw refuse(path, "has an unknown member '" + unread.iterator().next() + "'");
    }
  }

  String path(String name) {
    return path + "." + name;
  }
}
