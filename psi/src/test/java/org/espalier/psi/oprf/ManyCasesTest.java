package org.espalier.psi.oprf;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.espalier.psi.AlignmentPolicy;
import org.espalier.psi.OddTables;
import org.espalier.psi.PlainJoin;
import org.espalier.psi.Table;
import org.espalier.psi.keys.Duplicates;
import org.espalier.psi.keys.KeySource;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A thousand seeded random cases of two parties, and a thousand of three to five. */
@Timeout(300)
class ManyCasesTest {
  /**
   * Each number of parties has all its cases in one run: every case's keys carry its number, so
   * that its people are found among themselves.
   */
  @ParameterizedTest
  @CsvSource({"2, 1000", "3, 334", "4, 333", "5, 333"})
  void findsWhatAJoinInTheClearFindsInEachOfManyCases(int parties, int cases) throws Exception {
    List<List<String[]>> tables = new ArrayList<>();
    for (int party = 0; party < parties; party++) {
      tables.add(new ArrayList<>());
    }
    int found = 0;
    for (int number = 0; number < cases; number++) {
      Random random = new Random(10_000L * parties + number);
      int people = random.nextInt(14);
      double least = random.nextDouble();
      List<KeySource> here = new ArrayList<>();
      for (List<String[]> table : tables) {
        List<String[]> rows = new ArrayList<>();
        double share = least + (1 - least) * random.nextDouble();
        for (String[] row : OddTables.table(random, people, share).values()) {
          rows.add(numbered(row, number));
        }
        table.addAll(rows);
        here.add(new Table(COLUMNS, rows.toArray(String[][]::new)));
      }
      found += PlainJoin.of(OddTables.RULES, here).stream().allMatch(Set::isEmpty) ? 0 : 1;
    }
    Random order = new Random(parties);
    tables.forEach(rows -> Collections.shuffle(rows, order));
    Run run =
        new Run(
            tables.stream()
                .map(rows -> new Table(COLUMNS, rows.toArray(String[][]::new)))
                .toArray(KeySource[]::new));
    run.network = new MemoryNetwork();
    run.key = OddTables.RULES;
    run.policy = new AlignmentPolicy(1, Duplicates.FIRST, 1 << 20);
    run.assertIsTheJoin(run.succeed(Path.of(".")));
    assertThat(found).isBetween(cases / 3, cases - 20);
  }

  private static final List<String> COLUMNS = List.of("id", "name", "born", "place");

  /** The number in all columns that make keys unique to a case; what is missing stays so. */
  private static String[] numbered(String[] row, int number) {
    String id = row[0] == null ? null : "ID-" + (1000 + number) + row[0];
    String name = row[1].isEmpty() ? "" : row[1] + "/" + number;
    String place = row[3] == null ? null : row[3] + "/" + number;
    return new String[] {id, name, row[2], place};
  }
}
