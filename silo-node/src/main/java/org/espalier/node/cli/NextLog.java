package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import picocli.CommandLine.Option;

/** A command that ends the log of a node that does not run, and begins the next one. */
abstract class NextLog extends SiloCommand {
  @Option(
      names = "--operator",
      paramLabel = "ID",
      description = "Two people who say so, by identifiers that stand for them, not names.")
  List<String> operators = List.of();

  @Option(names = "--yes", description = "Do not ask.")
  boolean yes;

  /** Says what has become of the logs. */
  int begun(JsonNode result, String remark) {
    show(
        result,
        r -> {
          console().print("The old log is in " + r.path("frozen").asText());
          console().print("New log " + r.path("origin").asText());
          console().print("New key " + r.path("key").asText());
        });
    next("silo node start --background", remark);
    return 0;
  }
}
