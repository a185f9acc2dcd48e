package org.espalier.psi.ecdh;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.espalier.psi.Alignment;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.AlignmentPolicy;
import org.espalier.psi.MemoryParts;
import org.espalier.psi.OddTables;
import org.espalier.psi.Table;
import org.espalier.psi.Tampering;
import org.espalier.psi.keys.Duplicates;
import org.espalier.psi.keys.MatchKey;
import org.espalier.psi.run.RunMessages;
import org.espalier.wire.Decoder;
import org.espalier.wire.Encoder;
import org.espalier.wire.Message;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.Faults;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** An attempt goes on where another was cut off, and tells nobody more than one. */
@Timeout(120)
class GoOnTest {
  private static final int CHUNK = 8;

  @TempDir Path folder;

  /** What all parties kept at one moment. */
  private record Moment(List<Map<String, byte[]>> parts) {
    static Moment of(List<MemoryParts> stores) {
      return new Moment(stores.stream().map(MemoryParts::parts).toList());
    }

    boolean begun(int rule) {
      return parts.stream().allMatch(p -> p.containsKey("%02d-begun".formatted(rule)));
    }

    /** Pieces of lists that have arrived somewhere. */
    long pieces() {
      return parts.stream()
          .flatMap(p -> p.keySet().stream())
          .filter(name -> name.contains("-list-"))
          .count();
    }
  }

  private static Table ids(int from, int to) {
    return Table.of(IntStream.range(from, to).mapToObj(i -> "id" + i).toArray(String[]::new));
  }

  private static List<MemoryParts> stores(int parties) {
    return IntStream.range(0, parties).mapToObj(i -> new MemoryParts()).toList();
  }

  private static Run attempt(int number, List<MemoryParts> stores, Supplier<Run> runs) {
    Run run = runs.get();
    run.session = new Session(run.session.job(), run.session.specDigest(), number);
    run.chunk = CHUNK;
    run.kept.addAll(stores);
    return run;
  }

  /** Every message of elements that one party sent another. */
  private static List<byte[]> elements(Run run, int from, int to) {
    ByteBuffer bytes =
        ByteBuffer.wrap(run.network.recorded(run.parties.get(from), run.parties.get(to)));
    List<byte[]> elements = new ArrayList<>();
    while (bytes.remaining() >= 6) {
      int type = bytes.getShort();
      byte[] payload = new byte[Math.min(bytes.getInt(), bytes.remaining())];
      bytes.get(payload);
      // Without those that only say "still at work".
      if (type == Messages.Elements.TYPE.code() && payload.length > 12) {
        elements.add(payload);
      }
    }
    return elements;
  }

  private static int messages(Run run) {
    int messages = 0;
    for (int from = 0; from < run.parties.size(); from++) {
      for (int to = 0; to < run.parties.size(); to++) {
        messages += from == to ? 0 : elements(run, from, to).size();
      }
    }
    return messages;
  }

  /** All parties at once, behind everything that any of them keeps: the cohort bit by bit. */
  private void killedEverywhere(Supplier<Run> runs) throws Exception {
    List<Moment> moments = new ArrayList<>();
    int parties = runs.get().parties.size();
    List<MemoryParts> stores = stores(parties);
    stores.forEach(
        store ->
            store.listener =
                part -> {
                  synchronized (moments) {
                    moments.add(Moment.of(stores));
                  }
                });
    Run undisturbed = attempt(1, stores, runs);
    List<Alignment> whole = undisturbed.succeed(folder);
    undisturbed.assertIsTheJoin(whole);
    int all = messages(undisturbed);
    assertThat(moments).hasSizeGreaterThan(3 * parties);
    for (Moment moment : moments) {
      List<MemoryParts> left = stores(parties);
      for (int party = 0; party < parties; party++) {
        left.get(party).restore(moment.parts().get(party));
      }
      Run again = attempt(2, left, runs);
      List<Alignment> second = again.succeed(folder);
      again.assertIsTheJoin(second);
      if (moment.begun(0)) {
        assertThat(messages(again)).isEqualTo((int) (all - moment.pieces()));
      }
      // What a later rule had not begun is in the order of other masks.
      if (moment.begun(runs.get().key.rules().size() - 1)) {
        assertThat(second).isEqualTo(whole);
      }
    }
  }

  @Test
  void twoPartiesKilledBehindEveryPieceHaveTheSameCohort() throws Exception {
    killedEverywhere(() -> new Run(ids(0, 20), ids(5, 42)));
  }

  @Test
  void threePartiesKilledBehindEveryPieceHaveTheSameCohort() throws Exception {
    killedEverywhere(() -> new Run(ids(0, 12), ids(3, 15), ids(6, 14)));
  }

  @Test
  void laterRulesGoOnToo() throws Exception {
    Random random = new Random(5);
    Table a = OddTables.table(random, 30, 0.8);
    Table b = OddTables.table(random, 30, 0.8);
    killedEverywhere(
        () -> {
          Run run = new Run(a, b);
          run.key = new MatchKey(OddTables.RULES.rules().subList(0, 2));
          run.policy = new AlignmentPolicy(1, Duplicates.FIRST, 1 << 20);
          return run;
        });
  }

  /** The line breaks within a message; what is sent again is that message and the one before. */
  @Test
  void cutWithinEveryMessageSendsAtMostAPieceAgain() throws Exception {
    Supplier<Run> runs = () -> new Run(ids(0, 30), ids(5, 42));
    Run good = attempt(1, stores(2), runs);
    good.succeed(folder);
    int all = messages(good);
    for (int from = 0; from < 2; from++) {
      int bytes = good.network.recorded(good.parties.get(from), good.parties.get(1 - from)).length;
      for (int end = 300; end < bytes; end += 6 + 12 + 32 * CHUNK) {
        List<MemoryParts> stores = stores(2);
        Run cut = attempt(1, stores, runs);
        cut.network =
            new MemoryNetwork(true, Duration.ofSeconds(60))
                .with(cut.parties.get(from), cut.parties.get(1 - from), Faults.cutAfter(end));
        cut.align(folder);
        Moment left = Moment.of(stores);
        Run again = attempt(2, stores, runs);
        List<Alignment> second = again.succeed(folder);
        again.assertIsTheJoin(second);
        assertThat(left.begun(0)).isTrue();
        assertThat(messages(again)).isEqualTo((int) (all - left.pieces()));
        // And once more from the end: nothing is sent again, and nothing is another.
        Run third = attempt(3, stores, runs);
        assertThat(third.succeed(folder)).isEqualTo(second);
        assertThat(messages(third)).isZero();
      }
    }
  }

  /** For whoever counts alignments: one that begins anew is never taken for one that goes on. */
  @Test
  void itSaysWhichAttemptBeganWhatIsSentBeforeAnythingOfItIs() throws Exception {
    Random random = new Random(5);
    Table a = OddTables.table(random, 30, 0.8);
    Table b = OddTables.table(random, 30, 0.8);
    Supplier<Run> runs =
        () -> {
          Run run = new Run(a, b);
          run.key = new MatchKey(OddTables.RULES.rules().subList(0, 2));
          run.policy = new AlignmentPolicy(1, Duplicates.FIRST, 1 << 20);
          return run;
        };
    List<MemoryParts> stores = stores(2);
    saysSo(attempt(1, stores, runs), stores, "begins 0", "begins 1");
    // One has lost the second rule: it is begun anew by both.
    Map<String, byte[]> parts = stores.get(0).parts();
    parts.keySet().removeIf(name -> name.startsWith("01-"));
    stores.get(0).restore(parts);
    saysSo(attempt(2, stores, runs), stores, "goes on 0 of 1", "begins 1");
    saysSo(attempt(3, stores, runs), stores, "goes on 0 of 1", "goes on 1 of 2");
    stores.get(1).restore(Map.of());
    saysSo(attempt(4, stores, runs), stores, "begins 0", "begins 1");
  }

  /** Messages that say more than counts, each with what had been told by then. */
  private void saysSo(Run run, List<MemoryParts> stores, String first, String second)
      throws Exception {
    List<Integer> before = stores.stream().map(store -> store.told().size()).toList();
    for (int party = 0; party < stores.size(); party++) {
      MemoryParts store = stores.get(party);
      int from = before.get(party);
      List<Integer> rules = new ArrayList<>();
      run.channels.put(
          party,
          channel ->
              new Tampering(
                  channel,
                  m -> {
                    synchronized (rules) {
                      if (m instanceof RunMessages.Announce announce) {
                        rules.add(announce.rule());
                      } else if (!(m instanceof RunMessages.Hello)
                          && !EcdhAlignment.saysWhatIsKept(m)) {
                        assertThat(store.told().size() - from).isGreaterThanOrEqualTo(rules.size());
                      }
                    }
                    return List.of(m);
                  }));
    }
    run.assertIsTheJoin(run.succeed(folder));
    for (int party = 0; party < stores.size(); party++) {
      List<String> told = stores.get(party).told();
      assertThat(told.subList(before.get(party), told.size())).containsExactly(first, second);
    }
  }

  @Test
  void whoeverHasNothingBeginsAnewWithEverybody() throws Exception {
    List<MemoryParts> stores = stores(2);
    Supplier<Run> runs = () -> new Run(ids(0, 20), ids(5, 42));
    Run first = attempt(1, stores, runs);
    first.succeed(folder);
    stores.get(0).restore(Map.of());
    Run second = attempt(2, stores, runs);
    second.assertIsTheJoin(second.succeed(folder));
    assertThat(messages(second)).isEqualTo(messages(first));
    assertThat(stores).allSatisfy(store -> assertThat(store.goesOn()).isEmpty());
  }

  // ---- attacks ----------------------------------------------------------------------------------

  /** Two parties, of whom the second has taken two of three pieces of the first one's list. */
  private List<MemoryParts> cutInTheFirstList() throws Exception {
    List<MemoryParts> stores = stores(2);
    stores.get(1).listener =
        part -> {
          if (part.equals("00-list-0-1")) {
            throw new IllegalStateException("killed");
          }
        };
    attempt(1, stores, GoOnTest::two).fail(folder);
    stores.get(1).listener = part -> {};
    assertThat(stores.get(1).parts()).containsKeys("00-begun", "00-list-0-0", "00-list-0-1");
    assertThat(stores.get(1).parts()).doesNotContainKey("00-list-0-2");
    return stores;
  }

  private static Run two() {
    return new Run(ids(0, 20), ids(5, 42));
  }

  private void refused(Run run, int victim, String what) throws Exception {
    List<Throwable> failures = run.fail(folder);
    assertThat(failures.get(victim))
        .as(failures.toString())
        .isInstanceOf(WireException.ProtocolViolation.class)
        .hasMessageContaining(what);
  }

  private static void tamper(Run run, int party, Function<Message, Message> change) {
    run.channels.put(party, channel -> new Tampering(channel, m -> List.of(change.apply(m))));
  }

  /** Another set in the place of one that was answered: the answers are under another mask. */
  @Test
  void aChangedSetIsAnsweredUnderAnotherMask() throws Exception {
    List<MemoryParts> stores = stores(2);
    Run first = attempt(1, stores, GoOnTest::two);
    first.succeed(folder);
    Set<ByteBuffer> before = new HashSet<>();
    for (byte[] message : elements(first, 1, 0)) {
      for (int at = 12; at < message.length; at += 32) {
        before.add(ByteBuffer.wrap(message, at, 32).slice());
      }
    }
    for (Table other : List.of(ids(1, 21), ids(0, 19))) {
      Run second = attempt(2, stores, () -> new Run(other, ids(5, 42)));
      // As many rows are as many elements; what is kept is bound to the content by who keeps it.
      stores.get(0).restore(Map.of());
      second.assertIsTheJoin(second.succeed(folder));
      for (byte[] message : elements(second, 1, 0)) {
        for (int at = 12; at < message.length; at += 32) {
          assertThat(before).doesNotContain(ByteBuffer.wrap(message, at, 32).slice());
        }
      }
    }
  }

  /**
   * A comparer that goes on under the same mask with other elements, as many as it can: it has
   * answers to as many as it announced, and none in the place of one that was answered.
   */
  @Test
  void aListThatIsChangedUnderWayGetsNoMoreAnswersThanItHasElements() throws Exception {
    List<MemoryParts> stores = cutInTheFirstList();
    // The liar's own list begins with what it would like to know, not with what it sent.
    List<MemoryParts> changed = copies(stores);
    Map<String, byte[]> parts = changed.get(0).parts();
    byte[] own = parts.get("00-own").clone();
    System.arraycopy(own, 32 + 16 * 32, own, 32, 4 * 32);
    parts.put("00-own", own);
    changed.get(0).restore(parts);
    // An honest program stops here: the other has other elements than these.
    refused(attempt(2, changed, GoOnTest::two), 0, "has other elements of the list of p0.example");

    // One that stops at nothing can only go on where it was, or is refused.
    List<MemoryParts> replayed = copies(stores);
    Run replay = attempt(2, replayed, GoOnTest::two);
    tamper(
        replay,
        0,
        m ->
            m instanceof Messages.Elements e && e.owner() == 0 && e.count() > 0
                ? new Messages.Elements(0, e.first() - 16, e.bytes())
                : m);
    refused(
        replay, 1, "sent elements of list 0 from 0 where list 0 (of p0.example) from 16 is due");
    for (String piece : List.of("00-list-0-0", "00-list-0-1")) {
      assertThat(replayed.get(1).parts().get(piece)).isEqualTo(stores.get(1).parts().get(piece));
    }
    assertThat(replayed.get(1).parts()).doesNotContainKey("00-list-0-2");
  }

  private static List<MemoryParts> copies(List<MemoryParts> stores) {
    List<MemoryParts> copies = stores(stores.size());
    for (int i = 0; i < copies.size(); i++) {
      copies.get(i).restore(stores.get(i).parts());
    }
    return copies;
  }

  @Test
  void anotherNumberOfElementsIsRefused() throws Exception {
    Run run = attempt(2, cutInTheFirstList(), GoOnTest::two);
    tamper(run, 0, m -> m instanceof RunMessages.Announce ? new RunMessages.Announce(0, 28) : m);
    refused(
        run,
        1,
        "goes on with the list of 20 elements that it announced in attempt 1, and announces 28");
  }

  @ParameterizedTest
  @CsvSource({
    "0, 24, 'has 24 elements of the list of p0.example, and was sent 20 at most'",
    "0, 15, 'has 15 elements of the list of p0.example, which is kept in pieces of 8'",
    "0, 8, 'has other elements of the list of p0.example than the 8 it was sent'",
    "0, -1, elements is -1",
    "1, 16, 'says what it has of 2 lists where it takes 1'"
  })
  void whatNobodyCanHaveIsRefusedAndTheNextAttemptBeginsAnew(int more, int elements, String what)
      throws Exception {
    List<MemoryParts> stores = cutInTheFirstList();
    Run run = attempt(2, stores, GoOnTest::two);
    tamper(run, 1, m -> m instanceof Messages.Held h ? held(h, more, elements) : m);
    refused(run, 0, what);
    Run third = attempt(3, stores, GoOnTest::two);
    third.assertIsTheJoin(third.succeed(folder));
  }

  private static Messages.Held held(Messages.Held held, int more, int elements) {
    int[] numbers = Arrays.copyOf(held.elements(), held.elements().length + more);
    byte[][] digests = Arrays.copyOf(held.digests(), numbers.length);
    Arrays.fill(digests, held.digests()[0]);
    numbers[0] = elements;
    return new Messages.Held(held.id(), numbers, digests);
  }

  /** A comparer that has other places opened in each attempt. */
  @Test
  void theSamePlacesAreOpenedInEveryAttempt() throws Exception {
    List<MemoryParts> stores = stores(2);
    int[] honest = attempt(1, stores, GoOnTest::two).succeed(folder).get(0).rows();
    Function<Message, Message> others =
        m ->
            m instanceof Messages.Positions p && p.type().equals(Messages.Positions.OPEN)
                ? new Messages.Positions(
                    Messages.Positions.OPEN,
                    p.first(),
                    Arrays.stream(p.values()).map(v -> (v + 1) % 20).toArray())
                : m;
    Run second = attempt(2, copies(stores), GoOnTest::two);
    tamper(second, 0, others);
    refused(second, 1, "asks for other places of its list than in an earlier attempt");

    // The attack, if nobody kept what was opened: rows of people whom the other does not know.
    List<MemoryParts> forgetful = copies(stores);
    Map<String, byte[]> parts = forgetful.get(1).parts();
    parts.remove("00-opened");
    forgetful.get(1).restore(parts);
    Run third = attempt(2, forgetful, GoOnTest::two);
    tamper(third, 0, others);
    assertThat(Arrays.stream(third.succeed(folder).get(0).rows()))
        .anyMatch(row -> Arrays.stream(honest).noneMatch(known -> known == row));
  }

  @Test
  void aStoreThatFailsStopsEverybody() throws Exception {
    List<MemoryParts> stores = stores(2);
    Run run = attempt(1, stores, GoOnTest::two);
    run.kept.set(
        1,
        new MemoryParts() {
          @Override
          public void keep(int rule, String part, Content content) throws IOException {
            if (part.startsWith("list-0-1")) {
              throw new IOException("no space left");
            }
            super.keep(rule, part, content);
          }
        });
    List<Throwable> failures = run.fail(folder);
    assertThat(failures.get(1))
        .isInstanceOf(AlignmentException.BegunStorage.class)
        .hasMessageContaining("no space left");
    assertThat(failures.get(0)).hasMessageContaining("its storage failed");
  }

  @Test
  void moreListsThanPartiesAreNotRead() {
    Encoder out = new Encoder().putRaw(new byte[32], 0, 32).putInt(101);
    assertThat(out.toByteArray()).hasSize(36);
    assertThatThrownBy(() -> Messages.Held.TYPE.decoder().apply(new Decoder(out.toByteArray())))
        .hasMessageContaining("lists");
  }
}
