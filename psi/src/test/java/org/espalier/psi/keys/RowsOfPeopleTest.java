package org.espalier.psi.keys;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.espalier.psi.Alignment;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.AlignmentPolicy;
import org.espalier.psi.AlignmentProtocol;
import org.espalier.psi.OddTables;
import org.espalier.psi.Parties;
import org.espalier.psi.PlainJoin;
import org.espalier.psi.Table;
import org.espalier.psi.oprf.OprfAlignment;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;

/** One table may have several rows of a person. */
class RowsOfPeopleTest {
  private static final Path NONE = Path.of(".");

  /** Two parties that may not have the same rows twice, but the first may. */
  private static final class Run extends Parties {
    Run(KeySource many, KeySource one) {
      super(many, one);
      network = new MemoryNetwork();
      policy = new AlignmentPolicy(1, Duplicates.ALL, 1 << 20);
    }

    @Override
    protected AlignmentProtocol protocol(Path folder) {
      return new OprfAlignment();
    }
  }

  /** Keys of a rule, row by row. */
  private static List<ByteBuffer> keys(KeySource table, MatchKey.Rule rule) {
    List<ByteBuffer> keys = new ArrayList<>();
    table.scan(
        rule.columns(),
        (row, values) -> {
          byte[] key = rule.encode(values);
          keys.add(key == null ? null : ByteBuffer.wrap(key));
        });
    return keys;
  }

  /** A table whose every rule has unique keys: rows that repeat one in any rule are left out. */
  private static Table unique(Random random, int people, MatchKey key) {
    Table table = OddTables.table(random, people, 0.8);
    Set<ByteBuffer> seen = new HashSet<>();
    Set<Integer> kept = new HashSet<>();
    List<List<ByteBuffer>> all = key.rules().stream().map(rule -> keys(table, rule)).toList();
    for (int row = 0; row < table.rows(); row++) {
      List<ByteBuffer> own = new ArrayList<>();
      for (int rule = 0; rule < all.size(); rule++) {
        ByteBuffer one = all.get(rule).get(row);
        if (one != null) {
          own.add(
              ByteBuffer.allocate(one.limit() + 1).put((byte) rule).put(one.duplicate()).flip());
        }
      }
      if (own.stream().noneMatch(seen::contains)) {
        seen.addAll(own);
        kept.add(row);
      }
    }
    List<String> columns = List.of("id", "name", "born", "place");
    List<String[]> rows = new ArrayList<>();
    table.scan(
        columns,
        (row, values) -> {
          if (kept.contains(row)) {
            rows.add(values.clone());
          }
        });
    return new Table(columns, rows.toArray(String[][]::new));
  }

  /**
   * What a join in the clear gives, one rule after the other: every pair of a row here and the row
   * there that has its key, of people who were found by the first row that has it.
   */
  private static Set<List<Integer>> join(MatchKey key, Table many, Table one) {
    Set<List<Integer>> pairs = new HashSet<>();
    Set<Integer> taken = new HashSet<>();
    List<Set<List<Integer>>> found = PlainJoin.of(key, List.of(many, one));
    for (int rule = 0; rule < found.size(); rule++) {
      List<ByteBuffer> here = keys(many, key.rules().get(rule));
      Map<ByteBuffer, Integer> there = new HashMap<>();
      for (List<Integer> person : found.get(rule)) {
        there.put(here.get(person.get(0)), person.get(1));
      }
      for (int row = 0; row < here.size(); row++) {
        if (here.get(row) != null && there.containsKey(here.get(row)) && taken.add(row)) {
          pairs.add(List.of(row, there.get(here.get(row))));
        }
      }
    }
    return pairs;
  }

  private static Alignment plain(MatchKey key, Table many, Table one) {
    List<Set<List<Integer>>> found = PlainJoin.of(key, List.of(many, one));
    return new Alignment(
        found.stream().flatMap(Set::stream).mapToInt(person -> person.get(0)).toArray(),
        new byte[32],
        found.stream().mapToInt(Set::size).toArray());
  }

  private static void assertIsTheJoin(
      MatchKey key, Table many, Table one, Alignment here, int[] rowsThere) {
    RowsOfPeople rows = RowsOfPeople.of(many, key, here);
    Set<List<Integer>> pairs = new HashSet<>();
    for (int i = 0; i < rows.rows().length; i++) {
      pairs.add(List.of(rows.rows()[i], rowsThere[rows.people()[i]]));
      boolean first = i == 0 || rows.people()[i] == rows.people()[i - 1] + 1;
      boolean next = i > 0 && rows.people()[i] == rows.people()[i - 1];
      assertThat(first || (next && rows.rows()[i] > rows.rows()[i - 1])).isTrue();
    }
    assertThat(pairs).hasSize(rows.rows().length).isEqualTo(join(key, many, one));
  }

  @Test
  void areThoseOfAJoinInTheClear() {
    int several = 0;
    for (int seed = 0; seed < 1000; seed++) {
      Random random = new Random(seed);
      int people = 1 + random.nextInt(40);
      MatchKey key = new MatchKey(OddTables.RULES.rules().subList(0, 1 + random.nextInt(3)));
      Table many = OddTables.table(random, people, 0.9);
      Table one = unique(random, people, key);
      Alignment here = plain(key, many, one);
      int[] there =
          PlainJoin.of(key, List.of(many, one)).stream()
              .flatMap(Set::stream)
              .mapToInt(person -> person.get(1))
              .toArray();
      assertIsTheJoin(key, many, one, here, there);
      several += RowsOfPeople.of(many, key, here).rows().length > here.size() ? 1 : 0;
    }
    assertThat(several).isGreaterThan(500);
  }

  @Test
  void afterAProtocolTheyAreTheSame() throws Exception {
    for (int seed = 0; seed < 5; seed++) {
      Random random = new Random(5000 + seed);
      Table many = OddTables.table(random, 60, 0.9);
      Table one = unique(random, 60, OddTables.RULES);
      Run run = new Run(many, one);
      run.key = OddTables.RULES;
      List<Alignment> found = run.succeed(NONE);
      assertThat(found.get(1).digest()).isEqualTo(found.get(0).digest());
      assertIsTheJoin(run.key, many, one, found.get(0), found.get(1).rows());
    }
  }

  /** What crosses the line depends on people, not on how many rows they have. */
  @Test
  void nobodyElseLearnsHowManyRowsThereAre() throws Exception {
    String[] once = IntStream.range(0, 50).mapToObj(i -> "id" + i).toArray(String[]::new);
    String[] often = IntStream.range(0, 170).mapToObj(i -> "id" + i % 50).toArray(String[]::new);
    long[] bytes = new long[2];
    int at = 0;
    for (String[] ids : List.of(once, often)) {
      Run run = new Run(Table.of(ids), Table.of(once));
      run.network = new MemoryNetwork(true, java.time.Duration.ofSeconds(60));
      assertThat(run.succeed(NONE).get(1).size()).isEqualTo(50);
      bytes[at++] = run.network.recorded(run.parties.get(0), run.parties.get(1)).length;
    }
    assertThat(bytes[1]).isEqualTo(bytes[0]);
  }

  @Test
  void onlyTheFirstPartyMayHaveSeveral() throws Exception {
    Run run = new Run(Table.of("a", "b"), Table.of("a", "b", "a"));
    List<Throwable> failures = run.fail(NONE);
    assertThat(failures.get(1)).isInstanceOf(AlignmentException.DuplicateKeys.class);
    assertThat(failures.get(0)).hasMessageContaining("its match keys are not unique");
  }

  @Test
  void aTableThatChangedIsNoticed() {
    Alignment cohort = new Alignment(new int[] {1}, new byte[32], new int[] {1});
    Table gone = Table.of("a", null);
    assertThatThrownBy(() -> RowsOfPeople.of(gone, Parties.ID, cohort))
        .isInstanceOf(AlignmentException.SourceChanged.class);
  }
}
