package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import org.espalier.protocols.cost.Rates;
import org.espalier.protocols.cost.Work;
import org.junit.jupiter.api.Test;

class CalibrationTest {
  /** Every kind has a figure, and none an absurd one: seconds for 2^13 coefficients would be. */
  @Test
  void measuresEveryKindOfWork() {
    Rates rates = Calibration.measure();
    EnumSet<Work> measured =
        EnumSet.complementOf(EnumSet.of(Work.POINT, Work.BASE_TRANSFERS, Work.OPRF_KEY));
    assertThat(rates.seconds().keySet()).isEqualTo(measured);
    assertThat(rates.seconds().values()).allMatch(s -> s >= 0 && s < 3);
    for (Work work :
        EnumSet.of(Work.SLOT_ENCRYPTION, Work.SLOT_PRODUCT, Work.OPERAND_ENCRYPTION, Work.WAVE)) {
      assertThat(rates.seconds().get(work)).as(work.name()).isPositive();
    }
  }
}
