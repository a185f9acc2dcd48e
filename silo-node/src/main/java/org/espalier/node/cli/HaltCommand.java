package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.Optional;
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
      "a restart, and can be set while the node is down. Where it hangs its process must be stopped,",
      "too: what is under way there goes on till then.",
    })
final class HaltCommand extends SiloCommand {
  @Option(names = "--reason", required = true, paramLabel = "TEXT", description = "Why; is logged.")
  String reason;

  @Option(
      names = "--wait",
      paramLabel = "SECONDS",
      defaultValue = "20",
      description = "How long the node may take to answer (default: ${DEFAULT-VALUE}).")
  int wait;

  @Override
  public Integer call() {
    if (wait < 1) {
      throw usage("--wait is a second or more");
    }
    requireNode();
    show(halt(), r -> console().print(said(r)));
    next("silo resume", "when it is over");
    return 0;
  }

  private JsonNode halt() {
    Optional<JsonNode> answer;
    try {
      answer = node().call("halt", args().put("reason", reason), Duration.ofSeconds(wait));
    } catch (Problem e) {
      if (e.kind() != Problem.Kind.NODE_DOWN || !isOwner()) {
        throw e;
      }
      return Rulebook.halt(home(), reason).put("node_down", true);
    }
    if (answer.isPresent()) {
      return answer.get();
    }
    if (!isOwner()) {
      throw Problem.of(Problem.Kind.NODE_DOWN, "the node does not answer")
          .detail("the owner of its folder can halt it all the same")
          .next("ask the node's operator for silo halt");
    }
    return Rulebook.halt(home(), reason).put("node_hangs", true);
  }

  private static String said(JsonNode result) {
    if (result.path("node_down").asBoolean()) {
      return "Halted; the node does not run, and will do nothing when it is started.";
    }
    if (result.path("node_hangs").asBoolean()) {
      return "Halted; the node does not answer: stop its process (its number is in node.pid).";
    }
    return "Halted: %d attempts stopped, %d servings ended."
        .formatted(result.path("attempts_stopped").asInt(), result.path("servings").asInt());
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
