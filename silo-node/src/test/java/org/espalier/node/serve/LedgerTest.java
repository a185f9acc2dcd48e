package org.espalier.node.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.job.UnaskedJournal;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** However it ends, no fewer answers are counted than were given. */
class LedgerTest {
  private static final String SERVING = "S-00000001";

  @TempDir Path folder;
  private Instant now = Instant.parse("2026-11-29T23:50:00Z");
  private final Log log = new Log();

  private final class Time extends Clock {
    @Override
    public Instant instant() {
      return now;
    }

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      throw new UnsupportedOperationException();
    }
  }

  private static final class Log extends UnaskedJournal {
    private final List<ObjectNode> facts = new ArrayList<>();
    private boolean broken;

    @Override
    public void fact(String type, ObjectNode fact) {
      if (broken) {
        throw Problem.refused("the audit log cannot be written, so nothing is done");
      }
      facts.add(((ObjectNode) fact.path("parameters")).put("type", type));
    }

    long spent(String serving, LocalDate day) {
      assertThat(serving).isEqualTo(SERVING);
      return facts.stream()
          .filter(fact -> fact.path("day").asText().equals(day.toString()))
          .mapToLong(fact -> fact.path("scores").asLong() - fact.path("given_back").asLong())
          .sum();
    }

    ObjectNode last() {
      return facts.get(facts.size() - 1);
    }
  }

  private Ledger open(long perDay) throws IOException {
    now = now.plusMillis(1); // each has a file of its own
    ObjectNode facts = Json.object().put("job", SERVING);
    return new Ledger(
        new Ledger.Terms(SERVING, facts, perDay),
        log,
        log::spent,
        folder,
        new byte[32],
        new Time(),
        Runnable::run);
  }

  private static int takeAll(Ledger ledger) {
    int taken = 0;
    while (ledger.take()) {
      taken++;
    }
    return taken;
  }

  @Test
  void aDayHasSoManyAnswersAndNoMore() throws IOException {
    try (Ledger ledger = open(500)) {
      assertThat(takeAll(ledger)).isEqualTo(500);
      assertThat(ledger.spent()).isEqualTo(500);
      assertThat(log.facts).hasSize(50); // ten at a time
      now = now.plus(Duration.ofMinutes(15));
      assertThat(takeAll(ledger)).isEqualTo(500);
      now = now.minus(Duration.ofMinutes(15)); // a clock that is set back gives nothing
      assertThat(ledger.take()).isFalse();
    }
  }

  @Test
  void aCrashLosesTheRestOfABlockAndAnOrderlyEndGivesItBack() throws IOException {
    Ledger crashed = open(500);
    for (int i = 0; i < 21; i++) {
      assertThat(crashed.take()).isTrue();
    }
    Ledger next = open(500); // of the first nothing more was heard
    assertThat(next.spent()).isBetween(21L, 40L);
    assertThat(next.take()).isTrue();
    long spent = next.spent();
    next.close();
    assertThat(next.take()).isFalse();
    assertThat(log.last().path("given_back").asLong()).isBetween(1L, 19L);
    try (Ledger after = open(500)) {
      assertThat(after.spent()).isEqualTo(spent);
      assertThat(takeAll(after)).isEqualTo(500 - spent);
    }
  }

  @Test
  void withoutTheAuditLogNothingIsAnswered() throws IOException {
    Ledger ledger = open(500);
    log.broken = true;
    assertThatThrownBy(ledger::take).hasMessageContaining("audit log cannot be written");
    log.broken = false;
    assertThat(ledger.take()).isTrue();
    ledger.close();
    assertThatThrownBy(() -> ledger.record("r", 0, List.of(new byte[16]), "answered"))
        .hasMessageContaining("stopped");
  }

  @Test
  void theLogHasTheHeadOfTheChainOverAllLines() throws IOException {
    Ledger ledger = open(500);
    byte[] tag = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    ledger.record("aa", 0, Arrays.asList(tag, null), "answered");
    ledger.record("bb", 1, Arrays.asList(tag, null), "answered");
    ledger.flush();
    ledger.flush(); // nothing new to say
    assertThat(log.facts).hasSize(1);
    Thread.currentThread().interrupt(); // as of a thread that is being stopped
    ledger.record("cc", 0, List.of(new byte[16]), "unknown");
    log.broken = true;
    assertThatThrownBy(ledger::flush).hasMessageContaining("cannot be written");
    log.broken = false;
    ledger.flush(); // what the log does not have yet
    assertThat(Thread.interrupted()).isTrue();
    ObjectNode last = log.last();
    assertThat(last.path("type").asText()).isEqualTo("scoring.answered");
    assertThat(last.path("answered").asInt()).isEqualTo(2);
    assertThat(last.path("unknown").asInt()).isEqualTo(1);
    String file = last.path("file").asText();
    List<String> lines = Files.readAllLines(folder.resolve(file));
    assertThat(last.path("lines").asInt()).isEqualTo(lines.size()).isEqualTo(3);
    byte[] chain = Ledger.beginning(file);
    for (String line : lines) {
      chain = Ledger.next(chain, (line + "\n").getBytes(StandardCharsets.UTF_8));
    }
    assertThat(last.path("chain").asText()).isEqualTo("sha256:" + HexFormat.of().formatHex(chain));
    // The same person is the same in the record, whoever it is.
    assertThat(lines.get(0).split(",", -1)[3])
        .isEqualTo(lines.get(1).split(",", -1)[3])
        .isNotEqualTo(lines.get(2).split(",", -1)[3])
        .doesNotContain("0102030405");
    ledger.close();
  }
}
