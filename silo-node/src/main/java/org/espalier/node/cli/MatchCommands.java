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
import org.espalier.wire.Party;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "match",
    header = "See how good the own match keys are, before a job.",
    description = {"", "Example:", "  silo match check job.yaml"},
    subcommands = MatchCommands.Check.class)
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
      Party self = home().load().name();
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
}
