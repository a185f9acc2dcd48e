package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.espalier.node.Problem;
import org.espalier.node.policy.Rulebook;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "halt",
    header = "Stop everything at this node at once, until silo resume.",
    description = {
      "",
      "Examples:",
      "  silo halt --reason \"incident 2031\"",
      "  silo resume",
      "",
      "Attempts that run end as failed and can be run again afterwards; nobody is scored; no job is",
      "proposed, approved or begun. Status, logs and the audit log stay readable. The halt outlives",
      "a restart, and can be set while the node is down.",
    })
final class HaltCommand extends SiloCommand {
  @Option(names = "--reason", required = true, paramLabel = "TEXT", description = "Why; is logged.")
  String reason;

  @Override
  public Integer call() {
    requireNode();
    JsonNode result;
    try {
      result = ask("halt", args().put("reason", reason));
    } catch (Problem e) {
      if (e.kind() != Problem.Kind.NODE_DOWN || !isOwner()) {
        throw e;
      }
      ObjectNode halted = Rulebook.halt(home(), reason);
      result = halted.put("node_down", true);
    }
    show(
        result,
        r ->
            console()
                .print(
                    r.path("node_down").asBoolean()
                        ? "Halted; the node does not run, and will do nothing when it is started."
                        : "Halted: %d attempts stopped, %d servings ended."
                            .formatted(
                                r.path("attempts_stopped").asInt(), r.path("servings").asInt())));
    next("silo resume", "when it is over");
    return 0;
  }

  @Command(
      name = "resume",
      header = "End a halt.",
      description = {"", "Example:", "  silo resume"})
  static final class Resume extends SiloCommand {
    @Override
    public Integer call() {
      JsonNode result = ask("resume", args());
      show(
          result,
          r ->
              console()
                  .print(
                      r.path("was_halted").asBoolean()
                          ? "The node works again; jobs that were stopped can be run again."
                          : "The node was not halted."));
      next("silo job list --state failed");
      return 0;
    }
  }
}
