package org.espalier.protocols.disclosure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.espalier.wire.Party;
import org.junit.jupiter.api.Test;

class DisclosureTest {
  private static final Party BANK = new Party("bank");
  private static final Party CLINIC = new Party("clinic");
  private static final Party INSURER = new Party("insurer");

  private static Disclosure.Facts facts(Map<Party, Integer> columns, boolean span) {
    return facts(columns, span, 0);
  }

  private static Disclosure.Facts facts(Map<Party, Integer> columns, boolean span, int earlier) {
    return new Disclosure.Facts(BANK, columns, 15, 100_000, span, earlier, false);
  }

  @Test
  void passesStopAtAQuarterOfTheColumnsUnlessAccepted() {
    assertThat(Disclosure.passLimit(60, 15, false, 0)).isEqualTo(15);
    assertThat(Disclosure.passLimit(59, 15, false, 0)).isEqualTo(14);
    assertThat(Disclosure.passLimit(3, 15, false, 0)).isZero();
    assertThat(Disclosure.passLimit(3, 15, true, 0)).isEqualTo(15);
    assertThat(Disclosure.passLimit(80, 15, false, 4)).isEqualTo(15);
    assertThat(Disclosure.passLimit(80, 15, false, 18)).isEqualTo(2);
    assertThat(Disclosure.passLimit(80, 15, false, 21)).isZero();
    assertThat(Disclosure.passLimit(80, 15, true, 21)).isEqualTo(15);
  }

  @Test
  void aJobThatMayNotMakeOnePassIsRefusedWithWhatWouldHelp() {
    assertThatThrownBy(
            () -> Disclosure.require(Level.GRADIENTS, facts(Map.of(CLINIC, 2, INSURER, 1), false)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("they have 3")
        .hasMessageContaining("accept: [span]");
    assertThatThrownBy(
            () ->
                Disclosure.require(Level.GRADIENTS, facts(Map.of(CLINIC, 2, INSURER, 6), false, 2)))
        .isInstanceOf(NoPassLeft.class)
        .hasMessageContaining("have 8, and 2 passes were used by earlier attempts and jobs");
    assertThatCode(
            () -> Disclosure.require(Level.GRADIENTS, facts(Map.of(CLINIC, 2, INSURER, 2), false)))
        .doesNotThrowAnyException();
    assertThatCode(
            () -> Disclosure.require(Level.GRADIENTS, facts(Map.of(CLINIC, -1, INSURER, 1), false)))
        .doesNotThrowAnyException();
  }

  @Test
  void everyPartyIsToldWhatItLearnsWithTheFiguresOfTheJob() {
    List<Disclosure.Statement> statements =
        Disclosure.statements(Level.GRADIENTS, facts(Map.of(CLINIC, 12, INSURER, 40), false));
    assertThat(statements.stream().map(Disclosure.Statement::learner))
        .contains(BANK, CLINIC, INSURER, null);
    String text = statements.toString();
    assertThat(text)
        .contains("at most 15 passes", "±2^-8", "after 52 passes", "a quarter of that, 13 passes")
        .contains("12 numbers", "40 numbers");
    assertThat(
            Disclosure.statements(Level.GRADIENTS, facts(Map.of(CLINIC, 12, INSURER, 40), true))
                .toString())
        .contains("ACCEPTS", ": 0 were used before this one");
    assertThat(
            Disclosure.statements(Level.GRADIENTS, facts(Map.of(CLINIC, -1), false, -1)).toString())
        .contains("add up and are counted")
        .doesNotContain("were used");
  }

  @Test
  void standardErrorsAreToldToTheirOwners() {
    List<Disclosure.Statement> statements =
        Disclosure.inference(facts(Map.of(CLINIC, 12, INSURER, 40), false));
    assertThat(statements.stream().map(Disclosure.Statement::learner))
        .containsExactlyInAnyOrder(BANK, CLINIC, INSURER);
    assertThat(statements.toString())
        .contains("12 numbers that depend", "40 numbers that depend", "in a basis that only that")
        .doesNotContain("largest curvature");
  }

  @Test
  void tenRowsAColumnAreNeeded() {
    assertThatCode(() -> Disclosure.requireRows(1000, 100)).doesNotThrowAnyException();
    assertThatThrownBy(() -> Disclosure.requireRows(1009, 101))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("101 prepared columns for 1,009");
  }

  @Test
  void noiseIsNeverOff() {
    for (int rows : new int[] {2, 100, 569, 32_561, 1_000_000, 1 << 28}) {
      for (int parties : new int[] {1, 4, 31}) {
        assertThat(Disclosure.noiseBits(rows, parties)).isBetween(6, 12);
      }
    }
    assertThat(Disclosure.noiseBits(1_000_000, 1)).isEqualTo(6);
    assertThat(Disclosure.noiseBits(569, 1)).isEqualTo(11);
  }

  @Test
  void unknownLevelsAreRefused() {
    assertThat(Level.parse("gradients")).isEqualTo(Level.GRADIENTS);
    assertThatThrownBy(() -> Level.parse("none")).hasMessageContaining("'none'");
  }
}
