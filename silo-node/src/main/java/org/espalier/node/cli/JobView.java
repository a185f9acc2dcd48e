package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.page.Format;
import org.espalier.wire.Printable;

/** Jobs, plans and reports as people read them. */
final class JobView {
  private static final String INDENT = "          ";

  /** Key in the report to name for people, in order. */
  private static final Map<String, String> METRICS = new LinkedHashMap<>();

  static {
    METRICS.put("auc", "AUC");
    METRICS.put("ks", "KS");
    METRICS.put("average_precision", "average precision");
    METRICS.put("log_loss", "log-loss");
    METRICS.put("accuracy", "accuracy");
    METRICS.put("macro_f1", "macro F1");
    METRICS.put("brier", "Brier");
    METRICS.put("rmse", "RMSE");
    METRICS.put("mae", "MAE");
    METRICS.put("r2", "R2");
    METRICS.put("deviance_explained", "deviance explained");
  }

  private final Console console;

  JobView(Console console) {
    this.console = console;
  }

  void list(JsonNode jobs) {
    Table table = new Table("JOB", "KIND", "NAME", "PURPOSE", "STATE", "WAITS FOR", "UPDATED");
    for (JsonNode job : jobs) {
      table.row(
          job.path("id").asText(),
          job.path("kind").asText(),
          job.path("name").asText(),
          job.path("purpose").asText(),
          Table.colored(job.path("state").asText(), paint(job.path("state").asText())),
          names(job.path("undecided")),
          Format.time(job.path("updated")));
    }
    table.print(console);
  }

  private UnaryOperator<String> paint(String state) {
    return switch (state) {
      case "DONE", "APPROVED" -> console::good;
      case "FAILED", "DENIED", "ABORTED" -> console::bad;
      default -> console::warning;
    };
  }

  /** A job's parties and settings. */
  void spec(JsonNode spec) {
    boolean train = spec.path("kind").asText().equals("train");
    line(
        "job",
        spec.path("name").asText()
            + " ("
            + spec.path("kind").asText()
            + "), purpose "
            + spec.path("purpose").asText());
    String labelParty =
        train ? spec.path("label").path("party").asText() : spec.path("label_party").asText();
    for (Map.Entry<String, JsonNode> party : spec.path("parties").properties()) {
      JsonNode columns = party.getValue().path("columns");
      String role =
          !party.getKey().equals(labelParty)
              ? ""
              : train
                  ? ", label " + spec.path("label").path("column").asText()
                  : ", learns the scores";
      line(
          "party",
          party.getKey()
              + ": "
              + party.getValue().path("dataset").asText()
              + role
              + (columns.isEmpty() ? ", all features" : ", columns " + names(columns)));
    }
    for (JsonNode rule : spec.path("match")) {
      List<String> parts = new ArrayList<>();
      for (JsonNode part : rule) {
        String steps = names(part.path("normalise"));
        parts.add(column(part.path("column")) + (steps.isEmpty() ? "" : " (" + steps + ")"));
      }
      line("match", String.join(" + ", parts));
    }
    if (spec.path("kind").asText().equals("serve")) {
      line(
          "model",
          spec.path("model").asText()
              + ", sha256:"
              + Format.shortened(spec.path("model_digest").asText("")));
      line(
          "serve",
          "single people on request, at most %s a day until %s, duplicates: %s"
              .formatted(
                  Format.count(spec.path("scores_per_day").asLong()),
                  spec.path("until").asText(),
                  spec.path("duplicates").asText()));
      return;
    }
    JsonNode align = spec.path("alignment");
    line(
        "align",
        "%s, at least %s people in common, duplicates: %s"
            .formatted(
                align.hasNonNull("cohort")
                    ? "cohort " + align.path("cohort").asText().substring(0, 16) + " again"
                    : align.path("protocol").asText(),
                Format.count(align.path("min_intersection").asLong()),
                align.path("duplicates").asText()));
    if (train) {
      line("train", training(spec));
    } else {
      line("model", spec.path("model").asText());
    }
  }

  /** The settings of a training; what the level decides by itself is not named. */
  private static String training(JsonNode spec) {
    JsonNode training = spec.path("training");
    List<String> parts = new ArrayList<>();
    JsonNode model = spec.path("model");
    parts.add(
        model.has("hidden")
            ? "%s network [%s], %s"
                .formatted(
                    model.path("task").asText(),
                    names(model.path("hidden")),
                    model.path("activation").asText())
            : model.path("type").asText() + " regression");
    if (model.has("classes")) {
      parts.add(model.path("classes").asText() + " classes");
    }
    JsonNode l2 = model.path("l2");
    parts.add("l2 " + (l2.isArray() ? "one of " + names(l2) : l2.asText()));
    JsonNode classes = spec.path("model").path("class_weights");
    if (classes.isTextual()) {
      parts.add(classes.asText() + " classes");
    } else if (classes.isObject()) {
      List<String> weights = new ArrayList<>();
      boolean named = model.has("classes");
      classes
          .properties()
          .forEach(e -> weights.add((named ? e.getKey() + ": " : "") + e.getValue().asText()));
      parts.add("classes weighted " + String.join(named ? ", " : ":", weights));
    }
    if (spec.path("model").path("inference").asBoolean()) {
      parts.add("standard errors");
    }
    parts.add("level " + training.path("level").asText());
    if (training.hasNonNull("max_passes")) {
      parts.add("at most " + training.path("max_passes").asText() + " passes");
    }
    if (model.hasNonNull("start")) {
      parts.add("from the model of " + model.path("start").asText());
    }
    if (training.hasNonNull("patience")) {
      int patience = training.path("patience").asInt();
      String unit = training.hasNonNull("epochs") ? "epoch" : "pass";
      if (patience > 0) {
        parts.add(
            "until %s no gain on a tenth set aside"
                .formatted(
                    patience == 1
                        ? "a " + unit + " brings"
                        : patience + (unit.equals("pass") ? " passes bring" : " epochs bring")));
      }
    }
    if (training.hasNonNull("epochs")) {
      parts.add(
          "at most %s epochs, batches of %s"
              .formatted(training.path("epochs").asText(), training.path("batch").asText()));
    }
    if (training.hasNonNull("tolerance")) {
      parts.add("tolerance " + training.path("tolerance").asText().replace('E', 'e'));
    }
    JsonNode evaluation = spec.path("evaluation");
    parts.add(
        Format.percent(evaluation.path("holdout").asDouble())
            + " held out"
            + (evaluation.path("reveal").asText().equals("scores") ? " with their scores" : ""));
    if (evaluation.has("folds")) {
      parts.add(
          "%s folds, %s"
              .formatted(evaluation.path("folds").asText(), evaluation.path("choose").asText()));
    }
    String accept = names(training.path("accept"));
    if (!accept.isEmpty()) {
      parts.add("accepts " + accept);
    }
    return String.join(", ", parts);
  }

  private static String column(JsonNode column) {
    if (!column.isObject()) {
      return column.asText();
    }
    List<String> names = new ArrayList<>();
    column.properties().forEach(e -> names.add(e.getKey() + ":" + e.getValue().asText()));
    return String.join("|", names);
  }

  void checks(JsonNode checks) {
    for (JsonNode check : checks) {
      boolean passed = check.path("passed").asBoolean();
      String mark = passed ? console.good("PASS") : console.bad("FAIL");
      console.out().print("%-10s".formatted("check") + mark + " ");
      console.paragraph("", INDENT + "     ", check.path("text").asText());
    }
  }

  /** What each rule of this node's policy says. */
  void policy(JsonNode verdicts) {
    for (JsonNode verdict : verdicts) {
      boolean passed = verdict.path("passed").asBoolean();
      console
          .out()
          .print(
              "%-10s".formatted("policy") + (passed ? console.good("PASS") : console.bad("DENY")));
      console.paragraph(
          " ",
          INDENT + "     ",
          verdict.path("rule").asText() + ": " + verdict.path("text").asText());
      if (verdict.hasNonNull("allow")) {
        line("", "     would be allowed by  " + verdict.path("allow").asText());
      }
    }
  }

  void halted(JsonNode halted) {
    if (halted.isObject()) {
      line(
          "halted",
          "%s, since %s"
              .formatted(
                  halted.path("reason").asText("no reason given"),
                  halted.path("since").asText("an unknown time")));
    }
  }

  /** Whose signatures there are at this node, and which are missing. */
  void approval(JsonNode approval) {
    if (approval.hasNonNull("proposed_by")) {
      line(
          "by",
          approval.path("proposed_by").asText()
              + (approval.path("sent").asBoolean()
                  ? ""
                  : "; partners hear of it when the own people have approved"));
    }
    for (JsonNode word : approval.path("words")) {
      line(
          "signed",
          "%s %s as %s, %s UTC"
              .formatted(
                  word.path("person").asText(),
                  word.path("meaning").asText(),
                  names(word.path("roles")),
                  Format.time(word.path("at"))));
    }
    if (!approval.path("missing").isEmpty()) {
      line("missing", "the signature of a " + names(approval.path("missing")));
    }
  }

  /** What is different from the last approved job of the kind. */
  void changes(JsonNode changes) {
    if (!changes.has("against")) {
      return;
    }
    String against = changes.path("against").asText();
    if (changes.path("settings").isEmpty()) {
      line("changes", "none from " + against + ", which was approved");
      return;
    }
    line("changes", "from " + against + ", which was approved:");
    settings(changes.path("settings"));
  }

  void settings(JsonNode settings) {
    for (JsonNode setting : settings) {
      line(
          "",
          "%s: %s -> %s"
              .formatted(
                  setting.path("key").asText(),
                  value(setting.path("before")),
                  value(setting.path("after"))));
    }
  }

  private static String value(JsonNode value) {
    return value.isNull() || value.isMissingNode()
        ? "-"
        : value.isTextual() ? value.asText() : Json.write(value);
  }

  /** Who learns what, each party once. */
  void learns(JsonNode statements) {
    Map<String, List<String>> byParty = new LinkedHashMap<>();
    for (JsonNode statement : statements) {
      byParty
          .computeIfAbsent(statement.path("learner").asText(), p -> new ArrayList<>())
          .add(statement.path("text").asText());
    }
    byParty.forEach(
        (party, texts) -> {
          console.out().println("%-10s".formatted("learns") + console.strong(Printable.of(party)));
          texts.forEach(text -> console.paragraph(INDENT + "- ", INDENT + "  ", text));
        });
  }

  void plan(JsonNode plan) {
    spec(plan.path("job"));
    line("digest", "sha256:" + plan.path("digest").asText());
    halted(plan.path("halted"));
    checks(plan.path("checks"));
    policy(plan.path("policy"));
    learns(plan.path("learns"));
    alignment(plan.path("alignment"));
    estimate(plan.path("estimate"));
  }

  /** Why people are aligned by this protocol, and what both would cost. */
  private void alignment(JsonNode alignment) {
    if (!alignment.has("why")) {
      return;
    }
    line(
        "protocol",
        alignment.path("protocol").asText() + ", because " + alignment.path("why").asText());
    if (alignment.has("costs")) {
      Table table = new Table("PROTOCOL", "TIME", "BYTES");
      for (Map.Entry<String, JsonNode> cost : alignment.path("costs").properties()) {
        table.row(
            cost.getKey(),
            Format.span(cost.getValue().path("seconds").asDouble()),
            Format.bytes(cost.getValue().path("bytes").asLong()));
      }
      table.print(console, INDENT);
    }
  }

  /** Phases by parties, then each party's whole job. */
  private void estimate(JsonNode estimate) {
    if (estimate.has("seconds")) {
      line(
          "estimate",
          "about %s; bottleneck: %s"
              .formatted(
                  Format.span(estimate.path("seconds").asDouble()),
                  estimate.path("bottleneck").asText()));
      Table table = new Table("PHASE", "PARTY", "TIME", "SENT", "RECEIVED", "MEMORY", "DISK");
      for (Map.Entry<String, JsonNode> phase : estimate.path("phases").properties()) {
        for (Map.Entry<String, JsonNode> party : phase.getValue().properties()) {
          estimated(table, phase.getKey(), party, party.getValue().path("seconds").asDouble());
        }
      }
      for (Map.Entry<String, JsonNode> party : estimate.path("parties").properties()) {
        estimated(table, "all", party, estimate.path("seconds").asDouble());
      }
      table.print(console, INDENT);
    }
    if (estimate.hasNonNull("note")) {
      line(estimate.has("seconds") ? "" : "estimate", estimate.path("note").asText());
    }
  }

  private static void estimated(
      Table table, String phase, Map.Entry<String, JsonNode> party, double seconds) {
    JsonNode figures = party.getValue();
    table.row(
        phase,
        party.getKey(),
        Format.span(seconds),
        Format.bytes(figures.path("sent").asLong()),
        Format.bytes(figures.path("received").asLong()),
        room(figures.path("memory_bytes")),
        room(figures.path("disk_bytes")));
  }

  private static String room(JsonNode bytes) {
    return bytes.isNumber() ? Format.bytes(bytes.asLong()) : "";
  }

  /** One line on where a job stands. */
  void state(JsonNode job) {
    String state = job.path("state").asText();
    String who = names(job.path("undecided"));
    console
        .out()
        .println(
            "%-10s".formatted("state")
                + paint(state).apply(state)
                + (state.equals("PROPOSED") && !who.isEmpty() ? ", waits for " + who : "")
                + (job.path("attempt").asInt() > 1
                    ? ", attempt " + job.path("attempt").asInt()
                    : ""));
    if (job.hasNonNull("cause")) {
      Problem cause = Problem.fromJson(job.path("cause"));
      line("cause", cause.party().map(p -> p + ": ").orElse("") + cause.what());
      cause.detail().ifPresent(detail -> line("", detail));
    }
  }

  void decisions(JsonNode job) {
    for (Map.Entry<String, JsonNode> decision : job.path("decisions").properties()) {
      JsonNode d = decision.getValue();
      line(
          "decision",
          "%s %s%s, %s UTC"
              .formatted(
                  decision.getKey(),
                  d.path("approved").asBoolean() ? "approved" : "denied",
                  d.hasNonNull("reason") ? " (" + d.path("reason").asText() + ")" : "",
                  Format.time(d.path("at"))));
    }
  }

  /** What came of an attempt. */
  void report(JsonNode report) {
    if (report.path("alignment").has("size")) {
      line("cohort", Format.count(report.path("alignment").path("size").asLong()) + " people");
    }
    JsonNode training = report.path("training");
    if (training.isObject()) {
      line(
          "training",
          "%s %s%s%s, %s rows, %s held out"
              .formatted(
                  training.path("passes").asText(),
                  training.path("passes").asInt() == 1 ? "pass" : "passes",
                  !training.has("converged")
                      ? ""
                      : training.path("converged").asBoolean()
                          ? ", converged"
                          : ", stopped before the tolerance: "
                              + training.path("end").asText("at the limit"),
                  training.hasNonNull("objective")
                      ? ", objective " + Format.number(training.path("objective").asDouble())
                      : "",
                  Format.count(training.path("training_rows").asLong()),
                  Format.count(training.path("holdout_rows").asLong())));
      if (training.path("gap").isNumber()) {
        double gap = training.path("gap").asDouble();
        double most = training.path("gap_at_most").asDouble();
        line(
            "gap",
            String.format(Locale.ROOT, "by estimate the objective is %.1e above its minimum", gap)
                + (most > gap
                    ? String.format(Locale.ROOT, ", or up to %.1e: what was opened has noise", most)
                    : ""));
      }
      if (training.hasNonNull("set_aside")) {
        line(
            "early stop",
            "weights after pass %s, by %s people set aside (their loss %s)"
                .formatted(
                    training.path("kept_pass").asText(),
                    Format.count(training.path("set_aside_people").asLong()),
                    Format.number(training.path("set_aside").asDouble())));
      }
      training.path("findings").forEach(finding -> line("finding", finding.asText()));
    }
    path(report.path("path"));
    metrics(report.path("metrics"));
    if (report.path("scores").has("file")) {
      line(
          "scores",
          Format.count(report.path("scores").path("rows").asLong())
              + " in "
              + report.path("scores").path("file").asText());
    }
    figures(report);
    for (Map.Entry<String, JsonNode> receipt : report.path("receipts").properties()) {
      line("receipt", receipt.getKey() + " " + receipt.getValue().asText());
    }
  }

  /** A model card and its evaluation, as {@code silo job report} shows them. */
  void card(JsonNode report) {
    JsonNode job = report.path("job");
    JsonNode card = report.path("card");
    JsonNode model = card.path("model");
    JsonNode people = card.path("people");
    line(
        "model",
        "%s (%s), purpose %s"
            .formatted(
                job.path("name").asText(), job.path("id").asText(), job.path("purpose").asText()));
    line(
        "",
        "%s, level %s, minimised: %s"
            .formatted(
                model.path("type").asText(),
                model.path("level").asText(),
                model.path("minimised").asText()));
    line(
        "people",
        "cohort %s, trained on %s, held out %s"
            .formatted(
                people.path("cohort").asText(),
                people.path("training").asText(),
                people.path("holdout").asText()));
    for (JsonNode party : card.path("parties")) {
      line(
          "party",
          party.path("party").asText()
              + (party.has("label") ? ", label " + party.path("label").asText() : "")
              + (party.has("columns") ? ", columns " + names(party.path("columns")) : ""));
    }
    card.path("findings").forEach(finding -> line("finding", finding.asText()));
    card.path("limits").forEach(limit -> line("limit", limit.asText()));
    learns(card.path("learned"));
    coefficients(report.path("coefficients"));
    path(report.path("path"));
    metrics(report.path("metrics"));
    if (report.path("metrics").path("psi").isNumber()) {
      line(
          "stability",
          "population stability index "
              + Format.number(report.path("metrics").path("psi").asDouble()));
    }
    confusion(report.path("metrics").path("confusion"));
    classes(report.path("metrics"));
    gains(report.path("metrics").path("gains"));
    line("digest", report.path("digests").path("job").asText());
    line("cohort", report.path("digests").path("cohort").asText());
  }

  /** What cross-validation said of each penalty. */
  private void path(JsonNode path) {
    Table table = new Table("L2", "MEAN LOSS", "STANDARD ERROR", "PASSES", "");
    for (JsonNode value : path.path("values")) {
      boolean chosen = value.path("l2").asDouble() == path.path("l2").asDouble();
      table.row(
          Format.number(value.path("l2").asDouble()),
          share(value.path("mean_loss")),
          share(value.path("standard_error")),
          value.path("passes").asText(),
          (chosen ? "chosen" : "")
              + (value.path("converged").asBoolean() ? "" : " short of the tolerance"));
    }
    if (!table.isEmpty()) {
      line(
          "path",
          "loss of people left out, %s folds, chosen: %s"
              .formatted(path.path("folds").asText(), path.path("choose").asText()));
      table.print(console, INDENT);
    }
  }

  private void coefficients(JsonNode weights) {
    Table table = CoefficientTable.empty();
    weights.forEach(weight -> CoefficientTable.row(table, weight));
    if (!table.isEmpty()) {
      line("weights", "of this party's prepared features");
      table.print(console, INDENT);
    }
  }

  private void confusion(JsonNode matrices) {
    Table table =
        new Table("THRESHOLD", "TP", "FP", "FN", "TN", "PRECISION", "RECALL", "F1", "ACCURACY");
    for (JsonNode matrix : matrices) {
      if (matrix.has("withheld")) {
        line(
            "threshold",
            matrix.path("threshold").asText()
                + " is not shown: "
                + matrix.path("withheld").asText());
        continue;
      }
      table.row(
          matrix.path("threshold").asText(),
          Format.count(matrix.path("true_positives").asLong()),
          Format.count(matrix.path("false_positives").asLong()),
          Format.count(matrix.path("false_negatives").asLong()),
          Format.count(matrix.path("true_negatives").asLong()),
          share(matrix.path("precision")),
          share(matrix.path("recall")),
          share(matrix.path("f1")),
          share(matrix.path("accuracy")));
    }
    if (!table.isEmpty()) {
      line("thresholds", "");
      table.print(console, INDENT);
    }
  }

  private void classes(JsonNode metrics) {
    List<String> header = new ArrayList<>(List.of("PREDICTED"));
    metrics.path("classes").forEach(name -> header.add("TRULY " + Format.number(name.asDouble())));
    Table table = new Table(header.toArray(String[]::new));
    for (JsonNode column : metrics.path("class_confusion")) {
      String predicted = Format.number(column.path("predicted").asDouble());
      if (column.has("withheld")) {
        line("class", predicted + " is not shown: " + column.path("withheld").asText());
        continue;
      }
      List<String> row = new ArrayList<>(List.of(predicted));
      column.path("people").forEach(count -> row.add(Format.count(count.asLong())));
      table.row((Object[]) row.toArray(String[]::new));
    }
    if (!table.isEmpty()) {
      line("classes", "people predicted to be of each, by their true class");
      table.print(console, INDENT);
    }
  }

  private void gains(JsonNode gains) {
    Table table = new Table("PEOPLE", "LABEL 1", "SHARE", "LIFT", "FLAGGED", "GAIN");
    for (JsonNode bin : gains) {
      table.row(
          Format.count(bin.path("rows").asLong()),
          Format.count(bin.path("positives").asLong()),
          share(bin.path("observed")),
          share(bin.path("lift")),
          share(bin.path("share_flagged")),
          share(bin.path("gain")));
    }
    if (!table.isEmpty()) {
      line("gains", "highest scores first");
      table.print(console, INDENT);
    }
  }

  private static String share(JsonNode number) {
    return number.isNumber() ? Format.number(number.asDouble()) : "-";
  }

  private void metrics(JsonNode metrics) {
    if (!metrics.isObject()) {
      return;
    }
    if (metrics.has("withheld")) {
      line("hold-out", "no figures: " + metrics.path("withheld").asText());
      return;
    }
    List<String> parts = new ArrayList<>();
    METRICS.forEach(
        (key, name) -> {
          if (metrics.path(key).isNumber()) {
            String interval =
                key.equals("auc") && metrics.path("auc_95").isArray()
                    ? " (95 %: "
                        + Format.number(metrics.path("auc_95").path(0).asDouble())
                        + " to "
                        + Format.number(metrics.path("auc_95").path(1).asDouble())
                        + ")"
                    : "";
            parts.add(
                together(name + " " + Format.number(metrics.path(key).asDouble())) + interval);
          }
        });
    line(
        "hold-out",
        "%s rows%s: %s"
            .formatted(
                Format.count(metrics.path("rows").asLong()),
                metrics.has("positives")
                    ? ", " + Format.count(metrics.path("positives").asLong()) + " positive"
                    : "",
                String.join(", ", parts)));
  }

  private void figures(JsonNode report) {
    List<String> parts = new ArrayList<>();
    double all = 0;
    for (Map.Entry<String, JsonNode> phase : report.path("seconds").properties()) {
      all += phase.getValue().asDouble();
      parts.add(together(phase.getKey() + " " + Format.seconds(phase.getValue().asDouble())));
    }
    if (!parts.isEmpty()) {
      line("time", Format.seconds(all) + " (" + String.join(", ", parts) + ")");
    }
    for (Map.Entry<String, JsonNode> traffic : report.path("bytes").properties()) {
      line(
          "bytes",
          "%s: %s sent, %s received"
              .formatted(
                  traffic.getKey(),
                  Format.bytes(traffic.getValue().path("sent").asLong()),
                  Format.bytes(traffic.getValue().path("received").asLong())));
    }
    if (report.path("peak_memory_bytes").asLong() > 0) {
      line("memory", "peak " + Format.bytes(report.path("peak_memory_bytes").asLong()));
    }
    forecast(report.path("forecast"));
  }

  /** What was predicted beside what it took; the ratio is the one by the other. */
  private void forecast(JsonNode forecast) {
    Table table = new Table("PHASE", "", "PREDICTED", "ACTUAL", "RATIO");
    for (Map.Entry<String, JsonNode> phase : forecast.path("phases").properties()) {
      JsonNode figures = phase.getValue();
      compare(table, phase.getKey(), "time", figures.path("seconds"), JobView::seconds);
      compare(table, phase.getKey(), "sent", figures.path("sent"), JobView::room);
      compare(table, phase.getKey(), "received", figures.path("received"), JobView::room);
    }
    compare(table, "all", "memory", forecast.path("memory_bytes"), JobView::room);
    compare(table, "all", "passes", forecast.path("passes"), JsonNode::asText);
    if (!table.isEmpty()) {
      line("forecast", forecast.path("note").asText());
      table.print(console, INDENT);
    }
  }

  private static void compare(
      Table table, String phase, String what, JsonNode both, Function<JsonNode, String> text) {
    if (both.has("ratio")) {
      table.row(
          phase,
          what,
          text.apply(both.path("predicted")),
          text.apply(both.path("actual")),
          "%.2f".formatted(both.path("ratio").asDouble()));
    }
  }

  private static String seconds(JsonNode seconds) {
    return Format.seconds(seconds.asDouble());
  }

  private void line(String name, String text) {
    console.paragraph("%-10s".formatted(name), INDENT, text);
  }

  /** A name and its figure, which no end of line may part. */
  private static String together(String words) {
    return words.replace(' ', '\u00a0');
  }

  static String names(JsonNode array) {
    List<String> names = new ArrayList<>();
    array.forEach(item -> names.add(item.asText()));
    return String.join(", ", names);
  }
}
