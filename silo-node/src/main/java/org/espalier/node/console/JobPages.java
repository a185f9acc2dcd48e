package org.espalier.node.console;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.espalier.node.page.Format;
import org.espalier.node.page.Html;
import org.espalier.node.page.SvgPlot;

/** The list of jobs, and one job with its live part. */
final class JobPages {
  private static final List<String> STATES =
      List.of("PROPOSED", "APPROVED", "RUNNING", "DONE", "FAILED", "DENIED", "ABORTED");
  private static final int MAX_LOG = 200;

  private JobPages() {}

  // ---- the list ---------------------------------------------------------------------------------

  static void list(Html html, JsonNode jobs, String state) {
    html.open("form", "class", "filters", "method", "get", "action", "/jobs");
    html.open("label").text("State").open("select", "name", "state");
    html.element("option", "all", "value", "");
    for (String name : STATES) {
      if (name.equals(state)) {
        html.element("option", name, "value", name, "selected", "selected");
      } else {
        html.element("option", name, "value", name);
      }
    }
    html.close("select").close("label").element("button", "Show", "type", "submit").close("form");
    List<JsonNode> shown = new ArrayList<>();
    jobs.forEach(
        job -> {
          if (state.isEmpty() || job.path("state").asText().equals(state)) {
            shown.add(job);
          }
        });
    if (shown.isEmpty()) {
      html.element("p", "No such jobs.", "class", "empty");
      return;
    }
    html.open("form", "method", "get", "action", "/compare");
    Pages.table(html, "Jobs", "Compare", "Job", "State", "Purpose", "Waits for", "Changed");
    for (JsonNode job : shown) {
      String id = job.path("id").asText();
      html.open("tr").open("td");
      if (job.path("kind").asText().equals("train")) {
        html.empty(
            "input", "type", "checkbox", "name", "job", "value", id, "aria-label", "compare " + id);
      }
      html.close("td").open("th", "scope", "row");
      html.element("a", job.path("name").asText(), "href", "/jobs/" + id);
      html.element("div", id + ", " + job.path("kind").asText(), "class", "soft small");
      html.close("th").open("td");
      Pages.pill(html, job.path("state").asText());
      html.close("td");
      html.element("td", job.path("purpose").asText());
      html.element("td", Pages.names(job.path("undecided")));
      html.element("td", Format.time(job.path("updated")));
      html.close("tr");
    }
    Pages.endTable(html);
    html.open("p").element("button", "Compare", "type", "submit", "class", "main").close("p");
    html.close("form");
  }

  // ---- the part that changes --------------------------------------------------------------------

  static Html live(JsonNode standing, JsonNode curve) {
    String state = standing.path("state").asText();
    boolean moves = state.equals("RUNNING") || standing.path("tries_again").asBoolean();
    Html html = new Html();
    html.open(
        "div",
        "data-state",
        standing.path("id").asText()
            + " "
            + state
            + " "
            + standing.at("/progress/phase").asText(""),
        "data-over",
        moves || state.equals("PROPOSED") || state.equals("APPROVED") ? "no" : "yes");
    html.open("div", "class", "two");
    html.open("section", "class", "card", "aria-label", "How it stands");
    html.open("div", "class", "head").element("h3", "At all parties");
    Pages.pill(html, state);
    html.close("div");
    progress(html, standing);
    parties(html, standing);
    JsonNode cause = standing.path("cause");
    if (cause.has("what")) {
      String where = cause.path("party").asText("");
      html.element("p", (where.isEmpty() ? "" : where + ": ") + cause.path("what").asText());
      if (cause.has("detail")) {
        html.element("p", cause.path("detail").asText(), "class", "soft small");
      }
    }
    next(html, standing);
    html.close("section");
    List<SvgPlot.Point> points = points(curve);
    SvgPlot plot = new SvgPlot("curve", "Objective", "pass", "objective").line("objective", points);
    if (plot.shows()) {
      html.open("section", "class", "card", "aria-label", "Curve");
      plot.write(html);
      html.close("section");
    }
    return html.close("div").close("div");
  }

  static List<SvgPlot.Point> points(JsonNode curve) {
    List<SvgPlot.Point> points = new ArrayList<>();
    for (JsonNode point : curve.path("points")) {
      if (point.path(1).isNumber()) {
        points.add(new SvgPlot.Point(point.path(0).asDouble(), point.path(1).asDouble()));
      }
    }
    return points;
  }

  static void progress(Html html, JsonNode standing) {
    JsonNode progress = standing.path("progress");
    if (!progress.isObject()) {
      return;
    }
    double total = progress.path("total").asDouble(-1);
    double share = total > 0 ? Math.min(1, progress.path("done").asDouble() / total) : 0;
    String phase = progress.path("phase").asText();
    if (total > 0) {
      html.element(
          "progress",
          Format.percent(share),
          "max",
          "100",
          "value",
          Long.toString(Math.round(100 * share)),
          "aria-label",
          "progress of " + phase);
    }
    List<String> words = new ArrayList<>();
    words.add(phase + (total > 0 ? " " + Format.percent(share) : ""));
    if (progress.path("step").asText().equals("pass")) {
      words.add(
          "pass "
              + progress.path("done").asText()
              + (total > 0 ? " of " + progress.path("total").asText() : ""));
    }
    words.add(Format.seconds(progress.path("elapsed_seconds").asDouble()) + " so far");
    if (progress.path("eta_seconds").asDouble() > 0) {
      words.add("about " + Format.seconds(progress.path("eta_seconds").asDouble()) + " left");
    }
    html.element("p", String.join(", ", words), "class", "small");
  }

  static void parties(Html html, JsonNode standing) {
    boolean proposed = standing.path("state").asText().equals("PROPOSED");
    for (JsonNode party : standing.path("parties")) {
      html.open("div", "class", "party");
      html.element("span", party.path("party").asText(), "class", "name");
      String state = party.path("state").asText("");
      String decision = party.path("decision").asText();
      List<String> words = new ArrayList<>();
      if (!party.path("known").asBoolean()) {
        html.element("span", "unknown", "class", "pill warn");
        words.add(party.path("problem").asText("no answer"));
        if (!state.isEmpty()) {
          words.add("was " + state.toLowerCase(Locale.ROOT));
        }
      } else if (proposed && state.equals("PROPOSED")) {
        html.element(
            "span",
            decision.equals("none") ? "not decided" : decision,
            "class",
            decision.equals("none") ? "pill warn" : "pill good");
      } else {
        Pages.pill(html, state);
      }
      if (party.hasNonNull("phase")) {
        words.add(party.path("phase").asText());
      }
      if (party.path("here").asBoolean()) {
        words.add("this node");
      } else if (party.hasNonNull("news_age_seconds")) {
        words.add("last news " + Format.age(party.path("news_age_seconds").asDouble()) + " ago");
      }
      html.element("span", String.join(", ", words), "class", "soft small");
      html.close("div");
    }
  }

  static void next(Html html, JsonNode standing) {
    for (JsonNode act : standing.path("next")) {
      boolean here = act.path("here").asBoolean();
      html.element(
          "p",
          (here ? "You: " : act.path("party").asText() + ": ") + act.path("why").asText(),
          "class",
          "small");
      html.element("code", act.path("command").asText(), "class", "command");
    }
  }

  // ---- what does not change ---------------------------------------------------------------------

  static void details(Html html, JsonNode job, JsonNode log) {
    report(html, job.path("report"));
    html.open("div", "class", "two");
    html.open("section", "class", "card").element("h3", "What this node checks");
    checks(html, job.path("checks"));
    html.element("h3", "What its policy says");
    policy(html, job.path("policy"));
    html.close("section");
    html.open("section", "class", "card").element("h3", "Decisions");
    html.open("ul", "class", "plain");
    job.path("decisions")
        .properties()
        .forEach(
            decision -> {
              JsonNode said = decision.getValue();
              html.open("li");
              html.element("strong", decision.getKey());
              html.text(
                  (said.path("approved").asBoolean() ? " approved " : " denied ")
                      + Format.time(said.path("at"))
                      + (said.hasNonNull("reason") ? ": " + said.path("reason").asText() : ""));
              html.close("li");
            });
    job.path("undecided").forEach(party -> html.element("li", party.asText() + " has not decided"));
    html.close("ul");
    people(html, job.path("approval"));
    changes(html, job.path("changes"));
    html.close("section").close("div");
    learns(html, job);
    html.element("h2", "Settings");
    html.open("div", "class", "card wide");
    Pages.facts(html, flat(job.path("spec")));
    html.element("p", "Digest sha256:" + job.path("digest").asText(), "class", "soft small");
    html.close("div");
    html.element("h2", "What this node noted");
    html.open("div", "class", "card").open("pre", "tabindex", "0", "aria-label", "log");
    int skipped = Math.max(0, log.size() - MAX_LOG);
    if (skipped > 0) {
      html.text(skipped + " earlier lines: silo job logs " + job.path("id").asText() + "\n");
    }
    for (int i = skipped; i < log.size(); i++) {
      html.text(Format.time(log.get(i).path("at")) + "  " + log.get(i).path("line").asText());
      html.lineEnd();
    }
    html.close("pre").close("div");
  }

  static void checks(Html html, JsonNode checks) {
    html.open("ul", "class", "plain checks");
    for (JsonNode check : checks) {
      boolean passed = check.path("passed").asBoolean();
      html.open("li");
      html.open("span")
          .element("span", passed ? "pass" : "refused", "class", passed ? "pill good" : "pill bad")
          .close("span");
      html.element("span", check.path("text").asText());
      html.close("li");
    }
    html.close("ul");
  }

  /** Each rule's verdict, and what would allow what is denied. */
  static void policy(Html html, JsonNode verdicts) {
    html.open("ul", "class", "plain checks");
    for (JsonNode verdict : verdicts) {
      boolean passed = verdict.path("passed").asBoolean();
      html.open("li");
      html.open("span")
          .element("span", passed ? "pass" : "denied", "class", passed ? "pill good" : "pill bad")
          .close("span");
      html.open("span");
      html.element("strong", verdict.path("rule").asText());
      html.text(" " + verdict.path("text").asText());
      if (verdict.hasNonNull("allow")) {
        html.element("span", "would be allowed by", "class", "soft small block");
        html.element("code", verdict.path("allow").asText(), "class", "command");
      }
      html.close("span").close("li");
    }
    html.close("ul");
  }

  /** Who of this party has signed, and in which roles somebody still has to. */
  private static void people(Html html, JsonNode approval) {
    if (approval.path("needs").isEmpty()) {
      return;
    }
    html.element("h3", "Own people").open("ul", "class", "plain");
    for (JsonNode word : approval.path("words")) {
      html.element(
          "li",
          "%s (%s) %s %s"
              .formatted(
                  word.path("person").asText(),
                  Pages.names(word.path("roles")),
                  word.path("meaning").asText(),
                  Format.time(word.path("at"))));
    }
    if (!approval.path("missing").isEmpty()) {
      html.element("li", "still to sign: " + Pages.names(approval.path("missing")));
    }
    html.close("ul");
  }

  /** What is different from the last approved job of the same kind. */
  private static void changes(Html html, JsonNode changes) {
    if (!changes.has("against")) {
      return;
    }
    String against = changes.path("against").asText();
    html.element("h3", "Different from the last approved job");
    html.open("p", "class", "small").element("a", against, "href", "/jobs/" + against).close("p");
    html.open("ul", "class", "plain");
    for (JsonNode change : changes.path("settings")) {
      html.open("li", "class", "small").element("strong", change.path("key").asText());
      html.text(": " + shown(change.path("before")) + " became " + shown(change.path("after")));
      html.close("li");
    }
    if (changes.path("settings").isEmpty()) {
      html.element("li", "nothing", "class", "small");
    }
    html.close("ul");
  }

  private static String shown(JsonNode value) {
    return value.isMissingNode() || value.isNull()
        ? "nothing"
        : value.isValueNode() ? value.asText() : value.toString();
  }

  private static void learns(Html html, JsonNode job) {
    JsonNode learned = job.path("report").path("learned");
    JsonNode statements = learned.isEmpty() ? job.path("learns") : learned;
    if (statements.isEmpty()) {
      return;
    }
    Map<String, List<String>> byParty = new LinkedHashMap<>();
    for (JsonNode statement : statements) {
      byParty
          .computeIfAbsent(statement.path("learner").asText(), p -> new ArrayList<>())
          .add(statement.path("text").asText());
    }
    html.element("h2", learned.isEmpty() ? "Who would learn what" : "Who learnt what");
    html.open("div", "class", "cards");
    byParty.forEach(
        (party, texts) -> {
          html.open("section", "class", "card").element("h3", party).open("ul");
          texts.forEach(text -> html.element("li", text, "class", "small"));
          html.close("ul").close("section");
        });
    html.close("div");
  }

  private static void report(Html html, JsonNode report) {
    if (!report.isObject()) {
      return;
    }
    Map<String, String> facts = new LinkedHashMap<>();
    if (report.path("alignment").has("size")) {
      facts.put("People in common", Format.count(report.path("alignment").path("size").asLong()));
    }
    JsonNode training = report.path("training");
    if (training.isObject()) {
      facts.put(
          "Training",
          training.path("passes").asText()
              + " passes"
              + (training.has("converged")
                  ? training.path("converged").asBoolean()
                      ? ", converged"
                      : ", short of the tolerance"
                  : ""));
    }
    ComparePage.METRICS.forEach(
        (key, name) -> {
          if (report.path("metrics").path(key).isNumber()) {
            facts.put(name, Format.number(report.path("metrics").path(key).asDouble()));
          }
        });
    if (report.path("metrics").has("withheld")) {
      facts.put("Hold-out", report.path("metrics").path("withheld").asText());
    }
    double all = 0;
    for (JsonNode seconds : report.path("seconds")) {
      all += seconds.asDouble();
    }
    facts.put("Time", Format.seconds(all));
    report
        .path("bytes")
        .properties()
        .forEach(
            traffic ->
                facts.put(
                    "With " + traffic.getKey(),
                    Format.bytes(traffic.getValue().path("sent").asLong())
                        + " sent, "
                        + Format.bytes(traffic.getValue().path("received").asLong())
                        + " received"));
    html.element("h2", "What came of it");
    html.open("div", "class", "card wide");
    Pages.facts(html, facts);
    html.close("div");
  }

  /** Leaves of a tree with their paths. */
  static Map<String, String> flat(JsonNode tree) {
    Map<String, String> rows = new LinkedHashMap<>();
    flat("", tree, rows);
    return rows;
  }

  private static void flat(String path, JsonNode node, Map<String, String> rows) {
    if (node.isObject()) {
      node.properties()
          .forEach(
              e ->
                  flat(
                      path.isEmpty() ? e.getKey() : path + " / " + e.getKey(), e.getValue(), rows));
    } else if (node.isArray() && !node.isEmpty() && node.get(0).isValueNode()) {
      rows.put(path, Pages.names(node));
    } else if (node.isArray()) {
      for (int i = 0; i < node.size(); i++) {
        flat(path + " " + (i + 1), node.get(i), rows);
      }
    } else if (!node.isNull()) {
      rows.put(path, node.asText());
    }
  }
}
