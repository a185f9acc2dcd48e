package org.espalier.protocols.neural.top;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.espalier.protocols.evaluate.Evaluation;
import org.espalier.protocols.glm.Outcomes;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.neural.top.TopLayers.Decision;
import org.espalier.protocols.prepare.Matrix;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TopFitTest {
  private static final Descent ADAM = new Descent(Descent.Kind.ADAM, 0.01, 0, 0);
  private final Random random = new Random(5);

  private static byte[] seed(int number) {
    byte[] seed = new byte[32];
    seed[0] = (byte) number;
    return seed;
  }

  private double[] outcomes(Task task, int rows) {
    return random
        .doubles(rows)
        .map(u -> task == Task.REGRESSION ? 30 * u : Math.floor(u * (task == Task.BINARY ? 2 : 3)))
        .toArray();
  }

  /** Every weight moved a little either way; the same coins drop the same units. */
  @ParameterizedTest
  @CsvSource({
    "BINARY, TANH, 0",
    "BINARY, RELU, 0.3",
    "MULTICLASS, TANH, 0.2",
    "MULTICLASS, RELU, 0",
    "REGRESSION, TANH, 0",
    "REGRESSION, RELU, 0.5"
  })
  void gradientsAreThoseOfTheLoss(Task task, Activation activation, double dropout) {
    int batch = 16;
    int count = 13;
    NetworkSpec spec = new NetworkSpec(task, List.of(5, 4, 3), activation, dropout);
    double[] y = outcomes(task, count);
    Target target = Target.of(task, y);
    TopModel model = TopModel.random(spec, target, new Prg(seed(1)));
    model.layers().forEach(layer -> Arrays.setAll(layer.bias(), j -> random.nextGaussian() / 3));
    double[] targets = Arrays.stream(y).map(target::encode).toArray();
    double[] weights = random.doubles(count, 0.5, 2).toArray();
    double[] z = random.doubles(batch * 5L).map(u -> random.nextGaussian()).toArray();
    double[] byZ = new double[z.length];
    List<double[]> gradients = gradients(model, dropout, batch, z, count, targets, weights, byZ);
    List<double[]> numbers = new ArrayList<>();
    for (Dense layer : model.layers()) {
      numbers.add(layer.weights());
      numbers.add(layer.bias());
    }
    for (int a = 0; a < numbers.size(); a++) {
      for (int i = 0; i < numbers.get(a).length; i++) {
        double slope =
            slope(numbers.get(a), i, model, dropout, batch, z, count, targets, weights) / count;
        assertThat(gradients.get(a)[i]).isCloseTo(slope, within(1e-7));
      }
    }
    for (int i = 0; i < count * 5; i++) {
      double slope = slope(z, i, model, dropout, batch, z, count, targets, weights);
      assertThat(byZ[i]).isCloseTo(slope, within(1e-7));
    }
  }

  private static List<double[]> gradients(
      TopModel model,
      double dropout,
      int batch,
      double[] z,
      int count,
      double[] targets,
      double[] weights,
      double[] byZ) {
    TopTraining training = new TopTraining(model, dropout, batch, ADAM, new Prg(seed(2)));
    training.gradient(z, count, targets, weights, byZ);
    return training.gradients();
  }

  private static double slope(
      double[] numbers,
      int i,
      TopModel model,
      double dropout,
      int batch,
      double[] z,
      int count,
      double[] targets,
      double[] weights) {
    double h = 1e-6;
    double before = numbers[i];
    double[] losses = new double[2];
    for (int side = 0; side < 2; side++) {
      numbers[i] = before + (side == 0 ? -h : h);
      TopTraining training = new TopTraining(model, dropout, batch, ADAM, new Prg(seed(2)));
      losses[side] = training.gradient(z, count, targets, weights, new double[z.length]);
    }
    numbers[i] = before;
    return (losses[1] - losses[0]) / (2 * h);
  }

  private Matrix columns(int rows, int d) {
    double[] values = new double[rows * d];
    Arrays.setAll(values, i -> random.nextGaussian());
    return new Matrix(rows, d, values);
  }

  private static double[] moons(Matrix x, Random noise) {
    double[] y = new double[x.rows()];
    Arrays.setAll(
        y,
        i -> {
          double z = 3 * x.get(i, 0) * x.get(i, 1) + x.get(i, 2);
          return noise.nextDouble() < 1 / (1 + Math.exp(-z)) ? 1 : 0;
        });
    return y;
  }

  /** Equal seeds give equal networks, bit by bit; other seeds others. */
  @Test
  void aSeedDecidesEverything() {
    Matrix x = columns(300, 4);
    Outcomes y = Outcomes.of(moons(x, random));
    NetworkSpec spec = new NetworkSpec(Task.BINARY, List.of(8, 4), Activation.RELU, 0.2);
    FitSpec fit = new FitSpec(ADAM, 32, 4, 2, 0.2);
    CentralisedNetwork network = CentralisedNetwork.fit(x, y, spec, fit, seed(1));
    assertThat(CentralisedNetwork.fit(x, y, spec, fit, seed(1))).isEqualTo(network);
    assertThat(CentralisedNetwork.fit(x, y, spec, fit, seed(2))).isNotEqualTo(network);
  }

  @Test
  void whatNoLinearModelSeesIsLearned() {
    Matrix x = columns(2000, 4);
    Outcomes y = Outcomes.of(moons(x, random));
    NetworkSpec spec = new NetworkSpec(Task.BINARY, List.of(16, 8), Activation.RELU, 0);
    CentralisedNetwork network =
        CentralisedNetwork.fit(x, y, spec, new FitSpec(ADAM, 64, 40, 5, 0.15), seed(3));
    Matrix fresh = columns(1000, 4);
    double[] truth = moons(fresh, random);
    double[] p = network.predict(fresh);
    // The product of two columns is no use to a linear model; the best one has about 0.67.
    assertThat(Evaluation.of(p, truth).auc()).isGreaterThan(0.82);
  }

  /** Labels that nothing tells: the loss of those set aside rises while the others' falls. */
  @Test
  void trainingEndsWhenThePeopleSetAsideGainNothing() {
    Matrix x = columns(200, 10);
    double[] y = random.doubles(200).map(u -> u < 0.5 ? 1 : 0).toArray();
    NetworkSpec spec = new NetworkSpec(Task.BINARY, List.of(32), Activation.TANH, 0);
    FitSpec fit = new FitSpec(ADAM, 20, 200, 3, 0.25);
    Prg coins = new Prg(seed(4));
    LocalLayer first = LocalLayer.random(x, spec, 20, ADAM, coins);
    TopFit top = new TopFit(spec, fit, Outcomes.of(y), coins, report -> {});
    CentralisedNetwork network = CentralisedNetwork.run(first, top, 200, fit, coins);
    assertThat(top.end()).isEqualTo(TopFit.End.PATIENCE);
    List<EpochReport> epochs = top.epochs();
    assertThat(epochs).hasSize(top.epoch() + 3).hasSizeLessThan(60);
    double least = epochs.get(top.epoch() - 1).watched();
    assertThat(epochs).allMatch(report -> report.watched() >= least);
    assertThat(epochs.get(epochs.size() - 1).loss()).isLessThan(epochs.get(0).loss());
    // The first layer is that of the same epoch.
    assertThat(network.first()).isNotEqualTo(first.layer());
    assertThat(network.top()).isEqualTo(top.model());
  }

  @Test
  void peopleSetAsideTrainNothing() {
    NetworkSpec spec = new NetworkSpec(Task.BINARY, List.of(3), Activation.TANH, 0);
    TopFit fit =
        new TopFit(
            spec,
            new FitSpec(ADAM, 10, 5, 1, 0.3),
            Outcomes.of(new double[] {0, 1, 0, 1, 0, 1, 0, 1, 0, 1}),
            new Prg(seed(6)),
            report -> {});
    double[] z = random.doubles(30, -1, 1).toArray();
    double[] slope = new double[30];
    int[] rows = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
    fit.step(1, rows, z, slope);
    int silent = 0;
    for (int i = 0; i < 10; i++) {
      boolean zero = slope[3 * i] == 0 && slope[3 * i + 1] == 0 && slope[3 * i + 2] == 0;
      silent += zero ? 1 : 0;
    }
    assertThat(silent).isEqualTo(3);
    assertThat(fit.epochEnds(1)).isEqualTo(Decision.KEEP);
  }

  @Test
  void whatCannotBeFittedIsRefused() {
    double[] y = {0, 1, 2, 1};
    assertThatThrownBy(() -> Target.of(Task.BINARY, y)).hasMessageContaining("neither 0 nor 1");
    assertThatThrownBy(() -> Target.of(Task.REGRESSION, new double[] {3, 3}))
        .hasMessageContaining("the same for everybody");
    double[] many = random.doubles(101).toArray();
    assertThatThrownBy(() -> Target.of(Task.MULTICLASS, many))
        .hasMessageContaining("more than 100 classes");
    assertThatThrownBy(() -> Target.of(Task.MULTICLASS, y).index(7))
        .hasMessageContaining("no class of the training people is 7.0");
    assertThatThrownBy(() -> new NetworkSpec(Task.BINARY, List.of(), Activation.RELU, 0))
        .hasMessageContaining("1 to 8 hidden layers");
    Matrix x = columns(100, 3);
    Descent wild = new Descent(Descent.Kind.SGD, 10, 0.9, 0);
    NetworkSpec spec = new NetworkSpec(Task.REGRESSION, List.of(8, 8), Activation.RELU, 0);
    assertThatThrownBy(
            () ->
                CentralisedNetwork.fit(
                    x,
                    Outcomes.of(outcomes(Task.REGRESSION, 100)),
                    spec,
                    new FitSpec(wild, 10, 50, 0, 0.1),
                    seed(7)))
        .isInstanceOf(ArithmeticException.class)
        .hasMessageContaining("lower training.learning_rate");
  }
}
