package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.espalier.node.Problem;
import org.espalier.node.cohort.Cohort;
import org.espalier.node.cohort.Cohorts;
import org.espalier.node.config.Json;
import org.espalier.node.control.ControlServer;
import org.espalier.node.data.Dataset;
import org.espalier.node.data.Datasets;
import org.espalier.node.job.Job;
import org.espalier.node.job.Jobs;
import org.espalier.node.job.ResultFiles;

/** What the command line may ask about frozen cohorts: never who is in one. */
final class CohortCommands {
  private final Cohorts cohorts;
  private final Jobs jobs;
  private final Datasets datasets;
  private final AuditJournal journal;
  private final Path results;

  CohortCommands(
      Cohorts cohorts, Jobs jobs, Datasets datasets, AuditJournal journal, Path results) {
    this.cohorts = cohorts;
    this.jobs = jobs;
    this.datasets = datasets;
    this.journal = journal;
    this.results = results;
  }

  void addTo(Map<String, ControlServer.Command> commands) {
    commands.put("cohort.list", (args, events) -> list());
    commands.put("cohort.show", (args, events) -> show(new Args(args).text("cohort")));
    commands.put("cohort.delete", (args, events) -> delete(new Args(args).text("cohort")));
  }

  private JsonNode list() {
    ObjectNode result = Json.object();
    ArrayNode all = result.putArray("cohorts");
    for (Cohorts.Entry entry : cohorts.list()) {
      all.add(
          entry
              .cohort()
              .map(this::view)
              .orElseGet(
                  () ->
                      Json.object()
                          .put("digest", entry.digest())
                          .put("usable", false)
                          .put("why_not", "its file was changed or is damaged")));
    }
    return result;
  }

  private String find(String beginning) {
    if (!beginning.matches("[0-9a-f]{1,64}")) {
      throw Problem.of(Problem.Kind.USAGE, "a cohort is named by digits 0-9 and a-f")
          .next("silo cohort list");
    }
    return cohorts.find(beginning);
  }

  /**
   * With it go the files in which jobs wrote down for the operator who is in it. Of a job that is
   * not over the cohort stays: its next attempt would align anew.
   */
  private JsonNode delete(String beginning) {
    String digest = find(beginning);
    Optional<String> maker = cohorts.entry(digest).cohort().map(Cohort::job);
    Set<String> users = new TreeSet<>();
    maker.ifPresent(users::add);
    for (Job job : jobs.list()) {
      boolean uses =
          maker.equals(Optional.of(job.id()))
              || digest.equals(job.spec().alignment().cohort())
              || ranOn(job, digest);
      if (uses && !job.state().ended()) {
        throw Problem.wrongState("job " + job.id() + " is not over and uses this cohort")
            .next("silo job abort " + job.id());
      }
      if (uses) {
        users.add(job.id());
      }
    }
    return journal.command(
        "cohort.delete",
        Map.of("cohort", digest),
        () -> {
          ObjectNode json = Json.object().put("digest", digest).put("deleted", true);
          ArrayNode files = json.putArray("files");
          // These first: while the cohort is there, the command can be given again.
          users.stream()
              .filter(job -> ResultFiles.deleteCohort(results, job))
              .forEach(job -> files.add(ResultFiles.cohort(results, job).toString()));
          cohorts.delete(digest);
          return json;
        });
  }

  /** By its report; a damaged cohort does not say which job made it. */
  private boolean ranOn(Job job, String digest) {
    return jobs.report(job.id(), job.attempt())
        .map(report -> report.at("/alignment/cohort").asText())
        .equals(Optional.of(digest));
  }

  private JsonNode show(String beginning) {
    Cohort cohort = cohorts.get(find(beginning));
    ObjectNode json = view(cohort);
    jobs.find(cohort.job()).ifPresent(job -> json.set("match_rules", match(job)));
    ArrayNode used = json.putArray("used_by");
    for (Job job : jobs.list()) {
      if (cohort.digest().equals(job.spec().alignment().cohort())) {
        used.addObject().put("job", job.id()).put("state", job.state().name());
      }
    }
    return json;
  }

  private static JsonNode match(Job job) {
    return job.spec().toJson().path("match");
  }

  private ObjectNode view(Cohort cohort) {
    ObjectNode json = (ObjectNode) Json.tree(cohort);
    String now = "";
    for (Dataset dataset : datasets.list()) {
      if (dataset.scan().sha256().equals(cohort.sha256())) {
        now = now.isEmpty() || dataset.name().equals(cohort.dataset()) ? dataset.name() : now;
      }
    }
    json.put("usable", !now.isEmpty());
    return now.isEmpty()
        ? json.put("why_not", "no data set here has the file that was aligned")
        : json.put("dataset_now", now);
  }
}
