package org.espalier.psi.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
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
import org.espalier.psi.ecdh.EcdhAlignment;
import org.espalier.psi.ecdh.EcdhCardinality;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.oprf.OprfAlignment;
import org.espalier.psi.oprf.UnbalancedAlignment;
import org.espalier.psi.run.RunMessages;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;
import org.espalier.wire.fuzz.Fuzz;
import org.espalier.wire.fuzz.OneChanged;
import org.espalier.wire.fuzz.Recorded;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Messages of recorded runs, changed at random: each is refused with a sentence, or means the same
 * as other bytes that the protocol allows. With {@code -Despalier.fuzz=N} N times as many.
 */
class FuzzTest {
  /** Changed messages of each protocol that are only decoded. */
  private static final int DECODED = 1500;

  /** Runs of each protocol in which one message is changed. */
  private static final int RUNS = 8;

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

  @ParameterizedTest
  @EnumSource
  void changedMessagesAreRefusedOrRead(Protocol protocol) throws Exception {
    Recorded recorded = new Recorded();
    Parties run = protocol.run();
    for (int p = 0; p < protocol.parties; p++) {
      run.channels.put(p, recorded::recording);
    }
    List<Alignment> alignments = run.succeed(folder);
    assertThat(alignments).allSatisfy(a -> assertThat(a.size()).isEqualTo(protocol.common()));
    // Of another version's greeting only the version is read.
    double refused =
        recorded.refused(
            protocol.name(),
            DECODED,
            m -> m instanceof RunMessages.Hello hello && hello.digests().length == 0);
    assertThat(refused).isBetween(0.1, 0.9);
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
      OneChanged honest = OneChanged.none();
      Parties run = protocol.run();
      run.channels.put(p, honest::wrap);
      run.succeed(folder);
      sent[p] = honest.sent();
    }
    int refused = 0;
    int runs = RUNS * Fuzz.TIMES;
    for (int input = 0; input < runs; input++) {
      Random random = Fuzz.random(protocol.name() + "run", input);
      int culprit = random.nextInt(protocol.parties);
      Parties run = protocol.run();
      run.channels.put(culprit, OneChanged.of(random, sent[culprit])::wrap);
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
}
