package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.espalier.protocols.RecordedMessage;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.privacy.LabelPrivacy;
import org.espalier.protocols.shares.Workspace;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.Faults;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Training at level sealed that goes on from the passes that all parties have kept. */
@Timeout(180)
class SealedResumeTest {
  private static final int PASSES = 30;

  /** What two undisturbed trainings of 700 people may differ by, features being rounded anew. */
  private static final double TOLERANCE = 0.02;

  /** Two stages of 15 passes. */
  private static final TrainingSpec SPEC =
      new TrainingSpec(Level.SEALED, 0.01, PASSES, 1e-12, false);

  private static final Party BANK = TrainingRun.LABEL;
  private static final Party F1 = TrainingRun.featureParty(1);
  private static final Party F2 = TrainingRun.featureParty(2);
  private static final List<Party> ALL = List.of(BANK, F1, F2);

  /** As a disk that survives an attempt, of a node that may be killed. */
  private static final class Memory implements PassStore {
    final List<Kept> kept = new ArrayList<>();
    private final byte[] secret = Prg.freshSeed();
    int killedBefore = Integer.MAX_VALUE;

    @Override
    public byte[] secret() {
      return secret.clone();
    }

    @Override
    public List<Kept> kept() {
      return List.copyOf(kept);
    }

    @Override
    public void keep(int pass, Kept what) {
      if (pass >= killedBefore) {
        throw new IllegalStateException("killed before it has kept pass " + pass);
      }
      kept.subList(pass - 1, kept.size()).clear();
      kept.add(what);
    }

    @Override
    public void forget() {
      kept.clear();
    }
  }

  private final TestData data = TestData.synthetic(700, 6, 2, 5, 4);
  private final Map<Party, Memory> stores = new TreeMap<>();
  private final List<Integer> begun = new ArrayList<>();
  private int attempt;

  @BeforeEach
  void freshStores() {
    ALL.forEach(party -> stores.put(party, new Memory()));
    attempt = 0;
  }

  private TrainingRun train(MemoryNetwork network) {
    return train(network, SPEC);
  }

  private TrainingRun train(MemoryNetwork network, TrainingSpec spec) {
    attempt++;
    begun.clear();
    Map<Party, TrainingRun.Before> before = new HashMap<>();
    stores.forEach((party, kept) -> before.put(party, new TrainingRun.Before(0, kept, attempt)));
    return TrainingRun.again(data, spec, network, before, begun::add);
  }

  private static MemoryNetwork network() {
    return new MemoryNetwork(true, Duration.ofSeconds(60));
  }

  private static int opened(TrainingRun run) {
    return (Integer) run.label().parametersRun().get("opened_sums");
  }

  private static void same(TrainingRun run, TrainingRun expected) {
    assertThat(run.label().passes()).hasSameSizeAs(expected.label().passes());
    assertThat(run.weights()).containsExactly(expected.weights(), within(TOLERANCE));
    assertThat(run.label().intercept()).isCloseTo(expected.label().intercept(), within(TOLERANCE));
  }

  @Test
  void whereverItIsCutTheNextAttemptGoesOnAndTheModelIsTheSame() {
    MemoryNetwork whole = network();
    TrainingRun expected = train(whole);
    assertThat(expected.label().passes()).hasSize(PASSES);
    int bytes = whole.recorded(F1, BANK).length;
    // Within the first stage, between both, within the second.
    for (double part : new double[] {0.3, 0.55, 0.9}) {
      freshStores();
      Faults cut = Faults.cutAfter((long) (part * bytes));
      MemoryNetwork broken = new MemoryNetwork(false, Duration.ofSeconds(60)).with(F1, BANK, cut);
      assertThatThrownBy(() -> train(broken)).isInstanceOf(WireException.class);
      int kept = stores.values().stream().mapToInt(s -> s.kept.size()).min().orElseThrow();
      assertThat(kept).isBetween(1, PASSES - 1);
      TrainingRun resumed = train(network());
      assertThat(begun).as("passes of the second attempt").first().isEqualTo(kept + 1);
      assertThat(begun).last().isEqualTo(PASSES);
      same(resumed, expected);
      // The pass that was cut off may have opened two sums, which count.
      assertThat(opened(resumed)).isBetween(opened(expected), opened(expected) + 2);
    }
  }

  @Test
  void aPartyThatIsKilledAtTheEndOfAStageHasThePassBeforeAndTheOthersDropTheirs() {
    TrainingRun expected = train(network());
    for (Party killed : ALL) {
      freshStores();
      stores.get(killed).killedBefore = 15;
      assertThatThrownBy(() -> train(network())).hasMessageContaining("killed");
      stores.get(killed).killedBefore = Integer.MAX_VALUE;
      assertThat(stores.get(killed).kept).hasSize(14);
      TrainingRun resumed = train(network());
      assertThat(begun).first().isEqualTo(15);
      same(resumed, expected);
      // The last pass of a stage opens two sums: opened once more, and counted.
      assertThat(opened(resumed)).isEqualTo(opened(expected) + 2);
    }
  }

  @Test
  void severalCutsAreAllCounted() {
    TrainingRun expected = train(network());
    freshStores();
    for (int cut = 0; cut < 3; cut++) {
      stores.get(F2).killedBefore = 15;
      assertThatThrownBy(() -> train(network())).hasMessageContaining("killed");
    }
    stores.get(F2).killedBefore = Integer.MAX_VALUE;
    TrainingRun resumed = train(network());
    same(resumed, expected);
    assertThat(opened(resumed)).isEqualTo(opened(expected) + 3 * 2);
  }

  @Test
  void whatIsOfAnotherTrainingOrDamagedIsNotTaken() {
    TrainingRun expected = train(network());
    // Shares of another attempt's gradients would make a model of noise.
    Map<Party, Memory> first = Map.copyOf(stores);
    freshStores();
    attempt = 1;
    train(network());
    stores.put(F1, first.get(F1));
    same(train(network()), expected);
    assertThat(begun).first().isEqualTo(1);

    // One whose first pass cannot be read has none, and nobody goes on from any.
    stores.get(F2).kept.remove(0);
    same(train(network()), expected);
    assertThat(begun).first().isEqualTo(1);
    assertThat(stores.get(BANK).kept).hasSize(PASSES);

    // A pass with other numbers of shares.
    Memory damaged = stores.get(F1);
    damaged.kept.replaceAll(
        k ->
            new PassStore.Kept(
                k.vector(),
                k.products(),
                k.penalties(),
                k.figures(),
                Arrays.copyOf(k.shares(), k.shares().length - 1)));
    assertThatThrownBy(() -> train(network())).hasMessageContaining("of another training");
    same(train(network()), expected);
    assertThat(begun).first().isEqualTo(1);
  }

  /**
   * A party that has the end repeated reads the same words again, from which no noise averages out;
   * and nothing that hid a share in one attempt hides one in another.
   */
  @Test
  void whatIsRepeatedIsUnderTheSameNoiseAtTheEndAndUnderFreshMasksBefore() {
    TrainingRun first = train(network());
    TrainingRun again = train(network());
    assertThat(begun).isEmpty();
    assertThat(again.weights()).containsExactly(first.weights());
    assertThat(again.label().intercept()).isEqualTo(first.label().intercept());

    freshStores();
    stores.get(F2).killedBefore = 28;
    assertThatThrownBy(() -> train(network())).hasMessageContaining("killed");
    List<Set<ByteBuffer>> said = new ArrayList<>();
    for (int time = 0; time < 2; time++) {
      List<PassStore.Kept> lying = stores.get(F1).kept;
      lying.subList(20, lying.size()).clear();
      MemoryNetwork network = network();
      assertThatThrownBy(() -> train(network)).hasMessageContaining("killed");
      assertThat(begun).first().isEqualTo(21);
      // A message each way more than in a first attempt.
      assertThat(RecordedMessage.all(network, F2, BANK).get(0).type()).isEqualTo(95);
      assertThat(RecordedMessage.all(network, BANK, F2).get(0).type()).isEqualTo(96);
      Set<ByteBuffer> words = new HashSet<>();
      for (Party from : ALL) {
        for (Party to : ALL) {
          if (!from.equals(to)) {
            RecordedMessage.all(network, from, to).stream()
                .filter(m -> (m.type() >= 80 && m.type() <= 83) || m.type() == 92)
                .forEach(m -> words.add(ByteBuffer.wrap(m.payload())));
          }
        }
      }
      assertThat(words).hasSizeGreaterThan(100);
      said.add(words);
    }
    assertThat(said.get(0)).doesNotContainAnyElementsOf(said.get(1));
  }

  /**
   * Weights are opened once of shares that came about under the same keys: who says after the end
   * that it has fewer passes than it had makes everybody begin anew.
   */
  @Test
  void afterTheEndAnAttemptGoesOnFromAllPassesOrFromNone() {
    TrainingRun expected = train(network());
    for (Party lying : ALL) {
      stores.get(lying).kept.subList(20, PASSES).clear();
      TrainingRun another = train(network());
      assertThat(begun).as("passes after %s has said 20", lying).first().isEqualTo(1);
      assertThat(begun).hasSize(PASSES);
      same(another, expected);
    }
    train(network());
    assertThat(begun).isEmpty();
  }

  /** A lying label party, which nobody makes find all passes or none. */
  @Test
  void theOtherComputePartyRefusesToHaveAnotherEndOfTheSamePasses() throws Exception {
    train(network());
    try (MemoryNetwork network = network()) {
      CompletableFuture<SealedPast> past =
          CompletableFuture.supplyAsync(
              () -> SealedPast.atFeature(job(F1), 5, network.channel(F1, BANK)));
      Channel atLabel = network.channel(BANK, F1);
      byte[] said = atLabel.receive(SealedMessages.Past.TYPE, SealedMessages.Past.LIMIT).digests();
      assertThat(said).hasSize(PASSES * 32);
      assertThat(Arrays.copyOf(said, said.length - 32)).containsOnly(0);
      atLabel.send(new SealedMessages.GoOn(20));
      assertThatThrownBy(past::join)
          .cause()
          .isInstanceOf(WireException.ProtocolViolation.class)
          .hasMessageContaining("goes on after pass 20, though weights were opened after pass 30");
    }
  }

  /** Attempts that go on from each other open no more sums than parameters leave room for. */
  @Test
  void whoHasSumsOpenedAgainAndAgainMakesEverybodyBeginAnew() {
    stores.get(F1).killedBefore = 15;
    int attempts = 0;
    do {
      attempts++;
      assertThat(attempts).isLessThan(10);
      List<PassStore.Kept> lying = stores.get(F2).kept;
      lying.subList(Math.min(1, lying.size()), lying.size()).clear();
      assertThatThrownBy(() -> train(network())).hasMessageContaining("killed");
    } while (attempts == 1 || begun.get(0) > 1);
    assertThat(attempts).as("attempts until one begins anew").isBetween(4, 8);
    // The sums of before are counted, but not against the new keys.
    stores.get(F1).killedBefore = Integer.MAX_VALUE;
    TrainingRun run = train(network());
    assertThat(begun).first().isEqualTo(15);
    assertThat(opened(run)).isGreaterThan(SealedPlan.SUMS_TO_GO_ON);
  }

  /** The next attempt must not go on from gradients in another order than it takes for theirs. */
  @Test
  void sharesOfAnotherPrimeEndTheAttemptAndTheNextBeginsAnew() {
    TrainingRun expected = train(network());
    for (Memory store : stores.values()) {
      store.kept.replaceAll(
          k -> {
            long[] shares = k.shares().clone();
            shares[0] += 2;
            return new PassStore.Kept(k.vector(), k.products(), k.penalties(), k.figures(), shares);
          });
    }
    assertThatThrownBy(() -> train(network())).hasMessageContaining("modulo another prime");
    assertThat(begun).isEmpty();
    assertThat(stores.values()).allMatch(store -> store.kept.isEmpty());
    for (Party killed : List.of(F2, BANK)) {
      stores.get(killed).killedBefore = killed.equals(F2) ? 8 : 20;
      assertThatThrownBy(() -> train(network())).hasMessageContaining("killed");
      assertThat(begun).first().isEqualTo(killed.equals(F2) ? 1 : 8);
      stores.get(killed).killedBefore = Integer.MAX_VALUE;
    }
    same(train(network()), expected);
    assertThat(begun).first().isEqualTo(20);
  }

  /** The unit of its loss and the range come first in each attempt, from the same outcomes. */
  @Test
  void aPoissonRegressionGoesOnAsWell() {
    TrainingSpec spec =
        new TrainingSpec(Family.POISSON, Level.SEALED, 0.01, PASSES, 1e-12, false, false, false);
    TrainingRun expected = train(network(), spec);
    freshStores();
    stores.get(F1).killedBefore = 8;
    assertThatThrownBy(() -> train(network(), spec)).hasMessageContaining("killed");
    stores.get(F1).killedBefore = Integer.MAX_VALUE;
    TrainingRun resumed = train(network(), spec);
    assertThat(begun).first().isEqualTo(8);
    same(resumed, expected);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aTrainingWithSharedWeightsOrLabelPrivacyBeginsAnew(boolean shared) {
    TrainingSpec spec =
        new TrainingSpec(
            Family.LOGISTIC,
            Level.SEALED,
            0.5,
            4,
            1e-12,
            false,
            shared,
            false,
            shared ? null : new LabelPrivacy(20, 1e-6, 2),
            false,
            0);
    for (int time = 1; time <= 2; time++) {
      MemoryNetwork network = network();
      train(network, spec);
      assertThat(begun).first().isEqualTo(1);
      assertThat(begun).hasSize(4);
      assertThat(stores.values()).allMatch(store -> store.kept.isEmpty());
      assertThat(RecordedMessage.all(network, F1, BANK)).noneMatch(m -> m.type() == 95);
    }
  }

  @Test
  void aPartyThatSaysWhatCannotBeIsRefused() throws Exception {
    train(network());
    try (MemoryNetwork network = network()) {
      Channel atLabel = network.channel(BANK, F1);
      CompletableFuture<SealedPast> past =
          CompletableFuture.supplyAsync(
              () -> SealedPast.atFeature(job(F1), 5, network.channel(F1, BANK)));
      atLabel.receive(SealedMessages.Past.TYPE, SealedMessages.Past.LIMIT);
      atLabel.send(new SealedMessages.GoOn(PASSES + 1));
      assertThatThrownBy(past::join)
          .cause()
          .isInstanceOf(WireException.ProtocolViolation.class)
          .hasMessageContaining("not kept here");
    }
    try (MemoryNetwork network = network()) {
      network.channel(F1, BANK).send(new SealedMessages.Past(new byte[33]));
      assertThatThrownBy(() -> SealedPast.atLabel(job(BANK), 2, List.of(network.channel(BANK, F1))))
          .isInstanceOf(WireException.ProtocolViolation.class)
          .hasMessageContaining("33 bytes");
    }
  }

  private TrainingJob job(Party party) {
    return new TrainingJob(
        new Session("J-test", new byte[32], attempt + 1),
        BANK,
        List.of(F1, F2),
        data.rows(),
        SPEC,
        0,
        Workspace.inMemory(),
        stores.get(party),
        null,
        null);
  }
}
