package org.espalier.node.console;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.espalier.node.page.Format;
import org.espalier.node.page.Html;

/** What waits, what runs, what is over. */
final class InboxPage {
  private InboxPage() {}

  static Html live(JsonNode all) {
    List<JsonNode> mine = new ArrayList<>();
    List<JsonNode> running = new ArrayList<>();
    List<JsonNode> others = new ArrayList<>();
    for (JsonNode job : all.path("open")) {
      boolean here = false;
      for (JsonNode act : job.path("next")) {
        here |= act.path("here").asBoolean();
      }
      boolean runs = job.path("state").asText().equals("RUNNING");
      (runs ? running : here ? mine : others).add(job);
    }
    Html html = new Html();
    html.open(
        "div",
        "data-state",
        mine.size() + " wait for you, " + running.size() + " run, " + others.size() + " wait");
    halted(html, all.path("halted"));
    html.element("h2", mine.isEmpty() ? "Nothing waits for you" : "Waits for you");
    cards(html, mine, "card act");
    if (mine.isEmpty()) {
      html.element(
          "p", "Proposals, failures and approvals that need you appear here.", "class", "empty");
    }
    section(html, "Runs", running);
    section(html, "Waits for others", others);
    partners(html, all.path("partners"));
    over(html, all.path("ended"));
    return html.close("div");
  }

  private static void halted(Html html, JsonNode halted) {
    if (halted.isObject()) {
      html.open("section", "class", "card bad", "aria-label", "Halted");
      html.element("h2", "This node is halted");
      html.element(
          "p",
          "%s, since %s. Nothing is proposed, approved or run."
              .formatted(
                  halted.path("reason").asText("no reason given"),
                  Format.time(halted.path("since"))));
      html.element("code", "silo resume", "class", "command").close("section");
    }
  }

  private static void section(Html html, String title, List<JsonNode> jobs) {
    if (!jobs.isEmpty()) {
      html.element("h2", title);
      cards(html, jobs, "card");
    }
  }

  private static void cards(Html html, List<JsonNode> jobs, String css) {
    if (jobs.isEmpty()) {
      return;
    }
    html.open("div", "class", "cards");
    for (JsonNode job : jobs) {
      html.open("article", "class", job.path("state").asText().equals("FAILED") ? "card bad" : css);
      html.open("div", "class", "head").open("h3");
      html.element("a", job.path("name").asText(), "href", "/jobs/" + job.path("id").asText());
      html.close("h3");
      Pages.pill(html, job.path("state").asText());
      html.close("div");
      html.element(
          "p",
          "%s, %s for %s, by %s"
              .formatted(
                  job.path("id").asText(),
                  job.path("kind").asText(),
                  job.path("purpose").asText(),
                  job.path("proposer").asText()),
          "class",
          "soft small");
      JobPages.progress(html, job);
      JobPages.parties(html, job);
      JobPages.next(html, job);
      html.close("article");
    }
    html.close("div");
  }

  private static void partners(Html html, JsonNode partners) {
    if (partners.isEmpty()) {
      return;
    }
    html.element("h2", "Partners");
    html.open("ul", "class", "plain card");
    for (JsonNode partner : partners) {
      boolean confirmed = partner.path("state").asText().equals("confirmed");
      boolean up = partner.path("connected").asBoolean();
      html.open("li", "class", "party");
      html.element("span", partner.path("name").asText(), "class", "name");
      html.element(
          "span",
          confirmed ? (up ? "connected" : "unreachable") : partner.path("state").asText(),
          "class",
          confirmed ? (up ? "pill good" : "pill bad") : "pill warn");
      html.element("span", ListPages.news(partner), "class", "soft small");
      html.close("li");
    }
    html.close("ul");
  }

  private static void over(Html html, JsonNode ended) {
    if (ended.isEmpty()) {
      return;
    }
    html.element("h2", "Over");
    html.open("ul", "class", "plain card");
    for (JsonNode job : ended) {
      html.open("li", "class", "party");
      html.element("a", job.path("name").asText(), "href", "/jobs/" + job.path("id").asText());
      Pages.pill(html, job.path("state").asText());
      html.element(
          "span",
          job.path("id").asText() + ", " + Format.time(job.path("updated")),
          "class",
          "soft small");
      html.close("li");
    }
    html.close("ul");
  }
}
