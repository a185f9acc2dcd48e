package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.espalier.node.page.Format;
import picocli.CommandLine.Command;

@Command(
    name = "status",
    header = "Show how everything stands at all parties, and who must act next.",
    description = {
      "",
      "Examples:",
      "  silo status",
      "  silo status --json | jq '.open[].next'",
      "",
      "What partners say of the jobs is asked now; of a partner that cannot be reached it is the",
      "last that was heard, with its age.",
    })
final class StatusCommand extends SiloCommand {
  @Override
  public Integer call() {
    return show(ask("overview", args()), this::print);
  }

  private void print(JsonNode all) {
    StandingView view = new StandingView(console(), this::withHome);
    Table facts = new Table("", "");
    facts.row(
        "node",
        "%s, up %s, version %s"
            .formatted(
                all.path("name").asText(),
                Format.span(all.path("uptime_seconds").asDouble()),
                all.path("version").asText()));
    if (all.path("halted").isObject()) {
      facts.row(
          "HALTED",
          "%s, since %s: silo resume"
              .formatted(
                  all.at("/halted/reason").asText("no reason given"),
                  all.at("/halted/since").asText("an unknown time")));
    }
    for (JsonNode partner : all.path("partners")) {
      facts.row("partner", partner(partner));
    }
    facts.print(console());
    new JobView(console()).halted(all.path("halted"));
    List<JsonNode> mine = new ArrayList<>();
    List<JsonNode> others = new ArrayList<>();
    for (JsonNode job : all.path("open")) {
      boolean here = false;
      for (JsonNode act : job.path("next")) {
        here |= act.path("here").asBoolean();
      }
      (here ? mine : others).add(job);
    }
    jobs(view, "Waits for you", mine);
    jobs(view, "Runs, or waits for others", others);
    long hidden = all.path("open_in_all").asLong() - all.path("open").size();
    if (hidden > 0) {
      say("and " + hidden + " older jobs that are not over: silo job list");
    }
    if (!all.path("ended").isEmpty()) {
      console().print("");
      console().out().println(console().strong("Over, newest first"));
      Table ended = new Table("", "", "", "");
      for (JsonNode job : all.path("ended")) {
        ended.row(
            job.path("id").asText(),
            job.path("state").asText(),
            job.path("name").asText(),
            Format.time(job.path("updated")) + " UTC");
      }
      ended.print(console(), "  ");
    }
    if (mine.isEmpty() && others.isEmpty() && all.path("ended").isEmpty()) {
      say("No jobs yet.");
      next("silo job plan job.yaml");
    }
  }

  private String partner(JsonNode partner) {
    String name = partner.path("name").asText();
    if (!partner.path("state").asText().equals("confirmed")) {
      return name + " " + partner.path("state").asText() + ": " + partner.path("detail").asText();
    }
    String news =
        partner.hasNonNull("news_age_seconds")
            ? ", last news " + Format.age(partner.path("news_age_seconds").asDouble()) + " ago"
            : ", no news yet";
    return partner.path("connected").asBoolean()
        ? name
            + " connected"
            + news
            + (partner.hasNonNull("rtt_ms")
                ? ", round trip " + partner.path("rtt_ms").asText() + " ms"
                : "")
        : name + " UNREACHABLE" + news + ", " + partner.path("detail").asText();
  }

  private void jobs(StandingView view, String title, List<JsonNode> jobs) {
    if (jobs.isEmpty()) {
      return;
    }
    console().print("");
    console().out().println(console().strong(title));
    for (JsonNode job : jobs) {
      for (String line : view.lines(job)) {
        console().out().println("  " + line);
      }
    }
  }
}
