package org.espalier.node.cli;

import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command line {@code silo}. */
@Command(
    name = "silo",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    header =
        "Espalier: train models together with partners; every party's data stay where they are.",
    description = {
      "",
      "First steps:",
      "  silo demo                                       three silos on this machine, in a minute",
      "  silo init --name bank.example --listen 0.0.0.0:9443 --url https://silo.bank.example:9443",
      "  silo node start --background",
      "  silo partner invite insurer.example             then silo partner accept at the partner",
      "  silo dataset sketch loans.csv > loans.schema.yaml",
      "  silo dataset add loans --file loans.csv",
      "  silo policy init job.yaml                       allows this job; all else is denied",
      "  silo job plan job.yaml                          what everybody would learn; sends nothing",
      "  silo job propose job.yaml",
      "",
      "Exit codes: 0 done, 1 internal error, 2 usage, 3 node not running, 4 input refused,",
      "5 not found, 6 not possible in this state, 7 partner unreachable, 8 job failed;",
      "audit verify: 10 altered, 11 truncated, 12 quorum short, 13 fork, 14 key, 15 time.",
    },
    synopsisHeading = "%nUsage: ",
    synopsisSubcommandLabel = "COMMAND",
    optionListHeading = "%nOptions:%n",
    commandListHeading = "%nCommands:%n",
    subcommands = {
      InitCommand.class,
      NodeCommands.class,
      StatusCommand.class,
      ConsoleCommand.class,
      PartnerCommands.class,
      DatasetCommands.class,
      PolicyCommands.class,
      PersonCommands.class,
      MatchCommands.class,
      CohortCommands.class,
      JobCommands.class,
      PredictCommand.class,
      ServeCommands.class,
      ModelCommands.class,
      AuditCommands.class,
      HaltCommand.class,
      HaltCommand.Resume.class,
      DoctorCommand.class,
      KeysCommands.class,
      BackupCommand.class,
      RestoreCommand.class,
      DemoCommand.class,
      CompletionCommand.class,
    })
public final class Silo implements Callable<Integer> {
  private static final int MIN_HELP_WIDTH = 80;

  @Spec CommandSpec spec;

  @Option(
      names = "--home",
      scope = ScopeType.INHERIT,
      paramLabel = "DIR",
      description = "The node's folder (default: $SILO_HOME or ~/.silo).")
  Path home;

  @Option(
      names = "--socket",
      scope = ScopeType.INHERIT,
      paramLabel = "FILE",
      description = "The node's socket for users, instead of its folder (default: $SILO_SOCKET).")
  Path socket;

  @Option(
      names = "--json",
      scope = ScopeType.INHERIT,
      description = "Print one JSON object for scripts.")
  boolean json;

  @Option(
      names = "--no-input",
      scope = ScopeType.INHERIT,
      description = "Never ask; fail where an answer would be needed.")
  boolean noInput;

  private final Console console;

  Silo(Console console) {
    this.console = console;
  }

  Console console() {
    return console;
  }

  @Override
  public Integer call() {
    spec.commandLine().usage(console.err());
    return Problem.Kind.USAGE.exitCode();
  }

  public static void main(String[] args) {
    Thread.currentThread().setName("silo");
    Console console = Console.system();
    int exitCode = run(console, args);
    console.out().flush();
    console.err().flush();
    System.exit(exitCode);
  }

  /** Runs one command in this process. */
  public static int run(Console console, String... args) {
    return commandLine(console).execute(args);
  }

  static CommandLine commandLine(Console console) {
    CommandLine line = new CommandLine(new Silo(console));
    line.setOut(new PrintWriter(console.out(), true, StandardCharsets.UTF_8));
    line.setErr(new PrintWriter(console.err(), true, StandardCharsets.UTF_8));
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setUsageHelpWidth(Math.max(MIN_HELP_WIDTH, console.width()));
    line.setColorScheme(
        CommandLine.Help.defaultColorScheme(
            console.color() ? CommandLine.Help.Ansi.ON : CommandLine.Help.Ansi.OFF));
    line.setParameterExceptionHandler(
        (e, args) -> report(console, misused(e), Arrays.asList(args).contains("--json")));
    line.setExecutionExceptionHandler(
        (e, command, parsed) ->
            report(
                console,
                e instanceof Problem known ? known : unexpected(console, e),
                ((Silo) command.getCommandSpec().root().userObject()).json));
    return line;
  }

  private static int report(Console console, Problem problem, boolean json) {
    if (json) {
      console.jsonLine(Json.object().set("error", problem.toJson()));
    }
    console.problem(problem);
    return problem.kind().exitCode();
  }

  private static Problem misused(ParameterException e) {
    String what = e.getMessage().lines().findFirst().orElse("not understood");
    Problem problem =
        Problem.of(Problem.Kind.USAGE, what)
            .next(e.getCommandLine().getCommandSpec().qualifiedName() + " --help");
    if (e instanceof UnmatchedArgumentException unmatched && !unmatched.getUnmatched().isEmpty()) {
      List<String> near = unmatched.getSuggestions();
      Problem unknown =
          Problem.of(
                  Problem.Kind.USAGE,
                  "'" + unmatched.getUnmatched().get(0) + "' is not understood here")
              .next(problem.next().orElseThrow());
      return near.isEmpty() ? unknown : unknown.detail("did you mean: " + String.join(", ", near));
    }
    return problem;
  }

  private static Problem unexpected(Console console, Exception e) {
    boolean debug = console.env().containsKey("SILO_DEBUG");
    if (debug) {
      e.printStackTrace(console.err());
    }
    Problem problem =
        Problem.of(Problem.Kind.INTERNAL, "internal error")
            .detail(e.getClass().getSimpleName() + ": " + e.getMessage())
            .because(e);
    return debug ? problem : problem.next("SILO_DEBUG=1 silo ..., which shows where it arose");
  }
}
