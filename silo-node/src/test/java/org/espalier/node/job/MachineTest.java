package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import org.espalier.node.config.Json;
import org.espalier.protocols.cost.Work;
import org.espalier.wire.Party;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MachineTest {
  private static final Instant NOW = Instant.parse("2026-03-04T05:06:07Z");
  private static final Party INSURER = new Party("insurer.example");
  private static final Duration WEEK = Duration.ofDays(7);

  private static Machine.Speed measured;
  private static String file;

  @TempDir Path home;

  @BeforeAll
  static void measure(@TempDir Path once) throws IOException {
    measured = at(once, NOW).measure();
    try (var left = Files.list(once)) {
      assertThat(left.map(path -> path.getFileName().toString())).containsExactly("machine.json");
    }
    file = Files.readString(once.resolve("machine.json"));
  }

  @BeforeEach
  void write() throws IOException {
    write(file);
  }

  private void write(String text) throws IOException {
    Files.writeString(home.resolve("machine.json"), text);
  }

  private static Machine at(Path home, Instant now) {
    return new Machine(home, Clock.fixed(now, ZoneOffset.UTC));
  }

  private Machine after(Duration age) {
    return at(home, NOW.plus(age));
  }

  @Test
  void whatIsMeasuredIsPossible() {
    assertThat(measured.rates().seconds().keySet()).containsExactlyInAnyOrder(Work.values());
    assertThat(measured.rates().seconds(Work.POINT, 1)).isBetween(1e-7, 1e-2);
    assertThat(measured.csvByte()).isBetween(1e-10, 1e-5);
  }

  @Test
  void theFileIsGoodForAWeek() {
    assertThat(after(Duration.ZERO).known()).contains(measured);
    assertThat(after(WEEK.minusSeconds(1)).speed()).isEqualTo(measured);
    assertThat(after(WEEK).known()).isEmpty();
    assertThat(after(Duration.ofSeconds(-1)).known()).as("from the future").isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"processor", "processors", "java", "version"})
  void anotherMachineOrProgramIsMeasuredAgain(String key) throws IOException {
    ObjectNode all = (ObjectNode) Json.parse("file", file);
    ((ObjectNode) all.path("machine")).put(key, "another");
    write(Json.write(all));
    assertThat(after(Duration.ZERO).known()).isEmpty();
    ((ObjectNode) all.path("machine")).remove(key);
    write(Json.write(all));
    assertThat(after(Duration.ZERO).known()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"-1", "1e9", "1e399", "\"1e-6\"", "null", "{}", "[1]"})
  void impossibleFiguresAreNone(String value) throws IOException {
    for (String key : List.of("slot_encryption", "point", "csv_byte")) {
      write(file.replaceFirst("\"" + key + "\" : [^,\\s]+", "\"" + key + "\" : " + value));
      assertThat(after(Duration.ZERO).known()).as(key).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[]",
        "null",
        "\u0000",
        "{\"machine\":5,\"lines\":[],\"partners\":\"x\"}",
        "{\"machine\":{\"measured\":\"now\"},\"lines\":{\"insurer.example\":7}}"
      })
  void aDamagedFileIsNoneAndIsMended(String text) throws IOException {
    write(text);
    Machine machine = after(Duration.ZERO);
    assertThat(machine.known()).isEmpty();
    assertThat(machine.told().isEmpty()).isTrue();
    assertThat(machine.claimed(INSURER)).isEmpty();
    assertThat(machine.known(INSURER)).isEqualTo(Machine.Known.NEVER);
    machine.keep(INSURER, Duration.ofMillis(50), 12e6, 10e6);
    assertThat(machine.known(INSURER)).isEqualTo(Machine.Known.MEASURED);
  }

  @Test
  void aFileThatNobodyWroteHereIsNotRead() throws IOException {
    write(file + " ".repeat(2 << 20));
    assertThat(after(Duration.ZERO).known()).isEmpty();
  }

  @Test
  void aLineIsGoodForAWeek() {
    after(Duration.ZERO).keep(INSURER, Duration.ofMillis(50), 12e6, 10e6);
    assertThat(after(Duration.ZERO).known()).as("the machine stays known").contains(measured);
    assertThat(after(Duration.ZERO).line(INSURER, true).orElseThrow().bytesPerSecond())
        .isEqualTo(12e6);
    assertThat(after(Duration.ZERO).line(INSURER, false).orElseThrow().bytesPerSecond())
        .isEqualTo(10e6);
    assertThat(after(Duration.ZERO).line(INSURER, true).orElseThrow().oneWaySeconds())
        .isCloseTo(0.025, within(1e-12));
    assertThat(after(WEEK).line(INSURER, true)).isEmpty();
    assertThat(after(WEEK).known(INSURER)).isEqualTo(Machine.Known.EXPIRED);
    assertThat(after(WEEK).known(new Party("telecom.example"))).isEqualTo(Machine.Known.NEVER);
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, -1, 1e13, Double.POSITIVE_INFINITY, Double.NaN})
  void anImpossibleLineIsNone(double rate) {
    Machine machine = after(Duration.ZERO);
    machine.keep(INSURER, Duration.ofMillis(1), rate, 1e6);
    assertThat(machine.line(INSURER, true)).isEmpty();
    assertThat(machine.known(INSURER)).isEqualTo(Machine.Known.NEVER);
  }

  @Test
  void aPartnersWordIsGoodForAWeekAndChangesNothingElse() throws IOException {
    ObjectNode told = after(Duration.ZERO).told();
    assertThat(told.properties()).hasSize(1);
    write("{}");
    Machine machine = after(Duration.ZERO);
    assertThat(machine.claim(INSURER, told)).isTrue();
    assertThat(machine.claimed(INSURER)).contains(measured);
    assertThat(machine.known()).isEmpty();
    assertThat(machine.claimed(new Party("telecom.example"))).isEmpty();
    assertThat(after(WEEK).claimed(INSURER)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "null",
        "{\"seconds\":{}}",
        "{\"seconds\":[1,2]}",
        "{\"seconds\":{\"point\":1e-6}}",
        "{\"error\":\"no\"}"
      })
  void whatIsNoSpeedIsNotKept(String told) {
    Machine machine = after(Duration.ZERO);
    assertThat(machine.claim(INSURER, Json.parse("told", told))).isFalse();
    assertThat(machine.claimed(INSURER)).isEmpty();
  }

  @Test
  void ofAPartnersWordOnlyFiguresAreKept() throws IOException {
    ObjectNode told = after(Duration.ZERO).told();
    told.put("note", "x".repeat(1000));
    ((ObjectNode) told.path("seconds")).put("other_work", 7).put("point", 99);
    Machine machine = after(Duration.ZERO);
    assertThat(machine.claim(INSURER, told)).isTrue();
    assertThat(machine.claimed(INSURER).orElseThrow().rates().seconds(Work.POINT, 1)).isEqualTo(99);
    assertThat(Files.readString(home.resolve("machine.json")))
        .doesNotContain("xxx")
        .doesNotContain("other_work");
    ((ObjectNode) told.path("seconds")).put("point", 1e6);
    assertThat(machine.claim(INSURER, told)).isFalse();
    assertThat(machine.claimed(INSURER).orElseThrow().rates().seconds(Work.POINT, 1)).isEqualTo(99);
  }
}
