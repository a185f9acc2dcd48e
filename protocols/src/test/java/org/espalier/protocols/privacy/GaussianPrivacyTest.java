package org.espalier.protocols.privacy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvFileSource;

/** Against what Google's accounting library says (gaussian.py). */
class GaussianPrivacyTest {
  private static final String VALUES = "/org/espalier/protocols/privacy/gaussian.csv";

  @ParameterizedTest
  @CsvFileSource(resources = VALUES, numLinesToSkip = 1)
  void agreesWithAPublishedAccountant(
      String kind, double sigma, int count, double exact, double bound, double delta) {
    GaussianPrivacy told = new GaussianPrivacy(1 / sigma).times(count);
    if (kind.equals("composed")) {
      // The library rounds privacy losses up to a grid of 1e-5.
      assertThat(told.epsilon(delta)).isCloseTo(exact, within(2e-4)).isLessThan(bound);
    } else {
      assertThat(1 / GaussianPrivacy.within(exact, delta).mu())
          .isCloseTo(sigma, Percentage.withPercentage(1e-4));
    }
  }

  @Test
  void budgetsAreKeptAndUsedUp() {
    for (double epsilon : new double[] {0.01, 0.3, 1, 8, 20}) {
      for (double delta : new double[] {1e-12, 1e-7, 1e-3}) {
        GaussianPrivacy told = GaussianPrivacy.within(epsilon, delta);
        assertThat(told.delta(epsilon))
            .isLessThanOrEqualTo(delta)
            .isCloseTo(delta, Percentage.withPercentage(1e-3));
        assertThat(told.epsilon(delta))
            .isLessThanOrEqualTo(epsilon)
            .isCloseTo(epsilon, within(1e-6));
      }
    }
  }

  @Test
  void addsUpAsRootOfSquares() {
    GaussianPrivacy told = new GaussianPrivacy(0.3).and(new GaussianPrivacy(0.4));
    assertThat(told.mu()).isCloseTo(0.5, within(1e-15));
    assertThat(GaussianPrivacy.NOTHING_TOLD.and(told)).isEqualTo(told);
    assertThat(GaussianPrivacy.NOTHING_TOLD.epsilon(1e-9)).isZero();
    assertThat(new GaussianPrivacy(0.5).times(4).mu()).isCloseTo(1, within(1e-15));
  }

  @Test
  void tailsAreRightFarOut() {
    // e^ε overflows nowhere and the tail beside it does not vanish.
    assertThat(new GaussianPrivacy(60).delta(900)).isBetween(0.99, 1.0);
    assertThat(new GaussianPrivacy(0.01).delta(1)).isBetween(0.0, 1e-300);
  }

  @Test
  void budgetsOutsideOfSenseAreRefused() {
    assertThatThrownBy(() -> new LabelPrivacy(0, 1e-6, 2)).hasMessageContaining("epsilon is 0.01");
    assertThatThrownBy(() -> new LabelPrivacy(1, 0.01, 2)).hasMessageContaining("delta is");
    assertThatThrownBy(() -> new LabelPrivacy(1, 1e-6, 0.5)).hasMessageContaining("clip is");
    assertThatThrownBy(() -> new GaussianPrivacy(-1)).hasMessageContaining("μ");
  }
}
