package org.espalier.psi.oprf;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.espalier.psi.Alignment;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.AlignmentPolicy;
import org.espalier.psi.LeakStatement;
import org.espalier.psi.OddTables;
import org.espalier.psi.Parties;
import org.espalier.psi.PlainJoin;
import org.espalier.psi.Table;
import org.espalier.psi.keys.Duplicates;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.run.RunMessages;
import org.espalier.wire.Channel;
import org.espalier.wire.MessageChannel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Honest parties. */
@Timeout(300)
class AlignmentTest {
  private static final Path NONE = Path.of(".");

  /** Runs of their own; {@link ManyCasesTest} has more cases in one. */
  @Test
  void findsWhatAJoinInTheClearFinds() throws Exception {
    int stopped = 0;
    int empty = 0;
    for (int i = 0; i < 50; i++) {
      Random random = new Random(i);
      int people = i % 10 == 0 ? 1 + random.nextInt(2) : i % 10 == 1 ? 3000 : random.nextInt(90);
      Table one = OddTables.table(random, people, 0.2 + 0.8 * random.nextDouble());
      Table two = OddTables.table(random, people, 0.2 + 0.8 * random.nextDouble());
      Run run = new Run(one, two);
      run.network = new MemoryNetwork();
      run.key = OddTables.RULES;
      run.policy = new AlignmentPolicy(1, Duplicates.FIRST, 1 << 20);
      List<Parties.Outcome> outcomes = run.align(NONE);
      if (PlainJoin.of(run.key, run.sources).get(0).isEmpty()) {
        // No usable key at one of them, or nobody in the first rule: a run stops for either.
        stopped++;
        assertThat(outcomes).allSatisfy(o -> assertThat(o.failure()).isNotNull());
        continue;
      }
      List<Alignment> alignments = new ArrayList<>();
      for (Parties.Outcome outcome : outcomes) {
        assertThat(outcome.failure()).as("seed %d", i).isNull();
        alignments.add(outcome.alignment());
      }
      run.assertIsTheJoin(alignments);
      for (int matched : alignments.get(0).matchedByRule()) {
        empty += matched == 0 ? 1 : 0;
      }
    }
    assertThat(stopped).isBetween(1, 20);
    assertThat(empty).isBetween(1, 100);
  }

  private static String[] ids(int from, int to) {
    return IntStream.range(from, to).mapToObj(i -> "id" + i).toArray(String[]::new);
  }

  /** Several bins, and batches of correlations that hold one or two of them each. */
  @ParameterizedTest
  @CsvSource({"70000, 2000, 100000", "2000, 140000, 2097152", "150000, 150000, 170000"})
  void largeAndUnequalSets(int one, int two, int largestBatch) throws Exception {
    int common = 1234;
    Run run = new Run(Table.of(ids(0, one)), Table.of(ids(one - common, one - common + two)));
    run.network = new MemoryNetwork();
    run.largestBatch = largestBatch;
    List<Alignment> alignments = run.succeed(NONE);
    int[] rows = alignments.get(0).rows();
    int[] others = alignments.get(1).rows();
    assertThat(rows).hasSize(common).doesNotHaveDuplicates();
    for (int i = 0; i < common; i++) {
      assertThat(rows[i]).isEqualTo(others[i] + one - common);
    }
    assertThat(alignments.get(1).digest()).isEqualTo(alignments.get(0).digest());
  }

  @Test
  void setsOfOne() throws Exception {
    Run same = new Run(Table.of("a"), Table.of("a"));
    assertThat(same.succeed(NONE)).allSatisfy(a -> assertThat(a.rows()).containsExactly(0));
    Run different = new Run(Table.of("a"), Table.of("b"));
    assertThat(different.fail(NONE))
        .allSatisfy(f -> assertThat(f).isInstanceOf(AlignmentException.BelowMinimum.class));
  }

  @Test
  void theOrderTellsNothingAndChangesWithTheRun() throws Exception {
    Run run = new Run(Table.of(ids(0, 300)), Table.of(ids(0, 300)));
    Alignment one = run.succeed(NONE).get(0);
    run.network = new MemoryNetwork();
    Alignment two = run.succeed(NONE).get(0);
    assertThat(one.rows()).hasSize(300).doesNotHaveDuplicates();
    assertThat(two.rows()).isNotEqualTo(one.rows());
    assertThat(two.digest()).isNotEqualTo(one.digest());
    int[] rows = one.rows();
    assertThat(IntStream.range(0, 300).filter(i -> rows[i] == i).count()).isLessThan(15);
    assertThat(IntStream.range(1, 300).filter(i -> rows[i] == rows[i - 1] + 1).count())
        .isLessThan(15);
  }

  @ParameterizedTest
  @CsvSource({"4, false", "5, true"})
  void theSenderLearnsNobodyBelowTheMinimum(int common, boolean goesOn) throws Exception {
    List<String> one = new ArrayList<>(List.of(ids(0, common)));
    one.addAll(List.of(ids(100, 110)));
    List<String> two = new ArrayList<>(List.of(ids(0, common)));
    two.addAll(List.of(ids(200, 210)));
    Run run = new Run(Table.of(one.toArray(String[]::new)), Table.of(two.toArray(String[]::new)));
    run.policy = new AlignmentPolicy(5, Duplicates.REJECT, 1000);
    if (goesOn) {
      assertThat(run.succeed(NONE)).allSatisfy(a -> assertThat(a.size()).isEqualTo(5));
    } else {
      List<Throwable> failures = run.fail(NONE);
      for (int i = 0; i < 2; i++) {
        assertThat(failures.get(i)).isInstanceOf(AlignmentException.BelowMinimum.class);
        assertThat(((AlignmentException.BelowMinimum) failures.get(i)).size())
            .isEqualTo(i == 0 ? common : -1);
      }
      assertThat(failures)
          .allSatisfy(
              f ->
                  assertThat(f)
                      .hasMessageContaining("only the first party's node has seen who is in it"));
    }
    assertThat(run.types(0, 1).contains(Messages.Members.TYPE.code())).isEqualTo(goesOn);
    assertThat(run.types(0, 1)).contains(RunMessages.Verdict.TYPE.code());
    if (!goesOn) {
      // The channels are still good: a job may go on without this data set.
      run.policy = new AlignmentPolicy(1, Duplicates.REJECT, 1000);
      assertThat(run.succeed(NONE)).allSatisfy(a -> assertThat(a.size()).isEqualTo(4));
    }
  }

  @Test
  void aListBelowTheMinimumIsNotEncoded() throws Exception {
    Run run = new Run(Table.of(ids(0, 10)), Table.of(ids(0, 4)));
    run.policy = new AlignmentPolicy(5, Duplicates.REJECT, 1000);
    assertThat(run.fail(NONE))
        .allSatisfy(f -> assertThat(((AlignmentException.BelowMinimum) f).size()).isEqualTo(-1));
    assertThat(run.types(0, 1))
        .doesNotContain(Messages.Seed.TYPE.code(), Messages.Table.TYPE.code());
    assertThat(run.types(1, 0)).doesNotContain(46);
  }

  @Test
  void aTableThatBreaksThePolicyStopsBeforeAnythingIsSent() throws Exception {
    Run duplicates = new Run(Table.of("a", "b"), Table.of("b", "c", "b"));
    List<Throwable> failures = duplicates.fail(NONE);
    assertThat(failures.get(1)).isInstanceOf(AlignmentException.DuplicateKeys.class);
    assertThat(failures.get(0))
        .isInstanceOf(WireException.PeerAborted.class)
        .hasMessage("p1.example stopped: its match keys are not unique");
    assertThat(duplicates.types(1, 0)).containsExactly(0);
    Run empty = new Run(Table.of("a", "b"), Table.of(null, ""));
    assertThat(empty.fail(NONE).get(1)).isInstanceOf(AlignmentException.EmptyKeys.class);
  }

  @Test
  void partiesThatDoNotRunTheSameStop() throws Exception {
    Run run = new Run(Table.of("a", "b"), Table.of("a", "b"));
    run.jobs.put(
        1,
        job ->
            new AlignmentJob(
                new Session("job-1", new byte[32], 2),
                job.self(),
                job.parties(),
                job.key(),
                job.policy()));
    for (Throwable failure : run.fail(NONE)) {
      assertThat(failure)
          .isInstanceOfAny(AlignmentException.Disagreement.class, WireException.PeerAborted.class)
          .hasMessageContaining("another session");
    }
  }

  @Test
  void theLeakStatementNamesTheReceiver() {
    List<Party> parties = List.of(new Party("bank"), new Party("shop"));
    List<LeakStatement> leaks =
        new OprfAlignment().leaks(parties, new AlignmentPolicy(50, Duplicates.REJECT, 100));
    assertThat(leaks)
        .anySatisfy(
            leak -> {
              assertThat(leak.learner()).isEqualTo(parties.get(0));
              assertThat(leak.text()).contains("fewer than 50").contains("determines who they are");
            });
    assertThat(leaks)
        .filteredOn(leak -> parties.get(1).equals(leak.learner()))
        .singleElement()
        .satisfies(leak -> assertThat(leak.text()).contains("only that"));
  }

  @Test
  void overTcp() throws Exception {
    List<Party> parties = List.of(new Party("p0.example"), new Party("p1.example"));
    KeySource[] sources = {Table.of(ids(0, 5000)), Table.of(ids(3000, 9000))};
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        Socket there = new Socket(server.getInetAddress(), server.getLocalPort());
        Socket here = server.accept()) {
      List<Future<Alignment>> running = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        int self = i;
        Channel channel =
            new MessageChannel(
                parties.get(self),
                parties.get(1 - self),
                new TcpDuplex(self == 0 ? here : there),
                Duration.ofMinutes(2));
        AlignmentJob job =
            new AlignmentJob(
                new Session("job-1", new byte[32], 1),
                parties.get(self),
                parties,
                Run.ID,
                new AlignmentPolicy(10, Duplicates.REJECT, 10_000));
        running.add(
            threads.submit(
                () ->
                    new OprfAlignment()
                        .align(
                            job,
                            Map.of(parties.get(1 - self), channel),
                            sources[self],
                            Progress.NONE)));
      }
      int[] rows = running.get(0).get(2, TimeUnit.MINUTES).rows();
      int[] others = running.get(1).get(2, TimeUnit.MINUTES).rows();
      assertThat(rows).hasSize(2000);
      for (int i = 0; i < rows.length; i++) {
        assertThat(rows[i]).isEqualTo(others[i] + 3000);
      }
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void aTableThatChangesStopsBoth() throws Exception {
    Table good =
        new Table(
            List.of("id", "name", "born", "place"),
            new String[][] {
              {"1", "a", "x", "p"},
              {"2", "b", "x", "q"},
              {"3", "c", "x", "r"},
              {null, "d", "x", "s"}
            });
    int[] scans = {0};
    KeySource changing =
        new KeySource() {
          @Override
          public int rows() {
            return 4;
          }

          @Override
          public void scan(List<String> columns, RowVisitor visitor) {
            boolean again = scans[0]++ >= OddTables.RULES.rules().size();
            good.scan(
                columns,
                (row, values) -> visitor.row(row, again ? new String[columns.size()] : values));
          }
        };
    Run run = new Run(good, changing);
    run.key = OddTables.RULES;
    List<Throwable> failures = run.fail(NONE);
    assertThat(failures.get(1)).isInstanceOf(AlignmentException.SourceChanged.class);
    assertThat(failures.get(0))
        .isInstanceOf(WireException.PeerAborted.class)
        .hasMessageContaining("its table changed");
  }
}
