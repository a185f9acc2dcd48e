package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import org.espalier.node.page.Format;
import org.espalier.wire.Printable;

/** Shows one standing after the other. Not thread-safe. */
final class StandingScreen {
  private static final String ESCAPE = "\u001b[";

  private final Console console;
  private final StandingView view;
  private final boolean json;
  private String before = "";
  private int drawn;

  StandingScreen(Console console, StandingView view, boolean json) {
    this.console = console;
    this.view = view;
    this.json = json;
  }

  void show(JsonNode standing) {
    if (json) {
      if (changed(without(standing))) {
        console.jsonLine(standing);
      }
    } else if (console.terminal()) {
      redraw(view.lines(standing));
    } else {
      String line = line(standing);
      if (changed(line)) {
        console.print(Instant.now().truncatedTo(ChronoUnit.SECONDS) + "  " + line);
        console.out().flush();
      }
    }
  }

  private boolean changed(String now) {
    boolean changed = !now.equals(before);
    before = now;
    return changed;
  }

  /** News alone is that somebody's age of news has grown; of progress whole percents count. */
  private static String without(JsonNode standing) {
    ObjectNode bare = standing.deepCopy();
    if (bare.path("progress") instanceof ObjectNode progress) {
      double total = progress.path("total").asDouble(-1);
      double share = total > 0 ? progress.path("done").asDouble() / total : 0;
      bare.put("progress", progress.path("phase").asText() + Format.percent(share));
    }
    bare.path("parties").forEach(party -> ((ObjectNode) party).remove("news_age_seconds"));
    return bare.toString();
  }

  private static String line(JsonNode standing) {
    List<String> parts = new ArrayList<>();
    for (JsonNode party : standing.path("parties")) {
      String state =
          party.path("known").asBoolean()
              ? (party.path("state").asText() + " " + party.path("phase").asText()).strip()
              : "unknown at partner, " + party.path("problem").asText();
      boolean proposed = standing.path("state").asText().equals("PROPOSED");
      parts.add(
          party.path("party").asText()
              + " "
              + state
              + (proposed
                  ? " " + party.path("decision").asText().replace("none", "undecided")
                  : ""));
    }
    for (JsonNode act : standing.path("next")) {
      parts.add("next at " + act.path("party").asText() + ": " + act.path("command").asText());
    }
    return Printable.of(String.join(" | ", parts));
  }

  /** Over what was drawn before: up, and each line cleared to its end. */
  private void redraw(List<String> lines) {
    StringBuilder out = new StringBuilder();
    if (drawn > 0) {
      out.append(ESCAPE).append(drawn).append('A');
    }
    for (String line : lines) {
      out.append('\r').append(fitted(line)).append(ESCAPE).append("K\n");
    }
    out.append(ESCAPE).append('J');
    console.out().print(out);
    console.out().flush();
    drawn = lines.size();
  }

  /** A line that wrapped would be two; colours take no room. */
  private String fitted(String line) {
    int room = console.width() - 1;
    StringBuilder fitted = new StringBuilder();
    for (int i = 0; i < line.length(); i++) {
      if (line.startsWith(ESCAPE, i)) {
        int end = line.indexOf('m', i);
        fitted.append(line, i, end + 1);
        i = end;
      } else if (room-- > 0) {
        fitted.append(line.charAt(i));
      }
    }
    return fitted.toString();
  }
}
