package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AlignChoiceTest {
  private static final JobSpec OPEN =
      JobSpec.yaml(
          "job.yaml",
          """
          name: risk
          purpose: research
          label: {party: bank.example, column: bad}
          parties: {bank.example: {dataset: people}, insurer.example: {dataset: people}}
          match: [[{column: id}]]
          """);

  private static AlignChoice choice(double ecdhSeconds, double oprfSeconds) {
    return AlignChoice.cheaper(
        OPEN,
        2_000_000,
        Map.of(
            "ecdh", new AlignChoice.Cost(ecdhSeconds, 176_000_000),
            "oprf", new AlignChoice.Cost(oprfSeconds, 39_000_000)));
  }

  @Test
  void theFasterProtocolIsTakenAndItsGateNamed() {
    AlignChoice fast = choice(60, 6);
    assertThat(fast.spec()).isEqualTo(OPEN.aligned("oprf"));
    assertThat(fast.why())
        .contains("2,000,000 rows", "6.0 s and 39.0 MB", "60.0 s and 176.0 MB")
        .contains("what reaches bank.example tells it who is in a cohort that is too small");
    AlignChoice slow = choice(5, 6);
    assertThat(slow.spec()).isEqualTo(OPEN.aligned("ecdh"));
    assertThat(slow.why()).doesNotContain("gate");
  }

  @Test
  void aListIsUsedUnaskedForAHundredthOfManyRows() {
    assertThat(AlignChoice.worthIt(1000, 100_000)).isFalse();
    assertThat(AlignChoice.worthIt(1000, 100_001)).isTrue();
    assertThat(AlignChoice.worthIt(10_001, 1_000_000)).isFalse();
    assertThat(AlignChoice.worthIt(60_000_000, 67_000_000)).isFalse();
  }

  /** As many multiplications by all parties as two have with 100,000 rows. */
  @Test
  void moreThanTwoPartiesHaveManyRowsEarlier() {
    assertThat(AlignChoice.fewRows(2)).isEqualTo(AlignChoice.FEW_ROWS);
    assertThat(AlignChoice.fewRows(3)).isEqualTo(44_444);
    assertThat(AlignChoice.fewRows(5)).isEqualTo(16_000);
    assertThat(AlignChoice.fewRows(10)).isEqualTo(4_000);
  }

  @Test
  void thePlanHasBothCosts() {
    JsonNode json = choice(60.004, 6).toJson();
    assertThat(json.path("protocol").asText()).isEqualTo("oprf");
    assertThat(json.at("/costs/ecdh/seconds").asDouble()).isEqualTo(60.0);
    assertThat(json.at("/costs/oprf/bytes").asLong()).isEqualTo(39_000_000);
  }
}
