package org.espalier.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.espalier.protocols.glm.CentralisedLogistic;
import org.espalier.protocols.prepare.Matrix;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is computed from measured figures: limits, extrapolations, optima and plots. */
class FiguresTest {
  @TempDir Path folder;

  private static Run run(double seconds, double megabytes, long peak, double gap) {
    return new Run(
        "espalier",
        "loopback",
        seconds,
        seconds,
        megabytes,
        "",
        peak,
        peak / 2,
        "8 passes",
        new Run.Quality(0.3, gap, 0.3, 0.9),
        true,
        "",
        "128 bits",
        "",
        List.of(),
        List.of());
  }

  @Test
  void aLimitIsMissedOnlyByMore() {
    assertThat(JointLr.limits("sealed", "loopback", run(15, 500, 1_000_000_000, 1e-4)))
        .hasSize(4)
        .allMatch(Limit::met)
        .allMatch(limit -> limit.ratio() == 1);
    assertThat(JointLr.limits("sealed", "loopback", run(15.1, 501, 1_000_000_001, 1.1e-4)))
        .noneMatch(Limit::met);
    assertThat(JointLr.limits("gradients", "loopback", run(6, 60, 2_000_000_000, 2e-4)))
        .hasSize(3)
        .noneMatch(Limit::met);
    // On the slow line the line decides the time.
    assertThat(JointLr.limits("gradients", "wan", run(100, 50, 1, 0))).allMatch(Limit::met);
  }

  @Test
  void extrapolationIsExactWhereItsFormulaIs() {
    List<LargeLr.Point> points = new ArrayList<>();
    for (int d : new int[] {10, 30}) {
      for (int n : new int[] {100, 300}) {
        double preparing = 1e-6 * n * d * d;
        points.add(
            new LargeLr.Point(
                "sealed",
                n,
                d,
                preparing + 1e-4 * n * d,
                preparing,
                0,
                5 + 0.1 * n + 0.2 * d + 0.003 * n * d,
                50 + 0.01 * n * d,
                30,
                null));
      }
    }
    LargeLr.Extrapolated whole = LargeLr.Extrapolated.of(points, 8000, 1500);
    assertThat(whole.seconds())
        .isCloseTo(1e-6 * 8000 * 1500 * 1500 + 1e-4 * 8000 * 1500, within(1e-6));
    assertThat(whole.megabytes())
        .isCloseTo(5 + 0.1 * 8000 + 0.2 * 1500 + 0.003 * 8000 * 1500, within(1e-6));
    assertThat(whole.peakMegabytes()).isCloseTo(50 + 0.01 * 8000 * 1500, within(1e-6));
    assertThat(new LargeLr.Sizes(100, 10, 3).shapes())
        .extracting(shape -> shape.rows() + "x" + shape.featureColumns())
        .containsExactly("100x10", "300x10", "100x30", "300x30");
  }

  @Test
  void conjugateGradientsFindTheOptimumThatNewtonFinds() {
    SplittableRandom random = new SplittableRandom(5);
    int d = 12;
    double[] values = new double[800 * d];
    double[] y = new double[800];
    for (int i = 0; i < y.length; i++) {
      double logit = -1;
      for (int j = 0; j < d; j++) {
        values[i * d + j] = random.nextGaussian() + (j > 0 ? values[i * d + j - 1] : 0);
        logit += 0.4 * (j % 3 - 1) * values[i * d + j];
      }
      y[i] = random.nextDouble() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
    }
    Matrix x = new Matrix(y.length, d, values);
    CentralisedLogistic exact = CentralisedLogistic.fit(x, y, 1e-3);
    CentralisedLogistic found = ConjugateNewton.fit(x, y, 1e-3);
    assertThat(found.objective()).isBetween(exact.objective() - 1e-12, exact.objective() + 1e-9);
    assertThat(found.intercept()).isCloseTo(exact.intercept(), within(1e-3));
  }

  @Test
  void curvesGrowInOneDirectionEach() {
    List<Scaling.Size> sizes =
        Scaling.sizes(
            List.of("rows", "features", "parties"), List.of(10, 20), List.of(7), List.of(2, 5));
    assertThat(sizes).extracting(Scaling.Size::value).containsExactly(10, 20, 7, 2, 5);
    assertThat(sizes.get(2).label() + sizes.get(2).features()).isEqualTo(7);
  }

  @Test
  void plotsShowWhatIsRecordedAndNothingElse() throws Exception {
    Path results = Files.createDirectories(folder.resolve("results"));
    Path plots = folder.resolve("plots");
    assertThat(Plots.draw(results, plots)).isEmpty();
    ObjectMapper json = new ObjectMapper();
    var scaling = json.createObjectNode();
    List<Scaling.Point> points = new ArrayList<>();
    for (int n : new int[] {10_000, 100_000}) {
      for (String level : List.of("gradients", "sealed")) {
        points.add(
            new Scaling.Point(
                level, new Scaling.Size("rows", n, 10, 10, 2), n, n / 1e4, 1, n / 1e3, 1, 1, 0));
      }
    }
    scaling.set("points", json.valueToTree(points));
    json.writeValue(results.resolve("scaling.json").toFile(), scaling);
    var own = json.createObjectNode().put("data", "100 x (3 + 30)");
    own.set("runs", json.valueToTree(List.of(run(12, 456, 1, 0))));
    json.writeValue(results.resolve("lr-w1.json").toFile(), own);
    assertThat(Plots.draw(results, plots))
        .extracting(p -> p.getFileName().toString())
        .containsExactly("scaling-rows.svg", "lr-w1.svg");
    assertThat(Files.readString(plots.resolve("scaling-rows.svg")))
        .contains("seconds, 2 parties, 20 features: gradients; sealed. MB sent by all parties, ");
    String bars = Files.readString(plots.resolve("lr-w1.svg"));
    assertThat(bars).contains("seconds, 100 × (3 + 30): loopback. MB, 100 × (3 + 30): loopback.");
    own.set("runs", json.valueToTree(List.of(run(3, 456, 1, 0))));
    json.writeValue(results.resolve("lr-w1.json").toFile(), own);
    json.writeValue(results.resolve("psi-2e20.json").toFile(), own.put("rows", 1_048_576));
    assertThat(Plots.draw(results, plots)).contains(plots.resolve("psi-2e20.svg"));
    assertThat(Files.readString(plots.resolve("psi-2e20.svg")))
        .contains("seconds, 2 × 1,048,576 identifiers: loopback. MB, 2 × 1,048,576");
    assertThat(Files.readString(plots.resolve("lr-w1.svg"))).isNotEqualTo(bars);
    Plots.draw(results, plots);
    String again = Files.readString(plots.resolve("lr-w1.svg"));
    Plots.draw(results, plots);
    assertThat(Files.readString(plots.resolve("lr-w1.svg"))).isEqualTo(again);
  }
}
