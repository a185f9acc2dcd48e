package org.espalier.psi.ecdh;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.espalier.psi.Alignment;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.AlignmentPolicy;
import org.espalier.psi.LeakStatement;
import org.espalier.psi.PlainJoin;
import org.espalier.psi.Table;
import org.espalier.psi.curve.Elligator;
import org.espalier.psi.keys.Duplicates;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.keys.MatchKey;
import org.espalier.psi.keys.MatchKey.Part;
import org.espalier.psi.keys.MatchKey.Rule;
import org.espalier.wire.Party;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Honest parties. */
@Timeout(120)
class AlignmentTest {
  private static final MatchKey TWO_RULES =
      new MatchKey(
          List.of(
              new Rule(List.of(Part.of("id", "digits"))),
              new Rule(List.of(Part.of("name", "trim", "casefold"), Part.of("born")))));

  @TempDir Path folder;

  @AfterEach
  void noFileIsLeft() throws Exception {
    try (var files = Files.list(folder)) {
      assertThat(files).isEmpty();
    }
  }

  /** People whom some parties know, with gaps and, where allowed, repeats. */
  private static Table table(Random random, int people, boolean repeats) {
    List<String[]> rows = new ArrayList<>();
    for (int person = 0; person < people; person++) {
      if (random.nextInt(4) == 0) {
        continue;
      }
      int copies = repeats && random.nextInt(6) == 0 ? 2 : 1;
      for (int copy = 0; copy < copies; copy++) {
        String id = random.nextInt(5) == 0 ? null : "ID-" + (1000 + person);
        String name =
            random.nextInt(9) == 0 ? null : (random.nextBoolean() ? " Nn" : "NN") + person;
        String born = random.nextInt(9) == 0 ? "" : "19" + (10 + person % 90);
        rows.add(new String[] {id, name, born});
      }
    }
    Collections.shuffle(rows, random);
    return new Table(List.of("id", "name", "born"), rows.toArray(String[][]::new));
  }

  @ParameterizedTest
  @CsvSource({"2, 1", "2, 2", "2, 3", "2, 4", "3, 5", "3, 6", "5, 7", "2, 8", "3, 9", "5, 10"})
  void findsWhatAJoinInTheClearFinds(int parties, long seed) throws Exception {
    Random random = new Random(seed);
    boolean repeats = seed % 2 == 0;
    Run run =
        new Run(
            IntStream.range(0, parties)
                .mapToObj(i -> table(random, 40 + random.nextInt(80), repeats))
                .toArray(KeySource[]::new));
    // Names are unique but for repeats, because they contain the person's number.
    run.key = TWO_RULES;
    run.policy = new AlignmentPolicy(1, repeats ? Duplicates.FIRST : Duplicates.REJECT, 1 << 20);
    List<Alignment> alignments = run.succeed(folder);

    List<Set<List<Integer>>> expected = PlainJoin.of(run.key, run.sources);
    Alignment first = alignments.get(0);
    assertThat(first.matchedByRule())
        .containsExactly(expected.get(0).size(), expected.get(1).size());
    assertThat(expected.get(1)).isNotEmpty();
    List<List<Integer>> found = new ArrayList<>();
    for (int place = 0; place < first.size(); place++) {
      int at = place;
      found.add(alignments.stream().map(a -> a.rows()[at]).toList());
    }
    int byFirst = expected.get(0).size();
    assertThat(found.subList(0, byFirst)).containsExactlyInAnyOrderElementsOf(expected.get(0));
    assertThat(found.subList(byFirst, found.size()))
        .containsExactlyInAnyOrderElementsOf(expected.get(1));
    assertThat(alignments).extracting(Alignment::digest).containsOnly(first.digest());
    assertThat(alignments).extracting(Alignment::matchedByRule).containsOnly(first.matchedByRule());
    assertThat(first.digest()).hasSize(32);
  }

  private static String[] ids(int from, int to) {
    return IntStream.range(from, to).mapToObj(i -> "id" + i).toArray(String[]::new);
  }

  @Test
  void theOrderTellsNothingAndChangesWithTheRun() throws Exception {
    Run run = new Run(Table.of(ids(0, 300)), Table.of(ids(0, 300)));
    Alignment one = run.succeed(folder).get(0);
    run.network = new MemoryNetwork();
    Alignment two = run.succeed(folder).get(0);
    assertThat(one.rows()).hasSize(300).doesNotHaveDuplicates();
    assertThat(two.rows()).isNotEqualTo(one.rows());
    assertThat(two.digest()).isNotEqualTo(one.digest());
    // A random order has one row in its place on average; neighbours stay together as rarely.
    int[] rows = one.rows();
    assertThat(IntStream.range(0, 300).filter(i -> rows[i] == i).count()).isLessThan(15);
    assertThat(IntStream.range(1, 300).filter(i -> rows[i] == rows[i - 1] + 1).count())
        .isLessThan(15);
    assertThat(one.toString()).startsWith("300 people").doesNotContain("id1");
  }

  @Test
  void severalMessagesPerList() throws Exception {
    int n = Messages.CHUNK + 100;
    Run run = new Run(Table.of(ids(0, n)), Table.of(ids(n - 50, n + 20)));
    Map<String, Long> progress = new ConcurrentHashMap<>();
    run.progress = (step, done, total) -> progress.merge(step, done, Math::max);
    List<Alignment> alignments = run.succeed(folder);
    assertThat(alignments.get(0).size()).isEqualTo(50);
    for (int i = 0; i < 50; i++) {
      assertThat(alignments.get(0).rows()[i] - alignments.get(1).rows()[i]).isEqualTo(n - 50);
    }
    assertThat(progress).containsEntry("blind own keys", (long) n).containsKey("compare");
  }

  @Test
  void anEmptyIntersectionStopsEverybody() throws Exception {
    Run run = new Run(Table.of("a", "b"), Table.of("c", "d"), Table.of("a", "d"));
    List<Throwable> failures = run.fail(folder);
    assertThat(failures)
        .allSatisfy(f -> assertThat(f).isInstanceOf(AlignmentException.BelowMinimum.class));
    assertThat(failures)
        .extracting(f -> ((AlignmentException.BelowMinimum) f).size())
        .containsExactly(0, -1, -1);
    assertThat(failures.get(1)).hasMessageContaining("match reports");
  }

  @ParameterizedTest
  @CsvSource({"2, 4, false", "2, 5, true", "3, 4, false", "3, 5, true"})
  void nobodyLearnsMembersBelowTheMinimum(int parties, int common, boolean goesOn)
      throws Exception {
    KeySource[] sources = new KeySource[parties];
    for (int i = 0; i < parties; i++) {
      List<String> ids = new ArrayList<>(List.of(ids(0, common)));
      ids.addAll(List.of(ids(100 * (i + 1), 100 * (i + 1) + 10)));
      sources[i] = Table.of(ids.toArray(String[]::new));
    }
    Run run = new Run(sources);
    run.policy = new AlignmentPolicy(5, Duplicates.REJECT, 1000);
    if (goesOn) {
      assertThat(run.succeed(folder)).allSatisfy(a -> assertThat(a.size()).isEqualTo(5));
    } else {
      List<Throwable> failures = run.fail(folder);
      for (int i = 0; i < parties; i++) {
        assertThat(failures.get(i)).isInstanceOf(AlignmentException.BelowMinimum.class);
        assertThat(((AlignmentException.BelowMinimum) failures.get(i)).size())
            .isEqualTo(i == 0 ? common : -1);
      }
    }
    for (int i = 1; i < parties; i++) {
      List<Integer> types = run.types(0, i);
      assertThat(types.contains(Messages.Positions.MEMBERS.code())).isEqualTo(goesOn);
      assertThat(run.types(i, 0).contains(Messages.Positions.OPENED.code()))
          .isEqualTo(goesOn && i == parties - 1);
    }
    if (!goesOn) {
      // The channels are still good: a job may go on without this data set.
      run.policy = new AlignmentPolicy(1, Duplicates.REJECT, 1000);
      assertThat(run.succeed(folder)).allSatisfy(a -> assertThat(a.size()).isEqualTo(4));
    }
  }

  @Test
  void aListBelowTheMinimumIsNotCompared() throws Exception {
    Run run = new Run(Table.of(ids(0, 10)), Table.of(ids(0, 4)));
    run.policy = new AlignmentPolicy(5, Duplicates.REJECT, 1000);
    assertThat(run.fail(folder))
        .allSatisfy(
            f -> assertThat(((AlignmentException.BelowMinimum) f).size()).as("size").isEqualTo(-1));
    assertThat(run.types(0, 1)).doesNotContain(Messages.Elements.TYPE.code());
    assertThat(run.types(1, 0)).doesNotContain(Messages.Elements.TYPE.code());
  }

  @Test
  void aLaterRuleMayFindNobodyOrHaveNobodyLeft() throws Exception {
    List<String> columns = List.of("id", "name", "born");
    Run none =
        new Run(
            new Table(columns, new String[][] {{"1", "a", "x"}, {"2", "b", "x"}}),
            new Table(columns, new String[][] {{"3", "c", "x"}, {"1", "a", "x"}}));
    none.key = TWO_RULES;
    assertThat(none.succeed(folder).get(1).matchedByRule()).containsExactly(1, 0);
    Run left =
        new Run(
            new Table(columns, new String[][] {{"1", "a", "x"}}),
            new Table(columns, new String[][] {{"3", "c", "x"}, {"1", "a", "x"}}));
    left.key = TWO_RULES;
    Alignment alignment = left.succeed(folder).get(1);
    assertThat(alignment.matchedByRule()).containsExactly(1, 0);
    assertThat(alignment.rows()).containsExactly(1);
  }

  @Test
  void aTableThatBreaksThePolicyStopsBeforeAnythingIsSent() throws Exception {
    Run duplicates = new Run(Table.of("a", "b"), Table.of("b", "c", "b"));
    List<Throwable> failures = duplicates.fail(folder);
    assertThat(failures.get(1)).isInstanceOf(AlignmentException.DuplicateKeys.class);
    assertThat(failures.get(0))
        .isInstanceOf(WireException.PeerAborted.class)
        .hasMessage("p1.example stopped: its match keys are not unique");
    assertThat(duplicates.types(1, 0)).containsExactly(0);

    Run empty = new Run(Table.of("a", "b"), Table.of(null, ""), Table.of("a", "b"));
    failures = empty.fail(folder);
    assertThat(failures.get(1)).isInstanceOf(AlignmentException.EmptyKeys.class);
    assertThat(failures.get(2)).isInstanceOf(WireException.PeerAborted.class);

    Run large = new Run(Table.of("a", "b"), Table.of("b", "c", "d"));
    large.policy = new AlignmentPolicy(1, Duplicates.REJECT, 2);
    failures = large.fail(folder);
    assertThat(failures.get(1)).isInstanceOf(AlignmentException.TooManyRows.class);
    assertThat(failures.get(0)).hasMessageContaining("more rows than agreed");
  }

  @ParameterizedTest
  @CsvSource({
    "session",
    "order of parties",
    "match key",
    "minimum intersection",
    "duplicates policy",
    "row limit"
  })
  void partiesThatDoNotRunTheSameSayWhatDiffers(String field) throws Exception {
    Run run = new Run(Table.of("a", "b"), Table.of("a", "b"));
    run.jobs.put(
        1,
        job -> {
          Session session = job.session();
          AlignmentPolicy policy = job.policy();
          List<Party> parties = job.parties();
          MatchKey key = job.key();
          switch (field) {
            case "session" -> session = new Session("job-1", new byte[32], 2);
            case "order of parties" -> parties = List.of(parties.get(1), parties.get(0));
            case "match key" -> key = MatchKey.of(Part.of("id", "trim"));
            case "minimum intersection" ->
                policy = new AlignmentPolicy(2, policy.duplicates(), policy.maxRows());
            case "duplicates policy" ->
                policy = new AlignmentPolicy(1, Duplicates.FIRST, policy.maxRows());
            default -> policy = new AlignmentPolicy(1, policy.duplicates(), 17);
          }
          return new AlignmentJob(session, job.self(), parties, key, policy);
        });
    for (Throwable failure : run.fail(folder)) {
      assertThat(failure)
          .isInstanceOfAny(AlignmentException.Disagreement.class, WireException.PeerAborted.class)
          .hasMessageContaining("another " + field);
    }
  }

  @Test
  void aTableThatChangesOrFailsStopsEverybody() throws Exception {
    Table good = Table.of("a", "b", "c");
    int[] scans = {0};
    KeySource changing =
        new KeySource() {
          @Override
          public int rows() {
            return 3;
          }

          @Override
          public void scan(List<String> columns, RowVisitor visitor) {
            good.scan(
                columns,
                (row, values) ->
                    visitor.row(row, scans[0] > 0 && row == 1 ? new String[1] : values));
            scans[0]++;
          }
        };
    List<Throwable> failures = new Run(good, changing, good).fail(folder);
    assertThat(failures.get(1))
        .isInstanceOf(AlignmentException.SourceChanged.class)
        .hasMessageContaining("row 2");
    assertThat(failures.get(0)).hasMessageContaining("its table changed");

    scans[0] = 0;
    KeySource failing =
        new KeySource() {
          @Override
          public int rows() {
            return 3;
          }

          @Override
          public void scan(List<String> columns, RowVisitor visitor) {
            if (scans[0]++ > 0) {
              throw new IllegalStateException("secret path");
            }
            good.scan(columns, visitor);
          }
        };
    failures = new Run(failing, good).fail(folder);
    assertThat(failures.get(0)).hasMessage("secret path");
    assertThat(failures.get(1))
        .isInstanceOf(WireException.PeerAborted.class)
        .hasMessage("p0.example stopped: it failed internally");
  }

  @Test
  void aSlowTableKeepsTheOthersPatient() throws Exception {
    Table good = Table.of(ids(0, 30));
    int[] scans = {0};
    KeySource slow =
        new KeySource() {
          @Override
          public int rows() {
            return good.rows();
          }

          @Override
          public void scan(List<String> columns, RowVisitor visitor) {
            if (scans[0]++ > 0) {
              try {
                Thread.sleep(3000);
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
            }
            good.scan(columns, visitor);
          }
        };
    for (int place : new int[] {0, 1}) {
      scans[0] = 0;
      Run run = place == 0 ? new Run(slow, good, good) : new Run(good, good, slow);
      run.network = new MemoryNetwork(false, Duration.ofMillis(1500));
      run.keepAlive = Duration.ofMillis(200);
      assertThat(run.succeed(folder)).allSatisfy(a -> assertThat(a.size()).isEqualTo(30));
    }
  }

  /** All elements in the conversation, wherever they come from. */
  private static List<byte[]> elements(Run run) {
    List<byte[]> elements = new ArrayList<>();
    for (Party from : run.parties) {
      for (Party to : run.parties) {
        if (from.equals(to)) {
          continue;
        }
        ByteBuffer bytes = ByteBuffer.wrap(run.network.recorded(from, to));
        while (bytes.hasRemaining()) {
          boolean wanted = bytes.getShort() == Messages.Elements.TYPE.code();
          byte[] payload = new byte[bytes.getInt()];
          bytes.get(payload);
          for (int at = 12; wanted && at < payload.length; at += 32) {
            elements.add(Arrays.copyOfRange(payload, at, at + 32));
          }
        }
      }
    }
    return elements;
  }

  @Test
  void elementsOnTheWireLookUniform() throws Exception {
    Run run = new Run(Table.of(ids(0, 1500)), Table.of(ids(0, 1500)));
    run.succeed(folder);
    List<byte[]> elements = elements(run);
    assertThat(elements).hasSize(4500);
    assertThat(elements.stream().map(ByteBuffer::wrap).distinct())
        .as("the same people look different in every list at every hop")
        .hasSize(4500);
    double[] counts = new double[256];
    int[] ones = new int[255];
    for (byte[] element : elements) {
      for (int i = 0; i < 31; i++) {
        counts[element[i] & 0xff]++;
      }
      for (int bit = 0; bit < 255; bit++) {
        ones[bit] += element[bit / 8] >> (bit % 8) & 1;
      }
      assertThat(Elligator.canonical(element, 0)).isTrue();
    }
    double expected = 4500 * 31 / 256.0;
    double chi = Arrays.stream(counts).map(c -> (c - expected) * (c - expected) / expected).sum();
    // 255 degrees of freedom, standard deviation 22.6: eight of them.
    assertThat(chi).isBetween(255 - 181.0, 255 + 181.0);
    // Seven standard deviations of 4500 fair coins.
    assertThat(Arrays.stream(ones)).allMatch(n -> n >= 2250 - 235 && n <= 2250 + 235);

    run.network = new MemoryNetwork(true, Duration.ofSeconds(20));
    run.succeed(folder);
    Set<ByteBuffer> before = new HashSet<>();
    elements.forEach(e -> before.add(ByteBuffer.wrap(e)));
    assertThat(elements(run)).noneMatch(e -> before.contains(ByteBuffer.wrap(e)));
  }

  @Test
  void saysWhoLearnsWhat() {
    EcdhAlignment protocol = new EcdhAlignment(folder);
    assertThat(protocol.name()).isEqualTo("ecdh");
    Party bank = new Party("bank");
    Party insurer = new Party("insurer");
    AlignmentPolicy policy = new AlignmentPolicy(1234, Duplicates.REJECT, 10_000);
    List<LeakStatement> two = protocol.leaks(List.of(bank, insurer), policy);
    assertThat(two).anySatisfy(l -> assertThat(l.text()).contains("1,234", "bank"));
    assertThat(two)
        .filteredOn(l -> bank.equals(l.learner()))
        .singleElement()
        .satisfies(l -> assertThat(l.text()).contains("exact number").doesNotContain("pairwise"));
    List<LeakStatement> three =
        protocol.leaks(List.of(bank, insurer, new Party("telecom")), policy);
    assertThat(three)
        .filteredOn(l -> bank.equals(l.learner()))
        .singleElement()
        .satisfies(l -> assertThat(l.text()).contains("pairwise"));
    assertThat(three).anySatisfy(l -> assertThat(l.text()).contains("collude"));
  }

  @Test
  void jobsAreChecked() {
    Party a = new Party("a");
    Party b = new Party("b");
    Session session = new Session("j", new byte[32], 1);
    AlignmentPolicy policy = new AlignmentPolicy(1, Duplicates.REJECT, 10);
    for (List<Party> parties : List.of(List.of(a), List.of(a, a), List.of(b, new Party("c")))) {
      assertThatThrownBy(() -> new AlignmentJob(session, a, parties, Run.ID, policy))
          .isInstanceOf(IllegalArgumentException.class);
    }
    AlignmentJob job = new AlignmentJob(session, a, List.of(a, b), Run.ID, policy);
    EcdhAlignment protocol = new EcdhAlignment(folder);
    assertThatThrownBy(() -> protocol.align(job, new TreeMap<>(), Table.of("x"), (s, d, t) -> {}))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no channel to b");
    assertThatThrownBy(() -> new AlignmentPolicy(0, Duplicates.FIRST, 1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new AlignmentPolicy(1, Duplicates.FIRST, AlignmentPolicy.LARGEST + 1))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
