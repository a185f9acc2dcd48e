package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.espalier.node.page.Format;
import org.espalier.wire.Printable;

/** Where a job stands at every party and who acts next, as people read it. */
final class StandingView {
  private static final int BAR = 16;

  private final Console console;
  private final UnaryOperator<String> withHome;

  /**
   * @param withHome makes a command one for this node
   */
  StandingView(Console console, UnaryOperator<String> withHome) {
    this.console = console;
    this.withHome = withHome;
  }

  /** The lines of one job, painted where colours are wanted. */
  List<String> lines(JsonNode standing) {
    List<String> lines = new ArrayList<>();
    lines.add(
        console.strong(text(standing, "id"))
            + "  "
            + text(standing, "name")
            + " ("
            + text(standing, "kind")
            + ")"
            + (standing.path("attempt").asInt() > 1
                ? ", attempt " + standing.path("attempt").asInt()
                : ""));
    int name = 0;
    for (JsonNode party : standing.path("parties")) {
      name = Math.max(name, text(party, "party").length());
    }
    for (JsonNode party : standing.path("parties")) {
      String padded = text(party, "party") + " ".repeat(name);
      lines.add("  " + padded.substring(0, name) + "  " + state(standing, party));
    }
    JsonNode cause = standing.path("cause");
    if (cause.has("what")) {
      String where = text(cause, "party");
      lines.add("  cause: " + (where.isEmpty() ? "" : where + ": ") + text(cause, "what"));
    }
    lines.addAll(next(standing));
    return lines;
  }

  private String state(JsonNode standing, JsonNode party) {
    String state = text(party, "state");
    StringBuilder text = new StringBuilder();
    if (!party.path("known").asBoolean()) {
      text.append(console.warning("unknown at partner"));
      text.append(", ").append(text(party, "problem"));
      if (party.hasNonNull("news_age_seconds")) {
        text.append(", last news ")
            .append(Format.age(party.path("news_age_seconds").asDouble()))
            .append(" ago");
        if (!state.isEmpty()) {
          text.append(": ").append(said(party));
        }
      }
      return text.toString();
    }
    text.append(paint(state).apply(state));
    if (text(standing, "state").equals("PROPOSED") && state.equals("PROPOSED")) {
      String decision = text(party, "decision");
      text.append(
          decision.equals("none") ? ", " + console.warning("not decided") : ", " + decision);
    }
    if (party.path("here").asBoolean()) {
      if (state.equals("RUNNING") && standing.path("progress").isObject()) {
        text.append("  ").append(progress(standing.path("progress")));
      }
    } else {
      if (party.hasNonNull("phase")) {
        text.append(' ').append(text(party, "phase"));
      }
      text.append(", ")
          .append(Format.age(party.path("news_age_seconds").asDouble()))
          .append(" ago");
    }
    return text.toString();
  }

  private static String said(JsonNode party) {
    String phase = text(party, "phase");
    return text(party, "state") + (phase.isEmpty() ? "" : " " + phase);
  }

  private static String progress(JsonNode progress) {
    double total = progress.path("total").asDouble(-1);
    double share = total > 0 ? Math.min(1, progress.path("done").asDouble() / total) : 0;
    List<String> parts = new ArrayList<>();
    parts.add(text(progress, "phase"));
    if (total > 0) {
      parts.add(Format.bar(share, BAR));
      parts.add(Format.percent(share));
    }
    if (text(progress, "step").equals("pass")) {
      parts.add(
          "pass "
              + progress.path("done").asLong()
              + (total > 0 ? "/" + progress.path("total").asLong() : ""));
    }
    if (progress.hasNonNull("objective") && text(progress, "phase").equals("train")) {
      parts.add("objective " + Format.number(progress.path("objective").asDouble()));
    }
    parts.add(Format.seconds(progress.path("elapsed_seconds").asDouble()));
    if (progress.path("eta_seconds").asDouble() > 0) {
      parts.add("ETA " + Format.seconds(progress.path("eta_seconds").asDouble()));
    }
    return String.join("  ", parts);
  }

  /** What may come from a partner, so that nothing of it acts on a terminal. */
  private static String text(JsonNode of, String key) {
    return Printable.of(of.path(key).asText(""));
  }

  private List<String> next(JsonNode standing) {
    List<String> lines = new ArrayList<>();
    for (JsonNode act : standing.path("next")) {
      boolean here = act.path("here").asBoolean();
      String command = text(act, "command");
      lines.add(
          "  next%s: %s   (%s)"
              .formatted(
                  here ? "" : " at " + text(act, "party"),
                  here && command.startsWith("silo ") ? withHome.apply(command) : command,
                  text(act, "why")));
    }
    if (lines.isEmpty()) {
      String why =
          standing.path("tries_again").asBoolean()
              ? "it runs again by itself when it can"
              : text(standing, "state").equals("RUNNING") ? "it runs" : "it is over";
      lines.add("  next: nobody acts, " + why);
    }
    return lines;
  }

  private UnaryOperator<String> paint(String state) {
    return switch (state) {
      case "DONE", "APPROVED" -> console::good;
      case "FAILED", "DENIED", "ABORTED" -> console::bad;
      default -> console::warning;
    };
  }
}
