package org.espalier.psi.oprf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.espalier.psi.Alignment;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.AlignmentPolicy;
import org.espalier.psi.AlignmentProtocol;
import org.espalier.psi.Cuts;
import org.espalier.psi.MemoryListStore;
import org.espalier.psi.OddTables;
import org.espalier.psi.Parties;
import org.espalier.psi.Table;
import org.espalier.psi.Tampering;
import org.espalier.psi.keys.Duplicates;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.keys.MatchKey;
import org.espalier.psi.run.RunMessages;
import org.espalier.psi.store.TagTable;
import org.espalier.wire.Message;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A small table against a large one, whose list the small one's party keeps. */
@Timeout(300)
class UnbalancedTest {
  private static final Path NONE = Path.of(".");
  private static final int CLIENT = UnbalancedAlignment.CLIENT;
  private static final int SERVER = UnbalancedAlignment.SERVER;
  private static final int VALUES = 46;
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

  @TempDir Path folder;

  /** What both keep from run to run. */
  private final MemoryListStore[] stores = {new MemoryListStore(), new MemoryListStore()};

  private Instant now = NOW;

  private final class UnbalancedRun extends Parties {
    UnbalancedRun(KeySource... sources) {
      super(sources);
    }

    @Override
    protected AlignmentProtocol protocol(Path folder) {
      throw new UnsupportedOperationException("each party has its own");
    }

    @Override
    protected AlignmentProtocol protocol(int self, Path folder) {
      return new UnbalancedAlignment(stores[self], Clock.fixed(now, ZoneOffset.UTC), 3000);
    }
  }

  private static Table ids(int from, int to) {
    return Table.of(IntStream.range(from, to).mapToObj(i -> "id" + i).toArray(String[]::new));
  }

  private UnbalancedRun run(int attempt, KeySource client, KeySource server) {
    UnbalancedRun run = new UnbalancedRun(client, server);
    run.session = new Session("job-" + attempt, new byte[32], attempt);
    return run;
  }

  /** Whether a list came over the line. */
  private boolean aligns(UnbalancedRun run) throws Exception {
    List<Alignment> alignments = run.succeed(NONE);
    run.assertIsTheJoin(alignments);
    assertThat(alignments.get(CLIENT).size()).isPositive();
    return run.types(SERVER, CLIENT).contains(VALUES);
  }

  // ---- cohorts ----------------------------------------------------------------------------------

  @Test
  void theListComesOnceAndServesAnyTableOfTheClient() throws Exception {
    Table large = ids(0, 3000);
    assertThat(aligns(run(1, ids(2990, 3010), large))).isTrue();
    byte[] served = stores[SERVER].kept.get(ListStore.Kind.SERVED);
    assertThat(aligns(run(2, ids(2990, 3010), large))).isFalse();
    assertThat(aligns(run(3, ids(100, 5100), large))).isFalse();
    assertThat(aligns(run(4, ids(0, 1), large))).isFalse();
    assertThat(stores[SERVER].kept.get(ListStore.Kind.SERVED)).isSameAs(served);
  }

  /** The order of a cohort is that of the list, so it is the same; the digest is the run's. */
  @Test
  void twoRunsFindTheSameRowsInAnOrderThatSaysNothing() throws Exception {
    List<Alignment> first = run(1, ids(0, 200), ids(0, 1000)).succeed(NONE);
    List<Alignment> second = run(2, ids(0, 200), ids(0, 1000)).succeed(NONE);
    assertThat(second.get(SERVER).rows()).isEqualTo(first.get(SERVER).rows());
    assertThat(second.get(CLIENT).digest()).isNotEqualTo(first.get(CLIENT).digest());
    int[] rows = first.get(SERVER).rows();
    int ascents = (int) IntStream.range(1, 200).filter(i -> rows[i] > rows[i - 1]).count();
    assertThat(ascents).isBetween(70, 130);
  }

  @Test
  void whatEitherHasLostIsMadeAnewUnderAnotherSecret() throws Exception {
    Table large = ids(0, 500);
    aligns(run(1, ids(0, 9), large));
    byte[] served = stores[SERVER].kept.get(ListStore.Kind.SERVED);
    stores[CLIENT].kept.clear();
    assertThat(aligns(run(2, ids(0, 9), large))).isTrue();
    byte[] again = stores[SERVER].kept.get(ListStore.Kind.SERVED);
    for (int field : new int[] {4, 36, 68}) {
      assertThat(Arrays.copyOfRange(again, field, field + 32))
          .isNotEqualTo(Arrays.copyOfRange(served, field, field + 32));
    }
    stores[SERVER].kept.clear();
    assertThat(aligns(run(3, ids(0, 9), large))).isTrue();
    assertThat(aligns(run(4, ids(0, 9), large))).isFalse();
  }

  @Test
  void aListEndsAfterNinetyDays() throws Exception {
    Table large = ids(0, 500);
    aligns(run(1, ids(0, 9), large));
    now = NOW.plus(UnbalancedAlignment.LIFE).minusSeconds(1);
    assertThat(aligns(run(2, ids(0, 9), large))).isFalse();
    now = NOW.plus(UnbalancedAlignment.LIFE);
    assertThat(aligns(run(3, ids(0, 9), large))).isTrue();
    now = NOW.plus(Duration.ofDays(179));
    assertThat(aligns(run(4, ids(0, 9), large))).isFalse();
  }

  /** The store forgets what was made from another file; a list of as many keys is another list. */
  @Test
  void anotherTableIsAnotherList() throws Exception {
    aligns(run(1, ids(0, 9), ids(0, 500)));
    stores[SERVER].kept.clear();
    assertThat(aligns(run(2, ids(495, 509), ids(10, 510)))).isTrue();
  }

  @Test
  void damagedFilesAreMadeAnew() throws Exception {
    Table large = ids(0, 500);
    aligns(run(1, ids(0, 9), large));
    for (MemoryListStore store : stores) {
      store.kept.replaceAll((kind, bytes) -> Arrays.copyOf(bytes, 20));
      assertThat(aligns(run(2, ids(0, 9), large))).isTrue();
    }
    // A list that breaks off where nobody looks before it is compared.
    stores[CLIENT].kept.replaceAll((kind, bytes) -> Arrays.copyOf(bytes, bytes.length - 1));
    List<Throwable> failures = run(3, ids(0, 9), large).fail(NONE);
    assertThat(failures.get(CLIENT)).isInstanceOf(AlignmentException.ListStorage.class);
    assertThat(failures.get(SERVER)).hasMessageContaining("its storage failed");
    assertThat(aligns(run(4, ids(0, 9), large))).isTrue();
  }

  @Test
  void aFullDiskIsTheReasonThatBothHear() throws Exception {
    for (int party : new int[] {CLIENT, SERVER}) {
      stores[party].full = party == CLIENT ? ListStore.Kind.RECEIVED : ListStore.Kind.SERVED;
      List<Throwable> failures = run(1, ids(0, 9), ids(0, 500)).fail(NONE);
      assertThat(failures.get(party))
          .isInstanceOf(AlignmentException.ListStorage.class)
          .hasMessageContaining("no space left");
      assertThat(failures.get(1 - party)).hasMessageContaining("its storage failed");
      stores[party].full = null;
    }
    assertThat(stores[CLIENT].kept).isEmpty();
    assertThat(aligns(run(2, ids(0, 9), ids(0, 500)))).isTrue();
  }

  @Test
  void tooFewStopEitherBeforeOrAfterTheClientKnows() throws Exception {
    UnbalancedRun small = run(1, ids(0, 9), ids(0, 500));
    small.policy = new AlignmentPolicy(10, Duplicates.REJECT, 1000);
    assertThat(small.fail(NONE))
        .allSatisfy(
            failure -> assertThat(((AlignmentException.BelowMinimum) failure).seen()).isFalse());
    assertThat(small.types(CLIENT, SERVER)).doesNotContain(ListMessages.Held.TYPE.code());
    UnbalancedRun apart = run(2, ids(491, 520), ids(0, 500));
    apart.policy = small.policy;
    List<Throwable> failures = apart.fail(NONE);
    assertThat(failures)
        .allSatisfy(
            failure -> assertThat(((AlignmentException.BelowMinimum) failure).seen()).isTrue());
    assertThat(((AlignmentException.BelowMinimum) failures.get(CLIENT)).size()).isEqualTo(9);
    assertThat(((AlignmentException.BelowMinimum) failures.get(SERVER)).size()).isEqualTo(-1);
    assertThat(apart.types(CLIENT, SERVER)).doesNotContain(ListMessages.Places.TYPE.code());
  }

  @Test
  void seededCasesAgainstAJoinInTheClear() throws Exception {
    for (int seed = 0; seed < 40; seed++) {
      Random random = new Random(seed);
      Table large = OddTables.table(random, 60, 0.9);
      Arrays.stream(stores).forEach(store -> store.kept.clear());
      for (int attempt = 1; attempt < 3; attempt++) {
        UnbalancedRun run = run(attempt, OddTables.table(random, 60, 0.3), large);
        run.key = new MatchKey(List.of(OddTables.RULES.rules().get(seed % 4)));
        run.policy = new AlignmentPolicy(1, Duplicates.FIRST, 1000);
        assertThat(aligns(run)).isEqualTo(attempt == 1);
      }
    }
  }

  @Test
  void manyKeysGoInManyMessages() throws Exception {
    Table large = ids(0, 6000);
    assertThat(aligns(run(1, ids(0, 9), large))).isTrue();
    UnbalancedRun again = run(2, ids(1000, 10_000), large);
    assertThat(aligns(again)).isFalse();
    assertThat(Collections.frequency(again.types(CLIENT, SERVER), 58)).isEqualTo(3);
    // 79 bits a value, of which the bucket's 12 are not sent.
    assertThat(stores[CLIENT].kept.get(ListStore.Kind.RECEIVED).length / 6000.0)
        .isBetween(8.5, 8.7);
  }

  /** Cut runs start from what there was; the attempts after them from what these left. */
  private void cutAnywhere(Consumer<MemoryListStore> before) throws Exception {
    int[] runs = {0};
    int cuts =
        Cuts.everywhere(
            () -> {
              if (runs[0]++ % 2 == 1 || runs[0] == 1) {
                Arrays.stream(stores).forEach(before);
              }
              return new UnbalancedRun(ids(0, 30), ids(10, 400));
            },
            folder);
    assertThat(cuts).isBetween(13, 20);
  }

  @Test
  void cutAnywhereTheNextAttemptFindsTheSame() throws Exception {
    cutAnywhere(
        store -> {
          store.kept.clear();
        });
    Map<MemoryListStore, Map<ListStore.Kind, byte[]>> kept = new HashMap<>();
    Arrays.stream(stores).forEach(store -> kept.put(store, Map.copyOf(store.kept)));
    cutAnywhere(
        store -> {
          store.kept.putAll(kept.get(store));
        });
  }

  // ---- what the function is ---------------------------------------------------------------------

  /** The client's values are those that the server computes from its secret alone. */
  @Test
  void theListHoldsValuesUnderTheKeptSecret() throws Exception {
    Table large = ids(0, 300);
    UnbalancedRun run = run(1, ids(0, 9), large);
    run.succeed(NONE);
    ServedList served = ServedList.kept(stores[SERVER]).orElseThrow();
    ReceivedList received = ReceivedList.kept(stores[CLIENT]).orElseThrow();
    assertThat(received.count()).isEqualTo(300);
    assertThat(received.id()).isEqualTo(served.id());
    int[] all = IntStream.range(0, 300).toArray();
    long[] values = new long[600];
    ListFunction function = new ListFunction(served.id());
    try (var mask = org.espalier.psi.curve.Mask.of(served.scalar())) {
      function.mask(
          new org.espalier.psi.AlignmentJob(
              run.session, run.parties.get(1), run.parties, run.key, run.policy),
          large,
          all,
          mask,
          (first, elements) -> function.values(elements, values, first));
    }
    int low = received.code().low();
    assertThat(64 + low).isEqualTo((int) Math.ceil(40 + 26 + Math.log(300) / Math.log(2)));
    Outputs own = new Outputs(values, low);
    CodedValues found = received.find(stores[CLIENT], own);
    assertThat(found.places()).isEqualTo(all);
    for (int place : all) {
      assertThat(served.rows()[place]).isEqualTo(own.place(found.matches()[place]));
    }
  }

  /** Nobody but the client can tell whether two runs ask for the same keys. */
  @Test
  void theSameKeysAreAskedForInOtherElements() throws Exception {
    Table large = ids(0, 500);
    TagTable seen = new TagTable(10_000);
    for (int time = 1; time < 4; time++) {
      UnbalancedRun run = run(time, ids(0, 400), large);
      run.channels.put(
          CLIENT,
          channel ->
              new Tampering(
                  channel,
                  m -> {
                    if (m instanceof ListMessages.Elements e) {
                      for (int i = 0; i < 400; i++) {
                        byte[] b = e.bytes();
                        assertThat(seen.add(TagTable.high(b, 32 * i), TagTable.low(b, 32 * i)))
                            .isNegative();
                      }
                    }
                    return List.of(m);
                  }));
      run.succeed(NONE);
    }
    assertThat(seen.size()).isEqualTo(1200);
  }

  // ---- hostile ----------------------------------------------------------------------------------

  private <M extends Message> void refuses(
      int culprit, Class<M> type, Function<M, Message> change, String what) throws Exception {
    UnbalancedRun run = run(9, ids(0, 40), ids(0, 500));
    run.channels.put(
        culprit,
        channel ->
            new Tampering(
                channel, m -> List.of(type.isInstance(m) ? change.apply(type.cast(m)) : m)));
    assertThat(run.fail(NONE).get(1 - culprit))
        .isInstanceOf(WireException.ProtocolViolation.class)
        .hasMessageStartingWith(run.parties.get(culprit) + " broke the protocol: ")
        .hasMessageContaining(what);
  }

  @ParameterizedTest
  @CsvSource({
    "0000000000000000000000000000000000000000000000000000000000000000, has low order",
    "0100000000000000000000000000000000000000000000000000000000000000, has low order",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800, has low order",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f, is not canonical",
    "0900000000000000000000000000000000000000000000000000000000000080, is not canonical"
  })
  void badElements(String element, String what) throws Exception {
    for (int culprit : new int[] {CLIENT, SERVER}) {
      refuses(
          culprit,
          ListMessages.Elements.class,
          m -> {
            byte[] bytes = m.bytes().clone();
            System.arraycopy(HexFormat.of().parseHex(element), 0, bytes, 32 * 7, 32);
            return new ListMessages.Elements(m.type(), m.first(), bytes);
          },
          "element 7 " + what);
    }
  }

  @Test
  void moreOrFewerElementsThanAnnounced() throws Exception {
    for (int culprit : new int[] {CLIENT, SERVER}) {
      for (int length : new int[] {0, 32 * 39, 32 * 40 + 1, 32 * 41}) {
        refuses(
            culprit,
            ListMessages.Elements.class,
            m -> new ListMessages.Elements(m.type(), 0, Arrays.copyOf(m.bytes(), length)),
            length % 32 == 0 && length > 0 ? "40 elements from 0 are due" : "multiple of 32");
      }
      refuses(
          culprit,
          ListMessages.Elements.class,
          m -> new ListMessages.Elements(m.type(), 1, m.bytes()),
          "40 elements from 0 are due");
    }
  }

  @Test
  void listsThatAreNotWhatWasSaid() throws Exception {
    refuses(
        SERVER,
        ListMessages.Answer.class,
        m -> new ListMessages.Answer(ListMessages.Answer.SAME, m.id(), m.digest()),
        "names a list that it was not asked for");
    refuses(
        SERVER,
        ListMessages.Answer.class,
        m -> new ListMessages.Answer(m.what(), m.id(), new byte[32]),
        "not that of the digest");
    refuses(
        SERVER,
        Messages.Values.class,
        m -> {
          long[] high = m.high().clone();
          Arrays.fill(high, 0);
          return new Messages.Values(m.code(), m.first(), m.unary(), high, m.rest());
        },
        "is not above the one before it");
    assertThat(stores[CLIENT].kept).isEmpty();
  }

  @Test
  void endlessWaitingIsRefused() throws Exception {
    UnbalancedRun run = run(9, ids(0, 40), ids(0, 500));
    run.channels.put(
        SERVER,
        channel ->
            new Tampering(
                channel,
                m ->
                    m instanceof ListMessages.Answer
                        ? Collections.nCopies(
                            100,
                            new ListMessages.Answer(
                                ListMessages.Answer.WORKING, new byte[32], new byte[32]))
                        : List.of(m)));
    assertThat(run.fail(NONE).get(CLIENT)).hasMessageContaining("empty answers");
  }

  @Test
  void membersThatAreNone() throws Exception {
    refuses(
        CLIENT,
        ListMessages.Places.class,
        m -> new ListMessages.Places(0, Arrays.copyOf(m.places(), 39)),
        "40 from 0 are due");
    refuses(
        CLIENT,
        ListMessages.Places.class,
        m -> {
          int[] places = m.places().clone();
          places[3] = places[2];
          return new ListMessages.Places(0, places);
        },
        "place 3 is");
    refuses(
        CLIENT,
        ListMessages.Places.class,
        m -> {
          int[] places = m.places().clone();
          places[39] = 500;
          return new ListMessages.Places(0, places);
        },
        "in a list of 500");
    refuses(
        CLIENT, RunMessages.Verdict.class, m -> new RunMessages.Verdict(0, 41), "must be 1 to 40");
    refuses(
        CLIENT, RunMessages.Verdict.class, m -> new RunMessages.Verdict(0, 0), "must be 1 to 40");
    refuses(
        CLIENT,
        ListMessages.Places.class,
        m -> {
          int[] places = m.places().clone();
          places[39] = places[39] == 499 ? 498 : 499;
          return new ListMessages.Places(0, places);
        },
        "has another cohort");
  }

  @Test
  void moreRulesOrPartiesAreNotForIt() {
    UnbalancedRun run = run(1, ids(0, 9), ids(0, 9));
    MatchKey.Rule rule = run.key.rules().get(0);
    run.key = new MatchKey(List.of(rule, rule));
    assertThatThrownBy(() -> run.succeed(NONE))
        .hasRootCauseMessage("unbalanced aligns 2 parties by 1 rule, not 2 by 2");
  }
}
