package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.LocalDate;
import java.util.Optional;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.LogSettings;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloConfig;
import org.espalier.node.config.SiloHome;
import org.espalier.node.job.Journal;
import org.espalier.wire.Party;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AuditJournalTest {

  @TempDir Path folder;

  @Test
  void longParametersAreShortenedAndWhatFitsNoEventIsNoFaultOfTheData() throws IOException {
    SiloHome home = new SiloHome(folder.resolve("home"));
    NodeHome.create(
        home, new SiloConfig(new Party("bank.example"), "127.0.0.1:1", null, null, null, null));
    try (AuditLog log = AuditLog.open(home.audit(), AuditKeys.open(home))) {
      AuditJournal journal =
          new AuditJournal(
              log, People.open(home, new Party("bank.example")), party -> Optional.empty());
      ObjectNode facts = Json.object().put("job", "J-00000001").put("attempt", 1);
      facts.put("spec", "00".repeat(32)).put("phase_name", "align").put("protocol", "align.ecdh");
      facts.putObject("parameters").put("key", "a column, ".repeat(1000)).put("rows", 7);
      facts.putObject("transcripts");
      facts.putObject("bytes");
      journal.intent("job.phase", facts).ok(facts);
      JsonNode event = log.reader().event(log.size() - 1).json();
      JsonNode parameters = event.path("protocol").path("parameters");
      assertThat(parameters.path("rows").asInt()).isEqualTo(7);
      assertThat(parameters.path("key").asText())
          .hasSizeLessThan(300)
          .startsWith("a column, a column")
          .contains("sha256:");

      ObjectNode impossible = facts.deepCopy().put("phase_name", "no code\n");
      assertThatThrownBy(() -> journal.intent("job.phase", impossible))
          .isInstanceOfSatisfying(
              Problem.class, p -> assertThat(p.kind()).isEqualTo(Problem.Kind.INTERNAL));
    }
  }

  /** Otherwise it would count again: answers given back as well, so that more were allowed. */
  @Test
  void whatWasReadBeforeAReadFailedIsCountedOnce() throws IOException {
    SiloHome home = new SiloHome(folder.resolve("home"));
    NodeHome.create(
        home, new SiloConfig(new Party("bank.example"), "127.0.0.1:1", null, null, null, null));
    LogSettings settings =
        new LogSettings(home.audit(), Clock.systemUTC(), 64 << 10, Duration.ofSeconds(30));
    try (AuditLog log = AuditLog.open(settings, AuditKeys.open(home))) {
      AuditJournal journal =
          new AuditJournal(
              log, People.open(home, new Party("bank.example")), party -> Optional.empty());
      LocalDate day = LocalDate.parse("2026-11-29");
      ObjectNode facts = Json.object().put("job", "J-00000001").put("attempt", 1);
      facts.put("spec", "00".repeat(32)).put("protocol", "score").put("version", "1");
      facts.putArray("recipients").add("clinic.example");
      facts.putObject("parameters").put("day", day.toString()).put("scores", 100);
      journal.fact(Journal.SCORING_RESERVED, facts);
      facts.putObject("parameters").put("day", day.toString()).put("given_back", 40);
      journal.fact(Journal.SCORING_ANSWERED, facts);
      RetentionTest.fill(log, 1600);
      Path second = home.audit().resolve("tile/entries/001");
      Path aside = folder.resolve("aside");
      Files.move(second, aside);
      for (int time = 0; time < 2; time++) {
        assertThatThrownBy(() -> journal.scores("J-00000001", day))
            .hasMessageContaining("the audit log cannot be read");
      }
      Files.move(aside, second);
      assertThat(journal.scores("J-00000001", day)).isEqualTo(60);
      assertThat(journal.scores("J-00000001", day)).isEqualTo(60);
    }
  }
}
