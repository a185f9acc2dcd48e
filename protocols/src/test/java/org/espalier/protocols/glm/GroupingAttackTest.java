package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.fixedpoint.Ring;
import org.espalier.protocols.prepare.CategoryColumn;
import org.espalier.protocols.prepare.Column;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.NumberColumn;
import org.espalier.protocols.prepare.Preparation;
import org.espalier.protocols.prepare.PreparationSpec;
import org.espalier.protocols.prepare.Table;
import org.espalier.wire.Decoder;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;

/**
 * What level gradients gives away to an honest label party, as its disclosure statement says:
 * people with equal categories have nearly equal opened numbers, so that they fall into groups.
 * This is a limit of the level, not a defect; the test keeps the statement honest, in both
 * directions.
 */
class GroupingAttackTest {
  private static final int ROWS = 4000;

  /** The label party's view: what it opens in each pass, from the recorded bytes. */
  private static List<double[]> opened(MemoryNetwork network) {
    List<double[]> passes = new ArrayList<>();
    ByteBuffer in =
        ByteBuffer.wrap(network.recorded(TrainingRun.featureParty(1), TrainingRun.LABEL));
    while (in.hasRemaining()) {
      int type = in.getShort();
      byte[] payload = new byte[in.getInt()];
      in.get(payload);
      if (type == 61) {
        Decoder fields = new Decoder(payload);
        fields.getInt("from");
        long[] residues = fields.getPacked("logits", Ring.LOGITS.bits(), ROWS);
        passes.add(
            IntStream.range(0, ROWS).mapToDouble(i -> Ring.LOGITS.decode(residues[i])).toArray());
      }
    }
    return passes;
  }

  /** Share of people whose group can be told from all others by gaps in the opened numbers. */
  private static double separated(int[] profile, double[] values) {
    Map<Integer, double[]> ranges = new HashMap<>();
    for (int i = 0; i < ROWS; i++) {
      double[] range =
          ranges.computeIfAbsent(
              profile[i], p -> new double[] {Double.MAX_VALUE, -Double.MAX_VALUE});
      range[0] = Math.min(range[0], values[i]);
      range[1] = Math.max(range[1], values[i]);
    }
    int alone = 0;
    for (int i = 0; i < ROWS; i++) {
      double[] mine = ranges.get(profile[i]);
      boolean overlaps = false;
      for (double[] other : ranges.values()) {
        overlaps |= other != mine && other[0] <= mine[1] && mine[0] <= other[1];
      }
      alone += overlaps ? 0 : 1;
    }
    return 1.0 * alone / ROWS;
  }

  private static double attack(boolean continuous) {
    Random random = new Random(12);
    int[] first = random.ints(ROWS, 0, 5).toArray();
    int[] second = random.ints(ROWS, 0, 4).toArray();
    int[] profile = IntStream.range(0, ROWS).map(i -> 4 * first[i] + second[i]).toArray();
    double[] effect = random.doubles(20, -1, 1).toArray();
    double[] y =
        IntStream.range(0, ROWS)
            .mapToDouble(i -> random.nextDouble() < 1 / (1 + Math.exp(-effect[profile[i]])) ? 1 : 0)
            .toArray();
    List<Column> columns = new ArrayList<>();
    columns.add(new CategoryColumn("first", first, List.of("a", "b", "c", "d", "e")));
    columns.add(new CategoryColumn("second", second, List.of("p", "q", "r", "s")));
    if (continuous) {
      for (int c = 0; c < 4; c++) {
        double[] number =
            IntStream.range(0, ROWS).mapToDouble(i -> random.nextGaussian() + y[i] / 2).toArray();
        columns.add(new NumberColumn("number" + c, number));
      }
    }
    Table table = new Table(columns);
    int[] all = IntStream.range(0, ROWS).toArray();
    Matrix x = Preparation.fit(table, all, PreparationSpec.DEFAULT).apply(table, all);
    TestData data = new TestData(List.of(new Matrix(ROWS, 0, new double[0]), x), y);
    MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
    TrainingRun.of(data, new TrainingSpec(Level.GRADIENTS, 0.01, 1, 1e-12, false), network);
    List<double[]> passes = opened(network);
    assertThat(passes).hasSize(1);
    return separated(profile, passes.get(0));
  }

  @Test
  void equalCategoriesAreGroupedByOnePass() {
    assertThat(attack(false)).isGreaterThan(0.8);
    assertThat(
            Disclosure.statements(
                    Level.GRADIENTS,
                    new Disclosure.Facts(
                        TrainingRun.LABEL,
                        Map.of(TrainingRun.featureParty(1), 7),
                        1,
                        ROWS,
                        false,
                        0,
                        false))
                .toString())
        .contains("can be grouped from the first pass on");
  }

  @Test
  void continuousColumnsBlurTheGroups() {
    assertThat(attack(true)).isLessThan(0.05);
  }
}
