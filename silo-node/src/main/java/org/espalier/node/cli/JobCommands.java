package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.Set;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.job.JobSpec;
import org.espalier.node.page.Format;
import org.espalier.node.policy.PersonWord;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "job",
    header = "Plan, propose, approve, run and watch jobs.",
    description = {
      "",
      "Examples:",
      "  silo job plan job.yaml              what everybody would learn; sends nothing",
      "  silo job propose job.yaml           asks the partners",
      "  silo job show J-1a2b3c4d            at a partner, before it decides",
      "  silo job approve J-1a2b3c4d         at each partner",
      "  silo job run J-1a2b3c4d --wait",
      "  silo job report J-1a2b3c4d --html model.html",
    },
    subcommands = {
      JobCommands.Plan.class,
      JobCommands.Propose.class,
      JobCommands.ListJobs.class,
      JobCommands.Show.class,
      JobCommands.Approve.class,
      JobCommands.Deny.class,
      JobCommands.Run.class,
      JobCommands.Status.class,
      JobCommands.Wait.class,
      JobCommands.Watch.class,
      JobCommands.Logs.class,
      ReportCommand.class,
      JobCommands.Abort.class,
    })
final class JobCommands extends GroupCommand {

  /** A command on one job. */
  abstract static class OfJob extends SiloCommand {
    @Parameters(paramLabel = "JOB", description = "The job's id, such as J-1a2b3c4d.")
    String job;

    ObjectNode jobArgs() {
      return args().put("job", job);
    }
  }

  /** A command that watches a job, at most so long. */
  abstract static class Watching extends OfJob {
    @Option(
        names = "--timeout",
        paramLabel = "SECONDS",
        description = "Stop watching after so long (default: never).")
    long timeout;

    abstract int watch(JobWatch watch);

    @Override
    public Integer call() {
      if (timeout < 0) {
        throw usage("--timeout is a number of seconds");
      }
      return watch(new JobWatch(this));
    }
  }

  /** A command on a job file. */
  abstract static class OfFile extends SiloCommand {
    @Parameters(paramLabel = "FILE", description = "The job in YAML.")
    Path file;

    @Option(
        names = "--purpose",
        paramLabel = "PURPOSE",
        description = "The purpose, instead of the one in the file.")
    String purpose;

    ObjectNode specArgs() {
      JsonNode spec = JobSpec.yaml(file).toJson();
      if (purpose != null) {
        ObjectNode changed = ((ObjectNode) spec).put("purpose", purpose);
        spec = JobSpec.json("--purpose", changed).toJson();
      }
      return args().set("spec", spec);
    }
  }

  @Command(
      name = "plan",
      header = "Say what a job would reveal, need and cost. Sends nothing.",
      description = {
        "",
        "Examples:",
        "  silo job plan job.yaml",
        "  silo job plan job.yaml --json | jq .learns",
        "",
        "Exit code 4 if a check of this node fails.",
      })
  static final class Plan extends OfFile {
    @Override
    public Integer call() {
      JsonNode plan = ask("job.plan", specArgs());
      show(plan, new JobView(console())::plan);
      if (plan.path("passed").asBoolean()) {
        next("silo job propose " + file);
        return 0;
      }
      say("This node would refuse the job; nothing was sent.");
      return Problem.Kind.REFUSED.exitCode();
    }
  }

  @Command(
      name = "propose",
      header = "Send a job to its parties, with this node's approval.",
      description = {
        "",
        "Examples:",
        "  silo job propose job.yaml",
        "  silo job propose job.yaml --purpose credit-risk-research",
        "  silo job propose job.yaml --as carol --key carol.key",
        "",
        "Where the policy asks for signatures (approval.needs), a person proposes, and partners hear",
        "of the job when the own people have approved it.",
      })
  static final class Propose extends OfFile {
    @Mixin SignAs signAs = new SignAs();

    @Override
    public Integer call() {
      ObjectNode args = specArgs();
      return proposed(this, signAs.propose(this, args));
    }
  }

  /** Says what has been proposed, and who acts next. */
  static int proposed(SiloCommand command, JsonNode job) {
    String id = job.path("id").asText();
    boolean unsent = job.path("approval").has("sent") && !job.at("/approval/sent").asBoolean();
    command.show(
        job,
        j ->
            command
                .console()
                .print(
                    "Proposed %s (sha256:%s). Waits for: %s"
                        .formatted(
                            id,
                            Format.shortened(j.path("digest").asText()),
                            unsent
                                ? "own " + JobView.names(j.at("/approval/missing"))
                                : JobView.names(j.path("undecided")))));
    if (unsent) {
      command.next("silo job approve " + id + " --as NAME --key KEYFILE", "by each of them");
      return 0;
    }
    boolean serve = job.path("kind").asText().equals("serve");
    for (JsonNode party : job.path("undecided")) {
      command.nextAt(
          party.asText(),
          "silo job show %1$s, then silo job approve %1$s".formatted(id)
              + (serve ? " and silo serve start " + id : ""));
    }
    command.next(
        serve ? "silo serve start " + id : "silo job run " + id + " --wait",
        "when all have approved");
    return 0;
  }

  @Command(
      name = "list",
      header = "List the jobs that this node knows, newest first.",
      description = {"", "Examples:", "  silo job list", "  silo job list --state proposed"})
  static final class ListJobs extends SiloCommand {
    @Option(names = "--state", paramLabel = "STATE", description = "Only jobs in this state.")
    String state;

    @Override
    public Integer call() {
      ObjectNode result = Json.object();
      ArrayNode jobs = result.putArray("jobs");
      for (JsonNode job : ask("job.list", args()).path("jobs")) {
        if (state == null || job.path("state").asText().equalsIgnoreCase(state)) {
          jobs.add(job);
        }
      }
      show(
          result,
          r -> {
            if (jobs.isEmpty()) {
              say(state == null ? "No jobs yet." : "No jobs in state " + state + ".");
            } else {
              new JobView(console()).list(jobs);
            }
          });
      if (jobs.isEmpty()) {
        next("silo job plan job.yaml");
      }
      return 0;
    }
  }

  @Command(
      name = "show",
      header = "Show everything about a job: settings, decisions, who learns what, report.",
      description = {"", "Example:", "  silo job show J-1a2b3c4d"})
  static final class Show extends OfJob {
    @Override
    public Integer call() {
      return show(
          ask("job.show", jobArgs()),
          j -> {
            JobView view = new JobView(console());
            console().print("%-10s%s".formatted("id", j.path("id").asText()));
            view.spec(j.path("spec"));
            console().print("%-10ssha256:%s".formatted("digest", j.path("digest").asText()));
            console()
                .print(
                    "%-10s%s by %s UTC"
                        .formatted(
                            "proposed",
                            j.path("proposer").asText(),
                            Format.time(j.path("created"))));
            view.state(j);
            view.decisions(j);
            view.approval(j.path("approval"));
            view.changes(j.path("changes"));
            view.checks(j.path("checks"));
            view.policy(j.path("policy"));
            JsonNode learned = j.path("report").path("learned");
            view.learns(learned.isEmpty() ? j.path("learns") : learned);
            view.report(j.path("report"));
          });
    }
  }

  @Command(
      name = "approve",
      header = "Approve a job for this party, with a signature over its digest.",
      description = {
        "",
        "Examples:",
        "  silo job show J-1a2b3c4d            read first what everybody would learn",
        "  silo job approve J-1a2b3c4d",
        "  silo job approve J-1a2b3c4d --reason \"agreement DPA-2026-014\"",
        "  silo job approve J-1a2b3c4d --as alice --key alice.key",
        "",
        "Where the policy asks for signatures (approval.needs), each of those people approves; the",
        "party has approved when the last signature that is needed is there.",
      })
  static final class Approve extends OfJob {
    @Mixin SignAs signAs = new SignAs();

    @Option(names = "--reason", paramLabel = "TEXT", description = "Why; partners can read it.")
    String reason;

    @Override
    public Integer call() {
      ObjectNode args = jobArgs();
      if (reason != null) {
        args.put("reason", reason);
      }
      signAs.decide(this, args, job, PersonWord.Meaning.APPROVES);
      JsonNode result = ask("job.approve", args);
      show(result, j -> decided(console(), "Approved", j));
      if (!result.at("/approval/missing").isEmpty()) {
        next(
            "silo job approve " + job + " --as NAME --key KEYFILE",
            "by a " + JobView.names(result.at("/approval/missing")));
      }
      if (result.path("state").asText().equals("APPROVED")) {
        next(
            result.path("kind").asText().equals("serve")
                ? "silo serve start " + job
                : "silo job run " + job + " --wait");
      }
      return 0;
    }
  }

  private static void decided(Console console, String what, JsonNode job) {
    console.print(
        what
            + " "
            + job.path("id").asText()
            + " (sha256:"
            + Format.shortened(job.path("digest").asText())
            + ")");
    JobView view = new JobView(console);
    view.state(job);
    view.approval(job.path("approval"));
  }

  @Command(
      name = "deny",
      header = "Deny a job for this party; it ends at all parties.",
      description = {
        "",
        "Example:",
        "  silo job deny J-1a2b3c4d --reason \"no agreement for this purpose\"",
      })
  static final class Deny extends OfJob {
    @Mixin SignAs signAs = new SignAs();

    @Option(
        names = "--reason",
        required = true,
        paramLabel = "TEXT",
        description = "Why; partners can read it.")
    String reason;

    @Override
    public Integer call() {
      ObjectNode args = jobArgs().put("reason", reason);
      signAs.decide(this, args, job, PersonWord.Meaning.DENIES);
      return show(ask("job.deny", args), j -> decided(console(), "Denied", j));
    }
  }

  @Command(
      name = "run",
      header = "Start a job that all parties approved, or start a failed one again.",
      description = {
        "",
        "Examples:",
        "  silo job run J-1a2b3c4d             returns when it runs",
        "  silo job run J-1a2b3c4d --wait      with progress; Ctrl-C is safe",
      })
  static final class Run extends OfJob {
    @Option(names = "--wait", description = "Wait for the end.")
    boolean wait;

    @Override
    public Integer call() {
      JsonNode started = ask("job.run", jobArgs());
      if (wait) {
        return new JobWatch(this).await(job, 0);
      }
      show(
          started,
          j ->
              console()
                  .print(
                      "Job %s is %s, attempt %d"
                          .formatted(job, j.path("state").asText(), j.path("attempt").asInt())));
      next("silo job wait " + job);
      return 0;
    }
  }

  @Command(
      name = "status",
      header = "Show where a job stands now.",
      description = {
        "",
        "Examples:",
        "  silo job status J-1a2b3c4d",
        "  silo job status J-1a2b3c4d --json"
      })
  static final class Status extends OfJob {
    @Override
    public Integer call() {
      return show(
          ask("job.status", jobArgs()),
          s -> {
            JobView view = new JobView(console());
            view.state(s.path("job"));
            if (s.path("progress").isObject()
                && s.path("job").path("state").asText().equals("RUNNING")) {
              console().print("%-10s%s".formatted("now", ProgressLine.line(s.path("progress"))));
            }
            if (s.path("tries_again").asBoolean()) {
              console().print("%-10s%s".formatted("next", "runs again by itself when it can"));
            }
            view.report(s.path("report"));
          });
    }
  }

  @Command(
      name = "wait",
      header = "Watch a job until it ends; Ctrl-C ends the watching, not the job.",
      description = {
        "",
        "Examples:",
        "  silo job wait J-1a2b3c4d",
        "  silo job wait J-1a2b3c4d --timeout 600 --json",
        "",
        "Exit code 0 if the job is done, 8 if it failed or was denied or aborted, 6 at the timeout.",
      })
  static final class Wait extends Watching {
    @Override
    int watch(JobWatch watch) {
      return watch.await(job, timeout);
    }
  }

  @Command(
      name = "watch",
      header = "Watch a job at all parties: states, progress, age of news, who must act next.",
      description = {
        "",
        "Examples:",
        "  silo job watch J-1a2b3c4d",
        "  silo job watch J-1a2b3c4d --json | jq -c .parties     one object a line, as news come",
        "",
        "Works while a partner cannot be reached, and from the proposal on. Ends with the job;",
        "Ctrl-C ends the watching only. Exit codes as of silo job wait.",
      })
  static final class Watch extends Watching {
    @Override
    int watch(JobWatch watch) {
      return watch.watch(job, timeout);
    }
  }

  @Command(
      name = "logs",
      header = "Print what this node noted about a job.",
      description = {
        "",
        "Examples:",
        "  silo job logs J-1a2b3c4d",
        "  silo job logs J-1a2b3c4d --follow      until the job ends",
      })
  static final class Logs extends OfJob {
    private static final Set<String> ENDED = Set.of("DONE", "FAILED", "DENIED", "ABORTED");
    private static final long POLL_MILLIS = 500;

    @Option(names = "--after", paramLabel = "SEQ", description = "Only lines behind this one.")
    long after;

    @Option(names = "--follow", description = "Go on until the job ends.")
    boolean follow;

    @Override
    public Integer call() throws InterruptedException {
      if (json()) {
        if (follow) {
          throw usage("--follow and --json exclude each other")
              .next("silo job wait " + job + " --json");
        }
        return show(ask("job.logs", jobArgs().put("after", after)), r -> {});
      }
      long last = print(after);
      while (follow) {
        // The state first: lines written before the end are then certainly read.
        String state = ask("job.status", jobArgs()).path("job").path("state").asText();
        last = print(last);
        if (ENDED.contains(state)) {
          return 0;
        }
        Thread.sleep(POLL_MILLIS);
      }
      return 0;
    }

    private long print(long from) {
      long last = from;
      for (JsonNode line : ask("job.logs", jobArgs().put("after", from)).path("lines")) {
        console().print(Format.time(line.path("at")) + "  " + line.path("line").asText());
        last = Math.max(last, line.path("seq").asLong());
      }
      console().out().flush();
      return last;
    }
  }

  @Command(
      name = "abort",
      header = "End a job for good, at all parties.",
      description = {
        "",
        "Examples:",
        "  silo job abort J-1a2b3c4d                      asks for the id again",
        "  silo job abort J-1a2b3c4d --yes --reason \"wrong data set\"",
        "",
        "Partners that could not be reached are named; the same command again tells them.",
      })
  static final class Abort extends OfJob {
    @Option(names = "--reason", paramLabel = "TEXT", description = "Why; partners can read it.")
    String reason;

    @Option(names = "--yes", description = "Do not ask.")
    boolean yes;

    @Override
    public Integer call() {
      confirm(
          "Job " + job + " will end for good at all parties; what it did so far is lost.",
          job,
          yes,
          "silo job abort " + job);
      ObjectNode args = jobArgs();
      if (reason != null) {
        args.put("reason", reason);
      }
      JsonNode result = ask("job.abort", args);
      show(result, j -> decided(console(), "Aborted", j));
      JsonNode notAt = result.path("not_aborted_at");
      notAt
          .properties()
          .forEach(at -> say("not at " + at.getKey() + ": " + at.getValue().asText()));
      if (!notAt.isEmpty()) {
        next("silo job abort " + job + " --yes", "when they can be reached: tells them again");
      }
      return 0;
    }
  }
}
