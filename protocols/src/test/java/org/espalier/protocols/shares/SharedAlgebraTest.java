package org.espalier.protocols.shares;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.espalier.he.HeContext;
import org.espalier.he.LaneLayout;
import org.espalier.he.ParameterChooser;
import org.espalier.he.SealedParameters;
import org.espalier.he.SealedWorkload;
import org.espalier.protocols.mask.Prg;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Products and functions of shares against plain arithmetic. */
class SharedAlgebraTest {
  private static final Party HOLDER = new Party("bank");
  private static final Party OWNER = new Party("insurer");

  private final SealedParameters parameters =
      SealedParameters.choose(new SealedWorkload(57, 1 << 14, 1 << 20, 102, 2000));
  private final ParameterChooser.Choice choice = parameters.matrix();
  private final HeContext context = HeContext.of(choice.parameters());
  private final HeContext slots = HeContext.of(parameters.slots().parameters());
  private final PrimeField field = new PrimeField(choice.parameters().plain());
  private final MemoryNetwork network = new MemoryNetwork();
  private final Random random = new Random(5);

  @AfterEach
  void close() {
    context.close();
    slots.close();
  }

  private IntegerMatrix matrix(int rows, int columns) {
    return matrix(rows, columns, Workspace.inMemory());
  }

  private IntegerMatrix matrix(int rows, int columns, Workspace workspace) {
    int[] x = random.ints((long) rows * columns, -300, 300).toArray();
    return new IntegerMatrix(
        rows,
        columns,
        workspace,
        (from, count, values) -> {
          for (int k = 0; k < count * columns; k++) {
            values[k] = (short) x[from * columns + k];
          }
        });
  }

  private BigInteger dot(IntegerMatrix x, boolean row, int index, long[] v) {
    BigInteger sum = BigInteger.ZERO;
    int[] entries = row ? x.values(index, 1) : x.values(0, v.length);
    for (int k = 0; k < v.length; k++) {
      int entry = entries[row ? k : k * x.columns() + index];
      sum = sum.add(BigInteger.valueOf(entry).multiply(BigInteger.valueOf(v[k])));
    }
    return sum.mod(BigInteger.valueOf(field.modulus()));
  }

  @Test
  void fieldArithmeticIsExactAtItsEdges() {
    long t = field.modulus();
    BigInteger modulus = BigInteger.valueOf(t);
    long[] edges = {0, 1, 2, t / 2, t / 2 + 1, t - 2, t - 1};
    for (long a : edges) {
      for (long b : edges) {
        for (long sign : new long[] {1, -1}) {
          assertThat(field.multiply(a, sign * b))
              .isEqualTo(
                  BigInteger.valueOf(a)
                      .multiply(BigInteger.valueOf(sign * b))
                      .mod(modulus)
                      .longValueExact());
        }
        assertThat(field.add(a, b)).isEqualTo((a + b) % t);
        assertThat(field.subtract(a, b)).isEqualTo(Math.floorMod(a - b, t));
      }
    }
    for (int i = 0; i < 100_000; i++) {
      long a = random.nextLong(t);
      long b = random.nextLong(-t + 1, t);
      assertThat(field.multiply(a, b))
          .isEqualTo(
              BigInteger.valueOf(a).multiply(BigInteger.valueOf(b)).mod(modulus).longValueExact());
    }
  }

  @Test
  void plainProductsAreExact() {
    productsAreExact(matrix(5000, 7));
  }

  @Test
  void aLargeSliceLiesInAFileWithoutAName(@TempDir Path folder) throws IOException {
    IntegerMatrix x = matrix(5000, 7, new Workspace(1000, folder));
    assertThat(x.inFile()).isTrue();
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).isEmpty();
    }
    productsAreExact(x);
  }

  @Test
  void aFolderThatCannotHoldTheSliceIsNamed(@TempDir Path folder) throws IOException {
    Path file = Files.createFile(folder.resolve("occupied"));
    assertThatThrownBy(() -> matrix(5000, 7, new Workspace(1000, file)))
        .isInstanceOf(Workspace.WorkspaceException.class)
        .hasMessageContaining("occupied");
  }

  private void productsAreExact(IntegerMatrix x) {
    int first = 321;
    int rows = 4679;
    IntegerMatrix part = x.rows(first, rows);
    long[] w = field.uniform(Prg.fresh(), 7);
    long[] r = field.uniform(Prg.fresh(), rows);
    long[] z = part.times(field, w);
    for (int i : new int[] {0, 1, 2047, 2048, 4678}) {
      assertThat(z[i]).isEqualTo(dot(x, true, first + i, w).longValueExact());
    }
    long[] padded = new long[first + rows];
    System.arraycopy(r, 0, padded, first, rows);
    long[] g = part.transposeTimes(field, r);
    for (int j = 0; j < 7; j++) {
      assertThat(g[j]).isEqualTo(dot(x, false, j, padded).longValueExact());
    }
    assertThatThrownBy(() -> part.rows(1, rows)).isInstanceOf(IllegalArgumentException.class);
  }

  private boolean near(long residue, BigInteger expected) {
    return Math.abs(field.centre(field.subtract(residue, expected.longValueExact()))) <= 1 << 7;
  }

  @ParameterizedTest
  @CsvSource({"700, 9, 4, 2, 3, true", "1300, 5, 16, 4, 16, true", "300, 3, 1, 1, 1, false"})
  void correlationsAddUpToTheProducts(
      int rows, int columns, int lanes, int width, int vectors, boolean forward) {
    IntegerMatrix x = matrix(rows + 10, columns);
    LaneLayout layout = new LaneLayout(choice.parameters().degree(), lanes, width);
    Correlations.Shape shape = new Correlations.Shape(layout, vectors, rows, choice.replyLimbs());
    Channel up = network.channel(OWNER, HOLDER);
    Channel down = network.channel(HOLDER, OWNER);
    CompletableFuture<Correlations.Owned> owner =
        CompletableFuture.supplyAsync(() -> Correlations.own(context, shape, up, x, forward));
    Correlations.Held held =
        Correlations.hold(
                context,
                field,
                shape,
                Map.of(OWNER, new Correlations.Owner(down, columns, forward)))
            .get(OWNER);
    Correlations.Owned owned = owner.join();
    for (int s = 0; s < vectors; s++) {
      for (int j = 0; j < columns; j++) {
        long sum = field.add(held.gamma()[s][j], owned.delta()[s][j]);
        assertThat(near(sum, dot(x, false, j, held.rho()[s]))).isTrue();
      }
      for (int i = 0; forward && i < rows; i++) {
        long sum = field.add(held.sigma()[s][i], owned.tau()[s][i]);
        assertThat(near(sum, dot(x, true, i, held.b()[s]))).isTrue();
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 0",
    "1000, 1, 0",
    "5001, 1, 1",
    "8192, 1, 1",
    "8193, 1, 1",
    "10000, 1, 1",
    "27000, 2, 2",
    "99000, 7, 6",
    "106000, 7, 7"
  })
  void blocksAreDealtOutBetweenTheSides(int rows, int first, int second) {
    SharedSeries.Layout layout = new SharedSeries.Layout(8192, rows, new Spectrum(5, 0), 4, 10, 10);
    int[] ofFirst = layout.heldBy(true);
    int[] ofSecond = layout.heldBy(false);
    assertThat(ofFirst).hasSize(first);
    assertThat(ofSecond).hasSize(second);
    assertThat(IntStream.range(0, layout.blocks()).map(layout::rowsIn).sum()).isEqualTo(rows);
    for (int block = 1; block < layout.blocks(); block++) {
      assertThat(layout.firstRow(block))
          .isEqualTo(layout.firstRow(block - 1) + layout.rowsIn(block - 1));
    }
    assertThat(IntStream.concat(Arrays.stream(ofFirst), Arrays.stream(ofSecond)).sorted())
        .containsExactlyElementsOf(IntStream.range(0, layout.blocks()).boxed().toList());
  }

  @ParameterizedTest
  @CsvSource({
    "700, 13, false, 4",
    "9000, 10, false, 4",
    "1000, 51, true, 1",
    "1000, 51, false, 1",
    "9000, 17, true, 3",
    "8001, 12, false, 4",
    "30000, 5, false, 4"
  })
  void seriesOfSharesAreThoseOfTheSum(int rows, int largest, boolean oddOnly, int divisor) {
    Spectrum spectrum = oddOnly ? new Spectrum((largest + 1) / 2, 0) : Spectrum.all(largest);
    SharedSeries.Layout layout =
        new SharedSeries.Layout(choice.parameters().degree(), rows, spectrum, divisor, 10, 10);
    double period = Math.scalb((double) field.modulus(), -50) / divisor;
    double range = (oddOnly ? 0.2 : 0.34) * period;
    Series sigmoid = Series.odd(z -> 1 / (1 + Math.exp(-z)) - 0.5, spectrum, period, range);
    Series identity = Series.odd(z -> z, spectrum, period, range);
    Series even = Series.even(z -> Math.log(2 * Math.cosh(z / 2)), spectrum, period, range);
    Series both = Series.of(z -> Math.exp(z / range), z -> 1, 1e-6, spectrum, period, range);
    double[] z = random.doubles(rows, -range, range).toArray();
    long[] a = field.uniform(Prg.fresh(), rows);
    long[] b = new long[rows];
    Arrays.setAll(b, i -> field.subtract(field.residue(Math.round(Math.scalb(z[i], 50))), a[i]));
    Channel up = network.channel(OWNER, HOLDER);
    Channel down = network.channel(HOLDER, OWNER);
    int first = 50;
    List<List<SharedSeries.Term>> functions =
        List.of(
            List.of(
                new SharedSeries.Term(identity, 3, 0, first),
                new SharedSeries.Term(sigmoid, 1, first, rows)),
            List.of(new SharedSeries.Term(both, 1, first, rows)));
    List<List<SharedSeries.Term>> sums = List.of(List.of(new SharedSeries.Term(even, 1, 0, rows)));
    CompletableFuture<SharedSeries.Shares> other =
        CompletableFuture.supplyAsync(
            () -> {
              try (SharedSeries second = new SharedSeries(slots, field, up, 2, false)) {
                return second.evaluate(layout, b, functions, sums);
              }
            });
    try (SharedSeries side = new SharedSeries(slots, field, down, 2, true)) {
      SharedSeries.Shares mine = side.evaluate(layout, a, functions, sums);
      SharedSeries.Shares theirs = other.join();
      double worst = 0;
      double squares = 0;
      double ofBoth = 0;
      for (int i = 0; i < rows; i++) {
        double got =
            Math.scalb(
                (double) field.centre(field.add(mine.rows()[0][i], theirs.rows()[0][i])), -20);
        double want = i < first ? 3 * identity.value(z[i]) : sigmoid.value(z[i]);
        worst = Math.max(worst, Math.abs(got - want));
        squares += i < first ? 0 : (got - want) * (got - want) / rows;
        double second =
            Math.scalb(
                (double) field.centre(field.add(mine.rows()[1][i], theirs.rows()[1][i])), -20);
        double due = i < first ? 0 : both.value(z[i]) - both.constant();
        ofBoth += (second - due) * (second - due) / rows;
      }
      assertThat(Math.sqrt(ofBoth)).isLessThan(0.006);
      assertThat(worst).isLessThan(0.15);
      assertThat(Math.sqrt(squares)).isLessThan(0.003);
      double sum =
          Math.scalb((double) field.centre(field.add(mine.sums()[0], theirs.sums()[0])), -20);
      double want = Arrays.stream(z).map(v -> even.value(v) - even.constant()).sum();
      assertThat(sum).isCloseTo(want, within(0.02 * Math.sqrt(rows) * even.harmonics()));
    }
  }
}
