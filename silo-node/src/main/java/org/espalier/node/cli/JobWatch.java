package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.espalier.node.Problem;

/** Waits for the end of a job and says how it ended; shared by run, wait and predict. */
final class JobWatch {
  private final SiloCommand command;
  private final Console console;

  JobWatch(SiloCommand command) {
    this.command = command;
    this.console = command.console();
  }

  /**
   * Waits with progress on standard error, then prints the report.
   *
   * @param timeoutSeconds 0 for no limit
   * @return the exit code: 0 if the job is done
   */
  int await(String job, long timeoutSeconds) {
    JsonNode result = follow(job, timeoutSeconds);
    command.show(
        result,
        r -> {
          JobView view = new JobView(console);
          view.state(r.path("job"));
          view.report(r.path("report"));
        });
    return outcome(result);
  }

  /**
   * Shows where a job stands at all parties until it is over: redrawn in place where a person
   * watches, else a line for each change, or an object for each with {@code --json}.
   *
   * @param timeoutSeconds 0 for no limit
   * @return as {@link #await}
   */
  int watch(String job, long timeoutSeconds) {
    ObjectNode args = SiloCommand.args().put("job", job);
    if (timeoutSeconds > 0) {
      args.put("timeout_seconds", timeoutSeconds);
    }
    StandingScreen screen =
        new StandingScreen(console, new StandingView(console, command::withHome), command.json());
    Thread interrupted =
        new Thread(
            () -> {
              if (!command.json()) {
                console.say("Stopped watching; the job goes on at all parties.");
              }
            },
            "interrupted");
    Runtime.getRuntime().addShutdownHook(interrupted);
    try {
      JsonNode last = command.node().call("job.watch", args, screen::show);
      screen.show(last);
      return outcome(SiloCommand.args().set("job", last));
    } finally {
      unhook(interrupted);
    }
  }

  private JsonNode follow(String job, long timeoutSeconds) {
    ObjectNode args = SiloCommand.args().put("job", job);
    if (timeoutSeconds > 0) {
      args.put("timeout_seconds", timeoutSeconds);
    }
    boolean quiet = command.json();
    ProgressLine line = new ProgressLine(console);
    Thread interrupted =
        new Thread(
            () -> {
              line.end();
              console.say("Stopped watching; the job goes on at all parties.");
              console.next(command.withHome("silo job wait " + job));
            },
            "interrupted");
    Runtime.getRuntime().addShutdownHook(interrupted);
    try {
      return command.node().call("job.wait", args, quiet ? event -> {} : line::show);
    } finally {
      line.end();
      unhook(interrupted);
    }
  }

  private static void unhook(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The process already goes down: the hook has said what there is to say.
    }
  }

  private int outcome(JsonNode result) {
    JsonNode job = result.path("job");
    String id = job.path("id").asText();
    String state = job.path("state").asText();
    switch (state) {
      case "DONE" -> {
        boolean predict = job.path("kind").asText().equals("predict");
        command.next(predict ? "silo predict --result " + id : "silo model show " + id);
        return 0;
      }
      case "FAILED", "DENIED", "ABORTED" -> {
        Problem cause =
            job.hasNonNull("cause")
                ? Problem.fromJson(job.path("cause"))
                : Problem.of(Problem.Kind.JOB_FAILED, "no cause is known");
        String next = cause.next().orElse("silo job logs " + id);
        command.say("The job is " + state + ".");
        command.next(next);
        return Problem.Kind.JOB_FAILED.exitCode();
      }
      default -> {
        command.say("The job is still " + state + ".");
        command.next("silo job wait " + id);
        return Problem.Kind.WRONG_STATE.exitCode();
      }
    }
  }
}
