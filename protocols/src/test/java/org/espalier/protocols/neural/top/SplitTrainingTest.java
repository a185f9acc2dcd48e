package org.espalier.protocols.neural.top;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.espalier.protocols.glm.Outcomes;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.neural.SourceSpec;
import org.espalier.protocols.neural.SplitRun;
import org.espalier.protocols.neural.SplitSpec;
import org.espalier.protocols.neural.top.TopLayers.Decision;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Without noise a training at level split is that of the same network in one place. */
class SplitTrainingTest {
  private static final int ROWS = 200;
  private static final int EPOCHS = 9;

  private final Random random = new Random(8);

  private List<Matrix> parts(List<Integer> columns) {
    return columns.stream()
        .map(
            d ->
                new Matrix(
                    ROWS,
                    d,
                    random.doubles((long) ROWS * d).map(u -> random.nextGaussian()).toArray()))
        .toList();
  }

  private Outcomes outcomes(Task task, List<Matrix> parts) {
    double[] y = new double[ROWS];
    Matrix x = parts.get(1);
    for (int i = 0; i < ROWS; i++) {
      double score = x.get(i, 0) * x.get(i, 1) + random.nextGaussian() / 3;
      y[i] =
          switch (task) {
            case BINARY -> score > 0 ? 1 : 0;
            case MULTICLASS -> score > 0.5 ? 2 : score > -0.5 ? 1 : 0;
            case REGRESSION -> 40 + 7 * score;
          };
    }
    return Outcomes.of(y);
  }

  /** The whole network, weights between parties left out, over all columns at once. */
  private static final class OnePlace {
    private final List<Matrix> parts;
    private final int units;
    private final LocalLayer first;
    private final StackTraining cut;
    private final boolean[] present;
    private final Dense lowest;
    private final Dense last;

    /**
     * @param begin the parties' layers, whose weights it begins with
     */
    OnePlace(List<Matrix> parts, List<Bottom> begin, SourceSpec spec, Descent how, int batch) {
      this.parts = parts;
      Matrix x = Matrix.beside(parts);
      int width = spec.hidden();
      this.units = spec.split().hidden().isEmpty() ? 0 : spec.split().hidden().get(0);
      double[] cutWeights = new double[0];
      for (Bottom bottom : begin) {
        double[] more = bottom.last().weights();
        int from = cutWeights.length;
        cutWeights = Arrays.copyOf(cutWeights, from + more.length);
        System.arraycopy(more, 0, cutWeights, from, more.length);
      }
      this.last = new Dense(cutWeights.length / width, width, cutWeights, new double[width]);
      if (units == 0) {
        this.lowest = last;
        this.first = new LocalLayer(x, last, batch, how);
        this.cut = null;
        this.present = null;
        return;
      }
      int all = last.inputs();
      double[] blocks = new double[x.columns() * all];
      this.present = new boolean[blocks.length];
      int row = 0;
      int column = 0;
      for (int p = 0; p < parts.size(); p++) {
        int d = parts.get(p).columns();
        double[] own = d == 0 ? new double[0] : begin.get(p).layers().get(0).weights();
        for (int i = 0; i < own.length; i++) {
          int at = (row + i / units) * all + column + i % units;
          blocks[at] = own[i];
          present[at] = true;
        }
        row += d;
        column += d == 0 ? 0 : units;
      }
      this.lowest = new Dense(x.columns(), all, blocks, new double[all]);
      this.first = new LocalLayer(x, lowest, batch, how);
      this.cut =
          new StackTraining(spec.split().activation(), List.of(last), 0, batch, how, null, true);
    }

    void run(TopFit top, List<int[]> batches, int batch, int width) {
      double[] z = new double[batch * (cut == null ? width : last.inputs())];
      Decision decision = Decision.GO_ON;
      for (int epoch = 1; epoch <= EPOCHS && decision != Decision.STOP_AT_KEPT; epoch++) {
        for (int[] rows : batches) {
          first.forward(rows, rows.length, z);
          double[] out = cut == null ? z : cut.forwardToTrain(z, rows.length);
          double[] slope = new double[batch * width];
          top.step(epoch, rows, out, slope);
          if (cut == null) {
            first.backward(slope, rows.length);
            continue;
          }
          double[] mean = Arrays.stream(slope).map(s -> s / rows.length).toArray();
          double[] below = cut.backward(mean, rows.length).clone();
          Arrays.setAll(below, i -> below[i] * rows.length);
          cut.step();
          first.backward(below, rows.length);
          for (int i = 0; i < present.length; i++) {
            lowest.weights()[i] = present[i] ? lowest.weights()[i] : 0;
          }
        }
        decision = top.epochEnds(epoch);
      }
    }

    /** What a party's layers would have been. */
    void compare(List<Bottom> ends, double tolerance) {
      List<Double> cutWeights = new ArrayList<>();
      int row = 0;
      int column = 0;
      for (int p = 0; p < ends.size(); p++) {
        Bottom end = ends.get(p);
        Arrays.stream(end.last().weights()).forEach(cutWeights::add);
        int d = parts.get(p).columns();
        assertThat(end.layers()).hasSize(units == 0 || d == 0 ? 1 : 2);
        if (units > 0 && d > 0) {
          Dense own = end.layers().get(0);
          for (int i = 0; i < own.weights().length; i++) {
            int at = (row + i / units) * last.inputs() + column + i % units;
            assertThat(own.weights()[i]).isCloseTo(lowest.weights()[at], within(tolerance));
          }
          for (int k = 0; k < units; k++) {
            assertThat(own.bias()[k]).isCloseTo(lowest.bias()[column + k], within(tolerance));
          }
          column += units;
        }
        row += d;
      }
      for (int i = 0; i < last.weights().length; i++) {
        assertThat(cutWeights.get(i)).isCloseTo(last.weights()[i], within(tolerance));
      }
      assertThat(ends.get(0).last().bias()).containsExactly(last.bias(), within(tolerance));
      assertThat(ends.get(1).last().bias()).containsOnly(0);
    }
  }

  private static byte[] seed(int number) {
    byte[] seed = new byte[32];
    seed[0] = (byte) number;
    return seed;
  }

  @ParameterizedTest
  @CsvSource({
    "BINARY, RELU, ADAM, 0, 0, 3, 4 0",
    "BINARY, TANH, ADAM, 6, 0.2, 3, 4 0",
    "MULTICLASS, RELU, SGD, 5, 0, 2, 3 4",
    "REGRESSION, TANH, ADAM, 4, 0, 0, 3 4",
    "REGRESSION, RELU, SGD, 0, 0.3, 2, 5 3"
  })
  void itIsTheNetworkInOnePlace(
      Task task,
      Activation activation,
      Descent.Kind kind,
      int units,
      double dropout,
      int label,
      String others) {
    List<Integer> columns = new ArrayList<>(List.of(label));
    Arrays.stream(others.split(" ")).map(Integer::valueOf).filter(d -> d > 0).forEach(columns::add);
    List<Matrix> parts = parts(columns);
    Outcomes outcomes = outcomes(task, parts);
    double l2 = 0.01;
    SplitSpec split =
        new SplitSpec(units == 0 ? List.of() : List.of(units), activation, kind, l2, 0, 0);
    SourceSpec spec = new SourceSpec(7, 50, EPOCHS, 0.02, 0.5, true, split);
    Descent how = new Descent(kind, 0.02, kind == Descent.Kind.SGD ? 0.5 : 0, l2);
    NetworkSpec network = new NetworkSpec(task, List.of(7, 3), activation, dropout);
    FitSpec fit = new FitSpec(how, 80, EPOCHS, 0, 0.1);

    TopFit top = new TopFit(network, fit, outcomes, new Prg(seed(9)), report -> {});
    List<Bottom> ends = SplitRun.train(parts, spec, top, new MemoryNetwork());

    int inputs = columns.stream().mapToInt(d -> Bottom.cutInputs(d, split.hidden())).sum();
    List<Bottom> begin = new ArrayList<>();
    for (int p = 0; p < columns.size(); p++) {
      begin.add(
          Bottom.random(columns.get(p), split.hidden(), 7, inputs, activation, SplitRun.coins(p)));
    }
    OnePlace place = new OnePlace(parts, begin, spec, how, 80);
    TopFit plain = new TopFit(network, fit, outcomes, new Prg(seed(9)), report -> {});
    place.run(plain, SplitRun.batches(ROWS, columns.size() - 1, spec), 80, 7);
    place.compare(ends, 1e-6);
    for (int l = 0; l < 2; l++) {
      assertThat(top.model().layers().get(l).weights())
          .containsExactly(plain.model().layers().get(l).weights(), within(1e-6));
    }
    assertThat(top.epochs().get(EPOCHS - 1).loss()).isLessThan(top.epochs().get(0).loss());
  }

  /** All parties go back to their weights after the epoch that was best. */
  @ParameterizedTest
  @CsvSource({"2", "3"})
  void everyPartyGoesBackToTheBestEpoch(int parties) {
    List<Matrix> parts = parts(List.of(2, 4, 3).subList(0, parties));
    Outcomes outcomes = outcomes(Task.BINARY, parts);
    Descent how = new Descent(Descent.Kind.ADAM, 0.05, 0, 0);
    SplitSpec split = new SplitSpec(List.of(8), Activation.RELU, Descent.Kind.ADAM, 0, 0, 0);
    NetworkSpec network = new NetworkSpec(Task.BINARY, List.of(8), Activation.RELU, 0);
    SourceSpec spec = new SourceSpec(8, 16, 60, 0.05, 0, true, split);
    FitSpec fit = new FitSpec(how, 80, 60, 2, 0.3);
    TopFit top = new TopFit(network, fit, outcomes, new Prg(seed(4)), report -> {});
    List<Bottom> ends = SplitRun.train(parts, spec, top, new MemoryNetwork());
    assertThat(top.end()).isEqualTo(TopFit.End.PATIENCE);
    assertThat(top.epoch()).isLessThan(top.epochs().size());

    SourceSpec shorter = new SourceSpec(8, 16, top.epoch(), 0.05, 0, true, split);
    FitSpec until = new FitSpec(how, 80, top.epoch(), 60, 0.3);
    TopFit again = new TopFit(network, until, outcomes, new Prg(seed(4)), report -> {});
    List<Bottom> direct = SplitRun.train(parts, shorter, again, new MemoryNetwork());
    for (int p = 0; p < parties; p++) {
      for (int l = 0; l < 2; l++) {
        assertThat(ends.get(p).layers().get(l).weights())
            .containsExactly(direct.get(p).layers().get(l).weights());
      }
    }
  }
}
