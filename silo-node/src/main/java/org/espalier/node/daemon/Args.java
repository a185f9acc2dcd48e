package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;
import org.espalier.node.Problem;
import org.espalier.wire.Party;

/** The arguments of one command; whatever is missing or of the wrong kind is a usage error. */
record Args(JsonNode json) {
  String text(String key) {
    return optional(key).orElseThrow(() -> usage(key + " is missing"));
  }

  Optional<String> optional(String key) {
    JsonNode value = json.path(key);
    if (value.isMissingNode() || value.isNull()) {
      return Optional.empty();
    }
    if (!value.isTextual()) {
      throw usage(key + " is a text");
    }
    return Optional.of(value.asText());
  }

  Party party(String key) {
    try {
      return new Party(text(key));
    } catch (IllegalArgumentException e) {
      throw usage(e.getMessage()).because(e);
    }
  }

  /** An absolute path: the node does not know where the operator stands. */
  Path file(String key) {
    try {
      Path file = Path.of(text(key));
      if (file.isAbsolute()) {
        return file.normalize();
      }
    } catch (InvalidPathException e) {
      throw usage(key + " is no path").because(e);
    }
    throw usage(key + " is an absolute path");
  }

  long number(String key, long otherwise, long min, long max) {
    JsonNode value = json.path(key);
    if (value.isMissingNode() || value.isNull()) {
      return otherwise;
    }
    if (!value.canConvertToLong() || value.asLong() < min || value.asLong() > max) {
      throw usage("%s is a number from %d to %d".formatted(key, min, max));
    }
    return value.asLong();
  }

  JsonNode object(String key) {
    JsonNode value = json.path(key);
    if (!value.isContainerNode()) {
      throw usage(key + " is missing");
    }
    return value;
  }

  static Problem usage(String what) {
    return Problem.of(Problem.Kind.USAGE, what);
  }
}
