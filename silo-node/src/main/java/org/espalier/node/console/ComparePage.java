package org.espalier.node.console;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.espalier.node.page.Format;
import org.espalier.node.page.Html;
import org.espalier.node.page.SvgPlot;

/** Trainings side by side: figures, curves, and the settings in which they differ. */
final class ComparePage {
  /** Keys of a report's metrics to what people call them. */
  static final Map<String, String> METRICS = new LinkedHashMap<>();

  static {
    METRICS.put("auc", "AUC");
    METRICS.put("ks", "KS");
    METRICS.put("average_precision", "Average precision");
    METRICS.put("log_loss", "Log-loss");
    METRICS.put("accuracy", "Accuracy");
    METRICS.put("macro_f1", "Macro F1");
    METRICS.put("brier", "Brier score");
    METRICS.put("rmse", "RMSE");
    METRICS.put("mae", "MAE");
    METRICS.put("r2", "R\u00b2");
  }

  private ComparePage() {}

  static void write(Html html, List<JsonNode> jobs, List<JsonNode> curves) {
    html.element("h2", "Figures");
    List<String> header = new ArrayList<>(List.of("Figure"));
    jobs.forEach(job -> header.add(job.path("name").asText() + " " + job.path("id").asText()));
    Pages.table(html, "Figures", header.toArray(String[]::new));
    row(html, "State", jobs, job -> job.path("state").asText());
    METRICS.forEach(
        (key, name) -> row(html, name, jobs, job -> number(job.at("/report/metrics/" + key))));
    row(html, "Passes", jobs, job -> job.at("/report/training/passes").asText(""));
    row(html, "Objective", jobs, job -> number(job.at("/report/training/objective")));
    row(html, "People in common", jobs, job -> count(job.at("/report/alignment/size")));
    row(html, "Time", jobs, ComparePage::seconds);
    row(html, "Sent", jobs, ComparePage::sent);
    Pages.endTable(html);
    SvgPlot plot = new SvgPlot("curves", "Objective", "pass", "objective");
    for (int i = 0; i < jobs.size(); i++) {
      plot.line(jobs.get(i).path("id").asText(), JobPages.points(curves.get(i)));
    }
    if (plot.shows()) {
      html.element("h2", "Curves").open("div", "class", "card");
      plot.write(html);
      html.close("div");
    }
    settings(html, jobs, header);
  }

  private static void settings(Html html, List<JsonNode> jobs, List<String> header) {
    List<Map<String, String>> flat =
        jobs.stream().map(job -> JobPages.flat(job.path("spec"))).toList();
    Set<String> keys = new LinkedHashSet<>();
    flat.forEach(settings -> keys.addAll(settings.keySet()));
    keys.removeIf(
        key ->
            flat.stream().map(settings -> settings.getOrDefault(key, "")).distinct().count() < 2);
    html.element("h2", "Settings in which they differ");
    if (keys.isEmpty()) {
      html.element("p", "None: the same settings.", "class", "empty");
      return;
    }
    header.set(0, "Setting");
    Pages.table(html, "Settings", header.toArray(String[]::new));
    for (String key : keys) {
      html.open("tr").element("th", key, "scope", "row");
      flat.forEach(
          settings -> html.element("td", settings.getOrDefault(key, "-"), "class", "wrap"));
      html.close("tr");
    }
    Pages.endTable(html);
  }

  private static void row(
      Html html, String name, List<JsonNode> jobs, Function<JsonNode, String> value) {
    List<String> values = jobs.stream().map(value).toList();
    if (values.stream().allMatch(String::isEmpty)) {
      return;
    }
    html.open("tr").element("th", name, "scope", "row");
    values.forEach(text -> html.element("td", text.isEmpty() ? "-" : text));
    html.close("tr");
  }

  private static String number(JsonNode value) {
    return value.isNumber() ? Format.number(value.asDouble()) : "";
  }

  private static String count(JsonNode value) {
    return value.isNumber() ? Format.count(value.asLong()) : "";
  }

  private static String seconds(JsonNode job) {
    double all = 0;
    for (JsonNode seconds : job.at("/report/seconds")) {
      all += seconds.asDouble();
    }
    return all > 0 ? Format.seconds(all) : "";
  }

  private static String sent(JsonNode job) {
    long all = 0;
    for (JsonNode traffic : job.at("/report/bytes")) {
      all += traffic.path("sent").asLong();
    }
    return all > 0 ? Format.bytes(all) : "";
  }
}
