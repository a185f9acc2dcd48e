package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import org.espalier.node.Problem;
import org.espalier.node.job.JobSpec;
import org.espalier.node.job.PredictSpec;
import org.espalier.node.page.Format;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "predict",
    header = "Score people together with a trained model; the label party learns the scores.",
    description = {
      "",
      "Examples:",
      "  silo predict predict.yaml --wait",
      "  silo predict --model J-1a2b3c4d --dataset new-loans \\",
      "      --with insurer.example=new-claims --wait",
      "  silo predict --result P-5e6f7a8b            where the scores are",
      "",
      "A prediction is a job: every party approves it (silo job approve P-...). Without --with, a",
      "partner's data set is the one of the training.",
    })
final class PredictCommand extends SiloCommand {
  private static final long POLL_MILLIS = 500;

  @Parameters(arity = "0..1", paramLabel = "FILE", description = "A predict job in YAML.")
  Path file;

  @Mixin ScoringJob scoring = new ScoringJob();
  @Mixin SignAs signAs = new SignAs();

  @Option(names = "--dataset", paramLabel = "NAME", description = "The own data set to score.")
  String dataset;

  @Option(
      names = "--min-intersection",
      paramLabel = "N",
      description = "Fewest people in common (default: as in the training).")
  Integer minIntersection;

  @Option(names = "--wait", description = "Wait for the approvals, run it, wait for the scores.")
  boolean wait;

  @Option(names = "--result", paramLabel = "JOB", description = "Only say where the scores are.")
  String result;

  @Override
  public Integer call() throws InterruptedException {
    if (result != null) {
      return result();
    }
    ObjectNode args = args();
    args.set("spec", (file == null ? fromFlags() : fromFile()).toJson());
    JsonNode job = signAs.propose(this, args);
    String id = job.path("id").asText();
    if (wait) {
      say("Proposed " + id + ".");
      return run(id);
    }
    return JobCommands.proposed(this, job);
  }

  private JobSpec fromFile() {
    if (scoring.isUsed() || dataset != null) {
      throw usage("give a file or --model and --dataset, not both");
    }
    JobSpec spec = JobSpec.yaml(file);
    if (!(spec instanceof PredictSpec)) {
      throw Problem.refused(file + " is no prediction").next("silo job propose " + file);
    }
    return spec;
  }

  private JobSpec fromFlags() {
    if (scoring.model == null || dataset == null) {
      throw usage("give a file, or --model and --dataset").next("silo predict --help");
    }
    ObjectNode spec = scoring.build(this, "predict", dataset, "scores-of-");
    ObjectNode alignment = scoring.training(this).path("alignment").deepCopy();
    if (minIntersection != null) {
      alignment.put("min_intersection", minIntersection);
    }
    spec.set("alignment", alignment);
    return JobSpec.json("the prediction", spec);
  }

  private int run(String id) throws InterruptedException {
    String said = "";
    JsonNode job = ask("job.show", args().put("job", id));
    while (job.path("state").asText().equals("PROPOSED")) {
      String waiting = JobView.names(job.path("undecided"));
      if (!waiting.equals(said)) {
        say("Waits for " + waiting + ": silo job approve " + id + " (Ctrl-C is safe).");
        said = waiting;
      }
      Thread.sleep(POLL_MILLIS);
      job = ask("job.show", args().put("job", id));
    }
    if (job.path("state").asText().equals("APPROVED")) {
      ask("job.run", args().put("job", id));
    }
    return new JobWatch(this).await(id, 0);
  }

  private int result() {
    return show(
        ask("predict.result", args().put("job", result)),
        r -> {
          console()
              .print(
                  "%s scores in %s"
                      .formatted(Format.count(r.path("rows").asLong()), r.path("file").asText()));
          say("Its first line names the columns; row is that of the own data set, from 1.");
        });
  }
}
