package org.espalier.protocols.neural;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import java.util.stream.LongStream;
import org.espalier.protocols.RecordedMessage;
import org.espalier.protocols.attack.Algebra;
import org.espalier.protocols.attack.Figures;
import org.espalier.protocols.attack.Population;
import org.espalier.protocols.glm.CentralisedLogistic;
import org.espalier.protocols.glm.Outcomes;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.neural.top.Activation;
import org.espalier.protocols.neural.top.Descent;
import org.espalier.protocols.neural.top.FitSpec;
import org.espalier.protocols.neural.top.NetworkSpec;
import org.espalier.protocols.neural.top.Task;
import org.espalier.protocols.neural.top.TopFit;
import org.espalier.protocols.neural.top.TopLayers;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.shares.IntegerMatrix;
import org.espalier.protocols.shares.PrimeField;
import org.espalier.wire.Decoder;
import org.espalier.wire.Progress;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;

/**
 * Outcomes from what a feature party has of a network: what it receives while training, its final
 * weights, and these where it deviates (Fu et al., Label Inference Attacks Against Vertical
 * Federated Learning, USENIX Security 2022: completion of the own part with a few known outcomes,
 * and an own optimiser that takes larger steps so that the network relies on that part).
 *
 * <p>Real trainings with a job's defaults ([32, 16], dropout, patience); means over the populations
 * of {@link Figures}.
 */
class LabelInferenceAttackTest {
  private static final int ROWS = 1000;
  private static final int COLUMNS = 20;

  /** The label party has the columns before it. */
  private static final int FIRST = 5;

  private static final int OWN = COLUMNS - FIRST;
  private static final int HIDDEN = 32;
  private static final int EPOCHS = 20;
  private static final int KNOWN = 10;

  private static Matrix columns(Matrix x, int from, int to) {
    return Algebra.beside(Algebra.columns(x).subList(from, to));
  }

  /** The top of the network, which keeps the slopes that it gives to each person. */
  private record Keeping(TopFit top, double[] sums) implements TopLayers {
    @Override
    public void step(int epoch, int[] rows, double[] z, double[] slope) {
      top.step(epoch, rows, z, slope);
      for (int i = 0; i < rows.length; i++) {
        for (int m = 0; m < HIDDEN; m++) {
          sums[rows[i] * HIDDEN + m] += slope[i * HIDDEN + m];
        }
      }
    }

    @Override
    public Decision epochEnds(int epoch) {
      return top.epochEnds(epoch);
    }
  }

  /**
   * One training with one feature party, and what it has of it.
   *
   * @param own its prepared columns
   * @param first weights on them before training, which it draws itself, columns × hidden
   * @param last weights that it ends with
   * @param received summed over the epochs, of each person and unit, what it receives of a slope
   * @param slopes the same of the slopes themselves, which it does not receive
   */
  private record Trained(
      Population people,
      Matrix own,
      double[] first,
      double[] last,
      Matrix received,
      Matrix slopes) {
    /**
     * @param factor by which its software multiplies its whitened columns; weights begin as much
     *     smaller
     */
    static Trained of(Population people, Matrix own, double rate, int factor) {
      SourceSpec spec = new SourceSpec(HIDDEN, 250, EPOCHS, rate, 0.9, true);
      SourceJob job = SourceRun.job(ROWS, 1, spec, 0);
      Batches batches = new Batches(job);
      Descent adam = new Descent(Descent.Kind.ADAM, 0.003, 0, 1e-4);
      TopFit top =
          new TopFit(
              new NetworkSpec(Task.BINARY, List.of(HIDDEN, 16), Activation.RELU, 0.1),
              new FitSpec(adam, batches.mostRows(), EPOCHS, 5, 0.1),
              Outcomes.of(people.y()),
              new Prg(new byte[32]),
              report -> {});
      Keeping keeping = new Keeping(top, new double[ROWS * HIDDEN]);
      MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
      SourceRun<LabelSource, double[][]> run =
          SourceRun.of(
              job,
              network,
              channel -> channel,
              features ->
                  SourceProtocol.of(job.spec())
                      .label(
                          job,
                          features,
                          columns(people.x(), 0, FIRST),
                          keeping,
                          EpochListener.NONE),
              (number, label, others) -> {
                SourceSlice slice = new SourceSlice(own, batches);
                IntegerMatrix matrix =
                    new IntegerMatrix(
                        ROWS,
                        own.columns(),
                        job.workspace(),
                        (from, count, out) -> {
                          slice.rounded(from, count, out);
                          for (int i = 0; i < count * own.columns(); i++) {
                            out[i] = (short) (factor * out[i]);
                          }
                        });
                try (SourceFeature role = new SourceFeature(job, label, others, batches, matrix)) {
                  double[] first = slice.first(HIDDEN, role.allColumns(), Prg.fresh());
                  Arrays.setAll(first, i -> first[i] / factor);
                  role.train(first, Progress.NONE, epoch -> {});
                  return new double[][] {
                    slice.toPrepared(first, HIDDEN), slice.toPrepared(role.open(), HIDDEN)
                  };
                }
              });
      double[][] weights = run.features().get(0);
      long t = (Long) run.label().parametersRun().get("plain_modulus");
      return new Trained(
          people,
          own,
          weights[0],
          weights[1],
          received(network, batches, new PrimeField(t)),
          new Matrix(ROWS, HIDDEN, keeping.sums()));
    }

    private static Matrix received(MemoryNetwork network, Batches batches, PrimeField field) {
      List<long[]> vectors = new ArrayList<>();
      for (RecordedMessage message :
          RecordedMessage.all(network, SourceRun.LABEL, SourceRun.featureParty(1))) {
        if (message.type() == 83) {
          Decoder in = new Decoder(message.payload());
          int from = in.getInt("from");
          int count = (message.payload().length - Integer.BYTES) * Byte.SIZE / field.bits();
          long[] chunk = in.getPacked("residues", field.bits(), count);
          long[] before = from == 0 ? new long[0] : vectors.remove(vectors.size() - 1);
          long[] both = Arrays.copyOf(before, from + count);
          System.arraycopy(chunk, 0, both, from, count);
          vectors.add(both);
        }
      }
      double[] sums = new double[ROWS * HIDDEN];
      // Of each step the share of weights, then that of slopes; the last one opens the weights.
      for (int step = 0; 2 * step + 1 < vectors.size(); step++) {
        int batch = step % batches.count();
        long[] slopes = vectors.get(2 * step + 1);
        for (int i = 0; i < slopes.length; i++) {
          int row = batches.row(batches.from(batch) + i / HIDDEN);
          sums[row * HIDDEN + i % HIDDEN] += field.centre(slopes[i]) / (double) field.modulus();
        }
      }
      return new Matrix(ROWS, HIDDEN, sums);
    }

    /** How far training moved its weights. */
    double[] moved() {
      double[] moved = last.clone();
      Algebra.addTo(moved, -1, first);
      return moved;
    }

    /** AUC along the strongest direction of some weights; its sign is a guess of one bit. */
    double along(double[] weights) {
      List<double[]> units = Algebra.columns(new Matrix(own.columns(), HIDDEN, weights));
      double auc = Population.auc(own.times(Algebra.principal(units, 1).get(0)), people.y());
      return Math.max(auc, 1 - auc);
    }

    /** AUC of a regression with as many outcomes known, over everybody else. */
    double fromScratch(Matrix x, int known) {
      int d = x.columns();
      Matrix some = new Matrix(known, d, Arrays.copyOf(x.values(), known * d));
      double[] w = CentralisedLogistic.fit(some, Arrays.copyOf(people.y(), known), 0.03).weights();
      double[] scores = x.times(w);
      return Population.auc(
          Arrays.copyOfRange(scores, known, ROWS), Arrays.copyOfRange(people.y(), known, ROWS));
    }

    /** AUC of its part of a regression over all parties' columns. */
    double regression() {
      double[] all = CentralisedLogistic.fit(people.x(), people.y(), 0.01).weights();
      return Population.auc(own.times(Arrays.copyOfRange(all, FIRST, COLUMNS)), people.y());
    }
  }

  private static Trained train(long seed, double rate, int factor) {
    Population people = Population.of(ROWS, COLUMNS, seed);
    return Trained.of(people, columns(people.x(), FIRST, COLUMNS), rate, factor);
  }

  private static double mean(ToDoubleFunction<Trained> figure, List<Trained> of) {
    return of.stream().mapToDouble(figure).average().orElseThrow();
  }

  private static List<Trained> populations(double rate, int factor) {
    return Figures.seeds().mapToObj(seed -> train(seed, rate, factor)).toList();
  }

  /**
   * By what it receives in training a feature party that knows the outcomes of half of the people
   * learns nothing of the others'; by open slopes it would learn all. What training did to its
   * weights, whose beginning it drew itself, orders everybody by outcome, none known: about as well
   * as its columns can, and better than ten known outcomes or even a hundred.
   */
  @Test
  void receivedSlopesTellNothingAndFinalWeightsWhatColumnsCan() {
    List<Trained> all = populations(0.1, 1);
    int half = ROWS / 2;
    double received = mean(trained -> trained.fromScratch(trained.received(), half), all);
    double slopes = mean(trained -> trained.fromScratch(trained.slopes(), half), all);
    double last = mean(trained -> trained.along(trained.last()), all);
    double moved = mean(trained -> trained.along(trained.moved()), all);
    double few = mean(trained -> trained.fromScratch(trained.own(), KNOWN), all);
    double many = mean(trained -> trained.fromScratch(trained.own(), 10 * KNOWN), all);
    double regression = mean(Trained::regression, all);
    Figures.print("received %.3f, slopes %.3f", received, slopes);
    Figures.print("last weights %.3f, moved %.3f, regression %.3f", last, moved, regression);
    Figures.print("from scratch %.3f with 10, %.3f with 100", few, many);
    assertThat(received).isBetween(0.38, 0.62);
    assertThat(slopes).isGreaterThan(0.97);
    assertThat(moved).isBetween(0.62, regression + 0.03).isGreaterThan(few + 0.03);
  }

  /**
   * Gradients are never at a feature party, so that it cannot scale them. But larger columns have
   * larger gradients: multiplied by c the network takes steps c² times as long by them, and nothing
   * that is checked shows it. Where steps are small the weights themselves then tell what they
   * would not have told; little is gained over who subtracts the weights that it began with.
   */
  @Test
  void largerColumnsAreAnOwnOptimiserButTellNoMoreThanHonestSteps() {
    List<Trained> honest = populations(0.01, 1);
    List<Trained> larger = populations(0.01, 3);
    double last = mean(trained -> trained.along(trained.last()), honest);
    double moved = mean(trained -> trained.along(trained.moved()), honest);
    double lastLarger = mean(trained -> trained.along(trained.last()), larger);
    double movedLarger = mean(trained -> trained.along(trained.moved()), larger);
    double most = mean(Trained::regression, honest) + 0.03;
    Figures.print("small steps: last %.3f, moved %.3f", last, moved);
    Figures.print("columns three times as large: last %.3f, moved %.3f", lastLarger, movedLarger);
    assertThat(moved).isBetween(0.62, most);
    assertThat(lastLarger).isBetween(last + 0.03, most);
    assertThat(movedLarger).isLessThan(most);
  }

  /** The other way to scale a step: its own share of it. What it does not know moves as well. */
  @Test
  void aScaledShareOfAGradientLeavesNoWeight() {
    PrimeField field = new PrimeField(2251799813554177L);
    Recency recency = new Recency(0);
    Random random = new Random(5);
    long[] gradient = random.longs(COLUMNS * HIDDEN, 0, 1000).toArray();
    long[] share = field.uniform(new Prg(new byte[32]), gradient.length);
    for (int scale = 1; scale <= 3; scale += 2) {
      long[] mine = new long[gradient.length];
      long[] theirs = new long[gradient.length];
      for (int i = 0; i < mine.length; i++) {
        mine[i] = field.multiply(scale, share[i]);
        theirs[i] = field.subtract(gradient[i], share[i]);
      }
      Recency.Shares feature = recency.new Shares(field, new long[gradient.length]);
      Recency.Shares label = recency.new Shares(field, new long[gradient.length]);
      feature.step(mine);
      label.step(theirs);
      int outside = 0;
      for (int i = 0; i < mine.length; i++) {
        long weight = field.centre(field.add(feature.weights()[i], label.weights()[i]));
        outside += Math.abs(weight) > field.modulus() / 4 ? 1 : 0;
      }
      // Half of what is uniform: the label party ends a training at the first one.
      int wrong = scale == 1 ? 0 : gradient.length / 2;
      assertThat(outside).isBetween(wrong - wrong / 5, wrong + wrong / 5);
    }
  }

  /**
   * A party whose software lets it bring columns for one person each: how their weights moved tells
   * outcomes, those of three of them known. A tenth of the people, set aside, tell nothing.
   */
  @Test
  void columnsForOnePersonEachTellTheirOutcomes() {
    int known = 3;
    long populations = Math.max(2, Figures.seeds().count());
    long right = LongStream.rangeClosed(1, populations).map(seed -> singledOut(seed, known)).sum();
    long people = populations * (OWN - known);
    Figures.print("columns for one person: %d of %d", right, people);
    assertThat(right).isGreaterThanOrEqualTo(5 * people / 8);
  }

  private static int singledOut(long seed, int known) {
    Population people = Population.of(ROWS, COLUMNS, seed);
    double one = Math.sqrt(ROWS - 1.0);
    double[] values = new double[ROWS * OWN];
    Arrays.setAll(values, at -> at / OWN == at % OWN ? one : -1 / one);
    Trained trained = Trained.of(people, new Matrix(ROWS, OWN, values), 0.1, 1);
    Matrix moved = new Matrix(OWN, HIDDEN, trained.moved());
    double[] signs = new double[OWN];
    for (int j = 0; j < known; j++) {
      signs[j] = 2 * people.y()[j] - 1;
    }
    double[] guesses = moved.times(moved.transposeTimes(signs));
    int right = 0;
    for (int j = known; j < OWN; j++) {
      right += (guesses[j] > 0 ? 1 : 0) == people.y()[j] ? 1 : 0;
    }
    return right;
  }
}
