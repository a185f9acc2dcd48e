package org.espalier.psi.oprf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.espalier.psi.Alignment;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.AlignmentPolicy;
import org.espalier.psi.AlignmentProtocol;
import org.espalier.psi.LeakStatement;
import org.espalier.psi.OddTables;
import org.espalier.psi.Parties;
import org.espalier.psi.PlainJoin;
import org.espalier.psi.Table;
import org.espalier.psi.ecdh.EcdhAlignment;
import org.espalier.psi.keys.Duplicates;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.keys.MatchKey;
import org.espalier.psi.run.RunMessages;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Three and more honest parties. */
@Timeout(300)
class ManyTest {
  private static final Path NONE = Path.of(".");

  @TempDir Path folder;

  private static String[] ids(int from, int to) {
    return IntStream.range(from, to).mapToObj(i -> "id" + i).toArray(String[]::new);
  }

  private static Run run(int parties, Random random, int people, double least) {
    Run run =
        new Run(
            IntStream.range(0, parties)
                .mapToObj(
                    i -> OddTables.table(random, people, least + (1 - least) * random.nextDouble()))
                .toArray(KeySource[]::new));
    run.network = new MemoryNetwork();
    run.key = OddTables.RULES;
    run.policy = new AlignmentPolicy(1, Duplicates.FIRST, 1 << 20);
    return run;
  }

  @ParameterizedTest
  @CsvSource({"3, 4, 0.2", "5, 2, 0.5", "10, 1, 0.7"})
  void findsWhatAJoinInTheClearFinds(int parties, int runs, double least) throws Exception {
    int stopped = 0;
    int empty = 0;
    for (int i = 0; i < runs; i++) {
      Random random = new Random(1000L * parties + i);
      Run run = run(parties, random, i % 10 == 0 ? 2000 : 1 + random.nextInt(90), least);
      List<Parties.Outcome> outcomes = run.align(NONE);
      if (PlainJoin.of(run.key, run.sources).get(0).isEmpty()) {
        stopped++;
        assertThat(outcomes).allSatisfy(o -> assertThat(o.failure()).isNotNull());
        continue;
      }
      assertThat(outcomes).extracting(Parties.Outcome::failure).containsOnlyNulls();
      List<Alignment> alignments = outcomes.stream().map(Parties.Outcome::alignment).toList();
      run.assertIsTheJoin(alignments);
      for (int matched : alignments.get(0).matchedByRule()) {
        empty += matched == 0 ? 1 : 0;
      }
    }
    assertThat(stopped).isLessThanOrEqualTo(runs / 2);
    assertThat(empty).isLessThan(runs * 2);
  }

  /** The rows of every person and the rule that found them. */
  private static Set<List<Integer>> people(List<Alignment> alignments) {
    Set<List<Integer>> people = new HashSet<>();
    List<int[]> rows = alignments.stream().map(Alignment::rows).toList();
    int[] byRule = alignments.get(0).matchedByRule();
    int place = 0;
    for (int rule = 0; rule < byRule.length; rule++) {
      for (int i = 0; i < byRule[rule]; i++, place++) {
        List<Integer> person = new ArrayList<>(List.of(rule));
        for (int[] party : rows) {
          person.add(party[place]);
        }
        people.add(person);
      }
    }
    return people;
  }

  @ParameterizedTest
  @CsvSource({"3, 11", "5, 12"})
  void findsTheCohortOfEcdh(int parties, long seed) throws Exception {
    Run run = run(parties, new Random(seed), 60, 0.8);
    List<Alignment> alignments = run.succeed(NONE);
    Parties other =
        new Parties(run.sources.toArray(KeySource[]::new)) {
          @Override
          protected AlignmentProtocol protocol(Path files) {
            return new EcdhAlignment(files);
          }
        };
    other.key = run.key;
    other.policy = run.policy;
    Set<List<Integer>> people = people(alignments);
    assertThat(people).hasSizeGreaterThan(10).isEqualTo(people(other.succeed(folder)));
  }

  /** Several bins and batches; lists so unequal that the bins of some are almost empty. */
  @ParameterizedTest
  @CsvSource({"3000, 70000, 1500, 90000", "140000, 2000, 3000, 90000"})
  void largeAndUnequalSets(int one, int two, int three, int largestBatch) throws Exception {
    int common = 1234;
    // Each begins with the common people, and has its own beside them.
    Run run =
        new Run(
            Table.of(ids(0, one)),
            Table.of(both(common, 200_000, two)),
            Table.of(both(common, 400_000, three)));
    run.network = new MemoryNetwork();
    run.largestBatch = largestBatch;
    List<Alignment> alignments = run.succeed(NONE);
    int[] rows = alignments.get(0).rows();
    assertThat(rows).hasSize(common).doesNotHaveDuplicates();
    assertThat(alignments.get(1).rows()).isEqualTo(rows);
    assertThat(alignments.get(2).rows()).isEqualTo(rows);
    assertThat(alignments).extracting(Alignment::digest).containsOnly(alignments.get(0).digest());
  }

  private static String[] both(int common, int from, int size) {
    return IntStream.range(0, size)
        .mapToObj(i -> "id" + (i < common ? i : from + i))
        .toArray(String[]::new);
  }

  @Test
  void setsOfOne() throws Exception {
    Run same = new Run(Table.of("a"), Table.of("a"), Table.of("a"));
    assertThat(same.succeed(NONE)).allSatisfy(a -> assertThat(a.rows()).containsExactly(0));
    Run different = new Run(Table.of("a"), Table.of("a"), Table.of("b"));
    assertThat(different.fail(NONE))
        .allSatisfy(f -> assertThat(f).isInstanceOf(AlignmentException.BelowMinimum.class));
  }

  @Test
  void theOrderTellsNothingAndChangesWithTheRun() throws Exception {
    Table table = Table.of(ids(0, 300));
    Run run = new Run(table, table, table);
    Alignment one = run.succeed(NONE).get(0);
    run.network = new MemoryNetwork();
    Alignment two = run.succeed(NONE).get(0);
    assertThat(one.rows()).hasSize(300).doesNotHaveDuplicates();
    assertThat(two.rows()).isNotEqualTo(one.rows());
    assertThat(two.digest()).isNotEqualTo(one.digest());
    int[] rows = one.rows();
    assertThat(IntStream.range(0, 300).filter(i -> rows[i] == i).count()).isLessThan(15);
  }

  /** Any two parties share ten people, all three four or five. */
  @ParameterizedTest
  @CsvSource({"4, false", "5, true"})
  void theSendersLearnNobodyBelowTheMinimum(int common, boolean goesOn) throws Exception {
    Run run =
        new Run(
            IntStream.range(0, 3)
                .mapToObj(
                    i -> {
                      List<String> ids = new ArrayList<>(List.of(ids(0, common)));
                      ids.addAll(List.of(ids(100 * i, 100 * i + 10)));
                      ids.addAll(List.of(ids(100 * (i + 1) % 300, 100 * (i + 1) % 300 + 10)));
                      return Table.of(ids.stream().distinct().toArray(String[]::new));
                    })
                .toArray(KeySource[]::new));
    run.policy = new AlignmentPolicy(5, Duplicates.REJECT, 1000);
    int expected = PlainJoin.of(run.key, run.sources).get(0).size();
    assertThat(expected).isEqualTo(common);
    if (goesOn) {
      assertThat(run.succeed(NONE)).allSatisfy(a -> assertThat(a.size()).isEqualTo(common));
    } else {
      List<Throwable> failures = run.fail(NONE);
      assertThat(failures)
          .allSatisfy(
              f ->
                  assertThat(f)
                      .isInstanceOf(AlignmentException.BelowMinimum.class)
                      .hasMessageContaining("only the first party's node has seen"));
      assertThat(failures)
          .extracting(f -> ((AlignmentException.BelowMinimum) f).size())
          .containsExactly(common, -1, -1);
    }
    for (int sender = 1; sender < 3; sender++) {
      assertThat(run.types(0, sender)).contains(RunMessages.Verdict.TYPE.code());
      assertThat(run.types(0, sender).contains(46)).isEqualTo(goesOn);
    }
    if (!goesOn) {
      // The channels are still good: a job may go on without this data set.
      run.policy = new AlignmentPolicy(1, Duplicates.REJECT, 1000);
      assertThat(run.succeed(NONE)).allSatisfy(a -> assertThat(a.size()).isEqualTo(common));
    }
  }

  @Test
  void aListBelowTheMinimumIsNotEncoded() throws Exception {
    Run run = new Run(Table.of(ids(0, 10)), Table.of(ids(0, 10)), Table.of(ids(0, 4)));
    run.policy = new AlignmentPolicy(5, Duplicates.REJECT, 1000);
    assertThat(run.fail(NONE))
        .allSatisfy(f -> assertThat(((AlignmentException.BelowMinimum) f).size()).isEqualTo(-1));
    assertThat(run.types(0, 1)).doesNotContain(Messages.Seed.TYPE.code());
    assertThat(run.types(1, 0)).doesNotContain(Messages.Table.TYPE.code());
  }

  /** Between two senders nothing goes that depends on anybody's table but its number of keys. */
  @Test
  void sendersTellEachOtherNothing() throws Exception {
    Run run = new Run(Table.of(ids(0, 50)), Table.of(ids(0, 60)), Table.of(ids(0, 70)));
    run.succeed(NONE);
    assertThat(run.types(1, 2)).containsExactly(32, 49, 33, 40);
    assertThat(run.types(2, 1)).containsExactly(32, 33, 40);
  }

  @Test
  void leaksNameTheReceiverAndThoseWhoJoinIt() {
    List<Party> parties = List.of(new Party("bank"), new Party("shop"), new Party("phone"));
    List<LeakStatement> leaks =
        new OprfAlignment().leaks(parties, new AlignmentPolicy(50, Duplicates.REJECT, 100));
    assertThat(leaks)
        .filteredOn(leak -> parties.get(0).equals(leak.learner()))
        .singleElement()
        .satisfies(
            leak ->
                assertThat(leak.text())
                    .contains("fewer than 50")
                    .contains("determines who they are"));
    assertThat(leaks)
        .anySatisfy(
            leak ->
                assertThat(leak.text())
                    .contains("nothing of people whom only some parties know")
                    .contains("as long as bank shares what it saw with nobody"));
  }

  @Test
  void asManyPartiesAsTrain() {
    List<Party> parties =
        IntStream.range(0, OprfAlignment.MAX_PARTIES + 1)
            .mapToObj(i -> new Party("p" + i))
            .toList();
    AlignmentPolicy policy = new AlignmentPolicy(7, Duplicates.REJECT, 100);
    assertThatThrownBy(() -> new OprfAlignment().leaks(parties, policy))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("oprf aligns 2 to 32 parties, not 33");
    AlignmentJob job =
        new AlignmentJob(
            new Session("job-1", new byte[32], 1), parties.get(0), parties, Run.ID, policy);
    assertThatThrownBy(() -> new OprfAlignment().align(job, Map.of(), Table.of("a"), Progress.NONE))
        .isInstanceOf(IllegalArgumentException.class);
    // The longest value of the cohort is held in a long and 31 bits.
    int[] counts = new int[OprfAlignment.MAX_PARTIES];
    Arrays.fill(counts, AlignmentPolicy.LARGEST);
    assertThat(ManySender.cohortCode(ManyReceiver.MOST_KEYS, counts).low()).isEqualTo(31);
  }

  @Test
  void aTableThatBreaksThePolicyStopsAll() throws Exception {
    Run run = new Run(Table.of("a", "b"), Table.of("b", "c", "b"), Table.of("a", "b"));
    List<Throwable> failures = run.fail(NONE);
    assertThat(failures.get(1)).isInstanceOf(AlignmentException.DuplicateKeys.class);
    for (int other : new int[] {0, 2}) {
      assertThat(failures.get(other))
          .isInstanceOf(WireException.PeerAborted.class)
          .hasMessageContaining("p1.example stopped: its match keys are not unique");
    }
  }

  @Test
  void aMatchKeyThatFindsNobodyInALaterRuleIsNoFailure() throws Exception {
    Table table = Table.of(ids(0, 5));
    Run run = new Run(table, table, Table.of(ids(2, 9)));
    run.key = new MatchKey(List.of(Run.ID.rules().get(0), Run.ID.rules().get(0)));
    List<Alignment> alignments = run.succeed(NONE);
    assertThat(alignments).allSatisfy(a -> assertThat(a.matchedByRule()).containsExactly(3, 0));
  }
}
