package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.wire.Party;
import org.junit.jupiter.api.Test;

class ReceiptsTest {
  private static final Party A = new Party("a.example");
  private static final Party B = new Party("b.example");

  private static ObjectNode receipt(Party self, Party other, String cohort, String train) {
    ObjectNode receipt = Json.object().put("party", self.name()).put("spec", "91be");
    receipt.putObject("alignment").put("size", 300).put("digest", cohort);
    ObjectNode transcripts = receipt.putObject("transcripts");
    transcripts.putObject("align").put(other.name(), "aa");
    transcripts.putObject("train").put(other.name(), train);
    return receipt;
  }

  private static void compare(ObjectNode mine, ObjectNode theirs) {
    Receipts.requireAgreement(
        mine,
        Map.of(A, new Jobs.Receipt(mine, new byte[0]), B, new Jobs.Receipt(theirs, new byte[0])));
  }

  @Test
  void theSameConversationAgrees() {
    compare(receipt(A, B, "c0", "77"), receipt(B, A, "c0", "77"));
  }

  @Test
  void whoeverSawSomethingElseIsNamed() {
    ObjectNode mine = receipt(A, B, "c0", "77");
    assertThatThrownBy(() -> compare(mine, receipt(B, A, "c1", "77")))
        .hasMessageContaining("different cohort");
    assertThatThrownBy(() -> compare(mine, receipt(B, A, "c0", "78")))
        .hasMessageContaining("phase train")
        .isInstanceOfSatisfying(Problem.class, p -> assertThat(p.party()).contains(B));
    assertThatThrownBy(() -> compare(mine, receipt(B, A, "c0", "77").put("spec", "0000")))
        .hasMessageContaining("different job");
    ObjectNode silent = receipt(B, A, "c0", "77");
    silent.remove("transcripts");
    assertThatThrownBy(() -> compare(mine, silent)).hasMessageContaining("phase align");
  }

  @Test
  void whatIsSignedChangesWithEveryField() {
    ObjectNode receipt = receipt(A, B, "c0", "77");
    byte[] signed = Receipts.statement(receipt);
    assertThat(Receipts.statement(receipt.deepCopy())).isEqualTo(signed);
    assertThat(Receipts.statement(receipt.deepCopy().put("attempt", 2))).isNotEqualTo(signed);
  }
}
