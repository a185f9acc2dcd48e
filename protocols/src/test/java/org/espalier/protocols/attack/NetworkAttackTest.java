package org.espalier.protocols.attack;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.espalier.protocols.glm.CentralisedLogistic;
import org.espalier.protocols.glm.Outcomes;
import org.espalier.protocols.neural.top.Activation;
import org.espalier.protocols.neural.top.CentralisedNetwork;
import org.espalier.protocols.neural.top.Descent;
import org.espalier.protocols.neural.top.FitSpec;
import org.espalier.protocols.neural.top.NetworkSpec;
import org.espalier.protocols.neural.top.Task;
import org.espalier.protocols.prepare.Matrix;
import org.junit.jupiter.api.Test;

/**
 * What a finished network tells: of who was in its training, by scores, and of outcomes, by the
 * weights that a feature party ends with. Both follow from the network whoever trained it, so it is
 * trained in one place.
 */
class NetworkAttackTest {
  private static final int ROWS = 1000;
  private static final int COLUMNS = 20;

  /** The label party has the columns before it. */
  private static final int FIRST = 5;

  /** People to train on and as many others, of one population: 20 columns, of which all matter. */
  private record People(Matrix x, double[] y, Matrix others, double[] othersY) {
    static People of(long seed) {
      Random random = new Random(seed);
      double[] weights = random.doubles(COLUMNS, -0.5, 0.5).toArray();
      double[] y = new double[ROWS];
      double[] othersY = new double[ROWS];
      Matrix x = draw(random, weights, y);
      return new People(x, y, draw(random, weights, othersY), othersY);
    }

    private static Matrix draw(Random random, double[] weights, double[] y) {
      double[] values = new double[ROWS * COLUMNS];
      for (int i = 0; i < ROWS; i++) {
        double logit = 0;
        for (int j = 0; j < COLUMNS; j++) {
          double value = random.nextGaussian();
          values[i * COLUMNS + j] = value;
          logit += weights[j] * value;
        }
        y[i] = random.nextDouble() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
      }
      return new Matrix(ROWS, COLUMNS, values);
    }
  }

  private static CentralisedNetwork fit(
      People people, List<Integer> hidden, double dropout, int epochs, int patience) {
    Descent adam = new Descent(Descent.Kind.ADAM, 0.003, 0, 1e-4);
    return CentralisedNetwork.fit(
        people.x,
        Outcomes.of(people.y),
        new NetworkSpec(Task.BINARY, hidden, Activation.RELU, dropout),
        new FitSpec(adam, 100, epochs, patience, 0.1),
        new byte[32]);
  }

  /** How often one of {@code more} is above one of {@code less}; equal ones count half. */
  private static double above(double[] more, double[] less) {
    double sum = 0;
    for (double one : more) {
      for (double other : less) {
        sum += one > other ? 1 : one == other ? 0.5 : 0;
      }
    }
    return sum / more.length / less.length;
  }

  private static double auc(double[] scores, double[] y) {
    double[] ones = new double[(int) Arrays.stream(y).filter(v -> v == 1).count()];
    double[] zeros = new double[y.length - ones.length];
    int one = 0;
    int zero = 0;
    for (int i = 0; i < y.length; i++) {
      if (y[i] == 1) {
        ones[one++] = scores[i];
      } else {
        zeros[zero++] = scores[i];
      }
    }
    return above(ones, zeros);
  }

  /** Probability that the network gives to what is so: high for those whom it has seen. */
  private static double[] sure(CentralisedNetwork network, Matrix x, double[] y) {
    double[] p = network.predict(x);
    double[] sure = new double[p.length];
    Arrays.setAll(sure, i -> y[i] == 1 ? p[i] : 1 - p[i]);
    return sure;
  }

  private static double members(CentralisedNetwork network, People people) {
    return above(sure(network, people.x, people.y), sure(network, people.others, people.othersY));
  }

  /**
   * Whoever gets a person's score and knows the outcome asks whether the person was trained on:
   * threshold of the loss, Yeom et al., CSF 2018.
   */
  @Test
  void scoresOfAnOverfittedNetworkTellWhoWasInTheTraining() {
    People people = People.of(3);
    double memorised = members(fit(people, List.of(128, 64), 0, 200, 0), people);
    double dropped = members(fit(people, List.of(128, 64), 0.5, 200, 0), people);
    double stopped = members(fit(people, List.of(32, 16), 0.1, 20, 5), people);
    assertThat(memorised).isGreaterThan(0.7);
    assertThat(dropped).isBetween(0.6, memorised);
    assertThat(stopped).isBetween(0.45, 0.55);
  }

  /**
   * A feature party that knows the outcomes of a few people completes the network by itself, over
   * what its own weights make of its own columns (Fu et al., USENIX Security 2022, without the
   * slopes, which it does not see here). Its slice of a regression orders people by itself.
   */
  @Test
  void aFeaturePartysWeightsTellLittleMoreThanTheOutcomesThatItKnows() {
    double[] mean = new double[3];
    int seeds = 4;
    for (int seed = 1; seed <= seeds; seed++) {
      double[] told = completed(People.of(seed), 10, 2);
      Arrays.setAll(mean, i -> mean[i] + told[i] / seeds);
    }
    assertThat(mean[0]).isBetween(0.55, 0.7);
    assertThat(mean[0] - mean[1]).isLessThan(0.1);
    assertThat(mean[2]).isGreaterThan(0.75);
  }

  /**
   * AUC over all trained people but the known: by the strongest directions of the party's weights
   * and the known outcomes, by its columns and these, and by its part of a regression alone.
   */
  private static double[] completed(People people, int known, int directions) {
    CentralisedNetwork network = fit(people, List.of(32, 16), 0.1, 20, 5);
    int own = COLUMNS - FIRST;
    int width = network.first().outputs();
    List<double[]> weights = new ArrayList<>();
    for (int k = 0; k < width; k++) {
      double[] unit = new double[own];
      for (int j = 0; j < own; j++) {
        unit[j] = network.first().weights()[(FIRST + j) * width + k];
      }
      weights.add(unit);
    }
    List<double[]> strongest = Algebra.principal(weights, directions);
    double[] plain = new double[ROWS * own];
    double[] along = new double[ROWS * directions];
    for (int i = 0; i < ROWS; i++) {
      for (int j = 0; j < own; j++) {
        double value = people.x.get(i, FIRST + j);
        plain[i * own + j] = value;
        for (int k = 0; k < directions; k++) {
          along[i * directions + k] += value * strongest.get(k)[j];
        }
      }
    }
    return new double[] {
      told(new Matrix(ROWS, directions, along), people.y, known),
      told(new Matrix(ROWS, own, plain), people.y, known),
      auc(new Matrix(ROWS, own, plain).times(slice(people)), people.y)
    };
  }

  /** The feature party's weights of a logistic regression over all columns. */
  private static double[] slice(People people) {
    double[] weights = CentralisedLogistic.fit(people.x, people.y, 0.01).weights();
    return Arrays.copyOfRange(weights, FIRST, COLUMNS);
  }

  private static double told(Matrix x, double[] y, int known) {
    int d = x.columns();
    Matrix some = new Matrix(known, d, Arrays.copyOf(x.values(), known * d));
    double[] w = CentralisedLogistic.fit(some, Arrays.copyOf(y, known), 0.03).weights();
    double[] scores = x.times(w);
    return auc(Arrays.copyOfRange(scores, known, ROWS), Arrays.copyOfRange(y, known, ROWS));
  }
}
