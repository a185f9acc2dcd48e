package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.espalier.node.page.Format;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "cohort",
    header = "See and delete the frozen alignments, which later jobs may use again.",
    description = {
      "",
      "Examples:",
      "  silo cohort list",
      "  silo cohort show 1a2b3c4d",
      "  silo cohort delete 1a2b3c4d",
      "",
      "A job uses one in place of a new alignment with alignment: {cohort: DIGEST}.",
    },
    subcommands = {
      CohortCommands.ListCohorts.class,
      CohortCommands.Show.class,
      CohortCommands.Delete.class,
    })
final class CohortCommands extends GroupCommand {
  private static final int SHORT = 16;

  private static String parties(JsonNode cohort) {
    return JobView.names(cohort.path("parties"));
  }

  @Command(
      name = "list",
      header = "List the cohorts that this node has kept, newest first.",
      description = {"", "Example:", "  silo cohort list"})
  static final class ListCohorts extends SiloCommand {
    @Override
    public Integer call() {
      JsonNode result = ask("cohort.list", args());
      show(
          result,
          r -> {
            Table table = new Table("COHORT", "PEOPLE", "PARTIES", "JOB", "ALIGNED", "USABLE");
            for (JsonNode c : r.path("cohorts")) {
              boolean known = c.has("size");
              table.row(
                  c.path("digest").asText().substring(0, SHORT),
                  known ? Format.count(c.path("size").asLong()) : "-",
                  parties(c),
                  c.path("job").asText(),
                  known ? Format.time(c.path("created")) : "-",
                  c.path("usable").asBoolean() ? "yes" : "no: " + c.path("why_not").asText());
            }
            if (table.isEmpty()) {
              say("No cohorts yet: each finished alignment is kept.");
            } else {
              table.print(console());
            }
          });
      if (!result.path("cohorts").isEmpty()) {
        next("silo cohort show COHORT");
      }
      return 0;
    }
  }

  @Command(
      name = "show",
      header = "Show a cohort: its whole digest, of whom it is and which jobs use it.",
      description = {
        "",
        "Examples:",
        "  silo cohort show 1a2b3c4d            the beginning of its digest is enough",
        "  silo cohort show 1a2b3c4d --json",
        "",
        "Which people are in it is not shown; a job's results name the own rows.",
      })
  static final class Show extends SiloCommand {
    @Parameters(paramLabel = "COHORT", description = "The beginning of its digest.")
    String cohort;

    @Override
    public Integer call() {
      JsonNode shown = ask("cohort.show", args().put("cohort", cohort));
      show(shown, this::print);
      if (shown.path("usable").asBoolean()) {
        next(
            "silo job plan JOB.yaml",
            "with alignment: {cohort: " + shown.path("digest").asText() + "}");
      }
      return 0;
    }

    private void print(JsonNode c) {
      Table facts = new Table("", "");
      facts.row("cohort", c.path("digest").asText());
      facts.row("people", Format.count(c.path("size").asLong()));
      facts.row("parties", parties(c));
      facts.row(
          "aligned",
          "%s by %s, attempt %d, protocol %s"
              .formatted(
                  Format.time(c.path("created")),
                  c.path("job").asText(),
                  c.path("attempt").asInt(),
                  c.path("protocol").asText()));
      facts.row("by rule", counts(c.path("matched_by_rule")));
      facts.row("data set", c.path("dataset").asText() + ", sha256 " + c.path("sha256").asText());
      facts.row(
          "usable",
          c.path("usable").asBoolean()
              ? "yes, with data set " + c.path("dataset_now").asText()
              : "no: " + c.path("why_not").asText());
      List<String> jobs = new ArrayList<>();
      for (JsonNode job : c.path("used_by")) {
        jobs.add(job.path("job").asText() + " (" + job.path("state").asText() + ")");
      }
      facts.row("used by", jobs.isEmpty() ? "-" : String.join(", ", jobs));
      facts.print(console());
    }

    private static String counts(JsonNode numbers) {
      List<String> counts = new ArrayList<>();
      numbers.forEach(number -> counts.add(Format.count(number.asLong())));
      return String.join(", ", counts);
    }
  }

  @Command(
      name = "delete",
      header = "Delete a cohort: who is in it, at this node.",
      description = {
        "",
        "Examples:",
        "  silo cohort delete 1a2b3c4d          asks first",
        "  silo cohort delete 1a2b3c4d --yes    for scripts",
        "",
        "With it go the files results/JOB.cohort.csv of the jobs that used it, which name the own rows.",
        "Models and scores stay; scores name rows, too. Partners keep their half. That these people",
        "were aligned still counts against the policy's limits, and the keys that later alignments",
        "are compared with stay as well.",
      })
  static final class Delete extends SiloCommand {
    @Parameters(paramLabel = "COHORT", description = "The beginning of its digest.")
    String cohort;

    @Option(names = "--yes", description = "Do not ask.")
    boolean yes;

    @Override
    public Integer call() {
      confirm(
          "Cohort "
              + cohort
              + " will be deleted at this node; to use these people again they are aligned anew.",
          cohort,
          yes,
          "silo cohort delete " + cohort);
      return show(
          ask("cohort.delete", args().put("cohort", cohort)),
          r -> {
            console().print("Cohort " + r.path("digest").asText() + " is deleted");
            r.path("files").forEach(file -> console().print("and " + file.asText()));
          });
    }
  }
}
