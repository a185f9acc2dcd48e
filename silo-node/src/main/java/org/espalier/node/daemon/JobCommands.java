package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import org.espalier.audit.event.EventType;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.control.Caller;
import org.espalier.node.control.ControlServer;
import org.espalier.node.job.Job;
import org.espalier.node.job.JobChanges;
import org.espalier.node.job.JobPlan;
import org.espalier.node.job.JobReport;
import org.espalier.node.job.JobRun;
import org.espalier.node.job.JobService;
import org.espalier.node.job.JobSpec;
import org.espalier.node.job.JobState;
import org.espalier.node.job.Jobs;
import org.espalier.node.job.ResultFiles;
import org.espalier.node.job.TrainSpec;
import org.espalier.node.policy.PersonWord;

/** What the command line may ask about jobs, models and predictions. */
final class JobCommands {
  private static final Duration BETWEEN_NEWS = Duration.ofMillis(500);
  private static final int ASK_PARTNERS_EVERY = 6;
  private static final long LONGEST_WAIT = Duration.ofDays(30).toSeconds();

  private final JobService service;
  private final JobRun.Context context;
  private final AuditJournal journal;

  JobCommands(JobService service, JobRun.Context context, AuditJournal journal) {
    this.service = service;
    this.context = context;
    this.journal = journal;
  }

  void addTo(Map<String, ControlServer.Command> commands) {
    commands.put("job.plan", (args, events) -> JobPlan.of(context, "", spec(new Args(args)), true));
    commands.put("job.propose", (args, events) -> propose(new Args(args)));
    commands.put("job.list", (args, events) -> list());
    commands.put("job.show", (args, events) -> show(id(args)));
    commands.put("job.report", (args, events) -> modelReport(id(args)));
    commands.put("job.approve", (args, events) -> decide("job.approve", args, true));
    commands.put("job.deny", (args, events) -> decide("job.deny", args, false));
    commands.put("job.run", (args, events) -> run(id(args)));
    commands.put("job.abort", (args, events) -> abort(args));
    commands.put("job.status", (args, events) -> status(id(args)));
    commands.put("job.wait", this::await);
    commands.put("job.logs", (args, events) -> logs(new Args(args)));
    commands.put("model.list", (args, events) -> models());
    commands.put("model.show", (args, events) -> model(id(args)));
    commands.put("predict.result", (args, events) -> scores(id(args)));
  }

  private static String id(JsonNode args) {
    return new Args(args).text("job");
  }

  private static JobSpec spec(Args args) {
    return JobSpec.json("the job", args.object("spec"));
  }

  private JsonNode propose(Args args) {
    JobSpec spec = spec(args);
    Caller.current()
        .filter(caller -> Collections.disjoint(caller.roles(), Permissions.APPROVING))
        .filter(caller -> service.isApprovedByProposing(spec))
        .ifPresent(
            caller -> {
              throw Problem.refused(
                      "the policy asks no person to approve, so that proposing this job is the"
                          + " party's approval, which %s may not give".formatted(caller.user()))
                  .next("approval: {needs: [data_steward]} in policy.yaml, or the role as well");
            });
    return journal.command(
        "job.propose",
        Map.of("name", spec.name()),
        () -> Views.job(service.propose(spec, word(args))));
  }

  private ObjectNode withApproval(Job job) {
    ObjectNode json = Views.job(job);
    json.set("approval", service.approval(job));
    return json;
  }

  /** The signed word of a person, where one comes with the command. */
  private static Optional<PersonWord> word(Args args) {
    return args.json().hasNonNull("word")
        ? Optional.of(PersonWord.fromJson(args.json().get("word")))
        : Optional.empty();
  }

  private JsonNode list() {
    ObjectNode result = Json.object();
    ArrayNode jobs = result.putArray("jobs");
    context.jobs().list().forEach(job -> jobs.add(Views.job(job)));
    return result;
  }

  private JsonNode show(String id) {
    Job job = service.gathered(id);
    ObjectNode json = Views.job(job);
    ObjectNode plan = JobPlan.of(context, id, job.spec(), false);
    json.set("checks", plan.path("checks"));
    json.set("policy", plan.path("policy"));
    json.set("approval", service.approval(job));
    json.set("changes", JobChanges.of(context.jobs(), job));
    json.set("learns", plan.path("learns"));
    report(job).ifPresent(report -> json.set("report", report));
    ObjectNode receipts = json.putObject("receipts");
    context
        .jobs()
        .receipts(id, Math.max(1, job.attempt()))
        .forEach((party, receipt) -> receipts.set(party.name(), receipt.content()));
    return json;
  }

  private JsonNode modelReport(String id) {
    Job job = context.jobs().get(id);
    ObjectNode report = JobReport.of(context, job);
    journal.shown(EventType.RESULT_SHOWN, job);
    return report;
  }

  private Optional<JsonNode> report(Job job) {
    return context.jobs().report(job.id(), job.attempt());
  }

  private JsonNode decide(String command, JsonNode json, boolean approve) {
    Args args = new Args(json);
    String id = args.text("job");
    String reason = args.optional("reason").orElse(null);
    return journal.command(
        command,
        Map.of("job", id),
        () -> withApproval(service.decide(id, approve, reason, word(args))));
  }

  private JsonNode run(String id) {
    return journal.command("job.run", Map.of("job", id), () -> Views.job(service.run(id)));
  }

  /** The service itself logs the act, because partners may abort as well. */
  private JsonNode abort(JsonNode json) {
    Args args = new Args(json);
    JobService.Aborted aborted =
        service.abort(args.text("job"), args.optional("reason").orElse("no reason given"));
    ObjectNode shown = Views.job(aborted.job());
    ObjectNode notAt = shown.putObject("not_aborted_at");
    aborted.notAt().forEach((partner, why) -> notAt.put(partner.name(), why));
    return shown;
  }

  private JsonNode status(String id) {
    return status(service.gathered(id));
  }

  private ObjectNode status(Job job) {
    ObjectNode json = Json.object();
    json.set("job", Views.job(job));
    if (job.state() == JobState.RUNNING) {
      service.progress(job.id()).ifPresent(progress -> json.set("progress", progress));
    } else {
      report(job).ifPresent(report -> json.set("report", report));
    }
    if (service.triesAgain(job)) {
      json.put("tries_again", true);
    }
    return json;
  }

  private JsonNode await(JsonNode json, ControlServer.Events events) {
    Args args = new Args(json);
    String id = args.text("job");
    long seconds = args.number("timeout_seconds", LONGEST_WAIT, 0, LONGEST_WAIT);
    long deadline = System.nanoTime() + Duration.ofSeconds(seconds).toNanos();
    for (int round = 0; ; round++) {
      Job job = round % ASK_PARTNERS_EVERY == 0 ? service.gathered(id) : context.jobs().get(id);
      if (service.isOver(job) || System.nanoTime() - deadline >= 0) {
        return status(job);
      }
      ObjectNode event = Json.object().put("state", job.state().name());
      service.progress(id).ifPresent(progress -> event.set("progress", progress));
      events.send(event);
      try {
        Thread.sleep(BETWEEN_NEWS.toMillis());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw Problem.of(Problem.Kind.NODE_DOWN, "the node is stopping").because(e);
      }
    }
  }

  private JsonNode logs(Args args) {
    Job job = context.jobs().get(args.text("job"));
    ObjectNode result = Json.object();
    ArrayNode lines = result.putArray("lines");
    for (Jobs.LogLine line :
        context.jobs().log(job.id(), args.number("after", 0, 0, Long.MAX_VALUE))) {
      lines
          .addObject()
          .put("seq", line.seq())
          .put("at", line.at().toString())
          .put("line", line.line());
    }
    return result;
  }

  private JsonNode models() {
    ObjectNode result = Json.object();
    ArrayNode models = result.putArray("models");
    for (String id : context.jobs().models()) {
      Job job = context.jobs().get(id);
      JsonNode slice = context.jobs().model(id).orElseThrow();
      ObjectNode model = models.addObject();
      model
          .put("job", id)
          .put("name", job.spec().name())
          .put("created", job.updated().toString())
          .put("weights", slice.path("weights").size())
          .put("label_party", job.spec().labelParty().name());
      for (String key : new String[] {"role", "family", "level", "rows", "passes"}) {
        model.set(key, slice.path(key));
      }
    }
    return result;
  }

  private JsonNode model(String id) {
    JsonNode slice =
        context
            .jobs()
            .model(id)
            .orElseThrow(() -> Problem.notFound("no model of job " + id).next("silo model list"));
    journal.shown(EventType.MODEL_SHOWN, context.jobs().get(id));
    // A share and a key are for predictions, not for people.
    return slice.has("shared") ? ((ObjectNode) slice.deepCopy()).put("shared", true) : slice;
  }

  private JsonNode scores(String id) {
    Job job = context.jobs().get(id);
    if (job.spec() instanceof TrainSpec train
        && !train.evaluation().reveal().equals(TrainSpec.SCORES)) {
      throw Problem.wrongState("job " + id + " is no prediction and keeps no scores")
          .detail(
              "a training job keeps those of the people held out with evaluation.reveal: scores");
    }
    if (!job.spec().labelParty().equals(context.peers().self())) {
      throw Problem.refused("only the label party " + job.spec().labelParty() + " has the scores");
    }
    Path file = ResultFiles.scores(context.results(), id);
    if (job.state() != JobState.DONE || !Files.isRegularFile(file)) {
      throw Problem.wrongState("job " + id + " is " + job.state() + " and has no scores here")
          .next("silo job wait " + id);
    }
    int rows = report(job).map(report -> report.path("scores").path("rows").asInt()).orElseThrow();
    journal.shown(EventType.RESULT_SHOWN, job);
    return Json.object().put("job", id).put("rows", rows).put("file", file.toString());
  }
}
