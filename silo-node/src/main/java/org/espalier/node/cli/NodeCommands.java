package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;
import org.espalier.node.daemon.SiloNode;
import org.espalier.node.page.Format;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "node",
    header = "Start, stop and look at this institution's node.",
    description = {
      "",
      "Examples:",
      "  silo node start --background",
      "  silo node status",
      "  silo node stop",
    },
    subcommands = {NodeCommands.Start.class, NodeCommands.Stop.class, NodeCommands.Status.class})
final class NodeCommands extends GroupCommand {

  @Command(
      name = "start",
      aliases = "run",
      header = "Run the node, in the foreground or behind.",
      description = {
        "",
        "Examples:",
        "  silo node start                        until Ctrl-C or SIGTERM, for a service manager",
        "  silo node start --background           returns when the node answers",
        "  SILO_HEAP=4g silo node start --background",
        "",
        "SILO_HEAP is the node's largest heap, SILO_JAVA_OPTS more options for its Java.",
      })
  static final class Start extends SiloCommand {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Duration POLL = Duration.ofMillis(100);

    @Option(names = "--background", description = "Return when the node answers.")
    boolean background;

    @Override
    public Integer call() throws Exception {
      SiloHome home = home();
      home.load();
      if (node().isRunning()) {
        JsonNode status = ask("status", args());
        say("The node in " + home.root() + " runs already.");
        return running(status);
      }
      return background ? behind(home) : here(home);
    }

    private int behind(SiloHome home) throws IOException {
      Process process = NodeProcess.spawn(home, console().env());
      running(NodeProcess.await(process, home, PATIENCE));
      next("silo node status");
      return 0;
    }

    private int here(SiloHome home) {
      Thread announcement = new Thread(this::announce, "announcement");
      announcement.setDaemon(true);
      announcement.start();
      SiloNode.run(home);
      say("Stopped.");
      return 0;
    }

    /** Says where the node is once it answers; the node itself prints nothing. */
    private void announce() {
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      try {
        while (!node().isRunning()) {
          if (System.nanoTime() > deadline) {
            return;
          }
          Thread.sleep(POLL.toMillis());
        }
        running(ask("status", args()));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } catch (Problem stoppedMeanwhile) {
        console().problem(stoppedMeanwhile);
      }
    }

    private int running(JsonNode status) {
      return show(
          status,
          s -> {
            console().print("Node " + s.path("name").asText() + " at " + s.path("url").asText());
            console().print("Identity " + s.path("fingerprint").asText());
          });
    }
  }

  @Command(
      name = "stop",
      header = "Stop the node; running jobs fail and can be run again.",
      description = {"", "Example:", "  silo node stop"})
  static final class Stop extends SiloCommand {
    private static final long PATIENCE_SECONDS = 60;

    @Override
    public Integer call() {
      requireNode();
      ObjectNode result = Json.object();
      if (isOwner() && !node().isRunning()) {
        return show(
            result.put("stopped", true).put("was_running", false),
            r -> console().print("The node in " + home().root() + " is not running."));
      }
      JsonNode status = ask("status", args());
      int jobs = status.path("jobs").path("RUNNING").asInt();
      if (jobs > 0) {
        say(jobs + (jobs == 1 ? " job runs and fails" : " jobs run and fail") + " now.");
      }
      ask("stop", args());
      awaitEnd(status.path("pid").asLong());
      return show(
          result.put("stopped", true).put("was_running", true),
          r -> console().print("Stopped " + status.path("name").asText() + "."));
    }

    private void awaitEnd(long pid) {
      try {
        ProcessHandle process = ProcessHandle.of(pid).orElse(null);
        if (process != null && pid != ProcessHandle.current().pid()) {
          process.onExit().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        }
      } catch (TimeoutException e) {
        throw Problem.wrongState("the node is still stopping after " + PATIENCE_SECONDS + " s")
            .detail("process " + pid + (isOwner() ? "; see " + home().log() : ""))
            .next("kill " + pid)
            .because(e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } catch (ExecutionException e) {
        throw Problem.of(Problem.Kind.INTERNAL, "cannot watch process " + pid).because(e);
      }
    }
  }

  @Command(
      name = "status",
      header = "Show the node, its partners and its jobs.",
      description = {"", "Examples:", "  silo node status", "  silo node status --json"})
  static final class Status extends SiloCommand {
    @Override
    public Integer call() {
      return show(ask("status", args()), this::print);
    }

    private void print(JsonNode s) {
      Table facts = new Table("", "");
      facts.row("node", s.path("name").asText() + "  " + s.path("url").asText());
      facts.row("identity", s.path("fingerprint").asText());
      facts.row(
          "process",
          "%s, version %s, up %s"
              .formatted(
                  s.path("pid").asText(),
                  s.path("version").asText(),
                  Format.span(s.path("uptime_seconds").asDouble())));
      if (s.hasNonNull("certificate_ends")) {
        facts.row(
            "certificate",
            "until "
                + Format.time(s.path("certificate_ends"))
                + " (in "
                + Format.until(s.path("certificate_ends"))
                + ", renewed by itself)");
      }
      facts.row("data sets", s.path("datasets").asText());
      StringBuilder jobs = new StringBuilder();
      for (Map.Entry<String, JsonNode> state : s.path("jobs").properties()) {
        jobs.append(jobs.isEmpty() ? "" : ", ");
        jobs.append(state.getValue().asLong()).append(' ').append(state.getKey());
      }
      facts.row("jobs", jobs.isEmpty() ? "none" : jobs.toString());
      JsonNode audit = s.path("audit");
      facts.row(
          "audit log",
          Format.count(audit.path("size").asLong()) + " events, " + audit.path("origin").asText());
      facts.print(console());
      if (!s.path("partners").isEmpty()) {
        console().print("");
        PartnerCommands.print(console(), s.path("partners"));
      }
    }
  }
}
