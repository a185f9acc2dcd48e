package org.espalier.node.cli;

import org.espalier.node.config.Json;
import picocli.AutoComplete;
import picocli.CommandLine.Command;

@Command(
    name = "completion",
    header = "Print a completion script for bash and zsh.",
    description = {
      "",
      "Examples:",
      "  source <(silo completion)",
      "  silo completion > /etc/bash_completion.d/silo",
    })
final class CompletionCommand extends SiloCommand {
  @Override
  public Integer call() {
    String script = AutoComplete.bash("silo", spec.root().commandLine());
    return show(Json.object().put("bash", script), r -> console().out().print(script));
  }
}
