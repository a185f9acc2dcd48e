package org.espalier.psi.fuzz;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.espalier.psi.Alignment;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.AlignmentPolicy;
import org.espalier.psi.AlignmentProtocol;
import org.espalier.psi.JointSizes;
import org.espalier.psi.LeakStatement;
import org.espalier.psi.MemoryListStore;
import org.espalier.psi.Parties;
import org.espalier.psi.Table;
import org.espalier.psi.Tampering;
import org.espalier.psi.ecdh.EcdhAlignment;
import org.espalier.psi.ecdh.EcdhCardinality;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.oprf.OprfAlignment;
import org.espalier.psi.oprf.UnbalancedAlignment;
import org.espalier.psi.run.RunMessages;
import org.espalier.wire.Channel;
import org.espalier.wire.Decoder;
import org.espalier.wire.Encoder;
import org.espalier.wire.ForwardingChannel;
import org.espalier.wire.MalformedMessageException;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Messages of recorded runs, changed at random: each is refused with a sentence, or means the same
 * as other bytes that the protocol allows. With {@code -Despalier.fuzz=N} N times as many.
 */
class FuzzTest {
  private static final int TIMES = Integer.getInteger("espalier.fuzz", 1);

  /** Changed messages of each protocol that are only decoded. */
  private static final int DECODED = 1500;

  /** Runs of each protocol in which one message is changed. */
  private static final int RUNS = 8;

  /** Longer than any message of the recorded runs needs to say that it is malformed. */
  private static final long ALLOCATION = 64 << 10;

  @TempDir Path folder;

  /** What is recorded and changed. */
  enum Protocol {
    ECDH(2),
    ECDH_OF_THREE(3),
    OPRF(2),
    OPRF_OF_THREE(3),
    OPRF_MALICIOUS(2),
    UNBALANCED(2),
    CARDINALITY(2);

    private final int parties;

    Protocol(int parties) {
      this.parties = parties;
    }

    private AlignmentProtocol make(Path folder) {
      return switch (this) {
        case ECDH, ECDH_OF_THREE -> new EcdhAlignment(folder);
        case OPRF, OPRF_OF_THREE -> new OprfAlignment();
        case OPRF_MALICIOUS -> OprfAlignment.againstDeviation();
        case UNBALANCED -> new UnbalancedAlignment(new MemoryListStore());
        case CARDINALITY -> new Count(folder);
      };
    }

    /** Whom all have. */
    int common() {
      return this == CARDINALITY ? 0 : 10;
    }

    /** Repeatable, and another for each input of each protocol. */
    Random random(String use, int input) {
      return new Random((long) (name() + use).hashCode() << 32 | input);
    }

    Parties run() {
      KeySource[] tables = new KeySource[parties];
      for (int p = 0; p < parties; p++) {
        tables[p] = table(p);
      }
      Parties run =
          new Parties(tables) {
            @Override
            protected AlignmentProtocol protocol(Path folder) {
              return make(folder);
            }
          };
      if (this == ECDH) {
        // Says, too, that nothing is left of an earlier attempt.
        run.session = new Session(run.session.job(), run.session.specDigest(), 2);
      }
      run.network = new MemoryNetwork(false, Duration.ofMinutes(2));
      return run;
    }

    /** Each party has people of its own, and ten whom all have, in another order. */
    private static Table table(int party) {
      return Table.of(
          IntStream.range(0, 16)
              .map(i -> (5 * i + party) % 16)
              .mapToObj(i -> "id" + (i < 10 ? i : 100 * party + i))
              .toArray(String[]::new));
    }
  }

  /** Counts people, and finds none. */
  private record Count(Path folder) implements AlignmentProtocol {
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
      JointSizes sizes = new EcdhCardinality(folder).count(job, channels, source, progress);
      assertThat(sizes.rules()).hasSize(1);
      return new Alignment(new int[0], new byte[32], new int[0]);
    }
  }

  /** A message as it came to a party. */
  private record Seen(MessageType<?> type, long most, byte[] payload) {}

  private static byte[] payload(Message message) {
    Encoder out = new Encoder();
    message.encode(out);
    return out.toByteArray();
  }

  /** A channel that keeps what it receives. */
  private static final class Recording extends ForwardingChannel {
    private final List<Seen> seen;

    Recording(Channel channel, List<Seen> seen) {
      super(channel);
      this.seen = seen;
    }

    @Override
    public <M extends Message> M receive(MessageType<M> type, long maxBytes) {
      M message = super.receive(type, maxBytes);
      synchronized (seen) {
        seen.add(new Seen(type, maxBytes, payload(message)));
      }
      return message;
    }
  }

  private List<Seen> record(Protocol protocol) throws Exception {
    List<Seen> seen = new ArrayList<>();
    Parties run = protocol.run();
    for (int p = 0; p < protocol.parties; p++) {
      run.channels.put(p, channel -> new Recording(channel, seen));
    }
    List<Alignment> alignments = run.succeed(folder);
    assertThat(alignments).allSatisfy(a -> assertThat(a.size()).isEqualTo(protocol.common()));
    return seen;
  }

  /** All messages of a type get the same number of changes, whatever their length. */
  @ParameterizedTest
  @EnumSource
  void changedMessagesAreRefusedOrRead(Protocol protocol) throws Exception {
    Map<Integer, List<Seen>> byType = new HashMap<>();
    record(protocol)
        .forEach(s -> byType.computeIfAbsent(s.type.code(), c -> new ArrayList<>()).add(s));
    List<List<Seen>> types = List.copyOf(byType.values());
    com.sun.management.ThreadMXBean memory =
        (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long thread = Thread.currentThread().getId();
    int refused = 0;
    int inputs = DECODED * TIMES;
    for (int input = 0; input < inputs; input++) {
      Random random = protocol.random("decode", input);
      List<Seen> type = types.get(random.nextInt(types.size()));
      Seen seen = type.get(random.nextInt(type.size()));
      byte[] other = type.get(random.nextInt(type.size())).payload;
      byte[] changed = new Mutator(random).change(seen.payload, other);
      if (changed.length > seen.most) {
        refused++;
        continue;
      }
      long before = memory.getThreadAllocatedBytes(thread);
      try {
        Decoder in = new Decoder(changed);
        Message message = seen.type.decoder().apply(in);
        in.expectEnd();
        requireLittle(memory.getThreadAllocatedBytes(thread) - before, seen, changed, input);
        // Of another version's greeting only the version is read.
        if (!(message instanceof RunMessages.Hello hello) || hello.digests().length > 0) {
          assertThat(payload(message)).as(seen.type + ", input " + input).isEqualTo(changed);
        }
      } catch (MalformedMessageException | IllegalArgumentException e) {
        requireLittle(memory.getThreadAllocatedBytes(thread) - before, seen, changed, input);
        assertThat(e.getMessage()).isNotBlank();
        refused++;
      } catch (RuntimeException e) {
        fail("%s, input %d: %s".formatted(seen.type, input, e), e);
      }
    }
    assertThat(refused).isBetween(inputs / 10, inputs - inputs / 10);
  }

  /** A first use loads classes: where much was allocated it is done again, and that counts. */
  private static void requireLittle(long allocated, Seen seen, byte[] changed, int input) {
    long most = ALLOCATION + 16L * changed.length;
    if (allocated < most) {
      return;
    }
    com.sun.management.ThreadMXBean memory =
        (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long thread = Thread.currentThread().getId();
    long before = memory.getThreadAllocatedBytes(thread);
    try {
      Decoder in = new Decoder(changed);
      Message unused = seen.type.decoder().apply(in);
      in.expectEnd();
    } catch (MalformedMessageException | IllegalArgumentException refused) {
      // as before
    }
    assertThat(memory.getThreadAllocatedBytes(thread) - before)
        .as("input " + input)
        .isLessThan(most);
  }

  /** Bytes in place of a message. */
  private record Raw(MessageType<?> type, byte[] bytes) implements Message {
    @Override
    public void encode(Encoder out) {
      out.putRaw(bytes, 0, bytes.length);
    }
  }

  /**
   * In every run one message of one party arrives changed. All parties stop with a refusal or find
   * people whom all of them have; nobody fails in another way or waits for ever.
   */
  @ParameterizedTest
  @EnumSource
  void changedRunsEndInARefusalOrPeopleOfAll(Protocol protocol) throws Exception {
    int[] sent = new int[protocol.parties];
    for (int p = 0; p < protocol.parties; p++) {
      AtomicInteger count = new AtomicInteger();
      Parties run = protocol.run();
      run.channels.put(p, channel -> new Tampering(channel, m -> counted(m, count)));
      run.succeed(folder);
      sent[p] = count.get();
    }
    int refused = 0;
    int runs = RUNS * TIMES;
    for (int input = 0; input < runs; input++) {
      Random random = protocol.random("run", input);
      int culprit = random.nextInt(protocol.parties);
      int which = random.nextInt(sent[culprit]);
      boolean twice = random.nextInt(16) == 0;
      Mutator mutator = new Mutator(random);
      AtomicInteger count = new AtomicInteger();
      Parties run = protocol.run();
      run.channels.put(
          culprit,
          channel ->
              new Tampering(
                  channel,
                  m -> {
                    if (count.getAndIncrement() != which) {
                      return List.of(m);
                    }
                    byte[] bytes = payload(m);
                    return twice
                        ? List.of(m, m)
                        : List.of(new Raw(m.type(), mutator.change(bytes, bytes)));
                  }));
      List<Parties.Outcome> outcomes = run.align(folder);
      String what =
          "%s, input %d: %s"
              .formatted(
                  protocol,
                  input,
                  outcomes.stream().map(o -> String.valueOf(o.failure())).toList());
      refused += check(run, outcomes, what) ? 0 : 1;
    }
    assertThat(refused).isPositive();
  }

  private static List<Message> counted(Message message, AtomicInteger count) {
    count.incrementAndGet();
    return List.of(message);
  }

  /** Whether all parties succeeded. */
  private static boolean check(Parties run, List<Parties.Outcome> outcomes, String what) {
    boolean all = true;
    for (Parties.Outcome outcome : outcomes) {
      if (outcome.failure() != null) {
        all = false;
        assertThat(outcome.failure())
            .as(what)
            .isInstanceOfAny(
                WireException.ProtocolViolation.class,
                WireException.PeerAborted.class,
                WireException.PeerUnavailable.class,
                AlignmentException.class);
      }
    }
    if (all) {
      List<List<String>> people = new ArrayList<>();
      for (int p = 0; p < outcomes.size(); p++) {
        Table table = (Table) run.sources.get(p);
        people.add(
            Arrays.stream(outcomes.get(p).alignment().rows())
                .mapToObj(row -> table.values()[row][0])
                .toList());
        assertThat(people.get(p)).as(what).isEqualTo(people.get(0));
      }
      assertThat(people.get(0)).as(what).doesNotHaveDuplicates();
    }
    return all;
  }

  /** A change is a change: what is counted above is not messages as they were. */
  @Test
  void theMutatorChanges() {
    Random random = new Random(1);
    byte[] bytes = new byte[100];
    random.nextBytes(bytes);
    Mutator mutator = new Mutator(random);
    int same = 0;
    for (int i = 0; i < 2000; i++) {
      same += Arrays.equals(mutator.change(bytes, bytes), bytes) ? 1 : 0;
    }
    assertThat(same).isLessThan(200);
  }
}
