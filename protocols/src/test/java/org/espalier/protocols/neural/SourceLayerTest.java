package org.espalier.protocols.neural;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.disclosure.NoPassLeft;
import org.espalier.protocols.fixedpoint.Ring;
import org.espalier.protocols.neural.top.TopLayers;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.shares.IntegerMatrix;
import org.espalier.protocols.shares.PrimeField;
import org.espalier.protocols.shares.Workspace;
import org.espalier.wire.Progress;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Shares and packed products against whole numbers in the clear. */
class SourceLayerTest {
  private static final int HIDDEN = 5;
  private static final int[] COLUMNS = {2, 3, 7};

  /** Slopes that are whole numbers of units, so that nothing is rounded; remembers what it sees. */
  private static final class Scripted implements TopLayers {
    private final List<double[]> seen = new ArrayList<>();
    private final List<double[]> slopes = new ArrayList<>();
    private final Random random = new Random(3);
    private final List<Decision> decisions;
    double unit;

    Scripted(Decision... decisions) {
      this.decisions = List.of(decisions);
    }

    @Override
    public void step(int epoch, int[] rows, double[] z, double[] slope) {
      for (int i = 0; i < slope.length; i++) {
        slope[i] = (random.nextInt(7) - 3) / unit;
      }
      seen.add(z.clone());
      slopes.add(slope.clone());
    }

    @Override
    public Decision epochEnds(int epoch) {
      return decisions.get(epoch - 1);
    }
  }

  private record Ends(double[] weights, SourcePlan plan, int epochs) {}

  private static int[] integers(int party, int rows) {
    Random random = new Random(party);
    return random.ints((long) rows * COLUMNS[party], -150, 151).toArray();
  }

  private static double[] first(int party, int allColumns) {
    Random random = new Random(100 + party);
    double[] weights =
        random
            .doubles((long) COLUMNS[party] * HIDDEN)
            .map(u -> random.nextGaussian() / Math.sqrt(allColumns))
            .toArray();
    return weights;
  }

  /** What both roles must agree with, computed in the clear. */
  private static final class Replay {
    final double[] kept;
    final double[] last;
    final double[] ownLast;
    final List<double[]> seen = new ArrayList<>();

    Replay(SourcePlan plan, Matrix own, List<double[]> slopes, int parties, int keptEpoch) {
      OwnColumns clear =
          new OwnColumns(own, plan.batches, plan.recency, HIDDEN, plan.job.spec().rate());
      int all = Arrays.stream(COLUMNS).limit(parties + 1L).sum();
      clear.begin(first(0, all));
      List<long[]> weights = new ArrayList<>();
      List<List<long[]>> gradients = new ArrayList<>();
      for (int p = 1; p <= parties; p++) {
        double scale = Math.scalb(1.0, plan.scale.weightBits());
        weights.add(Arrays.stream(first(p, all)).mapToLong(w -> Math.round(w * scale)).toArray());
        gradients.add(new ArrayList<>());
      }
      double[] keptWeights = null;
      for (int s = 0; s < slopes.size(); s++) {
        int batch = s % plan.batches.count();
        int from = plan.batches.from(batch);
        int rows = plan.batches.rows(batch);
        double[] z = clear.forward(batch);
        double[] slope = slopes.get(s);
        double unit = plan.slopeUnit(rows);
        for (int p = 1; p <= parties; p++) {
          int[] x = integers(p, plan.job.rows());
          int d = COLUMNS[p];
          long[] w = weights.get(p - 1);
          long[] gradient = new long[w.length];
          for (int i = 0; i < rows; i++) {
            for (int m = 0; m < HIDDEN; m++) {
              long sum = 0;
              for (int j = 0; j < d; j++) {
                int value = x[(from + i) * d + j];
                sum += value * w[j * HIDDEN + m];
                gradient[j * HIDDEN + m] += value * Math.round(slope[i * HIDDEN + m] * unit);
              }
              z[i * HIDDEN + m] += Math.scalb((double) sum, -plan.scale.activationBits());
            }
          }
          List<long[]> latest = gradients.get(p - 1);
          latest.add(gradient);
          for (int k = 0; k < Math.min(plan.recency.length(), latest.size()); k++) {
            long[] of = latest.get(latest.size() - 1 - k);
            for (int i = 0; i < w.length; i++) {
              w[i] -= plan.recency.factor(k) * of[i];
            }
          }
        }
        seen.add(z);
        clear.step(batch, slope);
        if (s + 1 == keptEpoch * plan.batches.count()) {
          keptWeights = flat(weights, plan);
        }
      }
      kept = keptWeights;
      last = flat(weights, plan);
      ownLast = clear.weights();
    }

    private static double[] flat(List<long[]> weights, SourcePlan plan) {
      return weights.stream()
          .flatMapToLong(Arrays::stream)
          .mapToDouble(w -> Math.scalb((double) w, -plan.scale.weightBits()))
          .toArray();
    }
  }

  private static SourceRun<Ends, Ends> run(
      SourceJob job, Scripted top, Matrix own, MemoryNetwork network) {
    int parties = job.featureParties().size();
    int all = Arrays.stream(COLUMNS).limit(parties + 1L).sum();
    Batches batches = new Batches(job);
    return SourceRun.of(
        job,
        network,
        channel -> channel,
        features -> {
          try (SourceLabel role = new SourceLabel(job, features, batches, own, top)) {
            top.unit = role.plan().slopeUnit(batches.rows(0));
            int epochs = role.train(first(0, all), EpochListener.NONE);
            role.open();
            return new Ends(role.weights().clone(), role.plan(), epochs);
          }
        },
        (number, label, others) -> {
          int d = COLUMNS[number];
          int[] x = integers(number, job.rows());
          IntegerMatrix matrix =
              new IntegerMatrix(
                  job.rows(),
                  d,
                  Workspace.inMemory(),
                  (from, count, values) -> {
                    for (int i = 0; i < count * d; i++) {
                      values[i] = (short) x[from * d + i];
                    }
                  });
          try (SourceFeature role = new SourceFeature(job, label, others, batches, matrix)) {
            int epochs = role.train(first(number, all), Progress.NONE, epoch -> {});
            return new Ends(role.open(), role.plan(), epochs);
          }
        });
  }

  private static Matrix own(int rows) {
    Random random = new Random(9);
    return new Matrix(
        rows,
        COLUMNS[0],
        random.doubles((long) rows * COLUMNS[0]).map(u -> random.nextGaussian()).toArray());
  }

  private static double[] weights(SourceRun<Ends, Ends> run) {
    return run.features().stream().flatMapToDouble(f -> Arrays.stream(f.weights())).toArray();
  }

  /** 3 batches of 64 rows, so that a unit of slopes is a power of two. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void sharesAndPackedProductsAreThoseOfWholeNumbersInTheClear(int parties) {
    SourceSpec spec = new SourceSpec(HIDDEN, 64, 5, 0.5, 0.5, true);
    SourceJob job = SourceRun.job(192, parties, spec, 0);
    Scripted top =
        new Scripted(
            TopLayers.Decision.GO_ON,
            TopLayers.Decision.GO_ON,
            TopLayers.Decision.GO_ON,
            TopLayers.Decision.GO_ON,
            TopLayers.Decision.GO_ON);
    SourceRun<Ends, Ends> run = run(job, top, own(192), new MemoryNetwork());

    SourcePlan plan = run.label().plan();
    assertThat(run.label().epochs()).isEqualTo(5);
    assertThat(plan.scale.activationBits() + 3).isLessThanOrEqualTo(plan.scale.plainBits());
    Replay replay = new Replay(plan, own(192), top.slopes, parties, 5);
    assertThat(top.seen).hasSize(15);
    double noise = parties * (Math.scalb(1.0, -Disclosure.ACTIVATION_NOISE_BITS) + 0x1p-12);
    double largest = 0;
    for (int s = 0; s < 15; s++) {
      assertThat(top.seen.get(s)).containsExactly(replay.seen.get(s), within(noise));
      for (int i = 0; i < top.seen.get(s).length; i++) {
        largest = Math.max(largest, Math.abs(top.seen.get(s)[i] - replay.seen.get(s)[i]));
      }
    }
    assertThat(largest).isGreaterThan(0.8 * Math.scalb(1.0, -Disclosure.ACTIVATION_NOISE_BITS));
    double opened = Math.scalb(1.0, -SourcePlan.OPENED_BITS);
    assertThat(weights(run)).containsExactly(replay.last, within(opened));
    assertThat(run.label().weights()).containsExactly(replay.ownLast, within(1e-12));
  }

  @Test
  void theStateThatWasKeptComesBack() {
    SourceSpec spec = new SourceSpec(HIDDEN, 64, 9, 0.5, 0.5, true);
    SourceJob job = SourceRun.job(192, 2, spec, 0);
    Scripted top =
        new Scripted(
            TopLayers.Decision.GO_ON,
            TopLayers.Decision.KEEP,
            TopLayers.Decision.GO_ON,
            TopLayers.Decision.STOP_AT_KEPT);
    SourceRun<Ends, Ends> run = run(job, top, own(192), new MemoryNetwork());

    assertThat(run.label().epochs()).isEqualTo(4);
    assertThat(run.features()).allMatch(end -> end.epochs() == 4);
    Replay replay = new Replay(run.label().plan(), own(192), top.slopes, 2, 2);
    double opened = Math.scalb(1.0, -SourcePlan.OPENED_BITS);
    assertThat(weights(run)).containsExactly(replay.kept, within(opened));
    assertThat(replay.kept).isNotEqualTo(replay.last);
  }

  @Test
  void batchesAreThoseOfTheJobAndCoverTheCohort() {
    SourceSpec spec = new SourceSpec(4, 30, 5, 0.1, 0, true);
    Batches batches = new Batches(SourceRun.job(100, 1, spec, 0));
    assertThat(batches.count()).isEqualTo(3);
    int[] seen = new int[100];
    for (int batch = 0; batch < 3; batch++) {
      assertThat(batches.rows(batch)).isBetween(33, 34);
      for (int i = 0; i < batches.rows(batch); i++) {
        seen[batches.row(batches.from(batch) + i)]++;
      }
    }
    assertThat(seen).containsOnly(1);
    assertThat(batches.from(3)).isEqualTo(100);
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.5, 0.9, 0.95})
  void wholeNumbersOfMomentumFollowIt(double momentum) {
    Recency recency = new Recency(momentum);
    int sum = 0;
    for (int k = 0; k < recency.length(); k++) {
      sum += recency.factor(k);
      double exact = (1 - Math.pow(momentum, k + 1)) / (1 - momentum);
      assertThat(Math.scalb((double) sum, -recency.bits())).isCloseTo(exact, within(1.0 / 16));
    }
    assertThat(sum).isEqualTo(recency.total());
  }

  @Test
  void productsOfABatchAreExactAtTheLargestSums() {
    PrimeField field = new PrimeField(140737488273409L);
    int rows = 33;
    int columns = 40;
    int[] x = new Random(5).ints((long) rows * columns, -32767, 32768).toArray();
    IntegerMatrix matrix =
        new IntegerMatrix(
            rows,
            columns,
            Workspace.inMemory(),
            (from, count, values) -> {
              for (int i = 0; i < count * columns; i++) {
                values[i] = (short) x[from * columns + i];
              }
            });
    BatchProducts products = new BatchProducts(field, columns, 3, 24);
    products.load(matrix, 1, 32);
    long[] w = new long[columns * 3];
    long[] e = new long[32 * 3];
    Arrays.fill(w, field.modulus() - 1);
    Arrays.fill(e, field.modulus() - 2);
    long[] forward = new long[32 * 3];
    long[] backward = new long[columns * 3];
    products.forward(w, forward);
    products.backward(e, backward);
    for (int i = 0; i < 32; i++) {
      long sum = 0;
      for (int j = 0; j < columns; j++) {
        sum -= x[(i + 1) * columns + j];
      }
      assertThat(forward[i * 3 + 2]).isEqualTo(field.residue(sum));
    }
    for (int j = 0; j < columns; j++) {
      long sum = 0;
      for (int i = 0; i < 32; i++) {
        sum -= 2L * x[(i + 1) * columns + j];
      }
      assertThat(backward[j * 3]).isEqualTo(field.residue(sum));
    }
  }

  private static List<Matrix> gaussian(int rows, int... columns) {
    Random random = new Random(1);
    return Arrays.stream(columns)
        .mapToObj(
            d ->
                new Matrix(
                    rows,
                    d,
                    random.doubles((long) rows * d).map(u -> random.nextGaussian()).toArray()))
        .toList();
  }

  /** As many as are allowed, of people that were counted before. */
  @Test
  void trainingEndsWhereTheCountOfOpenedNumbersEnds() {
    List<Matrix> parts = gaussian(800, 2, 33, 40);
    double[] labels = new double[800];
    SourceSpec spec = new SourceSpec(4, 100, 6, 0.1, 0, false);
    SourceRun<LabelSource, FeatureSource> run =
        SourceRun.train(parts, spec, new SmallTop(labels, 4, 0.1, 0, 1), new MemoryNetwork());
    assertThat(run.label().epochs()).isEqualTo(73 / 4 / 4);
    assertThat(run.label().findings()).anyMatch(f -> f.contains("4 of 6 epochs"));
    assertThat(run.features()).allMatch(f -> f.epochs() == 4);

    SourceJob counted = SourceRun.job(800, 2, spec, 16);
    assertThatThrownBy(
            () ->
                SourceRun.of(
                    counted,
                    new MemoryNetwork(),
                    channel -> channel,
                    features ->
                        SourceProtocol.of(spec)
                            .label(
                                SourceRun.job(800, 2, spec, 0),
                                features,
                                parts.get(0),
                                new SmallTop(labels, 4, 0.1, 0, 1),
                                EpochListener.NONE),
                    (number, label, others) ->
                        SourceProtocol.of(spec)
                            .feature(
                                counted,
                                label,
                                others,
                                parts.get(number),
                                Progress.NONE,
                                epoch -> {
                                  throw new AssertionError("an epoch began");
                                })))
        .isInstanceOf(NoPassLeft.class)
        .hasMessageContaining("f1")
        .hasMessageContaining("73");
  }

  /** A top that pushes as hard as it can: gradients are shortened, and then the range ends it. */
  @Test
  void weightsThatGrowWithoutEndAreAClearError() {
    List<Matrix> parts = gaussian(128, 0, 3);
    TopLayers pushing =
        new TopLayers() {
          @Override
          public void step(int epoch, int[] rows, double[] z, double[] slope) {
            for (int i = 0; i < slope.length; i++) {
              slope[i] = z[i] > 0 ? -100 : 100;
            }
          }

          @Override
          public Decision epochEnds(int epoch) {
            return Decision.GO_ON;
          }
        };
    SourceSpec spec = new SourceSpec(2, 64, 200, 1, 0, true);
    assertThatThrownBy(() -> SourceRun.train(parts, spec, pushing, new MemoryNetwork()))
        .isInstanceOf(Ring.RangeError.class)
        .hasMessageContaining("within which the source layer is exact");
    TopLayers broken =
        new TopLayers() {
          @Override
          public void step(int epoch, int[] rows, double[] z, double[] slope) {
            slope[0] = Double.NaN;
          }

          @Override
          public Decision epochEnds(int epoch) {
            return Decision.GO_ON;
          }
        };
    assertThatThrownBy(() -> SourceRun.train(parts, spec, broken, new MemoryNetwork()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("slopes without bounds");
  }

  @Test
  void whatDoesNotFitAnyRingIsRefused() {
    SourceSpec spec = new SourceSpec(4, 64, 5, 0.001, 0.95, true);
    Recency recency = new Recency(0.95);
    assertThatThrownBy(() -> SourceScale.of(spec, recency, 1 << 20, 1 << 14, 1e5, 100))
        .isInstanceOf(Ring.RangeError.class)
        .hasMessageContaining("57 are possible");
    assertThatThrownBy(() -> SourceRun.job(64, 1, new SourceSpec(4, 64, 9, 0.1, 0, true), 0))
        .hasMessageContaining("fewer than 10 steps");
    assertThatThrownBy(() -> new SourceSpec(0, 64, 1, 0.1, 0, true)).hasMessageContaining("hidden");
    assertThatThrownBy(() -> new SourceSpec(1, 64, 1, Double.NaN, 0, true))
        .hasMessageContaining("rate");
  }
}
