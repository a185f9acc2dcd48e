package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.espalier.node.Problem;
import org.espalier.node.job.JobSpec;
import org.espalier.node.page.Format;
import org.espalier.wire.Party;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "match",
    header = "See how good match keys are, before a job.",
    description = {
      "",
      "Examples:",
      "  silo match check job.yaml       the own data set, sends nothing",
      "  silo match dry-run job.yaml     about how many people all parties have in common"
    },
    subcommands = {MatchCommands.Check.class, MatchCommands.DryRun.class})
final class MatchCommands extends GroupCommand {

  @Command(
      name = "check",
      header = "Count missing, doubled and odd match keys of an own data set; sends nothing.",
      description = {
        "",
        "Examples:",
        "  silo match check job.yaml                                  the keys of a job",
        "  silo match check --dataset loans --key customer_id",
        "  silo match check --dataset loans --key name:nfkc,casefold,collapse-space \\",
        "      --key \"born:date(dd.MM.yyyy|yyyy-MM-dd)\"               both columns, one key",
      })
  static final class Check extends SiloCommand {
    private static final int MAX_FORMS = 3;

    @Parameters(arity = "0..1", paramLabel = "JOB.yaml", description = "A job with a match key.")
    Path job;

    @Option(names = "--dataset", paramLabel = "NAME", description = "An own data set.")
    String dataset;

    @Option(
        names = "--key",
        paramLabel = "COLUMN[:STEP,...]",
        description =
            "A column of the key and how its text is normalised; repeat for more columns.")
    List<String> key = new ArrayList<>();

    @Override
    public Integer call() {
      JsonNode result = ask("match.check", job == null ? fromFlags() : fromJob());
      return show(
          result,
          r -> {
            print(r);
            warn(r);
          });
    }

    private ObjectNode fromJob() {
      if (dataset != null || !key.isEmpty()) {
        throw usage("give a job or --dataset and --key, not both");
      }
      JobSpec spec = JobSpec.yaml(job);
      Party self = self();
      JobSpec.Source source = spec.parties().get(self);
      if (source == null) {
        throw Problem.refused("the job does not name " + self + " among its parties");
      }
      ObjectNode args = args().put("dataset", source.dataset());
      args.set("match", spec.toJson().path("match"));
      return args;
    }

    private ObjectNode fromFlags() {
      if (dataset == null || key.isEmpty()) {
        throw usage("give a job, or --dataset and --key").next("silo match check --help");
      }
      ObjectNode args = args().put("dataset", dataset);
      ArrayNode rule = args.putArray("match").addArray();
      for (String text : key) {
        int colon = text.indexOf(':');
        ObjectNode part = rule.addObject();
        part.put("column", colon < 0 ? text : text.substring(0, colon));
        ArrayNode steps = part.putArray("normalise");
        if (colon >= 0) {
          for (String step : text.substring(colon + 1).split(",", -1)) {
            steps.add(step.strip());
          }
        }
      }
      return args;
    }

    private void print(JsonNode report) {
      console().print(Format.count(report.path("rows").asLong()) + " rows");
      console().print("");
      Table rules = new Table("RULE", "KEY", "USABLE", "DISTINCT", "WITHOUT", "DOUBLED");
      Table columns = new Table("COLUMN", "STEPS", "MISSING", "UNUSABLE", "MOST FREQUENT FORMS");
      Set<String> seen = new HashSet<>();
      for (JsonNode rule : report.path("rules")) {
        List<String> key = new ArrayList<>();
        for (JsonNode column : rule.path("columns")) {
          key.add(column.path("column").asText());
          String steps = JobView.names(column.path("normalisers"));
          if (seen.add(column.path("column").asText() + " " + steps)) {
            columns.row(
                column.path("column").asText(),
                steps,
                Format.count(column.path("missing").asLong()),
                Format.count(column.path("unusable").asLong()),
                forms(column.path("shapes")));
          }
        }
        rules.row(
            rule.path("number").asText(),
            String.join(" + ", key),
            Format.count(rule.path("usable").asLong()),
            Format.count(rule.path("distinct").asLong()),
            withShare(rule, "nulls", "null_rate"),
            withShare(rule, "duplicates", "duplicate_rate"));
      }
      rules.print(console());
      console().print("");
      columns.print(console());
    }

    private void warn(JsonNode report) {
      long doubled = 0;
      for (JsonNode rule : report.path("rules")) {
        doubled += rule.path("duplicates").asLong();
      }
      if (doubled > 0) {
        say(
            "Doubled keys end a job, unless it says duplicates: first. Remove the repeats, or add a"
                + " column to the key.");
      }
    }

    private static String forms(JsonNode shapes) {
      List<String> forms = new ArrayList<>();
      for (JsonNode shape : shapes) {
        if (forms.size() < MAX_FORMS) {
          double share = shape.path("share").asDouble();
          forms.add(shape.path("shape").asText() + " (" + Format.percent(share) + ")");
        }
      }
      return String.join("; ", forms);
    }

    private static String withShare(JsonNode rule, String count, String share) {
      long n = rule.path(count).asLong();
      return n == 0
          ? "-"
          : "%s (%.1f %%)".formatted(Format.count(n), 100 * rule.path(share).asDouble());
    }
  }

  @Command(
      name = "dry-run",
      header = "Count with the partners about how many people a job would find; nobody learns who.",
      description = {
        "",
        "Examples:",
        "  silo match dry-run job.yaml",
        "  silo match dry-run job.yaml --json | jq .findings",
        "",
        "Every party must allow it in its policy.yaml, and each one counts against its limit:",
        "  partners:",
        "    insurer.example: {match_dry_run: true, match_dry_runs_per_90d: 5,"
            + " share_key_shapes: true}",
        "",
        "The label party's node sees the exact number and keeps only what is shown here.",
      })
  static final class DryRun extends SiloCommand {
    @Parameters(paramLabel = "JOB.yaml", description = "The job with the match key.")
    Path job;

    @Override
    public Integer call() {
      say("Counting with the partners, which takes as long as an alignment by ecdh ...");
      JsonNode result = ask("match.dry-run", args().set("spec", JobSpec.yaml(job).toJson()));
      show(result, this::print);
      boolean enough = result.path("rules").path(0).path("at_least").asInt() > 0;
      next(enough ? "silo job propose " + job : "silo match check " + job);
      return 0;
    }

    private void print(JsonNode result) {
      List<String> header = new ArrayList<>(List.of("RULE", "KEY", "IN COMMON"));
      result.path("parties").forEach(party -> header.add("KEYS OF " + party.asText()));
      Table rules = new Table(header.toArray(String[]::new));
      for (JsonNode rule : result.path("rules")) {
        List<String> columns = new ArrayList<>();
        rule.path("columns").forEach(column -> columns.add(column.asText()));
        List<Object> row = new ArrayList<>();
        row.add(rule.path("number").asText());
        row.add(String.join(" + ", columns));
        row.add(rule.path("people").asText());
        for (JsonNode party : result.path("parties")) {
          row.add(Format.count(rule.path("keys").path(party.asText()).asLong()));
        }
        rules.row(row.toArray());
      }
      rules.print(console());
      if (result.path("rules").size() > 1) {
        console().print("Each rule by itself: the sizes do not add up.");
      }
      if (!result.path("findings").isEmpty()) {
        console().print("");
        result.path("findings").forEach(finding -> console().print("- " + finding.asText()));
      }
      result
          .path("withheld")
          .properties()
          .forEach(e -> say(e.getKey() + " tells no key shapes: " + e.getValue().asText()));
      result
          .path("left")
          .properties()
          .forEach(
              e ->
                  say(
                      "rules of dry runs with %s left in these 90 days: %s"
                          .formatted(e.getKey(), Format.count(e.getValue().asLong()))));
    }
  }
}
