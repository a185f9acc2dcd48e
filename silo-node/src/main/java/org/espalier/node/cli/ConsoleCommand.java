package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.List;
import org.espalier.node.Problem;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "console",
    header = "Print an address by which one browser gets into the node's read-only console.",
    description = {
      "",
      "Examples:",
      "  silo console",
      "  silo console --open                    in this desktop's browser",
      "  ssh -L 8790:127.0.0.1:8790 silo.bank.example silo console",
      "",
      "The address is good once and for two minutes; the browser stays in for eight hours. The",
      "node serves the console where silo.yaml says:  console: {listen: \"127.0.0.1:8790\"}",
    })
final class ConsoleCommand extends SiloCommand {
  @Option(names = "--open", description = "Open it with xdg-open.")
  boolean open;

  @Override
  public Integer call() {
    JsonNode answer = ask("console", args());
    String url = answer.path("url").asText();
    show(answer, a -> console().print(url));
    say("Good once, for two minutes: do not hand it on.");
    if (open) {
      try {
        new ProcessBuilder(List.of("xdg-open", url))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
      } catch (IOException e) {
        throw Problem.of(Problem.Kind.REFUSED, "no browser can be opened from here")
            .detail(e.getMessage())
            .next("open the address yourself")
            .because(e);
      }
    }
    return 0;
  }
}
