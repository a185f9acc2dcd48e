package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.espalier.node.page.Format;
import org.espalier.wire.Printable;

/**
 * Shows how far a job is: one line that is redrawn where a person watches, else one line for each
 * phase. Not thread-safe.
 */
final class ProgressLine {
  private static final int BAR = 20;
  private static final double STALE_SECONDS = 15;

  private final Console console;
  private String state = "";
  private String phase = "";
  private String drawn = "";
  private double phaseBegan;

  ProgressLine(Console console) {
    this.console = console;
  }

  /**
   * @param event {@code state} and, while the job runs, {@code progress}
   */
  void show(JsonNode event) {
    JsonNode progress = event.path("progress");
    String nextState = event.path("state").asText(state);
    String nextPhase = progress.path("phase").asText("");
    if (!console.terminal()) {
      if (!nextState.equals(state)) {
        console.say(nextState.toLowerCase(Locale.ROOT));
      }
      if (!nextPhase.equals(phase) && !nextPhase.isEmpty()) {
        console.say(plain(progress));
      }
    } else if (progress.isObject()) {
      double elapsed = progress.path("elapsed_seconds").asDouble();
      if (!nextPhase.equals(phase)) {
        finishPhase(elapsed);
        phaseBegan = elapsed;
      }
      redraw(line(progress));
    } else if (!nextState.equals(state)) {
      end();
      console.say(nextState.toLowerCase(Locale.ROOT));
    }
    state = nextState;
    phase = nextPhase;
  }

  /** News come twice a second, so a phase's time is right to about that. */
  private void finishPhase(double elapsed) {
    if (!drawn.isEmpty()) {
      redraw(
          "%-8s  %s   100%%  about %s"
              .formatted(phase, Format.bar(1, BAR), Format.seconds(elapsed - phaseBegan)));
      end();
    }
  }

  /** Leaves the line as it is and goes to the next one. */
  void end() {
    if (!drawn.isEmpty()) {
      console.err().println();
      drawn = "";
    }
  }

  private void redraw(String line) {
    String printable = Printable.of(line);
    String cut =
        printable.length() < console.width()
            ? printable
            : printable.substring(0, console.width() - 1);
    // Spaces instead of an erase sequence: works on every terminal.
    console.err().print("\r" + cut + " ".repeat(Math.max(0, drawn.length() - cut.length())));
    console.err().flush();
    drawn = cut;
  }

  private static String plain(JsonNode progress) {
    return "phase %s, %s after the start, %s"
        .formatted(
            progress.path("phase").asText(),
            Format.seconds(progress.path("elapsed_seconds").asDouble()),
            bytes(progress));
  }

  static String line(JsonNode progress) {
    List<String> parts = new ArrayList<>();
    double total = progress.path("total").asDouble(-1);
    double share = total > 0 ? progress.path("done").asDouble() / total : 0;
    parts.add("%-8s".formatted(progress.path("phase").asText()));
    parts.add(total > 0 ? Format.bar(share, BAR) : ".".repeat(BAR));
    parts.add(total > 0 ? "%4.0f%%".formatted(100 * Math.min(1, share)) : "     ");
    parts.add(step(progress));
    if (progress.hasNonNull("objective") && progress.path("phase").asText().equals("train")) {
      parts.add("objective " + Format.number(progress.path("objective").asDouble()));
    }
    if (progress.path("eta_seconds").asDouble() > 0) {
      parts.add("ETA " + Format.seconds(progress.path("eta_seconds").asDouble()));
    }
    parts.add(bytes(progress));
    for (Map.Entry<String, JsonNode> partner : progress.path("partners").properties()) {
      parts.add(partner(partner.getKey(), partner.getValue()));
    }
    parts.removeIf(String::isEmpty);
    return String.join("  ", parts);
  }

  private static String step(JsonNode progress) {
    String step = progress.path("step").asText();
    long total = progress.path("total").asLong(-1);
    return step.equals("pass")
        ? "pass " + progress.path("done").asLong() + (total > 0 ? "/" + total : "")
        : step;
  }

  private static String bytes(JsonNode progress) {
    long sent = 0;
    long received = 0;
    for (JsonNode traffic : progress.path("bytes")) {
      sent += traffic.path("sent").asLong();
      received += traffic.path("received").asLong();
    }
    return "out " + Format.bytes(sent) + ", in " + Format.bytes(received);
  }

  private static String partner(String name, JsonNode news) {
    double age = news.path("news_age_seconds").asDouble();
    String state = news.path("state").asText().toLowerCase(Locale.ROOT);
    String what = age > STALE_SECONDS ? "no news" : state + " " + news.path("phase").asText();
    return "%s: %s %s ago".formatted(name, what.strip(), Format.age(age));
  }
}
