package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.StreamSupport;
import org.espalier.node.page.Format;
import org.espalier.node.page.Html;
import org.espalier.node.page.SvgPlot;

/**
 * A job's report as one HTML document that needs nothing else: no script, no font, no request.
 * Every plot has its figures as a table beside it. Names and texts of partners are escaped by
 * {@link Html}.
 */
final class ReportPage {
  /** Nothing is loaded, nothing runs, whatever a name might contain. */
  private static final String POLICY =
      "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

  private static final String CSS =
      """
      :root { color-scheme: light dark; --ink: #1b1d21; --paper: #ffffff; --faint: #d5d9df;
        --soft: #f3f4f6; --a: #0b5cad; --b: #b34700; --grey: #6a7078; }
      @media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --paper: #15171a;
        --faint: #3a3f46; --soft: #202327; --a: #7db8f2; --b: #f2a65e; --grey: #9aa1a9; } }
      body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
        max-width: 66rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
      h1 { font-size: 1.7rem; margin-bottom: 0; } h2 { margin-top: 2.2rem; font-size: 1.3rem; }
      h3 { font-size: 1.05rem; }
      table { border-collapse: collapse; margin: .6rem 0; font-size: .9rem; }
      caption { text-align: left; font-weight: 600; padding: .2rem 0; }
      th, td { border-bottom: 1px solid var(--faint); padding: .25rem .7rem .25rem 0;
        text-align: left; vertical-align: top; }
      td.figure, th.figure { text-align: right; font-variant-numeric: tabular-nums; }
      figure { margin: 0; } svg { width: 100%; height: auto; max-width: 32rem; }
      svg.sample { width: 2rem; height: .6rem; margin-right: .3rem; }
      figcaption { font-size: .9rem; } .key { margin-left: 1rem; white-space: nowrap; }
      .pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(19rem, 1fr));
        gap: 1.5rem; align-items: start; margin: 1.2rem 0; }
      .scroll { overflow: auto; max-height: 24rem; }
      text { font-size: 12px; fill: var(--ink); } .middle { text-anchor: middle; }
      .end { text-anchor: end; } .grid { stroke: var(--faint); stroke-width: 1; }
      polyline, line { fill: none; stroke-width: 2; } .line0 { stroke: var(--a); }
      .line1 { stroke: var(--b); stroke-dasharray: 7 4; }
      .reference { stroke: var(--grey); stroke-dasharray: 2 3; stroke-width: 1.5; }
      .mark { fill: var(--paper); stroke-dasharray: none; }
      @media print { .scroll { max-height: none; } }
      """;

  private static final Map<String, String> FIGURES = new LinkedHashMap<>();

  static {
    FIGURES.put("rows", "People held out");
    FIGURES.put("positives", "With label 1");
    FIGURES.put("auc", "AUC");
    FIGURES.put("auc_95", "AUC, 95 % interval (DeLong)");
    FIGURES.put("ks", "Kolmogorov-Smirnov distance");
    FIGURES.put("ks_threshold", "Threshold of that distance, among the points of the curve");
    FIGURES.put("average_precision", "Average precision");
    FIGURES.put("log_loss", "Log-loss, nats");
    FIGURES.put("brier", "Brier score");
    FIGURES.put("accuracy", "Accuracy at 0.5");
    FIGURES.put("macro_f1", "F1, mean of all classes");
    FIGURES.put("calibration_p", "p-value of the calibration (Hosmer-Lemeshow)");
    FIGURES.put("r2", "R\u00b2");
    FIGURES.put("rmse", "Root mean squared error");
    FIGURES.put("mae", "Mean absolute error");
    FIGURES.put("mean_deviance", "Mean deviance");
    FIGURES.put("deviance_explained", "Share of the deviance explained");
    FIGURES.put("psi", "Population stability index, training to held out");
  }

  private final JsonNode report;
  private final Html html = new Html();

  private ReportPage(JsonNode report) {
    this.report = report;
  }

  /** The document of what {@code job.report} answered. */
  static String of(JsonNode report) {
    return new ReportPage(report).page();
  }

  private String page() {
    JsonNode job = report.path("job");
    String title = "Model report: " + job.path("name").asText();
    html.doctype()
        .open("html", "lang", "en")
        .open("head")
        .empty("meta", "charset", "utf-8")
        .empty("meta", "http-equiv", "Content-Security-Policy", "content", POLICY)
        .empty("meta", "name", "viewport", "content", "width=device-width, initial-scale=1")
        .element("title", title)
        .style(CSS)
        .close("head")
        .open("body")
        .open("header")
        .element("h1", title)
        .element(
            "p",
            "Job %s, attempt %s, ended %s UTC. Written by the node of %s."
                .formatted(
                    job.path("id").asText(),
                    job.path("attempt").asText(),
                    Format.time(job.path("ended")),
                    report.path("party").asText()))
        .close("header")
        .open("main");
    card();
    coefficients(report.path("coefficients"));
    path(report.path("path"));
    evaluation(report.path("metrics"));
    passes(report.path("passes"), report.path("card").path("model"));
    cost(report.path("cost"));
    digests(report.path("digests"));
    return html.close("main").close("body").close("html").toString();
  }

  // ---- the card -------------------------------------------------------------------------------

  private void card() {
    JsonNode card = report.path("card");
    JsonNode model = card.path("model");
    JsonNode people = card.path("people");
    html.element("h2", "Model card");
    List<List<String>> facts = new ArrayList<>();
    facts.add(List.of("Purpose", report.path("job").path("purpose").asText()));
    facts.add(List.of("Proposed by", report.path("job").path("proposer").asText()));
    facts.add(
        List.of(
            "Model",
            "%s, level %s, weights: %s"
                .formatted(
                    model.path("type").asText(),
                    model.path("level").asText(),
                    model.path("weights").asText())));
    facts.add(List.of("Minimised", model.path("minimised").asText()));
    facts.add(
        List.of(
            "People",
            "cohort %s, trained on %s, held out %s"
                .formatted(
                    people.path("cohort").asText(),
                    people.path("training").asText(),
                    people.path("holdout").asText())));
    facts.add(List.of("Passes", model.path("passes").asText()));
    if (model.has("start")) {
      facts.add(List.of("Began at", "the model of " + model.path("start").asText()));
    }
    if (model.has("kept_pass")) {
      facts.add(
          List.of(
              "Early stopping",
              "weights after pass %s, where the loss of a tenth of the training people, set aside, is %s"
                  .formatted(
                      model.path("kept_pass").asText(),
                      SvgPlot.number(model.path("set_aside").asDouble()))));
    }
    if (model.has("converged")) {
      facts.add(
          List.of(
              "End of training",
              (model.path("converged").asBoolean() ? "converged: " : "short of the tolerance: ")
                  + model.path("end").asText()));
    }
    addFigure(facts, "Objective reached", model.path("objective"));
    addFigure(facts, "Above the minimum, by estimate", model.path("gap"));
    addFigure(facts, "and at most", model.path("gap_at_most"));
    table("The model", List.of(), facts);

    List<List<String>> parties = new ArrayList<>();
    for (JsonNode party : card.path("parties")) {
      String columns =
          party.has("columns")
              ? JobView.names(party.path("columns"))
              : "all features; the job names none";
      parties.add(
          List.of(
              party.path("party").asText(),
              party.has("label") ? label(party) : "features",
              party.path("dataset").asText(),
              columns,
              party.path("prepared_columns").asText("")));
    }
    table(
        "Parties, and columns as far as this node knows them",
        List.of("Party", "Brings", "Data set", "Columns", "Prepared columns"),
        parties);
    List<List<String>> dropped = new ArrayList<>();
    for (JsonNode party : card.path("parties")) {
      for (JsonNode column : party.path("dropped")) {
        dropped.add(List.of(column.path("column").asText(), column.path("reason").asText()));
      }
    }
    table("Own columns that were left out", List.of("Column", "Why"), dropped);

    list("Findings of the training", card.path("findings"));
    list("Limits", card.path("limits"));
    html.element("h3", "What each party learned");
    List<List<String>> learned = new ArrayList<>();
    for (JsonNode statement : card.path("learned")) {
      learned.add(List.of(statement.path("learner").asText(), statement.path("text").asText()));
    }
    table("", List.of("Party", "Learned"), learned);
    table("Parameters that ran", List.of("Parameter", "Value"), flat(card.path("parameters")));
    table("Settings of the job", List.of("Setting", "Value"), flat(card.path("settings")));
  }

  private static String label(JsonNode party) {
    return "label: "
        + party.path("label").asText()
        + (party.has("weight") ? ", weight: " + party.path("weight").asText() : "")
        + (party.has("exposure") ? ", exposure: " + party.path("exposure").asText() : "");
  }

  private static void addFigure(List<List<String>> facts, String name, JsonNode value) {
    if (value.isNumber()) {
      facts.add(List.of(name, SvgPlot.number(value.asDouble())));
    }
  }

  /** Leaves of a tree with their paths. */
  private static List<List<String>> flat(JsonNode tree) {
    List<List<String>> rows = new ArrayList<>();
    flat("", tree, rows);
    return rows;
  }

  private static void flat(String path, JsonNode node, List<List<String>> rows) {
    if (node.isObject()) {
      node.properties()
          .forEach(
              e -> flat(path.isEmpty() ? e.getKey() : path + "." + e.getKey(), e.getValue(), rows));
    } else if (node.isArray()) {
      rows.add(List.of(path, JobView.names(node)));
    } else if (!node.isMissingNode() && !node.isNull()) {
      rows.add(List.of(path, node.asText()));
    }
  }

  private void list(String name, JsonNode texts) {
    if (!texts.isEmpty()) {
      html.element("h3", name).open("ul");
      texts.forEach(text -> html.element("li", text.asText()));
      html.close("ul");
    }
  }

  // ---- evaluation -----------------------------------------------------------------------------

  private void evaluation(JsonNode metrics) {
    if (!metrics.isObject()) {
      return;
    }
    html.element("h2", "Evaluation on people who were held out");
    if (metrics.has("withheld")) {
      html.element("p", metrics.path("withheld").asText());
      return;
    }
    List<List<String>> figures = new ArrayList<>();
    FIGURES.forEach(
        (key, name) -> {
          JsonNode value = metrics.path(key);
          if (value.isArray()) {
            figures.add(List.of(name, figure(value.path(0)) + " to " + figure(value.path(1))));
          } else if (value.isNumber()) {
            figures.add(List.of(name, figure(value)));
          }
        });
    table("Figures", List.of(), figures);
    curves(metrics.path("curve"));
    gains(metrics.path("gains"));
    calibration(metrics.path("calibration"));
    confusion(metrics.path("confusion"));
    classes(metrics);
    regression(metrics);
    stability(metrics.path("psi_bins"));
  }

  private void curves(JsonNode curve) {
    if (curve.isEmpty()) {
      return;
    }
    SvgPlot roc =
        new SvgPlot("roc", "ROC curve", "false positive rate", "recall")
            .shares()
            .line("model", points(curve, "false_positive_rate", "recall"))
            .reference("chance", new SvgPlot.Point(0.0, 0.0), new SvgPlot.Point(1.0, 1.0));
    SvgPlot precision =
        new SvgPlot("precision", "Precision and recall", "recall", "precision")
            .shares()
            .line("model", points(curve, "recall", "precision"));
    SvgPlot ks =
        new SvgPlot("ks", "Kolmogorov-Smirnov", "threshold", "share flagged")
            .shares()
            .line("label 1", points(curve, "threshold", "recall"))
            .line("label 0", points(curve, "threshold", "false_positive_rate"));
    beside(roc, precision);
    List<List<String>> rows = new ArrayList<>();
    for (JsonNode point : curve) {
      double distance =
          point.path("recall").asDouble() - point.path("false_positive_rate").asDouble();
      rows.add(
          List.of(
              figure(point.path("threshold")),
              count(point.path("flagged")),
              count(point.path("hits")),
              figure(point.path("recall")),
              figure(point.path("false_positive_rate")),
              figure(point.path("precision")),
              point.path("recall").isNumber() && point.path("false_positive_rate").isNumber()
                  ? Format.number(distance)
                  : ""));
    }
    pair(
        () ->
            table(
                "Points of these curves",
                List.of(
                    "Threshold",
                    "Flagged",
                    "Label 1",
                    "Recall",
                    "False positive rate",
                    "Precision",
                    "Distance"),
                rows),
        ks);
  }

  private void gains(JsonNode gains) {
    if (gains.isEmpty()) {
      return;
    }
    List<SvgPlot.Point> points = new ArrayList<>();
    points.add(new SvgPlot.Point(0.0, 0.0));
    points.addAll(points(gains, "share_flagged", "gain"));
    SvgPlot plot =
        new SvgPlot("gain", "Cumulative gain", "share flagged", "share of label 1 found")
            .shares()
            .line("model", points)
            .reference("chance", new SvgPlot.Point(0.0, 0.0), new SvgPlot.Point(1.0, 1.0));
    SvgPlot lift =
        new SvgPlot("lift", "Lift", "share flagged", "lift")
            .line("each bin", points(gains, "share_flagged", "lift"))
            .line("all so far", points(gains, "share_flagged", "cumulative_lift"))
            .reference("chance", new SvgPlot.Point(0.0, 1.0), new SvgPlot.Point(1.0, 1.0));
    pair(
        () ->
            table(
                "Gain and lift, highest scores first",
                List.of("People", "Label 1", "Share", "Lift", "Flagged", "Gain", "Lift so far"),
                rows(
                    gains,
                    List.of("rows", "positives"),
                    List.of("observed", "lift", "share_flagged", "gain", "cumulative_lift"))),
        plot,
        lift);
  }

  private void calibration(JsonNode bins) {
    if (bins.isEmpty()) {
      return;
    }
    SvgPlot plot =
        new SvgPlot("calibration", "Calibration", "mean predicted probability", "share of label 1")
            .shares()
            .line("model", points(bins, "predicted", "observed"))
            .reference("perfect", new SvgPlot.Point(0.0, 0.0), new SvgPlot.Point(1.0, 1.0));
    pair(
        () ->
            table(
                "Calibration",
                List.of("People", "Label 1", "Predicted", "Observed"),
                rows(bins, List.of("rows", "positives"), List.of("predicted", "observed"))),
        plot);
  }

  private void confusion(JsonNode matrices) {
    List<List<String>> rows = new ArrayList<>();
    List<String> withheld = new ArrayList<>();
    for (JsonNode matrix : matrices) {
      if (matrix.has("withheld")) {
        withheld.add(
            "Threshold %s is not shown: %s."
                .formatted(matrix.path("threshold").asText(), matrix.path("withheld").asText()));
        continue;
      }
      List<String> row = new ArrayList<>();
      row.add(matrix.path("threshold").asText());
      for (String key :
          List.of("true_positives", "false_positives", "false_negatives", "true_negatives")) {
        row.add(count(matrix.path(key)));
      }
      for (String key : List.of("precision", "recall", "specificity", "f1", "accuracy")) {
        row.add(figure(matrix.path(key)));
      }
      rows.add(row);
    }
    table(
        "Confusion matrices",
        List.of(
            "Threshold",
            "True positives",
            "False positives",
            "False negatives",
            "True negatives",
            "Precision",
            "Recall",
            "Specificity",
            "F1",
            "Accuracy"),
        rows);
    withheld.forEach(text -> html.element("p", text));
  }

  private void classes(JsonNode metrics) {
    List<String> header = new ArrayList<>(List.of("Predicted"));
    metrics.path("classes").forEach(name -> header.add("Truly " + figure(name)));
    header.add("Precision");
    List<List<String>> rows = new ArrayList<>();
    List<String> withheld = new ArrayList<>();
    for (JsonNode column : metrics.path("class_confusion")) {
      String predicted = figure(column.path("predicted"));
      if (column.has("withheld")) {
        withheld.add(
            "Class %s is not shown: %s.".formatted(predicted, column.path("withheld").asText()));
        continue;
      }
      List<String> row = new ArrayList<>(List.of(predicted));
      column.path("people").forEach(people -> row.add(count(people)));
      row.add(figure(column.path("precision")));
      rows.add(row);
    }
    if (metrics.has("class_confusion")) {
      table("People by predicted and by true class", header, rows);
      withheld.forEach(text -> html.element("p", text));
    }
  }

  private void regression(JsonNode metrics) {
    JsonNode bins = metrics.path("bins");
    if (bins.isEmpty()) {
      return;
    }
    double low = Math.min(least(bins, "predicted"), least(bins, "observed"));
    double high = -Math.min(least(bins, "-predicted"), least(bins, "-observed"));
    SvgPlot plot =
        new SvgPlot("fit", "Observed against predicted", "mean prediction", "mean outcome")
            .line("model", points(bins, "predicted", "observed"))
            .reference("perfect", new SvgPlot.Point(low, low), new SvgPlot.Point(high, high));
    pair(
        () ->
            table(
                "Predictions by size",
                List.of("People", "Predicted", "Observed"),
                rows(bins, List.of("rows"), List.of("predicted", "observed"))),
        plot);
    List<List<String>> quantiles = new ArrayList<>();
    for (JsonNode quantile : metrics.path("residuals")) {
      quantiles.add(
          List.of(
              Format.percent(quantile.path("level").asDouble()),
              quantile.path("residual").isNumber()
                  ? figure(quantile.path("residual"))
                  : "not shown"));
    }
    table("Residuals: outcome minus prediction", List.of("Share below", "Residual"), quantiles);
  }

  private void coefficients(JsonNode weights) {
    if (weights.isEmpty()) {
      return;
    }
    List<List<String>> rows = new ArrayList<>();
    for (JsonNode weight : weights) {
      List<String> row = new ArrayList<>();
      row.add(weight.path("feature").asText());
      for (String key : List.of("weight", "standard_error", "z", "p", "low", "high", "vif")) {
        row.add(figure(weight.path(key)));
      }
      rows.add(row);
    }
    table(
        "Weights of this party's prepared features",
        List.of("Feature", "Weight", "Standard error", "z", "p", "95% from", "to", "VIF"),
        rows);
  }

  /** The curve of the cross-validation. */
  private void path(JsonNode path) {
    List<SvgPlot.Point> losses = new ArrayList<>();
    Deque<SvgPlot.Point> around = new ArrayDeque<>();
    List<List<String>> rows = new ArrayList<>();
    for (JsonNode value : path.path("values")) {
      double at = Math.log10(value.path("l2").asDouble());
      double loss = value.path("mean_loss").asDouble();
      double error = value.path("standard_error").asDouble();
      losses.add(new SvgPlot.Point(at, loss));
      around.addFirst(new SvgPlot.Point(at, loss + error));
      around.addLast(new SvgPlot.Point(at, loss - error));
      boolean chosen = value.path("l2").asDouble() == path.path("l2").asDouble();
      rows.add(
          List.of(
              SvgPlot.number(value.path("l2").asDouble()) + (chosen ? ", chosen" : ""),
              figure(value.path("mean_loss")),
              figure(value.path("standard_error")),
              value.path("passes").asText()
                  + (value.path("converged").asBoolean() ? "" : ", short of the tolerance")));
    }
    if (rows.isEmpty()) {
      return;
    }
    html.element("h2", "Penalties by cross-validation");
    html.element(
        "p",
        "%s folds of the people trained on; chosen by the rule %s. Losses are half the mean deviance."
            .formatted(path.path("folds").asText(), path.path("choose").asText()));
    pair(
        () ->
            table(
                "Loss of people who were left out",
                List.of("l2", "Mean loss", "Standard error", "Passes"),
                rows),
        new SvgPlot("path", "Loss of people who were left out", "log10 of l2", "loss")
            .line("mean", losses)
            .line("one standard error around it", List.copyOf(around)));
  }

  private static double least(JsonNode rows, String key) {
    boolean negative = key.startsWith("-");
    String name = negative ? key.substring(1) : key;
    return StreamSupport.stream(rows.spliterator(), false)
        .mapToDouble(row -> (negative ? -1 : 1) * row.path(name).asDouble())
        .min()
        .orElse(0);
  }

  private void stability(JsonNode bins) {
    table(
        "Share of people by score, lowest first",
        List.of("Training", "Held out"),
        rows(bins, List.of(), List.of("training", "holdout")));
  }

  // ---- training, cost, digests ----------------------------------------------------------------

  private void passes(JsonNode passes, JsonNode model) {
    List<List<String>> rows = new ArrayList<>();
    List<SvgPlot.Point> gaps = new ArrayList<>();
    List<SvgPlot.Point> objectives = new ArrayList<>();
    List<SvgPlot.Point> aside = new ArrayList<>();
    for (JsonNode pass : passes) {
      double gap = pass.path("estimated_gap").asDouble();
      Double number = pass.path("pass").asDouble();
      if (pass.path("estimated_gap").isNumber() && gap > 0) {
        gaps.add(new SvgPlot.Point(number, Math.log10(gap)));
      }
      if (pass.path("objective").isNumber()) {
        objectives.add(new SvgPlot.Point(number, pass.path("objective").asDouble()));
      }
      if (pass.path("set_aside").isNumber()) {
        aside.add(new SvgPlot.Point(number, pass.path("set_aside").asDouble()));
      }
      rows.add(
          List.of(
              pass.path("pass").asText(),
              pass.path("objective").isNumber()
                  ? String.format(Locale.ROOT, "%.6f", pass.path("objective").asDouble())
                  : "not opened",
              pass.path("estimated_gap").isNumber() ? SvgPlot.number(gap) : "",
              Format.seconds(pass.path("seconds").asDouble())));
    }
    if (rows.isEmpty()) {
      return;
    }
    // Of a regression both are at the weights with which a pass began; those at the end are the
    // model's, if they were kept.
    boolean kept = model.has("kept_pass");
    if (kept && model.path("kept_pass").asInt() == rows.size()) {
      aside.add(new SvgPlot.Point(rows.size() + 1.0, model.path("set_aside").asDouble()));
    }
    html.element("h2", "Training, pass by pass");
    SvgPlot objective =
        new SvgPlot("objective", "Objective", "pass", "objective").line("objective", objectives);
    SvgPlot gap =
        aside.isEmpty()
            ? new SvgPlot("gap", "Estimated distance from the minimum", "pass", "log10 of the gap")
                .line("gap", gaps)
            : new SvgPlot(
                    "aside",
                    "Loss of training people set aside",
                    kept ? "before pass" : "epoch",
                    "loss")
                .line("loss", aside);
    beside(objective, gap);
    html.open("div", "class", "scroll", "tabindex", "0");
    table("Passes", List.of("Pass", "Objective", "Estimated gap", "Time"), rows);
    html.close("div");
  }

  private void cost(JsonNode cost) {
    html.element("h2", "Cost at this node, predicted and actual");
    List<List<String>> rows = new ArrayList<>();
    JsonNode forecast = cost.path("forecast");
    for (Map.Entry<String, JsonNode> phase : forecast.path("phases").properties()) {
      JsonNode figures = phase.getValue();
      Function<JsonNode, String> time = v -> Format.seconds(v.asDouble());
      Function<JsonNode, String> bytes = v -> Format.bytes(v.asLong());
      compare(rows, phase.getKey() + ": time", figures.path("seconds"), time);
      compare(rows, phase.getKey() + ": sent", figures.path("sent"), bytes);
      compare(rows, phase.getKey() + ": received", figures.path("received"), bytes);
    }
    compare(rows, "memory", forecast.path("memory_bytes"), v -> Format.bytes(v.asLong()));
    compare(rows, "passes", forecast.path("passes"), JsonNode::asText);
    table(
        "Predicted beside actual; the ratio is the one by the other",
        List.of("What", "Predicted", "Actual", "Ratio"),
        rows);
    if (forecast.hasNonNull("note")) {
      html.element("p", forecast.path("note").asText());
    }
    List<List<String>> actual = new ArrayList<>();
    cost.path("seconds")
        .properties()
        .forEach(p -> actual.add(List.of(p.getKey(), Format.seconds(p.getValue().asDouble()))));
    table("Time of each phase", List.of("Phase", "Time"), actual);
    List<List<String>> traffic = new ArrayList<>();
    cost.path("bytes")
        .properties()
        .forEach(
            p ->
                traffic.add(
                    List.of(
                        p.getKey(),
                        Format.bytes(p.getValue().path("sent").asLong()),
                        Format.bytes(p.getValue().path("received").asLong()))));
    table("Bytes", List.of("Partner", "Sent", "Received"), traffic);
    if (cost.path("peak_memory_bytes").asLong() > 0) {
      html.element("p", "Peak memory: " + Format.bytes(cost.path("peak_memory_bytes").asLong()));
    }
  }

  private static void compare(
      List<List<String>> rows, String what, JsonNode both, Function<JsonNode, String> text) {
    if (both.has("ratio")) {
      rows.add(
          List.of(
              what,
              text.apply(both.path("predicted")),
              text.apply(both.path("actual")),
              String.format(Locale.ROOT, "%.2f", both.path("ratio").asDouble())));
    }
  }

  private void digests(JsonNode digests) {
    html.element("h2", "Evidence");
    html.element(
        "p",
        "Every party signed a receipt with these digests; checkpoints are heads of the parties'"
            + " audit logs when they signed. Logs and exports are verified with silo audit verify.");
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("job", digests.path("job").asText()));
    rows.add(List.of("cohort", digests.path("cohort").asText()));
    for (Map.Entry<String, JsonNode> point : digests.path("checkpoints").properties()) {
      rows.add(
          List.of(
              "log of " + point.getKey(),
              "%s, %s events, root %s"
                  .formatted(
                      point.getValue().path("origin").asText(),
                      point.getValue().path("size").asText(),
                      point.getValue().path("root").asText())));
    }
    digests
        .path("receipts")
        .properties()
        .forEach(
            receipt ->
                rows.add(List.of("receipt of " + receipt.getKey(), receipt.getValue().asText())));
    table("Digests", List.of("Of", "Value"), rows);
  }

  // ---- tables and plots -----------------------------------------------------------------------

  private static List<SvgPlot.Point> points(JsonNode rows, String x, String y) {
    List<SvgPlot.Point> points = new ArrayList<>();
    for (JsonNode row : rows) {
      points.add(new SvgPlot.Point(value(row.path(x)), value(row.path(y))));
    }
    return points;
  }

  private static Double value(JsonNode node) {
    return node.isNumber() ? node.doubleValue() : null;
  }

  private static List<List<String>> rows(JsonNode rows, List<String> counts, List<String> figures) {
    List<List<String>> table = new ArrayList<>();
    for (JsonNode row : rows) {
      List<String> cells = new ArrayList<>();
      counts.forEach(key -> cells.add(count(row.path(key))));
      figures.forEach(key -> cells.add(figure(row.path(key))));
      table.add(cells);
    }
    return table;
  }

  private static String count(JsonNode node) {
    return Format.count(node.asLong());
  }

  private static String figure(JsonNode node) {
    if (!node.isNumber()) {
      return "";
    }
    return node.isIntegralNumber() ? Format.count(node.asLong()) : measured(node.asDouble());
  }

  /** Four decimals, or as many digits as a number in another unit needs. */
  private static String measured(double value) {
    double size = Math.abs(value);
    return size == 0 || (size >= 1e-3 && size < 1e3)
        ? Format.number(value)
        : String.format(Locale.ROOT, "%.5g", value);
  }

  private void beside(SvgPlot... plots) {
    html.open("div", "class", "pair");
    for (SvgPlot plot : plots) {
      if (plot.shows()) {
        plot.write(html);
      }
    }
    html.close("div");
  }

  private void pair(Runnable table, SvgPlot... plots) {
    html.open("div", "class", "pair");
    for (SvgPlot plot : plots) {
      if (plot.shows()) {
        plot.write(html);
      }
    }
    html.open("div", "class", "scroll", "tabindex", "0");
    table.run();
    html.close("div").close("div");
  }

  /** A table with figures to the right; nothing where there are no rows. */
  private void table(String caption, List<String> header, List<List<String>> rows) {
    if (rows.isEmpty()) {
      return;
    }
    html.open("table");
    if (!caption.isEmpty()) {
      html.element("caption", caption);
    }
    if (!header.isEmpty()) {
      html.open("thead").open("tr");
      header.forEach(name -> html.element("th", name, "scope", "col"));
      html.close("tr").close("thead");
    }
    html.open("tbody");
    for (List<String> row : rows) {
      html.open("tr");
      for (int i = 0; i < row.size(); i++) {
        String cell = row.get(i);
        if (i == 0) {
          html.element("th", cell, "scope", "row");
        } else {
          html.element("td", cell, "class", Table.isFigure(cell) ? "figure" : "text");
        }
      }
      html.close("tr");
    }
    html.close("tbody").close("table");
  }
}
