package org.espalier.node.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.espalier.node.Problem;
import org.espalier.node.config.SiloHome;
import org.espalier.node.demo.Cli;
import org.espalier.node.demo.Comparison;
import org.espalier.node.demo.DemoResult;
import org.espalier.node.demo.DemoRun;
import org.espalier.node.demo.Scenario;
import org.espalier.node.page.Format;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "demo",
    header = "Play a whole collaboration on this machine, with real nodes and real data.",
    description = {
      "",
      "A bank, an insurer and a telecom train a credit model on the people whom all three know,",
      "without showing each other their data; then it is compared with the model that somebody with",
      "all the data would get. With --scenario the same goes for your own files.",
      "",
      "Examples:",
      "  silo demo",
      "  silo demo --keep                                   then look around",
      "  silo demo --json 2>/dev/null | jq .metrics",
      "  silo demo --scenario configs/scenario-example",
      "  silo demo --scenario ~/trial                       job.yaml and PARTY.csv of each party",
    })
final class DemoCommand extends SiloCommand {
  private static final Path DATA = Path.of("configs", "demo");
  private static final String HEAP = "512m";

  /** Nodes that live for half a minute do not earn back what the second compiler costs. */
  private static final String OPTIONS = "-XX:TieredStopAtLevel=1";

  private static final String NONE = "-";

  @Option(
      names = "--scenario",
      paramLabel = "DIR",
      description = "A folder with job.yaml and PARTY.csv of each party; see docs/scenario.md.")
  Path scenario;

  @Option(
      names = "--keep",
      description = "Leave the nodes running and their folders in place, to look around.")
  boolean keep;

  @Override
  public Integer call() throws InterruptedException {
    Scenario played = Scenario.read(scenario == null ? data() : scenario);
    PrintStream screen = console().err();
    DemoResult result = play(played, screen);
    screen.println();
    show(result.toJson(), json -> print(result));
    if (!result.auditVerified()) {
      throw Problem.of(Problem.Kind.JOB_FAILED, "an audit log did not pass the check");
    }
    return 0;
  }

  /** After Ctrl-C the nodes go down under the demo: what fails by that is no news to anybody. */
  private DemoResult play(Scenario scenario, PrintStream screen) throws InterruptedException {
    AtomicBoolean interrupted = new AtomicBoolean();
    Thread hook =
        new Thread(
            () -> {
              interrupted.set(true);
              console()
                  .say(
                      "Interrupted. The nodes "
                          + (keep ? "go on (--keep)." : "are stopped and deleted."));
            },
            "interrupted");
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      return DemoRun.play(scenario, new InThisProcess(console()), screen, console()::strong, keep);
    } catch (RuntimeException e) {
      if (interrupted.get()) {
        hook.join();
        Thread.sleep(Long.MAX_VALUE); // until the process is gone
      }
      throw e;
    } finally {
      if (!interrupted.get()) {
        unhook(hook);
      }
    }
  }

  private static void unhook(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The process goes down this moment.
    }
  }

  /** Where the distribution, or a checkout, has the demo's data. */
  private static Path data() {
    List<Path> starts = new ArrayList<>();
    for (String entry :
        System.getProperty("java.class.path").split(java.io.File.pathSeparator, -1)) {
      starts.add(Path.of(entry).toAbsolutePath());
    }
    starts.add(Path.of("").toAbsolutePath());
    for (Path start : starts) {
      for (Path folder = start; folder != null; folder = folder.getParent()) {
        if (Files.isRegularFile(folder.resolve(DATA).resolve("job.yaml"))) {
          return folder.resolve(DATA);
        }
      }
    }
    throw Problem.notFound("the demo's data are not here")
        .detail("no folder " + DATA + " beside the program or the working directory")
        .next("silo demo --scenario DIR");
  }

  /** Commands go to the nodes from here; the nodes are processes of their own. */
  private record InThisProcess(Console console) implements Cli {
    @Override
    public int run(PrintStream out, PrintStream err, String... args) {
      return Silo.run(
          new Console(out, err, console.terminal(), console.color(), console.env()), args);
    }

    @Override
    public Process spawn(SiloHome home) throws IOException {
      Map<String, String> env = new HashMap<>(console.env());
      env.putIfAbsent("SILO_HEAP", HEAP);
      env.putIfAbsent("SILO_JAVA_OPTS", OPTIONS);
      return NodeProcess.spawn(home, env);
    }
  }

  private void print(DemoResult result) {
    Comparison comparison = result.comparison();
    line(
        "%d people in common, level %s, %d passes%s"
            .formatted(
                result.intersection(),
                result.level(),
                result.passes(),
                result.converged() ? "" : " (stopped before the tolerance was reached)"));
    heading(
        "Models on %d people who were %strained on"
            .formatted(comparison.rows(), comparison.heldOut() ? "not " : ""));
    Table models = new Table("MODEL", "AUC", "KS", "LOG-LOSS");
    row(models, "federated", comparison.federated());
    row(models, "centralised, in plaintext", comparison.centralised());
    row(models, result.labelParty() + " alone", comparison.labelPartyAlone());
    models.print(console());
    line(
        "Largest difference of a weight, federated from centralised: %.1e (%.1e of the largest), %s"
            .formatted(
                comparison.maxWeightDifference(),
                comparison.relativeWeightDifference(),
                comparison.differentWeight()));
    heading("Cost of the training job");
    Table cost = new Table("NODE", "SENT", "RECEIVED", "PEAK MEMORY");
    result
        .nodes()
        .forEach(
            (party, node) ->
                cost.row(
                    party,
                    Format.bytes(node.sent()),
                    Format.bytes(node.received()),
                    node.peakMemory() < 0 ? NONE : Format.bytes(node.peakMemory())));
    cost.print(console());
    line(
        "Align %s, train %s, whole demo %s"
            .formatted(
                Format.seconds(result.seconds().align()),
                Format.seconds(result.seconds().train()),
                Format.seconds(result.seconds().total())));
    heading("What each party learned");
    String last = "";
    for (DemoResult.Learned learned : result.learned()) {
      if (!learned.learner().equals(last)) {
        line(console().strong(learned.learner()));
        last = learned.learner();
      }
      console().paragraph("  - ", "    ", learned.text());
    }
    line("");
    line(
        result.auditVerified()
            ? "All audit logs verified."
            : console().bad("An audit log did NOT pass the check."));
  }

  private void heading(String text) {
    line("");
    line(console().strong(text));
  }

  private void line(String text) {
    console().out().println(text);
  }

  private static void row(Table table, String name, Comparison.Figures figures) {
    table.row(
        name,
        figures.auc() == null ? NONE : Format.number(figures.auc()),
        figures.ks() == null ? NONE : Format.number(figures.ks()),
        Format.number(figures.logLoss()));
  }
}
