package org.espalier.protocols.neural;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.espalier.protocols.cost.Script;
import org.espalier.protocols.glm.TrainingCost;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.shares.Workspace;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The counted messages and bytes are those of real trainings. */
class SourceCostTest {
  private static TrainingCost.Size size(int rows, int... columns) {
    return new TrainingCost.Size(rows, 0, columns, Workspace.inMemory());
  }

  /** Several groups of epochs, batches of unequal rows, chunks of many values. */
  @ParameterizedTest
  @CsvSource({"500, 3, 40, 0, 8, 100, 5", "2700, 0, 12, 15, 60, 1300, 11"})
  void countsWhatIsSent(
      int rows, int label, int first, int second, int hidden, int batch, int epochs) {
    int[] columns = second == 0 ? new int[] {label, first} : new int[] {label, first, second};
    Random random = new Random(3);
    List<Matrix> parts =
        Arrays.stream(columns)
            .mapToObj(
                d ->
                    new Matrix(
                        rows,
                        d,
                        random.doubles((long) rows * d).map(u -> random.nextGaussian()).toArray()))
            .toList();
    double[] labels = random.doubles(rows).map(u -> u < 0.5 ? 0 : 1).toArray();
    SourceSpec spec = new SourceSpec(hidden, batch, epochs, 0.1, 0.5, true);
    MemoryNetwork network = new MemoryNetwork();
    SourceRun.train(parts, spec, new SmallTop(labels, hidden, 0.1, 0.5, 1), network);
    Script script = SourceCost.of(spec, size(rows, columns)).script();
    for (int p = 1; p < columns.length; p++) {
      Channel channel = network.channel(SourceRun.LABEL, SourceRun.featureParty(p));
      assertThat(channel.traffic().bytesSent()).isEqualTo(script.bytes()[0][p]);
      assertThat(channel.traffic().bytesReceived()).isEqualTo(script.bytes()[p][0]);
      assertThat(channel.traffic().messagesSent()).isEqualTo(script.messages()[0][p]);
      assertThat(channel.traffic().messagesReceived()).isEqualTo(script.messages()[p][0]);
    }
    if (columns.length > 2) {
      Party one = SourceRun.featureParty(1);
      assertThat(network.channel(one, SourceRun.featureParty(2)).traffic().bytesSent())
          .isEqualTo(script.bytes()[1][2]);
    }
  }

  @Test
  void aQuarterOfTheColumnsIsTheLimitUnlessAllAccept() {
    SourceSpec spec = new SourceSpec(4, 100, 20, 0.1, 0, false);
    assertThat(SourceCost.of(spec, size(1000, 2, 40)).passes()).isEqualTo(8);
    assertThatThrownBy(() -> SourceCost.of(spec, size(1000, 2, 15)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("accept: [span]");
  }

  /** 100,000 rows stay within what a party may take. */
  @Test
  void memoryIsBoundedAndAccountedFor() {
    SourceSpec spec = new SourceSpec(32, 2048, 8, 0.1, 0.9, true);
    TrainingCost cost = SourceCost.of(spec, size(100_000, 30, 300));
    for (int party = 0; party < 2; party++) {
      assertThat(cost.footprint(party).resident(3L << 30)).isBetween(300L << 20, 1500L << 20);
    }
  }
}
