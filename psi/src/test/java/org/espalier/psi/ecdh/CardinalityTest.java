package org.espalier.psi.ecdh;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.espalier.psi.Alignment;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.AlignmentPolicy;
import org.espalier.psi.AlignmentProtocol;
import org.espalier.psi.JointSizes;
import org.espalier.psi.JointSizes.RuleSize;
import org.espalier.psi.LeakStatement;
import org.espalier.psi.OddTables;
import org.espalier.psi.Parties;
import org.espalier.psi.SizeBucket;
import org.espalier.psi.Table;
import org.espalier.psi.Tampering;
import org.espalier.psi.keys.Duplicates;
import org.espalier.psi.keys.KeyIndex;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.keys.MatchKey;
import org.espalier.psi.run.RunMessages;
import org.espalier.wire.Channel;
import org.espalier.wire.Message;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.WireException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How many people parties have in common, without who they are. */
@Timeout(120)
class CardinalityTest {
  private static final int MINIMUM = 12;
  private static final HexFormat HEX = HexFormat.of();

  @TempDir Path folder;

  @AfterEach
  void noFileIsLeft() throws Exception {
    try (var files = Files.list(folder)) {
      assertThat(files).isEmpty();
    }
  }

  /** Parties that count, in the harness of those that align. */
  private static final class Count extends Parties {
    final Map<Party, JointSizes> sizes = new ConcurrentHashMap<>();

    Count(KeySource... sources) {
      super(sources);
      policy = new AlignmentPolicy(MINIMUM, Duplicates.FIRST, 1 << 20);
    }

    @Override
    protected AlignmentProtocol protocol(Path folder) {
      return new AlignmentProtocol() {
        @Override
        public String name() {
          return "count";
        }

        @Override
        public List<LeakStatement> leaks(List<Party> parties, AlignmentPolicy policy) {
          return List.of();
        }

        @Override
        public Alignment align(
            AlignmentJob job, Map<Party, Channel> channels, KeySource source, Progress progress) {
          EcdhCardinality cardinality = new EcdhCardinality(folder, Duration.ofSeconds(1));
          sizes.put(job.self(), cardinality.count(job, channels, source, progress));
          return new Alignment(new int[0], new byte[32], new int[0]);
        }
      };
    }
  }

  /** In the clear: the keys of each rule that take part at a party. */
  private static List<Set<ByteBuffer>> keys(MatchKey key, KeySource source) {
    List<Set<ByteBuffer>> all = new ArrayList<>();
    BitSet ignored = new BitSet();
    for (MatchKey.Rule rule : key.rules()) {
      Set<ByteBuffer> keys = new HashSet<>();
      BitSet repeats = KeyIndex.of(source, rule).repeats();
      source.scan(
          rule.columns(),
          (row, values) -> {
            byte[] bytes = rule.encode(values);
            if (bytes != null && !repeats.get(row) && !ignored.get(row)) {
              keys.add(ByteBuffer.wrap(bytes));
            }
          });
      ignored.or(repeats);
      all.add(keys);
    }
    return all;
  }

  @ParameterizedTest
  @CsvSource({"2, 1, 0.8", "2, 2, 0.5", "3, 3, 0.9", "5, 4, 0.95", "2, 5, 0.1"})
  void findsTheBucketsOfAJoinInTheClear(int parties, long seed, double share) throws Exception {
    Random random = new Random(seed);
    Count run =
        new Count(
            IntStream.range(0, parties)
                .mapToObj(i -> OddTables.table(random, 90, share))
                .toArray(KeySource[]::new));
    run.key = OddTables.RULES;
    run.succeed(folder);

    List<List<Set<ByteBuffer>>> clear =
        run.sources.stream().map(source -> keys(run.key, source)).toList();
    List<RuleSize> expected = new ArrayList<>();
    for (int rule = 0; rule < run.key.rules().size(); rule++) {
      int at = rule;
      Set<ByteBuffer> common = new HashSet<>(clear.get(0).get(rule));
      clear.forEach(party -> common.retainAll(party.get(at)));
      expected.add(
          new RuleSize(
              SizeBucket.of(common.size(), MINIMUM),
              clear.stream().map(party -> party.get(at).size()).toList()));
    }
    assertThat(run.sizes).hasSize(parties);
    assertThat(run.sizes.values()).allSatisfy(s -> assertThat(s.rules()).isEqualTo(expected));
  }

  private static Count people(int... common) {
    KeySource[] tables =
        Arrays.stream(common)
            .mapToObj(
                c ->
                    Table.of(
                        IntStream.range(0, 40)
                            .mapToObj(i -> i < c ? "id" + i : "only" + c + "-" + i)
                            .toArray(String[]::new)))
            .toArray(KeySource[]::new);
    return new Count(tables);
  }

  @Test
  void nothingButElementsAndBoundsCrossesTheWire() throws Exception {
    Count run = people(31, 33);
    run.succeed(folder);
    assertThat(run.types(0, 1)).containsExactly(32, 33, 34, 35, 39, 40);
    // Its own list, and the comparer's in another order.
    assertThat(run.types(1, 0)).containsExactly(32, 33, 34, 34, 40);
    assertThat(run.sizes.get(run.parties.get(0)).rules())
        .containsExactly(new RuleSize(new SizeBucket(20, 50), List.of(40, 40)));
    byte[] fromComparer = run.network.recorded(run.parties.get(0), run.parties.get(1));
    ByteBuffer verdict = ByteBuffer.allocate(14).putShort((short) 35).putInt(8).putInt(0);
    verdict.putInt(20);
    assertThat(HEX.formatHex(fromComparer)).contains(HEX.formatHex(verdict.array()));
  }

  @Test
  void tooFewPeopleAreFewerThanTheMinimumForEverybody() throws Exception {
    for (int common : new int[] {0, 1, MINIMUM - 1}) {
      Count run = people(common, 40);
      run.succeed(folder);
      assertThat(run.sizes.values())
          .allSatisfy(
              s -> assertThat(s.rules().get(0).people()).isEqualTo(new SizeBucket(0, MINIMUM)));
    }
  }

  /** A party cannot ask about single people, nor can others read them from a short list. */
  @Test
  void aShortListIsNeverSent() throws Exception {
    Count run = people(40, 40);
    run.sources.set(1, Table.of("id0", "id1"));
    run.succeed(folder);
    assertThat(run.types(0, 1)).doesNotContain(34);
    assertThat(run.types(1, 0)).doesNotContain(34);
    assertThat(run.sizes.values())
        .allSatisfy(
            s ->
                assertThat(s.rules())
                    .containsExactly(new RuleSize(new SizeBucket(0, MINIMUM), List.of(40, 2))));
  }

  private static void tamper(Count run, int party, Function<Message, List<Message>> change) {
    run.channels.put(party, channel -> new Tampering(channel, change));
  }

  @ParameterizedTest
  @CsvSource({
    "0, 41, 'found 41 people, must be 12 to 40'",
    "0, 11, 'found 11 people'",
    "0, 31, 'no bound'",
    "1, 20, 'verdict of rule 1'",
    "0, -3, 'size is -3'"
  })
  void impossibleSizesAreRefused(int rule, int size, String what) throws Exception {
    Count run = people(31, 40);
    tamper(
        run,
        0,
        m -> List.of(m instanceof RunMessages.Verdict ? new RunMessages.Verdict(rule, size) : m));
    assertThat(run.fail(folder).get(1))
        .isInstanceOf(WireException.ProtocolViolation.class)
        .hasMessageContaining(what);
  }

  @Test
  void aComparerThatTellsTwoSizesIsFoundOut() throws Exception {
    Count run = people(31, 40, 35);
    run.channels.put(
        0,
        channel ->
            new Tampering(
                channel,
                m ->
                    List.of(
                        m instanceof RunMessages.Verdict && channel.peer().name().startsWith("p2")
                            ? new RunMessages.Verdict(0, RunMessages.Verdict.BELOW_MINIMUM)
                            : m)));
    assertThat(run.fail(folder))
        .anySatisfy(
            f ->
                assertThat(f)
                    .isInstanceOf(WireException.ProtocolViolation.class)
                    .hasMessageContaining("has another cohort"));
  }

  @Test
  void badElementsAreRefused() throws Exception {
    Count run = people(31, 40);
    tamper(
        run,
        1,
        m -> {
          if (m instanceof Messages.Elements e && e.owner() == 1 && e.count() > 0) {
            byte[] bytes = e.bytes().clone();
            Arrays.fill(bytes, 32 * 5, 32 * 6, (byte) 0);
            return List.of(new Messages.Elements(1, e.first(), bytes));
          }
          return List.of(m);
        });
    assertThat(run.fail(folder).get(0))
        .isInstanceOf(WireException.ProtocolViolation.class)
        .hasMessageContaining("list of p1.example, element 5 has low order");
  }

  /** Its messages mean nothing to an alignment. */
  @Test
  void whoAlignsDoesNotCount() throws Exception {
    Run align = new Run(people(40, 40).sources.toArray(KeySource[]::new));
    Count count = people(40, 40);
    Parties mixed =
        new Parties(align.sources.toArray(KeySource[]::new)) {
          private int asked;

          @Override
          protected synchronized AlignmentProtocol protocol(Path folder) {
            return asked++ == 0 ? align.protocol(folder) : count.protocol(folder);
          }
        };
    assertThat(mixed.fail(folder))
        .anySatisfy(f -> assertThat(f).isInstanceOf(AlignmentException.Disagreement.class));
  }

  @Test
  void bucketsHaveSteps() {
    assertThat(SizeBucket.of(99, 100))
        .isEqualTo(new SizeBucket(0, 100))
        .hasToString("fewer than 100");
    assertThat(SizeBucket.of(100, 100)).isEqualTo(new SizeBucket(100, 200));
    assertThat(SizeBucket.of(499, 300)).isEqualTo(new SizeBucket(300, 500));
    assertThat(SizeBucket.of(500, 300)).isEqualTo(new SizeBucket(500, 1000));
    assertThat(SizeBucket.of(5_000, 1)).hasToString("5,000 to 9,999");
    assertThat(SizeBucket.of(1, 1)).hasToString("1 to 1");
    assertThat(SizeBucket.of(AlignmentPolicy.LARGEST, 1))
        .isEqualTo(new SizeBucket(50_000_000, 100_000_000));
    for (int people = 1; people < 30_000; people++) {
      SizeBucket bucket = SizeBucket.of(people, 1);
      assertThat(people >= bucket.atLeast() && people < bucket.below()).isTrue();
      assertThat(SizeBucket.isBound(people, 1)).isEqualTo(people == bucket.atLeast());
    }
    assertThat(SizeBucket.isBound(300, 300)).isTrue();
    assertThat(SizeBucket.isBound(200, 300)).isFalse();
    assertThat(SizeBucket.isBound(-2, 1)).isFalse();
  }

  @Test
  void saysWhoLearnsWhat() {
    List<Party> parties = people(1, 1, 1).parties;
    AlignmentPolicy policy = new AlignmentPolicy(500, Duplicates.REJECT, 1 << 20);
    assertThat(EcdhCardinality.leaks(parties.subList(0, 2), policy))
        .hasSize(3)
        .anySatisfy(l -> assertThat(l.text()).contains("fewer than 500"))
        .anySatisfy(l -> assertThat(l.learner()).isEqualTo(parties.get(0)));
    assertThat(EcdhCardinality.leaks(parties, policy).toString()).contains("pairwise");
  }
}
