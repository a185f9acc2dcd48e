package org.espalier.node.console;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.espalier.node.config.Json;
import org.espalier.node.page.Format;
import org.espalier.node.page.Html;

/** The newest events of the audit log, and what its verification found. */
final class AuditPages {
  /** What the events are looked for by, as the node calls it. */
  static final List<String> ASKED = List.of("seq", "type", "job", "since", "until");

  private AuditPages() {}

  static void explorer(Html html, JsonNode events, Map<String, String> asked) {
    html.element("h1", "Audit log");
    html.element(
        "p",
        "The newest events, newest first. That the log was read is an event, too.",
        "class",
        "lead");
    html.open("div", "class", "filters");
    html.open("form", "class", "filters", "method", "get", "action", "/audit");
    field(html, "Event", "seq", asked, "4711");
    field(html, "Type", "type", asked, "job.finished");
    field(html, "Job", "job", asked, "J-1a2b3c4d");
    field(html, "Since", "since", asked, "2031-01-31");
    field(html, "Until", "until", asked, "2031-02-01");
    html.element("button", "Show", "type", "submit").close("form");
    html.open("form", "class", "filters", "method", "post", "action", "/audit/verify")
        .element("button", "Verify the whole log", "type", "submit", "class", "main")
        .close("form");
    html.close("div");
    if (events.isEmpty()) {
      html.element("p", "No such events.", "class", "empty");
      return;
    }
    List<JsonNode> newest = new ArrayList<>();
    events.forEach(newest::add);
    Collections.reverse(newest);
    Pages.table(html, "Events", "Event", "Time", "What", "Who", "Job", "Whole");
    for (JsonNode event : newest) {
      String seq = event.path("seq").asText();
      html.open("tr").element("th", seq, "scope", "row");
      String time = Instant.ofEpochMilli(event.path("time").asLong()).toString();
      html.element("td", Format.time(Json.tree(time)));
      html.open("td").element("span", event.path("type").asText());
      String phase = event.path("phase").asText("");
      if (!phase.isEmpty() && !phase.equals("fact")) {
        String result =
            event.path("outcome").path("result").asText(event.path("result").asText(""));
        html.element("div", phase + (result.isEmpty() ? "" : ": " + result), "class", "soft small");
      }
      html.close("td");
      html.element("td", who(event));
      html.open("td");
      String of = event.path("job").path("id").asText("");
      if (!of.isEmpty()) {
        html.element("a", of, "href", "/jobs/" + of);
      }
      html.close("td").open("td").open("details", "id", "event-" + seq);
      html.element("summary", "Show", "aria-label", "show event " + seq);
      html.open("pre");
      for (String line : Json.pretty(event).split("\n", -1)) {
        html.text(line);
        html.lineEnd();
      }
      html.close("pre").close("details").close("td").close("tr");
    }
    Pages.endTable(html);
  }

  private static String who(JsonNode event) {
    JsonNode actor = event.path("actor");
    String id = actor.at("/opened/pseudonym").asText(actor.path("pseudonym").asText());
    return id.isEmpty() ? "the node" : (actor.path("kind").asText("") + " " + id).strip();
  }

  private static void field(
      Html html, String label, String name, Map<String, String> asked, String example) {
    html.open("label")
        .text(label)
        .empty(
            "input",
            "type",
            "text",
            "name",
            name,
            "value",
            asked.get(name),
            "placeholder",
            example,
            "size",
            "14")
        .close("label");
  }

  static void verification(Html html, JsonNode result) {
    boolean ok = result.path("ok").asBoolean();
    html.element("h1", ok ? "The log is intact" : "Something is wrong with the log");
    html.open("section", "class", ok ? "card" : "card bad");
    html.open("div", "class", "head").element("h2", result.path("origin").asText("Audit log"));
    html.element("span", ok ? "verified" : "not ok", "class", ok ? "pill good" : "pill bad");
    html.close("div");
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("Took", Format.seconds(result.path("seconds").asDouble()));
    Pages.facts(html, facts);
    html.open("ul");
    result.path("lines").forEach(line -> html.element("li", line.asText()));
    html.close("ul");
    html.element(
        "p",
        "This node says so of itself. An auditor verifies a copy of the folder elsewhere, with the key that he was given:",
        "class",
        "soft small");
    html.element("code", "silo audit verify", "class", "command");
    html.close("section");
    html.open("p").element("a", "Back to the events", "href", "/audit").close("p");
  }
}
