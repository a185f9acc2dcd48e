package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.disclosure.NoPassLeft;
import org.espalier.wire.Party;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.Faults;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Training that goes on from the passes that all parties have kept. */
@Timeout(60)
class GradientsResumeTest {
  private static final int PASSES = 6;
  private static final TrainingSpec SPEC =
      new TrainingSpec(Level.GRADIENTS, 0.01, PASSES, 1e-12, true);
  private static final Party BANK = TrainingRun.LABEL;
  private static final Party F1 = TrainingRun.featureParty(1);
  private static final Party F2 = TrainingRun.featureParty(2);

  /** As a disk that survives an attempt. */
  static final class Memory implements PassStore {
    final List<Kept> kept = new ArrayList<>();

    @Override
    public byte[] secret() {
      return new byte[32]; // the same in all runs of a test
    }

    @Override
    public List<Kept> kept() {
      return List.copyOf(kept);
    }

    @Override
    public void keep(int pass, Kept what) {
      kept.subList(pass - 1, kept.size()).clear();
      kept.add(what);
    }

    @Override
    public void forget() {
      kept.clear();
    }
  }

  private final TestData data = TestData.synthetic(400, 6, 2, 5, 4);
  private final Map<Party, Memory> stores = new HashMap<>();
  private final List<Integer> begun = new ArrayList<>();

  @BeforeEach
  void freshStores() {
    for (Party party : List.of(BANK, F1, F2)) {
      stores.put(party, new Memory());
    }
  }

  private TrainingRun train(MemoryNetwork network, int earlier, TrainingSpec spec) {
    Map<Party, TrainingRun.Before> before = new HashMap<>();
    stores.forEach((party, kept) -> before.put(party, new TrainingRun.Before(earlier, kept)));
    return TrainingRun.again(data, spec, network, before, begun::add);
  }

  private static MemoryNetwork network() {
    return new MemoryNetwork(true, Duration.ofSeconds(20));
  }

  @Test
  void whereverItIsCutTheNextAttemptGoesOnAndTheModelIsTheSame() {
    MemoryNetwork whole = network();
    TrainingRun expected = train(whole, 0, SPEC);
    int bytes = whole.recorded(F1, BANK).length;
    for (int cut = 1; cut < 4; cut++) {
      freshStores();
      begun.clear();
      int at = bytes * cut / 4;
      MemoryNetwork broken =
          new MemoryNetwork(false, Duration.ofSeconds(20)).with(F1, BANK, Faults.cutAfter(at));
      assertThatThrownBy(() -> train(broken, 0, SPEC)).isInstanceOf(WireException.class);
      int kept = stores.get(BANK).kept.size();
      assertThat(kept).isBetween(1, PASSES - 1);
      begun.clear();
      TrainingRun resumed = train(network(), 0, SPEC);
      assertThat(begun).as("passes of the second attempt").first().isEqualTo(kept + 1);
      assertThat(begun).last().isEqualTo(PASSES);
      assertThat(resumed.label().passes()).hasSize(PASSES);
      // What was opened is the same but for its noise; the model is that of one attempt.
      double[] one = expected.weights();
      double[] two = resumed.weights();
      for (int i = 0; i < one.length; i++) {
        assertThat(two[i]).isCloseTo(one[i], within(1e-3));
      }
    }
  }

  @Test
  void aTrainingThatHadEndedOpensNothingMore() {
    TrainingSpec loose = new TrainingSpec(Level.GRADIENTS, 0.01, 20, 1e-3, true);
    TrainingRun first = train(network(), 0, loose);
    assertThat(first.label().end()).isEqualTo(LabelOutcome.End.TOLERANCE);
    begun.clear();
    TrainingRun again = train(network(), 0, loose);
    assertThat(begun).isEmpty();
    assertThat(again.label().passes()).hasSameSizeAs(first.label().passes());
    assertThat(again.weights()).containsExactly(first.weights(), within(1e-3));
  }

  @Test
  void passesOfAllAttemptsCountAgainstTheLimit() {
    // 9 columns of the feature parties: two passes on the same people.
    TrainingSpec limited = new TrainingSpec(Level.GRADIENTS, 0.01, PASSES, 1e-12, false);
    TrainingRun first = train(network(), 0, limited);
    int limit = first.label().passes().size();
    assertThat(limit).isLessThan(PASSES);
    begun.clear();
    TrainingRun again = train(network(), limit, limited);
    assertThat(begun).isEmpty();
    assertThat(again.weights()).containsExactly(first.weights(), within(1e-3));
    freshStores();
    assertThatThrownBy(() -> train(network(), limit, limited)).isInstanceOf(NoPassLeft.class);
  }

  @Test
  void whatDoesNotFitIsAsGoodAsNothing() {
    train(network(), 0, SPEC);
    stores
        .get(F1)
        .kept
        .replaceAll(
            pass ->
                new PassStore.Kept(
                    new double[3], pass.products(), pass.penalties(), pass.figures()));
    begun.clear();
    train(network(), 0, SPEC);
    assertThat(begun).first().isEqualTo(1);
    freshStores();
    train(network(), 0, SPEC);
    stores.get(F2).kept.remove(PASSES - 1); // it was cut off a pass before the others
    begun.clear();
    train(network(), 0, SPEC);
    assertThat(begun).containsExactly(PASSES);
  }
}
