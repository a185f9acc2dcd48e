package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.control.ControlServer;
import org.espalier.node.job.Job;
import org.espalier.node.job.JobService;
import org.espalier.node.job.JobState;
import org.espalier.node.job.Jobs;
import org.espalier.node.job.Standings;

/** How things stand at all parties: {@code silo status} and {@code silo job watch}. */
final class StandingCommands {
  /** Of jobs that are not over, and of those that are. */
  private static final int MAX_OPEN = 20;

  private static final int MAX_ENDED = 5;
  private static final Duration ANSWERS = Duration.ofMillis(1500);
  private static final Duration BETWEEN_NEWS = Duration.ofMillis(500);
  private static final int ASK_EVERY = 4;
  private static final long LONGEST = Duration.ofDays(30).toSeconds();

  private final Standings standings;
  private final Jobs jobs;
  private final JobService service;
  private final Supplier<ObjectNode> status;

  /**
   * @param status of the node
   */
  StandingCommands(
      Standings standings, Jobs jobs, JobService service, Supplier<ObjectNode> status) {
    this.standings = standings;
    this.jobs = jobs;
    this.service = service;
    this.status = status;
  }

  void addTo(Map<String, ControlServer.Command> commands) {
    commands.put("overview", (args, events) -> overview());
    commands.put("job.standing", (args, events) -> standing(new Args(args).text("job")));
    commands.put("job.watch", this::watch);
    commands.put("job.curve", (args, events) -> curve(new Args(args).text("job")));
  }

  private JsonNode overview() {
    ObjectNode json = status.get();
    List<Job> all = jobs.list();
    List<Job> open = all.stream().filter(job -> !job.state().ended()).limit(MAX_OPEN).toList();
    List<Job> ended = all.stream().filter(job -> job.state().ended()).limit(MAX_ENDED).toList();
    ArrayNode shown = json.putArray("open");
    standings.of(open, true, ANSWERS).forEach(shown::add);
    json.put("open_in_all", all.stream().filter(job -> !job.state().ended()).count());
    ArrayNode over = json.putArray("ended");
    standings.of(ended, false, Duration.ZERO).forEach(over::add);
    return json;
  }

  private JsonNode standing(String id) {
    return standings.of(service.gathered(id), true, ANSWERS);
  }

  /** {@code points[[pass, objective]]} of the attempt that runs, or else of the newest. */
  private JsonNode curve(String id) {
    Job job = jobs.get(id);
    ObjectNode json = Json.object();
    ArrayNode points = json.putArray("points");
    if (job.state() == JobState.RUNNING) {
      service.curve(id).forEach(point -> points.addArray().add(point[0]).add(point[1]));
    } else {
      jobs.report(id, job.attempt())
          .ifPresent(
              report -> {
                for (JsonNode pass : report.path("passes")) {
                  if (pass.path("objective").isNumber()) {
                    points.addArray().add(pass.path("pass")).add(pass.path("objective"));
                  }
                }
              });
    }
    return json;
  }

  /** Sends where the job stands whenever there may be news, until it is over or the time is. */
  private JsonNode watch(JsonNode json, ControlServer.Events events) {
    Args args = new Args(json);
    String id = args.text("job");
    long seconds = args.number("timeout_seconds", LONGEST, 0, LONGEST);
    long end = System.nanoTime() + Duration.ofSeconds(seconds).toNanos();
    for (int round = 0; ; round++) {
      boolean ask = round % ASK_EVERY == 0;
      Job job = ask ? service.gathered(id) : jobs.get(id);
      boolean last = service.isOver(job) || System.nanoTime() - end >= 0;
      ObjectNode standing =
          standings.of(job, ask || last, round == 0 || last ? ANSWERS : Duration.ZERO);
      if (last) {
        return standing;
      }
      events.send(standing);
      try {
        Thread.sleep(BETWEEN_NEWS.toMillis());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw Problem.of(Problem.Kind.NODE_DOWN, "the node is stopping").because(e);
      }
    }
  }
}
