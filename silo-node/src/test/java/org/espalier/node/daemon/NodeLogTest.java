package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import org.espalier.node.config.Json;
import org.espalier.wire.Party;
import org.junit.jupiter.api.Test;

class NodeLogTest {
  private static String line(String message, Throwable thrown) {
    LoggerContext context = new LoggerContext();
    LoggingEvent event =
        new LoggingEvent(
            "x", context.getLogger("org.espalier.node.Some"), Level.WARN, message, thrown, null);
    return new NodeLog.Lines().doLayout(event);
  }

  @Test
  void whatAPartnerWroteCannotPoseAsALine() {
    String line = line("refused: x\n2026-01-01T00:00:00Z INFO all is well \u001b[2J\u202e", null);
    assertThat(line.lines()).hasSize(1);
    assertThat(line).contains("WARN").contains("Some: refused").doesNotContain("\u001b");
  }

  @Test
  void machinesReadAnObjectALineWithJobAndPartner() {
    LoggerContext context = new LoggerContext();
    context.setMDCAdapter(new LogbackMDCAdapter());
    LoggingEvent event =
        new LoggingEvent(
            "x",
            context.getLogger("org.espalier.node.Some"),
            Level.ERROR,
            "{} of {} failed\n{\"level\":\"INFO\"}",
            new IllegalStateException("secret 1", new IOException("No space left")),
            new Object[] {"J-1a2b3c4d", new Party("insurer.example")});
    String line = new NodeLog.JsonLines().doLayout(event);
    assertThat(line.lines()).hasSize(1);
    JsonNode json = Json.parse("line", line);
    assertThat(json.path("level").asText()).isEqualTo("ERROR");
    assertThat(json.path("job").asText()).isEqualTo("J-1a2b3c4d");
    assertThat(json.path("partner").asText()).isEqualTo("insurer.example");
    assertThat(json.path("error")).hasSize(2);
    assertThat(json.at("/error/1/message").asText()).isEqualTo("No space left");
    assertThat(json.at("/error/0/trace/0").asText()).contains("NodeLogTest");
    assertThat(line).doesNotContain("secret");
  }

  @Test
  void exceptionsThatMayQuoteDataAreShownWithoutTheirMessage() {
    String line =
        line(
            "failed",
            new IllegalStateException("secret 1", new NumberFormatException("input 4711")));
    assertThat(line)
        .contains("java.lang.IllegalStateException")
        .contains("caused by java.lang.NumberFormatException")
        .contains("NodeLogTest")
        .doesNotContain("4711")
        .doesNotContain("secret");
    assertThat(line("failed", new IOException("No space left"))).contains("No space left");
  }
}
