package org.espalier.psi.ecdh;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.espalier.psi.Alignment;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.Parties;
import org.espalier.psi.Table;
import org.espalier.psi.Tampering;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.run.RunMessages;
import org.espalier.wire.Message;
import org.espalier.wire.Party;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.Faults;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Peers and networks that do not do what they should. */
@Timeout(120)
class HostileTest {
  private static final String[] PEOPLE =
      IntStream.range(0, 20).mapToObj(i -> "id" + i).toArray(String[]::new);

  @TempDir Path folder;

  @AfterEach
  void noFileIsLeft() throws Exception {
    try (var files = Files.list(folder)) {
      assertThat(files).isEmpty();
    }
  }

  private static Run run(int parties) {
    return new Run(Collections.nCopies(parties, Table.of(PEOPLE)).toArray(KeySource[]::new));
  }

  /** Makes one party send something else to everyone. */
  private static void tamper(Run run, int party, Function<Message, List<Message>> change) {
    run.channels.put(party, channel -> new Tampering(channel, change));
  }

  private static List<Message> keep(Message message) {
    return List.of(message);
  }

  /** Changes the elements of one list. */
  private static Function<Message, List<Message>> elements(
      int owner, Function<Messages.Elements, List<Message>> change) {
    return m ->
        m instanceof Messages.Elements e && e.owner() == owner && e.count() > 0
            ? change.apply(e)
            : keep(m);
  }

  private static Function<Message, List<Message>> element(int owner, int position, byte[] other) {
    return elements(
        owner,
        e -> {
          byte[] bytes = e.bytes().clone();
          System.arraycopy(other, 0, bytes, 32 * position, 32);
          return List.of(new Messages.Elements(e.owner(), e.first(), bytes));
        });
  }

  /** The victim names the culprit and what it did; the culprit and all others hear it. */
  private void refuses(Run run, int culprit, int victim, String what) throws Exception {
    List<Throwable> failures = run.fail(folder);
    assertThat(failures.get(victim))
        .as(failures.toString())
        .isInstanceOf(WireException.ProtocolViolation.class)
        .hasMessageStartingWith(run.parties.get(culprit) + " broke the protocol: ")
        .hasMessageContaining(what);
    for (int i = 0; i < failures.size(); i++) {
      if (i != victim) {
        assertThat(failures.get(i))
            .as("party %d", i)
            .isInstanceOfAny(WireException.PeerAborted.class, WireException.PeerUnavailable.class);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "2, 0, 1, 0", // comparer's own list at the shuffler
    "2, 1, 0, 1", // another's own list at the comparer
    "2, 1, 0, 0", // the comparer's list coming back
    "3, 0, 1, 0", // the comparer's list at a relay
    "3, 1, 2, 0", // the same, relayed, at the shuffler
    "3, 2, 1, 2", // another's list at a relay
    "3, 1, 0, 2" // the same, relayed, at the comparer
  })
  void badElementsAreRefusedEverywhere(int parties, int culprit, int victim, int owner)
      throws Exception {
    byte[] high = HexFormat.of().parseHex("09" + "00".repeat(30) + "80");
    byte[] order8 =
        HexFormat.of().parseHex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");
    String list = "list of p" + owner + ".example, element ";

    Run run = run(parties);
    tamper(run, culprit, element(owner, 7, high));
    refuses(run, culprit, victim, list + "7 is not canonical");

    run = run(parties);
    tamper(run, culprit, element(owner, 19, order8));
    refuses(run, culprit, victim, list + "19 has low order");

    run = run(parties);
    tamper(
        run,
        culprit,
        elements(
            owner,
            e -> {
              byte[] bytes = e.bytes().clone();
              System.arraycopy(bytes, 32 * 3, bytes, 32 * 11, 32);
              return List.of(new Messages.Elements(e.owner(), e.first(), bytes));
            }));
    refuses(run, culprit, victim, list + "11 repeats element 3");
  }

  @Test
  void wrongCountsAreRefused() throws Exception {
    Run shorter = run(2);
    tamper(
        shorter,
        1,
        elements(
            1,
            e ->
                List.of(
                    new Messages.Elements(1, 0, Arrays.copyOf(e.bytes(), e.bytes().length - 32)))));
    refuses(
        shorter,
        1,
        0,
        "list of p1.example, element 0 of 20: a message of 19 elements where 20 are due");

    Run gap = run(2);
    tamper(gap, 1, elements(1, e -> List.of(new Messages.Elements(1, 5, e.bytes()))));
    refuses(gap, 1, 0, "sent elements of list 1 from 5 where list 1 (of p1.example) from 0 is due");

    Run wrongList = run(2);
    tamper(wrongList, 1, elements(1, e -> List.of(new Messages.Elements(0, 0, e.bytes()))));
    refuses(wrongList, 1, 0, "sent elements of list 0 from 0 where list 1");

    Run twice = run(3);
    tamper(twice, 2, elements(2, e -> List.of(e, e)));
    // Noticed when another message is due; by then the others may have the cohort.
    assertThat(twice.align(folder).get(1).failure())
        .isInstanceOf(WireException.ProtocolViolation.class)
        .hasMessageContaining("where psi-confirm was expected");

    Run missing = run(2);
    tamper(missing, 0, elements(0, e -> List.of(new RunMessages.Cohort(new byte[32]))));
    refuses(missing, 0, 1, "list of p0.example, element 0 of 20 is due");
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0, 'announces 0 elements, must be 1 to 1048576'",
    "0, 1048577, 'announces 1048577 elements'",
    "1, 20, 'announces rule 1 where rule 0 is due'",
    "0, -1, 'count'"
  })
  void impossibleAnnouncementsAreRefused(int rule, int count, String what) throws Exception {
    Run run = run(2);
    tamper(
        run,
        1,
        m ->
            m instanceof RunMessages.Announce
                ? List.of(new RunMessages.Announce(rule, count))
                : keep(m));
    refuses(run, 1, 0, what);
  }

  @Test
  void announcingMoreThanOneHasIsNoticed() throws Exception {
    Run run = run(2);
    tamper(
        run,
        1,
        m ->
            m instanceof RunMessages.Announce ? List.of(new RunMessages.Announce(0, 21)) : keep(m));
    refuses(run, 1, 0, "a message of 20 elements where 21 are due");
  }

  @ParameterizedTest
  @CsvSource({
    "19, 'named twice'", // position 0 becomes what another position is already
    "20, 'beyond 19'",
    "-1, 'position'"
  })
  void impossiblePositionsAreRefused(int value, String what) throws Exception {
    for (var type :
        List.of(Messages.Positions.MEMBERS, Messages.Positions.OPEN, Messages.Positions.OPENED)) {
      Run run = run(2);
      boolean fromComparer = !type.equals(Messages.Positions.OPENED);
      tamper(
          run,
          fromComparer ? 0 : 1,
          m -> {
            if (m instanceof Messages.Positions p && p.type().equals(type)) {
              int[] values = p.values().clone();
              int at = values[0] == value ? 1 : 0;
              values[at] = value;
              return List.of(new Messages.Positions(type, 0, values));
            }
            return keep(m);
          });
      refuses(run, fromComparer ? 0 : 1, fromComparer ? 1 : 0, what);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0, 21, 'found 21 people, must be 1 to 20'",
    "0, 0, 'found 0 people'",
    "1, 20, 'verdict of rule 1'",
    "0, -3, 'size is -3'",
    "0, 5, 'has 20 positions from 0 where 5 from 0 are due'"
  })
  void impossibleVerdictsAreRefused(int rule, int size, String what) throws Exception {
    Run run = run(2);
    tamper(
        run,
        0,
        m ->
            m instanceof RunMessages.Verdict
                ? List.of(new RunMessages.Verdict(rule, size))
                : keep(m));
    refuses(run, 0, 1, what);
  }

  @Test
  void anotherVersionIsADisagreement() throws Exception {
    Run run = run(2);
    tamper(
        run,
        1,
        m ->
            m instanceof RunMessages.Hello h
                ? List.of(new RunMessages.Hello(9, h.digests()))
                : keep(m));
    List<Throwable> failures = run.fail(folder);
    assertThat(failures.get(0))
        .isInstanceOf(AlignmentException.Disagreement.class)
        .hasMessageContaining("p1.example runs with another version of the alignment protocol");
  }

  @Test
  void differentDigestsAreNoticedByThoseWhoGotThem() throws Exception {
    Run run = run(3);
    run.channels.put(
        0,
        channel ->
            channel.peer().equals(run.parties.get(2))
                ? new Tampering(
                    channel,
                    m ->
                        m instanceof RunMessages.Cohort
                            ? List.of(new RunMessages.Cohort(new byte[32]))
                            : keep(m))
                : channel);
    List<Throwable> failures = run.fail(folder);
    assertThat(failures)
        .filteredOn(f -> f instanceof WireException.ProtocolViolation)
        .isNotEmpty()
        .allSatisfy(f -> assertThat(f).hasMessageContaining("has another cohort"));
  }

  @Test
  void endlessSignsOfLifeAreRefused() throws Exception {
    Run run = run(2);
    run.keepAlive = Duration.ofSeconds(5);
    tamper(
        run,
        1,
        elements(
            1,
            e -> {
              List<Message> flood = new ArrayList<>();
              for (int i = 0; i < 500; i++) {
                flood.add(new Messages.Elements(1, 0, new byte[0]));
              }
              flood.add(e);
              return flood;
            }));
    refuses(run, 1, 0, "empty messages");

    Run verdicts = run(2);
    verdicts.keepAlive = Duration.ofSeconds(5);
    tamper(
        verdicts,
        0,
        m ->
            m instanceof RunMessages.Verdict
                ? Collections.nCopies(500, new RunMessages.Verdict(0, RunMessages.Verdict.WORKING))
                : keep(m));
    refuses(verdicts, 0, 1, "empty messages");
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void aCutAnywhereEndsTheRunEverywhere(int parties) throws Exception {
    Party a = new Party("p0.example");
    Party b = new Party("p1.example");
    for (boolean back : new boolean[] {false, true}) {
      if (back && parties == 3) {
        continue; // from 1 to 0, with three parties only list 2 passes: covered by two parties
      }
      long whole = length(parties, back);
      for (long at :
          new long[] {0, 3, 100, 210, 214, 230, 300, whole - 300, whole - 70, whole - 1}) {
        Run run = run(parties);
        run.network =
            new MemoryNetwork(false, Duration.ofSeconds(20))
                .with(back ? b : a, back ? a : b, Faults.cutAfter(at));
        List<Parties.Outcome> outcomes = run.align(folder);
        assertThat(outcomes).as("cut after %d bytes", at).anyMatch(o -> o.failure() != null);
        assertThat(outcomes)
            .filteredOn(o -> o.failure() != null)
            .allSatisfy(o -> assertThat(o.failure()).isInstanceOf(WireException.class));
      }
    }
  }

  /** Bytes that pass in one direction of a good run. */
  private long length(int parties, boolean back) throws Exception {
    Run good = run(parties);
    good.succeed(folder);
    return good.network.recorded(good.parties.get(back ? 1 : 0), good.parties.get(back ? 0 : 1))
        .length;
  }

  /**
   * Whatever bit flips on the way (which TLS prevents): somebody notices, and whoever finishes has
   * the right cohort.
   */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void noAlteredByteGoesUnnoticed(boolean back) throws Exception {
    long whole = length(2, back);
    Party from = new Party(back ? "p1.example" : "p0.example");
    Party to = new Party(back ? "p0.example" : "p1.example");
    int steps = 24;
    int finished = 0;
    for (int i = 0; i < steps; i++) {
      long at = i < 12 ? i * whole / 12 : whole - 1 - (i - 12) * 23L;
      Run run = run(2);
      run.network =
          new MemoryNetwork(false, Duration.ofSeconds(3)).with(from, to, Faults.corruptAt(at));
      List<Parties.Outcome> outcomes = run.align(folder);
      assertThat(outcomes).as("byte %d of %d", at, whole).anyMatch(o -> o.failure() != null);
      List<Alignment> good =
          outcomes.stream()
              .filter(o -> o.failure() == null)
              .map(Parties.Outcome::alignment)
              .toList();
      for (Alignment alignment : good) {
        finished++;
        assertThat(alignment.size()).isEqualTo(20);
      }
    }
    // Only a change in the very last message reaches a party whose partner has finished.
    assertThat(finished).isLessThanOrEqualTo(6);
  }

  @Test
  void aStalledPeerIsGivenUp() throws Exception {
    Run run = run(3);
    run.network =
        new MemoryNetwork(false, Duration.ofSeconds(2))
            .with(run.parties.get(1), run.parties.get(2), Faults.stallAfter(400));
    List<Throwable> failures = run.fail(folder);
    assertThat(failures).anyMatch(f -> f instanceof WireException.WireTimeout);
    assertThat(failures).allMatch(f -> f instanceof WireException);
  }

  @Test
  void missingStorageIsSaid() throws Exception {
    List<Throwable> failures = run(2).fail(folder.resolve("none"));
    assertThat(failures)
        .anySatisfy(
            f ->
                assertThat(f)
                    .isInstanceOf(AlignmentException.Storage.class)
                    .hasMessageContaining("none"));
  }
}
