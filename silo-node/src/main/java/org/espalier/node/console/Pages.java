package org.espalier.node.console;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.eclipse.jetty.util.Fields;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.page.Format;
import org.espalier.node.page.Html;

/** The pages by their paths, and what all of them have around them. */
final class Pages {
  private static final List<List<String>> MENU =
      List.of(
          List.of("/", "Inbox"),
          List.of("/jobs", "Jobs"),
          List.of("/partners", "Partners"),
          List.of("/cohorts", "Cohorts"),
          List.of("/policy", "Why not?"),
          List.of("/audit", "Audit log"));
  private static final String JOB = "/jobs/";
  private static final String COHORT = "/cohorts/";
  private static final String LIVE_JOB = "/live/jobs/";
  private static final int MAX_COMPARED = 4;
  private static final int MAX_EVENTS = 200;

  private final String party;
  private final ConsoleServer.Node node;

  Pages(String party, ConsoleServer.Node node) {
    this.party = party;
    this.node = node;
  }

  /**
   * The page of a path, or the part of one that changes; null if there is none.
   *
   * @throws Problem what the node refuses
   */
  String of(String path, boolean post, Fields query) {
    if (post) {
      return switch (path) {
        case "/audit/verify" -> verified();
        case "/policy" -> pasted(value(query, "spec"));
        default -> null;
      };
    }
    if (path.startsWith(LIVE_JOB)) {
      String id = path.substring(LIVE_JOB.length());
      return JobPages.live(standing(id), curve(id)).toString();
    }
    if (path.startsWith(JOB)) {
      return job(path.substring(JOB.length()));
    }
    if (path.startsWith(COHORT)) {
      return cohort(path.substring(COHORT.length()));
    }
    return switch (path) {
      case "/" -> inbox();
      case "/live/inbox" -> InboxPage.live(ask("overview")).toString();
      case "/jobs" -> jobs(query);
      case "/compare" -> compare(query);
      case "/partners" -> partners();
      case "/cohorts" -> cohorts();
      case "/policy" -> policy(query);
      case "/audit" -> audit(query);
      default -> null;
    };
  }

  private JsonNode ask(String command, String... keysAndValues) {
    ObjectNode args = Json.object();
    for (int i = 0; i < keysAndValues.length; i += 2) {
      if (keysAndValues[i + 1] != null && !keysAndValues[i + 1].isBlank()) {
        args.put(keysAndValues[i], keysAndValues[i + 1]);
      }
    }
    return node.ask(command, args);
  }

  private JsonNode standing(String job) {
    return ask("job.standing", "job", job);
  }

  private JsonNode curve(String job) {
    return ask("job.curve", "job", job);
  }

  // ---- pages ------------------------------------------------------------------------------------

  private String inbox() {
    JsonNode all = ask("overview");
    Html html = begin("/", "Inbox");
    html.element("h1", "Inbox");
    html.element("p", "What waits for you, what runs, and what waits for others.", "class", "lead");
    region(html, "/live/inbox", 2000, InboxPage.live(all));
    return end(html, all);
  }

  private String jobs(Fields query) {
    String state = value(query, "state");
    JsonNode all = ask("job.list");
    Html html = begin("/jobs", "Jobs");
    html.element("h1", "Jobs");
    html.element("p", "Newest first. Tick two to four trainings to compare them.", "class", "lead");
    JobPages.list(html, all.path("jobs"), state);
    return end(html, null);
  }

  private String job(String id) {
    JsonNode shown = ask("job.show", "job", id);
    JsonNode standing = standing(id);
    String name = shown.path("name").asText();
    Html html = begin("/jobs", name);
    html.element("h1", name);
    html.element(
        "p",
        "%s, %s for %s, proposed by %s at %s UTC"
            .formatted(
                shown.path("id").asText(),
                shown.path("kind").asText(),
                shown.path("purpose").asText(),
                shown.path("proposer").asText(),
                Format.time(shown.path("created"))),
        "class",
        "lead");
    region(
        html, "/live/jobs/" + shown.path("id").asText(), 1500, JobPages.live(standing, curve(id)));
    JobPages.details(html, shown, ask("job.logs", "job", id).path("lines"));
    return end(html, null);
  }

  private String compare(Fields query) {
    Fields.Field asked = query.get("job");
    List<String> ids = asked == null ? List.of() : asked.getValues().stream().distinct().toList();
    Html html = begin("/jobs", "Comparison");
    html.element("h1", "Runs side by side");
    if (ids.size() < 2 || ids.size() > MAX_COMPARED) {
      html.element("p", "Tick two to four trainings in the list of jobs.", "class", "empty");
    } else {
      List<JsonNode> jobs = new ArrayList<>();
      List<JsonNode> curves = new ArrayList<>();
      for (String id : ids) {
        jobs.add(ask("job.show", "job", id));
        curves.add(curve(id));
      }
      ComparePage.write(html, jobs, curves);
    }
    return end(html, null);
  }

  private String partners() {
    Html html = begin("/partners", "Partners");
    html.element("h1", "Partners");
    html.element(
        "p",
        "The links, and who witnesses how far this node's audit log has come.",
        "class",
        "lead");
    ListPages.partners(html, ask("partner.list").path("partners"), ask("audit.witness"));
    return end(html, null);
  }

  private String cohorts() {
    Html html = begin("/cohorts", "Cohorts");
    html.element("h1", "Cohorts");
    html.element(
        "p",
        "Every finished alignment, kept sealed. A job that uses one again teaches nobody who is in it.",
        "class",
        "lead");
    ListPages.cohorts(html, ask("cohort.list").path("cohorts"));
    return end(html, null);
  }

  private String cohort(String digest) {
    JsonNode cohort = ask("cohort.show", "cohort", digest);
    Html html = begin("/cohorts", "Cohort");
    html.element("h1", "Cohort " + Format.shortened(cohort.path("digest").asText()));
    ListPages.cohort(html, cohort);
    return end(html, null);
  }

  private String policy(Fields query) {
    JsonNode jobs = ask("job.list").path("jobs");
    String id = value(query, "job");
    Html html = begin("/policy", "Why not?");
    html.element("h1", "Why not?");
    html.element(
        "p",
        "What this node checks before it takes part in a job, and the first thing that it would refuse.",
        "class",
        "lead");
    JsonNode shown = id.isBlank() ? null : ask("job.show", "job", id);
    ListPages.verdicts(html, jobs, shown);
    ListPages.paste(html, "");
    return end(html, null);
  }

  /** A job that is nowhere yet, held against the policy. */
  private String pasted(String text) {
    Html html = begin("/policy", "Why not?");
    html.element("h1", "Why not?");
    JsonNode result = null;
    try {
      ObjectNode args = Json.object();
      args.set("spec", Json.yaml("the job", text, JsonNode.class));
      result = node.ask("policy.check", args);
    } catch (Problem e) {
      html.open("section", "class", "card bad wide").element("p", e.what());
      e.detail().ifPresent(detail -> html.element("p", detail, "class", "soft small"));
      html.close("section");
    }
    if (result != null) {
      ListPages.verdicts(html, result);
    }
    ListPages.paste(html, text);
    return end(html, null);
  }

  private String audit(Fields query) {
    ObjectNode args = Json.object().put("count", MAX_EVENTS);
    Map<String, String> asked = new LinkedHashMap<>();
    for (String key : AuditPages.ASKED) {
      String said = value(query, key).strip();
      asked.put(key, said);
      if (key.equals("seq") && said.matches("[0-9]{1,18}")) {
        args.put(key, Long.parseLong(said));
      } else if (!said.isEmpty()) {
        args.put(key, said);
      }
    }
    JsonNode events = node.ask("audit.tail", args).path("events");
    Html html = begin("/audit", "Audit log");
    AuditPages.explorer(html, events, asked);
    return end(html, null);
  }

  private String verified() {
    JsonNode result = ask("audit.verified");
    Html html = begin("/audit", "Verification");
    AuditPages.verification(html, result);
    return end(html, null);
  }

  // ---- around them ------------------------------------------------------------------------------

  private static void region(Html html, String live, int every, Html inside) {
    html.open("div", "data-live", live, "data-every", Integer.toString(every))
        .fragment(inside)
        .close("div");
  }

  private Html begin(String here, String title) {
    Html html = new Html();
    head(html, title);
    html.element("a", "Skip to the content", "class", "skip", "href", "#main");
    html.open("header", "class", "top").open("div", "class", "bar");
    html.open("span", "class", "brand").empty("img", "src", "/icon.svg", "alt", "");
    html.text(party).close("span");
    html.open("nav", "aria-label", "Main").open("ul");
    for (List<String> item : MENU) {
      html.open("li");
      if (item.get(0).equals(here)) {
        html.element("a", item.get(1), "href", item.get(0), "aria-current", "page");
      } else {
        html.element("a", item.get(1), "href", item.get(0));
      }
      html.close("li");
    }
    html.close("ul").close("nav");
    html.open("form", "method", "post", "action", "/leave")
        .element("button", "Sign out", "type", "submit")
        .close("form");
    html.close("div").close("header");
    html.element("p", "", "class", "hidden", "id", "live-status", "role", "status");
    return html.open("main", "id", "main", "tabindex", "-1");
  }

  private static void head(Html html, String title) {
    html.doctype()
        .open("html", "lang", "en")
        .open("head")
        .empty("meta", "charset", "utf-8")
        .empty("meta", "name", "viewport", "content", "width=device-width, initial-scale=1")
        .element("title", title + " - silo")
        .empty("link", "rel", "icon", "href", "/icon.svg", "type", "image/svg+xml")
        .empty("link", "rel", "stylesheet", "href", "/console.css")
        .open("script", "src", "/console.js", "defer", "defer")
        .close("script")
        .close("head")
        .open("body");
  }

  private static String end(Html html, JsonNode status) {
    html.close("main").open("footer");
    html.text("Read only: what is to be done is done with the commands shown. ");
    if (status != null) {
      html.text(
          "Version "
              + status.path("version").asText()
              + ", identity "
              + status.path("fingerprint").asText()
              + ", times in UTC.");
    }
    return html.close("footer").close("body").close("html").toString();
  }

  /** For whoever has no session: says nothing of the node. */
  String noEntry() {
    return alone(
        "No way in",
        "A way in is needed",
        "On the machine of the node, ask for an address that is good once:");
  }

  String left() {
    return alone(
        "Signed out",
        "Signed out",
        "To look again, ask for a new address on the machine of the node:");
  }

  private static String alone(String title, String heading, String text) {
    Html html = new Html();
    head(html, title);
    html.open("main", "id", "main").element("h1", heading).element("p", text);
    html.element("code", "silo console", "class", "command");
    return html.close("main").close("body").close("html").toString();
  }

  String problem(Problem problem) {
    Html html = begin("", "Not possible");
    html.element("h1", "Not possible");
    html.element("p", problem.party().map(p -> p + ": ").orElse("") + problem.what());
    problem.detail().ifPresent(detail -> html.element("p", detail, "class", "soft"));
    problem.next().ifPresent(next -> html.element("code", next, "class", "command"));
    return end(html, null);
  }

  // ---- for all pages ----------------------------------------------------------------------------

  private static String value(Fields query, String name) {
    String value = query.getValue(name);
    return value == null ? "" : value;
  }

  static String css(String state) {
    return switch (state) {
      case "DONE", "APPROVED", "confirmed", "pass", "ok" -> "pill good";
      case "FAILED", "DENIED", "ABORTED", "revoked", "fail" -> "pill bad";
      case "PROPOSED", "pending", "invited", "unknown" -> "pill warn";
      default -> "pill";
    };
  }

  static void pill(Html html, String state) {
    html.element("span", state.toLowerCase(Locale.ROOT), "class", css(state));
  }

  static void facts(Html html, Map<String, String> facts) {
    html.open("dl", "class", "facts");
    facts.forEach(
        (name, value) -> {
          if (!value.isBlank()) {
            html.element("dt", name).element("dd", value);
          }
        });
    html.close("dl");
  }

  static String names(JsonNode array) {
    List<String> names = new ArrayList<>();
    array.forEach(item -> names.add(item.asText()));
    return String.join(", ", names);
  }

  /** Begins a table that scrolls by itself where it is wide. */
  static void table(Html html, String caption, String... header) {
    html.open("div", "class", "scroll", "tabindex", "0", "role", "region", "aria-label", caption)
        .open("table")
        .element("caption", caption, "class", "hidden")
        .open("thead")
        .open("tr");
    for (String name : header) {
      html.element("th", name, "scope", "col");
    }
    html.close("tr").close("thead").open("tbody");
  }

  static void endTable(Html html) {
    html.close("tbody").close("table").close("div");
  }
}
