package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.glm.SealedPlan.Decision;
import org.espalier.protocols.glm.SealedPlan.Sums;
import org.espalier.protocols.glm.SealedSchedule.Stage;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Party;
import org.espalier.wire.Session;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** How many passes a training has, that they suffice where parties' columns are much alike. */
class SealedScheduleTest {
  private static final double L2 = 1e-4;

  private static TrainingJob job(int rows, int maxPasses, double tolerance) {
    return new TrainingJob(
        new Session("J-test", new byte[32], 1),
        new Party("bank"),
        List.of(new Party("f1")),
        rows,
        new TrainingSpec(Level.SEALED, L2, maxPasses, tolerance, false),
        0);
  }

  private static SealedSchedule schedule(
      int rows, int maxPasses, double tolerance, int... columns) {
    TrainingJob job = job(rows, maxPasses, tolerance);
    int sample = SealedPlan.sampleRows(rows, Arrays.stream(columns).sum() + 2);
    return SealedSchedule.of(job, Arrays.stream(columns).boxed().toList(), sample < rows);
  }

  private static double objective(TestData data, double[] weights, double intercept) {
    double[] z = Matrix.beside(data.parts()).times(weights);
    double sum = 0;
    for (int i = 0; i < z.length; i++) {
      double v = z[i] + intercept;
      sum += Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v))) - data.labels()[i] * v;
    }
    return sum / z.length + L2 / 2 * Arrays.stream(weights).map(w -> w * w).sum();
  }

  /** Without the passes that its columns ask for, level sealed ends 1e-3 from the minimum here. */
  @ParameterizedTest
  @EnumSource(
      value = Level.class,
      names = {"SEALED", "GRADIENTS"})
  void wideAndAlikeIsWithinTheTolerance(Level level) {
    double tolerance = 1e-4;
    TestData data = TestData.alike(2400, 5, 60, 60);
    CentralisedLogistic optimum =
        CentralisedLogistic.fit(Matrix.beside(data.parts()), data.labels(), L2);
    TrainingSpec spec =
        new TrainingSpec(level, L2, TrainingSpec.MAX_PASSES, tolerance, level == Level.GRADIENTS);
    TrainingRun run = TrainingRun.of(data, spec, new MemoryNetwork());
    double gap =
        objective(data, run.weights(), run.label().intercept())
            - objective(data, optimum.weights(), optimum.intercept());
    assertThat(gap).isBetween(-1e-9, tolerance);
    assertThat(run.label().converged()).isTrue();
    assertThat(run.label().findings()).isEmpty();
    if (level == Level.GRADIENTS) {
      assertThat(run.label().gap().estimate()).isBetween(gap / 2, tolerance);
    }
  }

  @Test
  void whereSomePassesAreNotAllowedTheResultSaysSo() {
    TestData data = TestData.alike(1000, 5, 20, 20);
    TrainingSpec spec = new TrainingSpec(Level.SEALED, L2, 9, 1e-4, false);
    LabelOutcome end = TrainingRun.of(data, spec, new MemoryNetwork()).label();
    assertThat(end.end()).isEqualTo(LabelOutcome.End.MAX_PASSES);
    assertThat(end.converged()).isFalse();
    assertThat(end.findings()).singleElement().asString().contains("9 passes", "max_passes");
    assertThat(end.parametersRun()).containsEntry("end", "max_passes");
  }

  @ParameterizedTest
  @CsvSource({
    "3000, 1e-4, 5, 5, 15",
    "30000, 1e-4, 5, 5, 15",
    "30000, 5e-5, 5, 5, 30",
    "30000, 1e-12, 5, 5, 75",
    "40000, 5e-5, 150, 150, 39",
    "20000, 5e-5, 500, 500, 57",
    "100000, 5e-5, 30, 300, 35",
    "120000, 5e-5, 450, 450, 53",
    "120000, 1e-3, 450, 450, 44",
  })
  void widerSlicesTakeMorePasses(int rows, double tolerance, int label, int feature, int passes) {
    SealedSchedule schedule = schedule(rows, 200, tolerance, label, feature);
    assertThat(schedule.totalPasses()).isEqualTo(passes).isEqualTo(schedule.wanted());
    assertThat(schedule.leastCurvature()).isBetween(1e-5, 0.3);
    assertThat(schedule.whole()).isTrue();
  }

  @Test
  void aMaximumOfPassesCutsTheSchedule() {
    SealedSchedule cut = schedule(100_000, 20, 5e-5, 30, 300);
    assertThat(cut.stages())
        .containsExactly(new Stage(8, false), new Stage(8, true), new Stage(2, true));
    assertThat(cut.whole()).isFalse();
    assertThat(cut.wanted()).isEqualTo(35);
  }

  /** Half of the step: the same range of curvatures takes half as many passes again. */
  @Test
  void shorterStepsTakeMorePasses() {
    SealedSchedule first = schedule(20_000, 200, 5e-5, 500, 500);
    SealedSchedule slower = first.slower(200);
    assertThat(slower.stages()).hasSameSizeAs(first.stages());
    assertThat(slower.stages().get(0)).isEqualTo(first.stages().get(0));
    assertThat(slower.totalPasses() - 15).isBetween(58, 62);
    assertThat(slower.whole()).isTrue();
    // Of few rows there are as many passes as help anyway.
    SealedSchedule longest = schedule(3000, 200, 1e-12, 5, 5);
    assertThat(longest.slower(200).stages()).isEqualTo(longest.stages()).hasSize(10);
    assertThat(longest.slower(200).whole()).isTrue();
    SealedSchedule cut = first.slower(60);
    assertThat(cut.stages()).isEqualTo(first.stages());
    assertThat(cut.whole()).isFalse();
  }

  /** Two stages' opened losses, with so little noise that they tell. */
  @ParameterizedTest
  @CsvSource({"0.4213, 1e-5, FALLING", "0.4213, 1e-3, SCHEDULE", "0.4300, 1e-5, SCHEDULE"})
  void aLossThatStillFallsIsSaid(double second, double noise, LabelOutcome.End end) {
    SealedPlan.Shape shape = new SealedPlan.Shape(42, 1000, 1000);
    SealedPlan plan =
        new SealedPlan(job(30_000, 200, 5e-5), List.of(shape, shape), SealedRange.TWENTY);
    assertThat(plan.gap().estimate()).isNaN();
    assertThat(plan.decide(plan.sample, false, new Sums(0, 14, 0.4235, noise)))
        .isEqualTo(Decision.GO_ON);
    assertThat(SealedLabel.end(plan)).isEqualTo(LabelOutcome.End.SCHEDULE);
    plan.decide(plan.sample, true, new Sums(0, 14, second, noise));
    assertThat(SealedLabel.end(plan)).isEqualTo(end);
    assertThat(SealedLabel.findings(plan, 30)).hasSize(end == LabelOutcome.End.FALLING ? 1 : 0);
    if (end == LabelOutcome.End.FALLING) {
      assertThat(SealedLabel.findings(plan, 30).get(0)).contains("2.2e-03", "gradients");
    }
  }

  /** On a quadratic, evenly over the range that it is made for, as the polynomial's value says. */
  @Test
  void chebyshevBringsAllCurvaturesDownEvenly() {
    int passes = 20;
    double damping = 2.5;
    double least = Math.pow(damping / (2 * passes), 2);
    for (double curvature : new double[] {least, 3 * least, 0.1, 0.5, 1}) {
      // One unit is a 2^20th; gradients are curvature times the distance from the minimum at 1.
      double unit = Math.scalb(1.0, 20);
      Momentum momentum = new Momentum();
      momentum.settle();
      double[] gradients = new double[passes];
      double w = 0;
      for (int s = 0; s < passes; s++) {
        gradients[s] = curvature * (w - 1);
        double[] direction = new double[s + 1];
        direction[s] = unit;
        momentum.step(direction, new Momentum.Curvature(least, 1));
        w = 0;
        long[] a = momentum.coefficients();
        for (int g = 0; g <= s; g++) {
          w -= a[g] / unit * gradients[g];
        }
      }
      assertThat(Math.abs(1 - w))
          .as("curvature %s", curvature)
          .isLessThanOrEqualTo(1.05 / Math.cosh(damping));
    }
  }
}
