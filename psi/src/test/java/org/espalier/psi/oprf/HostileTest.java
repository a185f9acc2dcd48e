package org.espalier.psi.oprf;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.espalier.psi.Table;
import org.espalier.psi.Tampering;
import org.espalier.psi.run.RunMessages;
import org.espalier.wire.Message;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.Faults;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Peers and networks that do not do what they should. */
@Timeout(300)
class HostileTest {
  private static final Path NONE = Path.of(".");
  private static final int RECEIVER = RuleRun.RECEIVER;
  private static final int SENDER = RuleRun.SENDER;

  private static final String[] PEOPLE =
      IntStream.range(0, 100).mapToObj(i -> "id" + i).toArray(String[]::new);

  private static Run run() {
    return new Run(Table.of(PEOPLE), Table.of(PEOPLE));
  }

  /** One party sends something else in place of messages of one class; the other refuses it. */
  private static <M extends Message> void refuses(
      int culprit, Class<M> type, Function<M, Message> change, String what) throws Exception {
    assertThat(run().refuses(culprit, type, change, what).get(culprit))
        .isInstanceOfAny(WireException.PeerAborted.class, WireException.PeerUnavailable.class);
  }

  @ParameterizedTest
  @CsvSource({
    "0000000000000000000000000000000000000000000000000000000000000000, low order",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800, low order",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f, not canonical",
    "0900000000000000000000000000000000000000000000000000000000000080, not canonical"
  })
  void badPointsInTheBaseTransfers(String point, String what) throws Exception {
    refuses(
        RECEIVER,
        Messages.Point.class,
        m -> new Messages.Point(HexFormat.of().parseHex(point)),
        "the public key " + (what.startsWith("low") ? "has " : "is ") + what);
  }

  @Test
  void badChoicesInTheBaseTransfers() throws Exception {
    refuses(
        SENDER,
        Messages.Choices.class,
        m -> {
          byte[] elements = m.elements().clone();
          Arrays.fill(elements, 64 * 9, 64 * 9 + 32, (byte) 0xff);
          return new Messages.Choices(elements);
        },
        "base transfer 9 is not canonical");
    refuses(
        SENDER,
        Messages.Choices.class,
        m -> new Messages.Choices(Arrays.copyOf(m.elements(), 8191)),
        "needs 8192 bytes");
    refuses(
        SENDER,
        Messages.Choices.class,
        m -> new Messages.Choices(Arrays.copyOf(m.elements(), 8193)),
        "8193 bytes, at most 8192");
  }

  @ParameterizedTest
  @ValueSource(ints = {-8, -1, 1, 8})
  void batchesOfAnotherLength(int more) throws Exception {
    String what = more > 0 ? "at most" : "is due";
    refuses(
        RECEIVER,
        Messages.Batch.class,
        m ->
            new Messages.Batch(
                m.type(), m.number(), Arrays.copyOf(m.bytes(), m.bytes().length + more)),
        what);
    refuses(
        SENDER,
        Messages.Batch.class,
        m ->
            new Messages.Batch(
                m.type(), m.number(), Arrays.copyOf(m.bytes(), m.bytes().length + more)),
        what);
  }

  @Test
  void anotherBatch() throws Exception {
    refuses(
        SENDER,
        Messages.Batch.class,
        m -> new Messages.Batch(m.type(), 1, m.bytes()),
        "psi-oprf-trees 1 of");
  }

  @Test
  void malformedStores() throws Exception {
    for (int more : new int[] {-8, -3, 8}) {
      refuses(
          RECEIVER,
          Messages.Table.class,
          m ->
              new Messages.Table(
                  m.bin(), m.attempt(), Arrays.copyOf(m.bytes(), m.bytes().length + more)),
          more > 0 ? "at most" : "is due");
    }
    refuses(
        RECEIVER,
        Messages.Table.class,
        m -> new Messages.Table(1, m.attempt(), m.bytes()),
        "bin 1 of");
    refuses(
        RECEIVER,
        Messages.Table.class,
        m -> new Messages.Table(m.bin(), Messages.Table.ATTEMPTS, m.bytes()),
        "attempt is 4");
  }

  @Test
  void listsThatAreNotAnnounced() throws Exception {
    // One value fewer, and its bit turned into the end of a bucket.
    refuses(
        SENDER,
        Messages.Values.class,
        m -> {
          long[] unary = m.unary().clone();
          unary[0] &= unary[0] - 1;
          return new Messages.Values(
              m.code(),
              m.first(),
              Arrays.copyOf(unary, (m.high().length - 1 + m.code().buckets() + 63) / 64),
              Arrays.copyOf(m.high(), m.high().length - 1),
              m.rest());
        },
        "");
    // The same value twice.
    refuses(
        SENDER,
        Messages.Values.class,
        m -> {
          long[] high = m.high().clone();
          Arrays.fill(high, 0);
          return new Messages.Values(m.code(), m.first(), m.unary(), high, m.rest());
        },
        "is not above the one before it");
    // More than this party has.
    refuses(
        SENDER,
        RunMessages.Announce.class,
        m -> new RunMessages.Announce(m.rule(), m.count() - 1),
        "");
    refuses(
        RECEIVER,
        RunMessages.Announce.class,
        m -> new RunMessages.Announce(m.rule(), (1 << 20) + 1),
        "must be 1 to 1048576");
  }

  @Test
  void verdictsAndMembersThatDoNotFit() throws Exception {
    refuses(
        RECEIVER,
        RunMessages.Verdict.class,
        m -> new RunMessages.Verdict(m.rule(), 101),
        "found 101 people, must be 1 to 100");
    refuses(
        RECEIVER,
        RunMessages.Verdict.class,
        m -> new RunMessages.Verdict(1, m.size()),
        "sent the verdict of rule 1");
    refuses(
        RECEIVER,
        RunMessages.Verdict.class,
        m -> new RunMessages.Verdict(m.rule(), RunMessages.Verdict.WORKING),
        "found -1 people");
    refuses(
        RECEIVER,
        RunMessages.Verdict.class,
        m -> new RunMessages.Verdict(m.rule(), 99),
        "99 were announced");
    refuses(
        RECEIVER,
        Messages.Members.class,
        m -> new Messages.Members(m.first(), new long[m.bits().length]),
        "0 members came, 100 were announced");
    refuses(
        RECEIVER,
        Messages.Members.class,
        m -> {
          long[] bits = m.bits().clone();
          bits[0] &= ~1L;
          bits[1] |= 1L << 40;
          return new Messages.Members(m.first(), bits);
        },
        "member 104 of 100 values");
    refuses(
        RECEIVER,
        Messages.Members.class,
        m -> new Messages.Members(m.first(), Arrays.copyOf(m.bits(), 3)),
        "in 3 words");
    refuses(
        RECEIVER,
        Messages.Members.class,
        m -> new Messages.Members(64, m.bits()),
        "members from 64");
  }

  /** The receiver claims somebody else: both digests are computed, and differ. */
  @Test
  void aReceiverThatNamesOtherMembersIsFoundOut() throws Exception {
    String[] others = IntStream.range(50, 150).mapToObj(i -> "id" + i).toArray(String[]::new);
    Run run = new Run(Table.of(PEOPLE), Table.of(others));
    run.channels.put(
        RECEIVER,
        channel ->
            new Tampering(
                channel,
                m -> {
                  if (m instanceof Messages.Members members) {
                    long[] bits = members.bits().clone();
                    long in = Long.lowestOneBit(bits[0]);
                    long out = Long.lowestOneBit(~bits[0]);
                    bits[0] ^= in | out;
                    return List.of(new Messages.Members(0, bits));
                  }
                  return List.of(m);
                }));
    List<Throwable> failures = run.fail(NONE);
    assertThat(failures.get(SENDER))
        .isInstanceOf(WireException.ProtocolViolation.class)
        .hasMessageContaining("has another cohort");
  }

  /** The stream ends somewhere: both stop, in every phase. */
  @ParameterizedTest
  @ValueSource(ints = {0, 100, 205, 250, 8300, 8420, 60_000, 300_000, 620_000})
  void truncatedStreams(int after) throws Exception {
    for (int culprit = 0; culprit < 2; culprit++) {
      Run run = run();
      long total = total(culprit);
      run.network =
          new MemoryNetwork(false, Duration.ofSeconds(60))
              .with(
                  run.parties.get(culprit),
                  run.parties.get(1 - culprit),
                  Faults.cutAfter(Math.min(after, total - 1)));
      List<Throwable> failures = run.fail(NONE);
      assertThat(failures)
          .allSatisfy(
              f ->
                  assertThat(f)
                      .isInstanceOfAny(
                          WireException.PeerUnavailable.class, WireException.PeerAborted.class));
    }
  }

  private static final long[] TOTAL = new long[2];

  private static synchronized long total(int from) throws Exception {
    if (TOTAL[from] == 0) {
      Run run = run();
      run.succeed(NONE);
      for (int i = 0; i < 2; i++) {
        TOTAL[i] = run.network.recorded(run.parties.get(i), run.parties.get(1 - i)).length;
      }
    }
    return TOTAL[from];
  }

  /**
   * A flipped bit before the last message ends in a refusal, at the latest in another transcript.
   */
  @ParameterizedTest
  @ValueSource(longs = {210, 8000, 9000, 100_000, 400_000, 615_000})
  void flippedBits(long at) throws Exception {
    for (int culprit = 0; culprit < 2; culprit++) {
      Run run = run();
      long total = total(culprit);
      run.network =
          new MemoryNetwork(false, Duration.ofSeconds(60))
              .with(
                  run.parties.get(culprit),
                  run.parties.get(1 - culprit),
                  Faults.corruptAt(Math.min(at, total - 80)));
      List<Throwable> failures = run.fail(NONE);
      assertThat(failures).hasSize(2);
    }
  }
}
