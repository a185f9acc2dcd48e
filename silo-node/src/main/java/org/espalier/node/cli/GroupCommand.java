package org.espalier.node.cli;

import java.util.concurrent.Callable;
import org.espalier.node.Problem;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** A word such as {@code job} that needs another one behind it. */
@Command(
    mixinStandardHelpOptions = true,
    synopsisHeading = "%nUsage: ",
    synopsisSubcommandLabel = "COMMAND",
    optionListHeading = "%nOptions:%n",
    commandListHeading = "%nCommands:%n")
abstract class GroupCommand implements Callable<Integer> {
  @Spec CommandSpec spec;

  @Override
  public Integer call() {
    spec.commandLine().usage(((Silo) spec.root().userObject()).console().err());
    return Problem.Kind.USAGE.exitCode();
  }
}
