package org.espalier.node.console;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.espalier.node.page.Format;
import org.espalier.node.page.Html;

/** Partners, cohorts, and what this node checks. */
final class ListPages {
  private ListPages() {}

  static String news(JsonNode partner) {
    String detail = partner.path("detail").asText("");
    String age =
        partner.hasNonNull("news_age_seconds")
            ? "last news "
                + Format.age(partner.path("news_age_seconds").asDouble())
                + " ago"
                + (partner.hasNonNull("rtt_ms")
                    ? ", round trip " + partner.path("rtt_ms").asText() + " ms"
                    : "")
            : "";
    return age.isEmpty() || detail.isEmpty() ? age + detail : age + ", " + detail;
  }

  static void partners(Html html, JsonNode partners, JsonNode witnesses) {
    if (partners.isEmpty()) {
      html.element("p", "No partners yet: silo partner invite NAME", "class", "empty");
      return;
    }
    html.open("div", "class", "cards");
    for (JsonNode partner : partners) {
      String name = partner.path("name").asText();
      boolean confirmed = partner.path("state").asText().equals("confirmed");
      boolean up = partner.path("connected").asBoolean();
      html.open("article", "class", confirmed && !up ? "card bad" : "card");
      html.open("div", "class", "head").element("h3", name);
      html.element(
          "span",
          confirmed ? (up ? "connected" : "unreachable") : partner.path("state").asText(),
          "class",
          confirmed ? (up ? "pill good" : "pill bad") : Pages.css(partner.path("state").asText()));
      html.close("div");
      Map<String, String> facts = new LinkedHashMap<>();
      facts.put("Link", news(partner));
      facts.put("Address", partner.path("url").asText(""));
      facts.put(
          "Clock",
          partner.hasNonNull("skew_ms")
              ? "%+d ms from this node's".formatted(partner.path("skew_ms").asLong())
              : "");
      facts.put("Identity", partner.path("fingerprint").asText(""));
      facts.put("Words", confirmed ? "" : partner.path("words").asText(""));
      for (JsonNode witness : witnesses.path("partners")) {
        if (witness.path("partner").asText().equals(name)) {
          facts.put("Witness", witness(witness));
        }
      }
      Pages.facts(html, facts);
      if (confirmed && !up) {
        html.element("code", "silo doctor " + name, "class", "command");
      }
      html.close("article");
    }
    html.close("div");
  }

  private static String witness(JsonNode witness) {
    String signed =
        witness.hasNonNull("time")
            ? "signed the log up to event %s at %s"
                .formatted(
                    Format.count(witness.path("size").asLong()), Format.time(witness.path("time")))
            : "has signed nothing yet";
    return witness.hasNonNull("problem")
        ? signed + "; " + witness.path("problem").asText()
        : signed;
  }

  static void cohorts(Html html, JsonNode cohorts) {
    if (cohorts.isEmpty()) {
      html.element("p", "No cohorts yet: each finished alignment is kept.", "class", "empty");
      return;
    }
    Pages.table(html, "Cohorts", "Cohort", "Aligned", "People", "Parties", "By", "Job", "Usable");
    for (JsonNode cohort : cohorts) {
      String digest = cohort.path("digest").asText();
      boolean known = cohort.has("size");
      html.open("tr").open("th", "scope", "row");
      html.element("a", Format.shortened(digest), "href", "/cohorts/" + digest, "class", "mono");
      html.close("th");
      html.element("td", known ? Format.time(cohort.path("created")) : "");
      html.element(
          "td", known ? Format.count(cohort.path("size").asLong()) : "", "class", "figure");
      html.element("td", Pages.names(cohort.path("parties")));
      html.element("td", cohort.path("protocol").asText(""));
      html.open("td");
      String job = cohort.path("job").asText("");
      if (!job.isEmpty()) {
        html.element("a", job, "href", "/jobs/" + job);
      }
      html.close("td");
      html.element(
          "td",
          cohort.path("usable").asBoolean() ? "yes" : "no: " + cohort.path("why_not").asText(),
          "class",
          "wrap");
      html.close("tr");
    }
    Pages.endTable(html);
  }

  static void cohort(Html html, JsonNode cohort) {
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("Digest", cohort.path("digest").asText());
    facts.put("People", Format.count(cohort.path("size").asLong()));
    facts.put("Parties", Pages.names(cohort.path("parties")));
    facts.put("Aligned", Format.time(cohort.path("created")));
    facts.put("By protocol", cohort.path("protocol").asText());
    facts.put("Data set then", cohort.path("dataset").asText());
    facts.put("Data set now", cohort.path("dataset_now").asText(""));
    facts.put("Found by rule", Pages.names(cohort.path("matched_by_rule")));
    facts.put("Cannot be used", cohort.path("why_not").asText(""));
    html.open("div", "class", "card wide");
    Pages.facts(html, facts);
    html.close("div");
    html.element("h2", "Its history");
    html.open("ul", "class", "plain card");
    history(html, cohort.path("job").asText(), "aligned it");
    cohort.path("used_by").forEach(use -> history(html, use.path("job").asText(), "uses it again"));
    html.close("ul");
  }

  private static void history(Html html, String job, String what) {
    html.open("li").element("a", job, "href", "/jobs/" + job).text(" " + what).close("li");
  }

  static void verdicts(Html html, JsonNode jobs, JsonNode shown) {
    html.open("form", "class", "filters", "method", "get", "action", "/policy");
    html.open("label").text("Job").open("select", "name", "job");
    String chosen = shown == null ? "" : shown.path("id").asText();
    for (JsonNode job : jobs) {
      String id = job.path("id").asText();
      String text = id + " " + job.path("name").asText() + ", " + job.path("state").asText();
      if (id.equals(chosen)) {
        html.element("option", text, "value", id, "selected", "selected");
      } else {
        html.element("option", text, "value", id);
      }
    }
    html.close("select").close("label").element("button", "Check", "type", "submit").close("form");
    if (shown == null) {
      html.element(
          "p",
          jobs.isEmpty() ? "No jobs yet." : "Choose a job: it is checked as it would be now.",
          "class",
          "empty");
      return;
    }
    boolean refused = false;
    for (String part : List.of("checks", "policy")) {
      for (JsonNode check : shown.path(part)) {
        refused |= !check.path("passed").asBoolean();
      }
    }
    html.open("section", "class", refused ? "card bad" : "card");
    html.open("div", "class", "head");
    html.element("h2", shown.path("name").asText());
    html.element(
        "span",
        refused ? "refused here" : "allowed here",
        "class",
        refused ? "pill bad" : "pill good");
    html.close("div");
    html.element(
        "p",
        refused
            ? "This node would not take part, for what is marked below."
            : "Nothing here stands in the way of this job.");
    html.element("h3", "Policy");
    JobPages.policy(html, shown.path("policy"));
    html.element("h3", "Data and settings");
    JobPages.checks(html, shown.path("checks"));
    html.element(
        "p",
        "Rules are in policy.yaml of the node's folder; a denial ends the checks of data and settings. Partners have rules of their own.",
        "class",
        "soft small");
    html.element("code", "silo policy check " + chosen, "class", "command");
    html.close("section");
  }

  /** The verdicts on a job that was pasted. */
  static void verdicts(Html html, JsonNode result) {
    boolean passed = result.path("passed").asBoolean();
    html.open("section", "class", passed ? "card wide" : "card bad wide");
    html.open("div", "class", "head").element("h2", "The pasted job");
    html.element(
        "span",
        passed ? "allowed here" : "denied here",
        "class",
        passed ? "pill good" : "pill bad");
    html.close("div");
    JobPages.policy(html, result.path("verdicts"));
    html.close("section");
  }

  /** A field for a job file; nothing of it is sent or kept. */
  static void paste(Html html, String text) {
    html.open("form", "class", "paste", "method", "post", "action", "/policy");
    html.open("label")
        .text("A job file, to be held against the policy before anybody else sees it")
        .element("textarea", text, "name", "spec", "rows", "9", "spellcheck", "false")
        .close("label");
    html.element("button", "Check the file", "type", "submit", "class", "main").close("form");
  }
}
