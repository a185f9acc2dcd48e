package org.espalier.bench;

import java.nio.file.Path;
import java.util.List;

/**
 * The interpreter of the peers' environment.
 *
 * @param scripts their folder
 */
record Python(Path interpreter, Path scripts) {
  List<String> command(String script, Path config) {
    return List.of(
        interpreter.toAbsolutePath().toString(),
        "-B", // no compiled files beside the sources
        scripts.resolve(script).toAbsolutePath().toString(),
        config.toAbsolutePath().toString());
  }
}
