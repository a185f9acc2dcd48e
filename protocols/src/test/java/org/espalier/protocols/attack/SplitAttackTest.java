package org.espalier.protocols.attack;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.espalier.protocols.RecordedMessage;
import org.espalier.protocols.evaluate.Evaluation;
import org.espalier.protocols.glm.CentralisedLogistic;
import org.espalier.protocols.glm.Outcomes;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.neural.SourceSpec;
import org.espalier.protocols.neural.SplitRun;
import org.espalier.protocols.neural.SplitSpec;
import org.espalier.protocols.neural.top.Activation;
import org.espalier.protocols.neural.top.Bottom;
import org.espalier.protocols.neural.top.Descent;
import org.espalier.protocols.neural.top.FitSpec;
import org.espalier.protocols.neural.top.NetworkSpec;
import org.espalier.protocols.neural.top.Task;
import org.espalier.protocols.neural.top.TopFit;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Decoder;
import org.espalier.wire.Party;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What level {@code split} gives away, from what really crossed the wire, without noise and with
 * it: outcomes at a feature party that keeps the slopes of each person, columns at a label party
 * that keeps the numbers of each person and knows a quarter of the people.
 */
class SplitAttackTest {
  private static final int ROWS = 1500;
  private static final int UNSEEN = 2000;
  private static final int LABEL_COLUMNS = 4;
  private static final int COLUMNS = 10;
  private static final int WIDTH = 8;
  private static final int EPOCHS = 10;
  private static final int KNOWN = ROWS / 4;

  /** One in four has outcome 1; six columns are numbers, four are yes or no. */
  private record People(List<Matrix> parts, double[] y) {
    static People of(int rows, long seed) {
      Random random = new Random(seed);
      double[] own = new double[rows * LABEL_COLUMNS];
      double[] theirs = new double[rows * COLUMNS];
      double[] y = new double[rows];
      for (int i = 0; i < rows; i++) {
        double score = -1.9;
        for (int j = 0; j < LABEL_COLUMNS; j++) {
          own[i * LABEL_COLUMNS + j] = random.nextGaussian();
          score += 0.6 * own[i * LABEL_COLUMNS + j];
        }
        for (int j = 0; j < COLUMNS; j++) {
          double value = j < 6 ? random.nextGaussian() : random.nextDouble() < 0.3 ? 1.53 : -0.65;
          theirs[i * COLUMNS + j] = value;
          score += (j % 2 == 0 ? 0.7 : -0.5) * value;
        }
        score += theirs[i * COLUMNS] * own[i * LABEL_COLUMNS];
        y[i] = random.nextDouble() < 1 / (1 + Math.exp(-1.5 * score)) ? 1 : 0;
      }
      return new People(
          List.of(new Matrix(rows, LABEL_COLUMNS, own), new Matrix(rows, COLUMNS, theirs)), y);
    }
  }

  private static final People PEOPLE = People.of(ROWS, 5);
  private static final People OTHERS = People.of(UNSEEN, 6);

  /**
   * A training as the two parties see it.
   *
   * @param numbers of each epoch and person, at the label party
   * @param slopes of each epoch and person, at the feature party
   * @param auc of people that were not trained on
   */
  private record View(List<double[][]> numbers, List<double[][]> slopes, double auc) {
    static View of(double gradientNoise, double activationNoise) {
      SplitSpec split =
          new SplitSpec(
              List.of(16),
              Activation.RELU,
              Descent.Kind.ADAM,
              1e-4,
              gradientNoise,
              activationNoise);
      SourceSpec spec = new SourceSpec(WIDTH, 50, EPOCHS, 0.01, 0, true, split);
      FitSpec fit = new FitSpec(new Descent(Descent.Kind.ADAM, 0.01, 0, 1e-4), 100, EPOCHS, 0, 0.1);
      NetworkSpec shape = new NetworkSpec(Task.BINARY, List.of(WIDTH), Activation.RELU, 0);
      TopFit top =
          new TopFit(shape, fit, Outcomes.of(PEOPLE.y), new Prg(new byte[32]), report -> {});
      MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
      List<Bottom> ends = SplitRun.train(PEOPLE.parts, spec, top, network);
      double[] z = ends.get(0).apply(OTHERS.parts.get(0));
      double[] theirs = ends.get(1).apply(OTHERS.parts.get(1));
      Arrays.setAll(z, i -> z[i] + theirs[i]);
      return new View(
          kept(network, spec, SplitRun.FEATURE, SplitRun.LABEL),
          kept(network, spec, SplitRun.LABEL, SplitRun.FEATURE),
          Evaluation.of(top.model().predict(z, UNSEEN), OTHERS.y).auc());
    }

    /** What one party got of the other, by epochs and people. */
    private static List<double[][]> kept(
        MemoryNetwork network, SourceSpec spec, Party from, Party to) {
      List<int[]> batches = SplitRun.batches(ROWS, 1, spec);
      List<double[][]> all = new ArrayList<>();
      int step = 0;
      for (RecordedMessage frame : RecordedMessage.all(network, from, to)) {
        if (frame.type() != 108) {
          continue;
        }
        int[] rows = batches.get(step % batches.size());
        if (step++ % batches.size() == 0) {
          all.add(new double[ROWS][]);
        }
        Decoder in = new Decoder(frame.payload());
        assertThat(in.getInt("from")).isZero();
        long[] values = in.getPacked("values", 48, 1 << 15);
        for (int i = 0; i < rows.length; i++) {
          double[] one = new double[WIDTH];
          for (int m = 0; m < WIDTH; m++) {
            one[m] = Math.scalb((double) (values[i * WIDTH + m] << 16 >> 16), -30);
          }
          all.get(all.size() - 1)[rows[i]] = one;
        }
      }
      assertThat(all).hasSize(EPOCHS);
      return all;
    }

    /** AUC of the length of slopes: who is rarer is predicted worse. */
    double byLength(int epochs) {
      double[] scores = new double[ROWS];
      for (double[][] epoch : slopes.subList(0, epochs)) {
        double mean =
            Arrays.stream(epoch).mapToDouble(SplitAttackTest::length).average().orElseThrow();
        Arrays.setAll(scores, i -> scores[i] + length(epoch[i]) / mean);
      }
      return either(scores);
    }

    /**
     * AUC of the slopes along the difference of the two outcomes' means, which are learned from the
     * known people, in each epoch by itself or over all of them; the better of both.
     */
    double byDirection(int epochs) {
      double[] each = new double[ROWS];
      double[] all = new double[ROWS];
      double[] mean = new double[WIDTH];
      double ones = Arrays.stream(PEOPLE.y).limit(KNOWN).sum();
      for (double[][] epoch : slopes.subList(0, epochs)) {
        double[] own = new double[WIDTH];
        for (int i = 0; i < KNOWN; i++) {
          for (int m = 0; m < WIDTH; m++) {
            own[m] += PEOPLE.y[i] == 1 ? epoch[i][m] / ones : -epoch[i][m] / (KNOWN - ones);
          }
        }
        Arrays.setAll(mean, m -> mean[m] + own[m]);
        Arrays.setAll(each, i -> each[i] + Algebra.dot(epoch[i], own) / length(own));
      }
      for (double[][] epoch : slopes.subList(0, epochs)) {
        Arrays.setAll(all, i -> all[i] + Algebra.dot(epoch[i], mean));
      }
      return Math.max(unknown(each), unknown(all));
    }

    /** Mean R² of the partner's columns by ridge regression on the numbers of some epochs. */
    double inverted(int epochs) {
      int d = epochs * WIDTH + 1;
      double[] x = new double[ROWS * d];
      for (int i = 0; i < ROWS; i++) {
        x[i * d] = 1;
        for (int e = 0; e < epochs; e++) {
          System.arraycopy(numbers.get(e)[i], 0, x, i * d + 1 + e * WIDTH, WIDTH);
        }
      }
      double best = -1;
      for (double ridge : new double[] {1, 30, 1000, 30_000}) {
        best = Math.max(best, inverted(x, d, ridge));
      }
      return best;
    }

    /** A ridge is rows more. */
    private static double inverted(double[] x, int d, double ridge) {
      double[] some = Arrays.copyOf(x, (KNOWN + d) * d);
      for (int a = 0; a < d; a++) {
        Arrays.fill(some, (KNOWN + a) * d, (KNOWN + a + 1) * d, 0);
        some[(KNOWN + a) * d + a] = Math.sqrt(ridge);
      }
      Matrix known = new Matrix(KNOWN + d, d, some);
      double sum = 0;
      for (int j = 0; j < COLUMNS; j++) {
        double[] column = Algebra.column(PEOPLE.parts.get(1), j);
        double[] told = Arrays.copyOf(column, KNOWN + d);
        Arrays.fill(told, KNOWN, KNOWN + d, 0);
        double[] guesses = new Matrix(ROWS, d, x).times(Algebra.leastSquares(known, told));
        double error = 0;
        double all = 0;
        for (int i = KNOWN; i < ROWS; i++) {
          error += (column[i] - guesses[i]) * (column[i] - guesses[i]);
          all += column[i] * column[i];
        }
        sum += 1 - error / all;
      }
      return sum / COLUMNS;
    }
  }

  private static double length(double[] vector) {
    return Math.sqrt(Arrays.stream(vector).map(v -> v * v).sum());
  }

  /** Of those whose outcome is not known; higher scores are outcome 1. */
  private static double unknown(double[] scores) {
    return PublishedAttacksTest.auc(
        Arrays.copyOfRange(PEOPLE.y, KNOWN, ROWS), Arrays.copyOfRange(scores, KNOWN, ROWS));
  }

  private static double either(double[] scores) {
    double auc = unknown(scores);
    return Math.max(auc, 1 - auc);
  }

  /** What the partner's columns tell by themselves, their weights learned from the known people. */
  private static double[] byColumns() {
    Matrix x = PEOPLE.parts.get(1);
    Matrix some = new Matrix(KNOWN, COLUMNS, Arrays.copyOf(x.values(), KNOWN * COLUMNS));
    double[] y = Arrays.copyOf(PEOPLE.y, KNOWN);
    return x.times(CentralisedLogistic.fit(some, y, 0.01).weights());
  }

  /** Outcomes follow from the first epoch's slopes, columns from the numbers of all epochs. */
  @Test
  void withoutNoiseOutcomesAndColumnsAreRead() {
    View view = View.of(0, 0);
    double alone = unknown(byColumns());
    assertThat(view.auc).isGreaterThan(0.9);
    assertThat(view.byLength(1)).isGreaterThan(0.8);
    assertThat(view.byDirection(1)).isGreaterThan(0.99);
    assertThat(alone).isBetween(0.8, 0.9);
    assertThat(view.inverted(1)).isGreaterThan(0.3);
    assertThat(view.inverted(EPOCHS)).isGreaterThan(0.8);
  }

  /**
   * Noise on slopes takes one epoch's outcomes away and makes those of all epochs uncertain; with
   * the defaults they are not hidden over a whole training.
   */
  @ParameterizedTest
  @CsvSource({"2, 1, 0.83, 0.75, 0.95", "4, 0, 0.8, 0.68, 0.85"})
  void noiseOnSlopesHidesOutcomesForAWhile(
      double slopes, double numbers, double auc, double first, double all) {
    View view = View.of(slopes, numbers);
    assertThat(view.auc).isGreaterThan(auc);
    assertThat(view.byLength(EPOCHS)).isLessThan(0.68);
    assertThat(view.byDirection(1)).isLessThan(first);
    assertThat(view.byDirection(EPOCHS)).isBetween(0.55, all);
  }

  /** Noise on numbers hides columns, and no outcome. */
  @ParameterizedTest
  @CsvSource({"0, 1, 0.86, 0.17, 0.4", "0, 4, 0.83, 0.05, 0.12"})
  void noiseOnNumbersHidesColumns(
      double slopes, double numbers, double auc, double first, double all) {
    View view = View.of(slopes, numbers);
    assertThat(view.auc).isGreaterThan(auc);
    assertThat(view.inverted(1)).isLessThan(first);
    assertThat(view.inverted(EPOCHS)).isLessThan(all);
    assertThat(view.byDirection(1)).isGreaterThan(0.99);
  }
}
