package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.job.Job;
import org.espalier.node.job.JobReport;
import org.espalier.node.page.Format;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "model",
    header = "Look at this party's slices of trained models.",
    description = {
      "",
      "Examples:",
      "  silo model list",
      "  silo model show J-1a2b3c4d",
    },
    subcommands = {ModelCommands.ListModels.class, ModelCommands.Show.class})
final class ModelCommands extends GroupCommand {

  @Command(
      name = "list",
      header = "List the models of which this party holds a slice.",
      description = {"", "Example:", "  silo model list"})
  static final class ListModels extends SiloCommand {
    @Override
    public Integer call() {
      JsonNode result = ask("model.list", args());
      show(
          result,
          r -> {
            Table table =
                new Table("JOB", "NAME", "FAMILY", "ROLE", "WEIGHTS", "PASSES", "CREATED");
            for (JsonNode m : r.path("models")) {
              table.row(
                  m.path("job").asText(),
                  m.path("name").asText(),
                  m.path("family").asText(),
                  m.path("role").asText(),
                  m.path("weights").asText(),
                  m.path("passes").asText(),
                  Format.time(m.path("created")));
            }
            if (table.isEmpty()) {
              say("No models yet.");
            } else {
              table.print(console());
            }
          });
      if (result.path("models").isEmpty()) {
        next("silo job plan job.yaml");
      }
      return 0;
    }
  }

  @Command(
      name = "show",
      header = "Show this party's slice: features, weights, how it was trained.",
      description = {
        "",
        "Examples:",
        "  silo model show J-1a2b3c4d",
        "  silo model show J-1a2b3c4d --order file            as stored, not by size",
        "  silo model show J-1a2b3c4d --json > slice.json",
      })
  static final class Show extends SiloCommand {
    enum Order {
      SIZE,
      FILE
    }

    @Parameters(paramLabel = "JOB", description = "The job that trained the model.")
    String job;

    @Option(
        names = "--order",
        paramLabel = "ORDER",
        description = "size (largest weight first) or file (default: size).")
    Order order = Order.SIZE;

    @Override
    public Integer call() {
      if (!job.matches(Job.ID)) {
        throw usage("a model is named by its job, such as J-1a2b3c4d").next("silo model list");
      }
      JsonNode model = ask("model.show", args().put("job", job));
      int units = units(model);
      if (!shared(model)
          && !under(model)
          && (long) units * model.path("features").size() != model.path("weights").size()) {
        throw Problem.of(Problem.Kind.INTERNAL, "the model of " + job + " is damaged")
            .detail("it has not " + units + " weights for each feature");
      }
      show(model, this::print);
      if (model.path("role").asText().equals("label")) {
        next("silo predict --model " + job + " --dataset NAME");
      }
      return 0;
    }

    private void print(JsonNode m) {
      Table facts = new Table("", "");
      facts.row("model", m.path("job").asText());
      facts.row("slice of", m.path("party").asText() + " (" + m.path("role").asText() + " party)");
      facts.row("family", m.path("family").asText() + ", level " + m.path("level").asText());
      facts.row("objective", m.path("objective").asText());
      facts.row(
          "trained on",
          Format.count(m.path("rows").asLong())
              + " rows in "
              + m.path("passes").asText()
              + " passes");
      if (m.path("neural").has("layers")) {
        facts.row(
            "network",
            "%s, first layer of %d units, %d more layers here"
                .formatted(
                    m.path("neural").path("task").asText(),
                    units(m),
                    m.path("neural").path("layers").size()));
      }
      if (m.path("softmax").has("outcomes")) {
        List<String> classes = new ArrayList<>();
        m.path("softmax").path("outcomes").forEach(c -> classes.add(name(c.asDouble())));
        facts.row("classes", String.join(", ", classes));
      }
      if (shared(m)) {
        facts.row("weights", "shared: nobody has them; " + m.path("features").size() + " features");
        facts.print(console());
        return;
      }
      if (under(m)) {
        facts.row("own layers", ownLayers(m));
        facts.print(console());
        return;
      }
      facts.print(console());
      console().print("");
      if (m.has("softmax")) {
        printClasses(m);
        return;
      }
      boolean network = m.has("neural");
      boolean inferred = m.has("inference");
      JsonNode tests = inferred ? JobReport.coefficients(m) : Json.object();
      Table weights =
          inferred
              ? CoefficientTable.empty()
              : new Table("FEATURE", network ? "LENGTH OF ITS WEIGHTS" : "WEIGHT");
      for (int i : places(m)) {
        if (inferred) {
          CoefficientTable.row(weights, tests.get(i));
        } else {
          weights.row(m.path("features").get(i).asText(), weight(weight(m, i)));
        }
      }
      if (m.hasNonNull("intercept") && inferred) {
        CoefficientTable.row(weights, tests.get(tests.size() - 1));
      } else if (m.hasNonNull("intercept")) {
        weights.row("(intercept)", weight(m.path("intercept").asDouble()));
      }
      weights.print(console());
    }

    /** A column of weights for each class; a feature party does not learn which outcome it is. */
    private void printClasses(JsonNode m) {
      JsonNode softmax = m.path("softmax");
      int classes = units(m);
      List<String> header = new ArrayList<>(List.of("FEATURE"));
      for (int k = 0; k < classes; k++) {
        header.add(
            "CLASS "
                + (softmax.has("outcomes")
                    ? name(softmax.path("outcomes").path(k).asDouble())
                    : "NO. " + (k + 1)));
      }
      Table table = new Table(header.toArray(String[]::new));
      for (int feature : places(m)) {
        List<String> row = new ArrayList<>(List.of(m.path("features").get(feature).asText()));
        for (int k = 0; k < classes; k++) {
          row.add(weight(m.path("weights").path(feature * classes + k).asDouble()));
        }
        table.row(row.toArray(Object[]::new));
      }
      if (softmax.has("intercepts")) {
        List<String> row = new ArrayList<>(List.of("(intercepts)"));
        softmax.path("intercepts").forEach(value -> row.add(weight(value.asDouble())));
        table.row(row.toArray(Object[]::new));
      }
      table.print(console());
    }

    /** In which order features are shown. */
    private List<Integer> places(JsonNode m) {
      List<Integer> places = IntStream.range(0, m.path("features").size()).boxed().toList();
      return order == Order.FILE
          ? places
          : places.stream()
              .sorted(Comparator.comparingDouble(i -> -Math.abs(weight(m, i))))
              .toList();
    }

    private static String name(double outcome) {
      return outcome == Math.rint(outcome) ? "%.0f".formatted(outcome) : Double.toString(outcome);
    }

    private static boolean shared(JsonNode model) {
      return model.path("shared").asBoolean();
    }

    /**
     * Of a network: whether its party has layers of its own, so that no feature has weights alone.
     */
    private static boolean under(JsonNode model) {
      return model.path("neural").has("under");
    }

    private static String ownLayers(JsonNode model) {
      StringBuilder text = new StringBuilder(model.path("features").size() + " features");
      for (JsonNode layer : model.path("neural").path("under").path("layers")) {
        text.append(", ").append(layer.path("units").asInt());
      }
      return text.append(" units, then the ").append(units(model)).append(" at the cut").toString();
    }

    /** To how many units of a network's first layer, or classes, a feature has a weight. */
    private static int units(JsonNode model) {
      if (model.has("softmax")) {
        return model.path("softmax").path("classes").asInt();
      }
      return model.path("neural").path("units").asInt(1);
    }

    /** A feature's weight, or the length of all of its weights. */
    private static double weight(JsonNode model, int feature) {
      int units = units(model);
      double squares = 0;
      for (int m = 0; m < units; m++) {
        double weight = model.path("weights").path(feature * units + m).asDouble();
        if (!model.has("neural") && !model.has("softmax")) {
          return weight;
        }
        squares += weight * weight;
      }
      return Math.sqrt(squares);
    }

    private static String weight(double value) {
      return "%+.6f".formatted(value);
    }
  }
}
