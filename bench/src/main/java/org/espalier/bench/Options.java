package org.espalier.bench;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Options of one benchmark: {@code --name value}, or {@code --name} alone for a switch. */
final class Options {
  private static final String SWITCH = "switch";

  /** The arguments do not fit, in words. */
  static final class Misuse extends IllegalArgumentException {
    Misuse(String message) {
      super(message);
    }
  }

  private final Map<String, String> values;

  private Options(Map<String, String> values) {
    this.values = values;
  }

  /** What a benchmark understands; built up before {@link #parse}. */
  static final class Known {
    private final Map<String, String> defaults = new HashMap<>();
    private final Map<String, String> patterns = new HashMap<>();

    private Known add(String name, Object value, String pattern) {
      defaults.put(name, String.valueOf(value));
      patterns.put(name, pattern);
      return this;
    }

    /** 0 to 99,999,999. */
    Known whole(String name, int value) {
      return add(name, value, "[0-9]{1,8}");
    }

    /** A positive decimal number. */
    Known number(String name, double value) {
      return add(name, value, "[0-9]*\\.?[0-9]+([eE]-?[0-9]{1,3})?");
    }

    Known text(String name, String value, String pattern) {
      return add(name, value, pattern);
    }

    Known flag(String name) {
      return add(name, false, SWITCH);
    }

    Options parse(List<String> arguments) {
      Map<String, String> values = new HashMap<>(defaults);
      for (int i = 0; i < arguments.size(); i++) {
        String name = arguments.get(i);
        String pattern = patterns.get(name);
        if (pattern == null) {
          throw new Misuse("there is no option " + name);
        }
        if (pattern.equals(SWITCH)) {
          values.put(name, "true");
        } else if (++i < arguments.size() && arguments.get(i).matches(pattern)) {
          values.put(name, arguments.get(i));
        } else {
          throw new Misuse("option " + name + " needs a value like " + pattern);
        }
      }
      return new Options(values);
    }
  }

  boolean flag(String name) {
    return Boolean.parseBoolean(values.get(name));
  }

  int whole(String name) {
    return Integer.parseInt(values.get(name));
  }

  double number(String name) {
    return Double.parseDouble(values.get(name));
  }

  String text(String name) {
    return values.get(name);
  }

  /** A list separated by commas. */
  List<String> list(String name) {
    return List.of(values.get(name).split(",", -1));
  }
}
