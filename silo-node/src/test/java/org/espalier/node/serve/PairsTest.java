package org.espalier.node.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.TreeSet;
import org.espalier.node.config.Json;
import org.espalier.protocols.predict.OnlineLogits;
import org.espalier.wire.Party;
import org.espalier.wire.Session;
import org.junit.jupiter.api.Test;

/** Two feature parties have the same seed or know that they have not. */
class PairsTest {
  private static final Session SESSION = new Session("S-1", new byte[32], 1);
  private static final Party A = new Party("a.example");
  private static final Party B = new Party("b.example");

  private static Pairs at(Party self, Party other) {
    return new Pairs(SESSION, self, new TreeSet<>(List.of(other)));
  }

  private static void agree(Pairs asker, Pairs chooser) {
    // As text, because that is how it travels.
    JsonNode answer = Json.parse("answer", Json.write(chooser.answer(B, asker.question(A))));
    asker.answered(A, answer);
  }

  private static double sum(Pairs a, Pairs b) {
    byte[] binding = OnlineLogits.binding("r", 0, List.of(new byte[16]));
    return OnlineLogits.sum(
        0,
        List.of(
            OnlineLogits.masked(a.masks().zeroSum(), 1, 2, 0, binding),
            OnlineLogits.masked(b.masks().zeroSum(), 2, 2, 0, binding)));
  }

  @Test
  void masksCancelOnceASeedIsAgreed() {
    Pairs a = at(A, B);
    Pairs b = at(B, A);
    assertThat(a.choosers()).isEmpty();
    assertThat(b.choosers()).containsExactly(A);
    assertThatThrownBy(a::masks).hasMessageContaining("have not agreed on masks yet");
    agree(b, a);
    assertThat(a.masks().seeds().get("b.example")).isEqualTo(b.masks().seeds().get("a.example"));
    assertThat(sum(a, b)).isEqualTo(3);
    String before = a.masks().seeds().get("b.example");
    agree(b, a); // asks each second, and keeps what is agreed
    assertThat(a.masks().seeds().get("b.example")).isEqualTo(before);
  }

  @Test
  void aRestartOfEitherIsSeen() {
    Pairs a = at(A, B);
    Pairs b = at(B, A);
    agree(b, a);
    Pairs again = at(B, A);
    agree(again, a);
    assertThat(a.masks().seeds().get("b.example"))
        .isNotEqualTo(b.masks().seeds().get("a.example"))
        .isEqualTo(again.masks().seeds().get("a.example"));
    assertThat(sum(a, again)).isEqualTo(3);
    Pairs anew = at(A, B);
    agree(again, anew);
    assertThat(sum(anew, again)).isEqualTo(3);
    assertThat(sum(anew, b)).isNotEqualTo(3);
  }

  @Test
  void onlyTheLaterNameAsksAndNonsenseIsNoSeed() {
    Pairs a = at(A, B);
    Pairs b = at(B, A);
    assertThatThrownBy(() -> b.answer(A, Json.object())).hasMessageContaining("does not ask");
    assertThatThrownBy(() -> a.answer(new Party("c.example"), Json.object()))
        .hasMessageContaining("does not ask");
    for (String answer :
        List.of(
            "{}",
            "{\"id\": \"0123456789abcdef\"}",
            "{\"id\": \"0123456789abcdef\", \"seed\": \"short\"}",
            "{\"id\": \"x\", \"seed\": \"" + "A".repeat(43) + "=\"}")) {
      assertThatThrownBy(() -> b.answered(A, Json.parse("answer", answer)))
          .hasMessageContaining("sent no seed");
    }
  }
}
