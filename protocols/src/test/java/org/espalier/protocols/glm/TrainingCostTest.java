package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.assertj.core.data.Percentage;
import org.espalier.protocols.cost.Forecast;
import org.espalier.protocols.cost.Script;
import org.espalier.protocols.cost.Work;
import org.espalier.protocols.disclosure.Level;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The counted messages and bytes are those of real trainings. */
class TrainingCostTest {
  @ParameterizedTest
  @CsvSource({
    "600, 1e-4, 3, 4, 0",
    "4000, 1e-4, 2, 3, 0",
    "700, 1e-4, 2, 3, 4",
    "9000, 1e-4, 3, 20, 0",
  })
  void countsLevelSealed(int rows, double tolerance, int label, int first, int second) {
    TrainingSpec spec = new TrainingSpec(Level.SEALED, 1e-2, 200, tolerance, false);
    check(spec, rows, columns(label, first, second));
  }

  /** A sample and the rest of the cohort, few passes. */
  @Test
  void countsPassesOverASample() {
    check(new TrainingSpec(Level.SEALED, 1e-2, 12, 1e-2, false), 50_400, columns(2, 2, 0));
  }

  @ParameterizedTest
  @CsvSource({"3000, 3, 16, 0", "2500, 0, 12, 15"})
  void countsLevelGradients(int rows, int label, int first, int second) {
    check(
        new TrainingSpec(Level.GRADIENTS, 1e-2, 4, 1e-12, true),
        rows,
        columns(label, first, second));
  }

  /** Its series have even harmonics, too, and it tells the outcome's unit. */
  @Test
  void countsMoreForALinearModel() {
    int[] columns = {2, 3};
    TrainingSpec logistic = new TrainingSpec(Level.SEALED, 1e-2, 10, 1e-4, false);
    TrainingSpec linear =
        new TrainingSpec(Family.LINEAR, Level.SEALED, 1e-2, 10, 1e-4, false, false);
    Script less = TrainingCost.of(logistic, 9000, columns).script();
    Script more = TrainingCost.of(linear, 9000, columns).script();
    assertThat(more.bytes()[0][1]).isGreaterThan(less.bytes()[0][1]);
    assertThat(more.messages()[0][1]).isGreaterThan(less.messages()[0][1]);
  }

  @Test
  void refusesWhatIsNoTraining() {
    TrainingSpec spec = new TrainingSpec(Level.SEALED, 1e-2, 10, 1e-4, false);
    assertThatThrownBy(() -> TrainingCost.of(spec, 600, new int[] {3, 0}))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> TrainingCost.of(spec, 600, new int[] {3}))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static int[] columns(int label, int first, int second) {
    return second == 0 ? new int[] {label, first} : new int[] {label, first, second};
  }

  private static void check(TrainingSpec spec, int rows, int[] columns) {
    TestData data = TestData.synthetic(rows, 7, columns);
    List<Party> parties = new ArrayList<>();
    parties.add(TrainingRun.LABEL);
    for (int p = 1; p < columns.length; p++) {
      parties.add(TrainingRun.featureParty(p));
    }
    try (MemoryNetwork network = new MemoryNetwork()) {
      TrainingRun run = TrainingRun.of(data, spec, network);
      TrainingCost cost = TrainingCost.of(spec, rows, columns, run.label().passes().size());
      assertThat(run.label().passes().size()).isEqualTo(cost.passes());
      long[][] bytes = cost.script().bytes();
      long[][] messages = cost.script().messages();
      for (int from = 0; from < columns.length; from++) {
        for (int to = 0; to < columns.length; to++) {
          if (from == to) {
            continue;
          }
          Channel.Traffic traffic = network.channel(parties.get(from), parties.get(to)).traffic();
          String pair = "%s to %s".formatted(parties.get(from), parties.get(to));
          assertThat(messages[from][to]).as("messages " + pair).isEqualTo(traffic.messagesSent());
          assertThat((double) bytes[from][to])
              .as("bytes " + pair)
              .isCloseTo((double) traffic.bytesSent(), Percentage.withPercentage(2));
        }
      }
      assertThat(Forecast.roundTrips(cost.script())).isGreaterThan(cost.passes());
      assertThat(cost.script().work(0)).containsKey(Work.OPERAND_OPENING);
      assertThat(cost.script().work(0).get(Work.INTEGER_PRODUCT) == null)
          .isEqualTo(spec.level() == Level.GRADIENTS);
    }
  }
}
