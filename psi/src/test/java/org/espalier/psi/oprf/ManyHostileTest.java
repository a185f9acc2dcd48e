package org.espalier.psi.oprf;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.espalier.psi.AlignmentPolicy;
import org.espalier.psi.Table;
import org.espalier.psi.Tampering;
import org.espalier.psi.keys.Duplicates;
import org.espalier.psi.run.RunMessages;
import org.espalier.wire.Message;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.Faults;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** One of three parties does not do what it should. */
@Timeout(300)
class ManyHostileTest {
  private static final Path NONE = Path.of(".");

  private static final String[] PEOPLE =
      IntStream.range(0, 100).mapToObj(i -> "id" + i).toArray(String[]::new);

  private static Run run() {
    return new Run(Table.of(PEOPLE), Table.of(PEOPLE), Table.of(PEOPLE));
  }

  /** One party sends something else in place of messages of one class; another refuses it. */
  private static <M extends Message> void refuses(
      int culprit, int victim, Class<M> type, Function<M, Message> change, String what)
      throws Exception {
    Run run = run();
    run.policy = new AlignmentPolicy(1, Duplicates.REJECT, AlignmentPolicy.LARGEST);
    run.channels.put(
        culprit,
        channel ->
            channel.peer().equals(run.parties.get(victim))
                ? new Tampering(
                    channel, m -> List.of(type.isInstance(m) ? change.apply(type.cast(m)) : m))
                : channel);
    List<Throwable> failures = run.fail(NONE);
    assertThat(failures.get(victim))
        .as(failures.toString())
        .isInstanceOf(WireException.ProtocolViolation.class)
        .hasMessageStartingWith(run.parties.get(culprit) + " broke the protocol: ")
        .hasMessageContaining(what);
    for (int other = 0; other < 3; other++) {
      if (other != victim) {
        assertThat(failures.get(other))
            .isInstanceOfAny(WireException.PeerAborted.class, WireException.PeerUnavailable.class);
      }
    }
  }

  @Test
  void secretsOfAnotherLength() throws Exception {
    refuses(
        1,
        2,
        Messages.Share.class,
        m -> new Messages.Share(Arrays.copyOf(m.secret(), 31)),
        "needs 32 bytes");
    refuses(
        1,
        2,
        Messages.Share.class,
        m -> new Messages.Share(Arrays.copyOf(m.secret(), 33)),
        "33 bytes, at most 32");
  }

  @Test
  void badElementsOfOneSender() throws Exception {
    refuses(
        2,
        0,
        Messages.Choices.class,
        m -> {
          byte[] elements = m.elements().clone();
          Arrays.fill(elements, 64 * 9, 64 * 9 + 32, (byte) 0xff);
          return new Messages.Choices(elements);
        },
        "base transfer 9 is not canonical");
    refuses(
        1,
        0,
        Messages.Batch.class,
        m -> new Messages.Batch(m.type(), 1, m.bytes()),
        "psi-oprf-trees 1 of");
  }

  @Test
  void malformedStores() throws Exception {
    for (int more : new int[] {-8, -3, 8}) {
      refuses(
          1 + (more & 1),
          0,
          Messages.Table.class,
          m ->
              new Messages.Table(
                  m.bin(), m.attempt(), Arrays.copyOf(m.bytes(), m.bytes().length + more)),
          more > 0 ? "at most" : "is due");
    }
    refuses(
        2, 0, Messages.Table.class, m -> new Messages.Table(1, m.attempt(), m.bytes()), "bin 1 of");
    refuses(
        2,
        0,
        Messages.Table.class,
        m -> new Messages.Table(m.bin(), Messages.Table.ATTEMPTS, m.bytes()),
        "attempt is 4");
    refuses(
        0,
        2,
        Messages.Table.class,
        m -> new Messages.Table(m.bin(), m.attempt(), Arrays.copyOf(m.bytes(), 8)),
        "bin 0 of 8 bytes where bin 0 of");
  }

  @Test
  void aReceiverWithMoreKeysThanItsSumsAreLongFor() throws Exception {
    refuses(
        0,
        1,
        RunMessages.Announce.class,
        m -> new RunMessages.Announce(m.rule(), ManyReceiver.MOST_KEYS + 1),
        "announces 16777217 elements, of the first of several parties at most 16777216");
  }

  @Test
  void cohortsThatDoNotFit() throws Exception {
    refuses(
        0,
        1,
        RunMessages.Verdict.class,
        m -> new RunMessages.Verdict(m.rule(), 101),
        "found 101 people, must be 1 to 100");
    refuses(
        0,
        1,
        RunMessages.Verdict.class,
        m -> new RunMessages.Verdict(m.rule(), 99),
        "count is 100, must be in 0..99");
    refuses(
        0,
        2,
        Messages.Values.class,
        m -> {
          long[] high = m.high().clone();
          high[7] ^= 1;
          return new Messages.Values(m.code(), m.first(), m.unary(), high, m.rest());
        },
        "value 7 of 100 is of nobody in this party's table");
    refuses(
        0,
        2,
        Messages.Values.class,
        m ->
            new Messages.Values(
                m.code(), m.first(), m.unary(), new long[m.high().length], m.rest()),
        "is not above the one before it");
  }

  /** The receiver tells one sender of fewer people than the other. */
  @Test
  void aReceiverThatTellsTwoTales() throws Exception {
    Run run = run();
    run.channels.put(
        0,
        channel ->
            channel.peer().equals(run.parties.get(1))
                ? new Tampering(
                    channel,
                    m -> {
                      if (m instanceof RunMessages.Verdict verdict) {
                        return List.of(new RunMessages.Verdict(0, verdict.size() - 1));
                      }
                      if (m instanceof Messages.Values values) {
                        return List.of(allButTheFirst(values));
                      }
                      return List.of(m);
                    })
                : channel);
    List<Throwable> failures = run.fail(NONE);
    assertThat(failures.get(1))
        .isInstanceOf(WireException.ProtocolViolation.class)
        .hasMessageContaining("has another cohort");
  }

  private static Messages.Values allButTheFirst(Messages.Values values) {
    int count = values.high().length - 1;
    Outputs.Code code = new Outputs.Code(values.code().count() - 1, values.code().low());
    long[] high = new long[2 * count];
    int[] next = {-2};
    values.visit(
        (h, rest) -> {
          if (next[0] >= 0) {
            high[next[0]] = h;
          }
          next[0] += 2;
        });
    return new Outputs(high, code.low()).chunk(code, 0);
  }

  /** A stream ends somewhere: all stop, in every phase. */
  @ParameterizedTest
  @CsvSource({
    "1, 0, 300",
    "1, 0, 9000",
    "2, 0, 110000",
    "0, 2, 100",
    "0, 1, 610000",
    "1, 2, 220",
    "2, 1, 210"
  })
  void truncatedStreams(int from, int to, long after) throws Exception {
    Run run = run();
    run.network =
        new MemoryNetwork(false, Duration.ofSeconds(60))
            .with(run.parties.get(from), run.parties.get(to), Faults.cutAfter(after));
    assertThat(run.fail(NONE))
        .allSatisfy(
            f ->
                assertThat(f)
                    .isInstanceOfAny(
                        WireException.PeerUnavailable.class, WireException.PeerAborted.class));
  }
}
