package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class RegressionFiguresTest {
  @Test
  void figuresOfASmallExampleByHand() {
    RegressionFigures figures =
        RegressionFigures.of(new double[] {1, 2, 3, 6}, new double[] {1, 3, 3, 4});
    assertThat(figures.rows()).isEqualTo(4);
    assertThat(figures.rmse()).isCloseTo(Math.sqrt(5.0 / 4), within(1e-15));
    assertThat(figures.mae()).isCloseTo(0.75, within(1e-15));
    // Outcomes' mean 2.75: squares 3.0625 + 0.0625 + 0.0625 + 1.5625 = 4.75.
    assertThat(figures.r2()).isCloseTo(1 - 5 / 4.75, within(1e-15));
    assertThat(figures.toJson().path("r2").asDouble()).isNegative();
  }

  @Test
  void equalOutcomesHaveNoVarianceToExplain() {
    RegressionFigures figures = RegressionFigures.of(new double[] {1, 2}, new double[] {2, 2});
    assertThat(figures.r2()).isNull();
    assertThat(figures.toJson().path("r2").isNull()).isTrue();
    assertThat(RegressionFigures.of(new double[] {2}, new double[] {2}).rmse()).isZero();
  }

  @Test
  void lengthsMustFit() {
    assertThatThrownBy(() -> RegressionFigures.of(new double[1], new double[2]))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> RegressionFigures.of(new double[0], new double[0]))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
