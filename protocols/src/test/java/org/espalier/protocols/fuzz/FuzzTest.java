package org.espalier.protocols.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.fixedpoint.Ring;
import org.espalier.protocols.glm.Family;
import org.espalier.protocols.glm.FeatureOutcome;
import org.espalier.protocols.glm.JointTraining;
import org.espalier.protocols.glm.LabelOutcome;
import org.espalier.protocols.glm.Outcomes;
import org.espalier.protocols.glm.PassStore;
import org.espalier.protocols.glm.TestData;
import org.espalier.protocols.glm.TrainingJob;
import org.espalier.protocols.glm.TrainingSpec;
import org.espalier.protocols.neural.SmallTop;
import org.espalier.protocols.neural.SourceJob;
import org.espalier.protocols.neural.SourceProtocol;
import org.espalier.protocols.neural.SourceRun;
import org.espalier.protocols.neural.SourceSpec;
import org.espalier.protocols.neural.SplitSpec;
import org.espalier.protocols.neural.top.Activation;
import org.espalier.protocols.neural.top.Descent;
import org.espalier.protocols.predict.JointLogits;
import org.espalier.protocols.predict.SharedLogits;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.shares.Workspace;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;
import org.espalier.wire.fuzz.Fuzz;
import org.espalier.wire.fuzz.OneChanged;
import org.espalier.wire.fuzz.Recorded;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Messages of recorded trainings and predictions, changed at random, and runs with one of them.
 * With {@code -Despalier.fuzz=N} N times as many.
 */
class FuzzTest {
  /** Changed messages of each protocol that are only decoded. */
  private static final int DECODED = 200;

  /** Runs of each protocol in which one message is changed. */
  private static final int RUNS = 1;

  private static final int ROWS = 200;
  private static final Session SESSION = new Session("J-test", new byte[32], 1);

  /** Of a run in which one message is changed nobody waits so long. */
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private static final TrainingSpec GRADIENTS =
      new TrainingSpec(Level.GRADIENTS, 0.01, 2, 1e-12, true);

  /** What the first attempt of a sealed training left each party; no run changes it. */
  private static final Map<Party, First> FIRST = new TreeMap<>();

  private static final class First implements PassStore {
    private final List<Kept> passes = new ArrayList<>();
    private final byte[] secret = new byte[32];

    @Override
    public List<Kept> kept() {
      return List.copyOf(passes);
    }

    @Override
    public void keep(int pass, Kept what) {
      if (!frozen) {
        passes.subList(pass - 1, passes.size()).clear();
        passes.add(what);
      }
    }

    @Override
    public void forget() {}

    @Override
    public byte[] secret() {
      return secret.clone();
    }
  }

  /** Whether {@link #FIRST} is complete. */
  private static boolean frozen;

  /** Whose weights are shared, to be scored with. */
  private static SourceRun<LabelOutcome, FeatureOutcome> model;

  @BeforeAll
  static void train() {
    model =
        Protocol.SHARED_LOGITS.train(
            Protocol.sealed(Family.LOGISTIC, true), new MemoryNetwork(false, PATIENCE), end -> end);
    Protocol again = Protocol.SEALED_AGAIN;
    for (int p = 0; p < again.parties; p++) {
      FIRST.put(again.party(p), new First());
    }
    again.train(
        Protocol.sealed(Family.LOGISTIC, false),
        new MemoryNetwork(false, PATIENCE),
        end -> end,
        1,
        FIRST::get);
    frozen = true;
  }

  /** What is recorded and changed. */
  enum Protocol {
    GRADIENTS(2),
    GRADIENTS_OF_THREE(3),
    ELASTIC_NET(3),
    POISSON(2),
    STANDARD_ERRORS(3),
    SEALED(2),
    SEALED_OF_THREE(3),
    SEALED_AGAIN(3),
    SHARED_WEIGHTS(2),
    ACTIVATIONS(3),
    SPLIT(3),
    LOGITS(3),
    SHARED_LOGITS(3);

    private final int parties;

    Protocol(int parties) {
      this.parties = parties;
    }

    private List<Party> features() {
      return SourceRun.featureParties(parties - 1);
    }

    private Party party(int number) {
      return number == 0 ? SourceRun.LABEL : SourceRun.featureParty(number);
    }

    /**
     * Runs it.
     *
     * @throws RuntimeException one party's failure, the others' suppressed in it
     */
    void run(UnaryOperator<Channel> wrap) {
      try (MemoryNetwork network = new MemoryNetwork(false, PATIENCE)) {
        switch (this) {
          case GRADIENTS, GRADIENTS_OF_THREE -> train(FuzzTest.GRADIENTS, network, wrap);
          case ELASTIC_NET -> train(FuzzTest.GRADIENTS.withL1(0.001), network, wrap);
          case POISSON ->
              train(
                  new TrainingSpec(Family.POISSON, Level.GRADIENTS, 0.01, 2, 1e-12, true),
                  network,
                  wrap);
          case STANDARD_ERRORS -> train(FuzzTest.GRADIENTS.withInference(), network, wrap);
          case SEALED -> train(sealed(Family.LOGISTIC, false), network, wrap);
          case SEALED_OF_THREE -> train(sealed(Family.POISSON, false), network, wrap);
          case SEALED_AGAIN -> train(sealed(Family.LOGISTIC, false), network, wrap, 2, FIRST::get);
          case SHARED_WEIGHTS -> train(sealed(Family.LOGISTIC, true), network, wrap);
          case ACTIVATIONS -> network(null, network, wrap);
          case SPLIT ->
              network(
                  new SplitSpec(List.of(3), Activation.TANH, Descent.Kind.SGD, 0, 1, 1),
                  network,
                  wrap);
          case LOGITS -> logits(network, wrap);
          case SHARED_LOGITS -> sharedLogits(network, wrap);
        }
      }
    }

    private static TrainingSpec sealed(Family family, boolean shared) {
      return new TrainingSpec(family, Level.SEALED, 0.01, 2, 1e-6, false, shared, false);
    }

    private SourceRun<LabelOutcome, FeatureOutcome> train(
        TrainingSpec spec, MemoryNetwork network, UnaryOperator<Channel> wrap) {
      return train(spec, network, wrap, 1, party -> PassStore.NONE);
    }

    private SourceRun<LabelOutcome, FeatureOutcome> train(
        TrainingSpec spec,
        MemoryNetwork network,
        UnaryOperator<Channel> wrap,
        int attempt,
        Function<Party, PassStore> kept) {
      TestData data = data();
      Function<Party, TrainingJob> job =
          party ->
              new TrainingJob(
                  new Session("J-test", new byte[32], attempt),
                  SourceRun.LABEL,
                  features(),
                  data.rows(),
                  spec,
                  0,
                  Workspace.inMemory(),
                  kept.apply(party),
                  null,
                  null);
      return SourceRun.of(
          features(),
          network,
          wrap,
          channels ->
              JointTraining.label(
                  job.apply(party(0)),
                  channels,
                  data.parts().get(0),
                  Outcomes.of(data.labels()),
                  report -> {}),
          (number, label, others) ->
              JointTraining.feature(
                  job.apply(party(number)),
                  label,
                  others,
                  data.parts().get(number),
                  Progress.NONE,
                  pass -> {}));
    }

    private TestData data() {
      return TestData.synthetic(ROWS, 4, parties == 2 ? new int[] {2, 4} : new int[] {2, 4, 3});
    }

    private void network(SplitSpec split, MemoryNetwork network, UnaryOperator<Channel> wrap) {
      TestData data = data();
      SourceSpec spec = new SourceSpec(4, 100, 5, 0.1, 0.5, true, split);
      SourceJob job = new SourceJob(SESSION, SourceRun.LABEL, features(), ROWS, spec, 0);
      SmallTop top = new SmallTop(data.labels(), 4, 0.1, 0.5, 1);
      SourceRun.of(
          features(),
          network,
          wrap,
          channels ->
              SourceProtocol.of(spec).label(job, channels, data.parts().get(0), top, epoch -> {}),
          (number, label, others) ->
              SourceProtocol.of(spec)
                  .feature(
                      job, label, others, data.parts().get(number), Progress.NONE, epoch -> {}));
    }

    private void logits(MemoryNetwork network, UnaryOperator<Channel> wrap) {
      SourceRun.of(
          features(),
          network,
          wrap,
          channels -> JointLogits.label(SESSION, channels, new double[ROWS]),
          (number, label, others) -> {
            JointLogits.feature(SESSION, label, others, new double[ROWS]);
            return number;
          });
    }

    private void sharedLogits(MemoryNetwork network, UnaryOperator<Channel> wrap) {
      List<Matrix> parts = data().parts();
      SourceRun<LabelOutcome, FeatureOutcome> model = FuzzTest.model;
      SourceRun.of(
          features(),
          network,
          wrap,
          channels -> SharedLogits.label(SESSION, model.label().shared(), channels, parts.get(0)),
          (number, label, others) -> {
            SharedLogits.feature(
                SESSION,
                model.features().get(number - 1).shared(),
                label,
                others,
                parts.get(number));
            return number;
          });
    }
  }

  /**
   * In every run one message of one party arrives changed. All parties end, with a refusal or with
   * a result: what a changed number of the right form does, docs/security.md says.
   */
  @ParameterizedTest
  @EnumSource
  @Timeout(value = 2, unit = TimeUnit.HOURS)
  void changedMessagesAreRefusedOrReadAndRunsEnd(Protocol protocol) {
    Map<Party, OneChanged> honest = new TreeMap<>();
    for (int p = 0; p < protocol.parties; p++) {
      honest.put(protocol.party(p), OneChanged.none());
    }
    Recorded recorded = new Recorded();
    protocol.run(channel -> honest.get(channel.self()).wrap(recorded.recording(channel)));
    assertThat(recorded.refused(protocol.name(), DECODED, message -> false)).isBetween(0.05, 0.95);
    for (int input = 0; input < RUNS * Fuzz.TIMES; input++) {
      Random random = Fuzz.random(protocol.name() + "run", input);
      Party culprit = protocol.party(random.nextInt(protocol.parties));
      OneChanged changed = OneChanged.of(random, honest.get(culprit).sent());
      try {
        protocol.run(channel -> channel.self().equals(culprit) ? changed.wrap(channel) : channel);
      } catch (Exception | Error e) {
        List<Throwable> failures = new ArrayList<>(Arrays.asList(e.getSuppressed()));
        failures.add(e);
        assertThat(failures)
            .as("%s, input %d of %s", protocol, input, culprit)
            .allSatisfy(FuzzTest::isARefusal);
      }
    }
  }

  private static void isARefusal(Throwable e) {
    assertThat(e.getMessage()).isNotBlank();
    assertThat(e)
        .isInstanceOfAny(
            WireException.ProtocolViolation.class,
            WireException.PeerAborted.class,
            WireException.PeerUnavailable.class,
            IllegalArgumentException.class,
            Ring.RangeError.class);
  }
}
