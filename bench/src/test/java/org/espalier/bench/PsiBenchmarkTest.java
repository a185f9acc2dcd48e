package org.espalier.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Alignments by real processes at a small size; a shell script stands in for the peer. */
@Timeout(120)
class PsiBenchmarkTest {
  private static final int ROWS = 2001;

  @TempDir Path folder;

  /** A peer that says it found so many. */
  private Python finding(int people) throws Exception {
    String script =
        """
        #!/bin/sh
        echo 'BENCH ready'
        read answer
        echo 'BENCH done {"seconds": 2.5, "cpuSeconds": 3, "cpuSecondsInAll": 4, "peakBytes": 5000000, "found": %d}'
        """
            .formatted(people);
    Path file = Files.writeString(folder.resolve("peer.sh"), script);
    assertThat(file.toFile().setExecutable(true)).isTrue();
    return new Python(file, folder);
  }

  private static PsiBenchmark.Settings settings(Python python, String systems, int turns) {
    return new PsiBenchmark.Settings(
        "psi-test",
        List.of(systems.split(",", -1)),
        List.of("loopback", "wan"),
        turns,
        false,
        256,
        true,
        python,
        Duration.ofMinutes(2));
  }

  private JsonNode run(PsiBenchmark.Settings settings) throws Exception {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    PsiBenchmark.run(
        PsiData.ensure(folder, ROWS),
        settings,
        folder,
        true,
        new PrintStream(text, true, StandardCharsets.UTF_8));
    return new ObjectMapper().readTree(text.toByteArray());
  }

  @Test
  void halfOfTheIdentifiersAreInBothFiles() throws Exception {
    PsiData data = PsiData.ensure(folder, ROWS);
    List<String> receiver = Files.readAllLines(data.file(0));
    List<String> sender = Files.readAllLines(data.file(1));
    assertThat(receiver).hasSize(ROWS + 1).doesNotHaveDuplicates().startsWith("id");
    assertThat(sender).hasSize(ROWS + 1).doesNotHaveDuplicates().startsWith("id");
    Set<String> common = new HashSet<>(receiver);
    common.retainAll(sender);
    common.remove("id");
    assertThat(common).hasSize(ROWS / 2).allMatch(id -> id.matches("[0-9a-f]{32}"));
  }

  @Test
  void aWrongCohortIsNoticed() throws Exception {
    PsiData data = PsiData.ensure(folder, ROWS);
    List<String> sender = Files.readAllLines(data.file(1));
    Map<String, Integer> rows = new HashMap<>();
    IntStream.range(1, sender.size()).forEach(line -> rows.put(sender.get(line), line - 1));
    List<Integer> ours = new ArrayList<>();
    List<Integer> theirs = new ArrayList<>();
    List<String> receiver = Files.readAllLines(data.file(0));
    for (int line = 1; line < receiver.size(); line++) {
      if (rows.containsKey(receiver.get(line))) {
        ours.add(line - 1);
        theirs.add(rows.get(receiver.get(line)));
      }
    }
    int[] a = ours.stream().mapToInt(row -> row).toArray();
    int[] b = theirs.stream().mapToInt(row -> row).toArray();
    assertThat(data.check(a, b)).isEmpty();
    int row = b[7];
    b[7] = b[8];
    b[8] = row;
    assertThat(data.check(a, b)).contains("position 7");
    a[9] = a[3];
    b[9] = b[3];
    b[8] = b[7];
    b[7] = row;
    assertThat(data.check(a, b)).contains("twice");
    assertThat(data.check(new int[5], b)).contains("1,000 are in both");
  }

  @Test
  void bothProtocolsRunBesideThePeerOverBothNetworks() throws Exception {
    JsonNode json = run(settings(finding(ROWS / 2), "oprf,ecdh,spu-rr22", 1));
    Map<String, JsonNode> runs = new HashMap<>();
    json.get("runs").forEach(r -> runs.put(r.get("system").asText() + r.get("network"), r));
    assertThat(runs).hasSize(6);
    String slow = "\"100 Mb/s, 10 ms there and back\"";
    for (String own : List.of("oprf", "ecdh")) {
      JsonNode counted = runs.get(own + "\"loopback\"");
      JsonNode carried = runs.get(own + slow);
      // The channels' count is the relay's, but for roundings of oprf's sorted values.
      for (int party = 0; party < 2; party++) {
        assertThat(carried.get("megabytesSent").get(party).asDouble())
            .isCloseTo(counted.get("megabytesSent").get(party).asDouble(), within(2e-4));
      }
      assertThat(carried.get("seconds").asDouble()).isGreaterThan(0.03);
      assertThat(carried.get("processSeconds").asDouble())
          .isGreaterThan(carried.get("seconds").asDouble());
    }
    JsonNode peer = runs.get("spu-rr22" + slow);
    assertThat(peer.get("megabytes").asDouble()).isZero();
    assertThat(peer.get("peakMegabytes").get(1).asDouble()).isEqualTo(5);
    JsonNode ratio = json.get("ratio").get(0);
    assertThat(ratio.get("seconds").asDouble())
        .isEqualTo(2.5 / runs.get("oprf\"loopback\"").get("seconds").asDouble());
    // Against a peer that sends nothing over the line.
    assertThat(json.get("limits")).anyMatch(limit -> !limit.get("met").asBoolean());
  }

  @Test
  void aPeerThatFindsOtherPeopleIsRefused() throws Exception {
    PsiBenchmark.Settings settings = settings(finding(3), "spu-rr22", 1);
    assertThatThrownBy(() -> run(settings))
        .isInstanceOf(Workers.Failed.class)
        .hasMessageContaining("3 people found where 1,000");
  }

  @Test
  void theTurnOfMedianSecondsCounts() {
    List<PsiProcesses.Outcome> turns = new ArrayList<>();
    for (double seconds : new double[] {3, 1, 2}) {
      double[] processor = {10 * seconds, 20 * seconds};
      turns.add(
          new PsiProcesses.Outcome(
              seconds,
              seconds,
              processor,
              processor,
              new long[] {1_000_000, 2_000_000},
              new long[] {-1, -1},
              4_000_000,
              null));
    }
    PsiBenchmark.Run run = PsiBenchmark.median("spu-rr22", "loopback", turns, List.of());
    assertThat(run.seconds()).isEqualTo(2);
    assertThat(run.cpuSeconds()).containsExactly(20, 40);
    assertThat(run.turns()).containsExactly(3.0, 1.0, 2.0);
    assertThat(run.megabytesSent()).isEmpty();
    assertThat(run.peak()).isEqualTo(2);
    assertThat(run.own()).isFalse();
  }
}
