package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Random;
import org.espalier.protocols.disclosure.Level;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.Faults;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Training over links that break, stall, crawl or corrupt: an error that names the peer, no hang.
 */
@Timeout(60)
class GradientsFaultTest {
  private static final TrainingSpec SPEC = new TrainingSpec(Level.GRADIENTS, 0.01, 2, 1e-12, true);
  private static final Party BANK = TrainingRun.LABEL;
  private static final Party F1 = TrainingRun.featureParty(1);
  private static final Party F2 = TrainingRun.featureParty(2);
  private static final Party[][] DIRECTIONS = {{BANK, F1}, {F1, BANK}, {F2, BANK}, {F1, F2}};

  private static TestData data;
  private static int[] bytes;

  @BeforeAll
  static void measureAnHonestRun() {
    data = TestData.synthetic(400, 6, 2, 5, 4);
    MemoryNetwork network = new MemoryNetwork(true, Duration.ofSeconds(20));
    TrainingRun.of(data, SPEC, network);
    bytes = new int[DIRECTIONS.length];
    for (int d = 0; d < bytes.length; d++) {
      bytes[d] = network.recorded(DIRECTIONS[d][0], DIRECTIONS[d][1]).length;
    }
  }

  private static MemoryNetwork faulty(int direction, Faults faults, Duration patience) {
    return new MemoryNetwork(false, patience)
        .with(DIRECTIONS[direction][0], DIRECTIONS[direction][1], faults);
  }

  @Test
  void aLinkCutAnywhereEndsTheTrainingWithThePeersName() {
    Random random = new Random(1);
    for (int round = 0; round < 24; round++) {
      int direction = round % DIRECTIONS.length;
      int at = random.nextInt(bytes[direction]);
      MemoryNetwork network = faulty(direction, Faults.cutAfter(at), Duration.ofSeconds(20));
      assertThatThrownBy(() -> TrainingRun.of(data, SPEC, network))
          .as("cut %s -> %s after %d", DIRECTIONS[direction][0], DIRECTIONS[direction][1], at)
          .isInstanceOf(WireException.class);
    }
  }

  @Test
  void aSilentPeerIsATimeoutNotAHang() {
    for (int direction = 0; direction < DIRECTIONS.length; direction++) {
      MemoryNetwork network =
          faulty(direction, Faults.stallAfter(bytes[direction] / 2), Duration.ofSeconds(1));
      assertThatThrownBy(() -> TrainingRun.of(data, SPEC, network))
          .isInstanceOf(WireException.class);
    }
  }

  @Test
  void aSlowLinkChangesNothing() {
    MemoryNetwork network = faulty(1, Faults.delay(Duration.ofMillis(20)), Duration.ofSeconds(20));
    assertThat(TrainingRun.of(data, SPEC, network).label().passes()).hasSize(2);
  }

  /**
   * TLS keeps changed bytes out; without it every flipped bit is an error at a party, or shows in
   * the transcripts that the receipts compare.
   */
  @Test
  void aFlippedBitIsAnErrorOrShowsInTheTranscripts() {
    Random random = new Random(2);
    for (int round = 0; round < 24; round++) {
      int direction = round % DIRECTIONS.length;
      int at = random.nextInt(bytes[direction]);
      MemoryNetwork network = faulty(direction, Faults.corruptAt(at), Duration.ofSeconds(2));
      try {
        TrainingRun.of(data, SPEC, network);
      } catch (RuntimeException noticed) {
        continue;
      }
      Party from = DIRECTIONS[direction][0];
      Party to = DIRECTIONS[direction][1];
      Channel sender = network.channel(from, to);
      assertThat(network.channel(to, from).transcript())
          .as("bit %d of %s -> %s", at, from, to)
          .isNotEqualTo(sender.transcript());
    }
  }
}
