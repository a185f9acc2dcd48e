package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.espalier.protocols.RecordedMessage;
import org.espalier.protocols.disclosure.Level;
import org.espalier.wire.Decoder;
import org.espalier.wire.Party;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What crosses the wire at level sealed, and what happens where a party deviates in form. */
class SealedWireTest {
  private static final Party BANK = TrainingRun.LABEL;
  private static final Party F1 = TrainingRun.featureParty(1);
  private static final Party F2 = TrainingRun.featureParty(2);
  private static final TrainingSpec TWO_PASSES =
      new TrainingSpec(Level.SEALED, 0.01, 2, 1e-6, false);

  private static String types(List<RecordedMessage> frames) {
    StringBuilder types = new StringBuilder();
    frames.forEach(frame -> types.append(frame.type()).append(' '));
    return types.toString();
  }

  /** The list of docs/protocols/sealed.md, message by message, with the sizes of all residues. */
  @Test
  void nothingCrossesTheWireButWhatTheSpecificationLists() {
    int rows = 1200;
    TestData data = TestData.synthetic(rows, 4, 3, 5, 4);
    MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
    TrainingRun run = TrainingRun.of(data, TWO_PASSES, network);
    assertThat(run.label().passes()).hasSize(2);
    // One stage of two passes: the first opens the spread, the last the spread and the loss.
    assertThat(types(RecordedMessage.all(network, BANK, F1)))
        .matches("90 90 80 (81 )+(82 )+83 80 (81 )+(82 )+83 92 93 83 (81 )+(82 )+83 92 93 83 ");
    assertThat(types(RecordedMessage.all(network, F1, BANK)))
        .matches(
            "90 90 (82 )+80 (81 )+(83 ){3}83 80 (81 )+(82 )+83 92 83 (81 )+(82 )+83 83 92 83 ");
    assertThat(types(RecordedMessage.all(network, BANK, F2)))
        .matches("90 90 80 (81 )+(83 83 93 ){2}83 ");
    assertThat(types(RecordedMessage.all(network, F2, BANK))).matches("90 90 (82 )+");
    assertThat(types(RecordedMessage.all(network, F1, F2))).matches("80 (81 )+(83 ){2}");
    assertThat(types(RecordedMessage.all(network, F2, F1))).isEqualTo("82 83 83 ");

    int bits =
        64 - Long.numberOfLeadingZeros((Long) run.label().parametersRun().get("plain_modulus"));
    int extended = rows + 3 + 5 + 4;
    assertThat(residues(network, BANK, F1, bits)).containsExactly(5, extended, 5, extended, 5);
    assertThat(residues(network, BANK, F2, bits)).containsExactly(4, extended, 4, extended, 4);
    // Its halves of the other party's gradients, then weights of the label party (an intercept and
    // the outcome's column beside three features), residuals, once the levelled logits, the end.
    assertThat(residues(network, F1, BANK, bits))
        .containsExactly(4, 4, 4, 5, extended, 5, extended, extended, 5);
    assertThat(residues(network, F1, F2, bits)).containsExactly(extended, extended);
    assertThat(residues(network, F2, F1, bits)).containsExactly(extended, extended);
  }

  /** How many residues each message carries, from its length. */
  private static List<Integer> residues(MemoryNetwork network, Party from, Party to, int bits) {
    List<Integer> counts = new ArrayList<>();
    for (RecordedMessage frame : RecordedMessage.all(network, from, to)) {
      if (frame.type() == 83) {
        ByteBuffer in = ByteBuffer.wrap(frame.payload());
        assertThat(in.getInt()).as("from").isZero();
        int count = in.getInt();
        assertThat(frame.payload()).hasSize(8 + Decoder.packedBytes(count, bits));
        counts.add(count);
      }
    }
    return counts;
  }

  @ParameterizedTest
  @CsvSource({
    "80, 30, is not below",
    "81, 8, is not a",
    "82, 8, is not a",
    "90, 3, slice",
    "93, 3, decided"
  })
  void whatDeviatesInFormIsRefusedByName(int type, int at, String reason) {
    TestData data = TestData.synthetic(600, 4, 3, 5);
    assertThatThrownBy(
            () ->
                TrainingRun.of(
                    data,
                    TWO_PASSES,
                    new MemoryNetwork(),
                    channel ->
                        new TamperingChannel(
                            channel,
                            type,
                            1,
                            bytes -> {
                              for (int i = at; i < Math.min(bytes.length, at + 600); i++) {
                                bytes[i] = (byte) (type == 93 ? 1 - bytes[i] : 0xff);
                              }
                              return bytes;
                            })))
        .isInstanceOf(WireException.ProtocolViolation.class)
        .hasMessageContaining(reason);
  }
}
