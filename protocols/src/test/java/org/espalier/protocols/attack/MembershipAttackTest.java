package org.espalier.protocols.attack;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.espalier.protocols.glm.CentralisedLogistic;
import org.espalier.protocols.glm.Outcomes;
import org.espalier.protocols.neural.top.Activation;
import org.espalier.protocols.neural.top.CentralisedNetwork;
import org.espalier.protocols.neural.top.Descent;
import org.espalier.protocols.neural.top.FitSpec;
import org.espalier.protocols.neural.top.NetworkSpec;
import org.espalier.protocols.neural.top.Task;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.privacy.LabelPrivacy;
import org.junit.jupiter.api.Test;

/**
 * Who was in a training, by scores: whoever gets the score of a person and knows features and
 * outcome asks whether the model was trained on that person. Parties of a job know its people from
 * the alignment; this is for others who get scores, such as clients of online scoring. What a score
 * tells follows from the model whoever trained it, so models are trained in one place.
 */
class MembershipAttackTest {
  private static final int COLUMNS = 20;

  /** Ten people for each column: the fewest that a job allows. */
  private static final int FEW = 10 * COLUMNS;

  private static final int MANY = 1000;
  private static final double L2 = 0.01;

  /** Of each person the log-odds. */
  private interface Model {
    double[] scores(Matrix people);
  }

  private interface Fit {
    Model of(Matrix x, double[] y, long seed);
  }

  private static Model linear(double[] weights, double intercept) {
    return people -> Arrays.stream(people.times(weights)).map(z -> z + intercept).toArray();
  }

  private static Fit regression(double l2) {
    return (x, y, seed) -> {
      CentralisedLogistic model = CentralisedLogistic.fit(x, y, l2);
      return linear(model.weights(), model.intercept());
    };
  }

  /** The regression that {@code training.label_privacy} leaves: noise on Xᵀy, as at sealed. */
  private static Fit noised(double epsilon) {
    LabelPrivacy privacy = new LabelPrivacy(epsilon, 1e-6, 2);
    // A tenth of the budget is for opened losses, which nobody sees here.
    double mu = privacy.budget().mu() * Math.sqrt(0.9);
    double deviation = Math.hypot(privacy.clip() * Math.sqrt(COLUMNS), 1) / mu;
    return (x, y, seed) -> {
      Random random = new Random(seed);
      double[] noise = random.doubles(COLUMNS + 1).map(u -> random.nextGaussian()).toArray();
      double[] weights = new double[COLUMNS];
      double intercept = 0;
      // Curvatures are at most 1/4 and columns uncorrelated: this length converges.
      double step = 4.0 / x.rows();
      for (int k = 0; k < 100; k++) {
        double[] residuals = linear(weights, intercept).scores(x);
        Arrays.setAll(residuals, i -> 1 / (1 + Math.exp(-residuals[i])) - y[i]);
        double[] gradient = x.transposeTimes(residuals);
        for (int j = 0; j < COLUMNS; j++) {
          double noisy = gradient[j] + deviation * noise[j];
          weights[j] -= step * (noisy + x.rows() * L2 * weights[j]);
        }
        intercept -= step * (Arrays.stream(residuals).sum() + deviation * noise[COLUMNS]);
      }
      return linear(weights, intercept);
    };
  }

  private static Fit network(double dropout, int epochs, int patience, double l2) {
    Descent adam = new Descent(Descent.Kind.ADAM, 0.003, 0, l2);
    NetworkSpec spec = new NetworkSpec(Task.BINARY, List.of(32, 16), Activation.RELU, dropout);
    return (x, y, seed) -> {
      byte[] coins = new byte[32];
      coins[0] = (byte) seed;
      CentralisedNetwork model =
          CentralisedNetwork.fit(
              x, Outcomes.of(y), spec, new FitSpec(adam, 100, epochs, patience, 0.1), coins);
      return people -> logOdds(model.predict(people));
    };
  }

  private static double[] logOdds(double[] p) {
    return Arrays.stream(p).map(v -> Math.max(-30, Math.min(30, Math.log(v / (1 - v))))).toArray();
  }

  /** Of a fit whose probabilities are told with so many decimals. */
  private static Fit rounded(Fit fit, int decimals) {
    double unit = Math.pow(10, -decimals);
    UnaryOperator<double[]> round =
        z -> Arrays.stream(z).map(v -> unit * Math.rint(1 / (1 + Math.exp(-v)) / unit)).toArray();
    return (x, y, seed) -> {
      Model model = fit.of(x, y, seed);
      return people -> logOdds(round.apply(model.scores(people)));
    };
  }

  /** Log-odds of what is so. */
  private static double[] sure(Model model, Matrix x, double[] y) {
    double[] z = model.scores(x);
    Arrays.setAll(z, i -> y[i] == 1 ? z[i] : -z[i]);
    return z;
  }

  /**
   * How well people of the training are told from others, AUC, chance 0.5, mean over populations.
   *
   * @param loss by the loss alone: Yeom et al., CSF 2018
   * @param ratio by how likely the loss is with and without the person, from models that the
   *     attacker trains on halves of people of whom it knows everything: Carlini et al., IEEE S&P
   *     2022
   * @param early of the training's people, who are named before the first twentieth of the others
   * @param use AUC of the model itself on others: what a defence costs
   */
  private record Told(double loss, double ratio, double early, double use) {
    static Told of(String what, Fit fit, int rows, int shadows) {
      double[] sum = new double[4];
      long count = Figures.seeds().count();
      Figures.seeds()
          .mapToObj(seed -> Population.of(rows, COLUMNS, seed))
          .forEach(
              people -> {
                double[] one = attack(fit, people, shadows);
                Algebra.addTo(sum, 1.0 / count, one);
              });
      Figures.print(
          "%s, %d people: loss %.3f, ratio %.3f (%.3f at 5 %%), use %.3f",
          what, rows, sum[0], sum[1], sum[2], sum[3]);
      return new Told(sum[0], sum[1], sum[2], sum[3]);
    }

    private static double[] attack(Fit fit, Population people, int shadows) {
      int n = people.y().length;
      Matrix all =
          new Matrix(2 * n, COLUMNS, joined(people.x().values(), people.others().values()));
      double[] y = joined(people.y(), people.othersY());
      Model model = fit.of(people.x(), people.y(), 0);
      double[] seen = sure(model, all, y);
      double[] ratio = ratio(fit, all, y, seen, shadows);
      double[] in = Arrays.copyOf(ratio, n);
      double[] out = Arrays.copyOfRange(ratio, n, 2 * n);
      double[] ascending = out.clone();
      Arrays.sort(ascending);
      double cut = ascending[n - n / 20];
      return new double[] {
        Population.above(Arrays.copyOf(seen, n), Arrays.copyOfRange(seen, n, 2 * n)),
        Population.above(in, out),
        Arrays.stream(in).filter(v -> v > cut).count() / (double) n,
        Population.auc(model.scores(people.others()), people.othersY())
      };
    }

    private static double[] joined(double[] a, double[] b) {
      double[] both = Arrays.copyOf(a, a.length + b.length);
      System.arraycopy(b, 0, both, a.length, b.length);
      return both;
    }

    private static double[] ratio(Fit fit, Matrix all, double[] y, double[] seen, int shadows) {
      Moments[] moments = {new Moments(y.length), new Moments(y.length)};
      Random random = new Random(99);
      for (int shadow = 0; shadow < shadows; shadow += 2) {
        boolean[] half = half(random, y.length);
        for (int side = 0; side < 2; side++) {
          boolean first = side == 0;
          int[] chosen = IntStream.range(0, y.length).filter(i -> half[i] == first).toArray();
          double[] x = new double[chosen.length * COLUMNS];
          double[] outcomes = new double[chosen.length];
          for (int i = 0; i < chosen.length; i++) {
            System.arraycopy(all.values(), chosen[i] * COLUMNS, x, i * COLUMNS, COLUMNS);
            outcomes[i] = y[chosen[i]];
          }
          Model model = fit.of(new Matrix(chosen.length, COLUMNS, x), outcomes, 1 + shadow + side);
          double[] sure = sure(model, all, y);
          for (int i = 0; i < y.length; i++) {
            moments[half[i] == first ? 1 : 0].add(i, sure[i]);
          }
        }
      }
      double[] ratio = moments[1].log(seen);
      Algebra.addTo(ratio, -1, moments[0].log(seen));
      return ratio;
    }

    private static boolean[] half(Random random, int people) {
      boolean[] half = new boolean[people];
      for (int count = 0; count < people / 2; ) {
        int i = random.nextInt(people);
        count += half[i] ? 0 : 1;
        half[i] = true;
      }
      return half;
    }
  }

  /** Of each person how sure models are, as a normal distribution. */
  private static final class Moments {
    private final int[] count;
    private final double[] sum;
    private final double[] squares;

    Moments(int people) {
      count = new int[people];
      sum = new double[people];
      squares = new double[people];
    }

    void add(int person, double value) {
      count[person]++;
      sum[person] += value;
      squares[person] += value * value;
    }

    private double variance(int person) {
      double mean = sum[person] / count[person];
      return Math.max(0, squares[person] / count[person] - mean * mean);
    }

    /** Log-densities; half of a variance is that of everybody, because models are few. */
    double[] log(double[] values) {
      double all =
          IntStream.range(0, values.length).mapToDouble(this::variance).average().orElse(0);
      double[] log = new double[values.length];
      for (int i = 0; i < log.length; i++) {
        double variance = (all + variance(i)) / 2 + 1e-9;
        double off = values[i] - sum[i] / count[i];
        log[i] = -Math.log(variance) / 2 - off * off / variance / 2;
      }
      return log;
    }
  }

  /**
   * With ten people a column a regression remembers enough for models trained with and without a
   * person to tell; more people protect, a stronger penalty hardly does.
   */
  @Test
  void aRegressionOfTenPeopleAColumnRemembersSome() {
    Told few = Told.of("regression", regression(L2), FEW, 32);
    Told strong = Told.of("regression, l2 of 1", regression(1), FEW, 32);
    Told many = Told.of("regression", regression(L2), MANY, 16);
    assertThat(few.ratio()).isBetween(0.55, 0.65);
    assertThat(few.loss()).isBetween(0.45, 0.6);
    assertThat(strong.ratio()).isBetween(0.52, few.ratio() + 0.02);
    assertThat(many.ratio()).isBetween(0.48, 0.55);
  }

  /** Noise on what outcomes tell hides most of who was there as well, at some cost to the model. */
  @Test
  void labelPrivacyHidesMostOfItAtACost() {
    Told loose = Told.of("regression, ε of 16", noised(16), FEW, 32);
    Told told = Told.of("regression, ε of 4", noised(4), FEW, 32);
    assertThat(loose.ratio()).isBetween(0.46, 0.6);
    assertThat(told.ratio()).isBetween(0.46, 0.54);
    assertThat(loose.use()).isGreaterThan(told.use());
    assertThat(told.use()).isGreaterThan(0.55);
  }

  /** A network without its defences is a memory of its people; rounded scores are no defence. */
  @Test
  void aNetworkWithoutDefencesRemembersItsPeople() {
    Fit bare = network(0, 100, 0, 1e-4);
    Told told = Told.of("network, bare", bare, FEW, 8);
    Told two = Told.of("network, scores of two decimals", rounded(bare, 2), FEW, 2);
    Told one = Told.of("network, scores of one decimal", rounded(bare, 1), FEW, 2);
    assertThat(told.loss()).isBetween(0.65, 0.85);
    assertThat(told.ratio()).isGreaterThan(told.loss());
    assertThat(two.loss()).isGreaterThan(told.loss() - 0.02);
    assertThat(one.loss()).isGreaterThan(told.loss() - 0.02);
  }

  /** Each by itself, and a job's defaults: early stopping, light dropout, twenty epochs. */
  @Test
  void earlyStoppingAndPenaltiesProtectAndDropoutAlonePartly() {
    Told dropout = Told.of("network, dropout of a half", network(0.5, 100, 0, 1e-4), FEW, 8);
    Told penalty = Told.of("network, l2 of 0.1", network(0, 100, 0, 0.1), FEW, 8);
    Told defaults = Told.of("network, defaults", network(0.1, 20, 5, 1e-4), FEW, 8);
    Told many = Told.of("network, defaults", network(0.1, 20, 5, 1e-4), MANY, 8);
    assertThat(dropout.ratio()).isBetween(0.56, 0.72);
    assertThat(penalty.ratio()).isLessThan(0.6);
    assertThat(defaults.ratio()).isLessThan(0.6);
    assertThat(defaults.loss()).isLessThan(0.65);
    assertThat(many.loss()).isLessThan(0.56);
    assertThat(many.ratio()).isLessThan(0.56);
  }
}
