package org.espalier.psi.curve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SlicesTest {
  @ParameterizedTest
  @ValueSource(ints = {0, 1, Curve.BATCH - 1, Curve.BATCH, Curve.BATCH + 1, 40 * Curve.BATCH + 7})
  void everyElementComesOnce(int count) {
    AtomicIntegerArray seen = new AtomicIntegerArray(count);
    int lowest =
        Slices.lowest(
            count,
            (from, to) -> {
              for (int i = from; i < to; i++) {
                seen.incrementAndGet(i);
              }
              return from >= 5 * Curve.BATCH ? to - 1 : -1;
            });
    for (int i = 0; i < count; i++) {
      assertThat(seen.get(i)).isEqualTo(1);
    }
    assertThat(lowest).isEqualTo(count > 5 * Curve.BATCH ? 6 * Curve.BATCH - 1 : -1);
  }

  @Test
  void aFailureArrivesAndAnInterruptionStays() {
    Thread.currentThread().interrupt();
    assertThatThrownBy(
            () ->
                Slices.lowest(
                    20 * Curve.BATCH,
                    (from, to) -> {
                      if (from == 7 * Curve.BATCH) {
                        throw new IllegalArgumentException("seven");
                      }
                      return -1;
                    }))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("seven");
    assertThat(Thread.interrupted()).isTrue();
    assertThatThrownBy(
            () ->
                Slices.lowest(
                    1,
                    (from, to) -> {
                      throw new AssertionError("slice");
                    }))
        .isInstanceOf(IllegalStateException.class)
        .hasCauseInstanceOf(AssertionError.class);
  }
}
