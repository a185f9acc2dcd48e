package org.espalier.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AlignPartiesTest {
  @TempDir Path folder;

  private static Set<Long> people(int self, int parties, int rows) {
    Set<Long> people = new HashSet<>();
    AlignParty.People table = new AlignParty.People(self, parties, rows);
    for (int row = 0; row < rows; row++) {
      assertThat(people.add(table.person(row))).isTrue();
    }
    return people;
  }

  /** Half of all rows are known to all, a quarter to each two neighbours only. */
  @Test
  void neighboursShareMoreThanAllDo() {
    Set<Long> all = people(0, 4, 103);
    Set<Long> two = new HashSet<>(all);
    two.retainAll(people(1, 4, 103));
    assertThat(two).hasSize(51 + 25);
    for (int party = 1; party < 4; party++) {
      all.retainAll(people(party, 4, 103));
    }
    assertThat(all).hasSize(51);
  }

  @Test
  void threeProcessesAlignByBothProtocols() throws Exception {
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    AlignParties.run(
        new AlignParties.Settings(
            List.of(3),
            List.of(300, 5000),
            List.of("oprf", "ecdh"),
            300,
            1,
            2,
            200,
            Duration.ofMinutes(2)),
        folder,
        true,
        new PrintStream(printed, true, StandardCharsets.UTF_8));
    JsonNode points =
        new ObjectMapper().readTree(printed.toString(StandardCharsets.UTF_8)).get("points");
    // Of the larger size oprf alone; each process aligns twice.
    assertThat(points.findValuesAsText("protocol"))
        .containsExactly("oprf", "oprf", "ecdh", "ecdh", "oprf", "oprf");
    for (JsonNode point : points) {
      assertThat(point.get("cpuSeconds").asDouble())
          .isGreaterThan(point.get("cpuSecondsReceiver").asDouble());
      assertThat(point.get("megabytes").asDouble())
          .isGreaterThan(point.get("megabytesReceiver").asDouble());
    }
    Path results = Files.createDirectories(folder.resolve("results"));
    Files.write(results.resolve("psi-parties.json"), printed.toByteArray());
    assertThat(Plots.draw(results, folder.resolve("plots")))
        .singleElement()
        .satisfies(
            file ->
                assertThat(Files.readString(file))
                    .contains("oprf, 300 keys; ecdh, 300 keys; oprf, 5,000 keys")
                    .contains("processor seconds of all parties"));
  }
}
