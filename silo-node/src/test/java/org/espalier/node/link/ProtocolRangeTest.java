package org.espalier.node.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.OptionalInt;
import org.espalier.wire.Party;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Nodes of different ages: served in what both speak, or refused with a sentence. */
class ProtocolRangeTest {
  private static final Party BANK = new Party("bank.example");
  private static final Party CLINIC = new Party("clinic.example");

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "1-1, 1-1, 1",
    "1-3, 2-5, 3",
    "2-5, 1-3, 3",
    "1-9, 4-4, 4",
    "1-2, 3-4, 0",
    "7-9, 1-6, 0"
  })
  void theNewestThatBothSpeakIsTaken(String one, String other, int agreed) {
    ProtocolRange range = ProtocolRange.parse(one);
    assertThat(range.common(ProtocolRange.parse(other)))
        .isEqualTo(agreed == 0 ? OptionalInt.empty() : OptionalInt.of(agreed));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "1", "0-1", "2-1", "1-1000", "1-2-3", "-1-2", "1-2\r\nX: y", "1-2 "})
  void whatIsNoRangeIsRefused(String text) {
    assertThatThrownBy(() -> ProtocolRange.parse(text))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void theOlderNodeIsTheOneToUpgrade() {
    ProtocolRange old = new ProtocolRange(1, 2);
    ProtocolRange young = new ProtocolRange(3, 4);
    assertThat(old.apart(BANK, CLINIC, young)).endsWith("upgrade the node of bank.example");
    assertThat(young.apart(BANK, CLINIC, old))
        .isEqualTo(
            "bank.example speaks protocol 3-4 and clinic.example speaks 1-2: upgrade the node of"
                + " clinic.example");
  }

  @Test
  void anOlderNodeIsServedOrRefusedWithTheSameSentenceAtBothSides() {
    try (TestNode now = node("bank.example", 2, 4);
        TestNode older = node("clinic.example", 1, 3);
        TestNode tooOld = node("old.example", 1, 1)) {
      now.partnerWith(older);
      now.partnerWith(tooOld);
      now.awaitLink(older);
      older.awaitLink(now);
      assertThat(now.links.status(older.party).protocol()).hasValue(3);
      assertThat(older.links.status(now.party).protocol()).hasValue(3);
      String sentence = "upgrade the node of old.example";
      TestNode.await("the newer side says why", () -> problem(now, tooOld).contains(sentence));
      TestNode.await("the older side says why", () -> problem(tooOld, now).contains(sentence));
      assertThat(now.connected(tooOld)).isFalse();
      assertThat(tooOld.connected(now)).isFalse();
    }
  }

  private TestNode node(String name, int oldest, int newest) {
    return TestNode.listening(
        folder, name, TestNode.quick().withProtocols(new ProtocolRange(oldest, newest)));
  }

  private static String problem(TestNode node, TestNode partner) {
    return node.links.status(partner.party).problem().orElse("");
  }
}
