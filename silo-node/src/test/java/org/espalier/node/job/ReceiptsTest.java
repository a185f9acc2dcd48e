package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigInteger;
import java.util.Map;
import org.espalier.audit.verify.ReceiptContent;
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

  /** The verifier of this node's log would find conversations that no event names. */
  @Test
  void aConversationThatOnlyThePartnerNamesIsNoAgreement() {
    ObjectNode mine = receipt(A, B, "c0", "77");
    ObjectNode more = receipt(B, A, "c0", "77");
    more.withObject("/transcripts/zz").put(A.name(), "00");
    assertThatThrownBy(() -> compare(mine, more))
        .hasMessageContaining("conversation in phase zz")
        .isInstanceOfSatisfying(Problem.class, p -> assertThat(p.party()).contains(B));
    // What it said to others is not this party's business.
    ObjectNode others = receipt(B, A, "c0", "77");
    others.withObject("/transcripts/zz").put("c.example", "00");
    compare(mine, others);
  }

  private static ObjectNode whole() {
    ObjectNode receipt = Json.object().put("party", B.name()).put("spec", "91be");
    receipt.put("job", "J-1a2b3c4d").put("attempt", 1);
    receipt.putObject("transcripts").putObject("align").put(A.name(), "a".repeat(64));
    return receipt;
  }

  private static void refused(ObjectNode content, String text) {
    assertThatThrownBy(() -> Receipts.require(B, "J-1a2b3c4d", 1, content))
        .isInstanceOf(Problem.class)
        .hasMessageContaining(text);
  }

  /** None of these would be found before an auditor verifies an export. */
  @Test
  void whatAVerifierWouldNotReadIsNotTakenUp() {
    assertThat(Receipts.require(B, "J-1a2b3c4d", 1, whole())).isEqualTo(whole());
    refused(whole().put("attempt", 4294967297L), "names no attempt");
    refused(whole().put("attempt", 2), "not for the running attempt");
    refused(whole().put("job", "J-00000002"), "for another job");
    refused(whole().put("party", A.name()), "not signed by b.example");
    refused(whole().put("padding", "x"), "has a field of no meaning");
    refused(whole().put("padding", new BigInteger("9".repeat(101))), "has a field of no meaning");
    ObjectNode deep = whole();
    JsonNode nested = Json.object();
    for (int i = 0; i < 17; i++) {
      nested = Json.object().set("n", nested);
    }
    deep.withObject("/transcripts/align").set(A.name(), nested);
    refused(deep, "no hash of a conversation");
  }

  @Test
  void theLongestIsTakenUpAndTheNextIsNot() {
    ObjectNode content = whole();
    ObjectNode phase = content.withObject("/transcripts/align");
    // Each takes 8 + 64 characters and 6 for quotes, colon and comma.
    int length = Json.canonical(content).length;
    for (; length + 78 + 71 <= ReceiptContent.MAX_BYTES; length += 78) {
      phase.put("p%07d".formatted(phase.size()), "b".repeat(64));
    }
    int rest = ReceiptContent.MAX_BYTES - length - 70;
    if (rest > 63) {
      phase.put("p", "b".repeat(64));
      rest -= 71;
    }
    ObjectNode next = content.deepCopy();
    phase.put("q".repeat(rest), "b".repeat(64));
    assertThat(Json.canonical(content)).hasSize(ReceiptContent.MAX_BYTES);
    Receipts.require(B, "J-1a2b3c4d", 1, content);
    ((ObjectNode) next.at("/transcripts/align")).put("q".repeat(rest + 1), "b".repeat(64));
    refused(next, "is longer than");
  }
}
