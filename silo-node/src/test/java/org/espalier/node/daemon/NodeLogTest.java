package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import java.io.IOException;
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
